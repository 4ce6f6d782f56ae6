//! Functions that are built in: a rotator of a known package, which asks Secrets Manager with the execution role's rights.

use std::collections::BTreeMap;

use serde_json::json;
use strongroom_core::Databases;
use strongroom_core::functions::{Invocation, Invoked};
use strongroom_rotators::{Event, Log, Package, Settings};
use strongroom_types::SecretBytes;

use super::inside::Inside;
use super::role::Role;

/// Bytes of a log's end that are kept, as Lambda keeps them.
const LOG_TAIL_BYTES: usize = 4096;
/// What a function's error is called that it did not raise as one of its own.
const UNHANDLED: &str = "Unhandled";

/// Runs a step.
pub async fn invoke(
    package: &Package,
    invocation: &Invocation,
    inside: &Inside,
    settings: &Settings,
    databases: &Databases,
) -> Invoked {
    let role = Role::new(inside, &invocation.credentials).completed_by(databases);
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
pub fn tail(log: &Log, request_id: &str) -> SecretBytes {
    let mut text = format!("START RequestId: {request_id} Version: $LATEST\n");
    for line in log.lines() {
        text.push_str(line);
        text.push('\n');
    }
    text.push_str(&format!("END RequestId: {request_id}\n"));
    let from = text.floor_char_boundary(text.len().saturating_sub(LOG_TAIL_BYTES));
    SecretBytes::new(text.get(from..).unwrap_or_default().as_bytes().to_vec())
}
