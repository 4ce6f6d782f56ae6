//! The operations on alarms.

use std::sync::Arc;

use serde_json::{Value, json};
use strongroom_store::Batch;
use strongroom_types::Timestamp;
use strongroom_wire::Enumeration as _;
use strongroom_wire::cloudwatch::{
    AlarmHistoryItem, AlarmType, DescribeAlarmHistoryInput, DescribeAlarmHistoryOutput, DescribeAlarmsForMetricInput,
    DescribeAlarmsForMetricOutput, DescribeAlarmsInput, DescribeAlarmsOutput, HistoryItemType, MetricAlarm,
    PutMetricAlarmInput, ScanBy, SetAlarmStateInput, StateValue, errors,
};

use super::CloudWatch;
use super::actions::announce;
use super::alarm::{ALARM_KIND, Alarm, AlarmRef, State, UNCHECKED, alarm_arn, alarms_of};
use super::definition::Definition;
use super::history::{History, Item, remember};
use super::metric::Metric;
use super::refusals::{bad_token, invalid, not_found};
use super::tagging;
use crate::access::{EntityRef, Permit, RequestKeys, Resource, authorize};
use crate::ctx::{Ctx, Done};
use crate::documents::{Document as _, Loaded, retry};
use crate::error::Error;
use crate::page::{self, Query};

/// Alarms of an account, at most.
const ALARMS_MAX: usize = 5000;
/// Alarms or items on a page unless the request says how many.
const PAGE_USUAL: usize = 50;
/// Documents read at a time.
const SCAN: usize = 200;

impl CloudWatch {
    /// The alarm of the caller's account that a request names, and leave to do `action` to it.
    ///
    /// # Errors
    /// AccessDenied; faults.
    pub async fn permitted(
        &self,
        cx: &Ctx,
        action: &'static str,
        name: &str,
        request: &dyn RequestKeys,
    ) -> Result<(Permit, AlarmRef), Error> {
        let account = &cx.caller.account;
        let arn = alarm_arn(account.as_str(), &self.region, name);
        let key = format!("{}{name}", alarms_of(account, &self.region));
        let found = self.documents.load::<Alarm>(key).await?;
        let entity = EntityRef {
            arn: arn.clone(),
            asked: None,
            account: account.clone(),
            tags: found.as_ref().map(|found| found.value.tags.clone()).unwrap_or_default(),
            boundary: None,
            kind: ALARM_KIND,
        };
        let permit = authorize(cx, action, Resource::Entity(Arc::new(entity)), request)?;
        Ok((permit, AlarmRef { name: name.to_owned(), arn, found }))
    }

    /// Leave to list alarms.
    ///
    /// # Errors
    /// AccessDenied; faults.
    pub fn permitted_list(&self, cx: &Ctx, action: &'static str, request: &dyn RequestKeys) -> Result<Permit, Error> {
        let arn = alarm_arn(cx.caller.account.as_str(), &self.region, "*");
        authorize(cx, action, Resource::List(arn.into()), request)
    }

    /// Puts an alarm, in place of one of the same name. The state of that one stays.
    ///
    /// # Errors
    /// ValidationError and others for what is not in order; LimitExceeded; faults.
    pub async fn put_metric_alarm(
        &self,
        cx: &Ctx,
        permit: &Permit,
        alarm: &AlarmRef,
        mut input: PutMetricAlarmInput,
    ) -> Result<(), Error> {
        Definition::of(&input)?;
        self.check_actions(&cx.caller.account, &input)?;
        let tags = tagging::checked(input.tags.take().unwrap_or_default(), Vec::new())?;
        if alarm.found.is_none() && self.is_full(cx).await? {
            return Err(Error::refused(
                errors::LIMIT_EXCEEDED_FAULT,
                "The quota for alarms for this customer has already been reached.",
            ));
        }
        let definition = Alarm::definition_of(&input)?;
        self.change(cx, permit, &alarm.name, |before| {
            let state = before.map_or_else(|| unchecked(cx.now), |before| before.state.clone());
            let after = Alarm {
                account: cx.caller.account.to_string(),
                region: self.region.to_string(),
                name: alarm.name.clone(),
                definition: definition.clone(),
                configured_ms: cx.now.millis(),
                actions_enabled: input.actions_enabled.unwrap_or(true),
                tags: before.map_or_else(|| tags.clone(), |before| before.tags.clone()),
                transitioned_ms: before.map_or(cx.now.millis(), |before| before.transitioned_ms),
                untold: before.and_then(|before| before.untold.clone()),
                state,
            };
            let item = configured(&after, if before.is_some() { "Update" } else { "Create" }, cx.now);
            Ok(Some((after, vec![item])))
        })
        .await
    }

    async fn is_full(&self, cx: &Ctx) -> Result<bool, Error> {
        let place = alarms_of(&cx.caller.account, &self.region);
        let rows = self.documents.store().scan(Alarm::KIND, &place, None, ALARMS_MAX).await?;
        Ok(rows.len() >= ALARMS_MAX)
    }

    /// Changes an alarm as `decide` says, from what is stored, with its history and the request's record in one commit.
    pub(super) async fn change<F>(&self, cx: &Ctx, permit: &Permit, name: &str, decide: F) -> Result<(), Error>
    where
        F: Fn(Option<&Alarm>) -> Result<Option<(Alarm, Vec<Item>)>, Error>,
    {
        let Resource::Entity(entity) = permit.resource() else { return Err(Error::internal("a permit of no alarm")) };
        let key = format!("{}{name}", alarms_of(&entity.account, &self.region));
        let _turn = self.documents.writer::<Alarm>(&key).await?;
        retry(|| async {
            let before = self.documents.load::<Alarm>(key.clone()).await?;
            let Some((after, items)) = decide(before.as_ref().map(|before| before.value.as_ref()))? else {
                return Ok(());
            };
            let mut batch = Batch::named("put_alarm");
            if !items.is_empty() {
                remember(&self.documents, &mut batch, &after, items, cx.now).await?;
            }
            if let Some(before) = &before {
                announce(&self.documents, &mut batch, &after, &before.value.state, &self.region)?;
            }
            self.documents.put(&mut batch, before.as_ref(), &Arc::new(after))?;
            cx.commit(&self.documents, batch, done(&entity.arn)).await
        })
        .await
    }

    /// Deletes alarms, all of them or none.
    ///
    /// # Errors
    /// ResourceNotFound when one is not there; faults.
    pub async fn delete_alarms(&self, cx: &Ctx, permitted: &[(Permit, AlarmRef)]) -> Result<(), Error> {
        let mut batch = Batch::named("delete_alarms");
        let mut names = std::collections::BTreeSet::new();
        for (_, alarm) in permitted.iter().filter(|(_, alarm)| names.insert(alarm.name.clone())) {
            let found = alarm.found.as_ref();
            let found = found.ok_or_else(|| not_found(format!("The alarm {} does not exist.", alarm.name)))?;
            let item = configured(&found.value, "Delete", cx.now);
            remember(&self.documents, &mut batch, &found.value, vec![item], cx.now).await?;
            self.documents.delete(&mut batch, found);
        }
        let arn = permitted.first().map(|(_, alarm)| alarm.arn.clone());
        let committed =
            cx.commit(&self.documents, batch, Done { arn, resource_kind: ALARM_KIND, ..Done::default() }).await;
        match committed {
            Err(Error::Conflict) => {
                let text = "More than one process tried to modify a resource at the same time.";
                Err(Error::refused(errors::CONCURRENT_MODIFICATION_EXCEPTION, text))
            }
            other => other,
        }
    }

    /// Has changes of alarms told from now on, or no longer. What is not there is passed over.
    ///
    /// # Errors
    /// Faults.
    pub async fn set_actions(&self, cx: &Ctx, permitted: &[(Permit, AlarmRef)], enabled: bool) -> Result<(), Error> {
        let mut batch = Batch::named("put_alarms");
        for (_, alarm) in permitted {
            let Some(found) = alarm.found.as_ref().filter(|found| found.value.actions_enabled != enabled) else {
                continue;
            };
            let after =
                Alarm { actions_enabled: enabled, configured_ms: cx.now.millis(), ..found.value.as_ref().clone() };
            let item = configured(&after, "Update", cx.now);
            remember(&self.documents, &mut batch, &after, vec![item], cx.now).await?;
            self.documents.put(&mut batch, Some(found), &Arc::new(after))?;
        }
        if batch.puts.is_empty() {
            return Ok(());
        }
        let arn = permitted.first().map(|(_, alarm)| alarm.arn.clone());
        cx.commit(&self.documents, batch, Done { arn, resource_kind: ALARM_KIND, ..Done::default() }).await
    }

    /// Sets an alarm's state until it is looked at the next time.
    ///
    /// # Errors
    /// ResourceNotFound; InvalidFormat when the reason's data are no JSON; faults.
    pub async fn set_alarm_state(&self, cx: &Ctx, permit: &Permit, input: SetAlarmStateInput) -> Result<(), Error> {
        if let Some(data) = &input.state_reason_data
            && serde_json::from_str::<Value>(data).is_err()
        {
            return Err(Error::refused(errors::INVALID_FORMAT_FAULT, "Data was not syntactically valid JSON."));
        }
        self.change(cx, permit, &input.alarm_name, |before| {
            let before = before.ok_or_else(|| not_found(format!("The alarm {} does not exist.", input.alarm_name)))?;
            let state = State {
                value: input.state_value.as_str().to_owned(),
                reason: input.state_reason.clone(),
                data: input.state_reason_data.clone(),
                updated_ms: cx.now.millis(),
            };
            Ok(Some(entered(before, state)))
        })
        .await
    }

    /// Alarms in the order of their names.
    ///
    /// # Errors
    /// InvalidNextToken; ValidationError; faults.
    pub async fn describe_alarms(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: DescribeAlarmsInput,
    ) -> Result<DescribeAlarmsOutput, Error> {
        if input.alarm_names.is_some() && input.alarm_name_prefix.is_some() {
            return Err(invalid("AlarmNames and AlarmNamePrefix cannot be specified together."));
        }
        let (of_metrics, limit) = (is_of_metrics(input.alarm_types.as_deref()), limit(input.max_records));
        // Only composite alarms have parents and children.
        let is_related = input.children_of_alarm_name.is_some() || input.parents_of_alarm_name.is_some();
        let shown = |alarms, next_token| DescribeAlarmsOutput {
            composite_alarms: Some(Vec::new()),
            metric_alarms: Some(alarms),
            log_alarms: None,
            next_token,
        };
        if !of_metrics || is_related {
            return Ok(shown(Vec::new(), None));
        }
        let query = describe_query(&input);
        let mut after = match &input.next_token {
            Some(token) => Some(page::open(&self.documents, &query, token).map_err(bad_token)?),
            None => None,
        };
        let place = alarms_of(&cx.caller.account, &self.region);
        let prefix = format!("{place}{}", input.alarm_name_prefix.as_deref().unwrap_or_default());
        let mut alarms: Vec<MetricAlarm> = Vec::new();
        loop {
            let page = self.documents.scan::<Alarm>(&prefix, after.as_deref(), SCAN).await?;
            for alarm in &page {
                if !wanted(&alarm.value, &input)? {
                    continue;
                }
                if alarms.len() == limit {
                    let place = after.unwrap_or_default();
                    return Ok(shown(alarms, Some(page::seal(&self.documents, &query, &place)?)));
                }
                alarms.push(alarm.value.shown(&self.region)?);
                after = Some(alarm.value.key());
            }
            match page.last() {
                Some(last) if page.len() == SCAN => after = Some(last.value.key()),
                _ => return Ok(shown(alarms, None)),
            }
        }
    }

    /// The alarms on a metric.
    ///
    /// # Errors
    /// Faults.
    pub async fn describe_alarms_for_metric(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: DescribeAlarmsForMetricInput,
    ) -> Result<DescribeAlarmsForMetricOutput, Error> {
        let metric = Metric::new(&input.namespace, &input.metric_name, input.dimensions.as_deref().unwrap_or_default());
        let mut alarms = Vec::new();
        for alarm in self.all_alarms(&alarms_of(&cx.caller.account, &self.region)).await? {
            let definition = Definition::of(&alarm.value.input()?)?;
            let series = &definition.wanted.series;
            let unit = input.unit.map(|unit| unit.as_str());
            let stat = input.statistic.map(|stat| stat.as_str()).or(input.extended_statistic.as_deref());
            let is_on = series.metric == metric
                && stat.is_none_or(|stat| stat == definition.stat_name)
                && input.period.is_none_or(|period| i64::from(period) * 1000 == definition.wanted.period_ms)
                && unit.is_none_or(|unit| series.unit.as_deref() == Some(unit));
            if is_on {
                alarms.push(alarm.value.shown(&self.region)?);
            }
        }
        Ok(DescribeAlarmsForMetricOutput { metric_alarms: Some(alarms) })
    }

    /// All alarms whose keys begin so.
    pub(super) async fn all_alarms(&self, place: &str) -> Result<Vec<Loaded<Alarm>>, Error> {
        let (mut alarms, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = self.documents.scan::<Alarm>(place, after.as_deref(), SCAN).await?;
            let is_last = page.len() < SCAN;
            after = page.last().map(|last| last.value.key());
            alarms.extend(page);
            if is_last {
                return Ok(alarms);
            }
        }
    }

    /// What happened to alarms, of late or of old first.
    ///
    /// # Errors
    /// InvalidNextToken; faults.
    pub async fn describe_alarm_history(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: DescribeAlarmHistoryInput,
    ) -> Result<DescribeAlarmHistoryOutput, Error> {
        let query = Query::new("DescribeAlarmHistory")
            .part(input.alarm_name.as_deref().unwrap_or_default())
            .part(input.history_item_type.map_or("", |kind| kind.as_str()))
            .flag(input.scan_by == Some(ScanBy::TimestampAscending));
        let after = match &input.next_token {
            Some(token) => Some(page::open(&self.documents, &query, token).map_err(bad_token)?),
            None => None,
        };
        let mut items = self.happened(cx, &input).await?;
        items.sort_by(|(left, _), (right, _)| left.cmp(right));
        if input.scan_by != Some(ScanBy::TimestampAscending) {
            items.reverse();
        }
        let skipped = after.and_then(|after| items.iter().position(|(place, _)| *place == after).map(|at| at + 1));
        let mut rest = items.into_iter().skip(skipped.unwrap_or(0)).peekable();
        let page: Vec<(String, AlarmHistoryItem)> = rest.by_ref().take(limit(input.max_records)).collect();
        let next_token = match (page.last(), rest.peek()) {
            (Some((place, _)), Some(_)) => Some(page::seal(&self.documents, &query, place)?),
            _ => None,
        };
        let alarm_history_items = Some(page.into_iter().map(|(_, item)| item).collect());
        Ok(DescribeAlarmHistoryOutput { alarm_history_items, next_token })
    }

    /// What a request for the history asks for, each item with its place in the order.
    async fn happened(
        &self,
        cx: &Ctx,
        input: &DescribeAlarmHistoryInput,
    ) -> Result<Vec<(String, AlarmHistoryItem)>, Error> {
        let place = alarms_of(&cx.caller.account, &self.region);
        let mut items = Vec::new();
        if !is_of_metrics(input.alarm_types.as_deref()) || input.alarm_contributor_id.is_some() {
            return Ok(items);
        }
        let mut after = None::<String>;
        loop {
            let page = match &input.alarm_name {
                Some(name) => self.documents.load::<History>(format!("{place}{name}")).await?.into_iter().collect(),
                None => self.documents.scan::<History>(&place, after.as_deref(), SCAN).await?,
            };
            for history in &page {
                for (at, item) in history.value.items.iter().enumerate() {
                    let is_in = input.start_date.is_none_or(|start| item.at_ms >= start.millis())
                        && input.end_date.is_none_or(|end| item.at_ms <= end.millis())
                        && input.history_item_type.is_none_or(|kind| kind.as_str() == item.kind);
                    if is_in && History::is_kept(item, cx.now) {
                        let order = format!("{:015}:{at:05}:{}", item.at_ms, history.value.name);
                        items.push((order, item.shown(&history.value.name)));
                    }
                }
            }
            after = page.last().map(|last| last.value.key());
            if page.len() < SCAN {
                return Ok(items);
            }
        }
    }
}

/// An alarm that comes into a state: itself then, and what its history remembers. A change is told later.
pub(super) fn entered(before: &Alarm, state: State) -> (Alarm, Vec<Item>) {
    let now = Timestamp::from_millis(state.updated_ms);
    if before.state.value == state.value {
        return (Alarm { state, ..before.clone() }, Vec::new());
    }
    let item = Item::of_states(now, &before.state, &state);
    let untold = before.untold.clone().or_else(|| Some(before.state.clone()));
    (Alarm { state, untold, transitioned_ms: now.millis(), ..before.clone() }, vec![item])
}

fn unchecked(now: Timestamp) -> State {
    let value = StateValue::InsufficientData.as_str().to_owned();
    State { value, reason: UNCHECKED.to_owned(), data: None, updated_ms: now.millis() }
}

fn configured(alarm: &Alarm, change: &str, now: Timestamp) -> Item {
    let verb = match change {
        "Create" => "created",
        "Delete" => "deleted",
        _ => "updated",
    };
    let definition: Value = serde_json::from_str(&alarm.definition).unwrap_or_default();
    let data = json!({ "version": "1.0", "type": change, format!("{verb}Alarm"): definition });
    let summary = format!("Alarm \"{}\" {verb}", alarm.name);
    Item::new(now, HistoryItemType::ConfigurationUpdate, summary, &data)
}

fn done(arn: &str) -> Done {
    Done { arn: Some(arn.to_owned()), resource_kind: ALARM_KIND, ..Done::default() }
}

fn is_of_metrics(types: Option<&[AlarmType]>) -> bool {
    types.is_none_or(|types| types.is_empty() || types.contains(&AlarmType::MetricAlarm))
}

fn limit(max_records: Option<i32>) -> usize {
    max_records.and_then(|max| usize::try_from(max).ok()).unwrap_or(PAGE_USUAL)
}

fn describe_query(input: &DescribeAlarmsInput) -> Query {
    let query = Query::new("DescribeAlarms")
        .part(input.alarm_name_prefix.as_deref().unwrap_or_default())
        .part(input.state_value.map_or("", |state| state.as_str()))
        .part(input.action_prefix.as_deref().unwrap_or_default());
    input.alarm_names.iter().flatten().fold(query, |query, name| query.part(name))
}

fn wanted(alarm: &Alarm, input: &DescribeAlarmsInput) -> Result<bool, Error> {
    let is_named = input.alarm_names.as_ref().is_none_or(|names| names.contains(&alarm.name));
    let is_in_state = input.state_value.is_none_or(|state| alarm.state.value() == state);
    if !is_named || !is_in_state {
        return Ok(false);
    }
    let Some(prefix) = &input.action_prefix else { return Ok(true) };
    let definition = alarm.input()?;
    let lists = [definition.alarm_actions, definition.ok_actions, definition.insufficient_data_actions];
    Ok(lists.iter().flatten().flatten().any(|action| action.starts_with(prefix.as_str())))
}
