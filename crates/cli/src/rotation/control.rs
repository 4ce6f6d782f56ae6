//! `strongroom rotation retry`, `abandon` and `roll-back`: what an operator does about a rotation, through the public API.

use std::error::Error;

use clap::Args;
use serde_json::{Value, json};
use strongroom_client::CallError;

use super::session::{ServerArgs, Service, Session, block_on, fresh_token};
use crate::output::out;

/// Flags of `strongroom rotation retry`, `abandon` and `roll-back`.
#[derive(Args)]
pub struct ControlArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// The secret: its name or ARN.
    secret: String,
}

impl ControlArgs {
    fn session(&self) -> Result<Session, Box<dyn Error>> {
        Session::open(&self.server, &self.secret, &[Service::SecretsManager])
    }
}

/// What of DescribeSecret matters here.
pub struct Described(Value);

impl Described {
    /// Asks for it.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn of(session: &Session, secret: &str) -> Result<Self, CallError> {
        Ok(Self(session.secrets("DescribeSecret", &json!({"SecretId": secret})).await?))
    }

    /// A member that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// A member.
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Whether rotation is switched on.
    pub fn rotates(&self) -> bool {
        self.member("RotationEnabled").and_then(Value::as_bool).unwrap_or(false)
    }

    /// The version that a label is on.
    pub fn version_with(&self, label: &str) -> Option<&str> {
        let versions = self.member("VersionIdsToStages")?.as_object()?;
        let has = |stages: &Value| stages.as_array().is_some_and(|stages| stages.iter().any(|stage| stage == label));
        versions.iter().find(|(_, stages)| has(stages)).map(|(version, _)| version.as_str())
    }

    /// The version of a rotation that is not complete: AWSPENDING is on it and AWSCURRENT is not.
    pub fn incomplete(&self) -> Option<&str> {
        let pending = self.version_with("AWSPENDING")?;
        (self.version_with("AWSCURRENT") != Some(pending)).then_some(pending)
    }
}

/// Has a rotation tried at once.
///
/// # Errors
/// When the server cannot be reached or refuses, or rotation is switched off in the midst of a rotation.
pub fn retry(args: &ControlArgs) -> Result<(), Box<dyn Error>> {
    let (session, secret) = (args.session()?, &args.secret);
    block_on(async {
        let before = Described::of(&session, secret).await?;
        if let Some(pending) = before.incomplete().filter(|_| !before.rotates()) {
            return Err(format!(
                "the rotation of {secret} is switched off, and version {pending} of an earlier one still has AWSPENDING: \
                 nothing would be tried again. Run `strongroom rotation abandon`, then set the rotation up again"
            )
            .into());
        }
        let input = json!({"SecretId": secret, "ClientRequestToken": fresh_token()?});
        match session.secrets("RotateSecret", &input).await {
            Ok(answer) => {
                let version = answer.get("VersionId").and_then(Value::as_str).unwrap_or_default();
                out!("{secret}: no rotation was incomplete, so a new one has begun; its version is {version}.");
            }
            // The service's way to say that it tries again what it has begun before.
            Err(CallError::Service(refused)) if refused.message.contains("will be reattempted") => {
                let version = before.incomplete().unwrap_or("that is pending");
                out!(
                    "{secret}: a rotation was not complete. The server tries it again now, from its first step, with the \
                     same version {version}."
                );
                out!(
                    "If it is under way at this moment it goes on. If AWSPENDING was put there by hand, nothing is tried: \
                     run `strongroom rotation abandon`."
                );
            }
            Err(error) => return Err(error.into()),
        }
        out!("How it goes: {}", args.server.history_command(secret));
        Ok(())
    })
}

/// Takes AWSPENDING off the version that has it.
///
/// # Errors
/// When the server cannot be reached or refuses.
pub fn abandon(args: &ControlArgs) -> Result<(), Box<dyn Error>> {
    let (session, secret) = (args.session()?, &args.secret);
    block_on(async {
        let before = Described::of(&session, secret).await?;
        let Some(pending) = before.version_with("AWSPENDING") else {
            out!("{secret}: no rotation is incomplete, there is nothing to abandon.");
            return Ok(());
        };
        let input = json!({"SecretId": secret, "VersionStage": "AWSPENDING", "RemoveFromVersionId": pending});
        session.secrets("UpdateSecretVersionStage", &input).await?;
        out!("{secret}: AWSPENDING is off version {pending}; its rotation is abandoned.");
        if before.incomplete().is_some() {
            out!(
                "Readers get the version that was current before. If the new password had reached the database already, \
                 it is in version {pending}, which is kept for a while though no label is on it."
            );
        }
        Ok(())
    })
}

/// Puts AWSCURRENT on the version with AWSPREVIOUS.
///
/// # Errors
/// When there is no such version, or the server cannot be reached or refuses.
pub fn roll_back(args: &ControlArgs) -> Result<(), Box<dyn Error>> {
    let (session, secret) = (args.session()?, &args.secret);
    block_on(async {
        let before = Described::of(&session, secret).await?;
        let label = |label: &str| before.version_with(label).map(str::to_owned);
        let none = || format!("{secret} has no previous version to go back to: none has the label AWSPREVIOUS");
        let previous = label("AWSPREVIOUS").ok_or_else(none)?;
        let mut input = json!({"SecretId": secret, "VersionStage": "AWSCURRENT", "MoveToVersionId": previous});
        if let (Some(current), Some(members)) = (label("AWSCURRENT"), input.as_object_mut()) {
            members.insert("RemoveFromVersionId".to_owned(), current.into());
        }
        session.secrets("UpdateSecretVersionStage", &input).await?;
        out!("{secret}: AWSCURRENT is on version {previous} again, the one that was previous.");
        out!(
            "This changes what readers of the secret get. The password in the database was not changed: if the last \
             rotation has set a new one for the same user, the value that is current now does not log in until that \
             password is set back in the database."
        );
        if before.rotates() {
            out!("The next rotation comes as the schedule says.");
        }
        Ok(())
    })
}
