//! One run of load against one server: connections, warm-up, the measured stretch, and what came of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::client::{Client, Endpoint};
use crate::failure::Failure;
use crate::keys::{Keys, Prng};
use crate::latency::Latencies;
use crate::operation::{Bodies, Operation};
use crate::process::cpu_us;
use crate::window::{Timetable, Window};

/// How long answers may be awaited after the measured stretch; what is missing then makes the run void.
const DRAIN_MAX: Duration = Duration::from_secs(60);

/// How far a pacing thread may sleep past a start; starts within it are released together.
const PACE_SLACK: Duration = Duration::from_micros(50);

/// When requests start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Each connection sends when its last answer has come.
    Closed,
    /// So many a second over all connections, on a timetable.
    Open(u32),
}

/// What to run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What is asked.
    pub operation: Operation,
    /// Connections.
    pub connections: usize,
    /// Closed or open loop.
    pub pace: Pace,
    /// Left out at the beginning.
    pub warm_up: Duration,
    /// Measured.
    pub measured: Duration,
    /// Secrets on the server.
    pub count: u64,
    /// Bytes of a value that is written.
    pub value_bytes: usize,
    /// Where the random numbers begin.
    pub seed: u64,
}

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    /// Answers that came within the measured stretch.
    pub answered: u64,
    /// The stretch.
    pub seconds: f64,
    /// Of requests meant to start within the stretch.
    pub latencies: Latencies,
    /// Server CPU time per answer, microseconds, when its process is known.
    pub server_cpu_us: Option<f64>,
    /// CPU time of this process per answer, microseconds.
    pub client_cpu_us: f64,
    /// Bytes of the answers' bodies, the mean.
    pub answer_bytes: f64,
    /// How often the server had closed a connection.
    pub reconnects: u64,
}

impl Outcome {
    /// Answers a second.
    pub fn per_second(&self) -> f64 {
        ratio(self.answered, 1) / self.seconds
    }
}

/// What the connections of a run share.
struct Shared {
    plan: Plan,
    keys: Arc<Keys>,
    bodies: Bodies,
    window: Window,
    turns: Option<Turns>,
}

/// The starts of an open loop, handed out by a pacing thread.
struct Turns {
    timetable: Timetable,
    released: Semaphore,
    next: AtomicU64,
    total: u64,
}

/// What one connection, or all of them, have seen.
struct Tally {
    latencies: Latencies,
    answered: u64,
    bytes: u64,
    reconnects: u64,
    /// Answers other than 200, warm-up included, and the first of them.
    refused: u64,
    refusal: Option<String>,
}

impl Tally {
    fn new() -> Result<Self, Failure> {
        Ok(Self { latencies: Latencies::new()?, answered: 0, bytes: 0, reconnects: 0, refused: 0, refusal: None })
    }

    fn add(&mut self, other: Self) -> Result<(), Failure> {
        self.latencies.add(&other.latencies)?;
        self.answered += other.answered;
        self.bytes += other.bytes;
        self.reconnects += other.reconnects;
        self.refused += other.refused;
        self.refusal = self.refusal.take().or(other.refusal);
        Ok(())
    }

    /// The tally, when every answer was a success.
    fn unless_refused(self) -> Result<Self, Failure> {
        match &self.refusal {
            None => Ok(self),
            Some(first) => Err(Failure::void(format!("{} answers were no success, one of them {first}", self.refused))),
        }
    }
}

/// Runs `plan` against `endpoint`, whose process is `server`. Any answer but 200 makes the run void.
pub async fn run(endpoint: &Endpoint, plan: &Plan, keys: Arc<Keys>, server: Option<u32>) -> Result<Outcome, Failure> {
    let mut clients = Vec::new();
    for _ in 0..plan.connections {
        let mut client = Client::new(endpoint, plan.operation)?;
        client.connect().await?;
        clients.push(client);
    }
    let begun = Instant::now();
    let shared = Arc::new(Shared {
        plan: plan.clone(),
        keys,
        bodies: Bodies::new(plan.operation, plan.count, plan.value_bytes),
        window: Window::new(begun),
        turns: turns(plan, begun),
    });
    let mut connections = JoinSet::new();
    for (number, client) in clients.into_iter().enumerate() {
        connections.spawn(connection(shared.clone(), client, number as u64));
    }
    let pacer = pace(&shared);

    sleep(plan.warm_up).await;
    let before = Usage::take(server)?;
    shared.window.open(before.at);
    let mut early = None;
    tokio::select! {
        () = sleep(plan.measured) => {}
        ended = connections.join_next(), if matches!(*shared.keys, Keys::Uniform { .. } | Keys::Zipf(_)) => early = ended,
        () = exhausted(&shared.keys), if matches!(*shared.keys, Keys::Sequence { .. }) => {}
    }
    let after = Usage::take(server)?;
    shared.window.close(after.at);
    let tally = timeout(DRAIN_MAX, gather(&mut connections, early));
    let tally = tally.await.map_err(|_| Failure::void("answers are missing long after the run"))?;
    if let Some(pacer) = pacer {
        pacer.join().map_err(|_| Failure::void("the pacing thread failed"))?;
    }
    Ok(outcome(&before, &after, tally?))
}

/// Sends one request for each number of `keys` over `connections`, as fast as answers come: for filling a server.
pub async fn run_once_each(endpoint: &Endpoint, plan: &Plan, keys: Arc<Keys>) -> Result<u64, Failure> {
    let shared = Arc::new(Shared {
        plan: plan.clone(),
        keys,
        bodies: Bodies::new(plan.operation, plan.count, plan.value_bytes),
        window: Window::new(Instant::now()),
        turns: None,
    });
    shared.window.open(Instant::now());
    let mut connections = JoinSet::new();
    for number in 0..plan.connections {
        connections.spawn(connection(shared.clone(), Client::new(endpoint, plan.operation)?, number as u64));
    }
    Ok(gather(&mut connections, None).await?.answered)
}

/// Is done when a sequence of keys has come to its end.
async fn exhausted(keys: &Keys) {
    while let Keys::Sequence { end, .. } = keys
        && keys.position() < *end
    {
        sleep(Duration::from_millis(20)).await;
    }
}

async fn connection(shared: Arc<Shared>, mut client: Client, number: u64) -> Result<Tally, Failure> {
    let mut tally = Tally::new()?;
    let mut random = Prng::new(shared.plan.seed, number);
    let mut body = String::new();
    while let Some(intended) = shared.next_start().await {
        let Some(key) = shared.keys.choose(&mut random) else { break };
        shared.bodies.write(&mut body, key, &mut random);
        let intended = intended.unwrap_or_else(Instant::now);
        let answer = client.send(body.as_bytes(), false).await?;
        let done = Instant::now();
        if answer.status != http::StatusCode::OK {
            tally.refused += 1;
            tally.refusal.get_or_insert_with(|| format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body)));
            continue;
        }
        if shared.window.contains(intended) {
            tally.latencies.record(done.saturating_duration_since(intended));
        }
        if shared.window.contains(done) {
            tally.answered += 1;
            tally.bytes += answer.bytes;
        }
    }
    tally.reconnects = client.reconnects();
    Ok(tally)
}

impl Shared {
    /// When the next request of a connection is meant to start: at once in a closed loop (`Some(None)`), by the
    /// timetable in an open one; `None` when the run is over.
    async fn next_start(&self) -> Option<Option<Instant>> {
        let Some(turns) = &self.turns else {
            return (!self.window.is_over()).then_some(None);
        };
        turns.released.acquire().await.ok()?.forget();
        let number = turns.next.fetch_add(1, Ordering::Relaxed);
        (number < turns.total).then(|| Some(turns.timetable.intended(number)))
    }
}

fn turns(plan: &Plan, begun: Instant) -> Option<Turns> {
    let Pace::Open(per_second) = plan.pace else { return None };
    let total = (plan.warm_up + plan.measured).as_millis() * u128::from(per_second) / 1000;
    Some(Turns {
        timetable: Timetable::new(begun, per_second),
        released: Semaphore::new(0),
        next: AtomicU64::new(0),
        total: u64::try_from(total).unwrap_or(u64::MAX),
    })
}

/// A thread of its own keeps the timetable: it wakes to tens of microseconds, where the runtime's timer has
/// milliseconds.
fn pace(shared: &Arc<Shared>) -> Option<std::thread::JoinHandle<()>> {
    shared.turns.as_ref()?;
    let shared = shared.clone();
    Some(std::thread::spawn(move || {
        let Some(turns) = &shared.turns else { return };
        for number in 0..turns.total {
            let wait = turns.timetable.intended(number).saturating_duration_since(Instant::now());
            if wait > PACE_SLACK {
                std::thread::sleep(wait);
            }
            turns.released.add_permits(1);
        }
        turns.released.add_permits(shared.plan.connections);
    }))
}

type Joined = Result<Result<Tally, Failure>, tokio::task::JoinError>;

async fn gather(connections: &mut JoinSet<Result<Tally, Failure>>, early: Option<Joined>) -> Result<Tally, Failure> {
    let mut sum = Tally::new()?;
    let mut next = early;
    loop {
        if let Some(joined) = next {
            sum.add(joined.map_err(|why| Failure::void(format!("a connection failed: {why}")))??)?;
        }
        next = connections.join_next().await;
        if next.is_none() {
            return sum.unless_refused();
        }
    }
}

/// What processes had used at an instant.
struct Usage {
    at: Instant,
    server_us: Option<u64>,
    client_us: u64,
}

impl Usage {
    fn take(server: Option<u32>) -> Result<Self, Failure> {
        let server_us = server.map(cpu_us).transpose()?;
        Ok(Self { server_us, client_us: cpu_us(std::process::id())?, at: Instant::now() })
    }
}

fn outcome(before: &Usage, after: &Usage, tally: Tally) -> Outcome {
    let per_answer = |from: u64, to: u64| ratio(to.saturating_sub(from), tally.answered);
    let some = tally.answered > 0;
    Outcome {
        answered: tally.answered,
        seconds: after.at.saturating_duration_since(before.at).as_secs_f64(),
        server_cpu_us: before.server_us.zip(after.server_us).filter(|_| some).map(|(from, to)| per_answer(from, to)),
        client_cpu_us: per_answer(before.client_us, after.client_us),
        answer_bytes: ratio(tally.bytes, tally.answered),
        reconnects: tally.reconnects,
        latencies: tally.latencies,
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^53")]
fn ratio(amount: u64, of: u64) -> f64 {
    amount as f64 / of.max(1) as f64
}
