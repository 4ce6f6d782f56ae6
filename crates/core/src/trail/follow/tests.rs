//! Tests of following a trail.

use strongroom_types::{Clock as _, MockClock};

use super::*;
use crate::trail::memory::{Faults, MemoryFiles};
use crate::trail::record::tests::{record, success};
use crate::trail::segments::SegmentsConfig;

const START: Timestamp = Timestamp::from_seconds(1_525_369_862);
const HOUR_MS: i64 = 3_600_000;
const ALL: u64 = u64::MAX;

struct Trail {
    files: MemoryFiles,
    clock: MockClock,
    segments: Arc<Segments>,
}

impl Trail {
    fn new(bytes_max: u64) -> Self {
        let (files, clock) = (MemoryFiles::default(), MockClock::at(START));
        let config = SegmentsConfig { bytes_max, ..SegmentsConfig::default() };
        let segments = Segments::with_files(Arc::new(files.clone()), config, Arc::new(clock.clone())).unwrap();
        Self { files, clock, segments: Arc::new(segments) }
    }

    fn write(&self, ids: &[&str]) {
        for id in ids {
            self.segments.append(&record(id, self.clock.now()).finish(&success())).unwrap();
        }
    }

    fn follower(&self, position: Position) -> Follower {
        Follower::new(Arc::new(self.files.clone()), position)
    }

    fn compress(&self, id: SegmentId) {
        let text = self.files.text(&id.file());
        let file = self.files.append(&id.compressed_file()).unwrap();
        let length = text.len() as u64;
        compressed::write(file.as_ref(), Box::new(io::Cursor::new(text.into_bytes())), length).unwrap();
        self.files.remove(&id.file());
    }
}

fn segment(hour: i64) -> SegmentId {
    SegmentId::first(Hour::of(START.plus_millis(hour * HOUR_MS)))
}

/// The ids of what is found, `!` for what is damaged and `?` for a gap.
fn ids(found: &[Found]) -> Vec<&str> {
    found
        .iter()
        .map(|found| match found {
            Found::Record(record) => record.event_id.as_str(),
            Found::Damaged { .. } => "!",
            Found::Gap { .. } => "?",
        })
        .collect()
}

#[test]
fn all_records_come_in_order_from_any_position_and_over_all_kinds_of_segments() {
    let trail = Trail::new(1000);
    trail.write(&["a", "b", "c", "d", "e"]);
    trail.clock.advance_millis(HOUR_MS);
    trail.write(&["f"]);
    trail.clock.advance_millis(3 * HOUR_MS);
    trail.write(&["g", "h"]);
    assert!(trail.files.names().iter().any(|name| name.ends_with("T17_0001.jsonl")), "{:?}", trail.files.names());
    trail.compress(segment(0));
    let all = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let found = trail.follower(Position::START).next(ALL).unwrap();
    assert_eq!(ids(&found), all);
    for (index, found) in found.iter().enumerate() {
        // Also from what was stored.
        let position = found.behind().to_string().parse().unwrap();
        assert_eq!(ids(&trail.follower(position).next(ALL).unwrap()), all[index + 1..]);
    }
    // In pieces.
    let mut follower = Follower::of(&trail.segments, Position::START);
    let mut pieces = Vec::new();
    loop {
        let found = follower.next(1).unwrap();
        if found.is_empty() {
            break;
        }
        assert_eq!(found.len(), 1);
        pieces.extend(found);
    }
    assert_eq!(ids(&pieces), all);
    assert_eq!(Some(follower.position()), trail.segments.end());
    trail.write(&["i"]);
    assert_eq!(ids(&follower.next(ALL).unwrap()), ["i"]);
    assert_eq!(Position::end_of(&trail.files).unwrap(), follower.position());
    assert_eq!(Position::end_of(&MemoryFiles::default()).unwrap(), Position::START);
}

#[test]
fn half_a_line_is_waited_for_and_told_when_nothing_more_can_come() {
    let trail = Trail::new(ALL);
    trail.write(&["a"]);
    let name = segment(0).file();
    let whole = trail.files.text(&name);
    let (half, rest) = whole.split_at(whole.len() / 2);
    let mut follower = trail.follower(Position::START);
    trail.files.put(&name, half.as_bytes());
    assert!(follower.next(ALL).unwrap().is_empty());
    trail.files.put(&name, whole.as_bytes());
    assert_eq!(ids(&follower.next(ALL).unwrap()), ["a"]);
    trail.files.put(&name, format!("{whole}{half}").as_bytes());
    assert!(follower.next(ALL).unwrap().is_empty());
    trail.files.put(&segment(1).file(), format!("no record\n{half}{rest}").as_bytes());
    assert_eq!(ids(&follower.next(ALL).unwrap()), ["!", "!", "a"]);
    assert_eq!(follower.position().segment, segment(1));
}

#[test]
fn what_the_writer_takes_back_is_not_read() {
    let trail = Trail::new(ALL);
    trail.write(&["a"]);
    let mut follower = Follower::of(&trail.segments, Position::START);
    let mut outside = trail.follower(Position::START);
    assert_eq!(ids(&follower.next(ALL).unwrap()), ["a"]);
    // A line is there whole, but its batch is not.
    trail.files.set(Faults {
        writes_left: Some(1),
        truncate_fails: true,
        write_bytes_max: Some(900),
        ..Faults::default()
    });
    let line = record("taken back", START).finish(&success());
    assert!(trail.segments.append_synced([line.as_str(), line.as_str()]).is_err());
    assert!(follower.next(ALL).unwrap().is_empty());
    trail.files.set(Faults::default());
    // It is closed off as what a crash leaves is.
    trail.write(&["b"]);
    assert_eq!(ids(&follower.next(ALL).unwrap()).last(), Some(&"b"));
    // Where a file was cut off behind a reader, what it has then is told and passed over.
    assert_eq!(ids(&outside.next(ALL).unwrap()).last(), Some(&"b"));
    let name = segment(0).file();
    let short: String = trail.files.text(&name).lines().take(1).flat_map(|line| [line, "\n"]).collect();
    trail.files.put(&name, short.as_bytes());
    assert!(outside.next(ALL).unwrap().is_empty());
    let long = record(&"c".repeat(3000), START).finish(&success());
    let last = record("d", START).finish(&success());
    trail.files.put(&name, format!("{short}{long}\n{last}\n").as_bytes());
    assert_eq!(ids(&outside.next(ALL).unwrap()), ["!", "d"]);
}

#[test]
fn segments_that_are_gone_are_a_gap() {
    let trail = Trail::new(ALL);
    for id in ["a", "b", "c"] {
        trail.write(&[id, id]);
        trail.clock.advance_millis(HOUR_MS);
    }
    let mut follower = trail.follower(Position::START);
    assert_eq!(ids(&follower.next(1).unwrap()), ["a"]);
    let at = follower.position();
    trail.files.remove(&segment(0).file());
    trail.files.remove(&segment(1).file());
    let found = follower.next(ALL).unwrap();
    assert_eq!(ids(&found), ["?", "c", "c"]);
    assert_eq!(found[0], Found::Gap { from: at, behind: Position::before(segment(2)) });
    // From the very beginning, nothing is missing that was ever followed.
    assert_eq!(ids(&trail.follower(Position::START).next(ALL).unwrap()), ["c", "c"]);
    // A follower at the end waits, also when its segment goes.
    let mut last = trail.follower(follower.position());
    trail.files.remove(&segment(2).file());
    assert!(last.next(ALL).unwrap().is_empty());
}

#[test]
fn a_damaged_part_of_a_compressed_segment_is_told_and_passed_over() {
    let trail = Trail::new(ALL);
    let many: Vec<String> = (0..1200).map(|n| format!("id-{n}")).collect();
    trail.write(&many.iter().map(String::as_str).collect::<Vec<_>>());
    trail.compress(segment(0));
    trail.clock.advance_millis(HOUR_MS);
    trail.write(&["z"]);
    let whole = trail.follower(Position::START).next(ALL).unwrap();
    assert_eq!(whole.len(), 1201);
    let name = segment(0).compressed_file();
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut trail.files.read(&name, 0).unwrap(), &mut bytes).unwrap();
    for at in [0, 20, bytes.len() / 2] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x55;
        trail.files.put(&name, &damaged);
        let found = trail.follower(Position::START).next(ALL).unwrap();
        let ids = ids(&found);
        assert!(ids.contains(&"!") && ids.last() == Some(&"z"), "{at}: {} found", found.len());
        assert!(ids.len() > 300, "{at}: {} found", found.len());
    }
}

#[test]
fn positions_are_read_as_they_are_written_and_nothing_else_is() {
    let at = Position { segment: segment(0).next(), offset: 12 };
    assert_eq!(at.to_string(), "20180503T17_0001:12");
    assert_eq!(Position::START.to_string().parse(), Ok(Position::START));
    for other in ["", "20180503T17", "20180503T17:", "20180503T17:-1", "x:1", "20180503T17_1:1"] {
        assert!(other.parse::<Position>().is_err(), "{other}");
    }
}
