//! The parts of a server, each made of the settings and of what was made before it.

use std::path::Path;
use std::sync::Arc;

use strongroom_core::compliance::Judge;
use strongroom_core::evidence::Notary;
use strongroom_core::functions::Host;
use strongroom_core::secrets::rotation::rotator::Rotator;
use strongroom_core::trail::NodeName;
use strongroom_core::trail::files::DiskFiles;
use strongroom_core::trail::owner::Claim;
use strongroom_core::trail::segments::{Fsync, Segments, SegmentsConfig};
use strongroom_core::{Databases, Documents, Functions, Iam, Identities, Kms, Rotations, Secrets};
use strongroom_crypto::{Keyring, Random, RootOfTrust};
use strongroom_store::Engine;
use strongroom_types::{AccountId, Clock};

use super::{OpenError, SPACE_IS_LOW, Space, trail_directory};
use crate::backups::{Backups, Source};
use crate::cloudwatch::Watch;
use crate::config::{AuditSync, Config};
use crate::events::Outlets;
use crate::functions::{Owners, Partners, Rotators, ServerHost, elsewhere};
use crate::rewrapping::Rewrapping;
use crate::sinks::Sinks;
use crate::standing::Standing;
use crate::{frozen, node};

/// The keys that secrets are under.
pub(super) fn kms(
    documents: &Arc<Documents>,
    identities: &Arc<Identities>,
    root: &Arc<dyn RootOfTrust>,
    config: &Config,
) -> Arc<Kms> {
    let kms = Kms::new(Arc::clone(documents), Arc::clone(identities), Arc::clone(root));
    Arc::new(kms.with_default_key_records(config.audit.default_key_calls))
}

/// IAM as the configuration has it.
pub(super) fn iam(identities: &Arc<Identities>, documents: &Arc<Documents>, config: &Config) -> Iam {
    Iam::new(Arc::clone(identities), Arc::clone(documents))
        .with_plain_http_on_loopback(config.identity_providers.allow_plain_http_on_loopback)
}

/// The documents of a store, sealed by its keys.
pub(super) fn documents(
    store: &Arc<dyn Engine>,
    keyring: &Arc<Keyring>,
    random: &Arc<dyn Random>,
    config: &Config,
    name: &NodeName,
) -> Arc<Documents> {
    let (store, keyring, random) = (Arc::clone(store) as _, Arc::clone(keyring), Arc::clone(random));
    let documents = Documents::new(store, keyring, random, config.cache.documents_bytes_max);
    Arc::new(documents.with_age(node::age(config)).of_node(name))
}

/// What wraps anew what hangs on other roots of trust than the first, when there are several.
pub(super) fn rewrapping(
    documents: &Arc<Documents>,
    root: &Arc<dyn RootOfTrust>,
    config: &Config,
) -> Option<Rewrapping> {
    let work = Rewrapping { documents: Arc::clone(documents), root: Arc::clone(root) };
    (config.roots.len() > 1).then_some(work)
}

/// Who takes backups, where `config` names a place for them.
pub(super) fn backups(
    config: &Config,
    (root, keyring): (&Arc<dyn RootOfTrust>, &Arc<Keyring>),
    documents: &Arc<Documents>,
    (identities, store): (&Arc<Identities>, &Arc<dyn Engine>),
    (clock, random): (&Arc<dyn Clock>, &Arc<dyn Random>),
) -> Result<Option<Backups>, OpenError> {
    let source = Source { root, documents, identities, store, keyring };
    Backups::of(config, &source, clock, random).map_err(|error| OpenError::Fault(error.to_string()))
}

/// What runs functions.
pub(super) fn host(
    config: &Config,
    clock: &Arc<dyn Clock>,
    random: &Arc<dyn Random>,
    databases: &Arc<Databases>,
) -> Result<Arc<ServerHost>, OpenError> {
    Ok(Arc::new(ServerHost::new(config, clock, random, Arc::clone(databases), databases_ca(config)?)))
}

/// The certificates that databases' certificates lead to, when others than the system's are named.
pub(super) fn databases_ca(config: &Config) -> Result<Option<Vec<u8>>, OpenError> {
    read_if_named(config.functions.databases_ca_file.as_deref())
}

/// Those who rotate secrets: functions, run by `host`, partners, and services that own secrets.
pub(super) fn rotators(
    functions: &Arc<Functions>,
    host: &Arc<ServerHost>,
    owners: Owners,
    config: &Config,
) -> Result<Arc<dyn Rotator>, OpenError> {
    let partners = Partners::open(&config.partners, read_if_named(config.partners.ca_file.as_deref())?)
        .map_err(OpenError::Partners)?;
    Ok(Arc::new(Rotators::new(Arc::clone(functions), Arc::clone(host), partners, owners)))
}

pub(super) fn read_if_named(path: Option<&Path>) -> Result<Option<Vec<u8>>, OpenError> {
    let Some(path) = path else { return Ok(None) };
    std::fs::read(path).map(Some).map_err(|source| OpenError::File { path: path.to_owned(), source })
}

/// The functions: run by `host`, and those elsewhere.
pub(super) fn functions(
    documents: &Arc<Documents>,
    identities: &Arc<Identities>,
    host: Arc<dyn Host>,
    clock: &Arc<dyn Clock>,
    config: &Config,
) -> Result<Arc<Functions>, OpenError> {
    let authorities = read_if_named(config.functions.ca_file.as_deref())?;
    let sites = elsewhere::sites(config, authorities, clock).map_err(OpenError::Functions)?;
    let (documents, identities) = (Arc::clone(documents), Arc::clone(identities));
    let functions = Functions::new(documents, identities, host, Arc::clone(clock), config.account.region.clone());
    Ok(Arc::new(functions.with_sites(sites)))
}

/// Who keeps what the rules of compliance say.
pub(super) fn judge(documents: &Arc<Documents>, config: &Config, name: &NodeName) -> Judge {
    Judge::new(Arc::clone(documents), config.compliance.clone(), config.account.region.clone(), name)
}

/// EventBridge, and the ways that events take out of the server.
pub(super) fn events(
    documents: &Arc<Documents>,
    functions: &Arc<Functions>,
    clock: &Arc<dyn Clock>,
    config: &Config,
) -> Result<Outlets, OpenError> {
    let authorities = read_if_named(config.events.ca_file.as_deref())?;
    Outlets::open(documents, functions, clock, config, authorities)
}

/// The engine of rotation.
pub(super) fn rotations(
    documents: &Arc<Documents>,
    kms: &Arc<Kms>,
    rotator: &Arc<dyn Rotator>,
    clock: &Arc<dyn Clock>,
    config: &Config,
) -> Rotations {
    let (documents, kms, rotator) = (Arc::clone(documents), Arc::clone(kms), Arc::clone(rotator));
    let region = config.account.region.clone();
    Rotations::new(documents, kms, rotator, Arc::clone(clock), region).with_quotas(config.quotas.of_secrets())
}

/// The secrets.
pub(super) fn secrets(
    documents: &Arc<Documents>,
    identities: &Arc<Identities>,
    kms: &Arc<Kms>,
    rotator: Arc<dyn Rotator>,
    trail: &Arc<Segments>,
    config: &Config,
) -> Secrets {
    let (documents, identities, kms) = (Arc::clone(documents), Arc::clone(identities), Arc::clone(kms));
    let data_keys_max = entries(config.cache.data_keys_max);
    Secrets::new(documents, identities, kms, rotator, Arc::clone(trail), data_keys_max)
        .with_quotas(config.quotas.of_secrets())
}

/// Where the trail's records go beside its files.
pub(super) fn sinks(
    config: &Config,
    name: &NodeName,
    trail: &Arc<Segments>,
    account: &AccountId,
    clock: &Arc<dyn Clock>,
) -> Result<Sinks, OpenError> {
    Sinks::open(config, &trail_directory(config), name.as_str(), trail, account, clock).map_err(OpenError::Sinks)
}

/// The segments of the trail, whose it is, and the claim to it.
pub(super) fn trail(
    config: &Config,
    clock: &Arc<dyn Clock>,
    random: &dyn Random,
) -> Result<(Arc<Segments>, NodeName, Option<Claim>), OpenError> {
    let directory = &trail_directory(config);
    let unusable = |source| OpenError::File { path: directory.clone(), source };
    let files = DiskFiles::open(directory).map_err(unusable)?;
    let (name, claim) = node::name(config, directory, random)?;
    let fsync = match config.audit.sync {
        AuditSync::Never => Fsync::Never,
        AuditSync::Interval => Fsync::Interval,
        AuditSync::Always => Fsync::Always,
    };
    let trail = Segments::with_files(
        Arc::new(files),
        SegmentsConfig { fsync, bytes_max: config.audit.segment_bytes_max },
        Arc::clone(clock),
    );
    Ok((Arc::new(trail.map_err(unusable)?), name, claim))
}

/// The reserve of the trail's file system, and the server's standing, which knows of it from now on.
pub(super) fn space(config: &Config) -> Result<(Standing, Space), OpenError> {
    let standing = Standing::default();
    let space = Space { directory: trail_directory(config), free_bytes_min: config.audit.free_bytes_min };
    let low = space.is_low().map_err(|source| OpenError::File { path: space.directory.clone(), source })?;
    standing.set_space_is_low(low);
    if low {
        tracing::error!("{SPACE_IS_LOW}");
    }
    Ok((standing, space))
}

pub(super) fn entries(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// Who makes the trail's digests, at work.
pub(super) async fn notary(
    documents: &Arc<Documents>,
    trail: &Arc<Segments>,
    name: &NodeName,
) -> Result<Notary, OpenError> {
    let notary = Notary::new(Arc::clone(documents), Arc::clone(trail), name.clone());
    frozen::unless_frozen(notary.begin().await)?;
    Ok(notary)
}

/// Metrics, alarms and metric filters.
pub(super) fn watch(
    config: &Config,
    documents: &Arc<Documents>,
    name: &NodeName,
    trail: &Segments,
) -> Result<Watch, OpenError> {
    let unusable = |source| OpenError::File { path: trail_directory(config), source };
    Watch::open(config, documents, name, trail).map_err(unusable)
}
