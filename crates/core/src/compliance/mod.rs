//! Whether secrets keep the rules that AWS Config and Security Hub have for them (specification §12): a pure decision for
//! each rule and secret, and a walk over the secrets.

mod judge;
pub mod judged;
#[cfg(test)]
mod judging;
mod keys;
mod refusals;
pub mod reports;
mod rules;
mod service;
mod shown;
#[cfg(test)]
mod tests;
mod walk;

use serde::{Deserialize, Serialize};
use strongroom_types::Timestamp;

pub use self::judge::{Judge, Progress};
pub use self::keys::UsedKey;
pub use self::rules::verdict;
pub use self::service::{RULE_KIND, rule_arn};
pub use self::walk::{Scope, Walk, evaluate};

use crate::secrets::model::Secret;

/// Days that a secret may be unused, and that its last rotation may be past, unless the parameters say otherwise: AWS's.
const DAYS_DEFAULT: u32 = 90;

/// The rules, in the order in which they are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Automatic rotation is on, as often as is asked for: SecretsManager.1.
    RotationEnabled,
    /// What was to be rotated by now, was: SecretsManager.2.
    RotationSuccess,
    /// It was read lately: SecretsManager.3.
    Unused,
    /// It was rotated lately: SecretsManager.4.
    PeriodicRotation,
    /// It has the tags that are asked for: SecretsManager.5.
    Tagged,
    /// It is encrypted under a customer managed key.
    CustomerKey,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::RotationEnabled,
        Self::RotationSuccess,
        Self::Unused,
        Self::PeriodicRotation,
        Self::Tagged,
        Self::CustomerKey,
    ];

    /// AWS Config's name of it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RotationEnabled => "secretsmanager-rotation-enabled-check",
            Self::RotationSuccess => "secretsmanager-scheduled-rotation-success-check",
            Self::Unused => "secretsmanager-secret-unused",
            Self::PeriodicRotation => "secretsmanager-secret-periodic-rotation",
            Self::Tagged => "tagged-secretsmanager-secret",
            Self::CustomerKey => "secretsmanager-using-cmk",
        }
    }

    /// AWS Config's identifier of the managed rule.
    #[must_use]
    pub const fn identifier(self) -> &'static str {
        match self {
            Self::RotationEnabled => "SECRETSMANAGER_ROTATION_ENABLED_CHECK",
            Self::RotationSuccess => "SECRETSMANAGER_SCHEDULED_ROTATION_SUCCESS_CHECK",
            Self::Unused => "SECRETSMANAGER_SECRET_UNUSED",
            Self::PeriodicRotation => "SECRETSMANAGER_SECRET_PERIODIC_ROTATION",
            Self::Tagged => "TAGGED_SECRETSMANAGER_SECRET",
            Self::CustomerKey => "SECRETSMANAGER_USING_CMK",
        }
    }

    /// What the rule asks, in a sentence.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::RotationEnabled => "Automatic rotation of the secret is on, as often as is asked for.",
            Self::RotationSuccess => "What was to be rotated by now was rotated.",
            Self::Unused => "The secret's value was read within the days that are allowed.",
            Self::PeriodicRotation => "The secret was rotated within the days that are allowed.",
            Self::Tagged => "The secret has the tags that are asked for.",
            Self::CustomerKey => "The secret is encrypted under a customer managed key of its account.",
        }
    }

    /// Security Hub's control that goes by it, if there is one.
    #[must_use]
    pub const fn control(self) -> Option<&'static str> {
        match self {
            Self::RotationEnabled => Some("SecretsManager.1"),
            Self::RotationSuccess => Some("SecretsManager.2"),
            Self::Unused => Some("SecretsManager.3"),
            Self::PeriodicRotation => Some("SecretsManager.4"),
            Self::Tagged => Some("SecretsManager.5"),
            Self::CustomerKey => None,
        }
    }

    /// Security Hub's severity of the control.
    #[must_use]
    pub const fn severity(self) -> Option<&'static str> {
        match self {
            Self::Tagged => Some("LOW"),
            Self::CustomerKey => None,
            _ => Some("MEDIUM"),
        }
    }

    /// The rule of a name: Config's, or that of the control, in any case of letters.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        let is_named = |rule: &Self| {
            rule.name().eq_ignore_ascii_case(text)
                || rule.control().is_some_and(|control| control.eq_ignore_ascii_case(text))
        };
        Self::ALL.into_iter().find(is_named)
    }
}

/// What the rules ask for, as a configuration has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// maximumAllowedRotationFrequency: the longest time between two rotations, in days.
    pub rotation_days_max: Option<u32>,
    /// maximumAllowedRotationFrequencyInHours: the same in hours.
    pub rotation_hours_max: Option<u32>,
    /// maxDaysSinceRotation.
    pub since_rotation_days_max: u32,
    /// unusedForDays.
    pub unused_days_max: u32,
    /// kmsKeyArns: the keys that secrets may be encrypted under; when empty, any customer managed key of the account.
    pub kms_keys: Vec<String>,
    /// Between two rounds over all secrets, in minutes, whose verdicts Config's API tells; secrets that change are judged
    /// at once. 0 for none.
    pub evaluation_minutes: u32,
    /// requiredTagKeys: the tags that secrets must have; when empty, any.
    pub required_tags: Vec<String>,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            rotation_days_max: None,
            rotation_hours_max: None,
            since_rotation_days_max: DAYS_DEFAULT,
            unused_days_max: DAYS_DEFAULT,
            kms_keys: Vec::new(),
            evaluation_minutes: 60,
            required_tags: Vec::new(),
        }
    }
}

/// What is known of a secret when it is judged.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The secret.
    pub secret: &'a Secret,
    /// The key that its new versions are encrypted under.
    pub key: &'a UsedKey,
}

/// What a rule says of a secret, in Config's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Compliance {
    /// It breaks the rule.
    NonCompliant,
    /// It keeps it.
    Compliant,
    /// The rule is not about it.
    NotApplicable,
}

impl Compliance {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::NonCompliant, Self::Compliant, Self::NotApplicable];

    /// As Config's ComplianceType has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NonCompliant => "NON_COMPLIANT",
            Self::Compliant => "COMPLIANT",
            Self::NotApplicable => "NOT_APPLICABLE",
        }
    }
}

/// A verdict with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What it is.
    pub compliance: Compliance,
    /// Why, in one sentence without a full stop.
    pub annotation: String,
}

/// One rule's verdict on one secret, as Config's EvaluationResult has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// The rule.
    pub rule: Rule,
    /// The account of the secret.
    pub account: String,
    /// Its region.
    pub region: String,
    /// Its ARN: Config's ResourceId.
    pub resource: String,
    /// The verdict.
    pub verdict: Verdict,
    /// When it was judged: ConfigRuleInvokedTime and ResultRecordedTime.
    pub at: Timestamp,
    /// When the secret last changed: OrderingTimestamp.
    pub changed: Timestamp,
}

/// How many verdicts of each kind there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Secrets that break the rule.
    pub non_compliant: u64,
    /// Secrets that keep it.
    pub compliant: u64,
    /// Secrets that it is not about.
    pub not_applicable: u64,
}

impl Counts {
    /// Counts one more.
    pub fn add(&mut self, compliance: Compliance) {
        let count = match compliance {
            Compliance::NonCompliant => &mut self.non_compliant,
            Compliance::Compliant => &mut self.compliant,
            Compliance::NotApplicable => &mut self.not_applicable,
        };
        *count = count.saturating_add(1);
    }
    /// What Config says of the rule as a whole: broken when one secret breaks it, kept when any keeps it and none breaks
    /// it, and nothing when it is about none.
    #[must_use]
    pub const fn compliance(&self) -> Option<Compliance> {
        match self {
            Self { non_compliant: 1.., .. } => Some(Compliance::NonCompliant),
            Self { compliant: 1.., .. } => Some(Compliance::Compliant),
            Self { .. } => None,
        }
    }
}
