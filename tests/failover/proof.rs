//! The proof: clients write and read while faults come in random order; then all that they saw is judged.

use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::json;
use strongroom_testkit::Raw;

use crate::checker::{self, Act, Operation, Value, check};
use crate::cluster::{self, Cluster};
use crate::faults::{Fault, KINDS, KINDS_SHORT, Kind};
use crate::inside;
use crate::load::{self, Load, now};
use crate::machines::MACHINES;
use crate::report::{Findings, Round, report};

/// How old what nodes answer from memory may be, unless the run asks for another bound: the server's own default.
const STALE_MS: u64 = 1_000;
/// For writes to be acknowledged again while the fault lasts. No measure: machines that tests run on may be slow.
const AGAIN: Duration = Duration::from_secs(240);
/// A secret that is being made has no former value.
const NOTHING: Value = 0;

/// What is asked of the run.
struct Settings {
    /// How long, in seconds; without it once through the kinds of the short run.
    seconds: Option<u64>,
    /// What the order of faults comes from.
    seed: u64,
    /// How old what nodes answer from memory may be; with 0 the histories must be linearizable outright.
    stale_ms: u64,
}

impl Settings {
    #[expect(clippy::disallowed_methods, reason = "the long run is asked for by the environment")]
    fn given() -> Self {
        let number = |name: &str| Some(std::env::var(name).ok()?.parse::<u64>().expect("a number"));
        Self {
            seconds: number("TORTURE_SECONDS"),
            seed: number("TORTURE_SEED").unwrap_or_else(|| now() / 1_000_000),
            stale_ms: number("TORTURE_STALE_MS").unwrap_or(STALE_MS),
        }
    }
}

/// Numbers that look random (SplitMix64).
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for place in (1..items.len()).rev() {
            let other = usize::try_from(self.below(place as u64 + 1)).expect("small");
            items.swap(place, other);
        }
    }
}

/// Outside it starts itself once more, in namespaces of its own.
#[test]
fn nothing_acknowledged_is_lost_whatever_dies() {
    match inside::told() {
        Some(clients) => prove(&clients),
        None => inside::run("proof::nothing_acknowledged_is_lost_whatever_dies", &load::build()),
    }
}

fn prove(clients: &Path) {
    let settings = Settings::given();
    println!("seed {}", settings.seed);
    let logs = cluster::logs();
    let mut cluster = Cluster::start_new(Path::new("/run/failover"), &logs, settings.stale_ms);
    let load = Load::start(clients, &logs, &cluster.node(1).key());
    load.writes_again(now(), AGAIN).expect("writes at the start");
    let rounds = faults(&mut cluster, &load, &settings);
    let mut history = load.stop();
    // What nodes have in memory is old enough to be gone, or right.
    thread::sleep(Duration::from_millis(settings.stale_ms * 2));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut wrong = std::mem::take(&mut history.wrong);
    let (mut versions, mut last_reads, mut strict) = (0, 0, 0);
    let clients: Vec<Raw> = cluster.nodes().iter().map(|node| node.raw()).collect();
    for (secret, operations) in &mut history.secrets {
        last_reads += runtime.block_on(read_at_the_end(&clients, secret, operations, &mut wrong));
        versions += runtime.block_on(look_for_versions(&clients[0], secret, operations, &mut wrong));
        strict += usize::from(check(NOTHING, operations, 0).is_ok());
        if let Err(violation) = check(NOTHING, operations, settings.stale_ms * 1_000_000) {
            wrong.push(format!("{secret}: {violation}"));
        }
    }
    let text =
        report((settings.seed, settings.stale_ms), &rounds, &history, &Findings { versions, last_reads, strict });
    println!("{text}");
    std::fs::write(logs.join("report.md"), text).expect("a report");
    assert!(wrong.is_empty(), "seed {}, {} wrong:\n{}", settings.seed, wrong.len(), wrong.join("\n"));
    for node in cluster.nodes() {
        assert!(node.server.stop(), "node {} did not end well", node.machine);
    }
    cluster.node(1).verify().expect("the store is whole");
}

/// Faults until the time is up; each lasts until writes are acknowledged again, and a while longer.
fn faults(cluster: &mut Cluster, load: &Load, settings: &Settings) -> Vec<Round> {
    let mut draw = Draw(settings.seed);
    let began = now();
    let mut rounds = Vec::new();
    loop {
        let mut kinds: Vec<Kind> = if settings.seconds.is_some() { KINDS.to_vec() } else { KINDS_SHORT.to_vec() };
        draw.shuffle(&mut kinds);
        for kind in kinds {
            if settings.seconds.is_some_and(|seconds| now() - began > seconds * 1_000_000_000) {
                return rounds;
            }
            rounds.push(round(cluster, load, kind, &mut draw, settings.seconds.is_some()));
        }
        if settings.seconds.is_none() {
            return rounds;
        }
    }
}

fn round(cluster: &mut Cluster, load: &Load, kind: Kind, draw: &mut Draw, long: bool) -> Round {
    let node = usize::try_from(draw.below(MACHINES as u64)).expect("small") + 1;
    let cast = cluster.wait_well(node);
    println!("{kind:?}, {cast:?}");
    let at = now();
    let fault = Fault::bring(kind, cast, cluster);
    let again = load.writes_again(now(), AGAIN).unwrap_or_else(|| panic!("{kind:?}: no write after it"));
    thread::sleep(Duration::from_millis(draw.below(if long { 8_000 } else { 2_000 })));
    fault.undo(cluster);
    let _ = cluster.wait_well(node);
    let well = now();
    let ms = |instant: checker::Instant| (instant - at) / 1_000_000;
    println!("  writes after {} ms, well after {} ms", ms(again), ms(well));
    thread::sleep(Duration::from_millis(draw.below(if long { 3_000 } else { 1_000 })));
    Round { kind, at, again, well }
}

/// Reads a secret on every node, as part of its history.
async fn read_at_the_end(
    clients: &[Raw],
    secret: &str,
    operations: &mut Vec<Operation>,
    wrong: &mut Vec<String>,
) -> usize {
    for (place, client) in clients.iter().enumerate() {
        let start = now();
        let answer = client.call("GetSecretValue", json!({"SecretId": secret})).await;
        match answer.text("SecretString").parse() {
            Ok(value) => operations.push(Operation { start, end: now(), act: Act::Read(value) }),
            Err(_) => wrong.push(format!("{secret} on node {}: {} {}", place + 1, answer.status, answer.message())),
        }
    }
    clients.len()
}

/// Looks for every acknowledged write among the secret's versions, whose ids are the writes' tokens, and for those that
/// were refused, which must not be there. How many were found.
async fn look_for_versions(client: &Raw, secret: &str, operations: &[Operation], wrong: &mut Vec<String>) -> usize {
    let mut found = Vec::new();
    let mut input = json!({"SecretId": secret, "IncludeDeprecated": true, "MaxResults": 100});
    loop {
        let answer = client.call("ListSecretVersionIds", input.clone()).await;
        let versions = answer.body["Versions"].as_array().cloned().unwrap_or_default();
        found.extend(versions.iter().filter_map(|version| Some(version["VersionId"].as_str()?.to_owned())));
        match answer.body["NextToken"].as_str() {
            Some(token) => input["NextToken"] = json!(token),
            None => break,
        }
    }
    let mut count = 0;
    for operation in operations {
        let has = |value: Value| found.contains(&format!("00000000-0000-4000-8000-{value:012x}"));
        match operation.act {
            Act::Written(value) if has(value) => count += 1,
            Act::Written(_) => wrong.push(format!("{secret}: an acknowledged write is lost: {operation:?}")),
            Act::Refused(value) if has(value) => {
                wrong.push(format!("{secret}: a refused write is there: {operation:?}"))
            }
            Act::Refused(_) | Act::PerhapsWritten(_) | Act::Read(_) => {}
        }
    }
    count
}
