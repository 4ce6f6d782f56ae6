//! RotationToken: proof that a PutSecretValue comes from the function that was told to make that version. It is sealed
//! by the store's keys, so that it need not be remembered.

use std::fmt::Write as _;

use strongroom_crypto::{Context, Sealed};
use strongroom_types::SecretText;

use crate::documents::Documents;
use crate::error::Error;
use crate::secrets::model::Secret;
use crate::secrets::refusals;

/// What of a token is not letters, digits and `-` alone would be refused: it is written in hexadecimal digits.
fn context(secret: &Secret, version_id: &str) -> Context {
    Context::new("rotation-token").field(secret.arn()).field(version_id)
}

/// The token of a rotation's version.
///
/// # Errors
/// When the random source fails.
pub fn made(documents: &Documents, secret: &Secret, version_id: &str) -> Result<SecretText, Error> {
    let sealed = documents.keyring().seal(documents.random(), &context(secret, version_id), b"")?;
    let mut token = String::with_capacity(sealed.as_bytes().len() * 2);
    for byte in sealed.as_bytes() {
        // Writing to a text cannot fail.
        let _ = write!(token, "{byte:02x}");
    }
    Ok(SecretText::new(token))
}

/// Refuses a token that is not that of a rotation's version.
///
/// # Errors
/// InvalidParameterException (text unconfirmed).
pub fn check(documents: &Documents, secret: &Secret, version_id: &str, token: &SecretText) -> Result<(), Error> {
    let digits = token.expose().as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> =
        digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    let sealed = bytes.and_then(|bytes| Sealed::from_storage(bytes).ok());
    let opened = sealed.is_some_and(|sealed| documents.keyring().open(&context(secret, version_id), &sealed).is_ok());
    if opened { Ok(()) } else { Err(refusals::wrong_rotation_token()) }
}
