//! What was removed from a trail on purpose: a signed statement beside the segments, so that whoever checks the rest can
//! tell it from what somebody took away.

use std::io::{self, Read};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use strongroom_crypto::asymmetric::{Message, Scheme, Spec, verify};
use strongroom_types::Timestamp;

use super::{Signer, VERSION, iso, read, seal};
use crate::trail::files::SegmentFiles;
use crate::trail::segment_id::SegmentId;

/// The statement's file in the trail's folder.
pub const REMOVED_FILE: &str = "removed.json";
/// While it is written.
const PART: &str = "removed.json.part";
/// It is no longer than this, in bytes.
const BYTES_MAX: u64 = 64 * 1024;

/// Up to where segments were removed on purpose, with their digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// The newest one.
    pub segment: SegmentId,
    /// The number of its digest.
    pub number: u64,
    /// SHA-256 of its digest file, in hexadecimal: the next digest is bound to it.
    pub sha256: String,
}

/// The statement.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    version: u32,
    removed_through: String,
    number: u64,
    sha256: String,
    made: String,
}

impl Removed {
    /// What is to be known of `segment` before it is removed; none when it has no digest that `public_key` agrees with.
    ///
    /// # Errors
    /// When the digest cannot be read.
    pub fn through(files: &dyn SegmentFiles, segment: SegmentId, public_key: &[u8]) -> io::Result<Option<Self>> {
        let found = match read(files, segment, public_key) {
            Ok(Ok(found)) if found.authentic && found.digest.segment == segment.file() => found,
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Some(Self { segment, number: found.digest.number, sha256: found.sha256 }))
    }

    /// Writes the statement, in place of the one before.
    ///
    /// # Errors
    /// When the files or the cipher library fail.
    pub fn state(&self, files: &dyn SegmentFiles, signer: &Signer, now: Timestamp) -> io::Result<()> {
        let statement = Statement {
            version: VERSION,
            removed_through: self.segment.to_string(),
            number: self.number,
            sha256: self.sha256.clone(),
            made: iso(now),
        };
        let text = serde_json::to_string(&statement)?;
        let signature = signer.sign(&text).map_err(|error| io::Error::other(error.to_string()))?;
        seal::write(files, PART, format!("{text}\n{signature}\n").as_bytes())?;
        files.rename(PART, REMOVED_FILE)
    }

    /// What is stated; none without a statement. The text says what is wrong with it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn stated(files: &dyn SegmentFiles, public_key: &[u8]) -> io::Result<Result<Option<Self>, String>> {
        let mut text = String::new();
        match files.read(REMOVED_FILE, 0) {
            Ok(file) => file.take(BYTES_MAX).read_to_string(&mut text).map(drop)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Ok(None)),
            Err(error) => return Err(error),
        }
        let wrong = |why: &str| Ok(Err(format!("{REMOVED_FILE}: the statement of what was removed {why}")));
        let Some((first, signature)) = text.trim_end().split_once('\n') else {
            return wrong("has not the form of one");
        };
        let signature = STANDARD.decode(signature).unwrap_or_default();
        if verify(Spec::P256, public_key, Scheme::Ecdsa, Message::Whole(first.as_bytes()), &signature).is_err() {
            return wrong("was not signed by the key");
        }
        let Ok(statement) = serde_json::from_str::<Statement>(first) else { return wrong("has not the form of one") };
        let Ok(segment) = statement.removed_through.parse() else { return wrong("names no segment") };
        Ok(Ok(Some(Self { segment, number: statement.number, sha256: statement.sha256 })))
    }
}
