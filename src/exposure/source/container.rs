//! What is packed in what: streams are searched as they are, and again unpacked, in one reading of the outermost.
//!
//! Containers are known by their beginnings, whatever their names. The bytes of each level pass through [`Windows`] on their
//! way to the level below it, so memory is that of one buffer and one decoder a level.

mod avml;
mod budget;
mod disk_image;
mod gzip;
mod kind;
mod snappy;
mod tar;
mod zip;
mod zstd;

#[cfg(test)]
mod tests;

use std::io::{self, Read};

use crate::source::text::escaped_member;
use crate::source::windows::Windows;
use crate::source::{Gap, GapKind, Place};

pub(crate) use budget::Pass;
pub(crate) use kind::{Kind, SNIFFED};

use budget::Spent;

/// How long a script before an archive may be, in bytes.
const SCRIPT: usize = 64 * 1024;

/// A stream, of which a decoder reads what is searched by the way.
type Level<'v, 'r> = Windows<'v, &'r mut (dyn Read + 'r)>;

/// Searches a stream and what is packed in it. Returns its length.
///
/// # Errors
/// That of `reader`: what came before it was searched.
pub(crate) fn search(reader: &mut dyn Read, place: &Place, pass: &Pass<'_>) -> io::Result<u64> {
    let mut level = Windows::new(reader, place, pass.visitor());
    pass.measure(level.position());
    open(&mut level, place, pass, 0);
    level.finish()
}

/// Searches what is packed in a stream that is itself searched by others.
pub(crate) fn search_inside(reader: &mut dyn Read, place: &Place, pass: &Pass<'_>) {
    let mut level = Windows::unseen(reader, place);
    pass.measure(level.position());
    open(&mut level, place, pass, 0);
}

/// Searches what came out of a container.
fn unpacked(reader: &mut dyn Read, place: &Place, pass: &Pass<'_>, depth: u32) -> io::Result<u64> {
    let mut level = Windows::new(reader, place, pass.visitor());
    open(&mut level, place, pass, depth);
    level.finish()
}

/// Opens the container that begins here, and those that follow it.
fn open(level: &mut Level<'_, '_>, place: &Place, pass: &Pass<'_>, depth: u32) {
    if level.peek(2) == b"#!" {
        skip_script(level);
    }
    while let Some(kind) = Kind::of(level.peek(SNIFFED)) {
        let before = level.position().get();
        open_one(level, kind, place, pass, depth);
        skip_zeros(level);
        if level.position().get() == before || pass.left().is_err() {
            return;
        }
    }
}

/// A shell script may have an archive behind it, as jars that can be executed and installers do: goes to where one seems to
/// begin, or nowhere.
fn skip_script(level: &mut Level<'_, '_>) {
    let start = level.peek(SCRIPT);
    let at = (1..start.len()).find(|at| {
        let line = start[at - 1] == b'\n' || start[*at..].starts_with(b"PK\x03\x04");
        let rest = &start[*at..start.len().min(at + SNIFFED)];
        line && Kind::of(rest).is_some()
    });
    if let Some(at) = at {
        level.skip(at as u64);
    }
}

/// Padding, as between the files of a tape.
fn skip_zeros(level: &mut Level<'_, '_>) {
    loop {
        let bytes = level.peek(SNIFFED);
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        if zeros == 0 || level.skip(zeros as u64) == 0 {
            return;
        }
    }
}

fn open_one(level: &mut Level<'_, '_>, kind: Kind, place: &Place, pass: &Pass<'_>, depth: u32) {
    if let Kind::Unopened(name) = kind {
        let what = format!("{name} is not unpacked by this program");
        return tell(pass, place, GapKind::Closed, what);
    }
    if depth >= pass.limits().depth {
        let what = format!("{kind}: not opened, since it lies in {depth} others");
        return tell(pass, place, GapKind::Bound, what);
    }
    match kind {
        Kind::Gzip => gzip::open(level, place, pass, depth + 1),
        Kind::Zstd => zstd::open(level, place, pass, depth + 1),
        Kind::Tar => tar::open(level, place, pass, depth + 1),
        Kind::Snappy => snappy::open(level, place, pass, depth + 1),
        Kind::Avml => avml::open(level, place, pass, depth + 1),
        Kind::DiskImage(format) => disk_image::open(level, format, place, pass),
        Kind::Zip => zip::open(level, place, pass, depth + 1),
        Kind::Unopened(_) => {}
    }
}

/// Tells how the search of what came out of a container ended.
///
/// If the level around it has failed, the failure is told there.
fn conclude(result: io::Result<u64>, level: &Level<'_, '_>, place: &Place, pass: &Pass<'_>) {
    let Err(error) = result else { return };
    if let Some(spent) = Spent::of(&error) {
        if pass.first_time(spent) {
            tell(pass, place, GapKind::Bound, spent.to_string());
        }
    } else if !level.has_failed() {
        let what = format!("damaged, or cut off: {error}");
        tell(pass, place, GapKind::Closed, what);
    }
}

fn tell(pass: &Pass<'_>, place: &Place, kind: GapKind, what: impl Into<String>) {
    let gap = Gap {
        kind,
        what: what.into(),
        bytes: None,
    };
    pass.visitor().gap(place, gap);
}

/// The place in a container: `gzip`, or `zip: name`.
fn inside(place: &Place, container: &str, name: Option<&[u8]>) -> Place {
    let mut place = place.clone();
    place.inside.push(match name {
        Some(name) => format!("{container}: {}", escaped_member(name)),
        None => container.to_owned(),
    });
    place
}
