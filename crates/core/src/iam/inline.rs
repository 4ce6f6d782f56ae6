//! Inline policies of users, groups and roles: Put…Policy, Get…Policy, Delete…Policy, List…Policies.

use strongroom_policy::{Document as Policy, DocumentKind};
use strongroom_wire::iam::{
    DeleteGroupPolicyRequest, DeleteRolePolicyRequest, DeleteUserPolicyRequest, GetGroupPolicyRequest,
    GetGroupPolicyResponse, GetRolePolicyRequest, GetRolePolicyResponse, GetUserPolicyRequest, GetUserPolicyResponse,
    ListGroupPoliciesRequest, ListGroupPoliciesResponse, ListRolePoliciesRequest, ListRolePoliciesResponse,
    ListUserPoliciesRequest, ListUserPoliciesResponse, PutGroupPolicyRequest, PutRolePolicyRequest,
    PutUserPolicyRequest, errors,
};

use super::Iam;
use super::attachments::done;
use super::holders::Holder;
use super::pages::Page;
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::documents::retry;
use crate::error::Error;
use crate::identities::group::Group;
use crate::identities::policy_text::PolicyText;
use crate::identities::role::Role;
use crate::identities::user::User;
use crate::page;

impl Iam {
    /// Puts an inline policy into a user, in place of one of the same name.
    ///
    /// # Errors
    /// NoSuchEntity, MalformedPolicyDocument, LimitExceeded.
    pub async fn put_user_policy(&self, cx: &Ctx, _: &Permit, input: PutUserPolicyRequest) -> Result<(), Error> {
        let policy = (input.policy_name.as_str(), input.policy_document.as_str());
        self.put_inline::<User>(cx, "put_user_policy", &input.user_name, policy).await
    }

    /// Puts an inline policy into a group, in place of one of the same name.
    ///
    /// # Errors
    /// NoSuchEntity, MalformedPolicyDocument, LimitExceeded.
    pub async fn put_group_policy(&self, cx: &Ctx, _: &Permit, input: PutGroupPolicyRequest) -> Result<(), Error> {
        let policy = (input.policy_name.as_str(), input.policy_document.as_str());
        self.put_inline::<Group>(cx, "put_group_policy", &input.group_name, policy).await
    }

    /// Puts an inline policy into a role, in place of one of the same name.
    ///
    /// # Errors
    /// NoSuchEntity, MalformedPolicyDocument, LimitExceeded; UnmodifiableEntity for a role that belongs to a service.
    pub async fn put_role_policy(&self, cx: &Ctx, _: &Permit, input: PutRolePolicyRequest) -> Result<(), Error> {
        let policy = (input.policy_name.as_str(), input.policy_document.as_str());
        self.put_inline::<Role>(cx, "put_role_policy", &input.role_name, policy).await
    }

    /// An inline policy of a user.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub async fn get_user_policy(
        &self,
        cx: &Ctx,
        _: &Permit,
        input: GetUserPolicyRequest,
    ) -> Result<GetUserPolicyResponse, Error> {
        let (user_name, policy_document) = self.inline::<User>(cx, &input.user_name, &input.policy_name).await?;
        Ok(GetUserPolicyResponse { user_name, policy_name: input.policy_name, policy_document })
    }

    /// An inline policy of a group.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub async fn get_group_policy(
        &self,
        cx: &Ctx,
        _: &Permit,
        input: GetGroupPolicyRequest,
    ) -> Result<GetGroupPolicyResponse, Error> {
        let (group_name, policy_document) = self.inline::<Group>(cx, &input.group_name, &input.policy_name).await?;
        Ok(GetGroupPolicyResponse { group_name, policy_name: input.policy_name, policy_document })
    }

    /// An inline policy of a role.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub async fn get_role_policy(
        &self,
        cx: &Ctx,
        _: &Permit,
        input: GetRolePolicyRequest,
    ) -> Result<GetRolePolicyResponse, Error> {
        let (role_name, policy_document) = self.inline::<Role>(cx, &input.role_name, &input.policy_name).await?;
        Ok(GetRolePolicyResponse { role_name, policy_name: input.policy_name, policy_document })
    }

    /// Removes an inline policy of a user.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub async fn delete_user_policy(&self, cx: &Ctx, _: &Permit, input: DeleteUserPolicyRequest) -> Result<(), Error> {
        self.delete_inline::<User>(cx, "delete_user_policy", &input.user_name, &input.policy_name).await
    }

    /// Removes an inline policy of a group.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub async fn delete_group_policy(
        &self,
        cx: &Ctx,
        _: &Permit,
        input: DeleteGroupPolicyRequest,
    ) -> Result<(), Error> {
        self.delete_inline::<Group>(cx, "delete_group_policy", &input.group_name, &input.policy_name).await
    }

    /// Removes an inline policy of a role.
    ///
    /// # Errors
    /// NoSuchEntity; UnmodifiableEntity for a role that belongs to a service.
    pub async fn delete_role_policy(&self, cx: &Ctx, _: &Permit, input: DeleteRolePolicyRequest) -> Result<(), Error> {
        self.delete_inline::<Role>(cx, "delete_role_policy", &input.role_name, &input.policy_name).await
    }

    /// Names of the inline policies of a user.
    ///
    /// # Errors
    /// NoSuchEntity; ValidationError for a marker that is none.
    pub async fn list_user_policies(
        &self,
        cx: &Ctx,
        _: &Permit,
        input: ListUserPoliciesRequest,
    ) -> Result<ListUserPoliciesResponse, Error> {
        let page = self.inline_names::<User>(cx, &input.user_name, input.max_items, input.marker.as_deref()).await?;
        let is_truncated = page.is_truncated();
        Ok(ListUserPoliciesResponse { policy_names: page.items, is_truncated, marker: page.marker })
    }

    /// Names of the inline policies of a group.
    ///
    /// # Errors
    /// NoSuchEntity; ValidationError for a marker that is none.
    pub async fn list_group_policies(
        &self,
        cx: &Ctx,
        _: &Permit,
        input: ListGroupPoliciesRequest,
    ) -> Result<ListGroupPoliciesResponse, Error> {
        let page = self.inline_names::<Group>(cx, &input.group_name, input.max_items, input.marker.as_deref()).await?;
        let is_truncated = page.is_truncated();
        Ok(ListGroupPoliciesResponse { policy_names: page.items, is_truncated, marker: page.marker })
    }

    /// Names of the inline policies of a role.
    ///
    /// # Errors
    /// NoSuchEntity; ValidationError for a marker that is none.
    pub async fn list_role_policies(
        &self,
        cx: &Ctx,
        _: &Permit,
        input: ListRolePoliciesRequest,
    ) -> Result<ListRolePoliciesResponse, Error> {
        let page = self.inline_names::<Role>(cx, &input.role_name, input.max_items, input.marker.as_deref()).await?;
        let is_truncated = page.is_truncated();
        Ok(ListRolePoliciesResponse { policy_names: page.items, is_truncated, marker: page.marker })
    }

    async fn put_inline<H: Holder>(
        &self,
        cx: &Ctx,
        change: &'static str,
        holder: &str,
        (name, text): (&str, &str),
    ) -> Result<(), Error> {
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, change).await?;
            let before = self.changeable::<H>(cx, holder).await?;
            let document = parsed(text, DocumentKind::Identity)?;
            let mut after = H::clone(&before.value);
            let mut chars = document.minified_chars();
            let others = after.policies().inline.iter().filter(|(other, _)| *other != name);
            for (_, other) in others {
                chars += other.compiled(DocumentKind::Identity)?.minified_chars();
            }
            if chars > H::INLINE_CHARS_MAX {
                return Err(too_long(&after));
            }
            after.policies_mut().inline.insert(name.to_owned(), PolicyText::parsed(text, document));
            let done = done::<H>(&after);
            change.put(Some(&before), after)?;
            change.commit(cx, done).await
        })
        .await
    }

    async fn delete_inline<H: Holder>(
        &self,
        cx: &Ctx,
        change: &'static str,
        holder: &str,
        name: &str,
    ) -> Result<(), Error> {
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, change).await?;
            let before = self.changeable::<H>(cx, holder).await?;
            let mut after = H::clone(&before.value);
            after.policies_mut().inline.remove(name).ok_or_else(|| no_such_inline::<H>(name))?;
            let done = done::<H>(&after);
            change.put(Some(&before), after)?;
            change.commit(cx, done).await
        })
        .await
    }

    /// The holder's name and the text of its policy.
    async fn inline<H: Holder>(&self, cx: &Ctx, holder: &str, name: &str) -> Result<(String, String), Error> {
        let holder = self.holder::<H>(cx, holder).await?.value;
        let text = holder.policies().inline.get(name).ok_or_else(|| no_such_inline::<H>(name))?;
        Ok((holder.name().to_owned(), text.text().to_owned()))
    }

    async fn inline_names<H: Holder>(
        &self,
        cx: &Ctx,
        holder: &str,
        max_items: Option<i32>,
        marker: Option<&str>,
    ) -> Result<Page<String>, Error> {
        let holder = self.holder::<H>(cx, holder).await?.value;
        let query = page::Query::new("ListPolicyNames").part(holder.id());
        let names = holder.policies().inline.keys().cloned().collect();
        self.page_of(&query, names, String::clone, max_items, marker)
    }
}

/// A policy of a kind.
///
/// # Errors
/// MalformedPolicyDocument with IAM's text.
pub(super) fn parsed(text: &str, kind: DocumentKind) -> Result<Policy, Error> {
    Policy::parse(text, kind)
        .map_err(|malformed| Error::refused(errors::MALFORMED_POLICY_DOCUMENT_EXCEPTION, malformed.client_text()))
}

fn no_such_inline<H: Holder>(name: &str) -> Error {
    let text = format!("The {} policy with name {name} cannot be found.", H::NOUN);
    Error::refused(errors::NO_SUCH_ENTITY_EXCEPTION, text)
}

fn too_long<H: Holder>(holder: &H) -> Error {
    let (max, noun, name) = (H::INLINE_CHARS_MAX, H::NOUN, holder.name());
    let text = format!("Maximum policy size of {max} bytes exceeded for {noun} {name}");
    Error::refused(errors::LIMIT_EXCEEDED_EXCEPTION, text)
}
