//! Looks from time to time whether every row of the store is the last that was written there.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::app::App;

/// From the start to the first look, in minutes: a start has other things to do.
const FIRST_MINUTES: u64 = 5;

/// Looks at the store again and again, until `stopped` says so.
pub async fn repeat(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    if app.inspection_hours == 0 {
        return;
    }
    let mut pause = Duration::from_secs(FIRST_MINUTES * 60);
    loop {
        tokio::select! {
            _ = stopped.changed() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = Duration::from_secs(u64::from(app.inspection_hours) * 3600);
        tokio::select! {
            _ = stopped.changed() => return,
            () = inspect(&app) => {}
        }
    }
}

/// Looks once, and tells the log what is wrong.
pub async fn inspect(app: &App) {
    match app.store.ledger_faults().await {
        Ok(faults) if faults.is_empty() => info!("every row of the store is the last that was written"),
        Ok(faults) => {
            for fault in &faults {
                error!(%fault, "the store was changed behind the server's back");
            }
            error!("run `strongroom verify` and restore a backup: {} rows are not as they were written", faults.len());
        }
        Err(error) => warn!(%error, "the store could not be looked over"),
    }
}
