//! The parts of a file that are on the disk: [`Extents`]. Holes are zeros; there is no key in them.

use std::fs::{File, Metadata};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;

use nix::unistd::{Whence, lseek};

use crate::source::file::SPAN;
use crate::source::patient::ReadAt;

/// Taken along of a hole on either side: a key may begin or end with zeros.
const MARGIN: u64 = 4096;
/// Holes up to this long are read: that is faster than asking for them.
const SMALL: u64 = 256 * 1024;

/// The ranges of a file to read, in order, apart from each other.
pub(crate) enum Extents {
    /// No holes, or nobody to ask.
    Whole(Option<Range<u64>>),
    /// Ask the file system, from this position on; the extent that it told before may still grow.
    Sparse {
        at: u64,
        size: u64,
        grown: Option<Range<u64>>,
        /// What was told ends here.
        told: u64,
    },
}

impl Extents {
    pub(crate) fn of(met: &Metadata) -> Self {
        let size = met.len();
        // `st_blocks` counts 512 bytes whatever the file system's block is.
        if met.blocks().saturating_mul(512) >= size {
            return Self::Whole(Some(0..size));
        }
        Self::Sparse {
            at: 0,
            size,
            grown: None,
            told: 0,
        }
    }

    pub(crate) fn next(&mut self, file: &dyn ReadAt) -> Option<Range<u64>> {
        match self {
            Self::Whole(range) => range.take().filter(|range| !range.is_empty()),
            Self::Sparse {
                at,
                size,
                grown,
                told,
            } => loop {
                let Some(data) = file.data_from(*at, *size) else {
                    *at = *size;
                    return grown.take();
                };
                *at = data.end;
                let data =
                    data.start.saturating_sub(MARGIN).max(*told)..(data.end + MARGIN).min(*size);
                let ready = match grown {
                    Some(before) if data.start <= before.end.saturating_add(SMALL) => {
                        before.end = before.end.max(data.end);
                        // A file of thousands of small extents need not be walked to its end first.
                        (before.end - before.start >= SPAN)
                            .then(|| grown.take())
                            .flatten()
                    }
                    Some(before) => Some(std::mem::replace(before, data)),
                    None => {
                        *grown = Some(data);
                        None
                    }
                };
                if let Some(ready) = ready {
                    *told = ready.end;
                    return Some(ready);
                }
            },
        }
    }
}

/// The first data at or behind `at`. A file system that cannot say makes everything data.
pub(crate) fn data_from(file: &File, at: u64, size: u64) -> Option<Range<u64>> {
    if at >= size {
        return None;
    }
    let position = i64::try_from(at).ok()?;
    let start = match lseek(file, position, Whence::SeekData) {
        Ok(start) => u64::try_from(start).unwrap_or(at).max(at),
        Err(nix::errno::Errno::ENXIO) => return None,
        Err(_) => at,
    };
    let end = i64::try_from(start)
        .ok()
        .and_then(|start| lseek(file, start, Whence::SeekHole).ok())
        .and_then(|end| u64::try_from(end).ok())
        .filter(|end| *end > start)
        .unwrap_or(size);
    (start < size).then(|| start..end.min(size))
}
