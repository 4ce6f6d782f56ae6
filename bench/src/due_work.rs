//! How long the engine of rotation takes to find and take the work that is due, by number of scheduled secrets.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;
use strongroom_core::documents::Documents;
use strongroom_core::rotation::LEASE_MS;
use strongroom_core::secrets::model::Secret;
use strongroom_core::secrets::rotation::job::Job;
use strongroom_core::secrets::rotation::rotator::{Asking, RotationCall, Rotator, StepEnd};
use strongroom_core::secrets::rotation::{NextWindow, RotatedBy};
use strongroom_core::{Ctx, Error, Identities, Kms, Rotations};
use strongroom_crypto::root::KeyRoot;
use strongroom_crypto::{Keyring, Random, SystemRandom, aead};
use strongroom_store::{Batch, SqliteConfig, SqliteStore, Store};
use strongroom_types::{Clock, MockClock, Region, SecretText, Timestamp};
use tempfile::TempDir;

use crate::failure::Failure;

const ACCOUNT: &str = "123456789012";
const REGION: &str = "us-east-1";
const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:rotate";
/// The instant at which the secrets were scheduled: 2026-08-30T04:08:48Z.
const NOW: Timestamp = Timestamp::from_seconds(1_788_062_928);
const HOUR_MS: i64 = 3_600_000;
/// Secrets of one commit while the store is filled.
const FILLED_AT_ONCE: u64 = 1000;
/// As the server has for its documents.
const CACHE_BYTES: u64 = 64 << 20;
/// What is due in each measurement: nothing, one job, a hundred.
const DUE: [usize; 3] = [0, 1, 100];

/// How it is measured.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Numbers of scheduled secrets.
    #[arg(long, value_delimiter = ',', default_value = "1000,1000000")]
    pub sizes: Vec<u64>,
    /// Looks for due work of each measurement; of a hundred due jobs, a tenth of it.
    #[arg(long, default_value_t = 500)]
    pub rounds: usize,
}

/// A store with scheduled secrets, and an engine over it.
struct Subject {
    _directory: TempDir,
    secrets: u64,
    filled_s: f64,
    documents: Arc<Documents>,
    clock: MockClock,
    engine: Rotations,
    /// In the order of [`DUE`].
    taken: Vec<Times>,
}

struct Times {
    quickest_us: f64,
    median_us: f64,
    p99_us: f64,
}

/// Functions that are never reached: here, work is found and not done.
struct Unreached;

impl Rotator for Unreached {
    fn check_kind(&self, _: &str, _: Option<&SecretText>) -> Result<(), String> {
        Err("no partner is asked here".to_owned())
    }

    fn check<'a>(&'a self, _: &'a Ctx, _: &'a RotatedBy, _: &'a Secret) -> Asking<'a, Result<(), Error>> {
        Box::pin(async { Err(Error::internal("no function is asked here".to_owned())) })
    }

    fn carry_out<'a>(&'a self, _: RotationCall<'a>) -> Asking<'a, StepEnd> {
        Box::pin(async { StepEnd { outcome: Err("no function is called here".to_owned()), log_tail: None } })
    }
}

/// Fills a store of each size, measures them in turns, and writes a table.
///
/// # Errors
/// When a store cannot be made, or something else than what is due was found.
pub async fn table(options: &Options) -> Result<String, Failure> {
    let mut subjects = Vec::new();
    for &secrets in &options.sizes {
        subjects.push(Subject::filled(secrets).await?);
    }
    let mut due = 0;
    for wanted in DUE {
        let rounds = if wanted > 10 { options.rounds.div_ceil(10) } else { options.rounds };
        for subject in &subjects {
            subject.make_due(due, wanted).await?;
        }
        due = wanted;
        let mut times = vec![Vec::with_capacity(rounds); subjects.len()];
        for _ in 0..rounds {
            // One after the other in each round: what disturbs one, disturbs all.
            for (subject, times) in subjects.iter().zip(&mut times) {
                times.push(subject.take(wanted).await?);
            }
        }
        for (subject, times) in subjects.iter_mut().zip(times) {
            subject.taken.push(Times::of(times));
        }
    }
    Ok(written(&subjects))
}

fn written(all: &[Subject]) -> String {
    let mut text = String::from(
        "| scheduled secrets | none due: quickest, median, 99th percentile | 1 due | 100 due | filled in |\n|---|---|---|---|---|\n",
    );
    // Writing into a string does not fail.
    for subject in all {
        let _ = write!(text, "| {} |", subject.secrets);
        for times in &subject.taken {
            let _ = write!(text, " {:.0}, {:.0}, {:.0} µs |", times.quickest_us, times.median_us, times.p99_us);
        }
        let _ = writeln!(text, " {:.0} s |", subject.filled_s);
    }
    if let [first, .., last] = all {
        let _ = write!(text, "| {} : {} |", last.secrets, first.secrets);
        for (small, large) in first.taken.iter().zip(&last.taken) {
            let _ = write!(
                text,
                " {:.2}, {:.2} × |",
                large.quickest_us / small.quickest_us,
                large.median_us / small.median_us
            );
        }
        text.push_str(" |\n");
    }
    text
}

impl Subject {
    async fn filled(secrets: u64) -> Result<Self, Failure> {
        let directory = tempfile::tempdir().map_err(Failure::io("make a directory"))?;
        let store = SqliteStore::open(directory.path(), SqliteConfig::default()).map_err(void("the store"))?;
        let (documents, clock, engine) = engine_over(Arc::new(store))?;
        let began = Instant::now();
        let mut first = 0;
        while first < secrets {
            let behind = secrets.min(first + FILLED_AT_ONCE);
            schedule(&documents, first..behind, waiting_window).await?;
            first = behind;
        }
        let filled_s = began.elapsed().as_secs_f64();
        Ok(Self { _directory: directory, secrets, filled_s, documents, clock, engine, taken: Vec::new() })
    }

    /// Adds secrets whose window has begun: `wanted` in all, of which there are `due`.
    async fn make_due(&self, due: usize, wanted: usize) -> Result<(), Failure> {
        let more = self.secrets + u64_of(due)..self.secrets + u64_of(wanted);
        schedule(&self.documents, more, |_| begun_window(self.clock.now())).await
    }

    /// Takes what is due: a job that was taken before is due anew, since its lease has ended.
    async fn take(&self, due: usize) -> Result<Duration, Failure> {
        self.clock.set(self.clock.now().plus_millis(LEASE_MS + 1));
        let began = Instant::now();
        // A hundred at most, as many as the greatest measurement has.
        let taken = self.engine.take_due(100).await.map_err(void("take what is due"))?;
        let took = began.elapsed();
        if taken.len() == due {
            Ok(took)
        } else {
            Err(Failure::void(format!("{} jobs were found, {due} are due", taken.len())))
        }
    }
}

impl Times {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
        Self { quickest_us: microseconds(at(0)), median_us: microseconds(at(50)), p99_us: microseconds(at(99)) }
    }
}

fn engine_over(store: Arc<dyn Store>) -> Result<(Arc<Documents>, MockClock, Rotations), Failure> {
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let key = || aead::generate_key(random.as_ref()).map_err(void("draw a key"));
    let keyring = Keyring::new(&[key()?]).map_err(void("the keyring"))?;
    let root = KeyRoot::new("file", "bench", &key()?).map_err(void("the root of trust"))?;
    let documents = Arc::new(Documents::new(store, Arc::new(keyring), Arc::clone(&random), CACHE_BYTES));
    let identities = Arc::new(Identities::new(Arc::clone(&documents)));
    let kms = Arc::new(Kms::new(Arc::clone(&documents), identities, Arc::new(root)));
    let clock = MockClock::at(NOW);
    let region = Region::parse(REGION).map_err(void("the region"))?;
    let engine = Rotations::new(Arc::clone(&documents), kms, Arc::new(Unreached), Arc::new(clock.clone()), region);
    Ok((documents, clock, engine))
}

/// Commits secrets, each with the job that RotateSecret leaves behind when nothing is to be done before a window.
async fn schedule(
    documents: &Documents,
    numbers: std::ops::Range<u64>,
    window: impl Fn(u64) -> NextWindow,
) -> Result<(), Failure> {
    if numbers.is_empty() {
        return Ok(());
    }
    let mut batch = Batch::named("schedule");
    for number in numbers {
        let window = window(number);
        let secret = Arc::new(secret(number, window)?);
        let mut job = Job::of(&secret);
        job.wait_for(Some(window));
        documents.put(&mut batch, None, &secret).map_err(void("write a secret"))?;
        documents.put(&mut batch, None, &Arc::new(job)).map_err(void("write a job"))?;
    }
    documents.commit(batch).await.map_err(void("commit secrets"))
}

/// Windows spread over thirty days, the first of them after a week: none begins while it is measured.
fn waiting_window(number: u64) -> NextWindow {
    let hours = i64::try_from(number % (30 * 24)).unwrap_or(0);
    let start_ms = NOW.millis() + (7 * 24 + hours) * HOUR_MS;
    NextWindow { start_ms, end_ms: start_ms + 3 * HOUR_MS }
}

/// A window that began so long ago that what waits for it is due.
fn begun_window(now: Timestamp) -> NextWindow {
    let start_ms = now.millis() - 3 * HOUR_MS;
    NextWindow { start_ms, end_ms: start_ms + 24 * HOUR_MS }
}

/// A secret as its document has it after a rotation.
fn secret(number: u64, next: NextWindow) -> Result<Secret, Failure> {
    Ok(serde_json::from_value(json!({
        "account": ACCOUNT,
        "region": REGION,
        "partition": "aws",
        "name": format!("bench/rotation/{number:08}"),
        "suffix": "AbCdEf",
        "created_ms": NOW.millis(),
        "changed_ms": NOW.millis(),
        "rotation": {
            "enabled": true,
            "function_arn": FUNCTION,
            "rules": {"after_days": 30, "duration": "3h", "expression": "rate(30 days)"},
            "rotated_ms": NOW.millis(),
            "anchor_ms": NOW.millis(),
            "next": next,
        },
    }))?)
}

fn void<E: std::fmt::Debug>(what: &'static str) -> impl FnOnce(E) -> Failure {
    move |error| Failure::void(format!("{what}: {error:?}"))
}

fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn u64_of(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
