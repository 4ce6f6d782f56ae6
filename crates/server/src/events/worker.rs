//! The worker of events: sorts what waits in the feed and has deliveries carried out, several at a time.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use strongroom_core::Error;
use strongroom_core::events::delivery::{account_in, target_in};
use strongroom_core::events::work::Room;
use strongroom_types::Timestamp;
use tokio::sync::watch;
use tokio::task::{Id, JoinSet};
use tracing::{error, info};

use crate::app::App;
use crate::frozen;
use crate::gate::fault_text;

/// Between two looks for events and deliveries, in ms.
const LOOK_MS: u64 = 100;
/// Between two questions whether the work is this server's, in ms.
const LEAD_MS: i64 = 2000;
/// Between two rounds that forget dead letters, in ms.
const FORGET_MS: i64 = 60_000;
/// How long deliveries under way are waited for at a stop, in ms.
const GRACE_MS: u64 = 1000;
/// Deliveries that are carried out at one time.
const RUNNING_MAX: usize = 64;
/// Of those, to one target.
const OF_TARGET_MAX: usize = 8;
/// Failures in a row after which readiness tells of it.
const FAILURES_TOLD: u32 = 3;
/// What readiness calls the worker.
const NAME: &str = "deliver events";

/// What is under way.
#[derive(Default)]
struct Running {
    tasks: JoinSet<(bool, Result<(), Error>)>,
    deliveries: HashMap<Id, Arc<str>>,
    /// Targets whose last delivery failed: they are tried one by one.
    failing: HashSet<String>,
}

impl Running {
    /// How many deliveries to a target are under way.
    fn to(&self, target: &str) -> usize {
        self.deliveries.values().filter(|key| target_in(key) == target).count()
    }

    /// How many deliveries of an account are under way.
    fn of(&self, account: &str) -> usize {
        self.deliveries.values().filter(|key| account_in(key) == account).count()
    }

    fn ended(&mut self, id: Id, done: Option<(bool, Result<(), Error>)>) {
        let key = self.deliveries.remove(&id);
        let (delivered, settled) = done.unwrap_or((false, Err(Error::internal("a delivery did not end well"))));
        if let Some(key) = key {
            let target = target_in(&key);
            if delivered {
                self.failing.remove(&target);
            } else {
                self.failing.insert(target);
            }
        }
        if let Err(fault) = frozen::unless_frozen(settled) {
            error!(fault = %fault_text(&fault), "a delivery was not written down; it is carried out again");
        }
    }
}

/// When what was done last.
struct Rounds {
    leads: bool,
    asked: Timestamp,
    forgot: Timestamp,
}

/// Works until it is stopped. Deliveries under way are left then: the next start carries them out again.
pub async fn until_stopped(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    let mut running = Running::default();
    let begun = app.clock.now().plus_millis(-FORGET_MS);
    let mut rounds = Rounds { leads: false, asked: begun, forgot: begun };
    let mut failures: u32 = 0;
    loop {
        tokio::select! {
            _ = stopped.changed() => break,
            () = tokio::time::sleep(Duration::from_millis(LOOK_MS)) => {}
            Some(done) = running.tasks.join_next_with_id() => match done {
                Ok((id, done)) => running.ended(id, Some(done)),
                Err(died) => running.ended(died.id(), None),
            },
        }
        match round(&app, &mut rounds, &mut running).await {
            Ok(()) => {
                if failures > 0 {
                    info!("events are delivered again");
                    app.standing.set_failing(NAME, false);
                }
                failures = 0;
            }
            Err(fault) if frozen::is_meant(&fault) => {}
            Err(fault) => {
                if failures == 0 {
                    error!(fault = %fault_text(&fault), "events cannot be delivered");
                }
                failures = failures.saturating_add(1);
                if failures >= FAILURES_TOLD {
                    app.standing.set_failing(NAME, true);
                }
            }
        }
    }
    // What is nearly done is written down, so that it need not be done twice.
    let ended = async { while running.tasks.join_next().await.is_some() {} };
    drop(tokio::time::timeout(Duration::from_millis(GRACE_MS), ended).await);
    running.tasks.shutdown().await;
    if let Err(fault) = frozen::unless_frozen(app.events.bridge.leave(app.node.nodes.name().as_str()).await) {
        error!(fault = %fault_text(&fault), "the work on events was not given back");
    }
}

async fn round(app: &Arc<App>, rounds: &mut Rounds, running: &mut Running) -> Result<(), Error> {
    let now = app.clock.now();
    if app.node.nodes.is_displaced() {
        return Ok(());
    }
    let since = now.millis_since(rounds.asked);
    if !(0..LEAD_MS).contains(&since) {
        rounds.leads = false;
        rounds.leads = app.events.bridge.lead(app.node.nodes.name().as_str()).await?;
        rounds.asked = now;
    }
    if !rounds.leads {
        return app.events.bridge.follow().await;
    }
    app.events.bridge.sort().await?;
    deliver(app, running).await?;
    if now.millis_since(rounds.forgot) >= FORGET_MS {
        for account in app.identities.accounts().await? {
            app.events.bridge.forget_dead(account.as_str()).await?;
        }
        rounds.forgot = now;
    }
    Ok(())
}

/// Places for deliveries that are to begin.
struct Places<'a> {
    running: &'a Running,
    taken: usize,
    of_targets: HashMap<String, usize>,
    of_accounts: HashMap<String, usize>,
}

impl<'a> Places<'a> {
    fn beside(running: &'a Running) -> Self {
        let taken = running.tasks.len();
        Self { running, taken, of_targets: HashMap::new(), of_accounts: HashMap::new() }
    }

    /// Takes a place for the delivery of a key if there is one. An account gets no more places than stay free, so that none
    /// whose targets are slow takes them all.
    fn take(&mut self, key: &str) -> Room {
        let account = account_in(key);
        let of_account = self.of_accounts.entry(account.to_owned()).or_insert_with(|| self.running.of(account));
        if *of_account >= RUNNING_MAX.saturating_sub(self.taken) {
            return Room::No;
        }
        let target = target_in(key);
        let most = if self.running.failing.contains(&target) { 1 } else { OF_TARGET_MAX };
        let of_target = self.of_targets.entry(target).or_insert_with_key(|target| self.running.to(target));
        if *of_target >= most {
            return Room::ForOtherTargets;
        }
        (*of_target, *of_account) = (*of_target + 1, *of_account + 1);
        self.taken += 1;
        Room::Yes
    }
}

/// Begins deliveries that are due, as many as there is room for.
async fn deliver(app: &Arc<App>, running: &mut Running) -> Result<(), Error> {
    let max = RUNNING_MAX.saturating_sub(running.tasks.len());
    if max == 0 {
        return Ok(());
    }
    let under_way: HashSet<Arc<str>> = running.deliveries.values().cloned().collect();
    let due = {
        let mut places = Places::beside(running);
        app.events.bridge.due(max, &under_way, |key| places.take(key)).await?
    };
    for delivery in due {
        let key: Arc<str> = strongroom_core::documents::Document::key(delivery.value.as_ref()).into();
        let app = Arc::clone(app);
        let task = running.tasks.spawn(async move {
            let ended = app.events.courier.carry(&app, &delivery.value).await;
            let delivered = ended.is_ok();
            let settled = app.events.bridge.settle(&delivery, ended).await;
            if let Ok(Some(settled)) = settled {
                app.figures.events.count(settled);
            }
            (delivered, settled.map(drop))
        });
        running.deliveries.insert(task.id(), key);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_account_takes_all_places_and_targets_of_the_same_name_are_told_apart() {
        let mut running = Running::default();
        running.failing.insert(target_in("1:r:e:rule:t"));
        let mut places = Places::beside(&running);
        let mut taken = |account: usize, rule: &str| {
            let key = |at: usize| format!("{account}:r:e{at}:{rule}:t");
            (0..RUNNING_MAX).filter(|at| places.take(&key(*at)) == Room::Yes).count()
        };
        assert_eq!(taken(1, "rule"), 1, "it fails");
        assert_eq!(taken(2, "rule"), OF_TARGET_MAX, "the same names of another account");
        let of_one: usize = (0..100).map(|rule| taken(3, &format!("rule{rule}"))).sum();
        assert!(of_one < RUNNING_MAX / 2, "{of_one}");
        let others: Vec<usize> = (4..6).map(|account| taken(account, "rule")).collect();
        assert!(others.iter().all(|count| *count > 0), "{others:?}");
    }
}
