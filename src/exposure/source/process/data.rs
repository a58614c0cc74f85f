//! Which addresses of a run of mappings hold anything: [`data`] and [`first_data`].
//!
//! Pages of its own that a process never touched are zeros. Those of a file or of shared memory are what the file holds,
//! except where it has a hole: reading there would make the kernel allocate memory on the product's account.

use std::fs::{self, File};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::unistd::{Whence, lseek};

use super::Process;
use super::maps::{Kind, Region};
use super::pagemap::{first_present, page_size, present};

/// A mapping of a file up to this size is not worth asking for holes.
const SMALL: u64 = 1024 * 1024;

/// The pages in `scope` that hold anything, ascending and apart.
pub(super) fn data(process: &Process, regions: &[Region], scope: &Range<u64>) -> Vec<Range<u64>> {
    let mut all: Vec<Range<u64>> = Vec::new();
    for region in regions {
        let range = scope.start.max(region.range.start)..scope.end.min(region.range.end);
        if range.is_empty() {
            continue;
        }
        let mut ranges = own_pages(process, region, &range);
        if region.kind() == Kind::Backed && ranges.as_slice() != [range.clone()] {
            ranges.extend(pages_of_file(process, region, &range));
            ranges.sort_unstable_by_key(|range| range.start);
        }
        for range in ranges {
            match all.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => all.push(range),
            }
        }
    }
    all
}

/// The first address, `from` or after it, that holds anything.
pub(super) fn first_data(process: &Process, regions: &[Region], from: u64) -> Option<u64> {
    regions
        .iter()
        .filter(|region| region.range.end > from)
        .find_map(|region| {
            let range = from.max(region.range.start)..region.range.end;
            match (region.kind(), process.pagemap()) {
                (Kind::Anonymous, Some(pagemap)) => {
                    first_present(pagemap, range.clone()).unwrap_or(Some(range.start))
                }
                (Kind::Anonymous, None) => Some(range.start),
                _ => {
                    let own = process
                        .pagemap()
                        .and_then(|pagemap| first_present(pagemap, range.clone()).ok().flatten());
                    let files = first_of_file(process, region, &range);
                    own.into_iter().chain(files).min()
                }
            }
        })
}

/// What the page table tells; everything, if it tells nothing.
fn own_pages(process: &Process, region: &Region, range: &Range<u64>) -> Vec<Range<u64>> {
    let pages = process
        .pagemap()
        .and_then(|pagemap| present(pagemap, range.clone()).ok());
    match (pages, region.kind()) {
        (Some(pages), _) => pages,
        // The file's pages come from the file.
        (None, Kind::Backed) => Vec::new(),
        (None, _) => vec![range.clone()],
    }
}

/// What lies behind a mapping.
enum Behind {
    /// This, which tells where it has holes.
    File(File),
    /// It is to be read to know.
    Anything,
    /// Shared memory that we cannot reach by itself: reading where it has a hole would fill that hole.
    SharedMemory,
}

fn behind(process: &Process, region: &Region) -> Behind {
    if region.size() <= SMALL {
        return Behind::Anything;
    }
    match open_file(process, region) {
        Some(file) => Behind::File(file),
        None if region.is_shared_memory() && process.pagemap().is_some() => Behind::SharedMemory,
        None => Behind::Anything,
    }
}

/// Whether only those pages of a region are searched that the process has touched, as nobody tells which others there are.
pub(super) fn is_partly_unseen(process: &Process, region: &Region) -> bool {
    region.kind() == Kind::Backed && matches!(behind(process, region), Behind::SharedMemory)
}

/// What the file holds: all but its holes and what is mapped beyond its end.
fn pages_of_file(process: &Process, region: &Region, range: &Range<u64>) -> Vec<Range<u64>> {
    let file = match behind(process, region) {
        Behind::File(file) => file,
        Behind::Anything => return vec![range.clone()],
        Behind::SharedMemory => return Vec::new(),
    };
    let mut ranges = Vec::new();
    let mut at = range.start;
    while let Some(found) = next_data(&file, region, at..range.end) {
        at = found.end;
        ranges.push(found);
    }
    ranges
}

fn first_of_file(process: &Process, region: &Region, range: &Range<u64>) -> Option<u64> {
    match behind(process, region) {
        Behind::File(file) => next_data(&file, region, range.clone()).map(|found| found.start),
        Behind::Anything => Some(range.start),
        Behind::SharedMemory => None,
    }
}

/// The next pages in `range` for which the file has data.
fn next_data(file: &File, region: &Region, range: Range<u64>) -> Option<Range<u64>> {
    if range.is_empty() {
        return None;
    }
    // Where addresses and offsets do not go together, everything counts as data: too much is read then, never too little.
    let offset = |address: u64| {
        let offset = (address - region.range.start).checked_add(region.offset)?;
        i64::try_from(offset).ok()
    };
    let address = |offset: i64| {
        let offset = u64::try_from(offset).ok()?.checked_sub(region.offset)?;
        offset.checked_add(region.range.start)
    };
    let Some(from) = offset(range.start) else {
        return Some(range);
    };
    let start = match lseek(file, from, Whence::SeekData) {
        Err(Errno::ENXIO) => return None,
        Err(_) => return Some(range),
        Ok(start) => start,
    };
    let end = lseek(file, start, Whence::SeekHole).ok().and_then(address);
    let page = page_size();
    let start = address(start)? / page * page;
    let end = end.map_or(range.end, |end| end.next_multiple_of(page).min(range.end));
    (start < range.end).then(|| start.max(range.start)..end)
}

/// Opens what a region is a mapping of: by the kernel's own link, which also leads to files without a name, but only for
/// root; else by name, or through a descriptor, if it still leads there.
fn open_file(process: &Process, region: &Region) -> Option<File> {
    let Range { start, end } = region.range;
    if let Ok(file) = File::open(process.path(&format!("map_files/{start:x}-{end:x}"))) {
        return Some(file);
    }
    let open_same = |path: PathBuf| {
        let same = fs::metadata(&path).is_ok_and(|metadata| {
            let device = metadata.dev();
            let device = (nix::libc::major(device), nix::libc::minor(device));
            metadata.is_file() && (device, metadata.ino()) == (region.device, region.inode)
        });
        same.then(|| File::open(path).ok()).flatten()
    };
    let by_name = open_same(PathBuf::from(region.name.as_deref()?));
    if by_name.is_some() || !region.is_shared_memory() {
        return by_name;
    }
    let descriptors = fs::read_dir(process.path("fd")).ok()?;
    descriptors
        .filter_map(|descriptor| Some(descriptor.ok()?.path()))
        .find_map(open_same)
}

/// Whether `range` lies wholly beyond the end of the file that is mapped there: there is no memory, then.
pub(super) fn beyond_end(process: &Process, region: &Region, range: &Range<u64>) -> bool {
    let file = (region.kind() == Kind::Backed)
        .then(|| open_file(process, region))
        .flatten();
    let length = file
        .and_then(|file| file.metadata().ok())
        .filter(|metadata| metadata.is_file())
        .map(|metadata| metadata.len());
    let from = (range.start.saturating_sub(region.range.start)).checked_add(region.offset);
    matches!((from, length), (Some(from), Some(length)) if from >= length)
}
