//! tar: old, ustar, GNU and pax. Of sparse members what is stored is searched: their holes are zeros.

mod header;

use std::io::{ErrorKind, Read};

use crate::source::container::budget::Pass;
use crate::source::container::{Level, conclude, inside, tell, unpacked};
use crate::source::{GapKind, Place};

use header::{BLOCK, Header};

pub(super) use header::is_header;

/// How much of a long name or of pax records is looked at; what lies behind it is searched like everything.
const NAMES: usize = 32 * 1024;

/// Searches each member. Behind a damaged header it goes on at the next whole one.
pub(super) fn open(level: &mut Level<'_, '_>, place: &Place, pass: &Pass<'_>, depth: u32) {
    let mut told = false;
    let mut ended = false;
    // What extra headers have said of the next member.
    let mut name: Option<Vec<u8>> = None;
    let mut size: Option<u64> = None;
    loop {
        let at = level.position().get();
        let block = level.peek(BLOCK);
        if block.len() < BLOCK {
            return;
        }
        if block.iter().all(|byte| *byte == 0) {
            // Two of them are the end, but archives may follow one another.
            ended = true;
            level.skip(BLOCK as u64);
            continue;
        }
        let Some(header) = Header::parse(block) else {
            if ended {
                return;
            }
            if !told {
                told = true;
                let what = format!("damaged: no header of a member at {at:#x}");
                tell(pass, &inside(place, "tar", None), GapKind::Closed, what);
            }
            level.skip(BLOCK as u64);
            continue;
        };
        ended = false;
        level.skip(BLOCK as u64);
        if let Some(which) = header.extra() {
            let start = level.peek(NAMES.min(usize::try_from(header.size).unwrap_or(NAMES)));
            which.read(start, &mut name, &mut size);
            level.skip(padded(header.size));
            continue;
        }
        let length = size.take().unwrap_or(header.size);
        let length = if header.has_data() { length } else { 0 };
        let place = inside(place, "tar", Some(&name.take().unwrap_or(header.name)));
        if header.extended {
            skip_sparse_map(level);
        }
        if length == 0 {
            continue;
        }
        let mut member = level.by_ref().take(length);
        let result = match pass.member() {
            Ok(()) => unpacked(&mut member, &place, pass, depth),
            Err(error) => Err(error),
        };
        let left = member.limit();
        let result = match result {
            Ok(_) if left > 0 => Err(ErrorKind::UnexpectedEof.into()),
            result => result,
        };
        conclude(result, level, &place, pass);
        if pass.left().is_err() {
            return;
        }
        level.skip(left + padded(length) - length);
    }
}

fn padded(size: u64) -> u64 {
    size.checked_next_multiple_of(BLOCK as u64).unwrap_or(size)
}

/// GNU's list of the parts of a sparse member, in blocks of which each says whether another follows.
fn skip_sparse_map(level: &mut Level<'_, '_>) {
    loop {
        let more = level.peek(BLOCK).get(504).is_some_and(|more| *more != 0);
        if level.skip(BLOCK as u64) < BLOCK as u64 || !more {
            return;
        }
    }
}
