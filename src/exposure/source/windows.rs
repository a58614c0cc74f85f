//! Cuts a stream of any length into [`Window`]s: [`Windows`] reads on while others read from it.

mod buffer;
pub(crate) mod mapped;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::io::{self, BufRead, ErrorKind, Read};
use std::rc::Rc;

use crate::detector::{REACH, Window};
use crate::source::windows::buffer::Buffer;
use crate::source::{Gap, GapKind, Place, Visitor};

/// Bytes in memory at a time: half of what the second-level cache of a core holds, so that what was read is searched there.
const CAPACITY: usize = 512 << 10;

/// A stream on its way to the visitor.
///
/// Whoever unpacks the stream reads through this, and all that it reads is searched by the way; [`Windows::finish`] searches
/// the rest. Fresh parts tile the stream, each with [`REACH`] bytes around it where the stream has them. Memory is constant.
pub struct Windows<'v, R> {
    reader: R,
    place: &'v Place,
    /// Nobody, if the bytes are searched already and only what they contain is of interest.
    visitor: Option<&'v dyn Visitor>,
    buffer: Buffer,
    /// The buffer holds bytes up to here ...
    filled: usize,
    /// ... of which those up to here have been handed on to who reads from this ...
    taken: usize,
    /// ... and those up to here have been answered for.
    searched: usize,
    /// Position of the buffer's first byte in the stream.
    base: u64,
    /// Position in the stream where the answering ends.
    until: u64,
    position: Rc<Cell<u64>>,
    ended: bool,
    failure: Option<io::Error>,
}

impl<'v, R: Read> Windows<'v, R> {
    /// The whole stream.
    pub fn new(reader: R, place: &'v Place, visitor: &'v dyn Visitor) -> Self {
        Self::build(reader, place, Some(visitor), CAPACITY)
    }

    /// A part of a stream: the reader begins at the position `base`, `fresh` says which positions to answer for. The reader
    /// should begin [`REACH`] bytes before them, and end as many after.
    pub(crate) fn part(
        reader: R,
        place: &'v Place,
        visitor: &'v dyn Visitor,
        base: u64,
        fresh: std::ops::Range<u64>,
    ) -> Self {
        let mut windows = Self::build(reader, place, Some(visitor), CAPACITY);
        windows.base = base;
        windows.until = fresh.end;
        // Less than `REACH`, so it fits.
        windows.searched = fresh.start.saturating_sub(base).min(REACH as u64) as usize;
        windows.position.set(base);
        windows
    }

    /// Hands out no windows: somebody else searches these bytes.
    pub(crate) fn unseen(reader: R, place: &'v Place) -> Self {
        Self::build(reader, place, None, CAPACITY)
    }

    fn build(
        reader: R,
        place: &'v Place,
        visitor: Option<&'v dyn Visitor>,
        capacity: usize,
    ) -> Self {
        Self {
            reader,
            place,
            visitor,
            buffer: Buffer::take(capacity),
            filled: 0,
            taken: 0,
            searched: 0,
            base: 0,
            until: u64::MAX,
            position: Rc::default(),
            ended: false,
            failure: None,
        }
    }

    /// The next `wanted` bytes (at most [`REACH`]) without taking them; fewer at the stream's end.
    pub(crate) fn peek(&mut self, wanted: usize) -> &[u8] {
        let wanted = wanted.min(REACH);
        while self.filled - self.taken < wanted && self.more() {}
        &self.buffer[self.taken..self.filled.min(self.taken + wanted)]
    }

    /// Takes so many bytes; fewer at the stream's end. Returns their number.
    pub(crate) fn skip(&mut self, length: u64) -> u64 {
        let mut left = length;
        while left > 0 && (self.taken < self.filled || self.more()) {
            let step = left.min((self.filled - self.taken) as u64);
            self.consume(step as usize);
            left -= step;
        }
        length - left
    }

    /// Where in the stream reading has come to; it goes on counting.
    pub(crate) fn position(&self) -> Rc<Cell<u64>> {
        Rc::clone(&self.position)
    }

    /// Whether the reader has failed. Then what reads from this sees the stream end early, and [`Windows::finish`] tells.
    pub(crate) fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// Reads and searches what is left. Returns the stream's length.
    ///
    /// # Errors
    /// That of the reader, now or earlier: what came before it was searched.
    pub fn finish(mut self) -> io::Result<u64> {
        loop {
            self.consume(self.filled - self.taken);
            if !self.more() {
                break;
            }
        }
        self.search(self.filled);
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => Ok(self.base + self.filled as u64),
        }
    }

    /// Reads once. False at the end.
    fn more(&mut self) -> bool {
        if self.ended {
            return false;
        }
        if self.visitor.is_some_and(Visitor::is_done) {
            self.ended = true;
            self.tell_late();
            return false;
        }
        if self.filled == self.buffer.len() {
            self.shift();
        }
        loop {
            match self.reader.read(&mut self.buffer[self.filled..]) {
                Ok(0) => self.ended = true,
                Ok(length) => {
                    self.filled += length;
                    self.buffer.touch(self.filled);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.ended = true;
                    self.failure = Some(error);
                }
            }
            return !self.ended;
        }
    }

    fn tell_late(&self) {
        if let Some(visitor) = self.visitor {
            let gap = Gap {
                kind: GapKind::Bound,
                what: format!(
                    "the time limit was reached: nothing was read from offset {} on",
                    self.base + self.filled as u64
                ),
                bytes: None,
            };
            visitor.gap(self.place, gap);
        }
    }

    /// Searches what has its surroundings, and keeps the surroundings of what has not.
    fn shift(&mut self) {
        self.search(self.filled - REACH);
        let drop = self.searched.saturating_sub(REACH).min(self.taken);
        self.buffer.copy_within(drop..self.filled, 0);
        self.base += drop as u64;
        self.filled -= drop;
        self.taken -= drop;
        self.searched -= drop;
    }

    fn search(&mut self, end: usize) {
        let limit = usize::try_from(self.until.saturating_sub(self.base)).unwrap_or(usize::MAX);
        let fresh = self.searched..end.min(limit);
        if fresh.is_empty() {
            return;
        }
        self.searched = fresh.end;
        if let Some(visitor) = self.visitor {
            let window = Window {
                bytes: &self.buffer[..self.filled],
                fresh,
                offset: self.base,
                ahead: 0,
            };
            visitor.window(self.place, &window);
        }
    }
}

impl<R: Read> BufRead for Windows<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.taken == self.filled {
            self.more();
        }
        Ok(&self.buffer[self.taken..self.filled])
    }

    fn consume(&mut self, length: usize) {
        self.taken = (self.taken + length).min(self.filled);
        self.position.set(self.base + self.taken as u64);
    }
}

impl<R: Read> Read for Windows<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let ready = self.fill_buf()?;
        let length = ready.len().min(into.len());
        into[..length].copy_from_slice(&ready[..length]);
        self.consume(length);
        Ok(length)
    }
}
