//! gzip (RFC 1952): members one behind the other are one stream.

use std::io::{self, Read};

use flate2::bufread::GzDecoder;

use crate::source::Place;
use crate::source::container::budget::{Metered, Pass};
use crate::source::container::{Level, conclude, inside, unpacked};

/// Searches what the members hold.
pub(super) fn open(level: &mut Level<'_, '_>, place: &Place, pass: &Pass<'_>, depth: u32) {
    let place = inside(place, "gzip", None);
    let position = level.position();
    let members = Members {
        decoder: Some(GzDecoder::new(&mut *level)),
    };
    let mut reader = Metered::new(members, position, pass);
    let result = unpacked(&mut reader, &place, pass, depth);
    conclude(result, level, &place, pass);
}

struct Members<'l, 'v, 'r> {
    /// None behind the last.
    decoder: Option<GzDecoder<&'l mut Level<'v, 'r>>>,
}

impl Read for Members<'_, '_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while let Some(decoder) = &mut self.decoder {
            let length = decoder.read(into)?;
            if length > 0 || into.is_empty() {
                return Ok(length);
            }
            let Some(decoder) = self.decoder.take() else {
                break;
            };
            let level = decoder.into_inner();
            // What follows the last member, as zeros on a tape do, is no part of it.
            if level.peek(3) == [0x1f, 0x8b, 8] {
                self.decoder = Some(GzDecoder::new(level));
            }
        }
        Ok(0)
    }
}
