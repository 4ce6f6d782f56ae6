//! One keep-alive connection: signs, sends, reads the answer; connects anew when the server closed it.

use std::net::SocketAddr;
use std::pin::pin;

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT,
};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use strongroom_types::{Clock, SystemClock};
use tokio::net::TcpStream;

use crate::credentials::Credentials;
use crate::failure::Failure;
use crate::operation::Operation;
use crate::signer::{self, Signer};

/// How much of an answer that is not a success is kept for the report.
const EXCERPT_BYTES_MAX: usize = 300;

const X_AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
const X_AMZ_TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// Of the length and kind that SDKs send.
const AGENT: &str =
    "strongroom-bench/1.0 md/bench#closed ua/2.1 os/linux md/arch#x86_64 lang/rust md/http#hyper cfg/retry-mode#none";

/// Where requests go and who sends them.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The server's address.
    pub address: SocketAddr,
    /// Whose key signs.
    pub credentials: Credentials,
    /// The region that is signed for.
    pub region: String,
}

/// A connection for requests of one operation.
pub struct Client {
    address: SocketAddr,
    signer: Signer,
    headers: HeaderMap,
    wire: Option<Wire>,
    reconnects: u64,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// Bytes of the body.
    pub bytes: u64,
    /// The body when it was asked for, or its beginning when the answer is not a success.
    pub body: Vec<u8>,
}

/// A connected socket: the half that takes requests and the half that moves bytes.
struct Wire {
    sender: http1::SendRequest<Full<Bytes>>,
    driver: http1::Connection<TokioIo<TcpStream>, Full<Bytes>>,
    ended: bool,
}

impl Client {
    /// A client that connects at its first request.
    pub fn new(endpoint: &Endpoint, operation: Operation) -> Result<Self, Failure> {
        let host = endpoint.address.to_string();
        let signer = Signer::new(endpoint.credentials.clone(), &endpoint.region, &host, operation.target());
        let host = HeaderValue::from_str(&host).map_err(|why| Failure::void(format!("host: {why}")))?;
        let headers = HeaderMap::from_iter([
            (HOST, host),
            (ACCEPT_ENCODING, HeaderValue::from_static("identity")),
            (X_AMZ_TARGET, HeaderValue::from_static(operation.target())),
            (CONTENT_TYPE, HeaderValue::from_static(signer::CONTENT_TYPE)),
            (USER_AGENT, HeaderValue::from_static(AGENT)),
            (
                HeaderName::from_static("amz-sdk-invocation-id"),
                HeaderValue::from_static("5e0cbd5f-3a35-4f6f-9f0a-0d4d5d0f5b5a"),
            ),
            (HeaderName::from_static("amz-sdk-request"), HeaderValue::from_static("attempt=1")),
        ]);
        Ok(Self { address: endpoint.address, signer, headers, wire: None, reconnects: 0 })
    }

    /// Connects if it is not connected, so that the first request does not pay for it.
    pub async fn connect(&mut self) -> Result<(), Failure> {
        if self.wire.as_ref().is_none_or(Wire::is_closed) {
            self.reconnects += u64::from(self.wire.is_some());
            self.wire = Some(Wire::connect(self.address).await?);
        }
        Ok(())
    }

    /// How often the server had closed the connection.
    pub const fn reconnects(&self) -> u64 {
        self.reconnects
    }

    /// Sends one signed request; `keep` keeps the whole body of the answer.
    pub async fn send(&mut self, body: &[u8], keep: bool) -> Result<Answer, Failure> {
        self.connect().await?;
        let request = self.request(body)?;
        let Some(wire) = self.wire.as_mut() else { return Err(Failure::void("not connected")) };
        let answer = wire.exchange(request, keep).await;
        if answer.is_err() {
            self.wire = None;
        }
        answer
    }

    fn request(&mut self, body: &[u8]) -> Result<Request<Full<Bytes>>, Failure> {
        let signature = self.signer.sign(SystemClock.now(), body);
        let mut headers = self.headers.clone();
        headers.insert(X_AMZ_DATE, header(signature.date)?);
        headers.insert(AUTHORIZATION, header(signature.authorization)?);
        let mut request = Request::new(Full::new(Bytes::copy_from_slice(body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from_static("/");
        *request.headers_mut() = headers;
        Ok(request)
    }
}

fn header(bytes: &[u8]) -> Result<HeaderValue, Failure> {
    HeaderValue::from_bytes(bytes).map_err(|why| Failure::void(format!("header: {why}")))
}

impl Wire {
    async fn connect(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await.map_err(Failure::io(format!("connect to {address}")))?;
        stream.set_nodelay(true).map_err(Failure::io("set TCP_NODELAY"))?;
        let (sender, driver) = http1::handshake(TokioIo::new(stream)).await?;
        Ok(Self { sender, driver, ended: false })
    }

    fn is_closed(&self) -> bool {
        self.ended || self.sender.is_closed()
    }

    /// One request and its answer. The connection is driven by the same task, so that no other needs to be woken.
    async fn exchange(&mut self, request: Request<Full<Bytes>>, keep: bool) -> Result<Answer, Failure> {
        let Self { sender, driver, ended } = self;
        let mut exchange = pin!(converse(sender, request, keep));
        loop {
            tokio::select! {
                biased;
                _ = &mut *driver, if !*ended => *ended = true,
                answer = &mut exchange => return answer,
            }
        }
    }
}

async fn converse(
    sender: &mut http1::SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
    keep: bool,
) -> Result<Answer, Failure> {
    sender.ready().await?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let limit = match (keep, status == StatusCode::OK) {
        (true, _) => usize::MAX,
        (false, false) => EXCERPT_BYTES_MAX,
        (false, true) => 0,
    };
    let mut body = response.into_body();
    let mut answer = Answer { status, bytes: 0, body: Vec::new() };
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        answer.bytes += data.len() as u64;
        let room = limit.saturating_sub(answer.body.len()).min(data.len());
        answer.body.extend(data.iter().take(room));
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use strongroom_crypto::digest::sha256;
    use strongroom_wire::sigv4::{self, Expected, SigningKey};

    use super::*;

    #[test]
    fn requests_pass_the_servers_own_verification() {
        let credentials = Credentials::unchecked();
        let address = "127.0.0.1:7600".parse().unwrap();
        let endpoint = Endpoint { address, credentials: credentials.clone(), region: "eu-central-1".to_owned() };
        let body = br#"{"SecretId":"g000000/key00000001"}"#;
        let (parts, _) = Client::new(&endpoint, Operation::Get).unwrap().request(body).unwrap().into_parts();
        let digest = sha256(body);
        let request = sigv4::Request::of(&parts, &digest);
        let claim = sigv4::parse(&request, &parts.headers).unwrap();
        let expected = Expected { now: SystemClock.now(), region: "eu-central-1", service: "secretsmanager" };
        let checked = claim.check(&request, &parts.headers, &expected).unwrap();
        let secret = &credentials.secret_access_key;
        let key = SigningKey::derive(secret, checked.date(), checked.region(), checked.service());
        checked.verify(&request, &parts.headers, &key).unwrap();
        let altered = sha256(b"{}");
        assert!(checked.verify(&sigv4::Request::of(&parts, &altered), &parts.headers, &key).is_err());
    }
}
