//! The ceiling: a bare hyper server that reads each request and answers fixed bytes, of the size and with the headers
//! of a GetSecretValue answer. No server that parses, verifies, decides, decrypts and records can be cheaper.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;

use crate::failure::Failure;
use crate::population::ValueText;
use crate::signer;

/// The body of a GetSecretValue answer with a value of `value_bytes` bytes.
pub fn example_answer(value_bytes: usize) -> String {
    let mut out = String::from(
        r#"{"ARN":"arn:aws:secretsmanager:us-east-1:123456789012:secret:g000000/key00000000-AbCdEf","CreatedDate":1795466251.123,"Name":"g000000/key00000000","SecretString":""#,
    );
    ValueText::new(value_bytes).write(&mut out, 0);
    out.push_str(r#"","VersionId":"5e0cbd5f-3a35-4f6f-9f0a-0d4d5d0f5b5a","VersionStages":["AWSCURRENT"]}"#);
    out
}

/// Serves on `listen` until the process is ended; writes the URL to `endpoint` when ready.
pub async fn serve(listen: SocketAddr, endpoint: &Path, value_bytes: usize) -> Result<(), Failure> {
    let listener = TcpListener::bind(listen).await.map_err(Failure::io(format!("listen on {listen}")))?;
    let address = listener.local_addr().map_err(Failure::io("local address"))?;
    std::fs::write(endpoint, format!("http://{address}\n")).map_err(Failure::io(endpoint.display().to_string()))?;
    let answer = Bytes::from(example_answer(value_bytes));
    loop {
        let (stream, _) = listener.accept().await.map_err(Failure::io("accept"))?;
        stream.set_nodelay(true).map_err(Failure::io("set TCP_NODELAY"))?;
        let answer = answer.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| respond(request, answer.clone()));
            // The peer ends the connection as it likes.
            let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn respond(request: Request<Incoming>, answer: Bytes) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut body = request.into_body();
    while let Some(Ok(frame)) = body.frame().await {
        drop(frame);
    }
    let mut response = Response::new(Full::new(answer));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(signer::CONTENT_TYPE));
    response.headers_mut().insert(
        HeaderName::from_static("x-amzn-requestid"),
        HeaderValue::from_static("5e0cbd5f-3a35-4f6f-9f0a-0d4d5d0f5b5a"),
    );
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_that_of_get_secret_value() {
        let answer: serde_json::Value = serde_json::from_str(&example_answer(1024)).unwrap();
        assert_eq!(answer["SecretString"].as_str().unwrap().len(), 1024);
    }
}
