//! Where a private key rests between its uses. Main type: [`Hold`].
//!
//! `memfd_secret` gives memory that the kernel itself no longer maps: neither another process nor a reader of
//! `/proc/PID/mem` nor a core dump gets at it. Where the kernel does not have it, the memory is locked and left out of dumps.

use std::num::NonZeroUsize;
use std::os::fd::{FromRawFd as _, OwnedFd};
use std::ptr::NonNull;

use nix::errno::Errno;
use nix::libc;
use nix::sys::mman::{
    MapFlags, MmapAdvise, ProtFlags, madvise, mlock, mmap, mmap_anonymous, munmap,
};

use super::wipe::wipe;

/// A few bytes in memory of their own, overwritten at the end.
pub(super) struct Hold {
    start: NonNull<libc::c_void>,
    /// Of the mapping, in whole pages.
    mapped: NonZeroUsize,
    length: usize,
}

/// How a [`Hold`] is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protection {
    /// `memfd_secret`.
    Secret,
    /// Locked, and left out of core dumps.
    Locked,
    /// Only left out of core dumps: the process may lock no more memory.
    Unlocked,
}

const PAGE: usize = 4096;

impl Hold {
    /// Takes a copy of these bytes. Whoever hands them over has to overwrite their own.
    pub(super) fn of(bytes: &[u8]) -> nix::Result<Self> {
        let mapped = NonZeroUsize::new(bytes.len().next_multiple_of(PAGE)).ok_or(Errno::EINVAL)?;
        let start = match secret_mapping(mapped) {
            Ok(start) => start,
            Err(_) => ordinary_mapping(mapped)?.0,
        };
        // SAFETY: the mapping is new, writable and at least as long as `bytes`.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), start.as_ptr().cast(), bytes.len());
        }
        Ok(Self {
            start,
            mapped,
            length: bytes.len(),
        })
    }

    /// What is held.
    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: the mapping is ours until it is dropped, and this many bytes of it were written.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().cast(), self.length) }
    }

    /// What this kernel, and this process's limits, allow.
    pub(super) fn protection() -> Protection {
        let Some(mapped) = NonZeroUsize::new(PAGE) else {
            return Protection::Unlocked;
        };
        let (start, protection) = match secret_mapping(mapped) {
            Ok(start) => (Ok(start), Protection::Secret),
            Err(_) => match ordinary_mapping(mapped) {
                Ok((start, protection)) => (Ok(start), protection),
                Err(error) => (Err(error), Protection::Unlocked),
            },
        };
        if let Ok(start) = start {
            // SAFETY: it was mapped above, and nothing refers to it.
            let _ = unsafe { munmap(start, mapped.get()) };
        }
        protection
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and nothing refers to it any more.
        unsafe {
            wipe(self.start.as_ptr().cast(), self.mapped.get());
            let _ = munmap(self.start, self.mapped.get());
        }
    }
}

fn secret_mapping(length: NonZeroUsize) -> nix::Result<NonNull<libc::c_void>> {
    // SAFETY: the call takes a flag and gives a descriptor.
    let number = unsafe { libc::syscall(libc::SYS_memfd_secret, libc::O_CLOEXEC) };
    let number = i32::try_from(Errno::result(number)?).map_err(|_| Errno::EBADF)?;
    // SAFETY: the descriptor is new and nobody else's.
    let file = unsafe { OwnedFd::from_raw_fd(number) };
    nix::unistd::ftruncate(
        &file,
        i64::try_from(length.get()).map_err(|_| Errno::EINVAL)?,
    )?;
    let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: a new mapping at an address that the kernel chooses.
    let start = unsafe { mmap(None, length, access, MapFlags::MAP_SHARED, &file, 0)? };
    // SAFETY: advice on the mapping just made.
    unsafe { madvise(start, length.get(), MmapAdvise::MADV_DONTFORK)? };
    Ok(start)
}

fn ordinary_mapping(length: NonZeroUsize) -> nix::Result<(NonNull<libc::c_void>, Protection)> {
    let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: a new mapping at an address that the kernel chooses; then advice on it.
    unsafe {
        let start = mmap_anonymous(None, length, access, MapFlags::MAP_PRIVATE)?;
        madvise(start, length.get(), MmapAdvise::MADV_DONTDUMP)?;
        madvise(start, length.get(), MmapAdvise::MADV_DONTFORK)?;
        let protection = match mlock(start, length.get()) {
            Ok(()) => Protection::Locked,
            Err(_) => Protection::Unlocked,
        };
        Ok((start, protection))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_back_what_it_was_given() {
        let long = vec![9; PAGE + 1];
        for bytes in [&b"secret"[..], &long] {
            let hold = Hold::of(bytes).unwrap();
            assert_eq!(hold.bytes(), bytes);
        }
        assert!(Hold::of(b"").is_err());
    }

    /// What this test's own memory says, read as a debugger would.
    #[test]
    fn secret_memory_cannot_be_read_from_outside() {
        use std::os::unix::fs::FileExt as _;
        if Hold::protection() != Protection::Secret {
            return;
        }
        let hold = Hold::of(b"a secret of some length").unwrap();
        let memory = std::fs::File::open("/proc/self/mem").unwrap();
        let mut read = [0; 8];
        let at = hold.start.as_ptr() as u64;
        assert!(memory.read_at(&mut read, at).is_err());
    }
}
