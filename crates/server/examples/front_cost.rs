//! Measures what the front costs over a bare hyper server that answers the same bytes: processor time of the
//! server's threads a request, interleaved rounds, median. Also what a task for each request would cost.
//!
//! `cargo run --release -p strongroom-server --example front_cost -- [ROUNDS] [REQUESTS A ROUND]`; Linux only.

use std::error::Error;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use strongroom_crypto::SystemRandom;
use strongroom_server::config::Config;
use strongroom_server::front::{Answer, Answering, Call, Endpoint, Readiness};
use strongroom_server::listen::{Listeners, serve};
use strongroom_types::SystemClock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

type Failure = Box<dyn Error + Send + Sync>;

const ANSWER_BYTES: usize = 500;
const CONNECTIONS: [usize; 3] = [1, 16, 64];

/// Answers at once, or from a task of its own.
struct Fixed {
    spawn: bool,
}

impl Endpoint for Fixed {
    fn call(self: Arc<Self>, _: Call) -> Answering {
        let answer = || Answer::json(200, vec![b'x'; ANSWER_BYTES]);
        if !self.spawn {
            return Box::pin(async move { answer() });
        }
        let task = tokio::spawn(async move { answer() });
        Box::pin(async move { task.await.unwrap_or_else(|_| Answer::json(500, Vec::new())) })
    }

    fn ready(&self) -> Readiness {
        Readiness::Ready
    }
}

/// A runtime whose threads are counted as the server's.
fn runtime(name: &str) -> Result<Runtime, Failure> {
    Ok(Builder::new_multi_thread().worker_threads(1).thread_name(name).enable_all().build()?)
}

async fn bare(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    drop(request.into_body().collect().await?);
    let mut response = Response::new(Full::new(Bytes::from(vec![b'x'; ANSWER_BYTES])));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
    let id = HeaderValue::from_static("00000000-0000-4000-8000-000000000000");
    headers.insert("x-amzn-requestid", id);
    Ok(response)
}

async fn start_bare() -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream.set_nodelay(true));
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(bare)));
        }
    });
    Ok(address)
}

async fn start_front(spawn: bool) -> Result<SocketAddr, Failure> {
    let free = |config: &mut Config| config.listen.addresses = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
    let config = Config::load_with("", free)?;
    let listeners = Listeners::bind(&config).await?;
    let address = listeners.addresses().first().ok_or("no address")?.address;
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let stop = std::future::pending();
    tokio::spawn(async move { serve(listeners, Arc::new(Fixed { spawn }), stop, &config, clock, random).await });
    Ok(address)
}

/// A request of some 760 bytes, with the headers that an SDK sends.
fn request() -> Vec<u8> {
    let body = r#"{"SecretId":"prod/payments/database","VersionStage":"AWSCURRENT"}"#;
    let signature = "0123456789abcdef".repeat(4);
    format!(
        "POST / HTTP/1.1\r\nHost: 127.0.0.1:7600\r\nAccept-Encoding: identity\r\n\
         X-Amz-Target: secretsmanager.GetSecretValue\r\nContent-Type: application/x-amz-json-1.1\r\n\
         User-Agent: Boto3/1.43.11 md/Botocore#1.43.11 ua/2.1 os/linux#6.1 md/arch#x86_64 lang/python#3.11.2\r\n\
         X-Amz-Date: 20240203T040506Z\r\nAuthorization: AWS4-HMAC-SHA256 \
         Credential=AKIAIOSFODNN7EXAMPLE/20240203/us-east-1/secretsmanager/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={signature}\r\n\
         amz-sdk-invocation-id: 6f1ed002-ab5f-4d6e-8b0a-1234567890ab\r\namz-sdk-request: attempt=1\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Sends `count` requests on each of `connections` connections, one after the other.
async fn load(address: SocketAddr, connections: usize, count: usize) -> Result<(), Failure> {
    let mut clients = JoinSet::new();
    for _ in 0..connections {
        clients.spawn(async move {
            let request = request();
            let mut stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let mut answer = vec![0; 4096];
            for _ in 0..count {
                stream.write_all(&request).await?;
                let mut come = 0;
                // The head's length does not vary by more than the date's, which is none.
                while !answer.get(..come).unwrap_or_default().ends_with(&[b'x'; ANSWER_BYTES]) {
                    let read = stream.read(answer.get_mut(come..).unwrap_or_default()).await?;
                    if read == 0 {
                        return Err("the server closed the connection".into());
                    }
                    come += read;
                }
            }
            Ok::<(), Failure>(())
        });
    }
    while let Some(done) = clients.join_next().await {
        done??;
    }
    Ok(())
}

/// Processor time in nanoseconds of all threads called `name`.
fn processor_ns(name: &str) -> Result<u64, Failure> {
    let mut sum = 0;
    for thread in fs::read_dir("/proc/self/task")? {
        let thread = thread?.path();
        if fs::read_to_string(thread.join("comm"))?.trim() == name {
            let times = fs::read_to_string(thread.join("schedstat"))?;
            sum += times.split(' ').next().ok_or("schedstat is empty")?.parse::<u64>()?;
        }
    }
    Ok(sum)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<usize>());
    let rounds = arguments.next().transpose()?.unwrap_or(9);
    let requests = arguments.next().transpose()?.unwrap_or(40_000);
    let names = ["bare", "front", "spawn"];
    let servers = [runtime(names[0])?, runtime(names[1])?, runtime(names[2])?];
    let [bare, front, spawn] = &servers;
    let addresses =
        [bare.block_on(start_bare())?, front.block_on(start_front(false))?, spawn.block_on(start_front(true))?];
    let client = runtime("client")?;
    println!("server processor time a request, microseconds, median of {rounds} rounds of {requests} requests");
    println!("{:>11} {:>8} {:>8} {:>8} {:>8}", "connections", "bare", "front", "ratio", "spawn");
    for connections in CONNECTIONS {
        let mut costs = [const { Vec::new() }; 3];
        for _ in 0..rounds {
            for ((name, address), costs) in names.iter().zip(addresses).zip(&mut costs) {
                let before = processor_ns(name)?;
                client.block_on(load(address, connections, requests / connections))?;
                let spent = u32::try_from((processor_ns(name)? - before) / 1000)?;
                costs.push(f64::from(spent) / f64::from(u32::try_from(requests)?));
            }
        }
        let [bare, front, spawn] = costs.map(median);
        println!("{connections:>11} {bare:>8.2} {front:>8.2} {:>8.2} {spawn:>8.2}", front / bare);
    }
    Ok(())
}
