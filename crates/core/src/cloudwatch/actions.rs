//! What is told when an alarm's state changes, and whom: functions, topics that the configuration knows, the event bus.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use serde_json::{Map, Value, json};
use strongroom_store::Batch;
use strongroom_types::{Region, Timestamp};
use strongroom_wire::Enumeration as _;
use strongroom_wire::cloudwatch::{PutMetricAlarmInput, Statistic};
use strongroom_wire::timestamps;

use super::alarm::{Alarm, State, alarm_arn};
use super::definition::Definition;
use crate::announcing::{self, Announcement};
use crate::documents::Documents;
use crate::error::Error;

/// Who carries out what alarms ask for. The text of a failure goes into the alarm's history.
pub trait Actions: Send + Sync {
    /// Runs a function with what an alarm tells it.
    fn invoke<'a>(
        &'a self,
        function_arn: &'a str,
        alarm_arn: &'a str,
        payload: String,
        now: Timestamp,
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;
}

/// The source of the events of alarms.
const SOURCE: &str = "aws.cloudwatch";
/// What they are called.
const STATE_CHANGE: &str = "CloudWatch Alarm State Change";

/// Adds to `batch` the event that an alarm came from the state `before` to the one it is in, when anybody wants events.
///
/// # Errors
/// A fault when what is stored does not read; when the random source fails.
pub(super) fn announce(
    documents: &Documents,
    batch: &mut Batch,
    alarm: &Alarm,
    before: &State,
    region: &Region,
) -> Result<(), Error> {
    if before.value == alarm.state.value {
        return Ok(());
    }
    let fired = Fired::new(alarm, before, region)?;
    let announcement = Announcement {
        source: SOURCE,
        detail_type: STATE_CHANGE,
        account: &alarm.account,
        region,
        time: fired.time,
        resources: std::slice::from_ref(&fired.alarm_arn),
        detail: &fired.detail.to_string(),
    };
    batch.feed.extend(announcing::entry(documents, &announcement)?);
    Ok(())
}

/// What stands behind the ARN of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topic {
    /// The log of this server.
    Log,
    /// A function, which gets the message as one that subscribed to the topic.
    Function(String),
}

/// The topics that alarms may name, by their ARNs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topics(BTreeMap<String, Topic>);

impl Topics {
    /// These topics: each an ARN, and `log` or the ARN of a function.
    #[must_use]
    pub fn new<'a>(topics: impl IntoIterator<Item = (&'a String, &'a String)>) -> Self {
        let topic = |to: &String| if to == "log" { Topic::Log } else { Topic::Function(to.clone()) };
        Self(topics.into_iter().map(|(arn, to)| (arn.clone(), topic(to))).collect())
    }

    /// Whether alarms may name this one.
    #[must_use]
    pub fn know(&self, arn: &str) -> bool {
        self.0.contains_key(arn)
    }

    /// What stands behind it.
    #[must_use]
    pub fn of(&self, arn: &str) -> Option<&Topic> {
        self.0.get(arn)
    }
}

/// A change of an alarm's state.
#[derive(Clone, Debug)]
pub struct Fired {
    /// The account.
    pub account: String,
    /// The alarm.
    pub alarm_arn: String,
    /// When it changed.
    pub time: Timestamp,
    /// `detail` of the event "CloudWatch Alarm State Change" of the source `aws.cloudwatch`.
    pub detail: Value,
    /// The present state, for logs.
    pub state: String,
    function: Value,
    message: Value,
}

impl Fired {
    /// What is told of an alarm that was in the state `before`.
    ///
    /// # Errors
    /// A fault when what is stored does not read.
    pub(super) fn new(alarm: &Alarm, before: &State, region: &Region) -> Result<Self, Error> {
        let input = alarm.input()?;
        let definition = Definition::of(&input)?;
        let alarm_arn = alarm_arn(&alarm.account, region, &alarm.name);
        let time = Timestamp::from_millis(alarm.state.updated_ms);
        let mut configuration = json!({ "metrics": [shown_metric(&definition)] });
        if let (Some(fields), Some(description)) = (configuration.as_object_mut(), &input.alarm_description) {
            fields.insert("description".to_owned(), json!(description));
        }
        let detail = json!({
            "alarmName": alarm.name,
            "configuration": configuration,
            "previousState": shown_state(before),
            "state": shown_state(&alarm.state),
        });
        let function = json!({
            "source": "aws.cloudwatch",
            "alarmArn": alarm_arn,
            "accountId": alarm.account,
            "time": written(time),
            "region": region.as_str(),
            "alarmData": detail,
        });
        let message = message(alarm, before, &input, &definition, region);
        let state = alarm.state.value.clone();
        Ok(Self { account: alarm.account.clone(), alarm_arn, time, detail, state, function, message })
    }

    /// What a function gets that the alarm names.
    pub(super) fn payload(&self) -> String {
        self.function.to_string()
    }

    /// What goes to a topic.
    pub(super) fn message(&self) -> String {
        self.message.to_string()
    }

    /// What a function gets that subscribed to a topic.
    pub(super) fn topic_payload(&self, topic_arn: &str) -> String {
        let name = self.alarm_arn.rsplit(':').next().unwrap_or_default();
        json!({ "Records": [{
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": topic_arn,
            "Sns": {
                "Type": "Notification",
                "MessageId": format!("{}-{}", self.time.millis(), name),
                "TopicArn": topic_arn,
                "Subject": format!("{}: \"{}\"", self.state, name),
                "Message": self.message(),
                "Timestamp": timestamps::iso(self.time),
                "MessageAttributes": {},
            },
        }] })
        .to_string()
    }
}

/// An instant as alarms tell it.
pub(super) fn written(at: Timestamp) -> String {
    let iso = timestamps::iso(Timestamp::from_millis(at.millis()));
    let (whole, fraction) = iso.trim_end_matches('Z').split_once('.').unwrap_or((iso.trim_end_matches('Z'), ""));
    format!("{whole}.{fraction:0<3}+0000")
}

fn shown_state(state: &State) -> Value {
    let mut shown = Map::new();
    shown.insert("value".to_owned(), json!(state.value));
    shown.insert("reason".to_owned(), json!(state.reason));
    if let Some(data) = &state.data {
        shown.insert("reasonData".to_owned(), json!(data));
    }
    shown.insert("timestamp".to_owned(), json!(written(Timestamp::from_millis(state.updated_ms))));
    Value::Object(shown)
}

fn shown_metric(definition: &Definition) -> Value {
    let metric = &definition.wanted.series.metric;
    let dimensions: Map<String, Value> =
        metric.dimensions.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    json!({
        "id": "m1",
        "metricStat": {
            "metric": { "namespace": metric.namespace, "name": metric.name, "dimensions": dimensions },
            "period": definition.wanted.period_ms / 1000,
            "stat": definition.stat_name,
        },
        "returnData": true,
    })
}

fn message(
    alarm: &Alarm,
    before: &State,
    input: &PutMetricAlarmInput,
    definition: &Definition,
    region: &Region,
) -> Value {
    let metric = &definition.wanted.series.metric;
    let dimensions: Vec<Value> =
        metric.dimensions.iter().map(|(name, value)| json!({ "value": value, "name": name })).collect();
    let (kind, stat) = match Statistic::parse(&definition.stat_name) {
        Some(_) => ("Statistic", definition.stat_name.to_uppercase()),
        None => ("ExtendedStatistic", definition.stat_name.clone()),
    };
    let list = |actions: &Option<Vec<String>>| json!(actions.as_deref().unwrap_or_default());
    json!({
        "AlarmName": alarm.name,
        "AlarmDescription": input.alarm_description,
        "AWSAccountId": alarm.account,
        "AlarmConfigurationUpdatedTimestamp": written(Timestamp::from_millis(alarm.configured_ms)),
        "NewStateValue": alarm.state.value,
        "NewStateReason": alarm.state.reason,
        "StateChangeTime": written(Timestamp::from_millis(alarm.state.updated_ms)),
        "Region": region.as_str(),
        "AlarmArn": alarm_arn(&alarm.account, region, &alarm.name),
        "OldStateValue": before.value,
        "OKActions": list(&input.ok_actions),
        "AlarmActions": list(&input.alarm_actions),
        "InsufficientDataActions": list(&input.insufficient_data_actions),
        "Trigger": {
            "MetricName": metric.name,
            "Namespace": metric.namespace,
            "StatisticType": kind,
            "Statistic": stat,
            "Unit": definition.wanted.series.unit,
            "Dimensions": dimensions,
            "Period": definition.wanted.period_ms / 1000,
            "EvaluationPeriods": definition.rule.periods,
            "DatapointsToAlarm": definition.rule.to_alarm,
            "ComparisonOperator": definition.rule.operator.as_str(),
            "Threshold": definition.rule.threshold,
            "TreatMissingData": input.treat_missing_data.as_deref().unwrap_or("missing"),
            "EvaluateLowSampleCountPercentile": input.evaluate_low_sample_count_percentile.as_deref().unwrap_or_default(),
        },
    })
}
