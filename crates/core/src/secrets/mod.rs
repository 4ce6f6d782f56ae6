//! Secrets: versions, staging labels, deletion, tags, search, policies. The behaviour of AWS Secrets Manager.

mod access_days;
mod batch;
pub mod conditions;
mod count;
mod create;
mod delete;
mod describe;
pub mod events;
mod filters;
mod jobs;
mod keys;
mod list;
pub mod model;
pub mod owned;
pub mod pairs;
mod passwords;
mod policies;
mod put;
mod quotas;
mod read;
mod refusals;
pub mod regions;
pub mod resolve;
pub mod rotation;
mod search;
mod stages;
mod standing;
mod tags;
pub(crate) mod values;
pub mod versions;
mod words;
mod work;

use std::sync::Arc;

use strongroom_store::Batch;
use strongroom_types::Timestamp;
use tokio::sync::Semaphore;

use self::access_days::AccessDays;
use self::count::Counts;
use self::model::Secret;
use self::rotation::rotator::Rotator;
use crate::ctx::{Ctx, Done};
use crate::data_keys::DataKeys;
use crate::documents::{Documents, Loaded};
use crate::error::Error;
use crate::identities::Identities;
use crate::kms::Kms;
use crate::trail::segments::Segments;

pub use self::quotas::Quotas;
pub(crate) use self::refusals::invalid_page_token;

/// How CloudTrail names the type of a secret.
pub const RESOURCE_KIND: &str = "AWS::SecretsManager::Secret";

/// The operations of Secrets Manager.
pub struct Secrets {
    documents: Arc<Documents>,
    identities: Arc<Identities>,
    kms: Arc<Kms>,
    rotator: Arc<dyn Rotator>,
    trail: Arc<Segments>,
    access_days: AccessDays,
    data_keys: DataKeys,
    /// Turns for making pages of secrets, which may cost much.
    pages: Semaphore,
    quotas: Quotas,
    counts: Counts,
}

impl Secrets {
    /// Secrets kept in `documents`, encrypted under keys of `kms`, rotated by `rotator`; records of parts of a request
    /// go to `trail`. About `data_keys_max` data keys are kept unwrapped for a short time.
    #[must_use]
    pub fn new(
        documents: Arc<Documents>,
        identities: Arc<Identities>,
        kms: Arc<Kms>,
        rotator: Arc<dyn Rotator>,
        trail: Arc<Segments>,
        data_keys_max: usize,
    ) -> Self {
        let data_keys = DataKeys::new(data_keys_max);
        let pages = Semaphore::new(search::PAGES_UNDER_WAY_MAX);
        let (access_days, quotas) = (AccessDays::default(), Quotas::default());
        Self {
            documents,
            identities,
            kms,
            rotator,
            trail,
            access_days,
            data_keys,
            pages,
            quotas,
            counts: Counts::default(),
        }
    }

    /// With other quotas than AWS's.
    #[must_use]
    pub fn with_quotas(mut self, quotas: Quotas) -> Self {
        self.quotas = quotas;
        self
    }

    /// Forgets the unwrapped data keys whose time is over.
    pub fn forget_old_data_keys(&self, now: Timestamp) {
        self.data_keys.forget_old(now);
    }

    /// Adds the removal of a version's value to `batch`, if it has one.
    async fn drop_value(&self, batch: &mut Batch, secret: &Secret, version_id: &str) -> Result<(), Error> {
        values::drop_value(&self.documents, batch, secret, version_id).await
    }

    /// Commits a changed secret with what else is in `batch` and the request's record.
    async fn commit(
        &self,
        cx: &Ctx,
        mut batch: Batch,
        before: &Loaded<Secret>,
        after: &Arc<Secret>,
        response_elements: Option<String>,
    ) -> Result<(), Error> {
        self.documents.put(&mut batch, Some(before), after)?;
        events::add_labels_moved(&self.documents, &mut batch, Some(&before.value), after, cx.now)?;
        cx.commit(&self.documents, batch, done(after, response_elements)).await
    }
}

/// What the audit record of a change of `secret` says.
fn done(secret: &Secret, response_elements: Option<String>) -> Done {
    Done { response_elements, arn: Some(secret.arn()), resource_kind: RESOURCE_KIND }
}

#[cfg(test)]
pub(crate) mod tests;
