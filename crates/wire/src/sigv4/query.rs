//! Percent-encoding as signatures demand it, and the parts of a query.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

/// Everything but the unreserved characters of RFC 3986 is encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// In paths the slash stays.
const ENCODED_IN_PATH: &AsciiSet = &ENCODED.remove(b'/');

/// Appends `bytes`, percent-encoded as a name or value.
pub(super) fn push_encoded(out: &mut Vec<u8>, bytes: &[u8]) {
    for piece in percent_encode(bytes, ENCODED) {
        out.extend_from_slice(piece.as_bytes());
    }
}

/// Appends `text`, percent-encoded as a path.
pub(super) fn push_encoded_path(out: &mut Vec<u8>, text: &str) {
    for piece in percent_encode(text.as_bytes(), ENCODED_IN_PATH) {
        out.extend_from_slice(piece.as_bytes());
    }
}

/// The parameters of a query as they were sent: name and value, still encoded.
pub(super) fn parameters(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter(|piece| !piece.is_empty()).map(|piece| piece.split_once('=').unwrap_or((piece, "")))
}

/// Decodes a name or value; `+` is a space, as in forms.
pub(super) fn decode(raw: &str) -> Cow<'_, [u8]> {
    if raw.contains('+') {
        Cow::Owned(percent_decode_str(&raw.replace('+', " ")).collect())
    } else {
        percent_decode_str(raw).into()
    }
}

/// Decodes a name or value that should be text; bytes that are not UTF-8 become replacement characters.
pub(super) fn decode_text(raw: &str) -> Cow<'_, str> {
    match decode(raw) {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}
