//! SHA-256 and HMAC-SHA-256 (FIPS 180-4, RFC 2104), and SHA-1 for the thumbprints of certificates.

use std::fmt::Write as _;

use aws_lc_rs::{constant_time, digest, hmac};

/// Length of a SHA-256 digest and of an HMAC-SHA-256 tag, in bytes.
pub const DIGEST_LEN: usize = 32;

/// SHA-256 of `data`.
#[must_use]
pub fn sha256(data: &[u8]) -> [u8; DIGEST_LEN] {
    array(digest::digest(&digest::SHA256, data).as_ref())
}

/// Length of a SHA-1 digest, in bytes.
pub const THUMBPRINT_LEN: usize = 20;

/// SHA-1 of a certificate, by which IAM names the certificates of identity providers. For nothing else: SHA-1 resists
/// no collisions, only the making of a second certificate for a thumbprint that is given.
#[must_use]
pub fn thumbprint(certificate: &[u8]) -> [u8; THUMBPRINT_LEN] {
    sha1(certificate)
}

/// What MySQL and MariaDB store of a password under `mysql_native_password`: its SHA-1, twice. For handing them a new
/// password that they then need not see.
#[must_use]
pub fn mysql_native_password(password: &[u8]) -> [u8; THUMBPRINT_LEN] {
    sha1(&sha1(password))
}

fn sha1(data: &[u8]) -> [u8; THUMBPRINT_LEN] {
    let mut out = [0; THUMBPRINT_LEN];
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, data);
    for (to, from) in out.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    out
}

/// SHA-256 of data that arrives in pieces.
#[derive(Clone)]
pub struct Sha256(digest::Context);

impl Default for Sha256 {
    fn default() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }
}

impl Sha256 {
    /// Adds a piece.
    pub fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    /// The digest of all pieces.
    #[must_use]
    pub fn finish(self) -> [u8; DIGEST_LEN] {
        array(self.0.finish().as_ref())
    }
}

/// A key for HMAC-SHA-256, prepared once for many tags. Does not print.
#[derive(Clone)]
pub struct MacKey(hmac::Key);

impl MacKey {
    /// A key of any length.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The tag of `data`.
    #[must_use]
    pub fn tag(&self, data: &[u8]) -> [u8; DIGEST_LEN] {
        array(hmac::sign(&self.0, data).as_ref())
    }
}

impl std::fmt::Debug for MacKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MacKey")
    }
}

/// The HMAC of `message` under `key` by SHA-2 of 224, 256, 384 or 512 bits; none for another number.
#[must_use]
pub fn hmac(bits: u16, key: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    let algorithm = match bits {
        224 => hmac::HMAC_SHA224,
        256 => hmac::HMAC_SHA256,
        384 => hmac::HMAC_SHA384,
        512 => hmac::HMAC_SHA512,
        _ => return None,
    };
    Some(hmac::sign(&hmac::Key::new(algorithm, key), message).as_ref().to_vec())
}

/// Bytes in hexadecimal, in lower case. Not for keys: the text is not wiped.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Whether two byte strings are equal, in time that depends on their lengths alone.
#[must_use]
pub fn equal(left: &[u8], right: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(left, right).is_ok()
}

fn array(bytes: &[u8]) -> [u8; DIGEST_LEN] {
    let mut out = [0; DIGEST_LEN];
    for (to, from) in out.iter_mut().zip(bytes) {
        *to = *from;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha256_of_abc_is_that_of_fips_180() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex(&sha256(b"abc")), expected);
        let mut pieces = Sha256::default();
        pieces.update(b"a");
        pieces.update(b"bc");
        assert_eq!(hex(&pieces.finish()), expected);
    }

    #[test]
    fn a_thumbprint_is_the_sha1_of_fips_180() {
        assert_eq!(hex(&thumbprint(b"abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
    }

    #[test]
    fn hmac_is_that_of_rfc_4231_case_2() {
        let tag = MacKey::new(b"Jefe").tag(b"what do ya want for nothing?");
        assert_eq!(hex(&tag), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}
