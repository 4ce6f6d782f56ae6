//! Who a record is about, in CloudTrail's words: the member `userIdentity`.

use std::sync::OnceLock;

use strongroom_types::Timestamp;

use super::calendar::push_iso;
use super::json_text::{push_name, push_string};

/// Kinds of identities, as CloudTrail names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityKind {
    /// The root of an account.
    Root,
    /// A user with long-term credentials.
    IamUser,
    /// A session of a role.
    AssumedRole,
    /// A session from GetFederationToken.
    FederatedUser,
    /// Somebody with a token of an identity provider.
    WebIdentityUser,
    /// Another account.
    AwsAccount,
    /// A service.
    AwsService,
    /// Someone whose signature was not accepted.
    Unknown,
}

impl IdentityKind {
    /// The word in the record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Root => "Root",
            Self::IamUser => "IAMUser",
            Self::AssumedRole => "AssumedRole",
            Self::FederatedUser => "FederatedUser",
            Self::WebIdentityUser => "WebIdentityUser",
            Self::AwsAccount => "AWSAccount",
            Self::AwsService => "AWSService",
            Self::Unknown => "Unknown",
        }
    }
}

/// Who made a request. What is not known or does not apply is left out of the record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserIdentity {
    /// What kind of principal; records of service events have none.
    pub kind: Option<IdentityKind>,
    /// The principal's unique id; for a root its account.
    pub principal_id: Option<String>,
    /// Its ARN.
    pub arn: Option<String>,
    /// The account it belongs to.
    pub account_id: Option<String>,
    /// The access key id that signed. Never the secret key.
    pub access_key_id: Option<String>,
    /// The user's name.
    pub user_name: Option<String>,
    /// The provider of a web identity.
    pub identity_provider: Option<String>,
    /// Where temporary credentials come from.
    pub session: Option<Session>,
    /// The service that made the request on the principal's behalf.
    pub invoked_by: Option<String>,
    /// What records show of it.
    pub shown: Shown,
}

/// The text of an identity up to the service that acted for it, made for the first record of it: the same principal asks
/// again and again. It is of one identity, which is not changed afterwards; a clone begins without.
#[derive(Debug, Default)]
pub struct Shown(OnceLock<Box<str>>);

impl Clone for Shown {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Shown {
    /// Made of what is compared already.
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Shown {}

/// The session of temporary credentials: the member `sessionContext`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Who the credentials were issued from, such as a role.
    pub issuer: Option<SessionIssuer>,
    /// When they were issued.
    pub created: Timestamp,
    /// Whether a second factor was shown.
    pub mfa_authenticated: bool,
}

/// The member `sessionIssuer`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionIssuer {
    /// `Role`, `IAMUser` or `Root`.
    pub kind: String,
    /// The issuer's unique id.
    pub principal_id: String,
    /// Its ARN.
    pub arn: String,
    /// Its account.
    pub account_id: String,
    /// Its name.
    pub user_name: String,
}

impl UserIdentity {
    /// An identity of one kind, with nothing else known.
    #[must_use]
    pub fn of(kind: IdentityKind) -> Self {
        Self { kind: Some(kind), ..Self::default() }
    }

    /// Appends the JSON object, with the service that acted for the principal.
    pub(super) fn push(&self, out: &mut String, invoked_by: Option<&str>) {
        let begun = self.shown.0.get_or_init(|| self.begun());
        out.push_str(begun);
        let mut members = Members { out, first: begun.len() == 1 };
        members.text("invokedBy", invoked_by.or(self.invoked_by.as_deref()));
        members.end();
    }

    /// The object but for what comes last, and without its end.
    fn begun(&self) -> Box<str> {
        let mut out = String::new();
        let mut members = Members::begin(&mut out);
        members.text("type", self.kind.map(IdentityKind::as_str));
        members.text("principalId", self.principal_id.as_deref());
        members.text("arn", self.arn.as_deref());
        members.text("accountId", self.account_id.as_deref());
        members.text("accessKeyId", self.access_key_id.as_deref());
        members.text("userName", self.user_name.as_deref());
        members.text("identityProvider", self.identity_provider.as_deref());
        if let Some(session) = &self.session {
            session.push(members.name("sessionContext"));
        }
        out.into()
    }
}

impl Session {
    fn push(&self, out: &mut String) {
        let mut members = Members::begin(out);
        if let Some(issuer) = &self.issuer {
            let mut inner = Members::begin(members.name("sessionIssuer"));
            inner.text("type", Some(&issuer.kind));
            inner.text("principalId", Some(&issuer.principal_id));
            inner.text("arn", Some(&issuer.arn));
            inner.text("accountId", Some(&issuer.account_id));
            inner.text("userName", Some(&issuer.user_name));
            inner.end();
        }
        let out = members.name("attributes");
        out.push_str("{\"creationDate\":\"");
        push_iso(out, self.created);
        // A string in CloudTrail, not a boolean.
        out.push_str(if self.mfa_authenticated {
            "\",\"mfaAuthenticated\":\"true\"}}"
        } else {
            "\",\"mfaAuthenticated\":\"false\"}}"
        });
    }
}

/// Writes the members of one object: a comma before each but the first.
struct Members<'a> {
    out: &'a mut String,
    first: bool,
}

impl<'a> Members<'a> {
    fn begin(out: &'a mut String) -> Self {
        out.push('{');
        Self { out, first: true }
    }

    /// Appends a member's name; its value is appended to what is returned.
    fn name(&mut self, name: &str) -> &mut String {
        if std::mem::take(&mut self.first) {
            self.out.push('"');
            self.out.push_str(name);
            self.out.push_str("\":");
        } else {
            push_name(self.out, name);
        }
        self.out
    }

    fn text(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            push_string(self.name(name), value);
        }
    }

    fn end(self) {
        self.out.push('}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(identity: &UserIdentity) -> serde_json::Value {
        let mut out = String::new();
        identity.push(&mut out, None);
        serde_json::from_str(&out).expect("json")
    }

    #[test]
    fn an_identity_of_which_nothing_is_known_is_an_empty_object() {
        assert_eq!(json(&UserIdentity::default()), serde_json::json!({}));
        assert_eq!(json(&UserIdentity::of(IdentityKind::Unknown)), serde_json::json!({ "type": "Unknown" }));
    }

    #[test]
    fn a_session_of_a_role_has_cloudtrails_members() {
        let issuer = SessionIssuer {
            kind: "Role".into(),
            principal_id: "AROAEXAMPLE".into(),
            arn: "arn:aws:iam::123456789012:role/app".into(),
            account_id: "123456789012".into(),
            user_name: "app".into(),
        };
        let identity = UserIdentity {
            principal_id: Some("AROAEXAMPLE:s".into()),
            session: Some(Session {
                issuer: Some(issuer),
                created: Timestamp::from_seconds(0),
                mfa_authenticated: false,
            }),
            invoked_by: Some("lambda.amazonaws.com".into()),
            ..UserIdentity::of(IdentityKind::AssumedRole)
        };
        let expected = serde_json::json!({
            "type": "AssumedRole",
            "principalId": "AROAEXAMPLE:s",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": "AROAEXAMPLE",
                    "arn": "arn:aws:iam::123456789012:role/app",
                    "accountId": "123456789012",
                    "userName": "app",
                },
                "attributes": { "creationDate": "1970-01-01T00:00:00Z", "mfaAuthenticated": "false" },
            },
            "invokedBy": "lambda.amazonaws.com",
        });
        assert_eq!(json(&identity), expected);
    }
}
