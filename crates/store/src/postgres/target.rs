//! Where the database is: its hosts, and a login to the one that takes writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use strongroom_types::secret::SecretText;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_postgres::{Client, Config, Connection, Socket};

use super::failure::{Remedy, Trouble, closed};
use super::tls::{Secured, Tls};

/// How long a host may take before the next one is tried beside it. A host without power or behind a cut link answers
/// nothing at all, and must not use up the time of the others.
const HEAD_START: Duration = Duration::from_millis(200);

/// A login's two ends, and the place of its host.
type LoggedIn = (Client, Connection<Socket, Secured>, usize);
/// As the driver gives them.
type Ends = (Client, Connection<Socket, Secured>);

/// A database, and how it is reached.
pub(super) struct Target {
    /// The driver's form of the URL for each host by itself, without the password.
    hosts: Vec<Config>,
    password: Option<SecretText>,
    tls: Tls,
    /// The host that took the last login.
    last: watch::Sender<Turn>,
    /// Place of the host that is tried first next time.
    first: AtomicUsize,
}

/// Which host takes writes, and the how-manieth of them that is since the start.
#[derive(Clone, Copy, Default)]
struct Turn {
    place: usize,
    number: u64,
}

/// Whether the host of a connection is still the one that takes writes, as far as this node knows.
pub(super) struct Standing {
    own: u64,
    last: watch::Receiver<Turn>,
}

impl Standing {
    /// Whether another host has taken a login since. A host that was the primary before may not know that it is no more:
    /// what is read there may be old, and what is waited for there may never come.
    pub(super) fn is_over(&self) -> bool {
        self.last.borrow().number != self.own
    }

    /// Waits until another host takes a login.
    pub(super) async fn over(&self) {
        let mut last = self.last.clone();
        if last.wait_for(|turn| turn.number != self.own).await.is_err() {
            // The database's settings are gone, and with them whoever could log in elsewhere.
            std::future::pending::<()>().await;
        }
    }
}

impl Target {
    /// The hosts of the driver's form of a URL.
    pub(super) fn new(config: &Config, password: Option<SecretText>, tls: Tls) -> Self {
        let places = 0..config.get_hosts().len().max(config.get_hostaddrs().len());
        let hosts = places.map(|place| of_one_host(config, place)).collect();
        Self { hosts, password, tls, last: watch::Sender::default(), first: AtomicUsize::new(0) }
    }

    /// A login to the host that takes writes; the first one, should several say that they do.
    pub(super) async fn log_in(self: &Arc<Self>, runtime: &Handle) -> Result<LoggedIn, Trouble> {
        let count = self.hosts.len();
        let first = self.first.load(Ordering::Relaxed) % count.max(1);
        let mut next = (0..count).map(|place| (first + place) % count.max(1)).peekable();
        let mut under_way = JoinSet::new();
        let mut failed: Option<Trouble> = None;
        loop {
            if let Some(place) = next.next() {
                let target = Arc::clone(self);
                under_way.spawn_on(async move { (place, target.log_in_to(place).await) }, runtime);
            }
            let ended = match next.peek() {
                Some(_) => timeout(HEAD_START, under_way.join_next()).await,
                None => Ok(under_way.join_next().await),
            };
            match ended {
                // Those that are still under way end with the set.
                Ok(Some(Ok((place, Ok((client, connection)))))) => {
                    self.first.store(place, Ordering::Relaxed);
                    return Ok((client, connection, place));
                }
                Ok(Some(Ok((_, Err(trouble))))) => failed = Some(worth_more(failed, trouble)),
                Ok(Some(Err(_))) | Err(_) => {}
                Ok(None) if next.peek().is_none() => return Err(failed.unwrap_or_else(|| closed().into())),
                Ok(None) => {}
            }
        }
    }

    /// Has the next login try another host first.
    pub(super) fn pass_over(&self) {
        self.first.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes note that the host at `place` takes writes.
    pub(super) fn stands(&self, place: usize) -> Standing {
        let _ = self.last.send_if_modified(|turn| {
            let moved = turn.place != place;
            if moved {
                *turn = Turn { place, number: turn.number + 1 };
            }
            moved
        });
        let last = self.last.subscribe();
        let own = last.borrow().number;
        Standing { own, last }
    }

    async fn log_in_to(&self, place: usize) -> Result<Ends, Trouble> {
        let mut config = self.hosts.get(place).cloned().unwrap_or_default();
        if let Some(password) = &self.password {
            config.password(password.expose());
        }
        Ok(config.connect(self.tls.clone()).await?)
    }
}

/// Of two hosts' failures the one that may pass, as then trying again has a sense; else the first.
fn worth_more(before: Option<Trouble>, trouble: Trouble) -> Trouble {
    match before {
        Some(before) if before.remedy != Remedy::None || trouble.remedy == Remedy::None => before,
        _ => trouble,
    }
}

/// What a URL of several hosts says of one of them.
fn of_one_host(config: &Config, place: usize) -> Config {
    let mut one = Config::new();
    if let Some(host) = config.get_hosts().get(place) {
        match host {
            tokio_postgres::config::Host::Tcp(name) => one.host(name),
            #[cfg(unix)]
            tokio_postgres::config::Host::Unix(folder) => one.host_path(folder),
        };
    }
    if let Some(address) = config.get_hostaddrs().get(place) {
        one.hostaddr(*address);
    }
    // One port is for all hosts.
    if let Some(port) = config.get_ports().get(place).or_else(|| config.get_ports().first()) {
        one.port(*port);
    }
    if let Some(user) = config.get_user() {
        one.user(user);
    }
    if let Some(name) = config.get_dbname() {
        one.dbname(name);
    }
    if let Some(options) = config.get_options() {
        one.options(options);
    }
    if let Some(name) = config.get_application_name() {
        one.application_name(name);
    }
    if let Some(limit) = config.get_connect_timeout() {
        one.connect_timeout(*limit);
    }
    if let Some(limit) = config.get_tcp_user_timeout() {
        one.tcp_user_timeout(*limit);
    }
    one.ssl_mode(config.get_ssl_mode())
        .ssl_negotiation(config.get_ssl_negotiation())
        .channel_binding(config.get_channel_binding())
        .target_session_attrs(config.get_target_session_attrs())
        .keepalives(config.get_keepalives())
        .keepalives_idle(config.get_keepalives_idle());
    if let Some(interval) = config.get_keepalives_interval() {
        one.keepalives_interval(interval);
    }
    if let Some(retries) = config.get_keepalives_retries() {
        one.keepalives_retries(retries);
    }
    one
}
