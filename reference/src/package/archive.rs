//! Reads a ZIP archive that nobody vouches for yet. Main type: [`Archive`].
//!
//! The structure is read by [`super::directory`]; only the inflating is left to a library.

use std::io::Read;

use flate2::read::DeflateDecoder;

use super::directory::{
    ENCRYPTED, Kind, Local, Record, check_unambiguous, directory, malformed, recover, slice,
};
use super::refusal::Refusal;
use crate::defect::{Defects, Deviation};

/// How large an archive may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all files together, unpacked.
    pub max_unpacked_bytes: u64,
    /// Unpacked bytes per byte of the archive.
    pub max_ratio: u64,
    /// Entries, directories included.
    pub max_entries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_unpacked_bytes: 64 << 20,
            max_ratio: 100,
            max_entries: 1000,
        }
    }
}

/// The files of an archive, in the order of its directory.
#[derive(Debug)]
pub(crate) struct Archive {
    files: Vec<File>,
    recovered: bool,
}

#[derive(Debug)]
struct File {
    name: String,
    data: Vec<u8>,
}

impl Archive {
    /// Unpacks into memory.
    pub(crate) fn read(bytes: &[u8], limits: Limits, defects: Defects) -> Result<Self, Refusal> {
        let (records, recovered) = match directory(bytes) {
            Ok(records) => (records, false),
            Err(_) if defects.has(Deviation::AcceptsTruncatedZip) => (recover(bytes), true),
            Err(refusal) => return Err(refusal),
        };
        if records.len() > limits.max_entries && !defects.has(Deviation::NoSizeLimit) {
            return Err(Refusal::Limit(format!("{} entries", limits.max_entries)));
        }
        if !recovered && !defects.has(Deviation::VerifiesOneEntryUsesDuplicate) {
            check_unambiguous(bytes, &records)?;
        }
        let mut files = Vec::with_capacity(records.len());
        let mut budget = Budget::new(bytes.len(), limits, defects);
        for record in &records {
            if !defects.has(Deviation::AcceptsPathTraversal) {
                check_path(&record.name)?;
            }
            match record.kind() {
                Kind::Directory => {}
                Kind::File => files.push(File {
                    name: record.name.clone(),
                    data: budget.unpack(bytes, record, recovered)?,
                }),
                Kind::Other => return Err(Refusal::SpecialEntry(record.name.clone())),
            }
        }
        Ok(Self { files, recovered })
    }

    /// Every file with its path, in the order of the directory.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files
            .iter()
            .map(|file| (file.name.as_str(), file.data.as_slice()))
    }

    /// The file of this path.
    pub(crate) fn file(&self, name: &str) -> Option<&[u8]> {
        self.files
            .iter()
            .find(|file| file.name == name)
            .map(|file| file.data.as_slice())
    }

    /// Every file of this path: more than one only in a product that tolerates it.
    pub(crate) fn copies<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.files
            .iter()
            .filter(move |file| file.name == name)
            .map(|file| file.data.as_slice())
    }

    /// Whether the central directory was missing and the files were collected without it.
    pub(crate) fn is_recovered(&self) -> bool {
        self.recovered
    }
}

/// A path that stays inside on every system, and has one spelling.
fn check_path(name: &str) -> Result<(), Refusal> {
    let path = name.strip_suffix('/').unwrap_or(name);
    let drive = path.as_bytes().get(1) == Some(&b':');
    let plain = path
        .split('/')
        .all(|part| !part.is_empty() && part != "." && part != "..");
    if !plain || drive || path.contains(['\\', '\0']) {
        return Err(Refusal::OutsidePath(name.to_owned()));
    }
    Ok(())
}

/// What may still be unpacked: enforced on what really comes out, not on what the headers promise.
struct Budget {
    left: u64,
    limit: String,
}

impl Budget {
    fn new(archive: usize, limits: Limits, defects: Defects) -> Self {
        if defects.has(Deviation::NoSizeLimit) {
            return Self {
                left: u64::MAX - 1,
                limit: String::new(),
            };
        }
        let by_ratio = limits.max_ratio.saturating_mul(archive as u64);
        if by_ratio < limits.max_unpacked_bytes {
            return Self {
                left: by_ratio,
                limit: format!("{} unpacked bytes per byte", limits.max_ratio),
            };
        }
        Self {
            left: limits.max_unpacked_bytes,
            limit: format!("{} unpacked bytes", limits.max_unpacked_bytes),
        }
    }

    fn unpack(
        &mut self,
        bytes: &[u8],
        record: &Record,
        recovered: bool,
    ) -> Result<Vec<u8>, Refusal> {
        if record.flags & ENCRYPTED != 0 {
            return Err(malformed(&format!("`{}` is encrypted", record.name)));
        }
        if record.unpacked as u64 > self.left {
            return Err(Refusal::Limit(self.limit.clone()));
        }
        let local = Local::at(bytes, record.offset)?;
        let packed = slice(bytes, local.data, record.packed)?;
        let mut data = Vec::new();
        let (read, consumed) = match record.method {
            0 => (
                packed.take(self.left + 1).read_to_end(&mut data),
                packed.len() as u64,
            ),
            8 => {
                let mut inflate = DeflateDecoder::new(packed).take(self.left + 1);
                let read = inflate.read_to_end(&mut data);
                (read, inflate.get_ref().total_in())
            }
            other => {
                return Err(malformed(&format!(
                    "`{}` is packed by the unsupported method {other}",
                    record.name
                )));
            }
        };
        read.map_err(|error| malformed(&format!("`{}` cannot be unpacked: {error}", record.name)))?;
        if data.len() as u64 > self.left {
            return Err(Refusal::Limit(self.limit.clone()));
        }
        self.left -= data.len() as u64;
        let mut crc = flate2::Crc::new();
        crc.update(&data);
        let whole = consumed == packed.len() as u64
            && data.len() == record.unpacked
            && crc.sum() == record.crc;
        if !whole && !recovered {
            return Err(malformed(&format!(
                "`{}` is damaged: its size or checksum differs",
                record.name
            )));
        }
        Ok(data)
    }
}
