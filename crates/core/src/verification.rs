//! Walks a whole store: opens every document and every value, and holds every index against the documents.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use strongroom_crypto::digest::sha256;
use strongroom_store::{Entry, Index, Range, Term};
use strongroom_types::Timestamp;

use crate::announcing;
use crate::catalogue;
use crate::cloudwatch;
use crate::compliance;
use crate::compliance::judged::{self, Judged};
use crate::databases::database::Database;
use crate::documents::{Document, Documents};
use crate::error::Error;
use crate::events::delivery::{self, Delivery};
use crate::events::destination::{Connection, Destination};
use crate::events::rule::Rule;
use crate::events::work::Lease;
use crate::evidence::Evidence;
use crate::functions::code::CodeChunk;
use crate::functions::model::Function;
use crate::identities::access_key::AccessKey;
use crate::identities::account::Account;
use crate::identities::credential_report::CredentialReport;
use crate::identities::deletion_task::DeletionTask;
use crate::identities::entity::Entity;
use crate::identities::group::{GROUPS_BY_POLICY, Group};
use crate::identities::instance_profile::{InstanceProfile, PROFILES_BY_ROLE};
use crate::identities::key_uses::KeyUse;
use crate::identities::last_accessed_job::LastAccessedJob;
use crate::identities::managed_policy::ManagedPolicy;
use crate::identities::mfa_device::{MFA_DEVICE_PATHS, MfaDevice};
use crate::identities::oidc_provider::OidcProvider;
use crate::identities::organization::Organization;
use crate::identities::role::{self, Role};
use crate::identities::role_use::RoleUse;
use crate::identities::user::{self, User};
use crate::kms::Kms;
use crate::kms::alias::Alias;
use crate::kms::grant::{self, Grant};
use crate::kms::key::{self, Key};
use crate::logs;
use crate::nodes::Node;
use crate::secrets::Secrets;
use crate::secrets::model::{self, Secret};
use crate::secrets::rotation::history::HistoryEntry;
use crate::secrets::rotation::job::{BY_DUE, Job};
use crate::secrets::values::StoredValue;
use crate::trail::digests::Checked;
use crate::trail::{NodeName, outbox};

/// Documents and index entries read at a time.
const PAGE: usize = 500;
/// Faults that are told; more are only counted.
const FAULTS_MAX: usize = 100;
/// The indexes that are held against their documents: all that there are.
const INDEXES: &[Index] = &[
    judged::BY_VERDICT,
    delivery::BY_DUE,
    delivery::BY_DEAD,
    key::BY_EXPIRY,
    key::BY_PURGE,
    key::BY_ROTATION,
    grant::BY_GRANTEE,
    grant::BY_RETIRING,
    model::BY_NAME,
    model::BY_CREATED,
    model::BY_CHANGED,
    model::BY_ACCESSED,
    model::BY_TAG_KEY,
    model::BY_TAG_VALUE,
    model::BY_WORD,
    model::BY_PURGE,
    BY_DUE,
    Role::PATHS,
    role::ROLES_BY_POLICY,
    role::ROLES_BY_BOUNDARY,
    User::PATHS,
    user::USERS_BY_POLICY,
    user::USERS_BY_BOUNDARY,
    user::USERS_BY_GROUP,
    Group::PATHS,
    GROUPS_BY_POLICY,
    ManagedPolicy::PATHS,
    MFA_DEVICE_PATHS,
    InstanceProfile::PATHS,
    PROFILES_BY_ROLE,
];

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Secrets.
    pub secrets: u64,
    /// Values, each opened under its key.
    pub values: u64,
    /// Documents of all kinds.
    pub documents: u64,
    /// Entries of all indexes.
    pub index_entries: u64,
    /// Kinds of documents that were looked at.
    pub kinds: BTreeSet<&'static str>,
    /// The trail, when it was looked at.
    pub trail: Option<Checked>,
    /// What was not looked at, and how it could be.
    pub notes: Vec<String>,
    /// What is wrong, the first hundred.
    pub faults: Vec<String>,
}

impl Report {
    fn fault(&mut self, fault: String) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        }
    }
}

/// Sums that are equal when two collections hold the same entries, in whatever order they are met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    count: u64,
    digests: u128,
}

impl Sum {
    fn add(&mut self, value: &str, key: &str) {
        let digest = sha256(format!("{}:{value}{key}", value.len()).as_bytes());
        let (head, _) = digest.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
        self.count += 1;
        self.digests = self.digests.wrapping_add(u128::from_be_bytes(*head));
    }
}

/// Verifies the store under `documents`.
///
/// # Errors
/// When the store cannot be read at all. What is wrong with single documents is in the report.
pub async fn verify(documents: &Arc<Documents>, kms: &Kms, now: Timestamp) -> Result<Report, Error> {
    // Default keys of before there was KMS become keys of KMS first.
    kms.adopt_default_keys(now).await?;
    let mut walk = Walk { documents, report: Report::default(), expected: BTreeMap::new() };
    let mut topics = BTreeSet::from([NodeName::only().topic()]);
    walk.over::<Evidence>(|_, evidence| {
        topics.insert(evidence.name().topic());
    })
    .await?;
    walk.over::<Node>(|_, _| ()).await?;
    walk.over_metrics().await?;
    walk.over::<catalogue::Entry>(|_, _| ()).await?;
    walk.over::<catalogue::Progress>(|_, _| ()).await?;
    walk.over::<Judged>(|_, _| ()).await?;
    walk.over::<compliance::Progress>(|_, _| ()).await?;
    walk.over_identities().await?;
    walk.over::<Key>(|_, _| ()).await?;
    walk.over::<Alias>(|_, _| ()).await?;
    walk.over::<Grant>(|_, _| ()).await?;
    walk.over::<Job>(|_, _| ()).await?;
    walk.over::<HistoryEntry>(|_, _| ()).await?;
    let mut chunks_expected = 0_u64;
    walk.over::<Function>(|_, function| {
        let mut codes: Vec<_> = function.codes().map(|code| (code.id.as_str(), code.chunks)).collect();
        codes.sort_unstable();
        codes.dedup();
        chunks_expected += codes.iter().map(|(_, chunks)| u64::from(*chunks)).sum::<u64>();
    })
    .await?;
    let mut chunks = 0_u64;
    walk.over::<CodeChunk>(|_, _| chunks += 1).await?;
    if chunks != chunks_expected {
        let what = format!("{chunks} pieces of functions' code are stored, {chunks_expected} belong to functions");
        walk.report.fault(what);
    }
    let mut values_expected = 0;
    let (mut secrets, mut owned) = (Vec::new(), BTreeSet::new());
    walk.over::<Secret>(|report, secret| {
        report.secrets += 1;
        let database =
            secret.owner.as_ref().map(|owner| model::place(&secret.account, &secret.region) + &owner.database);
        owned.extend(database.map(|database| (database, secret.name.clone())));
        values_expected += secret.versions.values().filter(|version| version.has_value()).count();
        secrets.push(secret.key());
    })
    .await?;
    for key in secrets {
        open_values(documents, kms, &key, &mut walk.report).await?;
    }
    let mut values = 0_usize;
    walk.over::<StoredValue>(|_, _| values += 1).await?;
    if values != values_expected {
        walk.report.fault(format!("{values} values are stored, {values_expected} belong to versions"));
    }
    walk.over_events().await?;
    walk.over_owners(&owned).await?;
    for fault in announcing::faults(documents.store().as_ref(), documents.keyring()).await? {
        walk.report.fault(fault);
    }
    for topic in topics {
        for fault in outbox::faults(&topic, documents.store().as_ref(), documents.keyring()).await? {
            walk.report.fault(fault);
        }
    }
    walk.compare_indexes().await
}

/// A walk under way.
struct Walk<'a> {
    documents: &'a Documents,
    report: Report,
    /// What the indexes should hold of the documents that were met.
    expected: BTreeMap<Index, Sum>,
}

impl Walk<'_> {
    /// Opens every document of a kind.
    async fn over<T: Document>(&mut self, mut each: impl FnMut(&mut Report, &T)) -> Result<(), Error> {
        self.report.kinds.insert(T::KIND.0);
        let mut after: Option<Arc<str>> = None;
        loop {
            let page = self.documents.scan_each::<T>("", after.as_deref(), PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = Some(Arc::clone(last));
            for (key, opened) in &page {
                self.report.documents += 1;
                match opened {
                    Ok(loaded) if loaded.value.key() == **key => {
                        self.expect(key, loaded.value.as_ref()).await?;
                        each(&mut self.report, &loaded.value);
                    }
                    Ok(_) => self.report.fault(format!("{} {key} holds another document", T::KIND.0)),
                    Err(fault) => self.report.fault(fault.clone()),
                }
            }
        }
    }

    async fn over_identities(&mut self) -> Result<(), Error> {
        self.over::<Account>(|_, _| ()).await?;
        self.over::<Organization>(|_, _| ()).await?;
        self.over::<AccessKey>(|_, _| ()).await?;
        self.over::<KeyUse>(|_, _| ()).await?;
        self.over::<User>(|_, _| ()).await?;
        self.over::<Group>(|_, _| ()).await?;
        self.over::<Role>(|_, _| ()).await?;
        self.over::<RoleUse>(|_, _| ()).await?;
        self.over::<ManagedPolicy>(|_, _| ()).await?;
        self.over::<InstanceProfile>(|_, _| ()).await?;
        self.over::<MfaDevice>(|_, _| ()).await?;
        self.over::<OidcProvider>(|_, _| ()).await?;
        self.over::<CredentialReport>(|_, _| ()).await?;
        self.over::<DeletionTask>(|_, _| ()).await?;
        self.over::<LastAccessedJob>(|_, _| ()).await
    }

    async fn over_metrics(&mut self) -> Result<(), Error> {
        self.over::<cloudwatch::Chunk>(|_, _| ()).await?;
        self.over::<cloudwatch::Names>(|_, _| ()).await?;
        self.over::<cloudwatch::Alarm>(|_, _| ()).await?;
        self.over::<cloudwatch::History>(|_, _| ()).await?;
        self.over::<cloudwatch::Work>(|_, _| ()).await?;
        self.over::<logs::MetricFilter>(|_, _| ()).await?;
        self.over::<logs::Progress>(|_, _| ()).await
    }

    /// Opens every database. Those are to be there that the secrets which services own are of, and no others.
    async fn over_owners(&mut self, owned: &BTreeSet<(String, String)>) -> Result<(), Error> {
        let mut databases = BTreeSet::new();
        self.over::<Connection>(|_, connection| {
            let key = model::place(&connection.account, &connection.region) + &connection.id;
            databases.extend(connection.secret_arn.as_ref().map(|_| (key, connection.secret_name.clone())));
        })
        .await?;
        self.over::<Database>(|_, database| {
            databases.insert((database.key(), database.secret_name.clone()));
        })
        .await?;
        for (key, name) in databases.symmetric_difference(owned) {
            self.report.fault(format!(
                "database or connection {key} and secret {name} do not belong together, or one of them is missing"
            ));
        }
        Ok(())
    }

    /// Opens what there is of events, but for connections.
    async fn over_events(&mut self) -> Result<(), Error> {
        self.over::<Rule>(|_, _| ()).await?;
        self.over::<Destination>(|_, _| ()).await?;
        self.over::<Delivery>(|_, _| ()).await?;
        self.over::<Lease>(|_, _| ()).await
    }

    /// Adds the entries that the indexes should have of a document, and looks for its unique keys.
    async fn expect<T: Document>(&mut self, key: &Arc<str>, document: &T) -> Result<(), Error> {
        let terms: BTreeSet<Term> = document.terms().into_iter().collect();
        for term in terms {
            self.expected.entry(term.index).or_default().add(&term.value, key);
        }
        for term in document.unique() {
            if self.documents.store().find(&term).await?.as_ref() != Some(key) {
                self.report.fault(format!("{} {key} is not found by its entry of index {}", T::KIND.0, term.index.0));
            }
        }
        Ok(())
    }

    async fn compare_indexes(mut self) -> Result<Report, Error> {
        let unknown: Vec<Index> = self.expected.keys().filter(|index| !INDEXES.contains(index)).copied().collect();
        for index in INDEXES.iter().copied().chain(unknown) {
            let expected = self.expected.get(&index).copied().unwrap_or_default();
            let found = sum_of(self.documents, index).await?;
            self.report.index_entries += found.count;
            if found != expected {
                let (found, expected) = (found.count, expected.count);
                let what = format!("index {} does not agree with the documents ({found} of {expected})", index.0);
                self.report.fault(what);
            }
        }
        Ok(self.report)
    }
}

async fn open_values(documents: &Documents, kms: &Kms, key: &str, report: &mut Report) -> Result<(), Error> {
    let Some(secret) = documents.load::<Secret>(key).await? else { return Ok(()) };
    let secret = secret.value;
    for (id, _) in secret.versions.iter().filter(|(_, version)| version.has_value()) {
        match Secrets::verify_value(documents, kms, &secret, id).await {
            Ok(()) => report.values += 1,
            Err(fault) => report.fault(format!("{} version {id}: {fault}", secret.arn())),
        }
    }
    Ok(())
}

async fn sum_of(documents: &Documents, index: Index) -> Result<Sum, Error> {
    let mut sum = Sum::default();
    let mut after: Option<Entry> = None;
    loop {
        let range = Range { index, prefix: String::new(), after, descending: false, limit: PAGE };
        let entries = documents.range(&range).await?;
        for entry in &entries {
            sum.add(&entry.value, &entry.key);
        }
        match entries.into_iter().next_back() {
            Some(last) => after = Some(last),
            None => return Ok(sum),
        }
    }
}
