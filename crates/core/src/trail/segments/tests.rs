//! Tests of the segment files: all lines present once and whole, whatever the threads and the disk do.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::thread;

use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
use strongroom_types::{MockClock, Timestamp};

use super::*;
use crate::trail::memory::{Faults, MemoryFiles};

/// 2018-05-03T17:51:02Z.
const AT: Timestamp = Timestamp::from_seconds(1_525_369_862);
const FILE: &str = "2018/05/03/trail-20180503T17.jsonl";

struct Fixture {
    files: MemoryFiles,
    clock: MockClock,
}

impl Fixture {
    fn new() -> Self {
        Self { files: MemoryFiles::default(), clock: MockClock::at(AT) }
    }

    fn open(&self, fsync: Fsync) -> Segments {
        self.try_open(fsync).expect("open")
    }

    fn try_open(&self, fsync: Fsync) -> io::Result<Segments> {
        Segments::with_files(
            Arc::new(self.files.clone()),
            SegmentsConfig { fsync, ..SegmentsConfig::default() },
            Arc::new(self.clock.clone()),
        )
    }
}

#[test]
fn files_are_hourly_and_for_the_server_alone() {
    let folder = tempfile::tempdir().expect("folder");
    let root = folder.path().join("trail");
    let clock = MockClock::at(AT);
    let segments = Segments::open(&root, SegmentsConfig::default(), Arc::new(clock.clone())).expect("open");
    segments.append("{\"n\":1}").expect("append");
    clock.advance_millis(3_600_000);
    segments.append("{\"n\":2}").expect("append");
    segments.sync().expect("sync");
    clock.advance_days(240);
    segments.append("{\"n\":3}").expect("append");
    let read = |name: &str| std::fs::read_to_string(root.join(name)).expect("there");
    assert_eq!(read(FILE), "{\"n\":1}\n");
    assert_eq!(read("2018/05/03/trail-20180503T18.jsonl"), "{\"n\":2}\n");
    assert_eq!(read("2018/12/29/trail-20181229T18.jsonl"), "{\"n\":3}\n");
    let mode = |name: &str| std::fs::metadata(root.join(name)).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(FILE), 0o600);
    assert_eq!([mode(""), mode("2018"), mode("2018/05"), mode("2018/05/03")], [0o700; 4]);
}

#[test]
fn a_disk_trail_is_mended_and_continued() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join(FILE);
    std::fs::create_dir_all(file.parent().expect("parent")).expect("folders");
    std::fs::write(&file, "{\"n\":1}\n{\"n\":2").expect("write");
    let clock = Arc::new(MockClock::at(AT));
    let segments =
        Segments::open(folder.path(), SegmentsConfig { fsync: Fsync::Always, ..SegmentsConfig::default() }, clock)
            .expect("open");
    assert_eq!(std::fs::read_to_string(&file).expect("there"), "{\"n\":1}\n{\"n\":2\n");
    segments.append("{\"n\":3}").expect("append");
    segments.append_synced(["{\"n\":4}", "{\"n\":5}"]).expect("append");
    assert_eq!(
        std::fs::read_to_string(&file).expect("there"),
        "{\"n\":1}\n{\"n\":2\n{\"n\":3}\n{\"n\":4}\n{\"n\":5}\n"
    );
}

#[test]
fn a_half_line_is_closed_off_and_the_newest_file_is_continued_also_by_a_clock_that_was_set_back() {
    let fixture = Fixture::new();
    fixture.files.put(FILE, b"whole\nhal");
    fixture.files.put("2018/05/03/trail-20180503T18.jsonl", b"whole\nhal");
    fixture.files.put("2018/05/03/notes.txt", b"not ours");
    let segments = fixture.open(Fsync::Never);
    assert_eq!(fixture.files.text("2018/05/03/trail-20180503T18.jsonl"), "whole\nhal\n");
    segments.append("next").expect("append");
    assert_eq!(fixture.files.text("2018/05/03/trail-20180503T18.jsonl"), "whole\nhal\nnext\n");
    assert_eq!(fixture.files.text(FILE), "whole\nhal");
    assert_eq!(fixture.files.text("2018/05/03/notes.txt"), "not ours");
}

#[test]
fn a_full_segment_is_followed_by_the_next_part_of_its_hour() {
    let fixture = Fixture::new();
    let config = SegmentsConfig { fsync: Fsync::Interval, bytes_max: 10 };
    let open = || {
        let files = Arc::new(fixture.files.clone());
        Segments::with_files(files, config, Arc::new(fixture.clock.clone())).expect("open")
    };
    let segments = open();
    for line in ["12345", "6789", "next", "a line longer than a segment", "last"] {
        segments.append(line).expect("append");
    }
    segments.sync().expect("synced");
    let part = |number| fixture.files.text(&format!("2018/05/03/trail-20180503T17_000{number}.jsonl"));
    assert_eq!(fixture.files.text(FILE), "12345\n6789\n");
    assert_eq!([part(1), part(2)], ["next\na line longer than a segment\n", "last\n"]);
    fixture.files.lose_power();
    assert_eq!(fixture.files.lines().len(), 5);
    drop(segments);
    // Another process goes on where it was, and not in what is compressed.
    open().append("on").expect("append");
    assert_eq!(part(2), "last\non\n");
    fixture.files.put("2018/05/03/trail-20180503T17_0002.jsonl.gz", b"x");
    fixture.files.remove("2018/05/03/trail-20180503T17_0002.jsonl");
    let segments = open();
    assert_eq!(segments.end().map(|end| end.to_string()), Some("20180503T17_0003:0".to_owned()));
    segments.append("more").expect("append");
    assert_eq!((part(2), part(3)), (String::new(), "more\n".to_owned()));
}

#[test]
fn sixteen_threads_leave_every_line_once_and_whole() {
    let folder = tempfile::tempdir().expect("folder");
    let clock = MockClock::at(AT);
    let segments = Segments::open(folder.path(), SegmentsConfig::default(), Arc::new(clock.clone())).expect("open");
    let line =
        |thread: usize, n: usize| format!("{{\"thread\":{thread},\"n\":{n},\"pad\":\"{}\"}}", "x".repeat(n % 700));
    thread::scope(|scope| {
        for thread in 0..16 {
            let (segments, clock) = (&segments, &clock);
            scope.spawn(move || {
                for n in 0..1000 {
                    segments.append(&line(thread, n)).expect("append");
                    if thread == 0 && n % 250 == 249 {
                        clock.advance_millis(3_600_000);
                        segments.sync().expect("sync");
                    }
                }
            });
        }
    });
    let mut found = Vec::new();
    for hour in newest_first(segments.files().as_ref(), EVER, usize::MAX).expect("list") {
        let text = std::fs::read_to_string(folder.path().join(hour.file())).expect("there");
        assert!(text.is_empty() || text.ends_with('\n'));
        found.extend(text.lines().map(str::to_owned));
    }
    assert_eq!(found.len(), 16_000);
    let found: BTreeSet<String> = found.into_iter().collect();
    let expected: BTreeSet<String> = (0..16).flat_map(|thread| (0..1000).map(move |n| line(thread, n))).collect();
    assert!(found == expected);
}

#[test]
fn a_full_disk_fails_the_request_and_leaves_no_torn_line() {
    let fixture = Fixture::new();
    let segments = fixture.open(Fsync::Never);
    segments.append("first").expect("append");
    fixture.files.set(Faults { capacity: Some(10), ..Faults::default() });
    let error = segments.append("second").expect_err("full");
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!(fixture.files.text(FILE), "first\n");
    segments.append("abc").expect("a short one fits");
    fixture.files.set(Faults::default());
    segments.append("third").expect("append");
    assert_eq!(fixture.files.text(FILE), "first\nabc\nthird\n");
}

#[test]
fn what_cannot_be_cut_off_is_closed_off() {
    let fixture = Fixture::new();
    let segments = fixture.open(Fsync::Never);
    segments.append("first").expect("append");
    let worn = Faults { write_bytes_max: Some(3), writes_left: Some(1), truncate_fails: true, ..Faults::default() };
    fixture.files.set(worn);
    segments.append("second").expect_err("broken");
    segments.append("third").expect_err("still broken, and so not even closed off");
    assert_eq!(fixture.files.text(FILE), "first\nsec");
    fixture.files.set(Faults::default());
    segments.append("fourth").expect("append");
    assert_eq!(fixture.files.text(FILE), "first\nsec\nfourth\n");
}

#[test]
fn a_failed_sync_is_told_to_all_who_rely_on_it() {
    let fixture = Fixture::new();
    let segments = fixture.open(Fsync::Always);
    fixture.files.set(Faults { syncs_to_fail: 1, ..Faults::default() });
    segments.append("first").expect_err("not synced");
    segments.append("second").expect("the file was opened anew");
    fixture.files.lose_power();
    assert_eq!(fixture.files.text(FILE), "first\nsecond\n");

    let segments = fixture.open(Fsync::Interval);
    segments.append("third").expect("append");
    fixture.files.set(Faults { syncs_to_fail: 1, ..Faults::default() });
    segments.sync().expect_err("not synced");
    segments.append("fourth").expect("append");
    segments.append_synced(["fifth"]).expect("append");
    assert_eq!(fixture.files.text(FILE), "first\nsecond\nthird\nfourth\nfifth\n");
}

#[test]
fn a_sync_reaches_the_hours_before() {
    let fixture = Fixture::new();
    let segments = fixture.open(Fsync::Interval);
    for _ in 0..5 {
        segments.append("line").expect("append");
        fixture.clock.advance_millis(3_600_000);
    }
    segments.sync().expect("sync");
    fixture.files.lose_power();
    assert_eq!(fixture.files.lines().len(), 5);
}

#[test]
fn lines_that_would_break_the_file_are_refused() {
    let fixture = Fixture::new();
    let segments = fixture.open(Fsync::Never);
    for bad in ["a\nb".to_owned(), "x".repeat(LINE_BYTES_MAX + 1)] {
        let error = segments.append(&bad).expect_err("refused");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        segments.append_synced([bad.as_str()]).expect_err("refused");
    }
    assert_eq!(fixture.files.names(), Vec::<String>::new());
}

#[test]
fn threads_on_a_failing_disk_know_which_lines_are_there() {
    let fixture = Fixture::new();
    let segments = fixture.open(Fsync::Never);
    let acknowledged = Mutex::new(BTreeSet::new());
    fixture.files.set(Faults { capacity: Some(3000), write_bytes_max: Some(7), ..Faults::default() });
    thread::scope(|scope| {
        for thread in 0..8 {
            let (segments, acknowledged) = (&segments, &acknowledged);
            scope.spawn(move || {
                for n in 0..100 {
                    let line = format!("line {thread} {n}");
                    if segments.append(&line).is_ok() {
                        lock(acknowledged).insert(line);
                    }
                }
            });
        }
    });
    let lines: BTreeSet<String> = fixture.files.lines().into_iter().collect();
    assert!(fixture.files.text(FILE).ends_with('\n'));
    assert_eq!(lines, *lock(&acknowledged));
    assert!(lines.len() > 100 && lines.len() < 800, "{}", lines.len());
}

proptest! {
    /// Whatever the disk does, what was acknowledged is there, in order, and what was not is never half there unless
    /// it stands in a line of its own.
    #[test]
    fn acknowledged_lines_survive_any_faults(
        steps in proptest::collection::vec((0_usize..6, 1_usize..9, any::<bool>(), 0_usize..4), 1..40)
    ) {
        let fixture = Fixture::new();
        let mut segments = fixture.open(Fsync::Never);
        let mut acknowledged = Vec::new();
        for (n, (what, short, truncate_fails, writes)) in steps.into_iter().enumerate() {
            let worn = Faults {
                write_bytes_max: Some(short),
                writes_left: (what < 3).then_some(writes),
                truncate_fails,
                ..Faults::default()
            };
            fixture.files.set(worn);
            if what == 5 && let Ok(opened) = fixture.try_open(Fsync::Never) {
                segments = opened;
            }
            let line = format!("<line {n}>");
            if segments.append(&line).is_ok() {
                acknowledged.push(line);
            }
        }
        let lines = fixture.files.lines();
        let whole = |line: &&String| line.starts_with('<') && line.ends_with('>') && line.matches('<').count() == 1;
        let kept: Vec<&String> = lines.iter().filter(|line| acknowledged.contains(line)).collect();
        prop_assert_eq!(kept, acknowledged.iter().collect::<Vec<_>>());
        prop_assert!(lines.iter().filter(|line| !whole(line)).all(|line| line.matches('<').count() <= 1));
    }
}
