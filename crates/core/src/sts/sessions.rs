//! GetSessionToken and GetFederationToken: credentials for a time of users and roots.

use std::sync::Arc;

use strongroom_types::SecretText;
use strongroom_wire::sts::{
    FederatedUser, GetFederationTokenRequest, GetFederationTokenResponse, GetSessionTokenRequest,
    GetSessionTokenResponse,
};

use super::conditions::SessionKeys;
use super::narrowing::{SessionTags, packed_percent, pairs};
use super::{Sts, refusals};
use crate::access::{EntityRef, Resource, TAG_SESSION, authorize};
use crate::caller::Principal;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::identities::mfa::MfaCheck;
use crate::identities::session_token::{SessionClaims, SessionHolder};
use crate::identities::user::User;

/// How long a session lasts when the request does not say, in seconds.
const SECONDS_DEFAULT: i32 = 43_200;
/// How long a session of a root lasts at most. What is longer is cut, as AWS does.
const ROOT_SECONDS_MAX: i32 = 3600;

impl Sts {
    /// Credentials of the caller itself, with MFA if a code is shown. Needs no permission.
    ///
    /// # Errors
    /// AccessDenied for sessions, and for a code that is wrong.
    pub async fn get_session_token(
        &self,
        cx: &Ctx,
        input: GetSessionTokenRequest,
    ) -> Result<GetSessionTokenResponse, Error> {
        let holder = match self.long_term_user(cx, "GetSessionToken").await? {
            Some(id) => SessionHolder::User { id },
            None => SessionHolder::Root,
        };
        let mfa = self.shown_mfa(cx, input.serial_number.as_deref(), input.token_code.as_ref()).await?;
        let seconds = seconds(input.duration_seconds, &holder);
        let mut claims = SessionClaims::of(cx.caller.account.as_str(), holder);
        claims.mfa_s = mfa.map(|shown| shown.seconds());
        let issued = self.issue(cx, claims, seconds, input.minimum_session_token_size)?;
        Ok(GetSessionTokenResponse {
            session_token_size: issued.token_bytes(),
            credentials: Some(issued.into_credentials()),
            session_token_utilization: None,
        })
    }

    /// Credentials of a federated user: what the caller may, within the policies of the session.
    ///
    /// # Errors
    /// AccessDenied, InvalidParameterValue, ValidationError, MalformedPolicyDocument, PackedPolicyTooLarge.
    pub async fn get_federation_token(
        &self,
        cx: &Ctx,
        input: GetFederationTokenRequest,
    ) -> Result<GetFederationTokenResponse, Error> {
        let by = self.long_term_user(cx, "GetFederationToken").await?;
        let account = &cx.caller.account;
        let tags = SessionTags::of(&pairs(input.tags.as_ref()), &[], None)?;
        let arn = ["arn:", cx.region.partition(), ":sts::", account.as_str(), ":federated-user/", &input.name].concat();
        let entity = EntityRef {
            asked: None,
            arn: arn.clone(),
            account: account.clone(),
            tags: Vec::new(),
            boundary: None,
            kind: "",
        };
        let resource = Resource::Entity(Arc::new(entity));
        let duration_seconds = input.duration_seconds;
        let keys = SessionKeys { tags: &tags.all, duration_seconds, ..SessionKeys::default() };
        authorize(cx, "sts:GetFederationToken", resource.clone(), &keys)?;
        if !tags.all.is_empty() {
            authorize(cx, TAG_SESSION, resource, &keys)?;
        }
        let holder = SessionHolder::Federated { by, name: input.name.clone() };
        let seconds = seconds(duration_seconds, &holder);
        let policies =
            self.session_policies((cx.region.partition(), account.as_str()), input.policy, input.policy_arns).await?;
        let packed_policy_size = packed_percent(&policies, &tags.all)?;
        let mut claims = SessionClaims::of(account.as_str(), holder).narrowed(policies.inline, policies.arns);
        claims.tags = tags.all;
        let issued = self.issue(cx, claims, seconds, input.minimum_session_token_size)?;
        let federated_user_id = [account.as_str(), ":", &input.name].concat();
        Ok(GetFederationTokenResponse {
            session_token_size: issued.token_bytes(),
            credentials: Some(issued.into_credentials()),
            federated_user: Some(FederatedUser { federated_user_id, arn }),
            packed_policy_size,
            session_token_utilization: None,
        })
    }

    /// The unique id of the user that asks with long-term credentials; nothing for a root.
    ///
    /// # Errors
    /// AccessDenied for sessions.
    async fn long_term_user(&self, cx: &Ctx, operation: &str) -> Result<Option<String>, Error> {
        match &cx.caller.principal {
            _ if cx.caller.session.is_some() => Err(refusals::session_calls(operation)),
            Principal::Root => Ok(None),
            Principal::User { .. } => Ok(Some(cx.caller.user_id.to_string())),
            _ => Err(refusals::session_calls(operation)),
        }
    }

    /// When MFA was shown: now, if the request carries a device of the caller and its code.
    ///
    /// # Errors
    /// AccessDenied.
    pub(super) async fn shown_mfa(
        &self,
        cx: &Ctx,
        serial: Option<&str>,
        code: Option<&SecretText>,
    ) -> Result<Option<strongroom_types::Timestamp>, Error> {
        let (serial, code) = match (serial, code) {
            (None, None) => return Ok(None),
            (Some(serial), Some(code)) => (serial, code),
            _ => return Err(refusals::half_of_mfa()),
        };
        let id = match (&cx.caller.principal, &cx.caller.session) {
            (Principal::User { .. }, None) => &cx.caller.user_id,
            // Codes are for those who sign with long-term credentials.
            _ => return Err(refusals::unknown_mfa()),
        };
        let account = cx.caller.account.as_str();
        let Some(user) = self.identities.with_id::<User>(account, id).await? else {
            return Err(refusals::unknown_mfa());
        };
        match self.identities.check_mfa(account, &user.value, serial, code.expose(), cx.now).await? {
            MfaCheck::Right => Ok(Some(cx.now)),
            MfaCheck::Wrong => Err(refusals::wrong_mfa()),
            MfaCheck::NotOfUser => Err(refusals::unknown_mfa()),
        }
    }
}

fn seconds(asked: Option<i32>, holder: &SessionHolder) -> i32 {
    let seconds = asked.unwrap_or(SECONDS_DEFAULT);
    match holder {
        SessionHolder::Root | SessionHolder::Federated { by: None, .. } => seconds.min(ROOT_SECONDS_MAX),
        _ => seconds,
    }
}
