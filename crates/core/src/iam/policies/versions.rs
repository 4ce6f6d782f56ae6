//! Versions of managed policies: CreatePolicyVersion, GetPolicyVersion, ListPolicyVersions, SetDefaultPolicyVersion,
//! DeletePolicyVersion.

use strongroom_policy::DocumentKind;
use strongroom_wire::iam::{
    CreatePolicyVersionRequest, CreatePolicyVersionResponse, DeletePolicyVersionRequest, GetPolicyVersionRequest,
    GetPolicyVersionResponse, ListPolicyVersionsRequest, ListPolicyVersionsResponse, SetDefaultPolicyVersionRequest,
    errors,
};
use strongroom_wire::record;

use super::{
    Found, POLICY_CHARS_MAX, VERSIONS_MAX, done, no_such_version, shown_aws_version, shown_version, version_id,
};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::documents::retry;
use crate::error::Error;
use crate::iam::inline::parsed;
use crate::iam::{Iam, refusals};
use crate::identities::managed_policy::{ManagedPolicy, PolicyVersion};
use crate::identities::policy_text::PolicyText;
use crate::page;

impl Iam {
    /// Makes a version of a managed policy.
    ///
    /// # Errors
    /// NoSuchEntity, MalformedPolicyDocument, LimitExceeded; AccessDenied for a policy of AWS.
    pub async fn create_policy_version(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: CreatePolicyVersionRequest,
    ) -> Result<CreatePolicyVersionResponse, Error> {
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, "create_policy_version").await?;
            let before = self.own_policy(cx, permit, &input.policy_arn).await?;
            let document = checked_document(&input.policy_document, DocumentKind::Managed)?;
            let mut after = ManagedPolicy::clone(&before.value);
            if after.versions.len() >= VERSIONS_MAX {
                let text = format!(
                    "A managed policy can have up to {VERSIONS_MAX} versions. Before you create a new version, you must \
                     delete an existing version."
                );
                return Err(Error::refused(errors::LIMIT_EXCEEDED_EXCEPTION, text));
            }
            let version = PolicyVersion { number: after.next_version, document, created_ms: cx.now.millis() };
            after.next_version = after.next_version.saturating_add(1);
            after.updated_ms = cx.now.millis();
            if input.set_as_default == Some(true) {
                after.default_version = version.number;
            }
            let shown = shown_version(&after, &version, false);
            after.versions.push(version);
            let response = CreatePolicyVersionResponse { policy_version: Some(shown) };
            let done = done(&after, Some(record::encode(&response)));
            change.put(Some(&before), after)?;
            change.commit(cx, done).await?;
            Ok(response)
        })
        .await
    }

    /// A version of a managed policy with its document. Of a policy of AWS the newest version is here.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub async fn get_policy_version(
        &self,
        cx: &Ctx,
        _: &Permit,
        input: GetPolicyVersionRequest,
    ) -> Result<GetPolicyVersionResponse, Error> {
        let no_such = || no_such_version(&input.policy_arn, &input.version_id);
        let version = match self.managed(cx, &input.policy_arn).await? {
            Found::Own(found) => {
                let version = version_of(&found.value, &input.version_id).ok_or_else(no_such)?;
                shown_version(&found.value, version, true)
            }
            Found::Aws(policy) if policy.version == input.version_id => shown_aws_version(policy, true),
            Found::Aws(_) => return Err(no_such()),
        };
        Ok(GetPolicyVersionResponse { policy_version: Some(version) })
    }

    /// The versions of a managed policy, the newest first, without their documents.
    ///
    /// # Errors
    /// NoSuchEntity; ValidationError for a marker that is none.
    pub async fn list_policy_versions(
        &self,
        cx: &Ctx,
        _: &Permit,
        input: ListPolicyVersionsRequest,
    ) -> Result<ListPolicyVersionsResponse, Error> {
        let versions = match self.managed(cx, &input.policy_arn).await? {
            Found::Own(found) => {
                let policy = &found.value;
                policy.versions.iter().rev().map(|version| shown_version(policy, version, false)).collect()
            }
            Found::Aws(policy) => vec![shown_aws_version(policy, false)],
        };
        let query = page::Query::new("ListPolicyVersions").part(&input.policy_arn);
        let place = |version: &super::ShownVersion| version.version_id.clone().unwrap_or_default();
        let page = self.page_of(&query, versions, place, input.max_items, input.marker.as_deref())?;
        let is_truncated = page.is_truncated();
        Ok(ListPolicyVersionsResponse { versions: Some(page.items), is_truncated, marker: page.marker })
    }

    /// Puts a version of a managed policy into force.
    ///
    /// # Errors
    /// NoSuchEntity; AccessDenied for a policy of AWS.
    pub async fn set_default_policy_version(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: SetDefaultPolicyVersionRequest,
    ) -> Result<(), Error> {
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, "set_default_policy_version").await?;
            let before = self.own_policy(cx, permit, &input.policy_arn).await?;
            let version = version_of(&before.value, &input.version_id);
            let version = version.ok_or_else(|| no_such_version(&input.policy_arn, &input.version_id))?;
            let mut after = ManagedPolicy::clone(&before.value);
            after.default_version = version.number;
            after.updated_ms = cx.now.millis();
            let done = done(&after, None);
            change.put(Some(&before), after)?;
            change.commit(cx, done).await
        })
        .await
    }

    /// Removes a version of a managed policy that is not in force.
    ///
    /// # Errors
    /// NoSuchEntity, DeleteConflict; AccessDenied for a policy of AWS.
    pub async fn delete_policy_version(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: DeletePolicyVersionRequest,
    ) -> Result<(), Error> {
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, "delete_policy_version").await?;
            let before = self.own_policy(cx, permit, &input.policy_arn).await?;
            let version = version_of(&before.value, &input.version_id);
            let number = version.ok_or_else(|| no_such_version(&input.policy_arn, &input.version_id))?.number;
            if number == before.value.default_version {
                let text = "Cannot delete the default version of a policy.";
                return Err(Error::refused(errors::DELETE_CONFLICT_EXCEPTION, text));
            }
            let mut after = ManagedPolicy::clone(&before.value);
            after.versions.retain(|version| version.number != number);
            let done = done(&after, None);
            change.put(Some(&before), after)?;
            change.commit(cx, done).await
        })
        .await
    }
}

fn version_of<'a>(policy: &'a ManagedPolicy, id: &str) -> Option<&'a PolicyVersion> {
    policy.versions.iter().find(|version| version_id(version.number) == id)
}

/// The document of a managed policy, within its quota.
///
/// # Errors
/// MalformedPolicyDocument, LimitExceeded.
pub(super) fn checked_document(text: &str, kind: DocumentKind) -> Result<PolicyText, Error> {
    let document = parsed(text, kind)?;
    if document.minified_chars() > POLICY_CHARS_MAX {
        return Err(refusals::quota("PolicySize", POLICY_CHARS_MAX));
    }
    Ok(PolicyText::parsed(text, document))
}
