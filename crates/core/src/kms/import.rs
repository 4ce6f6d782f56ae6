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
use super::pairs::{new_pair, pair_spec, written};
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
        let pair = new_pair(spec).await?;
        let (token, end) = self.import_token(key, by, spec, &pair.private, cx.now)?;
        Ok(GetParametersForImportResponse {
            key_id: Some(key.arn()),
            import_token: Some(token),
            public_key: Some(SecretBytes::new(pair.public)),
            parameters_valid_to: Some(end),
        })
    }

    /// Takes material into a key: its first one, or the same again.
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
                let Some(at) = place(key, named)? else { return Ok(false) };
                Ok(key.materials.get_mut(at).is_some_and(Material::forget))
            })
            .await?;
        let material = place(&key, named)?.and_then(|at| key.materials.get(at));
        let id = material.filter(|_| key.spec == KeySpec::SymmetricDefault).map(|material| material.id.clone());
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

/// Puts material into its place.
fn put(key: &mut Key, imported: &Imported, import_type: Option<ImportType>) -> Result<(), Error> {
    if import_type.is_some() && key.spec != KeySpec::SymmetricDefault {
        return Err(refusals::invalid("ImportType is only supported for symmetric encryption keys."));
    }
    let is_first = key.materials.is_empty();
    let known = key.materials.iter_mut().find(|material| material.id == imported.id);
    match (known, import_type) {
        (Some(_), Some(ImportType::NewKeyMaterial)) | (None, Some(ImportType::ExistingKeyMaterial)) => {
            Err(refusals::incorrect_material())
        }
        (Some(known), _) => {
            let Material { wrapped, expires_ms, description, .. } = imported.material.clone();
            known.wrapped = wrapped;
            known.expires_ms = expires_ms;
            known.description = description.or_else(|| known.description.take());
            Ok(())
        }
        (None, Some(ImportType::NewKeyMaterial)) if !is_first => {
            Err(refusals::unsupported("A further key material is not supported: the key keeps its first one."))
        }
        (None, None) if !is_first => Err(refusals::incorrect_material()),
        (None, _) => {
            key.materials.push(imported.material.clone());
            Ok(())
        }
    }
}

/// The place of the material that a request names, or of the current one; none when the key never had any.
fn place(key: &Key, named: Option<&str>) -> Result<Option<usize>, Error> {
    match named {
        None => Ok((!key.materials.is_empty()).then_some(0)),
        Some(id) => {
            let at = key.materials.iter().position(|material| material.id == id);
            at.map(Some).ok_or_else(|| refusals::no_material(id))
        }
    }
}
