//! `strongroom status`: how the server on a data directory is, on one screen.

use std::error::Error;
use std::path::PathBuf;

use clap::Args;
use strongroom_crypto::{RootOfTrust as _, SystemRandom};
use strongroom_server::config::Config;
use strongroom_store::SqliteStore;
use strongroom_types::Timestamp;
use strongroom_wire::timestamps;

use crate::doctor::{health, kept};
use crate::offline::DataArgs;
use crate::output::out;
use crate::{process, roots, settings};

/// Flags of `strongroom status`.
#[derive(Args)]
pub struct StatusArgs {
    /// The data directory, if it is another than the configuration's.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The URL by which the server is asked, in place of the one that it gave itself.
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// Certificates in PEM form that the server's must lead to, in place of the system's.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

/// Prints how the server is.
///
/// # Errors
/// When it does not serve.
pub fn run(args: &StatusArgs) -> Result<(), Box<dyn Error>> {
    process::forbid_core_dumps()?;
    let config = settings::load(args.config.as_deref(), |config| {
        if let Some(data) = &args.data {
            config.data.directory.clone_from(data);
        }
    })?;
    let state = state(args, &config);
    let data = config.data.directory.display();
    if !config.data.directory.is_dir() {
        line("data", &format!("{data} is not there: --data names the server's"));
        return state.map_err(Into::into);
    }
    line("data", &data.to_string());
    line("region", config.account.region.as_str());
    line("root", &root(&config));
    line("engine", &engine(&config));
    sinks(&config);
    inside(args, &config);
    state.map_err(Into::into)
}

fn line(name: &str, text: &str) {
    out!("{name:<12} {text}");
}

/// Prints where the server is and whether it serves. Why it does not, is the error.
fn state(args: &StatusArgs, config: &Config) -> Result<(), String> {
    let own = match &args.endpoint {
        Some(url) => Ok(Some(url.clone())),
        None => health::url_of(&config.data.directory),
    };
    let Some(url) = own.map_err(|error| error.to_string())? else {
        line("state", "not running");
        return Err("no server runs on the data directory".to_owned());
    };
    line("endpoint", &url);
    let found = match health::ask(&url, args.ca_file.as_deref()) {
        Ok(found) => found,
        Err(error) => {
            line("state", "no answer");
            return Err(error.to_string());
        }
    };
    let reads = if found.is_ready() && !found.reasons.is_empty() { ", for reads alone" } else { "" };
    line("state", &format!("{}{reads}", found.status));
    found.reasons.iter().for_each(|reason| line("", reason));
    found.warnings.iter().for_each(|warning| line("warning", warning));
    if found.is_ready() { Ok(()) } else { Err("the server is not ready".to_owned()) }
}

fn root(config: &Config) -> String {
    if kept::needs_shares(config) {
        return "shares".to_owned();
    }
    roots::open(config, false, &SystemRandom).map_or_else(|error| error.to_string(), |root| root.describe())
}

/// The engine, and whether the store takes changes.
fn engine(config: &Config) -> String {
    let Some(url) = &config.store.url else {
        let standing = SqliteStore::standing_of(config.data.directory.join(crate::data::STORE_DIRECTORY));
        let standing = standing.map_or_else(|error| error.to_string(), |standing| standing.to_string());
        return format!("embedded, {standing}");
    };
    match kept::probe(config) {
        Ok(Some(found)) => match found.store {
            Some(store) => format!("{url}, {}", store.standing),
            None => format!("{url}, without a store yet"),
        },
        Ok(None) => url.clone(),
        Err(error) => format!("{url}: {error}"),
    }
}

/// Prints how far each of the trail's sinks is behind.
fn sinks(config: &Config) {
    if config.audit.sinks.is_empty() {
        return;
    }
    let found = match strongroom_server::sinks::behind(config) {
        Ok(found) => found,
        Err(error) => return line("sinks", &format!("cannot be seen: {error}")),
    };
    for sink in found {
        let told = match sink.lag {
            None => "has not begun".to_owned(),
            Some((0, _)) => "has all".to_owned(),
            Some((bytes, oldest)) => {
                let since = oldest.map_or_else(String::new, |at| format!(", from {} on", timestamps::iso(at)));
                format!("{bytes} bytes behind{since}")
            }
        };
        line("sink", &format!("{}: {told}", sink.name));
    }
}

/// Prints what the store says of itself, where it can be opened.
fn inside(args: &StatusArgs, config: &Config) {
    let data = DataArgs::new(config.data.directory.clone(), args.config.clone());
    // A database is not opened where that could bring its tables up to this release.
    let current = |found: strongroom_store::Probe| found.store.is_some_and(|store| store.is_of_this_release);
    if config.store.url.is_some() && !kept::probe(config).ok().flatten().is_some_and(current) {
        return;
    }
    let inside = match kept::inside(&data, config) {
        Ok(Ok(inside)) => inside,
        Ok(Err(error)) => return line("store", &error.to_string()),
        Err(kept::Unseen::None) => return,
        Err(kept::Unseen::Root(text) | kept::Unseen::Other(text)) => {
            return line("store", &format!("not opened: {text}"));
        }
    };
    let account = inside.account.as_ref().map_or("none yet", strongroom_types::AccountId::as_str);
    line("account", account);
    let of = |at_ms: Option<i64>| at_ms.map_or("never".to_owned(), |ms| timestamps::iso(Timestamp::from_millis(ms)));
    let backups = if config.backup.is_on() {
        format!("newest {}, proven {}", of(inside.progress.newest_ms), of(inside.progress.proven_ms))
    } else {
        "none are configured".to_owned()
    };
    line("backups", &backups);
}
