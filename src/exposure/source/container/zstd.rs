//! Zstandard (RFC 8878): frames one behind the other are one stream.

mod window;

use std::io::{self, Read};

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::source::Place;
use crate::source::container::budget::{Metered, Pass};
use crate::source::container::{Level, conclude, inside, unpacked};

use window::Turn;

/// Searches what the frames hold.
pub(super) fn open(level: &mut Level<'_, '_>, place: &Place, pass: &Pass<'_>, depth: u32) {
    let place = inside(place, "zstd", None);
    let position = level.position();
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(window::LARGEST);
    let frames = Frames {
        level,
        decoder,
        within: false,
        turn: None,
    };
    let mut reader = Metered::new(frames, position, pass);
    let result = unpacked(&mut reader, &place, pass, depth);
    conclude(result, level, &place, pass);
}

struct Frames<'l, 'v, 'r> {
    level: &'l mut Level<'v, 'r>,
    decoder: FrameDecoder,
    /// Whether a frame has been begun and not ended.
    within: bool,
    /// For as long as the decoder keeps the memory of a large window, which is to its end.
    turn: Option<Turn>,
}

impl Frames<'_, '_, '_> {
    /// Begins the next frame. False if there is none.
    fn begin(&mut self) -> io::Result<bool> {
        loop {
            match *self.level.peek(window::HEADER) {
                [0x28, 0xb5, 0x2f, 0xfd, ref rest @ ..] => {
                    let window = window::asked_for(rest);
                    if self.turn.is_none() {
                        self.turn = Turn::wait(window.unwrap_or(0))?;
                    }
                    self.decoder
                        .reset(&mut *self.level)
                        .map_err(io::Error::other)?;
                    self.within = true;
                    return Ok(true);
                }
                // Skipped, and searched as it is.
                [0x50..=0x5f, 0x2a, 0x4d, 0x18, a, b, c, d, ..] => {
                    let length = 8 + u64::from(u32::from_le_bytes([a, b, c, d]));
                    if self.level.skip(length) < length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                _ => return Ok(false),
            }
        }
    }

    fn end(&mut self) -> io::Result<()> {
        self.within = false;
        let wanted = self.decoder.get_checksum_from_data();
        if wanted.is_some() && wanted != self.decoder.get_calculated_checksum() {
            return Err(io::Error::other("the checksum differs"));
        }
        Ok(())
    }
}

impl Read for Frames<'_, '_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.within || self.begin()? {
            if self.decoder.can_collect() > 0 {
                return self.decoder.read(into);
            }
            if self.decoder.is_finished() {
                self.end()?;
                continue;
            }
            // One block, of at most 128 KiB, at a time: a frame's memory is its window.
            self.decoder
                .decode_blocks(&mut *self.level, BlockDecodingStrategy::UptoBlocks(1))
                .map_err(io::Error::other)?;
        }
        Ok(0)
    }
}
