//! Events that the service itself leaves in the trail, beside the calls' records (specification §9.2).

use std::borrow::Cow;

use serde_json::json;
use strongroom_store::{Batch, FeedEntry};
use strongroom_types::{AccountId, Region, Timestamp};

use super::Secrets;
use super::model::Secret;
use super::rotation::{Purpose, UnderWay};
use super::versions::{PENDING, PREVIOUS};
use crate::announcing::{self, Announcement, LABEL_UPDATED};
use crate::ctx::Ctx;
use crate::documents::Documents;
use crate::error::Error;
use crate::random_uuid;
use crate::trail::outbox;
use crate::trail::record::{Outcome, Record, ServiceEvent};

/// A version's deletion was scheduled.
pub const DELETE_STARTED: &str = "StartSecretVersionDelete";
/// A version's deletion was cancelled by RestoreSecret.
pub const DELETE_CANCELLED: &str = "CancelSecretVersionDelete";
/// A version was deleted at the end of the recovery window, or at once by force.
pub const DELETE_ENDED: &str = "EndSecretVersionDelete";
/// A deprecated version was pruned to make room.
pub const PRUNED: &str = "SecretVersionDeletion";
/// A rotation was abandoned, as its version lost AWSPENDING.
pub const ROTATION_ABANDONED: &str = "RotationAbandoned";
/// The service's source in the trail.
pub const EVENT_SOURCE: &str = "secretsmanager.amazonaws.com";
/// The service's source in EventBridge.
const SOURCE: &str = "aws.secretsmanager";

/// A rotation or test has begun.
#[must_use]
pub const fn started(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Rotate => "RotationStarted",
        Purpose::Test => "TestRotationStarted",
    }
}

/// A rotation or test was completed.
#[must_use]
pub const fn succeeded(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Rotate => "RotationSucceeded",
        Purpose::Test => "TestRotationSucceeded",
    }
}

/// A rotation or test has failed.
#[must_use]
pub const fn failed(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Rotate => "RotationFailed",
        Purpose::Test => "TestRotationFailed",
    }
}

/// An event about a secret.
#[derive(Debug)]
pub struct Event<'a> {
    name: &'static str,
    /// Names the work that it belongs to; its own, if none.
    request_id: Option<Cow<'a, str>>,
    failure: Option<&'a str>,
}

impl<'a> Event<'a> {
    /// An event of a rotation or test.
    #[must_use]
    pub fn of_run(name: &'static str, arn: &str, run_id: &str) -> Self {
        Self { name, request_id: Some(Cow::Owned(format!("Rotation-{arn}-{run_id}"))), failure: None }
    }

    /// The event of a failure, in the words `failure`.
    #[must_use]
    pub fn failed(name: &'static str, arn: &str, run_id: &str, failure: &'a str) -> Self {
        Self { failure: Some(failure), ..Self::of_run(name, arn, run_id) }
    }

    /// The event that a rotation was abandoned.
    #[must_use]
    pub fn abandoned(arn: &str, under_way: &UnderWay) -> Self {
        Self::of_run(ROTATION_ABANDONED, arn, &under_way.run_id)
    }
}

/// The entries of the feed for an event about `secret`, to be committed with the change: its record, and the event that it
/// makes where events are wanted.
///
/// # Errors
/// When the random source fails.
pub fn entries(
    documents: &Documents,
    secret: &Secret,
    now: Timestamp,
    event: &Event<'_>,
) -> Result<Vec<FeedEntry>, Error> {
    let random = documents.random();
    let event_id = random_uuid(random)?;
    let account = AccountId::parse(&secret.account).map_err(|error| Error::internal(error.to_string()))?;
    let region = Region::parse(&secret.region).map_err(|error| Error::internal(error.to_string()))?;
    let request_id = match &event.request_id {
        Some(request_id) => request_id.clone(),
        None => Cow::Owned(random_uuid(random)?),
    };
    let told = ServiceEvent {
        source: EVENT_SOURCE,
        name: event.name,
        region: &region,
        account: &account,
        secret_arn: &secret.arn(),
        time: now,
        request_id: &request_id,
    };
    let record = Record::service_event(event_id.clone(), told);
    let outcome = match event.failure {
        None => Outcome::Success { response_elements: None, resources: Vec::new() },
        Some(text) => Outcome::Failure { code: String::new(), message: text.to_owned() },
    };
    let line = record.finish(&outcome);
    let recorded = outbox::seal_entry(documents.records(), documents.keyring(), random, &event_id, &line)?;
    Ok(announcing::entry_of_record(documents, &record, &line)?.into_iter().chain([recorded]).collect())
}

/// Adds the events of the staging labels that a change moves to other versions, save those of AWS's labels that only go
/// along with AWSCURRENT or with a rotation (specification §9.3).
///
/// # Errors
/// When the random source fails.
pub fn add_labels_moved(
    documents: &Documents,
    batch: &mut Batch,
    before: Option<&Secret>,
    after: &Secret,
    now: Timestamp,
) -> Result<(), Error> {
    if !documents.announces() {
        return Ok(());
    }
    let region = Region::parse(&after.region).map_err(|error| Error::internal(error.to_string()))?;
    for (label, version_id) in after.stages.iter() {
        let stays = before.and_then(|before| before.stages.get(label)) == Some(version_id);
        if stays || label == PENDING || label == PREVIOUS {
            continue;
        }
        let detail = json!({ "name": after.name, "labelUpdated": label, "versionId": version_id });
        let announcement = Announcement {
            source: SOURCE,
            detail_type: LABEL_UPDATED,
            account: &after.account,
            region: &region,
            time: now,
            resources: &[after.arn()],
            detail: &detail.to_string(),
        };
        batch.feed.extend(announcing::entry(documents, &announcement)?);
    }
    Ok(())
}

impl Secrets {
    /// Adds one event about a version of `secret` to `batch`, so that it is committed with the change.
    pub(super) fn add_event(
        &self,
        cx: &Ctx,
        batch: &mut Batch,
        secret: &Secret,
        name: &'static str,
    ) -> Result<(), Error> {
        let event = Event { name, request_id: None, failure: None };
        batch.feed.extend(entries(&self.documents, secret, cx.now, &event)?);
        Ok(())
    }

    /// Adds the event that a rotation was abandoned, if one was.
    pub(super) fn add_abandoned(
        &self,
        cx: &Ctx,
        batch: &mut Batch,
        secret: &Secret,
        abandoned: Option<&UnderWay>,
    ) -> Result<(), Error> {
        if let Some(under_way) = abandoned {
            batch.feed.extend(entries(&self.documents, secret, cx.now, &Event::abandoned(&secret.arn(), under_way))?);
        }
        Ok(())
    }
}
