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
}

/// The answer, when method and path ask for one; `ready` is asked only for readiness.
pub(crate) fn answer(method: &Method, path: &str, ready: impl FnOnce() -> Readiness) -> Option<Answer> {
    let question = path.strip_prefix("/health/")?;
    if method != Method::GET && method != Method::HEAD {
        return None;
    }
    match question {
        "live" => Some(report(200, "live", &[])),
        "ready" => Some(match ready() {
            Readiness::Ready => report(200, "ready", &[]),
            // Reads go on, so that nobody is to be sent elsewhere.
            Readiness::ReadsOnly(reason) => report(200, "ready", &[reason]),
            Readiness::NotReady(reasons) => report(503, "not ready", &reasons),
        }),
        _ => None,
    }
}

fn report(status: u16, word: &'static str, reasons: &[String]) -> Answer {
    let body = serde_json::to_vec(&Report { status: word, reasons }).unwrap_or_default();
    Answer {
        status,
        headers: vec![(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))],
        content_type: "application/json",
        body: SecretBytes::new(body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: Method, path: &str, readiness: Readiness) -> Option<(u16, String)> {
        answer(&method, path, || readiness)
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
}
