//! A database of its own, servers on it and one on the embedded engine beside them; what a load on some of them costs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use strongroom_store::contract::database::DatabaseServer;
use tokio::task::JoinSet;

use crate::failure::Failure;
use crate::keys::Keys;
use crate::latency::Latencies;
use crate::load::{Pace, Plan, run};
use crate::operation::Operation;
use crate::process::tree_cpu_us;
use crate::subject::{Launch, Subject};

/// Bytes of a value.
pub const VALUE_BYTES: usize = 1024;
/// What the servers on the database are called.
const NAMES: [&str; 3] = ["node 1", "node 2", "node 3"];
/// What the servers and their clients are to have in common.
const SHARED: [&str; 2] = ["root.key", "credentials"];
const STOP_PATIENCE: Duration = Duration::from_secs(60);
const WARM_UP: Duration = Duration::from_millis(300);

/// The servers.
pub struct Rig {
    /// How they were started.
    pub launch: Launch,
    /// The database's server.
    pub database: DatabaseServer,
    /// The database.
    pub name: String,
    /// The server on the embedded engine.
    pub embedded: Subject,
    /// Those on the database.
    pub nodes: Vec<Subject>,
    url: String,
    measured: Duration,
    seed: AtomicU64,
}

/// What a load came to, as rates and per answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// Answers a second, of all servers together.
    pub per_second: f64,
    /// CPU time of the servers, in µs.
    pub server_us: f64,
    /// CPU time of the database, in µs.
    pub database_us: f64,
    /// Bytes of the database's log.
    pub log_bytes: f64,
    /// Median time, in µs.
    pub p50_us: f64,
    /// 99th percentile, in µs.
    pub p99_us: f64,
}

/// A load on one server.
#[derive(Clone)]
pub struct Load<'a> {
    /// The server.
    pub on: &'a Subject,
    /// What is asked.
    pub operation: Operation,
    /// Connections.
    pub connections: usize,
    /// Closed or open loop.
    pub pace: Pace,
    /// Which secrets.
    pub keys: Arc<Keys>,
}

impl<'a> Load<'a> {
    /// A closed loop over the first `count` secrets, evenly.
    pub fn closed(on: &'a Subject, operation: Operation, connections: usize, count: u64) -> Self {
        Self { on, operation, connections, pace: Pace::Closed, keys: Arc::new(Keys::Uniform { count }) }
    }
}

impl Rig {
    /// Starts everything, in the folder `launch` names, with `secrets` secrets of 1 KiB on either engine.
    ///
    /// # Errors
    /// When something does not start.
    pub async fn start(launch: Launch, secrets: u64, nodes: usize, measured: Duration) -> Result<Self, Failure> {
        let settings = ["fsync=on", "shared_buffers=1GB", "max_wal_size=2GB"].map(str::to_owned);
        let database = DatabaseServer::start(&settings).map_err(Failure::Void)?;
        let url = database.database().await.map_err(Failure::Void)?;
        let name = url.rsplit('/').next().and_then(|rest| rest.split('?').next()).unwrap_or_default().to_owned();
        let embedded = launch.configured("embedded", &launch.folder.join("embedded"), None, 0)?;
        let seed = AtomicU64::new(u64::from(std::process::id()) << 32);
        let mut rig = Self { launch, database, name, embedded, nodes: Vec::new(), url, measured, seed };
        for name in NAMES.into_iter().take(nodes) {
            rig.add(name, "")?;
        }
        let mut seed = rig.fresh_seed();
        rig.embedded.seed(secrets, VALUE_BYTES, seed).await?;
        seed = rig.fresh_seed();
        if let Some(first) = rig.nodes.first_mut() {
            first.seed(secrets, VALUE_BYTES, seed).await?;
        }
        rig.nodes.iter_mut().for_each(|node| node.count = secrets);
        Ok(rig)
    }

    /// Adds a server on the database, with further settings.
    fn add(&mut self, name: &'static str, settings: &str) -> Result<(), Failure> {
        let data = self.launch.folder.join(name.replace(' ', "-"));
        make_folder(&data)?;
        if !self.nodes.is_empty() {
            let first = self.launch.folder.join("node-1");
            for file in SHARED {
                fs::copy(first.join(file), data.join(file)).map_err(Failure::io(file))?;
            }
        }
        let file = self.launch.folder.join(format!("{}.toml", name.replace(' ', "-")));
        let text = format!("[store]\nurl = \"{}\"\n{settings}", self.url);
        fs::write(&file, text).map_err(Failure::io(file.display().to_string()))?;
        self.nodes.push(self.launch.configured(name, &data, Some(&file), 0)?);
        Ok(())
    }

    /// Ends the server on the embedded engine, which puts all into its database's file, and starts it anew.
    ///
    /// # Errors
    /// When it does not end or start.
    pub fn restart_embedded(&mut self) -> Result<(), Failure> {
        let count = self.embedded.count;
        self.embedded.process.end(STOP_PATIENCE)?;
        self.embedded = self.launch.configured("embedded", &self.launch.folder.join("embedded"), None, count)?;
        Ok(())
    }

    /// The server number `number` on the database.
    ///
    /// # Errors
    /// When there is none.
    pub fn node(&self, number: usize) -> Result<&Subject, Failure> {
        self.nodes.get(number).ok_or_else(|| Failure::void("no such server"))
    }

    /// A number that no run has begun with.
    pub fn fresh_seed(&self) -> u64 {
        self.seed.fetch_add(1, Ordering::Relaxed)
    }

    /// Puts a load on each of some servers, all at once: for a moment without looking, then measured.
    ///
    /// # Errors
    /// When a request fails.
    pub async fn measure(&self, loads: &[Load<'_>]) -> Result<Figures, Failure> {
        self.run(loads, WARM_UP).await?;
        self.run(loads, self.measured).await
    }

    /// The same without the moment before: a sequence of keys comes but once.
    ///
    /// # Errors
    /// When a request fails.
    pub async fn run(&self, loads: &[Load<'_>], measured: Duration) -> Result<Figures, Failure> {
        let (database_us, log_bytes) = (self.database_us()?, self.log_bytes().await?);
        let mut runs = JoinSet::new();
        for load in loads {
            let plan = Plan {
                operation: load.operation,
                connections: load.connections,
                pace: load.pace,
                warm_up: Duration::ZERO,
                measured,
                count: load.on.count,
                value_bytes: VALUE_BYTES,
                seed: self.fresh_seed(),
            };
            let (endpoint, pid, keys) = (load.on.endpoint.clone(), load.on.pid(), Arc::clone(&load.keys));
            runs.spawn(async move { run(&endpoint, &plan, keys, Some(pid)).await });
        }
        let (mut figures, mut answered, mut latencies) = (Figures::default(), 0.0, Latencies::new()?);
        while let Some(ended) = runs.join_next().await {
            let outcome = ended.map_err(|why| Failure::void(why.to_string()))??;
            let count = float(outcome.answered);
            answered += count;
            figures.per_second += outcome.per_second();
            figures.server_us += outcome.server_cpu_us.unwrap_or(0.0) * count;
            latencies.add(&outcome.latencies)?;
        }
        let answered = answered.max(1.0);
        figures.server_us /= answered;
        figures.database_us = float(self.database_us()?.saturating_sub(database_us)) / answered;
        figures.log_bytes = float(self.log_bytes().await?.saturating_sub(log_bytes)) / answered;
        (figures.p50_us, figures.p99_us) = (latencies.quantile_us(0.5), latencies.quantile_us(0.99));
        Ok(figures)
    }

    /// CPU time of the database so far, in µs.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn database_us(&self) -> Result<u64, Failure> {
        tree_cpu_us(self.database.pid)
    }

    /// Bytes of the database's log so far.
    ///
    /// # Errors
    /// When the database does not tell.
    pub async fn log_bytes(&self) -> Result<u64, Failure> {
        self.number("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint").await
    }

    /// The number that a statement gives.
    ///
    /// # Errors
    /// When the database gives none.
    pub async fn number(&self, statement: &str) -> Result<u64, Failure> {
        let rows = self.database.sql(&self.name, statement).await.map_err(Failure::Void)?;
        let number = rows.first().and_then(|row| row.parse().ok());
        number.ok_or_else(|| Failure::void(format!("no number came of {statement}")))
    }

    /// Ends everything.
    ///
    /// # Errors
    /// When a server does not end.
    pub fn stop(self) -> Result<(), Failure> {
        self.nodes.into_iter().chain([self.embedded]).try_for_each(Subject::stop)
    }
}

/// A count as a number to reckon with.
#[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^53")]
pub fn float(count: u64) -> f64 {
    count as f64
}

/// A new folder that the owner alone may read.
fn make_folder(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(Failure::io(path.display().to_string()))
}

/// The folder of a run, emptied.
///
/// # Errors
/// When it cannot be.
pub fn fresh_folder(path: &Path) -> Result<PathBuf, Failure> {
    match fs::remove_dir_all(path) {
        Err(why) if why.kind() != std::io::ErrorKind::NotFound => {
            return Err(Failure::io(path.display().to_string())(why));
        }
        _ => {}
    }
    make_folder(path)?;
    Ok(path.to_owned())
}
