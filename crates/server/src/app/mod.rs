//! Everything that a server is made of, wired together in one place. Nothing is global.

mod account;
mod parts;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use strongroom_core::bootstrap::BootstrapError;
use strongroom_core::compliance::Judge;
use strongroom_core::evidence::Notary;
use strongroom_core::identities::NewKey;
use strongroom_core::oidc::WebIdentities;
use strongroom_core::trail::outbox::Outbox;
use strongroom_core::trail::segments::Segments;
use strongroom_core::{Databases, Error, Functions, Iam, Identities, Kms, Rotations, Secrets, Sts};
use strongroom_crypto::{Keyring, Random, RootError, RootOfTrust};
use strongroom_store::{Engine, StoreError};
use strongroom_types::{AccountId, Clock, Region};
use strongroom_wire::sigv4::SigningKeyCache;
use thiserror::Error;

use crate::admission::Admission;
use crate::anchor::{Anchor, AnchorError};
use crate::authn::Authenticated;
use crate::backups::Backups;
use crate::cloudwatch::Watch;
use crate::config::{AuditSync, Config};
use crate::events::Outlets;
use crate::figures::Figures;
use crate::free::free_bytes;
use crate::functions::{Owners, ServerHost};
use crate::gate::{Gate, fault_text};
use crate::identity_providers::{self, IdentityProvidersError};
use crate::node::{self, Node};
use crate::opening::{self, WholeStore};
use crate::rewrapping::Rewrapping;
use crate::sinks::Sinks;
use crate::standing::Standing;
use crate::telemetry::Telemetry;
use crate::trails::Trails;

pub use account::random_account;
use account::{account, anonymous, dev_signer, seed};
use parts::{
    backups, documents, entries, events, functions, host, iam, judge, kms, notary, rewrapping, rotations, rotators,
    secrets, sinks, space, trail, watch,
};

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
    /// The collector cannot be told of, by what the configuration says of it.
    #[error("otlp: {0}")]
    Otlp(String),
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
    /// What is told to a collector.
    pub(crate) telemetry: Telemetry,
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
        let notary = notary(&documents, &trail, &name).await?;
        let node = node::begin(config, &documents, &name, claim, clock.now()).await?;
        let (standing, space) = space(config)?;
        let identities = Arc::new(Identities::new(Arc::clone(&documents)));
        let kms = kms(&documents, &identities, &root, config);
        seed(random.as_ref())?;
        let (account, new_key) = account(config, (&identities, store.as_ref()), &clock, random.as_ref()).await?;
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
            watch: watch(config, &documents, &name, &trail)?,
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
            figures: Figures::new(config),
            telemetry: Telemetry::open(config).map_err(OpenError::Otlp)?,
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
