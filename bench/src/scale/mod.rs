//! What a secret costs on disk and in memory, and what of that follows for many: `disk`, `cache`, `plan`.

mod cache;
mod disk;
mod plan;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::failure::Failure;

/// What is asked.
#[derive(Clone, Debug, Subcommand)]
pub enum Question {
    /// Fills both engines and measures bytes, rows and memory by secret.
    Disk(Filling),
    /// Simulates which share of reads a cache answers.
    Cache,
    /// Reckons what numbers of secrets and rates of reads need, from the figures measured before.
    Plan,
}

/// How stores are filled.
#[derive(Clone, Debug, Args)]
pub struct Filling {
    /// Two numbers of secrets: the growth between them counts.
    #[arg(long, value_delimiter = ',', default_value = "10000,100000")]
    pub sizes: Vec<u64>,
    /// How many of them get a resource policy, and then four further versions.
    #[arg(long, default_value_t = 10_000)]
    pub versioned: u64,
    /// The program under test.
    #[arg(long, default_value = "target/release/strongroom")]
    pub binary: PathBuf,
    /// Where data and logs go.
    #[arg(long, default_value = "target/bench-scale")]
    pub folder: PathBuf,
}

/// Answers it.
///
/// # Errors
/// When something does not start, or a request fails.
pub async fn answer(question: &Question) -> Result<String, Failure> {
    match question {
        Question::Disk(filling) => disk::table(filling).await,
        Question::Cache => cache::table(),
        Question::Plan => Ok(plan::table()),
    }
}
