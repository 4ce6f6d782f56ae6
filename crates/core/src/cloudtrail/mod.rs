//! CloudTrail's operations that read: LookupEvents from the index of the trail, and what there is to say of the one trail.

mod lookup;
mod trails;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strongroom_types::Timestamp;
use strongroom_wire::cloudtrail::{
    DescribeTrailsRequest, GetEventSelectorsRequest, GetTrailRequest, GetTrailStatusRequest, ListTrailsRequest,
    LookupEventsRequest,
};
use strongroom_wire::error::Code;
use tokio::sync::Semaphore;

use crate::access::without_keys;
use crate::documents::Documents;
use crate::error::Error;
use crate::evidence::Notary;
use crate::trail::follow::Position;
use crate::trail::index::{Attribute, Index};
use crate::trail::segments::Segments;
use crate::trail::{Hour, NodeName};

pub use lookup::Found;

/// The type of trails in records.
pub const TRAIL_KIND: &str = "AWS::CloudTrail::Trail";
/// The name of the one trail that there is.
pub const TRAIL_NAME: &str = "strongroom";

/// The events cannot be told now.
const UNAVAILABLE: Code = Code::new("ServiceUnavailableException", 503);
/// Text of the trail that a lookup reads before it answers, in bytes: what the index is behind under load.
const CATCH_UP_BYTES: u64 = 16 * 1024 * 1024;
/// Text that the index may be behind for an answer, in bytes: some seconds of the highest load.
const BEHIND_BYTES_MAX: u64 = 64 * 1024 * 1024;

without_keys!(
    DescribeTrailsRequest,
    GetEventSelectorsRequest,
    GetTrailRequest,
    GetTrailStatusRequest,
    ListTrailsRequest,
    LookupEventsRequest,
);

/// Lookups that are carried out at a time, others wait: each has a thread that the trail's writers need too.
const LOOKUPS_MAX: usize = 4;

/// What servers ask one another: which events of their trails fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Whose events.
    pub account: String,
    /// What they have: an attribute's key and its value.
    pub attribute: Option<(String, String)>,
    /// Events at or after this, in seconds.
    pub from: i64,
    /// Events at or before this, in seconds.
    pub until: i64,
    /// Behind which event.
    pub behind: Option<Behind>,
    /// At most so many.
    pub limit: usize,
}

/// The place of an event among those of all servers: newer ones come first, of one second those of the server whose name
/// comes first, and of one server those written later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Behind {
    /// Of the event, in seconds.
    pub time: i64,
    /// The server.
    pub node: String,
    /// Where its trail has it.
    pub at: String,
}

/// What another server answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Its name.
    pub node: String,
    /// Its events in order.
    pub events: Vec<Found>,
}

/// What [`Peers::ask`] gives.
pub type Asking<'a> = Pin<Box<dyn Future<Output = Result<Vec<Told>, Error>> + Send + 'a>>;

/// The other servers that share the store.
pub trait Peers: Send + Sync {
    /// Asks all of them. An error when one that may have events does not answer: a part is no answer.
    fn ask<'a>(&'a self, question: &'a Question) -> Asking<'a>;
}

/// The operations, for one server.
pub struct CloudTrail {
    documents: Arc<Documents>,
    segments: Arc<Segments>,
    index: Option<Arc<Index>>,
    name: NodeName,
    lookups: Semaphore,
}

impl CloudTrail {
    /// Those about the trail in `segments`, which is the server's of this name. Without an index events are not looked up.
    #[must_use]
    pub fn new(documents: Arc<Documents>, segments: Arc<Segments>, index: Option<Arc<Index>>, name: NodeName) -> Self {
        Self { documents, segments, index, name, lookups: Semaphore::new(LOOKUPS_MAX) }
    }

    /// The name of the server.
    #[must_use]
    pub fn node(&self) -> &NodeName {
        &self.name
    }

    /// What this server's trail has.
    ///
    /// # Errors
    /// UnsupportedOperationException without an index; ServiceUnavailableException while the index is far behind the
    /// trail; faults of the trail.
    pub async fn answer(&self, question: &Question, now: Timestamp) -> Result<Vec<Found>, Error> {
        let index = Arc::clone(self.index.as_ref().ok_or_else(lookup::no_index)?);
        let Some(lookup) = lookup::of_node(question, self.name.as_str()) else { return Ok(Vec::new()) };
        let segments = Arc::clone(&self.segments);
        let work = move || -> io::Result<Option<Vec<Found>>> {
            let caught_up = index.catch_up(now, CATCH_UP_BYTES)?;
            if !caught_up && !is_near(index.position(), segments.end()) {
                return Ok(None);
            }
            Ok(Some(index.lookup(&lookup)?.into_iter().map(Found::from).collect()))
        };
        let turn = self.lookups.acquire().await.map_err(|_| Error::internal("no lookup has its turn any more"))?;
        let found = tokio::task::spawn_blocking(work).await;
        drop(turn);
        let found = found.map_err(|_| Error::internal("the thread that reads the trail's index died"))?;
        let found = found.map_err(|error| Error::internal(format!("the trail's index: {error}")))?;
        found.ok_or_else(|| Error::refused(UNAVAILABLE, "The index of the audit trail is being made. Try again later."))
    }
}

/// Whether what is read of a trail is only a little behind its end.
fn is_near(read: Option<Position>, end: Option<Position>) -> bool {
    match (read, end) {
        (Some(read), Some(end)) => {
            read.segment == end.segment && end.offset.saturating_sub(read.offset) <= BEHIND_BYTES_MAX
        }
        (_, None) => true,
        (None, Some(_)) => false,
    }
}

/// The attribute of a key; none when there is no such key.
fn attribute(key: &str) -> Option<Attribute> {
    Some(match key {
        "EventId" => Attribute::EventId,
        "EventName" => Attribute::EventName,
        "ReadOnly" => Attribute::ReadOnly,
        "Username" => Attribute::Username,
        "ResourceType" => Attribute::ResourceType,
        "ResourceName" => Attribute::ResourceName,
        "EventSource" => Attribute::EventSource,
        "AccessKeyId" => Attribute::AccessKeyId,
        _ => return None,
    })
}

/// When the newest digest was made, and the hour that the oldest segment was begun in.
async fn times(notary: &Notary, segments: &Arc<Segments>) -> Result<(Option<Timestamp>, Option<Hour>), Error> {
    let head = notary.head().await?;
    let files = Arc::clone(segments.files());
    let read = tokio::task::spawn_blocking(move || -> io::Result<_> {
        let made = match head {
            Some(head) => crate::trail::digests::made(files.as_ref(), head.segment)?,
            None => None,
        };
        Ok((made, crate::trail::follow::oldest(files.as_ref())?))
    });
    let read = read.await.map_err(|_| Error::internal("the thread that reads the trail died"))?;
    read.map_err(|error| Error::internal(format!("the trail cannot be read: {error}")))
}

#[cfg(test)]
mod tests;
