//! A part of a file in memory.

use std::ffi::c_void;
use std::fs::File;
use std::num::NonZeroUsize;
use std::ptr::NonNull;

use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

/// A mapping, undone when dropped.
pub struct Map {
    base: NonNull<c_void>,
    mapped: usize,
    skip: usize,
}

impl Map {
    /// Maps so many bytes from `start`.
    pub fn new(file: &File, start: usize, length: usize) -> std::io::Result<Self> {
        let skip = start % 4096;
        let mapped = length + skip;
        let size = NonZeroUsize::new(mapped).ok_or(std::io::ErrorKind::InvalidInput)?;
        let offset = i64::try_from(start - skip).map_err(std::io::Error::other)?;
        // Not MAP_POPULATE: the kernel maps what surrounds a fault by itself, three times as fast.
        let flags = MapFlags::MAP_SHARED;
        // SAFETY: a new mapping, placed by the kernel; nobody writes the file meanwhile.
        let base = unsafe { mmap(None, size, ProtFlags::PROT_READ, flags, file, offset)? };
        Ok(Self { base, mapped, skip })
    }

    /// What was asked for.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: `mapped` bytes are mapped at `base` until this is dropped.
        let all =
            unsafe { std::slice::from_raw_parts(self.base.as_ptr().cast::<u8>(), self.mapped) };
        &all[self.skip..]
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: made by `mmap` with this length, and no reference outlives `self`.
        unsafe { munmap(self.base, self.mapped) }.expect("a mapping can be undone");
    }
}
