//! What the rules said of a secret when it was last judged, as a document: written when that changes.

use serde::{Deserialize, Serialize};
use strongroom_store::{Index, Kind, Term};
use strongroom_types::{SecretBytes, Timestamp};

use super::{Compliance, Evaluation, Rule};
use crate::documents::{Document, from_json_body, json_body};
use crate::error::Error;
use crate::secrets::model::place;

/// Kind of a secret's verdicts.
const JUDGED: Kind = Kind("compliance");
/// Which secrets a rule says something of: account, region, rule, verdict, and the secret's name.
pub const BY_VERDICT: Index = Index("compliance-verdict");

/// The verdicts on a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// The key of the secret's document, which is this one's too.
    pub key: String,
    /// The secret's ARN.
    pub arn: String,
    /// What the rules said.
    pub verdicts: Vec<StoredVerdict>,
}

/// What one rule said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredVerdict {
    /// Config's name of the rule.
    pub rule: String,
    /// Config's word for it.
    pub compliance: String,
    /// Why.
    pub annotation: String,
    /// Since when that is what the rule says.
    pub since_ms: i64,
}

impl StoredVerdict {
    /// What it is.
    #[must_use]
    pub fn compliance(&self) -> Option<Compliance> {
        Compliance::ALL.into_iter().find(|compliance| compliance.as_str() == self.compliance)
    }

    /// Since when.
    #[must_use]
    pub fn since(&self) -> Timestamp {
        Timestamp::from_millis(self.since_ms)
    }
}

impl Judged {
    /// The verdicts of `evaluations`, which are of one secret, beside those of `before`: what a rule goes on to say it says
    /// since it said it first, for the reason that there was then. Nothing when nothing has changed.
    #[must_use]
    pub fn changed(key: &str, evaluations: &[Evaluation], before: Option<&Self>) -> Option<Self> {
        let arn = evaluations.first()?.resource.clone();
        let before = before.filter(|before| before.arn == arn);
        let verdict = |evaluation: &Evaluation| {
            let (rule, compliance) = (evaluation.rule.name(), evaluation.verdict.compliance.as_str());
            let same = |old: &&StoredVerdict| old.rule == rule && old.compliance == compliance;
            before.and_then(|before| before.verdicts.iter().find(same)).cloned().unwrap_or_else(|| StoredVerdict {
                rule: rule.to_owned(),
                compliance: compliance.to_owned(),
                annotation: evaluation.verdict.annotation.clone(),
                since_ms: evaluation.at.millis(),
            })
        };
        let verdicts: Vec<StoredVerdict> = evaluations.iter().map(verdict).collect();
        if before.is_some_and(|before| before.verdicts == verdicts) {
            return None;
        }
        Some(Self { key: key.to_owned(), arn, verdicts })
    }

    /// What a rule says.
    #[must_use]
    pub fn of(&self, rule: Rule) -> Option<&StoredVerdict> {
        self.verdicts.iter().find(|verdict| verdict.rule == rule.name())
    }
}

/// What the terms begin with of the secrets of which `rule` says `compliance`.
#[must_use]
pub fn verdict_prefix(account: &str, region: &str, rule: Rule, compliance: Compliance) -> String {
    format!("{}{}:{}:", place(account, region), rule.name(), compliance.as_str())
}

impl Document for Judged {
    const KIND: Kind = JUDGED;
    const CACHED: bool = false;

    fn key(&self) -> String {
        self.key.clone()
    }

    fn terms(&self) -> Vec<Term> {
        // Account and region, which have no colon, and the name, which may.
        let mut parts = self.key.splitn(3, ':');
        let (Some(account), Some(region), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
            return Vec::new();
        };
        let term = |verdict: &StoredVerdict| {
            let rule = Rule::named(&verdict.rule)?;
            // What a rule is not about is asked for by nobody who could not wait.
            let compliance = verdict.compliance().filter(|compliance| *compliance != Compliance::NotApplicable)?;
            Some(Term::new(BY_VERDICT, verdict_prefix(account, region, rule, compliance) + name))
        };
        self.verdicts.iter().filter_map(term).collect()
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(JUDGED, body)
    }
}
