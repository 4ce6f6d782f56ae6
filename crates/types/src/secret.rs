//! Secret material: types that cannot be printed and wipe their memory when dropped.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// A vector whose whole memory is wiped on drop, at once and not byte by byte.
#[derive(Clone, Default)]
struct Wiped(Vec<u8>);

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
        self.0.spare_capacity_mut().zeroize();
    }
}

impl Wiped {
    fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}

/// Secret bytes. `Debug` shows only the length; the memory is wiped on drop; equality takes constant time.
#[derive(Clone, Default)]
pub struct SecretBytes(Wiped);

impl SecretBytes {
    /// Takes ownership of `bytes`; the buffer is wiped when the value is dropped.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Wiped(bytes))
    }

    /// The plaintext. Whoever calls this must not print, log or store what it returns.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0.0
    }

    /// Number of bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.0.len()
    }

    /// Whether there is no byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.0.is_empty()
    }
}

impl From<Vec<u8>> for SecretBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes)
    }
}

impl PartialEq for SecretBytes {
    fn eq(&self, other: &Self) -> bool {
        self.expose().ct_eq(other.expose()).into()
    }
}

impl Eq for SecretBytes {}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBytes({} bytes)", self.len())
    }
}

/// Secret text in UTF-8. `Debug` shows only the length; the memory is wiped on drop; equality takes constant time.
#[derive(Clone, Default)]
pub struct SecretText(String);

impl Drop for SecretText {
    fn drop(&mut self) {
        drop(Wiped(std::mem::take(&mut self.0).into_bytes()));
    }
}

impl SecretText {
    /// Takes ownership of `text`; the buffer is wiped when the value is dropped.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text of secret bytes; none when they are not UTF-8.
    #[must_use]
    pub fn from_utf8(mut bytes: SecretBytes) -> Option<Self> {
        std::str::from_utf8(bytes.expose()).ok()?;
        String::from_utf8(bytes.0.take()).ok().map(Self::new)
    }

    /// The plaintext. Whoever calls this must not print, log or store what it returns.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Number of bytes in UTF-8.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no character.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl PartialEq for SecretText {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for SecretText {}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretText({} bytes)", self.0.len())
    }
}

/// Bytes under construction that may be secret: a buffer that grows leaves no copy behind, and is wiped when dropped.
#[derive(Default)]
pub struct SecretBuffer(Wiped);

impl SecretBuffer {
    /// A buffer that holds `bytes` before it grows.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Wiped(Vec::with_capacity(bytes)))
    }

    /// Makes room for `bytes` more. Growing by hand, since a vector that grows by itself frees its old bytes unwiped.
    pub fn reserve(&mut self, bytes: usize) {
        self.reserve_within(bytes, usize::MAX);
    }

    /// Makes room for `bytes` more, and not for more than `expected` in all unless these need it.
    pub fn reserve_within(&mut self, bytes: usize, expected: usize) {
        if bytes > self.0.0.capacity() - self.0.0.len() {
            self.grow(bytes, expected);
        }
    }

    #[cold]
    fn grow(&mut self, bytes: usize, expected: usize) {
        let old = &self.0.0;
        let capacity = old.len().saturating_add(bytes).max(old.capacity().saturating_mul(2).min(expected));
        let mut wider = Vec::with_capacity(capacity);
        wider.extend_from_slice(old);
        self.0 = Wiped(wider);
    }

    /// Appends a byte.
    pub fn push(&mut self, byte: u8) {
        self.reserve(1);
        self.0.0.push(byte);
    }

    /// Appends bytes.
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        self.0.0.extend_from_slice(bytes);
    }

    /// Appends up to `bytes_max` bytes that `write` puts into the place it is given, which is zero before; `write` says
    /// how many it wrote.
    pub fn append_with(&mut self, bytes_max: usize, write: impl FnOnce(&mut [u8]) -> usize) {
        self.reserve(bytes_max);
        let bytes = &mut self.0.0;
        let start = bytes.len();
        bytes.resize(start + bytes_max, 0);
        let written = bytes.get_mut(start..).map_or(0, write);
        bytes.truncate(start + written.min(bytes_max));
    }

    /// Number of bytes that it has room for without growing.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.0.capacity()
    }

    /// Number of bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.0.len()
    }

    /// Whether there is no byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.0.is_empty()
    }

    /// The bytes as secret ones.
    #[must_use]
    pub fn into_secret(self) -> SecretBytes {
        SecretBytes(self.0)
    }

    /// The bytes as ordinary ones, for those who know that none is secret.
    #[must_use]
    pub fn into_public(mut self) -> Vec<u8> {
        self.0.take()
    }
}

impl fmt::Debug for SecretBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBuffer({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_keeps_what_was_appended_through_its_growth() {
        let mut buffer = SecretBuffer::with_capacity(2);
        buffer.push(b'a');
        buffer.extend_from_slice(b"bcd");
        buffer.append_with(4, |place| {
            place[..2].copy_from_slice(b"ef");
            2
        });
        buffer.append_with(2, |_| 9);
        assert_eq!(buffer.into_secret().expose(), b"abcdef\0\0");
    }

    #[test]
    fn debug_shows_no_plaintext() {
        assert_eq!(format!("{:?}", SecretText::new("hunter2".into())), "SecretText(7 bytes)");
        assert_eq!(format!("{:?}", SecretBytes::new(b"hunter2".to_vec())), "SecretBytes(7 bytes)");
    }

    #[test]
    fn equality_is_of_content() {
        assert_eq!(SecretText::new("a".into()), SecretText::new("a".into()));
        assert_ne!(SecretText::new("a".into()), SecretText::new("ab".into()));
    }
}
