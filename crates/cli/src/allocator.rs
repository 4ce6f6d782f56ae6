//! The process's allocator: mimalloc, called the short way.
//!
//! The crate that wraps it as a Rust allocator asks for an alignment with every allocation, which takes the library's
//! long way for all that is not small; nearly nothing needs more than what each of its blocks has anyway.
#![expect(unsafe_code, reason = "the language's contract of an allocator, and a C library behind it, are unsafe")]

use std::alloc::{GlobalAlloc, Layout};

use libmimalloc_sys::{
    mi_free, mi_malloc, mi_malloc_aligned, mi_realloc, mi_realloc_aligned, mi_zalloc, mi_zalloc_aligned,
};

/// What a block of at least as many bytes is always aligned to (`MI_MAX_ALIGN_SIZE`); smaller ones to their size.
const ALIGN_ALWAYS: usize = 16;

/// mimalloc.
pub struct Allocator;

/// Whether any block of `size` bytes is aligned to `align`.
const fn is_aligned_anyway(size: usize, align: usize) -> bool {
    align <= ALIGN_ALWAYS && align <= size
}

// SAFETY: each method passes on what the caller promises to the method of the same meaning in the library, which gives
// null when there is no memory. A block that was given the short way may be freed and moved like any other.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: any size and any power of two are allowed.
        unsafe { if is_aligned_anyway(size, align) { mi_malloc(size) } else { mi_malloc_aligned(size, align) } }.cast()
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: any size and any power of two are allowed.
        unsafe { if is_aligned_anyway(size, align) { mi_zalloc(size) } else { mi_zalloc_aligned(size, align) } }.cast()
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, _layout: Layout) {
        // SAFETY: the caller promises that the block is one of this allocator's.
        unsafe { mi_free(block.cast()) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let (block, align) = (block.cast(), layout.align());
        // SAFETY: the caller promises that the block is one of this allocator's.
        let moved = unsafe {
            if is_aligned_anyway(size, align) {
                mi_realloc(block, size)
            } else {
                mi_realloc_aligned(block, size, align)
            }
        };
        moved.cast()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_aligned_and_keep_their_bytes_when_they_move() {
        for align in [1, 2, 4, 8, 16, 32, 64, 4096] {
            for size in [1, 7, 8, 15, 16, 17, 24, 31, 48, 100, 1023, 1500, 5000, 70_000, 3_000_000] {
                let layout = Layout::from_size_align(size, align).expect("a layout");
                let larger = size * 3 + 1;
                // SAFETY: the layouts are not empty, and blocks are used within their sizes and freed once.
                unsafe {
                    let block = Allocator.alloc(layout);
                    assert!(!block.is_null() && block.addr().is_multiple_of(align), "{size} {align}");
                    block.write_bytes(7, size);
                    let block = Allocator.realloc(block, layout, larger);
                    assert!(!block.is_null() && block.addr().is_multiple_of(align), "{size} {align}");
                    assert!(std::slice::from_raw_parts(block, size).iter().all(|byte| *byte == 7));
                    let layout = Layout::from_size_align(larger, align).expect("a layout");
                    Allocator.dealloc(block, layout);
                    let block = Allocator.alloc_zeroed(layout);
                    assert!(!block.is_null() && block.addr().is_multiple_of(align), "{size} {align}");
                    assert!(std::slice::from_raw_parts(block, larger).iter().all(|byte| *byte == 0));
                    Allocator.dealloc(block, layout);
                }
            }
        }
    }
}
