//! Makes the digest files of segments that nothing more is appended to.

use std::io;

use strongroom_crypto::CryptoError;
use strongroom_crypto::digest::{hex, sha256};
use strongroom_types::Timestamp;

use super::{Content, Digest, Signer, VERSION, iso};
use crate::trail::calendar::{EVER, Hour};
use crate::trail::compressed::write_all;
use crate::trail::files::{SegmentFiles, newest_first};
use crate::trail::segment_id::SegmentId;
use crate::trail::segments::Segments;

/// The newest digest: what the next one goes on from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its number.
    pub number: u64,
    /// SHA-256 of its file, in hexadecimal.
    pub sha256: String,
    /// Its segment.
    pub segment: SegmentId,
}

/// Closes the segments of hours that are over at `now`, and makes the digest of the oldest closed one behind `head` that
/// has none. None when there is none to make. Only when the caller has kept the new head for good may it call again: what
/// was made and not kept is made anew. Blocks for as long as reading the segment takes.
///
/// # Errors
/// When the files or the cipher library fail.
pub fn seal_closed(
    segments: &Segments,
    head: Option<&Head>,
    signer: &Signer,
    now: Timestamp,
) -> io::Result<Option<Head>> {
    segments.close_before(SegmentId::first(Hour::of(now)));
    let files = segments.files().as_ref();
    let from = head.map_or(EVER.0, |head| head.segment.hour);
    let newer = newest_first(files, (from, EVER.1), usize::MAX)?;
    let due = |id: &SegmentId| {
        head.is_none_or(|head| *id > head.segment) && segments.first_open().is_none_or(|first| *id < first)
    };
    let Some(id) = newer.into_iter().rev().find(due) else { return Ok(None) };
    let segment = id.file();
    if files.length(&segment).is_ok() {
        files.append(&segment)?.sync()?;
    }
    let content = Content::of(files, id, u64::MAX)?;
    if content.is_damaged {
        return Err(io::Error::other(format!("{segment}: it was compressed before it had a digest, and is damaged")));
    }
    let digest = Digest {
        version: VERSION,
        number: head.map_or(0, |head| head.number) + 1,
        records: u64::try_from(content.records.len()).unwrap_or(u64::MAX),
        records_sha256: content.encoded(),
        segment,
        bytes: content.bytes,
        sha256: content.sha256,
        previous_sha256: head.map(|head| head.sha256.clone()),
        made: iso(now),
    };
    let text = serde_json::to_string(&digest)?;
    let signature = signer.sign(&text).map_err(|error: CryptoError| io::Error::other(error.to_string()))?;
    let text = format!("{text}\n{signature}\n");
    write(files, &id.digest_file(), text.as_bytes())?;
    Ok(Some(Head { number: digest.number, sha256: hex(&sha256(text.as_bytes())), segment: id }))
}

/// Writes a file whole, in place of what an attempt before left.
pub(super) fn write(files: &dyn SegmentFiles, name: &str, content: &[u8]) -> io::Result<()> {
    let file = files.append(name)?;
    file.truncate(0)?;
    write_all(file.as_ref(), content)?;
    file.sync()
}
