//! Secrets that belong to a service (specification §2.5): the service alone changes their values and deletes them, and
//! rotates them without a function.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strongroom_store::Batch;
use strongroom_types::{SecretText, Timestamp};

use super::keys::shown_key;
use super::model::{Secret, SecretTag, place};
use super::pairs::Pairs;
use super::quotas::Quotas;
use super::rotation::job::{Job, PAUSE_MS_MIN, job_key};
use super::rotation::{Rules, begin_owned};
use super::values::SecretValue;
use super::versions::CURRENT;
use super::{Secrets, events, refusals, versions};
use crate::caller::{Caller, Principal};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::random_uuid;

/// The tag that tells the service, which the service alone can set.
pub const OWNING_SERVICE_TAG: &str = "aws:secretsmanager:owningService";

/// Services of AWS that own secrets, and whose secrets' names begin with theirs and `!`.
const OWNING_SERVICES: [&str; 12] = [
    "appflow",
    "databrew",
    "datasync",
    "directconnect",
    "ecs-sc",
    "events",
    "marketplace-deployment",
    "opsworks-cm",
    "pcs",
    "rds",
    "redshift",
    "sqlworkbench",
];

/// Those of them that this server has, with their names as principals.
const SERVED: [(&str, &str); 3] =
    [("events", "events.amazonaws.com"), ("rds", "rds.amazonaws.com"), ("redshift", "redshift.amazonaws.com")];

/// The name of a service that owns secrets here and is the caller, as records show it.
#[must_use]
pub fn acting(caller: &Caller) -> Option<&'static str> {
    let mut served = SERVED.iter().filter(|(_, principal)| *principal == &*caller.arn);
    served.next().map(|(_, principal)| *principal).filter(|_| caller.principal == Principal::Service)
}

/// What owns a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The service, such as `rds`: OwningService.
    pub service: String,
    /// The id of the database, or connection of EventBridge, whose credentials the secret holds.
    pub database: String,
}

impl Owner {
    /// The service as principals and records name it; none for one that this server does not have.
    #[must_use]
    pub fn principal(&self) -> Option<&'static str> {
        let mut served = SERVED.iter().filter(|(service, _)| *service == self.service);
        served.next().map(|(_, principal)| *principal)
    }

    /// Whether a caller is the service itself. Only what this server does on its own has such a caller: no credentials
    /// make one.
    fn is(&self, caller: &Caller) -> bool {
        caller.principal == Principal::Service && self.principal() == Some(&*caller.arn)
    }
}

/// Refuses what the service that owns a secret does alone.
///
/// # Errors
/// InvalidRequest, to everybody else.
pub(super) fn guard(cx: &Ctx, secret: &Secret) -> Result<(), Error> {
    match &secret.owner {
        Some(owner) if !owner.is(&cx.caller) => Err(refusals::managed()),
        _ => Ok(()),
    }
}

/// Refuses names that tell of a service that owns the secret.
///
/// # Errors
/// InvalidParameter (unconfirmed).
pub(super) fn check_name(name: &str) -> Result<(), Error> {
    match name.split_once('!') {
        Some((service, _)) if OWNING_SERVICES.contains(&service) => Err(refusals::name_of_service(service)),
        _ => Ok(()),
    }
}

/// A secret that a service is to own.
#[derive(Debug)]
pub struct NewOwned {
    /// Its name.
    pub name: String,
    /// What owns it.
    pub owner: Owner,
    /// The tags that the service gives it beside that of the service.
    pub tags: Vec<SecretTag>,
    /// The key as the caller named it.
    pub kms_key_id: Option<String>,
    /// The first value.
    pub value: SecretText,
    /// When it rotates; never, if nothing is said.
    pub rules: Option<Rules>,
}

/// How the rotation of a secret that a service owns stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// None is under way.
    Active,
    /// One is under way.
    Rotating,
    /// One is under way and has failed.
    Impaired,
}

impl Secrets {
    /// Adds a secret that a service owns to `batch`, with its first value and, if it rotates, the beginning of its first
    /// rotation, so that soon nobody else knows the value. The key is tried with the caller's leave.
    ///
    /// # Errors
    /// Those of the key, as CreateSecret has them; faults.
    pub async fn add_owned(&self, cx: &Ctx, batch: &mut Batch, new: NewOwned) -> Result<Arc<Secret>, Error> {
        let service = SecretTag { key: OWNING_SERVICE_TAG.to_owned(), value: new.owner.service.clone() };
        let mut secret = Secret {
            account: cx.caller.account.to_string(),
            region: cx.region.to_string(),
            partition: cx.region.partition().to_owned(),
            name: new.name,
            suffix: self.new_suffix()?,
            kind: None,
            description: None,
            kms_key_id: None,
            created_ms: cx.now.millis(),
            changed_ms: cx.now.millis(),
            accessed_ms: None,
            deletion: None,
            tags: std::iter::once(service).chain(new.tags).collect(),
            stages: Pairs::new(),
            versions: Pairs::new(),
            policy: None,
            rotation: None,
            owner: Some(new.owner),
        };
        secret.kms_key_id = self.checked_key_id(cx, &secret, new.kms_key_id).await?;
        let first = random_uuid(self.documents.random())?;
        let kms_key_id = shown_key(&secret);
        versions::add(&mut secret, &first, kms_key_id, &[CURRENT.to_owned()], Quotas::default(), cx.now)?;
        self.put_value(cx, batch, &secret, &first, &SecretValue::Text(new.value)).await?;
        if let Some(rules) = new.rules {
            begin_owned(&self.documents, batch, &mut secret, rules, cx.now)?;
        }
        let secret = Arc::new(secret);
        self.documents.put(batch, None, &secret)?;
        events::add_labels_moved(&self.documents, batch, None, &secret, cx.now)?;
        Ok(secret)
    }

    /// What removes a secret that `owner` owns, at once. Nothing of it when there is no such secret.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn removal_of_owned(
        &self,
        cx: &Ctx,
        owner: &Owner,
        secret_name: &str,
        name: &'static str,
    ) -> Result<Batch, Error> {
        let key = place(cx.caller.account.as_str(), cx.region.as_str()) + secret_name;
        let found = self.documents.load::<Secret>(key).await?;
        match found.filter(|found| found.value.owner.as_ref() == Some(owner)) {
            Some(before) => self.removal(cx, &before, name).await,
            None => Ok(Batch::named(name)),
        }
    }

    /// The secret of a name that `owner` owns, and how its rotation stands.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn owned(
        &self,
        cx: &Ctx,
        owner: &Owner,
        secret_name: &str,
    ) -> Result<Option<(Arc<Secret>, Standing)>, Error> {
        let key = place(cx.caller.account.as_str(), cx.region.as_str()) + secret_name;
        let found = self.documents.load::<Secret>(key).await?;
        let Some(found) = found.filter(|found| found.value.owner.as_ref() == Some(owner)) else { return Ok(None) };
        let under_way = found.value.rotation.as_ref().and_then(|rotation| rotation.under_way.as_ref());
        let standing = if under_way.is_none() {
            Standing::Active
        } else {
            let job = self.documents.load::<Job>(job_key(&found.value)).await?;
            job.map_or(Standing::Rotating, |job| standing(&job.value, cx.now))
        };
        Ok(Some((found.value, standing)))
    }
}

/// How a rotation under way stands, as its job tells.
fn standing(job: &Job, now: Timestamp) -> Standing {
    let has_failed = job.run.as_ref().is_some_and(|run| run.failures > 0);
    // One that waits for another window has failed in those before.
    let waits = job.due_ms.is_none_or(|due_ms| due_ms > now.plus_millis(PAUSE_MS_MIN).millis());
    if has_failed || waits { Standing::Impaired } else { Standing::Rotating }
}
