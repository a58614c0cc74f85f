//! Single files of a package (SOL003 clause 10.4.6): `/artifacts/{artifactPath}`.

use std::io::{Cursor, Read as _, Write as _};

use bytes::Bytes;
use hyper::StatusCode;
use thiserror::Error;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use super::packages::{self, By, OnboardedPackage, SecurityOption};
use super::range;
use super::state::State;
use crate::rest::{Answer, Asked};

/// Longest file that is unpacked: a package may be a bomb, meant for the SUT and not for us.
const MAX_UNPACKED: u64 = 64 * 1024 * 1024;

type Archive = ZipArchive<Cursor<Bytes>>;

#[derive(Debug, Error)]
enum ArtifactError {
    #[error("the package is not a readable archive: {0}")]
    Archive(#[from] ZipError),
    #[error("the package cannot be unpacked: {0}")]
    Read(#[from] std::io::Error),
    #[error("the outer archive has no .csar file")]
    NoCsar,
    #[error("unpacked it exceeds {MAX_UNPACKED} bytes")]
    TooLarge,
    #[error("no such file in the package")]
    Missing,
}

pub(super) fn by_id(state: &State, asked: &Asked<'_>) -> Answer {
    serve(state, asked, By::Id)
}

pub(super) fn by_vnfd(state: &State, asked: &Asked<'_>) -> Answer {
    serve(state, asked, By::VnfdId)
}

fn serve(state: &State, asked: &Asked<'_>, by: By) -> Answer {
    let package = match packages::find(state, asked, by, OnboardedPackage::clone) {
        Ok(package) => package,
        Err(unknown) => return unknown,
    };
    let path = asked.capture(1);
    let (media_type, file) = if asked.wants_signatures() {
        ("application/zip", with_signatures(&package, path))
    } else {
        (
            "application/octet-stream",
            open(&package).and_then(|mut archive| unpack(&mut archive, path)),
        )
    };
    match file {
        Ok(file) => range::serve(asked, media_type, file),
        Err(ArtifactError::Missing) => Answer::not_found("artifact", path),
        Err(error) => Answer::problem(
            StatusCode::INTERNAL_SERVER_ERROR,
            &format!("artifact `{path}`: {error}"),
        ),
    }
}

/// The CSAR, which with option 2 is inside the content.
fn open(package: &OnboardedPackage) -> Result<Archive, ArtifactError> {
    let mut archive = ZipArchive::new(Cursor::new(package.package_content.clone()))?;
    if package.security_option == SecurityOption::Option1 {
        return Ok(archive);
    }
    let csar = archive
        .file_names()
        .flatten()
        .find(|name| name.ends_with(".csar"))
        .map(|name| name.to_string());
    let csar = unpack(&mut archive, &csar.ok_or(ArtifactError::NoCsar)?)?;
    Ok(ZipArchive::new(Cursor::new(csar))?)
}

fn unpack(archive: &mut Archive, path: &str) -> Result<Bytes, ArtifactError> {
    let file = match archive.by_name(path) {
        Ok(file) if file.is_file() => file,
        Ok(_) | Err(ZipError::FileNotFound) => return Err(ArtifactError::Missing),
        Err(error) => return Err(error.into()),
    };
    let mut bytes = Vec::new();
    file.take(MAX_UNPACKED + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_UNPACKED {
        Err(ArtifactError::TooLarge)
    } else {
        Ok(bytes.into())
    }
}

/// A ZIP of the artifact with those of its signature and certificate that the package has, under either naming
/// convention (SOL004 clause 5.3).
fn with_signatures(package: &OnboardedPackage, path: &str) -> Result<Bytes, ArtifactError> {
    const SUFFIXES: [&str; 5] = [".sig.cms", ".sig.p7b", ".sig.p7c", ".sig.p7s", ".cert"];
    let mut archive = open(package)?;
    let stem = match path.rsplit_once('.') {
        Some((stem, extension)) if !extension.contains('/') => stem,
        _ => path,
    };
    let mut files = vec![(path.to_owned(), unpack(&mut archive, path)?)];
    for name in SUFFIXES
        .iter()
        .flat_map(|suffix| [format!("{stem}{suffix}"), format!("{path}{suffix}")])
    {
        match unpack(&mut archive, &name) {
            Ok(file) if !files.iter().any(|(known, _)| *known == name) => files.push((name, file)),
            Ok(_) | Err(ArtifactError::Missing) => {}
            Err(error) => return Err(error),
        }
    }
    zipped(&files)
}

/// A ZIP of the manifest and its certificate, named as they are in the package if it can be read.
pub(super) fn manifest(package: &OnboardedPackage, certificate: &str) -> Answer {
    let name = open(package).ok().and_then(|archive| {
        let mut names = archive.file_names().flatten().map(|name| name.to_string());
        names.find(|name| name.ends_with(".mf") && !name.contains('/'))
    });
    let name = name.unwrap_or_else(|| "manifest.mf".into());
    let certificate_name = format!("{}.cert", name.trim_end_matches(".mf"));
    let files = [
        (name, package.manifest.clone()),
        (
            certificate_name,
            Bytes::copy_from_slice(certificate.as_bytes()),
        ),
    ];
    match zipped(&files) {
        Ok(file) => Answer::bytes(StatusCode::OK, "application/zip", file),
        Err(error) => Answer::problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn zipped(files: &[(String, Bytes)]) -> Result<Bytes, ArtifactError> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, file) in files {
        writer.start_file(name.as_str(), SimpleFileOptions::default())?;
        writer.write_all(file)?;
    }
    Ok(writer.finish()?.into_inner().into())
}
