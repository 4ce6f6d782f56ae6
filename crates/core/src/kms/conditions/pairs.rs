//! What conditions may ask about requests with key pairs and imported material.

use std::borrow::Cow;
use std::collections::BTreeMap;

use strongroom_policy::{Value, Values};
use strongroom_wire::kms::{
    DataKeyPairSpec, DeleteImportedKeyMaterialRequest, DeriveSharedSecretRequest, ExpirationModelType,
    GenerateDataKeyPairRequest, GenerateDataKeyPairWithoutPlaintextRequest, GetParametersForImportRequest,
    GetPublicKeyRequest, ImportKeyMaterialRequest, MessageType, SignRequest, SigningAlgorithmSpec, VerifyRequest,
};

use super::{name, of_cipher};
use crate::access::{RequestKeys, without_keys};

without_keys!(DeleteImportedKeyMaterialRequest, GetPublicKeyRequest);

/// `kms:SigningAlgorithm` and `kms:MessageType`.
fn of_signature(
    algorithm: SigningAlgorithmSpec,
    message_type: Option<MessageType>,
    key: &str,
) -> Option<Values<'static>> {
    match key {
        "kms:signingalgorithm" => Some(name(algorithm)),
        "kms:messagetype" => Some(name(message_type.unwrap_or(MessageType::Raw))),
        _ => None,
    }
}

impl RequestKeys for SignRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        of_signature(self.signing_algorithm, self.message_type, key)
    }
}

impl RequestKeys for VerifyRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        of_signature(self.signing_algorithm, self.message_type, key)
    }
}

impl RequestKeys for DeriveSharedSecretRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        (key == "kms:keyagreementalgorithm").then(|| name(self.key_agreement_algorithm))
    }
}

/// `kms:DataKeyPairSpec`, and the keys of the encryption.
fn of_data_pair<'a>(
    spec: DataKeyPairSpec,
    pairs: Option<&'a BTreeMap<String, String>>,
    key: &str,
) -> Option<Values<'a>> {
    if key == "kms:datakeypairspec" { Some(name(spec)) } else { of_cipher(None, pairs, key) }
}

impl RequestKeys for GenerateDataKeyPairRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        of_data_pair(self.key_pair_spec, self.encryption_context.as_ref(), key)
    }

    fn encryption_context(&self) -> Option<Cow<'_, BTreeMap<String, String>>> {
        self.encryption_context.as_ref().map(Cow::Borrowed)
    }
}

impl RequestKeys for GenerateDataKeyPairWithoutPlaintextRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        of_data_pair(self.key_pair_spec, self.encryption_context.as_ref(), key)
    }

    fn encryption_context(&self) -> Option<Cow<'_, BTreeMap<String, String>>> {
        self.encryption_context.as_ref().map(Cow::Borrowed)
    }
}

impl RequestKeys for GetParametersForImportRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        match key {
            "kms:wrappingalgorithm" => Some(name(self.wrapping_algorithm)),
            "kms:wrappingkeyspec" => Some(name(self.wrapping_key_spec)),
            _ => None,
        }
    }
}

impl RequestKeys for ImportKeyMaterialRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        match key {
            "kms:expirationmodel" => {
                Some(name(self.expiration_model.unwrap_or(ExpirationModelType::KeyMaterialExpires)))
            }
            "kms:validto" => self.valid_to.map(|end| Values::One(Value::Instant(end.millis()))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use strongroom_types::{SecretBytes, Timestamp};
    use strongroom_wire::kms::{AlgorithmSpec, WrappingKeySpec};

    use super::*;

    fn text(values: Option<Values<'_>>) -> Option<String> {
        match values? {
            Values::One(value) => value.as_text().map(std::borrow::Cow::into_owned),
            Values::Many(_) | Values::Held(_) | Values::Either(_) => None,
        }
    }

    #[test]
    fn requests_tell_their_algorithms() {
        let mut sign = SignRequest {
            key_id: String::new(),
            message: SecretBytes::default(),
            message_type: None,
            grant_tokens: None,
            signing_algorithm: SigningAlgorithmSpec::EcdsaSha256,
            dry_run: None,
        };
        assert_eq!(text(sign.key("kms:signingalgorithm")).as_deref(), Some("ECDSA_SHA_256"));
        assert_eq!(text(sign.key("kms:messagetype")).as_deref(), Some("RAW"));
        sign.message_type = Some(MessageType::Digest);
        assert_eq!(text(sign.key("kms:messagetype")).as_deref(), Some("DIGEST"));
        assert_eq!(text(sign.key("kms:encryptionalgorithm")), None);
        let parameters = GetParametersForImportRequest {
            key_id: String::new(),
            wrapping_algorithm: AlgorithmSpec::RsaAesKeyWrapSha256,
            wrapping_key_spec: WrappingKeySpec::Rsa3072,
        };
        assert_eq!(text(parameters.key("kms:wrappingkeyspec")).as_deref(), Some("RSA_3072"));
        assert_eq!(text(parameters.key("kms:wrappingalgorithm")).as_deref(), Some("RSA_AES_KEY_WRAP_SHA_256"));
    }

    #[test]
    fn an_import_tells_when_its_material_expires() {
        let mut import = ImportKeyMaterialRequest::default();
        assert_eq!(text(import.key("kms:expirationmodel")).as_deref(), Some("KEY_MATERIAL_EXPIRES"));
        assert!(import.key("kms:validto").is_none());
        import.valid_to = Some(Timestamp::from_millis(7000));
        assert!(matches!(import.key("kms:validto"), Some(Values::One(Value::Instant(7000)))));
    }
}
