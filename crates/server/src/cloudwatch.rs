//! CloudWatch's background work: counts are written, alarms looked at, secrets counted, points aged.

use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use strongroom_core::cloudwatch::{Actions, CloudWatch, Due, Topics};
use strongroom_core::trail::NodeName;
use strongroom_core::trail::segments::Segments;
use strongroom_core::{Documents, Error, Functions, Logs};
use strongroom_types::{AccountId, SecretBytes, Timestamp};
use tracing::error;

use crate::app::App;
use crate::config::Config;
use crate::gate::fault_text;
use crate::logs::{self, Following};

/// Between two looks whether a minute has ended, in ms.
pub(crate) const LOOK_MS: u64 = 1000;
/// What alarms call functions as.
const ALARMS: &str = "lambda.alarms.cloudwatch.amazonaws.com";

/// CloudWatch, and CloudWatch Logs with what follows the trail for it.
pub(crate) struct Watch {
    pub(crate) metrics: Arc<CloudWatch>,
    pub(crate) logs: Arc<Logs>,
    pub(crate) following: Following,
    /// The accounts whose alarms are being told of.
    telling: Arc<Mutex<HashSet<AccountId>>>,
}

impl Watch {
    /// As the configuration has them.
    ///
    /// # Errors
    /// When the trail cannot be read.
    pub(crate) fn open(
        config: &Config,
        documents: &Arc<Documents>,
        node: &NodeName,
        trail: &Segments,
    ) -> std::io::Result<Self> {
        let (metrics, logs) = (open(config, documents, node), logs::open(config, documents));
        Ok(Self { metrics, logs, following: Following::open(trail)?, telling: Arc::default() })
    }
}

fn open(config: &Config, documents: &Arc<Documents>, node: &NodeName) -> Arc<CloudWatch> {
    let topics = Topics::new(&config.cloudwatch.topics);
    let resolution_ms = i64::from(config.cloudwatch.resolution_seconds) * 1000;
    let region = config.account.region.clone();
    Arc::new(CloudWatch::new(Arc::clone(documents), region, node.as_str(), resolution_ms, topics))
}

/// Writes what was counted in a minute that has ended.
///
/// # Errors
/// Faults of the store.
pub(crate) async fn flush(app: &App) -> Result<(), Error> {
    app.watch.metrics.flush_due(app.clock.now()).await
}

/// Writes what was counted, at the end, when nothing follows the trail any more: so the next run goes on where this one
/// has come, and counts no record again.
pub(crate) async fn flush_last(app: &App) {
    let now = app.clock.now();
    if let Err(fault) = app.watch.metrics.flush(now, now).await {
        return error!(fault = %fault_text(&fault), "the last counts of calls are lost");
    }
    if let Err(fault) = logs::note_last(app).await {
        error!(fault = %fault_text(&fault), "metric filters will count the last records again");
    }
}

/// Does what is due, if this server is the one that does it.
///
/// # Errors
/// Faults of the store.
pub(crate) async fn work(app: &App) -> Result<(), Error> {
    let Some(due) = app.watch.metrics.take_work(app.node.nodes.name().as_str(), app.clock.now()).await? else {
        return Ok(());
    };
    if due.look_ms.is_none() && !due.count && !due.age {
        return Ok(());
    }
    let mut outcome = Ok(());
    for account in &app.identities.accounts().await? {
        // What is wrong with one account's metrics must not keep the others' alarms back.
        if let Err(fault) = work_for(app, account, due).await {
            error!(%account, fault = %fault_text(&fault), "an account's metrics and alarms were not looked at");
            outcome = Err(fault);
        }
    }
    outcome
}

async fn work_for(app: &App, account: &AccountId, due: Due) -> Result<(), Error> {
    if due.count {
        let count = app.secrets.count(account, &app.region).await?.all;
        app.watch.metrics.note_secrets(account, count, app.clock.now());
    }
    if let Some(end_ms) = due.look_ms {
        let names = app.watch.metrics.look_at_alarms(account, end_ms, app.clock.now()).await?;
        tell_in_turn(app, account, names);
    }
    if due.age {
        app.watch.metrics.age_points(account, app.clock.now()).await?;
    }
    Ok(())
}

/// Leave to tell of an account's alarms, which one task has at a time.
struct Telling(Arc<Mutex<HashSet<AccountId>>>, AccountId);

impl Telling {
    fn begin(accounts: &Arc<Mutex<HashSet<AccountId>>>, account: &AccountId) -> Option<Self> {
        let is_new = accounts.lock().unwrap_or_else(PoisonError::into_inner).insert(account.clone());
        is_new.then(|| Self(Arc::clone(accounts), account.clone()))
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

/// Tells of changes of an account's alarms, one after another, without waiting for it: functions that take long keep only
/// their own account's from being told. Those that come meanwhile are told with the next look.
fn tell_in_turn(app: &App, account: &AccountId, names: Vec<String>) {
    if names.is_empty() {
        return;
    }
    let Some(telling) = Telling::begin(&app.watch.telling, account) else { return };
    let (cloudwatch, clock) = (Arc::clone(&app.watch.metrics), Arc::clone(&app.clock));
    let told = Told { functions: Arc::clone(&app.functions) };
    drop(tokio::spawn(async move {
        for name in names {
            if let Err(fault) = cloudwatch.tell_of(&telling.1, &name, &told, clock.now()).await {
                error!(fault = %fault_text(&fault), "a change of an alarm is not told yet");
            }
        }
    }));
}

/// Tells of a change that a request has made, without waiting for it.
pub(crate) fn tell_soon(app: &App, account: &AccountId, name: &str) {
    let (cloudwatch, account, name) = (Arc::clone(&app.watch.metrics), account.clone(), name.to_owned());
    let told = Told { functions: Arc::clone(&app.functions) };
    let now = app.clock.now();
    drop(tokio::spawn(async move {
        // What fails now is told with the next look at the alarm.
        if let Err(fault) = cloudwatch.tell_of(&account, &name, &told, now).await {
            error!(fault = %fault_text(&fault), "a change of an alarm is not told yet");
        }
    }));
}

/// Who is told of alarms.
struct Told {
    functions: Arc<Functions>,
}

impl Actions for Told {
    fn invoke<'a>(
        &'a self,
        function_arn: &'a str,
        alarm_arn: &'a str,
        payload: String,
        now: Timestamp,
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>> {
        Box::pin(async move {
            let payload = SecretBytes::new(payload.into_bytes());
            match self.functions.invoke_for(ALARMS, alarm_arn, function_arn, payload, now).await {
                Ok(invoked) => match invoked.function_error {
                    None => Ok(()),
                    Some(kind) => Err(format!("the function failed: {kind}")),
                },
                Err(failure) => Err(fault_text(&failure)),
            }
        })
    }
}
