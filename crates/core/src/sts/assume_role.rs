//! AssumeRole.

use strongroom_wire::sts::{AssumeRoleRequest, AssumeRoleResponse};

use super::conditions::SessionKeys;
use super::narrowing::{SessionTags, packed_percent, pairs, source_identity};
use super::roles::{assumed_role_user, claims, seconds};
use super::{Sts, refusals};
use crate::caller::Principal;
use crate::ctx::Ctx;
use crate::error::Error;

const ACTION: &str = "sts:AssumeRole";

impl Sts {
    /// Credentials of a role for a time.
    ///
    /// # Errors
    /// AccessDenied, ValidationError, InvalidParameterValue, MalformedPolicyDocument, PackedPolicyTooLarge.
    pub async fn assume_role(&self, cx: &Ctx, input: AssumeRoleRequest) -> Result<AssumeRoleResponse, Error> {
        match cx.caller.principal {
            Principal::Root => return Err(refusals::root_assumes_role()),
            Principal::Federated { .. } => return Err(refusals::session_calls("AssumeRole")),
            _ => {}
        }
        let role = self.role(&input.role_arn).await?;
        if input.provided_contexts.is_some() {
            return Err(refusals::invalid_context());
        }
        let calling = cx.caller.session.as_ref();
        // Chaining is of roles: short-lived credentials of a user are none.
        let chained = matches!(cx.caller.principal, Principal::RoleSession { .. });
        let transitive = input.transitive_tag_keys.unwrap_or_default();
        let tags = SessionTags::of(&pairs(input.tags.as_ref()), &transitive, calling)?;
        let source_identity = source_identity(input.source_identity.as_deref(), calling)?;
        let mfa = self.shown_mfa(cx, input.serial_number.as_deref(), input.token_code.as_ref()).await?;
        let keys = SessionKeys {
            session_name: Some(&input.role_session_name),
            external_id: input.external_id.as_deref(),
            source_identity: source_identity.as_deref(),
            duration_seconds: input.duration_seconds,
            tags: tags.requested(),
            transitive_keys: &transitive,
            mfa: mfa.is_some(),
            ..SessionKeys::default()
        };
        let found = role.authorize(cx, &cx.caller, ACTION, &keys, !tags.all.is_empty())?;
        let seconds = seconds(found, input.duration_seconds, chained)?;
        let policies =
            self.session_policies((cx.region.partition(), &found.account), input.policy, input.policy_arns).await?;
        let packed_policy_size = packed_percent(&policies, &tags.all)?;
        let mut claims = claims(found, &input.role_session_name, tags).narrowed(policies.inline, policies.arns);
        claims.source_identity.clone_from(&source_identity);
        claims.chained = chained;
        let issued = self.issue(cx, claims, seconds, input.minimum_session_token_size)?;
        Ok(AssumeRoleResponse {
            session_token_size: issued.token_bytes(),
            credentials: Some(issued.into_credentials()),
            assumed_role_user: Some(assumed_role_user(found, &input.role_session_name)),
            packed_policy_size,
            source_identity,
            session_token_utilization: None,
        })
    }
}
