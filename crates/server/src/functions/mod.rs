//! The functions that rotate secrets: Lambda's, as this server has them.

pub mod elsewhere;
mod host;
pub(crate) mod inside;
mod native;
mod owners;
mod partners;
mod role;

use std::sync::Arc;

use serde_json::Value;
use strongroom_core::functions::Invoked;
use strongroom_core::secrets::model::Secret;
use strongroom_core::secrets::rotation::rotator::{Asking, RotationCall, Rotator, StepEnd};
use strongroom_core::secrets::rotation::{External, RotatedBy};
use strongroom_core::{Ctx, Error, Functions};
use strongroom_types::{SecretBytes, SecretText};

use crate::gate::fault_text;

pub use self::host::{LAUNCHER, ServerHost};
pub use self::owners::Owners;
pub use self::partners::Partners;

/// Those who rotate secrets, as rotation asks for them.
pub struct Rotators {
    functions: Arc<Functions>,
    host: Arc<ServerHost>,
    partners: Partners,
    owners: Owners,
}

impl Rotators {
    /// Functions that `host` runs, partners, and services that own secrets.
    #[must_use]
    pub const fn new(functions: Arc<Functions>, host: Arc<ServerHost>, partners: Partners, owners: Owners) -> Self {
        Self { functions, host, partners, owners }
    }

    async fn check_partner(&self, cx: &Ctx, external: &External, secret: &Secret) -> Result<(), Error> {
        Partners::check(secret.kind.as_deref().unwrap_or_default(), external)?;
        self.functions.check_rotation_role(cx, &external.role_arn, &secret.arn(), &secret.account).await
    }

    async fn ask_partner(&self, external: &External, call: &RotationCall<'_>) -> Result<(), String> {
        let RotationCall { secret, payload, now, .. } = call;
        let arn = secret.arn();
        let role = self.functions.rotation_role(&external.role_arn, &arn, &secret.account, *now);
        let credentials = role.await.map_err(|failure| fault_text(&failure))?;
        let kind = secret.kind.as_deref().unwrap_or_default();
        let inside = self.host.inside();
        self.partners.rotate(payload.expose(), kind, external, inside, &credentials, *now).await
    }
}

impl Rotator for Rotators {
    fn check<'a>(&'a self, cx: &'a Ctx, by: &'a RotatedBy, secret: &'a Secret) -> Asking<'a, Result<(), Error>> {
        Box::pin(async move {
            match by {
                // The caller needs leave to invoke the function too, as the service's documentation says.
                RotatedBy::Function(function) => {
                    self.functions.check_for_rotation(cx, function, &secret.arn(), &secret.account).await
                }
                RotatedBy::Partner(external) => self.check_partner(cx, external, secret).await,
                // Nobody's leave is needed but that to rotate.
                RotatedBy::Owner(_) => Ok(()),
            }
        })
    }

    fn check_kind(&self, kind: &str, value: Option<&SecretText>) -> Result<(), String> {
        Partners::check_kind(kind, value)
    }

    fn carry_out<'a>(&'a self, call: RotationCall<'a>) -> Asking<'a, StepEnd> {
        Box::pin(async move {
            match call.by {
                RotatedBy::Function(arn) => {
                    let RotationCall { secret, payload, now, .. } = call;
                    match self.functions.invoke_as_service(arn, &secret.arn(), payload, now).await {
                        Ok(invoked) => ended(&invoked),
                        Err(failure) => StepEnd { outcome: Err(fault_text(&failure)), log_tail: None },
                    }
                }
                RotatedBy::Partner(external) => {
                    StepEnd { outcome: self.ask_partner(external, &call).await, log_tail: None }
                }
                RotatedBy::Owner(owner) => self.owners.rotate(owner, &call, &self.host).await,
            }
        })
    }
}

/// How a step ended whose function was run.
fn ended(invoked: &Invoked) -> StepEnd {
    let outcome = match &invoked.function_error {
        None => Ok(()),
        Some(kind) => Err(told(kind, &invoked.payload)),
    };
    let log_tail = invoked.log_tail.as_ref().map(|log| String::from_utf8_lossy(log.expose()).into_owned());
    StepEnd { outcome, log_tail }
}

/// What a function says of its failure.
fn told(kind: &str, payload: &SecretBytes) -> String {
    let error: Value = serde_json::from_slice(payload.expose()).unwrap_or_default();
    let text = |name: &str| error.get(name).and_then(Value::as_str);
    match (text("errorType"), text("errorMessage")) {
        (Some(of), Some(message)) => format!("{of}: {message}"),
        (None, Some(message)) => message.to_owned(),
        _ => kind.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_function_is_told_in_its_own_words() {
        let failed = |payload: &str| {
            ended(&Invoked {
                payload: SecretBytes::new(payload.as_bytes().to_vec()),
                function_error: Some("Unhandled".to_owned()),
                log_tail: Some(SecretBytes::new(b"END".to_vec())),
            })
        };
        let end = failed(r#"{"errorType": "ValueError", "errorMessage": "no such user"}"#);
        assert_eq!(end.outcome, Err("ValueError: no such user".to_owned()));
        assert_eq!(end.log_tail.as_deref(), Some("END"));
        assert_eq!(failed("null").outcome, Err("Unhandled".to_owned()));
        assert_eq!(ended(&Invoked::default()), StepEnd { outcome: Ok(()), log_tail: None });
    }
}
