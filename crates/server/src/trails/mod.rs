//! What is done with the trail in the background: closed segments are compressed, old ones removed, and the index
//! follows; and what of it is told to clients.

mod peers;

use std::sync::Arc;
use std::time::Duration;

use strongroom_client::Trust;
use strongroom_core::cloudtrail::{CloudTrail, Peers};
use strongroom_core::trail::NodeName;
use strongroom_core::trail::index::Index;
use strongroom_core::trail::keeping::{Keeper, Keeping};
use strongroom_core::trail::segments::Segments;
use strongroom_core::{Documents, Error};
use strongroom_types::Clock;
use tokio::sync::watch;
use tracing::{error, info};

use crate::app::{App, OpenError};
use crate::config::Config;
use crate::frozen;
use crate::gate::fault_text;
use peers::{Alone, Servers};
pub(crate) use peers::{answer as answer_peer, is_of as is_of_peer};

/// Between two looks for segments to be compressed, in ms.
const COMPRESS_MS: u64 = 2000;
/// Between two looks for segments to be removed, in ms.
const REMOVE_MS: i64 = 60_000;
/// Between two looks for records that are not in the index yet, in ms.
const INDEX_MS: u64 = 500;
/// Text that is put into the index at a time, in bytes: a lookup waits for no more.
const INDEX_BYTES: u64 = 4 * 1024 * 1024;
/// What readiness calls the work on the index.
const INDEX_NAME: &str = "keep the trail's index";
/// What readiness calls the work on segments.
const NAME: &str = "keep the trail's segments";

/// The trail of this server, as far as it is not written.
pub(crate) struct Trails {
    /// Who compresses and removes segments.
    pub(crate) keeper: Arc<Keeper>,
    /// What events are looked up in, if they are.
    pub(crate) index: Option<Arc<Index>>,
    /// CloudTrail's operations.
    pub(crate) cloudtrail: CloudTrail,
    /// The other servers.
    pub(crate) peers: Box<dyn Peers>,
}

impl Trails {
    /// Those of a configuration.
    ///
    /// # Errors
    /// When a file that it names cannot be read.
    pub(crate) fn new(
        config: &Config,
        documents: &Arc<Documents>,
        segments: &Arc<Segments>,
        name: &NodeName,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let audit = &config.audit;
        let keeping = Keeping { compress: audit.compress, retention_days: audit.retention_days };
        let index = audit.index.then(|| Arc::new(Index::new(Arc::clone(segments))));
        let (of, node) = (Arc::clone(segments), name.clone());
        Ok(Self {
            keeper: Arc::new(Keeper::new(Arc::clone(segments.files()), keeping)),
            cloudtrail: CloudTrail::new(Arc::clone(documents), of, index.clone(), node),
            index,
            peers: peers_of(config, documents, name, clock)?,
        })
    }
}

fn peers_of(
    config: &Config,
    documents: &Arc<Documents>,
    name: &NodeName,
    clock: &Arc<dyn Clock>,
) -> Result<Box<dyn Peers>, OpenError> {
    if config.store.url.is_none() {
        return Ok(Box::new(Alone));
    }
    let authorities = config.store.node_authorities().map_err(|(path, source)| OpenError::File { path, source })?;
    let trust = authorities.map_or_else(Trust::system, Trust::system_and);
    Ok(Box::new(Servers {
        documents: Arc::clone(documents),
        name: name.clone(),
        clock: Arc::clone(clock),
        trust,
        gone: config.audit.gone_servers.iter().cloned().collect(),
    }))
}

/// Keeps the index up with the trail until the server stops.
pub(crate) async fn index_until_stopped(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    let Some(index) = app.trails.index.clone() else { return };
    let mut failing = Failing { name: INDEX_NAME, is: false };
    let (mut pause_ms, mut forgotten_ms) = (INDEX_MS, 0);
    loop {
        tokio::select! {
            _ = stopped.changed() => return,
            () = tokio::time::sleep(Duration::from_millis(pause_ms)) => {}
        }
        let (index, now) = (Arc::clone(&index), app.clock.now());
        let forget = now.millis().saturating_sub(forgotten_ms).abs() >= REMOVE_MS;
        if forget {
            forgotten_ms = now.millis();
        }
        let work = move || {
            if forget {
                index.forget_old(now)?;
            }
            index.catch_up(now, INDEX_BYTES)
        };
        let done = tokio::task::spawn_blocking(work).await;
        let done = done.unwrap_or_else(|_| Err(std::io::Error::other("the thread died")));
        pause_ms = if matches!(done, Ok(false)) { 0 } else { INDEX_MS };
        failing.tell(&app, done.err().map(|error| Error::internal(format!("the trail's index: {error}"))));
    }
}

/// Whether a work fails: told once, and readiness says so until it goes on.
struct Failing {
    name: &'static str,
    is: bool,
}

impl Failing {
    fn tell(&mut self, app: &App, fault: Option<Error>) {
        if self.is == fault.is_some() {
            return;
        }
        self.is = fault.is_some();
        match fault {
            Some(fault) => error!(duty = self.name, fault = %fault_text(&fault), "background work fails"),
            None => info!(duty = self.name, "background work goes on"),
        }
        app.standing.set_failing(self.name, self.is);
    }
}

/// Compresses and removes until the server stops. What is under way then is finished.
pub(crate) async fn until_stopped(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    let mut failing = Failing { name: NAME, is: false };
    let mut removed_ms = 0;
    loop {
        tokio::select! {
            _ = stopped.changed() => return,
            () = tokio::time::sleep(Duration::from_millis(COMPRESS_MS)) => {}
        }
        let fault = keep(&app, &mut removed_ms).await.err();
        failing.tell(&app, fault.filter(|fault| !frozen::is_meant(fault)));
    }
}

async fn keep(app: &App, removed_ms: &mut i64) -> Result<(), Error> {
    if app.node.nodes.is_displaced() {
        return Ok(());
    }
    app.notary.compress_next(&app.trails.keeper).await?;
    let now = app.clock.now();
    if now.millis().saturating_sub(*removed_ms).abs() >= REMOVE_MS {
        let removed = app.notary.remove_due(&app.trails.keeper, now).await?;
        if removed > 0 {
            info!(segments = removed, "old segments of the trail were removed, as audit.retention_days says");
        }
        *removed_ms = now.millis();
    }
    Ok(())
}
