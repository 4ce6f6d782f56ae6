//! A long run at half of what a server can do: whether its memory or its open files grow.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;

use crate::failure::Failure;
use crate::keys::{Keys, Spread};
use crate::load::{self, Outcome, Pace, Plan};
use crate::nodes::{float, fresh_folder, median};
use crate::operation::Operation;
use crate::process::{load_average, memory};
use crate::subject::{Launch, Subject};

/// Connections of the reads, opened anew for each stretch.
const CONNECTIONS: usize = 16;
/// Connections of the changes.
const CONNECTIONS_OF_CHANGES: usize = 4;
/// Changes of a resource policy a second, and new values a second.
const CHANGES: [(Operation, u32); 2] = [(Operation::PutPolicy, 20), (Operation::Put, 5)];
/// How long one stretch of load is, after which memory and files are looked at.
const STRETCH: Duration = Duration::from_secs(10);
/// How long it is measured what the server can do.
const TRIAL: Duration = Duration::from_secs(5);
/// How much more memory may be in use at the end than after a quarter of the time: a twentieth, or this many KiB.
const GROWTH_KIB_MAX: f64 = 4096.0;
const GROWTH_PART: f64 = 20.0;
/// How many more files may be open.
const GROWTH_FILES_MAX: usize = 4;
/// Lines of the table.
const LINES: usize = 10;

/// How it is run.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// How long.
    #[arg(long, default_value_t = 30)]
    pub minutes: u32,
    /// Reads a second; half of what the server can do when not given.
    #[arg(long)]
    pub reads: Option<u32>,
    /// Secrets that there are.
    #[arg(long, default_value_t = 5000)]
    pub secrets: u64,
    /// A file of settings for the server.
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// The program under test.
    #[arg(long, default_value = "target/release/strongroom")]
    pub binary: PathBuf,
    /// Where data and logs go.
    #[arg(long, default_value = "target/bench-soak")]
    pub folder: PathBuf,
}

/// What was found after a stretch.
#[derive(Clone, Copy, Debug)]
struct Sample {
    minutes: f64,
    anonymous_kib: u64,
    resident_kib: u64,
    files: usize,
    per_second: f64,
    slowest_us: f64,
}

/// Runs, and tells what grew.
///
/// # Errors
/// When something does not start, a request fails, or something grew.
pub async fn table(options: &Options) -> Result<String, Failure> {
    let folder = fresh_folder(&options.folder)?;
    let launch = Launch {
        strongroom: options.binary.clone(),
        bench: std::env::current_exe().map_err(Failure::io("this program"))?,
        folder: folder.clone(),
        server_cpus: None,
        region: "us-east-1".to_owned(),
    };
    let data = folder.join("data");
    let mut subject = launch.configured("strongroom", &data, options.config.as_deref(), 0)?;
    subject.seed(options.secrets, 1024, 0).await?;
    let can = run(&subject, &plan(Operation::Get, CONNECTIONS, Pace::Closed, TRIAL, options.secrets, 1)).await?;
    let rate = options.reads.unwrap_or_else(|| half(can.per_second()));
    let mut text = format!(
        "{:.0} reads a second over {CONNECTIONS} connections are what it can do; {rate} were asked for, with 20 changes of \
         policies and 5 new values a second; load average {:.1} at the beginning\n",
        can.per_second(),
        load_average()
    );
    let samples = samples(&subject, options, rate).await?;
    let _ = write!(text, "{}", lines(&samples));
    let trail = megabytes(&data.join("trail"));
    let _ = writeln!(text, "\nthe trail has {trail:.0} MB; load average {:.1} at the end", load_average());
    subject.stop()?;
    fresh_folder(&options.folder)?;
    match grown(&samples) {
        Ok(verdict) => Ok(text + &verdict),
        Err(verdict) => Err(Failure::void(text + &verdict)),
    }
}

async fn samples(subject: &Subject, options: &Options, rate: u32) -> Result<Vec<Sample>, Failure> {
    let (begun, whole) = (Instant::now(), Duration::from_secs(60 * u64::from(options.minutes)));
    let mut samples = Vec::new();
    while begun.elapsed() < whole {
        let seed = 2 + samples.len() as u64;
        let plan = |operation, connections, pace| plan(operation, connections, pace, STRETCH, options.secrets, seed);
        let reads = plan(Operation::Get, CONNECTIONS, Pace::Open(rate));
        let [policies, values] =
            CHANGES.map(|(operation, rate)| plan(operation, CONNECTIONS_OF_CHANGES, Pace::Open(rate)));
        let (reads, policies, values) =
            tokio::try_join!(run(subject, &reads), run(subject, &policies), run(subject, &values))?;
        let memory = memory(subject.process.pid())?;
        let slowest_us = [&policies, &values]
            .iter()
            .fold(reads.latencies.quantile_us(0.999), |most, outcome| most.max(outcome.latencies.quantile_us(0.5)));
        samples.push(Sample {
            minutes: begun.elapsed().as_secs_f64() / 60.0,
            anonymous_kib: memory.anonymous_kib,
            resident_kib: memory.resident_kib,
            files: open_files(subject.process.pid())?,
            per_second: reads.per_second(),
            slowest_us,
        });
    }
    Ok(samples)
}

fn plan(operation: Operation, connections: usize, pace: Pace, measured: Duration, count: u64, seed: u64) -> Plan {
    Plan { operation, connections, pace, warm_up: Duration::ZERO, measured, count, value_bytes: 1024, seed }
}

async fn run(subject: &Subject, plan: &Plan) -> Result<Outcome, Failure> {
    let keys = Arc::new(Keys::spread(Spread::Uniform, plan.count));
    load::run(&subject.endpoint, plan, keys, Some(subject.process.pid())).await
}

fn half(per_second: f64) -> u32 {
    // Far below the greatest number of 32 bits, and not negative.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate of requests")]
    let half = (per_second / 2.0).min(1e9) as u32;
    half.max(1)
}

fn open_files(pid: u32) -> Result<usize, Failure> {
    let path = format!("/proc/{pid}/fd");
    Ok(std::fs::read_dir(&path).map_err(Failure::io(path))?.count())
}

fn megabytes(folder: &Path) -> f64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0.0 };
    let of = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => megabytes(&entry.path()),
        Ok(found) => float(found.len()) / 1e6,
        Err(_) => 0.0,
    };
    entries.flatten().map(of).sum()
}

fn lines(samples: &[Sample]) -> String {
    let mut text = String::from(
        "\n| minutes | reads/s | 99.9th percentile | memory of its own | resident | open files |\n|---|---|---|---|---|---|\n",
    );
    let step = samples.len().div_ceil(LINES).max(1);
    for sample in samples.iter().skip(step - 1).step_by(step) {
        let _ = writeln!(
            text,
            "| {:.1} | {:.0} | {:.1} ms | {:.1} MiB | {:.1} MiB | {} |",
            sample.minutes,
            sample.per_second,
            sample.slowest_us / 1000.0,
            float(sample.anonymous_kib) / 1024.0,
            float(sample.resident_kib) / 1024.0,
            sample.files
        );
    }
    text
}

/// Holds the last quarter against the second one: in the first, caches are filled.
fn grown(samples: &[Sample]) -> Result<String, String> {
    let quarter = samples.len() / 4;
    let (Some(early), Some(late)) = (samples.get(quarter..2 * quarter), samples.get(3 * quarter..)) else {
        return Err("too few samples".to_owned());
    };
    if quarter == 0 {
        return Err("too short a time".to_owned());
    }
    let typical = |samples: &[Sample]| median(samples.iter().map(|sample| float(sample.anonymous_kib)).collect());
    let most = |samples: &[Sample]| samples.iter().map(|sample| sample.files).max().unwrap_or(0);
    let (before, after) = (typical(early), typical(late));
    let (files_before, files_after) = (most(early), most(late));
    let verdict = format!(
        "\nmemory of its own, second and last quarter: {:.1} and {:.1} MiB; open files: {files_before} and {files_after}\n",
        before / 1024.0,
        after / 1024.0
    );
    let is_bounded =
        after - before <= GROWTH_KIB_MAX.max(before / GROWTH_PART) && files_after <= files_before + GROWTH_FILES_MAX;
    if is_bounded { Ok(verdict) } else { Err(verdict + "something grows") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(anonymous_kib: u64, files: usize) -> Sample {
        Sample { minutes: 1.0, anonymous_kib, resident_kib: anonymous_kib, files, per_second: 1.0, slowest_us: 1.0 }
    }

    #[test]
    fn what_grows_is_told_and_what_is_filled_at_first_is_not() {
        let filled: Vec<Sample> = (0..40).map(|at| sample(if at < 8 { 10_000 } else { 90_000 }, 30)).collect();
        assert!(grown(&filled).is_ok());
        let leaking: Vec<Sample> = (0..40).map(|at| sample(90_000 + 1000 * at, 30)).collect();
        assert!(grown(&leaking).is_err());
        let files: Vec<Sample> = (0..40).map(|at| sample(90_000, 30 + at)).collect();
        assert!(grown(&files).is_err());
        assert!(grown(&filled[..3]).is_err());
    }
}
