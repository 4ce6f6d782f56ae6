//! A trail is whole as it was written, and every change of it is named.

use std::sync::Arc;

use strongroom_types::{MockClock, Timestamp};

use super::*;
use crate::trail::Hour;
use crate::trail::keeping::{Keeper, Keeping};
use crate::trail::memory::MemoryFiles;
use crate::trail::segments::{Segments, SegmentsConfig};

const START: Timestamp = Timestamp::from_seconds(1_525_369_862);
const HOUR_MS: i64 = 3_600_000;

struct Trail {
    files: MemoryFiles,
    clock: MockClock,
    segments: Segments,
    signer: Signer,
    known: Known,
}

impl Trail {
    /// Four hours with records, of which the first three have digests.
    fn new() -> Self {
        let (files, clock) = (MemoryFiles::default(), MockClock::at(START));
        let segments =
            Segments::with_files(Arc::new(files.clone()), SegmentsConfig::default(), Arc::new(clock.clone())).unwrap();
        let mut trail = Self { files, clock, segments, signer: Signer::generate().unwrap(), known: Known::default() };
        for hour in 0..4 {
            for record in 0..10 {
                trail.segments.append(&format!("record {record} of hour {hour}")).unwrap();
            }
            trail.seal();
            trail.clock.advance_millis(HOUR_MS);
        }
        trail
    }

    fn seal(&mut self) {
        let now = strongroom_types::Clock::now(&self.clock);
        while let Some(head) = seal_closed(&self.segments, self.known.head.as_ref(), &self.signer, now).unwrap() {
            self.known.head = Some(head);
        }
    }

    fn hour(number: i64) -> SegmentId {
        SegmentId::first(Hour::of(START.plus_millis(number * HOUR_MS)))
    }

    fn check(&self) -> Checked {
        check(&self.files, &self.signer.public_key().unwrap(), Some(&self.known)).unwrap()
    }

    fn faults(&self) -> Vec<String> {
        self.check().faults
    }

    /// Changes the text of a file.
    fn change(&self, name: &str, change: impl FnOnce(Vec<&str>) -> Vec<&str>) {
        let before = self.files.text(name);
        let after: String = change(before.lines().collect()).iter().flat_map(|line| [*line, "\n"]).collect();
        self.files.put(name, after.as_bytes());
    }
}

#[test]
fn what_was_written_is_whole() {
    let trail = Trail::new();
    let whole = Checked { segments: 3, records: 30, open: 1, ..Checked::default() };
    assert_eq!(trail.check(), whole);
    assert_eq!(trail.known.head.as_ref().unwrap().number, 3);
    // Somebody who has the public key alone.
    let public = from_pem(&to_pem(&trail.signer.public_key().unwrap())).unwrap();
    assert_eq!(check(&trail.files, &public, None).unwrap(), whole);
}

#[test]
fn the_first_change_of_a_segment_is_named() {
    for (change, told) in [
        (
            (|mut lines| {
                lines[4] = "forged";
                lines
            }) as fn(Vec<&str>) -> Vec<&str>,
            "record 5 was changed",
        ),
        (
            |mut lines| {
                lines.remove(4);
                lines
            },
            "record 5 is missing",
        ),
        (
            |mut lines| {
                lines.insert(4, "put in");
                lines
            },
            "a record was put in before record 5",
        ),
        (
            |mut lines| {
                lines.swap(4, 7);
                lines
            },
            "record 5 stands in another place",
        ),
        (
            |mut lines| {
                lines.truncate(9);
                lines
            },
            "record 10 is missing, and all behind it",
        ),
        (
            |mut lines| {
                lines.push("later");
                lines
            },
            "record 11 was added, behind the last one",
        ),
    ] {
        let trail = Trail::new();
        let segment = Trail::hour(1).file();
        trail.change(&segment, change);
        assert_eq!(trail.faults(), [format!("{segment}: {told}")]);
    }
}

#[test]
fn digests_that_were_changed_dropped_or_swapped_are_named() {
    let trail = Trail::new();
    let [first, second, third] = [0, 1, 2].map(Trail::hour);
    let text = trail.files.text(&second.digest_file());
    trail.files.put(&second.digest_file(), text.replace("\"records\":10", "\"records\":11").as_bytes());
    let told = format!("{}: the key did not sign it", second.digest_file());
    assert!(trail.faults().contains(&told), "{:?}", trail.faults());

    let trail = Trail::new();
    trail.files.put(&second.digest_file(), trail.files.text(&first.digest_file()).as_bytes());
    let told = format!("{}: it is the digest of {}", second.digest_file(), first.file());
    assert!(trail.faults().contains(&told), "{:?}", trail.faults());

    let trail = Trail::new();
    trail.files.remove(&second.digest_file());
    let told = format!("{}: it is digest 3, and digest 2 is missing before it", third.digest_file());
    assert!(trail.faults().contains(&told), "{:?}", trail.faults());
    let told = format!("{}: it has no digest, and later segments have one", second.file());
    assert!(trail.faults().contains(&told), "{:?}", trail.faults());

    let trail = Trail::new();
    trail.files.remove(&second.file());
    assert_eq!(trail.faults(), [format!("{}: it is missing, with 10 records", second.file())]);

    // The end, with all that tells of it: the store knows better.
    let trail = Trail::new();
    trail.files.remove(&third.file());
    trail.files.remove(&third.digest_file());
    assert_eq!(trail.faults(), ["the digests from 3 to 3 are missing"]);

    // Somebody else's key.
    let trail = Trail::new();
    let other = Signer::generate().unwrap().public_key().unwrap();
    assert_eq!(check(&trail.files, &other, None).unwrap().faults.len(), 3);
}

#[test]
fn a_digest_that_was_not_kept_is_made_anew() {
    let mut trail = Trail::new();
    let before = trail.known.head.clone();
    trail.seal();
    let made = trail.known.head.clone();
    trail.known.head = before;
    let half = trail.files.text(&Trail::hour(3).digest_file());
    trail.files.put(&Trail::hour(3).digest_file(), &half.as_bytes()[..half.len() / 2]);
    trail.seal();
    assert_eq!(trail.known.head.as_ref().map(|head| head.number), made.map(|head| head.number));
    assert_eq!(trail.check(), Checked { segments: 4, records: 40, ..Checked::default() });
}

#[test]
fn nothing_is_appended_to_a_segment_with_a_digest_when_the_clock_is_set_back() {
    let mut trail = Trail::new();
    trail.seal();
    trail.clock.set(START);
    trail.segments.append("after the clock was set back").unwrap();
    assert_eq!(trail.check(), Checked { segments: 4, records: 40, open: 1, ..Checked::default() });
    assert!(trail.files.text(&Trail::hour(4).file()).contains("set back"));
}

#[test]
fn pem_is_read_back() {
    let key = Signer::generate().unwrap().public_key().unwrap();
    assert_eq!(from_pem(&to_pem(&key)), Some(key.clone()));
    assert_eq!(from_pem("no key"), None);
    let other = Signer::generate().unwrap().public_key().unwrap();
    let text = format!("# one\n{}# another\n{}", to_pem(&key), to_pem(&other));
    assert_eq!(all_from_pem(&text), [key.clone(), other.clone()]);
    assert!(all_from_pem("no key").is_empty());
    let trail = Trail::new();
    let own = trail.signer.public_key().unwrap();
    assert_eq!(signed_by(&trail.files, &[key.clone(), own, other.clone()]).unwrap(), Some(1));
    assert_eq!(signed_by(&trail.files, &[key, other]).unwrap(), None);
}

#[test]
fn parts_of_an_hour_and_compressed_segments_are_sealed_and_checked_alike() {
    let (files, clock) = (MemoryFiles::default(), MockClock::at(START));
    let config = SegmentsConfig { bytes_max: 100, ..SegmentsConfig::default() };
    let segments = Segments::with_files(Arc::new(files.clone()), config, Arc::new(clock.clone())).unwrap();
    let mut trail = Trail { files, clock, segments, signer: Signer::generate().unwrap(), known: Known::default() };
    for record in 0..40 {
        trail.segments.append(&format!("record {record} with a text")).unwrap();
    }
    // The hour is not over, yet what is full is closed.
    trail.seal();
    let head = trail.known.head.clone().unwrap();
    assert_eq!((head.number, head.segment.part), (7, 6));
    let keeping = Keeping { compress: true, retention_days: 0 };
    let keeper = Keeper::new(Arc::new(trail.files.clone()), keeping);
    while keeper.compress_next(&head).unwrap().is_some() {}
    assert_eq!(trail.check(), Checked { segments: 7, records: 35, open: 1, ..Checked::default() });
    let third = SegmentId { part: 2, ..head.segment };
    let mut bytes = Vec::new();
    trail.files.read(&third.compressed_file(), 0).unwrap().read_to_end(&mut bytes).unwrap();
    bytes[30] ^= 0x20;
    trail.files.put(&third.compressed_file(), &bytes);
    let faults = trail.faults();
    assert!(faults.len() == 1 && faults[0].starts_with("2018/05/03/trail-20180503T17_0002.jsonl"), "{faults:?}");
    trail.files.remove(&third.compressed_file());
    assert_eq!(trail.faults(), [format!("{}: it is missing, with 5 records", third.file())]);
}

#[test]
fn what_was_removed_on_purpose_is_told_and_what_was_taken_away_is_a_fault() {
    let mut trail = Trail::new();
    let public = trail.signer.public_key().unwrap();
    let keeper = Keeper::new(Arc::new(trail.files.clone()), Keeping { compress: true, retention_days: 1 });
    let removed = Removed::through(&trail.files, Trail::hour(1), &public).unwrap().unwrap();
    // Known to the store, and nothing done yet.
    trail.known.removed = Some(removed.clone());
    let told = Checked { segments: 1, records: 10, open: 1, removed: Some(removed.clone()), faults: vec![] };
    assert_eq!(trail.check(), told);
    removed.state(&trail.files, &trail.signer, START).unwrap();
    // Half of it removed.
    trail.files.remove(&Trail::hour(0).file());
    assert_eq!(trail.check(), told);
    assert_eq!(keeper.remove_through(Trail::hour(1)).unwrap(), 1);
    assert_eq!(trail.check(), told);
    assert_eq!(check(&trail.files, &public, None).unwrap(), told);
    assert_eq!(Removed::through(&trail.files, Trail::hour(1), &public).unwrap(), None);
    // More is gone than was removed.
    trail.files.remove(&Trail::hour(2).file());
    assert_eq!(check(&trail.files, &public, None).unwrap().faults.len(), 1);
    trail.files.remove(&Trail::hour(2).digest_file());
    assert_eq!(trail.faults(), ["the digests from 3 to 3 are missing"]);
    // Nobody else can say what was removed.
    let trail = Trail::new();
    trail.files.remove(&Trail::hour(0).file());
    trail.files.remove(&Trail::hour(0).digest_file());
    let removed = Removed { segment: Trail::hour(0), number: 1, sha256: removed.sha256 };
    removed.state(&trail.files, &Signer::generate().unwrap(), START).unwrap();
    let faults = trail.faults();
    assert!(faults[0].contains("was not signed by the key") && faults.len() == 2, "{faults:?}");
}

#[test]
fn what_is_put_where_segments_were_removed_on_purpose_is_a_fault() {
    let mut trail = Trail::new();
    let public = trail.signer.public_key().unwrap();
    let removed = Removed::through(&trail.files, Trail::hour(1), &public).unwrap().unwrap();
    trail.known.removed = Some(removed.clone());
    removed.state(&trail.files, &trail.signer, START).unwrap();
    let old = Trail::hour(0);
    trail.change(&old.file(), |mut lines| {
        lines[3] = "forged";
        lines
    });
    assert_eq!(trail.faults(), [format!("{}: record 4 was changed", old.file())]);
    let keeper = Keeper::new(Arc::new(trail.files.clone()), Keeping { compress: true, retention_days: 1 });
    assert_eq!(keeper.remove_through(Trail::hour(1)).unwrap(), 2);
    assert_eq!(trail.faults(), [""; 0]);
    trail.files.put(&old.file(), b"forged\n");
    let told = format!("{}: such old ones were removed on purpose, and this has no digest", old.file());
    assert_eq!(trail.faults(), [told.as_str()]);
    assert_eq!(check(&trail.files, &public, None).unwrap().faults, [told]);
}

#[test]
fn of_what_unpacks_to_much_more_than_was_written_no_more_is_read_than_tells_so() {
    use std::io::Write as _;
    let mut trail = Trail::new();
    let keeper = Keeper::new(Arc::new(trail.files.clone()), Keeping { compress: true, retention_days: 0 });
    let head = trail.known.head.take().unwrap();
    while keeper.compress_next(&head).unwrap().is_some() {}
    let name = Trail::hour(1).compressed_file();
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for _ in 0..64 {
        packer.write_all(&[b'\n'; 1 << 20]).unwrap();
    }
    trail.files.put(&name, &packer.finish().unwrap());
    let content = Content::of(&trail.files, Trail::hour(1), 1000).unwrap();
    assert_eq!((content.bytes, content.records.len()), (1000, 1000));
    assert_eq!(trail.faults(), [format!("{}: record 1 was changed", Trail::hour(1).file())]);
}

#[test]
fn a_table_that_was_changed_is_a_fault() {
    let trail = Trail::new();
    let keeper = Keeper::new(Arc::new(trail.files.clone()), Keeping { compress: true, retention_days: 0 });
    while keeper.compress_next(trail.known.head.as_ref().unwrap()).unwrap().is_some() {}
    assert_eq!(trail.faults(), [""; 0]);
    let name = Trail::hour(1).compressed_file();
    let mut whole = Vec::new();
    trail.files.read(&name, 0).unwrap().read_to_end(&mut whole).unwrap();
    // The one entry stands before its count, the magic and the member's end.
    let entry = whole.len() - 10 - 12 - 8;
    for at in [entry, entry + 4] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        trail.files.put(&name, &changed);
        let told = format!("{name}: its records are there, but its table of where they stand was changed");
        assert_eq!(trail.faults(), [told]);
    }
}
