//! Events on their way out: to targets of rules, and to those who watch secrets.

mod courier;
mod endpoints;
pub(crate) mod watching;
mod worker;

use std::path::Path;
use std::sync::Arc;

use strongroom_client::{Options, Trust};
use strongroom_core::{Documents, Events, Functions};
use strongroom_types::Clock;

pub use self::courier::Courier;
pub use self::watching::Watching;
pub use self::worker::until_stopped;

use self::endpoints::Allowed;
use crate::app::OpenError;
use crate::config::Config;

/// EventBridge, who brings its events to targets, and who watches secrets.
///
/// # Errors
/// When the certificates of `events.ca_file` cannot be used.
pub fn open(
    documents: &Arc<Documents>,
    functions: &Arc<Functions>,
    clock: &Arc<dyn Clock>,
    config: &Config,
) -> Result<(Events, Courier, Watching), OpenError> {
    let allowed = Allowed::of(&config.events);
    let trust = trust(config.events.ca_file.as_deref())?;
    let courier = Courier::new(allowed.clone(), Options { trust, ..Options::default() });
    let endpoints = Arc::new(move |url: &str| allowed.check(url));
    let region = config.account.region.clone();
    let events = Events::new(Arc::clone(documents), Arc::clone(functions), Arc::clone(clock), region, endpoints);
    let watching = Watching::new(&config.events);
    documents.store().watch(watching.watcher());
    Ok((events, courier, watching))
}

fn trust(ca_file: Option<&Path>) -> Result<Trust, OpenError> {
    let Some(path) = ca_file else { return Ok(Trust::system()) };
    let text = std::fs::read(path).map_err(|source| OpenError::File { path: path.to_owned(), source })?;
    let trust = Trust::system_and(text);
    trust.check().map_err(|reason| OpenError::Fault(format!("events.ca_file: {reason}")))?;
    Ok(trust)
}
