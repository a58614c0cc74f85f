//! Which pages of a process hold anything: [`present`] and [`first_present`]. A reservation of a terabyte, of which a few
//! pages were ever touched, is then searched as fast as those pages.
//!
//! Linux 6.7 can be asked for ranges; before, the table is read, 8 bytes a page.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;
use nix::sys::uio::pread;

/// Number of table entries that are read at once.
const ENTRIES: usize = 64 * 1024;
/// In a table entry: the page is in memory, or in swap.
const ENTRY_HELD: u64 = 1 << 63 | 1 << 62;
/// In a table entry: the page is a guard, which holds nothing and cannot be read.
const ENTRY_GUARD: u64 = 1 << 58;

/// Categories of `PAGEMAP_SCAN`, as in `linux/fs.h`.
const PRESENT: u64 = 1 << 3;
const SWAPPED: u64 = 1 << 4;
const ZERO: u64 = 1 << 5;
const GUARD: u64 = 1 << 8;

/// `struct pm_scan_arg` of `linux/fs.h`.
#[repr(C)]
struct ScanArgument {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    vector: u64,
    vector_length: u64,
    max_pages: u64,
    category_inverted: u64,
    category_mask: u64,
    category_any_of_mask: u64,
    return_mask: u64,
}

/// `struct page_region` of `linux/fs.h`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct PageRegion {
    start: u64,
    end: u64,
    categories: u64,
}

nix::ioctl_readwrite!(
    /// `PAGEMAP_SCAN`.
    pagemap_scan, b'f', 16, ScanArgument
);

/// The pages in `range` that are in memory or in swap, as ranges of addresses, ascending and apart. `range` begins and ends
/// with a page.
pub(super) fn present(pagemap: &File, range: Range<u64>) -> io::Result<Vec<Range<u64>>> {
    let mut ranges: Vec<Range<u64>> = Vec::new();
    let mut found = |from: u64, to: u64| match ranges.last_mut() {
        Some(last) if last.end == from => last.end = to,
        _ => ranges.push(from..to),
    };
    let mut regions = [PageRegion::default(); 64];
    let mut at = range.start;
    while at < range.end {
        let Some((count, end)) = scan(pagemap, at..range.end, 0, &mut regions)? else {
            for page in table(pagemap, at..range.end)? {
                found(page.start, page.end);
            }
            break;
        };
        for region in &regions[..count] {
            found(region.start, region.end);
        }
        at = end;
    }
    Ok(ranges)
}

/// Address of the first page in `range` that is in memory or in swap.
pub(super) fn first_present(pagemap: &File, range: Range<u64>) -> io::Result<Option<u64>> {
    let mut regions = [PageRegion::default(); 1];
    let mut at = range.start;
    while at < range.end {
        match scan(pagemap, at..range.end, 1, &mut regions)? {
            None => {
                let chunk = (ENTRIES as u64) * page_size();
                let end = range.end.min(at.saturating_add(chunk));
                if let Some(page) = table(pagemap, at..end)?.first() {
                    return Ok(Some(page.start));
                }
                at = end;
            }
            Some((0, end)) => at = end,
            Some(_) => return Ok(Some(regions[0].start)),
        }
    }
    Ok(None)
}

/// Size of a page, in bytes.
pub(super) fn page_size() -> u64 {
    use nix::unistd::{SysconfVar, sysconf};
    // Every Linux answers this; 4096 is the smallest that there is, and a smaller step is only slower.
    let size = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
    size.and_then(|size| u64::try_from(size).ok())
        .unwrap_or(4096)
}

/// Asks for ranges, of up to `max_pages` pages together if that is not 0. Returns how many were found and where the kernel stopped; nothing where it does not know the question.
fn scan(
    pagemap: &File,
    range: Range<u64>,
    max_pages: u64,
    regions: &mut [PageRegion],
) -> io::Result<Option<(usize, u64)>> {
    // Guard pages are known since 6.15; an older kernel refuses a category that it does not know.
    for unwanted in [ZERO | GUARD, ZERO] {
        let mut argument = ScanArgument {
            size: size_of::<ScanArgument>() as u64,
            flags: 0,
            start: range.start,
            end: range.end,
            walk_end: range.start,
            vector: regions.as_mut_ptr() as u64,
            vector_length: regions.len() as u64,
            max_pages,
            category_inverted: unwanted,
            category_mask: unwanted,
            category_any_of_mask: PRESENT | SWAPPED,
            return_mask: PRESENT,
        };
        // SAFETY: the argument has the layout of `struct pm_scan_arg`, and `vector` points to `vector_length` regions that
        // are borrowed mutably until the call returns.
        match unsafe { pagemap_scan(pagemap.as_raw_fd(), &raw mut argument) } {
            Ok(count) => {
                let count = usize::try_from(count).unwrap_or(0).min(regions.len());
                // The kernel always gets on; should it not, what is left is read from the table.
                let on = argument.walk_end > range.start;
                return Ok(on.then_some((count, argument.walk_end)));
            }
            Err(Errno::EINVAL) => {}
            Err(Errno::ENOTTY) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

/// Reads the table itself.
fn table(pagemap: &File, range: Range<u64>) -> io::Result<Vec<Range<u64>>> {
    let page = page_size();
    let mut ranges: Vec<Range<u64>> = Vec::new();
    let mut at = range.start;
    let entries = usize::try_from((range.end - range.start) / page).unwrap_or(ENTRIES);
    let mut buffer = vec![0; 8 * entries.min(ENTRIES)];
    while at < range.end {
        let left = usize::try_from((range.end - at) / page).unwrap_or(ENTRIES);
        let wanted = 8 * left.min(ENTRIES);
        let offset = i64::try_from(at / page * 8).map_err(io::Error::other)?;
        let read = pread(pagemap.as_fd(), &mut buffer[..wanted], offset)?;
        let (read, _) = buffer[..read].as_chunks::<8>();
        if read.is_empty() {
            break;
        }
        for entry in read {
            let entry = u64::from_ne_bytes(*entry);
            if entry & ENTRY_HELD != 0 && entry & ENTRY_GUARD == 0 {
                match ranges.last_mut() {
                    Some(last) if last.end == at => last.end += page,
                    _ => ranges.push(at..at + page),
                }
            }
            at += page;
        }
    }
    Ok(ranges)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};

    use super::*;

    /// Pages 3, 4 and 100 of a large mapping are touched: both ways of asking find those, no others.
    #[test]
    fn finds_touched_pages_in_a_reservation() {
        let page = page_size();
        let size = NonZeroUsize::new(1 << 36).unwrap();
        let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_NORESERVE;
        // SAFETY: a new mapping, of which only this test knows.
        let map = unsafe { mmap_anonymous(None, size, ProtFlags::PROT_WRITE, flags) }.unwrap();
        let start = map.as_ptr() as u64;
        // SAFETY: the mapping is as large as this, and huge pages would hide which page was touched.
        unsafe {
            assert_eq!(
                nix::libc::madvise(map.as_ptr(), size.get(), nix::libc::MADV_NOHUGEPAGE),
                0
            );
            for number in [3, 4, 100] {
                map.as_ptr()
                    .cast::<u8>()
                    .add(number * page as usize)
                    .write_volatile(1);
            }
        }
        let pagemap = File::open("/proc/self/pagemap").unwrap();
        let end = start + (1 << 36);
        let expected = [
            start + 3 * page..start + 5 * page,
            start + 100 * page..start + 101 * page,
        ];
        assert_eq!(present(&pagemap, start..end).unwrap(), expected);
        assert_eq!(
            table(&pagemap, start..start + 1000 * page).unwrap(),
            expected
        );
        let first = |from: u64| first_present(&pagemap, start + from * page..end).unwrap();
        assert_eq!(first(0), Some(start + 3 * page));
        assert_eq!(first(4), Some(start + 4 * page));
        assert_eq!(first(5), Some(start + 100 * page));
        assert_eq!(first(101), None);
        // SAFETY: nothing refers to the mapping any more.
        unsafe { munmap(map, size.get()) }.unwrap();
    }
}
