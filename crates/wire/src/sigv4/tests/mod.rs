//! Tests of signatures.

use http::{HeaderMap, HeaderName, HeaderValue};
use strongroom_crypto::digest::sha256;
use strongroom_types::SecretText;

use super::*;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

#[test]
fn get_vanilla_has_its_published_signature() {
    let body = sha256(b"");
    let request = Request { method: "GET", path: "/", query: "", authority: None, body_sha256: &body };
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("example.amazonaws.com"));
    let key = SigningKey::derive(&SecretText::new(SECRET.to_owned()), "20150830", "us-east-1", "service");
    let at = Timestamp::from_seconds(1_440_938_160);
    let signing = Signing { access_key_id: "AKIDEXAMPLE", session_token: None, key: &key, at };
    sign(&request, &mut headers, &signing).expect("sign");
    let authorization = headers.get(HeaderName::from_static("authorization")).expect("header").to_str().expect("text");
    assert_eq!(
        authorization,
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    );
    let expected = Expected { now: at, region: "us-east-1", service: "service" };
    let claim = parse(&request, &headers).expect("claim").check(&request, &headers, &expected).expect("check");
    claim.verify(&request, &headers, &key).expect("verify");
}
