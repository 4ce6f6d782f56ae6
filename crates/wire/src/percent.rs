//! Text as it stands percent-encoded in answers, records and query strings.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What RFC 3986 reserves, which is all but letters, digits and four marks.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The text with everything percent-encoded that RFC 3986 reserves.
#[must_use]
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, &RESERVED).to_string()
}

/// The text of a value in a query string, where a plus is a space; none for what is no UTF-8.
#[must_use]
pub fn decoded(raw: &str) -> Option<String> {
    let spaced = raw.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_unreserved_stays() {
        assert_eq!(encoded("aZ09-._~"), "aZ09-._~");
        assert_eq!(encoded("{\"a\": \"*/+\n\"} é"), "%7B%22a%22%3A%20%22%2A%2F%2B%0A%22%7D%20%C3%A9");
    }

    #[test]
    fn what_is_encoded_decodes() {
        for text in ["", "aZ09-._~", "a+b c/é:!"] {
            assert_eq!(decoded(&encoded(text)).as_deref(), Some(text));
        }
        assert_eq!(decoded("a+b").as_deref(), Some("a b"));
        assert_eq!(decoded("%FF"), None);
    }
}
