//! Disk images that are no plain copies of a disk (qcow2, VDI, VHDX): the disk is read through QEMU's own programs, `qemu-img`
//! for what is where and `qemu-nbd` for the bytes, since nobody else knows all of what such an image can be.
//!
//! The bytes of the image's file are searched as they are too; what is compressed in it, or lies across the bound of two
//! clusters, shows only on the disk. The disk never lies anywhere in clear: it comes through a socket.

mod nbd;
mod program;

use std::cell::Cell;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;
use std::rc::Rc;

use crate::source::container::budget::{Metered, Pass};
use crate::source::container::{Level, conclude, inside, tell};
use crate::source::windows::Windows;
use crate::source::{GapKind, Place};

use nbd::Disk;

/// A format, as QEMU calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Qcow2,
    Vdi,
    Vhdx,
}

impl Format {
    pub(super) fn of(start: &[u8]) -> Option<Self> {
        const VDI: usize = 64;
        if start.starts_with(b"QFI\xfb\0\0\0") {
            Some(Self::Qcow2)
        } else if start.starts_with(b"vhdxfile") {
            Some(Self::Vhdx)
        } else if start.len() >= VDI + 4 && start[VDI..].starts_with(b"\x7f\x10\xda\xbe") {
            Some(Self::Vdi)
        } else {
            None
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Qcow2 => "qcow2",
            Self::Vdi => "vdi",
            Self::Vhdx => "vhdx",
        }
    }

    /// Why a part of the disk is elsewhere, where the beginning of the image says so. Other files are not opened: whoever made
    /// the image could name any.
    fn elsewhere(self, start: &[u8]) -> Option<&'static str> {
        /// Of incompatible features: the data lie in another file.
        const EXTERNAL: u64 = 1 << 2;
        let number = |at: usize| {
            let bytes = start.get(at..at + 8)?;
            Some(u64::from_be_bytes(bytes.try_into().ok()?))
        };
        if self != Self::Qcow2 {
            return None;
        }
        // Before version 3 there were no features.
        let version = start.get(4..8);
        if version != Some(&[0, 0, 0, 2]) && number(72).is_some_and(|bits| bits & EXTERNAL != 0) {
            return Some("its data lie in another file: name that file as a source");
        }
        number(8).is_some_and(|backing| backing != 0).then_some(
            "what it has from its backing file was not read: name that file as a source too",
        )
    }
}

/// Searches the disk that the image at this level is.
pub(super) fn open(level: &mut Level<'_, '_>, format: Format, place: &Place, pass: &Pass<'_>) {
    let disk_place = inside(place, format.name(), None);
    let closed = |what: String| tell(pass, &disk_place, GapKind::Closed, what);
    if let Some(what) = format.elsewhere(level.peek(super::SNIFFED)) {
        closed(what.to_owned());
    }
    // QEMU wants a file to open, and the bytes at this level come as a stream.
    let path = Path::new(place.path.as_ref().unwrap_or(&place.source));
    let file = place.inside.is_empty() && !place.addresses && place.source != "-";
    let Some(met) = path.metadata().ok().filter(|met| file && met.is_file()) else {
        let name = format.name();
        return closed(format!(
            "a disk image is opened only where it is a file of its own: unpack it, or make a plain one with qemu-img convert -f {name} -O raw"
        ));
    };
    let extents = match program::extents(path, format) {
        Ok(extents) => extents,
        Err(error) => return closed(format!("not opened: {error}")),
    };
    let mut disk = match Disk::open(path, format) {
        Ok(disk) => disk,
        Err(error) => return closed(format!("not opened: {error}")),
    };
    // What may come out is measured by the whole file, not by what of it was read here.
    let read = Rc::new(Cell::new(met.len()));
    pass.measure(read);
    for extent in extents {
        let position = Rc::new(Cell::new(0));
        let part = Part {
            disk: &mut disk,
            range: extent.clone(),
        };
        let mut reader = Metered::new(part, position.clone(), pass);
        position.set(met.len());
        let reader: &mut dyn Read = &mut reader;
        let windows = Windows::part(reader, &disk_place, pass.visitor(), extent.start, extent);
        let result = windows.finish();
        let failed = result.is_err();
        conclude(result, level, &disk_place, pass);
        if failed || pass.visitor().is_done() {
            return;
        }
    }
}

/// A range of the disk.
struct Part<'d> {
    disk: &'d mut Disk,
    range: Range<u64>,
}

impl Read for Part<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.range.end - self.range.start;
        let wanted = usize::try_from(left).map_or(into.len(), |left| left.min(into.len()));
        if wanted == 0 {
            return Ok(0);
        }
        let into = &mut into[..wanted.min(nbd::LARGEST)];
        self.disk.read(self.range.start, into)?;
        self.range.start += into.len() as u64;
        Ok(into.len())
    }
}
