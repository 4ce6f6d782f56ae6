//! Times as signatures write them: `20150830T123600Z`, ISO 8601 "basic format", always UTC.

use jiff::civil::DateTime;
use jiff::fmt::rfc2822;
use jiff::tz::Offset;
use strongroom_types::Timestamp;

/// Length of the text, in bytes.
const STAMP_LEN: usize = 16;

/// A time to the second, as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp([u8; STAMP_LEN]);

impl Stamp {
    /// The text of `at`; times that four-digit years cannot express are held at the ends of the range.
    pub(super) fn of(at: Timestamp) -> Self {
        let instant = jiff::Timestamp::from_second(at.seconds()).unwrap_or(jiff::Timestamp::MAX);
        let time = Offset::UTC.to_datetime(instant);
        let digit = |number: i16, unit: i16| b'0' + u8::try_from(number.max(0) / unit % 10).unwrap_or(0);
        let (year, month, day) = (time.year(), time.month().into(), time.day().into());
        let (hour, minute, second) = (time.hour().into(), time.minute().into(), time.second().into());
        Self([
            digit(year, 1000),
            digit(year, 100),
            digit(year, 10),
            digit(year, 1),
            digit(month, 10),
            digit(month, 1),
            digit(day, 10),
            digit(day, 1),
            b'T',
            digit(hour, 10),
            digit(hour, 1),
            digit(minute, 10),
            digit(minute, 1),
            digit(second, 10),
            digit(second, 1),
            b'Z',
        ])
    }

    /// Reads the text and the instant it names.
    pub(super) fn parse(text: &[u8]) -> Option<(Self, Timestamp)> {
        let stamp: [u8; STAMP_LEN] = text.try_into().ok()?;
        let [y1, y2, y3, y4, m1, m2, d1, d2, b'T', h1, h2, n1, n2, s1, s2, b'Z'] = stamp else { return None };
        let two = |tens: u8, ones: u8| {
            let both = tens.is_ascii_digit() && ones.is_ascii_digit();
            both.then(|| i8::try_from((tens - b'0') * 10 + (ones - b'0')).ok()).flatten()
        };
        let year = i16::from(two(y1, y2)?) * 100 + i16::from(two(y3, y4)?);
        let (month, day) = (two(m1, m2)?, two(d1, d2)?);
        let time = DateTime::new(year, month, day, two(h1, h2)?, two(n1, n2)?, two(s1, s2)?, 0).ok()?;
        let instant = Offset::UTC.to_timestamp(time).ok()?;
        Some((Self(stamp), Timestamp::from_seconds(instant.as_second())))
    }

    /// Reads a time in the form of HTTP's `Date` header: `Mon, 09 Sep 2011 23:36:00 GMT`.
    pub(super) fn parse_http(text: &[u8]) -> Option<(Self, Timestamp)> {
        // The day of the week is not part of what is signed; a wrong one does no harm.
        let parser = rfc2822::DateTimeParser::new().relaxed_weekday(true);
        let at = Timestamp::from_seconds(parser.parse_timestamp(text).ok()?.as_second());
        Some((Self::of(at), at))
    }

    /// The text.
    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The day: `20150830`.
    pub(super) fn date(&self) -> &str {
        self.as_str().split_once('T').map_or("", |(date, _)| date)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_instant_agree() {
        let (stamp, at) = Stamp::parse(b"20150830T123600Z").expect("time");
        assert_eq!(at, Timestamp::from_seconds(1_440_938_160));
        assert_eq!(Stamp::of(at), stamp);
        assert_eq!((stamp.as_str(), stamp.date()), ("20150830T123600Z", "20150830"));
    }

    #[test]
    fn impossible_times_are_refused() {
        for text in [
            "",
            "20150830",
            "20150830T123600",
            "20150830T123600z",
            "20150830 123600Z",
            "2015-08-30T12:36:00Z",
            "20151330T123600Z",
            "20150230T123600Z",
            "20150830T243600Z",
            "20150830T126000Z",
            "20150830T123660Z",
            "+0150830T123600Z",
            "20150830T123600Z ",
        ] {
            assert_eq!(Stamp::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn dates_of_http_are_read_whatever_their_weekday() {
        let (stamp, _) = Stamp::parse_http(b"Mon, 09 Sep 2011 23:36:00 GMT").expect("time");
        assert_eq!(stamp.as_str(), "20110909T233600Z");
        assert_eq!(Stamp::parse_http(b"yesterday"), None);
    }

    #[test]
    fn the_ends_of_time_have_a_text() {
        assert_eq!(Stamp::of(Timestamp::from_millis(i64::MAX)).as_str(), "99991230T220000Z");
        assert_eq!(Stamp::of(Timestamp::from_seconds(0)).as_str(), "19700101T000000Z");
    }
}
