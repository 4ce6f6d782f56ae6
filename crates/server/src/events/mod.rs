//! Events on their way out: to targets of rules, and to those who watch secrets.

mod courier;
mod endpoints;
mod figures;
pub(crate) mod watching;
mod worker;

use std::sync::Arc;

use strongroom_client::{Options, Trust};
use strongroom_core::{Documents, Events, Functions};
use strongroom_types::Clock;

pub(crate) use self::figures::EventFigures;
pub use self::worker::until_stopped;

use self::courier::Courier;
use self::endpoints::Allowed;
use self::watching::Watching;
use crate::app::OpenError;
use crate::config::Config;

/// EventBridge, and the ways that events take out of the server.
pub struct Outlets {
    /// Rules, targets and the work on events.
    pub bridge: Events,
    /// Who brings events to targets.
    pub courier: Courier,
    /// Who watches secrets.
    pub watching: Watching,
}

impl Outlets {
    /// Those of a server; endpoints are trusted by `authorities`, in PEM, beside the system's.
    ///
    /// # Errors
    /// When `authorities` cannot be used.
    pub fn open(
        documents: &Arc<Documents>,
        functions: &Arc<Functions>,
        clock: &Arc<dyn Clock>,
        config: &Config,
        authorities: Option<Vec<u8>>,
    ) -> Result<Self, OpenError> {
        let trust = match authorities {
            Some(text) => {
                let trust = Trust::system_and(text);
                trust.check().map_err(|reason| OpenError::Fault(format!("events.ca_file: {reason}")))?;
                trust
            }
            // The system's are read when the first endpoint needs them.
            None => Trust::system(),
        };
        let allowed = Allowed::of(&config.events);
        let courier = Courier::new(allowed.clone(), Options { trust, ..Options::default() });
        let endpoints = Arc::new(move |url: &str| allowed.check(url));
        let region = config.account.region.clone();
        let bridge = Events::new(Arc::clone(documents), Arc::clone(functions), Arc::clone(clock), region, endpoints);
        let watching = Watching::new(&config.events);
        documents.store().watch(watching.watcher());
        Ok(Self { bridge, courier, watching })
    }
}
