//! CloudWatch's background work: counts are written, alarms looked at, secrets counted, points aged.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use strongroom_core::cloudwatch::{Actions, CloudWatch, Topics};
use strongroom_core::trail::NodeName;
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
}

impl Watch {
    /// As the configuration has them.
    pub(crate) fn open(config: &Config, documents: &Arc<Documents>, node: &NodeName) -> Self {
        let (metrics, logs) = (open(config, documents, node), logs::open(config, documents));
        Self { metrics, logs, following: Following::default() }
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
    let accounts = app.identities.accounts().await?;
    let told = Told { functions: Arc::clone(&app.functions) };
    for account in &accounts {
        if due.count {
            let count = app.secrets.count(account, &app.region).await?.all;
            app.watch.metrics.note_secrets(account, count, app.clock.now());
        }
        if let Some(end_ms) = due.look_ms {
            app.watch.metrics.look_at_alarms(account, end_ms, &told, app.clock.now()).await?;
        }
        if due.age {
            app.watch.metrics.age_points(account, app.clock.now()).await?;
        }
    }
    Ok(())
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
