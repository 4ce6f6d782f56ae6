//! Looks from time to time whether the store is whole, and every row the last that was written there.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::app::App;

/// From the start to the first look at the rows of a store that is too large to be looked at before it serves.
const FIRST: Duration = Duration::from_secs(60);

/// Looks at the store again and again, until `stopped` says so.
pub async fn repeat(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    if app.inspection_hours == 0 {
        return;
    }
    let hours = Duration::from_secs(u64::from(app.inspection_hours) * 3600);
    let mut whole = app.looked_at;
    loop {
        let pause = if whole { hours } else { FIRST };
        tokio::select! {
            _ = stopped.changed() => return,
            () = tokio::time::sleep(pause) => {}
        }
        tokio::select! {
            _ = stopped.changed() => return,
            () = inspect(&app, whole) => {}
        }
        whole = true;
    }
}

/// Looks once, at the whole store or at its rows alone, and tells the log what is wrong.
async fn inspect(app: &App, whole: bool) {
    let looked =
        if whole { app.store.integrity().await.map(|found| found.faults) } else { app.store.ledger_faults().await };
    match looked {
        Ok(faults) if faults.is_empty() => info!("every row of the store is the last that was written"),
        Ok(faults) => {
            for fault in &faults {
                error!(%fault, "the store was changed behind the server's back");
            }
            error!("run `strongroom verify` and restore a backup: {} faults were found", faults.len());
        }
        Err(error) => warn!(%error, "the store could not be looked over"),
    }
}
