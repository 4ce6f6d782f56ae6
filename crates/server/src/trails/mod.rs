//! What is done with the trail in the background: closed segments are compressed, old ones removed.

use std::sync::Arc;
use std::time::Duration;

use strongroom_core::Error;
use strongroom_core::trail::keeping::{Keeper, Keeping};
use strongroom_core::trail::segments::Segments;
use tokio::sync::watch;
use tracing::{error, info};

use crate::app::App;
use crate::config::AuditConfig;
use crate::gate::fault_text;

/// Between two looks for segments to be compressed, in ms.
const COMPRESS_MS: u64 = 2000;
/// Between two looks for segments to be removed, in ms.
const REMOVE_MS: i64 = 60_000;
/// What readiness calls this work.
const NAME: &str = "keep the trail's segments";

/// The trail of this server, as far as it is not written.
pub(crate) struct Trails {
    /// Who compresses and removes segments.
    pub(crate) keeper: Arc<Keeper>,
}

impl Trails {
    pub(crate) fn new(config: &AuditConfig, segments: &Segments) -> Self {
        let keeping = Keeping { compress: config.compress, retention_days: config.retention_days };
        Self { keeper: Arc::new(Keeper::new(Arc::clone(segments.files()), keeping)) }
    }
}

/// Compresses and removes until the server stops. What is under way then is finished.
pub(crate) async fn until_stopped(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    let mut failing = false;
    let mut removed_ms = 0;
    loop {
        tokio::select! {
            _ = stopped.changed() => return,
            () = tokio::time::sleep(Duration::from_millis(COMPRESS_MS)) => {}
        }
        let fault = keep(&app, &mut removed_ms).await.err();
        if let Some(fault) = fault.as_ref().filter(|_| !failing) {
            error!(fault = %fault_text(fault), "background work fails: {NAME}");
        }
        if failing != fault.is_some() {
            failing = fault.is_some();
            app.standing.set_failing(NAME, failing);
        }
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
