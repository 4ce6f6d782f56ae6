//! As much of the protocol buffers' encoding as OTLP's logs need.

/// A message that is being written.
#[derive(Debug, Default)]
pub(crate) struct Message(Vec<u8>);

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const LENGTH: u32 = 2;
const FIXED32: u32 = 5;

impl Message {
    /// An integer or enumerator. Zero is what an absent one means.
    pub(crate) fn integer(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.key(field, VARINT);
            self.varint(value);
        }
    }

    /// 64 bits of fixed length.
    pub(crate) fn fixed64(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.key(field, FIXED64);
            self.0.extend_from_slice(&value.to_le_bytes());
        }
    }

    /// A text. An empty one is what an absent one means.
    pub(crate) fn text(&mut self, field: u32, value: &str) {
        if !value.is_empty() {
            self.bytes(field, value.as_bytes());
        }
    }

    /// A message, whatever it holds.
    pub(crate) fn message(&mut self, field: u32, inner: &Self) {
        self.bytes(field, &inner.0);
    }

    /// An empty one in the memory of `buffer`, which is empty, with room for `length` bytes.
    pub(crate) fn within(mut buffer: Vec<u8>, length: usize) -> Self {
        buffer.reserve(length);
        Self(buffer)
    }

    /// The beginning of a message of `length` bytes, which come next.
    pub(crate) fn begin(&mut self, field: u32, length: usize) {
        self.key(field, LENGTH);
        self.varint(wide(length));
    }

    /// What was written already, as it is.
    pub(crate) fn ready(&mut self, fields: &Self) {
        self.0.extend_from_slice(&fields.0);
    }

    /// Its length.
    pub(crate) fn length(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn bytes(&mut self, field: u32, bytes: &[u8]) {
        self.begin(field, bytes.len());
        self.0.extend_from_slice(bytes);
    }

    fn key(&mut self, field: u32, kind: u32) {
        self.varint(u64::from(field << 3 | kind));
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(u8::try_from(value & 0x7f).unwrap_or(0) | 0x80);
            value >>= 7;
        }
        self.0.push(u8::try_from(value).unwrap_or(0));
    }
}

/// The length of a field that holds `length` bytes, of a number below 16.
pub(crate) fn length_of(length: usize) -> usize {
    let bits = usize::BITS.saturating_sub(length.leading_zeros()).max(1);
    1 + usize::try_from(bits.div_ceil(7)).unwrap_or_default() + length
}

fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// A field's value that was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message, in their order; `None` as the last one when it is none.
pub(crate) fn fields(mut bytes: &[u8]) -> impl Iterator<Item = Option<(u64, Value<'_>)>> {
    let mut broken = false;
    std::iter::from_fn(move || {
        if bytes.is_empty() || broken {
            return None;
        }
        let field = next_field(&mut bytes);
        broken = field.is_none();
        Some(field)
    })
}

fn next_field<'a>(bytes: &mut &'a [u8]) -> Option<(u64, Value<'a>)> {
    let key = next_varint(bytes)?;
    let mut take = |count: usize| {
        let (taken, rest) = bytes.split_at_checked(count)?;
        *bytes = rest;
        Some(taken)
    };
    let value = match u32::try_from(key & 7).ok()? {
        FIXED64 => Value::Number(u64::from_le_bytes(take(8)?.try_into().ok()?)),
        FIXED32 => Value::Number(u64::from(u32::from_le_bytes(take(4)?.try_into().ok()?))),
        VARINT => Value::Number(next_varint(bytes)?),
        LENGTH => {
            let count = usize::try_from(next_varint(bytes)?).ok()?;
            let (taken, rest) = bytes.split_at_checked(count)?;
            *bytes = rest;
            Value::Bytes(taken)
        }
        _ => return None,
    };
    Some((key >> 3, value))
}

fn next_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value: u64 = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut inner = Message::default();
        inner.text(1, "a");
        let mut message = Message::default();
        message.integer(1, 150);
        message.fixed64(2, u64::MAX);
        message.text(3, "");
        message.message(4, &inner);
        message.integer(16, u64::MAX);
        let bytes = message.into_bytes();
        assert_eq!(bytes.get(..3), Some([0x08, 0x96, 0x01].as_slice()));
        let read: Vec<_> = fields(&bytes).map(Option::unwrap).collect();
        assert_eq!(
            read,
            [
                (1, Value::Number(150)),
                (2, Value::Number(u64::MAX)),
                (4, Value::Bytes(b"\x0a\x01a")),
                (16, Value::Number(u64::MAX)),
            ]
        );
        assert_eq!(fields(&[0x08]).collect::<Vec<_>>(), [None]);
        assert_eq!(fields(&[0x0a, 5, 1]).collect::<Vec<_>>(), [None]);
    }
}
