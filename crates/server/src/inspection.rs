//! Looks from time to time whether the store is whole, and every row the last that was written there.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::app::App;

/// Looks at the store again and again, until `stopped` says so: first when the start had no time for it.
pub async fn repeat(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    if app.inspection_hours == 0 {
        return;
    }
    let hours = Duration::from_secs(u64::from(app.inspection_hours) * 3600);
    let mut pause = if app.looked_at { hours } else { Duration::ZERO };
    loop {
        tokio::select! {
            _ = stopped.changed() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = hours;
        tokio::select! {
            _ = stopped.changed() => return,
            () = inspect(&app) => {}
        }
    }
}

/// Looks once, and tells the log what is wrong.
async fn inspect(app: &App) {
    match app.store.integrity().await {
        Ok(found) if found.faults.is_empty() => info!("the store is whole, every row the last that was written"),
        Ok(found) => {
            for fault in &found.faults {
                error!(%fault, "the store was changed behind the server's back");
            }
            error!("run `strongroom verify` and restore a backup: {} faults were found", found.faults.len());
        }
        Err(error) => warn!(%error, "the store could not be looked over"),
    }
}
