//! Months of the Gregorian calendar as a walk over days since 1970 needs them.

use jiff::civil::Date;
use jiff::tz::Offset;
use strongroom_types::time::Timestamp;

/// Milliseconds in an hour.
pub const HOUR_MS: i64 = 3_600_000;
/// Hours in a day.
pub const DAY_HOURS: i64 = 24;
/// Days in a week.
pub const WEEK_DAYS: u32 = 7;

/// A month, with where it lies.
#[derive(Clone, Copy, Debug)]
pub struct Month {
    year: i16,
    /// 1 to 12.
    pub number: u32,
    /// Its first day, in days since 1970-01-01.
    pub first: i64,
    /// How many days it has.
    pub days: u32,
}

impl Month {
    /// The month that a day lies in, and which of its days that is, from 1 on. None outside of the years that dates
    /// can be written for (-9999 to 9999).
    pub fn of_day(day: i64) -> Option<(Self, u32)> {
        let seconds = day.checked_mul(DAY_HOURS.checked_mul(HOUR_MS / 1000)?)?;
        let date = Offset::UTC.to_datetime(jiff::Timestamp::from_second(seconds).ok()?).date();
        let of_month = u32::try_from(date.day()).ok()?;
        let first = day.checked_sub(i64::from(of_month).checked_sub(1)?)?;
        Some((Self::new(date.first_of_month(), first)?, of_month))
    }

    /// The month after.
    pub fn next(self) -> Option<Self> {
        let (year, number) =
            if self.number >= 12 { (self.year.checked_add(1)?, 1) } else { (self.year, self.number + 1) };
        let date = Date::new(year, i8::try_from(number).ok()?, 1).ok()?;
        Self::new(date, self.first.checked_add(i64::from(self.days))?)
    }

    fn new(first_of_month: Date, first: i64) -> Option<Self> {
        let number = u32::try_from(first_of_month.month()).ok()?;
        let days = u32::try_from(first_of_month.days_in_month()).ok()?;
        Some(Self { year: first_of_month.year(), number, first, days })
    }

    /// The weekday of its first day: 0 for Sunday to 6 for Saturday.
    pub fn first_weekday(self) -> u32 {
        // 1970-01-01 was a Thursday, the fifth day of a week that begins on Sunday.
        let weekday = self.first.saturating_add(4).rem_euclid(i64::from(WEEK_DAYS));
        u32::try_from(weekday).unwrap_or_default()
    }
}

/// Whole hours since 1970, rounded down.
pub const fn hours(at: Timestamp) -> i64 {
    at.millis().div_euclid(HOUR_MS)
}

/// Whole days since 1970, rounded down.
pub const fn days(at: Timestamp) -> i64 {
    hours(at).div_euclid(DAY_HOURS)
}

/// The instant of an hour since 1970. None beyond the range of instants.
pub fn instant(hours: i64) -> Option<Timestamp> {
    hours.checked_mul(HOUR_MS).map(Timestamp::from_millis)
}
