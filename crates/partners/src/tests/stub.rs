//! An HTTP server on loopback that answers as a test says.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine as _;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A call that came.
pub struct Call {
    pub method: String,
    pub path: String,
    pub query: BTreeMap<String, String>,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Call {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// User and password of basic authentication.
    pub fn basic(&self) -> (String, String) {
        let encoded = self.header("authorization").strip_prefix("Basic ").unwrap_or_default();
        let decoded = base64::engine::general_purpose::STANDARD.decode(encoded).unwrap();
        let text = String::from_utf8(decoded).unwrap();
        let (user, password) = text.split_once(':').unwrap_or_default();
        (user.to_owned(), password.to_owned())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    pub fn form(&self) -> BTreeMap<String, String> {
        assert_eq!(self.header("content-type"), "application/x-www-form-urlencoded");
        pairs(&self.body)
    }
}

fn pairs(text: &str) -> BTreeMap<String, String> {
    let decoded = |part: &str| percent_decode_str(part).decode_utf8().unwrap().into_owned();
    text.split('&').filter_map(|pair| pair.split_once('=')).map(|(a, b)| (decoded(a), decoded(b))).collect()
}

/// A status and a body.
pub type Reply = (u16, Value);

/// Nothing but a status.
pub fn only(status: u16) -> Reply {
    (status, json!({}))
}

/// The server, until it is dropped.
pub struct Stub {
    pub url: String,
    task: JoinHandle<()>,
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Stub {
    pub async fn start(answer: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answer = Arc::new(answer);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let answer = Arc::clone(&answer);
                tokio::spawn(async move {
                    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                        let answer = Arc::clone(&answer);
                        async move {
                            let (head, body) = request.into_parts();
                            let body = body.collect().await.unwrap().to_bytes();
                            let headers = head.headers.iter();
                            let headers = headers
                                .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
                                .collect();
                            let (status, value) = answer(&Call {
                                method: head.method.to_string(),
                                path: head.uri.path().to_owned(),
                                query: pairs(head.uri.query().unwrap_or_default()),
                                headers,
                                body: String::from_utf8(body.to_vec()).unwrap(),
                            });
                            let response = hyper::Response::builder().status(status);
                            let body = if status == 204 { Bytes::new() } else { Bytes::from(value.to_string()) };
                            Ok::<_, Infallible>(response.body(Full::new(body)).unwrap())
                        }
                    });
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self { url, task }
    }
}
