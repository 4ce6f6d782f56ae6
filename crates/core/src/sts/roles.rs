//! A role that is to be assumed: found by its ARN, asked whether it may be, and a session made of it.

use std::sync::Arc;

use strongroom_policy::DocumentKind;
use strongroom_types::{AccountId, Arn};
use strongroom_wire::sts::AssumedRoleUser;

use super::conditions::SessionKeys;
use super::narrowing::SessionTags;
use super::{Sts, refusals};
use crate::access::{EntityRef, SET_SOURCE_IDENTITY, TAG_SESSION, authorize_trust};
use crate::caller::Caller;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::identities::entity::{Entity, pairs};
use crate::identities::role::Role;
use crate::identities::session_token::{SessionClaims, SessionHolder};

/// How records name roles.
pub const ROLE_KIND: &str = "AWS::IAM::Role";
/// How long a session of a role lasts when the request does not say, in seconds.
const SECONDS_DEFAULT: i32 = 3600;
/// How long a session lasts that was asked for with a session's credentials, at most.
const CHAINED_SECONDS_MAX: i32 = 3600;

/// The role of a request, existing or not.
pub(super) struct RoleRef {
    pub(super) account: AccountId,
    pub(super) found: Option<Arc<Role>>,
    pub(super) entity: Arc<EntityRef>,
}

impl Sts {
    /// The role of an ARN.
    ///
    /// # Errors
    /// ValidationError for what is no ARN of a role; faults of the store.
    pub(super) async fn role(&self, arn: &str) -> Result<RoleRef, Error> {
        let parsed = Arn::parse(arn).ok().filter(|parsed| {
            parsed.service == "iam" && parsed.region.is_empty() && parsed.resource.starts_with("role/")
        });
        let account = parsed.and_then(|parsed| AccountId::parse(&parsed.account).ok());
        let account = account.ok_or_else(|| refusals::invalid_arn(arn))?;
        let found = self.identities.with_arn::<Role>(arn).await?.map(|found| found.value);
        let tags = found.as_ref().map(|role| pairs(&role.tags)).unwrap_or_default();
        let entity = EntityRef {
            asked: None,
            arn: arn.to_owned(),
            account: account.clone(),
            tags,
            boundary: None,
            kind: ROLE_KIND,
        };
        Ok(RoleRef { account, found, entity: Arc::new(entity) })
    }
}

impl RoleRef {
    /// Asks whether `caller` may assume the role, give the session its tags and its source identity.
    ///
    /// # Errors
    /// AccessDenied; a fault when the role's trust policy does not read.
    pub(super) fn authorize(
        &self,
        cx: &Ctx,
        caller: &Caller,
        action: &'static str,
        keys: &SessionKeys<'_>,
        has_tags: bool,
    ) -> Result<&Arc<Role>, Error> {
        let trust = self.found.as_ref().map(|role| role.trust.compiled(DocumentKind::Trust)).transpose()?;
        let trust = trust.map(AsRef::as_ref);
        let further = [(TAG_SESSION, has_tags), (SET_SOURCE_IDENTITY, keys.source_identity.is_some())];
        let further = further.into_iter().filter_map(|(action, is_asked)| is_asked.then_some(action));
        for action in std::iter::once(action).chain(further) {
            authorize_trust(cx, caller, action, &self.entity, trust, keys)?;
        }
        self.found.as_ref().ok_or_else(|| Error::internal("a role that is not there was allowed to be assumed"))
    }
}

/// How long a session of a role lasts, in seconds.
///
/// # Errors
/// ValidationError when it is asked to last longer than the role or role chaining allows.
pub(super) fn seconds(role: &Role, asked: Option<i32>, is_chained: bool) -> Result<i32, Error> {
    let seconds = asked.unwrap_or(SECONDS_DEFAULT);
    if is_chained && seconds > CHAINED_SECONDS_MAX {
        return Err(refusals::longer_than_chain());
    }
    if seconds > role.session_seconds_max {
        return Err(refusals::longer_than_role());
    }
    Ok(seconds)
}

/// The claims of a session of a role, still without policies.
pub(super) fn claims(role: &Role, session: &str, tags: SessionTags) -> SessionClaims {
    let holder = SessionHolder::Role { id: role.id.clone(), session: session.to_owned() };
    let SessionTags { all, transitive, .. } = tags;
    SessionClaims { tags: all, transitive_keys: transitive, ..SessionClaims::of(&role.account, holder) }
}

/// A session of a role as the API shows it.
pub(super) fn assumed_role_user(role: &Role, session: &str) -> AssumedRoleUser {
    let arn = ["arn:", role.partition(), ":sts::", role.account(), ":assumed-role/", role.name(), "/", session];
    AssumedRoleUser { assumed_role_id: [role.id(), ":", session].concat(), arn: arn.concat() }
}
