//! Alarms as they are stored and shown.

use serde::{Deserialize, Serialize};
use strongroom_store::Kind;
use strongroom_types::{AccountId, Region, SecretBytes, Timestamp};
use strongroom_wire::Enumeration as _;
use strongroom_wire::cloudwatch::{MetricAlarm, PutMetricAlarmInput, StateValue, Tag};
use strongroom_wire::json;

use super::chunk::place;
use crate::documents::{Document, Loaded, from_json_body, json_body};
use crate::error::Error;

/// How records name the type of alarms.
pub const ALARM_KIND: &str = "AWS::CloudWatch::Alarm";
/// Kind of the documents.
const ALARM: Kind = Kind("alarm");
/// Why a new alarm is as it is.
pub(super) const UNCHECKED: &str = "Unchecked: Initial alarm creation";

/// A state, why it is, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Its name.
    pub value: String,
    /// Why, for people.
    pub reason: String,
    /// Why, in JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// When it was last set, in ms since 1970.
    pub updated_ms: i64,
}

impl State {
    /// Its name in the API.
    #[must_use]
    pub fn value(&self) -> StateValue {
        StateValue::parse(&self.value).unwrap_or(StateValue::InsufficientData)
    }
}

/// An alarm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// Its name.
    pub name: String,
    /// The request that put it, in JSON.
    pub definition: String,
    /// When that was, in ms since 1970.
    pub configured_ms: i64,
    /// Whether changes of its state are told.
    pub actions_enabled: bool,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<(String, String)>,
    /// Its state.
    pub state: State,
    /// When its state became another, in ms since 1970.
    pub transitioned_ms: i64,
    /// The state before a change that is still to be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untold: Option<State>,
}

/// The account and region of alarms, as their keys have them.
#[must_use]
pub fn alarms_of(account: &AccountId, region: &Region) -> String {
    place(account.as_str(), region.as_str())
}

/// The ARN of an alarm of this name.
#[must_use]
pub fn alarm_arn(account: &str, region: &Region, name: &str) -> String {
    format!("arn:{}:cloudwatch:{region}:{account}:alarm:{name}", region.partition())
}

/// An alarm that a request names, there or not.
#[derive(Clone, Debug)]
pub struct AlarmRef {
    /// Its name.
    pub name: String,
    /// Its ARN, or the one that it would have.
    pub arn: String,
    /// What is stored.
    pub found: Option<Loaded<Alarm>>,
}

impl Alarm {
    /// The request that put it.
    ///
    /// # Errors
    /// A fault when it does not read.
    pub fn input(&self) -> Result<PutMetricAlarmInput, Error> {
        json::decode_answer(self.definition.as_bytes()).map_err(|error| Error::internal(error.to_string()))
    }

    /// The text that a request is kept as.
    ///
    /// # Errors
    /// A fault when it is no text.
    pub fn definition_of(input: &PutMetricAlarmInput) -> Result<String, Error> {
        let bytes = json::encode(input).expose().to_vec();
        String::from_utf8(bytes).map_err(|error| Error::internal(error.to_string()))
    }

    /// As DescribeAlarms shows it.
    ///
    /// # Errors
    /// A fault when what is stored does not read.
    pub fn shown(&self, region: &Region) -> Result<MetricAlarm, Error> {
        let input = self.input()?;
        let list = |actions: Option<Vec<String>>| Some(actions.unwrap_or_default());
        let at = |ms: i64| Some(Timestamp::from_millis(ms));
        Ok(MetricAlarm {
            alarm_name: Some(self.name.clone()),
            alarm_arn: Some(alarm_arn(&self.account, region, &self.name)),
            alarm_description: input.alarm_description,
            alarm_configuration_updated_timestamp: at(self.configured_ms),
            actions_enabled: Some(self.actions_enabled),
            ok_actions: list(input.ok_actions),
            alarm_actions: list(input.alarm_actions),
            insufficient_data_actions: list(input.insufficient_data_actions),
            state_value: Some(self.state.value()),
            state_reason: Some(self.state.reason.clone()),
            state_reason_data: self.state.data.clone(),
            state_updated_timestamp: at(self.state.updated_ms),
            metric_name: input.metric_name,
            namespace: input.namespace,
            statistic: input.statistic,
            extended_statistic: input.extended_statistic,
            dimensions: input.metrics.is_none().then(|| input.dimensions.unwrap_or_default()),
            period: input.period,
            unit: input.unit,
            evaluation_periods: input.evaluation_periods,
            datapoints_to_alarm: input.datapoints_to_alarm,
            threshold: input.threshold,
            comparison_operator: input.comparison_operator,
            treat_missing_data: input.treat_missing_data,
            evaluate_low_sample_count_percentile: input.evaluate_low_sample_count_percentile,
            metrics: input.metrics,
            threshold_metric_id: None,
            evaluation_state: None,
            state_transitioned_timestamp: at(self.transitioned_ms),
            evaluation_window: input.evaluation_window,
            warm_up_configuration: None,
            evaluation_criteria: None,
            evaluation_interval: None,
            action_configuration: None,
        })
    }

    /// Its tags, as ListTagsForResource shows them.
    #[must_use]
    pub fn shown_tags(&self) -> Vec<Tag> {
        self.tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect()
    }

    /// What is to be told when it comes into the state that it is in.
    ///
    /// # Errors
    /// A fault when what is stored does not read.
    pub fn actions(&self) -> Result<Vec<String>, Error> {
        if !self.actions_enabled {
            return Ok(Vec::new());
        }
        let input = self.input()?;
        let actions = match self.state.value() {
            StateValue::Alarm => input.alarm_actions,
            StateValue::Ok => input.ok_actions,
            StateValue::InsufficientData => input.insufficient_data_actions,
        };
        Ok(actions.unwrap_or_default())
    }
}

impl Document for Alarm {
    const KIND: Kind = ALARM;
    const CACHED: bool = false;

    fn key(&self) -> String {
        format!("{}{}", place(&self.account, &self.region), self.name)
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(ALARM, body)
    }
}
