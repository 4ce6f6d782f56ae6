//! `cron()` as Secrets Manager has it: minutes 0, every year, hours by steps, days of the month or of the week.

use strongroom_types::time::Timestamp;

use crate::calendar::{self, DAY_HOURS, Month, WEEK_DAYS};
use crate::field::{self, DAYS, HOURS, MONTHS, WEEKDAYS, bit};

/// The fewest hours between two starts.
pub const BETWEEN_HOURS_MIN: u32 = 4;
/// How far ahead is searched, in months. What comes due at all does so in 40 years at most, which is the longest time
/// between two leap years with the same weekdays; a month more for the one begun.
const MONTHS_AHEAD_MAX: u32 = 40 * 12 + 2;
/// How many months show every neighbourhood of two days: the weekdays of 1970 to 1997 are those of any 28 years.
const CYCLE_MONTHS: u32 = 28 * 12;

/// A checked cron expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    /// Hours at which windows start: bit N is hour N.
    hours: u32,
    /// Bit N is month N.
    months: u32,
    days: Days,
}

/// The days that match; a day has to match one of these only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Days {
    /// Days of the month: bit N is day N.
    of_month: u32,
    /// The last day of the month.
    is_last: bool,
    /// Weekdays: bit 0 is Sunday.
    weekdays: u32,
    /// The last such weekday of the month.
    last_weekdays: u32,
    /// The Nth such weekday of the month: seven bits for each N, the first week's lowest.
    nth_weekdays: u64,
}

impl Cron {
    /// Reads what is between the parentheses. None when it breaks a rule, or never comes due.
    pub fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split(' ').filter(|field| !field.is_empty());
        let mut next = || fields.next();
        let (minutes, hours, of_month, month, of_week, year) = (next()?, next()?, next()?, next()?, next()?, next()?);
        if fields.next().is_some() || field::number(minutes) != Some(0) || year != "*" {
            return None;
        }
        let days = match (of_month, of_week) {
            ("?", "?") => None,
            (_, "?") => Days::of_month(of_month),
            ("?", _) => Days::of_week(of_week),
            _ => None,
        }?;
        let hours = HOURS.item(hours).filter(|_| !hours.contains('-'))?;
        let months = if month == "*" { MONTHS.all() } else { union(month, |item| MONTHS.item(item))? };
        let cron = Self { hours, months, days };
        let is_sparse = cron.hours_between().is_none_or(|hours| hours >= BETWEEN_HOURS_MIN);
        (is_sparse && cron.is_ever_due() && cron.is_sparse_at_midnight()).then_some(cron)
    }

    /// The fewest hours between two starts of one day; none if a day has only one.
    pub fn hours_between(&self) -> Option<u32> {
        let mut least = None;
        let mut before = None;
        for hour in (HOURS.min..=HOURS.max).filter(|hour| self.hours & bit(*hour) != 0) {
            let gap = before.map(|before| hour.saturating_sub(before));
            least = match (least, gap) {
                (Some(least), Some(gap)) => Some(u32::min(least, gap)),
                (least, gap) => least.or(gap),
            };
            before = Some(hour);
        }
        least
    }

    /// The first and the last hour of a day at which a window starts.
    pub fn first_and_last_hour(&self) -> (u32, u32) {
        (self.hours.trailing_zeros(), u32::BITS.saturating_sub(1).saturating_sub(self.hours.leading_zeros()))
    }

    /// The first start after an instant.
    pub fn next_start(&self, after: Timestamp) -> Option<Timestamp> {
        let from = calendar::hours(after).checked_add(1)?;
        let (day, hour) = (from.div_euclid(DAY_HOURS), u32::try_from(from.rem_euclid(DAY_HOURS)).ok()?);
        let (mut month, today) = Month::of_day(day)?;
        let mut days = self.days_in(month);
        if days & bit(today) != 0 {
            let later = self.hours & !bit(hour).wrapping_sub(1);
            if later != 0 {
                return start(day, later.trailing_zeros());
            }
        }
        // Only days after today are left in this month.
        days &= !(bit(today) | bit(today).wrapping_sub(1));
        for _ in 0..MONTHS_AHEAD_MAX {
            if days != 0 {
                let day = month.first.checked_add(i64::from(days.trailing_zeros()))?.checked_sub(1)?;
                return start(day, self.hours.trailing_zeros());
            }
            month = month.next()?;
            days = self.days_in(month);
        }
        None
    }

    /// The last start of an instant's day that is not after it.
    pub fn start_of_today(&self, at: Timestamp) -> Option<Timestamp> {
        let day = calendar::days(at);
        let (month, today) = Month::of_day(day)?;
        let hour = u32::try_from(calendar::hours(at).rem_euclid(DAY_HOURS)).ok()?;
        let begun = self.hours & (bit(hour) | bit(hour).wrapping_sub(1));
        if begun == 0 || self.days_in(month) & bit(today) == 0 {
            return None;
        }
        start(day, Self { hours: begun, ..self.clone() }.first_and_last_hour().1)
    }

    /// The days of a month that match: bit N is day N.
    fn days_in(&self, month: Month) -> u32 {
        if self.months & bit(month.number) == 0 { 0 } else { self.days.in_month(month.days, month.first_weekday()) }
    }

    /// Whether there is a day at all: not for 30 February.
    fn is_ever_due(&self) -> bool {
        let lengths = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let longest = (MONTHS.min..).zip(lengths).filter(|(month, _)| self.months & bit(*month) != 0);
        // Whatever is said by weekdays is due in a month that begins on the right one.
        longest.into_iter().any(|(_, days)| (0..WEEK_DAYS).any(|weekday| self.days.in_month(days, weekday) != 0))
    }

    /// Whether the last start of a day is far enough from the first of the next, if two days in a row match at all.
    fn is_sparse_at_midnight(&self) -> bool {
        let (first, last) = self.first_and_last_hour();
        let gap = first.saturating_add(HOURS.max + 1).saturating_sub(last);
        gap >= BETWEEN_HOURS_MIN || !self.has_neighbours()
    }

    fn has_neighbours(&self) -> bool {
        let Some((mut month, _)) = Month::of_day(0) else { return false };
        let mut was_last_due = false;
        for _ in 0..=CYCLE_MONTHS {
            let days = self.days_in(month);
            if days & (days >> 1) != 0 || (was_last_due && days & bit(1) != 0) {
                return true;
            }
            was_last_due = days & bit(month.days) != 0;
            let Some(next) = month.next() else { return false };
            month = next;
        }
        false
    }
}

impl Days {
    /// The field of days of the month.
    fn of_month(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self { of_month: DAYS.all(), ..Self::default() });
        }
        let mut days = Self::default();
        for item in text.split(',') {
            if item.eq_ignore_ascii_case("L") {
                days.is_last = true;
            } else if let Some(weekday) = last_weekday(item).filter(|_| !item.starts_with(|c: char| c.is_ascii_digit()))
            {
                days.last_weekdays |= weekday;
            } else {
                days.of_month |= DAYS.item(item)?;
            }
        }
        Some(days)
    }

    /// The field of days of the week.
    fn of_week(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self { weekdays: WEEKDAYS.all() >> WEEKDAYS.min, ..Self::default() });
        }
        let mut days = Self::default();
        for item in text.split(',') {
            if item.eq_ignore_ascii_case("L") {
                // The last day of the week.
                days.weekdays |= bit(WEEKDAYS.max) >> WEEKDAYS.min;
            } else if let Some(weekday) = last_weekday(item) {
                days.last_weekdays |= weekday;
            } else if let Some((weekday, nth)) = item.split_once('#') {
                let nth = field::number(nth).filter(|nth| (1..=5).contains(nth))?;
                let place = (nth - 1).checked_mul(WEEK_DAYS)?.checked_add(WEEKDAYS.value(weekday)? - WEEKDAYS.min)?;
                days.nth_weekdays |= 1_u64.checked_shl(place)?;
            } else {
                days.weekdays |= WEEKDAYS.item(item)? >> WEEKDAYS.min;
            }
        }
        Some(days)
    }

    /// The days that match in a month of so many days that begins on such a weekday.
    fn in_month(&self, days: u32, first_weekday: u32) -> u32 {
        let all = bit(days).wrapping_sub(1) << 1;
        let mut found = self.of_month & all;
        if self.is_last {
            found |= bit(days);
        }
        if self.weekdays | self.last_weekdays == 0 && self.nth_weekdays == 0 {
            return found;
        }
        for day in DAYS.min..=days {
            let weekday = first_weekday.saturating_add(day - 1) % WEEK_DAYS;
            let place = ((day - 1) / WEEK_DAYS) * WEEK_DAYS + weekday;
            let is_in_last_week = day.saturating_add(WEEK_DAYS) > days;
            let is_due = self.weekdays & bit(weekday) != 0
                || is_in_last_week && self.last_weekdays & bit(weekday) != 0
                || self.nth_weekdays >> place & 1 != 0;
            if is_due {
                found |= bit(day);
            }
        }
        found
    }
}

/// `SUNL`: the bit of the weekday, Sunday's the lowest.
fn last_weekday(item: &str) -> Option<u32> {
    let weekday = WEEKDAYS.value(item.strip_suffix(['L', 'l'])?)?;
    Some(bit(weekday) >> WEEKDAYS.min)
}

fn union(text: &str, item: impl Fn(&str) -> Option<u32>) -> Option<u32> {
    text.split(',').try_fold(0, |bits, part| Some(bits | item(part)?))
}

fn start(day: i64, hour: u32) -> Option<Timestamp> {
    calendar::instant(day.checked_mul(DAY_HOURS)?.checked_add(i64::from(hour))?)
}
