//! What a run has shown, in Markdown.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::checker::Instant;
use crate::faults::Kind;
use crate::load::History;

/// A fault and what came of it.
pub struct Round {
    /// What was done.
    pub kind: Kind,
    /// When.
    pub at: Instant,
    /// When the first write was acknowledged that began after it.
    pub again: Instant,
    /// When all was mended and well.
    pub well: Instant,
}

/// What was found at the end.
pub struct Findings {
    /// Acknowledged writes that were looked for, and found, in the secrets' versions.
    pub versions: usize,
    /// Reads at the end.
    pub last_reads: usize,
    /// Secrets whose history is linearizable without any bound for reads from memory.
    pub strict: usize,
}

/// The longest time without an acknowledgement between two instants, in ns.
fn silence(history: &History, from: Instant, to: Instant) -> Instant {
    let within = history.acknowledged.iter().map(|(_, end)| *end).filter(|end| (from..=to).contains(end));
    let mut ends: Vec<Instant> = [from, to].into_iter().chain(within).collect();
    ends.sort_unstable();
    ends.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
}

/// Least, middle and most, in seconds.
fn spread(mut times: Vec<Instant>) -> String {
    times.sort_unstable();
    let seconds = |place: usize| {
        let ms = times.get(place).copied().unwrap_or_default() / 1_000_000;
        format!("{}.{:01}", ms / 1000, ms % 1000 / 100)
    };
    format!("{} / {} / {}", seconds(0), seconds(times.len() / 2), seconds(times.len().saturating_sub(1)))
}

/// The tables.
pub fn report((seed, stale_ms): (u64, u64), rounds: &[Round], history: &History, findings: &Findings) -> String {
    let mut kinds: BTreeMap<Kind, [Vec<Instant>; 3]> = BTreeMap::new();
    for round in rounds {
        let silent = silence(history, round.at, round.well);
        let times = [round.again - round.at, silent, round.well - round.at];
        for (all, one) in kinds.entry(round.kind).or_default().iter_mut().zip(times) {
            all.push(one);
        }
    }
    let mut text = format!("Seed {seed}, {} faults. Seconds are least / median / most.\n\n", rounds.len());
    text += "| fault | times | until a write that began after it was acknowledged | longest time without an acknowledgement | until all was mended and well |\n";
    text += "|---|---|---|---|---|\n";
    for (kind, [again, silent, well]) in kinds {
        let (count, again, silent, well) = (again.len(), spread(again), spread(silent), spread(well));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {} | {count} | {again} | {silent} | {well} |", words(kind));
    }
    text += "\n| operation and outcome | times |\n|---|---|\n";
    for (outcome, count) in &history.outcomes {
        let _ = writeln!(text, "| {outcome} | {count} |");
    }
    let secrets = history.secrets.len();
    let _ = write!(
        text,
        "\n{secrets} secrets; {} acknowledged writes, all found in the secrets' versions at the end; {} reads at the end, on \
         every node. All histories are linearizable where reads may be {stale_ms} ms old; {} of {secrets} also where they may not.\n",
        findings.versions, findings.last_reads, findings.strict
    );
    text
}

/// A kind in words.
fn words(kind: Kind) -> &'static str {
    match kind {
        Kind::PrimaryKilled => "primary's process killed",
        Kind::PrimaryFrozen => "primary and its Patroni frozen, thawed later",
        Kind::PrimaryMachineDown => "primary's machine without power",
        Kind::PrimaryMachineLost => "primary's machine without power, database's files lost",
        Kind::StandbyMachineDown => "synchronous standby's machine without power",
        Kind::PrimaryCutOff => "primary's machine cut off from all",
        Kind::PrimaryPartitioned => "primary's machine cut off from the cluster, not from clients",
        Kind::StandbyCutOff => "synchronous standby's machine cut off from all",
        Kind::LinkCut => "link between primary and synchronous standby cut",
        Kind::LinkCutOneWay => "the same, one way",
        Kind::EtcdLeaderKilled => "etcd's leader killed",
        Kind::NodeKilled => "a node killed",
        Kind::NodeFrozen => "a node frozen, thawed later",
        Kind::NodeCutOffFromPrimary => "a node's machine cut off from the primary's",
        Kind::PrimaryAndNodeKilled => "primary's process and a node killed at once",
    }
}
