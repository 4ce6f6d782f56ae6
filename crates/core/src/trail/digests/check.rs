//! Holds a trail against its digest files.

use std::collections::{BTreeMap, HashMap};
use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Content, Digest, Found, Head, LINE_HASH_BYTES, Removed, read};
use crate::trail::calendar::EVER;
use crate::trail::compressed;
use crate::trail::files::{SegmentFiles, digests_newest_first, newest_first};
use crate::trail::segment_id::SegmentId;

/// Most faults that are told.
const FAULTS_MAX: usize = 100;

/// Text that is read of a segment beyond twice what its digest says, in bytes: enough to tell what was put in.
const SURPLUS_BYTES: u64 = 1024 * 1024;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Segments with a digest.
    pub segments: u64,
    /// Records in them.
    pub records: u64,
    /// Segments behind them, which have no digest yet.
    pub open: u64,
    /// Up to where segments were removed on purpose; those are not missing.
    pub removed: Option<Removed>,
    /// What is wrong, from the oldest segment on; at most the first hundred.
    pub faults: Vec<String>,
}

impl Checked {
    fn fault(&mut self, fault: String) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        }
    }

    /// Whether a segment is to be there. What was removed on purpose may be there still when a crash came in between.
    fn is_kept(&self, id: SegmentId) -> bool {
        self.removed.as_ref().is_none_or(|removed| id > removed.segment)
    }
}

/// What a store knows of its trail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The newest digest.
    pub head: Option<Head>,
    /// Up to where segments were removed on purpose.
    pub removed: Option<Removed>,
}

/// Checks every digest of the trail with `public_key`, that none is missing between them, and every segment against its
/// digest. With what the store knows, also that none is missing at the end. Needs nothing else.
///
/// # Errors
/// When a file cannot be read. What is wrong with the trail is no error but part of the answer.
pub fn check(files: &dyn SegmentFiles, public_key: &[u8], known: Option<&Known>) -> io::Result<Checked> {
    let mut checked = Checked::default();
    let stated = Removed::stated(files, public_key)?.unwrap_or_else(|fault| {
        checked.fault(fault);
        None
    });
    // The store says it before it is stated.
    let by_store = known.and_then(|known| known.removed.clone());
    checked.removed = stated.into_iter().chain(by_store).max_by_key(|removed| removed.number);
    let head = known.and_then(|known| known.head.as_ref());
    let chain = chain(files, public_key, head, &mut checked)?;
    let newest = chain.keys().next_back().copied();
    let mut segments = newest_first(files, EVER, usize::MAX)?;
    segments.sort_unstable();
    for id in segments.iter().filter(|id| !checked.is_kept(**id)).copied().collect::<Vec<_>>() {
        compare_left(files, id, public_key, &mut checked)?;
    }
    segments.retain(|id| checked.is_kept(*id));
    for id in &segments {
        match (chain.get(id), newest) {
            (Some(digest), _) => compare(files, *id, digest, &mut checked)?,
            (None, Some(newest)) if *id < newest => {
                checked.fault(format!("{}: it has no digest, and later segments have one", id.file()));
            }
            (None, _) => checked.open += 1,
        }
    }
    for (id, digest) in &chain {
        if segments.binary_search(id).is_err() {
            checked.fault(format!("{}: it is missing, with {} records", id.file(), digest.records));
        }
    }
    Ok(checked)
}

/// The digests by their segments, those that can be believed.
fn chain(
    files: &dyn SegmentFiles,
    public_key: &[u8],
    head: Option<&Head>,
    checked: &mut Checked,
) -> io::Result<BTreeMap<SegmentId, Digest>> {
    let mut segments = digests_newest_first(files)?;
    segments.retain(|id| checked.is_kept(*id));
    segments.sort_unstable();
    let mut chain = BTreeMap::new();
    let mut before = checked.removed.as_ref().map(|removed| (removed.number, removed.sha256.clone()));
    for id in segments {
        let name = id.digest_file();
        let Found { digest, sha256, authentic } = match read(files, id, public_key)? {
            Ok(found) => found,
            Err(why) => {
                checked.fault(format!("{name}: the digest {why}"));
                continue;
            }
        };
        if !authentic {
            checked.fault(format!("{name}: the key did not sign it"));
            continue;
        }
        if digest.segment != id.file() {
            checked.fault(format!("{name}: it is the digest of {}", digest.segment));
            continue;
        }
        let (number, previous) = before.as_ref().map_or((1, None), |(number, sha256)| (number + 1, Some(sha256)));
        if digest.number != number {
            checked.fault(format!("{name}: it is digest {}, and digest {number} is missing before it", digest.number));
        } else if digest.previous_sha256.as_ref() != previous {
            checked.fault(format!("{name}: the digest before it is another than the one that it follows"));
        }
        if head.is_some_and(|head| head.number == digest.number && head.sha256 != sha256) {
            checked.fault(format!("{name}: it is another than the one that was made"));
        }
        before = Some((digest.number, sha256));
        chain.insert(id, digest);
    }
    let last = before.map_or(0, |(number, _)| number);
    if let Some(head) = head.filter(|head| head.number > last) {
        checked.fault(format!("the digests from {} to {} are missing", last + 1, head.number));
    }
    Ok(chain)
}

/// Holds a segment that was to be removed, and is there, against its digest: a crash leaves both or the digest alone, and
/// whatever else is there somebody put there.
fn compare_left(files: &dyn SegmentFiles, id: SegmentId, public_key: &[u8], checked: &mut Checked) -> io::Result<()> {
    let found = match read(files, id, public_key) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        found => found?.ok().filter(|found| found.authentic && found.digest.segment == id.file()),
    };
    match found {
        Some(found) => look(files, id, &found.digest, checked),
        None => {
            checked.fault(format!("{}: such old ones were removed on purpose, and this has no digest", id.file()));
            Ok(())
        }
    }
}

/// Holds a segment against its digest, and counts it.
fn compare(files: &dyn SegmentFiles, id: SegmentId, digest: &Digest, checked: &mut Checked) -> io::Result<()> {
    checked.segments += 1;
    checked.records += digest.records;
    look(files, id, digest, checked)
}

fn look(files: &dyn SegmentFiles, id: SegmentId, digest: &Digest, checked: &mut Checked) -> io::Result<()> {
    let bytes_max = digest.bytes.saturating_mul(2).saturating_add(SURPLUS_BYTES);
    let content = Content::of(files, id, bytes_max)?;
    if content.sha256 == digest.sha256 && content.bytes == digest.bytes {
        if !compressed::is_as_told(files, id, digest.bytes)? {
            let name = id.compressed_file();
            checked.fault(format!("{name}: its records are there, but its table of where they stand was changed"));
        }
        return Ok(());
    }
    let expected = STANDARD.decode(&digest.records_sha256).unwrap_or_default();
    let (expected, _) = expected.as_chunks::<LINE_HASH_BYTES>();
    if content.is_damaged && expected.starts_with(&content.records) {
        let last = content.records.len();
        checked.fault(format!("{}: it cannot be read behind record {last}", id.compressed_file()));
        return Ok(());
    }
    checked.fault(format!("{}: {}", id.file(), first_difference(expected, &content.records)));
    Ok(())
}

/// What is wrong first, in words. Records are counted from 1.
fn first_difference(expected: &[[u8; LINE_HASH_BYTES]], found: &[[u8; LINE_HASH_BYTES]]) -> String {
    let same = expected.iter().zip(found).take_while(|(expected, found)| expected == found).count();
    let number = same + 1;
    let (wanted, is) = (expected.get(same), found.get(same));
    let counts = |hashes: &[[u8; LINE_HASH_BYTES]]| {
        hashes.iter().fold(HashMap::new(), |mut counts, hash| {
            *counts.entry(*hash).or_insert(0_u64) += 1;
            counts
        })
    };
    match (wanted, is) {
        (None, None) => "its records are there, but not its bytes: the ends of its lines were changed".to_owned(),
        (None, Some(_)) => format!("record {number} was added, behind the last one"),
        (Some(_), None) => format!("record {number} is missing, and all behind it"),
        (Some(wanted), Some(is)) => {
            let (all_expected, all_found) = (counts(expected), counts(found));
            let missing = !all_found.contains_key(wanted);
            let foreign = !all_expected.contains_key(is);
            match (missing, foreign) {
                (true, true) => format!("record {number} was changed"),
                (true, false) => format!("record {number} is missing"),
                (false, true) => format!("a record was put in before record {number}"),
                (false, false) => format!("record {number} stands in another place"),
            }
        }
    }
}
