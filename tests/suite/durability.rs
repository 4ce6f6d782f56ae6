//! Promise: an acknowledged write survives any kill, and nothing half-written is ever seen.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use strongroom_testkit::{Instance, Raw};
use tempfile::TempDir;

/// Kills of a usual run; `STRONGROOM_KILLS` asks for more.
const KILLS: u32 = 15;
/// Writers beside each other.
const WRITERS: u64 = 8;

/// What one writer knows of its secret: the newest acknowledged value, and those sent since that may or may not have
/// arrived.
#[derive(Clone, Debug, Default)]
struct Known {
    exists: bool,
    acknowledged: Option<u64>,
    in_flight: Vec<u64>,
}

fn token(writer: u64, n: u64) -> String {
    format!("{writer:08x}-0000-4000-8000-{n:012x}")
}

/// A value whose halves must agree, large enough to span pages.
fn value(writer: u64, n: u64) -> String {
    format!("{writer}-{n}-{}-{writer}-{n}", "x".repeat(usize::try_from(n % 7).expect("small") * 1000))
}

async fn write(
    client: Raw,
    writer: u64,
    known: Arc<Mutex<HashMap<u64, Known>>>,
    stop: Arc<AtomicBool>,
    next: Arc<AtomicU64>,
) {
    while !stop.load(Ordering::SeqCst) {
        let n = next.fetch_add(1, Ordering::SeqCst);
        let name = format!("kill/{writer}");
        let fresh = {
            let mut known = known.lock().expect("lock");
            let known = known.entry(writer).or_default();
            known.in_flight.push(n);
            !known.exists
        };
        let common = json!({"ClientRequestToken": token(writer, n), "SecretString": value(writer, n)});
        let mut input = common;
        let operation = if fresh { "CreateSecret" } else { "PutSecretValue" };
        input[if fresh { "Name" } else { "SecretId" }] = json!(name);
        let Some(answer) = client.try_call(operation, &input).await else { return };
        let mut known = known.lock().expect("lock");
        let known = known.entry(writer).or_default();
        match (answer.status.as_u16(), answer.code()) {
            (200, _) => {
                known.exists = true;
                known.acknowledged = Some(n);
                known.in_flight.clear();
            }
            // The create before the kill arrived without its answer.
            (400, "ResourceExistsException") if fresh => {
                known.exists = true;
                known.in_flight.retain(|sent| *sent != n);
            }
            // So many versions a day are refused: begin anew under another writer's name next time.
            (400, "LimitExceededException") => return,
            (status, code) => panic!("{operation}: {status} {code} {}", answer.message()),
        }
    }
}

async fn check(client: &Raw, known: &HashMap<u64, Known>) {
    for (writer, known) in known {
        let answer = client.call("GetSecretValue", json!({"SecretId": format!("kill/{writer}")})).await;
        if answer.status != 200 {
            assert!(known.acknowledged.is_none(), "writer {writer}: {known:?} but {}", answer.message());
            continue;
        }
        let text = answer.text("SecretString");
        let n: u64 = text.split('-').nth(1).expect("a number").parse().expect("a number");
        assert_eq!(text, value(*writer, n), "a value is whole");
        assert_eq!(answer.text("VersionId"), token(*writer, n), "version and value belong together");
        let possible = known.acknowledged == Some(n) || known.in_flight.contains(&n);
        assert!(possible, "writer {writer}: {n} was read, known is {known:?}");
        let described = client.call("DescribeSecret", json!({"SecretId": format!("kill/{writer}")})).await;
        let stages = described.body["VersionIdsToStages"].as_object().expect("stages");
        let current = stages.values().filter(|stages| stages.to_string().contains("AWSCURRENT")).count();
        assert_eq!(current, 1, "one version is current");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "a longer run is asked for by the environment")]
async fn no_acknowledged_write_is_lost_in_random_kills() {
    let kills = std::env::var("STRONGROOM_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(KILLS);
    let directory = TempDir::new().expect("directory");
    let next = Arc::new(AtomicU64::new(0));
    let mut writes_checked = 0_u64;
    let known: Arc<Mutex<HashMap<u64, Known>>> = Arc::default();
    for kill in 0..kills {
        let mut instance = Instance::start_in(directory.path(), &[]);
        let client = instance.raw();
        let so_far = known.lock().expect("lock").clone();
        check(&client, &so_far).await;
        // A secret takes 100 versions a day: every few kills the writers take new ones.
        let first_writer = u64::from(kill / 2) * WRITERS;
        let stop = Arc::new(AtomicBool::new(false));
        let before = next.load(Ordering::SeqCst);
        let writers: Vec<_> = (first_writer..first_writer + WRITERS)
            .map(|writer| {
                tokio::spawn(write(client.clone(), writer, Arc::clone(&known), Arc::clone(&stop), Arc::clone(&next)))
            })
            .collect();
        // Not a timing assertion: the moment of the kill is what is random.
        let pause_ms = 5 + (u64::from(kill) * 7919) % 90;
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        instance.kill();
        stop.store(true, Ordering::SeqCst);
        for writer in writers {
            writer.await.expect("a writer ends");
        }
        writes_checked += next.load(Ordering::SeqCst) - before;
    }
    let mut instance = Instance::start_in(directory.path(), &[]);
    let so_far = known.lock().expect("lock").clone();
    check(&instance.raw(), &so_far).await;
    assert!(instance.stop());
    println!("{kills} kills, {writes_checked} writes");
    assert!(writes_checked > u64::from(kills), "there was load");
}
