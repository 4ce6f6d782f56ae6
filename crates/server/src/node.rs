//! This server among those that share its store: its name and trail, its presence, and what servers that are gone left.

use std::path::Path;
use std::sync::Arc;

use strongroom_core::documents::Age;
use strongroom_core::trail::outbox::Outbox;
use strongroom_core::trail::owner::{self, Claim};
use strongroom_core::trail::{NodeName, record};
use strongroom_core::{Documents, Error, Nodes};
use strongroom_crypto::Random;
use strongroom_types::Timestamp;
use tracing::{info, warn};

use crate::app::{App, OpenError};
use crate::config::Config;
use crate::front::Readiness;
use crate::frozen;

/// Between two times that this server says that it is there, in ms.
pub(crate) const STAY_MS: u64 = 20_000;
/// Between two looks for servers that are gone, in ms.
pub(crate) const TAKE_OVER_MS: u64 = 30_000;
/// What a record is marked with when its request was answered from memory while other servers' changes were not heard of.
const LOST: &str = "changesNotHeardForMs";

/// The name of the server whose trail is in `folder`, which is there. On a store that servers share it is claimed, and
/// drawn at the first start.
///
/// # Errors
/// When another server writes there, or the folder cannot be used.
pub(crate) fn name(
    config: &Config,
    folder: &Path,
    random: &dyn Random,
) -> Result<(NodeName, Option<Claim>), OpenError> {
    let file = |source| OpenError::File { path: folder.to_owned(), source };
    if config.store.url.is_none() && owner::owner(folder).map_err(file)?.is_none() {
        return Ok((NodeName::only(), None));
    }
    let claim = owner::claim(folder, random).map_err(file)?;
    Ok((claim.name.clone(), Some(claim)))
}

/// How old answers from memory may be.
pub(crate) fn age(config: &Config) -> Age {
    let cache = &config.cache;
    Age {
        usual_ms_max: cache.stale_ms_max.into(),
        lost_ms_max: u64::from(cache.lost_stale_seconds_max).saturating_mul(1000),
    }
}

/// This server, which others may be beside.
pub(crate) struct Node {
    pub(crate) nodes: Nodes,
    /// Held as long as the server runs.
    _claim: Option<Claim>,
}

/// Says that this server, whose trail is claimed, is there from now on.
///
/// # Errors
/// Faults of the store.
pub(crate) async fn begin(
    config: &Config,
    documents: &Arc<Documents>,
    name: &NodeName,
    claim: Option<Claim>,
    now: Timestamp,
) -> Result<Node, Error> {
    let nodes = Nodes::new(Arc::clone(documents), name.clone(), config.store.url.is_some())?;
    let nodes = nodes.with_address(config.store.node_address.clone());
    frozen::unless_frozen(nodes.begin(now).await)?;
    Ok(Node { nodes, _claim: claim })
}

/// Says that this server is there.
pub(crate) async fn stay(app: &App) -> Result<(), Error> {
    app.node.nodes.stay(app.clock.now()).await
}

/// Leaves, when no records of this server's changes wait.
pub(crate) async fn leave(app: &App) -> Result<(), Error> {
    if app.outbox.holds_more_than(0).await? {
        return Ok(());
    }
    app.node.nodes.leave().await
}

/// Moves the records of changes that servers which are gone left into this server's trail.
pub(crate) async fn take_over(app: &App) -> Result<(), Error> {
    if app.node.nodes.is_displaced() {
        return Ok(());
    }
    let mut failed = Ok(());
    for left in app.node.nodes.take_over(app.clock.now()).await? {
        let store = Arc::clone(&app.store) as _;
        let outbox = Outbox::new(left.name.topic(), store, Arc::clone(&app.keyring), Arc::clone(&app.trail));
        match outbox.drain().await {
            Ok(moved) => {
                app.node.nodes.forget(&left).await?;
                let node = left.name.as_str();
                info!(node, records = moved, "a server is gone: what it left of the trail was taken over");
            }
            // What another one left is taken over all the same.
            Err(error) => failed = Err(Error::internal(format!("of server {}: {error}", left.name.as_str()))),
        }
    }
    failed
}

/// Marks a record when answers come from memory although other servers' changes are not heard of.
pub(crate) fn mark(app: &App, record: &mut record::Record) {
    let documents = app.identities.documents();
    if let Some(lost) = documents.lost().filter(|_| documents.may_recall()) {
        record.additional_event_data.push((LOST, lost.as_millis().to_string()));
    }
}

/// Whether requests can be served. What fails in the background while the database is away, fails for that: the database is
/// the reason.
pub(crate) fn readiness(app: &App) -> Readiness {
    let documents = app.identities.documents();
    let Some(lost) = documents.lost() else { return app.standing.readiness() };
    let away = format!("the database has not been heard of for {} ms", lost.as_millis());
    match app.standing.readiness_but_for_duties() {
        Readiness::NotReady(mut reasons) => {
            reasons.insert(0, away);
            Readiness::NotReady(reasons)
        }
        _ if documents.may_recall() => Readiness::ReadsOnly(away + ": reads are answered from memory"),
        _ => Readiness::NotReady(vec![away]),
    }
}

/// Tells the log when other servers' changes are not heard of, and when they are again.
pub(crate) async fn listen(app: &App) -> Result<(), Error> {
    let lost = app.identities.documents().lost();
    match (app.standing.set_lost(lost.is_some()), lost) {
        (false, Some(lost)) => warn!(ms = lost.as_millis(), "other servers' changes are not heard of"),
        (true, None) => info!("other servers' changes are heard of again"),
        _ => {}
    }
    Ok(())
}
