//! Secrets Manager as a rotator inside this process sees it: with the rights of a role, or as the service that owns the
//! secret, through the gate.

use strongroom_core::functions::RoleCredentials;
use strongroom_core::{Databases, Error};
use strongroom_rotators::{Described, Failure, Fut, PasswordSettings, Secrets};
use strongroom_types::{AccountId, SecretText};
use strongroom_wire::Shape;
use strongroom_wire::secretsmanager::{
    DescribeSecretRequest, DescribeSecretResponse, GetRandomPasswordRequest, GetRandomPasswordResponse,
    GetSecretValueRequest, GetSecretValueResponse, Operation, PutSecretValueRequest, PutSecretValueResponse,
    UpdateSecretVersionStageRequest, UpdateSecretVersionStageResponse,
};

use super::inside::{Inside, Refused, Rights};
use super::owners::connection;
use crate::gate::fault_text;

/// What an error is called that has no value to be found.
const NOT_FOUND: &str = "ResourceNotFoundException";

/// Secrets Manager with somebody's rights.
pub struct Role<'a> {
    inside: &'a Inside,
    rights: Rights<'a>,
    /// What the values of secrets that services own are completed by.
    databases: Option<&'a Databases>,
}

impl<'a> Role<'a> {
    /// Secrets Manager with the rights of the session that `credentials` are of.
    pub const fn new(inside: &'a Inside, credentials: &'a RoleCredentials) -> Self {
        Self { inside, rights: Rights::Session(credentials), databases: None }
    }

    /// Secrets Manager as a service that owns secrets of an account asks it.
    pub const fn of_service(inside: &'a Inside, principal: &'static str, account: AccountId) -> Self {
        Self { inside, rights: Rights::Service { principal, account }, databases: None }
    }

    /// The same, with how their databases are reached in the values of secrets that services own, which hold name and
    /// password alone: so says whoever registered the database, and nobody else.
    pub fn completed_by(self, databases: &'a Databases) -> Self {
        Self { databases: Some(databases), ..self }
    }

    async fn completed(&self, secret_id: &str, value: SecretText) -> Result<SecretText, Failure> {
        let Some(databases) = self.databases else { return Ok(value) };
        let fault = |error: Error| Failure::new("InternalServiceError", fault_text(&error));
        let database = databases.of_arn(secret_id).await.map_err(fault)?;
        Ok(match database {
            Some(database) => connection(&database).complete(value),
            None => value,
        })
    }

    async fn ask<I: Shape, O: Shape>(&self, operation: Operation, input: &I) -> Result<O, Failure> {
        self.inside.call(&self.rights, operation, input).await.map_err(|refused| failure(operation, &refused))
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
                kind: described.r#type,
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
                Ok(GetSecretValueResponse { secret_string: Some(value), .. }) => {
                    self.completed(secret_id, value).await.map(Some)
                }
                Ok(_) => Ok(None),
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
