//! GenerateDataKey, with and without plaintext; GenerateRandom.

use std::collections::BTreeMap;

use strongroom_types::SecretBytes;
use strongroom_wire::kms::{
    DataKeySpec, GenerateDataKeyRequest, GenerateDataKeyResponse, GenerateDataKeyWithoutPlaintextRequest,
    GenerateDataKeyWithoutPlaintextResponse, GenerateRandomRequest, GenerateRandomResponse, KeySpec,
};

use super::cipher::{dry, usable};
use super::key::Key;
use super::{Kms, found, refusals};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::error::Error;

impl Kms {
    /// A fresh data key, plain and under the key.
    ///
    /// # Errors
    /// The key's state; ValidationException unless one of KeySpec and NumberOfBytes is given.
    pub async fn generate_data_key(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: GenerateDataKeyRequest,
    ) -> Result<GenerateDataKeyResponse, Error> {
        let key = found(permit)?;
        if input.recipient.is_some() {
            return Err(refusals::no_enclaves());
        }
        let len = data_key_len(input.key_spec, input.number_of_bytes)?;
        let pairs = input.encryption_context.unwrap_or_default();
        let (plaintext, blob) = self.data_key(cx, key, "GenerateDataKey", &pairs, len, input.dry_run)?;
        Ok(GenerateDataKeyResponse {
            ciphertext_blob: Some(blob),
            plaintext: Some(plaintext),
            key_id: Some(key.arn()),
            key_material_id: key.current_material_id(),
            ..GenerateDataKeyResponse::default()
        })
    }

    /// A fresh data key under the key alone.
    ///
    /// # Errors
    /// As [`Kms::generate_data_key`].
    pub async fn generate_data_key_without_plaintext(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: GenerateDataKeyWithoutPlaintextRequest,
    ) -> Result<GenerateDataKeyWithoutPlaintextResponse, Error> {
        let key = found(permit)?;
        let len = data_key_len(input.key_spec, input.number_of_bytes)?;
        let pairs = input.encryption_context.unwrap_or_default();
        let operation = "GenerateDataKeyWithoutPlaintext";
        let (_, blob) = self.data_key(cx, key, operation, &pairs, len, input.dry_run)?;
        Ok(GenerateDataKeyWithoutPlaintextResponse {
            ciphertext_blob: Some(blob),
            key_id: Some(key.arn()),
            key_material_id: key.current_material_id(),
        })
    }

    fn data_key(
        &self,
        cx: &Ctx,
        key: &Key,
        operation: &str,
        pairs: &BTreeMap<String, String>,
        len: usize,
        dry_run: Option<bool>,
    ) -> Result<(SecretBytes, Vec<u8>), Error> {
        usable(key, cx, operation)?;
        if key.spec != KeySpec::SymmetricDefault {
            return Err(refusals::wrong_usage(key, operation));
        }
        dry(dry_run)?;
        let plain = self.random_bytes(len)?;
        let blob = self.sealed(key, pairs, &plain)?;
        Ok((plain, blob))
    }

    /// Random bytes.
    ///
    /// # Errors
    /// ValidationException without a number; UnsupportedOperationException for a key store or an enclave.
    pub async fn generate_random(
        &self,
        _cx: &Ctx,
        _permit: &Permit,
        input: GenerateRandomRequest,
    ) -> Result<GenerateRandomResponse, Error> {
        if input.custom_key_store_id.is_some() {
            return Err(refusals::no_key_store());
        }
        if input.recipient.is_some() {
            return Err(refusals::no_enclaves());
        }
        let number = input.number_of_bytes.and_then(|number| usize::try_from(number).ok());
        let number = number.ok_or_else(|| refusals::invalid("NumberOfBytes is required."))?;
        Ok(GenerateRandomResponse { plaintext: Some(self.random_bytes(number)?), ..GenerateRandomResponse::default() })
    }

    fn random_bytes(&self, len: usize) -> Result<SecretBytes, Error> {
        let mut bytes = vec![0; len];
        self.documents.random().fill(&mut bytes)?;
        Ok(SecretBytes::new(bytes))
    }
}

/// The length of a data key.
fn data_key_len(spec: Option<DataKeySpec>, bytes: Option<i32>) -> Result<usize, Error> {
    match (spec, bytes) {
        (Some(DataKeySpec::Aes256), None) => Ok(32),
        (Some(DataKeySpec::Aes128), None) => Ok(16),
        (None, Some(bytes)) => usize::try_from(bytes).map_err(|_| refusals::invalid("NumberOfBytes is negative.")),
        _ => Err(refusals::invalid("Please specify either number of bytes or key spec.")),
    }
}
