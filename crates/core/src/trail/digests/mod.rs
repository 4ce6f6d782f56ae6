//! Digest files: what closed segments hold, each signed and bound to the one before, so that nobody can quietly change,
//! drop, add or move a record. Whoever has the public key can check a trail with them.
//!
//! A digest stands beside its segment: a line of JSON, and a line with the signature of the first (ECDSA with P-256 and
//! SHA-256 over the line without its end, DER, in base64).

mod check;
mod removed;
mod seal;
#[cfg(test)]
mod tests;

use std::io::{self, BufReader, Read};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use strongroom_crypto::CryptoError;
use strongroom_crypto::asymmetric::{Message, PrivateKey, Scheme, Spec, verify};
use strongroom_crypto::digest::{Sha256, hex, sha256};
use strongroom_types::{SecretBytes, Timestamp};
use strongroom_wire::timestamps;

use super::calendar::iso;
use super::compressed;
use super::files::{SegmentFiles, digests_newest_first};
use super::read::LineReader;
use super::segment_id::SegmentId;

pub use check::{Checked, Known, check};
pub use removed::{REMOVED_FILE, Removed};
pub use seal::{Head, seal_closed};

/// Version of the digest's form.
const VERSION: u32 = 1;
/// Bytes of a record's hash that stand in a digest: they show which record was changed, the whole segment's hash that
/// one was.
const LINE_HASH_BYTES: usize = 8;
/// Digest files are no longer than this, in bytes: the hashes of about ten million records.
const DIGEST_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// What a digest says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Digest {
    version: u32,
    /// 1 for the first, and one more for each.
    number: u64,
    /// The segment's name, relative to the trail's folder.
    segment: String,
    bytes: u64,
    records: u64,
    sha256: String,
    /// SHA-256 of the digest file before, in hexadecimal.
    previous_sha256: Option<String>,
    made: String,
    /// The first bytes of each record's SHA-256, in base64.
    records_sha256: String,
}

/// The key that signs digests.
pub struct Signer(PrivateKey);

impl Signer {
    /// A new one.
    ///
    /// # Errors
    /// When the cipher library refuses.
    pub fn generate() -> Result<Self, CryptoError> {
        Ok(Self(PrivateKey::generate(Spec::P256)?))
    }

    /// The one that was written down.
    ///
    /// # Errors
    /// When it is none.
    pub fn from_pkcs8(document: &SecretBytes) -> Result<Self, CryptoError> {
        Ok(Self(PrivateKey::from_pkcs8(Spec::P256, document)?))
    }

    /// To write it down.
    ///
    /// # Errors
    /// When the cipher library refuses.
    pub fn to_pkcs8(&self) -> Result<SecretBytes, CryptoError> {
        self.0.to_pkcs8()
    }

    /// The public half, as SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// When the cipher library refuses.
    pub fn public_key(&self) -> Result<Vec<u8>, CryptoError> {
        self.0.public_key()
    }

    fn sign(&self, text: &str) -> Result<String, CryptoError> {
        Ok(STANDARD.encode(self.0.sign(Scheme::Ecdsa, Message::Whole(text.as_bytes()))?))
    }
}

/// A public key in PEM (RFC 7468).
#[must_use]
pub fn to_pem(public_key: &[u8]) -> String {
    let text = STANDARD.encode(public_key);
    let mut pem = String::from("-----BEGIN PUBLIC KEY-----\n");
    for line in text.as_bytes().chunks(64) {
        pem.extend(line.iter().map(|byte| char::from(*byte)));
        pem.push('\n');
    }
    pem + "-----END PUBLIC KEY-----\n"
}

/// The public key of a PEM file; none when it is not one.
#[must_use]
pub fn from_pem(text: &str) -> Option<Vec<u8>> {
    let body = text.trim().strip_prefix("-----BEGIN PUBLIC KEY-----")?.strip_suffix("-----END PUBLIC KEY-----")?;
    STANDARD.decode(body.split_whitespace().collect::<String>()).ok()
}

/// All public keys of a PEM file, in their order; what stands between them is not looked at.
#[must_use]
pub fn all_from_pem(text: &str) -> Vec<Vec<u8>> {
    const START: &str = "-----BEGIN PUBLIC KEY-----";
    const END: &str = "-----END PUBLIC KEY-----";
    let parts = text.split(START).skip(1);
    let keys = parts.filter_map(|part| from_pem(&format!("{START}{}{END}", part.split(END).next()?)));
    keys.collect()
}

/// Which of `keys` signed the newest digest that any of them signed; none when none signed any.
///
/// # Errors
/// When digests cannot be read.
pub fn signed_by(files: &dyn SegmentFiles, keys: &[Vec<u8>]) -> io::Result<Option<usize>> {
    for id in digests_newest_first(files)? {
        for (index, key) in keys.iter().enumerate() {
            if read(files, id, key)?.is_ok_and(|found| found.authentic) {
                return Ok(Some(index));
            }
        }
    }
    for (index, key) in keys.iter().enumerate() {
        if matches!(Removed::stated(files, key)?, Ok(Some(_))) {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

/// What a segment holds.
#[derive(Default)]
struct Content {
    bytes: u64,
    sha256: String,
    /// The hashes of its records.
    records: Vec<[u8; LINE_HASH_BYTES]>,
    /// Whether the rest cannot be read, as a compressed file is not as it was written.
    is_damaged: bool,
}

impl Content {
    /// Reads a segment through, or about `bytes_max` bytes of its text: a small file may unpack to any length.
    fn of(files: &dyn SegmentFiles, segment: SegmentId, bytes_max: u64) -> io::Result<Self> {
        let inner = Box::new(compressed::read(files, segment, 0)?.take(bytes_max));
        let mut whole = Hashing { inner, hash: Sha256::default(), bytes: 0 };
        let mut records = Vec::new();
        let mut lines = LineReader::new(Box::new(&mut whole));
        let is_damaged = loop {
            match lines.next() {
                Ok(Some(line)) => records.push(hash_of(line)),
                Ok(None) => break false,
                Err(error) if compressed::is_damage(&error) => break true,
                Err(error) => return Err(error),
            }
        };
        drop(lines);
        Ok(Self { bytes: whole.bytes, sha256: hex(&whole.hash.finish()), records, is_damaged })
    }

    fn encoded(&self) -> String {
        STANDARD.encode(self.records.as_flattened())
    }
}

/// Hashes what is read through it.
struct Hashing {
    inner: Box<dyn Read + Send>,
    hash: Sha256,
    bytes: u64,
}

impl Read for Hashing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(buffer.get(..count).unwrap_or_default());
        self.bytes += u64::try_from(count).unwrap_or(0);
        Ok(count)
    }
}

fn hash_of(line: &[u8]) -> [u8; LINE_HASH_BYTES] {
    sha256(line).first_chunk().copied().unwrap_or_default()
}

/// A digest file that was read.
struct Found {
    digest: Digest,
    /// SHA-256 of the file.
    sha256: String,
    /// Whether the key signed it.
    authentic: bool,
}

/// Reads the digest file of a segment; the text says why it is none.
fn read(files: &dyn SegmentFiles, segment: SegmentId, public_key: &[u8]) -> io::Result<Result<Found, &'static str>> {
    let mut content = Vec::new();
    let file = BufReader::new(files.read(&segment.digest_file(), 0)?);
    file.take(DIGEST_BYTES_MAX + 1).read_to_end(&mut content)?;
    if u64::try_from(content.len()).unwrap_or(u64::MAX) > DIGEST_BYTES_MAX {
        return Ok(Err("is too long"));
    }
    let text = std::str::from_utf8(&content).unwrap_or_default();
    let mut lines = text.lines();
    let (Some(first), Some(signature), None) = (lines.next(), lines.next(), lines.next()) else {
        return Ok(Err("has not the form of one"));
    };
    let Ok(digest) = serde_json::from_str::<Digest>(first) else { return Ok(Err("has not the form of one")) };
    let signature = STANDARD.decode(signature).unwrap_or_default();
    let signed = verify(Spec::P256, public_key, Scheme::Ecdsa, Message::Whole(first.as_bytes()), &signature);
    Ok(Ok(Found { digest, sha256: hex(&sha256(&content)), authentic: signed.is_ok() }))
}

/// When the digest of a segment was made; none when it has none that reads.
///
/// # Errors
/// When it cannot be read.
pub fn made(files: &dyn SegmentFiles, segment: SegmentId) -> io::Result<Option<Timestamp>> {
    match read(files, segment, &[]) {
        Ok(found) => Ok(found.ok().and_then(|found| timestamps::parse_iso(&found.digest.made))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
