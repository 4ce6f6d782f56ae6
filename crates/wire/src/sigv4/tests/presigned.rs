//! Presigned requests to refuse.

use super::*;

const INCOMPLETE: &str = "IncompleteSignatureException";
const INVALID: &str = "InvalidSignatureException";
const WEEK: &str = "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be \
                    less than 604800 seconds";

const fn case(what: &'static str, change: fn(&mut Sample)) -> Case {
    Case { what, change, code: INVALID, text: MISMATCH }
}

#[test]
fn absent_parameters_are_named() {
    for name in ["Algorithm", "Credential", "Signature", "SignedHeaders", "Date", "Expires"] {
        let text =
            format!("AWS query-string parameters must include 'X-Amz-{name}'. Re-examine the query-string parameters.");
        for (from, to) in [(format!("X-Amz-{name}="), format!("Other-{name}=")), (String::new(), String::new())] {
            let mut sample = Sample::presigned();
            if from.is_empty() {
                // The parameter is there, but empty.
                let pieces: Vec<String> = sample
                    .query
                    .split('&')
                    .map(|piece| match piece.split_once('=') {
                        Some((found, _)) if found == format!("X-Amz-{name}") => format!("{found}="),
                        _ => piece.to_owned(),
                    })
                    .collect();
                sample.query = pieces.join("&");
            } else {
                sample.edit_query(&from, &to);
            }
            let error = ServiceError::from(sample.verdict().expect_err(name));
            assert_eq!((error.code.name, error.message.as_str()), (INCOMPLETE, text.as_str()), "{name}");
        }
    }
    let mut sample = Sample::unsigned();
    sample.query = "X-Amz-Signature=00".to_owned();
    assert_eq!(
        sample.verdict().expect_err("almost nothing").to_string(),
        "AWS query-string parameters must include 'X-Amz-Algorithm'. AWS query-string parameters must include \
         'X-Amz-Credential'. AWS query-string parameters must include 'X-Amz-SignedHeaders'. AWS query-string \
         parameters must include 'X-Amz-Date'. AWS query-string parameters must include 'X-Amz-Expires'. Re-examine \
         the query-string parameters."
    );
}

#[test]
fn spans_of_validity_must_be_seconds_up_to_a_week() {
    refuse_all(
        &Sample::presigned(),
        &[
            Case {
                what: "words",
                change: |s| s.edit_query("Expires=3600", "Expires=soon"),
                code: INCOMPLETE,
                text: "X-Amz-Expires should be a number",
            },
            Case {
                what: "a fraction",
                change: |s| s.edit_query("Expires=3600", "Expires=3.6"),
                code: INCOMPLETE,
                text: "X-Amz-Expires should be a number",
            },
            Case {
                what: "zero",
                change: |s| s.edit_query("Expires=3600", "Expires=0"),
                code: INCOMPLETE,
                text: "X-Amz-Expires must be at least 1 second",
            },
            Case {
                what: "less",
                change: |s| s.edit_query("Expires=3600", "Expires=-1"),
                code: INCOMPLETE,
                text: "X-Amz-Expires must be non-negative",
            },
            Case {
                what: "a second above a week",
                change: |s| s.edit_query("Expires=3600", "Expires=604801"),
                code: INCOMPLETE,
                text: WEEK,
            },
            Case {
                what: "beyond 32 bits",
                change: |s| s.edit_query("Expires=3600", "Expires=4294967296"),
                code: INCOMPLETE,
                text: WEEK,
            },
            Case {
                what: "beyond 64 bits",
                change: |s| s.edit_query("Expires=3600", "Expires=99999999999999999999"),
                code: INCOMPLETE,
                text: "X-Amz-Expires should be a number",
            },
        ],
    );
}

#[test]
fn unreadable_dates_algorithms_and_credentials_are_refused() {
    refuse_all(
        &Sample::presigned(),
        &[
            Case {
                what: "date",
                change: |s| s.edit_query("20150830T123600Z", "2015"),
                code: INCOMPLETE,
                text: "Date must be in ISO-8601 'basic format'. Got '2015'. See http://en.wikipedia.org/wiki/ISO_8601",
            },
            Case {
                what: "algorithm",
                change: |s| s.edit_query("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"),
                code: INCOMPLETE,
                text: "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA1' (only AWS4-HMAC-SHA256 for now). ",
            },
            Case {
                what: "credential",
                change: |s| s.edit_query("AKIDEXAMPLE%2F", ""),
                code: INCOMPLETE,
                text: "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.",
            },
            Case {
                what: "a slash encoded twice",
                change: |s| s.edit_query("AKIDEXAMPLE%2F", "AKIDEXAMPLE%252F"),
                code: INCOMPLETE,
                text: "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.",
            },
        ],
    );
}

#[test]
fn contradictory_parameters_are_refused() {
    refuse_all(
        &Sample::presigned(),
        &[
            Case {
                what: "a parameter twice",
                change: |s| s.query.push_str("&X-Amz-Expires=60"),
                code: INCOMPLETE,
                text: "The query-string parameter 'X-Amz-Expires' must be given only once.",
            },
            Case {
                what: "a parameter twice under another encoding",
                change: |s| s.query.push_str("&X%2DAmz-Signature=00"),
                code: INCOMPLETE,
                text: "The query-string parameter 'X-Amz-Signature' must be given only once.",
            },
            Case {
                what: "two tokens",
                change: |s| s.query.push_str("&X-Amz-Security-Token=x"),
                code: INCOMPLETE,
                text: "The query-string parameter 'X-Amz-Security-Token' must be given only once.",
            },
            Case {
                what: "another token in a header",
                change: |s| s.set("x-amz-security-token", "x"),
                code: "UnrecognizedClientException",
                text: "The security token included in the request is invalid.",
            },
            Case {
                what: "both forms",
                change: |s| s.set("authorization", "AWS4-HMAC-SHA256 Credential=x"),
                code: INVALID,
                text: "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.",
            },
        ],
    );
}

#[test]
fn presigned_requests_are_for_one_time_and_place() {
    const EXPIRED: &str = "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z \
                           (20150830T133601Z - 60 min.)";
    const FUTURE: &str = "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z \
                          (20150830T123059Z + 5 min.)";
    const SHORT: &str = "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z \
                         (20150830T123646Z - 45 sec.)";
    refuse_all(
        &Sample::presigned(),
        &[
            Case {
                what: "a second late",
                change: |s| s.now = s.now.plus_millis(3_601_000),
                code: INVALID,
                text: EXPIRED,
            },
            Case {
                what: "a second early",
                change: |s| s.now = s.now.plus_millis(-301_000),
                code: INVALID,
                text: FUTURE,
            },
            Case {
                what: "shorter",
                change: |s| {
                    s.edit_query("Expires=3600", "Expires=45");
                    s.now = s.now.plus_millis(46_000);
                },
                code: INVALID,
                text: SHORT,
            },
            Case {
                what: "region",
                change: |s| s.edit_query("us-east-1", "eu-west-1"),
                code: INVALID,
                text: "Credential should be scoped to a valid region, not 'eu-west-1'. ",
            },
            Case {
                what: "host not signed",
                change: |s| s.edit_query("content-type%3Bhost%3B", "content-type%3B"),
                code: INVALID,
                text: "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
            },
            Case {
                what: "operation not signed",
                change: |s| s.edit_query("%3Bx-amz-target", ""),
                code: INVALID,
                text: "'x-amz-target' must be a 'SignedHeader' in the AWS Authorization.",
            },
            Case {
                what: "a time in a header that is not signed",
                change: |s| s.set("x-amz-date", "20150830T123600Z"),
                code: INVALID,
                text: "'x-amz-date' must be a 'SignedHeader' in the AWS Authorization.",
            },
            Case {
                what: "a token in a header that is not signed",
                change: |s| s.set("x-amz-security-token", TOKEN),
                code: INVALID,
                text: "'x-amz-security-token' must be a 'SignedHeader' in the AWS Authorization.",
            },
        ],
    );
}

#[test]
fn no_part_of_a_presigned_request_may_change() {
    refuse_all(
        &Sample::presigned(),
        &[
            case("method", |s| s.method = "GET"),
            case("path", |s| s.path = "/x".to_owned()),
            case("body", |s| s.body.push(b' ')),
            case("a signed header", |s| s.set("x-amz-target", "secretsmanager.DeleteSecret")),
            case("a signed header removed", |s| s.remove("content-type")),
            case("host", |s| s.set("host", "elsewhere.example")),
            case("a longer validity", |s| s.edit_query("Expires=3600", "Expires=3601")),
            case("another second", |s| s.edit_query("T123600Z", "T123601Z")),
            case("another access key", |s| s.edit_query("AKIDEXAMPLE", "AKIDOTHER")),
            case("another token", |s| s.edit_query("Token=FQoG", "Token=GQoG")),
            case("no token", |s| s.edit_query("X-Amz-Security-Token", "X-Amz-Other")),
            case("a parameter added", |s| s.query.push_str("&x=1")),
            case("a name added", |s| s.edit_query("=content-type", "=accept%3Bcontent-type")),
            case("a line break in a name", |s| s.edit_query("%3Bhost%3B", "%3Bhost%3Bhost%0Ax%3B")),
            case("another secret", |s| s.secret = "another secret"),
            case("another signature", |s| s.edit_query("Signature=", "Signature=0")),
            case("a body that is not signed", |s| s.query.push_str("&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD")),
        ],
    );
}
