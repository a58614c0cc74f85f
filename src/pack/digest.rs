//! SHA-256 of many files, as fast as the processors and the disk allow: [`digests`].

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::digest::{Context, SHA256};

use super::{PackError, io};

/// What is read at once.
const CHUNK: usize = 1 << 20;

/// A file's length and SHA-256, as they were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// Bytes.
    pub length: u64,
    /// Lower-case hex.
    pub sha256: String,
}

/// The digests of these files below a folder, by their names.
///
/// # Errors
/// One cannot be read.
pub fn digests<'n>(
    root: &Path,
    names: impl IntoIterator<Item = &'n str>,
) -> Result<BTreeMap<String, Digest>, PackError> {
    let names: Vec<&str> = names.into_iter().collect();
    let next = AtomicUsize::new(0);
    let found = Mutex::new(BTreeMap::new());
    let fault = Mutex::new(None);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers.min(names.len()) {
            scope.spawn(|| {
                let mut buffer = vec![0; CHUNK];
                while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match of_file(root.join(name), &mut buffer) {
                        Ok(digest) => {
                            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                            found.insert((*name).to_owned(), digest);
                        }
                        Err(error) => {
                            *fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                            return;
                        }
                    }
                }
            });
        }
    });
    match fault.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner)),
    }
}

fn of_file(path: PathBuf, buffer: &mut [u8]) -> Result<Digest, PackError> {
    let mut file = File::open(&path).map_err(|source| io(&path, source))?;
    let mut context = Context::new(&SHA256);
    let mut length = 0;
    loop {
        match file.read(buffer) {
            Ok(0) => break,
            Ok(count) => {
                context.update(&buffer[..count]);
                length += count as u64;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(source) => return Err(io(&path, source)),
        }
    }
    Ok(Digest {
        length,
        sha256: hex::encode(context.finish()),
    })
}

impl Digest {
    /// Of bytes at hand.
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            length: bytes.len() as u64,
            sha256: hex::encode(aws_lc_rs::digest::digest(&SHA256, bytes)),
        }
    }
}
