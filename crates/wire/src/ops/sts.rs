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

    /// `readOnly` of the operation's audit records. No operation changes anything stored, whatever its level of access,
    /// and CloudTrail's records of AssumeRole say so; those of GetFederationToken do not. The rest is unconfirmed.
    #[must_use]
    pub const fn is_read_only(self) -> bool {
        !matches!(self, Self::GetFederationToken)
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
        let changing = Operation::ALL.into_iter().filter(|operation| !operation.is_read_only());
        assert!(changing.eq([Operation::GetFederationToken]));
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
