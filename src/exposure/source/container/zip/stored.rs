//! Stored members whose length is told behind them: [`Stored`] ends where a record says just that length.

use std::io::{self, ErrorKind, Read};

use crate::source::container::Level;
use crate::source::container::zip::record::u32_at;

/// Bytes that are looked at in one go, and of these the ones that a record takes.
const LOOKED_AT: usize = 32 * 1024;
const RECORD: usize = 16;

pub(super) struct Stored<'l, 'v, 'r> {
    level: &'l mut Level<'v, 'r>,
    /// Bytes so far.
    length: u64,
}

impl<'l, 'v, 'r> Stored<'l, 'v, 'r> {
    pub(super) fn new(level: &'l mut Level<'v, 'r>) -> Self {
        Self { level, length: 0 }
    }
}

impl Read for Stored<'_, '_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let bytes = self.level.peek(LOOKED_AT);
        let length = match end(bytes, self.length) {
            Some(0) => return Ok(0),
            Some(end) => end,
            // A record may begin in the last of them.
            None => bytes.len().saturating_sub(RECORD - 1),
        };
        if length == 0 && !into.is_empty() {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let length = length.min(into.len());
        into[..length].copy_from_slice(&bytes[..length]);
        self.level.skip(length as u64);
        self.length += length as u64;
        Ok(length)
    }
}

/// Where the record is that ends the member, if `length` bytes of it came before.
fn end(bytes: &[u8], length: u64) -> Option<usize> {
    let mut from = 0;
    loop {
        let found = bytes
            .get(from..)?
            .windows(4)
            .position(|four| four == b"PK\x07\x08")?;
        let at = from + found;
        // The lower half of it, if the member is larger than 4 GiB.
        let told = u32_at(bytes, at + 8)?;
        if told == (length + at as u64) as u32 {
            return Some(at);
        }
        from = at + 1;
    }
}
