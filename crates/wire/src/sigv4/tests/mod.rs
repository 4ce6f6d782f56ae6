//! Tests of signatures: published vectors, the reference signer, requests to accept and requests to refuse.

mod accepted;
mod differential;
mod keys;
mod malformed;
mod misplaced;
mod presigned;
mod tampered;
mod vectors;

use http::{HeaderMap, HeaderName, HeaderValue};
use strongroom_crypto::digest::sha256;
use strongroom_types::{SecretText, Timestamp};

use super::*;
use crate::error::ServiceError;

/// The credentials of AWS's published examples.
const ACCESS_KEY_ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// 20150830T123600Z, the time of AWS's published examples.
const AT_S: i64 = 1_440_938_160;
const TOKEN: &str = "FQoGZXIvYXdzEXAMPLE//token+with/every=kind==";

/// AWS's text for a signature that is not that of the request.
const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your AWS \
                        Secret Access Key and signing method. Consult the service documentation for details.";

/// A request, and the server that it comes to.
#[derive(Clone)]
struct Sample {
    method: &'static str,
    path: String,
    query: String,
    headers: HeaderMap,
    authority: Option<&'static str>,
    body: Vec<u8>,
    now: Timestamp,
    region: &'static str,
    service: &'static str,
    secret: &'static str,
}

impl Sample {
    /// A call of Secrets Manager as SDKs make it, not signed yet.
    fn unsigned() -> Self {
        let mut sample = Self {
            method: "POST",
            path: "/".to_owned(),
            query: String::new(),
            headers: HeaderMap::new(),
            authority: None,
            body: br#"{"SecretId":"prod/db"}"#.to_vec(),
            now: Timestamp::from_seconds(AT_S),
            region: "us-east-1",
            service: "secretsmanager",
            secret: SECRET,
        };
        sample.set("host", "secretsmanager.us-east-1.amazonaws.com");
        sample.set("content-type", "application/x-amz-json-1.1");
        sample.set("x-amz-target", "secretsmanager.GetSecretValue");
        sample
    }

    /// The same, signed with temporary credentials in the header form.
    fn signed() -> Self {
        let mut sample = Self::unsigned();
        sample.sign();
        sample
    }

    /// The same, signed with temporary credentials in the presigned form, valid for an hour.
    fn presigned() -> Self {
        let mut sample = Self::unsigned();
        sample.query = sample.presign(Some(TOKEN));
        sample
    }

    fn sign(&mut self) {
        let (body, token) = (sha256(&self.body), SecretText::new(TOKEN.to_owned()));
        let key = self.key();
        let signing = Signing {
            access_key_id: ACCESS_KEY_ID,
            session_token: Some(&token),
            key: &key,
            at: Timestamp::from_seconds(AT_S),
        };
        let mut headers = std::mem::take(&mut self.headers);
        sign(&self.request(&body), &mut headers, &signing).expect("sign");
        self.headers = headers;
    }

    /// The query of the presigned form.
    fn presign(&self, token: Option<&str>) -> String {
        let (body, token) = (sha256(&self.body), token.map(|token| SecretText::new(token.to_owned())));
        let key = self.key();
        let at = Timestamp::from_seconds(AT_S);
        let signing = Signing { access_key_id: ACCESS_KEY_ID, session_token: token.as_ref(), key: &key, at };
        presign(&self.request(&body), &self.headers, &signing, 3600).expect("presign")
    }

    fn key(&self) -> SigningKey {
        SigningKey::derive(&SecretText::new(SECRET.to_owned()), "20150830", self.region, self.service)
    }

    fn request<'a>(&'a self, body_sha256: &'a [u8; 32]) -> Request<'a> {
        Request { method: self.method, path: &self.path, query: &self.query, authority: self.authority, body_sha256 }
    }

    fn set(&mut self, name: &'static str, value: &str) {
        self.headers.insert(HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).expect("value"));
    }

    fn add(&mut self, name: &'static str, value: &str) {
        self.headers.append(HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).expect("value"));
    }

    fn remove(&mut self, name: &str) {
        self.headers.remove(name).expect("a header to remove");
    }

    /// Replaces a part of the `Authorization` header, which must be there.
    fn edit(&mut self, from: &str, to: &str) {
        let text = self.headers["authorization"].to_str().expect("text");
        assert!(text.contains(from), "{from} in {text}");
        let text = text.replacen(from, to, 1);
        self.set("authorization", &text);
    }

    /// Replaces a part of the query, which must be there.
    fn edit_query(&mut self, from: &str, to: &str) {
        assert!(self.query.contains(from), "{from} in {}", self.query);
        self.query = self.query.replacen(from, to, 1);
    }

    /// The signature as it stands in the `Authorization` header.
    fn signature(&self) -> String {
        let text = self.headers["authorization"].to_str().expect("text");
        text.rsplit_once("Signature=").expect("signature").1.to_owned()
    }

    /// What the server says: all steps of verification, with the one secret it knows.
    fn verdict(&self) -> Result<(), SignatureError> {
        let body = sha256(&self.body);
        let request = self.request(&body);
        let expected = Expected { now: self.now, region: self.region, service: self.service };
        let claim = parse(&request, &self.headers)?.check(&request, &self.headers, &expected)?;
        let secret = SecretText::new(self.secret.to_owned());
        let key = SigningKey::derive(&secret, claim.date(), claim.region(), claim.service());
        claim.verify(&request, &self.headers, &key)
    }
}

/// A change to a request that is otherwise right, and what the server must say to it.
struct Case {
    what: &'static str,
    change: fn(&mut Sample),
    code: &'static str,
    text: &'static str,
}

/// Makes sure that `sample` is right, and that each case makes it wrong in its own way.
fn refuse_all(sample: &Sample, cases: &[Case]) {
    sample.verdict().expect("the request before the change");
    for Case { what, change, code, text } in cases {
        let mut sample = sample.clone();
        change(&mut sample);
        let error = ServiceError::from(sample.verdict().expect_err(what));
        assert_eq!((error.code.name, error.message.as_str()), (*code, *text), "{what}");
        assert_eq!(error.code.status, 400, "{what}");
    }
}

#[test]
fn every_kind_of_error_has_the_codes_of_both_protocols() {
    let other = String::new;
    for (error, json, query, status) in [
        (SignatureError::Missing, "MissingAuthenticationTokenException", "MissingAuthenticationToken", 403),
        (SignatureError::Incomplete(other()), "IncompleteSignatureException", "IncompleteSignature", 400),
        (SignatureError::Invalid(other()), "InvalidSignatureException", "SignatureDoesNotMatch", 403),
        (SignatureError::Mismatch, "InvalidSignatureException", "SignatureDoesNotMatch", 403),
        (SignatureError::UnknownToken, "UnrecognizedClientException", "InvalidClientTokenId", 403),
        (SignatureError::ExpiredToken, "ExpiredTokenException", "ExpiredToken", 403),
    ] {
        let code = error.code();
        assert_eq!((code.name, code.status), (json, 400));
        assert_eq!((code.for_query().name, code.for_query().status), (query, status));
    }
    let text = |error: SignatureError| ServiceError::from(error).message;
    assert_eq!(text(SignatureError::Missing), "Missing Authentication Token");
    assert_eq!(text(SignatureError::Mismatch), MISMATCH);
    assert_eq!(text(SignatureError::UnknownToken), "The security token included in the request is invalid.");
    assert_eq!(text(SignatureError::ExpiredToken), "The security token included in the request is expired");
}
