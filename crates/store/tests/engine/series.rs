//! A short series of commits in a process of its own, whose calls to the disk can be made to fail; what it said; and the
//! check of what it left behind, made as a new start of the server would find it.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use strongroom_crypto::aead::generate_key;
use strongroom_crypto::random::SeededRandom;
use strongroom_crypto::{Keyring, Sealed, Witness};
use strongroom_store::contract::fixture::{Sealer, told};
use strongroom_store::{Batch, DATABASE_FILE, LedgerBegin, Range, SqliteConfig, SqliteStore, Store, StoreError};
use tokio::runtime::Runtime;

use crate::load::{self, KEPT, Rounds, SIDE_ROUND};
use crate::points;

const DIRECTORY: &str = "STORE_SERIES_DIRECTORY";
const ROUNDS: &str = "STORE_SERIES_ROUNDS";
const PATIENCE: &str = "STORE_SERIES_PATIENCE";
/// There is one task, of the kind that `load` has many of.
const TASK: u64 = 0;
const COPY: &str = "copy.db";
const SIGKILL: i32 = 9;
/// Where a database's header says how it is written to, and what it says with a write-ahead log.
const LOG_FLAG_AT: usize = 18;
const WITH_LOG: u8 = 2;

/// Few connections, and a log that is moved to the database every other round, waiting for readers or not.
fn config() -> SqliteConfig {
    SqliteConfig {
        wal_checkpoint_pages: 20,
        wal_pages_max: 30,
        point_readers_max: 1,
        scan_readers_max: 1,
        ..SqliteConfig::default()
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn witness() -> Witness {
    let random = SeededRandom::new(1);
    let key = generate_key(&random).expect("a key");
    Witness::new(Arc::new(Keyring::new(&[key]).expect("a ring")), Arc::new(random))
}

/// Makes the series and does not return, when this is the process that [`run`] has started for it.
pub fn work_if_asked() {
    let Some(directory) = load::setting(DIRECTORY) else { return };
    // The test harness has begun a line with the test's name.
    println!();
    runtime().block_on(work(Path::new(&directory)));
    std::process::exit(0);
}

fn say(line: &str) {
    std::io::stdout().lock().write_all(format!("{line}\n").as_bytes()).expect("standard output");
    std::io::stdout().lock().flush().expect("standard output");
}

/// How many refusals the process still bears before it gives up.
struct Patience(u64);

impl Patience {
    /// Tells of a refusal. Whether to try again.
    fn bears(&mut self, what: &str, error: &StoreError) -> bool {
        say(&format!("{what} {error}"));
        let bears = self.0 > 0;
        self.0 = self.0.saturating_sub(1);
        bears
    }
}

async fn work(directory: &Path) {
    let mut patience = Patience(load::repetitions(PATIENCE, 0));
    match rounds(directory, &mut patience).await {
        Some(store) => {
            say("done");
            if let Err(error) = store.close() {
                say(&format!("unclosed {error}"));
            }
        }
        None => say("gave up"),
    }
}

async fn rounds(directory: &Path, patience: &mut Patience) -> Option<SqliteStore> {
    let store = loop {
        match SqliteStore::open(directory, config()) {
            Ok(store) => break store,
            Err(error) if patience.bears("unopened", &error) => {}
            Err(_) => return None,
        }
    };
    while let Err(error) = keep(&store).await {
        if !patience.bears("unkept", &error) {
            return None;
        }
    }
    say("kept");
    let sealer = Sealer::new(TASK).expect("a sealer");
    let (mut round, mut body) = loop {
        match store.get(&load::side("left", TASK)).await {
            Ok(row) => break row.map_or((0, None), |row| (row.version, Some(row.body))),
            Err(error) if patience.bears("unread", &error) => {}
            Err(_) => return None,
        }
    };
    say(&format!("begins {round}"));
    while round < load::repetitions(ROUNDS, 1) {
        let batch = load::batch(&sealer, TASK, round).expect("a batch");
        let next = batch.puts.first().map(|put| put.body.clone());
        match store.commit(batch).await {
            Ok(()) => {
                (round, body) = (round + 1, next);
                say(&format!("ack {TASK} {round}"));
                if round % 3 == 2 {
                    load::trim_noise(&store).await;
                }
            }
            Err(error) if patience.bears("refused", &error) => {}
            Err(_) => return None,
        }
        if let Err(what) = look(&store, round, body.as_ref()).await {
            say(&format!("wrong: {what}"));
        }
    }
    while let Err(error) = store.backup_to(directory.join(COPY)).await {
        if !patience.bears("uncopied", &error) {
            return None;
        }
        // One of an earlier process, or one that could not be taken away again when it was not durable.
        let _ = fs::remove_file(directory.join(COPY));
    }
    say("copied");
    // So that the log ends with what did not wait for the disk.
    load::trim_noise(&store).await;
    Some(store)
}

/// Begins the ledger when there was none.
async fn keep(store: &SqliteStore) -> Result<(), StoreError> {
    match store.keep_ledger(witness(), LedgerBegin::There, Batch::default()).await {
        Err(StoreError::Damaged(what)) if what == "its ledger is gone" => {
            store.keep_ledger(witness(), LedgerBegin::New, Batch::default()).await
        }
        other => other,
    }
}

/// Reads what must be as of `round`. A read may fail, but not be wrong.
async fn look(store: &SqliteStore, round: u64, body: Option<&Sealed>) -> Result<(), String> {
    let left = store.get(&load::side("left", TASK)).await;
    let left = left.inspect_err(|error| say(&format!("unread {error}")));
    if let Ok(row) = left {
        let found = row.as_ref().map(|row| (row.version, &row.body));
        if found != body.map(|body| (round, body)) {
            return Err(format!("version {:?} is read in round {round}", found.map(|(version, _)| version)));
        }
    }
    let range = Range { index: SIDE_ROUND, prefix: format!("{TASK}/"), after: None, descending: false, limit: 9 };
    match store.range(&range).await {
        Ok(entries) => {
            let found: Vec<String> = entries.into_iter().map(|entry| entry.value).collect();
            let wanted: Vec<String> = (round > 0).then(|| load::round_name(TASK, round)).into_iter().collect();
            if found == wanted { Ok(()) } else { Err(format!("{found:?} is listed in round {round}")) }
        }
        Err(error) => {
            say(&format!("unread {error}"));
            Ok(())
        }
    }
}

/// What a process said of its series.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// It has the ledger.
    pub kept: bool,
    /// The last round that was acknowledged.
    pub acknowledged: u64,
    /// The copy was made.
    pub copied: bool,
    /// It came to the end.
    pub done: bool,
    /// It was killed.
    pub killed: bool,
    /// What was refused, and in which words.
    pub refusals: Vec<String>,
    /// Reads that did not answer what was stored.
    pub wrong: Vec<String>,
}

impl Heard {
    /// Takes in a line.
    pub fn note(&mut self, line: &str) {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("kept", _) => self.kept = true,
            ("copied", _) => self.copied = true,
            ("done", _) => self.done = true,
            ("begins", round) => {
                let round: u64 = round.parse().expect("a round");
                if !(self.acknowledged..=self.acknowledged + 1).contains(&round) {
                    self.wrong.push(format!("round {round} is there after round {}", self.acknowledged));
                }
                self.acknowledged = round;
            }
            ("ack", rest) => {
                let round = rest.split(' ').nth(1).and_then(|round| round.parse().ok());
                self.acknowledged = round.expect("a round");
            }
            ("unopened" | "unkept" | "refused" | "unread" | "uncopied" | "unclosed", _) => {
                self.copied &= !line.starts_with("uncopied");
                self.refusals.push(line.to_owned());
            }
            ("wrong:", _) => self.wrong.push(line.to_owned()),
            _ => {}
        }
    }
}

/// What a series is made with.
pub struct Series<'a> {
    /// This test, which begins with [`work_if_asked`].
    pub test: &'a str,
    /// Rounds to make.
    pub rounds: u64,
    /// Refusals to bear.
    pub patience: u64,
    /// What was heard of the store before.
    pub before: Heard,
}

/// Makes the series in `directory`, in a process of its own with `environment`.
pub fn run(series: &Series<'_>, directory: &Path, environment: &[(&str, String)]) -> Heard {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", series.test, "--nocapture", "--test-threads=1"]);
    command.env(DIRECTORY, directory);
    command.env(ROUNDS, series.rounds.to_string()).env(PATIENCE, series.patience.to_string());
    command.env("LD_PRELOAD", points::library()).env("STORE_POINTS_DIRECTORY", directory);
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the series starts");
    let mut text = String::new();
    child.stdout.take().expect("a pipe").read_to_string(&mut text).expect("text");
    let status = child.wait().expect("the series has ended");
    let mut heard = Heard { killed: status.signal() == Some(SIGKILL), ..series.before.clone() };
    let text = text.replace(&*directory.to_string_lossy(), "DIRECTORY");
    text.lines().for_each(|line| heard.note(line));
    assert!(heard.killed || status.success(), "the series ended with {status} and said: {text}");
    heard
}

/// Opens the store as a new start would and checks that what was acknowledged is there, that nothing else is but perhaps
/// the next round as a whole, that indexes and ledger agree, and that work goes on. Returns the round that was there.
pub fn check(directory: &Path, heard: &Heard) -> Result<u64, String> {
    if heard.kept {
        let database = fs::read(directory.join(DATABASE_FILE)).map_err(told)?;
        if database.get(LOG_FLAG_AT) != Some(&WITH_LOG) {
            return Err("commits were acknowledged without a log".to_owned());
        }
    }
    runtime().block_on(async {
        let store = opened(directory, heard.kept).await?;
        let acknowledged = Rounds::from([(TASK, heard.acknowledged)]);
        let there = reached(&store, &acknowledged).await?;
        let sealer = Sealer::new(TASK + 1)?;
        store.commit(load::batch(&sealer, TASK, there)?).await.map_err(told)?;
        load::trim_noise(&store).await;
        let next = reached(&store, &Rounds::from([(TASK, there + 1)])).await?;
        if next != there + 1 {
            return Err(format!("round {next} follows round {there}"));
        }
        store.close().map_err(told)?;
        if directory.join(COPY).exists() {
            check_copy(directory, there).await?;
        } else if heard.copied {
            return Err("the copy is gone".to_owned());
        }
        Ok(there)
    })
}

async fn opened(directory: &Path, has_ledger: bool) -> Result<SqliteStore, String> {
    let store = SqliteStore::open(directory, config()).map_err(told)?;
    if has_ledger {
        store.keep_ledger(witness(), LedgerBegin::There, Batch::default()).await.map_err(told)?;
    } else {
        keep(&store).await.map_err(told)?;
    }
    Ok(store)
}

/// The copy was begun when all rounds were there, and has its name only when it is whole.
async fn check_copy(directory: &Path, round: u64) -> Result<(), String> {
    let restored = directory.join("restored");
    SqliteStore::restore(directory.join(COPY), &restored).map_err(told)?;
    let copy = opened(&restored, true).await?;
    let found = reached(&copy, &Rounds::from([(TASK, round)])).await?;
    if found == round { Ok(()) } else { Err(format!("the copy is of round {found}, not {round}")) }
}

async fn reached(store: &SqliteStore, acknowledged: &Rounds) -> Result<u64, String> {
    let there = load::check_open(store, 1, acknowledged).await?.get(&TASK).copied().unwrap_or(0);
    let documents = store.integrity().await.map_err(told)?.documents;
    let wanted = if there > 0 { 2 + there.min(KEPT) } else { 0 };
    if documents == wanted { Ok(there) } else { Err(format!("{documents} documents, not {wanted}")) }
}
