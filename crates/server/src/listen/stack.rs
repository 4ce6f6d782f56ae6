//! What calls leave on a thread's stack: pieces of values stay there until other calls come to lie over them.

use std::hint::black_box;

/// Bytes of the stack that are wiped: more than requests were seen to reach. Without optimization their frames are several
/// times as large.
const BYTES: usize = if cfg!(debug_assertions) { 640 * 1024 } else { 128 * 1024 };

/// Wipes what calls that have returned left on the stack of this thread. Takes some microseconds.
#[inline(never)]
#[expect(clippy::large_stack_arrays, reason = "that much of the stack is what it is for")]
pub(super) fn wipe() {
    let mut area = [0_u8; BYTES];
    // As far as the compiler knows somebody looks at it.
    black_box(&mut area);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Leaves a mark in its frame, and says where.
    #[inline(never)]
    fn leave(mark: u8) -> usize {
        let mut bytes = [mark; 64];
        black_box(&mut bytes).as_ptr().addr()
    }

    #[test]
    fn it_reaches_to_where_calls_leave_something() {
        #[inline(never)]
        fn place() -> usize {
            let mut area = [0_u8; BYTES];
            black_box(&mut area).as_ptr().addr()
        }
        wipe();
        let (left, lowest) = (leave(7), place());
        assert!((lowest..lowest + BYTES).contains(&left), "{left:x} {lowest:x}");
    }
}
