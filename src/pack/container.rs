//! ZIP containers from elsewhere, unpacked with every suspicion: [`unpack`].

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use zip::ZipArchive;

use super::{PackError, io};

/// Signature of an entry of the central directory.
const ENTRY: &[u8; 4] = b"PK\x01\x02";
/// More entries than this are nobody's evidence.
const MOST_ENTRIES: usize = 1_000_000;
/// A container that grows to more than this and [`RATIO`] times its size is a bomb.
const HARMLESS: u64 = 256 << 20;
/// Transcripts shrink to a twentieth.
const RATIO: u64 = 200;

/// How much a container may unpack to.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of all its files.
    pub unpacked: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { unpacked: 16 << 30 }
    }
}

/// Unpacks a container into an empty folder.
///
/// # Errors
/// [`PackError::Refused`]: no ZIP, cut short, two entries of one name, a link, a path that leads out, encrypted, a bomb, an
/// entry whose checksum is not the stated one; [`PackError::Io`].
pub fn unpack(path: &Path, into: &Path, limits: Limits) -> Result<(), PackError> {
    let shown = path.file_name().map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    );
    let of_container = |reason: String| PackError::Refused {
        file: shown.clone(),
        reason,
    };
    let file = File::open(path).map_err(|source| io(path, source))?;
    let size = file.metadata().map_err(|source| io(path, source))?.len();
    let mut archive = ZipArchive::new(BufReader::new(file))
        .map_err(|error| of_container(format!("no ZIP that is whole: {error}")))?;
    if archive.offset() != 0 {
        return Err(of_container(format!(
            "{} bytes stand before the first entry, which no entry accounts for",
            archive.offset()
        )));
    }
    let mut raw = File::open(path).map_err(|source| io(path, source))?;
    let names = names(&mut raw, archive.central_directory_start())
        .map_err(|error| of_container(format!("its directory cannot be read: {error}")))?;
    check_names(&names)?;
    if names.len() != archive.len() {
        return Err(of_container(format!(
            "its directory has {} entries, of which {} can be read",
            names.len(),
            archive.len()
        )));
    }
    let most = limits
        .unpacked
        .min(HARMLESS.max(size.saturating_mul(RATIO)));
    let mut left = most;
    for index in 0..archive.len() {
        left = entry(&mut archive, index, into, left, most)?;
    }
    Ok(())
}

/// One entry; returns how many bytes may still follow.
fn entry(
    archive: &mut ZipArchive<BufReader<File>>,
    index: usize,
    into: &Path,
    left: u64,
    most: u64,
) -> Result<u64, PackError> {
    let at = format!("entry {index}");
    let refused = |file: &str, reason: String| PackError::Refused {
        file: file.to_owned(),
        reason,
    };
    let mut entry = archive
        .by_index(index)
        .map_err(|error| refused(&at, error.to_string()))?;
    let name = entry
        .name()
        .map_err(|error| refused(&at, error.to_string()))?
        .to_string();
    if entry.is_symlink() {
        return Err(refused(
            &name,
            "is a symbolic link: a pack has files of its own only".to_owned(),
        ));
    }
    if entry.encrypted() {
        return Err(refused(&name, "is encrypted".to_owned()));
    }
    if let Some(folder) = name.strip_suffix('/') {
        let path = into.join(folder);
        std::fs::create_dir_all(&path).map_err(|source| place(&name, &path, source))?;
        return Ok(left);
    }
    let path = into.join(&name);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(|source| place(&name, parent, source))?;
    }
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .map_err(|source| place(&name, &path, source))?;
    let stated = entry.size();
    let mut buffer = vec![0; 1 << 20];
    let mut length = 0;
    loop {
        let count = entry
            .read(&mut buffer)
            .map_err(|error| refused(&name, format!("cannot be unpacked: {error}")))?;
        if count == 0 {
            break;
        }
        length += count as u64;
        if length > left {
            return Err(refused(
                &name,
                format!(
                    "the container unpacks to more than {most} bytes: a bomb, or raise --unpacked"
                ),
            ));
        }
        file.write_all(&buffer[..count])
            .map_err(|source| io(&path, source))?;
    }
    if length != stated {
        return Err(refused(
            &name,
            format!("unpacks to {length} bytes, and the container says {stated}"),
        ));
    }
    Ok(left - length)
}

/// A file where another entry has a folder, or the other way round, or a fault of our disk.
fn place(name: &str, path: &Path, source: std::io::Error) -> PackError {
    use std::io::ErrorKind::{AlreadyExists, InvalidFilename, IsADirectory, NotADirectory};
    match source.kind() {
        AlreadyExists | InvalidFilename | IsADirectory | NotADirectory => PackError::Refused {
            file: name.to_owned(),
            reason: format!("cannot lie beside the other entries: {source}"),
        },
        _ => io(path, source),
    }
}

/// Every name of a ZIP's central directory, twice if it stands there twice: the library shows one entry for each name.
///
/// # Errors
/// The directory is cut short.
pub fn names(archive: &mut (impl Read + Seek), directory: u64) -> std::io::Result<Vec<Vec<u8>>> {
    archive.seek(SeekFrom::Start(directory))?;
    let mut archive = BufReader::new(archive);
    let mut names = Vec::new();
    loop {
        let mut header = [0; 46];
        let mut signature = [0; 4];
        archive.read_exact(&mut signature)?;
        if &signature != ENTRY || names.len() > MOST_ENTRIES {
            return Ok(names);
        }
        archive.read_exact(&mut header[4..])?;
        let length = |at: usize| u64::from(u16::from_le_bytes([header[at], header[at + 1]]));
        let mut name = Vec::new();
        archive.by_ref().take(length(28)).read_to_end(&mut name)?;
        let rest = length(30) + length(32);
        if std::io::copy(&mut archive.by_ref().take(rest), &mut std::io::sink())? != rest {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        names.push(name);
    }
}

fn check_names(names: &[Vec<u8>]) -> Result<(), PackError> {
    let mut seen = BTreeSet::new();
    for name in names {
        let shown = String::from_utf8_lossy(name).into_owned();
        let refused = |reason: &str| PackError::Refused {
            file: shown.clone(),
            reason: reason.to_owned(),
        };
        let Ok(text) = std::str::from_utf8(name) else {
            return Err(refused("its name is no UTF-8"));
        };
        let path = text.strip_suffix('/').unwrap_or(text);
        let leads_out = path
            .split('/')
            .any(|part| part.is_empty() || part == "." || part == "..");
        if leads_out || path.contains(['\\', '\0']) {
            return Err(refused("its name leads out of the container"));
        }
        if !seen.insert(path) {
            return Err(refused("stands in the container twice"));
        }
    }
    Ok(())
}
