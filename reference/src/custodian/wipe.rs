//! Memory that is given back holds nothing any more. Main type: [`WipingAllocator`].
//!
//! A private key passes through buffers that nobody here owns: those of PKCS#8, PEM, JSON, HTTP and TLS. Instead of trusting
//! each of them, the custodian lets the allocator overwrite whatever is freed.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, Ordering};

/// The system's allocator, which overwrites what it takes back once `switch_on` was called.
pub struct WipingAllocator(());

/// One switch for the process, as there is one global allocator.
static WIPES: AtomicBool = AtomicBool::new(false);

impl WipingAllocator {
    /// For `#[global_allocator]`.
    pub const fn new() -> Self {
        Self(())
    }

    /// From now on every block is overwritten before it is given back. There is no way back.
    pub(crate) fn switch_on() {
        WIPES.store(true, Ordering::SeqCst);
    }
}

impl Default for WipingAllocator {
    fn default() -> Self {
        Self::new()
    }
}

/// Overwrites memory so that no optimiser leaves it out.
///
/// # Safety
/// `length` bytes from `start` on must be the caller's to write.
pub(super) unsafe fn wipe(start: *mut u8, length: usize) {
    // SAFETY: as the caller promises.
    unsafe { nix::libc::explicit_bzero(start.cast(), length) }
}

// SAFETY: every call is handed on to `System` with its own arguments; what is written to beforehand is a block that its
// owner gives back with this layout.
unsafe impl GlobalAlloc for WipingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises; the block is `layout.size()` bytes long.
        unsafe {
            if WIPES.load(Ordering::Relaxed) {
                wipe(block, layout.size());
            }
            System.dealloc(block, layout);
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if !WIPES.load(Ordering::Relaxed) {
            // SAFETY: as the caller promises.
            return unsafe { System.realloc(block, layout, new_size) };
        }
        // SAFETY: the caller promises that `new_size` fits this alignment. The system's own way might move the content and
        // leave the old place as it is.
        unsafe {
            let new = System.alloc(Layout::from_size_align_unchecked(new_size, layout.align()));
            if !new.is_null() {
                std::ptr::copy_nonoverlapping(block, new, layout.size().min(new_size));
                self.dealloc(block, layout);
            }
            new
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wiped_memory_is_zero() {
        let mut secret = [7_u8; 100];
        // SAFETY: it is this function's own array.
        unsafe { wipe(secret.as_mut_ptr().add(1), 98) };
        assert_eq!((secret[0], secret[99]), (7, 7));
        assert_eq!(secret[1..99], [0; 98]);
    }
}
