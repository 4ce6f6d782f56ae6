//! Background work: the trail's outbox and reserve, sums of refused requests, last uses, ends of recovery windows.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use strongroom_core::secrets::events as secret_events;
use strongroom_core::trail::record::{Record, ServiceEvent};
use strongroom_core::{Caller, Ctx, Error, Way, random_uuid};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{error, info};

use crate::app::{App, SPACE_IS_LOW};
use crate::config::AuditSync;
use crate::figures::looks;
use crate::gate::fault_text;
use crate::{
    backups, cloudwatch, events, frozen, inspection, logs, node, refused, rewrapping, rotating, sinks, telemetry,
    trails,
};

/// Between two looks at the trail's outbox, in ms.
const OUTBOX_MS: u64 = 200;
/// Between two writings of the days of last access, in ms.
const ACCESS_DAYS_MS: u64 = 60_000;
/// Between two writings of the last uses of access keys, in ms.
const KEY_USES_MS: u64 = 60_000;
/// Between two rounds that forget unwrapped data keys whose time is over, in ms.
const DATA_KEYS_MS: u64 = 30_000;
/// Between two looks for ended recovery windows, in ms.
const PURGE_MS: u64 = 60_000;
/// Between two looks for keys that are to be deleted or rotated, in ms.
const KEYS_MS: u64 = 60_000;
/// Between two looks at the free space of the trail's file system, in ms. What can be written meanwhile is far less
/// than the reserve.
const SPACE_MS: u64 = 500;
/// Between two looks for refused requests to be summed up, in ms.
const SUM_UP_MS: u64 = 1000;
/// Between two syncs of the trail's segment file, in ms.
const TRAIL_SYNC_MS: u64 = 1000;
/// Between two looks for segments of the trail that want a digest, in ms.
const DIGESTS_MS: u64 = 60_000;
/// Between two writings of the anchor, in ms.
const ANCHOR_MS: u64 = 1000;
/// Between two pieces of judging secrets, in ms.
const JUDGING_MS: u64 = 1000;
/// Secrets that one run purges, at most.
const PURGED_MAX: usize = 1000;
/// Keys that one run deletes or rotates, at most.
const KEYS_MAX: usize = 1000;

/// Between two looks whether other servers' changes are heard of, in ms.
const LOST_MS: u64 = 500;
/// Between two looks at how many records wait in the outbox, in ms.
const BACKLOG_MS: u64 = 1000;
/// Before a duty that panicked is done again, in ms.
const PANICKED_MS: u64 = 1000;
/// Failures in a row after which readiness tells of a duty.
const FAILURES_TOLD: u32 = 3;

type Working<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;

/// A duty that is done again and again.
#[derive(Clone, Copy)]
struct Duty {
    name: &'static str,
    pause_ms: u64,
    work: for<'a> fn(&'a App) -> Working<'a>,
}

/// All duties. The outbox comes behind what writes records, so that at the end it takes what the others left, and the
/// anchor behind all.
const DUTIES: &[Duty] = &[
    Duty {
        name: "look whether the store takes changes",
        pause_ms: frozen::LOOK_MS,
        work: |app| Box::pin(frozen::look(app)),
    },
    Duty { name: "look for lost changes", pause_ms: LOST_MS, work: |app| Box::pin(node::listen(app)) },
    Duty { name: "be there", pause_ms: node::STAY_MS, work: |app| Box::pin(node::stay(app)) },
    Duty { name: "take over", pause_ms: node::TAKE_OVER_MS, work: |app| Box::pin(node::take_over(app)) },
    Duty { name: "look at the trail's backlog", pause_ms: BACKLOG_MS, work: |app| Box::pin(look_at_backlog(app)) },
    Duty { name: "look at the trail's free space", pause_ms: SPACE_MS, work: |app| Box::pin(look_at_space(app)) },
    Duty { name: "sum up refused requests", pause_ms: SUM_UP_MS, work: |app| Box::pin(sum_up(app)) },
    Duty { name: "forget data keys", pause_ms: DATA_KEYS_MS, work: |app| Box::pin(forget(app)) },
    Duty { name: "write days of last access", pause_ms: ACCESS_DAYS_MS, work: |app| Box::pin(flush(app)) },
    Duty { name: "write uses of access keys", pause_ms: KEY_USES_MS, work: |app| Box::pin(flush_key_uses(app)) },
    Duty { name: "purge secrets", pause_ms: PURGE_MS, work: |app| Box::pin(purge(app)) },
    Duty { name: "judge secrets", pause_ms: JUDGING_MS, work: |app| Box::pin(judge(app)) },
    Duty { name: "delete and rotate keys", pause_ms: KEYS_MS, work: |app| Box::pin(due_keys(app)) },
    Duty {
        name: "write points of metrics",
        pause_ms: cloudwatch::LOOK_MS,
        work: |app| Box::pin(cloudwatch::flush(app)),
    },
    Duty {
        name: "hold the trail against metric filters",
        pause_ms: logs::LOOK_MS,
        work: |app| Box::pin(logs::follow(app)),
    },
    Duty { name: "look at alarms", pause_ms: cloudwatch::LOOK_MS, work: |app| Box::pin(cloudwatch::work(app)) },
    Duty { name: "move the trail's outbox", pause_ms: OUTBOX_MS, work: |app| Box::pin(drain(app)) },
    Duty { name: "sync the trail", pause_ms: TRAIL_SYNC_MS, work: |app| Box::pin(sync(app)) },
    Duty { name: "make the trail's digests", pause_ms: DIGESTS_MS, work: |app| Box::pin(make_digests(app)) },
    Duty { name: "keep the anchor up", pause_ms: ANCHOR_MS, work: |app| Box::pin(keep_anchor_up(app)) },
];

async fn flush(app: &App) -> Result<(), Error> {
    app.secrets.flush_access_days().await?;
    app.identities.flush_role_uses().await.map(drop)
}

async fn flush_key_uses(app: &App) -> Result<(), Error> {
    app.identities.flush_key_uses().await.map(drop)
}

async fn forget(app: &App) -> Result<(), Error> {
    app.secrets.forget_old_data_keys(app.clock.now());
    Ok(())
}

async fn drain(app: &App) -> Result<(), Error> {
    if app.node.nodes.is_displaced() {
        return Ok(());
    }
    app.outbox.drain().await.map(drop).map_err(|error| Error::internal(error.to_string()))
}

/// Not a part of moving the outbox, which may hang with the disk it writes to.
async fn look_at_backlog(app: &App) -> Result<(), Error> {
    let full = app.outbox.holds_more_than(app.backlog_entries_max).await?;
    match (app.standing.set_backlog_is_full(full), full) {
        (false, true) => error!("too many records of changes wait for the trail: no change is carried out"),
        (true, false) => info!("the trail's backlog is within its bound again"),
        _ => {}
    }
    Ok(())
}

async fn look_at_space(app: &App) -> Result<(), Error> {
    let space = app.space.clone();
    let low = tokio::task::spawn_blocking(move || space.is_low()).await;
    let Ok(Ok(low)) = low else { return Err(Error::internal("the free space of the trail's file system is unknown")) };
    match (app.standing.set_space_is_low(low), low) {
        (false, true) => error!("{SPACE_IS_LOW}"),
        (true, false) => info!("the trail's file system has free space again"),
        _ => {}
    }
    Ok(())
}

async fn sum_up(app: &App) -> Result<(), Error> {
    // The records would take of the reserve; what they tell can wait.
    if app.standing.space_is_low() { Ok(()) } else { refused::sum_up(app, false) }
}

async fn sync(app: &App) -> Result<(), Error> {
    if app.trail_sync != AuditSync::Interval {
        return Ok(());
    }
    let trail = Arc::clone(&app.trail);
    let synced = tokio::task::spawn_blocking(move || trail.sync()).await;
    match synced {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Error::internal(format!("the trail cannot be synced: {error}"))),
        Err(_) => Err(Error::internal("the trail's sync did not end well")),
    }
}

async fn make_digests(app: &App) -> Result<(), Error> {
    if app.node.nodes.is_displaced() {
        return Ok(());
    }
    app.notary.seal_due(app.clock.now()).await.map(drop)
}

async fn keep_anchor_up(app: &App) -> Result<(), Error> {
    let Some(anchor) = &app.anchor else { return Ok(()) };
    anchor.keep_up().await.map_err(|error| Error::internal(error.to_string()))
}

async fn judge(app: &App) -> Result<(), Error> {
    app.judge.work(app.clock.now()).await.map(drop)
}

async fn due_keys(app: &App) -> Result<(), Error> {
    app.kms.do_due_work(app.clock.now(), KEYS_MAX).await.map(drop)
}

async fn purge(app: &App) -> Result<(), Error> {
    for account in app.identities.accounts().await? {
        let event = ServiceEvent {
            source: secret_events::EVENT_SOURCE,
            name: secret_events::DELETE_ENDED,
            region: &app.region,
            account: &account,
            secret_arn: "",
            time: app.clock.now(),
            request_id: &random_uuid(app.random.as_ref())?,
        };
        let record = Record::service_event(random_uuid(app.random.as_ref())?, event);
        let caller = Arc::new(Caller::service(account, secret_events::EVENT_SOURCE));
        let cx = Ctx::new(caller, app.region.clone(), app.clock.now(), Way::default(), record);
        app.secrets.purge_due(&cx, PURGED_MAX).await?;
    }
    Ok(())
}

/// The workers of a server. Dropping it does not stop them; [`Workers::stop`] does.
pub struct Workers {
    app: Arc<App>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Starts all workers on the present runtime.
    #[must_use]
    pub fn start(app: Arc<App>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let duties = DUTIES.iter().map(|duty| tokio::spawn(repeat(Arc::clone(&app), *duty, stopped.clone())));
        let mut tasks: Vec<_> = duties.collect();
        tasks.push(tokio::spawn(inspection::repeat(Arc::clone(&app), stopped.clone())));
        tasks.push(tokio::spawn(telemetry::until_stopped(Arc::clone(&app), stopped.clone())));
        tasks.push(tokio::spawn(looks::repeat(Arc::clone(&app), stopped.clone())));
        tasks.push(tokio::spawn(rotating::until_stopped(Arc::clone(&app), stopped.clone())));
        tasks.push(tokio::spawn(events::until_stopped(Arc::clone(&app), stopped.clone())));
        tasks.push(tokio::spawn(backups::until_stopped(Arc::clone(&app), stopped.clone())));
        tasks.push(tokio::spawn(sinks::until_stopped(Arc::clone(&app), stopped.clone())));
        tasks.push(tokio::spawn(trails::until_stopped(Arc::clone(&app), stopped.clone())));
        tasks.push(tokio::spawn(trails::index_until_stopped(Arc::clone(&app), stopped.clone())));
        if let Some(work) = &app.rewrapping {
            tasks.push(tokio::spawn(rewrapping::until_done(work.clone(), stopped)));
        }
        Self { app, stop, tasks }
    }

    /// Lets each worker finish what it is at, then does every duty once more, so that nothing waits for the next
    /// start.
    pub async fn stop(self) {
        // Without receivers there is nobody left to tell.
        let _ = self.stop.send(true);
        for task in self.tasks {
            if task.await.is_err() {
                error!("a worker did not end well");
            }
        }
        if let Err(fault) = refused::sum_up(&self.app, true) {
            error!(fault = %fault_text(&fault), "refused requests were not summed up");
        }
        for duty in DUTIES {
            match once(&self.app, *duty).await {
                Ok(Ok(())) => {}
                Ok(Err(fault)) if frozen::is_meant(&fault) => {}
                Ok(Err(fault)) => error!(duty = duty.name, fault = %fault_text(&fault), "background work fails"),
                Err(Panicked) => error!(duty = duty.name, "background work panicked"),
            }
        }
        cloudwatch::flush_last(&self.app).await;
        sinks::finish(&self.app).await;
        if let Err(fault) = frozen::unless_frozen(node::leave(&self.app).await) {
            error!(fault = %fault_text(&fault), "this server's place among others is kept");
        }
    }
}

async fn repeat(app: Arc<App>, duty: Duty, mut stopped: watch::Receiver<bool>) {
    let mut failures: u32 = 0;
    let mut pause_ms = duty.pause_ms;
    loop {
        tokio::select! {
            _ = stopped.changed() => return,
            () = tokio::time::sleep(Duration::from_millis(pause_ms)) => {}
        }
        pause_ms = duty.pause_ms;
        let fault = match once(&app, duty).await {
            Ok(Ok(())) => {
                if failures > 0 {
                    info!(duty = duty.name, "background work goes on");
                    app.standing.set_failing(duty.name, false);
                }
                failures = 0;
                continue;
            }
            Ok(Err(fault)) if frozen::is_meant(&fault) => continue,
            Ok(Err(fault)) => fault_text(&fault),
            Err(Panicked) => {
                pause_ms = pause_ms.max(PANICKED_MS);
                "it panicked".to_owned()
            }
        };
        // Told once, not at every attempt.
        if failures == 0 {
            error!(duty = duty.name, fault = %fault, "background work fails");
        }
        failures = failures.saturating_add(1);
        if failures >= FAILURES_TOLD {
            app.standing.set_failing(duty.name, true);
        }
    }
}

/// A duty that panicked. It must not end for that: what it does is needed until the server stops.
struct Panicked;

/// Does a duty once, in a task of its own that a panic may end.
async fn once(app: &Arc<App>, duty: Duty) -> Result<Result<(), Error>, Panicked> {
    let app = Arc::clone(app);
    tokio::spawn(async move { (duty.work)(&app).await }).await.map_err(|_| Panicked)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use super::*;
    use crate::front::Readiness;
    use crate::tests::House;

    static DONE: AtomicU32 = AtomicU32::new(0);
    static MENDED: AtomicBool = AtomicBool::new(false);

    /// Panics once, fails until it is mended, then succeeds.
    async fn clumsy(_: &App) -> Result<(), Error> {
        match DONE.fetch_add(1, Ordering::SeqCst) {
            0 => panic!("the duty panics"),
            _ if MENDED.load(Ordering::SeqCst) => Ok(()),
            _ => Err(Error::internal("not yet")),
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_duty_goes_on_after_a_panic_and_readiness_tells_when_it_keeps_failing() {
        let house = House::open(|_| {}).await;
        let (stop, stopped) = watch::channel(false);
        let duty = Duty { name: "be clumsy", pause_ms: 1, work: |app| Box::pin(clumsy(app)) };
        let repeating = tokio::spawn(repeat(Arc::clone(&house.app), duty, stopped));
        let told = Readiness::NotReady(vec!["background work fails: be clumsy".to_owned()]);
        while house.app.standing.readiness() != told {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(DONE.load(Ordering::SeqCst) >= FAILURES_TOLD);
        MENDED.store(true, Ordering::SeqCst);
        while house.app.standing.readiness() != Readiness::Ready {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        stop.send(true).unwrap();
        repeating.await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn with_a_full_backlog_changes_are_refused_until_it_is_moved() {
        let house = House::open(|config| config.audit.backlog_entries_max = 2).await;
        let create = |n: u32| {
            let token = format!("00000000-0000-4000-8000-{n:012}");
            format!(r#"{{"Name":"s{n}","SecretString":"v","ClientRequestToken":"{token}"}}"#)
        };
        for n in 0..3 {
            look_at_backlog(&house.app).await.unwrap();
            assert_eq!(house.call("CreateSecret", &create(n), true).await.status, 200);
        }
        look_at_backlog(&house.app).await.unwrap();
        let told = house.call("CreateSecret", &create(3), true).await;
        assert!(told.status == 503 && told.text.contains("ServiceUnavailableException"), "{told:?}");
        assert_eq!(house.call("GetSecretValue", r#"{"SecretId":"s0"}"#, true).await.status, 200, "reads go on");
        let Readiness::NotReady(reasons) = house.app.standing.readiness() else { panic!("not ready") };
        assert!(reasons[0].contains("audit.backlog_entries_max"), "{reasons:?}");
        drain(&house.app).await.unwrap();
        look_at_backlog(&house.app).await.unwrap();
        assert_eq!(house.call("CreateSecret", &create(3), true).await.status, 200);
        assert_eq!(house.app.standing.readiness(), Readiness::Ready);
    }
}
