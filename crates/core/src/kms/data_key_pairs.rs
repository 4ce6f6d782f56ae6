//! GenerateDataKeyPair, with and without plaintext.

use std::collections::BTreeMap;

use strongroom_crypto::asymmetric::Spec;
use strongroom_wire::forms::Enumeration as _;
use strongroom_wire::kms::{
    DataKeyPairSpec, GenerateDataKeyPairRequest, GenerateDataKeyPairResponse,
    GenerateDataKeyPairWithoutPlaintextRequest, GenerateDataKeyPairWithoutPlaintextResponse, KeySpec,
};

use super::cipher::{dry, usable};
use super::key::Key;
use super::named::of_name;
use super::pairs::{Pair, pair_spec};
use super::{Kms, found, refusals};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::error::Error;

impl Kms {
    /// A fresh key pair: its public half, and its private half plain and under the key.
    ///
    /// # Errors
    /// The key's state; InvalidKeyUsageException for keys that are not symmetric; UnsupportedOperationException for pairs
    /// that the cipher library does not have.
    pub async fn generate_data_key_pair(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: GenerateDataKeyPairRequest,
    ) -> Result<GenerateDataKeyPairResponse, Error> {
        let key = found(permit)?;
        if input.recipient.is_some() {
            return Err(refusals::no_enclaves());
        }
        let spec = data_pair_spec(key, cx, "GenerateDataKeyPair", input.key_pair_spec)?;
        dry(input.dry_run)?;
        let pairs = input.encryption_context.unwrap_or_default();
        let (pair, blob) = self.data_pair(cx, key, &pairs, spec).await?;
        Ok(GenerateDataKeyPairResponse {
            private_key_ciphertext_blob: Some(blob),
            private_key_plaintext: Some(pair.private),
            public_key: Some(pair.public),
            key_id: Some(key.arn()),
            key_pair_spec: Some(input.key_pair_spec),
            ciphertext_for_recipient: None,
            key_material_id: key.current_material_id(),
        })
    }

    /// A fresh key pair: its public half, and its private half under the key alone.
    ///
    /// # Errors
    /// As [`Kms::generate_data_key_pair`].
    pub async fn generate_data_key_pair_without_plaintext(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: GenerateDataKeyPairWithoutPlaintextRequest,
    ) -> Result<GenerateDataKeyPairWithoutPlaintextResponse, Error> {
        let key = found(permit)?;
        let spec = data_pair_spec(key, cx, "GenerateDataKeyPairWithoutPlaintext", input.key_pair_spec)?;
        dry(input.dry_run)?;
        let pairs = input.encryption_context.unwrap_or_default();
        let (pair, blob) = self.data_pair(cx, key, &pairs, spec).await?;
        Ok(GenerateDataKeyPairWithoutPlaintextResponse {
            private_key_ciphertext_blob: Some(blob),
            public_key: Some(pair.public),
            key_id: Some(key.arn()),
            key_pair_spec: Some(input.key_pair_spec),
            key_material_id: key.current_material_id(),
        })
    }

    async fn data_pair(
        &self,
        cx: &Ctx,
        key: &Key,
        pairs: &BTreeMap<String, String>,
        spec: Spec,
    ) -> Result<(Pair, Vec<u8>), Error> {
        let pair = self.new_pair(cx, spec).await?;
        let blob = self.sealed(key, pairs, &pair.private)?;
        Ok((pair, blob))
    }
}

/// What kind of pair a request asks for, once it is clear that the key may seal it.
fn data_pair_spec(key: &Key, cx: &Ctx, operation: &str, spec: DataKeyPairSpec) -> Result<Spec, Error> {
    usable(key, cx, operation)?;
    if key.spec != KeySpec::SymmetricDefault {
        return Err(refusals::wrong_usage(key, operation));
    }
    let name = spec.as_str();
    let known = of_name::<KeySpec>(name).and_then(pair_spec);
    known.ok_or_else(|| refusals::unsupported(&format!("KeyPairSpec {name} is not supported.")))
}
