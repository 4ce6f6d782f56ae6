//! Permissions boundaries of users and roles.

use strongroom_wire::iam::{
    DeleteRolePermissionsBoundaryRequest, DeleteUserPermissionsBoundaryRequest, PutRolePermissionsBoundaryRequest,
    PutUserPermissionsBoundaryRequest, errors,
};

use super::Iam;
use super::attachments::done;
use super::holders::Holder;
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::documents::retry;
use crate::error::Error;
use crate::identities::role::Role;
use crate::identities::user::User;

impl Iam {
    /// The boundary that a request names, which must be a managed policy of the account or of AWS.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub(super) async fn checked_boundary(&self, cx: &Ctx, arn: Option<&str>) -> Result<Option<String>, Error> {
        let Some(arn) = arn else { return Ok(None) };
        match self.identities.offered_policy(cx.region.partition(), cx.caller.account.as_str(), arn).await? {
            Some(_) => Ok(Some(arn.to_owned())),
            None => {
                let text = format!("Scope ARN: {arn} does not exist or is not attachable.");
                Err(Error::refused(errors::NO_SUCH_ENTITY_EXCEPTION, text))
            }
        }
    }
}

impl Iam {
    /// Sets the boundary of a user.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub async fn put_user_permissions_boundary(
        &self,
        cx: &Ctx,
        _: &Permit,
        input: PutUserPermissionsBoundaryRequest,
    ) -> Result<(), Error> {
        let boundary = Some(input.permissions_boundary.as_str());
        self.bound::<User>(cx, "put_user_permissions_boundary", &input.user_name, boundary).await
    }

    /// Sets the boundary of a role.
    ///
    /// # Errors
    /// NoSuchEntity; UnmodifiableEntity for a role that belongs to a service.
    pub async fn put_role_permissions_boundary(
        &self,
        cx: &Ctx,
        _: &Permit,
        input: PutRolePermissionsBoundaryRequest,
    ) -> Result<(), Error> {
        let boundary = Some(input.permissions_boundary.as_str());
        self.bound::<Role>(cx, "put_role_permissions_boundary", &input.role_name, boundary).await
    }

    /// Takes the boundary from a user.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub async fn delete_user_permissions_boundary(
        &self,
        cx: &Ctx,
        _: &Permit,
        input: DeleteUserPermissionsBoundaryRequest,
    ) -> Result<(), Error> {
        self.bound::<User>(cx, "delete_user_permissions_boundary", &input.user_name, None).await
    }

    /// Takes the boundary from a role.
    ///
    /// # Errors
    /// NoSuchEntity; UnmodifiableEntity for a role that belongs to a service.
    pub async fn delete_role_permissions_boundary(
        &self,
        cx: &Ctx,
        _: &Permit,
        input: DeleteRolePermissionsBoundaryRequest,
    ) -> Result<(), Error> {
        self.bound::<Role>(cx, "delete_role_permissions_boundary", &input.role_name, None).await
    }

    async fn bound<H: Holder>(
        &self,
        cx: &Ctx,
        change: &'static str,
        name: &str,
        boundary: Option<&str>,
    ) -> Result<(), Error> {
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, change).await?;
            let before = self.changeable::<H>(cx, name).await?;
            let mut after = H::clone(&before.value);
            after.policies_mut().boundary = self.checked_boundary(cx, boundary).await?;
            let done = done::<H>(&after);
            change.put(Some(&before), after)?;
            change.commit(cx, done).await
        })
        .await
    }
}
