//! AssumeRoleWithWebIdentity: a role for whoever has a token of an identity provider.

use std::sync::Arc;

use strongroom_types::AccountId;
use strongroom_wire::sts::{AssumeRoleWithWebIdentityRequest, AssumeRoleWithWebIdentityResponse};

use super::conditions::SessionKeys;
use super::narrowing::{SessionTags, packed_percent};
use super::roles::{assumed_role_user, claims, seconds};
use super::{Sts, refusals};
use crate::caller::Caller;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::identities::oidc_provider::OidcProvider;
use crate::oidc::{self, Claims, Provider, WebIdentities, parse_thumbprint};
use crate::trail::record::{IdentityKind, UserIdentity};

const ACTION: &str = "sts:AssumeRoleWithWebIdentity";

impl Sts {
    /// Credentials of a role for whoever has a token of an identity provider of the role's account.
    ///
    /// # Errors
    /// InvalidIdentityToken, ExpiredTokenException, IDPCommunicationError for the token; AccessDenied, ValidationError,
    /// InvalidParameterValue, MalformedPolicyDocument, PackedPolicyTooLarge.
    pub async fn assume_role_with_web_identity(
        &self,
        cx: &Ctx,
        web_identities: &WebIdentities,
        input: AssumeRoleWithWebIdentityRequest,
    ) -> Result<AssumeRoleWithWebIdentityResponse, Error> {
        let role = self.role(&input.role_arn).await?;
        if input.provider_id.is_some() {
            // Providers that are named are those of OAuth 2.0 that AWS knows, which no account here can have.
            return Err(refusals::no_provider());
        }
        let token = oidc::read(input.web_identity_token.expose())?;
        let issuer = token.issuer().unwrap_or_default();
        let stored = self.identities.oidc_provider(role.account.as_str(), issuer).await?;
        let stored = stored.ok_or_else(|| oidc::refusals::no_provider(issuer))?.value;
        let token = web_identities.verify(&token, &provider(&stored), cx.now).await?;
        // From here on it is known who asks, and of which account.
        let provider_arn = stored.arn();
        record(cx, &role.account, &token);

        let tags = SessionTags::of(token.session_tags(), token.transitive_tag_keys(), None)?;
        let source_identity = token.source_identity().map(str::to_owned);
        if source_identity.as_deref().is_some_and(|identity| !is_source_identity(identity)) {
            return Err(refusals::source_identity_form());
        }
        let (asked, kept) = condition_keys(&token);
        let keys = SessionKeys {
            session_name: Some(&input.role_session_name),
            source_identity: source_identity.as_deref(),
            duration_seconds: input.duration_seconds,
            tags: &tags.all,
            transitive_keys: &tags.transitive,
            provider: Some(&provider_arn),
            provider_keys: &asked,
            ..SessionKeys::default()
        };
        let caller = web_identity(&role.account, &provider_arn, &token);
        let found = role.authorize(cx, &caller, ACTION, &keys, !tags.all.is_empty())?;
        let seconds = seconds(found, input.duration_seconds, false)?;
        let policies =
            self.session_policies((cx.region.partition(), &found.account), input.policy, input.policy_arns).await?;
        let packed_policy_size = packed_percent(&policies, &tags.all)?;
        let mut claims = claims(found, &input.role_session_name, tags).narrowed(policies.inline, policies.arns);
        claims.source_identity.clone_from(&source_identity);
        claims.federated_provider = Some(provider_arn);
        claims.provider_keys = kept;
        let issued = self.issue(cx, claims, seconds, input.minimum_session_token_size)?;
        Ok(AssumeRoleWithWebIdentityResponse {
            session_token_size: issued.token_bytes(),
            credentials: Some(issued.into_credentials()),
            subject_from_web_identity_token: Some(token.subject().to_owned()),
            assumed_role_user: Some(assumed_role_user(found, &input.role_session_name)),
            packed_policy_size,
            provider: Some(token.issuer().to_owned()),
            audience: Some(token.audience().to_owned()),
            source_identity,
            session_token_utilization: None,
            trusted_identity_propagation_context: None,
        })
    }
}

/// The provider as tokens are verified with it.
fn provider(stored: &OidcProvider) -> Provider {
    let thumbprints = stored.thumbprints.iter().filter_map(|thumbprint| parse_thumbprint(thumbprint)).collect();
    Provider::new(&stored.issuer(), stored.client_ids.clone(), thumbprints)
}

/// The caller that a token shows, as a role's trust policy is asked about it.
fn web_identity(account: &AccountId, provider_arn: &str, token: &Claims) -> Caller {
    let policy = strongroom_policy::Principal::web_identity(provider_arn, token.provider(), token.subject());
    Caller { user_id: principal_id(token).into(), policy, ..Caller::anonymous(account.clone()) }
}

/// How records name whoever has the token: issuer, audience and subject.
fn principal_id(token: &Claims) -> String {
    [token.issuer(), ":", token.audience(), ":", token.subject()].concat()
}

/// The record is of the role's account, and tells whose token it was.
fn record(cx: &Ctx, account: &AccountId, token: &Claims) {
    let identity = UserIdentity {
        principal_id: Some(principal_id(token)),
        user_name: Some(token.subject().to_owned()),
        identity_provider: Some(token.issuer().to_owned()),
        ..UserIdentity::of(IdentityKind::WebIdentityUser)
    };
    cx.amend_record(|record| {
        record.account = Some(account.clone());
        record.identity = Arc::new(identity);
    });
}

type Keys = Vec<(String, Vec<String>)>;

/// The condition keys of a token: all, and those that requests of the session have too.
fn condition_keys(token: &Claims) -> (Keys, Keys) {
    let keys = token.condition_keys();
    let pairs = |kept_alone: bool| {
        let wanted = keys.iter().filter(|key| key.in_session || !kept_alone);
        wanted.map(|key| (key.name.clone(), key.values.clone())).collect()
    };
    (pairs(false), pairs(true))
}

/// What the API takes as a source identity: 2 to 64 letters, digits and `+=,.@-_`.
fn is_source_identity(text: &str) -> bool {
    (2..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@-_".contains(&b))
}
