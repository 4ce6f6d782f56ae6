//! Writes shapes in CBOR (RFC 8949). Structures, lists and maps end with a break, as their length is not known ahead.

use strongroom_types::{SecretBuffer, SecretBytes, SecretText, Timestamp};

use crate::writer::Writer;

/// A writer of CBOR.
#[derive(Debug)]
pub struct CborWriter {
    out: SecretBuffer,
}

impl CborWriter {
    /// A writer with room for `capacity` bytes.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { out: SecretBuffer::with_capacity(capacity) }
    }

    /// What was written.
    #[must_use]
    pub fn finish(self) -> SecretBytes {
        self.out.into_secret()
    }

    /// What was written, where nothing of it is secret.
    #[must_use]
    pub fn finish_public(self) -> Vec<u8> {
        self.out.into_public()
    }

    fn head(&mut self, major: u8, argument: u64) {
        let first = major << 5;
        let bytes = argument.to_be_bytes();
        let (short, from) = match argument {
            0..=23 => (None, 8),
            24..=0xff => (Some(24), 7),
            0x100..=0xffff => (Some(25), 6),
            0x1_0000..=0xffff_ffff => (Some(26), 4),
            _ => (Some(27), 0),
        };
        self.out.push(first | short.unwrap_or(bytes[7]));
        self.out.extend_from_slice(bytes.get(from..).unwrap_or_default());
    }

    fn span(&mut self, major: u8, bytes: &[u8]) {
        self.head(major, u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.out.extend_from_slice(bytes);
    }

    fn float(&mut self, value: f64) {
        self.out.push(0xfb);
        self.out.extend_from_slice(&value.to_bits().to_be_bytes());
    }
}

impl Writer for CborWriter {
    fn begin_structure(&mut self) {
        self.out.push(0xbf);
    }

    fn end_structure(&mut self) {
        self.out.push(0xff);
    }

    fn member(&mut self, name: &'static str, _record_name: &'static str) {
        self.span(3, name.as_bytes());
    }

    fn begin_list(&mut self, _element: &'static str, _flattened: bool) {
        self.out.push(0x9f);
    }

    fn element(&mut self) {}

    fn end_list(&mut self) {
        self.out.push(0xff);
    }

    fn begin_map(&mut self, _key: &'static str, _value: &'static str, _flattened: bool) {
        self.out.push(0xbf);
    }

    fn key(&mut self, key: &str) {
        self.span(3, key.as_bytes());
    }

    fn end_map(&mut self) {
        self.out.push(0xff);
    }

    fn text(&mut self, value: &str) {
        self.span(3, value.as_bytes());
    }

    fn secret_text(&mut self, value: &SecretText) {
        self.span(3, value.expose().as_bytes());
    }

    fn blob(&mut self, value: &[u8]) {
        self.span(2, value);
    }

    fn secret_bytes(&mut self, value: &SecretBytes) {
        self.span(2, value.expose());
    }

    fn long(&mut self, value: i64) {
        match u64::try_from(value) {
            Ok(value) => self.head(0, value),
            // -1 is 0, -2 is 1: all bits turned.
            Err(_) => self.head(1, u64::from_ne_bytes((!value).to_ne_bytes())),
        }
    }

    fn double(&mut self, value: f64) {
        self.float(value);
    }

    fn boolean(&mut self, value: bool) {
        self.out.push(if value { 0xf5 } else { 0xf4 });
    }

    fn timestamp(&mut self, value: Timestamp) {
        self.out.push(0xc1);
        let millis = value.millis();
        if millis % 1000 == 0 {
            self.long(millis / 1000);
        } else {
            #[expect(clippy::cast_precision_loss, reason = "instants within 100 000 years are below 2^52 ms")]
            self.float(millis as f64 / 1000.0);
        }
    }
}
