//! ZIP archives, with the oddities that some flaws need: [`write()`] keeps order and times fixed, and writes two entries of one
//! name where a library would refuse.

use std::io::{Cursor, Read, Write};
use std::sync::{Arc, OnceLock};

use aws_lc_rs::digest;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::PackageError;

/// What an entry holds.
#[derive(Clone)]
pub(super) enum Data {
    /// Bytes at hand.
    Bytes(Arc<[u8]>),
    /// [`BOMB_SIZE`] line feeds, which nobody should unpack to find that out.
    Bomb,
}

impl From<Vec<u8>> for Data {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<Arc<[u8]>> for Data {
    fn from(bytes: Arc<[u8]>) -> Self {
        Self::Bytes(bytes)
    }
}

impl Data {
    /// The bytes, where they are at hand.
    pub(super) fn bytes(&self) -> Result<&[u8], PackageError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Bomb => Err(PackageError::NothingToChange {
                what: "bytes at hand".to_owned(),
            }),
        }
    }

    /// SHA-256 of what unpacking gives.
    pub(super) fn sha256(&self) -> Result<Vec<u8>, PackageError> {
        match self {
            Self::Bytes(bytes) => Ok(digest::digest(&digest::SHA256, bytes).as_ref().to_vec()),
            Self::Bomb => Ok(bomb()?.sha256.clone()),
        }
    }
}

/// Unpacked size of the bomb, bytes: 200 MiB, packed about a thousandth of it.
pub(super) const BOMB_SIZE: usize = 200 * 1024 * 1024;

/// One entry of an archive.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) path: String,
    pub(super) data: Data,
    /// Whether the VNFD archive has it too.
    pub(super) in_vnfd: bool,
}

/// A ZIP of these entries in this order, deflated, dated 1980-01-01.
pub(super) fn write<'a>(
    entries: impl IntoIterator<Item = &'a Entry>,
) -> Result<Vec<u8>, PackageError> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let mut seen = Vec::new();
    let mut duplicates = Vec::new();
    for entry in entries {
        let mut name = entry.path.clone();
        if seen.contains(&name) {
            name = placeholder(&entry.path);
            duplicates.push(entry.path.clone());
        }
        write_entry(&mut zip, &name, &entry.data).map_err(|source| failed(&entry.path, source))?;
        seen.push(name);
    }
    let bytes = zip
        .finish()
        .map_err(|source| failed("the central directory", source))?
        .into_inner();
    duplicates
        .iter()
        .try_fold(bytes, |bytes, path| rename(bytes, &placeholder(path), path))
}

/// The archive without its central directory: every entry is whole, but nothing says so any more.
pub(super) fn truncate(mut archive: Vec<u8>) -> Result<Vec<u8>, PackageError> {
    // Our archives have no comment: the end record is the last 22 bytes, and the directory's offset is at its 16th.
    const END_RECORD: usize = 22;
    let at = archive.len().checked_sub(END_RECORD - 16);
    let offset = at
        .and_then(|at| archive.get(at..at + 4))
        .and_then(|bytes| bytes.try_into().ok())
        .map(u32::from_le_bytes);
    let offset = offset.ok_or_else(|| PackageError::NothingToChange {
        what: "central directory".to_owned(),
    })?;
    archive.truncate(offset.try_into().unwrap_or(usize::MAX));
    Ok(archive)
}

fn write_entry(
    zip: &mut ZipWriter<Cursor<Vec<u8>>>,
    name: &str,
    data: &Data,
) -> zip::result::ZipResult<()> {
    match data {
        Data::Bytes(bytes) => {
            zip.start_file(name, options())?;
            Ok(zip.write_all(bytes)?)
        }
        Data::Bomb => {
            let packed = bomb().map_err(|error| std::io::Error::other(error.to_string()))?;
            let mut archive = ZipArchive::new(Cursor::new(packed.zip.as_slice()))?;
            let file = archive.by_index_raw(0)?;
            zip.raw_copy_file_rename(file, name)
        }
    }
}

fn options() -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644)
}

fn failed(entry: &str, source: zip::result::ZipError) -> PackageError {
    PackageError::Zip {
        entry: entry.to_owned(),
        source,
    }
}

/// A name as long as the path that no file has.
fn placeholder(path: &str) -> String {
    let mut name: String = path.to_owned();
    name.pop();
    name.push('\u{1}');
    name
}

/// Renames an entry in the archive's bytes: its name stands in its local header and in the central directory.
fn rename(mut archive: Vec<u8>, from: &str, to: &str) -> Result<Vec<u8>, PackageError> {
    let found: Vec<usize> = archive
        .windows(from.len())
        .enumerate()
        .filter(|(_, window)| *window == from.as_bytes())
        .map(|(offset, _)| offset)
        .collect();
    if found.len() != 2 {
        return Err(PackageError::NothingToChange {
            what: format!("single entry {from:?}"),
        });
    }
    for offset in found {
        archive[offset..offset + to.len()].copy_from_slice(to.as_bytes());
    }
    Ok(archive)
}

struct Bomb {
    zip: Vec<u8>,
    sha256: Vec<u8>,
}

/// Packed once per process: deflating it takes about a second.
fn bomb() -> Result<&'static Bomb, PackageError> {
    static BOMB: OnceLock<Bomb> = OnceLock::new();
    if let Some(bomb) = BOMB.get() {
        return Ok(bomb);
    }
    let packed = pack_bomb().map_err(|source| failed("the decompression bomb", source))?;
    Ok(BOMB.get_or_init(|| packed))
}

fn pack_bomb() -> zip::result::ZipResult<Bomb> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let mut sha256 = digest::Context::new(&digest::SHA256);
    zip.start_file("bomb", options())?;
    let mut source = std::io::repeat(b'\n').take(BOMB_SIZE as u64);
    let mut chunk = vec![0; 1024 * 1024];
    loop {
        let read = source.read(&mut chunk)?;
        if read == 0 {
            break;
        }
        sha256.update(&chunk[..read]);
        zip.write_all(&chunk[..read])?;
    }
    Ok(Bomb {
        zip: zip.finish()?.into_inner(),
        sha256: sha256.finish().as_ref().to_vec(),
    })
}
