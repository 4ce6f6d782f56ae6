//! Everything that a server is made of, wired together in one place. Nothing is global.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use strongroom_core::bootstrap::BootstrapError;
use strongroom_core::compliance::Judge;
use strongroom_core::evidence::Notary;
use strongroom_core::functions::Host;
use strongroom_core::identities::NewKey;
use strongroom_core::identities::signers::identity_of;
use strongroom_core::oidc::WebIdentities;
use strongroom_core::secrets::rotation::rotator::Rotator;
use strongroom_core::trail::NodeName;
use strongroom_core::trail::files::DiskFiles;
use strongroom_core::trail::outbox::Outbox;
use strongroom_core::trail::owner::Claim;
use strongroom_core::trail::record::{IdentityKind, UserIdentity};
use strongroom_core::trail::segments::{Fsync, Segments, SegmentsConfig};
use strongroom_core::{Caller, Databases, Documents, Error, Functions, Iam, Identities, Kms, Rotations, Secrets, Sts};
use strongroom_crypto::{Keyring, Random, RootError, RootOfTrust};
use strongroom_store::{Engine, StoreError};
use strongroom_types::{AccountId, Clock, Region};
use strongroom_wire::sigv4::SigningKeyCache;
use thiserror::Error;

use crate::admission::Admission;
use crate::anchor::{Anchor, AnchorError};
use crate::authn::Authenticated;
use crate::backups::{Backups, Source};
use crate::cloudwatch::Watch;
use crate::config::{AuditSync, Config};
use crate::credentials;
use crate::events::Outlets;
use crate::figures::Figures;
use crate::free::free_bytes;
use crate::frozen;
use crate::functions::{Owners, Partners, Rotators, ServerHost, elsewhere};
use crate::gate::{Gate, fault_text};
use crate::identity_providers::{self, IdentityProvidersError};
use crate::node::{self, Node};
use crate::opening::{self, WholeStore};
use crate::rewrapping::Rewrapping;
use crate::sinks::Sinks;
use crate::standing::Standing;
use crate::trails::Trails;

/// Why a server cannot start. The text says what to do about it, where something can be done.
#[derive(Debug, Error)]
pub enum OpenError {
    /// A file or directory cannot be used.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A place of functions elsewhere cannot be used.
    #[error("functions: {0}")]
    Functions(String),
    /// The root of trust is not available.
    #[error("root of trust: {0}")]
    Root(#[from] RootError),
    /// The store cannot be opened.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// The store's keys cannot be had.
    #[error("keys: {0}")]
    Bootstrap(#[from] BootstrapError),
    /// The store is another account's.
    #[error("the store in {directory} is account {stored}'s; the configuration asks for {asked}")]
    OtherAccount {
        /// The data directory.
        directory: PathBuf,
        /// The account that is there.
        stored: AccountId,
        /// The account that was asked for.
        asked: AccountId,
    },
    /// A file that identity providers are known by cannot be used.
    #[error("identity_providers: {0}")]
    IdentityProviders(#[from] IdentityProvidersError),
    /// A sink of the trail cannot be used.
    #[error("audit.sinks: {0}")]
    Sinks(String),
    /// Partners of managed external secrets cannot be asked.
    #[error("partners: {0}")]
    Partners(String),
    /// The store is not as it was written.
    #[error(
        "the store was changed behind the server's back: {0}. Nothing was changed now. Restore a backup; or, if you know \
         that the store is right as it is, run `strongroom ledger renew` with the same --data and --config"
    )]
    Altered(String),
    /// The store does not agree with its anchor.
    #[error("anchor: {0}")]
    Anchor(#[from] AnchorError),
    /// Something else failed.
    #[error("{0}")]
    Fault(String),
}

impl From<Error> for OpenError {
    fn from(error: Error) -> Self {
        Self::Fault(fault_text(&error))
    }
}

/// A server's parts.
pub struct App {
    pub(crate) dev: bool,
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) identities: Arc<Identities>,
    /// Who signs with a key that nobody was given, in developer mode.
    pub(crate) dev_signer: Authenticated,
    /// Who does not sign, where that is allowed.
    pub(crate) anonymous: Authenticated,
    pub(crate) kms: Arc<Kms>,
    pub(crate) iam: Iam,
    pub(crate) sts: Sts,
    pub(crate) secrets: Secrets,
    /// Metrics, alarms, and metric filters on the trail.
    pub(crate) watch: Watch,
    pub(crate) databases: Arc<Databases>,
    pub(crate) functions: Arc<Functions>,
    pub(crate) events: Outlets,
    /// What runs functions.
    pub(crate) host: Arc<ServerHost>,
    /// Who keeps what the rules of compliance say.
    pub(crate) judge: Judge,
    /// The engine of rotation.
    pub(crate) rotations: Rotations,
    pub(crate) signing_keys: SigningKeyCache,
    pub(crate) trail: Arc<Segments>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) outbox: Outbox,
    /// This server among those that share its store.
    pub(crate) node: Node,
    pub(crate) keyring: Arc<Keyring>,
    /// A server that cannot account for itself is not ready.
    pub(crate) standing: Standing,
    /// The bounds on callers.
    pub(crate) admission: Admission,
    /// The reserve of the trail's file system.
    pub(crate) space: Space,
    /// Records of changes that may wait for the trail.
    pub(crate) backlog_entries_max: u64,
    /// Where the trail's records go beside its files.
    pub(crate) sinks: Sinks,
    /// When the trail is synced.
    pub(crate) trail_sync: AuditSync,
    /// What hangs on other roots of trust than the first, when there are several.
    pub(crate) rewrapping: Option<Rewrapping>,
    /// Who makes the trail's digests.
    pub(crate) notary: Notary,
    /// What is done with the trail in the background.
    pub(crate) trails: Trails,
    /// What remembers outside the store how far it has come.
    pub(crate) anchor: Option<Arc<Anchor>>,
    /// Between two looks at all rows, in hours.
    pub(crate) inspection_hours: u32,
    /// Whether the start has looked at all of them.
    pub(crate) looked_at: bool,
    pub(crate) store: Arc<dyn Engine>,
    /// Who takes backups, where there is a place for them.
    pub(crate) backups: Option<Backups>,
    /// What the server tells of itself in numbers.
    pub(crate) figures: Figures,
    trust: String,
    web_identities: WebIdentities,
}

/// What the log says when the trail's reserve is reached.
pub(crate) const SPACE_IS_LOW: &str =
    "the trail's file system has less free space than audit.free_bytes_min: only DeleteSecret is carried out";
/// The directory of the trail inside the data directory.
const TRAIL_DIRECTORY: &str = "trail";

/// The folder of the trail of a configuration.
#[must_use]
pub fn trail_directory(config: &Config) -> PathBuf {
    config.audit.directory.clone().unwrap_or_else(|| config.data.directory.join(TRAIL_DIRECTORY))
}

/// The segments of the trail, whose it is, and the claim to it.
fn trail(
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

/// Where the trail's records go beside its files.
fn sinks(
    config: &Config,
    name: &NodeName,
    trail: &Arc<Segments>,
    account: &AccountId,
    clock: &Arc<dyn Clock>,
) -> Result<Sinks, OpenError> {
    Sinks::open(config, &trail_directory(config), name.as_str(), trail, account, clock).map_err(OpenError::Sinks)
}

/// The reserve of the trail's file system, and the server's standing, which knows of it from now on.
fn space(config: &Config) -> Result<(Standing, Space), OpenError> {
    let standing = Standing::default();
    let space = Space { directory: trail_directory(config), free_bytes_min: config.audit.free_bytes_min };
    let low = space.is_low().map_err(|source| OpenError::File { path: space.directory.clone(), source })?;
    standing.set_space_is_low(low);
    if low {
        tracing::error!("{SPACE_IS_LOW}");
    }
    Ok((standing, space))
}

impl App {
    /// Opens the data directory, which must be there, and makes in it what is missing. The second part of the answer is
    /// there on the first start alone.
    ///
    /// # Errors
    /// When anything of it cannot be used. Nothing that was there is changed then.
    pub async fn open(
        config: &Config,
        root: Arc<dyn RootOfTrust>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<(Self, Option<NewKey>), OpenError> {
        let web_identities = identity_providers::open(&config.identity_providers, Arc::clone(&clock))?;
        let WholeStore { store, keyring, anchor, looked_at } = opening::open(config, root.as_ref(), &random).await?;
        let (trail, name, claim) = trail(config, &clock, random.as_ref())?;
        let documents = documents(&store, &keyring, &random, config, &name);
        let notary = Notary::new(Arc::clone(&documents), Arc::clone(&trail), name.clone());
        frozen::unless_frozen(notary.begin().await)?;
        let node = node::begin(config, &documents, &name, claim, clock.now()).await?;
        let (standing, space) = space(config)?;
        let identities = Arc::new(Identities::new(Arc::clone(&documents)));
        let kms = kms(&documents, &identities, &root, config);
        seed(random.as_ref())?;
        check_before_first_account(&identities, store.as_ref()).await?;
        let (account, new_key) = account(config, &identities, clock.as_ref(), random.as_ref()).await?;
        let databases = Arc::new(Databases::new(Arc::clone(&documents)));
        let host = host(config, &clock, &random, &databases)?;
        let functions = functions(&documents, &identities, Arc::clone(&host) as _, &clock, config)?;
        let rotators = rotators(&functions, &host, Owners::new(Arc::clone(&databases), Arc::clone(&random)), config)?;
        let rotations = rotations(&documents, &kms, &rotators, &clock, config);
        let secrets = secrets(&documents, &identities, &kms, rotators, &trail, config);
        let backups = backups(config, (&root, &keyring), &documents, (&identities, &store), (&clock, &random))?;
        let app = Self {
            dev: config.dev,
            dev_signer: dev_signer(&account, &config.account.region),
            anonymous: anonymous(&account),
            sinks: sinks(config, &name, &trail, &account, &clock)?,
            account,
            region: config.account.region.clone(),
            iam: iam(&identities, &documents, config),
            sts: Sts::new(Arc::clone(&identities), Arc::clone(&documents)),
            secrets,
            watch: Watch::open(config, &documents, &name),
            databases,
            events: events(&documents, &functions, &clock, config)?,
            functions,
            host,
            judge: judge(&documents, config, &name),
            rotations,
            kms,
            identities,
            signing_keys: SigningKeyCache::new(entries(config.cache.signing_keys_max)),
            outbox: Outbox::new(name.topic(), Arc::clone(&store) as _, Arc::clone(&keyring), Arc::clone(&trail)),
            node,
            keyring,
            trails: Trails::new(config, &documents, &trail, &name, &clock)?,
            trail,
            clock,
            random,
            space,
            standing,
            admission: Admission::new(config),
            backlog_entries_max: config.audit.backlog_entries_max,
            trail_sync: config.audit.sync,
            rewrapping: rewrapping(&documents, &root, config),
            notary,
            anchor,
            inspection_hours: config.data.inspection_hours,
            looked_at,
            store,
            backups,
            figures: Figures::default(),
            trust: root.describe(),
            web_identities,
        };
        Ok((app, new_key))
    }

    /// The account.
    #[must_use]
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// The regions beside the server's own that hold secrets of the account: nobody sees them here.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn other_regions(&self) -> Result<Vec<Region>, OpenError> {
        let mut regions = self.secrets.regions(&self.account).await?;
        regions.retain(|region| *region != self.region);
        Ok(regions)
    }

    /// Who verifies the tokens of identity providers.
    #[must_use]
    pub fn web_identities(&self) -> &WebIdentities {
        &self.web_identities
    }

    /// Tells functions where this server's services are: by the gate for those that are built in, at `url` for all others.
    /// Before that none runs.
    pub fn lead_functions_to(&self, gate: &Arc<Gate>, url: &str) {
        self.host.lead_to(gate, url);
    }

    /// Ends the processes of functions.
    pub async fn stop_functions(&self) {
        self.host.stop().await;
    }

    /// What the trust hangs on, in one line.
    #[must_use]
    pub fn trust(&self) -> &str {
        &self.trust
    }

    /// Finishes what waits in the store and closes it. With the embedded engine it blocks until that is done.
    ///
    /// # Errors
    /// When the store could not be closed; what was acknowledged is found at the next start.
    pub async fn close(&self) -> Result<(), OpenError> {
        Ok(self.store.close().await?)
    }
}

/// The root of the account, as records show whoever signs with a key that nobody was given: without the access key
/// id, for what stands in its place may be anything, even a secret.
fn dev_signer(account: &AccountId, region: &Region) -> Authenticated {
    let caller = Caller::root(account.clone(), region.partition());
    let identity = Arc::new(identity_of(&caller, IdentityKind::Root, None));
    Authenticated { caller: Arc::new(caller), identity }
}

fn anonymous(account: &AccountId) -> Authenticated {
    let caller = Arc::new(Caller::anonymous(account.clone()));
    Authenticated { caller, identity: Arc::new(UserIdentity::of(IdentityKind::Unknown)) }
}

/// The file system that the trail is on, and what must stay free of it.
#[derive(Clone, Debug)]
pub(crate) struct Space {
    directory: PathBuf,
    free_bytes_min: u64,
}

impl Space {
    /// Whether less is free than must be.
    ///
    /// # Errors
    /// When the system does not tell.
    pub(crate) fn is_low(&self) -> io::Result<bool> {
        Ok(free_bytes(&self.directory)? < self.free_bytes_min)
    }
}

/// The keys that secrets are under.
fn kms(
    documents: &Arc<Documents>,
    identities: &Arc<Identities>,
    root: &Arc<dyn RootOfTrust>,
    config: &Config,
) -> Arc<Kms> {
    let kms = Kms::new(Arc::clone(documents), Arc::clone(identities), Arc::clone(root));
    Arc::new(kms.with_default_key_records(config.audit.default_key_calls))
}

/// IAM as the configuration has it.
fn iam(identities: &Arc<Identities>, documents: &Arc<Documents>, config: &Config) -> Iam {
    Iam::new(Arc::clone(identities), Arc::clone(documents))
        .with_plain_http_on_loopback(config.identity_providers.allow_plain_http_on_loopback)
}

/// The documents of a store, sealed by its keys.
fn documents(
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

/// Has the cipher library seed its generator, which it does at the first draw and takes a while: no request should wait
/// for it.
fn seed(random: &dyn Random) -> Result<(), OpenError> {
    let drawn = strongroom_crypto::random::bytes::<16>(random);
    drawn.map(drop).map_err(|error| OpenError::Fault(error.to_string()))
}

/// What wraps anew what hangs on other roots of trust than the first, when there are several.
fn rewrapping(documents: &Arc<Documents>, root: &Arc<dyn RootOfTrust>, config: &Config) -> Option<Rewrapping> {
    let work = Rewrapping { documents: Arc::clone(documents), root: Arc::clone(root) };
    (config.roots.len() > 1).then_some(work)
}

/// Only a store from which nothing was taken may get its first account, and the access key of its root.
async fn check_before_first_account(identities: &Identities, store: &dyn Engine) -> Result<(), OpenError> {
    match identities.first_account().await? {
        Some(_) => Ok(()),
        None => opening::check_whole(store).await,
    }
}

/// Who takes backups, where `config` names a place for them.
fn backups(
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
fn host(
    config: &Config,
    clock: &Arc<dyn Clock>,
    random: &Arc<dyn Random>,
    databases: &Arc<Databases>,
) -> Result<Arc<ServerHost>, OpenError> {
    Ok(Arc::new(ServerHost::new(config, clock, random, Arc::clone(databases), databases_ca(config)?)))
}

/// The certificates that databases' certificates lead to, when others than the system's are named.
fn databases_ca(config: &Config) -> Result<Option<Vec<u8>>, OpenError> {
    read_if_named(config.functions.databases_ca_file.as_deref())
}

/// Those who rotate secrets: functions, run by `host`, partners, and services that own secrets.
fn rotators(
    functions: &Arc<Functions>,
    host: &Arc<ServerHost>,
    owners: Owners,
    config: &Config,
) -> Result<Arc<dyn Rotator>, OpenError> {
    let partners = Partners::open(&config.partners, read_if_named(config.partners.ca_file.as_deref())?)
        .map_err(OpenError::Partners)?;
    Ok(Arc::new(Rotators::new(Arc::clone(functions), Arc::clone(host), partners, owners)))
}

fn read_if_named(path: Option<&Path>) -> Result<Option<Vec<u8>>, OpenError> {
    let Some(path) = path else { return Ok(None) };
    std::fs::read(path).map(Some).map_err(|source| OpenError::File { path: path.to_owned(), source })
}

/// The functions: run by `host`, and those elsewhere.
fn functions(
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
fn judge(documents: &Arc<Documents>, config: &Config, name: &NodeName) -> Judge {
    Judge::new(Arc::clone(documents), config.compliance.clone(), config.account.region.clone(), name)
}

/// EventBridge, and the ways that events take out of the server.
fn events(
    documents: &Arc<Documents>,
    functions: &Arc<Functions>,
    clock: &Arc<dyn Clock>,
    config: &Config,
) -> Result<Outlets, OpenError> {
    let authorities = read_if_named(config.events.ca_file.as_deref())?;
    Outlets::open(documents, functions, clock, config, authorities)
}

/// The engine of rotation.
fn rotations(
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
fn secrets(
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

/// The account of the store; made when there is none, its access key saved before it can sign anything.
async fn account(
    config: &Config,
    identities: &Identities,
    clock: &dyn Clock,
    random: &dyn Random,
) -> Result<(AccountId, Option<NewKey>), OpenError> {
    let directory = &config.data.directory;
    let asked = config.account.id.clone();
    let stored = identities.accounts().await?;
    if let Some(first) = identities.first_account().await? {
        return match asked {
            Some(asked) if !stored.contains(&asked) => {
                Err(OpenError::OtherAccount { directory: directory.clone(), stored: first, asked })
            }
            Some(asked) => Ok((asked, None)),
            None => Ok((first, None)),
        };
    }
    let account = match asked.clone() {
        Some(asked) => asked,
        None => random_account(random)?,
    };
    let key = identities.new_key()?;
    credentials::save_credentials(directory, &key)
        .map_err(|source| OpenError::File { path: directory.join(credentials::CREDENTIALS_FILE), source })?;
    match identities.create_first_account(&account, &key, clock.now()).await {
        Ok(()) => Ok((account, Some(key))),
        // Another server on the same database was quicker: the key that was saved signs nothing.
        Err(Error::Conflict) => {
            credentials::remove(directory)
                .map_err(|source| OpenError::File { path: directory.join(credentials::CREDENTIALS_FILE), source })?;
            let made = identities.first_account().await?;
            let first = made.ok_or_else(|| OpenError::Fault("the store's account is gone".to_owned()))?;
            match asked {
                Some(asked) if asked != first => {
                    Err(OpenError::OtherAccount { directory: directory.clone(), stored: first, asked })
                }
                _ => Ok((first, None)),
            }
        }
        Err(error) => Err(error.into()),
    }
}

fn entries(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// A random account number that does not begin with a zero, which spreadsheets would eat.
/// A number for a new account.
///
/// # Errors
/// When the random source fails.
pub fn random_account(random: &dyn Random) -> Result<AccountId, OpenError> {
    let bytes: [u8; 8] =
        strongroom_crypto::random::bytes(random).map_err(|error| OpenError::Fault(error.to_string()))?;
    let number = 100_000_000_000 + u64::from_be_bytes(bytes) % 900_000_000_000;
    AccountId::parse(&number.to_string()).map_err(|error| OpenError::Fault(error.to_string()))
}
