//! Requests that are right though they are written in unusual ways.

use super::*;

fn accept(what: &str, change: impl FnOnce(&mut Sample), mut sample: Sample) {
    change(&mut sample);
    assert_eq!(sample.verdict(), Ok(()), "{what}");
}

#[test]
fn the_claim_tells_what_the_request_says() {
    let sample = Sample::signed();
    let body = sha256(&sample.body);
    let claim = parse(&sample.request(&body), &sample.headers).expect("claim");
    assert_eq!(claim.access_key_id(), ACCESS_KEY_ID);
    assert_eq!((claim.date(), claim.region(), claim.service()), ("20150830", "us-east-1", "secretsmanager"));
    assert_eq!((claim.timestamp(), claim.presigned()), (Timestamp::from_seconds(AT_S), None));
    assert_eq!(claim.session_token(), Some(TOKEN));
    let names: Vec<&str> = claim.signed_headers().collect();
    assert_eq!(names, ["content-type", "host", "x-amz-date", "x-amz-security-token", "x-amz-target"]);
}

#[test]
fn a_claim_prints_neither_key_nor_token_nor_signature() {
    for sample in [Sample::signed(), Sample::presigned()] {
        let body = sha256(&sample.body);
        let claim = parse(&sample.request(&body), &sample.headers).expect("claim");
        let text = format!("{claim:?}");
        assert!(text.contains("us-east-1"), "{text}");
        assert!(!text.contains(ACCESS_KEY_ID) && !text.contains("EXAMPLE"), "{text}");
        assert!(!text.contains("signature"), "{text}");
    }
}

#[test]
fn the_authorization_header_may_be_spaced_and_ordered_freely() {
    accept(
        "no space after commas",
        |sample| {
            sample.edit(", SignedHeaders", ",SignedHeaders");
            sample.edit(", Signature", ",Signature");
        },
        Sample::signed(),
    );
    accept(
        "many spaces and tabs",
        |sample| {
            sample.edit(" Credential", " \t  Credential");
            sample.edit(", SignedHeaders", " ,\t  SignedHeaders");
        },
        Sample::signed(),
    );
    accept(
        "another order of parameters",
        |sample| {
            let signature = sample.signature();
            sample.edit(&format!(", Signature={signature}"), "");
            sample.edit("Credential=", &format!("Signature={signature}, Credential="));
        },
        Sample::signed(),
    );
    accept("a parameter nobody knows", |sample| sample.edit("Credential=", "Comment=x, Credential="), Sample::signed());
}

#[test]
fn the_list_of_signed_headers_may_be_in_any_order_and_case() {
    accept("order", |sample| sample.edit("content-type;host", "host;content-type"), Sample::signed());
    accept("case", |sample| sample.edit("host;x-amz-date", "Host;X-Amz-Date"), Sample::signed());
}

#[test]
fn headers_that_are_not_signed_may_come_and_go() {
    accept("another header", |sample| sample.set("accept-encoding", "gzip"), Sample::signed());
    accept("x-amz headers without weight", |sample| sample.set("x-amz-user-agent", "x"), Sample::signed());
    accept("a date beside x-amz-date", |sample| sample.set("date", "yesterday"), Sample::signed());
    let mut sample = Sample::unsigned();
    sample.set("user-agent", "one");
    sample.set("x-amzn-trace-id", "one");
    sample.sign();
    accept("changed by a proxy", |sample| sample.set("user-agent", "two"), sample);
}

#[test]
fn a_request_may_be_sent_again() {
    let sample = Sample::signed();
    assert_eq!((sample.verdict(), sample.verdict()), (Ok(()), Ok(())));
}

#[test]
fn the_host_may_come_as_the_authority_of_http_2() {
    let mut sample = Sample::unsigned();
    sample.remove("host");
    sample.authority = Some("secretsmanager.us-east-1.amazonaws.com");
    sample.sign();
    assert_eq!(sample.verdict(), Ok(()));
    sample.authority = Some("elsewhere.example");
    assert_eq!(sample.verdict(), Err(SignatureError::Mismatch));
}

#[test]
fn the_authority_may_be_signed_under_its_own_name() {
    let mut sample = Sample::signed();
    let signed = "SignedHeaders=content-type;host;";
    sample.edit(signed, "SignedHeaders=:authority;content-type;");
    let mut buffer = Vec::new();
    let body = sha256(&sample.body);
    let names = ":authority;content-type;x-amz-date;x-amz-security-token;x-amz-target";
    let (stamp, key) = (instant::Stamp::of(sample.now), sample.key());
    let request = sample.request(&body);
    canonical::write_string_to_sign(&mut buffer, &request, &sample.headers, names, true, (&stamp, key.scope()))
        .expect("canonical");
    let signature = String::from_utf8(hex::encode(&key.tag(&buffer)).to_vec()).expect("text");
    let before = sample.signature();
    sample.edit(&before, &signature);
    assert_eq!(sample.verdict(), Ok(()));
}

#[test]
fn the_date_header_may_date_the_signature_in_both_forms() {
    for date in ["Sun, 30 Aug 2015 12:36:00 GMT", "20150830T123600Z"] {
        let mut sample = Sample::unsigned();
        sample.set("date", date);
        sample.sign();
        sample.remove("x-amz-date");
        sample.edit(";x-amz-date", "");
        let names = "content-type;date;host;x-amz-security-token;x-amz-target";
        let (stamp, key, body) = (instant::Stamp::of(sample.now), sample.key(), sha256(&sample.body));
        let mut buffer = Vec::new();
        let request = sample.request(&body);
        canonical::write_string_to_sign(&mut buffer, &request, &sample.headers, names, true, (&stamp, key.scope()))
            .expect("canonical");
        let signature = String::from_utf8(hex::encode(&key.tag(&buffer)).to_vec()).expect("text");
        let before = sample.signature();
        sample.edit(&before, &signature);
        assert_eq!(sample.verdict(), Ok(()), "{date}");
    }
}

#[test]
fn the_digest_of_the_body_may_be_told_in_a_header() {
    let mut sample = Sample::unsigned();
    let digest = String::from_utf8(hex::encode(&sha256(&sample.body)).to_vec()).expect("text");
    sample.set("x-amz-content-sha256", &digest);
    sample.sign();
    assert_eq!(sample.verdict(), Ok(()));
}

#[test]
fn presigned_parameters_may_stand_in_any_order_and_encoding() {
    accept(
        "reversed",
        |sample| {
            sample.query = sample.query.rsplit('&').collect::<Vec<_>>().join("&");
        },
        Sample::presigned(),
    );
    accept("encoded needlessly", |sample| sample.edit_query("X-Amz-Date", "X%2DAmz%2dDate"), Sample::presigned());
    accept("not encoded", |sample| sample.edit_query("AKIDEXAMPLE%2F", "AKIDEXAMPLE/"), Sample::presigned());
    accept("empty pieces", |sample| sample.query = format!("&{}&&", sample.query), Sample::presigned());
}

#[test]
fn a_presigned_request_may_carry_its_token_signed_or_appended() {
    let mut sample = Sample::unsigned();
    sample.query = sample.presign(None);
    assert_eq!(sample.verdict(), Ok(()));
    sample.query.push_str("&X-Amz-Security-Token=appended");
    assert_eq!(sample.verdict(), Ok(()));
    let body = sha256(&sample.body);
    let claim = parse(&sample.request(&body), &sample.headers).expect("claim");
    assert_eq!((claim.session_token(), claim.presigned()), (Some("appended"), Some(3600)));
}

#[test]
fn the_window_of_time_is_exact_on_both_sides() {
    let at = |sample: &Sample, offset_s: i64| {
        let mut sample = sample.clone();
        sample.now = Timestamp::from_seconds(AT_S + offset_s);
        sample.verdict()
    };
    let signed = Sample::signed();
    for offset_s in [-300, -299, 0, 299, 300] {
        assert_eq!(at(&signed, offset_s), Ok(()), "{offset_s}");
    }
    assert!(at(&signed, 301).is_err() && at(&signed, -301).is_err());
    let presigned = Sample::presigned();
    for offset_s in [-300, 0, 301, 3600] {
        assert_eq!(at(&presigned, offset_s), Ok(()), "{offset_s}");
    }
    assert!(at(&presigned, 3601).is_err() && at(&presigned, -301).is_err());
}
