//! The decision who may do what. The only maker of a [`Permit`], which every operation demands.

mod conditions;
mod inputs;
pub mod message;
mod naming;
mod who_can;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use strongroom_policy::{
    Action, Decision, Denial, Document, Layer, PrincipalKind, Request, ResourceRule, Values, decide, explain, withheld,
};
use strongroom_types::{AccountId, Region};
use strongroom_wire::error::ACCESS_DENIED;
use strongroom_wire::ops::AnyOperation;

use self::conditions::Asked;
use self::inputs::{Gathered, policy_of};
use crate::caller::{Caller, Principal};
use crate::ctx::Ctx;
use crate::databases::database::DatabaseRef;
use crate::error::Error;
use crate::functions::resolve::FunctionRef;
use crate::kms::grant::Grant;
use crate::kms::resolve::KeyRef;
use crate::secrets::resolve::SecretRef;

pub use self::conditions::RequestKeys;
pub(crate) use self::conditions::{tag_of, without_keys};
pub use self::who_can::explained;

/// Under which name the record of a denied request tells the whole reason.
pub const REASON: &str = "authorizationDecision";

/// Leave to hand a role to a service, which operations ask for that take a role.
pub const PASS_ROLE: &str = "iam:PassRole";
/// Leave to give a session tags.
pub const TAG_SESSION: &str = "sts:TagSession";
/// Leave to give a session a source identity.
pub const SET_SOURCE_IDENTITY: &str = "sts:SetSourceIdentity";
/// Leave to decrypt with a key in order to encrypt with another.
pub const RE_ENCRYPT_FROM: &str = "kms:ReEncryptFrom";
/// Leave to encrypt with a key what another decrypted.
pub const RE_ENCRYPT_TO: &str = "kms:ReEncryptTo";
/// Actions that are no operations.
const PERMISSIONS: [&str; 5] = [PASS_ROLE, TAG_SESSION, SET_SOURCE_IDENTITY, RE_ENCRYPT_FROM, RE_ENCRYPT_TO];

/// The actions of all operations, and those that are none, as policies are asked for them.
static ACTIONS: LazyLock<HashMap<&'static str, Action>> = LazyLock::new(|| {
    let operations = AnyOperation::all().map(|operation| operation.action());
    operations.chain(PERMISSIONS).map(|action| (action, Action::new(action))).collect()
});

/// What an action is asked on.
#[derive(Clone, Debug)]
pub enum Resource {
    /// An action that names no resource, such as ListSecrets.
    Account,
    /// A list of IAM: what the ARNs of everything on it begin with. Or what has an ARN and nothing else that decides, such
    /// as the caller's trail.
    List(Arc<str>),
    /// A secret, existing or not.
    Secret(Arc<SecretRef>),
    /// An entity of IAM, existing or not.
    Entity(Arc<EntityRef>),
    /// A KMS key, existing or not.
    Key(Arc<KeyRef>),
    /// A function, existing or not.
    Function(Arc<FunctionRef>),
    /// A database, registered or not.
    Database(Arc<DatabaseRef>),
}

/// An entity of IAM that a request names.
#[derive(Clone, Debug)]
pub struct EntityRef {
    /// Its ARN, or the one that it would have.
    pub arn: String,
    /// What the request named it by, if that is no ARN: refusals say that, whatever is found by it.
    pub asked: Option<String>,
    /// The account that owns it.
    pub account: AccountId,
    /// Its tags.
    pub tags: Vec<(String, String)>,
    /// The ARN of its permissions boundary.
    pub boundary: Option<String>,
    /// How records name its type.
    pub kind: &'static str,
}

impl Resource {
    /// The account that owns it.
    #[must_use]
    pub fn owner<'a>(&'a self, cx: &'a Ctx) -> &'a AccountId {
        match self {
            Self::Account | Self::List(_) => &cx.caller.account,
            Self::Secret(secret) => &secret.account,
            Self::Entity(entity) => &entity.account,
            Self::Key(key) => &key.account,
            Self::Function(function) => &function.account,
            Self::Database(database) => &database.account,
        }
    }

    /// The entity of IAM that it is.
    #[must_use]
    pub fn entity(&self) -> Option<&EntityRef> {
        match self {
            Self::Entity(entity) => Some(entity),
            Self::Account | Self::List(_) | Self::Secret(_) | Self::Key(_) | Self::Function(_) | Self::Database(_) => {
                None
            }
        }
    }

    /// The ARN that policies are asked for.
    fn arn<'a>(&'a self, cx: &Ctx) -> Cow<'a, str> {
        match self {
            Self::Account => Cow::Borrowed("*"),
            Self::List(arn) => Cow::Borrowed(arn),
            Self::Secret(secret) => secret.arn(&cx.region),
            Self::Entity(entity) => Cow::Borrowed(&entity.arn),
            Self::Key(key) => Cow::Borrowed(&key.arn),
            Self::Function(function) => Cow::Owned(function.qualified()),
            Self::Database(database) => Cow::Borrowed(&database.arn),
        }
    }

    /// What its policy means beside the caller's.
    fn rule(&self) -> ResourceRule {
        match self {
            // What is not there has no policy that could have to allow.
            Self::Key(key) if key.found.is_some() => ResourceRule::MustAllow,
            Self::Account
            | Self::List(_)
            | Self::Secret(_)
            | Self::Entity(_)
            | Self::Key(_)
            | Self::Function(_)
            | Self::Database(_) => ResourceRule::Either,
        }
    }

    /// The grant, as keys have them beside their policy, that lets the caller do `action`.
    fn grant(&self, caller: &Caller, action: &str, request: &dyn RequestKeys) -> Option<&Grant> {
        let Self::Key(key) = self else { return None };
        key.grants.iter().find(|grant| grant.allows(caller, action, request)).map(AsRef::as_ref)
    }

    /// What refusals of an action call it: what is not there, as the caller called it. IAM says `*` where others say
    /// nothing.
    fn shown<'a>(&'a self, arn: &'a str, action: &str) -> Option<Cow<'a, str>> {
        match self {
            Self::Account => action.starts_with("iam:").then_some(Cow::Borrowed(arn)),
            Self::Secret(secret) if secret.found.is_none() => Some(Cow::Borrowed(&secret.asked)),
            Self::List(_) | Self::Secret(_) | Self::Key(_) | Self::Function(_) | Self::Database(_) => {
                Some(Cow::Borrowed(arn))
            }
            Self::Entity(entity) => Some(naming::called(arn, entity.asked.as_deref(), action)),
        }
    }

    /// What conditions may ask about it.
    fn condition(&self, key: &str, arn: &str, region: &Region) -> Option<Values<'_>> {
        match self {
            Self::Account | Self::List(_) | Self::Database(_) => None,
            Self::Secret(secret) => secret.condition(key, arn, region),
            Self::Key(kms_key) => kms_key.condition(key),
            Self::Function(function) => function.condition(key),
            // A request that sets a boundary is asked for that one instead.
            Self::Entity(entity) if key == "iam:permissionsboundary" => {
                entity.boundary.as_ref().map(|arn| Values::text(arn))
            }
            Self::Entity(entity) => {
                let tag = key.strip_prefix("aws:resourcetag/").or_else(|| key.strip_prefix("iam:resourcetag/"));
                tag_of(&entity.tags, tag?)
            }
        }
    }
}

/// Leave to do one action on one resource. Carries the resource, so that what was authorised is what is acted on.
#[derive(Clone, Debug)]
pub struct Permit {
    action: &'static str,
    resource: Resource,
}

impl Permit {
    /// The action, such as `secretsmanager:GetSecretValue`.
    #[must_use]
    pub fn action(&self) -> &'static str {
        self.action
    }

    /// The ARN of what the permit is for.
    #[must_use]
    pub fn arn(&self, cx: &Ctx) -> String {
        self.resource.arn(cx).into_owned()
    }

    /// What the permit is for.
    #[must_use]
    pub fn resource(&self) -> &Resource {
        &self.resource
    }

    /// The secret that the permit is for.
    ///
    /// # Errors
    /// A fault when the permit is for no secret.
    pub fn secret(&self) -> Result<&SecretRef, Error> {
        let Resource::Secret(secret) = &self.resource else { return Err(other("secret")) };
        Ok(secret)
    }

    /// The key that the permit is for.
    ///
    /// # Errors
    /// A fault when the permit is for no key.
    pub fn key(&self) -> Result<&KeyRef, Error> {
        let Resource::Key(key) = &self.resource else { return Err(other("key")) };
        Ok(key)
    }

    /// The function that the permit is for.
    ///
    /// # Errors
    /// A fault when the permit is for no function.
    pub fn function(&self) -> Result<&FunctionRef, Error> {
        let Resource::Function(function) = &self.resource else { return Err(other("function")) };
        Ok(function)
    }

    /// The database that the permit is for.
    ///
    /// # Errors
    /// A fault when the permit is for no database.
    pub fn database(&self) -> Result<&DatabaseRef, Error> {
        let Resource::Database(database) = &self.resource else { return Err(other("database")) };
        Ok(database)
    }
}

/// The fault of an operation that was handed a permit for something else.
fn other(kind: &str) -> Error {
    Error::internal(format!("a permit without a {kind} was used on one"))
}

/// Decides whether the caller may do `action` on `resource`, as AWS's policy evaluation logic has it. What denied a
/// request goes into its record as a whole, and to the client in AWS's words alone.
///
/// # Errors
/// AccessDeniedException with AWS's text; a fault when a stored policy does not read.
pub fn authorize(
    cx: &Ctx,
    action: &'static str,
    resource: Resource,
    request: &dyn RequestKeys,
) -> Result<Permit, Error> {
    // What this server does on its own is bound by no policy.
    if cx.caller.principal == Principal::Service {
        return Ok(Permit { action, resource });
    }
    let question = Question::on(cx, &resource, request)?;
    match question.denial(action, true)? {
        None => Ok(Permit { action, resource }),
        Some(text) => Err(Error::refused(ACCESS_DENIED, text)),
    }
}

/// Decides whether `caller` may do `action`, such as `sts:AssumeRole`, on a role with the trust policy `trust`: the policy
/// has to allow it, and the caller's own policies as well unless it names the caller itself. A role that is not there has
/// none. `caller` is the signer, or who an identity provider's token shows to ask.
///
/// # Errors
/// AccessDeniedException with AWS's text, which is the same whether the role exists or not.
pub fn authorize_trust(
    cx: &Ctx,
    caller: &Caller,
    action: &'static str,
    role: &Arc<EntityRef>,
    trust: Option<&Document>,
    request: &dyn RequestKeys,
) -> Result<Permit, Error> {
    let resource = Resource::Entity(Arc::clone(role));
    let question = Question { cx, caller, resource: &resource, policy: trust, rule: ResourceRule::Trust, request };
    match question.denial(action, true)? {
        None => Ok(Permit { action, resource }),
        Some(text) => Err(Error::refused(ACCESS_DENIED, text)),
    }
}

/// Whether `caller`, a service that acts on its own, may do `action`, such as `sts:AssumeRole`, on a role with the trust
/// policy `trust`. Leaves no trace in the record.
///
/// # Errors
/// A fault when a stored policy does not read.
pub fn may_assume(
    cx: &Ctx,
    caller: &Caller,
    action: &'static str,
    role: &Arc<EntityRef>,
    trust: Option<&Document>,
    request: &dyn RequestKeys,
) -> Result<bool, Error> {
    let resource = Resource::Entity(Arc::clone(role));
    let question = Question { cx, caller, resource: &resource, policy: trust, rule: ResourceRule::Trust, request };
    Ok(question.denial(action, false)?.is_none())
}

/// Whether the service that is the caller of `cx` may do `action` on `resource`, which is to say whether the resource's
/// policy lets it in: what a service does for an account is not bound by no policy, as its own housekeeping is. Leaves no
/// trace in the record.
///
/// # Errors
/// A fault when a stored policy does not read.
pub fn may_as_service(
    cx: &Ctx,
    action: &'static str,
    resource: &Resource,
    request: &dyn RequestKeys,
) -> Result<bool, Error> {
    Ok(Question::on(cx, resource, request)?.denial(action, false)?.is_none())
}

/// Leave to retire a grant of `key`, which the grant itself gives unless a policy denies it.
///
/// # Errors
/// A fault when a stored policy does not read.
pub fn authorize_retirement(cx: &Ctx, grant: &Grant, key: KeyRef) -> Result<Option<Permit>, Error> {
    let action = strongroom_wire::kms::Operation::RetireGrant.action();
    let resource = Resource::Key(Arc::new(key));
    let Some(named) = grant.retired_as(&cx.caller) else { return Ok(None) };
    let allowed = Question::on(cx, &resource, &())?.is_granted(action, named)?;
    Ok(allowed.then_some(Permit { action, resource }))
}

/// Whether the caller may do `action` on `resource`. Leaves no trace in the record: for questions that the client did
/// not ask.
///
/// # Errors
/// A fault when a stored policy does not read.
pub fn may(cx: &Ctx, action: &'static str, resource: &Resource, request: &dyn RequestKeys) -> Result<bool, Error> {
    Ok(cx.caller.principal == Principal::Service
        || Question::on(cx, resource, request)?.denial(action, false)?.is_none())
}

/// Whether a refusal may tell the caller anything of `resource`: that of another account has to let it in, by its policy
/// or a grant.
///
/// # Errors
/// A fault when a stored policy does not read.
pub fn may_hear_of(
    cx: &Ctx,
    action: &'static str,
    resource: &Resource,
    request: &dyn RequestKeys,
) -> Result<bool, Error> {
    Question::on(cx, resource, request)?.may_hear(action)
}

/// What is to be decided, save the action.
struct Question<'a> {
    cx: &'a Ctx,
    caller: &'a Caller,
    resource: &'a Resource,
    policy: Option<&'a Document>,
    rule: ResourceRule,
    request: &'a dyn RequestKeys,
}

impl<'a> Question<'a> {
    /// The signer's request on a resource with its own policy.
    fn on(cx: &'a Ctx, resource: &'a Resource, request: &'a dyn RequestKeys) -> Result<Self, Error> {
        let policy = policy_of(resource)?;
        Ok(Self { cx, caller: &cx.caller, resource, policy, rule: resource.rule(), request })
    }

    /// Why the caller may not, in AWS's words.
    fn denial(&self, action: &'static str, recorded: bool) -> Result<Option<String>, Error> {
        let Self { cx, caller, resource, policy, rule, request } = *self;
        let name = action;
        let action = ACTIONS.get(name).ok_or_else(|| Error::internal("an action of no operation was asked for"))?;
        let arn = resource.arn(cx);
        let asked = Asked { cx, caller, resource, resource_arn: &arn, request };
        let policy_request = Request::new(action, &arn, &asked);
        if let Some(grant) = resource.grant(caller, name, request)
            && self.is_granted(name, &grant.grantee.name)?
        {
            return Ok(None);
        }
        let gathered = Gathered::of(cx, caller, policy, rule, request);
        Ok(gathered.with_inputs(&arn, resource.owner(cx), |inputs| match decide(inputs, &policy_request) {
            Decision::Allowed(_) => None,
            Decision::Denied(denial) => {
                if recorded {
                    let reason = explain(inputs, &policy_request).to_json().to_string();
                    cx.amend_record(|record| record.additional_event_data.push((REASON, reason)));
                    cx.set_denied(message::of(&denial, &policy_request, &asked));
                }
                let withheld = withheld(inputs, &policy_request);
                let shown = match (&withheld, resource) {
                    // As of one that is not there: its whole ARN is told to nobody of another account.
                    (Some(_), Resource::Secret(secret)) => Some(Cow::Borrowed(secret.asked.as_str())),
                    _ => resource.shown(&arn, action.as_str()),
                };
                let denial = withheld.unwrap_or(denial);
                Some(client_text(&denial, caller, &policy_request, shown.as_deref(), rule))
            }
        }))
    }
}

impl Question<'_> {
    /// Whether a refusal may tell the caller its reason.
    fn may_hear(&self, action: &'static str) -> Result<bool, Error> {
        let Self { cx, caller, resource, policy, rule, request } = *self;
        if resource.grant(caller, action, request).is_some() {
            return Ok(true);
        }
        let action = ACTIONS.get(action).ok_or_else(|| Error::internal("an action of no operation was asked for"))?;
        let arn = resource.arn(cx);
        let asked = Asked { cx, caller, resource, resource_arn: &arn, request };
        let policy_request = Request::new(action, &arn, &asked);
        let gathered = Gathered::of(cx, caller, policy, rule, request);
        Ok(gathered.with_inputs(&arn, resource.owner(cx), |inputs| withheld(inputs, &policy_request).is_none()))
    }

    /// Whether the caller, as whom a grant names it by ARN, may do `action`: a grant counts as what a policy of a resource
    /// of the caller's account allows to that principal. What other policies deny or bound stays denied and bounded.
    fn is_granted(&self, action: &'static str, named: &str) -> Result<bool, Error> {
        let Self { cx, caller, resource, policy, rule, request } = *self;
        let granted = serde_json::json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Principal": { "AWS": named }, "Action": action, "Resource": "*" }
        ]});
        let granted = Document::parse(&granted.to_string(), strongroom_policy::DocumentKind::Resource);
        let granted = granted.map_err(|_| Error::internal("a grant does not read as a policy"))?;
        let action = ACTIONS.get(action).ok_or_else(|| Error::internal("an action of no operation was asked for"))?;
        let arn = resource.arn(cx);
        let asked = Asked { cx, caller, resource, resource_arn: &arn, request };
        let policy_request = Request::new(action, &arn, &asked);
        let own = Gathered::of(cx, caller, policy, rule, request);
        let is_denied = own.with_inputs(&arn, resource.owner(cx), |inputs| {
            matches!(decide(inputs, &policy_request), Decision::Denied(Denial::Explicit(_)))
        });
        let by_grant = Gathered::of(cx, caller, Some(&granted), ResourceRule::MustAllow, request);
        let is_allowed = by_grant.with_inputs(&arn, &caller.account, |inputs| {
            matches!(decide(inputs, &policy_request), Decision::Allowed(_))
        });
        Ok(is_allowed && !is_denied)
    }
}

/// The text for the client. Of a role it does not tell whether its policy or the caller's lacks something, or whether
/// the role exists at all.
fn client_text(
    denial: &Denial<'_>,
    caller: &Caller,
    request: &Request<'_>,
    shown: Option<&str>,
    rule: ResourceRule,
) -> String {
    if matches!(caller.policy.kind, PrincipalKind::WebIdentity { .. }) {
        return format!("Not authorized to perform {}", request.action());
    }
    let is_own = matches!(denial, Denial::Explicit(found) if found.layer != Layer::Trust);
    if rule != ResourceRule::Trust || is_own {
        return denial.client_text(&caller.policy, request, shown);
    }
    let (user, action, role) = (&caller.policy.arn, request.action(), shown.unwrap_or_default());
    format!("User: {user} is not authorized to perform: {action} on resource: {role}")
}

#[cfg(test)]
mod tests;
