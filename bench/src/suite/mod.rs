//! The suite: which servers are measured against each other, in which order, and what the figures must reach.

mod checks;
mod circumstances;
mod lists;
mod reads;
mod session;
mod starts;
mod writes;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::failure::Failure;
use crate::markdown;
use crate::report::Report;
use crate::subject::Launch;
use session::Session;

/// A part of the suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Section {
    /// GetSecretValue beside the ceiling and moto.
    Get,
    /// GetSecretValue of small and large values, by zipf, on a timetable; DescribeSecret; BatchGetSecretValue.
    Read,
    /// PutSecretValue and CreateSecret beside SQLite and moto.
    Write,
    /// ListSecrets and GetSecretValue by number of secrets.
    List,
    /// Start-up time and memory by number of secrets.
    Start,
}

/// How the suite is run.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Short rounds, few of them, small sizes: shows that everything works, not how fast.
    #[arg(long)]
    pub quick: bool,
    /// Only these sections.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub only: Vec<Section>,
    /// Numbers of secrets for the sections `list` and `start` [default: 1000,100000,1000000; quick: 1000,5000]
    #[arg(long, value_delimiter = ',')]
    pub sizes: Vec<u64>,
    /// Rounds of each measurement [default: 5; quick: 2]
    #[arg(long)]
    pub rounds: Option<u32>,
    /// Measured milliseconds of each run [default: 3000; quick: 500]
    #[arg(long)]
    pub measured_ms: Option<u64>,
    /// Milliseconds of each run that are left out at its beginning [default: 500; quick: 200]
    #[arg(long)]
    pub warm_up_ms: Option<u64>,
    /// Secrets that the section `write` changes [default: 50000; quick: 1000]
    #[arg(long)]
    pub write_secrets: Option<u64>,
    /// Takes data directories that an earlier run has filled instead of filling new ones.
    #[arg(long)]
    pub reuse: bool,
    /// The program under test.
    #[arg(long, default_value = "target/release/strongroom")]
    pub binary: PathBuf,
    /// Where data, logs and the report go; the disk that is measured.
    #[arg(long, default_value = "target/bench")]
    pub folder: PathBuf,
    /// Processors that the servers may use, as taskset writes them, such as 0; all when not given.
    #[arg(long)]
    pub server_cpus: Option<String>,
    /// The region that is signed for.
    #[arg(long, default_value = "us-east-1")]
    pub region: String,
    /// Where random numbers begin; the time when not given.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Does without moto.
    #[arg(long)]
    pub no_moto: bool,
}

/// What follows from the options.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Rounds.
    pub rounds: u32,
    /// Measured stretch of a run.
    pub measured: Duration,
    /// Left out before it.
    pub warm_up: Duration,
    /// Numbers of secrets.
    pub sizes: Vec<u64>,
    /// Secrets that are written.
    pub write_secrets: u64,
    /// Take old data directories.
    pub reuse: bool,
    /// Measure moto too.
    pub with_moto: bool,
    /// Where random numbers begin.
    pub seed: u64,
}

impl Options {
    fn settings(&self, now_ms: u64) -> Settings {
        let (rounds, measured_ms, warm_up_ms, write_secrets): (u32, u64, u64, u64) =
            if self.quick { (2, 500, 200, 1000) } else { (5, 3000, 500, 50_000) };
        let sizes: &[u64] = if self.quick { &[1000, 5000] } else { &[1000, 100_000, 1_000_000] };
        Settings {
            rounds: self.rounds.unwrap_or(rounds),
            measured: Duration::from_millis(self.measured_ms.unwrap_or(measured_ms)),
            warm_up: Duration::from_millis(self.warm_up_ms.unwrap_or(warm_up_ms)),
            sizes: if self.sizes.is_empty() { sizes.to_vec() } else { self.sizes.clone() },
            write_secrets: self.write_secrets.unwrap_or(write_secrets),
            reuse: self.reuse,
            with_moto: !self.no_moto,
            seed: self.seed.unwrap_or(now_ms),
        }
    }

    fn includes(&self, section: Section) -> bool {
        self.only.is_empty() || self.only.contains(&section)
    }
}

/// Runs the suite, writes `report.md` and `report.json` into the folder, and gives back the table.
pub async fn run(options: &Options, now_ms: u64) -> Result<String, Failure> {
    std::fs::create_dir_all(&options.folder).map_err(Failure::io(options.folder.display().to_string()))?;
    let launch = Launch {
        strongroom: options.binary.clone(),
        bench: std::env::current_exe().map_err(Failure::io("find this program"))?,
        folder: options.folder.clone(),
        server_cpus: options.server_cpus.clone(),
        region: options.region.clone(),
    };
    let settings = options.settings(now_ms);
    let circumstances = circumstances::look(&settings, options.server_cpus.as_deref());
    let report = Report { circumstances, ..Report::default() };
    let mut session = Session::new(launch, settings, report);
    for section in Section::value_variants().iter().filter(|section| options.includes(**section)) {
        match section {
            Section::Get => reads::beside_ceiling_and_moto(&mut session).await?,
            Section::Read => reads::other_reads(&mut session).await?,
            Section::Write => writes::beside_sqlite_and_moto(&mut session).await?,
            Section::List => lists::by_size(&mut session).await?,
            Section::Start => starts::by_size(&mut session).await?,
        }
        // What is there is kept, should a later section fail.
        save(&session.report, &options.folder)?;
    }
    save(&session.report, &options.folder)
}

fn save(report: &Report, folder: &Path) -> Result<String, Failure> {
    let table = markdown::render(report);
    let (people, machines) = (folder.join("report.md"), folder.join("report.json"));
    std::fs::write(&people, &table).map_err(Failure::io(people.display().to_string()))?;
    let json = serde_json::to_string_pretty(report)?;
    std::fs::write(&machines, json).map_err(Failure::io(machines.display().to_string()))?;
    Ok(table)
}

/// Compares two reports that were written as JSON.
pub fn compare(base: &Path, new: &Path) -> Result<String, Failure> {
    let read = |path: &Path| -> Result<Report, Failure> {
        let text = std::fs::read_to_string(path).map_err(Failure::io(path.display().to_string()))?;
        Ok(serde_json::from_str(&text)?)
    };
    Ok(markdown::compare(&read(base)?, &read(new)?))
}
