//! Schedules walked over years, against a naive enumeration.

use proptest::collection::vec;
use proptest::option::of as of_option;
use proptest::prelude::{Just, ProptestConfig, Strategy, prop_assert, prop_assert_eq, prop_oneof, proptest};
use strongroom_types::time::Timestamp;

use super::examples::VALID;
use super::naive::{Day, Days, HOUR_MS, Item, Parts};
use crate::{Schedule, Window};

/// The starts that a schedule gives from one to the next.
fn walked(schedule: &Schedule, anchor: Timestamp, from: Timestamp, to: Timestamp) -> Vec<Window> {
    let mut windows = Vec::new();
    let mut at = from;
    while let Some(window) = schedule.next_window(anchor, at).filter(|window| window.start < to) {
        at = window.start;
        windows.push(window);
    }
    windows
}

/// A valid example by what it means.
fn meaning(expression: &str) -> Option<Parts> {
    let every_day = Days::OfMonth(Vec::new());
    let of = |hour: Item, months: Vec<Item>, days: Days| Some(Parts { hour, months, days });
    match expression {
        "cron(0 /8 * * ? *)" => of(Item::Step(0, 8), vec![], every_day),
        "cron(0 8/8 * * ? *)" => of(Item::Step(8, 8), vec![], every_day),
        "cron(0 4/12 * * ? *)" => of(Item::Step(4, 12), vec![], every_day),
        "cron(0 2/10 * * ? *)" => of(Item::Step(2, 10), vec![], every_day),
        "cron(0 10 * * ? *)" => of(Item::One(10), vec![], every_day),
        "cron(0 18 ? * SAT *)" => of(Item::One(18), vec![], Days::OfWeek(vec![Item::One(7)])),
        "cron(0 8 1 * ? *)" => of(Item::One(8), vec![], Days::OfMonth(vec![Item::One(1)])),
        "cron(0 1 ? 1/3 SUN#1 *)" => of(Item::One(1), vec![Item::Step(1, 3)], Days::OfWeek(vec![Item::Nth(1, 1)])),
        "cron(0 17 L * ? *)" => of(Item::One(17), vec![], Days::OfMonth(vec![Item::Last])),
        "cron(0 8 ? * MON-FRI *)" => of(Item::One(8), vec![], Days::OfWeek(vec![Item::Range(2, 6)])),
        "cron(0 16 1,15 * ? *)" => of(Item::One(16), vec![], Days::OfMonth(vec![Item::One(1), Item::One(15)])),
        "cron(0 0 ? 1/11 2#1 *)" => of(Item::One(0), vec![Item::Step(1, 11)], Days::OfWeek(vec![Item::Nth(2, 1)])),
        "cron(0 0 ? * SUN#1 *)" => of(Item::One(0), vec![], Days::OfWeek(vec![Item::Nth(1, 1)])),
        _ => None,
    }
}

#[test]
fn five_years_of_every_valid_example() {
    let first = Day::new_year(2026);
    let (from, to) = (first.at(0), Day::new_year(2031).at(0));
    for expression in VALID {
        let schedule = Schedule::new(None, Some(expression), None).unwrap();
        let windows = walked(&schedule, from, from.plus_millis(-1), to);
        let wanted: Vec<Timestamp> = match (meaning(expression), expression) {
            (Some(parts), _) => parts.starts(first, 5),
            (None, "rate(4 hours)") => (0..1826 * 6).map(|at| from.plus_millis(at * 4 * HOUR_MS)).collect(),
            (None, "rate(1 day)") => (1..1826).map(|at| from.plus_days(at)).collect(),
            (None, "rate(10 days)") => (1..=182).map(|at| from.plus_days(10 * at)).collect(),
            (None, other) => panic!("{other} is not known here"),
        };
        let starts: Vec<Timestamp> = windows.iter().map(|window| window.start).collect();
        assert!(!starts.is_empty());
        assert_eq!(starts, wanted, "{expression}");
        assert_windows_are_sound(&schedule, from, &windows);
    }
}

/// Windows are on the hour, at least an hour long, apart from one another, and found again by what lies in them.
fn assert_windows_are_sound(schedule: &Schedule, anchor: Timestamp, windows: &[Window]) {
    for pair in windows.windows(2) {
        assert!(pair[0].end <= pair[1].start);
    }
    for window in windows {
        assert_eq!(window.start.millis() % HOUR_MS, 0);
        assert!(window.end.millis_since(window.start) >= HOUR_MS);
        assert_eq!(schedule.window_at(anchor, window.start), Some(*window));
        assert_eq!(schedule.window_at(anchor, window.end.plus_millis(-1)), Some(*window));
        assert_ne!(schedule.window_at(anchor, window.start.plus_millis(-1)), Some(*window));
        assert_ne!(schedule.window_at(anchor, window.end), Some(*window));
    }
}

/// Items over numbers from `min` to `max`.
fn numbers(min: u32, max: u32, is_round: bool) -> impl Strategy<Value = Item> {
    let pair = (min..=max, min..=max);
    prop_oneof![
        (min..=max).prop_map(Item::One),
        pair.clone().prop_map(move |(a, b)| if is_round { Item::Range(a, b) } else { Item::Range(a.min(b), a.max(b)) }),
        (min..=max, 1..=max).prop_map(|(first, step)| Item::Step(first, step)),
        (pair, 1..=max).prop_map(|((a, b), step)| Item::RangeStep(a.min(b), a.max(b), step)),
    ]
}

fn days() -> impl Strategy<Value = Days> {
    let of_month = prop_oneof![
        6 => numbers(1, 31, false),
        1 => Just(Item::Last),
        1 => (1..=7_u32).prop_map(Item::LastWeekday),
    ];
    let of_week = prop_oneof![
        4 => numbers(1, 7, true),
        1 => Just(Item::Last),
        1 => (1..=7_u32).prop_map(Item::LastWeekday),
        2 => (1..=7_u32, 1..=5_u32).prop_map(|(weekday, nth)| Item::Nth(weekday, nth)),
    ];
    prop_oneof![vec(of_month, 0..4).prop_map(Days::OfMonth), vec(of_week, 0..4).prop_map(Days::OfWeek),]
}

fn parts() -> impl Strategy<Value = Parts> {
    let hour =
        prop_oneof![(0..24_u32).prop_map(Item::One), (0..24_u32, 1..24_u32).prop_map(|(a, step)| Item::Step(a, step))];
    let months = vec(numbers(1, 12, true), 0..3);
    (hour, months, days()).prop_map(|(hour, months, days)| Parts { hour, months, days })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn cron_is_what_a_walk_from_hour_to_hour_finds(
        parts in parts(), with_names: bool, year in 1995..2110_i64, duration in of_option(1..=24_i64),
    ) {
        let first = Day::new_year(year);
        let (from, to) = (first.at(0), Day::new_year(year + 4).at(0));
        let starts = parts.starts(first, 4);
        let duration_text = duration.map(|hours| format!("{hours}h"));
        let text = parts.text(with_names);
        match Schedule::new(None, Some(&text), duration_text.as_deref()) {
            Ok(schedule) => {
                let windows = walked(&schedule, from, from.plus_millis(-1), to);
                let found: Vec<Timestamp> = windows.iter().map(|window| window.start).collect();
                prop_assert_eq!(&found, &starts, "{}", text);
                prop_assert!(starts.windows(2).all(|pair| pair[1].millis_since(pair[0]) >= 4 * HOUR_MS), "{}", text);
                assert_windows_are_sound(&schedule, from, &windows);
                for window in &windows {
                    let by_day = (parts.hours().len() == 1)
                        .then(|| window.start.start_of_day().plus_days(1).millis_since(window.start));
                    let wanted = duration.map(|hours| hours * HOUR_MS).or(by_day).unwrap_or(HOUR_MS);
                    prop_assert_eq!(window.end.millis_since(window.start), wanted);
                }
            }
            Err(_) => {
                // Refused is what has no start, or starts too near one another, or too long a window. Long years show it.
                let long = parts.starts(Day::new_year(1970), 40);
                let is_dense = long.windows(2).any(|pair| pair[1].millis_since(pair[0]) < 4 * HOUR_MS)
                    || parts.hours().windows(2).any(|pair| pair[1] - pair[0] < 4);
                let is_long = duration.is_some_and(|duration| {
                    parts.hours().iter().any(|hour| hour + duration > 24)
                        || parts.hours().windows(2).any(|pair| pair[1] - pair[0] < duration)
                });
                prop_assert!(long.is_empty() || is_dense || is_long, "{}", text);
            }
        }
    }

    #[test]
    fn any_instant_has_the_window_that_a_minute_by_minute_search_finds(
        parts in parts(), day in 9_000..40_000_i64, second in 0..86_400_i64, millis in 0..1000_i64,
    ) {
        let Ok(schedule) = Schedule::new(None, Some(&parts.text(false)), Some("1h")) else { return Ok(()) };
        let at = Timestamp::from_millis((day * 86_400 + second) * 1000 + millis);
        let mut today = Day::FIRST;
        while today.number < day {
            today = today.next();
        }
        // The naive search: each minute of the coming days, until one is the start of an hour that is due.
        let mut minute = second / 60 + 1;
        let mut on = today;
        let found = loop {
            if minute == 1440 {
                (minute, on) = (0, on.next());
            }
            if on.number > day + 70 {
                break None;
            }
            let hour = u32::try_from(minute / 60).unwrap();
            if minute % 60 == 0 && parts.hour.has(hour) && parts.is_due_on(on) {
                break Some(on.at(minute / 60));
            }
            minute += 1;
        };
        let next = schedule.next_window(at, at).map(|window| window.start);
        match found {
            Some(_) => prop_assert_eq!(next, found),
            None => prop_assert!(next.is_none_or(|next| next.millis_since(at) > 69 * 24 * HOUR_MS)),
        }
        let hour = second / 3600;
        let is_inside = parts.is_due_on(today) && parts.hour.has(u32::try_from(hour).unwrap());
        prop_assert_eq!(schedule.window_at(at, at).map(|window| window.start), is_inside.then(|| today.at(hour)));
    }

    #[test]
    fn rates_are_what_counting_on_finds(
        anchor in 0..4_000_000_000_i64, later in -100_000_000..400_000_000_i64, days in 1..=999_i64, hours in 4..=23_i64,
        is_hourly: bool,
    ) {
        let (anchor, at) = (Timestamp::from_seconds(anchor), Timestamp::from_seconds(anchor + later));
        let text = if is_hourly { format!("rate({hours} hours)") } else { format!("rate({days} days)") };
        let schedule = Schedule::new(None, Some(&text), None).unwrap();
        let midnight = Timestamp::from_millis(anchor.millis() - anchor.millis() % (24 * HOUR_MS));
        let step = if is_hourly { hours * HOUR_MS } else { days * 24 * HOUR_MS };
        let mut start = if is_hourly { midnight } else { midnight.plus_millis(step) };
        let mut inside = None;
        let length = if is_hourly { HOUR_MS } else { 24 * HOUR_MS };
        while start <= at {
            inside = (at.millis_since(start) < length).then_some(start);
            start = start.plus_millis(step);
        }
        prop_assert_eq!(schedule.next_window(anchor, at), Some(Window { start, end: start.plus_millis(length) }));
        prop_assert_eq!(schedule.window_at(anchor, at).map(|window| window.start), inside);
        if !is_hourly {
            prop_assert_eq!(schedule.days_between(at), days);
            prop_assert_eq!(Schedule::new(Some(days), None, None).unwrap().next_window(anchor, at), Some(Window { start, end: start.plus_millis(length) }));
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(cron|rate)\\([0-9A-Za-z#?*/, -]{0,24}\\)", duration in "[0-9h]{2,3}") {
        if let Ok(schedule) = Schedule::new(None, Some(&text), Some(&duration)) {
            let at = Timestamp::from_seconds(1_800_000_000);
            prop_assert!(schedule.next_window(at, at).is_some_and(|window| window.start > at));
        }
    }
}
