//! The condition keys that a token gives to policies (IAM User Guide, "Available keys for AWS OIDC federation").

use super::Claims;

/// A condition key with its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionKey {
    /// The key: the provider's URL without scheme, a colon, and the claim.
    pub name: String,
    /// Its values, at least one; several for keys that AWS documents as multivalued.
    pub values: Vec<String>,
    /// Whether requests of the session carry the key too, and not only the role's trust policy is asked with it.
    pub in_session: bool,
}

/// Claims that AWS takes from the tokens of GitHub Actions.
const GITHUB: &[&str] = &[
    "actor",
    "actor_id",
    "enterprise_id",
    "environment",
    "job_workflow_ref",
    "ref",
    "repository",
    "repository_id",
    "repository_owner_id",
    "workflow",
];
/// Claims that AWS takes from the tokens of GitLab.
const GITLAB: &[&str] = &[
    "namespace_id",
    "pipeline_source",
    "project_id",
    "ref_protected",
    "runner_environment",
    "user_access_level",
    "user_email",
    "user_id",
    "user_login",
];
/// Claims that AWS takes from the tokens of Buildkite.
const BUILDKITE: &[&str] = &[
    "build_branch",
    "cluster_id",
    "cluster_name",
    "organization_id",
    "organization_slug",
    "pipeline_id",
    "pipeline_slug",
];

/// Further claims of the providers that AWS knows, by what a provider's name begins and ends with (Service
/// Authorization Reference, condition keys of AssumeRoleWithWebIdentity). What is between is one label of a host name,
/// or one segment of a path.
const OF_PROVIDERS: &[(&str, &str, &[&str])] = &[
    ("accounts.google.com", "", &["google/organization_number"]),
    ("token.actions.githubusercontent.com", "", GITHUB),
    ("token.actions.githubusercontent.com/", "", GITHUB),
    ("token.actions.", ".ghe.com", GITHUB),
    ("github.com/enterprises/", "", GITHUB),
    ("gitlab.com", "", GITLAB),
    ("agent.buildkite.com", "", BUILDKITE),
    ("agent.", ".buildkite.dev", BUILDKITE),
    ("agent.", ".buildkite.site", BUILDKITE),
    ("idcs-", ".identity.oraclecloud.com", &["rpst_id"]),
    ("oidc.circleci.com/org/", "", &["oidc.circleci.com/project-id"]),
];

impl Claims {
    /// What the role's trust policy is asked with. `aud` is the authorized party if the token names one, and `oaud` then
    /// still tells the original audience. Kubernetes' service accounts (IRSA) are told by `sub` and `aud`, as in AWS:
    /// what else their tokens say gives no keys.
    #[must_use]
    pub fn condition_keys(&self) -> Vec<ConditionKey> {
        let key = |name: &str, values: Vec<String>, in_session| ConditionKey {
            name: format!("{}:{name}", self.provider()),
            values,
            in_session,
        };
        let mut keys = vec![
            key("aud", vec![self.audience().to_owned()], true),
            key("sub", vec![self.subject().to_owned()], true),
            key("amr", self.values("amr"), true),
            key("oaud", self.audiences().to_vec(), true),
            key("azp", self.values("azp"), false),
        ];
        for (_, _, claims) in OF_PROVIDERS.iter().filter(|(begin, end, _)| is_of(self.provider(), begin, end)) {
            keys.extend(claims.iter().map(|claim| key(claim, self.values(claim), false)));
        }
        keys.retain(|key| !key.values.is_empty());
        keys
    }
}

/// Whether the name is `begin` alone, if that is whole, or `begin`, one label or segment, and `end`.
fn is_of(name: &str, begin: &str, end: &str) -> bool {
    let is_whole = end.is_empty() && !begin.ends_with('/');
    let Some(label) = name.strip_prefix(begin).and_then(|rest| rest.strip_suffix(end)) else { return false };
    if is_whole { label.is_empty() } else { !label.is_empty() && !label.contains(['/', '.', ':']) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_told_apart_by_whole_labels() {
        let known = |name: &str| OF_PROVIDERS.iter().any(|(begin, end, _)| is_of(name, begin, end));
        for name in [
            "accounts.google.com",
            "token.actions.githubusercontent.com",
            "token.actions.githubusercontent.com/octo-org",
            "token.actions.octo.ghe.com",
            "github.com/enterprises/octo",
            "gitlab.com",
            "agent.acme.buildkite.dev",
            "idcs-0123.identity.oraclecloud.com",
            "oidc.circleci.com/org/0123",
        ] {
            assert!(known(name), "{name}");
        }
        for name in [
            "",
            "accounts.google.com.evil.example",
            "token.actions.githubusercontent.com.evil.example",
            "token.actions.evil.example/.ghe.com",
            "token.actions..ghe.com",
            "token.actions.a.b.ghe.com",
            "gitlab.com:8443",
            "gitlab.com/a",
            "oidc.circleci.com/org/",
            "oidc.circleci.com/org/a/b",
        ] {
            assert!(!known(name), "{name}");
        }
    }
}
