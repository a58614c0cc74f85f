//! Hints to the processor and the kernel.

use std::ffi::c_void;
use std::ptr::NonNull;

use nix::sys::mman::{MmapAdvise, madvise};

/// Says that the memory at `place` will be read soon. Any address will do: nothing is read.
#[inline(always)]
pub(crate) fn soon<T>(place: *const T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint, which neither reads nor faults, whatever the address; each x86-64 has it.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

/// As [`soon`], of what will not be read so soon: into a cache that is larger and not so near.
#[inline(always)]
pub(crate) fn later<T>(place: *const T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: as above.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(place.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

/// Bytes of a huge page, as the processors that we know have it.
const HUGE: usize = 2 << 20;

/// Says that a table, of which nothing was touched yet, will be read here and there: in huge pages, if it is so large. Small ones
/// cost an interruption each at first, and a walk through the tables of pages later.
pub(crate) fn scattered<T>(table: &[T]) {
    let bytes = size_of_val(table);
    let address = table.as_ptr().addr();
    let start = address.next_multiple_of(HUGE);
    let length = (address + bytes).saturating_sub(start) / HUGE * HUGE;
    let place = table.as_ptr().cast::<c_void>().cast_mut();
    if length > 0
        && let Some(place) = NonNull::new(place.wrapping_byte_add(start - address))
    {
        // SAFETY: whole pages within the table, and what is in them does not change. A kernel without huge pages refuses: no matter.
        let _ = unsafe { madvise(place, length, MmapAdvise::MADV_HUGEPAGE) };
    }
}
