//! The examples of the User Guide, AWS's texts, and windows that are known by date.

use strongroom_types::time::Timestamp;

use super::naive::{HOUR_MS, instant};
use crate::{Fault, Schedule, Window};

pub const VALID: [&str; 16] = [
    "rate(4 hours)",
    "rate(1 day)",
    "rate(10 days)",
    "cron(0 /8 * * ? *)",
    "cron(0 8/8 * * ? *)",
    "cron(0 4/12 * * ? *)",
    "cron(0 2/10 * * ? *)",
    "cron(0 10 * * ? *)",
    "cron(0 18 ? * SAT *)",
    "cron(0 8 1 * ? *)",
    "cron(0 1 ? 1/3 SUN#1 *)",
    "cron(0 17 L * ? *)",
    "cron(0 8 ? * MON-FRI *)",
    "cron(0 16 1,15 * ? *)",
    "cron(0 0 ? 1/11 2#1 *)",
    "cron(0 0 ? * SUN#1 *)",
];

const ANCHOR: Timestamp = Timestamp::from_seconds(1_788_062_928); // 2026-08-30T04:08:48Z

fn fault(expression: &str, duration: Option<&str>) -> Option<Fault> {
    Schedule::new(None, Some(expression), duration).err()
}

fn cron(expression: &str) -> Schedule {
    Schedule::new(None, Some(expression), None).unwrap()
}

/// The window after an instant: its start and end.
fn next(schedule: &Schedule, after: Timestamp) -> (Timestamp, Timestamp) {
    let window = schedule.next_window(ANCHOR, after).unwrap();
    (window.start, window.end)
}

#[test]
fn every_valid_example_is_taken() {
    for expression in VALID {
        assert_eq!(fault(expression, None), None, "{expression}");
    }
    for expression in ["rate(23 hours)", "rate(4 hour)", "rate(999 days)", "cron(0 5 L,1 * ? *)", "cron(0 */6 * * ? *)"]
    {
        assert_eq!(fault(expression, None), None, "{expression}");
    }
    for days in [1, 7, 1000] {
        assert!(Schedule::new(Some(days), None, None).is_ok(), "{days}");
    }
}

#[test]
fn every_invalid_example_has_its_text() {
    let expression = "Invalid schedule expression.";
    let hours = "Rate in hour should be least 4 and less than 24.";
    let days = "Rate in day should be greater than 0 and less than 1000.";
    let table = [
        ("rate(1 hour)", hours),
        ("rate(3 hours)", hours),
        ("rate(24 hours)", hours),
        ("rate(99999999999999999999 hours)", hours),
        ("rate(0 days)", days),
        ("rate(1000 days)", days),
        ("rate(30 minutes)", expression),
        ("rate(days)", expression),
        ("rate(-4 hours)", expression),
        ("rate(4 hours", expression),
        ("rate (4 hours)", expression),
        ("", expression),
        ("cron()", expression),
        ("cron(15 10 * * ? *)", expression),
        ("cron(0 10 * * ? 2025)", expression),
        ("cron(0 10 * * *)", expression),
        ("cron(0 10 * * ? * *)", expression),
        ("cron(0 * * * ? *)", expression),
        ("cron(0 /2 * * ? *)", expression),
        ("cron(0 10 1 * MON *)", expression),
        ("cron(0 10 * * * *)", expression),
        ("cron(0 10 ? * ? *)", expression),
        ("cron(0 24 * * ? *)", expression),
        ("cron(0 10 0 * ? *)", expression),
        ("cron(0 10 32 * ? *)", expression),
        ("cron(0 10 15W * ? *)", expression),
        ("cron(0 10 * 13 ? *)", expression),
        ("cron(0 10 * JANUARY ? *)", expression),
        ("cron(0 10 ? * 8 *)", expression),
        ("cron(0 10 ? * MON#6 *)", expression),
        ("cron(0 10 ? * MON#0 *)", expression),
        ("cron(0 10 1/0 * ? *)", expression),
        ("cron(0 10 1, * ? *)", expression),
        ("cron(0 10 20-10 * ? *)", expression),
    ];
    for (text, wanted) in table {
        assert_eq!(fault(text, None).map(|fault| fault.to_string()).as_deref(), Some(wanted), "{text}");
    }
    assert_eq!(Schedule::new(Some(3), Some("rate(3 days)"), None), Err(Fault::Both));
    assert_eq!(Fault::Both.to_string(), "You cannot specify both rotation frequency and schedule expression together.");
    assert_eq!(Schedule::new(Some(0), None, None), Err(Fault::RateInDays));
    assert_eq!(Schedule::new(Some(1001), None, None), Err(Fault::RateInDays));
    assert_eq!(Schedule::new(None, None, Some("2h")), Err(Fault::Expression));
}

#[test]
fn what_never_comes_due_is_refused() {
    for expression in ["cron(0 10 30 2 ? *)", "cron(0 10 31 FEB,APR,JUN,SEP,NOV ? *)", "cron(0 10 30,31 2 ? *)"] {
        assert_eq!(fault(expression, None), Some(Fault::Expression), "{expression}");
    }
    // These do, however seldom.
    for expression in ["cron(0 10 29 2 ? *)", "cron(0 10 ? FEB SUN#5 *)", "cron(0 10 31 2,3 ? *)"] {
        assert_eq!(fault(expression, None), None, "{expression}");
    }
}

#[test]
fn durations_have_bounds_and_texts() {
    let table = [
        ("rate(4 hours)", "4h", None),
        ("rate(4 hours)", "5h", Some("Duration cannot be greater than Rate in hour.")),
        ("rate(4 hours)", "0h", Some("Duration must be at least 1 hour, at most 24 hour.")),
        ("rate(4 days)", "25h", Some("Duration must be at least 1 hour, at most 24 hour.")),
        ("rate(4 days)", "3", Some("Duration must be at least 1 hour, at most 24 hour.")),
        ("rate(4 days)", "h3", Some("Duration must be at least 1 hour, at most 24 hour.")),
        ("rate(4 days)", "24h", None),
        ("cron(0 10 * * ? *)", "14h", None),
        ("cron(0 10 * * ? *)", "15h", Some("Starting hour and duration must be within a day.")),
        ("cron(0 10 * * ? *)", "24h", Some("Starting hour and duration must be within a day.")),
        ("cron(0 0 * * ? *)", "24h", None),
        ("cron(0 /8 * * ? *)", "8h", None),
        ("cron(0 /8 * * ? *)", "9h", Some("Duration cannot be greater than Rate in hour.")),
        ("cron(0 2/10 * * ? *)", "2h", None),
        ("cron(0 2/10 * * ? *)", "3h", Some("Starting hour and duration must be within a day.")),
        ("cron(0 16 1,15 * ? *)", "2h", None),
    ];
    for (expression, duration, wanted) in table {
        let found = fault(expression, Some(duration)).map(|fault| fault.to_string());
        assert_eq!(found.as_deref(), wanted, "{expression} {duration}");
    }
    assert!(Schedule::new(Some(30), None, Some("24h")).is_ok());
}

#[test]
fn starts_over_midnight_are_four_hours_apart_where_days_follow_one_another() {
    // 0, 7, 14, 21, and three hours later 0 again.
    assert_eq!(fault("cron(0 /7 * * ? *)", None), Some(Fault::Expression));
    assert_eq!(fault("cron(0 /7 L,1 * ? *)", None), Some(Fault::Expression));
    assert_eq!(fault("cron(0 /7 L * ? *)", None), None);
    assert_eq!(fault("cron(0 /7 ? * MON,WED *)", None), None);
}

#[test]
fn the_window_seen_on_aws_is_the_one_worked_out() {
    let schedule = Schedule::new(Some(7), None, None).unwrap();
    let window = schedule.next_window(ANCHOR, ANCHOR).unwrap();
    assert_eq!(window.start, instant(2026, 9, 6, 0, 0, 0));
    assert_eq!(window.shown_end(), instant(2026, 9, 6, 23, 59, 59));
    assert_eq!(schedule.window_at(ANCHOR, ANCHOR), None);
    assert_eq!(schedule.window_at(ANCHOR, window.start), Some(window));
    assert_eq!(schedule.window_at(ANCHOR, window.shown_end()), Some(window));
    assert_eq!(schedule.window_at(ANCHOR, window.end), None);
    assert_eq!(schedule.next_window(ANCHOR, window.start).unwrap().start, instant(2026, 9, 13, 0, 0, 0));
}

#[test]
fn windows_in_days_begin_at_midnight() {
    let schedule = Schedule::new(None, Some("rate(10 days)"), Some("3h")).unwrap();
    let first = instant(2026, 9, 9, 0, 0, 0);
    assert_eq!(next(&schedule, ANCHOR), (first, first.plus_millis(3 * HOUR_MS)));
    // An instant before the anchor gets the same window.
    assert_eq!(next(&schedule, ANCHOR.plus_days(-100)).0, first);
    assert_eq!(schedule.window_at(ANCHOR, first.plus_millis(3 * HOUR_MS)), None);
    assert_eq!(schedule.window_at(ANCHOR, first.plus_millis(3 * HOUR_MS - 1)).unwrap().start, first);
}

#[test]
fn windows_in_hours_begin_at_midnight_of_the_anchors_day() {
    let schedule = cron("rate(5 hours)");
    let starts = [5, 10, 15, 20, 25, 30].map(|hour| instant(2026, 8, 30, 0, 0, 0).plus_millis(hour * HOUR_MS));
    let mut at = ANCHOR;
    for start in starts {
        assert_eq!(next(&schedule, at), (start, start.plus_millis(HOUR_MS)));
        at = start;
    }
    assert_eq!(schedule.window_at(ANCHOR, ANCHOR), None);
    assert!(schedule.window_at(ANCHOR, instant(2026, 8, 30, 0, 59, 59)).is_some());
}

#[test]
fn hours_begin_again_each_day() {
    let schedule = cron("cron(0 2/10 * * ? *)");
    let hours = [(30, 12), (30, 22), (31, 2), (31, 12), (31, 22)];
    let mut at = ANCHOR;
    for (day, hour) in hours {
        at = next(&schedule, at).0;
        assert_eq!(at, instant(2026, 8, day, hour, 0, 0));
    }
    assert_eq!(schedule.next_window(ANCHOR, at).unwrap().end, instant(2026, 9, 1, 3, 0, 0));
}

#[test]
fn known_dates() {
    let table = [
        ("cron(0 17 L * ? *)", (2027, 2, 1, 0), (2027, 2, 28, 17)),
        ("cron(0 17 L * ? *)", (2028, 2, 1, 0), (2028, 2, 29, 17)),
        ("cron(0 17 L * ? *)", (2026, 12, 31, 17), (2027, 1, 31, 17)),
        ("cron(0 8 1 * ? *)", (2026, 12, 1, 8), (2027, 1, 1, 8)),
        ("cron(0 10 29 2 ? *)", (2026, 1, 1, 0), (2028, 2, 29, 10)),
        ("cron(0 10 29 2 ? *)", (2097, 1, 1, 0), (2104, 2, 29, 10)),
        ("cron(0 10 ? FEB SUN#5 *)", (2060, 3, 1, 0), (2088, 2, 29, 10)),
        ("cron(0 3 SUNL * ? *)", (2026, 11, 1, 0), (2026, 11, 29, 3)),
        ("cron(0 3 ? * SUNL *)", (2026, 11, 29, 3), (2026, 12, 27, 3)),
        ("cron(0 3 ? * 1L *)", (2026, 11, 29, 3), (2026, 12, 27, 3)),
        ("cron(0 3 ? * L *)", (2026, 11, 29, 3), (2026, 12, 5, 3)),
        ("cron(0 0 ? 1/11 2#1 *)", (2026, 2, 1, 0), (2026, 12, 7, 0)),
        ("cron(0 0 ? 1/11 2#1 *)", (2026, 12, 7, 0), (2027, 1, 4, 0)),
        ("cron(0 8 ? * fri-Mon *)", (2026, 11, 30, 8), (2026, 12, 4, 8)),
        ("cron(0 8 1 nov-feb ? *)", (2026, 3, 1, 0), (2026, 11, 1, 8)),
        ("cron(0  18  ?  *  sat  *)", (2026, 11, 28, 18), (2026, 12, 5, 18)),
    ];
    for (expression, (year, month, day, hour), wanted) in table {
        let after = instant(year, month, day, hour, 0, 0);
        let (year, month, day, hour) = wanted;
        assert_eq!(next(&cron(expression), after).0, instant(year, month, day, hour, 0, 0), "{expression}");
    }
}

#[test]
fn days_between_are_those_of_the_coming_windows() {
    let days = |schedule: &Schedule| schedule.days_between(ANCHOR);
    assert_eq!(days(&Schedule::new(Some(30), None, None).unwrap()), 30);
    let table = [
        ("rate(10 days)", 10),
        ("rate(4 hours)", 1),
        ("cron(0 /8 * * ? *)", 1),
        ("cron(0 10 * * ? *)", 1),
        ("cron(0 18 ? * SAT *)", 7),
        ("cron(0 8 1 * ? *)", 30),
        ("cron(0 16 1,15 * ? *)", 14),
    ];
    for (expression, wanted) in table {
        assert_eq!(days(&cron(expression)), wanted, "{expression}");
    }
}

#[test]
fn instants_without_a_date_have_no_window() {
    for at in [i64::MIN, i64::MIN + 1, i64::MAX - 1, i64::MAX].map(Timestamp::from_millis) {
        for expression in VALID {
            let schedule = cron(expression);
            for (anchor, after) in [(at, at), (ANCHOR, at), (at, ANCHOR)] {
                let window = schedule.next_window(anchor, after);
                assert!(window.is_none_or(|window: Window| window.start > after), "{expression}");
                assert!(schedule.window_at(anchor, after).is_none_or(|window| window.contains(after)), "{expression}");
                assert!(schedule.days_between(after) >= 1);
            }
        }
    }
}

#[test]
fn the_longest_gap_is_the_longest_of_a_year() {
    // 2026-01-10.
    let from = Timestamp::from_seconds(1_768_003_200);
    let gap = |expression: &str| Schedule::new(None, Some(expression), None).unwrap().longest_gap_hours(from);
    assert_eq!(gap("rate(4 hours)"), Some(4));
    assert_eq!(gap("rate(10 days)"), Some(240));
    assert_eq!(gap("cron(0 2/10 * * ? *)"), Some(10));
    assert_eq!(gap("cron(0 8 ? * MON-FRI *)"), Some(72));
    assert_eq!(gap("cron(0 16 1,15 * ? *)"), Some(17 * 24));
    assert_eq!(gap("cron(0 0 1 1 ? *)"), Some(365 * 24), "from one year to the next");
    assert_eq!(gap("cron(0 0 29 2 ? *)"), Some(1461 * 24), "from one leap year to the next");
    assert_eq!(Schedule::new(Some(30), None, None).unwrap().longest_gap_hours(from), Some(720));
}
