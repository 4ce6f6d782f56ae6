//! What is left of bodies in the HTTP library's read buffers, kept so that it can be wiped.
//!
//! The library reads into a buffer of its own, hands out the body as parts of it that count their references, and
//! frees the buffer unwiped. Whoever has the last reference to a buffer may write to it: so a part is kept here after
//! it was copied, until the library and the request's header fields, which lie in the same buffer, have let go of it.
//! Then the buffer is wiped as far as anything came into it. The library lets go when it reads on and when the
//! connection ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use zeroize::Zeroize;

use super::marks::Marks;

/// Parts kept at most. More than one is there only while a request is under way, and when several parts lie in one
/// buffer: then only the last of them can be wiped, and has to be alone for it.
const PARTS_MAX: usize = 4;

/// Parts of buffers that are still in use elsewhere.
#[derive(Default)]
pub(crate) struct Remains {
    parts: Mutex<Vec<Bytes>>,
    /// Whether there are any: asked at each read.
    any: AtomicBool,
}

impl Remains {
    /// Keeps `part`, whose bytes have been copied or are not wanted, until its buffer can be wiped.
    pub(crate) fn keep(&self, part: Bytes) {
        // Nothing has no buffer, and so could never be wiped, but would keep a part from its place.
        if part.is_empty() {
            return;
        }
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        if parts.len() == PARTS_MAX {
            // Of parts in the same buffer the later ones remain, so that the buffer is wiped with the last of them.
            parts.remove(0);
        }
        parts.push(part);
        self.any.store(true, Ordering::Release);
    }

    /// Wipes the buffers that nothing else uses any more, as far as `marks` tell that they were filled.
    pub(super) fn wipe(&self, marks: &mut Marks) {
        if !self.any.load(Ordering::Acquire) {
            return;
        }
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        *parts = std::mem::take(&mut *parts).into_iter().filter_map(|part| wipe(part, marks).err()).collect();
        self.any.store(!parts.is_empty(), Ordering::Release);
    }
}

impl Drop for Remains {
    fn drop(&mut self) {
        // Parts in the same buffer are let go one after the other; the last one has it alone.
        for part in self.parts.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = wipe(part, &mut Marks::unknown());
        }
    }
}

/// Wipes the buffer that `part` lies in as far as it was filled and frees it; gives `part` back if the buffer is in use
/// elsewhere.
fn wipe(part: Bytes, marks: &mut Marks) -> Result<(), Bytes> {
    let mut buffer = part.try_into_mut()?;
    buffer.clear();
    // Takes back what lies before the part, if anything does.
    let _ = buffer.try_reclaim(buffer.capacity().saturating_add(1));
    let filled = marks.take(buffer.as_ptr().addr(), buffer.capacity());
    let room = buffer.spare_capacity_mut();
    match room.get_mut(..filled) {
        Some(filled) => filled.zeroize(),
        None => room.zeroize(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;

    /// A buffer as the HTTP library fills and divides it: a head, and two parts of a body.
    fn divided() -> (BytesMut, Bytes, Bytes, Bytes) {
        let mut buffer = BytesMut::with_capacity(64);
        buffer.extend_from_slice(b"headfirstsecond");
        let head = buffer.split_to(4).freeze();
        let first = buffer.split_to(5).freeze();
        let second = buffer.split_to(6).freeze();
        (buffer, head, first, second)
    }

    fn kept(remains: &Remains) -> usize {
        remains.parts.lock().unwrap().len()
    }

    #[test]
    fn a_buffer_is_given_up_when_the_last_other_user_lets_go() {
        let (buffer, head, first, second) = divided();
        let remains = Remains::default();
        drop(second);
        remains.keep(first);
        remains.wipe(&mut Marks::unknown());
        assert_eq!(kept(&remains), 1, "the library reads into it");
        drop(buffer);
        remains.wipe(&mut Marks::unknown());
        assert_eq!(kept(&remains), 1, "a header field lies in it");
        drop(head);
        remains.wipe(&mut Marks::unknown());
        assert_eq!(kept(&remains), 0);
    }

    #[test]
    fn the_whole_buffer_is_taken_back_from_its_last_part() {
        let (buffer, head, first, second) = divided();
        drop((buffer, head, first));
        let mut taken = second.try_into_mut().unwrap();
        taken.clear();
        assert!(taken.try_reclaim(taken.capacity() + 1), "the library of buffers gives back what lies before");
        assert_eq!(taken.capacity(), 64);
    }

    #[test]
    fn nothing_takes_no_place() {
        let remains = Remains::default();
        let (_buffer, _, first, _) = divided();
        remains.keep(first);
        for _ in 0..=PARTS_MAX {
            remains.keep(Bytes::new());
        }
        assert_eq!(kept(&remains), 1);
        assert_eq!(remains.parts.lock().unwrap()[0], "first");
    }

    #[test]
    fn parts_are_bounded() {
        let remains = Remains::default();
        let mut users = Vec::new();
        for _ in 0..=PARTS_MAX {
            let (buffer, _, first, _) = divided();
            users.push(buffer);
            remains.keep(first);
        }
        assert_eq!(kept(&remains), PARTS_MAX);
    }
}
