//! Signing keys and their cache, and what signing refuses.

use super::*;

fn checked(sample: &Sample, then: impl FnOnce(&CheckedClaim<'_>, &Request<'_>)) {
    let body = sha256(&sample.body);
    let request = sample.request(&body);
    let expected = Expected { now: sample.now, region: sample.region, service: sample.service };
    let claim = parse(&request, &sample.headers).expect("claim");
    then(&claim.check(&request, &sample.headers, &expected).expect("check"), &request);
}

fn secret(text: &str) -> SecretText {
    SecretText::new(text.to_owned())
}

#[test]
fn the_derived_key_is_that_of_the_published_example() {
    // "Examples of how to derive a signing key" in the AWS documentation.
    let key = SigningKey::derive(&secret(SECRET), "20120215", "us-east-1", "iam");
    let expected = strongroom_crypto::digest::MacKey::new(&[
        0xf4, 0x78, 0x0e, 0x2d, 0x9f, 0x65, 0xfa, 0x89, 0x5f, 0x9c, 0x67, 0xb3, 0x2c, 0xe1, 0xba, 0xf0, 0xb0, 0xd8,
        0xa4, 0x35, 0x05, 0xa0, 0x00, 0xa1, 0xa9, 0xe0, 0x90, 0xd4, 0x14, 0xdb, 0x40, 0x4d,
    ]);
    assert_eq!(key.tag(b"x"), expected.tag(b"x"));
    assert_eq!(key.scope(), "20120215/us-east-1/iam/aws4_request");
}

#[test]
fn keys_do_not_print() {
    let key = SigningKey::derive(&secret(SECRET), "20120215", "us-east-1", "iam");
    assert_eq!(format!("{key:?}"), "SigningKey(20120215/us-east-1/iam/aws4_request)");
    let cache = SigningKeyCache::new(10);
    checked(&Sample::signed(), |claim, _| drop(cache.derive(claim, 1, &secret(SECRET))));
    assert_eq!(format!("{cache:?}"), "SigningKeyCache(1 keys)");
}

#[test]
fn the_cache_finds_a_key_until_its_secret_changes() {
    let (cache, sample) = (SigningKeyCache::new(10), Sample::signed());
    checked(&sample, |claim, request| {
        assert!(cache.is_empty() && cache.get(claim, 1).is_none());
        let key = cache.derive(claim, 1, &secret(SECRET));
        assert_eq!(claim.verify(request, &sample.headers, &key), Ok(()));
        let kept = cache.get(claim, 1).expect("kept");
        assert_eq!(claim.verify(request, &sample.headers, &kept), Ok(()));
        assert!(cache.get(claim, 2).is_none());
        let key = cache.derive(claim, 2, &secret("changed"));
        assert_eq!(claim.verify(request, &sample.headers, &key), Err(SignatureError::Mismatch));
    });
    let mut other = Sample::unsigned();
    other.service = "kms";
    other.sign();
    checked(&other, |claim, _| assert!(cache.get(claim, 1).is_none()));
}

#[test]
fn the_cache_is_bounded() {
    let (cache, sample) = (SigningKeyCache::new(8), Sample::signed());
    checked(&sample, |claim, _| {
        for generation in 0..1000 {
            cache.derive(claim, generation, &secret(SECRET));
        }
    });
    assert!((1..=8).contains(&cache.len()), "{}", cache.len());
}

#[test]
fn a_key_for_another_scope_verifies_nothing() {
    let sample = Sample::signed();
    checked(&sample, |claim, request| {
        for (date, region, service) in [
            ("20150829", "us-east-1", "secretsmanager"),
            ("20150830", "us-east-2", "secretsmanager"),
            ("20150830", "us-east-1", "kms"),
        ] {
            let key = SigningKey::derive(&secret(SECRET), date, region, service);
            assert_eq!(claim.verify(request, &sample.headers, &key), Err(SignatureError::Mismatch));
        }
    });
}

#[test]
fn signing_refuses_what_could_not_be_verified() {
    let sample = Sample::unsigned();
    let (key, body) = (sample.key(), sha256(&sample.body));
    let request = sample.request(&body);
    let signing = |access_key_id, at| Signing { access_key_id, session_token: None, key: &key, at };
    let now = signing(ACCESS_KEY_ID, sample.now);
    let tomorrow = signing(ACCESS_KEY_ID, sample.now.plus_days(1));
    let broken = signing("line\nbreak", sample.now);
    let try_sign = |headers: &HeaderMap, signing| sign(&request, &mut headers.clone(), signing);
    assert_eq!(try_sign(&sample.headers, &now), Ok(()));
    assert_eq!(try_sign(&sample.headers, &tomorrow), Err(SignError::Day));
    assert_eq!(try_sign(&sample.headers, &broken), Err(SignError::Credentials));
    assert_eq!(try_sign(&HeaderMap::new(), &now), Err(SignError::Host));
    let token = secret("line\nbreak");
    let with_token = Signing { session_token: Some(&token), ..now };
    assert_eq!(try_sign(&sample.headers, &with_token), Err(SignError::Credentials));
    for expires_s in [0, EXPIRES_S_MAX + 1] {
        assert_eq!(presign(&request, &sample.headers, &now, expires_s), Err(SignError::Expires));
    }
    assert!(presign(&request, &sample.headers, &now, EXPIRES_S_MAX).is_ok());
    assert_eq!(presign(&request, &sample.headers, &tomorrow, 60), Err(SignError::Day));
    assert_eq!(presign(&request, &HeaderMap::new(), &now, 60), Err(SignError::Host));
}

#[test]
fn signing_anew_replaces_the_old_signature() {
    let mut sample = Sample::signed();
    let before = sample.headers.clone();
    sample.sign();
    assert_eq!(sample.headers, before);
}

#[test]
fn the_parts_of_an_http_request_are_taken_as_they_are() {
    let request = http::Request::post("http://host:8080/a%20b?c=%2F").body(()).expect("request");
    let (parts, ()) = request.into_parts();
    let body = sha256(b"");
    let request = Request::of(&parts, &body);
    assert_eq!((request.method, request.path, request.query), ("POST", "/a%20b", "c=%2F"));
    assert_eq!(request.authority, Some("host:8080"));
}
