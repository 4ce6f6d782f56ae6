//! `strongroom serve`: reads the settings, opens the data, listens, tells the user how to go on, stops in order.

use std::error::Error;
use std::fs;
use std::io::{self, IsTerminal as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use strongroom_core::identities::NewKey;
use strongroom_crypto::random::BufferedRandom;
use strongroom_crypto::{Random, SystemRandom};
use strongroom_roots::Roots;
use strongroom_server::app::App;
use strongroom_server::config::{Config, MemoryLock};
use strongroom_server::credentials;
use strongroom_server::gate::Gate;
use strongroom_server::listen::{Listeners, serve};
use strongroom_server::opening;
use strongroom_server::workers::Workers;
use strongroom_types::{AccountId, Clock, Region, SystemClock};
use tokio::signal::unix::{SignalKind, signal};

use crate::greeting::Greeting;
use crate::log::Log;
use crate::reload::Again;
use crate::{data, notify, process, roots, settings, unseal};

/// Settings on the command line. They win over those of the configuration file.
#[derive(Args, Clone)]
pub struct ServeArgs {
    /// The data directory; made on first start. With --dev and without this, a temporary one.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The address to listen on; port 0 takes a free port.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The number of the account that the first start makes: 12 digits.
    #[arg(long, value_name = "NUMBER", value_parser = |text: &str| AccountId::parse(text))]
    account: Option<AccountId>,
    /// The region.
    #[arg(long, value_name = "NAME", value_parser = |text: &str| Region::parse(text))]
    region: Option<Region>,
    /// For tests and CI: accepts any access key without verifying signatures. Loopback only.
    #[arg(long)]
    dev: bool,
    /// Lets accounts call as often as they like, whatever the quotas are: for load tests and bulk work.
    #[arg(long)]
    no_throttle: bool,
}

/// Runs the server until it is told to stop.
///
/// # Errors
/// When it cannot start, or not stop in order.
pub fn run(args: &ServeArgs) -> Result<(), Box<dyn Error>> {
    process::forbid_core_dumps()?;
    if cfg!(feature = "fips") && !strongroom_crypto::is_validated() {
        return Err("the cipher library's module is not in its approved mode".into());
    }
    let temporary = match (&args.data, args.dev) {
        (None, true) => Some(process::TemporaryDirectory::new(&SystemRandom)?),
        _ => None,
    };
    let own = temporary.as_ref().map(|directory| directory.path().to_owned());
    let config = settings(args, own.as_deref())?;
    let log = Log::begin(&config.log)?;
    lock_memory(config.memory.lock)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let args = args.clone();
    let again = Again { running: config.clone(), log, settings: Box::new(move || settings(&args, own.as_deref())) };
    runtime.block_on(serve_until_stopped(&config, again))
}

/// Before any key is in memory, and before there are other threads.
fn lock_memory(wish: MemoryLock) -> Result<(), Box<dyn Error>> {
    const ADVICE: &str = "let the process lock its memory (LimitMEMLOCK=infinity in a unit of systemd, `ulimit -l`)";
    if wish == MemoryLock::Never {
        return Ok(());
    }
    match (process::lock_memory(), wish) {
        (Ok(process::Memory::Locked), _) => Ok(()),
        (Ok(_), MemoryLock::Require) => Err(format!("memory.lock: the system does not allow it: {ADVICE}").into()),
        (Err(error), MemoryLock::Require) => Err(format!("memory.lock: {error}").into()),
        (Ok(process::Memory::Swapless), _) => Ok(()),
        (Ok(process::Memory::Swappable), _) => {
            tracing::warn!("keys and values in memory may reach swap: {ADVICE}, or encrypt the swap");
            Ok(())
        }
        (Err(error), _) => {
            tracing::warn!(%error, "the process's memory could not be locked");
            Ok(())
        }
    }
}

fn settings(args: &ServeArgs, temporary: Option<&Path>) -> Result<Config, Box<dyn Error>> {
    settings::load(args.config.as_deref(), |config| {
        if let Some(directory) = args.data.as_deref().or(temporary) {
            config.data.directory = directory.to_owned();
        }
        if let Some(address) = args.listen {
            config.listen.addresses = vec![address];
        }
        if args.no_throttle {
            config.quotas.throttle = false;
        }
        if args.account.is_some() {
            config.account.id.clone_from(&args.account);
        }
        if let Some(region) = &args.region {
            config.account.region = region.clone();
        }
        config.dev |= args.dev;
    })
}

async fn serve_until_stopped(config: &Config, again: Again) -> Result<(), Box<dyn Error>> {
    let directory = &config.data.directory;
    let (clock, random): (Arc<dyn Clock>, Arc<_>) =
        (Arc::new(SystemClock), Arc::new(BufferedRandom::new(SystemRandom)));
    // Both are listened for before anything is opened: a stop asked for during the start is an orderly one too.
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    // A hang-up asks for a look at the configuration and, with TLS, at the certificate's files.
    let hang_up = signal(SignalKind::hangup())?;
    // Before anything is made: a first start that fails here must not have used up the only showing of the key.
    let listeners = Listeners::bind(config).await?;
    let elsewhere = config.store.url.is_some();
    let mut first = data::prepare(directory, config.dev, elsewhere)?;
    if elsewhere {
        first = opening::is_empty(config, &(Arc::clone(&random) as _)).await?;
    }
    notify::status("opening the root of trust");
    let root = tokio::select! {
        root = opened_roots(config, first, Arc::clone(&random) as _) => Some(root?),
        _ = interrupt.recv() => None,
        _ = terminate.recv() => None,
    };
    let Some(root) = root else {
        unseal::give_up(directory);
        return Ok(());
    };
    let (app, new_key) = App::open(config, root, Arc::clone(&clock), Arc::clone(&random) as _).await?;
    let app = Arc::new(app);
    let url = url(&listeners);
    let gate = Arc::new(Gate::new(Arc::clone(&app)));
    app.lead_functions_to(&gate, &url);
    let again = tokio::spawn(again.at_each(hang_up, Arc::clone(&app)));
    let workers = Workers::start(Arc::clone(&app));
    let others = other_regions(&app).await?;
    tell(config, &app, &url, new_key.as_ref(), &others)?;
    credentials::save_endpoint(directory, &url)?;
    notify::ready(&url);
    tracing::info!(url, version = env!("CARGO_PKG_VERSION"), "the server is ready");
    let stop = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("the server was told to stop: requests under way are brought to their end");
        notify::stopping();
    };
    let stopped = serve(listeners, gate, stop, config, clock, random).await;
    again.abort();
    credentials::remove_endpoint(directory)?;
    workers.stop().await;
    app.stop_functions().await;
    app.close().await?;
    tracing::info!("the server has stopped");
    if stopped.unfinished > 0 {
        return Err(format!("{} connections had unfinished requests and were cut", stopped.unfinished).into());
    }
    Ok(())
}

/// Opens the roots of trust on a thread of its own: it may be waited for people to bring shares, which a stop ends.
async fn opened_roots(config: &Config, first: bool, random: Arc<dyn Random>) -> Result<Arc<Roots>, Box<dyn Error>> {
    let (config, (tell, told)) = (config.clone(), tokio::sync::oneshot::channel());
    std::thread::Builder::new().name("roots-of-trust".to_owned()).spawn(move || {
        // Nobody hears it once the server stops.
        let _ = tell.send(roots::open(&config, first, random.as_ref()));
    })?;
    Ok(told.await??)
}

fn url(listeners: &Listeners) -> String {
    let bound = listeners.addresses();
    bound.first().map_or_else(String::new, |bound| {
        let scheme = if bound.tls { "https" } else { "http" };
        let mut address = bound.address;
        // Nobody can connect to the address that stands for all.
        if address.ip().is_unspecified() {
            address.set_ip(if address.is_ipv4() {
                [127, 0, 0, 1].into()
            } else {
                std::net::Ipv6Addr::LOCALHOST.into()
            });
        }
        format!("{scheme}://{address}")
    })
}

/// The other regions that hold secrets, in one text for the user and the log; empty when there are none.
async fn other_regions(app: &App) -> Result<String, Box<dyn Error>> {
    let regions = app.other_regions().await?;
    let names: Vec<&str> = regions.iter().map(Region::as_str).collect();
    let names = names.join(", ");
    if !regions.is_empty() {
        tracing::warn!("secrets of other regions are there and are not shown in this one: {names}");
    }
    Ok(names)
}

/// Tells the user where the server is and what to paste.
fn tell(
    config: &Config,
    app: &App,
    url: &str,
    new_key: Option<&NewKey>,
    other_regions: &str,
) -> Result<(), Box<dyn Error>> {
    let data = fs::canonicalize(&config.data.directory)?;
    let saved = data.join(credentials::CREDENTIALS_FILE);
    let greeting = Greeting {
        url,
        region: config.account.region.as_str(),
        other_regions,
        account: app.account().as_str(),
        trust: app.trust(),
        data: &data,
        credentials: saved.exists().then_some(saved.as_path()),
        shared: config.store.url.is_some(),
        new_key,
        dev: config.dev,
    };
    let mut stdout = io::stdout().lock();
    let on_terminal = stdout.is_terminal();
    Ok(greeting.write(&mut stdout, on_terminal)?)
}
