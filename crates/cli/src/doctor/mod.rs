//! `strongroom doctor`: looks at a machine, a server's or a client's, and says what is wrong and what to do about it.

mod clock;
mod environment;
mod files;
mod finding;
pub mod health;
pub mod kept;
mod server;
mod sinks;

use std::error::Error;
use std::path::{Path, PathBuf};

use clap::Args;
use strongroom_server::config::Config;
use strongroom_types::AccountId;

use crate::offline::DataArgs;
use crate::output::{self, out};
use crate::{process, settings};
#[cfg(test)]
pub use environment::ENDPOINTS;
use environment::Environment;
use finding::{Findings, Level};

/// Flags of `strongroom doctor`.
#[derive(Args)]
pub struct DoctorArgs {
    /// The data directory of a server on this machine.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The server's configuration file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The URL by which clients call the server.
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// Certificates in PEM form that the server's must lead to, in place of the system's.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Prints the findings as JSON.
    #[arg(long)]
    json: bool,
}

/// Looks at everything, changes nothing, and prints what was found.
///
/// # Errors
/// When something is wrong.
pub fn run(args: &DoctorArgs) -> Result<(), Box<dyn Error>> {
    process::forbid_core_dumps()?;
    let mut findings = Findings::default();
    let environment = Environment::own();
    let config = configuration(args, &mut findings);
    let of_server = config.as_ref().and_then(|config| match args.endpoint {
        Some(_) => None,
        None => health::url_of(&config.data.directory).ok().flatten(),
    });
    let account = config.as_ref().and_then(|config| machine(args, config, &mut findings));
    let asked = args.endpoint.as_deref().or(of_server.as_deref());
    // A machine of clients alone goes where they go.
    let asked = asked.or_else(|| environment.endpoint().filter(|_| config.is_none()));
    match asked {
        Some(url) => server::answer(url, args.ca_file.as_deref(), of_server.is_some(), &mut findings),
        None if config.is_some() => {
            findings.warn(
                "server",
                "none runs on the data directory",
                "start it, or name the URL of one by --endpoint",
            );
        }
        None => {
            let advice = "name a server's --data or --config, or where clients call it by --endpoint";
            findings.warn("server", "where one is, is not known", advice);
        }
    }
    let account = account.as_ref().map(AccountId::as_str);
    environment.look(config.as_ref(), account, asked, &mut findings);
    if args.json {
        out!("{}", findings.json()?);
    } else {
        output::print(format_args!("{}", findings.lines()));
    }
    match findings.count(Level::Problem) {
        0 => Ok(()),
        1 => Err("there is a problem".into()),
        problems => Err(format!("there are {problems} problems").into()),
    }
}

/// The server's settings, when it is one's machine and they are right.
fn configuration(args: &DoctorArgs, findings: &mut Findings) -> Option<Config> {
    const CHECK: &str = "configuration";
    if args.data.is_none() && args.config.is_none() {
        return None;
    }
    let loaded = settings::load(args.config.as_deref(), |config| {
        if let Some(data) = &args.data {
            config.data.directory.clone_from(data);
        }
    });
    match loaded {
        Ok(config) => {
            let file = args.config.as_deref().map(Path::display);
            findings.ok(CHECK, file.map_or("the defaults".to_owned(), |file| format!("{file} is right")));
            Some(config)
        }
        Err(error) => {
            for problem in error.to_string().lines() {
                findings.problem(CHECK, problem, "correct it: docs/configuration.md");
            }
            None
        }
    }
}

/// Looks at what a server has on this machine. Returns the account of its store.
fn machine(args: &DoctorArgs, config: &Config, findings: &mut Findings) -> Option<AccountId> {
    files::look(config, findings);
    let host = args.endpoint.as_deref().and_then(host_of);
    server::certificate(config, host, findings);
    if !config.data.directory.is_dir() {
        return None;
    }
    let data = DataArgs::new(config.data.directory.clone(), args.config.clone());
    sinks::look(config, findings);
    kept::look(&data, config, findings)
}

/// The host in a URL.
fn host_of(url: &str) -> Option<&str> {
    let authority = url.split_once("://")?.1.split('/').next()?;
    match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => authority.split(':').next(),
    }
}
