//! The `date` header, made once a second from the handed-in clock.
//!
//! Clients correct their clocks by this header, so it must show the clock that judges their signatures.

use arc_swap::ArcSwap;
use http::HeaderValue;
use jiff::fmt::rfc2822::DateTimePrinter;
use strongroom_types::Timestamp;

struct Second {
    seconds: i64,
    header: HeaderValue,
}

/// The header of the latest second asked for.
pub(super) struct DateHeader(ArcSwap<Second>);

impl DateHeader {
    pub(super) fn new() -> Self {
        Self(ArcSwap::from_pointee(Second::of(0)))
    }

    /// The header for `now`.
    pub(super) fn at(&self, now: Timestamp) -> HeaderValue {
        let seconds = now.seconds();
        let kept = self.0.load();
        if kept.seconds == seconds {
            return kept.header.clone();
        }
        let made = Second::of(seconds);
        let header = made.header.clone();
        self.0.store(std::sync::Arc::new(made));
        header
    }
}

impl Second {
    fn of(seconds: i64) -> Self {
        Self { seconds, header: header(seconds) }
    }
}

/// The date in the form of RFC 9110 section 5.6.7; the epoch for a second that no calendar has.
fn header(seconds: i64) -> HeaderValue {
    let instant = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    let text = DateTimePrinter::new().timestamp_to_rfc9110_string(&instant).ok();
    text.and_then(|text| HeaderValue::try_from(text).ok())
        .unwrap_or_else(|| HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_the_form_of_http() {
        let dates = DateHeader::new();
        assert_eq!(dates.at(Timestamp::from_seconds(784_111_777)), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(dates.at(Timestamp::from_millis(784_111_777_999)), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(dates.at(Timestamp::from_seconds(784_111_778)), "Sun, 06 Nov 1994 08:49:38 GMT");
        assert_eq!(dates.at(Timestamp::from_seconds(0)), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(dates.at(Timestamp::from_millis(i64::MAX)), "Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
