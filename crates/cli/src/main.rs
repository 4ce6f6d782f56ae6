//! The binary `strongroom`: flags, printing, and what it leaves to the other rooms.

mod process;
mod roots;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A self-hosted secrets manager that speaks the AWS Secrets Manager API.
#[derive(Parser)]
#[command(name = "strongroom", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the server in the foreground.
    Serve(serve::ServeArgs),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Serve(args) => serve::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("strongroom: {error}");
            ExitCode::FAILURE
        }
    }
}
