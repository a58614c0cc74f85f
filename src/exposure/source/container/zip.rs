//! ZIP (APPNOTE 6.3): walked from member to member, as a stream.
//!
//! Reading it so, and not by its directory, needs no memory for the directory, works at any depth, and also meets members
//! that were taken out of the directory and left in the file. The directory is counted: if it names more members than were
//! met, that is told.

mod record;
mod stored;

use std::io::{self, ErrorKind, Read};

use flate2::Crc;
use flate2::bufread::DeflateDecoder;

use crate::source::container::budget::{Metered, Pass};
use crate::source::container::{Level, conclude, inside, tell, unpacked};
use crate::source::{GapKind, Place};

use record::{Entry, Record};
use stored::Stored;

/// Searches each member. Behind what is no record it goes on at the next.
pub(super) fn open(level: &mut Level<'_, '_>, place: &Place, pass: &Pass<'_>, depth: u32) {
    let mut met = 0u64;
    let mut named = 0u64;
    let mut ended = false;
    while let Some(record) = next_record(level) {
        match record {
            Record::Entry(entry) => {
                met += 1;
                ended = false;
                open_entry(level, &entry, place, pass, depth);
                if pass.left().is_err() {
                    return;
                }
            }
            Record::Named { length } => {
                named += 1;
                level.skip(length);
            }
            Record::Passed { length } => {
                // One that leads beyond the end hides what comes there.
                ended &= level.skip(length) == length;
            }
            Record::End { length } => {
                level.skip(length);
                ended = true;
            }
        }
    }
    if level.has_failed() {
        return;
    }
    let what = if named > met {
        format!("damaged: {met} of {named} members were met")
    } else if !ended {
        "damaged, or cut off: it has no end".to_owned()
    } else {
        return;
    };
    tell(pass, &inside(place, "zip", None), GapKind::Closed, what);
}

/// The next record, wherever it begins: tools put padding and signatures of their own between them.
fn next_record(level: &mut Level<'_, '_>) -> Option<Record> {
    loop {
        let bytes = level.peek(record::LONGEST);
        if let Some(record) = Record::parse(bytes) {
            return Some(record);
        }
        if bytes.is_empty() {
            return None;
        }
        let next = bytes[1..].iter().position(|byte| *byte == b'P');
        let step = next.map_or(bytes.len(), |next| next + 1);
        level.skip(step as u64);
    }
}

fn open_entry(
    level: &mut Level<'_, '_>,
    entry: &Entry,
    place: &Place,
    pass: &Pass<'_>,
    depth: u32,
) {
    level.skip(entry.header);
    let place = inside(place, "zip", Some(&entry.name));
    let closed = if entry.encrypted {
        Some("encrypted".to_owned())
    } else if !matches!(entry.method, 0 | 8) {
        Some(format!(
            "packed by method {}, which this program does not know",
            entry.method
        ))
    } else {
        None
    };
    if let Some(what) = closed {
        tell(pass, &place, GapKind::Closed, what);
        level.skip(entry.packed.unwrap_or(0));
        return;
    }
    if entry.packed == Some(0) {
        return;
    }
    let result = pass.member().and_then(|()| match entry.packed {
        Some(packed) => {
            let mut body = level.by_ref().take(packed);
            let result = unpack(&mut body, entry, &place, pass, depth);
            let left = body.limit();
            let skipped = level.skip(left);
            if skipped < left && result.is_ok() {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            result
        }
        None => unpack_unsized(level, entry, &place, pass, depth),
    });
    conclude(result, level, &place, pass);
}

/// A member whose length is in front of it.
fn unpack<'v, 'r>(
    body: &mut io::Take<&mut Level<'v, 'r>>,
    entry: &Entry,
    place: &Place,
    pass: &Pass<'_>,
    depth: u32,
) -> io::Result<u64> {
    let position = body.get_ref().position();
    let length;
    let crc;
    if entry.method == 0 {
        let mut checked = Checked::new(body);
        length = unpacked(&mut checked, place, pass, depth)?;
        crc = checked.crc.sum();
    } else {
        let decoder = DeflateDecoder::new(body);
        let mut checked = Checked::new(Metered::new(decoder, position, pass));
        length = unpacked(&mut checked, place, pass, depth)?;
        crc = checked.crc.sum();
    }
    match entry.crc {
        Some(wanted) if wanted != crc => Err(io::Error::other("the checksum differs")),
        _ => Ok(length),
    }
}

/// A member whose length is told behind it: Deflate knows its own end, and stored bytes are read up to what tells it.
fn unpack_unsized(
    level: &mut Level<'_, '_>,
    entry: &Entry,
    place: &Place,
    pass: &Pass<'_>,
    depth: u32,
) -> io::Result<u64> {
    if entry.method == 0 {
        return unpacked(&mut Stored::new(level), place, pass, depth);
    }
    let position = level.position();
    let decoder = DeflateDecoder::new(level.by_ref());
    let mut checked = Checked::new(Metered::new(decoder, position, pass));
    let length = unpacked(&mut checked, place, pass, depth)?;
    let crc = checked.crc.sum();
    match record::crc_behind(level.peek(record::LONGEST)) {
        Some(wanted) if wanted != crc => Err(io::Error::other("the checksum differs")),
        _ => Ok(length),
    }
}

/// Reads, and adds up the checksum: Deflate has none of its own.
struct Checked<R> {
    reader: R,
    crc: Crc,
}

impl<R: Read> Checked<R> {
    fn new(reader: R) -> Self {
        Self {
            reader,
            crc: Crc::new(),
        }
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.reader.read(into)?;
        self.crc.update(&into[..length]);
        Ok(length)
    }
}
