//! The arithmetic of the scale plan: what so many secrets and reads a second need, from what one of each was measured to cost.

use std::fmt::Write as _;

use crate::nodes::float;

/// Numbers of secrets, with the memory of a node's cache in GiB and the share of reads that it does not answer, of a
/// zipf(0.99) spread (`scale cache`).
const SECRETS: [(u64, f64, f64); 3] = [(10_000, 0.0625, 0.0), (1_000_000, 5.0, 0.0), (100_000_000, 4.0, 0.30)];
/// Reads a second.
const READS: [u64; 3] = [10_000, 100_000, 1_000_000];

/// What was measured (docs/scale.md says where), CPU in µs.
struct Costs {
    /// A node's CPU for a read from memory.
    read_us: f64,
    /// What comes on top where both documents are read from the database: the node's, the database's.
    miss_us: f64,
    miss_database_us: f64,
    /// A durable commit: the node's, the database's, and the bytes of its log.
    put_us: f64,
    put_database_us: f64,
    put_log_bytes: f64,
    /// Of another node that hears of it.
    heard_us: f64,
    /// A node's look at the changes, every 250 ms: the database's CPU in a second.
    looks_us: f64,
    /// On disk: a secret with five versions.
    secret_bytes: f64,
    /// In the trail: a read's record.
    record_bytes: f64,
    /// On the network: a read and its answer.
    read_bytes: f64,
}

const MEASURED: Costs = Costs {
    read_us: 20.0,
    miss_us: 100.0,
    miss_database_us: 60.0,
    put_us: 190.0,
    put_database_us: 270.0,
    put_log_bytes: 10_000.0,
    heard_us: 9.0,
    looks_us: 2700.0,
    secret_bytes: 15_100.0,
    record_bytes: 950.0,
    read_bytes: 3000.0,
};

/// Commits of one rotation, and the seconds between two of a secret.
const ROTATION_COMMITS: f64 = 4.0;
const ROTATION_SECONDS: f64 = 30.0 * DAY_SECONDS;
/// Each secret that is read gets its day of last read written once a day.
const DAY_SECONDS: f64 = 86_400.0;
/// Cores of a node, and which share of them is used: the rest is for one that is lost, and for peaks.
const NODE_CORES: f64 = 8.0;
const USED: f64 = 0.5;
/// For the sake of one that is lost.
const NODES_MIN: f64 = 2.0;

/// What one combination needs.
#[derive(Debug)]
struct Need {
    nodes: f64,
    cores: f64,
    commits: f64,
    database_cores: f64,
    database_reads: f64,
    log_bytes: f64,
    disk_bytes: f64,
    trail_bytes: f64,
    network_bytes: f64,
}

impl Need {
    fn of(costs: &Costs, secrets: f64, reads: f64, missed: f64) -> Self {
        // Many days are one commit; each counts as a put all the same.
        let commits = secrets * (ROTATION_COMMITS / ROTATION_SECONDS + 1.0 / DAY_SECONDS);
        let cores = (reads * (costs.read_us + missed * costs.miss_us) + commits * costs.put_us) / 1e6;
        let nodes = (cores / (NODE_CORES * USED)).ceil().max(NODES_MIN);
        let database_us =
            reads * missed * costs.miss_database_us + commits * costs.put_database_us + nodes * costs.looks_us;
        Self {
            nodes,
            cores: cores + nodes * commits * costs.heard_us / 1e6,
            commits,
            database_cores: database_us / 1e6,
            database_reads: reads * missed * 2.0,
            log_bytes: commits * costs.put_log_bytes,
            disk_bytes: secrets * costs.secret_bytes,
            trail_bytes: reads * costs.record_bytes,
            network_bytes: reads * costs.read_bytes,
        }
    }
}

/// The table.
pub fn table() -> String {
    let mut text = String::from(
        "\n| secrets | reads/s | cores at work | nodes of 8 cores | cache of each | writes/s | the database: cores at work, documents \
         read/s | its size | its log | trails | network |\n|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for (secrets, cache_gib, missed) in SECRETS {
        for reads in READS {
            let need = Need::of(&MEASURED, float(secrets), float(reads), missed);
            // Writing into a string does not fail.
            let _ = writeln!(
                text,
                "| {secrets} | {reads} | {:.1} | {:.0} | {cache_gib} GiB | {:.1} | {:.2}, {:.0} | {} | {}/s | {}/s, {} a day | {}/s |",
                need.cores,
                need.nodes,
                need.commits,
                need.database_cores,
                need.database_reads,
                bytes(need.disk_bytes),
                bytes(need.log_bytes),
                bytes(need.trail_bytes),
                bytes(need.trail_bytes * DAY_SECONDS),
                bytes(need.network_bytes)
            );
        }
    }
    text
}

/// A number of bytes for people.
fn bytes(count: f64) -> String {
    for (unit, name) in [(1e12, "TB"), (1e9, "GB"), (1e6, "MB")] {
        if count >= unit {
            return format!("{:.1} {name}", count / unit);
        }
    }
    format!("{:.1} kB", count / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_grows_with_reads_and_misses_alone_where_nothing_is_written() {
        let costs = Costs { looks_us: 0.0, ..MEASURED };
        let (one, ten) = (Need::of(&costs, 0.0, 1e5, 0.0), Need::of(&costs, 0.0, 1e6, 0.0));
        assert!((ten.cores / one.cores - 10.0).abs() < 1e-9 && one.database_cores == 0.0);
        let missed = Need::of(&costs, 0.0, 1e5, 0.5);
        assert!((missed.cores - one.cores - 0.05 * costs.miss_us).abs() < 1e-9);
        assert_eq!((missed.database_reads, one.nodes), (1e5, NODES_MIN));
    }

    #[test]
    fn bytes_are_told_in_fitting_units() {
        assert_eq!([1.5e3, 2e6, 3e9, 4e12].map(bytes), ["1.5 kB", "2.0 MB", "3.0 GB", "4.0 TB"]);
    }
}
