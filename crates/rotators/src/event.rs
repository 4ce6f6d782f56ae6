//! What Secrets Manager sends a rotation function: the step, the secret and the version under way.

use std::fmt;

use serde::Deserialize;

use crate::Failure;

/// A step of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Makes the new value and puts it under AWSPENDING.
    Create,
    /// Sets it in the database.
    Set,
    /// Tries it.
    Test,
    /// Makes it AWSCURRENT.
    Finish,
}

impl Step {
    /// All steps, in the order in which they run.
    pub const ALL: [Self; 4] = [Self::Create, Self::Set, Self::Test, Self::Finish];

    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "createSecret",
            Self::Set => "setSecret",
            Self::Test => "testSecret",
            Self::Finish => "finishSecret",
        }
    }

    /// The step of a name on the wire.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.name() == name)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What to do.
    pub step: Step,
    /// The secret's ARN, as it was sent.
    pub secret_id: String,
    /// The id of the version under way.
    pub token: String,
    /// What PutSecretValue of this rotation must carry, when it was sent.
    pub rotation_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Payload {
    step: Option<String>,
    secret_id: Option<String>,
    client_request_token: Option<String>,
    rotation_token: Option<String>,
}

impl Event {
    /// Reads an invocation's payload, in JSON.
    ///
    /// # Errors
    /// A `ValueError` when it is not JSON of this shape or names an unknown step, a `KeyError` when a member is absent.
    pub fn parse(payload: &[u8]) -> Result<Self, Failure> {
        let payload: Payload = serde_json::from_slice(payload)
            .map_err(|_| Failure::value("The event is not a rotation event of Secrets Manager"))?;
        let member = |name: &str, value: Option<String>| value.ok_or_else(|| Failure::key(format!("'{name}'")));
        let secret_id = member("SecretId", payload.secret_id)?;
        let token = member("ClientRequestToken", payload.client_request_token)?;
        let step = member("Step", payload.step)?;
        let step = Step::named(&step)
            .ok_or_else(|| Failure::value(format!("lambda_handler: Invalid step parameter {step} for secret {secret_id}")))?;
        Ok(Self { step, secret_id, token, rotation_token: payload.rotation_token })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_read_with_and_without_its_newest_member() {
        let event = Event::parse(
            br#"{"Step":"setSecret","SecretId":"arn","ClientRequestToken":"t","RotationToken":"r","Later":1}"#,
        )
        .expect("event");
        assert_eq!((event.step, event.rotation_token.as_deref()), (Step::Set, Some("r")));
        let event = Event::parse(br#"{"Step":"createSecret","SecretId":"arn","ClientRequestToken":"t"}"#).expect("event");
        assert_eq!((event.step, event.rotation_token), (Step::Create, None));
    }

    #[test]
    fn what_is_no_event_is_refused() {
        let kind = |payload: &str| Event::parse(payload.as_bytes()).expect_err("refused").kind;
        assert_eq!(kind("[]"), "ValueError");
        assert_eq!(kind(r#"{"Step":"createSecret","SecretId":"arn"}"#), "KeyError");
        let failure = Event::parse(br#"{"Step":"x","SecretId":"arn","ClientRequestToken":"t"}"#).expect_err("refused");
        assert_eq!(failure, Failure::value("lambda_handler: Invalid step parameter x for secret arn"));
    }
}
