//! A walk over secrets in pages, so that what it takes in memory does not grow with them.

use std::sync::Arc;

use strongroom_types::{AccountId, Region, Timestamp};

use super::{Evaluation, Facts, Parameters, Rule, UsedKey, verdict};
use crate::documents::{Document as _, Documents};
use crate::error::Error;
use crate::secrets::model::{Secret, place};

/// Secrets of a page.
const PAGE: usize = 200;

/// Which secrets are looked at.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Those of one account; of all, when none is given.
    pub account: Option<AccountId>,
    /// Those of one region; of all, when none is given.
    pub region: Option<Region>,
}

impl Scope {
    /// What the keys of the secrets begin with.
    fn prefix(&self) -> String {
        match (&self.account, &self.region) {
            (Some(account), Some(region)) => place(account.as_str(), region.as_str()),
            (Some(account), None) => format!("{}:", account.as_str()),
            (None, _) => String::new(),
        }
    }

    /// Whether a region is one that is looked at.
    #[must_use]
    pub fn has_region(&self, region: &str) -> bool {
        self.region.as_ref().is_none_or(|wanted| wanted.as_str() == region)
    }
}

/// A walk in the order of account, region and name.
pub struct Walk<'a> {
    documents: &'a Documents,
    scope: &'a Scope,
    prefix: String,
    after: Option<String>,
}

impl<'a> Walk<'a> {
    /// A walk that has not begun.
    #[must_use]
    pub fn new(documents: &'a Documents, scope: &'a Scope) -> Self {
        Self { documents, scope, prefix: scope.prefix(), after: None }
    }

    /// The next secrets; none at the end.
    ///
    /// # Errors
    /// Faults of the store, also of a secret that cannot be opened.
    pub async fn next(&mut self) -> Result<Option<Vec<Arc<Secret>>>, Error> {
        let page = self.documents.scan::<Secret>(&self.prefix, self.after.as_deref(), PAGE).await?;
        let Some(last) = page.last() else { return Ok(None) };
        self.after = Some(last.value.key());
        let secrets = page.into_iter().map(|loaded| loaded.value);
        Ok(Some(secrets.filter(|secret| self.scope.has_region(&secret.region)).collect()))
    }
}

/// What `rules` say of a secret.
///
/// # Errors
/// Faults of the store.
pub async fn evaluate(
    documents: &Documents,
    secret: &Secret,
    rules: &[Rule],
    parameters: &Parameters,
    now: Timestamp,
) -> Result<Vec<Evaluation>, Error> {
    let key = UsedKey::of(documents, secret).await?;
    let facts = Facts { secret, key: &key };
    let evaluation = |rule: &Rule| Evaluation {
        rule: *rule,
        account: secret.account.clone(),
        region: secret.region.clone(),
        resource: secret.arn(),
        verdict: verdict(*rule, parameters, &facts, now),
        at: now,
        changed: Timestamp::from_millis(secret.changed_ms),
    };
    Ok(rules.iter().map(evaluation).collect())
}
