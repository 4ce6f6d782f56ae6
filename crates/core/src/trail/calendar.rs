//! Dates as the trail writes them: in records, in the words of AWS's deletion dates, in the names of segment files.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use strongroom_types::Timestamp;
use strongroom_wire::timestamps::parse_iso;

/// Milliseconds in an hour.
const HOUR_MS: i64 = 3_600_000;
/// The last second that the calendar knows: 9999-12-30T22:00:00Z.
const SECONDS_MAX: i64 = 253_402_207_200;
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The date of an instant in UTC. What lies before 1970 or behind the calendar's end is held there.
fn date(at: Timestamp) -> DateTime {
    let second = jiff::Timestamp::from_second(at.seconds().clamp(0, SECONDS_MAX)).unwrap_or_default();
    Offset::UTC.to_datetime(second)
}

/// Appends `at` as `2026-05-03T17:51:02Z`.
pub(super) fn push_iso(out: &mut String, at: Timestamp) {
    let date = date(at);
    push_digits(out, date.year(), 4);
    for (mark, part) in
        [('-', date.month()), ('-', date.day()), ('T', date.hour()), (':', date.minute()), (':', date.second())]
    {
        out.push(mark);
        push_digits(out, i16::from(part), 2);
    }
    out.push('Z');
}

/// `at` as records have it: `2026-05-03T17:51:02Z`.
#[must_use]
pub fn iso(at: Timestamp) -> String {
    let mut text = String::new();
    push_iso(&mut text, at);
    text
}

/// Several times faster than the formatter of the standard library, and every record needs six.
fn push_digits(out: &mut String, number: i16, digits: u32) {
    for place in (0..digits).rev() {
        let digit = u8::try_from(number / 10_i16.pow(place) % 10).unwrap_or(0);
        out.push(char::from(b'0' + digit));
    }
}

/// The instant of a text in RFC 3339, or the beginning in UTC of a day such as `2026-05-03`.
#[must_use]
pub fn read_instant(text: &str) -> Option<Timestamp> {
    let of_day = || parse_iso(&format!("{text}T00:00:00Z"));
    if text.len() == "2026-05-03".len() { of_day() } else { parse_iso(text) }
}

/// The instant in words, as CloudTrail shows the dates of Secrets Manager's answers: `May 3, 2018 5:51:02 PM`.
pub(super) fn in_words(at: Timestamp) -> String {
    let date = date(at);
    let month = usize::try_from(date.month()).ok().and_then(|month| MONTHS.get(month.wrapping_sub(1))).unwrap_or(&"");
    let (hour, half) = match date.hour() {
        0 => (12, "AM"),
        hour @ 1..=11 => (hour, "AM"),
        12 => (12, "PM"),
        hour => (hour - 12, "PM"),
    };
    format!("{month} {}, {} {hour}:{:02}:{:02} {half}", date.day(), date.year(), date.minute(), date.second())
}

/// An hour in UTC: what a segment file covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(i64);

impl Hour {
    /// The hour that `at` lies in.
    #[must_use]
    pub const fn of(at: Timestamp) -> Self {
        Self(at.millis().div_euclid(HOUR_MS))
    }

    /// Its first instant.
    #[must_use]
    pub const fn start(self) -> Timestamp {
        Timestamp::from_millis(self.0.saturating_mul(HOUR_MS))
    }

    /// The folder of its files, relative to the trail's: `2026/05/03`.
    #[must_use]
    pub fn folder(self) -> String {
        let date = date(self.start());
        format!("{:04}/{:02}/{:02}", date.year(), date.month(), date.day())
    }

    /// As the names of its files have it: `20260503T17`.
    #[must_use]
    pub fn compact(self) -> String {
        let date = date(self.start());
        format!("{:04}{:02}{:02}T{:02}", date.year(), date.month(), date.day(), date.hour())
    }

    /// The hour after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The hour before it.
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// The hour of a text as [`Hour::compact`] writes it.
    #[must_use]
    pub fn of_compact(text: &str) -> Option<Self> {
        let (day, hour) = text.split_once('T')?;
        let digits = day.len() == 8 && hour.len() == 2 && text.bytes().all(|b| b.is_ascii_digit() || b == b'T');
        let (year, day) = day.split_at_checked(4)?;
        let (month, day) = day.split_at_checked(2)?;
        let start = parse_iso(&format!("{year}-{month}-{day}T{hour}:00:00Z"))?;
        digits.then(|| Self::of(start))
    }
}

/// All hours that a segment file can be named after.
pub(super) const EVER: (Hour, Hour) =
    (Hour::of(Timestamp::from_millis(0)), Hour::of(Timestamp::from_seconds(SECONDS_MAX)));

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert_eq, proptest};

    use super::*;

    fn iso(ms: i64) -> String {
        super::iso(Timestamp::from_millis(ms))
    }

    #[test]
    fn known_instants_have_their_dates() {
        assert_eq!(iso(0), "1970-01-01T00:00:00Z");
        assert_eq!(iso(1_525_369_862_999), "2018-05-03T17:51:02Z");
        assert_eq!(iso(1_709_164_800_000), "2024-02-29T00:00:00Z");
        assert_eq!(iso(-1), "1970-01-01T00:00:00Z");
        assert_eq!(iso(i64::MAX), "9999-12-30T22:00:00Z");
    }

    #[test]
    fn words_are_those_of_cloudtrail() {
        let at = |second| in_words(Timestamp::from_seconds(second));
        assert_eq!(at(1_525_369_862), "May 3, 2018 5:51:02 PM");
        assert_eq!(at(0), "Jan 1, 1970 12:00:00 AM");
        assert_eq!(at(43_200), "Jan 1, 1970 12:00:00 PM");
        assert_eq!(at(364 * 86_400 + 11 * 3600), "Dec 31, 1970 11:00:00 AM");
    }

    proptest! {
        #[test]
        fn dates_read_back(seconds in 0_i64..SECONDS_MAX) {
            let at = Timestamp::from_seconds(seconds);
            prop_assert_eq!(parse_iso(&iso(at.millis())), Some(at));
            prop_assert_eq!(Hour::of_compact(&Hour::of(at).compact()), Some(Hour::of(at)));
        }
    }
}
