//! Holds records of the trail against metric filters, and makes points of what matches.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use strongroom_store::{Batch, Kind};
use strongroom_types::{AccountId, SecretBytes, Timestamp};

use super::Logs;
use super::filter::{Compiled, MetricFilter};
use crate::cloudwatch::{CloudWatch, Set};
use crate::documents::{Document, from_json_body, json_body};
use crate::error::Error;

/// Kind of the documents on how far a server has come.
const PROGRESS: Kind = Kind("metric-filter-progress");
/// How long filters are known before they are read again, in ms: other servers put some too.
const KNOWN_MS: i64 = 5000;
/// Filters read at a time.
const PAGE: usize = 200;

/// How far a server has come in its trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The server.
    pub node: String,
    /// Behind the last record that was held against the filters, as the trail's follower writes it.
    pub position: String,
}

impl Document for Progress {
    const KIND: Kind = PROGRESS;
    const CACHED: bool = false;

    fn key(&self) -> String {
        self.node.clone()
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(PROGRESS, body)
    }
}

/// A filter, and whether the last minute that had events had one that matched.
#[derive(Debug)]
pub(super) struct Watched {
    filter: Compiled,
    /// The minute, by its beginning in ms since 1970, and whether one matched.
    last: Option<(i64, bool)>,
}

/// The filters that are known.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) by_account: HashMap<String, Vec<Watched>>,
    /// When they were read, in ms since 1970.
    pub(super) read_ms: Option<i64>,
}

impl Logs {
    /// Has the filters read again before the next record.
    pub(super) fn forget_filters(&self) {
        self.matching.lock().unwrap_or_else(PoisonError::into_inner).read_ms = None;
    }

    /// Reads the filters of all accounts when it is time, and tells whether there are any.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn prepare(&self, now: Timestamp) -> Result<bool, Error> {
        {
            let state = self.matching.lock().unwrap_or_else(PoisonError::into_inner);
            if state.read_ms.is_some_and(|read_ms| (0..KNOWN_MS).contains(&(now.millis() - read_ms))) {
                return Ok(!state.by_account.is_empty());
            }
        }
        let (mut filters, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = self.documents.scan::<MetricFilter>("", after.as_deref(), PAGE).await?;
            let is_last = page.len() < PAGE;
            after = page.last().map(|last| last.value.key());
            filters
                .extend(page.iter().filter(|filter| self.is_ours(&filter.value)).filter_map(|it| it.value.compiled()));
            if is_last {
                break;
            }
        }
        let mut state = self.matching.lock().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut state.by_account);
        for filter in filters {
            let account = filter.filter.account.clone();
            let known = before.get_mut(&account).and_then(|known| known.iter_mut().find(|it| it.filter == filter));
            let last = known.and_then(|known| known.last.take());
            state.by_account.entry(account).or_default().push(Watched { filter, last });
        }
        state.read_ms = Some(now.millis());
        Ok(!state.by_account.is_empty())
    }

    fn is_ours(&self, filter: &MetricFilter) -> bool {
        filter.region == self.region.as_str() && filter.group == self.group
    }

    /// Holds a record against the filters of its account.
    pub fn hold(&self, text: &str, at: Timestamp, metrics: &CloudWatch) {
        let mut state = self.matching.lock().unwrap_or_else(PoisonError::into_inner);
        // Most records are of accounts without filters: those are not taken apart.
        if !state.by_account.keys().any(|account| text.contains(account.as_str())) {
            return;
        }
        let Ok(json) = serde_json::from_str::<Value>(text) else { return };
        let account = json.get("recipientAccountId").and_then(Value::as_str);
        let Some(account) = account.and_then(|account| AccountId::parse(account).ok()) else { return };
        let keeper = metrics.keeper();
        let slot = keeper.slot(at);
        for watched in state.by_account.get_mut(account.as_str()).into_iter().flatten() {
            if !watched.filter.is_for(at) {
                continue;
            }
            let point = watched.filter.point(text, Some(&json));
            if watched.last.is_none_or(|(known, _)| known < slot) {
                settle(watched, slot, &account, metrics);
                watched.last = Some((slot, false));
            }
            if let Some((series, value)) = point {
                if let Some((_, matched)) = watched.last.as_mut().filter(|(known, _)| *known == slot) {
                    *matched = true;
                }
                keeper.add(&account, series, at, Set::of(value, 1.0));
            }
        }
    }

    /// Counts the default values of minutes that have ended without a match.
    pub fn settle(&self, now: Timestamp, metrics: &CloudWatch) {
        let slot = metrics.keeper().slot(now);
        let mut state = self.matching.lock().unwrap_or_else(PoisonError::into_inner);
        for (account, filters) in &mut state.by_account {
            let Ok(account) = AccountId::parse(account) else { continue };
            filters.iter_mut().for_each(|watched| settle(watched, slot, &account, metrics));
        }
    }

    /// How far this server has come.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn progress(&self, node: &str) -> Result<Option<String>, Error> {
        let found = self.documents.load::<Progress>(node).await?;
        Ok(found.map(|found| found.value.position.clone()))
    }

    /// Notes how far this server has come.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn set_progress(&self, node: &str, position: String) -> Result<(), Error> {
        let before = self.documents.load::<Progress>(node).await?;
        if before.as_ref().is_some_and(|before| before.value.position == position) {
            return Ok(());
        }
        let mut batch = Batch::named("put_metric_filter_progress");
        let after = Arc::new(Progress { node: node.to_owned(), position });
        self.documents.put(&mut batch, before.as_ref(), &after)?;
        self.documents.commit(batch).await
    }
}

/// Counts the default value for a filter's last minute if that has ended before `slot`, and none matched in it.
fn settle(watched: &mut Watched, slot: i64, account: &AccountId, metrics: &CloudWatch) {
    let Some((ended, matched)) = watched.last.filter(|(known, _)| *known < slot) else { return };
    watched.last = None;
    if !matched && let Some((series, value)) = watched.filter.default_point() {
        metrics.keeper().add(account, series, Timestamp::from_millis(ended), Set::of(value, 1.0));
    }
}
