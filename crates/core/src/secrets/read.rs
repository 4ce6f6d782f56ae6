//! GetSecretValue and ListSecretVersionIds (specification §§3.4, 3.7).

use strongroom_types::Timestamp;
use strongroom_wire::secretsmanager::{
    GetSecretValueRequest, GetSecretValueResponse, ListSecretVersionIdsRequest, ListSecretVersionIdsResponse,
    SecretVersionsListEntry,
};

use super::keys::key_reaches;
use super::model::Secret;
use super::values::SecretValue;
use super::versions::CURRENT;
use super::{Secrets, refusals};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::page;

/// Versions on a page when the caller does not say.
const PAGE_DEFAULT: usize = 100;

impl Secrets {
    /// A version's value: the current one, or the one that the selectors name.
    ///
    /// # Errors
    /// As specification §3.4.
    pub async fn get_secret_value(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: GetSecretValueRequest,
    ) -> Result<GetSecretValueResponse, Error> {
        let secret = Self::found_live(permit.secret()?)?;
        let (id, stage) = (input.version_id.as_deref(), input.version_stage.as_deref());
        let version_id = select(secret, id, stage)?;
        let missing = || match id {
            Some(id) => refusals::no_value_for_version(id),
            None => refusals::no_value_for_stage(stage.unwrap_or(CURRENT)),
        };
        let version = secret.versions.get(version_id).filter(|version| version.has_value()).ok_or_else(missing)?;
        key_reaches(cx, secret)?;
        let value = self.value(cx, secret, version_id).await?.ok_or_else(missing)?;
        self.access_days.note(secret, version_id, cx.now);
        let mut response = GetSecretValueResponse {
            arn: Some(secret.arn()),
            name: Some(secret.name.clone()),
            version_id: Some(version_id.to_owned()),
            version_stages: Some(secret.stages_of(version_id)).filter(|stages| !stages.is_empty()),
            created_date: Some(Timestamp::from_millis(version.created_ms)),
            ..GetSecretValueResponse::default()
        };
        match value {
            SecretValue::Text(text) => response.secret_string = Some(text),
            SecretValue::Binary(bytes) => response.secret_binary = Some(bytes),
        }
        Ok(response)
    }

    /// The versions that hold a value; deprecated ones only if asked for. Newest first.
    ///
    /// # Errors
    /// As specification §3.7.
    pub async fn list_secret_version_ids(
        &self,
        _cx: &Ctx,
        permit: &Permit,
        input: ListSecretVersionIdsRequest,
    ) -> Result<ListSecretVersionIdsResponse, Error> {
        let secret = Self::found_live(permit.secret()?)?;
        let overlaid = self.access_days.overlay(secret);
        let secret = overlaid.as_ref().unwrap_or(secret);
        let deprecated = input.include_deprecated.unwrap_or_default();
        let limit = input.max_results.and_then(|max| usize::try_from(max).ok()).unwrap_or(PAGE_DEFAULT);
        let query = page::Query::new("ListSecretVersionIds").part(&secret.arn()).flag(deprecated);
        let after = match &input.next_token {
            Some(token) => Some(page::open(&self.documents, &query, token)?),
            None => None,
        };
        let mut shown: Vec<(String, SecretVersionsListEntry)> = secret
            .versions
            .iter()
            .filter(|(_, version)| version.has_value())
            .map(|(id, version)| {
                let stages = secret.stages_of(id);
                let entry = SecretVersionsListEntry {
                    version_id: Some(id.clone()),
                    version_stages: Some(stages).filter(|stages| !stages.is_empty()),
                    created_date: Some(Timestamp::from_millis(version.created_ms)),
                    last_accessed_date: version.accessed_ms.map(Timestamp::from_millis),
                    kms_key_ids: Some(version.kms_key_ids.clone()),
                };
                // Descending instants as ascending text, so that a page token is simply the last place shown.
                (format!("{:016x}:{id}", i64::MAX.saturating_sub(version.created_ms.max(0))), entry)
            })
            .filter(|(_, entry)| deprecated || entry.version_stages.is_some())
            .filter(|(place, _)| after.as_ref().is_none_or(|after| place > after))
            .collect();
        shown.sort_by(|left, right| left.0.cmp(&right.0));
        let more = shown.len() > limit;
        shown.truncate(limit);
        let last = shown.last().map(|(place, _)| place.clone()).filter(|_| more);
        Ok(ListSecretVersionIdsResponse {
            arn: Some(secret.arn()),
            name: Some(secret.name.clone()),
            next_token: last.map(|place| page::seal(&self.documents, &query, &place)).transpose()?,
            versions: Some(shown.into_iter().map(|(_, entry)| entry).collect()),
        })
    }
}

/// The version that the selectors of GetSecretValue name.
fn select<'a>(secret: &'a Secret, id: Option<&'a str>, stage: Option<&str>) -> Result<&'a str, Error> {
    let holder = |stage: &str| secret.stages.get(stage).map(String::as_str);
    match (id, stage) {
        (None, stage) => {
            let stage = stage.unwrap_or(CURRENT);
            holder(stage).ok_or_else(|| refusals::no_value_for_stage(stage))
        }
        (Some(id), _) if !secret.versions.contains_key(id) => Err(refusals::no_value_for_version(id)),
        (Some(id), Some(stage)) if holder(stage) != Some(id) => Err(refusals::selectors_disagree()),
        (Some(id), _) => Ok(id),
    }
}
