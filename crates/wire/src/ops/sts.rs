//! The operations of STS: level of access, and which change nothing.

use super::AccessLevel;
use crate::sts::Operation;

impl Operation {
    /// The action's level of access in AWS's service authorization reference. `GetScopedCredentials` is placed by its
    /// like, as the reference does not have it yet.
    #[must_use]
    pub const fn access_level(self) -> AccessLevel {
        match self {
            Self::GetAccessKeyInfo
            | Self::GetCallerIdentity
            | Self::GetFederationToken
            | Self::GetScopedCredentials
            | Self::GetSessionToken => AccessLevel::Read,
            Self::AssumeRole
            | Self::AssumeRoleWithSAML
            | Self::AssumeRoleWithWebIdentity
            | Self::AssumeRoot
            | Self::DecodeAuthorizationMessage
            | Self::GetDelegatedAccessToken
            | Self::GetWebIdentityToken => AccessLevel::Write,
        }
    }

    /// Whether the operation changes nothing: `readOnly` of its audit records. That is all of them, whatever their level
    /// of access: credentials are handed out, and nothing is stored. CloudTrail's records of AssumeRole say so too.
    #[must_use]
    pub const fn is_read_only(self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Protocol;
    use crate::sts::SERVICE;

    #[test]
    fn levels_are_those_of_the_reference() {
        assert_eq!(Operation::AssumeRole.access_level(), AccessLevel::Write);
        assert_eq!(Operation::GetCallerIdentity.access_level(), AccessLevel::Read);
        assert_eq!(Operation::GetSessionToken.access_level(), AccessLevel::Read);
        assert!(Operation::ALL.iter().all(|operation| operation.is_read_only()));
    }

    #[test]
    fn sts_is_described_as_its_model_says() {
        assert_eq!((SERVICE.signing_name, SERVICE.api_version), ("sts", "2011-06-15"));
        assert_eq!(SERVICE.protocol, Protocol::Query);
        assert_eq!(SERVICE.xml_namespace, "https://sts.amazonaws.com/doc/2011-06-15/");
        assert_eq!(Operation::ALL.len(), 12);
        assert_eq!(Operation::UNSIGNED, [Operation::AssumeRoleWithSAML, Operation::AssumeRoleWithWebIdentity]);
    }
}
