//! A load of writers and readers that tells every operation, for the proof of failover: `load ENDPOINT WRITERS READERS`.
//!
//! Each operation is a line: start and end in ns since 1970 by a clock that does not jump, what it was, the secret, the
//! value that it wrote or found, and what became of it. It ends when its input does, after the operations under way.

use std::error::Error;
use std::io::{self, Read as _, Write as _};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};

/// Secrets in use at a time.
const SLOTS: u64 = 8;
/// Writes of a secret until another takes its place: a secret has at most 100 versions that are younger than a day.
const WRITES_MAX: u64 = 90;
/// Pauses between two operations of one client, in ms: up to these.
const WRITER_PAUSE_MS: u64 = 300;
const READER_PAUSE_MS: u64 = 120;
/// How often a writer repeats a request of which nobody knows what became.
const REPEATS_MAX: u32 = 4;
/// Between two such repetitions.
const REPEAT_PAUSE: Duration = Duration::from_millis(200);

/// A secret in use.
#[derive(Clone)]
struct Slot {
    name: String,
    writes: u64,
}

/// What all clients share.
struct Load {
    client: Client,
    slots: Vec<Mutex<Option<Slot>>>,
    making: Vec<AtomicBool>,
    values: AtomicU64,
    ended: AtomicBool,
    began: Instant,
    began_ns: u64,
}

/// What became of a call.
enum Outcome {
    Done,
    /// By the server, with this code, at the first attempt.
    Refused(String),
    Unknown(String),
}

/// Numbers that look random (SplitMix64).
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).checked_rem(bound).unwrap_or_default()
    }
}

/// The request token of a value, which is its version's id as well.
fn token(value: u64) -> String {
    format!("00000000-0000-4000-8000-{value:012x}")
}

fn outcome<T, E: ProvideErrorMetadata>(sent: &Result<T, SdkError<E>>) -> Outcome {
    match sent {
        Ok(_) => Outcome::Done,
        Err(SdkError::ServiceError(refused)) => {
            let code = refused.err().code().unwrap_or("none").to_owned();
            match refused.raw().status().as_u16() {
                status @ (429 | 500..) => Outcome::Unknown(format!("{status}-{code}")),
                _ => Outcome::Refused(code),
            }
        }
        Err(SdkError::TimeoutError(_)) => Outcome::Unknown("timeout".to_owned()),
        Err(SdkError::DispatchFailure(_)) => Outcome::Unknown("connection".to_owned()),
        Err(_) => Outcome::Unknown("answer".to_owned()),
    }
}

impl Load {
    fn now(&self) -> u64 {
        self.began_ns.saturating_add(u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    fn ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// A secret in use, and its place.
    fn pick(&self, draw: &mut Draw) -> Option<(usize, Slot)> {
        let place = usize::try_from(draw.below(SLOTS)).ok()?;
        let slot = self.slots.get(place)?.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Some((place, slot.unwrap_or(Slot { name: String::new(), writes: WRITES_MAX })))
    }

    /// Counts a write of the secret at a place; false when it has had all of its writes.
    fn count(&self, place: usize) -> bool {
        let Some(slot) = self.slots.get(place) else { return false };
        match slot.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(slot) if slot.writes < WRITES_MAX => slot.writes += 1,
            _ => return false,
        }
        true
    }

    fn tell(&self, start: u64, what: &str, name: &str, value: &str, outcome: &Outcome) {
        let outcome = match outcome {
            Outcome::Done => "ok".to_owned(),
            Outcome::Refused(code) => format!("refused:{code}"),
            Outcome::Unknown(why) => format!("unknown:{why}"),
        };
        let line = format!("{start} {} {what} {name} {value} {outcome}\n", self.now());
        // Nobody hears it any more: the load ends with whoever asked for it.
        if io::stdout().lock().write_all(line.as_bytes()).is_err() {
            self.ended.store(true, Ordering::SeqCst);
        }
    }

    /// A new secret in a place, made by whoever comes first. The same request is repeated until it is acknowledged.
    async fn make(&self, place: usize) {
        let Some(making) = self.making.get(place) else { return };
        if making.swap(true, Ordering::SeqCst) {
            return;
        }
        let value = self.values.fetch_add(1, Ordering::SeqCst);
        let name = format!("failover/{value}");
        let start = self.now();
        while !self.ended() {
            let create = self.client.create_secret().name(&name).secret_string(value.to_string());
            let became = outcome(&create.client_request_token(token(value)).send().await);
            if matches!(became, Outcome::Unknown(_)) {
                tokio::time::sleep(REPEAT_PAUSE).await;
                continue;
            }
            self.tell(start, "create", &name, &value.to_string(), &became);
            if matches!(became, Outcome::Done)
                && let Some(slot) = self.slots.get(place)
            {
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(Slot { name, writes: 0 });
            }
            break;
        }
        making.store(false, Ordering::SeqCst);
    }

    async fn write(&self, name: &str, draw: &mut Draw) {
        let value = self.values.fetch_add(1, Ordering::SeqCst);
        // Half of the writers give up at once, half repeat the request with its token.
        let mut repeats = if draw.below(2) == 0 { 0 } else { REPEATS_MAX };
        let (start, mut first) = (self.now(), true);
        loop {
            let put = self.client.put_secret_value().secret_id(name).secret_string(value.to_string());
            let mut became = outcome(&put.client_request_token(token(value)).send().await);
            if let (Outcome::Refused(code), false) = (&became, first) {
                // The attempt before may have been carried out all the same.
                became = Outcome::Unknown(format!("refused-{code}"));
            }
            first = false;
            if matches!(became, Outcome::Unknown(_)) && repeats > 0 && !self.ended() {
                repeats -= 1;
                tokio::time::sleep(REPEAT_PAUSE).await;
                continue;
            }
            return self.tell(start, "put", name, &value.to_string(), &became);
        }
    }

    async fn read(&self, name: &str) {
        let start = self.now();
        let sent = self.client.get_secret_value().secret_id(name).send().await;
        let became = outcome(&sent);
        let (mut found, mut version) = (String::new(), String::new());
        if let Ok(got) = sent {
            found = got.secret_string.unwrap_or_default();
            version = got.version_id.unwrap_or_default();
        }
        let number = found.parse::<u64>();
        if matches!(became, Outcome::Done) && number.as_ref().ok().map(|number| token(*number)) != Some(version) {
            found = "mismatch".to_owned();
        }
        let shown = if found.is_empty() { "-" } else { &found };
        self.tell(start, "get", name, shown, &became);
    }

    async fn writer(self: Arc<Self>, seed: u64) {
        let mut draw = Draw(seed);
        while !self.ended() {
            if let Some((place, slot)) = self.pick(&mut draw) {
                if slot.writes >= WRITES_MAX || !self.count(place) {
                    self.make(place).await;
                } else {
                    self.write(&slot.name, &mut draw).await;
                }
            }
            tokio::time::sleep(Duration::from_millis(draw.below(WRITER_PAUSE_MS))).await;
        }
    }

    async fn reader(self: Arc<Self>, seed: u64) {
        let mut draw = Draw(seed);
        while !self.ended() {
            if let Some((_, slot)) = self.pick(&mut draw)
                && !slot.name.is_empty()
            {
                self.read(&slot.name).await;
            }
            tokio::time::sleep(Duration::from_millis(draw.below(READER_PAUSE_MS))).await;
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let [endpoint, writers, readers] = given.as_slice() else { return Err("ENDPOINT WRITERS READERS".into()) };
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(Duration::from_secs(5))
        .operation_timeout(Duration::from_secs(12))
        .build();
    // Attempts are the load's own, so that it knows of each.
    let config = aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        .load()
        .await;
    let load = Arc::new(Load {
        client: Client::new(&config),
        slots: (0..SLOTS).map(|_| Mutex::new(None)).collect(),
        making: (0..SLOTS).map(|_| AtomicBool::new(false)).collect(),
        values: AtomicU64::new(1),
        ended: AtomicBool::new(false),
        began: Instant::now(),
        began_ns: u64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_nanos())?,
    });
    let asked = Arc::clone(&load);
    std::thread::spawn(move || {
        let mut said = Vec::new();
        // The input's end and its failure are the same.
        let _ = io::stdin().read_to_end(&mut said);
        asked.ended.store(true, Ordering::SeqCst);
    });
    let (writers, readers): (u64, u64) = (writers.parse()?, readers.parse()?);
    let mut clients = Vec::new();
    for number in 0..writers {
        clients.push(tokio::spawn(Arc::clone(&load).writer(number)));
    }
    for number in 0..readers {
        clients.push(tokio::spawn(Arc::clone(&load).reader(number.saturating_add(writers))));
    }
    for client in clients {
        client.await?;
    }
    Ok(())
}
