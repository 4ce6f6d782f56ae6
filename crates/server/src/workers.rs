//! Background work: the trail's outbox, days of last access, ends of recovery windows.

use std::sync::Arc;
use std::time::Duration;

use strongroom_core::Error;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{error, info};

use crate::app::App;

/// Between two looks at the trail's outbox, in ms.
const OUTBOX_MS: u64 = 200;
/// Between two writings of the days of last access, in ms.
const ACCESS_DAYS_MS: u64 = 60_000;
/// Between two looks for ended recovery windows, in ms.
const PURGE_MS: u64 = 60_000;
/// Between two syncs of the trail's segment file, in ms.
const TRAIL_SYNC_MS: u64 = 1000;

/// The workers of a server. Dropping it does not stop them; [`Workers::stop`] does.
pub struct Workers {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Starts all workers on the present runtime.
    #[must_use]
    pub fn start(app: &Arc<App>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = Vec::new();
        tasks.push(repeat(app, stopped.clone(), OUTBOX_MS, "move the trail's outbox", App::drain_trail));
        tasks.push(repeat(app, stopped.clone(), ACCESS_DAYS_MS, "write days of last access", App::flush_access_days));
        tasks.push(repeat(app, stopped.clone(), PURGE_MS, "purge secrets", App::purge_due));
        tasks.push(repeat(app, stopped, TRAIL_SYNC_MS, "sync the trail", App::sync_trail));
        Self { stop, tasks }
    }

    /// Lets each worker finish what it is at and do its work once more, so that nothing waits for the next start.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        for task in self.tasks {
            if task.await.is_err() {
                error!("a worker did not end well");
            }
        }
    }
}

fn repeat<F>(
    app: &Arc<App>,
    mut stopped: watch::Receiver<bool>,
    pause_ms: u64,
    duty: &'static str,
    work: F,
) -> JoinHandle<()>
where
    F: AsyncFn(&App) -> Result<usize, Error> + Send + Sync + 'static,
    for<'a> F::CallRefFuture<'a>: Send,
{
    let app = Arc::clone(app);
    tokio::spawn(async move {
        let mut failing = false;
        loop {
            let last = tokio::select! {
                _ = stopped.changed() => true,
                () = tokio::time::sleep(Duration::from_millis(pause_ms)) => false,
            };
            match work(&app).await {
                Ok(_) if failing => {
                    failing = false;
                    info!(duty, "works again");
                }
                Ok(_) => {}
                Err(fault) => {
                    // Told once, not at every attempt.
                    if !failing {
                        error!(duty, fault = %crate::gate::fault_text(&fault), "background work fails");
                    }
                    failing = true;
                }
            }
            if last {
                return;
            }
        }
    })
}
