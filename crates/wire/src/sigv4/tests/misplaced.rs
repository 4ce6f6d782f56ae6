//! Requests signed for another time or place, and signatures that do not cover what they must.

use super::*;

const INVALID: &str = "InvalidSignatureException";

#[test]
fn the_scope_must_be_that_of_the_call() {
    const ALL: &str = "Credential should be scoped to a valid region, not 'c'. Credential should be scoped to correct \
                       service: 'secretsmanager'. Credential should be scoped with a valid terminator: \
                       'aws4_request', not 'e'. Date in Credential scope does not match YYYYMMDD from ISO-8601 \
                       version of date from HTTP: 'b' != '20150830', from '20150830T123600Z'.";
    const DATE: &str = "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
                        '20150831' != '20150830', from '20150830T123600Z'.";
    refuse_all(
        &Sample::signed(),
        &[
            Case {
                what: "region",
                change: |s| s.edit("us-east-1", "eu-central-1"),
                code: INVALID,
                text: "Credential should be scoped to a valid region, not 'eu-central-1'. ",
            },
            Case {
                what: "region in another case",
                change: |s| s.edit("us-east-1", "US-EAST-1"),
                code: INVALID,
                text: "Credential should be scoped to a valid region, not 'US-EAST-1'. ",
            },
            Case {
                what: "the server's region",
                change: |s| s.region = "eu-west-1",
                code: INVALID,
                text: "Credential should be scoped to a valid region, not 'us-east-1'. ",
            },
            Case {
                what: "service",
                change: |s| s.edit("/secretsmanager/", "/ssm/"),
                code: INVALID,
                text: "Credential should be scoped to correct service: 'secretsmanager'. ",
            },
            Case {
                what: "the service called",
                change: |s| s.service = "kms",
                code: INVALID,
                text: "Credential should be scoped to correct service: 'kms'. ",
            },
            Case {
                what: "terminator",
                change: |s| s.edit("aws4_request", "aws5_request"),
                code: INVALID,
                text: "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'. ",
            },
            Case { what: "date", change: |s| s.edit("/20150830/", "/20150831/"), code: INVALID, text: DATE },
            Case {
                what: "everything",
                change: |s| s.edit("AKIDEXAMPLE/20150830/us-east-1/secretsmanager/aws4_request", "a/b/c/d/e"),
                code: INVALID,
                text: ALL,
            },
            Case {
                what: "long",
                change: |s| s.edit("us-east-1", &"r".repeat(1000)),
                code: INVALID,
                text: "Credential should be scoped to a valid region, not \
                   'rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr'. ",
            },
        ],
    );
}

#[test]
fn the_time_must_be_that_of_the_server() {
    const EXPIRED: &str = "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z \
                           (20150830T124101Z - 5 min.)";
    const FUTURE: &str = "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z \
                          (20150830T123059Z + 5 min.)";
    const YEAR_AGO: &str = "Signature expired: 20150830T123600Z is now earlier than 20160829T123100Z \
                            (20160829T123600Z - 5 min.)";
    refuse_all(
        &Sample::signed(),
        &[
            Case {
                what: "a second late",
                change: |s| s.now = s.now.plus_millis(301_000),
                code: INVALID,
                text: EXPIRED,
            },
            Case { what: "a year late", change: |s| s.now = s.now.plus_days(365), code: INVALID, text: YEAR_AGO },
            Case {
                what: "a second early",
                change: |s| s.now = s.now.plus_millis(-301_000),
                code: INVALID,
                text: FUTURE,
            },
            Case {
                what: "late and for another region",
                change: |s| {
                    s.now = s.now.plus_millis(301_000);
                    s.region = "eu-west-1";
                },
                code: INVALID,
                text: EXPIRED,
            },
        ],
    );
}

#[test]
fn the_signature_must_cover_host_time_and_meaning() {
    const HOST: &str = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.";
    refuse_all(
        &Sample::signed(),
        &[
            Case { what: "host", change: |s| s.edit("content-type;host;", "content-type;"), code: INVALID, text: HOST },
            Case {
                what: "nothing signed",
                change: |s| s.edit("content-type;host;x-amz-date;x-amz-security-token;x-amz-target", ""),
                code: INVALID,
                text: HOST,
            },
            Case {
                what: "a name that only begins alike",
                change: |s| s.edit(";host;", ";host-name;"),
                code: INVALID,
                text: HOST,
            },
            Case {
                what: "an authority without any host",
                change: |s| {
                    s.edit("content-type;host;", ":authority;content-type;");
                    s.remove("host");
                },
                code: INVALID,
                text: HOST,
            },
            Case {
                what: "time",
                change: |s| s.edit(";x-amz-date", ""),
                code: INVALID,
                text: "'x-amz-date' must be a 'SignedHeader' in the AWS Authorization.",
            },
            Case {
                what: "operation",
                change: |s| s.edit(";x-amz-target", ""),
                code: INVALID,
                text: "'x-amz-target' must be a 'SignedHeader' in the AWS Authorization.",
            },
            Case {
                what: "token",
                change: |s| s.edit(";x-amz-security-token", ""),
                code: INVALID,
                text: "'x-amz-security-token' must be a 'SignedHeader' in the AWS Authorization.",
            },
            Case {
                what: "digest of the body",
                change: |s| s.set("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
                code: INVALID,
                text: "'x-amz-content-sha256' must be a 'SignedHeader' in the AWS Authorization.",
            },
            Case {
                what: "Date where it dates the signature",
                change: |s| {
                    s.remove("x-amz-date");
                    s.set("date", "20150830T123600Z");
                },
                code: INVALID,
                text: "'date' must be a 'SignedHeader' in the AWS Authorization.",
            },
        ],
    );
}
