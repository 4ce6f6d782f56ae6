//! `load` and `seed`: one run by hand against a server that runs already.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;

use crate::client::Endpoint;
use crate::credentials::Credentials;
use crate::failure::Failure;
use crate::keys::{Keys, Spread};
use crate::load::{self, Outcome, Pace, Plan};
use crate::operation::Operation;
use crate::process::{load_average, memory};
use crate::subject::address_of;

/// Which server.
#[derive(Clone, Debug, Args)]
pub struct Server {
    /// Its data directory, which has its URL in `endpoint` and the access key in `credentials`.
    #[arg(long, required_unless_present = "endpoint")]
    pub data: Option<PathBuf>,
    /// Its URL.
    #[arg(long)]
    pub endpoint: Option<String>,
    /// A file with an access key, in the AWS CLI's format; a made-up key when there is none.
    #[arg(long)]
    pub credentials: Option<PathBuf>,
    /// The region that is signed for.
    #[arg(long, default_value = "us-east-1")]
    pub region: String,
}

/// How `load` is run.
#[derive(Clone, Debug, Args)]
pub struct Options {
    #[command(flatten)]
    server: Server,
    /// What is asked.
    #[arg(value_enum)]
    operation: Operation,
    /// Connections.
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Requests a second over all connections (open loop); as fast as answers come when not given (closed loop).
    #[arg(long)]
    rate: Option<u32>,
    /// Measured milliseconds.
    #[arg(long, default_value_t = 5000)]
    measured_ms: u64,
    /// Milliseconds left out at the beginning.
    #[arg(long, default_value_t = 500)]
    warm_up_ms: u64,
    /// Secrets that there are: of numbers 0 up to this; `create` goes on from here.
    #[arg(long, default_value_t = 1000)]
    count: u64,
    /// How often which of them.
    #[arg(long, value_enum, default_value_t = Spread::Uniform)]
    keys: Spread,
    /// Bytes of a value that is written.
    #[arg(long, default_value_t = 1024)]
    value_bytes: usize,
    /// The server's process, for its CPU time and memory.
    #[arg(long)]
    pid: Option<u32>,
}

/// How `seed` is run.
#[derive(Clone, Debug, Args)]
pub struct SeedOptions {
    #[command(flatten)]
    server: Server,
    /// The number of the first secret.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Secrets that there are afterwards.
    #[arg(long, default_value_t = 1000)]
    count: u64,
    /// Connections.
    #[arg(long, default_value_t = 128)]
    connections: usize,
    /// Bytes of a value.
    #[arg(long, default_value_t = 1024)]
    value_bytes: usize,
}

impl Server {
    fn endpoint(&self) -> Result<Endpoint, Failure> {
        let read = |path: PathBuf| std::fs::read_to_string(&path).map_err(Failure::io(path.display().to_string()));
        let url = match (&self.endpoint, &self.data) {
            (Some(url), _) => url.clone(),
            (None, Some(data)) => read(data.join("endpoint"))?,
            (None, None) => String::new(),
        };
        let file = self.credentials.clone().or_else(|| self.data.as_ref().map(|data| data.join("credentials")));
        let credentials = file.map_or_else(|| Ok(Credentials::unchecked()), |path| Credentials::load(&path))?;
        let address =
            address_of(&url).ok_or_else(|| Failure::void(format!("`{}` is not http://ADDRESS:PORT", url.trim())))?;
        Ok(Endpoint { address, credentials, region: self.region.clone() })
    }
}

/// Puts load on a server and describes what came of it.
pub async fn run(options: &Options, seed: u64) -> Result<String, Failure> {
    let keys = match options.operation {
        Operation::Create => Keys::sequence(options.count, u64::MAX),
        _ => Keys::spread(options.keys, options.count),
    };
    let plan = Plan {
        operation: options.operation,
        connections: options.connections,
        pace: options.rate.map_or(Pace::Closed, Pace::Open),
        warm_up: Duration::from_millis(options.warm_up_ms),
        measured: Duration::from_millis(options.measured_ms),
        count: options.count,
        value_bytes: options.value_bytes,
        seed,
    };
    let outcome = load::run(&options.server.endpoint()?, &plan, Arc::new(keys), options.pid).await?;
    let mut out = describe(options.operation, &outcome);
    if let Some(pid) = options.pid {
        let memory = memory(pid)?;
        // Writing to a string cannot fail.
        let _ = write!(
            out,
            "\nserver memory: {} KiB resident ({} anonymous), peak {} KiB",
            memory.resident_kib, memory.anonymous_kib, memory.peak_kib
        );
    }
    let _ = write!(out, "\nload average: {:.2}", load_average());
    Ok(out)
}

/// Creates secrets and says how long it took.
pub async fn seed(options: &SeedOptions, seed: u64) -> Result<String, Failure> {
    let plan = Plan {
        operation: Operation::Create,
        connections: options.connections,
        pace: Pace::Closed,
        warm_up: Duration::ZERO,
        measured: Duration::ZERO,
        count: options.count,
        value_bytes: options.value_bytes,
        seed,
    };
    let begun = Instant::now();
    let keys = Arc::new(Keys::sequence(options.first, options.count));
    let made = load::run_once_each(&options.server.endpoint()?, &plan, keys).await?;
    Ok(format!("{made} secrets created in {:.1} s", begun.elapsed().as_secs_f64()))
}

fn describe(operation: Operation, outcome: &Outcome) -> String {
    let latencies = &outcome.latencies;
    let server = outcome.server_cpu_us.map_or_else(|| "not known".to_owned(), |cpu| format!("{cpu:.1} us"));
    format!(
        "{}: {} answers in {:.2} s, {:.0} a second, {:.0} bytes each, {} reconnects\n\
         CPU per answer: server {server}, client {:.1} us\n\
         latency from the intended start, us: p50 {:.0}, p90 {:.0}, p99 {:.0}, p99.9 {:.0}, longest {:.0}",
        operation.title(),
        outcome.answered,
        outcome.seconds,
        outcome.per_second(),
        outcome.answer_bytes,
        outcome.reconnects,
        outcome.client_cpu_us,
        latencies.quantile_us(0.5),
        latencies.quantile_us(0.9),
        latencies.quantile_us(0.99),
        latencies.quantile_us(0.999),
        latencies.longest_us(),
    )
}
