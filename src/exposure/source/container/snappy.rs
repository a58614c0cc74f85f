//! Snappy in its framing format: chunks of at most 64 KiB, each with a checksum that is left unchecked, since a damaged chunk
//! is searched as well as it can be. Main type: [`Chunks`].

use std::io::{self, ErrorKind, Read};

use crate::source::Place;
use crate::source::container::budget::{Metered, Pass};
use crate::source::container::{Level, conclude, inside, unpacked};

/// How every stream begins.
pub(super) const IDENTIFIER: &[u8] = b"\xff\x06\0\0sNaPpY";

/// Bytes that a chunk holds at most, unpacked.
const LARGEST: usize = 64 * 1024;
const CHECKSUM: usize = 4;

/// Searches what the stream holds.
pub(super) fn open(level: &mut Level<'_, '_>, place: &Place, pass: &Pass<'_>, depth: u32) {
    let place = inside(place, "snappy", None);
    let position = level.position();
    let mut reader = Metered::new(Chunks::of(level), position, pass);
    let result = unpacked(&mut reader, &place, pass, depth);
    conclude(result, level, &place, pass);
}

/// What the chunks at a level hold, up to the first bytes that are no chunk.
pub(super) struct Chunks<'l, 'v, 'r> {
    level: &'l mut Level<'v, 'r>,
    decoder: snap::raw::Decoder,
    /// The chunk that is handed out, and how much of it was.
    chunk: Vec<u8>,
    taken: usize,
}

impl<'l, 'v, 'r> Chunks<'l, 'v, 'r> {
    pub(super) fn of(level: &'l mut Level<'v, 'r>) -> Self {
        Self {
            level,
            decoder: snap::raw::Decoder::new(),
            chunk: Vec::new(),
            taken: 0,
        }
    }

    /// The level, for what lies between two streams. What was unpacked and not read is kept.
    pub(super) fn level(&mut self) -> &mut Level<'v, 'r> {
        self.level
    }

    /// Goes to the next chunk with data. False where there is none.
    fn more(&mut self) -> io::Result<bool> {
        loop {
            let [kind, a, b, c] = *self.level.peek(4) else {
                return Ok(false);
            };
            let length = u32::from_le_bytes([a, b, c, 0]) as usize;
            match kind {
                0x00 | 0x01 => {
                    self.level.skip(4);
                    self.read(kind == 0x00, length)?;
                    return Ok(true);
                }
                // The identifier again, and what is there to be skipped.
                0xff if self.level.peek(IDENTIFIER.len()) != IDENTIFIER => return Ok(false),
                0x80..=0xff => {
                    let length = 4 + length as u64;
                    if self.level.skip(length) < length {
                        return Err(ErrorKind::UnexpectedEof.into());
                    }
                }
                _ => return Ok(false),
            }
        }
    }

    fn read(&mut self, packed: bool, length: usize) -> io::Result<()> {
        // Snappy makes what cannot be packed longer by a sixth at most.
        if length < CHECKSUM || length > CHECKSUM + snap::raw::max_compress_len(LARGEST) {
            return Err(io::Error::other(format!("a chunk of {length} bytes")));
        }
        let mut bytes = vec![0; length];
        self.level.read_exact(&mut bytes)?;
        let bytes = &bytes[CHECKSUM..];
        self.taken = 0;
        if !packed {
            self.chunk = bytes.to_vec();
            return Ok(());
        }
        // What a chunk says of its own length is not to be believed: memory is taken for it.
        let unpacked = snap::raw::decompress_len(bytes).map_err(io::Error::other)?;
        if unpacked > LARGEST {
            return Err(io::Error::other(format!("a chunk of {unpacked} bytes")));
        }
        self.chunk.resize(unpacked, 0);
        self.decoder
            .decompress(bytes, &mut self.chunk)
            .map_err(io::Error::other)?;
        Ok(())
    }
}

impl Read for Chunks<'_, '_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.chunk.len() {
            if into.is_empty() || !self.more()? {
                return Ok(0);
            }
        }
        let length = into.len().min(self.chunk.len() - self.taken);
        into[..length].copy_from_slice(&self.chunk[self.taken..][..length]);
        self.taken += length;
        Ok(length)
    }
}
