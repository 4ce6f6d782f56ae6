//! What happened to an alarm, for thirty days.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use strongroom_store::{Batch, Kind};
use strongroom_types::{SecretBytes, Timestamp};
use strongroom_wire::Enumeration as _;
use strongroom_wire::cloudwatch::{AlarmHistoryItem, AlarmType, HistoryItemType};

use super::alarm::{Alarm, State};
use super::chunk::{DAY_MS, place};
use crate::documents::{Document, Documents, from_json_body, json_body};
use crate::error::Error;

/// Kind of the documents, one an alarm.
const HISTORY: Kind = Kind("alarm-history");
/// Items that are kept of an alarm, at most: the newest.
const ITEMS_MAX: usize = 200;
/// How long they are kept, in ms.
const KEPT_MS: i64 = 30 * DAY_MS;
/// Characters of an item's data, at most.
const DATA_MAX: usize = 4095;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// When, in ms since 1970.
    pub at_ms: i64,
    /// Its type's name.
    pub kind: String,
    /// For people.
    pub summary: String,
    /// In JSON.
    pub data: String,
}

impl Item {
    /// Something that happened now.
    #[must_use]
    pub fn new(now: Timestamp, kind: HistoryItemType, summary: String, data: &Value) -> Self {
        let mut text = data.to_string();
        if text.chars().count() > DATA_MAX {
            text = json!({ "version": "1.0", "error": "The data is too long to be kept." }).to_string();
        }
        Self { at_ms: now.millis(), kind: kind.as_str().to_owned(), summary, data: text }
    }

    /// A change of state.
    #[must_use]
    pub fn of_states(now: Timestamp, old: &State, new: &State) -> Self {
        let shown = |state: &State| {
            let data: Option<Value> = state.data.as_deref().and_then(|data| serde_json::from_str(data).ok());
            json!({ "stateValue": state.value, "stateReason": state.reason, "stateReasonData": data })
        };
        let data = json!({ "version": "1.0", "oldState": shown(old), "newState": shown(new) });
        let summary = format!("Alarm updated from {} to {}", old.value, new.value);
        Self::new(now, HistoryItemType::StateUpdate, summary, &data)
    }

    /// As DescribeAlarmHistory shows it.
    #[must_use]
    pub fn shown(&self, alarm: &str) -> AlarmHistoryItem {
        AlarmHistoryItem {
            alarm_name: Some(alarm.to_owned()),
            alarm_contributor_id: None,
            alarm_type: Some(AlarmType::MetricAlarm),
            timestamp: Some(Timestamp::from_millis(self.at_ms)),
            history_item_type: HistoryItemType::parse(&self.kind),
            history_summary: Some(self.summary.clone()),
            history_data: Some(self.data.clone()),
            alarm_contributor_attributes: None,
        }
    }
}

/// The history of an alarm, which outlives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// The alarm's name.
    pub name: String,
    /// What happened, the oldest first.
    pub items: Vec<Item>,
}

impl Document for History {
    const KIND: Kind = HISTORY;
    const CACHED: bool = false;

    fn key(&self) -> String {
        format!("{}{}", place(&self.account, &self.region), self.name)
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(HISTORY, body)
    }
}

impl History {
    /// Whether an item is still told of.
    #[must_use]
    pub fn is_kept(item: &Item, now: Timestamp) -> bool {
        now.millis().saturating_sub(item.at_ms) < KEPT_MS
    }
}

/// Adds to `batch` that something happened to an alarm.
///
/// # Errors
/// Faults of the store.
pub(super) async fn remember(
    documents: &Documents,
    batch: &mut Batch,
    alarm: &Alarm,
    items: Vec<Item>,
    now: Timestamp,
) -> Result<(), Error> {
    let before = documents.load::<History>(alarm.key()).await?;
    let empty = || History {
        account: alarm.account.clone(),
        region: alarm.region.clone(),
        name: alarm.name.clone(),
        items: Vec::new(),
    };
    let mut after = before.as_ref().map_or_else(empty, |before| before.value.as_ref().clone());
    after.items.extend(items);
    after.items.retain(|item| History::is_kept(item, now));
    let beyond = after.items.len().saturating_sub(ITEMS_MAX);
    after.items.drain(..beyond);
    documents.put(batch, before.as_ref(), &Arc::new(after))
}
