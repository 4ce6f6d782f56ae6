//! What it costs to find the next window of a schedule, by kind of schedule.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use strongroom_schedule::{Fault, Schedule};
use strongroom_types::time::Timestamp;

/// A day on which a rotation was, and from which on instants are asked for: 2026-08-30T04:08:48Z.
const ANCHOR: Timestamp = Timestamp::from_seconds(1_788_062_928);
/// Measured time of a round, and rounds of a figure, of which the quickest counts: the others were disturbed.
const ROUND: Duration = Duration::from_millis(60);
const ROUNDS: usize = 7;
/// Windows between two looks at the clock.
const BATCH: u32 = 256;
/// From one asked instant to the next: a bit more than 7 hours, so that all hours and days come up.
const STEP_MS: i64 = 25_234_567;

/// Each kind of schedule, the seldom ones last.
const EXPRESSIONS: [&str; 9] = [
    "rate(4 hours)",
    "rate(10 days)",
    "cron(0 /8 * * ? *)",
    "cron(0 16 1,15 * ? *)",
    "cron(0 8 ? * MON-FRI *)",
    "cron(0 17 L * ? *)",
    "cron(0 1 ? 1/3 SUN#1 *)",
    "cron(0 10 29 2 ? *)",
    "cron(0 10 ? 2 SUN#5 *)",
];

/// Measures, and writes a table of nanoseconds.
///
/// # Errors
/// When one of the schedules is none.
pub fn table() -> Result<String, Fault> {
    let mut text = String::from("| schedule | next window, ns | reading it, ns |\n|---|---|---|\n");
    for expression in EXPRESSIONS {
        let schedule = Schedule::new(None, Some(expression), None)?;
        let mut after = ANCHOR;
        let next = nanoseconds(|| {
            after = after.plus_millis(STEP_MS);
            if after.millis_since(ANCHOR) > ANCHOR.millis() {
                after = ANCHOR;
            }
            black_box(black_box(&schedule).next_window(ANCHOR, after));
        });
        let read = nanoseconds(|| {
            drop(black_box(Schedule::new(None, Some(black_box(expression)), None)));
        });
        // Writing into a string does not fail.
        let _ = writeln!(text, "| `{expression}` | {next:.0} | {read:.0} |");
    }
    Ok(text)
}

fn nanoseconds(mut work: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let (start, mut times) = (Instant::now(), 0_u32);
        while start.elapsed() < ROUND {
            for _ in 0..BATCH {
                work();
            }
            times = times.saturating_add(BATCH);
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / f64::from(times));
    }
    best
}
