//! Buffers that are used again by the same thread, and wiped in between: what was read may be a key.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

use zeroize::optimization_barrier;

/// Buffers that a thread keeps: one for the file and a few for what is packed in it.
const KEPT: usize = 4;

thread_local! {
    static KEPT_BUFFERS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Zeros to read into. Those that were touched are zeros again when it is dropped.
pub(super) struct Buffer {
    bytes: Vec<u8>,
    touched: usize,
}

impl Buffer {
    /// A buffer of `length` bytes, an old one of this thread's if there is one of that length.
    ///
    /// Fresh memory costs a page fault in 4 KiB, which is more than reading a small file.
    pub(super) fn take(length: usize) -> Self {
        let kept = KEPT_BUFFERS.with_borrow_mut(|kept| {
            let at = kept.iter().rposition(|bytes| bytes.len() == length)?;
            Some(kept.swap_remove(at))
        });
        Self {
            bytes: kept.unwrap_or_else(|| vec![0; length]),
            touched: 0,
        }
    }

    /// Says that bytes up to here were written.
    pub(super) fn touch(&mut self, end: usize) {
        self.touched = self.touched.max(end);
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        if let Some(touched) = bytes.get_mut(..self.touched) {
            touched.fill(0);
            optimization_barrier(touched);
        }
        // A thread that is ending has no place for it any more: it is freed, wiped as it is.
        let _ = KEPT_BUFFERS.try_with(|kept| {
            let mut kept = kept.borrow_mut();
            if kept.len() < KEPT {
                kept.push(bytes);
            }
        });
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_gone_when_the_buffer_comes_back() {
        let mut first = Buffer::take(1000);
        first[..600].fill(7);
        first.touch(600);
        let place = first.as_ptr();
        drop(first);
        let second = Buffer::take(1000);
        assert_eq!(second.as_ptr(), place, "it is the same memory");
        assert!(second.iter().all(|byte| *byte == 0));
    }
}
