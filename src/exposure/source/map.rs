//! Files in memory without a copy of them: a [`Map`] of a stretch of one.
//!
//! Whoever reads a mapping gets a SIGBUS where the file ends earlier than it did, or where its medium fails. Within a [`Map`] zeros
//! take the place of such a page, and [`Map::lend`] tells; a SIGBUS anywhere else goes where it would have gone without us.
//!
//! Everything about this that the compiler cannot check is in this file.

#[cfg(test)]
mod tests;

use std::ffi::{c_int, c_void};
use std::fs::{File, Metadata};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::ptr::NonNull;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::libc;
use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap, munmap};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::statfs::{self, FsType, fstatfs};
use nix::unistd::{SysconfVar, geteuid, sysconf};

/// File systems of which a page that was read is what the file holds, and reading one has no other effect. The kernel's own files
/// have: some are the registers of a device.
const PLAIN: [FsType; 6] = [
    statfs::EXT4_SUPER_MAGIC,
    statfs::XFS_SUPER_MAGIC,
    statfs::BTRFS_SUPER_MAGIC,
    statfs::F2FS_SUPER_MAGIC,
    statfs::OVERLAYFS_SUPER_MAGIC,
    statfs::TMPFS_MAGIC,
];

/// Whether a file may be mapped as well as read.
///
/// The kernel says what it has of a file to the owner, and to root: others would wait for pages that reading fetches ahead.
pub(crate) fn may(file: &File, met: &Metadata) -> bool {
    let Ok(system) = fstatfs(file) else {
        return false;
    };
    let system = system.filesystem_type();
    // Reading a hole there by a mapping fills it.
    let filled = system == statfs::TMPFS_MAGIC && met.blocks().saturating_mul(512) < met.len();
    let user = geteuid();
    let told = user.is_root() || user.as_raw() == met.uid();
    met.is_file() && told && PLAIN.contains(&system) && !filled
}

/// A stretch of a file. Its pages are those of the page cache: nothing is copied, and nothing is left behind.
pub(crate) struct Map {
    base: NonNull<c_void>,
    length: NonZeroUsize,
    /// Position in the file of the byte at `base`.
    start: u64,
    /// What may be asked for: the last page may be longer than the file.
    end: u64,
    slot: &'static Slot,
}

/// Some bytes of a map were not there while they were lent: the file has become shorter, or its medium failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    /// Position in the file of the first page.
    pub(crate) at: u64,
}

// SAFETY: a map is memory that is only read, and its slot consists of atomics.
unsafe impl Send for Map {}

impl Map {
    /// Maps a stretch; `None` where that cannot be had, and the file is to be read.
    pub(crate) fn new(file: &File, range: Range<u64>) -> Option<Self> {
        let page = handled()?;
        let start = range.start - range.start % page as u64;
        let length = NonZeroUsize::new(usize::try_from(range.end.checked_sub(start)?).ok()?)?;
        let slot = Slot::take()?;
        let offset = libc::off_t::try_from(start).ok();
        let mapped = offset.and_then(|offset| {
            // SAFETY: the kernel chooses the place, so no memory of others is touched.
            unsafe {
                mmap(
                    None,
                    length,
                    ProtFlags::PROT_READ,
                    MapFlags::MAP_SHARED,
                    file,
                    offset,
                )
            }
            .ok()
        });
        let Some(base) = mapped else {
            slot.release();
            return None;
        };
        for advice in [MmapAdvise::MADV_SEQUENTIAL, MmapAdvise::MADV_DONTDUMP] {
            // SAFETY: neither changes what is in memory; and without them it is only slower, or in a dump that is forbidden anyway.
            let _ = unsafe { madvise(base, length.get(), advice) };
        }
        slot.guard(base.addr().get(), length.get().next_multiple_of(page));
        Some(Self {
            base,
            length,
            start,
            end: range.end,
            slot,
        })
    }

    /// Whether a part seems to be in the page cache: one page is asked for in every 256 KiB. What is not is read four times as fast
    /// as it comes by way of a mapping.
    pub(crate) fn is_cached(&self, part: &Range<u64>) -> bool {
        const STEP: usize = 256 << 10;
        let page = handled().unwrap_or(1) as u64;
        let pages = (part.start - part.start % page..part.end).step_by(STEP);
        pages.into_iter().all(|at| {
            let mut resident = 0u8;
            let place = self
                .base
                .as_ptr()
                .wrapping_byte_add((at - self.start) as usize);
            // SAFETY: a page of this map, and a byte for the answer about it.
            let asked = unsafe { libc::mincore(place, 1, &raw mut resident) };
            asked == 0 && resident & 1 == 1
        })
    }

    /// Has every page of a part brought into memory.
    ///
    /// # Errors
    /// A page is not to be had. The map is of no use any more from there on: it has zeros.
    pub(crate) fn fetch(&self, part: Range<u64>) -> Result<(), Missing> {
        let page = handled().unwrap_or(1);
        let whole = part.start - part.start % page as u64..part.end;
        self.lend(whole, |bytes| {
            for byte in bytes.iter().step_by(page) {
                // SAFETY: it is a reference. Volatile, since nobody wants the byte.
                unsafe { std::ptr::read_volatile(byte) };
            }
        })
        .1
    }

    /// Has the pages of a part mapped already, if it can be, and returns the length of what was, counted from the
    /// beginning of a page. What the page cache lacks is read.
    pub(crate) fn ask_for(&self, part: &Range<u64>) -> usize {
        let page = handled().unwrap_or(1) as u64;
        let start = part.start - part.start % page;
        let length = part.end.saturating_sub(start) as usize;
        let place = self
            .base
            .as_ptr()
            .wrapping_byte_add((start - self.start) as usize);
        let inside = start >= self.start && part.end <= self.end;
        match NonNull::new(place).filter(|_| inside && length > 0) {
            // SAFETY: pages of this map, of which the contents do not change. What is not to be had is an error here, not a signal.
            Some(place)
                if unsafe { madvise(place, length, MmapAdvise::MADV_POPULATE_READ) }.is_ok() =>
            {
                length
            }
            _ => 0,
        }
    }

    /// Lends a part of the file to `work`, which may look at it from several threads, and tells whether it was there all the time.
    ///
    /// Others may write to the file meanwhile: whoever reads a byte twice may read two bytes, as with memory that is shared. Nothing
    /// in this crate that is unsafe depends on what bytes are.
    pub(crate) fn lend<T>(
        &self,
        part: Range<u64>,
        work: impl FnOnce(&[u8]) -> T,
    ) -> (T, Result<(), Missing>) {
        assert!(
            self.start <= part.start && part.start <= part.end && part.end <= self.end,
            "{part:?} is not mapped"
        );
        let from = (part.start - self.start) as usize;
        // SAFETY: the part is mapped, as was asserted, and stays so while this is borrowed. A page that vanishes is replaced.
        let bytes = unsafe {
            std::slice::from_raw_parts(
                self.base.as_ptr().cast::<u8>().add(from),
                (part.end - part.start) as usize,
            )
        };
        let result = work(bytes);
        let missing = match self.slot.missing() {
            None => Ok(()),
            Some(address) => Err(Missing {
                at: self.start + (address - self.base.addr().get()) as u64,
            }),
        };
        (result, missing)
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // First of all: another mapping may have these addresses at once.
        self.slot.release();
        // SAFETY: nobody has bytes of it any more, since they would borrow it.
        let _ = unsafe { munmap(self.base, self.length.get()) };
    }
}

/// Maps at a time: one for each thread that searches. Who gets none reads.
const SLOTS: usize = 256;
static TABLE: [Slot; SLOTS] = [const { Slot::new() }; SLOTS];
const FREE: usize = 0;
const TAKEN: usize = 1;

/// Where a map is, for the handler of the signal. A table of atomics, since a handler must wait for nobody; for all threads,
/// since who lends bytes does not know who looks at them.
struct Slot {
    /// Address of the first byte; or [`FREE`], or [`TAKEN`] by a map that is not there yet.
    start: AtomicUsize,
    end: AtomicUsize,
    /// Address of the first page that was replaced.
    missing: AtomicUsize,
}

impl Slot {
    const fn new() -> Self {
        Self {
            start: AtomicUsize::new(FREE),
            end: AtomicUsize::new(0),
            missing: AtomicUsize::new(usize::MAX),
        }
    }

    fn take() -> Option<&'static Self> {
        TABLE.iter().find(|slot| {
            slot.start
                .compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
        })
    }

    fn guard(&self, start: usize, length: usize) {
        self.missing.store(usize::MAX, Ordering::Relaxed);
        self.end.store(start + length, Ordering::Relaxed);
        self.start.store(start, Ordering::Release);
    }

    fn release(&self) {
        self.end.store(0, Ordering::Relaxed);
        self.start.store(FREE, Ordering::Release);
    }

    fn missing(&self) -> Option<usize> {
        Some(self.missing.load(Ordering::Acquire)).filter(|address| *address != usize::MAX)
    }

    /// In the handler: whether the page at this address is ours.
    fn has(&self, page: usize) -> bool {
        let start = self.start.load(Ordering::Acquire);
        let end = self.end.load(Ordering::Acquire);
        // Another map may have taken the slot between the two.
        let same = self.start.load(Ordering::Relaxed) == start;
        same && start > TAKEN && start <= page && page < end
    }
}

static PAGE: AtomicUsize = AtomicUsize::new(0);
static PREVIOUS: OnceLock<SigAction> = OnceLock::new();

/// Installs the handler, once and for all, and returns the size of a page; `None` if that cannot be.
fn handled() -> Option<usize> {
    static INSTALLED: OnceLock<Option<usize>> = OnceLock::new();
    *INSTALLED.get_or_init(|| {
        let page = usize::try_from(sysconf(SysconfVar::PAGE_SIZE).ok()??).ok()?;
        PAGE.store(page, Ordering::Relaxed);
        let action = SigAction::new(
            SigHandler::SigAction(on_bus_error),
            // On the stack that the thread has for signals, if it has one: so do Rust's own handlers, which catch overflows.
            SaFlags::SA_SIGINFO | SaFlags::SA_ONSTACK,
            SigSet::empty(),
        );
        // SAFETY: what the handler does is allowed in one.
        let previous = unsafe { sigaction(Signal::SIGBUS, &action) }.ok()?;
        PREVIOUS.get_or_init(|| previous);
        Some(page)
    })
}

/// Puts a page of zeros where ours is missing. Calls nothing that could wait or take memory: only atomics and system calls.
extern "C" fn on_bus_error(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel gives it to every handler that was installed with SA_SIGINFO.
    let (address, code) = unsafe { ((*info).si_addr().addr(), (*info).si_code) };
    let page = PAGE.load(Ordering::Relaxed);
    let start = address - address % page.max(1);
    let ours = TABLE.iter().find(|slot| code > 0 && slot.has(start));
    if let Some(slot) = ours {
        // SAFETY: a variable of this thread. Whoever was interrupted may be about to read it.
        let errno = unsafe { *libc::__errno_location() };
        // SAFETY: the page belongs to a map that is not dropped as long as somebody reads it, as somebody does. It is replaced by
        // zeros, which are no less valid as bytes.
        let replaced = unsafe {
            libc::mmap(
                std::ptr::without_provenance_mut(start),
                page,
                libc::PROT_READ,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED,
                -1,
                0,
            )
        };
        // SAFETY: as above.
        unsafe { *libc::__errno_location() = errno };
        if replaced != libc::MAP_FAILED {
            slot.missing.fetch_min(start, Ordering::Release);
            return;
        }
    }
    pass_on(signal, info, context);
}

/// Does what would have been done without us.
fn pass_on(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    match PREVIOUS.get().map(SigAction::handler) {
        Some(SigHandler::SigAction(handler)) => handler(signal, info, context),
        Some(SigHandler::Handler(handler)) => handler(signal),
        _ => {
            // The signal comes again when this returns, and then ends the program.
            // SAFETY: setting a default and sending a signal to oneself is allowed in a handler.
            unsafe {
                libc::signal(signal, libc::SIG_DFL);
                libc::raise(signal);
            }
        }
    }
}
