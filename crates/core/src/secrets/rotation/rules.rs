//! The rules that say when a secret rotates, as RotateSecret takes and DescribeSecret shows them.

use serde::{Deserialize, Serialize};
use strongroom_schedule::{Fault, Schedule};
use strongroom_types::Timestamp;
use strongroom_wire::secretsmanager::RotationRulesType;

/// RotationRules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// AutomaticallyAfterDays: what was asked for, or what was computed back from the expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_days: Option<i64>,
    /// Duration, such as `3h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<String>,
    /// ScheduleExpression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
}

impl Rules {
    /// The rules of a request, checked.
    ///
    /// # Errors
    /// Those of the schedule, with AWS's texts.
    pub fn of(asked: &RotationRulesType) -> Result<Self, Fault> {
        let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let rules = Self {
            after_days: asked.automatically_after_days,
            duration: text(&asked.duration),
            expression: text(&asked.schedule_expression),
        };
        Schedule::new(rules.after_days, rules.expression.as_deref(), rules.duration.as_deref())?;
        Ok(rules)
    }

    /// Whether they say nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The schedule; none without an expression and days.
    ///
    /// # Errors
    /// When they are none that were checked.
    pub fn schedule(&self) -> Result<Option<Schedule>, Fault> {
        let expression = self.expression.as_deref();
        // Days beside an expression are what was computed back from it.
        let days = self.after_days.filter(|_| expression.is_none());
        if expression.is_none() && days.is_none() {
            return Ok(None);
        }
        Schedule::new(days, expression, self.duration.as_deref()).map(Some)
    }

    /// Computes AutomaticallyAfterDays back from the expression, as the service does after each success.
    pub fn note_days_between(&mut self, schedule: &Schedule, now: Timestamp) {
        if self.expression.is_some() {
            self.after_days = Some(schedule.days_between(now));
        }
    }

    /// As the API shows them.
    #[must_use]
    pub fn shown(&self) -> Option<RotationRulesType> {
        (!self.is_empty()).then(|| RotationRulesType {
            automatically_after_days: self.after_days,
            duration: self.duration.clone(),
            schedule_expression: self.expression.clone(),
        })
    }
}
