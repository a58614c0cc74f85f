//! An exacting verifier of packages, for tests only: it shows that each flaw can be seen, and for what it is.

use std::collections::BTreeSet;
use std::io::{Cursor, Read};

use crate::cms::{Trust, find_block, verify_detached};
use crate::pki::SigningMaterial;
use crate::vnf_package::{Built, SecurityOption};

type Entries = Vec<(String, Vec<u8>)>;

const MANIFEST: &str = "vnfd.mf";
const LARGE: u64 = 10 * 1024 * 1024;

/// Judges the VNFD archive in option 1, the outer signature and the package in option 2.
pub(super) fn verify(built: &Built, material: &SigningMaterial) -> Result<(), String> {
    let vnfd = match built.security_option {
        SecurityOption::Option1 => unpack(&built.vnfd)?,
        SecurityOption::Option2 => inner(&unpack(&built.package_content)?, material)?,
    };
    let manifest = entry(&vnfd, MANIFEST).ok_or("no manifest")?;
    if manifest != built.manifest {
        return Err("the manifest served is not the one in the archive".to_owned());
    }
    let is_signed = check_manifest_signature(&vnfd, manifest, material)?;
    check_files(&vnfd, manifest)?;
    let has_signature_files = vnfd.iter().any(|(path, _)| is_signature(path));
    if has_signature_files {
        check_signature_files(&vnfd, is_signed, material)?;
    } else if !is_signed && built.security_option == SecurityOption::Option1 {
        return Err(format!("{MANIFEST}: no signature"));
    }
    Ok(())
}

/// All entries in their order.
pub(super) fn unpack(archive: &[u8]) -> Result<Entries, String> {
    let mut zip =
        zip::ZipArchive::new(Cursor::new(archive)).map_err(|error| format!("no ZIP: {error}"))?;
    check_duplicates(archive)?;
    let mut entries = Vec::new();
    for index in 0..zip.len() {
        let mut file = zip.by_index(index).map_err(|error| error.to_string())?;
        let path = file.name().map_err(|error| error.to_string())?.to_string();
        if path.starts_with('/') || path.split('/').any(|part| part == "..") {
            return Err(format!("{path}: outside"));
        }
        if file.size() > LARGE {
            return Err(format!("{path}: too large"));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)
            .map_err(|error| error.to_string())?;
        entries.push((path, bytes));
    }
    Ok(entries)
}

/// The library shows one entry for each name: the central directory is read by hand.
fn check_duplicates(archive: &[u8]) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for (offset, _) in archive
        .windows(4)
        .enumerate()
        .filter(|(_, bytes)| bytes == b"PK\x01\x02")
    {
        let length = usize::from(u16::from_le_bytes([
            archive[offset + 28],
            archive[offset + 29],
        ]));
        let name =
            String::from_utf8_lossy(&archive[offset + 46..offset + 46 + length]).into_owned();
        if !seen.insert(name.clone()) {
            return Err(format!("{name}: twice"));
        }
    }
    Ok(())
}

fn inner(outer: &Entries, material: &SigningMaterial) -> Result<Entries, String> {
    let csar = entry(outer, "vnfd.csar").ok_or("no vnfd.csar")?;
    let signature = entry(outer, "vnfd.cms").ok_or("vnfd.csar: no signature")?;
    check("vnfd.csar", signature, csar, outer, material)?;
    unpack(csar)
}

fn check_manifest_signature(
    vnfd: &Entries,
    manifest: &[u8],
    material: &SigningMaterial,
) -> Result<bool, String> {
    let Some(block) = find_block(manifest) else {
        return Ok(false);
    };
    check(
        MANIFEST,
        &manifest[block.start..],
        &manifest[..block.start],
        vnfd,
        material,
    )?;
    Ok(true)
}

fn check_files(vnfd: &Entries, manifest: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(manifest);
    let listed: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("Source: "))
        .collect();
    for (path, bytes) in vnfd
        .iter()
        .filter(|(path, _)| !is_signature(path) && !path.ends_with(".cert") && path != MANIFEST)
    {
        if !listed.contains(path.as_str()) {
            return Err(format!("{path}: not listed"));
        }
        let lines: Vec<&str> = text
            .lines()
            .skip_while(|line| *line != format!("Source: {path}"))
            .take(3)
            .collect();
        let algorithm = match lines[1].strip_prefix("Algorithm: ") {
            Some("SHA-256") => &aws_lc_rs::digest::SHA256,
            Some("SHA-512") => &aws_lc_rs::digest::SHA512,
            other => {
                return Err(format!(
                    "{path}: digest algorithm {}",
                    other.unwrap_or_default()
                ));
            }
        };
        let digest = hex::encode(aws_lc_rs::digest::digest(algorithm, bytes));
        if lines[2] != format!("Hash: {digest}") {
            return Err(format!("{path}: digest"));
        }
    }
    let absent = listed
        .iter()
        .find(|path| path.starts_with("Definitions/") && entry(vnfd, path).is_none());
    absent.map_or(Ok(()), |path| Err(format!("{path}: absent")))
}

fn check_signature_files(
    vnfd: &Entries,
    manifest_is_signed: bool,
    material: &SigningMaterial,
) -> Result<(), String> {
    for (path, bytes) in vnfd
        .iter()
        .filter(|(path, _)| !is_signature(path) && !path.ends_with(".cert"))
    {
        if path == MANIFEST && manifest_is_signed {
            continue;
        }
        let stem = path.rsplit_once('.').unwrap().0;
        let signature = entry(vnfd, &format!("{path}.sig.p7s"))
            .or_else(|| entry(vnfd, &format!("{stem}.sig.cms")));
        check(
            path,
            signature.ok_or_else(|| format!("{path}: no signature"))?,
            bytes,
            vnfd,
            material,
        )?;
    }
    Ok(())
}

fn check(
    what: &str,
    cms: &[u8],
    content: &[u8],
    entries: &Entries,
    material: &SigningMaterial,
) -> Result<(), String> {
    let beside = entries.iter().filter(|(path, _)| path.ends_with(".cert"));
    let beside = beside.map(|(_, pem)| x509_parser::pem::parse_x509_pem(pem).unwrap().1.contents);
    let trust = Trust::new(material.anchors_pem())
        .unwrap()
        .with_crls(material.crl_pem())
        .unwrap()
        .with_certificates(beside);
    verify_detached(cms, content, &trust, material.now)
        .map(drop)
        .map_err(|error| format!("{what}: {error}"))
}

fn is_signature(path: &str) -> bool {
    path.ends_with(".sig.p7s") || path.ends_with(".sig.cms")
}

fn entry<'a>(entries: &'a Entries, path: &str) -> Option<&'a [u8]> {
    entries
        .iter()
        .find(|(name, _)| name == path)
        .map(|(_, bytes)| bytes.as_slice())
}
