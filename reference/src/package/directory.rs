//! The structure of a ZIP archive: its central directory and local headers. Main type: [`Record`].
//!
//! Both must tell the same story, without gaps and without a name twice: libraries that read only one of the two let a second,
//! unverified copy of a file slip through.

use std::collections::HashSet;

use flate2::read::DeflateDecoder;

use super::refusal::Refusal;

/// One entry as the central directory describes it.
pub(super) struct Record {
    pub(super) name: String,
    made_on_unix: bool,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc: u32,
    pub(super) packed: usize,
    pub(super) unpacked: usize,
    attributes: u32,
    pub(super) offset: usize,
}

pub(super) enum Kind {
    File,
    Directory,
    Other,
}

impl Record {
    pub(super) fn kind(&self) -> Kind {
        // The upper half holds st_mode where the archive was made on Unix; 0 if the writer did not care.
        match self.attributes >> 16 & 0o170_000 {
            _ if !self.made_on_unix => self.kind_by_name(),
            0 => self.kind_by_name(),
            0o100_000 if !self.name.ends_with('/') => Kind::File,
            0o040_000 if self.name.ends_with('/') => Kind::Directory,
            _ => Kind::Other,
        }
    }

    fn kind_by_name(&self) -> Kind {
        if self.name.ends_with('/') {
            Kind::Directory
        } else {
            Kind::File
        }
    }
}

const LOCAL: &[u8; 4] = b"PK\x03\x04";
const CENTRAL: &[u8; 4] = b"PK\x01\x02";
const END: &[u8; 4] = b"PK\x05\x06";
const DESCRIPTOR: &[u8; 4] = b"PK\x07\x08";
const HAS_DESCRIPTOR: u16 = 1 << 3;
pub(super) const ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;

/// The records of the central directory.
pub(super) fn directory(bytes: &[u8]) -> Result<Vec<Record>, Refusal> {
    let end =
        end_of_directory(bytes).ok_or_else(|| malformed("it has no end of central directory"))?;
    let (disk, start_disk) = (u16_at(bytes, end + 4)?, u16_at(bytes, end + 6)?);
    let (here, total) = (u16_at(bytes, end + 8)?, u16_at(bytes, end + 10)?);
    let (size, start) = (u32_at(bytes, end + 12)?, u32_at(bytes, end + 16)?);
    if disk != 0 || start_disk != 0 || here != total {
        return Err(malformed("it is split over several volumes"));
    }
    if total == u16::MAX || size == u32::MAX || start == u32::MAX {
        return Err(malformed("ZIP64 is not supported"));
    }
    let (mut at, size) = (start as usize, size as usize);
    if at.checked_add(size) != Some(end) {
        return Err(malformed(
            "the central directory does not end where it says",
        ));
    }
    let mut records = Vec::with_capacity(usize::from(total));
    for _ in 0..total {
        if slice(bytes, at, 4)? != CENTRAL {
            return Err(malformed("the central directory is damaged"));
        }
        let (name, extra, comment) = (
            u16_at(bytes, at + 28)? as usize,
            u16_at(bytes, at + 30)? as usize,
            u16_at(bytes, at + 32)? as usize,
        );
        records.push(Record {
            name: text(slice(bytes, at + 46, name)?)?,
            made_on_unix: slice(bytes, at + 5, 1)? == [3],
            flags: u16_at(bytes, at + 8)?,
            method: u16_at(bytes, at + 10)?,
            crc: u32_at(bytes, at + 16)?,
            packed: u32_at(bytes, at + 20)? as usize,
            unpacked: u32_at(bytes, at + 24)? as usize,
            attributes: u32_at(bytes, at + 38)?,
            offset: u32_at(bytes, at + 42)? as usize,
        });
        at += 46 + name + extra + comment;
    }
    if at != end {
        return Err(malformed(
            "the central directory holds more than its entries",
        ));
    }
    Ok(records)
}

/// Where the end record begins: nothing but its own comment may follow it.
fn end_of_directory(bytes: &[u8]) -> Option<usize> {
    let last = bytes.len().checked_sub(22)?;
    let first = last.saturating_sub(usize::from(u16::MAX));
    (first..=last).rev().find(|&at| {
        bytes[at..].starts_with(END)
            && u16_at(bytes, at + 20)
                .is_ok_and(|comment| at + 22 + usize::from(comment) == bytes.len())
    })
}

/// No name twice, and the local headers say what the directory says, one after the other without a gap.
pub(super) fn check_unambiguous(bytes: &[u8], records: &[Record]) -> Result<(), Refusal> {
    let mut names = HashSet::with_capacity(records.len());
    if let Some(twice) = records
        .iter()
        .find(|record| !names.insert(record.name.trim_end_matches('/')))
    {
        return Err(Refusal::DuplicateEntry(twice.name.clone()));
    }
    let mut in_place: Vec<&Record> = records.iter().collect();
    in_place.sort_by_key(|record| record.offset);
    let mut at = 0;
    for record in in_place {
        if record.offset != at {
            return Err(hidden(bytes, at, &names));
        }
        let local = Local::at(bytes, at)?;
        let same = local.name == record.name
            && local.method == record.method
            && local.flags & HAS_DESCRIPTOR == record.flags & HAS_DESCRIPTOR
            && (record.flags & HAS_DESCRIPTOR != 0
                || (local.crc, local.packed, local.unpacked)
                    == (record.crc, record.packed, record.unpacked));
        if !same {
            return Err(malformed(&format!(
                "the local header of `{}` differs from the central directory",
                record.name
            )));
        }
        at = local
            .data
            .checked_add(record.packed)
            .ok_or_else(|| malformed("a size is out of range"))?;
        if record.flags & HAS_DESCRIPTOR != 0 {
            at += descriptor_length(bytes, at, record)?;
        }
    }
    let end =
        end_of_directory(bytes).ok_or_else(|| malformed("it has no end of central directory"))?;
    if u32_at(bytes, end + 16)? as usize != at {
        return Err(hidden(bytes, at, &names));
    }
    Ok(())
}

/// What lies between two entries where nothing may lie.
fn hidden(bytes: &[u8], at: usize, names: &HashSet<&str>) -> Refusal {
    match Local::at(bytes, at) {
        Ok(local) if names.contains(local.name.as_str()) => Refusal::DuplicateEntry(local.name),
        Ok(local) => malformed(&format!("`{}` is not in the central directory", local.name)),
        Err(_) => malformed("there are bytes between its entries"),
    }
}

/// The descriptor after data of unknown length comes with or without a signature.
fn descriptor_length(bytes: &[u8], at: usize, record: &Record) -> Result<usize, Refusal> {
    let with_signature = slice(bytes, at, 4)? == DESCRIPTOR;
    let fields = if with_signature { at + 4 } else { at };
    let stated = (
        u32_at(bytes, fields)?,
        u32_at(bytes, fields + 4)? as usize,
        u32_at(bytes, fields + 8)? as usize,
    );
    if stated != (record.crc, record.packed, record.unpacked) {
        return Err(malformed(&format!(
            "the data descriptor of `{}` differs from the central directory",
            record.name
        )));
    }
    Ok(if with_signature { 16 } else { 12 })
}

/// A local header.
pub(super) struct Local {
    pub(super) name: String,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc: u32,
    pub(super) packed: usize,
    pub(super) unpacked: usize,
    pub(super) data: usize,
}

impl Local {
    pub(super) fn at(bytes: &[u8], at: usize) -> Result<Self, Refusal> {
        if slice(bytes, at, 4)? != LOCAL {
            return Err(malformed(
                "an entry does not begin where the central directory says",
            ));
        }
        let (name, extra) = (
            u16_at(bytes, at + 26)? as usize,
            u16_at(bytes, at + 28)? as usize,
        );
        Ok(Self {
            name: text(slice(bytes, at + 30, name)?)?,
            flags: u16_at(bytes, at + 6)?,
            method: u16_at(bytes, at + 8)?,
            crc: u32_at(bytes, at + 14)?,
            packed: u32_at(bytes, at + 18)? as usize,
            unpacked: u32_at(bytes, at + 22)? as usize,
            data: at + 30 + name + extra,
        })
    }
}

/// What the defect `accepts-truncated-zip` makes of an archive without a directory: every whole entry from the start on.
pub(super) fn recover(bytes: &[u8]) -> Vec<Record> {
    let mut records = Vec::new();
    let mut at = 0;
    while let Ok(local) = Local::at(bytes, at) {
        let mut packed = local.packed;
        if local.flags & HAS_DESCRIPTOR != 0 {
            let mut inflate = DeflateDecoder::new(bytes.get(local.data..).unwrap_or_default());
            if std::io::copy(&mut inflate, &mut std::io::sink()).is_err() {
                break;
            }
            packed = usize::try_from(inflate.total_in()).unwrap_or(usize::MAX);
        }
        let Some(end) = local
            .data
            .checked_add(packed)
            .filter(|end| *end <= bytes.len())
        else {
            break;
        };
        let descriptor = if local.flags & HAS_DESCRIPTOR == 0 {
            0
        } else if bytes[end..].starts_with(DESCRIPTOR) {
            16
        } else {
            12
        };
        records.push(Record {
            name: local.name,
            made_on_unix: false,
            flags: local.flags,
            method: local.method,
            crc: local.crc,
            packed,
            unpacked: local.unpacked,
            attributes: 0,
            offset: at,
        });
        at = end + descriptor;
    }
    records
}

pub(super) fn malformed(what: &str) -> Refusal {
    Refusal::Archive(what.to_owned())
}

pub(super) fn slice(bytes: &[u8], at: usize, length: usize) -> Result<&[u8], Refusal> {
    at.checked_add(length)
        .and_then(|end| bytes.get(at..end))
        .ok_or_else(|| malformed("it ends too early"))
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16, Refusal> {
    Ok(slice(bytes, at, 2)?
        .iter()
        .rev()
        .fold(0, |value, byte| value << 8 | u16::from(*byte)))
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, Refusal> {
    Ok(slice(bytes, at, 4)?
        .iter()
        .rev()
        .fold(0, |value, byte| value << 8 | u32::from(*byte)))
}

fn text(bytes: &[u8]) -> Result<String, Refusal> {
    String::from_utf8(bytes.to_vec()).map_err(|_| malformed("the name of an entry is not UTF-8"))
}
