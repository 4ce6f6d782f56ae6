//! A delivery: one event on its way to one target of a rule.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use strongroom_patterns::{Path, Reserved, Template};
use strongroom_store::{Index, Kind, Term};
use strongroom_types::{SecretBytes, Timestamp};
use strongroom_wire::timestamps::iso;

use super::rule::{AGE_S_DEFAULT, RETRIES_DEFAULT, Rule, Target};
use crate::documents::{Document, from_json_body, json_body};
use crate::error::Error;

/// Kind of the documents of deliveries.
pub const DELIVERY: Kind = Kind("event-delivery");
/// Index of the instants at which deliveries are due, by region and account: of each account they are found in turn.
pub const BY_DUE: Index = Index("event-due");
/// Index of deliveries that were given up, by account, region and the instant of that.
pub const BY_DEAD: Index = Index("event-dead");

/// From a failed attempt to the next one, in ms; doubled with each attempt.
const PAUSE_MS_MIN: i64 = 1000;
/// The longest pause between two attempts, in ms: with it, the default number of attempts takes a day.
const PAUSE_MS_MAX: i64 = 480_000;
/// Bytes that an input transformer may make: a short template can name a large event hundreds of times.
const PAYLOAD_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Characters of a failure that are kept.
const FAILURE_CHARS_MAX: usize = 500;

/// A delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The account of the rule.
    pub account: String,
    /// Its region.
    pub region: String,
    /// The event's id.
    pub event_id: String,
    /// The event.
    pub event: String,
    /// The rule's name.
    pub rule_name: String,
    /// The rule's ARN.
    pub rule_arn: String,
    /// The target as it was when the event was matched.
    pub target: Target,
    /// When the event was matched, in ms since the epoch.
    pub begun_ms: i64,
    /// Attempts so far.
    pub attempts: u32,
    /// When the next attempt is due, in ms since the epoch; none once it was given up.
    pub due_ms: Option<i64>,
    /// When it was given up, in ms since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_ms: Option<i64>,
    /// Why the last attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The reason, for the operator.
    pub text: String,
    /// Whether another attempt would fail as well.
    pub lasting: bool,
    /// How long the target asks to be left alone, in ms.
    pub pause_ms: Option<i64>,
}

impl Failure {
    /// A failure that another attempt may not meet.
    #[must_use]
    pub fn passing(text: impl Into<String>) -> Self {
        Self { text: text.into(), lasting: false, pause_ms: None }
    }

    /// A failure that every attempt would meet.
    #[must_use]
    pub fn lasting(text: impl Into<String>) -> Self {
        Self { text: text.into(), lasting: true, pause_ms: None }
    }
}

impl Delivery {
    /// The delivery of an event to a target of `rule`, due at once.
    #[must_use]
    pub fn begin(rule: &Rule, target: &Target, event_id: &str, event: &str, now: Timestamp) -> Self {
        Self {
            account: rule.account.clone(),
            region: rule.region.clone(),
            event_id: event_id.to_owned(),
            event: event.to_owned(),
            rule_name: rule.name.clone(),
            rule_arn: rule.arn(),
            target: target.clone(),
            begun_ms: now.millis(),
            attempts: 0,
            due_ms: Some(now.millis()),
            dead_ms: None,
            failure: None,
        }
    }

    /// The delivery after an attempt that failed: due again later, or given up.
    #[must_use]
    pub fn failed(&self, failure: &Failure, now: Timestamp) -> Self {
        let mut after = self.clone();
        after.attempts = self.attempts.saturating_add(1);
        after.failure = Some(failure.text.chars().take(FAILURE_CHARS_MAX).collect());
        let doubled = PAUSE_MS_MIN.saturating_mul(1_i64.checked_shl(self.attempts.min(30)).unwrap_or(i64::MAX));
        let pause_ms = doubled.min(PAUSE_MS_MAX).max(failure.pause_ms.unwrap_or(0));
        let due_ms = now.plus_millis(pause_ms).millis();
        let end_ms = self.begun_ms.saturating_add(i64::from(self.target.age_s_max.unwrap_or(AGE_S_DEFAULT)) * 1000);
        let retries_max = u32::try_from(self.target.retries_max.unwrap_or(RETRIES_DEFAULT)).unwrap_or(0);
        if failure.lasting || after.attempts > retries_max || due_ms > end_ms {
            (after.due_ms, after.dead_ms) = (None, Some(now.millis()));
        } else {
            after.due_ms = Some(due_ms);
        }
        after
    }

    /// A delivery that was given up, begun anew.
    #[must_use]
    pub fn begun_anew(&self, now: Timestamp) -> Self {
        let (begun_ms, due_ms) = (now.millis(), Some(now.millis()));
        Self { begun_ms, due_ms, dead_ms: None, attempts: 0, ..self.clone() }
    }

    /// What the target gets: the event, a part of it, or what its input says.
    ///
    /// # Errors
    /// When a template makes more of the event than a target may get.
    pub fn payload(&self) -> Result<String, Failure> {
        let event = || serde_json::from_str::<Value>(&self.event).unwrap_or(Value::Null);
        if let Some(input) = &self.target.input {
            return Ok(input.clone());
        }
        if let Some(path) = self.target.input_path.as_deref().and_then(|path| Path::parse(path).ok()) {
            return Ok(path.find(&event()).unwrap_or(Value::Null).to_string());
        }
        let transformer = self.target.transformer.as_ref();
        let template = transformer.and_then(|transformer| {
            let paths: &BTreeMap<String, String> = &transformer.paths;
            Template::parse(&transformer.template, paths).ok()
        });
        let Some(template) = template else { return Ok(self.event.clone()) };
        let ingestion_time = iso(Timestamp::from_seconds(Timestamp::from_millis(self.begun_ms).seconds()));
        let reserved =
            Reserved { rule_arn: &self.rule_arn, rule_name: &self.rule_name, ingestion_time: &ingestion_time };
        let made = template.fill(&event(), reserved, PAYLOAD_BYTES_MAX);
        made.ok_or_else(|| Failure::lasting("the input transformer makes more than a target may get"))
    }
}

/// What the terms of due deliveries of a region begin with.
#[must_use]
pub fn due_prefix(region: &str) -> String {
    [region, ":"].concat()
}

/// What the terms of an account's dead deliveries begin with.
#[must_use]
pub fn dead_prefix(account: &str, region: &str) -> String {
    [account, ":", region, ":"].concat()
}

/// An instant as a term: in the order of time.
#[must_use]
pub fn instant(ms: i64) -> String {
    format!("{:015}", ms.max(0))
}

/// The key of a delivery's document.
#[must_use]
pub fn document_key(account: &str, region: &str, event_id: &str, rule: &str, target: &str) -> String {
    [account, ":", region, ":", event_id, ":", rule, ":", target].concat()
}

/// The account that the key of a delivery begins with.
#[must_use]
pub fn account_in(key: &str) -> &str {
    key.split(':').next().unwrap_or_default()
}

/// The target that the key of a delivery is for: its account, rule and id.
#[must_use]
pub fn target_in(key: &str) -> String {
    [account_in(key), ":", key.splitn(4, ':').nth(3).unwrap_or_default()].concat()
}

impl Document for Delivery {
    const KIND: Kind = DELIVERY;
    const CACHED: bool = false;

    fn key(&self) -> String {
        document_key(&self.account, &self.region, &self.event_id, &self.rule_name, &self.target.id)
    }

    fn terms(&self) -> Vec<Term> {
        let due = self.due_ms.map(|due_ms| {
            Term::new(BY_DUE, due_prefix(&self.region) + &[&self.account, ":", &instant(due_ms)].concat())
        });
        let dead = self.dead_ms.map(|ms| Term::new(BY_DEAD, dead_prefix(&self.account, &self.region) + &instant(ms)));
        due.into_iter().chain(dead).collect()
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(DELIVERY, body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_is_tried_for_a_day() {
        let rule = Rule {
            account: "123456789012".into(),
            region: "us-east-1".into(),
            partition: "aws".into(),
            name: "r".into(),
            pattern: "{}".into(),
            state: "ENABLED".into(),
            description: None,
            role_arn: None,
            tags: BTreeMap::new(),
            targets: Vec::new(),
            created_by: String::new(),
            created_ms: 0,
        };
        let start = Timestamp::from_seconds(1_800_000_000);
        let mut delivery = Delivery::begin(&rule, &Target::default(), "e", "{}", start);
        let mut pauses = Vec::new();
        while let Some(due_ms) = delivery.due_ms {
            delivery = delivery.failed(&Failure::passing("down"), Timestamp::from_millis(due_ms));
            pauses.extend(delivery.due_ms.map(|next| next - due_ms));
        }
        assert!(pauses.is_sorted() && pauses[..4] == [1000, 2000, 4000, 8000], "{pauses:?}");
        assert!((180..=186).contains(&delivery.attempts), "{}", delivery.attempts);
        let hours = (delivery.dead_ms.expect("given up") - start.millis()) as f64 / 3_600_000.0;
        assert!((23.0..=24.0).contains(&hours), "{hours}");
        let anew = delivery.begun_anew(start.plus_days(3));
        assert_eq!((anew.attempts, anew.due_ms, anew.dead_ms), (0, Some(start.plus_days(3).millis()), None));
    }

    #[test]
    fn a_target_says_how_often_and_how_long() {
        let now = Timestamp::from_seconds(1_800_000_000);
        let of = |target: Target| Delivery {
            account: String::new(),
            region: String::new(),
            event_id: String::new(),
            event: String::new(),
            rule_name: String::new(),
            rule_arn: String::new(),
            target,
            begun_ms: now.millis(),
            attempts: 0,
            due_ms: Some(now.millis()),
            dead_ms: None,
            failure: None,
        };
        let failure = Failure::passing("down");
        let never = of(Target { retries_max: Some(0), ..Target::default() });
        assert!(never.failed(&failure, now).dead_ms.is_some());
        let once = of(Target { retries_max: Some(1), ..Target::default() }).failed(&failure, now);
        assert!(once.dead_ms.is_none() && once.failed(&failure, now).dead_ms.is_some());
        let short = of(Target { age_s_max: Some(60), ..Target::default() });
        assert!(short.failed(&failure, now).dead_ms.is_none());
        assert!(short.failed(&failure, now.plus_millis(59_500)).dead_ms.is_some());
        assert!(of(Target::default()).failed(&Failure::lasting("gone"), now).dead_ms.is_some());
        let asked = Failure { pause_ms: Some(30_000), ..failure };
        assert_eq!(of(Target::default()).failed(&asked, now).due_ms, Some(now.millis() + 30_000));
    }
}
