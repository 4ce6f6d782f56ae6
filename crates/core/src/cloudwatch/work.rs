//! The work that one server does for all: looks at alarms, tells of their changes, counts secrets, ages points.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;
use strongroom_store::{Batch, Kind};
use strongroom_types::{AccountId, SecretBytes, Timestamp};
use strongroom_wire::Enumeration as _;
use strongroom_wire::cloudwatch::{HistoryItemType, StateValue};
use tracing::{info, warn};

use super::CloudWatch;
use super::actions::{Actions, Fired, Topic, announce, written};
use super::alarm::{Alarm, State, alarms_of};
use super::alarms::entered;
use super::chunk::{DAY_MS, HOUR_MS};
use super::decide::{Decision, LOOK_BACK, Treatment};
use super::definition::Definition;
use super::history::{Item, remember};
use super::keeping::Points;
use super::metric::{Metric, RESOURCE_COUNT, SECRETS_MANAGER, Series};
use super::set::Set;
use super::statistics::in_periods;
use crate::documents::{Document, Loaded, from_json_body, json_body};
use crate::error::Error;

/// Kind of the one document of a region.
const WORK: Kind = Kind("cloudwatch-work");
/// How long the work is its taker's, in ms, unless it is renewed.
const LEASE_MS: i64 = 90_000;
/// Days of points that are made coarser at a time.
const DAYS_MAX: usize = 4;
/// How long after the end of a minute alarms are looked at, in ms: all servers write what they have of it meanwhile.
const PATIENCE_MS: i64 = 10_000;
/// The same where points come more often than once a minute.
const PATIENCE_MS_MIN: i64 = 3000;
/// Series of alarms that are read at a time.
const READ_MAX: usize = 100;

/// How the work of a region stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// The region.
    pub region: String,
    /// Who does it.
    pub holder: String,
    /// Until when it is theirs, in ms since 1970.
    pub until_ms: i64,
    /// The end of the stretch that alarms were looked at for last, in ms since 1970.
    pub looked_ms: i64,
    /// When secrets were counted last, in ms since 1970.
    pub counted_ms: i64,
    /// When points were aged last, in ms since 1970.
    pub aged_ms: i64,
}

impl Document for Work {
    const KIND: Kind = WORK;
    const CACHED: bool = false;

    fn key(&self) -> String {
        self.region.clone()
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(WORK, body)
    }
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The end of the stretch that alarms are to be looked at for, in ms since 1970.
    pub look_ms: Option<i64>,
    /// Whether secrets are to be counted.
    pub count: bool,
    /// Whether points are to be aged.
    pub age: bool,
}

impl CloudWatch {
    /// Takes the work, unless another has it, and says what of it is due. What was begun counts as done: a kill leaves out
    /// one look, which the next makes up for.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn take_work(&self, holder: &str, now: Timestamp) -> Result<Option<Due>, Error> {
        let before = self.documents.load::<Work>(self.region.as_str()).await?;
        let fresh = || Work { region: self.region.to_string(), ..Work::default() };
        let work = before.as_ref().map_or_else(fresh, |before| before.value.as_ref().clone());
        if work.holder != holder && now.millis() < work.until_ms {
            return Ok(None);
        }
        let patience_ms = (self.keeper.resolution_ms() / 6).clamp(PATIENCE_MS_MIN, PATIENCE_MS);
        let end = self.keeper.slot(now.plus_millis(-patience_ms));
        let hour = |ms: i64| ms.div_euclid(HOUR_MS);
        let due = Due {
            look_ms: (end > work.looked_ms).then_some(end),
            count: hour(now.millis()) != hour(work.counted_ms),
            age: now.millis().saturating_sub(work.aged_ms) >= DAY_MS / 4,
        };
        if due == (Due { look_ms: None, count: false, age: false }) && now.millis() + LEASE_MS / 2 < work.until_ms {
            return Ok(Some(due));
        }
        let after = Work {
            region: work.region,
            holder: holder.to_owned(),
            until_ms: now.millis().saturating_add(LEASE_MS),
            looked_ms: due.look_ms.unwrap_or(work.looked_ms),
            counted_ms: if due.count { now.millis() } else { work.counted_ms },
            aged_ms: if due.age { now.millis() } else { work.aged_ms },
        };
        let mut batch = Batch::named("put_cloudwatch_work");
        self.documents.put(&mut batch, before.as_ref(), &Arc::new(after))?;
        match self.documents.commit(batch).await {
            Ok(()) => Ok(Some(due)),
            // Another was quicker.
            Err(Error::Conflict) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Notes how many secrets an account has.
    pub fn note_secrets(&self, account: &AccountId, count: u64, now: Timestamp) {
        let metric = Metric::of_service(SECRETS_MANAGER, RESOURCE_COUNT, "Secrets Manager", "Resource", "SecretCount");
        #[expect(clippy::cast_precision_loss, reason = "nobody has 2^53 secrets")]
        let set = Set::of(count as f64, 1.0);
        self.keeper.add(account, Series { metric, unit: Some(super::NO_UNIT.to_owned()) }, now, set);
    }

    /// Makes old points coarser.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn age_points(&self, account: &AccountId, now: Timestamp) -> Result<(), Error> {
        self.keeper.grow_coarser(account, now, DAYS_MAX).await
    }

    /// Looks at all alarms of an account by the points before `end_ms`. Gives the names of those whose change is to be told:
    /// that may take as long as functions run.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn look_at_alarms(&self, account: &AccountId, end_ms: i64, now: Timestamp) -> Result<Vec<String>, Error> {
        let alarms = self.all_alarms(&alarms_of(account, &self.region)).await?;
        let mut defined = Vec::with_capacity(alarms.len());
        for alarm in alarms {
            defined.push((Definition::of(&alarm.value.input()?)?, alarm));
        }
        // Those that look equally far back are read together.
        defined.sort_by_key(|(definition, _)| stretch_ms(definition));
        let mut untold = Vec::new();
        for some in defined.chunks(READ_MAX) {
            let from_ms = end_ms - some.iter().map(|(definition, _)| stretch_ms(definition)).max().unwrap_or(0);
            let wanted: Vec<_> = some.iter().map(|(definition, _)| definition.wanted.clone()).collect();
            let read = self.keeper.read(account, &wanted, (from_ms, end_ms)).await?;
            for ((definition, alarm), points) in some.iter().zip(read) {
                if self.look(definition, alarm, &points, end_ms, now).await? {
                    untold.push(alarm.value.name.clone());
                }
            }
        }
        Ok(untold)
    }

    /// Looks at one alarm, and says whether something of it is to be told.
    async fn look(
        &self,
        definition: &Definition,
        alarm: &Loaded<Alarm>,
        points: &Points,
        end_ms: i64,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let untold = alarm.value.untold.is_some();
        let Some(state) = decided(definition, &alarm.value, points, end_ms, now) else { return Ok(untold) };
        if state.value == alarm.value.state.value {
            return Ok(untold);
        }
        let (after, items) = entered(&alarm.value, state);
        let mut batch = Batch::named("put_alarm_state");
        remember(&self.documents, &mut batch, &after, items, now).await?;
        announce(&self.documents, &mut batch, &after, &alarm.value.state, &self.region)?;
        self.documents.put(&mut batch, Some(alarm), &Arc::new(after))?;
        match self.documents.commit(batch).await {
            Ok(()) => Ok(true),
            // Changed meanwhile: the next look decides on that.
            Err(Error::Conflict) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Tells of a change that was not told yet of the alarm of that name.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn tell_of(
        &self,
        account: &AccountId,
        name: &str,
        actions: &dyn Actions,
        now: Timestamp,
    ) -> Result<(), Error> {
        let key = format!("{}{name}", alarms_of(account, &self.region));
        match self.documents.load::<Alarm>(key).await? {
            Some(alarm) if alarm.value.untold.is_some() => self.tell(&alarm, actions, now).await,
            _ => Ok(()),
        }
    }

    /// Tells of a change. A kill meanwhile has it told again.
    async fn tell(&self, alarm: &Loaded<Alarm>, actions: &dyn Actions, now: Timestamp) -> Result<(), Error> {
        let Some(before) = &alarm.value.untold else { return Ok(()) };
        let fired = Fired::new(&alarm.value, before, &self.region)?;
        info!(alarm = %fired.alarm_arn, from = %before.value, to = %fired.state, "an alarm's state changed");
        let mut items = Vec::new();
        if before.value != alarm.value.state.value {
            for action in alarm.value.actions()? {
                let outcome = self.carry_out(&action, &fired, actions, now).await;
                items.push(acted(&action, &fired, &outcome, now));
            }
        }
        let mut batch = Batch::named("put_alarm_told");
        if !items.is_empty() {
            remember(&self.documents, &mut batch, &alarm.value, items, now).await?;
        }
        let after = Alarm { untold: None, ..alarm.value.as_ref().clone() };
        self.documents.put(&mut batch, Some(alarm), &Arc::new(after))?;
        match self.documents.commit(batch).await {
            Err(Error::Conflict) => Ok(()),
            other => other,
        }
    }

    async fn carry_out(
        &self,
        action: &str,
        fired: &Fired,
        actions: &dyn Actions,
        now: Timestamp,
    ) -> Result<(), String> {
        match self.topics.of(action) {
            Some(Topic::Log) => {
                warn!(topic = action, notification = %fired.message(), "an alarm");
                Ok(())
            }
            Some(Topic::Function(function)) => {
                actions.invoke(function, &fired.alarm_arn, fired.topic_payload(action), now).await
            }
            None if action.contains(":lambda:") => actions.invoke(action, &fired.alarm_arn, fired.payload(), now).await,
            None => Err(format!("{action} is no longer in cloudwatch.topics of the configuration")),
        }
    }
}

fn acted(action: &str, fired: &Fired, outcome: &Result<(), String>, now: Timestamp) -> Item {
    let (summary, state, why) = match outcome {
        Ok(()) => (format!("Successfully executed action {action}"), "Succeeded", None),
        Err(why) => (format!("Failed to execute action {action}. Received error: \"{why}\""), "Failed", Some(why)),
    };
    let data = json!({
        "actionState": state,
        "notificationResource": action,
        "stateUpdateTimestamp": fired.time.millis(),
        "publishedMessage": fired.message(),
        "error": why,
    });
    Item::new(now, HistoryItemType::Action, summary, &data)
}

/// How far an alarm looks back, in ms.
fn stretch_ms(definition: &Definition) -> i64 {
    let periods = i64::try_from(definition.rule.periods + LOOK_BACK).unwrap_or(i64::MAX);
    definition.wanted.period_ms.saturating_mul(periods + i64::from(definition.wall_clock))
}

/// The state of an alarm by its points before `end_ms`; none when it stays.
fn decided(definition: &Definition, alarm: &Alarm, points: &Points, end_ms: i64, now: Timestamp) -> Option<State> {
    let period_ms = definition.wanted.period_ms;
    let end_ms = if definition.wall_clock { end_ms - end_ms.rem_euclid(period_ms) } else { end_ms };
    let points: Points = points.range(..end_ms).map(|(at, set)| (*at, set.clone())).collect();
    let by_start: BTreeMap<i64, Set> = in_periods(&points, end_ms, period_ms);
    let stretches = definition.rule.periods + LOOK_BACK;
    let start = |at: usize| end_ms - i64::try_from(at + 1).unwrap_or(1).saturating_mul(period_ms);
    let values: Vec<Option<f64>> =
        (0..stretches).map(|at| by_start.get(&start(at)).and_then(|set| definition.stat.of(set))).collect();
    let decision = definition.rule.decide(&values);
    let is_of_few = |at: &usize| by_start.get(&start(*at)).is_some_and(|set| definition.is_of_few(set.count));
    if decision.counted.iter().any(is_of_few) {
        return None;
    }
    let state = decision.state?;
    let counted: Vec<(i64, f64)> =
        decision.counted.iter().filter_map(|at| Some((start(*at), values.get(*at).copied()??))).collect();
    Some(State {
        value: state.as_str().to_owned(),
        reason: reason(definition, &decision, state, &counted, &alarm.state.value),
        data: Some(reason_data(definition, &counted, now)),
        updated_ms: now.millis(),
    })
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// Why an alarm is in a state, in AWS's words.
fn reason(
    definition: &Definition,
    decision: &Decision,
    state: StateValue,
    counted: &[(i64, f64)],
    before: &str,
) -> String {
    let rule = &definition.rule;
    let missing = decision.missing;
    if state == StateValue::InsufficientData {
        let was = if missing == 1 { "was" } else { "were" };
        return format!("Insufficient Data: {missing} datapoint{} {was} unknown.", plural(missing));
    }
    if counted.is_empty() {
        let treated = if rule.missing == Treatment::Breaching { "Breaching" } else { "NonBreaching" };
        let was = if missing == 1 { "was" } else { "were" };
        return format!(
            "Threshold Crossed: no datapoints were received for {missing} period{} and {missing} missing datapoint{} {was} \
             treated as [{treated}].",
            plural(missing),
            plural(missing)
        );
    }
    let is_alarm = state == StateValue::Alarm;
    let telling: Vec<&(i64, f64)> =
        counted.iter().filter(|(_, value)| rule.is_breached_by(*value) == is_alarm).collect();
    let telling = if telling.is_empty() { counted.iter().collect() } else { telling };
    let shown: Vec<String> = telling.iter().map(|(at, value)| format!("{value:?} ({})", short(*at))).collect();
    let compared = match rule.operator.as_str() {
        "GreaterThanOrEqualToThreshold" => "greater than or equal to",
        "GreaterThanThreshold" => "greater than",
        "LessThanThreshold" => "less than",
        _ => "less than or equal to",
    };
    let (of, count) = (rule.periods, telling.len());
    let was = match (count == 1, is_alarm) {
        (true, true) => "was",
        (true, false) => "was not",
        (false, true) => "were",
        (false, false) => "were not",
    };
    let least = if is_alarm { rule.to_alarm } else { rule.periods - rule.to_alarm + 1 };
    format!(
        "Threshold Crossed: {count} out of the last {of} datapoint{} [{}] {was} {compared} the threshold ({:?}) (minimum \
         {least} datapoint{} for {before} -> {} transition).",
        plural(of),
        shown.join(", "),
        rule.threshold,
        plural(least),
        state.as_str()
    )
}

/// `29/11/26 16:05:00`.
fn short(at: i64) -> String {
    let instant = jiff::Timestamp::from_millisecond(at).unwrap_or_default();
    jiff::tz::Offset::UTC.to_datetime(instant).strftime("%d/%m/%y %H:%M:%S").to_string()
}

fn reason_data(definition: &Definition, counted: &[(i64, f64)], now: Timestamp) -> String {
    let at = |ms: i64| written(Timestamp::from_millis(ms));
    let recent: Vec<f64> = counted.iter().rev().map(|(_, value)| *value).collect();
    let evaluated: Vec<_> = counted.iter().map(|(ms, value)| json!({ "timestamp": at(*ms), "value": value })).collect();
    json!({
        "version": "1.0",
        "queryDate": written(now),
        "startDate": counted.last().map(|(ms, _)| at(*ms)),
        "statistic": definition.stat_name,
        "period": definition.wanted.period_ms / 1000,
        "recentDatapoints": recent,
        "threshold": definition.rule.threshold,
        "evaluatedDatapoints": evaluated,
    })
    .to_string()
}
