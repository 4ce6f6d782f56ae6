//! Text as it stands percent-encoded in answers and records.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What RFC 3986 reserves, which is all but letters, digits and four marks.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The text with everything percent-encoded that RFC 3986 reserves.
#[must_use]
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, &RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_unreserved_stays() {
        assert_eq!(encoded("aZ09-._~"), "aZ09-._~");
        assert_eq!(encoded("{\"a\": \"*/+\n\"} é"), "%7B%22a%22%3A%20%22%2A%2F%2B%0A%22%7D%20%C3%A9");
    }
}
