//! Users: CreateUser, GetUser, DeleteUser, ListUsers, and how the API shows a user.

use strongroom_store::Index;
use strongroom_wire::iam::{
    AttachedPermissionsBoundary, CreateUserRequest, CreateUserResponse, DeleteUserRequest, GetUserRequest,
    GetUserResponse, ListUsersRequest, ListUsersResponse, Operation, PermissionsBoundaryAttachmentType,
    User as ShownUser,
};
use strongroom_wire::record;

use super::target::USER_KIND;
use super::{Iam, instant, refusals, shown_tags};
use crate::access::Permit;
use crate::caller::Principal;
use crate::ctx::{Ctx, Done};
use crate::documents::retry;
use crate::error::Error;
use crate::identities::entity::{Entity, Policies, new_id};
use crate::identities::user::User;

/// Users of an account, at most (IAM's quotas).
pub(super) const USERS_MAX: usize = 5000;

impl Iam {
    /// Makes a user.
    ///
    /// # Errors
    /// EntityAlreadyExists, LimitExceeded, NoSuchEntity for a boundary that is not there, InvalidInput for tags.
    pub async fn create_user(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: CreateUserRequest,
    ) -> Result<CreateUserResponse, Error> {
        let account = cx.caller.account.as_str();
        super::tags::authorize_new(cx, permit, Operation::TagUser, input.tags.as_ref(), &input)?;
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, "create_user").await?;
            if self.identities.named::<User>(account, &input.user_name).await?.is_some() {
                return Err(refusals::exists("User", &input.user_name));
            }
            self.check_quota::<User>(account, "UsersPerAccount", USERS_MAX).await?;
            let user = User {
                account: account.to_owned(),
                partition: cx.region.partition().to_owned(),
                name: input.user_name.clone(),
                path: input.path.clone().unwrap_or_else(|| "/".to_owned()),
                id: new_id(self.documents.random(), User::ID_PREFIX)?,
                created_ms: cx.now.millis(),
                tags: super::tags::checked(Vec::new(), input.tags.as_deref().unwrap_or_default())?,
                policies: Policies {
                    boundary: self.checked_boundary(cx, input.permissions_boundary.as_deref()).await?,
                    ..Policies::default()
                },
                groups: Vec::new(),
                access_keys: Vec::new(),
                login: None,
                mfa_devices: Vec::new(),
            };
            let response = CreateUserResponse { user: Some(shown(&user, true)) };
            let done = done(&user, &response);
            change.put(None, user)?;
            change.commit(cx, done).await?;
            Ok(response)
        })
        .await
    }

    /// A user, or the caller itself; for the root, the account.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub async fn get_user(&self, cx: &Ctx, _permit: &Permit, input: GetUserRequest) -> Result<GetUserResponse, Error> {
        if input.user_name.is_none() && cx.caller.principal == Principal::Root {
            return Ok(GetUserResponse { user: self.shown_root(cx).await? });
        }
        let user = self.user_or_caller(cx, input.user_name.as_deref()).await?;
        Ok(GetUserResponse { user: shown(&user.value, true) })
    }

    /// The users whose path begins with a prefix, by path and name.
    ///
    /// # Errors
    /// ValidationError for a marker that is none.
    pub async fn list_users(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: ListUsersRequest,
    ) -> Result<ListUsersResponse, Error> {
        let account = cx.caller.account.as_str();
        let prefix = input.path_prefix.as_deref().unwrap_or("/");
        let marker = input.marker.as_deref();
        let page = self.page::<User>("ListUsers", account, User::PATHS, prefix, input.max_items, marker).await?;
        let is_truncated = page.is_truncated();
        let users = page.items.iter().map(|user| shown(&user.value, false)).collect();
        Ok(ListUsersResponse { users, is_truncated, marker: page.marker })
    }

    /// Removes a user that nothing belongs to any more.
    ///
    /// # Errors
    /// NoSuchEntity, DeleteConflict.
    pub async fn delete_user(&self, cx: &Ctx, _permit: &Permit, input: DeleteUserRequest) -> Result<(), Error> {
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, "delete_user").await?;
            let user = self.user(cx, &input.user_name).await?;
            if let Some(what) = holds(&user.value) {
                return Err(refusals::delete_conflict(what));
            }
            change.delete(&user);
            let done = Done { response_elements: None, arn: Some(user.value.arn()), resource_kind: USER_KIND };
            change.commit(cx, done).await
        })
        .await
    }

    /// The root as GetUser shows it, in the account's name.
    async fn shown_root(&self, cx: &Ctx) -> Result<ShownUser, Error> {
        Ok(ShownUser {
            path: "/".to_owned(),
            user_name: self.account_name(cx).await?,
            user_id: cx.caller.account.to_string(),
            arn: cx.caller.arn.to_string(),
            create_date: instant(self.account(cx).await?.value.created_ms),
            password_last_used: None,
            permissions_boundary: None,
            tags: None,
        })
    }

    /// Refuses what would be one more than a quota allows.
    pub(super) async fn check_quota<E: Entity>(&self, account: &str, name: &str, max: usize) -> Result<(), Error> {
        if self.count(account, E::PATHS, max).await? >= max { Err(refusals::quota(name, max)) } else { Ok(()) }
    }

    /// How many entries of an account an index has, counted up to `max`.
    pub(super) async fn count(&self, account: &str, index: Index, max: usize) -> Result<usize, Error> {
        self.count_under(account, index, "", max).await
    }
}

/// What a user still has that must go before it, in the words of the refusal.
fn holds(user: &User) -> Option<&'static str> {
    [
        (!user.access_keys.is_empty(), "delete access keys"),
        (!user.policies.attached.is_empty(), "detach all policies"),
        (!user.policies.inline.is_empty(), "delete policies"),
        (!user.groups.is_empty(), "remove users from group"),
        (user.login.is_some(), "delete login profile"),
        (!user.mfa_devices.is_empty(), "delete MFA device"),
    ]
    .into_iter()
    .find_map(|(has, what)| has.then_some(what))
}

fn done(user: &User, response: &CreateUserResponse) -> Done {
    Done { response_elements: Some(record::encode(response)), arn: Some(user.arn()), resource_kind: USER_KIND }
}

/// A user as the API shows it. Lists leave tags and boundary out.
pub(super) fn shown(user: &User, whole: bool) -> ShownUser {
    let boundary = user.policies.boundary.as_ref().filter(|_| whole);
    ShownUser {
        path: user.path.clone(),
        user_name: user.name.clone(),
        user_id: user.id.clone(),
        arn: user.arn(),
        create_date: instant(user.created_ms),
        password_last_used: user.login.as_ref().and_then(|login| login.used_ms).map(instant),
        permissions_boundary: boundary.map(|arn| shown_boundary(arn)),
        tags: shown_tags(&user.tags).filter(|_| whole),
    }
}

/// A permissions boundary as the API shows it.
pub(super) fn shown_boundary(arn: &str) -> AttachedPermissionsBoundary {
    AttachedPermissionsBoundary {
        permissions_boundary_type: Some(PermissionsBoundaryAttachmentType::PermissionsBoundaryPolicy),
        permissions_boundary_arn: Some(arn.to_owned()),
    }
}
