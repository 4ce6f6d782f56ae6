//! Walks a whole store: opens every document and every value, and holds every index against the documents.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use strongroom_crypto::digest::sha256;
use strongroom_store::{Entry, Index, Range, Term};
use strongroom_types::Timestamp;

use crate::documents::{Document, Documents};
use crate::error::Error;
use crate::identities::access_key::AccessKey;
use crate::identities::account::Account;
use crate::identities::credential_report::CredentialReport;
use crate::identities::deletion_task::DeletionTask;
use crate::identities::entity::Entity;
use crate::identities::instance_profile::{InstanceProfile, PROFILES_BY_ROLE};
use crate::identities::last_accessed_job::LastAccessedJob;
use crate::identities::oidc_provider::OidcProvider;
use crate::identities::role::{self, Role};
use crate::identities::role_use::RoleUse;
use crate::kms::Kms;
use crate::kms::alias::Alias;
use crate::kms::grant::{self, Grant};
use crate::kms::key::{self, Key};
use crate::secrets::Secrets;
use crate::secrets::model::{self, Secret};
use crate::secrets::values::StoredValue;

/// Documents and index entries read at a time.
const PAGE: usize = 500;
/// Faults that are told; more are only counted.
const FAULTS_MAX: usize = 100;
/// The indexes that are held against their documents.
const INDEXES: [Index; 18] = [
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
    Role::PATHS,
    role::ROLES_BY_POLICY,
    role::ROLES_BY_BOUNDARY,
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
    let mut report = Report::default();
    let mut expected: BTreeMap<Index, Sum> = INDEXES.iter().map(|index| (*index, Sum::default())).collect();
    walk::<Account>(documents, &mut report, |_, _| ()).await?;
    walk::<AccessKey>(documents, &mut report, |_, _| ()).await?;
    walk::<Key>(documents, &mut report, |_, key| expect(&mut expected, key)).await?;
    walk::<Alias>(documents, &mut report, |_, _| ()).await?;
    walk::<Grant>(documents, &mut report, |_, grant| expect(&mut expected, grant)).await?;
    walk::<Role>(documents, &mut report, |_, role| expect(&mut expected, role)).await?;
    walk::<RoleUse>(documents, &mut report, |_, _| ()).await?;
    walk::<CredentialReport>(documents, &mut report, |_, _| ()).await?;
    walk::<DeletionTask>(documents, &mut report, |_, _| ()).await?;
    walk::<LastAccessedJob>(documents, &mut report, |_, _| ()).await?;
    walk::<InstanceProfile>(documents, &mut report, |_, profile| expect(&mut expected, profile)).await?;
    walk::<OidcProvider>(documents, &mut report, |_, _| ()).await?;
    let mut values_expected = 0;
    let mut secrets = Vec::new();
    walk::<Secret>(documents, &mut report, |report, secret| {
        report.secrets += 1;
        expect(&mut expected, secret);
        values_expected += secret.versions.values().filter(|version| version.has_value()).count();
        secrets.push(secret.key());
    })
    .await?;
    for key in secrets {
        open_values(documents, kms, &key, &mut report).await?;
    }
    let mut values = 0_usize;
    walk::<StoredValue>(documents, &mut report, |_, _| values += 1).await?;
    if values != values_expected {
        report.fault(format!("{values} values are stored, {values_expected} belong to versions"));
    }
    for (index, expected) in expected {
        let found = sum_of(documents, index).await?;
        report.index_entries += found.count;
        if found != expected {
            let (found, expected) = (found.count, expected.count);
            report.fault(format!("index {} does not agree with the documents ({found} of {expected})", index.0));
        }
    }
    Ok(report)
}

/// Adds the entries that the indexes should have of a document.
fn expect<T: Document>(expected: &mut BTreeMap<Index, Sum>, document: &T) {
    let key = document.key();
    let terms: BTreeSet<Term> = document.terms().into_iter().collect();
    for term in terms {
        expected.entry(term.index).or_default().add(&term.value, &key);
    }
}

/// Opens every document of a kind.
async fn walk<T: Document>(
    documents: &Documents,
    report: &mut Report,
    mut each: impl FnMut(&mut Report, &T),
) -> Result<(), Error> {
    let mut after: Option<Arc<str>> = None;
    loop {
        let page = documents.scan_each::<T>("", after.as_deref(), PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = Some(Arc::clone(last));
        for (key, opened) in &page {
            report.documents += 1;
            match opened {
                Ok(loaded) if loaded.value.key() == **key => each(report, &loaded.value),
                Ok(_) => report.fault(format!("{} {key} holds another document", T::KIND.0)),
                Err(fault) => report.fault(fault.clone()),
            }
        }
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
