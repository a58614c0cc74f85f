//! The manifest of a run's files, and the ZIP that holds them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::pack::{Digest, Pack};

/// From here on a ZIP entry needs the longer form.
const LARGE: u64 = u32::MAX as u64;

/// `manifest.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this format.
    pub format: u32,
    /// The run.
    pub run: String,
    /// Each file of the run.
    pub files: BTreeMap<String, Entry>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Bytes.
    pub length: u64,
    /// SHA-256, lower-case hex.
    pub sha256: String,
}

/// The manifest of these files.
pub fn manifest(run: &str, files: &BTreeMap<String, Digest>) -> anyhow::Result<Vec<u8>> {
    let files = files.iter().map(|(name, digest)| {
        let entry = Entry {
            length: digest.length,
            sha256: digest.sha256.clone(),
        };
        (name.clone(), entry)
    });
    let manifest = Manifest {
        format: 1,
        run: run.to_owned(),
        files: files.collect(),
    };
    let mut text = serde_json::to_vec_pretty(&manifest)?;
    text.push(b'\n');
    Ok(text)
}

/// Writes the container, with these permissions: beside its place first, so that nobody takes half of one for whole. One that is there
/// is not overwritten.
pub fn write(
    path: &Path,
    first: (&str, &[u8]),
    pack: &Pack,
    made: &[(&str, &[u8])],
    mode: u32,
) -> anyhow::Result<()> {
    let failed = || format!("cannot write the container {}", path.display());
    let folder = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let beside =
        tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).with_context(failed)?;
    let mut zip = ZipWriter::new(BufWriter::new(beside.as_file()));
    let plain = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .unix_permissions(0o644);
    let packed = plain.compression_method(CompressionMethod::Deflated);
    zip.start_file(first.0, plain).with_context(failed)?;
    zip.write_all(first.1).with_context(failed)?;
    for (name, length) in pack.files() {
        zip.start_file(name.as_str(), packed.large_file(*length >= LARGE))
            .with_context(failed)?;
        let source = pack.root().join(name);
        let mut file =
            File::open(&source).with_context(|| format!("cannot read {}", source.display()))?;
        std::io::copy(&mut file, &mut zip).with_context(failed)?;
    }
    for (name, bytes) in made {
        zip.start_file(*name, packed).with_context(failed)?;
        zip.write_all(bytes).with_context(failed)?;
    }
    let mut file = zip.finish().with_context(failed)?;
    file.flush().with_context(failed)?;
    drop(file);
    beside.as_file().sync_all().with_context(failed)?;
    beside.persist_noclobber(path).with_context(failed)?;
    // A temporary file is its maker's alone; a hand-over is for others, as a rule.
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))
        .with_context(failed)
}
