//! The bench: `suite` measures Strongroom beside a ceiling and peers and writes a report, `compare` compares two,
//! `load` and `seed` do by hand what the suite does, `ceiling` is the bare server, `policy` times
//! decisions by themselves, `schedule` windows of rotation, `due-work` how rotations that are due are found,
//! `trail` the audit trail's upkeep and lookups,
//! `postgres` commits of that engine, `nodes` several servers on it, `scale` what many secrets need, `sinks` what the trail's
//! sinks cost, and `soak` whether something grows over a long run.

mod amz_date;
mod ceiling;
mod client;
mod credentials;
mod due_work;
mod failure;
mod guard;
mod keys;
mod latency;
mod load;
mod load_command;
mod markdown;
mod moto;
mod nodes;
mod operation;
mod policy;
mod population;
mod postgres;
mod process;
mod report;
mod scale;
mod schedule;
mod signer;
mod sinks;
mod soak;
mod sqlite_baseline;
mod subject;
mod suite;
mod trail;
mod window;

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use strongroom_types::{Clock, SystemClock};

use crate::failure::Failure;

/// Measures Strongroom.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measures everything and writes report.md and report.json.
    Suite(suite::Options),
    /// Compares two reports.
    Compare {
        /// The report.json of before.
        base: PathBuf,
        /// The report.json of now.
        new: PathBuf,
    },
    /// Measures decisions over policies of 1, 10 and 100 statements, without a server.
    Policy,
    /// Measures how long the next window of each kind of rotation schedule takes to find.
    Schedule,
    /// Measures how long the engine takes to find rotations that are due, by number of scheduled secrets.
    DueWork(due_work::Options),
    /// Measures how fast a trail is sealed, compressed, indexed and verified, and how long lookups take.
    Trail(trail::Options),
    /// Measures durable commits of the store's engine on PostgreSQL beside pgbench's simple updates, on a server of its own.
    Postgres,
    /// Measures several servers on one PostgreSQL beside one on the embedded engine.
    Nodes(nodes::Options),
    /// Looks whether memory or open files grow over a long run at half load.
    Soak(soak::Options),
    /// Measures what a secret costs on disk and in memory, and reckons what many of them need.
    #[command(subcommand)]
    Scale(scale::Question),
    /// Measures reads with every kind of sink of the trail beside reads with its files alone.
    Sinks(sinks::Options),
    /// Far sides of sinks, which take all and keep nothing.
    Swallow {
        /// The file that gets their ports.
        #[arg(long)]
        endpoint: PathBuf,
    },
    /// Puts load on a server that runs, and prints what came of it.
    Load(load_command::Options),
    /// Creates secrets, as `load` and `suite` ask for them.
    Seed(load_command::SeedOptions),
    /// A bare server that answers fixed bytes.
    Ceiling {
        /// Where to listen.
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
        /// The file that gets the URL.
        #[arg(long)]
        endpoint: PathBuf,
        /// Bytes of the value in the answer.
        #[arg(long, default_value_t = 1024)]
        value_bytes: usize,
    },
}

fn main() -> ExitCode {
    match execute(Arguments::parse().command) {
        Ok(text) => {
            // A reader that has gone away wanted no more.
            let _ = writeln!(std::io::stdout(), "{text}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("strongroom-bench: {why}");
            ExitCode::FAILURE
        }
    }
}

fn execute(command: Command) -> Result<String, Failure> {
    // One worker for each core, as the servers have.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::io("start the runtime"))?;
    let now_ms = SystemClock.now().millis().unsigned_abs();
    match command {
        Command::Suite(options) => runtime.block_on(suite::run(&options, now_ms)),
        Command::Compare { base, new } => suite::compare(&base, &new),
        Command::Policy => policy::table().map_err(|error| Failure::void(error.to_string())),
        Command::Schedule => schedule::table().map_err(|error| Failure::void(error.to_string())),
        Command::DueWork(options) => runtime.block_on(due_work::table(&options)),
        Command::Trail(options) => trail::table(&options),
        Command::Postgres => runtime.block_on(postgres::table()),
        Command::Nodes(options) => runtime.block_on(nodes::tables(&options)),
        Command::Soak(options) => runtime.block_on(soak::table(&options)),
        Command::Scale(question) => runtime.block_on(scale::answer(&question)),
        Command::Sinks(options) => runtime.block_on(sinks::table(&options)),
        Command::Swallow { endpoint } => runtime.block_on(sinks::swallow(&endpoint)).map(|()| String::new()),
        Command::Load(options) => runtime.block_on(load_command::run(&options, now_ms)),
        Command::Seed(options) => runtime.block_on(load_command::seed(&options, now_ms)),
        Command::Ceiling { listen, endpoint, value_bytes } => {
            runtime.block_on(ceiling::serve(listen, &endpoint, value_bytes)).map(|()| String::new())
        }
    }
}
