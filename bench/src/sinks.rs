//! Reads with every kind of sink beside reads with the trail's files alone and a bare server (the ceiling), in turns; the
//! sinks' far sides take all and keep nothing.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Args;
use http::header::{CONTENT_TYPE, ETAG, HeaderValue};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use crate::failure::Failure;
use crate::keys::Keys;
use crate::load::{Outcome, Pace, Plan, run};
use crate::nodes::{float, fresh_folder, median};
use crate::operation::Operation;
use crate::process::{Running, cpu_us, load_average};
use crate::subject::{Launch, Subject};

const PATIENCE: Duration = Duration::from_secs(60);
/// Looks of 20 ms until sinks have all.
const LOOKS_MAX: u32 = 6000;
const VALUE_BYTES: usize = 1024;
/// Settings of a server that tells figures.
const FIGURES: &str = "[metrics]\nenabled = true\n";
/// What is measured: a closed loop at so many connections, or a timetable.
const LOADS: [(&str, Pace, usize); 5] = [
    ("1 connection", Pace::Closed, 1),
    ("16 connections", Pace::Closed, 16),
    ("64 connections", Pace::Closed, 64),
    ("2000 a second", Pace::Open(2000), 16),
    ("10 000 a second", Pace::Open(10_000), 16),
];

/// How it is measured.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Rounds of each measurement, of which the medians count.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Measured milliseconds of each run.
    #[arg(long, default_value_t = 1500)]
    measured_ms: u64,
    /// Secrets that are read.
    #[arg(long, default_value_t = 1000)]
    secrets: u64,
    /// The program under test.
    #[arg(long, default_value = "target/release/strongroom")]
    binary: PathBuf,
    /// Which sinks, of out, syslog, otlp, archive and webhook; all when not given.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Where data and logs go.
    #[arg(long, default_value = "target/bench-sinks")]
    folder: PathBuf,
}

/// Where far sides are: an address for HTTP and one for syslog.
#[derive(Clone, Copy, Debug)]
struct Far {
    http: u16,
    syslog: u16,
}

/// Takes what is sent, until the process is ended. Writes its two ports to `endpoint` when it is ready.
///
/// # Errors
/// When it cannot listen.
pub async fn swallow(endpoint: &Path) -> Result<(), Failure> {
    let listen = || async { TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(Failure::io("listen")) };
    let (http, syslog) = (listen().await?, listen().await?);
    let port = |listener: &TcpListener| listener.local_addr().map(|at| at.port()).map_err(Failure::io("local address"));
    let ports = format!("{} {}\n", port(&http)?, port(&syslog)?);
    fs::write(endpoint, ports).map_err(Failure::io(endpoint.display().to_string()))?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = syslog.accept().await {
            tokio::spawn(async move {
                let mut buffer = vec![0; 64 * 1024];
                while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
            });
        }
    });
    loop {
        let (stream, _) = http.accept().await.map_err(Failure::io("accept"))?;
        tokio::spawn(async move {
            // The peer ends the connection as it likes.
            let served = auto::Builder::new(TokioExecutor::new());
            let _ = served.serve_connection(TokioIo::new(stream), service_fn(take)).await;
        });
    }
}

async fn take(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut body = request.into_body();
    while let Some(Ok(frame)) = body.frame().await {
        drop(frame);
    }
    let mut response = Response::new(Full::new(Bytes::new()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
    response.headers_mut().insert(ETAG, HeaderValue::from_static("\"0\""));
    Ok(response)
}

/// Measures, and writes a table.
///
/// # Errors
/// When something does not start, or a request fails.
pub async fn table(options: &Options) -> Result<String, Failure> {
    let launch = Launch {
        strongroom: options.binary.clone(),
        bench: std::env::current_exe().map_err(Failure::io("this program"))?,
        folder: fresh_folder(&options.folder)?,
        server_cpus: None,
        region: "us-east-1".to_owned(),
    };
    let ports = launch.folder.join("ports");
    let arguments = ["swallow".as_ref(), "--endpoint".as_ref(), ports.as_os_str()];
    let mut far = Running::start(&launch.bench, &arguments, None, &launch.folder.join("far.log"))?;
    let at = far.wait_for("the far sides", PATIENCE, || read_ports(&ports))?;
    let settings = configured(&launch.folder, at, &options.only)?;
    // Sinks are looked at by their figures, so that the other server has figures too.
    let figures = launch.folder.join("figures.toml");
    fs::write(&figures, FIGURES).map_err(Failure::io(figures.display().to_string()))?;
    let start = |name, settings: &Path| launch.configured(name, &launch.folder.join(name), Some(settings), 0);
    let (mut alone, mut every) = (start("files", &figures)?, start("sinks", &settings)?);
    let ceiling = launch.ceiling(VALUE_BYTES)?;
    for subject in [&mut alone, &mut every] {
        subject.seed(options.secrets, VALUE_BYTES, 7).await?;
    }
    let mut text = format!("load average {:.1} at the beginning\n\n", load_average());
    text.push_str(
        "| GetSecretValue, 1 KiB | files: a second | p50 / p99 | CPU | every sink: a second | p50 / p99 | CPU | ratio of \
         rates (range) | of CPU | CPU until all is delivered | of CPU | delivered a second after it | ceiling: CPU | files \
         against it (range) | every sink until all is delivered against it (range) |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for (title, pace, connections) in LOADS {
        let mut rounds = Vec::new();
        for number in 0..options.rounds {
            let bare = measured(&ceiling, options, pace, connections, number).await?;
            let first = measured(&alone, options, pace, connections, number).await?;
            let (all_begun, had) = (cpu_us(every.pid())?, delivered(&every)?);
            let second = measured(&every, options, pace, connections, number).await?;
            let before = lag_bytes(&every)?;
            let (begun, cpu) = (Instant::now(), cpu_us(every.pid())?);
            drained(&every).await?;
            let (took, end) = (begun.elapsed(), cpu_us(every.pid())?);
            let records = delivered(&every)?.saturating_sub(had).max(1);
            let whole = float(end - all_begun) / float(records);
            rounds.push(Round { bare, first, second, left: before, took, cpu: end - cpu, whole });
        }
        row(&mut text, title, &rounds);
    }
    // Writing into a string does not fail.
    let _ = writeln!(text, "\nload average {:.1} at the end", load_average());
    ceiling.stop()?;
    alone.stop()?;
    every.stop()?;
    far.stop(PATIENCE)?;
    fresh_folder(&options.folder)?;
    Ok(text)
}

struct Round {
    bare: Outcome,
    first: Outcome,
    second: Outcome,
    left: u64,
    took: Duration,
    cpu: u64,
    /// CPU of the server for each record, from before the load until all sinks had it.
    whole: f64,
}

fn row(text: &mut String, title: &str, rounds: &[Round]) {
    let of = |field: &dyn Fn(&Round) -> f64| median(rounds.iter().map(field).collect());
    let rate = |round: &Round| round.second.per_second() / round.first.per_second();
    let cpu = |outcome: &Outcome| outcome.server_cpu_us.unwrap_or(f64::NAN);
    let told = |ratio: &dyn Fn(&Round) -> f64| {
        let mut ratios: Vec<f64> = rounds.iter().map(ratio).collect();
        ratios.sort_by(f64::total_cmp);
        let (least, most) = (ratios.first().copied(), ratios.last().copied());
        let (least, most) = (least.unwrap_or(f64::NAN), most.unwrap_or(f64::NAN));
        format!("{:.2} ({least:.2}-{most:.2})", median(ratios))
    };
    let at = |outcome: &Outcome, quantile| outcome.latencies.quantile_us(quantile);
    let left = of(&|round| {
        let seconds = round.took.as_secs_f64();
        if round.left < 1024 * 1024 { f64::NAN } else { float(round.left) / seconds / 1e6 }
    });
    let drained = if left.is_nan() {
        "nothing was left".to_owned()
    } else {
        let cores = of(&|round| float(round.cpu) / 1e6 / round.took.as_secs_f64());
        format!("{left:.0} MB by {cores:.1} cores")
    };
    let _ = writeln!(
        text,
        "| {title} | {:.0} | {:.0} / {:.0} µs | {:.1} µs | {:.0} | {:.0} / {:.0} µs | {:.1} µs | {} | {:.2} | {:.1} µs | {:.2} | {drained} | {:.1} µs | {} | {} |",
        of(&|round| round.first.per_second()),
        of(&|round| at(&round.first, 0.5)),
        of(&|round| at(&round.first, 0.99)),
        of(&|round| cpu(&round.first)),
        of(&|round| round.second.per_second()),
        of(&|round| at(&round.second, 0.5)),
        of(&|round| at(&round.second, 0.99)),
        of(&|round| cpu(&round.second)),
        told(&rate),
        of(&|round| cpu(&round.second) / cpu(&round.first)),
        of(&|round| round.whole),
        of(&|round| round.whole / cpu(&round.first)),
        of(&|round| cpu(&round.bare)),
        told(&|round| cpu(&round.first) / cpu(&round.bare)),
        told(&|round| round.whole / cpu(&round.bare)),
    );
}

async fn measured(
    subject: &Subject,
    options: &Options,
    pace: Pace,
    connections: usize,
    round: u32,
) -> Result<Outcome, Failure> {
    let plan = Plan {
        operation: Operation::Get,
        connections,
        pace,
        warm_up: Duration::from_millis(300),
        measured: Duration::from_millis(options.measured_ms),
        count: options.secrets,
        value_bytes: VALUE_BYTES,
        seed: u64::from(round) + 1,
    };
    let keys = Arc::new(Keys::Uniform { count: options.secrets });
    run(&subject.endpoint, &plan, keys, Some(subject.pid())).await
}

fn read_ports(path: &Path) -> Option<Far> {
    let text = fs::read_to_string(path).ok()?;
    let (http, syslog) = text.trim().split_once(' ')?;
    Some(Far { http: http.parse().ok()?, syslog: syslog.parse().ok()? })
}

/// A file of settings with a sink of every kind, or of those kinds.
fn configured(folder: &Path, at: Far, only: &[String]) -> Result<PathBuf, Failure> {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        let written =
            fs::write(&path, text).and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o600)));
        written.map(|()| path).map_err(Failure::io(name.to_owned()))
    };
    let keys = write("keys", "[default]\naws_access_key_id = a\naws_secret_access_key = s\n")?;
    let Far { http, syslog } = at;
    let url = format!("http://127.0.0.1:{http}");
    let mut text = FIGURES.to_owned();
    let kinds = [
        ("out", "stdout = {}".to_owned()),
        ("syslog", format!("syslog = {{ address = 'tcp://127.0.0.1:{syslog}' }}")),
        ("otlp", format!("otlp = {{ url = '{url}' }}")),
        (
            "archive",
            format!(
                "gather_seconds = 1\ns3 = {{ url = '{url}', bucket = 'b', credentials_file = '{}' }}",
                keys.display()
            ),
        ),
        ("webhook", format!("webhook = {{ url = '{url}/audit' }}")),
    ];
    if let Some(unknown) = only.iter().find(|name| kinds.iter().all(|(kind, _)| kind != name)) {
        return Err(Failure::void(format!("there is no sink {unknown}")));
    }
    for (name, kind) in kinds.into_iter().filter(|(kind, _)| only.is_empty() || only.iter().any(|name| name == kind)) {
        let _ = write!(text, "[[audit.sinks]]\nname = '{name}'\nlag_bytes_max = 1000000000000\n{kind}\n");
    }
    write("settings.toml", &text)
}

/// How far the sink that is furthest behind is.
fn lag_bytes(subject: &Subject) -> Result<u64, Failure> {
    let lags = figures(subject, "strongroom_sink_lag_bytes{")?;
    lags.into_iter().max().ok_or_else(|| Failure::void("the server tells no figures of sinks".to_owned()))
}

/// Records that the sink has got which has got the fewest.
fn delivered(subject: &Subject) -> Result<u64, Failure> {
    Ok(figures(subject, "strongroom_sink_delivered_total{")?.into_iter().min().unwrap_or(0))
}

fn figures(subject: &Subject, name: &str) -> Result<Vec<u64>, Failure> {
    let asked = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(subject.endpoint.address)?;
        let host = subject.endpoint.address;
        stream.write_all(format!("GET /metrics HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map(|_| answer)
    };
    let answer = asked().map_err(Failure::io("ask for figures"))?;
    let found = answer.lines().filter_map(|line| line.strip_prefix(name)?.split_once("} "));
    Ok(found.filter_map(|(_, value)| value.parse().ok()).collect())
}

/// Waits until sinks have all.
async fn drained(subject: &Subject) -> Result<(), Failure> {
    // The figures are as old as the last look.
    tokio::time::sleep(Duration::from_millis(600)).await;
    for _ in 0..LOOKS_MAX {
        if lag_bytes(subject)? == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(Failure::void("the sinks do not catch up".to_owned()))
}
