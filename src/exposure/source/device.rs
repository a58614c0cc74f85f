//! Block devices: their size is where they end.

use std::fs::File;
use std::path::Path;

use nix::unistd::{Whence, lseek};

use crate::source::file::{self, Scope, Spans};
use crate::source::{Gap, GapKind, Place};

/// The work that searches a block device. What it does not give is passed over and told.
///
/// A device that is in use changes under the search, and nothing tells so: what is searched is what its blocks held when
/// they were read, which for a mounted file system is what it has written back.
pub(crate) fn spans<'s>(path: &Path, place: Place, scope: Scope<'s>) -> Result<Spans<'s>, Gap> {
    let (file, _) = file::open(path, scope)?;
    let size = size(&file)?;
    Ok(Spans::of_device(Box::new(file), size, place, scope.limits))
}

fn size(device: &File) -> Result<u64, Gap> {
    let end = lseek(device, 0, Whence::SeekEnd)
        .map_err(|errno| file::gap(GapKind::Unreadable, std::io::Error::from(errno).to_string()))?;
    Ok(u64::try_from(end).unwrap_or(0))
}
