//! Imported material: GetParametersForImport, ImportKeyMaterial, DeleteImportedKeyMaterial.

use strongroom_crypto::CryptoError;
use strongroom_crypto::asymmetric::{self, PrivateKey, WrappedBy};
use strongroom_types::{SecretBytes, Timestamp};
use strongroom_wire::kms::{
    DeleteImportedKeyMaterialRequest, DeleteImportedKeyMaterialResponse, ExpirationModelType,
    GetParametersForImportRequest, GetParametersForImportResponse, ImportKeyMaterialRequest, ImportKeyMaterialResponse,
    ImportType, KeySpec, OriginType,
};

use super::import_token::{ImportToken, way, wrapping_spec};
use super::key::{Key, Material};
use super::material::fresh_len;
use super::pairs::{pair_spec, written};
use super::states::{DAY_MS, not_pending_deletion};
use super::{Kms, found, refusals};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::error::Error;

/// Days after which imported material expires at the latest, if it does (KMS's API reference).
const VALID_DAYS_MAX: i64 = 365;

/// Material as it came, checked.
struct Imported {
    material: Material,
    id: String,
}

impl Kms {
    /// A fresh wrapping key's public half, and the token by which the material is known again.
    ///
    /// # Errors
    /// UnsupportedOperationException for keys that take no imported material; KMSInvalidStateException for one that waits
    /// for its deletion.
    pub async fn get_parameters_for_import(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: GetParametersForImportRequest,
    ) -> Result<GetParametersForImportResponse, Error> {
        let key = found(permit)?;
        takes_imports(key, cx.now)?;
        let (by, spec) = (way(input.wrapping_algorithm)?, wrapping_spec(input.wrapping_key_spec)?);
        let pair = self.new_pair(cx, spec).await?;
        let (token, end) = self.import_token(key, by, spec, &pair.private, cx.now)?;
        Ok(GetParametersForImportResponse {
            key_id: Some(key.arn()),
            import_token: Some(token),
            public_key: Some(SecretBytes::new(pair.public)),
            parameters_valid_to: Some(end),
        })
    }

    /// Takes material into a key: its first one, one that it had before, or a further one for the next rotation.
    ///
    /// # Errors
    /// As [`Kms::get_parameters_for_import`]; InvalidImportTokenException; ExpiredImportTokenException;
    /// InvalidCiphertextException; IncorrectKeyMaterialException for material that is not the key's, or could be none of a
    /// key of this spec; ValidationException for the expiration.
    pub async fn import_key_material(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: ImportKeyMaterialRequest,
    ) -> Result<ImportKeyMaterialResponse, Error> {
        let expires_ms = expiration(&input, cx.now)?;
        let key = found(permit)?;
        takes_imports(key, cx.now)?;
        let token = self.opened_token(key, &input.import_token, cx.now)?;
        let plain = unwrapped(&token, &input.encrypted_key_material)?;
        let mut imported = self.imported(key, &plain, cx.now)?;
        imported.material.expires_ms = expires_ms;
        imported.material.description.clone_from(&input.key_material_description);
        if input.key_material_id.as_ref().is_some_and(|wanted| *wanted != imported.id) {
            return Err(refusals::incorrect_material());
        }
        let key = self
            .change(cx, permit, "import_key_material", |key| {
                takes_imports(key, cx.now)?;
                put(key, &imported, input.import_type)?;
                Ok(true)
            })
            .await?;
        Ok(ImportKeyMaterialResponse {
            key_id: Some(key.arn()),
            key_material_id: (key.spec == KeySpec::SymmetricDefault).then_some(imported.id),
        })
    }

    /// Deletes imported material. The key stays, and takes the same material again.
    ///
    /// # Errors
    /// As [`Kms::get_parameters_for_import`]; NotFoundException for material that the key does not know.
    pub async fn delete_imported_key_material(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: DeleteImportedKeyMaterialRequest,
    ) -> Result<DeleteImportedKeyMaterialResponse, Error> {
        let named = input.key_material_id.as_deref();
        let key = self
            .change(cx, permit, "delete_imported_key_material", |key| {
                takes_imports(key, cx.now)?;
                delete(key, named)
            })
            .await?;
        let id = named.map(str::to_owned).or_else(|| key.current_material_id());
        let id = id.filter(|_| key.spec == KeySpec::SymmetricDefault);
        Ok(DeleteImportedKeyMaterialResponse { key_id: Some(key.arn()), key_material_id: id })
    }

    /// Material that fits a key, as it is stored.
    fn imported(&self, key: &Key, plain: &SecretBytes, now: Timestamp) -> Result<Imported, Error> {
        let material = match pair_spec(key.spec) {
            Some(spec) => {
                let pair = PrivateKey::from_pkcs8(spec, plain).map_err(|_| refusals::incorrect_material())?;
                self.wrapped_pair(key, &written(&pair)?, now)?
            }
            None if plain.len() == fresh_len(key.spec) => self.wrapped(key, plain, now)?,
            None => return Err(refusals::incorrect_material()),
        };
        let id = material.id.clone();
        Ok(Imported { material, id })
    }
}

impl Material {
    /// Takes the same material as it came again.
    fn renew(&mut self, again: &Self) {
        self.wrapped.clone_from(&again.wrapped);
        self.expires_ms = again.expires_ms;
        if again.description.is_some() {
            self.description.clone_from(&again.description);
        }
    }

    /// Removes the material itself; its id stays. Tells whether it was there.
    pub(super) fn forget(&mut self) -> bool {
        self.expires_ms = None;
        self.wrapped.take().is_some()
    }
}

/// Refuses keys that take no imported material, or not in their state.
fn takes_imports(key: &Key, now: Timestamp) -> Result<(), Error> {
    if key.origin != OriginType::External {
        return Err(refusals::wrong_origin(key));
    }
    not_pending_deletion(key, now)
}

/// When the material of a request expires, if it does.
fn expiration(input: &ImportKeyMaterialRequest, now: Timestamp) -> Result<Option<i64>, Error> {
    let model = input.expiration_model.unwrap_or(ExpirationModelType::KeyMaterialExpires);
    match (model, input.valid_to) {
        (ExpirationModelType::KeyMaterialDoesNotExpire, None) => Ok(None),
        (ExpirationModelType::KeyMaterialDoesNotExpire, Some(_)) => Err(refusals::invalid(
            "The parameter ValidTo cannot be specified for a key with an expiration model of \
             KEY_MATERIAL_DOES_NOT_EXPIRE",
        )),
        (ExpirationModelType::KeyMaterialExpires, None) => {
            Err(refusals::invalid("A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES"))
        }
        (ExpirationModelType::KeyMaterialExpires, Some(end)) => {
            let ahead = end.millis().saturating_sub(now.millis());
            if ahead <= 0 {
                Err(refusals::invalid("ValidTo must be in the future"))
            } else if ahead > VALID_DAYS_MAX * DAY_MS {
                Err(refusals::invalid(&format!("ValidTo must be within {VALID_DAYS_MAX} days from now")))
            } else {
                Ok(Some(end.millis()))
            }
        }
    }
}

/// The plain material that came.
fn unwrapped(token: &ImportToken, wrapped: &[u8]) -> Result<SecretBytes, Error> {
    let fits = match token.by {
        WrappedBy::Rsa(_) => wrapped.len() == token.modulus_len,
        WrappedBy::RsaAes(_) => wrapped.len() > token.modulus_len,
    };
    if !fits {
        return Err(refusals::invalid("Invalid encrypted key size."));
    }
    asymmetric::unwrap(&token.wrapping_key, token.by, wrapped).map_err(|error| match error {
        CryptoError::NotAuthentic => refusals::invalid_ciphertext(),
        fault => fault.into(),
    })
}

/// Puts material into its place: that of the same material before, or the first one; a further one waits for a rotation.
fn put(key: &mut Key, imported: &Imported, import_type: Option<ImportType>) -> Result<(), Error> {
    if import_type.is_some() && key.spec != KeySpec::SymmetricDefault {
        return Err(refusals::invalid("ImportType is only supported for symmetric encryption keys."));
    }
    let same = |material: &&mut Material| material.id == imported.id;
    if let Some(pending) = key.pending.as_mut().filter(same) {
        pending.renew(&imported.material);
        return Ok(());
    }
    if let Some(known) = key.materials.iter_mut().find(same) {
        if import_type == Some(ImportType::NewKeyMaterial) {
            return Err(refusals::incorrect_material());
        }
        known.renew(&imported.material);
        return Ok(());
    }
    match (import_type, &key.pending) {
        (Some(ImportType::ExistingKeyMaterial), _) => return Err(refusals::incorrect_material()),
        _ if key.materials.is_empty() => key.materials.push(imported.material.clone()),
        (None, _) => return Err(refusals::incorrect_material()),
        (Some(ImportType::NewKeyMaterial), Some(pending)) => {
            return Err(refusals::other_material_pending(key, &imported.id, &pending.id));
        }
        (Some(ImportType::NewKeyMaterial), None) => key.pending = Some(imported.material.clone()),
    }
    Ok(())
}

/// Deletes the material that a request names, or the current one. Tells whether it was there.
fn delete(key: &mut Key, named: Option<&str>) -> Result<bool, Error> {
    let Some(id) = named else { return Ok(key.materials.first_mut().is_some_and(Material::forget)) };
    if key.pending.take_if(|material| material.id == id).is_some() {
        return Ok(true);
    }
    let known = key.materials.iter_mut().find(|material| material.id == id);
    known.map(Material::forget).ok_or_else(|| refusals::no_material(id))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use strongroom_crypto::asymmetric::{Oaep, Spec, encrypt};
    use strongroom_crypto::random::SeededRandom;
    use strongroom_crypto::root::KeyRoot;
    use strongroom_store::{Batch, MemoryStore};
    use strongroom_wire::kms::{KeyState, errors};

    use super::*;
    use crate::bootstrap;
    use crate::documents::{Document as _, Documents};
    use crate::identities::Identities;

    const OWNER: &str = "123456789012";

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    async fn kms() -> Kms {
        let (store, random) = (Arc::new(MemoryStore::new()), Arc::new(SeededRandom::new(3)));
        let root = KeyRoot::new("file", "test", &SecretBytes::new(vec![7; 32])).unwrap();
        let ring = bootstrap::keyring(store.as_ref(), &root, Arc::clone(&random) as _, true).await.unwrap();
        let documents = Arc::new(Documents::new(store as _, ring, random, 1 << 20));
        let identities = Arc::new(Identities::new(Arc::clone(&documents)));
        Kms::new(documents, identities, Arc::new(root))
    }

    fn external(spec: KeySpec) -> Key {
        let mut key = Key::for_tests(OWNER, "{}");
        (key.origin, key.spec) = (OriginType::External, spec);
        key
    }

    fn code(error: Error) -> &'static str {
        let Error::Refused(refusal) = error else { panic!("{error:?}") };
        refusal.code.name
    }

    #[tokio::test]
    async fn a_token_is_good_for_its_key_and_a_day() {
        let kms = kms().await;
        let key = external(KeySpec::SymmetricDefault);
        let pair = written(&PrivateKey::generate(Spec::Rsa2048).unwrap()).unwrap();
        let by = WrappedBy::Rsa(Oaep::Sha256);
        let (token, end) = kms.import_token(&key, by, Spec::Rsa2048, &pair.private, at(1000)).unwrap();
        assert_eq!(end, at(1000 + DAY_MS));
        let opened = kms.opened_token(&key, &token, at(end.millis() - 1)).unwrap();
        let wrapped = encrypt(&pair.public, Oaep::Sha256, &[5; 32]).unwrap();
        assert_eq!(unwrapped(&opened, &wrapped).unwrap().expose(), [5; 32]);
        let refused = kms.opened_token(&key, &token, end).unwrap_err();
        assert_eq!(code(refused), errors::EXPIRED_IMPORT_TOKEN_EXCEPTION.name);
        let mut other = external(KeySpec::SymmetricDefault);
        other.key_id = "00000000-0000-0000-0000-000000000000".to_owned();
        let refused = kms.opened_token(&other, &token, at(1000)).unwrap_err();
        assert_eq!(code(refused), errors::INVALID_IMPORT_TOKEN_EXCEPTION.name);
    }

    #[tokio::test]
    async fn material_is_deleted_when_it_expires() {
        let kms = kms().await;
        let mut key = external(KeySpec::SymmetricDefault);
        let mut imported = kms.imported(&key, &SecretBytes::new(vec![5; 32]), at(0)).unwrap();
        imported.material.expires_ms = Some(5000);
        put(&mut key, &imported, None).unwrap();
        let place = key.key();
        let mut batch = Batch::named("test");
        kms.documents.put(&mut batch, None, &Arc::new(key)).unwrap();
        kms.documents.commit(batch).await.unwrap();
        assert_eq!(kms.do_due_work(at(4999), 10).await.unwrap(), 0);
        assert_eq!(kms.do_due_work(at(5000), 10).await.unwrap(), 1);
        assert_eq!(kms.do_due_work(at(5000), 10).await.unwrap(), 0);
        let found = kms.documents.load::<Key>(place).await.unwrap().unwrap();
        let left = found.value.materials.first().unwrap();
        assert_eq!((left.wrapped.as_ref(), left.expires_ms), (None, None));
        assert_eq!(left.id, imported.id, "by which the same material is known again");
        assert_eq!(found.value.state(at(0)), KeyState::PendingImport);
    }

    #[tokio::test]
    async fn a_further_material_waits_and_only_one() {
        let kms = kms().await;
        let mut key = external(KeySpec::SymmetricDefault);
        let material =
            |byte| kms.imported(&external(KeySpec::SymmetricDefault), &SecretBytes::new(vec![byte; 32]), at(0));
        let (first, second, third) = (material(1).unwrap(), material(2).unwrap(), material(3).unwrap());
        let new = Some(ImportType::NewKeyMaterial);
        assert!(put(&mut key, &first, Some(ImportType::ExistingKeyMaterial)).is_err());
        put(&mut key, &first, new).unwrap();
        assert!(put(&mut key, &first, new).is_err() && put(&mut key, &second, None).is_err());
        put(&mut key, &second, new).unwrap();
        put(&mut key, &second, None).unwrap();
        assert_eq!(code(put(&mut key, &third, new).unwrap_err()), errors::KMS_INVALID_STATE_EXCEPTION.name);
        assert_eq!((key.materials.len(), key.pending.as_ref().map(|waits| &waits.id)), (1, Some(&second.id)));
        assert!(delete(&mut key, Some(&second.id)).unwrap() && key.pending.is_none());
        assert!(delete(&mut key, Some(&second.id)).is_err());
        assert_eq!(key.state(at(0)), KeyState::Enabled);
        assert!(delete(&mut key, None).unwrap() && !delete(&mut key, None).unwrap());
        assert_eq!(key.state(at(0)), KeyState::PendingImport);
    }
}
