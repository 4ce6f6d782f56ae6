//! What conditions may ask about a request: AWS's global keys here, a service's own from the request and the resource.

use std::borrow::Cow;
use std::collections::BTreeMap;

use strongroom_policy::{Keys, Value, Values};
use strongroom_types::Timestamp;
use strongroom_wire::kms::CreateGrantRequest;

use super::Resource;
use crate::caller::{Caller, OrganizationPlace, Principal};
use crate::ctx::Ctx;
use crate::trail::record::TEXT_BYTES_MAX;

/// What conditions may ask about the parameters of one request: the service's keys, `aws:RequestTag/…`, `aws:TagKeys`.
pub trait RequestKeys: Sync {
    /// The value of a key that is given in lower case, or nothing when the request does not have it.
    fn key(&self, _key: &str) -> Option<Values<'_>> {
        None
    }

    /// The value of a key of the caller that the request itself proves, such as `aws:multifactorauthpresent` by the
    /// code of an MFA device. It goes before what the caller's credentials tell.
    fn proof(&self, _key: &str) -> Option<Values<'_>> {
        None
    }

    /// The encryption context of a request of KMS, which grants may ask for.
    fn encryption_context(&self) -> Option<Cow<'_, BTreeMap<String, String>>> {
        None
    }

    /// The grant that a request of KMS asks for: one that a grant allows may be no wider than that grant.
    fn wanted_grant(&self) -> Option<&CreateGrantRequest> {
        None
    }

    /// Whether a service makes the request for its caller: then it does not come the caller's way.
    fn is_through_service(&self) -> bool {
        false
    }
}

/// A request without keys of its own.
impl RequestKeys for () {}

/// Requests without keys of their own.
macro_rules! without_keys {
    ($($request:ty),+ $(,)?) => { $(impl $crate::access::RequestKeys for $request {})+ };
}
pub(crate) use without_keys;

/// All keys of one request.
pub(super) struct Asked<'a> {
    pub(super) cx: &'a Ctx,
    pub(super) caller: &'a Caller,
    pub(super) resource: &'a Resource,
    pub(super) resource_arn: &'a str,
    pub(super) request: &'a dyn RequestKeys,
}

impl Keys for Asked<'_> {
    fn get(&self, key: &str) -> Option<Values<'_>> {
        let Some(global) = key.strip_prefix("aws:") else {
            if key == "kms:calleraccount" {
                return Some(Values::text(self.caller.account.as_str()));
            }
            let of_resource = || self.resource.condition(key, self.resource_arn, &self.cx.region);
            return self.request.key(key).or_else(of_resource).or_else(|| of_provider(self.caller, key));
        };
        if global == "tagkeys" || global.starts_with("requesttag/") {
            return self.request.key(key);
        }
        if global.starts_with("resourcetag/") {
            return self.resource.condition(key, self.resource_arn, &self.cx.region);
        }
        // What the request itself proves goes before what the credentials tell.
        self.request
            .proof(key)
            .or_else(|| of_caller(self.caller, global, self.cx.now))
            .or_else(|| self.of_way(global))
            .or_else(|| self.of_resource(global))
    }
}

impl Asked<'_> {
    /// Keys of the way that the request came.
    fn of_way(&self, key: &str) -> Option<Values<'_>> {
        let way = &self.cx.way;
        let own = !self.request.is_through_service();
        let address = || way.source.filter(|_| own).map(|source| Values::One(Value::Address(source)));
        match key {
            // A request through a private endpoint has no public address.
            "sourceip" => address().filter(|_| way.endpoint.is_none()),
            "vpcsourceip" => address().filter(|_| way.endpoint.is_some()),
            "sourcevpce" | "sourcevpc" if !own => None,
            "sourcevpce" => way.endpoint.as_ref().map(|endpoint| Values::text(&endpoint.id)),
            "sourcevpc" => way.endpoint.as_ref().map(|endpoint| Values::text(&endpoint.vpc)),
            "securetransport" => Some(flag(way.secure)),
            "useragent" => (!way.user_agent.is_empty()).then(|| Values::text(beginning(&way.user_agent))),
            "currenttime" | "epochtime" => Some(instant(self.cx.now)),
            "requestedregion" => Some(Values::text(self.cx.region.as_str())),
            "viaawsservice" => Some(flag(false)),
            _ => None,
        }
    }

    fn of_resource(&self, key: &str) -> Option<Values<'_>> {
        let own = || self.resource.owner(self.cx) == &self.caller.account;
        match key {
            "resourceaccount" => Some(Values::text(self.resource.owner(self.cx).as_str())),
            // What is known of other accounts' places: only the caller's own is at hand.
            "resourceorgid" if own() => place(self.caller).map(|place| Values::text(&place.id)),
            "resourceorgpaths" if own() => place(self.caller).map(|place| Values::texts([&*place.path])),
            _ => None,
        }
    }
}

/// As much of a user agent as records keep: patterns with many stars take their time over long texts.
fn beginning(user_agent: &str) -> &str {
    user_agent.get(..user_agent.floor_char_boundary(TEXT_BYTES_MAX)).unwrap_or_default()
}

/// Keys of the caller, without their prefix.
fn of_caller<'a>(caller: &'a Caller, key: &str, now: Timestamp) -> Option<Values<'a>> {
    if let Some(tag) = key.strip_prefix("principaltag/") {
        return tag_of(&caller.tags, tag);
    }
    if matches!(caller.principal, Principal::Anonymous) {
        return (key == "principaltype").then(|| Values::text("Anonymous"));
    }
    let is_service = matches!(caller.principal, Principal::Service);
    match key {
        "principalisawsservice" => Some(flag(is_service)),
        "principalservicename" if is_service => Some(Values::text(&caller.arn)),
        "principalservicenameslist" if is_service => Some(Values::texts([&*caller.arn])),
        // A service is no principal of an account.
        _ if is_service => None,
        "principalarn" => Some(Values::text(principal_arn(caller))),
        "principalaccount" => Some(Values::text(caller.account.as_str())),
        "principalorgid" => place(caller).map(|place| Values::text(&place.id)),
        "principalorgpaths" => place(caller).map(|place| Values::texts([&*place.path])),
        "principaltype" => Some(Values::text(principal_type(&caller.principal))),
        "userid" => Some(Values::text(&caller.user_id)),
        "username" => caller.user_name().map(|name| Values::text(name)),
        _ => of_session(caller, key, now),
    }
}

/// Keys that only callers with a session's credentials have.
fn of_session<'a>(caller: &'a Caller, key: &str, now: Timestamp) -> Option<Values<'a>> {
    let session = caller.session.as_ref()?;
    match key {
        "multifactorauthpresent" => Some(flag(session.mfa.is_some())),
        "multifactorauthage" => {
            let seconds = |shown: Timestamp| (now.millis() - shown.millis()).div_euclid(1000);
            session.mfa.map(|shown| Values::One(Value::Number(seconds(shown))))
        }
        "tokenissuetime" => Some(instant(session.issued)),
        "sourceidentity" => session.source_identity.as_ref().map(|identity| Values::text(identity)),
        "federatedprovider" => session.federated_provider.as_ref().map(|provider| Values::text(provider)),
        _ => None,
    }
}

/// Keys that an identity provider's token gave the session, such as `idp.example.com:aud`.
fn of_provider<'a>(caller: &'a Caller, key: &str) -> Option<Values<'a>> {
    let keys = &caller.session.as_ref()?.provider_keys;
    let (_, values) = keys.iter().find(|(name, _)| name.eq_ignore_ascii_case(key))?;
    Some(Values::texts(values.iter().map(String::as_str)))
}

/// `aws:PrincipalArn`: of a session, the role's.
fn principal_arn(caller: &Caller) -> &str {
    match &caller.principal {
        Principal::RoleSession { role_arn, .. } => role_arn,
        _ => &caller.arn,
    }
}

const fn principal_type(principal: &Principal) -> &'static str {
    match principal {
        Principal::Root => "Account",
        Principal::User { .. } => "User",
        Principal::RoleSession { .. } => "AssumedRole",
        Principal::Federated { .. } => "FederatedUser",
        Principal::Service => "Service",
        Principal::Anonymous => "Anonymous",
    }
}

fn place(caller: &Caller) -> Option<&OrganizationPlace> {
    caller.grants.organization.as_deref()
}

const fn flag(flag: bool) -> Values<'static> {
    Values::One(Value::Bool(flag))
}

const fn instant(instant: Timestamp) -> Values<'static> {
    Values::One(Value::Instant(instant.millis()))
}

/// Tags as conditions see them: without regard to case.
pub(crate) fn tag_of<'a>(tags: &'a [(String, String)], key: &str) -> Option<Values<'a>> {
    let found = tags.iter().filter(|(name, _)| name.eq_ignore_ascii_case(key));
    Values::of_tags(found.map(|(_, value)| Cow::Borrowed(value.as_str())))
}
