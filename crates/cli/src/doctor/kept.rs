//! What is kept: the root of trust, the store that hangs on it, and its backups. Nothing of it is changed.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use strongroom_core::catalogue::{Catalogue, Progress};
use strongroom_core::secrets::regions::regions_of;
use strongroom_crypto::{Random, RootOfTrust as _, SystemRandom};
use strongroom_server::config::{Config, RootConfig};
use strongroom_server::free::free_bytes;
use strongroom_store::transfer::Standing;
use strongroom_store::{PostgresStore, Probe, SqliteStore};
use strongroom_types::{AccountId, Clock as _, Region, SystemClock, Timestamp};
use strongroom_wire::timestamps;

use super::clock;
use super::finding::Findings;
use crate::offline::DataArgs;
use crate::roots::OpenRootError;
use crate::store::Opened;
use crate::{roots, store};

const ROOT: &str = "root of trust";
const STORE: &str = "store";
const DATABASE: &str = "database";
const BACKUP: &str = "backup";
const ACCOUNT: &str = "account";

/// What a store says of itself once it is open.
pub struct Inside {
    /// The account that it was made with.
    pub account: Option<AccountId>,
    /// Each account with the regions that it has secrets in.
    pub regions: Vec<(AccountId, Vec<Region>)>,
    /// How the work on backups stands.
    pub progress: Progress,
}

/// Why nothing can be said of a store's inside though nothing may be wrong with it.
pub enum Unseen {
    /// There is no store yet.
    None,
    /// What the root of trust needs is not here.
    Root(String),
    /// Something else.
    Other(String),
}

/// Whether the configuration's roots wait for people to bring shares.
pub fn needs_shares(config: &Config) -> bool {
    config.roots.iter().any(|root| matches!(root, RootConfig::Shares {}))
}

/// Looks at all of it. Returns the account that the store was made with.
pub fn look(args: &DataArgs, config: &Config, findings: &mut Findings) -> Option<AccountId> {
    let is_there = match &config.store.url {
        Some(_) => database(config, findings)?,
        None => embedded(args, findings)?,
    };
    if !root(config, is_there, findings) || !is_there {
        return None;
    }
    let inside = match inside(args, config) {
        Ok(inside) => inside,
        Err(Unseen::None) => return None,
        Err(Unseen::Root(text) | Unseen::Other(text)) => {
            findings.warn(STORE, format!("it was not opened: {text}"), "");
            return None;
        }
    };
    let inside = match inside {
        Ok(inside) => inside,
        Err(error) => {
            let advice = "see `strongroom verify`, and docs/configuration.md about roots of trust";
            findings.problem(STORE, error.to_string(), advice);
            return None;
        }
    };
    findings.ok(STORE, "opens, and hangs on the root of trust");
    accounts(config, &inside, findings);
    backups(config, &inside.progress, findings);
    inside.account
}

/// Opens the store, or a copy of it, and reads what it says of itself.
///
/// # Errors
/// When that is not to be done; within it, when it fails.
pub fn inside(args: &DataArgs, config: &Config) -> Result<Result<Inside, Box<dyn Error>>, Unseen> {
    if needs_shares(config) {
        return Err(Unseen::Root("its root of trust is in shares, which only a starting server is given".to_owned()));
    }
    if config.store.url.is_none() {
        if !args.store().is_dir() {
            return Err(Unseen::None);
        }
        // A copy is looked at, and made into a store of its own.
        let (held, free) = (bytes_in(&args.store()), free_bytes(args.directory()).unwrap_or(0));
        if held.saturating_mul(3) > free {
            let text = format!("there is no room for a copy of its {held} bytes in {}", args.directory().display());
            return Err(Unseen::Other(text));
        }
    }
    Ok(store::look(args, async |opened| read(opened).await))
}

async fn read(opened: &Opened) -> Result<Inside, Box<dyn Error>> {
    let failed = |_| "an account of the store cannot be read";
    let account = opened.identities.first_account().await.map_err(failed)?;
    let mut regions = Vec::new();
    for account in opened.identities.accounts().await.map_err(failed)? {
        let of_account = regions_of(&opened.documents, &account).await.map_err(|_| "a secret's key cannot be read")?;
        regions.push((account, of_account));
    }
    let catalogue = Catalogue::new(Arc::clone(&opened.documents), Arc::new(SystemClock));
    let progress = catalogue.progress().await.map_err(|_| "the catalogue of backups cannot be read")?;
    Ok(Inside { account, regions, progress })
}

/// Whether every root of trust can be opened.
fn root(config: &Config, is_there: bool, findings: &mut Findings) -> bool {
    if needs_shares(config) {
        findings.ok(ROOT, "shares, which a starting server waits for: it was not opened");
        return false;
    }
    match roots::open(config, false, &SystemRandom) {
        Ok(root) => {
            findings.ok(ROOT, root.describe());
            true
        }
        Err(OpenRootError::Lost(path)) if !is_there => {
            findings.ok(ROOT, format!("{} is made by the first start", path.display()));
            false
        }
        Err(error @ OpenRootError::Unset(_)) => {
            let advice = "run the doctor in the service's environment, such as by `systemd-run` with its credentials";
            findings.warn(ROOT, error.to_string(), advice);
            false
        }
        Err(error) => {
            findings.problem(ROOT, error.to_string(), "without it the server does not start, and nothing can be read");
            false
        }
    }
}

/// Looks at the files of the embedded engine, beside a server that may have them open. Whether there are any.
fn embedded(args: &DataArgs, findings: &mut Findings) -> Option<bool> {
    let directory = args.store();
    if !directory.is_dir() {
        findings.ok(STORE, format!("there is none at {} yet: the first start makes it", directory.display()));
        return Some(false);
    }
    match SqliteStore::standing_of(&directory) {
        Ok(standing) => told_standing(standing, findings),
        Err(error) => {
            let advice = "put the store back, or restore a backup into another directory: docs/backups.md";
            findings.problem(STORE, format!("{}: {error}", directory.display()), advice);
            return None;
        }
    }
    let written = entries(&directory).filter_map(|found| found.modified().ok()?.duration_since(UNIX_EPOCH).ok()).max();
    if let Some(ms) = written.and_then(|since| i64::try_from(since.as_millis()).ok()) {
        clock::not_before("the last write to the store", Timestamp::from_millis(ms), findings);
    }
    Some(true)
}

fn entries(directory: &Path) -> impl Iterator<Item = fs::Metadata> {
    fs::read_dir(directory).into_iter().flatten().filter_map(|entry| entry.ok()?.metadata().ok())
}

fn bytes_in(directory: &Path) -> u64 {
    entries(directory).map(|found| found.len()).sum()
}

/// What a look at the database of `config`, which has one, finds. Nothing is made in it.
///
/// # Errors
/// When it cannot be reached, or a file of its settings not be read.
pub fn probe(config: &Config) -> Result<Option<Probe>, Box<dyn Error>> {
    let settings = config.store.postgres().map_err(|(path, error)| format!("{}: {error}", path.display()))?;
    let Some(settings) = settings else { return Ok(None) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    Ok(Some(runtime.block_on(PostgresStore::probe(&settings, random))?))
}

/// Looks at the database. Whether there is a store in it that can be opened without changing anything.
fn database(config: &Config, findings: &mut Findings) -> Option<bool> {
    let found = match probe(config) {
        Ok(found) => found?,
        Err(error) => {
            let advice = "look at store.url, the database's log, and docs/postgresql.md";
            findings.problem(DATABASE, error.to_string(), advice);
            return None;
        }
    };
    findings.ok(DATABASE, found.version.clone());
    if found.fsync == Some(false) {
        let advice = "set fsync = on in postgresql.conf: what is acknowledged does not survive a crash of it";
        findings.problem(DATABASE, "it runs with fsync = off", advice);
    }
    clock::compare("the database", Timestamp::from_millis(found.clock_ms), findings);
    let Some(store) = found.store else {
        let text = format!("there is none in the schema {} yet: the first start makes it", config.store.schema);
        findings.ok(STORE, text);
        return Some(false);
    };
    told_standing(store.standing, findings);
    if !store.is_of_this_release {
        let advice = "look with the release that the servers run, or start a server of this one";
        findings.warn(STORE, "its tables are another release's: it was not opened", advice);
        return None;
    }
    Some(store.standing != Standing::Unfinished)
}

fn told_standing(standing: Standing, findings: &mut Findings) {
    match standing {
        Standing::Open => {}
        Standing::Frozen => {
            findings.warn(
                STORE,
                "it is frozen: it takes no changes",
                "`strongroom store thaw`, when no move is under way",
            );
        }
        Standing::Moved => {
            let advice = "use the copy, by its configuration: docs/moving.md";
            findings.problem(STORE, "it was moved: this is the one that was left behind", advice);
        }
        Standing::Unfinished => {
            let advice = "do what fills it again, to its end: docs/moving.md";
            findings.problem(STORE, "it is being filled, or that was cut short", advice);
        }
    }
}

/// Holds the accounts and regions of the store against the configured ones.
fn accounts(config: &Config, inside: &Inside, findings: &mut Findings) {
    let region = &config.account.region;
    if let (Some(asked), Some(first)) = (&config.account.id, &inside.account)
        && asked != first
    {
        let text = format!("account.id is {asked}, and the store was made with {first}: the server does not start");
        findings.problem(ACCOUNT, text, format!("set account.id = \"{first}\", or take it out"));
    }
    for (account, regions) in &inside.regions {
        let others: Vec<&str> = regions.iter().filter(|other| *other != region).map(Region::as_str).collect();
        if others.is_empty() {
            continue;
        }
        let text = format!("account {account} has secrets in {}", others.join(", "));
        let advice = "start with account.region or --region of one of them to see those";
        if regions.contains(region) {
            findings.warn(ACCOUNT, format!("{text} too, which are not shown in {region}"), advice);
        } else {
            findings.problem(ACCOUNT, format!("{text}, and none in {region}, which is configured"), advice);
        }
    }
    if findings.is_good(ACCOUNT) {
        let first = inside.account.as_ref().map_or("none yet", AccountId::as_str);
        let more = inside.regions.len().saturating_sub(1);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        findings.ok(ACCOUNT, format!("{first}{more}, in {region}"));
    }
}

/// Looks at how old the newest backup and the last proven restore are.
fn backups(config: &Config, progress: &Progress, findings: &mut Findings) {
    if !config.backup.is_on() {
        let advice = "set backup.directory or [backup.s3], and keep the root key apart: docs/backups.md";
        return findings.warn(BACKUP, "none are taken by the server", advice);
    }
    let now = SystemClock.now();
    let too_old = |at_ms: Option<i64>, max_ms: Option<i64>| {
        let since = at_ms.or(progress.began_ms);
        since.zip(max_ms).is_some_and(|(since, max_ms)| now.millis().saturating_sub(since) > max_ms)
    };
    let of = |at_ms: Option<i64>| at_ms.map_or("never".to_owned(), |ms| timestamps::iso(Timestamp::from_millis(ms)));
    let (newest, proven) = (of(progress.newest_ms), of(progress.proven_ms));
    let (look, drill) =
        ("look at the place and the server's log", "look at the log, and try `strongroom backup drill`");
    if too_old(progress.newest_ms, config.backup.age_ms_max()) {
        let text = format!("the newest was taken {newest}, which is longer ago than backup.age_hours_max");
        findings.problem(BACKUP, text, look);
    }
    if too_old(progress.proven_ms, config.backup.proven_ms_max()) {
        let text = format!("the last proven restore was {proven}, which is longer ago than backup.proven_hours_max");
        findings.problem(BACKUP, text, drill);
    }
    if let Some(fault) = &progress.drill_fault {
        findings.problem(BACKUP, format!("the last drill proved nothing: {fault}"), drill);
    }
    if progress.backup_failures > 0 {
        let text = format!("{} attempts at one have failed since the last success", progress.backup_failures);
        findings.warn(BACKUP, text, look);
    }
    if progress.newest_ms.is_none() && findings.is_good(BACKUP) {
        findings.warn(BACKUP, "none was taken yet", "a running server takes the first within minutes");
    }
    for (what, at_ms) in [("the newest backup", progress.newest_ms), ("the last proven restore", progress.proven_ms)] {
        if let Some(ms) = at_ms {
            clock::not_before(what, Timestamp::from_millis(ms), findings);
        }
    }
    if findings.is_good(BACKUP) {
        findings.ok(BACKUP, format!("the newest was taken {newest}, the last proven restore was {proven}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Case = (fn(&mut Progress), &'static str);

    fn told(settings: &str, change: impl FnOnce(&mut Progress)) -> String {
        let mut progress = Progress::default();
        (progress.newest_ms, progress.proven_ms) = (ago(1), ago(2));
        change(&mut progress);
        let mut findings = Findings::default();
        backups(&Config::load(settings).expect("settings"), &progress, &mut findings);
        findings.lines()
    }

    fn ago(hours: i64) -> Option<i64> {
        Some(SystemClock.now().millis() - hours * 3_600_000)
    }

    #[test]
    fn old_backups_and_drills_that_proved_nothing_are_told() {
        const SETTINGS: &str = "[backup]\ndirectory = '/backups'\n";
        let cases: [Case; 7] = [
            (|_| {}, "ok       backup: the newest was taken 20"),
            (|progress| progress.newest_ms = ago(26), "problem  backup: the newest was taken 20"),
            (|progress| progress.proven_ms = ago(74), "problem  backup: the last proven restore was 20"),
            (
                |progress| progress.drill_fault = Some("x".to_owned()),
                "problem  backup: the last drill proved nothing: x",
            ),
            (|progress| progress.backup_failures = 2, "warning  backup: 2 attempts"),
            (|progress| *progress = Progress::default(), "warning  backup: none was taken yet"),
            (|progress| progress.newest_ms = ago(-2), "problem  clock: the newest backup is"),
        ];
        for (change, wanted) in cases {
            let told = told(SETTINGS, change);
            assert!(told.starts_with(wanted), "{told}");
        }
        assert!(told("", |_| {}).starts_with("warning  backup: none are taken"));
        let never = "[backup]\ndirectory = '/b'\nage_hours_max = 0\n";
        assert!(told(never, |progress| progress.newest_ms = ago(9999)).starts_with("ok "));
    }
}
