//! `/health/live` and `/health/ready`: whether the process runs, and whether it can serve; unsigned, by GET or HEAD.

use http::{HeaderValue, Method, header};
use serde::Serialize;
use strongroom_types::SecretBytes;

use crate::front::{Answer, Readiness};

#[derive(Serialize)]
struct Report<'a> {
    status: &'static str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    reasons: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'a [String],
}

/// The answer, when method and path ask for one; `ready` is asked only for readiness. Warnings are told beside it: they take
/// nobody out of service.
pub(crate) fn answer(method: &Method, path: &str, ready: impl FnOnce() -> (Readiness, Vec<String>)) -> Option<Answer> {
    let question = path.strip_prefix("/health/")?;
    if method != Method::GET && method != Method::HEAD {
        return None;
    }
    match question {
        "live" => Some(report(200, "live", &[], &[])),
        "ready" => Some(match ready() {
            (Readiness::Ready, warnings) => report(200, "ready", &[], &warnings),
            // Reads go on, so that nobody is to be sent elsewhere.
            (Readiness::ReadsOnly(reason), warnings) => report(200, "ready", &[reason], &warnings),
            (Readiness::NotReady(reasons), warnings) => report(503, "not ready", &reasons, &warnings),
        }),
        _ => None,
    }
}

fn report(status: u16, word: &'static str, reasons: &[String], warnings: &[String]) -> Answer {
    let body = serde_json::to_vec(&Report { status: word, reasons, warnings }).unwrap_or_default();
    Answer {
        status,
        headers: vec![(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))],
        content_type: "application/json",
        body: SecretBytes::new(body),
        pieces: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: Method, path: &str, readiness: Readiness) -> Option<(u16, String)> {
        answer(&method, path, || (readiness, Vec::new()))
            .map(|answer| (answer.status, String::from_utf8(answer.body.expose().to_vec()).unwrap()))
    }

    #[test]
    fn live_and_ready_are_answered_by_get_and_head_alone() {
        let live = Some((200, r#"{"status":"live"}"#.to_owned()));
        assert_eq!(asked(Method::GET, "/health/live", Readiness::NotReady(vec![])), live);
        assert_eq!(asked(Method::HEAD, "/health/live", Readiness::Ready), live);
        assert_eq!(asked(Method::POST, "/health/live", Readiness::Ready), None);
        assert_eq!(asked(Method::GET, "/health/other", Readiness::Ready), None);
        assert_eq!(asked(Method::GET, "/health", Readiness::Ready), None);
        assert_eq!(asked(Method::GET, "/", Readiness::Ready), None);
    }

    #[test]
    fn readiness_tells_its_reasons() {
        let ready = Some((200, r#"{"status":"ready"}"#.to_owned()));
        assert_eq!(asked(Method::GET, "/health/ready", Readiness::Ready), ready);
        let reasons = Readiness::NotReady(vec!["the disk is full".to_owned()]);
        let told = Some((503, r#"{"status":"not ready","reasons":["the disk is full"]}"#.to_owned()));
        assert_eq!(asked(Method::GET, "/health/ready", reasons), told);
    }

    #[test]
    fn a_warning_leaves_the_server_in_service() {
        let warnings = vec!["the newest backup is old".to_owned()];
        let told = answer(&Method::GET, "/health/ready", || (Readiness::Ready, warnings)).unwrap();
        let body = r#"{"status":"ready","warnings":["the newest backup is old"]}"#;
        assert_eq!((told.status, told.body.expose()), (200, body.as_bytes()));
    }
}
