//! SHA-256 of many files, as fast as the processors and the disk allow: [`digests`].

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};

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
pub fn digests(root: &Path, names: &[&str]) -> Result<Vec<(String, Digest)>, PackError> {
    let digest = |buffer: &mut Vec<u8>, name: &&str| {
        buffer.resize(CHUNK, 0);
        Ok(((*name).to_owned(), of_file(root.join(name), buffer)?))
    };
    names.par_iter().map_init(Vec::new, digest).collect()
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
