//! Looks from time to time whether the store is whole, and every row the last that was written there.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::app::App;

/// From the start to the first look at a store that is too large to be looked at before it serves.
const FIRST: Duration = Duration::from_secs(60);

/// Looks at the store again and again, until `stopped` says so.
pub async fn repeat(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    if app.inspection_hours == 0 {
        return;
    }
    let hours = Duration::from_secs(u64::from(app.inspection_hours) * 3600);
    let mut pause = if app.looked_at { hours } else { FIRST };
    loop {
        tokio::select! {
            _ = stopped.changed() => return,
            () = tokio::time::sleep(pause) => {}
        }
        tokio::select! {
            _ = stopped.changed() => return,
            () = inspect(&app) => {}
        }
        pause = hours;
    }
}

/// Looks once, and tells the log what is wrong.
async fn inspect(app: &App) {
    let looked = app.store.integrity().await.map(|found| found.faults);
    app.figures.inspection.done(app.clock.now(), looked.as_ref().ok().map(Vec::len));
    match looked {
        Ok(faults) if faults.is_empty() => info!("the store is whole, every row the last that was written"),
        Ok(faults) => {
            for fault in &faults {
                error!(%fault, "the store was changed behind the server's back");
            }
            error!("run `strongroom verify` and restore a backup: {} faults were found", faults.len());
        }
        Err(error) => warn!(%error, "the store could not be looked over"),
    }
}
