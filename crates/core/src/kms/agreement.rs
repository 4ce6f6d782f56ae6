//! DeriveSharedSecret.

use strongroom_crypto::CryptoError;
use strongroom_wire::kms::{
    DeriveSharedSecretRequest, DeriveSharedSecretResponse, KeyAgreementAlgorithmSpec, KeyUsageType,
};

use super::cipher::dry;
use super::states::enabled;
use super::{Kms, found, refusals};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::error::Error;

impl Kms {
    /// The raw secret of ECDH between the key and another's public half.
    ///
    /// # Errors
    /// The key's state; InvalidKeyUsageException for another key; ValidationException for a public half that is none, or on
    /// another curve.
    pub async fn derive_shared_secret(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: DeriveSharedSecretRequest,
    ) -> Result<DeriveSharedSecretResponse, Error> {
        let key = found(permit)?;
        if input.recipient.is_some() {
            return Err(refusals::no_enclaves());
        }
        enabled(key, cx.now)?;
        if key.usage != KeyUsageType::KeyAgreement {
            return Err(refusals::wrong_usage(key, "DeriveSharedSecret"));
        }
        let KeyAgreementAlgorithmSpec::Ecdh = input.key_agreement_algorithm;
        let secret = self.private_key(key)?.agree(&input.public_key).map_err(|error| match error {
            CryptoError::Format => refusals::invalid_public_key(),
            fault => fault.into(),
        })?;
        dry(input.dry_run)?;
        Ok(DeriveSharedSecretResponse {
            key_id: Some(key.arn()),
            shared_secret: Some(secret),
            ciphertext_for_recipient: None,
            key_agreement_algorithm: Some(input.key_agreement_algorithm),
            key_origin: Some(key.origin),
        })
    }
}
