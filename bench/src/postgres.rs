//! Durable commits of the PostgreSQL engine beside pgbench's simple updates, on the same server in the same run.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use strongroom_crypto::random::SeededRandom;
use strongroom_crypto::{Keyring, SystemRandom, Witness, aead};
use strongroom_store::contract::database::{DatabaseServer, command};
use strongroom_store::contract::fixture::{BOX, COLOUR, Sealer};
use strongroom_store::{Batch, DocumentKey, FeedEntry, LedgerBegin, PostgresConfig, PostgresStore, Put, Store, Term};
use tokio::task::JoinSet;

use crate::failure::Failure;

/// Writers at once, and rounds of a figure, of which the median counts.
const WRITERS: [usize; 3] = [1, 16, 64];
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(4);
/// Documents that each writer goes through.
const DOCUMENTS: usize = 64;

/// Measures, and writes a table.
///
/// # Errors
/// When there is no server, or it fails.
pub async fn table() -> Result<String, Failure> {
    let server = DatabaseServer::start(&["fsync=on".to_owned()]).map_err(Failure::Void)?;
    let url = server.database().await.map_err(Failure::Void)?;
    let name = url.rsplit('/').next().and_then(|rest| rest.split('?').next()).unwrap_or_default().to_owned();
    let port = server.port.to_string();
    let _ = pgbench(&["-i", "-q", "-s", "10", "-h", "127.0.0.1", "-p", &port, "-U", "postgres", &name])?;
    let nodes = nodes(&url).await?;
    let mut text =
        String::from("| writers | commits/s | pgbench/s | ratio | two nodes, commits/s |\n|---|---|---|---|---|\n");
    for writers in WRITERS {
        let (mut commits, mut updates, mut both) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            commits.push(rate(nodes.get(..1).unwrap_or_default(), writers, round).await?);
            let clients = writers.to_string();
            let seconds = ROUND.as_secs().to_string();
            let run = ["-N", "-n", "-M", "prepared", "-j", "2", "-c", &clients, "-T", &seconds];
            updates
                .push(tps(&pgbench(&[&run[..], &["-h", "127.0.0.1", "-p", &port, "-U", "postgres", &name]].concat())?));
            both.push(rate(&nodes, writers, round).await?);
        }
        let (commits, updates, both) = (median(commits), median(updates), median(both));
        let ratio = commits / updates;
        // Writing to a String does not fail.
        let _ = writeln!(text, "| {writers} | {commits:.0} | {updates:.0} | {ratio:.2} | {both:.0} |");
    }
    Ok(text)
}

async fn nodes(url: &str) -> Result<Vec<Arc<PostgresStore>>, Failure> {
    let setup = |error: String| Failure::Void(error);
    let key = aead::generate_key(&SeededRandom::new(11)).map_err(|error| setup(error.to_string()))?;
    let ring = Arc::new(Keyring::new(&[key]).map_err(|error| setup(error.to_string()))?);
    let mut nodes = Vec::new();
    for begin in [LedgerBegin::New, LedgerBegin::There] {
        let config = PostgresConfig { url: url.to_owned(), ..PostgresConfig::default() };
        let node = PostgresStore::open(config, Arc::new(SystemRandom)).await;
        let node = Arc::new(node.map_err(|error| setup(error.to_string()))?);
        let witness = Witness::new(Arc::clone(&ring), Arc::new(SystemRandom));
        let kept = node.keep_ledger(witness, begin, Batch::named("first")).await;
        kept.map_err(|error| setup(error.to_string()))?;
        nodes.push(node);
    }
    Ok(nodes)
}

/// Commits a second of writers over `nodes`, each a document of 1 KiB with a record of 1 KiB.
async fn rate(nodes: &[Arc<PostgresStore>], writers: usize, round: usize) -> Result<f64, Failure> {
    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut work = JoinSet::new();
    let sealer = Sealer::new(1).map_err(Failure::Void)?;
    let body = sealer.body(1024).map_err(Failure::Void)?;
    for writer in 0..writers {
        let Some(store) = nodes.get(writer % nodes.len()).cloned() else { continue };
        let (stop, count, body) = (Arc::clone(&stop), Arc::clone(&count), body.clone());
        let place = format!("123456789012/{}/{writers}/{round}/{writer}", nodes.len());
        work.spawn(async move {
            let mut number = 0_usize;
            while !stop.load(Ordering::Relaxed) {
                let (at, version) = (number % DOCUMENTS, u64::try_from(number / DOCUMENTS).unwrap_or(0));
                let key = DocumentKey::new(BOX, format!("{place}/{at}"));
                let mut put = Put::new(key, version, body.clone());
                if version > 0 {
                    put.terms_removed.push(Term::new(COLOUR, format!("{place}/{at}/{}", version - 1)));
                }
                put.terms_added.push(Term::new(COLOUR, format!("{place}/{at}/{version}")));
                let mut batch = Batch::named("bench");
                batch.puts.push(put);
                let id = format!("{place}/{number}");
                batch.feed.push(FeedEntry { topic: "bench".into(), id, body: body.clone() });
                store.commit(batch).await?;
                count.fetch_add(1, Ordering::Relaxed);
                number += 1;
            }
            Ok::<(), strongroom_store::StoreError>(())
        });
    }
    let begun = Instant::now();
    tokio::time::sleep(ROUND).await;
    let (done, passed) = (count.load(Ordering::Relaxed), begun.elapsed());
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = work.join_next().await {
        let ended = ended.map_err(|error| Failure::Void(error.to_string()))?;
        ended.map_err(|error| Failure::Void(error.to_string()))?;
    }
    // A count below 2^52.
    #[expect(clippy::cast_precision_loss, reason = "a rate, to be read by people")]
    let done = done as f64;
    Ok(done / passed.as_secs_f64())
}

fn pgbench(arguments: &[&str]) -> Result<String, Failure> {
    let mut command = command("pgbench").map_err(Failure::Void)?;
    let run = command.args(arguments).output().map_err(|error| Failure::Void(error.to_string()))?;
    if !run.status.success() {
        return Err(Failure::Void(String::from_utf8_lossy(&run.stderr).into_owned()));
    }
    Ok(String::from_utf8_lossy(&run.stdout).into_owned())
}

/// What pgbench says of its rate.
fn tps(told: &str) -> f64 {
    let line = told.lines().find_map(|line| line.strip_prefix("tps = "));
    line.and_then(|rest| rest.split(' ').next()).and_then(|number| number.parse().ok()).unwrap_or(0.0)
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or(0.0)
}
