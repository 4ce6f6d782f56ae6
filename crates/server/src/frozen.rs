//! A store that takes no changes by its operator's word: reads are served, changes refused with a 503, duties that would
//! change something wait, and log and readiness tell of it.

use strongroom_core::Error;
use strongroom_store::transfer::Standing;
use strongroom_wire::error::SERVICE_UNAVAILABLE;
use tracing::{info, warn};

use crate::app::App;

/// Between two looks whether the store takes changes, in ms.
pub(crate) const LOOK_MS: u64 = 500;

/// Whether something was left undone because the store takes no changes. No fault of a duty: it goes on when the store does.
pub(crate) fn is_meant(failure: &Error) -> bool {
    matches!(failure, Error::Refused(refusal) if refusal.code == SERVICE_UNAVAILABLE)
}

/// What a server does at its start that a store may refuse which takes no changes.
///
/// # Errors
/// Every other failure.
pub(crate) fn unless_frozen(done: Result<(), Error>) -> Result<(), Error> {
    match done {
        Err(failure) if is_meant(&failure) => Ok(()),
        other => other,
    }
}

/// What readiness tells of the store, though reads are served.
pub(crate) fn told(standing: Standing) -> Option<String> {
    match standing {
        Standing::Open => None,
        Standing::Frozen => Some("the store is frozen: it is read, and takes no changes".to_owned()),
        Standing::Moved => Some("the store was moved: it is read, and its copy takes the changes".to_owned()),
        Standing::Unfinished => Some("a copy into the store was not finished".to_owned()),
    }
}

/// Looks whether the store takes changes, and tells the log when that has changed.
pub(crate) async fn look(app: &App) -> Result<(), Error> {
    let now = app.store.standing().await?;
    let before = app.standing.set_of_store(now);
    match (before == now, told(now)) {
        (true, _) => {}
        (false, Some(what)) => warn!("{what}"),
        (false, None) => info!("the store takes changes again"),
    }
    Ok(())
}
