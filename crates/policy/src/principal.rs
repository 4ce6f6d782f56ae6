//! Who makes a request: what policies know of a principal.

/// The caller, as policies see it. Made once for a key or a session and used for all its requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// What it is.
    pub kind: PrincipalKind,
    /// Its account; empty for services and anonymous callers, and for web identities that have no account yet.
    pub account: String,
    /// Its ARN as AWS names it in refusals: of the user, of the session (`arn:aws:sts::…:assumed-role/Role/Session`), of
    /// the federated user, `arn:aws:iam::…:root`; for a service its host name.
    pub arn: String,
    /// Its unique id: `AIDA…` of a user and of whoever made a federated user's session, `AROA…` of a session's role (without
    /// the session's name), the account of root.
    pub unique_id: String,
    /// A canonical user id of S3 for its account, if it is known.
    pub canonical_user: Option<String>,
}

/// The kinds of principals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrincipalKind {
    /// The root user of an account.
    Root,
    /// A user of IAM, with long-term keys or a session of GetSessionToken.
    User,
    /// A session of a role.
    RoleSession {
        /// The ARN of the role, with its path.
        role: String,
        /// Whether the role is linked to a service: SCPs do not limit it.
        service_linked: bool,
    },
    /// A session of GetFederationToken.
    FederatedUser {
        /// The ARN of the user that asked for it.
        user: String,
    },
    /// Somebody with a token of an identity provider, who assumes a role.
    WebIdentity {
        /// The ARN of the provider in IAM.
        provider: String,
        /// The provider's host name and path as conditions name it, such as `accounts.google.com`.
        url: String,
    },
    /// A service of AWS, with all the names that it has.
    Service {
        /// Such as `lambda.amazonaws.com`.
        names: Vec<String>,
    },
    /// Nobody who is known.
    Anonymous,
}

impl Principal {
    /// The root user of an account.
    #[must_use]
    pub fn root(partition: &str, account: &str) -> Self {
        Self::new(PrincipalKind::Root, account, &format!("arn:{partition}:iam::{account}:root"), account)
    }

    /// A user.
    #[must_use]
    pub fn user(account: &str, arn: &str, unique_id: &str) -> Self {
        Self::new(PrincipalKind::User, account, arn, unique_id)
    }

    /// A session of a role; `unique_id` is the role's.
    #[must_use]
    pub fn role_session(account: &str, arn: &str, role: &str, unique_id: &str) -> Self {
        // The whole resource of the ARN: a path may have colons, and by that `:role/` in it.
        let resource = role.splitn(6, ':').nth(5).unwrap_or_default();
        let service_linked = resource.starts_with("role/aws-service-role/");
        Self::new(PrincipalKind::RoleSession { role: role.to_owned(), service_linked }, account, arn, unique_id)
    }

    /// A federated user; `user` is the ARN of the user that asked for the session, or of root.
    #[must_use]
    pub fn federated_user(account: &str, arn: &str, user: &str, unique_id: &str) -> Self {
        Self::new(PrincipalKind::FederatedUser { user: user.to_owned() }, account, arn, unique_id)
    }

    /// Somebody with a token of an identity provider; `name` stands for them in refusals.
    #[must_use]
    pub fn web_identity(provider: &str, url: &str, name: &str) -> Self {
        let kind = PrincipalKind::WebIdentity { provider: provider.to_owned(), url: url.to_owned() };
        Self::new(kind, "", name, "")
    }

    /// A service, by its host name.
    #[must_use]
    pub fn service(name: &str) -> Self {
        Self::new(PrincipalKind::Service { names: vec![name.to_owned()] }, "", name, "")
    }

    /// Nobody who is known.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::new(PrincipalKind::Anonymous, "", "anonymous", "")
    }

    fn new(kind: PrincipalKind, account: &str, arn: &str, unique_id: &str) -> Self {
        Self {
            kind,
            account: account.to_owned(),
            arn: arn.to_owned(),
            unique_id: unique_id.to_owned(),
            canonical_user: None,
        }
    }

    /// Whether it has policies of its own: others have only what resource policies grant them.
    pub(crate) const fn has_identity(&self) -> bool {
        matches!(
            self.kind,
            PrincipalKind::Root
                | PrincipalKind::User
                | PrincipalKind::RoleSession { .. }
                | PrincipalKind::FederatedUser { .. }
        )
    }

    /// Whether SCPs do not limit it.
    pub(crate) const fn is_free_of_organization(&self) -> bool {
        !self.has_identity() || matches!(self.kind, PrincipalKind::RoleSession { service_linked: true, .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_beginning_of_a_path_makes_a_role_a_services() {
        let is_free = |role: &str| {
            let role = format!("arn:aws:iam::111122223333:role/{role}");
            Principal::role_session("111122223333", "arn", &role, "AROA").is_free_of_organization()
        };
        assert!(is_free("aws-service-role/x.amazonaws.com/Linked"));
        for role in ["x:role/aws-service-role/r", "x/aws-service-role/r", "aws-service-role", "r"] {
            assert!(!is_free(role), "{role}");
        }
    }
}
