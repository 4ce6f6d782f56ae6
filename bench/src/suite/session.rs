//! What the sections share: settings, the report that grows, and the way from a run to its figures.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::Settings;
use crate::client::Endpoint;
use crate::failure::Failure;
use crate::keys::{Keys, Spread as KeySpread};
use crate::load::{Outcome, Pace, Plan, run};
use crate::operation::Operation;
use crate::process::load_average;
use crate::report::{Measure, Point, Report};
use crate::subject::{Launch, Subject};

/// Bytes of a value unless a section says otherwise.
pub const VALUE_BYTES: usize = 1024;

/// Connections of the tables that go by connections.
pub const CONNECTIONS: [u32; 3] = [1, 16, 64];

/// Seeds differ from run to run by this, so that no token is used twice.
const SEED_STEP: u64 = 1_000_003;

/// A suite under way.
pub struct Session {
    /// How servers are started.
    pub launch: Launch,
    /// How long and how often.
    pub settings: Settings,
    /// What was found so far.
    pub report: Report,
    runs: u64,
    /// Data directories that this session has filled and not changed since.
    filled: BTreeSet<String>,
}

/// One load on one server.
#[derive(Clone, Debug)]
pub struct Load {
    /// What is asked.
    pub operation: Operation,
    /// Connections.
    pub connections: u32,
    /// Closed or open loop.
    pub pace: Pace,
    /// Which secrets.
    pub keys: Arc<Keys>,
    /// Bytes of a value that is written.
    pub value_bytes: usize,
    /// Who asks, when it is not the root.
    pub asker: Option<Endpoint>,
}

impl Load {
    /// A closed loop over all secrets of `subject`.
    pub fn closed(operation: Operation, connections: u32, subject: &Subject) -> Self {
        let keys = Arc::new(Keys::spread(KeySpread::Uniform, subject.count));
        Self { operation, connections, pace: Pace::Closed, keys, value_bytes: VALUE_BYTES, asker: None }
    }
}

impl Session {
    /// A session with nothing found yet.
    pub const fn new(launch: Launch, settings: Settings, report: Report) -> Self {
        Self { launch, settings, report, runs: 0, filled: BTreeSet::new() }
    }

    /// Notes what else the machine does, and tells the person who waits.
    pub fn begin_round(&mut self, what: &str, round: u32) {
        self.report.circumstances.load_averages.push(load_average());
        eprintln!("{what}: round {} of {}", round + 1, self.settings.rounds);
    }

    /// A number that no earlier run of this session has begun with.
    pub const fn fresh_seed(&mut self) -> u64 {
        self.runs += 1;
        self.settings.seed.wrapping_add(self.runs.wrapping_mul(SEED_STEP))
    }

    /// Runs a load for one round and notes its figures.
    pub async fn measure(&mut self, subject: &Subject, point: &Point, load: &Load) -> Result<Outcome, Failure> {
        let plan = self.plan(subject, load);
        let endpoint = load.asker.as_ref().unwrap_or(&subject.endpoint);
        let outcome = run(endpoint, &plan, load.keys.clone(), Some(subject.pid()))
            .await
            .map_err(|why| Failure::void(format!("{}, {}: {why}", subject.name, point.what)))?;
        self.note(point, &outcome);
        Ok(outcome)
    }

    /// Runs a load on many connections without looking at its figures, until caches hold what it asks for.
    pub async fn warm(&mut self, subject: &Subject, load: &Load) -> Result<(), Failure> {
        let plan = self.plan(subject, load);
        let plan = Plan { connections: 16, measured: plan.measured * 3, ..plan };
        run(&subject.endpoint, &plan, load.keys.clone(), None).await.map(drop)
    }

    fn plan(&mut self, subject: &Subject, load: &Load) -> Plan {
        Plan {
            operation: load.operation,
            connections: usize::try_from(load.connections).unwrap_or(1),
            pace: load.pace,
            warm_up: self.settings.warm_up,
            measured: self.settings.measured,
            count: subject.count,
            value_bytes: load.value_bytes,
            seed: self.fresh_seed(),
        }
    }

    fn note(&mut self, point: &Point, outcome: &Outcome) {
        let mut add = |measure, value| self.report.add(point, measure, value);
        add(Measure::PerSecond, outcome.per_second());
        if let Some(cpu) = outcome.server_cpu_us {
            add(Measure::ServerCpuUs, cpu);
            add(Measure::ClientCpuUs, outcome.client_cpu_us);
        }
        add(Measure::P10Us, outcome.latencies.quantile_us(0.1));
        add(Measure::P50Us, outcome.latencies.quantile_us(0.5));
        add(Measure::P99Us, outcome.latencies.quantile_us(0.99));
        add(Measure::P999Us, outcome.latencies.quantile_us(0.999));
        add(Measure::LongestUs, outcome.latencies.longest_us());
        add(Measure::AnswerBytes, outcome.answer_bytes);
    }

    /// A server on the data directory `name`, filled with `count` secrets: one that this session has filled already,
    /// or an earlier one when directories are taken over, or a new one.
    pub async fn strongroom(&mut self, name: &str, count: u64, value_bytes: usize) -> Result<Subject, Failure> {
        let (data, marker) = self.data(name);
        let filled = std::fs::read_to_string(&marker).ok().and_then(|text| text.trim().parse().ok());
        let may_take = self.settings.reuse || self.filled.contains(name);
        let there = filled.filter(|filled| *filled == count && may_take);
        if there.is_none() {
            for path in [&data, &marker] {
                remove(path)?;
            }
        }
        let mut subject = self.launch.strongroom(&data, there.unwrap_or(0))?;
        let seed = self.fresh_seed();
        subject.seed(count, value_bytes, seed).await?;
        std::fs::write(&marker, format!("{count}\n")).map_err(Failure::io(marker.display().to_string()))?;
        self.filled.insert(name.to_owned());
        Ok(subject)
    }

    /// Where the data directory `name` is, and the file that says how many secrets were put into it.
    pub fn data(&self, name: &str) -> (PathBuf, PathBuf) {
        let folder = &self.launch.folder;
        (folder.join(format!("data-{name}")), folder.join(format!("data-{name}.count")))
    }

    /// Takes a data directory that was changed away.
    pub fn discard(&mut self, name: &str) -> Result<(), Failure> {
        self.filled.remove(name);
        let (data, marker) = self.data(name);
        remove(&data)?;
        remove(&marker)
    }

    /// Waits until a server has finished what it began before.
    pub async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(1000).min(self.settings.measured)).await;
    }
}

/// A point of the report.
pub fn point(section: &str, what: &str, subject: &str, connections: u32, secrets: u64) -> Point {
    Point { section: section.to_owned(), what: what.to_owned(), subject: subject.to_owned(), connections, secrets }
}

/// Removes a file or a folder, or nothing.
fn remove(path: &std::path::Path) -> Result<(), Failure> {
    let removed = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    match removed {
        Err(why) if why.kind() != std::io::ErrorKind::NotFound => Err(Failure::io(path.display().to_string())(why)),
        _ => Ok(()),
    }
}
