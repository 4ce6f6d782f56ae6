//! Any text as a rotation schedule: reading it and looking for its windows never panic, never take long, and what is
//! found is in order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_schedule::Schedule;
use strongroom_types::time::Timestamp;

/// Windows that are walked from the instant on.
const WINDOWS: usize = 8;

fuzz_target!(|text: &str| {
    // Lines: the expression or a number of days, the duration, the anchor and the instant in milliseconds.
    let mut lines = text.splitn(4, '\n');
    let (first, duration) = (lines.next().unwrap_or_default(), lines.next().filter(|line| !line.is_empty()));
    let mut instant = || lines.next().and_then(|line| line.parse().ok()).unwrap_or(1_788_062_928_000_i64);
    let (anchor, after) = (instant(), instant());
    let days = first.parse().ok();
    let schedule = match Schedule::new(days, Some(first).filter(|_| days.is_none()), duration) {
        Ok(schedule) => schedule,
        Err(fault) => return drop(fault.to_string()),
    };
    assert!(schedule.days_between(Timestamp::from_millis(after)) >= 1);
    let (anchor, mut at) = (Timestamp::from_millis(anchor), Timestamp::from_millis(after));
    assert!(schedule.window_at(anchor, at).is_none_or(|window| window.contains(at)), "the instant is not in its window");
    for _ in 0..WINDOWS {
        let Some(window) = schedule.next_window(anchor, at) else { return };
        assert!(window.start > at && window.end > window.start, "a window of the past, or an empty one");
        assert_eq!(schedule.window_at(anchor, window.start), Some(window), "a window that its start does not lie in");
        at = window.start;
    }
});
