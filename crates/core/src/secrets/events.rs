//! Events that the service itself leaves in the trail, beside the calls' records (specification §9.2).

use strongroom_store::Batch;
use strongroom_types::AccountId;

use super::Secrets;
use super::model::Secret;
use crate::ctx::Ctx;
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
/// The service's source in the trail.
pub const EVENT_SOURCE: &str = "secretsmanager.amazonaws.com";

impl Secrets {
    /// Adds one event about a version of `secret` to `batch`, so that it is committed with the change.
    pub(super) fn add_event(
        &self,
        cx: &Ctx,
        batch: &mut Batch,
        secret: &Secret,
        name: &'static str,
    ) -> Result<(), Error> {
        let random = self.documents.random();
        let event_id = random_uuid(random)?;
        let account = AccountId::parse(&secret.account).map_err(|error| Error::internal(error.to_string()))?;
        let event = ServiceEvent {
            source: EVENT_SOURCE,
            name,
            region: &cx.region,
            account: &account,
            secret_arn: &secret.arn(),
            time: cx.now,
            request_id: &random_uuid(random)?,
        };
        let record = Record::service_event(event_id.clone(), event);
        let outcome = Outcome::Success { response_elements: None, resources: Vec::new() };
        batch.feed.push(outbox::seal_entry(self.documents.keyring(), random, &event_id, &record.finish(&outcome))?);
        Ok(())
    }
}
