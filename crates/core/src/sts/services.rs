//! Roles that services of this server assume on their own, without a caller: the execution roles of functions.

use strongroom_policy::DocumentKind;
use strongroom_wire::sts::Credentials;

use super::Sts;
use super::conditions::SessionKeys;
use super::narrowing::SessionTags;
use super::roles::claims;
use crate::access::may_assume;
use crate::caller::Caller;
use crate::ctx::Ctx;
use crate::error::Error;

const ACTION: &str = "sts:AssumeRole";

impl Sts {
    /// Whether a role is there and lets a service assume it. `source` is the account and the ARN of what the service asks
    /// for: `aws:SourceAccount` and `aws:SourceArn`.
    ///
    /// # Errors
    /// Faults of the store; a fault when the role's trust policy does not read.
    pub async fn service_may_assume(
        &self,
        cx: &Ctx,
        role_arn: &str,
        service: &str,
        source: (&str, &str),
    ) -> Result<bool, Error> {
        let Ok(role) = self.role(role_arn).await else { return Ok(false) };
        let Some(found) = &role.found else { return Ok(false) };
        let caller = Caller::service(role.account.clone(), service);
        let trust = found.trust.compiled(DocumentKind::Trust)?;
        let keys = SessionKeys { source: Some(source), ..SessionKeys::default() };
        may_assume(cx, &caller, ACTION, &role.entity, Some(trust.as_ref()), &keys)
    }

    /// Credentials of a session of a role for a service; nothing when the role does not let it.
    ///
    /// # Errors
    /// As [`Sts::service_may_assume`]; when the random source fails.
    pub async fn assume_for_service(
        &self,
        cx: &Ctx,
        role_arn: &str,
        service: &str,
        source: (&str, &str),
        session: &str,
        seconds: i32,
    ) -> Result<Option<Credentials>, Error> {
        if !self.service_may_assume(cx, role_arn, service, source).await? {
            return Ok(None);
        }
        let role = self.role(role_arn).await?;
        let Some(found) = &role.found else { return Ok(None) };
        let claims = claims(found, session, SessionTags::of(&[], &[], None)?);
        Ok(Some(self.issue(cx, claims, seconds, None)?.into_credentials()))
    }
}
