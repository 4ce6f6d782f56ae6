//! Functions that are not hosted here: those that configuration names one by one, and those of an outside Lambda.

mod http;
mod lambda;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ::http::{HeaderMap, HeaderName, Method};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use strongroom_client::{Answer, Call, CallError, Endpoint, Options, Trust};
use strongroom_core::functions::Invoked;
use strongroom_core::functions::sites::{Site, Sites};
use strongroom_types::{Clock, SecretBytes};

use self::http::HttpFunction;
use self::lambda::Lambda;
use crate::config::Config;

/// The first part of the paths of functions (Lambda's API reference).
const API: &str = "2015-03-31";
/// The name that calls to Lambda are signed for.
const SERVICE: &str = "lambda";
const INVOCATION_TYPE: HeaderName = HeaderName::from_static("x-amz-invocation-type");
const LOG_TYPE: HeaderName = HeaderName::from_static("x-amz-log-type");
const LOG_RESULT: &str = "x-amz-log-result";
const FUNCTION_ERROR: &str = "x-amz-function-error";
/// Bytes of a log's end that are taken over (Lambda's API reference).
const LOG_BYTES_MAX: usize = 4096;
/// Characters that are taken over of what is no answer of a function.
const SHOWN_CHARACTERS_MAX: usize = 300;

/// The places where `config` has functions. `authorities` are further certificates to trust, in PEM.
///
/// # Errors
/// When a URL or the certificates cannot be used.
pub fn sites(config: &Config, authorities: Option<Vec<u8>>, clock: &Arc<dyn Clock>) -> Result<Sites, String> {
    let settings = &config.functions;
    let trust = match authorities {
        Some(text) => {
            let trust = Trust::system_and(text);
            trust.check().map_err(|reason| format!("functions.ca_file: {reason}"))?;
            trust
        }
        None => Trust::system(),
    };
    let options = Options {
        trust,
        plain_http_anywhere: settings.plain_http_anywhere,
        time: Duration::from_millis(settings.invocation_ms_max),
        ..Options::default()
    };
    let mut named: BTreeMap<String, Arc<dyn Site>> = BTreeMap::new();
    for (arn, url) in &settings.http {
        let function = HttpFunction::open(arn, url, options.clone()).map_err(|error| error.to_string())?;
        named.insert(arn.clone(), Arc::new(function));
    }
    let mut others: Option<Arc<dyn Site>> = None;
    if let Some(outside) = &settings.lambda_endpoint {
        let endpoint = Endpoint::open(&outside.url, options).map_err(|error| error.to_string())?;
        let region = outside.region.as_ref().unwrap_or(&config.account.region);
        others = Some(Arc::new(Lambda::new(endpoint, outside, region, Arc::clone(clock))));
    }
    Ok(Sites { named, others })
}

/// An invocation that is waited for: its event posted to what `segments` are the path of.
fn invocation(segments: &[&str], payload: SecretBytes) -> Call {
    Call::rest(SERVICE, Method::POST, segments, None)
        .with_header(::http::header::CONTENT_TYPE, "application/json")
        .with_header(INVOCATION_TYPE, "RequestResponse")
        .with_header(LOG_TYPE, "Tail")
        .with_body(payload)
}

/// What an invocation ended with, as its answer tells. An answer that Lambda would not give is a failure, so that no step
/// of a rotation passes for done that nobody has carried out: emulators answer with status 200 and no header when a
/// function failed, ran out of time or ended.
fn invoked(answer: Result<Answer, CallError>) -> Result<Invoked, String> {
    let answer = answer.and_then(Answer::success).map_err(|error| error.to_string())?;
    if answer.status != 200 {
        return Err(format!("an invocation was answered with status {}", answer.status));
    }
    let Ok(told) = serde_json::from_slice::<Value>(answer.body.expose()) else {
        return Err(match shown(answer.body.expose()) {
            text if text.is_empty() => "the function ended without an answer".to_owned(),
            text => format!("the function's answer is no JSON: {text}"),
        });
    };
    let header = answer.headers.get(FUNCTION_ERROR).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let is_error = ["errorType", "errorMessage"].iter().all(|name| told.get(name).is_some_and(Value::is_string));
    let function_error = header.or_else(|| is_error.then(|| "Unhandled".to_owned()));
    Ok(Invoked { log_tail: log_tail(&answer.headers), payload: answer.body, function_error })
}

/// The end of the function's log, if the answer has it.
fn log_tail(headers: &HeaderMap) -> Option<SecretBytes> {
    let decoded = SecretBytes::new(STANDARD.decode(headers.get(LOG_RESULT)?.as_bytes()).ok()?);
    let log = decoded.expose();
    log.get(log.len().saturating_sub(LOG_BYTES_MAX)..).map(|end| SecretBytes::new(end.to_vec()))
}

/// The beginning of a text that can be printed.
fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN_CHARACTERS_MAX).collect()
}
