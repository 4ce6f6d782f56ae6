//! Events: EventBridge as AWS has it, as far as events of this server need it. Rules of the default bus with targets, API
//! destinations with connections, events of one's own; and the work that brings events to targets.

mod bus;
mod conditions;
mod connections;
mod dead_letters;
pub mod delivery;
pub mod destination;
mod destinations;
pub mod named;
mod refusals;
pub mod rule;
mod rules;
pub mod targets;
pub mod work;

#[cfg(test)]
mod tests;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use strongroom_types::{Clock, Region};

pub use self::delivery::{Delivery, Failure};

use self::destination::{Named, document_key};
use crate::ctx::Ctx;
use crate::documents::Documents;
use crate::error::Error;
use crate::functions::Functions;
use crate::page;

/// The service as principals name it.
pub const EVENTS: &str = "events.amazonaws.com";
/// Entries on a page when the request does not say, and at most.
const PAGE_DEFAULT: usize = 100;

/// Says of a URL whether it may be an endpoint, or why not.
pub type Endpoints = Arc<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// The operations of EventBridge, and its work.
pub struct Events {
    documents: Arc<Documents>,
    functions: Arc<Functions>,
    clock: Arc<dyn Clock>,
    region: Region,
    endpoints: Endpoints,
    /// Which change of rules was seen last, counted from one.
    seen: AtomicU64,
    /// The account whose deliveries were looked at last.
    turn: Mutex<String>,
}

impl Events {
    /// Events of `region` kept in `documents`, whose targets may be `functions`.
    #[must_use]
    pub fn new(
        documents: Arc<Documents>,
        functions: Arc<Functions>,
        clock: Arc<dyn Clock>,
        region: Region,
        endpoints: Endpoints,
    ) -> Self {
        Self { documents, functions, clock, region, endpoints, seen: AtomicU64::new(0), turn: Mutex::default() }
    }

    /// Refuses a URL that no endpoint may have.
    fn check_endpoint(&self, url: &str) -> Result<(), Error> {
        (self.endpoints)(url).map_err(|reason| refusals::not_valid("InvocationEndpoint", &reason))
    }

    /// A page of what the caller's account has, in the order of names, and the token of the next.
    async fn page<T: Named>(
        &self,
        cx: &Ctx,
        operation: &str,
        name_prefix: &str,
        token: Option<&str>,
        limit: Option<i32>,
    ) -> Result<(Vec<Arc<T>>, Option<String>), Error> {
        let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE_DEFAULT).clamp(1, PAGE_DEFAULT);
        let prefix = document_key(cx.caller.account.as_str(), cx.region.as_str(), name_prefix);
        let query = page::Query::new(operation).part(&prefix);
        let after = token.map(|token| page::open(&self.documents, &query, token)).transpose();
        let after =
            after.map_err(|error| if matches!(error, Error::Refused(_)) { refusals::token() } else { error })?;
        let mut found = self.documents.scan::<T>(&prefix, after.as_deref(), limit + 1).await?;
        let more = found.len() > limit;
        found.truncate(limit);
        let last = found.last().filter(|_| more).map(|last| last.value.key());
        let next = last.map(|last| page::seal(&self.documents, &query, &last)).transpose()?;
        Ok((found.into_iter().map(|found| found.value).collect(), next))
    }
}
