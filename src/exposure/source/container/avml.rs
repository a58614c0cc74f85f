//! Memory of a machine as AVML packs it: blocks of physical addresses, each a header of LiME's kind, a Snappy stream and the
//! stream's length. (LiME's own files are not packed, so nothing is to be opened there.)

use std::io::{self, ErrorKind, Read};

use crate::source::container::budget::{Metered, Pass};
use crate::source::container::snappy::Chunks;
use crate::source::container::{Level, conclude, inside, unpacked};
use crate::source::{GapKind, Place};

/// How each block begins: the magic and the version of packed blocks.
pub(super) const MAGIC: &[u8] = b"AVML\x02\0\0\0";

/// Magic and version, first and last address, eight bytes of nothing.
const HEADER: usize = 32;
/// Behind each stream.
const TRAILER: u64 = 8;

/// Searches each run of blocks that follow one another in memory: a key may lie across the bound of two.
pub(super) fn open(level: &mut Level<'_, '_>, place: &Place, pass: &Pass<'_>, depth: u32) {
    while let Some((first, last)) = header(level.peek(HEADER)) {
        let name = format!("{first:#x}");
        let place = inside(place, "avml", Some(name.as_bytes()));
        let position = level.position();
        level.skip(HEADER as u64);
        let blocks = Blocks {
            chunks: Chunks::of(level),
            left: (last - first).saturating_add(1),
            next: last.checked_add(1),
        };
        let mut reader = Metered::new(blocks, position, pass);
        let result = match pass.member() {
            Ok(()) => unpacked(&mut reader, &place, pass, depth),
            Err(error) => Err(error),
        };
        let failed = result.is_err();
        conclude(result, level, &place, pass);
        // Behind a damaged block nobody knows where the next one is.
        if failed || pass.left().is_err() {
            return;
        }
    }
    if level.peek(MAGIC.len()).starts_with(MAGIC) {
        let what = "damaged: a header of a block says nothing that could be";
        super::tell(pass, &inside(place, "avml", None), GapKind::Closed, what);
    }
}

/// First and last address.
fn header(bytes: &[u8]) -> Option<(u64, u64)> {
    if bytes.len() < HEADER || !bytes.starts_with(MAGIC) {
        return None;
    }
    let number = |at: usize| Some(u64::from_le_bytes(bytes[at..at + 8].try_into().ok()?));
    let (first, last) = (number(8)?, number(16)?);
    (first <= last && number(24)? == 0).then_some((first, last))
}

/// A run of blocks, as one stream.
struct Blocks<'l, 'v, 'r> {
    chunks: Chunks<'l, 'v, 'r>,
    /// Bytes of this block that are still to come.
    left: u64,
    /// The address behind this block, if there is one.
    next: Option<u64>,
}

impl Blocks<'_, '_, '_> {
    /// Goes to the next block, if it follows this one in memory.
    fn more(&mut self) -> io::Result<bool> {
        let level = self.chunks.level();
        if level.skip(TRAILER) < TRAILER {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let Some((first, last)) = header(level.peek(HEADER)) else {
            return Ok(false);
        };
        if self.next != Some(first) {
            return Ok(false);
        }
        level.skip(HEADER as u64);
        self.left = (last - first).saturating_add(1);
        self.next = last.checked_add(1);
        Ok(true)
    }
}

impl Read for Blocks<'_, '_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() || (self.left == 0 && !self.more()?) {
            return Ok(0);
        }
        let wanted = usize::try_from(self.left).map_or(into.len(), |left| left.min(into.len()));
        match self.chunks.read(&mut into[..wanted])? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            length => {
                self.left -= length as u64;
                Ok(length)
            }
        }
    }
}
