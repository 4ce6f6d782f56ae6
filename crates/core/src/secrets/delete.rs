//! DeleteSecret, RestoreSecret and what happens at the end of a recovery window (specification §4.1).

use std::sync::Arc;

use strongroom_store::{Batch, Range};
use strongroom_types::Timestamp;
use strongroom_wire::record;
use strongroom_wire::secretsmanager::{
    DeleteSecretRequest, DeleteSecretResponse, RestoreSecretRequest, RestoreSecretResponse,
};

use super::model::{BY_PURGE, Deletion, Secret, instant_term, place};
use super::owned::guard;
use super::resolve::SecretRef;
use super::rotation::history;
use super::{Secrets, done, events, refusals};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::documents::{Loaded, retry};
use crate::error::Error;
use crate::trail::record::shown_date;

/// Days between request and deletion when the caller does not say.
const WINDOW_DAYS_DEFAULT: i64 = 30;
/// Shortest recovery window, in days.
const WINDOW_DAYS_MIN: i64 = 7;
/// Longest recovery window, in days.
const WINDOW_DAYS_MAX: i64 = 30;

impl Secrets {
    /// Schedules a deletion, or deletes at once by force.
    ///
    /// # Errors
    /// As specification §4.1.
    pub async fn delete_secret(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: DeleteSecretRequest,
    ) -> Result<DeleteSecretResponse, Error> {
        let force = input.force_delete_without_recovery.unwrap_or_default();
        let days = match input.recovery_window_in_days {
            Some(_) if force => return Err(refusals::window_with_force()),
            Some(days) if (WINDOW_DAYS_MIN..=WINDOW_DAYS_MAX).contains(&days) => days,
            Some(_) => return Err(refusals::window_out_of_range()),
            None => WINDOW_DAYS_DEFAULT,
        };
        let target = permit.secret()?;
        let _writer = self.documents.writer::<Secret>(&target.key).await?;
        if force {
            retry(|| self.delete_at_once(cx, target)).await
        } else {
            retry(|| self.schedule_deletion(cx, target, cx.now.plus_days(days))).await
        }
    }

    async fn schedule_deletion(
        &self,
        cx: &Ctx,
        target: &SecretRef,
        due: Timestamp,
    ) -> Result<DeleteSecretResponse, Error> {
        let before = self.present(target).await?;
        guard(cx, &before.value)?;
        if before.value.deletion.is_some() {
            return Err(refusals::deletion_already_scheduled());
        }
        let mut after = Secret::clone(&before.value);
        after.deletion = Some(Deletion { requested_ms: cx.now.millis(), due_ms: due.millis() });
        after.changed_ms = cx.now.millis();
        let after = Arc::new(after);
        let mut batch = Batch::named("delete_secret");
        for _ in after.versions.values() {
            self.add_event(cx, &mut batch, &after, events::DELETE_STARTED)?;
        }
        self.commit(cx, batch, &before, &after, Some(elements(&after, due))).await?;
        Ok(response(&after, due))
    }

    async fn delete_at_once(&self, cx: &Ctx, target: &SecretRef) -> Result<DeleteSecretResponse, Error> {
        let before = match self.present(target).await {
            Ok(before) => before,
            Err(Error::Refused(_)) => return self.deleted_nothing(cx, target),
            Err(error) => return Err(error),
        };
        guard(cx, &before.value)?;
        let batch = self.removal(cx, &before, "delete_secret_at_once").await?;
        let secret = &before.value;
        cx.commit(&self.documents, batch, done(secret, Some(elements(secret, cx.now)))).await?;
        Ok(response(secret, cx.now))
    }

    /// Force on a secret that does not exist succeeds, with an ARN that looks like one (specification §4.1).
    fn deleted_nothing(&self, cx: &Ctx, target: &SecretRef) -> Result<DeleteSecretResponse, Error> {
        let asked = &target.asked;
        let (name, arn) = match asked.split_once(":secret:") {
            Some((_, name)) => (name.to_owned(), asked.clone()),
            None => {
                let (partition, region, account) = (cx.region.partition(), &cx.region, &cx.caller.account);
                let suffix = self.new_suffix()?;
                let arn = format!("arn:{partition}:secretsmanager:{region}:{account}:secret:{asked}-{suffix}");
                (asked.clone(), arn)
            }
        };
        Ok(DeleteSecretResponse { arn: Some(arn), name: Some(name), deletion_date: Some(cx.now) })
    }

    /// What removes a secret with all its values and says so in the trail.
    pub(super) async fn removal(&self, cx: &Ctx, before: &Loaded<Secret>, name: &'static str) -> Result<Batch, Error> {
        let mut batch = Batch::named(name);
        self.documents.delete(&mut batch, before);
        if before.value.rotation.is_some() {
            history::forget(&self.documents, &mut batch, &before.value).await?;
        }
        for (id, version) in before.value.versions.iter() {
            if version.has_value() {
                self.drop_value(&mut batch, &before.value, id).await?;
            }
            self.add_event(cx, &mut batch, &before.value, events::DELETE_ENDED)?;
        }
        Ok(batch)
    }

    /// Cancels a scheduled deletion. On a secret without one it succeeds and changes nothing (unconfirmed).
    ///
    /// # Errors
    /// ResourceNotFound.
    pub async fn restore_secret(
        &self,
        cx: &Ctx,
        permit: &Permit,
        _input: RestoreSecretRequest,
    ) -> Result<RestoreSecretResponse, Error> {
        let target = permit.secret()?;
        let _writer = self.documents.writer::<Secret>(&target.key).await?;
        retry(|| async {
            let before = self.present(target).await?;
            let mut after = Secret::clone(&before.value);
            let response = RestoreSecretResponse { arn: Some(after.arn()), name: Some(after.name.clone()) };
            if after.deletion.take().is_some() {
                after.changed_ms = cx.now.millis();
                let after = Arc::new(after);
                let mut batch = Batch::named("restore_secret");
                for _ in after.versions.values() {
                    self.add_event(cx, &mut batch, &after, events::DELETE_CANCELLED)?;
                }
                self.commit(cx, batch, &before, &after, Some(record::encode(&response))).await?;
            }
            Ok(response)
        })
        .await
    }

    /// Deletes secrets of the caller's account and region whose recovery window has ended, at most `limit`. Returns
    /// how many. For the background, as the service itself.
    ///
    /// # Errors
    /// Faults of the store; what was deleted before stays deleted.
    pub async fn purge_due(&self, cx: &Ctx, limit: usize) -> Result<usize, Error> {
        let prefix = place(cx.caller.account.as_str(), cx.region.as_str());
        let due_until = prefix.clone() + &instant_term(cx.now.millis());
        let range = Range { index: BY_PURGE, prefix: prefix.clone(), after: None, descending: false, limit };
        let mut purged = 0;
        for entry in self.documents.range(&range).await? {
            if entry.value > due_until {
                break;
            }
            // The index is not sealed: an account's turn deletes no other account's secrets.
            if !entry.key.starts_with(&prefix) {
                continue;
            }
            let _writer = self.documents.writer::<Secret>(&entry.key).await?;
            let Some(before) = self.documents.load::<Secret>(entry.key).await? else { continue };
            if before.value.deletion.is_none_or(|deletion| deletion.due_ms > cx.now.millis()) {
                continue;
            }
            let batch = self.removal(cx, &before, "purge_secret").await?;
            match self.documents.commit(batch).await {
                Ok(()) => purged += 1,
                // Someone restored it meanwhile, or another node was faster: the next run sees what is left.
                Err(Error::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(purged)
    }
}

fn response(secret: &Secret, date: Timestamp) -> DeleteSecretResponse {
    DeleteSecretResponse { arn: Some(secret.arn()), name: Some(secret.name.clone()), deletion_date: Some(date) }
}

/// CloudTrail shows the date of a deletion in words, such as `May 3, 2018 5:51:02 PM`.
fn elements(secret: &Secret, date: Timestamp) -> String {
    serde_json::json!({ "name": secret.name, "deletionDate": shown_date(date), "arn": secret.arn() }).to_string()
}
