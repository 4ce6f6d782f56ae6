//! The clients, which are the SDK for Rust's (`tests/clients/rust/examples/load.rs`), and what they tell.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use strongroom_types::{Clock as _, SystemClock};

use crate::checker::{Act, Instant, Operation, Value};
use crate::nodes::endpoint;

/// How many of them write.
const WRITERS: &str = "6";
/// How many of them read.
const READERS: &str = "6";

/// What all clients did.
#[derive(Default)]
pub struct History {
    /// By secret, in the order of their ends. The first is the write that made it.
    pub secrets: BTreeMap<String, Vec<Operation>>,
    /// Calls and ends of acknowledged writes, in the order of the ends.
    pub acknowledged: Vec<(Instant, Instant)>,
    /// What became of operations, and how often.
    pub outcomes: BTreeMap<String, u64>,
    /// Answers that no server may give, whatever fails.
    pub wrong: Vec<String>,
}

/// The clients' process.
pub struct Load {
    child: Child,
    told: Arc<Mutex<History>>,
    hearing: JoinHandle<()>,
}

/// Now, as histories tell it.
pub fn now() -> Instant {
    u64::try_from(SystemClock.now().millis()).expect("after 1970") * 1_000_000
}

/// Builds the clients' program, unless it is fresh.
pub fn build() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = workspace.join("tests/clients/rust");
    let built = Command::new("cargo")
        .args(["build", "--quiet", "--locked", "--example", "load"])
        .current_dir(&folder)
        .status()
        .expect("cargo");
    assert!(built.success(), "the clients cannot be built");
    workspace.join("target/clients/rust/debug/examples/load")
}

impl Load {
    /// Starts the clients.
    pub fn start(program: &Path, logs: &Path, (id, secret): &(String, String)) -> Self {
        let log = std::fs::File::create(logs.join("load.log")).expect("a log");
        let mut child = Command::new(program)
            .args([&endpoint(), WRITERS, READERS])
            .env("AWS_ACCESS_KEY_ID", id)
            .env("AWS_SECRET_ACCESS_KEY", secret)
            .env("AWS_REGION", "us-east-1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env_remove("AWS_PROFILE")
            .env_remove("AWS_ENDPOINT_URL")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the clients start");
        let lines = BufReader::new(child.stdout.take().expect("their output")).lines();
        let told = Arc::new(Mutex::new(History::default()));
        let telling = Arc::clone(&told);
        let hearing = thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                telling.lock().unwrap_or_else(PoisonError::into_inner).hear(&line);
            }
        });
        Self { child, told, hearing }
    }

    /// How many writes were acknowledged that began after `since`, and when the first of them was.
    pub fn acknowledged_since(&self, since: Instant) -> (usize, Option<Instant>) {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let mut ends = told.acknowledged.iter().rev().take_while(|(_, end)| *end > since);
        let (mut count, mut first) = (0, None);
        for (_, end) in ends.by_ref().filter(|(start, _)| *start > since) {
            count += 1;
            first = Some(*end);
        }
        (count, first)
    }

    /// Lets the clients end what they began; all that they did.
    pub fn stop(mut self) -> History {
        drop(self.child.stdin.take());
        assert!(self.child.wait().expect("the clients end").success(), "the clients failed");
        self.hearing.join().expect("the clients' output");
        // Their output has ended, so nobody else holds it.
        Arc::into_inner(self.told).expect("one holder").into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until writes that began after `since` are acknowledged; when the first was, unless it takes longer than `most`.
    pub fn writes_again(&self, since: Instant, most: Duration) -> Option<Instant> {
        for _ in 0..most.as_millis() / 50 {
            if let (_, Some(first)) = self.acknowledged_since(since) {
                return Some(first);
            }
            thread::sleep(Duration::from_millis(50));
        }
        None
    }
}

impl History {
    /// Takes a line in.
    fn hear(&mut self, line: &str) {
        let parts: Vec<&str> = line.split(' ').collect();
        let [start, end, what, secret, value, outcome] = parts.as_slice() else {
            self.wrong.push(line.to_owned());
            return;
        };
        let (Ok(start), Ok(end)) = (start.parse::<Instant>(), end.parse::<Instant>()) else {
            self.wrong.push(line.to_owned());
            return;
        };
        *self.outcomes.entry(format!("{what} {outcome}")).or_default() += 1;
        let value = value.parse::<Value>();
        let act = match (*what, *outcome, value) {
            ("create" | "put", "ok", Ok(value)) => {
                self.acknowledged.push((start, end));
                Act::Written(value)
            }
            ("put", outcome, Ok(value)) if outcome.starts_with("unknown:") => {
                // The server knows the secret and lets the client in, whatever fails.
                if outcome.starts_with("unknown:refused-") {
                    self.wrong.push(line.to_owned());
                }
                Act::PerhapsWritten(value)
            }
            ("put", _, Ok(value)) => {
                self.wrong.push(line.to_owned());
                Act::Refused(value)
            }
            ("get", "ok", Ok(value)) => Act::Read(value),
            ("get", outcome, Err(_)) if outcome.starts_with("unknown:") => return,
            _ => return self.wrong.push(line.to_owned()),
        };
        self.secrets.entry((*secret).to_owned()).or_default().push(Operation { start, end, act });
    }
}
