//! Keeps the verdicts up to date: judges what has changed at once, and everything now and then, as days pass by.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use strongroom_store::{Batch, Change, Kind, Watcher};
use strongroom_types::{Region, SecretBytes, Timestamp};

use super::judged::Judged;
use super::{Parameters, Rule, evaluate};
use crate::documents::{Document, Documents, from_json_body, json_body};
use crate::error::Error;
use crate::secrets::model::Secret;
use crate::trail::NodeName;

/// Kind of the document on how the work of a region stands.
const PROGRESS: Kind = Kind("compliance-progress");
/// How long the work is one server's, in ms, unless that goes on with it.
const LEASE_MS: i64 = 60_000;
/// Changed secrets that are remembered; with more, all are judged.
const CHANGED_MAX: usize = 10_000;
/// Secrets that are judged before others have their turn.
const PAGE: usize = 200;
/// Pages of one piece of work.
const PAGES_MAX: usize = 5;

/// How the work stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    region: String,
    /// Who does the work.
    holder: String,
    /// Until when, unless it goes on.
    lease_until_ms: i64,
    /// The round under way: where it has come to.
    round: Option<Round>,
    /// When the last round began that came to its end.
    pub judged_ms: Option<i64>,
    /// When the first round began.
    pub began_ms: Option<i64>,
    /// When somebody last asked for a round.
    asked_ms: Option<i64>,
}

/// A round over all secrets, and then over all verdicts, of which some may be of secrets that are gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Round {
    began_ms: i64,
    /// Whether all secrets have been judged.
    is_behind_secrets: bool,
    /// The last key that was looked at.
    after: Option<String>,
}

impl Document for Progress {
    const KIND: Kind = PROGRESS;
    const CACHED: bool = false;

    fn key(&self) -> String {
        self.region.clone()
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(PROGRESS, body)
    }
}

/// Secrets that have changed since they were judged, as far as it is known.
#[derive(Debug, Default)]
struct Changed(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    keys: BTreeSet<Arc<str>>,
    /// Whether there were more than are remembered.
    is_more: bool,
}

impl Changed {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watcher for Changed {
    fn changed(&self, changes: &[Change<'_>]) {
        let mut of_secrets = changes.iter().filter(|change| change.key.kind == Secret::KIND).peekable();
        if of_secrets.peek().is_none() {
            return;
        }
        let mut known = self.known();
        for change in of_secrets {
            if known.keys.len() >= CHANGED_MAX {
                known.is_more = true;
                return;
            }
            known.keys.insert(Arc::clone(&change.key.key));
        }
    }

    fn missed(&self) {
        self.known().is_more = true;
    }
}

/// Keeps the verdicts on the secrets of a region.
pub struct Judge {
    documents: Arc<Documents>,
    parameters: Parameters,
    region: Region,
    node: String,
    changed: Arc<Changed>,
}

impl Judge {
    /// A judge of the secrets of `region` by `parameters`, who hears of changes from now on.
    #[must_use]
    pub fn new(documents: Arc<Documents>, parameters: Parameters, region: Region, node: &NodeName) -> Self {
        let changed = Arc::new(Changed::default());
        if parameters.evaluation_minutes > 0 {
            documents.store().watch(Arc::clone(&changed) as Arc<dyn Watcher>);
        }
        Self { documents, parameters, region, node: node.as_str().to_owned(), changed }
    }

    /// What the rules ask for.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The documents.
    pub(super) fn documents(&self) -> &Documents {
        &self.documents
    }

    /// How the work stands.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn progress(&self) -> Result<Progress, Error> {
        let stored = self.documents.load::<Progress>(self.region.as_str()).await?;
        Ok(stored.map(|stored| Progress::clone(&stored.value)).unwrap_or_default())
    }

    /// Asks for a round over all secrets.
    ///
    /// # Errors
    /// Faults of the store.
    pub(super) async fn ask(&self, now: Timestamp) -> Result<(), Error> {
        self.change(|progress| progress.asked_ms = Some(now.millis())).await
    }

    /// Does a piece of the work, if it is this server's or nobody's. Tells whether there is more to do at once.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn work(&self, now: Timestamp) -> Result<bool, Error> {
        if self.parameters.evaluation_minutes == 0 {
            return Ok(false);
        }
        let Some(progress) = self.take(now).await? else {
            return Ok(false);
        };
        let (keys, is_more) = self.take_changed();
        if let Err(error) = self.judge_changed(&keys, now).await {
            let mut known = self.changed.known();
            known.keys.extend(keys);
            known.is_more |= is_more;
            return Err(error);
        }
        if is_more {
            self.ask(now).await?;
        }
        let Some(round) = self.round(&progress, now) else { return Ok(!self.changed.known().keys.is_empty()) };
        self.go_on(round, now).await
    }

    /// The work, if nobody else has it.
    async fn take(&self, now: Timestamp) -> Result<Option<Progress>, Error> {
        let stored = self.documents.load::<Progress>(self.region.as_str()).await?;
        let mut mine = stored.as_ref().map(|stored| Progress::clone(&stored.value)).unwrap_or_default();
        let longest = now.plus_millis(LEASE_MS).millis();
        let is_held = mine.lease_until_ms > now.millis() && mine.lease_until_ms <= longest;
        if mine.holder == self.node && is_held && mine.lease_until_ms > now.plus_millis(LEASE_MS / 2).millis() {
            return Ok(Some(mine));
        }
        if is_held && mine.holder != self.node {
            return Ok(None);
        }
        mine.region = self.region.to_string();
        mine.holder.clone_from(&self.node);
        mine.lease_until_ms = longest;
        let mut batch = Batch::named("take_compliance_work");
        self.documents.put(&mut batch, stored.as_ref(), &Arc::new(mine.clone()))?;
        match self.documents.commit(batch).await {
            Ok(()) => Ok(Some(mine)),
            // Somebody was faster.
            Err(Error::Conflict) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    fn take_changed(&self) -> (Vec<Arc<str>>, bool) {
        let mut known = self.changed.known();
        let mut keys = Vec::new();
        while keys.len() < PAGE {
            let Some(key) = known.keys.pop_first() else { break };
            keys.push(key);
        }
        (keys, std::mem::take(&mut known.is_more))
    }

    async fn judge_changed(&self, keys: &[Arc<str>], now: Timestamp) -> Result<(), Error> {
        let place = format!(":{}:", self.region);
        let own = keys.iter().filter(|key| key.contains(&place));
        let mut secrets = Vec::new();
        for key in own {
            match self.documents.load::<Secret>(Arc::clone(key)).await? {
                Some(found) => secrets.push(found.value),
                None => self.forget(key).await?,
            }
        }
        self.judge(&secrets, now).await
    }

    /// The round that is under way or due.
    fn round(&self, progress: &Progress, now: Timestamp) -> Option<Round> {
        if let Some(round) = &progress.round {
            return Some(round.clone());
        }
        let minutes = i64::from(self.parameters.evaluation_minutes);
        let last = progress.judged_ms.filter(|ms| *ms <= now.millis());
        let is_due = last.is_none_or(|ms| now.millis() - ms >= minutes.saturating_mul(60_000));
        let is_asked = progress.asked_ms.is_some_and(|asked| progress.judged_ms.is_none_or(|last| asked > last));
        (is_due || is_asked).then_some(Round { began_ms: now.millis(), is_behind_secrets: false, after: None })
    }

    /// Some pages of a round. Tells whether there are more.
    async fn go_on(&self, mut round: Round, now: Timestamp) -> Result<bool, Error> {
        for _ in 0..PAGES_MAX {
            let last = if round.is_behind_secrets {
                self.forget_page(round.after.as_deref()).await?
            } else {
                self.judge_page(round.after.as_deref(), now).await?
            };
            match last {
                Some(last) => round.after = Some(last),
                None if round.is_behind_secrets => {
                    let began_ms = round.began_ms;
                    self.change(|progress| {
                        progress.round = None;
                        progress.judged_ms = Some(began_ms);
                        progress.began_ms = progress.began_ms.or(Some(began_ms));
                    })
                    .await?;
                    return Ok(false);
                }
                None => round = Round { is_behind_secrets: true, after: None, ..round },
            }
        }
        self.change(|progress| progress.round = Some(round.clone())).await?;
        Ok(true)
    }

    /// Judges secrets behind a key; the last one's key, unless there were none.
    async fn judge_page(&self, after: Option<&str>, now: Timestamp) -> Result<Option<String>, Error> {
        let page = self.documents.scan::<Secret>("", after, PAGE).await?;
        let last = page.last().map(|last| last.value.key());
        let own = page.into_iter().map(|loaded| loaded.value).filter(|secret| secret.region == self.region.as_str());
        self.judge(&own.collect::<Vec<_>>(), now).await?;
        Ok(last)
    }

    /// Judges secrets and writes down what has changed.
    async fn judge(&self, secrets: &[Arc<Secret>], now: Timestamp) -> Result<(), Error> {
        let mut batch = Batch::named("judge_secrets");
        let mut is_empty = true;
        for secret in secrets {
            let key = secret.key();
            let evaluations = evaluate(&self.documents, secret, &Rule::ALL, &self.parameters, now).await?;
            let before = self.documents.load::<Judged>(key.as_str()).await?;
            let after = Judged::changed(&key, &evaluations, before.as_ref().map(|before| before.value.as_ref()));
            if let Some(after) = after {
                self.documents.put(&mut batch, before.as_ref(), &Arc::new(after))?;
                is_empty = false;
            }
        }
        self.commit(batch, is_empty).await
    }

    /// Removes verdicts behind a key whose secrets are gone; the last one's key, unless there were none.
    async fn forget_page(&self, after: Option<&str>) -> Result<Option<String>, Error> {
        let page = self.documents.scan::<Judged>("", after, PAGE).await?;
        for judged in &page {
            if self.documents.load::<Secret>(judged.value.key.as_str()).await?.is_none() {
                self.forget(&judged.value.key).await?;
            }
        }
        Ok(page.last().map(|last| last.value.key.clone()))
    }

    async fn forget(&self, key: &str) -> Result<(), Error> {
        let Some(judged) = self.documents.load::<Judged>(key).await? else { return Ok(()) };
        let mut batch = Batch::named("forget_verdicts");
        self.documents.delete(&mut batch, &judged);
        self.commit(batch, false).await
    }

    /// A conflict is another server's work on the same secrets, which came to the same.
    async fn commit(&self, batch: Batch, is_empty: bool) -> Result<(), Error> {
        if is_empty {
            return Ok(());
        }
        match self.documents.commit(batch).await {
            Err(Error::Conflict) => {
                self.changed.missed();
                Ok(())
            }
            other => other,
        }
    }

    async fn change(&self, change: impl Fn(&mut Progress)) -> Result<(), Error> {
        crate::documents::retry(|| async {
            let stored = self.documents.load::<Progress>(self.region.as_str()).await?;
            let mut progress = stored.as_ref().map(|stored| Progress::clone(&stored.value)).unwrap_or_default();
            progress.region = self.region.to_string();
            change(&mut progress);
            let mut batch = Batch::named("keep_compliance_progress");
            self.documents.put(&mut batch, stored.as_ref(), &Arc::new(progress))?;
            self.documents.commit(batch).await
        })
        .await
    }
}
