//! The operations of KMS: level of access, and which change nothing.

use super::AccessLevel;
use crate::kms::Operation;

impl Operation {
    /// The action's level of access in AWS's service authorization reference. Cryptography counts as writing there,
    /// since it takes the key's use.
    #[must_use]
    pub const fn access_level(self) -> AccessLevel {
        match self {
            Self::ListAliases
            | Self::ListGrants
            | Self::ListKeyPolicies
            | Self::ListKeyRotations
            | Self::ListKeys
            | Self::ListResourceTags
            | Self::ListRetirableGrants => AccessLevel::List,
            Self::DescribeKey
            | Self::GetKeyPolicy
            | Self::GetKeyRotationStatus
            | Self::GetParametersForImport
            | Self::GetPublicKey => AccessLevel::Read,
            Self::CreateGrant | Self::PutKeyPolicy | Self::RetireGrant | Self::RevokeGrant => {
                AccessLevel::PermissionsManagement
            }
            Self::TagResource | Self::UntagResource => AccessLevel::Tagging,
            Self::CancelKeyDeletion
            | Self::CreateAlias
            | Self::CreateKey
            | Self::Decrypt
            | Self::DeleteAlias
            | Self::DeleteImportedKeyMaterial
            | Self::DeriveSharedSecret
            | Self::DisableKey
            | Self::DisableKeyRotation
            | Self::EnableKey
            | Self::EnableKeyRotation
            | Self::Encrypt
            | Self::GenerateDataKey
            | Self::GenerateDataKeyPair
            | Self::GenerateDataKeyPairWithoutPlaintext
            | Self::GenerateDataKeyWithoutPlaintext
            | Self::GenerateMac
            | Self::GenerateRandom
            | Self::ImportKeyMaterial
            | Self::ReEncrypt
            | Self::RotateKeyOnDemand
            | Self::ScheduleKeyDeletion
            | Self::Sign
            | Self::UpdateAlias
            | Self::UpdateKeyDescription
            | Self::Verify
            | Self::VerifyMac => AccessLevel::Write,
        }
    }

    /// `readOnly` of the operation's audit records: true where nothing stored changes, cryptography included, as
    /// CloudTrail's records of KMS have it.
    #[must_use]
    pub const fn is_read_only(self) -> bool {
        self.access_level().is_read_only()
            || matches!(
                self,
                Self::Decrypt
                    | Self::DeriveSharedSecret
                    | Self::Encrypt
                    | Self::GenerateDataKey
                    | Self::GenerateDataKeyPair
                    | Self::GenerateDataKeyPairWithoutPlaintext
                    | Self::GenerateDataKeyWithoutPlaintext
                    | Self::GenerateMac
                    | Self::GenerateRandom
                    | Self::ReEncrypt
                    | Self::Sign
                    | Self::Verify
                    | Self::VerifyMac
            )
    }
}
