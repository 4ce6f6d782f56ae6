//! Writing JSON straight into a buffer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use strongroom_types::{SecretBuffer, SecretBytes, SecretText, Timestamp};

use super::escape::append_string;
use crate::forms::Double;
use crate::timestamps;
use crate::writer::Writer;

/// A writer of compact JSON with instants as seconds since the epoch and bytes in base64.
#[derive(Debug, Default)]
pub struct JsonWriter {
    out: SecretBuffer,
    /// Whether the next member, element or key follows another.
    comma: bool,
}

impl JsonWriter {
    /// A writer whose buffer holds `bytes` before it grows.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self { out: SecretBuffer::with_capacity(bytes), comma: false }
    }

    /// What was written. It is wiped when dropped: it may hold secrets.
    #[must_use]
    pub fn finish(self) -> SecretBytes {
        self.out.into_secret()
    }

    /// What was written, for those who wrote nothing secret.
    #[must_use]
    pub fn finish_public(self) -> Vec<u8> {
        self.out.into_public()
    }

    /// Writes a name, with its comma and colon, that needs no escapes.
    pub(crate) fn name(&mut self, name: &str) {
        self.separate();
        self.out.reserve(name.len() + 3);
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    fn separate(&mut self) {
        if self.comma {
            self.out.push(b',');
        }
        self.comma = true;
    }

    fn begin(&mut self, bracket: u8) {
        self.out.push(bracket);
        self.comma = false;
    }

    fn end(&mut self, bracket: u8) {
        self.out.push(bracket);
        self.comma = true;
    }

    fn base64(&mut self, bytes: &[u8]) {
        self.out.push(b'"');
        let length = bytes.len().div_ceil(3) * 4;
        self.out.append_with(length, |place| {
            let written = STANDARD.encode_slice(bytes, place);
            debug_assert_eq!(written, Ok(length), "base64 takes four bytes for each three begun");
            length
        });
        self.out.push(b'"');
    }
}

impl Writer for JsonWriter {
    fn begin_structure(&mut self) {
        self.begin(b'{');
    }

    fn end_structure(&mut self) {
        self.end(b'}');
    }

    fn member(&mut self, name: &'static str, _record_name: &'static str) {
        self.name(name);
    }

    fn begin_list(&mut self, _element: &'static str, _flattened: bool) {
        self.begin(b'[');
    }

    fn element(&mut self) {
        self.separate();
    }

    fn end_list(&mut self) {
        self.end(b']');
    }

    fn begin_map(&mut self, _key: &'static str, _value: &'static str, _flattened: bool) {
        self.begin(b'{');
    }

    fn key(&mut self, key: &str) {
        self.separate();
        append_string(&mut self.out, key);
        self.out.push(b':');
    }

    fn end_map(&mut self) {
        self.end(b'}');
    }

    fn text(&mut self, value: &str) {
        append_string(&mut self.out, value);
    }

    fn secret_text(&mut self, value: &SecretText) {
        append_string(&mut self.out, value.expose());
    }

    fn blob(&mut self, value: &[u8]) {
        self.base64(value);
    }

    fn secret_bytes(&mut self, value: &SecretBytes) {
        self.base64(value.expose());
    }

    fn long(&mut self, value: i64) {
        self.out.extend_from_slice(value.to_string().as_bytes());
    }

    fn double(&mut self, value: f64) {
        let text = Double::print(value);
        if value.is_finite() {
            self.out.extend_from_slice(text.as_bytes());
        } else {
            append_string(&mut self.out, &text);
        }
    }

    fn boolean(&mut self, value: bool) {
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    fn timestamp(&mut self, value: Timestamp) {
        timestamps::push_seconds(&mut self.out, value);
    }
}
