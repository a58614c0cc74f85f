//! Reading what lies on a failing medium: [`Patient`] goes on behind what cannot be read, and remembers it in [`Lost`].

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, PoisonError};

use crate::source::file::Stamp;
use crate::source::map::Map;
use crate::source::{Gap, GapKind, Place, Visitor, sparse};

/// After a failure, reading goes on in pieces of a page, and in a page that fails, of a sector.
const PIECES: [u64; 2] = [4096, 512];
/// How far after a failure it does so: as far as one careless read might have gone.
const CAREFUL: u64 = 1 << 20;
/// Bytes lost in one piece after which the rest is given up: a dead medium takes a second and more for each failure.
const HOPELESS: u64 = 4 << 20;
/// Lost ranges that are told one by one; the rest is told as a sum.
const TOLD: usize = 32;

/// Bytes at positions.
pub(crate) trait ReadAt: Send + Sync {
    /// Reads bytes from the position `at`; 0 at the end.
    ///
    /// # Errors
    /// Those of the system.
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize>;

    /// The first stretch at or behind `at` that is no hole, of what has `size` bytes.
    fn data_from(&self, at: u64, size: u64) -> Option<Range<u64>> {
        (at < size).then_some(at..size)
    }

    /// What changes with the content, if anything does.
    ///
    /// # Errors
    /// Those of the system.
    fn stamp(&self) -> io::Result<Option<Stamp>> {
        Ok(None)
    }

    /// These positions in memory, if they can be had so: where a part cannot be read, they must be read all the same.
    fn map(&self, _range: Range<u64>) -> Option<Map> {
        None
    }
}

impl ReadAt for File {
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        FileExt::read_at(self, into, at)
    }

    fn data_from(&self, at: u64, size: u64) -> Option<Range<u64>> {
        sparse::data_from(self, at, size)
    }

    fn stamp(&self) -> io::Result<Option<Stamp>> {
        self.metadata().map(|met| Some(Stamp::of(&met)))
    }
}

/// A file that can be mapped as well as read.
pub(crate) struct Mappable(pub(crate) File);

impl ReadAt for Mappable {
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        ReadAt::read_at(&self.0, into, at)
    }

    fn data_from(&self, at: u64, size: u64) -> Option<Range<u64>> {
        self.0.data_from(at, size)
    }

    fn stamp(&self) -> io::Result<Option<Stamp>> {
        self.0.stamp()
    }

    fn map(&self, range: Range<u64>) -> Option<Map> {
        Map::new(&self.0, range)
    }
}

/// Reads from one position to another; what cannot be read comes out as zeros.
pub(crate) struct Patient<'a> {
    source: &'a dyn ReadAt,
    lost: &'a Lost,
    at: u64,
    end: u64,
    careful_until: u64,
    lost_in_a_row: u64,
}

impl<'a> Patient<'a> {
    /// Reads `range` of `source`, or up to its end if that comes first.
    pub(crate) fn new(source: &'a dyn ReadAt, range: Range<u64>, lost: &'a Lost) -> Self {
        Self {
            source,
            lost,
            at: range.start,
            end: range.end,
            careful_until: 0,
            lost_in_a_row: 0,
        }
    }

    fn attempt(&self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.source.read_at(into, self.at) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    /// Reads a piece; if even the smallest fails, it is lost.
    fn carefully(&mut self, into: &mut [u8]) -> usize {
        let mut failure = None;
        for piece in PIECES {
            // Pieces lie as the medium's do.
            let length = (piece - self.at % piece).min(into.len() as u64) as usize;
            match self.attempt(&mut into[..length]) {
                Ok(length) => {
                    self.lost_in_a_row = 0;
                    return length;
                }
                Err(error) => failure = Some((length, error)),
            }
        }
        let Some((length, error)) = failure else {
            return 0;
        };
        self.lost_in_a_row += length as u64;
        into[..length].fill(0);
        if self.lost_in_a_row >= HOPELESS {
            self.lost.add(self.at..self.end, &error);
            self.lost.give_up();
            self.end = self.at;
            return 0;
        }
        self.lost.add(self.at..self.at + length as u64, &error);
        length
    }
}

impl Read for Patient<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.end.saturating_sub(self.at);
        let length = left.min(into.len() as u64) as usize;
        let into = &mut into[..length];
        if into.is_empty() {
            return Ok(0);
        }
        if self.at >= self.careful_until {
            match self.attempt(into) {
                Ok(length) => {
                    self.at += length as u64;
                    return Ok(length);
                }
                Err(_) => self.careful_until = self.at + CAREFUL,
            }
        }
        let length = self.carefully(into);
        self.at += length as u64;
        Ok(length)
    }
}

/// What could not be read of one file or device, by whomever of several readers.
#[derive(Debug, Default)]
pub(crate) struct Lost(Mutex<Losses>);

#[derive(Debug, Default)]
struct Losses {
    ranges: Vec<Range<u64>>,
    /// The system's words for the first of them.
    why: Option<String>,
    gave_up: bool,
}

impl Lost {
    fn add(&self, range: Range<u64>, error: &io::Error) {
        let mut losses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        losses.why.get_or_insert_with(|| error.to_string());
        match losses.ranges.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => losses.ranges.push(range),
        }
    }

    fn give_up(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .gave_up = true;
    }

    /// Whether a reader ended early for that: then it was not the file that ended.
    pub(crate) fn gave_up(&self) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .gave_up
    }

    /// Tells each range; neighbours are one.
    ///
    /// `end` is the end of what was to be read: what lies behind it was not lost.
    pub(crate) fn tell(&self, place: &Place, end: u64, visitor: &dyn Visitor) {
        let mut losses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let why = losses.why.take().unwrap_or_default();
        let mut ranges = merged(std::mem::take(&mut losses.ranges));
        ranges.retain_mut(|range| {
            range.end = range.end.min(end);
            !range.is_empty()
        });
        let told = ranges.len().min(TOLD);
        for range in &ranges[..told] {
            visitor.gap(
                place,
                Gap {
                    kind: GapKind::Unreadable,
                    what: format!("{why}: {:#x}-{:#x}", range.start, range.end),
                    bytes: Some(range.end - range.start),
                },
            );
        }
        let rest = &ranges[told..];
        if !rest.is_empty() {
            visitor.gap(
                place,
                Gap {
                    kind: GapKind::Unreadable,
                    what: format!("{why}: {} more ranges", rest.len()),
                    bytes: Some(rest.iter().map(|range| range.end - range.start).sum()),
                },
            );
        }
    }
}

/// In order, with ranges that touch or overlap made one: readers meet the surroundings of their parts twice.
pub(crate) fn merged(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut whole: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match whole.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => whole.push(range),
        }
    }
    whole
}
