//! A checked schedule and its windows.

use strongroom_types::time::Timestamp;

use crate::calendar::{self, DAY_HOURS};
use crate::cron::Cron;
use crate::field;
use crate::{Fault, Window};

/// AutomaticallyAfterDays at most.
const AFTER_DAYS_MAX: i64 = 1000;
/// Hours that a window stays open when windows come by the hour and nothing else is said.
const HOURLY_WINDOW_HOURS: i64 = 1;
/// Days of the longest year.
const YEAR_DAYS: i64 = 366;

/// When a secret is rotated: `rate()`, `cron()` or a number of days, and how long its windows stay open.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    pace: Pace,
    /// How long a window stays open; none for the default.
    duration_hours: Option<i64>,
}

#[derive(Clone, Debug, PartialEq)]
enum Pace {
    /// Every so many hours from midnight of the anchor's day on.
    Hours(i64),
    /// Midnight of every so many days after the anchor's.
    Days(i64),
    Cron(Cron),
}

impl Schedule {
    /// Checks what RotationRules say.
    ///
    /// # Errors
    /// With AWS's text when a part is out of its bounds, when both forms of frequency are given, and when none is.
    /// A cron expression that never comes due (30 February) is an invalid one.
    pub fn new(
        automatically_after_days: Option<i64>,
        expression: Option<&str>,
        duration: Option<&str>,
    ) -> Result<Self, Fault> {
        let pace = match (automatically_after_days, expression) {
            (Some(_), Some(_)) => return Err(Fault::Both),
            (Some(days), None) if (1..=AFTER_DAYS_MAX).contains(&days) => Pace::Days(days),
            (Some(_), None) => return Err(Fault::RateInDays),
            (None, Some(expression)) => Pace::parse(expression)?,
            (None, None) => return Err(Fault::Expression),
        };
        let duration_hours = duration.map(hours_of).transpose()?;
        if let Some(hours) = duration_hours {
            pace.check_duration(hours)?;
        }
        Ok(Self { pace, duration_hours })
    }

    /// The first window that starts after `after`. `anchor` is when the secret was last rotated or the schedule was
    /// set: windows in days are counted from its day on, which has none itself; windows in hours from 00:00 of its
    /// day on (that they go on past midnight in the same step is unconfirmed); cron needs none. None beyond the years
    /// that have dates.
    #[must_use]
    pub fn next_window(&self, anchor: Timestamp, after: Timestamp) -> Option<Window> {
        let start = match &self.pace {
            Pace::Hours(hours) => next_step(anchor, after, *hours, 0),
            Pace::Days(days) => next_step(anchor, after, days.checked_mul(DAY_HOURS)?, 1),
            Pace::Cron(cron) => cron.next_start(after),
        }?;
        Some(self.window(start))
    }

    /// The window that `at` lies in, if any.
    #[must_use]
    pub fn window_at(&self, anchor: Timestamp, at: Timestamp) -> Option<Window> {
        let start = match &self.pace {
            Pace::Hours(hours) => last_step(anchor, at, *hours, 0),
            Pace::Days(days) => last_step(anchor, at, days.checked_mul(DAY_HOURS)?, 1),
            Pace::Cron(cron) => cron.start_of_today(at),
        }?;
        Some(self.window(start)).filter(|window| window.contains(at))
    }

    /// AutomaticallyAfterDays as DescribeSecret works it out from the schedule after a success: whole days between
    /// the two windows that come after `from`, at least 1.
    #[must_use]
    pub fn days_between(&self, from: Timestamp) -> i64 {
        let days = match &self.pace {
            Pace::Hours(_) => None,
            Pace::Days(days) => Some(*days),
            Pace::Cron(cron) => cron.next_start(from).and_then(|first| {
                let second = cron.next_start(first)?;
                calendar::hours(second).checked_sub(calendar::hours(first)).map(|hours| hours / DAY_HOURS)
            }),
        };
        days.unwrap_or(1).max(1)
    }

    /// The longest time, in hours, between the starts of two windows that follow each other, of those that start within a
    /// year after `from` and the next one. None where cron comes due once more at most.
    #[must_use]
    pub fn longest_gap_hours(&self, from: Timestamp) -> Option<i64> {
        let cron = match &self.pace {
            Pace::Hours(hours) => return Some(*hours),
            Pace::Days(days) => return days.checked_mul(DAY_HOURS),
            Pace::Cron(cron) => cron,
        };
        let end = from.plus_days(YEAR_DAYS);
        let mut last = cron.next_start(from)?;
        let mut longest = None;
        while let Some(next) = cron.next_start(last) {
            longest = longest.max(calendar::hours(next).checked_sub(calendar::hours(last)));
            if next > end {
                break;
            }
            last = next;
        }
        longest
    }

    fn window(&self, start: Timestamp) -> Window {
        let hours = self.duration_hours.unwrap_or_else(|| {
            if self.pace.is_hourly() {
                HOURLY_WINDOW_HOURS
            } else {
                // To the end of the day.
                DAY_HOURS.saturating_sub(calendar::hours(start).rem_euclid(DAY_HOURS))
            }
        });
        Window::of_hours(start, hours)
    }
}

impl Pace {
    fn parse(expression: &str) -> Result<Self, Fault> {
        let within = |name| expression.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
        match (within("rate"), within("cron")) {
            (Some(rate), _) => Self::rate(rate),
            (None, Some(cron)) => Cron::parse(cron).map(Self::Cron).ok_or(Fault::Expression),
            (None, None) => Err(Fault::Expression),
        }
    }

    fn rate(text: &str) -> Result<Self, Fault> {
        let mut parts = text.split(' ').filter(|part| !part.is_empty());
        let (Some(count), Some(unit), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Fault::Expression);
        };
        if !count.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Fault::Expression);
        }
        // Digits that make no number are too many.
        let count = field::number(count).map_or(i64::MAX, i64::from);
        match unit {
            "hour" | "hours" if (4..24).contains(&count) => Ok(Self::Hours(count)),
            "hour" | "hours" => Err(Fault::RateInHours),
            "day" | "days" if (1..1000).contains(&count) => Ok(Self::Days(count)),
            "day" | "days" => Err(Fault::RateInDays),
            _ => Err(Fault::Expression),
        }
    }

    /// Whether there can be more than one window a day.
    fn is_hourly(&self) -> bool {
        match self {
            Self::Hours(_) => true,
            Self::Days(_) => false,
            Self::Cron(cron) => cron.hours_between().is_some(),
        }
    }

    /// No window reaches into the next one, and none that starts at a given hour into the next day.
    fn check_duration(&self, hours: i64) -> Result<(), Fault> {
        let (between, last) = match self {
            Self::Hours(rate) => (Some(*rate), None),
            Self::Days(_) => (None, Some(0)),
            Self::Cron(cron) => (cron.hours_between().map(i64::from), Some(i64::from(cron.first_and_last_hour().1))),
        };
        if between.is_some_and(|between| hours > between) {
            return Err(Fault::DurationOverRate);
        }
        if last.is_some_and(|last| last.saturating_add(hours) > DAY_HOURS) {
            return Err(Fault::DurationOverDay);
        }
        Ok(())
    }
}

/// `3h`: hours from 1 to 24.
fn hours_of(duration: &str) -> Result<i64, Fault> {
    let hours = duration.strip_suffix('h').and_then(field::number).map(i64::from);
    hours.filter(|hours| (1..=DAY_HOURS).contains(hours)).ok_or(Fault::Duration)
}

/// The first instant after `after` that is `step` hours times at least `least` from midnight of the anchor's day.
fn next_step(anchor: Timestamp, after: Timestamp, step: i64, least: i64) -> Option<Timestamp> {
    let origin = calendar::days(anchor).checked_mul(DAY_HOURS)?;
    let since = calendar::hours(after).checked_sub(origin)?;
    let count = since.div_euclid(step).checked_add(1)?.max(least);
    dated(origin.checked_add(count.checked_mul(step)?)?)
}

/// The last instant up to `at` that is `step` hours times at least `least` from midnight of the anchor's day.
fn last_step(anchor: Timestamp, at: Timestamp, step: i64, least: i64) -> Option<Timestamp> {
    let origin = calendar::days(anchor).checked_mul(DAY_HOURS)?;
    let since = calendar::hours(at).checked_sub(origin)?;
    let count = since.div_euclid(step);
    if count < least { None } else { dated(origin.checked_add(count.checked_mul(step)?)?) }
}

/// The instant of an hour since 1970, if there is a date for it.
fn dated(hours: i64) -> Option<Timestamp> {
    calendar::Month::of_day(hours.div_euclid(DAY_HOURS))?;
    calendar::instant(hours)
}
