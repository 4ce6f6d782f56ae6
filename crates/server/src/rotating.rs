//! The worker of rotation: takes jobs that are due and has the engine work on them, several at a time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use strongroom_core::Error;
use strongroom_core::rotation::Taken;
use tokio::sync::watch;
use tokio::task::{Id, JoinSet};
use tracing::{error, info};

use crate::app::App;
use crate::frozen;
use crate::gate::fault_text;

/// Between two looks for jobs that are due, in ms.
const LOOK_MS: u64 = 1000;
/// Jobs that are worked on at one time.
const RUNNING_MAX: usize = 32;
/// Failures in a row after which readiness tells of it.
const FAILURES_TOLD: u32 = 3;
/// What readiness calls the worker.
const NAME: &str = "rotate secrets";

/// Works until it is stopped. Steps under way are left then, and their jobs given back: the next start goes on with them.
pub async fn until_stopped(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    let mut running: JoinSet<Result<(), Error>> = JoinSet::new();
    let mut taken: HashMap<Id, Taken> = HashMap::new();
    let mut failures: u32 = 0;
    loop {
        tokio::select! {
            _ = stopped.changed() => break,
            () = tokio::time::sleep(Duration::from_millis(LOOK_MS)) => {}
            Some(done) = running.join_next_with_id() => {
                let (id, done) = match done {
                    Ok((id, done)) => (id, done),
                    Err(died) => (died.id(), Err(Error::internal("work on a rotation did not end well"))),
                };
                taken.remove(&id);
                if let Err(fault) = frozen::unless_frozen(done) {
                    error!(fault = %fault_text(&fault), "work on a rotation fails; it is taken up again");
                }
            }
        }
        match app.rotations.take_due(RUNNING_MAX.saturating_sub(running.len())).await {
            Ok(due) => {
                for job in due {
                    let (app, working) = (Arc::clone(&app), job.clone());
                    let handle = running.spawn(async move { app.rotations.work_on(&working).await });
                    taken.insert(handle.id(), job);
                }
                if failures > 0 {
                    info!("rotations are taken up again");
                    app.standing.set_failing(NAME, false);
                }
                failures = 0;
            }
            Err(fault) if frozen::is_meant(&fault) => {}
            Err(fault) => {
                if failures == 0 {
                    error!(fault = %fault_text(&fault), "rotations that are due cannot be taken up");
                }
                failures = failures.saturating_add(1);
                if failures >= FAILURES_TOLD {
                    app.standing.set_failing(NAME, true);
                }
            }
        }
    }
    running.shutdown().await;
    for job in taken.values() {
        // What cannot be given back is free when its lease ends.
        if let Err(fault) = app.rotations.give_back(job).await {
            error!(fault = %fault_text(&fault), "a rotation was not given back");
        }
    }
}
