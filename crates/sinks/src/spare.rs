//! Memory for what is sent, used again for the next of it: to get a megabyte from the system and give it back costs as much
//! as filling it.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// The longest that is kept, in bytes.
const KEPT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// One buffer, or none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spare(Arc<Mutex<Vec<u8>>>);

/// A buffer that comes back when nobody needs its bytes any more.
struct Lent {
    bytes: Vec<u8>,
    home: Spare,
}

impl Spare {
    /// An empty buffer.
    pub(crate) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The bytes, without a copy, whose buffer is the next to be taken once they are let go.
    pub(crate) fn lend(&self, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(Lent { bytes, home: self.clone() })
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        if bytes.capacity() <= KEPT_BYTES_MAX {
            *self.home.0.lock().unwrap_or_else(PoisonError::into_inner) = bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_empty_unless_it_is_too_long_to_be_kept() {
        let spare = Spare::default();
        let mut bytes = spare.take();
        bytes.extend_from_slice(b"first");
        let (place, lent) = (bytes.as_ptr(), spare.lend(bytes));
        assert!(&*lent == b"first" && spare.take().capacity() == 0);
        drop(lent);
        let again = spare.take();
        assert!(again.is_empty() && again.as_ptr() == place);
        drop(spare.lend(Vec::with_capacity(KEPT_BYTES_MAX + 1)));
        assert_eq!(spare.take().capacity(), 0);
    }
}
