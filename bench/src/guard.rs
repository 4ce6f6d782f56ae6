//! Makes a user with policies who asks in the root's stead, so that the cost of deciding is in the figures: an identity
//! policy of ten statements, a resource policy on every secret, tags on both sides. And a key that secrets are put under.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use strongroom_crypto::digest::sha256;
use strongroom_types::{Clock, SecretText, SystemClock};
use strongroom_wire::sigv4::{self, Signing, SigningKey};
use strongroom_wire::timestamps;
use tokio::net::TcpStream;

use crate::client::Endpoint;
use crate::credentials::Credentials;
use crate::failure::Failure;
use crate::population::write_name;
use crate::signer;

/// The user.
const USER: &str = "reader";
const FORM: &str = "application/x-www-form-urlencoded";
const IAM_VERSION: &str = "2010-05-08";

/// Nine statements about other things, and one that allows to read secrets whose tag is the user's.
fn identity_policy() -> String {
    let mut statements = Vec::new();
    for team in 0..5 {
        statements.push(format!(
            r#"{{"Sid":"Team{team}","Effect":"Allow","Action":["secretsmanager:PutSecretValue","secretsmanager:UpdateSecret"],"Resource":"arn:aws:secretsmanager:*:*:secret:team-{team}/*"}}"#
        ));
    }
    statements.extend(
        [
            r#"{"Effect":"Allow","Action":["secretsmanager:ListSecrets","secretsmanager:GetRandomPassword"],"Resource":"*"}"#,
            r#"{"Effect":"Deny","Action":"secretsmanager:Delete*","Resource":"*"}"#,
            r#"{"Effect":"Deny","Action":"secretsmanager:*","Resource":"arn:aws:secretsmanager:*:*:secret:vault/*"}"#,
            r#"{"Effect":"Allow","Action":"iam:Get*","Resource":"arn:aws:iam::*:user/${aws:username}"}"#,
            r#"{"Effect":"Allow","Action":["secretsmanager:GetSecretValue","secretsmanager:DescribeSecret"],"Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/stage":"${aws:PrincipalTag/stage}"}}}"#,
        ]
        .map(str::to_owned),
    );
    format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","))
}

/// What every secret has of its own.
pub const RESOURCE_POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"secretsmanager:DeleteSecret","Resource":"*","Condition":{"StringNotEquals":{"aws:PrincipalTag/stage":"operations"}}}]}"#;

/// Makes the user and puts the policies; the endpoint as which the user asks.
pub async fn guard(endpoint: &Endpoint, secrets: u64) -> Result<Endpoint, Failure> {
    let policy = utf8_percent_encode(&identity_policy(), NON_ALPHANUMERIC).to_string();
    iam(endpoint, "CreateUser", "Tags.member.1.Key=stage&Tags.member.1.Value=bench").await?;
    iam(endpoint, "PutUserPolicy", &format!("PolicyName=reader&PolicyDocument={policy}")).await?;
    let keys = iam(endpoint, "CreateAccessKey", "").await?;
    let part = |name: &str| {
        let rest = keys.split_once(&format!("<{name}>"))?.1;
        Some(rest.split_once('<')?.0.to_owned())
    };
    let (Some(access_key_id), Some(secret)) = (part("AccessKeyId"), part("SecretAccessKey")) else {
        return Err(Failure::void("CreateAccessKey gave no key"));
    };
    for number in 0..secrets {
        let mut name = String::new();
        write_name(&mut name, number);
        let body = serde_json::json!({ "SecretId": name, "ResourcePolicy": RESOURCE_POLICY }).to_string();
        let target = [("x-amz-target", "secretsmanager.PutResourcePolicy")];
        send(endpoint, "secretsmanager", &[("content-type", signer::CONTENT_TYPE), target[0]], body).await?;
    }
    let credentials = Credentials { access_key_id, secret_access_key: SecretText::new(secret) };
    Ok(Endpoint { credentials, ..endpoint.clone() })
}

/// Makes a key with a policy of its own and puts every secret under it.
pub async fn put_under_key(endpoint: &Endpoint, secrets: u64) -> Result<(), Failure> {
    let ask = |service: &'static str, target: &'static str, body: serde_json::Value| {
        let headers = [("content-type", signer::CONTENT_TYPE), ("x-amz-target", target)];
        async move { send(endpoint, service, &headers, body.to_string()).await }
    };
    let made = ask("kms", "TrentService.CreateKey", serde_json::json!({ "Description": "of the bench" })).await?;
    let made: serde_json::Value = serde_json::from_str(&made).map_err(|why| Failure::void(why.to_string()))?;
    let text = |name: &str| made.pointer(&format!("/KeyMetadata/{name}")).and_then(serde_json::Value::as_str);
    let (Some(key), Some(account)) = (text("KeyId"), text("AWSAccountId")) else {
        return Err(Failure::void("CreateKey gave no key"));
    };
    let policy = serde_json::json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{account}:root") }, "Action": "kms:*",
          "Resource": "*" },
        { "Effect": "Deny", "Principal": "*", "Action": ["kms:ScheduleKeyDeletion", "kms:DisableKey"], "Resource": "*",
          "Condition": { "StringNotEquals": { "aws:PrincipalTag/stage": "operations" } } },
        { "Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*",
          "Condition": { "StringNotLike": { "kms:EncryptionContext:SecretARN": "arn:aws:secretsmanager:*" } } },
    ]});
    let policy = serde_json::json!({ "KeyId": key, "Policy": policy.to_string() });
    ask("kms", "TrentService.PutKeyPolicy", policy).await?;
    for number in 0..secrets {
        let mut name = String::new();
        write_name(&mut name, number);
        let update = serde_json::json!({ "SecretId": name, "KmsKeyId": key });
        ask("secretsmanager", "secretsmanager.UpdateSecret", update).await?;
    }
    Ok(())
}

async fn iam(endpoint: &Endpoint, action: &str, parameters: &str) -> Result<String, Failure> {
    let body = format!("Action={action}&Version={IAM_VERSION}&UserName={USER}&{parameters}");
    send(endpoint, "iam", &[("content-type", FORM)], body).await
}

/// Sends one signed request on a connection of its own; any status but 200 is a failure.
async fn send(
    endpoint: &Endpoint,
    service: &str,
    headers: &[(&'static str, &'static str)],
    body: String,
) -> Result<String, Failure> {
    let broken = |why: &dyn std::fmt::Display| Failure::void(format!("{service}: {why}"));
    let at = SystemClock.now();
    let date: String = timestamps::iso(at).chars().filter(|c| *c != '-').take(8).collect();
    let Credentials { access_key_id, secret_access_key } = &endpoint.credentials;
    let key = SigningKey::derive(secret_access_key, &date, &endpoint.region, service);
    let mut map = HeaderMap::new();
    let host = HeaderValue::from_str(&endpoint.address.to_string()).map_err(|why| broken(&why))?;
    map.insert(HOST, host);
    for (name, value) in headers {
        map.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let digest = sha256(body.as_bytes());
    let parts = sigv4::Request { method: "POST", path: "/", query: "", authority: None, body_sha256: &digest };
    let signing = Signing { access_key_id, session_token: None, key: &key, at };
    sigv4::sign(&parts, &mut map, &signing).map_err(|why| broken(&why))?;
    let mut request = Request::builder().method(Method::POST).uri("/");
    if let Some(headers) = request.headers_mut() {
        headers.extend(map);
        debug_assert!(headers.contains_key(CONTENT_TYPE));
    }
    let request = request.body(Full::new(Bytes::from(body))).map_err(|why| broken(&why))?;
    let stream = TcpStream::connect(endpoint.address).await.map_err(|why| broken(&why))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|why| broken(&why))?;
    let driver = tokio::spawn(connection);
    let answer = sender.send_request(request).await.map_err(|why| broken(&why))?;
    let status = answer.status();
    let bytes = answer.into_body().collect().await.map_err(|why| broken(&why))?.to_bytes();
    drop(sender);
    driver.abort();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    if status == StatusCode::OK { Ok(text) } else { Err(broken(&format!("{status}: {text}"))) }
}
