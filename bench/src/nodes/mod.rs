//! Several servers on one PostgreSQL beside one on the embedded engine: what reads and writes cost, and what one server's
//! changes cost the others.

mod changes;
mod rig;
mod series;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

pub use self::rig::{Load, Rig, float, fresh_folder};
use self::series::Series;
pub use self::series::median;
use crate::failure::Failure;
use crate::load::Pace;
use crate::operation::Operation;
use crate::process::load_average;
use crate::subject::{Launch, Subject};

/// Connections of the tables.
const CONNECTIONS: [usize; 3] = [1, 16, 64];

/// How each of three servers is asked.
const PACES: [(&str, Pace, usize); 2] =
    [("over 16 connections", Pace::Closed, 16), ("2000 times a second", Pace::Open(2000), 16)];

/// How it is measured.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Rounds of each measurement, of which the medians count.
    #[arg(long, default_value_t = 7)]
    pub rounds: u32,
    /// Measured milliseconds of each run.
    #[arg(long, default_value_t = 2000)]
    pub measured_ms: u64,
    /// Secrets that are read, all of which the caches hold.
    #[arg(long, default_value_t = 1000)]
    pub secrets: u64,
    /// Secrets that are written.
    #[arg(long, default_value_t = 5000)]
    pub write_secrets: u64,
    /// Only these parts.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub only: Vec<Part>,
    /// The program under test.
    #[arg(long, default_value = "target/release/strongroom")]
    pub binary: PathBuf,
    /// Where data and logs go; the disk that is measured, together with that of the system's folder for passing files.
    #[arg(long, default_value = "target/bench-nodes")]
    pub folder: PathBuf,
}

/// Parts of the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// GetSecretValue of cached secrets, on either engine.
    Reads,
    /// The same on three servers at once.
    Three,
    /// PutSecretValue on either engine.
    Writes,
    /// What a change on one server costs another one.
    Changes,
}

/// Measures, and writes tables.
///
/// # Errors
/// When something does not start, or a request fails.
pub async fn tables(options: &Options) -> Result<String, Failure> {
    let rig = start(&options.binary, &options.folder, options.write_secrets, 3, options.measured_ms).await?;
    let wanted = |part| options.only.is_empty() || options.only.contains(&part);
    let mut text = format!("load average {:.1} at the beginning\n", load_average());
    if wanted(Part::Reads) {
        text.push_str(&reads(&rig, options).await?);
    }
    if wanted(Part::Three) {
        text.push_str(&three(&rig, options).await?);
    }
    if wanted(Part::Changes) {
        text.push_str(&changes::table(&rig, options).await?);
    }
    if wanted(Part::Writes) {
        text.push_str(&writes(&rig, options).await?);
    }
    // Writing into a string does not fail.
    let _ = writeln!(text, "\nload average {:.1} at the end", load_average());
    rig.stop()?;
    fresh_folder(&options.folder)?;
    Ok(text)
}

/// A database, a server on the embedded engine and `nodes` on the database, with `secrets` secrets each.
///
/// # Errors
/// When something does not start.
pub async fn start(
    binary: &std::path::Path,
    folder: &std::path::Path,
    secrets: u64,
    nodes: usize,
    measured_ms: u64,
) -> Result<Rig, Failure> {
    let launch = Launch {
        strongroom: binary.to_owned(),
        bench: std::env::current_exe().map_err(Failure::io("this program"))?,
        folder: fresh_folder(folder)?,
        server_cpus: None,
        region: "us-east-1".to_owned(),
    };
    Rig::start(launch, secrets, nodes, Duration::from_millis(measured_ms)).await
}

/// GetSecretValue of secrets that caches hold.
async fn reads(rig: &Rig, options: &Options) -> Result<String, Failure> {
    let mut series = Series::default();
    for round in 0..options.rounds {
        eprintln!("reads: round {} of {}", round + 1, options.rounds);
        for connections in CONNECTIONS {
            let mut both = [("embedded", &rig.embedded), ("node", rig.node(0)?)];
            if round % 2 == 1 {
                both.reverse();
            }
            for (name, subject) in both {
                let load = Load::closed(subject, Operation::Get, connections, options.secrets);
                series.add(format!("{name} {connections}"), rig.measure(&[load]).await?);
            }
        }
    }
    let mut text = String::from(
        "\nGetSecretValue, cached: server CPU per request\n\n| connections | embedded | on PostgreSQL | ratio, median (range) of rounds \
         | requests/s | the database's CPU |\n|---|---|---|---|---|---|\n",
    );
    for connections in CONNECTIONS {
        let (embedded, node) = (format!("embedded {connections}"), format!("node {connections}"));
        let ratio = series.ratio(&node, &embedded, |figures| figures.server_us);
        let (embedded, node) = (series.of(&embedded), series.of(&node));
        let _ = writeln!(
            text,
            "| {connections} | {:.1} µs | {:.1} µs | {:.2} ({:.2}-{:.2}) | {:.0}, {:.0} | {:.2} µs |",
            embedded.server_us,
            node.server_us,
            ratio.0,
            ratio.1,
            ratio.2,
            embedded.per_second,
            node.per_second,
            node.database_us
        );
    }
    Ok(text)
}

/// The same on three servers at once, beside one of them alone; and on three servers that have nothing in common, for what
/// three processes on the cores of this machine cost one another anyway.
async fn three(rig: &Rig, options: &Options) -> Result<String, Failure> {
    let mut series = Series::default();
    let mut apart = Vec::new();
    for name in ["embedded 2", "embedded 3"] {
        let mut server = rig.launch.configured(name, &rig.launch.folder.join(name.replace(' ', "-")), None, 0)?;
        server.seed(options.secrets, rig::VALUE_BYTES, rig.fresh_seed()).await?;
        apart.push(server);
    }
    let embedded: Vec<&Subject> = [&rig.embedded].into_iter().chain(&apart).collect();
    let nodes: Vec<&Subject> = rig.nodes.iter().collect();
    for server in nodes.iter().chain(&embedded) {
        let _ = rig.measure(&[Load::closed(server, Operation::Get, 16, options.secrets)]).await?;
    }
    for round in 0..options.rounds {
        eprintln!("three: round {} of {}", round + 1, options.rounds);
        for (name, pace, connections) in PACES {
            for (of, servers) in [("nodes", &nodes), ("apart", &embedded)] {
                let load = |server| Load { pace, ..Load::closed(server, Operation::Get, connections, options.secrets) };
                let turn = usize::try_from(round).unwrap_or(0) % servers.len();
                let one: Vec<_> = servers.iter().skip(turn).take(1).map(|server| load(server)).collect();
                series.add(format!("one, {of}, {name}"), rig.measure(&one).await?);
                let all: Vec<_> = servers.iter().map(|server| load(server)).collect();
                series.add(format!("all, {of}, {name}"), rig.measure(&all).await?);
            }
        }
    }
    apart.into_iter().try_for_each(Subject::stop)?;
    let mut text = String::from(
        "\nThree servers at once beside one alone, each with the same load: server CPU per request\n\n| each is asked | one on the \
         database | three | ratio, median (range) | ratio of embedded servers | requests/s, one | three |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for (name, _, _) in PACES {
        let ratio = |of| {
            let [all, one] = ["all", "one"].map(|number| format!("{number}, {of}, {name}"));
            series.ratio(&all, &one, |figures| figures.server_us)
        };
        let (nodes, apart) = (ratio("nodes"), ratio("apart"));
        let [one, all] = ["one", "all"].map(|number| series.of(&format!("{number}, nodes, {name}")));
        let _ = writeln!(
            text,
            "| {name} | {:.1} µs | {:.1} µs | {:.2} ({:.2}-{:.2}) | {:.2} ({:.2}-{:.2}) | {:.0} | {:.0} |",
            one.server_us,
            all.server_us,
            nodes.0,
            nodes.1,
            nodes.2,
            apart.0,
            apart.1,
            apart.2,
            one.per_second,
            all.per_second
        );
    }
    Ok(text)
}

/// Durable PutSecretValue.
async fn writes(rig: &Rig, options: &Options) -> Result<String, Failure> {
    let mut series = Series::default();
    for round in 0..options.rounds {
        eprintln!("writes: round {} of {}", round + 1, options.rounds);
        for connections in CONNECTIONS {
            for (name, subject) in [("embedded", &rig.embedded), ("node", rig.node(0)?)] {
                let load = Load::closed(subject, Operation::Put, connections, options.write_secrets);
                series.add(format!("{name} {connections}"), rig.measure(&[load]).await?);
            }
            let third = connections.div_ceil(3);
            let all: Vec<_> =
                rig.nodes.iter().map(|node| Load::closed(node, Operation::Put, third, options.write_secrets)).collect();
            series.add(format!("all {connections}"), rig.measure(&all).await?);
        }
    }
    let mut text = String::from(
        "\nPutSecretValue: embedded; one server on PostgreSQL; three of them with a third of the writers each\n\n| writers | puts/s \
         | server CPU per put | database CPU per put | its log per put | median time |\n|---|---|---|---|---|---|\n",
    );
    for connections in CONNECTIONS {
        let [embedded, node, all] = ["embedded", "node", "all"].map(|name| series.of(&format!("{name} {connections}")));
        let _ = writeln!(
            text,
            "| {connections} | {:.0}; {:.0}; {:.0} | {:.0}; {:.0}; {:.0} µs | -; {:.0}; {:.0} µs | -; {:.1}; {:.1} KiB | {:.2}; \
             {:.2}; {:.2} ms |",
            embedded.per_second,
            node.per_second,
            all.per_second,
            embedded.server_us,
            node.server_us,
            all.server_us,
            node.database_us,
            all.database_us,
            node.log_bytes / 1024.0,
            all.log_bytes / 1024.0,
            embedded.p50_us / 1000.0,
            node.p50_us / 1000.0,
            all.p50_us / 1000.0
        );
    }
    Ok(text)
}
