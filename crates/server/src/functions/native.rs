//! Functions that are built in: a rotator of a known package, which asks Secrets Manager with the execution role's rights.

use std::collections::BTreeMap;

use serde_json::json;
use strongroom_core::functions::{Invocation, Invoked, RoleCredentials};
use strongroom_rotators::{Described, Event, Failure, Fut, Log, Package, PasswordSettings, Secrets, Settings};
use strongroom_types::{SecretBytes, SecretText};
use strongroom_wire::Shape;
use strongroom_wire::secretsmanager::{
    DescribeSecretRequest, DescribeSecretResponse, GetRandomPasswordRequest, GetRandomPasswordResponse,
    GetSecretValueRequest, GetSecretValueResponse, Operation, PutSecretValueRequest, PutSecretValueResponse,
    UpdateSecretVersionStageRequest, UpdateSecretVersionStageResponse,
};

use super::inside::{Inside, Refused};

/// Bytes of a log's end that are kept, as Lambda keeps them.
const LOG_TAIL_BYTES: usize = 4096;
/// What an error is called that has no value to be found.
const NOT_FOUND: &str = "ResourceNotFoundException";
/// What a function's error is called that it did not raise as one of its own.
const UNHANDLED: &str = "Unhandled";

/// Runs a step.
pub async fn invoke(package: &Package, invocation: &Invocation, inside: &Inside, settings: &Settings) -> Invoked {
    let role = Role { inside, credentials: &invocation.credentials };
    let variables = invocation.configuration.environment.iter();
    let environment: BTreeMap<String, String> =
        variables.map(|variable| (variable.name.clone(), variable.value.expose().to_owned())).collect();
    let mut log = Log::new();
    let done = match Event::parse(invocation.payload.expose()) {
        Ok(event) => strongroom_rotators::run(package, &event, &environment, settings, &role, &mut log).await,
        Err(failure) => Err(failure),
    };
    let log_tail = Some(tail(&log, &invocation.request_id));
    match done {
        Ok(()) => Invoked { payload: SecretBytes::new(b"null".to_vec()), function_error: None, log_tail },
        Err(failure) => {
            let error = json!({
                "errorMessage": failure.message,
                "errorType": failure.kind,
                "requestId": invocation.request_id,
                "stackTrace": [],
            });
            let payload = SecretBytes::new(error.to_string().into_bytes());
            Invoked { payload, function_error: Some(UNHANDLED.to_owned()), log_tail }
        }
    }
}

/// The end of a log, in whole lines, as Lambda frames it.
fn tail(log: &Log, request_id: &str) -> SecretBytes {
    let mut text = format!("START RequestId: {request_id} Version: $LATEST\n");
    for line in log.lines() {
        text.push_str(line);
        text.push('\n');
    }
    text.push_str(&format!("END RequestId: {request_id}\n"));
    let from = text.floor_char_boundary(text.len().saturating_sub(LOG_TAIL_BYTES));
    SecretBytes::new(text.get(from..).unwrap_or_default().as_bytes().to_vec())
}

/// Secrets Manager with a role's rights.
struct Role<'a> {
    inside: &'a Inside,
    credentials: &'a RoleCredentials,
}

impl Role<'_> {
    async fn ask<I: Shape, O: Shape>(&self, operation: Operation, input: &I) -> Result<O, Failure> {
        self.inside.call(self.credentials, operation, input).await.map_err(|refused| failure(operation, &refused))
    }
}

/// A refusal in the words of AWS's SDKs.
fn failure(operation: Operation, refused: &Refused) -> Failure {
    let text = format!(
        "An error occurred ({}) when calling the {} operation: {}",
        refused.code,
        operation.name(),
        refused.message
    );
    Failure::new(refused.code.clone(), text)
}

impl Secrets for Role<'_> {
    fn describe<'a>(&'a self, secret_id: &'a str) -> Fut<'a, Result<Described, Failure>> {
        Box::pin(async move {
            let input = DescribeSecretRequest { secret_id: secret_id.to_owned() };
            let described: DescribeSecretResponse = self.ask(Operation::DescribeSecret, &input).await?;
            Ok(Described {
                arn: described.arn.unwrap_or_default(),
                rotation_enabled: described.rotation_enabled,
                version_ids_to_stages: described.version_ids_to_stages.unwrap_or_default(),
            })
        })
    }

    fn value<'a>(
        &'a self,
        secret_id: &'a str,
        version_id: Option<&'a str>,
        stage: Option<&'a str>,
    ) -> Fut<'a, Result<Option<SecretText>, Failure>> {
        Box::pin(async move {
            let input = GetSecretValueRequest {
                secret_id: secret_id.to_owned(),
                version_id: version_id.map(str::to_owned),
                version_stage: stage.map(str::to_owned),
            };
            match self.ask::<_, GetSecretValueResponse>(Operation::GetSecretValue, &input).await {
                Ok(got) => Ok(got.secret_string),
                Err(failure) if failure.kind == NOT_FOUND => Ok(None),
                Err(failure) => Err(failure),
            }
        })
    }

    fn put_pending<'a>(
        &'a self,
        secret_id: &'a str,
        token: &'a str,
        rotation_token: Option<&'a str>,
        value: SecretText,
    ) -> Fut<'a, Result<(), Failure>> {
        Box::pin(async move {
            let input = PutSecretValueRequest {
                secret_id: secret_id.to_owned(),
                client_request_token: Some(token.to_owned()),
                secret_string: Some(value),
                version_stages: Some(vec!["AWSPENDING".to_owned()]),
                rotation_token: rotation_token.map(|token| SecretText::new(token.to_owned())),
                ..PutSecretValueRequest::default()
            };
            self.ask::<_, PutSecretValueResponse>(Operation::PutSecretValue, &input).await.map(drop)
        })
    }

    fn move_current<'a>(
        &'a self,
        secret_id: &'a str,
        to: &'a str,
        from: Option<&'a str>,
    ) -> Fut<'a, Result<(), Failure>> {
        Box::pin(async move {
            let input = UpdateSecretVersionStageRequest {
                secret_id: secret_id.to_owned(),
                version_stage: "AWSCURRENT".to_owned(),
                move_to_version_id: Some(to.to_owned()),
                remove_from_version_id: from.map(str::to_owned),
            };
            let operation = Operation::UpdateSecretVersionStage;
            self.ask::<_, UpdateSecretVersionStageResponse>(operation, &input).await.map(drop)
        })
    }

    fn random_password<'a>(&'a self, settings: &'a PasswordSettings) -> Fut<'a, Result<SecretText, Failure>> {
        Box::pin(async move {
            let input = GetRandomPasswordRequest {
                password_length: i64::try_from(settings.length).ok(),
                exclude_characters: Some(settings.exclude_characters.clone()),
                exclude_numbers: Some(settings.exclude_numbers),
                exclude_punctuation: Some(settings.exclude_punctuation),
                exclude_uppercase: Some(settings.exclude_uppercase),
                exclude_lowercase: Some(settings.exclude_lowercase),
                require_each_included_type: Some(settings.require_each_included_type),
                ..GetRandomPasswordRequest::default()
            };
            let made: GetRandomPasswordResponse = self.ask(Operation::GetRandomPassword, &input).await?;
            made.random_password.ok_or_else(|| Failure::new("RuntimeError", "GetRandomPassword answered no password"))
        })
    }
}
