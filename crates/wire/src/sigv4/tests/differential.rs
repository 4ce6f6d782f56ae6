//! Compares with the signer of the AWS SDK for Rust, over random requests: both give the same signature, and what the
//! reference signs is accepted.

use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    SessionTokenMode, SignableBody, SignableRequest, SignatureLocation, SigningParams, SigningSettings,
    sign as reference,
};
use aws_sigv4::sign::v4;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_assert_eq, prop_oneof, proptest};

use super::*;

/// A random call, before it is signed.
#[derive(Clone, Debug)]
struct Call {
    method: &'static str,
    path: String,
    query: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    token: Option<String>,
    at_s: i64,
    http2: bool,
}

/// Pieces of a path or query that a URI may hold.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9._~!*'();:@,$-]{0,8}",
        Just("%20".to_owned()),
        Just("%2F".to_owned()),
        Just("%2f".to_owned()),
        Just("%25".to_owned()),
        Just("%C3%A9".to_owned()),
        Just("%e1%88%b4".to_owned()),
        Just("+".to_owned()),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..4).prop_map(|pieces| pieces.concat())
}

fn path() -> impl Strategy<Value = String> {
    let segment =
        prop_oneof![4 => text(), 1 => Just(".".to_owned()), 1 => Just("..".to_owned()), 1 => Just(String::new())];
    prop::collection::vec(segment, 0..6).prop_map(|segments| format!("/{}", segments.join("/")))
}

fn query() -> impl Strategy<Value = String> {
    let parameter = prop_oneof![
        4 => (text(), text()).prop_map(|(name, value)| format!("{name}={value}")),
        1 => text(),
        1 => Just("a=b=c".to_owned()),
    ];
    prop::collection::vec(parameter, 0..5).prop_map(|parameters| parameters.join("&"))
}

fn headers() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let name = prop::sample::select(vec![
        "accept",
        "content-length",
        "content-type",
        "user-agent",
        "x-a",
        "x-amz-meta",
        "x-amz-target",
        "x-amzn-trace-id",
        "x-b_c",
    ]);
    prop::collection::vec((name, "[ -~]{0,24}"), 0..8)
}

fn call() -> impl Strategy<Value = Call> {
    let method = prop::sample::select(vec!["GET", "POST", "PUT", "DELETE", "PATCH"]);
    let body = prop::collection::vec(any::<u8>(), 0..200);
    let token = prop::option::of("[a-zA-Z0-9/+=]{1,300}");
    (method, path(), query(), headers(), body, token, 0_i64..4_000_000_000, any::<bool>()).prop_map(
        |(method, path, query, headers, body, token, at_s, http2)| Call {
            method,
            path,
            query,
            headers,
            body,
            token,
            at_s,
            http2,
        },
    )
}

impl Call {
    const HOST: &'static str = "secrets.example:8443";

    fn request(&self) -> http::Request<()> {
        let mark = if self.query.is_empty() { "" } else { "?" };
        let uri = format!("https://{}{}{mark}{}", Self::HOST, self.path, self.query);
        let mut builder = http::Request::builder().method(self.method).uri(uri);
        if !self.http2 {
            builder = builder.header("host", Self::HOST);
        }
        for (name, value) in &self.headers {
            builder = builder.header(*name, value.as_str());
        }
        builder.body(()).expect("request")
    }

    fn day(&self) -> String {
        instant::Stamp::of(Timestamp::from_seconds(self.at_s)).date().to_owned()
    }

    fn key(&self) -> SigningKey {
        SigningKey::derive(&SecretText::new(SECRET.to_owned()), &self.day(), "eu-west-1", "secretsmanager")
    }

    /// The request as the reference signs it, and the reference's signature.
    fn signed_by_reference(&self, location: SignatureLocation, token: SessionTokenMode) -> (http::Request<()>, String) {
        let mut settings = SigningSettings::default();
        settings.signature_location = location;
        settings.session_token_mode = token;
        settings.expires_in = (location == SignatureLocation::QueryParams).then_some(Duration::from_secs(900));
        let identity = Credentials::new(ACCESS_KEY_ID, SECRET, self.token.clone(), None, "test").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region("eu-west-1")
            .name("secretsmanager")
            .time(UNIX_EPOCH + Duration::from_secs(u64::try_from(self.at_s).expect("after 1970")))
            .settings(settings)
            .build()
            .expect("parameters");
        let mut request = self.request();
        let uri = request.uri().to_string();
        let headers: Vec<(String, String)> = request
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().expect("text").to_owned()))
            .collect();
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let signable =
            SignableRequest::new(self.method, uri, headers, SignableBody::Bytes(&self.body)).expect("signable");
        let (instructions, signature) = reference(signable, &SigningParams::V4(params)).expect("signed").into_parts();
        instructions.apply_to_request_http1x(&mut request);
        (request, signature)
    }

    fn verdict(&self, request: http::Request<()>) -> Result<Option<String>, SignatureError> {
        let (parts, ()) = request.into_parts();
        let body = sha256(&self.body);
        let request = Request::of(&parts, &body);
        let now = Timestamp::from_seconds(self.at_s);
        let expected = Expected { now, region: "eu-west-1", service: "secretsmanager" };
        let claim = parse(&request, &parts.headers)?.check(&request, &parts.headers, &expected)?;
        claim.verify(&request, &parts.headers, &self.key())?;
        Ok(claim.session_token().map(str::to_owned))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_header_form_agrees_with_the_reference(call in call()) {
        let (theirs, signature) = call.signed_by_reference(SignatureLocation::Headers, SessionTokenMode::Include);
        prop_assert_eq!(call.verdict(theirs), Ok(call.token.clone()));

        let (parts, ()) = call.request().into_parts();
        let (body, key) = (sha256(&call.body), call.key());
        let token = call.token.clone().map(SecretText::new);
        let at = Timestamp::from_seconds(call.at_s);
        let signing = Signing { access_key_id: ACCESS_KEY_ID, session_token: token.as_ref(), key: &key, at };
        let mut headers = parts.headers.clone();
        sign(&Request::of(&parts, &body), &mut headers, &signing).expect("sign");
        let ours = headers["authorization"].to_str().expect("text").rsplit_once('=').expect("signature").1;
        prop_assert_eq!(ours, signature);
        let mut ours = call.request();
        *ours.headers_mut() = headers;
        prop_assert_eq!(call.verdict(ours), Ok(call.token.clone()));
    }

    #[test]
    fn the_presigned_form_agrees_with_the_reference(call in call()) {
        let (theirs, signature) = call.signed_by_reference(SignatureLocation::QueryParams, SessionTokenMode::Include);
        prop_assert_eq!(call.verdict(theirs), Ok(call.token.clone()));

        let (parts, ()) = call.request().into_parts();
        let (body, key) = (sha256(&call.body), call.key());
        let token = call.token.clone().map(SecretText::new);
        let at = Timestamp::from_seconds(call.at_s);
        let signing = Signing { access_key_id: ACCESS_KEY_ID, session_token: token.as_ref(), key: &key, at };
        let query = presign(&Request::of(&parts, &body), &parts.headers, &signing, 900).expect("presign");
        prop_assert_eq!(query.rsplit_once('=').expect("signature").1, signature);
        let mut ours = call.request();
        *ours.uri_mut() = format!("https://{}{}?{query}", Call::HOST, parts.uri.path()).parse().expect("uri");
        prop_assert_eq!(call.verdict(ours), Ok(call.token.clone()));
    }

    #[test]
    fn tokens_appended_after_signing_are_accepted(call in call()) {
        let (theirs, _) = call.signed_by_reference(SignatureLocation::QueryParams, SessionTokenMode::Exclude);
        prop_assert_eq!(call.verdict(theirs), Ok(call.token.clone()));
    }

    #[test]
    fn a_changed_request_is_refused(call in call(), at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let (theirs, _) = call.signed_by_reference(SignatureLocation::Headers, SessionTokenMode::Include);
        let mut changed = call.clone();
        changed.body.push(0);
        let at = at.index(changed.body.len());
        changed.body[at] ^= 1 << bit;
        prop_assert_eq!(changed.verdict(theirs), Err(SignatureError::Mismatch));
    }
}
