//! Encrypt, Decrypt, ReEncrypt.

use std::collections::BTreeMap;

use strongroom_crypto::CryptoError;
use strongroom_crypto::asymmetric;
use strongroom_types::SecretBytes;
use strongroom_wire::forms::Enumeration as _;
use strongroom_wire::kms::{
    DecryptRequest, DecryptResponse, DryRunModifierType, EncryptRequest, EncryptResponse, EncryptionAlgorithmSpec,
    KeyUsageType, ReEncryptRequest, ReEncryptResponse,
};

use super::ciphertext::Ciphertext;
use super::conditions::ReEncrypted;
use super::key::Key;
use super::pairs::{oaep, pair_spec, public_key};
use super::resolve::KeyRef;
use super::shown::encryption_algorithms;
use super::states::enabled;
use super::{Kms, encryption_context, found, refusals};
use crate::access::{Permit, RE_ENCRYPT_FROM, RE_ENCRYPT_TO};
use crate::ctx::Ctx;
use crate::documents::Loaded;
use crate::error::Error;

impl Kms {
    /// Encrypts up to 4096 bytes.
    ///
    /// # Errors
    /// The key's state; InvalidKeyUsageException; DryRunOperationException.
    pub async fn encrypt(&self, cx: &Ctx, permit: &Permit, input: EncryptRequest) -> Result<EncryptResponse, Error> {
        let key = found(permit)?;
        usable(key, cx, "Encrypt")?;
        let algorithm = algorithm(key, input.encryption_algorithm)?;
        let pairs = input.encryption_context.unwrap_or_default();
        let blob = self.encrypted(key, algorithm, &pairs, &input.plaintext)?;
        dry(input.dry_run)?;
        Ok(EncryptResponse {
            ciphertext_blob: Some(blob),
            key_id: Some(key.arn()),
            encryption_algorithm: Some(algorithm),
        })
    }

    /// Encrypts bytes under a key by one of its algorithms.
    fn encrypted(
        &self,
        key: &Key,
        algorithm: EncryptionAlgorithmSpec,
        pairs: &BTreeMap<String, String>,
        plain: &SecretBytes,
    ) -> Result<Vec<u8>, Error> {
        let Some(oaep) = oaep(algorithm) else { return self.sealed(key, pairs, plain) };
        if !pairs.is_empty() {
            return Err(refusals::no_encryption_context());
        }
        let public = public_key(key)?;
        let bytes_max = asymmetric::plaintext_len_max(&public, oaep)?;
        if plain.len() > bytes_max {
            return Err(refusals::too_long(key, algorithm.as_str(), bytes_max));
        }
        Ok(asymmetric::encrypt(&public, oaep, plain.expose())?)
    }

    /// Decrypts bytes under a key by one of its algorithms. A symmetric key tells the id of the material they are under.
    fn decrypted(
        &self,
        key: &Key,
        algorithm: EncryptionAlgorithmSpec,
        pairs: &BTreeMap<String, String>,
        blob: &[u8],
    ) -> Result<(SecretBytes, Option<String>), Error> {
        let Some(oaep) = oaep(algorithm) else { return self.opened(key, pairs, blob) };
        if !pairs.is_empty() {
            return Err(refusals::no_encryption_context());
        }
        let plain = self.private_key(key)?.decrypt(oaep, blob).map_err(|error| match error {
            CryptoError::NotAuthentic => refusals::invalid_ciphertext(),
            fault => fault.into(),
        })?;
        Ok((plain, None))
    }

    /// Seals bytes under the newest material of a symmetric key.
    pub(super) fn sealed(
        &self,
        key: &Key,
        pairs: &BTreeMap<String, String>,
        plain: &SecretBytes,
    ) -> Result<Vec<u8>, Error> {
        let bound = encryption_context::bound(&key.account, &key.region, &key.key_id, pairs);
        let sealed = self.ring(key)?.seal(self.documents.random(), &bound, plain.expose())?;
        let (account, key_id) = (key.account.clone(), key.key_id.clone());
        let blob = Ciphertext { account, key_id, sealed }.to_blob();
        blob.ok_or_else(|| Error::internal("a key's id cannot stand in a ciphertext"))
    }

    /// The key that a Decrypt is about: the one it names or, when it names none, the one that its blob names.
    ///
    /// # Errors
    /// InvalidCiphertextException for what is no blob of ours, IncorrectKeyException for one of another key.
    pub async fn permitted_decrypt(
        &self,
        cx: &Ctx,
        action: &'static str,
        input: &DecryptRequest,
    ) -> Result<Permit, Error> {
        let is_ignored = ignores_ciphertext(input.dry_run, input.dry_run_modifiers.as_deref());
        let blob = input.ciphertext_blob.as_deref();
        let key = self.key_of_blob(cx, blob, input.key_id.as_deref(), is_ignored).await?;
        Self::allowed(cx, action, key, input)
    }

    /// Decrypts what Encrypt, GenerateDataKey or ReEncrypt made.
    ///
    /// # Errors
    /// The key's state; InvalidCiphertextException for another encryption context or an altered blob.
    pub async fn decrypt(&self, cx: &Ctx, permit: &Permit, input: DecryptRequest) -> Result<DecryptResponse, Error> {
        let key = found(permit)?;
        if input.recipient.is_some() {
            return Err(refusals::no_enclaves());
        }
        usable(key, cx, "Decrypt")?;
        let algorithm = algorithm(key, input.encryption_algorithm)?;
        if ignores_ciphertext(input.dry_run, input.dry_run_modifiers.as_deref()) {
            return Err(refusals::dry_run());
        }
        let pairs = input.encryption_context.unwrap_or_default();
        let (plaintext, material_id) =
            self.decrypted(key, algorithm, &pairs, &input.ciphertext_blob.unwrap_or_default())?;
        dry(input.dry_run)?;
        Ok(DecryptResponse {
            key_id: Some(key.arn()),
            plaintext: Some(plaintext),
            encryption_algorithm: Some(algorithm),
            key_material_id: material_id,
            ..DecryptResponse::default()
        })
    }

    /// Opens a blob of a key, and tells the id of the material that it is under.
    pub(super) fn opened(
        &self,
        key: &Key,
        pairs: &BTreeMap<String, String>,
        blob: &[u8],
    ) -> Result<(SecretBytes, Option<String>), Error> {
        let ciphertext = Ciphertext::parse(blob).ok_or_else(refusals::invalid_ciphertext)?;
        let bound = encryption_context::bound(&key.account, &key.region, &key.key_id, pairs);
        let ring = self.ring(key)?;
        let plain = ring.open(&bound, &ciphertext.sealed).map_err(|_| refusals::invalid_ciphertext())?;
        let material = ring.place_of(&ciphertext.sealed).and_then(|at| key.materials_there().nth(at));
        Ok((plain, material.map(|material| material.id.clone())))
    }

    /// The key of a blob, which has to be the one that the request names, if it names one. When the blob `is_ignored`,
    /// the one that it names.
    async fn key_of_blob(
        &self,
        cx: &Ctx,
        blob: Option<&[u8]>,
        named: Option<&str>,
        is_ignored: bool,
    ) -> Result<KeyRef, Error> {
        let named = match named {
            Some(asked) => Some(KeyRef::resolve(&self.documents, cx, asked).await?),
            None => None,
        };
        if is_ignored {
            return named.ok_or_else(|| refusals::is_null("keyId"));
        }
        let blob = blob.ok_or_else(|| refusals::is_null("ciphertextBlob"))?;
        // What an asymmetric key encrypted does not name its key.
        if let Some(named) = named.as_ref().filter(|named| named.found.as_ref().is_some_and(has_pair)) {
            return Ok(named.clone());
        }
        let ciphertext = Ciphertext::parse(blob).ok_or_else(refusals::invalid_ciphertext)?;
        let account = strongroom_types::AccountId::parse(&ciphertext.account);
        let account = account.map_err(|_| refusals::invalid_ciphertext())?;
        if let Some(named) = named {
            let is_it = |key: &Key| key.key_id == ciphertext.key_id && key.account == ciphertext.account;
            return match &named.found {
                Some(found) if !is_it(&found.value) => Err(refusals::incorrect_key()),
                _ => Ok(named),
            };
        }
        KeyRef::with_id(&self.documents, cx, account, &ciphertext.key_id, None).await
    }

    /// Decrypts under one key and encrypts under another, without the plaintext leaving. Takes leave on both, which is
    /// told: of the source, then of the destination.
    ///
    /// # Errors
    /// As [`Kms::decrypt`] and [`Kms::encrypt`].
    pub async fn re_encrypt(
        &self,
        cx: &Ctx,
        input: ReEncryptRequest,
    ) -> Result<(ReEncryptResponse, Permit, Permit), Error> {
        let is_ignored = ignores_ciphertext(input.dry_run, input.dry_run_modifiers.as_deref());
        let blob = input.ciphertext_blob.as_deref();
        let source = self.key_of_blob(cx, blob, input.source_key_id.as_deref(), is_ignored).await?;
        let target = KeyRef::resolve(&self.documents, cx, &input.destination_key_id).await?;
        let on_same_key = source.arn == target.arn;
        let from = ReEncrypted {
            pairs: input.source_encryption_context.as_ref(),
            algorithm: input.source_encryption_algorithm,
            on_same_key,
        };
        let to = ReEncrypted {
            pairs: input.destination_encryption_context.as_ref(),
            algorithm: input.destination_encryption_algorithm,
            on_same_key,
        };
        let from = Self::allowed(cx, RE_ENCRYPT_FROM, source, &from)?;
        let to = Self::allowed(cx, RE_ENCRYPT_TO, target, &to)?;
        let (old, new) = (found(&from)?, found(&to)?);
        usable(old, cx, "ReEncrypt")?;
        usable(new, cx, "ReEncrypt")?;
        let by_old = algorithm(old, input.source_encryption_algorithm)?;
        let by_new = algorithm(new, input.destination_encryption_algorithm)?;
        if is_ignored {
            return Err(refusals::dry_run());
        }
        let pairs = input.source_encryption_context.unwrap_or_default();
        let (plain, source_material_id) = self.decrypted(old, by_old, &pairs, blob.unwrap_or_default())?;
        let pairs = input.destination_encryption_context.unwrap_or_default();
        let sealed = self.encrypted(new, by_new, &pairs, &plain)?;
        dry(input.dry_run)?;
        let response = ReEncryptResponse {
            ciphertext_blob: Some(sealed),
            source_key_id: Some(old.arn()),
            key_id: Some(new.arn()),
            source_encryption_algorithm: Some(by_old),
            destination_encryption_algorithm: Some(by_new),
            source_key_material_id: source_material_id,
            destination_key_material_id: new.current_material_id(),
        };
        Ok((response, from, to))
    }
}

/// Refuses keys that are not enabled, and those that are not for encrypting.
pub(super) fn usable(key: &Key, cx: &Ctx, operation: &str) -> Result<(), Error> {
    enabled(key, cx.now)?;
    if key.usage == KeyUsageType::EncryptDecrypt { Ok(()) } else { Err(refusals::wrong_usage(key, operation)) }
}

/// The algorithm that a request asks for, which has to be one of the key's.
fn algorithm(key: &Key, asked: Option<EncryptionAlgorithmSpec>) -> Result<EncryptionAlgorithmSpec, Error> {
    let asked = asked.unwrap_or(EncryptionAlgorithmSpec::SymmetricDefault);
    let fits = encryption_algorithms(key).is_some_and(|known| known.contains(&asked));
    if fits { Ok(asked) } else { Err(refusals::wrong_algorithm(key, asked.as_str())) }
}

/// Whether a key is asymmetric.
fn has_pair(key: &Loaded<Key>) -> bool {
    pair_spec(key.value.spec).is_some()
}

/// Whether a request is only to be tried, and its ciphertext not at all.
fn ignores_ciphertext(dry_run: Option<bool>, modifiers: Option<&[DryRunModifierType]>) -> bool {
    dry_run.unwrap_or_default() && modifiers.unwrap_or_default().contains(&DryRunModifierType::IgnoreCiphertext)
}

/// Ends a request that was only to be tried.
pub(super) fn dry(dry_run: Option<bool>) -> Result<(), Error> {
    if dry_run.unwrap_or_default() { Err(refusals::dry_run()) } else { Ok(()) }
}
