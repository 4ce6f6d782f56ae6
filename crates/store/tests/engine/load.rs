//! A load that says what was acknowledged, run in a process of its own, and the check that all of it is there.
//!
//! Each of its tasks goes through rounds. A round is one batch that changes five things, so that a half would show: two
//! documents `left` and `right` are brought to the same version, the index term of `left` moves, a document `round` of
//! its own is made with a unique key, the one of three rounds ago is deleted, and an entry is appended to the feed.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use strongroom_store::contract::fixture::{Sealer, told};
use strongroom_store::{
    Batch, Delete, DocumentKey, Engine, FeedEntry, Index, Kind, Put, Range, SqliteConfig, SqliteStore, Store, Term,
};
use tokio::runtime::Runtime;

const SIDE: Kind = Kind("side");
const ROUND: Kind = Kind("round");
pub const SIDE_ROUND: Index = Index("side-round");
const ROUND_NAME: Index = Index("round-name");
const FEED: &str = "rounds";
const NOISE: &str = "noise";
/// Rounds whose documents are kept.
pub const KEPT: u64 = 3;
/// Tells a process of the test program that it is the one to make the load, and where.
const DIRECTORY: &str = "STORE_LOAD_DIRECTORY";
const TASKS: &str = "STORE_LOAD_TASKS";
/// Set for a load that does nothing more once it was refused.
pub const STOP: &str = "STORE_LOAD_STOP";

/// The round that each task has reached.
pub type Rounds = BTreeMap<u64, u64>;

/// A small log, so that a short run moves pages to the database many times.
pub fn config() -> SqliteConfig {
    SqliteConfig { wal_checkpoint_pages: 60, ..SqliteConfig::default() }
}

/// A setting of the test run, such as how often to repeat.
#[expect(clippy::disallowed_methods, reason = "a test run is configured by its environment")]
pub fn setting(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// A number that sets how long a test runs.
pub fn repetitions(name: &str, default: u64) -> u64 {
    setting(name).map_or(default, |value| value.to_string_lossy().parse().expect("a number"))
}

/// Makes the load and does not return, when this is the process that `start` has started for it.
pub fn work_if_asked() {
    let Some(directory) = setting(DIRECTORY) else { return };
    let tasks = repetitions(TASKS, 8);
    // The test harness has begun a line with the test's name.
    println!();
    runtime().block_on(async {
        let store = Arc::new(SqliteStore::open(PathBuf::from(directory), config()).expect("the store opens"));
        let mut running = tokio::task::JoinSet::new();
        for task in 0..tasks {
            running.spawn(work(Arc::clone(&store), task));
        }
        while let Some(ended) = running.join_next().await {
            ended.expect("a task");
        }
    });
    std::process::exit(0);
}

async fn work(store: Arc<SqliteStore>, task: u64) {
    let sealer = Sealer::new(task).expect("a sealer");
    let mut round = present(&store, task).await.expect("the present round");
    loop {
        let batch = batch(&sealer, task, round).expect("a batch");
        let line = match store.commit(batch).await {
            Ok(()) => {
                round += 1;
                if round % 5 == 0 {
                    trim_noise(&store).await;
                }
                format!("ack {task} {round}\n")
            }
            Err(error) => {
                // The disk may fail: what is there is read anew, and the round tried again.
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                round = present(&store, task).await.unwrap_or(round);
                format!("err {task} {error}\n")
            }
        };
        std::io::stdout().lock().write_all(line.as_bytes()).expect("standard output");
        std::io::stdout().lock().flush().expect("standard output");
        if line.starts_with("err") && setting(STOP).is_some() {
            std::future::pending::<()>().await;
        }
    }
}

/// Trims need not survive, but what they share the disk with must.
pub async fn trim_noise(store: &SqliteStore) {
    // On a failing disk this fails too, and is tried again some rounds later.
    if let Some(last) = store.feed(NOISE, 0, 50).await.ok().and_then(|rows| rows.last().map(|row| row.sequence)) {
        let _ = store.trim(NOISE, last).await;
    }
}

pub async fn present(store: &SqliteStore, task: u64) -> Result<u64, String> {
    Ok(store.get(&side("left", task)).await.map_err(told)?.map_or(0, |row| row.version))
}

pub fn side(side: &str, task: u64) -> DocumentKey {
    DocumentKey::new(SIDE, format!("{task}/{side}"))
}

pub fn round_name(task: u64, round: u64) -> String {
    format!("{task}/{round}")
}

/// The batch that leads from `round` to the next.
pub fn batch(sealer: &Sealer, task: u64, round: u64) -> Result<Batch, String> {
    let next = round_name(task, round + 1);
    let term = |round| Term::new(SIDE_ROUND, round_name(task, round));
    let left = Put {
        terms_removed: vec![term(round)],
        terms_added: vec![term(round + 1)],
        ..Put::new(side("left", task), round, sealer.body(700)?)
    };
    let right = Put::new(side("right", task), round, sealer.body(5000)?);
    let own = Put {
        unique_added: vec![Term::new(ROUND_NAME, next.clone())],
        ..Put::new(DocumentKey::new(ROUND, next.clone()), 0, sealer.body(1300)?)
    };
    let mut batch = Batch { puts: vec![left, right, own], ..Batch::named("round") };
    batch.feed.push(FeedEntry { topic: NOISE.into(), id: next.clone(), body: sealer.body(300)? });
    batch.feed.push(FeedEntry { topic: FEED.into(), id: next, body: sealer.body(300)? });
    if round >= KEPT {
        let key = DocumentKey::new(ROUND, round_name(task, round + 1 - KEPT));
        batch.deletes.push(Delete { key, expected: 1 });
    }
    Ok(batch)
}

/// A process that makes the load.
pub struct Load {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Load {
    /// Starts it: this test program again, as the test `test`, which begins with [`work_if_asked`].
    pub fn start(test: &str, directory: &Path, tasks: u64, environment: &[(&str, &Path)]) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--exact", test, "--nocapture", "--test-threads=1"]);
        command.env(DIRECTORY, directory).env(TASKS, tasks.to_string()).envs(environment.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the load starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { child, lines }
    }

    /// Notes what is acknowledged, line by line, until the process ends or a line is the one that is waited for.
    pub fn listen(&mut self, rounds: &mut Rounds, mut is_last: impl FnMut(&str) -> bool) {
        let mut line = String::new();
        while self.lines.read_line(&mut line).expect("a line of text") > 0 {
            note(rounds, &line);
            if is_last(&line) {
                return;
            }
            line.clear();
        }
    }

    /// Kills it.
    pub fn kill(&mut self) {
        self.child.kill().expect("the load is killed");
        self.child.wait().expect("the load has ended");
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        // A test that failed leaves no process behind; one that has ended already is no trouble.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Notes an acknowledgement, if `line` is a whole one.
pub fn note(rounds: &mut Rounds, line: &str) {
    let Some(line) = line.strip_suffix('\n') else { return };
    let mut words = line.split(' ');
    if let (Some("ack"), Some(task), Some(round)) = (words.next(), words.next(), words.next()) {
        let round: u64 = round.parse().expect("a round");
        let last = rounds.entry(task.parse().expect("a task")).or_default();
        *last = round.max(*last);
    }
}

/// All rounds of all tasks.
pub fn sum(rounds: &Rounds) -> u64 {
    rounds.values().sum()
}

/// As [`check_store`], from outside a runtime.
pub fn check(directory: &Path, tasks: u64, acknowledged: &Rounds) -> Result<Rounds, String> {
    runtime().block_on(check_store(directory, tasks, acknowledged))
}

pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// Opens the store and checks that every acknowledged round is there, at most one more of each task, all of them whole.
/// Returns what is there.
async fn check_store(directory: &Path, tasks: u64, acknowledged: &Rounds) -> Result<Rounds, String> {
    let store = SqliteStore::open(directory, config()).map_err(told)?;
    check_open(&store, tasks, acknowledged).await
}

/// As [`check_store`], of a store that is open.
pub async fn check_open(store: &SqliteStore, tasks: u64, acknowledged: &Rounds) -> Result<Rounds, String> {
    let integrity = store.integrity().await.map_err(told)?;
    if !integrity.faults.is_empty() {
        return Err(format!("{:?}", integrity.faults));
    }
    let mut entries: BTreeMap<String, u64> = BTreeMap::new();
    for row in store.feed(FEED, 0, usize::MAX).await.map_err(told)? {
        *entries.entry(row.id).or_default() += 1;
    }
    let mut rounds = Rounds::new();
    for task in 0..tasks {
        let round = present(store, task).await?;
        let told = acknowledged.get(&task).copied().unwrap_or(0);
        if round < told || round > told + 1 {
            return Err(format!("task {task} was told of round {told}, but round {round} is there"));
        }
        check_task(store, task, round).await?;
        for past in 1..=round {
            if entries.get(&round_name(task, past)) != Some(&1) {
                return Err(format!("task {task} is in round {round}, but the feed lacks round {past}"));
            }
        }
        rounds.insert(task, round);
    }
    let listed: u64 = entries.values().sum();
    if listed == sum(&rounds) { Ok(rounds) } else { Err(format!("{rounds:?} have {listed} entries in the feed")) }
}

async fn check_task(store: &SqliteStore, task: u64, round: u64) -> Result<(), String> {
    let right = store.get(&side("right", task)).await.map_err(told)?.map_or(0, |row| row.version);
    let range = Range { index: SIDE_ROUND, prefix: format!("{task}/"), after: None, descending: false, limit: 9 };
    let terms: Vec<String> = store.range(&range).await.map_err(told)?.into_iter().map(|entry| entry.value).collect();
    let wanted: Vec<String> = (round > 0).then(|| round_name(task, round)).into_iter().collect();
    let kept = store.scan(ROUND, &format!("{task}/"), None, 9).await.map_err(told)?;
    let mut kept: Vec<String> = kept.into_iter().map(|row| row.key.key.to_string()).collect();
    let mut kept_wanted: Vec<String> =
        (round.saturating_sub(KEPT) + 1..=round).map(|past| round_name(task, past)).collect();
    kept.sort();
    kept_wanted.sort();
    if right != round || terms != wanted || kept != kept_wanted {
        return Err(format!("task {task}: left {round}, right {right}, terms {terms:?}, rounds {kept:?}"));
    }
    for name in kept {
        if store.find(&Term::new(ROUND_NAME, name.clone())).await.map_err(told)?.as_deref() != Some(&*name) {
            return Err(format!("task {task}: the unique key {name} is missing"));
        }
    }
    Ok(())
}
