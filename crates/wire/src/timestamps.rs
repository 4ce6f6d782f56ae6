//! Instants as text: seconds with a fraction, ISO 8601, and the form of audit records.

use jiff::tz::Offset;
use strongroom_types::{SecretBuffer, Timestamp};

/// Digits of the longest number of milliseconds, its point and its sign.
const SECONDS_BYTES_MAX: usize = 24;

/// Appends seconds since the epoch with at most three decimals: `1523477145.713`, `1523477145`.
pub fn push_seconds(out: &mut SecretBuffer, value: Timestamp) {
    let millis = value.millis();
    let mut text = [0; SECONDS_BYTES_MAX];
    // From the end of the text backwards.
    let mut at = text.len();
    let mut put = |byte: u8| {
        at -= 1;
        if let Some(place) = text.get_mut(at) {
            *place = byte;
        }
    };
    let digit = |number: u64| b'0' + u8::try_from(number % 10).unwrap_or(0);
    let (mut seconds, mut fraction) = (millis.unsigned_abs() / 1000, millis.unsigned_abs() % 1000);
    if fraction > 0 {
        let mut decimals = 3;
        while fraction % 10 == 0 {
            fraction /= 10;
            decimals -= 1;
        }
        for _ in 0..decimals {
            put(digit(fraction));
            fraction /= 10;
        }
        put(b'.');
    }
    loop {
        put(digit(seconds));
        seconds /= 10;
        if seconds == 0 {
            break;
        }
    }
    if millis < 0 {
        put(b'-');
    }
    out.extend_from_slice(text.get(at..).unwrap_or_default());
}

/// Reads seconds since the epoch, rounded to milliseconds.
#[must_use]
pub fn parse_seconds(text: &str) -> Option<Timestamp> {
    let millis = (text.parse::<f64>().ok()? * 1000.0).round();
    // Up to 2^50, which is 35 000 years, a double of seconds tells every millisecond from the next.
    let exact = millis.abs() <= 1_125_899_906_842_624.0;
    #[expect(clippy::cast_possible_truncation, reason = "the magnitude was checked and the fraction rounded")]
    exact.then_some(Timestamp::from_millis(millis as i64))
}

/// `2018-04-11T20:05:45.713Z`; empty outside the years -9999 to 9999.
#[must_use]
pub fn iso(value: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(value.millis()).map_or_else(|_| String::new(), |instant| instant.to_string())
}

/// Reads `2018-04-11T20:05:45.713Z` or the same with an offset.
#[must_use]
pub fn parse_iso(text: &str) -> Option<Timestamp> {
    let instant: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp::from_millis(instant.as_millisecond()))
}

/// `Apr 11, 2018 8:05:45 PM`, as CloudTrail writes members that are instants, with or without a `comma` after the year;
/// empty outside the years -9999 to 9999.
#[must_use]
pub fn record(value: Timestamp, comma: bool) -> String {
    let form = if comma { "%b %-d, %Y, %-I:%M:%S %p" } else { "%b %-d, %Y %-I:%M:%S %p" };
    let instant = jiff::Timestamp::from_millisecond(value.millis());
    instant.map_or_else(|_| String::new(), |instant| Offset::UTC.to_datetime(instant).strftime(form).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(millis: i64) -> String {
        let mut out = SecretBuffer::default();
        push_seconds(&mut out, Timestamp::from_millis(millis));
        String::from_utf8(out.into_public()).expect("text")
    }

    #[test]
    fn seconds_have_no_needless_digits() {
        let cases = [
            (1_523_477_145_713, "1523477145.713"),
            (1_523_477_145_710, "1523477145.71"),
            (1_523_477_145_700, "1523477145.7"),
            (1_523_477_145_013, "1523477145.013"),
            (1_523_477_145_010, "1523477145.01"),
            (1_523_477_145_000, "1523477145"),
            (0, "0"),
            (-1, "-0.001"),
            (-1500, "-1.5"),
        ];
        for (millis, text) in cases {
            assert_eq!(seconds(millis), text);
            assert_eq!(parse_seconds(text), Some(Timestamp::from_millis(millis)));
        }
        assert_eq!(seconds(i64::MIN), "-9223372036854775.808");
    }

    #[test]
    fn seconds_are_read_in_every_form_of_a_number() {
        assert_eq!(parse_seconds("1.523477145713E9"), Some(Timestamp::from_millis(1_523_477_145_713)));
        for bad in ["", "now", "1e300", "inf", "NaN"] {
            assert_eq!(parse_seconds(bad), None, "{bad}");
        }
    }

    #[test]
    fn iso_and_record_forms() {
        let instant = Timestamp::from_millis(1_525_369_862_000);
        assert_eq!(iso(instant), "2018-05-03T17:51:02Z");
        assert_eq!(parse_iso("2018-05-03T19:51:02+02:00"), Some(instant));
        assert_eq!(parse_iso("yesterday"), None);
        assert_eq!(record(instant, false), "May 3, 2018 5:51:02 PM");
        assert_eq!(record(instant, true), "May 3, 2018, 5:51:02 PM");
        assert_eq!(iso(Timestamp::from_millis(1)), "1970-01-01T00:00:00.001Z");
        assert_eq!(iso(Timestamp::from_millis(i64::MAX)), "");
    }
}
