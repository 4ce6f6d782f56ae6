//! From a credential to the principal behind it: kept ready, and made anew as soon as any identity or policy changes.

use std::sync::Arc;

use strongroom_policy::DocumentKind;
use strongroom_store::Term;
use strongroom_types::{AccountId, Region, SecretText, Timestamp};

use super::Identities;
use super::access_key::BY_KEY_ID;
use super::entity::{Entity, pairs};
use super::key_uses::Noted;
use super::policy_text::PolicyText;
use super::role::Role;
use super::session_token::{self, SessionClaims, SessionHolder};
use super::user::User;
use crate::caller::{Caller, Grants, NamedPolicy, PolicySource, Principal, SessionFacts};
use crate::documents::Loaded;
use crate::error::Error;
use crate::identities::access_key::AccessKey;
use crate::trail::record::{IdentityKind, Session, SessionIssuer, UserIdentity};

/// The policy that allows everything.
const EVERYTHING: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

/// A credential with the principal behind it.
#[derive(Debug)]
pub struct Signer {
    /// The principal.
    pub caller: Arc<Caller>,
    /// How records show it.
    pub identity: Arc<UserIdentity>,
    /// The access key id.
    pub key_id: String,
    /// The secret access key.
    pub secret: SecretText,
    /// Grows when the secret of the access key id changes, so that what was derived from it is not used beyond.
    pub version: u64,
    /// The use that was noted last; nothing for sessions, whose uses are not kept.
    pub(super) noted: Option<Noted>,
    /// When the credential ends; never for long-term ones.
    expires: Option<Timestamp>,
    /// The state of all identities that it was made from.
    epoch: u64,
}

/// What a credential leads to.
#[derive(Debug)]
pub enum Found {
    /// A principal.
    Signer(Arc<Signer>),
    /// Nobody: no such key, or a token that is none of ours.
    Nobody,
    /// A credential that is good no more: the key is inactive, or its principal is gone.
    Gone,
    /// A session that has ended.
    Expired,
}

/// What was made of a credential.
enum Made {
    Signer(Box<Signer>),
    Nobody,
    Gone,
}

impl Identities {
    /// The principal that signs with an access key, and the session token that came with it.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn signer(
        &self,
        key_id: &str,
        token: Option<&str>,
        region: &Region,
        now: Timestamp,
    ) -> Result<Found, Error> {
        let epoch = self.epoch();
        let credential = token.unwrap_or(key_id);
        let ready = self.signers.get(credential).filter(|ready| ready.epoch == epoch && self.documents.may_recall());
        let signer = match ready {
            Some(ready) => ready,
            None => {
                let made = match token {
                    Some(token) => self.signer_of_session(token, region, epoch).await?,
                    None => self.signer_of_key(key_id, region, epoch).await?,
                };
                let made = match made {
                    Made::Signer(signer) => Arc::new(*signer),
                    Made::Nobody => return Ok(Found::Nobody),
                    Made::Gone => return Ok(Found::Gone),
                };
                self.signers.insert(credential.into(), Arc::clone(&made));
                made
            }
        };
        if signer.key_id != key_id {
            return Ok(Found::Nobody);
        }
        if signer.expires.is_some_and(|expires| now >= expires) {
            return Ok(Found::Expired);
        }
        Ok(Found::Signer(signer))
    }

    /// Whether a credential has led to a principal of late: telling costs no look at the store.
    #[must_use]
    pub fn has_in_memory(&self, key_id: &str, token: Option<&str>) -> bool {
        self.signers.get(token.unwrap_or(key_id)).is_some()
    }

    async fn signer_of_key(&self, key_id: &str, region: &Region, epoch: u64) -> Result<Made, Error> {
        let Some(key) = self.access_key(key_id).await? else { return Ok(Made::Nobody) };
        let (version, key) = (key.version, key.value);
        if !key.is_active() {
            return Ok(Made::Gone);
        }
        let account = key.account().clone();
        let (caller, identity) = match key.owner() {
            None => self.root_caller(account, region, Some(key_id)).await?,
            Some(id) => {
                let Some(user) = self.with_id::<User>(account.as_str(), id).await? else { return Ok(Made::Gone) };
                self.user_caller(account, &user.value, Some(key_id)).await?
            }
        };
        let (caller, identity, secret) = (Arc::new(caller), Arc::new(identity), key.secret().clone());
        let (key_id, noted) = (key_id.to_owned(), Some(Noted::default()));
        Ok(Made::Signer(Box::new(Signer { caller, identity, key_id, secret, version, noted, expires: None, epoch })))
    }

    async fn signer_of_session(&self, token: &str, region: &Region, epoch: u64) -> Result<Made, Error> {
        let Some((claims, secret)) = session_token::open(&self.documents, token) else { return Ok(Made::Nobody) };
        let account = AccountId::parse(&claims.account).map_err(|error| Error::internal(error.to_string()))?;
        let (expires, key_id) = (Timestamp::from_seconds(claims.expires_s), claims.key_id.clone());
        let Some((caller, identity)) = self.session_caller(account, region, claims).await? else {
            return Ok(Made::Gone);
        };
        let (caller, identity, expires) = (Arc::new(caller), Arc::new(identity), Some(expires));
        Ok(Made::Signer(Box::new(Signer { caller, identity, key_id, secret, version: 0, noted: None, expires, epoch })))
    }

    async fn session_caller(
        &self,
        account: AccountId,
        region: &Region,
        claims: SessionClaims,
    ) -> Result<Option<(Caller, UserIdentity)>, Error> {
        let key_id = Some(claims.key_id.as_str());
        let (mut caller, mut identity) = match &claims.holder {
            SessionHolder::Root => self.root_caller(account, region, key_id).await?,
            SessionHolder::User { id } => {
                let Some(user) = self.with_id::<User>(account.as_str(), id).await? else { return Ok(None) };
                self.user_caller(account, &user.value, key_id).await?
            }
            SessionHolder::Role { id, session } => {
                let Some(role) = self.with_id::<Role>(account.as_str(), id).await? else { return Ok(None) };
                self.role_caller(account, &role.value, session, key_id).await?
            }
            SessionHolder::Federated { by, name } => {
                let Some(made) = self.federated_caller(account, region, by.as_deref(), name, key_id).await? else {
                    return Ok(None);
                };
                made
            }
        };
        let Some(policies) = self.session_policies(&claims).await? else { return Ok(None) };
        let is_narrowed = !policies.is_empty() || matches!(claims.holder, SessionHolder::Federated { .. });
        caller.grants.session = is_narrowed.then_some(policies);
        // A session's tag takes the place of the principal's tag of the same key.
        caller.tags.retain(|(key, _)| !claims.tags.iter().any(|(other, _)| other.eq_ignore_ascii_case(key)));
        caller.tags.extend(claims.tags.iter().cloned());
        let facts = facts(&claims);
        if let Some(session) = &mut identity.session {
            session.created = facts.issued;
            session.mfa_authenticated = facts.mfa.is_some();
        } else {
            let (created, mfa_authenticated) = (facts.issued, facts.mfa.is_some());
            identity.session = Some(Session { issuer: None, created, mfa_authenticated });
        }
        caller.session = Some(facts);
        Ok(Some((caller, identity)))
    }

    /// The policies that narrow a session; nothing when a managed one of them is gone, without which the session would
    /// be wider than it was asked for.
    async fn session_policies(&self, claims: &SessionClaims) -> Result<Option<Vec<NamedPolicy>>, Error> {
        let mut policies = Vec::new();
        if let Some(text) = &claims.policy {
            let document = Arc::clone(PolicyText::new(text.as_str()).compiled(DocumentKind::Identity)?);
            policies.push(NamedPolicy { source: PolicySource::Session, document });
        }
        for arn in &claims.policy_arns {
            let Some(policy) = self.managed_policy(&claims.account, arn).await? else { return Ok(None) };
            policies.push(policy);
        }
        Ok(Some(policies))
    }

    pub(super) async fn root_caller(
        &self,
        account: AccountId,
        region: &Region,
        key_id: Option<&str>,
    ) -> Result<(Caller, UserIdentity), Error> {
        let grants = self.grants_of_root(account.as_str()).await?;
        let caller = Caller { grants, ..Caller::root(account, region.partition()) };
        let identity = identity_of(&caller, IdentityKind::Root, key_id);
        Ok((caller, identity))
    }

    pub(super) async fn user_caller(
        &self,
        account: AccountId,
        user: &User,
        key_id: Option<&str>,
    ) -> Result<(Caller, UserIdentity), Error> {
        let policy = strongroom_policy::Principal::user(&user.account, &user.arn(), &user.id);
        let caller = Caller {
            account,
            arn: user.arn().into(),
            principal: Principal::User { name: user.name.as_str().into() },
            user_id: user.id.as_str().into(),
            tags: pairs(&user.tags),
            session: None,
            grants: self.grants_of_user(user).await?,
            policy,
        };
        let user_name = Some(user.name.clone());
        let identity = UserIdentity { user_name, ..identity_of(&caller, IdentityKind::IamUser, key_id) };
        Ok((caller, identity))
    }

    pub(super) async fn role_caller(
        &self,
        account: AccountId,
        role: &Role,
        session: &str,
        key_id: Option<&str>,
    ) -> Result<(Caller, UserIdentity), Error> {
        let arn =
            ["arn:", &role.partition, ":sts::", &role.account, ":assumed-role/", &role.name, "/", session].concat();
        let role_arn = role.arn();
        let issuer = SessionIssuer {
            kind: "Role".to_owned(),
            principal_id: role.id.clone(),
            arn: role_arn.clone(),
            account_id: role.account.clone(),
            user_name: role.name.clone(),
        };
        let policy = strongroom_policy::Principal::role_session(&role.account, &arn, &role_arn, &role.id);
        let caller = Caller {
            account,
            arn: arn.into(),
            principal: Principal::RoleSession {
                role_arn: role_arn.into(),
                role_name: role.name.as_str().into(),
                role_id: role.id.as_str().into(),
            },
            user_id: [&role.id, ":", session].concat().into(),
            tags: pairs(&role.tags),
            session: None,
            grants: self.grants_of_role(role).await?,
            policy,
        };
        let session = Session { issuer: Some(issuer), created: Timestamp::from_millis(0), mfa_authenticated: false };
        let identity = identity_of(&caller, IdentityKind::AssumedRole, key_id);
        Ok((caller, UserIdentity { session: Some(session), ..identity }))
    }

    async fn federated_caller(
        &self,
        account: AccountId,
        region: &Region,
        by: Option<&str>,
        name: &str,
        key_id: Option<&str>,
    ) -> Result<Option<(Caller, UserIdentity)>, Error> {
        let (grants, user, tags): (Grants, String, _) = match by {
            None => {
                let root = Caller::root(account.clone(), region.partition());
                let mut grants = self.grants_of_root(account.as_str()).await?;
                // The root's rights, in the form in which a session can have them.
                grants.identity.extend(self.managed_policy(account.as_str(), EVERYTHING).await?);
                (grants, root.arn.to_string(), Vec::new())
            }
            Some(id) => match self.with_id::<User>(account.as_str(), id).await? {
                Some(user) => (self.grants_of_user(&user.value).await?, user.value.arn(), pairs(&user.value.tags)),
                None => return Ok(None),
            },
        };
        let arn = ["arn:", region.partition(), ":sts::", account.as_str(), ":federated-user/", name].concat();
        let user_id = [account.as_str(), ":", name].concat();
        let maker = by.unwrap_or(account.as_str());
        let policy = strongroom_policy::Principal::federated_user(account.as_str(), &arn, &user, maker);
        let caller = Caller {
            arn: arn.into(),
            principal: Principal::Federated { by_root: by.is_none() },
            user_id: user_id.into(),
            tags,
            session: None,
            grants,
            account,
            policy,
        };
        let identity = identity_of(&caller, IdentityKind::FederatedUser, key_id);
        Ok(Some((caller, identity)))
    }

    /// The long-term access key of an id.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn access_key(&self, key_id: &str) -> Result<Option<Loaded<AccessKey>>, Error> {
        let Some(place) = self.documents.store().find(&Term::new(BY_KEY_ID, key_id)).await? else { return Ok(None) };
        let found = self.documents.load::<AccessKey>(place).await?;
        // The index is not sealed.
        Ok(found.filter(|found| found.value.key_id() == key_id))
    }
}

fn facts(claims: &SessionClaims) -> SessionFacts {
    let name = match &claims.holder {
        SessionHolder::Role { session, .. } => session.as_str(),
        SessionHolder::Federated { name, .. } => name.as_str(),
        SessionHolder::User { .. } | SessionHolder::Root => "",
    };
    SessionFacts {
        issued: Timestamp::from_seconds(claims.issued_s),
        expires: Timestamp::from_seconds(claims.expires_s),
        mfa: claims.mfa_s.map(Timestamp::from_seconds),
        source_identity: claims.source_identity.as_deref().map(Arc::from),
        federated_provider: claims.federated_provider.as_deref().map(Arc::from),
        transitive_keys: claims.transitive_keys.clone(),
        session_tags: claims.tags.clone(),
        name: name.into(),
        chained: claims.chained,
        provider_keys: claims.provider_keys.clone(),
    }
}

/// How records show a caller, save what only some kinds have.
#[must_use]
pub fn identity_of(caller: &Caller, kind: IdentityKind, key_id: Option<&str>) -> UserIdentity {
    UserIdentity {
        principal_id: Some(caller.user_id.to_string()),
        arn: Some(caller.arn.to_string()),
        account_id: Some(caller.account.to_string()),
        access_key_id: key_id.map(str::to_owned),
        ..UserIdentity::of(kind)
    }
}
