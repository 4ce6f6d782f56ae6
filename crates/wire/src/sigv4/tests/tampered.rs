//! Requests changed after they were signed.

use super::*;

const INVALID: &str = "InvalidSignatureException";

/// A change after which the signature is not that of the request.
const fn case(what: &'static str, change: fn(&mut Sample)) -> Case {
    Case { what, change, code: INVALID, text: MISMATCH }
}

#[test]
fn no_part_of_a_request_may_change() {
    let mut sample = Sample::unsigned();
    sample.path = "/a/b%20c".to_owned();
    sample.query = "b=2&a=1".to_owned();
    sample.add("x-list", "one");
    sample.add("x-list", "two");
    sample.sign();
    refuse_all(
        &sample,
        &[
            case("method", |s| s.method = "GET"),
            case("method's case", |s| s.method = "post"),
            case("path", |s| s.path = "/a/b%20d".to_owned()),
            case("path's case", |s| s.path = "/A/b%20c".to_owned()),
            case("a path decoded", |s| s.path = "/a/b c".to_owned()),
            case("a path continued", |s| s.path.push('/')),
            case("a path shortened", |s| s.path = "/a".to_owned()),
            case("a parameter added", |s| s.query.push_str("&c=3")),
            case("a parameter repeated", |s| s.query.push_str("&a=1")),
            case("a parameter changed", |s| s.edit_query("a=1", "a=2")),
            case("a parameter removed", |s| s.edit_query("&a=1", "")),
            case("no query", |s| s.query.clear()),
            case("a parameter's name encoded differently", |s| s.edit_query("a=1", "%2561=1")),
            case("a byte of the body", |s| s.body[0] ^= 1),
            case("a longer body", |s| s.body.push(b' ')),
            case("no body", |s| s.body.clear()),
            case("another operation", |s| s.set("x-amz-target", "secretsmanager.DeleteSecret")),
            case("another type", |s| s.set("content-type", "application/x-amz-json-1.0")),
            case("another host", |s| s.set("host", "secretsmanager.us-east-1.amazonaws.com.example")),
            case("a port", |s| s.set("host", "secretsmanager.us-east-1.amazonaws.com:443")),
            case("another token", |s| s.set("x-amz-security-token", "other")),
            case("no token", |s| s.remove("x-amz-security-token")),
            case("a signed header removed", |s| s.remove("content-type")),
            case("host removed", |s| s.remove("host")),
            case("a signed header emptied", |s| s.set("content-type", "")),
            case("a value added", |s| s.add("x-list", "three")),
            case("a value removed", |s| s.set("x-list", "one")),
            case("values in another order", |s| {
                s.set("x-list", "two");
                s.add("x-list", "one");
            }),
            case("another second", |s| s.set("x-amz-date", "20150830T123601Z")),
        ],
    );
}

#[test]
fn values_that_read_the_same_are_the_same() {
    let mut sample = Sample::unsigned();
    sample.add("x-list", "one");
    sample.add("x-list", "two");
    sample.sign();
    for value in ["one,two", "  one,two "] {
        sample.set("x-list", value);
        assert_eq!(sample.verdict(), Ok(()), "{value}");
    }
    for value in ["one, two", "one ,two", "onetwo", "one;two"] {
        sample.set("x-list", value);
        assert_eq!(sample.verdict(), Err(SignatureError::Mismatch), "{value}");
    }
}

#[test]
fn no_part_of_a_signature_may_change() {
    refuse_all(
        &Sample::signed(),
        &[
            case("not hexadecimal", |s| {
                let old = s.signature();
                s.edit(&old, &format!("{}g", old.split_at(63).0))
            }),
            case("upper case", |s| {
                let old = s.signature();
                s.edit(&old, &old.to_uppercase())
            }),
            case("too short", |s| {
                let old = s.signature();
                s.edit(&old, old.split_at(63).0)
            }),
            case("too long", |s| {
                let old = s.signature();
                s.edit(&old, &format!("{old}0"))
            }),
            case("empty", |s| {
                let old = s.signature();
                s.edit(&old, "")
            }),
            case("quoted", |s| {
                let old = s.signature();
                s.edit(&old, &format!("\"{old}\""))
            }),
            case("zeros", |s| {
                let old = s.signature();
                s.edit(&old, &"0".repeat(64))
            }),
            case("a name dropped", |s| s.edit("content-type;", "")),
            case("a name added", |s| {
                s.set("accept", "x");
                s.edit("=content-type", "=accept;content-type")
            }),
            case("an absent name added", |s| s.edit("=content-type", "=accept;content-type")),
            case("a name repeated", |s| s.edit(";host;", ";host;host;")),
            case("an empty name", |s| s.edit(";host;", ";;host;")),
            case("a separator at the end", |s| s.edit("x-amz-target", "x-amz-target;")),
            case("another secret", |s| s.secret = "another secret"),
            case("no secret", |s| s.secret = ""),
            case("another service that was called too", |s| {
                s.edit("/secretsmanager/", "/kms/");
                s.service = "kms"
            }),
            case("another region that was called too", |s| {
                s.edit("us-east-1", "us-east-2");
                s.region = "us-east-2"
            }),
        ],
    );
}

#[test]
fn every_digit_of_a_signature_counts() {
    let sample = Sample::signed();
    let right = sample.signature();
    for at in 0..right.len() {
        let mut digits = right.clone().into_bytes();
        digits[at] = if digits[at] == b'0' { b'1' } else { b'0' };
        let mut sample = sample.clone();
        sample.edit(&right, std::str::from_utf8(&digits).expect("text"));
        assert_eq!(sample.verdict(), Err(SignatureError::Mismatch), "digit {at}");
    }
}

#[test]
fn a_digest_told_in_a_header_must_be_that_of_the_body() {
    const TEXT: &str = "The provided 'x-amz-content-sha256' header does not match what was computed.";
    let body = Sample::unsigned().body;
    let digest = String::from_utf8(hex::encode(&sha256(&body)).to_vec()).expect("text");
    let upper = digest.to_uppercase();
    for (told, verdict) in [
        (digest.as_str(), Ok(())),
        (&upper, Err(SignatureError::Invalid(TEXT.to_owned()))),
        ("UNSIGNED-PAYLOAD", Err(SignatureError::Invalid(TEXT.to_owned()))),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", Err(SignatureError::Invalid(TEXT.to_owned()))),
        ("", Err(SignatureError::Invalid(TEXT.to_owned()))),
    ] {
        let mut sample = Sample::unsigned();
        sample.set("x-amz-content-sha256", told);
        sample.sign();
        assert_eq!(sample.verdict(), verdict, "{told}");
    }
}

#[test]
fn a_long_list_of_names_cannot_swell_the_canonical_request() {
    let mut sample = Sample::signed();
    sample.set("x-long", &"x".repeat(8000));
    sample.edit(";x-amz-target", &format!(";x-amz-target{}", ";x-long".repeat(4000)));
    assert_eq!(sample.verdict(), Err(SignatureError::Mismatch));
    let body = sha256(&sample.body);
    let claim = parse(&sample.request(&body), &sample.headers).expect("claim");
    let names: Vec<&str> = claim.signed_headers().collect();
    let (mut buffer, stamp) = (Vec::new(), instant::Stamp::of(sample.now));
    let request = sample.request(&body);
    let written = canonical::write_string_to_sign(
        &mut buffer,
        &request,
        &sample.headers,
        &names.join(";"),
        true,
        (&stamp, sample.key().scope()),
    );
    assert!(written.is_err() && buffer.len() < 20_000, "{}", buffer.len());
}
