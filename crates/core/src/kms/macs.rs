//! GenerateMac and VerifyMac.

use strongroom_crypto::digest::{equal, hmac};
use strongroom_wire::forms::Enumeration as _;
use strongroom_wire::kms::{
    GenerateMacRequest, GenerateMacResponse, KeyUsageType, MacAlgorithmSpec, VerifyMacRequest, VerifyMacResponse,
    errors,
};

use super::cipher::dry;
use super::key::Key;
use super::shown::mac_algorithm;
use super::states::enabled;
use super::{Kms, found, refusals};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::error::Error;

impl Kms {
    /// The HMAC of a message.
    ///
    /// # Errors
    /// The key's state; InvalidKeyUsageException for another key or algorithm.
    pub async fn generate_mac(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: GenerateMacRequest,
    ) -> Result<GenerateMacResponse, Error> {
        let key = found(permit)?;
        let mac = self.mac(cx, key, "GenerateMac", input.mac_algorithm, input.message.expose())?;
        dry(input.dry_run)?;
        Ok(GenerateMacResponse { mac: Some(mac), mac_algorithm: Some(input.mac_algorithm), key_id: Some(key.arn()) })
    }

    /// Whether a MAC is a message's.
    ///
    /// # Errors
    /// As [`Kms::generate_mac`]; KMSInvalidMacException when it is not.
    pub async fn verify_mac(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: VerifyMacRequest,
    ) -> Result<VerifyMacResponse, Error> {
        let key = found(permit)?;
        let mac = self.mac(cx, key, "VerifyMac", input.mac_algorithm, input.message.expose())?;
        if !equal(&mac, &input.mac) {
            return Err(Error::Refused(errors::KMS_INVALID_MAC_EXCEPTION.bare()));
        }
        dry(input.dry_run)?;
        Ok(VerifyMacResponse {
            key_id: Some(key.arn()),
            mac_valid: Some(true),
            mac_algorithm: Some(input.mac_algorithm),
        })
    }

    fn mac(
        &self,
        cx: &Ctx,
        key: &Key,
        operation: &str,
        algorithm: MacAlgorithmSpec,
        message: &[u8],
    ) -> Result<Vec<u8>, Error> {
        enabled(key, cx.now)?;
        if key.usage != KeyUsageType::GenerateVerifyMac {
            return Err(refusals::wrong_usage(key, operation));
        }
        if mac_algorithm(key) != Some(algorithm) {
            return Err(refusals::wrong_algorithm(key, algorithm.as_str()));
        }
        let material = key.materials.first().ok_or_else(|| refusals::wrong_state(key, cx.now))?;
        let material = self.unwrapped(key, material)?;
        let bits = match algorithm {
            MacAlgorithmSpec::HmacSha224 => 224,
            MacAlgorithmSpec::HmacSha256 => 256,
            MacAlgorithmSpec::HmacSha384 => 384,
            MacAlgorithmSpec::HmacSha512 => 512,
        };
        hmac(bits, material.expose(), message).ok_or_else(|| Error::internal("no such HMAC"))
    }
}
