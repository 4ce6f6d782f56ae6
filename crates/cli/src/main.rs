//! The binary `strongroom`: flags, printing, and what it leaves to the other rooms.

mod account;
mod allocator;
mod anchor;
mod audit;
mod backup;
mod compliance;
mod counted;
mod data;
mod database;
mod dead_letters;
mod doctor;
mod greeting;
mod kept;
mod keys;
mod ledger;
mod log;
mod notify;
mod offline;
mod organization;
mod output;
mod policy;
mod process;
mod reload;
mod roots;
mod rotation;
mod serve;
mod settings;
mod sheet;
mod status;
mod store;
mod transfer;
mod unseal;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use allocator::Allocator;

/// Requests are many small allocations on few threads, which this allocator serves in about half the system's time.
#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// A self-hosted secrets manager that speaks the AWS Secrets Manager API.
#[derive(Parser)]
#[command(name = "strongroom", version = version())]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// The release and the module of the cipher library in it.
const fn version() -> &'static str {
    if cfg!(feature = "fips") {
        concat!(env!("CARGO_PKG_VERSION"), " (AWS-LC-FIPS, a validated module)")
    } else {
        concat!(env!("CARGO_PKG_VERSION"), " (AWS-LC)")
    }
}

#[derive(Subcommand)]
enum Command {
    /// Runs the server in the foreground.
    Serve(serve::ServeArgs),
    /// Looks at a machine, a server's or a client's, and says what is wrong and what to do; also while a server runs.
    Doctor(doctor::DoctorArgs),
    /// Shows how the server on a data directory is; fails when it does not serve.
    Status(status::StatusArgs),
    /// Makes a backup of the data, sealed under the root of trust; also while a server runs.
    Backup(Box<backup::BackupArgs>),
    /// Restores a backup into a data directory without a store, or a database that holds nothing, and verifies all of it.
    Restore(backup::RestoreArgs),
    /// Opens every document and checks every index; also while a server runs.
    Verify(offline::DataArgs),
    /// Works on the roots of trust and what they wrap.
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Works on the anchor, by which an old store put in the present one's place is noticed.
    #[command(subcommand)]
    Anchor(anchor::AnchorCommand),
    /// Works on the ledger, by which rows that were changed behind the server's back are noticed.
    #[command(subcommand)]
    Ledger(ledger::LedgerCommand),
    /// Checks, exports and delivers the audit trail.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Moves the store to another engine, freezes and thaws it; also while servers run.
    #[command(subcommand)]
    Store(transfer::StoreCommand),
    /// Works on accounts while no server runs.
    #[command(subcommand)]
    Account(account::AccountCommand),
    /// Works on the organization of the accounts while no server runs.
    #[command(subcommand)]
    Organization(organization::OrganizationCommand),
    /// Answers questions about policies.
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Works on the rotation of secrets.
    #[command(subcommand)]
    Rotation(rotation::RotationCommand),
    /// Works on the databases whose master users' secrets Strongroom owns and rotates without a function.
    #[command(subcommand)]
    Database(database::DatabaseCommand),
    /// Works on events that were not delivered.
    #[command(subcommand)]
    Events(dead_letters::EventsCommand),
    /// Tells who may do an action on a resource, and by which statements; also while a server runs.
    WhoCan(policy::WhoCanArgs),
    /// Asks the rules of AWS Config and Security Hub of all secrets; also while a server runs. Exits with 1 when one is
    /// broken, with 2 when that could not be found out.
    Compliance(compliance::ComplianceArgs),
    /// Reports on secrets and keys; also while a server runs.
    Report(compliance::ReportArgs),
}

fn main() -> ExitCode {
    // Before anything else: this process is to become a function's.
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == strongroom_server::functions::LAUNCHER) {
        return become_function(arguments);
    }
    output::finish(run(Cli::parse().command))
}

fn run(command: Command) -> ExitCode {
    let done = match command {
        Command::Serve(args) => serve::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Backup(args) => backup::back_up(&args),
        Command::Restore(args) => backup::restore(&args),
        Command::Verify(args) => offline::verify_data(&args),
        Command::Keys(command) => keys::run(&command),
        Command::Anchor(command) => anchor::run(&command),
        Command::Ledger(command) => ledger::run(&command),
        Command::Audit(command) => audit::run(&command),
        Command::Store(command) => transfer::run(&command),
        Command::Account(command) => account::run(&command),
        Command::Organization(command) => organization::run(&command),
        Command::Policy(command) => policy::run(&command),
        Command::Rotation(command) => rotation::run(&command),
        Command::Database(command) => database::run(&command),
        Command::Events(command) => dead_letters::run(&command),
        Command::WhoCan(args) => policy::who_can(&args),
        Command::Compliance(args) => return compliance::run(&args),
        Command::Report(args) => compliance::report(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("strongroom: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Becomes a function's process, as the server started it.
fn become_function(arguments: impl Iterator<Item = std::ffi::OsString>) -> ExitCode {
    let Err(error) = strongroom_runtimes::launch(arguments);
    eprintln!("strongroom: {error}");
    ExitCode::FAILURE
}
