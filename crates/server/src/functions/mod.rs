//! The functions that rotate secrets: Lambda's, as this server has them.

mod host;
mod inside;
mod native;

use std::sync::Arc;

use serde_json::Value;
use strongroom_core::functions::Invoked;
use strongroom_core::secrets::model::Secret;
use strongroom_core::secrets::rotation::functions::{Asking, RotationCall, RotationFunctions, StepEnd};
use strongroom_core::{Ctx, Error, Functions};
use strongroom_types::SecretBytes;

use crate::gate::fault_text;

pub use self::host::{LAUNCHER, ServerHost};

/// Functions as rotation asks for them.
pub struct Rotators(pub Arc<Functions>);

impl RotationFunctions for Rotators {
    /// The caller needs leave to invoke the function too, as the service's documentation of RotateSecret says.
    fn check<'a>(&'a self, cx: &'a Ctx, function_arn: &'a str, secret: &'a Secret) -> Asking<'a, Result<(), Error>> {
        Box::pin(async move { self.0.check_for_rotation(cx, function_arn, &secret.arn(), &secret.account).await })
    }

    fn invoke<'a>(&'a self, call: RotationCall<'a>) -> Asking<'a, StepEnd> {
        Box::pin(async move {
            let RotationCall { function_arn, secret, payload, now } = call;
            match self.0.invoke_as_service(function_arn, &secret.arn(), payload, now).await {
                Ok(invoked) => ended(&invoked),
                Err(failure) => StepEnd { outcome: Err(fault_text(&failure)), log_tail: None },
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
