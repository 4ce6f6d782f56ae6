//! Requests whose signature is absent or cannot be read.

use super::*;

const MISSING: &str = "MissingAuthenticationTokenException";
const INCOMPLETE: &str = "IncompleteSignatureException";

const NO_EQUAL_SIGN: &str = "Invalid key=value pair (missing equal-sign) in Authorization header.";
const NO_PARAMETERS: &str = "Authorization header requires 'Credential' parameter. Authorization header requires \
                             'Signature' parameter. Authorization header requires 'SignedHeaders' parameter.";
const FIVE_ELEMENTS: &str =
    "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.";

#[test]
fn absent_signatures_and_dates_are_named() {
    const NO_DATE: &str = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.";
    const NOTHING: &str = "Authorization header requires 'Credential' parameter. Authorization header requires \
                           'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. \
                           Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.";
    refuse_all(
        &Sample::signed(),
        &[
            Case {
                what: "no signature",
                change: |s| s.remove("authorization"),
                code: MISSING,
                text: "Missing Authentication Token",
            },
            Case {
                what: "empty header",
                change: |s| s.set("authorization", ""),
                code: MISSING,
                text: "Missing Authentication Token",
            },
            Case {
                what: "only a query that looks alike",
                change: |s| {
                    s.remove("authorization");
                    s.query = "x-amz-algorithm=AWS4-HMAC-SHA256&x-amz-signature=0".to_owned();
                },
                code: MISSING,
                text: "Missing Authentication Token",
            },
            Case {
                what: "algorithm alone",
                change: |s| s.set("authorization", "AWS4-HMAC-SHA256"),
                code: INCOMPLETE,
                text: NO_PARAMETERS,
            },
            Case {
                what: "algorithm alone and no date",
                change: |s| {
                    s.set("authorization", "AWS4-HMAC-SHA256");
                    s.remove("x-amz-date");
                },
                code: INCOMPLETE,
                text: NOTHING,
            },
            Case { what: "no date", change: |s| s.remove("x-amz-date"), code: INCOMPLETE, text: NO_DATE },
        ],
    );
}

#[test]
fn absent_parameters_are_named() {
    refuse_all(
        &Sample::signed(),
        &[
            Case {
                what: "no credential",
                change: |s| s.edit("Credential=", "Credentials="),
                code: INCOMPLETE,
                text: "Authorization header requires 'Credential' parameter.",
            },
            Case {
                what: "no signature parameter",
                change: |s| s.edit(" Signature=", " signature="),
                code: INCOMPLETE,
                text: "Authorization header requires 'Signature' parameter.",
            },
            Case {
                what: "no signed headers",
                change: |s| s.edit("SignedHeaders=", "Headers="),
                code: INCOMPLETE,
                text: "Authorization header requires 'SignedHeaders' parameter.",
            },
            Case {
                what: "Basic",
                change: |s| s.set("authorization", "Basic dXNlcjpodW50ZXIyMQ=="),
                code: INCOMPLETE,
                text: NO_PARAMETERS,
            },
            Case {
                what: "version 2",
                change: |s| s.set("authorization", "AWS AKIDEXAMPLE:frJIUN8DYpKDtOLCwo="),
                code: INCOMPLETE,
                text: NO_PARAMETERS,
            },
        ],
    );
}

#[test]
fn unreadable_headers_are_refused_without_repeating_them() {
    refuse_all(
        &Sample::signed(),
        &[
            Case {
                what: "Bearer",
                change: |s| s.set("authorization", "Bearer hunter2"),
                code: INCOMPLETE,
                text: NO_EQUAL_SIGN,
            },
            Case {
                what: "space in credential",
                change: |s| s.edit("Credential=", "Credential= "),
                code: INCOMPLETE,
                text: NO_EQUAL_SIGN,
            },
            Case {
                what: "name alone",
                change: |s| s.edit("SignedHeaders=", "SignedHeaders, "),
                code: INCOMPLETE,
                text: NO_EQUAL_SIGN,
            },
            Case {
                what: "header's name twice",
                change: |s| s.edit("AWS4-HMAC-SHA256 ", "Authorization: AWS4-HMAC-SHA256 "),
                code: INCOMPLETE,
                text: NO_EQUAL_SIGN,
            },
            Case {
                what: "not ASCII",
                change: |s| s.edit("Credential=", "Credential=é"),
                code: INCOMPLETE,
                text: NO_EQUAL_SIGN,
            },
            Case {
                what: "two headers",
                change: |s| s.add("authorization", "AWS4-HMAC-SHA256 Credential=a"),
                code: INCOMPLETE,
                text: "The Authorization header must be given only once.",
            },
            Case {
                what: "two credentials",
                change: |s| s.edit("Credential=", "Credential=x, Credential="),
                code: INCOMPLETE,
                text: "The Authorization header's parameter 'Credential' must be given only once.",
            },
            Case {
                what: "two signatures",
                change: |s| s.edit("Signature=", "Signature=x, Signature="),
                code: INCOMPLETE,
                text: "The Authorization header's parameter 'Signature' must be given only once.",
            },
            Case {
                what: "two lists of headers",
                change: |s| s.edit("SignedHeaders=", "SignedHeaders=host, SignedHeaders="),
                code: INCOMPLETE,
                text: "The Authorization header's parameter 'SignedHeaders' must be given only once.",
            },
            Case {
                what: "both forms",
                change: |s| s.query = "X-Amz-Algorithm=AWS4-HMAC-SHA256".to_owned(),
                code: "InvalidSignatureException",
                text: "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.",
            },
        ],
    );
}

#[test]
fn other_algorithms_are_named() {
    refuse_all(
        &Sample::signed(),
        &[
            Case {
                what: "another hash",
                change: |s| s.edit("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512"),
                code: INCOMPLETE,
                text: "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA512' (only AWS4-HMAC-SHA256 for now). ",
            },
            Case {
                what: "the asymmetric form",
                change: |s| s.edit("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
                code: INCOMPLETE,
                text: "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256' (only AWS4-HMAC-SHA256 for now). ",
            },
            Case {
                what: "lower case",
                change: |s| s.edit("AWS4-HMAC-SHA256", "aws4-hmac-sha256"),
                code: INCOMPLETE,
                text: "Unsupported AWS 'algorithm': 'aws4-hmac-sha256' (only AWS4-HMAC-SHA256 for now). ",
            },
        ],
    );
}

#[test]
fn credentials_must_have_five_elements_and_are_not_repeated() {
    refuse_all(
        &Sample::signed(),
        &[
            Case { what: "four", change: |s| s.edit("/aws4_request", ""), code: INCOMPLETE, text: FIVE_ELEMENTS },
            Case {
                what: "six",
                change: |s| s.edit("AKIDEXAMPLE", "secret/key"),
                code: INCOMPLETE,
                text: FIVE_ELEMENTS,
            },
            Case {
                what: "a slash at the end",
                change: |s| s.edit("aws4_request", "aws4_request/"),
                code: INCOMPLETE,
                text: FIVE_ELEMENTS,
            },
            Case {
                what: "the key alone",
                change: |s| s.edit("/20150830/us-east-1/secretsmanager/aws4_request", ""),
                code: INCOMPLETE,
                text: FIVE_ELEMENTS,
            },
            Case {
                what: "nothing",
                change: |s| s.edit("AKIDEXAMPLE/20150830/us-east-1/secretsmanager/aws4_request", ""),
                code: INCOMPLETE,
                text: FIVE_ELEMENTS,
            },
        ],
    );
}

#[test]
fn dates_must_be_in_basic_format() {
    const OTHER_FORM: &str = "Date must be in ISO-8601 'basic format'. Got '2015-08-30T12:36:00Z'. See \
                              http://en.wikipedia.org/wiki/ISO_8601";
    const CUT: &str = "Date must be in ISO-8601 'basic format'. Got \
                       'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'. See \
                       http://en.wikipedia.org/wiki/ISO_8601";
    refuse_all(
        &Sample::signed(),
        &[
            Case {
                what: "extended format",
                change: |s| s.set("x-amz-date", "2015-08-30T12:36:00Z"),
                code: INCOMPLETE,
                text: OTHER_FORM,
            },
            Case {
                what: "cut short",
                change: |s| s.set("x-amz-date", "201"),
                code: INCOMPLETE,
                text: "Date must be in ISO-8601 'basic format'. Got '201'. See http://en.wikipedia.org/wiki/ISO_8601",
            },
            Case {
                what: "a month too many",
                change: |s| s.set("x-amz-date", "20151330T123600Z"),
                code: INCOMPLETE,
                text: "Date must be in ISO-8601 'basic format'. Got '20151330T123600Z'. See http://en.wikipedia.org/wiki/ISO_8601",
            },
            Case {
                what: "empty",
                change: |s| s.set("x-amz-date", ""),
                code: INCOMPLETE,
                text: "Date must be in ISO-8601 'basic format'. Got ''. See http://en.wikipedia.org/wiki/ISO_8601",
            },
            Case {
                what: "HTTP's form in x-amz-date",
                change: |s| s.set("x-amz-date", "Sun, 30 Aug 2015 12:36:00 GMT"),
                code: INCOMPLETE,
                text: "Date must be in ISO-8601 'basic format'. Got 'Sun, 30 Aug 2015 12:36:00 GMT'. See http://en.wikipedia.org/wiki/ISO_8601",
            },
            Case { what: "long", change: |s| s.set("x-amz-date", &"x".repeat(5000)), code: INCOMPLETE, text: CUT },
            Case {
                what: "not ASCII, with a tab",
                change: |s| s.set("x-amz-date", "é\t"),
                code: INCOMPLETE,
                text: "Date must be in ISO-8601 'basic format'. Got 'é?'. See http://en.wikipedia.org/wiki/ISO_8601",
            },
            Case {
                what: "an unreadable Date header",
                change: |s| {
                    s.remove("x-amz-date");
                    s.set("date", "yesterday");
                },
                code: INCOMPLETE,
                text: "Date must be in ISO-8601 'basic format'. Got 'yesterday'. See http://en.wikipedia.org/wiki/ISO_8601",
            },
            Case {
                what: "two dates",
                change: |s| s.add("x-amz-date", "20150830T123600Z"),
                code: INCOMPLETE,
                text: "The header that dates the signature must be given only once.",
            },
        ],
    );
}

#[test]
fn what_cannot_be_a_token_is_an_unknown_token() {
    const UNKNOWN: &str = "The security token included in the request is invalid.";
    refuse_all(
        &Sample::signed(),
        &[
            Case {
                what: "two tokens",
                change: |s| s.add("x-amz-security-token", "x"),
                code: "UnrecognizedClientException",
                text: UNKNOWN,
            },
            Case {
                what: "not ASCII",
                change: |s| s.set("x-amz-security-token", "é"),
                code: "UnrecognizedClientException",
                text: UNKNOWN,
            },
        ],
    );
}

#[test]
fn no_bytes_make_the_parser_panic() {
    let valid = "GET /a/../b?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a%2F20150830%2Fr%2Fs%2Faws4_request&\
                 X-Amz-Date=20150830T123600Z&X-Amz-Expires=5&X-Amz-SignedHeaders=host&X-Amz-Signature=00\nhost:h\n";
    fuzz_parse(valid.as_bytes());
    let header = "POST /\nhost: h\nx-amz-date:20150830T123600Z\nauthorization:AWS4-HMAC-SHA256 Credential=a/20150830/r/s/\
                  aws4_request, SignedHeaders=host;x-amz-date, Signature=00\n\0body";
    fuzz_parse(header.as_bytes());
    for text in [valid, header] {
        for at in 0..text.len() {
            for byte in [0, b'%', b'/', b'=', b'&', b';', b'\n', 0xff] {
                let mut data = text.as_bytes().to_vec();
                data[at] = byte;
                fuzz_parse(&data);
                fuzz_parse(&data[..at]);
            }
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_random_bytes_make_the_parser_panic(data in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
        fuzz_parse(&data);
    }
}
