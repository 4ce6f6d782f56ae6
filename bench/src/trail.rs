//! How fast a trail is sealed, compressed, indexed and verified, and how long lookups over many records take.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use strongroom_core::trail::digests::{Checked, Head, Signer, check, seal_closed};
use strongroom_core::trail::files::{DiskFiles, SegmentFiles as _};
use strongroom_core::trail::index::{Attribute, Index, Lookup, Place};
use strongroom_core::trail::keeping::{Keeper, Keeping};
use strongroom_core::trail::segments::{Fsync, Segments, SegmentsConfig};
use strongroom_types::{Clock, MockClock, Timestamp};
use tempfile::TempDir;

use crate::failure::Failure;
use crate::process;

const ACCOUNT: &str = "123456789012";
/// 2026-08-30T04:00:00Z.
const START_MS: i64 = 1_788_062_400_000;
const HOUR_MS: i64 = 3_600_000;
/// One record of so many is of a rare kind.
const RARE: u64 = 10_000;
/// Records that are written at a time.
const BATCH: u64 = 500;
/// Text that is indexed at a time.
const INDEX_BYTES: u64 = 4 << 20;

/// How it is measured.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Records of the trail.
    #[arg(long, default_value_t = 10_000_000)]
    pub records: u64,
    /// Over how many hours their events are spread.
    #[arg(long, default_value_t = 24)]
    pub hours: u64,
    /// Lookups of each kind.
    #[arg(long, default_value_t = 200)]
    pub rounds: usize,
    /// Where the trail is made, and removed afterwards; the system's folder for what is passing when absent.
    #[arg(long)]
    pub folder: Option<PathBuf>,
}

/// What was measured of making the trail.
#[derive(Default)]
struct Made {
    written: Duration,
    sealed: Duration,
    compressed: Duration,
    indexed: Duration,
    bytes: u64,
}

struct Trail {
    files: Arc<DiskFiles>,
    clock: MockClock,
    segments: Arc<Segments>,
    index: Index,
    keeper: Keeper,
    signer: Signer,
    head: Option<Head>,
    made: Made,
}

fn io(error: std::io::Error) -> Failure {
    Failure::void(error.to_string())
}

/// The table.
///
/// # Errors
/// When the trail cannot be made, or is not as it was made.
pub fn table(options: &Options) -> Result<String, Failure> {
    let folder = match &options.folder {
        Some(folder) => TempDir::new_in(folder),
        None => TempDir::new(),
    };
    let folder = folder.map_err(io)?;
    let mut trail = Trail::new(&folder)?;
    trail.fill(options)?;
    let begun = Instant::now();
    let public_key = trail.signer.public_key().map_err(|error| Failure::void(error.to_string()))?;
    let checked = check(trail.files.as_ref(), &public_key, None).map_err(io)?;
    let verified = begun.elapsed();
    if !checked.faults.is_empty() {
        return Err(Failure::void(format!("the trail is not as it was written: {:?}", checked.faults)));
    }
    let mut text = trail.report(options, &checked, verified);
    text += &trail.lookups(options)?;
    Ok(text)
}

impl Trail {
    fn new(folder: &TempDir) -> Result<Self, Failure> {
        let files = Arc::new(DiskFiles::open(folder.path()).map_err(io)?);
        let clock = MockClock::at(Timestamp::from_millis(START_MS));
        let config = SegmentsConfig { fsync: Fsync::Never, ..SegmentsConfig::default() };
        let segments = Segments::with_files(Arc::clone(&files) as _, config, Arc::new(clock.clone())).map_err(io)?;
        let segments = Arc::new(segments);
        Ok(Self {
            index: Index::new(Arc::clone(&segments)),
            keeper: Keeper::new(Arc::clone(&files) as _, Keeping { compress: true, retention_days: 0 }),
            signer: Signer::generate().map_err(|error| Failure::void(error.to_string()))?,
            files,
            clock,
            segments,
            head: None,
            made: Made::default(),
        })
    }

    /// Writes all records, and after each segment does what the server's duties do.
    fn fill(&mut self, options: &Options) -> Result<(), Failure> {
        let step_us = options.hours.saturating_mul(3_600_000_000) / options.records.max(1);
        let mut number = 0;
        let mut segment = None;
        while number < options.records {
            let count = BATCH.min(options.records - number);
            let at_ms = START_MS.saturating_add(i64::try_from(number * step_us / 1000).unwrap_or(i64::MAX));
            self.clock.set(Timestamp::from_millis(at_ms));
            let lines: Vec<String> = (number..number + count).map(|number| line(number, at_ms)).collect();
            self.made.bytes += lines.iter().map(|line| line.len() as u64 + 1).sum::<u64>();
            let begun = Instant::now();
            self.segments.append_synced(lines.iter().map(String::as_str)).map_err(io)?;
            self.made.written += begun.elapsed();
            number += count;
            let now = self.segments.first_open();
            if segment != now {
                segment = now;
                self.keep()?;
            }
        }
        self.clock.set(Timestamp::from_millis(
            START_MS.saturating_add(i64::try_from(options.hours + 1).unwrap_or(0).saturating_mul(HOUR_MS)),
        ));
        self.keep()
    }

    /// Seals, compresses and indexes what is closed.
    fn keep(&mut self) -> Result<(), Failure> {
        let now = self.clock.now();
        let begun = Instant::now();
        while !self.index.catch_up(now, INDEX_BYTES).map_err(io)? {}
        self.made.indexed += begun.elapsed();
        let begun = Instant::now();
        while let Some(head) = seal_closed(&self.segments, self.head.as_ref(), &self.signer, now).map_err(io)? {
            self.head = Some(head);
        }
        self.made.sealed += begun.elapsed();
        let Some(head) = &self.head else { return Ok(()) };
        let begun = Instant::now();
        while self.keeper.compress_next(head).map_err(io)?.is_some() {}
        self.made.compressed += begun.elapsed();
        Ok(())
    }

    fn report(&self, options: &Options, checked: &Checked, verified: Duration) -> String {
        let sizes = sizes(self.files.as_ref());
        let mut text = format!(
            "{} records in {} segments over {} hours: {} of text, compressed {}, digests {}, index {}\n\n",
            options.records,
            checked.segments,
            options.hours,
            megabytes(self.made.bytes),
            megabytes(sizes.compressed),
            megabytes(sizes.digests),
            megabytes(sizes.index),
        );
        text += "| work | time | text a second |\n|---|---:|---:|\n";
        for (name, time) in [
            ("write (500 records a sync)", self.made.written),
            ("index", self.made.indexed),
            ("seal", self.made.sealed),
            ("compress", self.made.compressed),
            ("verify, compressed", verified),
        ] {
            let rate = self.made.bytes as f64 / time.as_secs_f64().max(1e-9) / 1e6;
            let _ = writeln!(text, "| {name} | {:.1} s | {rate:.0} MB |", time.as_secs_f64());
        }
        let _ = writeln!(
            text,
            "\nMost memory of the process: {}",
            megabytes(process::memory(std::process::id()).map_or(0, |memory| memory.peak_kib * 1024))
        );
        text
    }

    fn lookups(&self, options: &Options) -> Result<String, Failure> {
        let mut text = "\n| lookup, first page of 50 | events | median | worst |\n|---|---:|---:|---:|\n".to_owned();
        let last = options.records - 1;
        let middle = Place {
            time: (START_MS / 1000) + i64::try_from(options.hours * 1800).unwrap_or(0),
            at: strongroom_core::trail::follow::Position::START,
        };
        let kinds: [(&str, Attribute, String, Option<Place>); 7] = [
            ("by name, common", Attribute::EventName, "GetSecretValue".to_owned(), None),
            ("by name, 1 of 10,000", Attribute::EventName, "DeleteSecret".to_owned(), None),
            ("by name, none", Attribute::EventName, "NoSuchEvent".to_owned(), None),
            ("by id, the oldest", Attribute::EventId, id(0), None),
            ("by user, 1 of 1,000", Attribute::Username, user(last), None),
            ("by resource, 1 of 100,000", Attribute::ResourceName, arn(last), None),
            ("by name, common, from the middle on", Attribute::EventName, "GetSecretValue".to_owned(), Some(middle)),
        ];
        for (name, attribute, value, behind) in kinds {
            let lookup = Lookup {
                account: ACCOUNT.to_owned(),
                attribute: Some((attribute, value)),
                from: 0,
                until: i64::MAX - 1,
                behind,
                limit: 51,
            };
            let (mut times, mut events) = (Vec::new(), 0);
            for _ in 0..options.rounds.max(1) {
                let begun = Instant::now();
                events = self.index.lookup(&lookup).map_err(io)?.len();
                times.push(begun.elapsed());
            }
            times.sort_unstable();
            let ms = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1e3);
            let (median, worst) = (ms(times.get(times.len() / 2)), ms(times.last()));
            let _ = writeln!(text, "| {name} | {} | {median:.2} ms | {worst:.2} ms |", events.min(50));
        }
        let begun = Instant::now();
        Index::new(Arc::clone(&self.segments)).catch_up(self.clock.now(), u64::MAX).map_err(io)?;
        let _ = writeln!(text, "\nA start opens the index in {:.0} ms.", begun.elapsed().as_secs_f64() * 1e3);
        Ok(text)
    }
}

#[derive(Default)]
struct Sizes {
    compressed: u64,
    digests: u64,
    index: u64,
}

fn sizes(files: &DiskFiles) -> Sizes {
    let mut sizes = Sizes::default();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for name in files.list(&folder).unwrap_or_default() {
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            let length = files.length(&path).unwrap_or(0);
            match path.rsplit('.').next() {
                Some("gz") => sizes.compressed += length,
                Some("json") => sizes.digests += length,
                Some("index") => sizes.index += length,
                _ if !path.contains('.') => folders.push(path),
                _ => {}
            }
        }
    }
    sizes
}

fn megabytes(bytes: u64) -> String {
    format!("{:.0} MB", bytes as f64 / 1e6)
}

/// Well-mixed bits of a number, so that ids are as different as random ones.
fn mixed(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ (mixed >> 31)).wrapping_mul(0x94d0_49bb_1331_11eb)
}

fn id(number: u64) -> String {
    let (high, low) = (mixed(number), mixed(number ^ 0xffff_0000));
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    )
}

fn user(number: u64) -> String {
    format!("user-{}", mixed(number) % 1000)
}

fn arn(number: u64) -> String {
    let secret = mixed(number ^ 0x5555) % 100_000;
    format!("arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:app/{secret}/db-{:06x}", mixed(secret) & 0xff_ffff)
}

/// A record as reads leave it.
fn line(number: u64, at_ms: i64) -> String {
    let time = strongroom_core::trail::iso(Timestamp::from_millis(at_ms));
    let name = if number % RARE == RARE / 2 {
        "DeleteSecret"
    } else if number % 10 == 3 {
        "DescribeSecret"
    } else {
        "GetSecretValue"
    };
    let (user, arn, id, request) = (user(number), arn(number), id(number), id(number ^ 0xabcd_ef00));
    let key = mixed(number) % 1000;
    format!(
        r#"{{"eventVersion":"1.09","userIdentity":{{"type":"IAMUser","principalId":"AIDA{key:016}","arn":"arn:aws:iam::{ACCOUNT}:user/{user}","accountId":"{ACCOUNT}","accessKeyId":"AKIA{key:016}","userName":"{user}"}},"eventTime":"{time}","eventSource":"secretsmanager.amazonaws.com","eventName":"{name}","awsRegion":"us-east-1","sourceIPAddress":"10.0.{}.{}","userAgent":"Boto3/1.40.0 md/Botocore#1.40.0 ua/2.1 os/linux#6.1 md/arch#x86_64 lang/python#3.12 md/pyimpl#CPython","requestParameters":{{"secretId":"{arn}"}},"responseElements":null,"requestID":"{request}","eventID":"{id}","readOnly":true,"resources":[{{"accountId":"{ACCOUNT}","type":"AWS::SecretsManager::Secret","ARN":"{arn}"}}],"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"{ACCOUNT}","eventCategory":"Management"}}"#,
        key / 250,
        key % 250,
    )
}
