//! What a change on one server costs another one: hearing of it, and reading anew what was kept in memory.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::rig::{Figures, Load, Rig, float};
use super::series::Series;
use super::{Options, median};
use crate::failure::Failure;
use crate::keys::Keys;
use crate::load::Pace;
use crate::operation::Operation;
use crate::process::cpu_us;

/// Connections of the writer.
const WRITERS: usize = 16;
/// Within this all servers have heard of a change.
const HEARD: Duration = Duration::from_millis(600);
/// For how long a server is watched that does nothing.
const IDLE: Duration = Duration::from_secs(5);
/// Changes a second on one server while another one reads.
const RATES: [u32; 3] = [0, 100, 500];
/// Connections of misses.
const MISSES: [usize; 2] = [1, 16];

/// Measures, and writes a table.
///
/// # Errors
/// When a request fails.
pub async fn table(rig: &Rig, options: &Options) -> Result<String, Failure> {
    // First of all, while the secrets have few versions.
    let mut text = misses(rig, options).await?;
    text.push_str(&hearing(rig, options).await?);
    text.push_str(&reading(rig, options).await?);
    Ok(text)
}

/// What servers use that nobody asks, beside one that is idle and beside one that changes secrets.
async fn hearing(rig: &Rig, options: &Options) -> Result<String, Failure> {
    let idle = async |from: usize| {
        let (node, begun) = (rig.node(from)?.pid(), Instant::now());
        let (server, database) = (cpu_us(node)?, rig.database_us()?);
        tokio::time::sleep(IDLE).await;
        let seconds = begun.elapsed().as_secs_f64();
        let (server, database) = (cpu_us(node)? - server, rig.database_us()?.saturating_sub(database));
        Ok::<_, Failure>((float(server) / seconds, float(database) / seconds))
    };
    let (mut server_idle, mut database_idle, mut heard, mut changes) = (vec![], vec![], vec![], vec![]);
    for round in 0..options.rounds {
        eprintln!("hearing: round {} of {}", round + 1, options.rounds);
        let (server, database) = idle(1).await?;
        server_idle.push(server);
        database_idle.push(database);
        // What one round says of idling is too coarse to be taken off.
        let server = median(server_idle.clone());
        let (before, begun) = (cpu_us(rig.node(1)?.pid())?, Instant::now());
        let load = Load::closed(rig.node(0)?, Operation::Put, WRITERS, options.write_secrets);
        let figures = rig.run(&[load], IDLE).await?;
        tokio::time::sleep(HEARD).await;
        let used = float(cpu_us(rig.node(1)?.pid())? - before) - server * begun.elapsed().as_secs_f64();
        let made = figures.per_second * IDLE.as_secs_f64();
        heard.push(used / made);
        changes.push(figures.per_second);
    }
    Ok(format!(
        "\nHearing: a server that nobody asks uses {:.2} ms of CPU a second, the database with three of them {:.2} ms; a put on \
         another server, at {:.0} a second by {WRITERS} writers, costs it {:.1} µs\n",
        median(server_idle) / 1000.0,
        median(database_idle) / 1000.0,
        median(changes),
        median(heard)
    ))
}

/// Secrets that another server has changed, read once and once again.
async fn misses(rig: &Rig, options: &Options) -> Result<String, Failure> {
    let (mut series, count) = (Series::default(), options.secrets);
    let each = |on, operation, connections| Load {
        on,
        operation,
        connections,
        pace: Pace::Closed,
        keys: Arc::new(Keys::sequence(0, count)),
    };
    let long = Duration::from_secs(600);
    for round in 0..options.rounds {
        eprintln!("misses: round {} of {}", round + 1, options.rounds);
        for connections in MISSES {
            let _ = rig.run(&[each(rig.node(0)?, Operation::Put, 64)], long).await?;
            tokio::time::sleep(HEARD).await;
            for name in ["anew", "again"] {
                let figures = rig.run(&[each(rig.node(1)?, Operation::Get, connections)], long).await?;
                series.add(format!("{name} {connections}"), figures);
            }
        }
    }
    let mut text = String::from(
        "\nGetSecretValue of what another server has changed: two documents are read anew; and the same once more, from memory\n\n\
         | connections | server CPU | the database's CPU | median time | 99th percentile |\n|---|---|---|---|---|\n",
    );
    for connections in MISSES {
        let [anew, again] = ["anew", "again"].map(|name| series.of(&format!("{name} {connections}")));
        // Writing into a string does not fail.
        let _ = writeln!(
            text,
            "| {connections} | {:.0}; {:.0} µs | {:.0}; {:.0} µs | {:.0}; {:.0} µs | {:.0}; {:.0} µs |",
            anew.server_us,
            again.server_us,
            anew.database_us,
            again.database_us,
            anew.p50_us,
            again.p50_us,
            anew.p99_us,
            again.p99_us
        );
    }
    Ok(text)
}

/// One server reads while another one changes what is read.
async fn reading(rig: &Rig, options: &Options) -> Result<String, Failure> {
    let mut series = Series::default();
    for round in 0..options.rounds {
        eprintln!("reading: round {} of {}", round + 1, options.rounds);
        for rate in RATES {
            series.add(rate.to_string(), beside(rig, options, rate).await?);
        }
    }
    let mut text = format!(
        "\nGetSecretValue over 16 connections at 4000/s of {} secrets while another server changes so many of them a second\n\n\
         | changes/s | CPU of the reading server per read | beside none | median time | 99th percentile |\n|---|---|---|---|---|\n",
        options.secrets
    );
    for rate in RATES {
        let (figures, ratio) = (series.of(&rate.to_string()), series.ratio(&rate.to_string(), "0", |f| f.server_us));
        let _ = writeln!(
            text,
            "| {rate} | {:.1} µs | {:.2} ({:.2}-{:.2}) | {:.0} µs | {:.0} µs |",
            figures.server_us, ratio.0, ratio.1, ratio.2, figures.p50_us, figures.p99_us
        );
    }
    Ok(text)
}

/// The reader's figures.
async fn beside(rig: &Rig, options: &Options, rate: u32) -> Result<Figures, Failure> {
    let measured = Duration::from_millis(options.measured_ms);
    let reads = Load { pace: Pace::Open(4000), ..Load::closed(rig.node(1)?, Operation::Get, 16, options.secrets) };
    if rate == 0 {
        return rig.run(&[reads], measured).await;
    }
    let writes =
        Load { pace: Pace::Open(rate), ..Load::closed(rig.node(0)?, Operation::Put, WRITERS, options.secrets) };
    let reads = [reads];
    let writes = [writes];
    let (read, written) = tokio::join!(rig.run(&reads, measured), rig.run(&writes, measured));
    written?;
    read
}
