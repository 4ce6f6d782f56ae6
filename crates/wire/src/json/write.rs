//! Writing JSON straight into a buffer.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use strongroom_types::{SecretBytes, SecretText, Timestamp};

use crate::forms::Double;
use crate::scan::{is_special, plain_prefix};
use crate::timestamps;
use crate::writer::Writer;

/// A writer of compact JSON with instants as seconds since the epoch and bytes in base64.
#[derive(Debug, Default)]
pub struct JsonWriter {
    out: Vec<u8>,
    /// Whether the next member, element or key follows another.
    comma: bool,
}

impl JsonWriter {
    /// A writer whose buffer holds `bytes` before it grows.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self { out: Vec::with_capacity(bytes), comma: false }
    }

    /// What was written.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.out
    }

    /// Writes a name, with its comma and colon, that needs no escapes.
    pub(crate) fn name(&mut self, name: &str) {
        self.separate();
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
        let start = self.out.len();
        let length = bytes.len().div_ceil(3) * 4;
        self.out.resize(start + length, 0);
        let written = self.out.get_mut(start..).map(|place| STANDARD.encode_slice(bytes, place));
        debug_assert_eq!(written, Some(Ok(length)), "base64 takes four bytes for each three begun");
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
        push_string(&mut self.out, key);
        self.out.push(b':');
    }

    fn end_map(&mut self) {
        self.end(b'}');
    }

    fn text(&mut self, value: &str) {
        push_string(&mut self.out, value);
    }

    fn secret_text(&mut self, value: &SecretText) {
        push_string(&mut self.out, value.expose());
    }

    fn blob(&mut self, value: &[u8]) {
        self.base64(value);
    }

    fn secret_bytes(&mut self, value: &SecretBytes) {
        self.base64(value.expose());
    }

    fn long(&mut self, value: i64) {
        // Writing to a vector cannot fail.
        let _ = write!(self.out, "{value}");
    }

    fn double(&mut self, value: f64) {
        let text = Double::print(value);
        if value.is_finite() {
            self.out.extend_from_slice(text.as_bytes());
        } else {
            push_string(&mut self.out, &text);
        }
    }

    fn boolean(&mut self, value: bool) {
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    fn timestamp(&mut self, value: Timestamp) {
        timestamps::push_seconds(&mut self.out, value);
    }
}

/// Plain bytes after an escape that are copied one by one; a longer run is copied whole.
const RUN: usize = 8;

/// Appends `text` as a JSON string.
pub fn push_string(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + text.len() / 8 + 2);
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some((plain, special)) = rest.split_at_checked(plain_prefix(rest)) {
        out.extend_from_slice(plain);
        rest = push_escapes(out, special);
        if rest.is_empty() {
            break;
        }
    }
    out.push(b'"');
}

/// Appends bytes until none of [`RUN`] in a row needed an escape, and gives what is left. Text full of quotes, such as
/// JSON, has its escapes so close together that looking for the next one would cost more than copying.
fn push_escapes<'t>(out: &mut Vec<u8>, text: &'t [u8]) -> &'t [u8] {
    let mut run = 0;
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        if is_special(*byte) {
            push_escape(out, *byte);
            run = 0;
        } else {
            out.push(*byte);
            run += 1;
        }
        rest = after;
        if run == RUN {
            break;
        }
    }
    rest
}

fn push_escape(out: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        8 => b'b',
        12 => b'f',
        _ => {
            // Writing to a vector cannot fail.
            let _ = write!(out, "\\u{byte:04x}");
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}
