//! The archives of SEC 030 4.2.2.1, verified again: each one that was offered as valid is validly signed by an anchor that the product was
//! given, and each one with a flaw is not what its signer signed, not signed by who should, or no archive to accept.
//!
//! Without this a refusal could be that of a valid archive, and an acceptance that of a flawed one.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read as _};

use jiff::Timestamp;
use zip::ZipArchive;

use super::{Scene, Verification};
use crate::cms::{Trust, find_block, verify_detached};
use crate::pack;
use crate::report::results::Results;

const MANIFEST: &str = "vnfd.mf";
/// The package inside an option 2 ZIP, and its signature.
const INNER: [&str; 2] = ["vnfd.csar", "vnfd.cms"];
/// No file of a VNFD that is to be accepted is larger.
const LARGE: u64 = 10 << 20;
/// Room that is made for an entry before it is read, at most.
const ROOM: u64 = 64 << 10;
/// Both twins, and their flawed counterparts.
const PAIRS: [&str; 2] = ["known", "fresh"];

type Entries = BTreeMap<String, Vec<u8>>;

/// Verifies the scenario's archives.
pub fn check(scene: &Scene<'_>, results: &Results, found: &mut Verification) {
    let [Some(anchors), Some(crl)] = ["signers.crt", "signers.crl"].map(|name| scene.file(name))
    else {
        return;
    };
    let texts = [anchors, crl].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let trust = match Trust::new(&texts[0]).and_then(|trust| trust.with_crls(&texts[1])) {
        Ok(trust) => trust,
        Err(error) => {
            found.miss(scene.path("signers.crt"), "", error.to_string(), "anchors");
            return;
        }
    };
    let signers = Signers {
        trust,
        at: results.run.started,
    };
    for which in PAIRS {
        for (kind, valid) in [("valid", true), ("flawed", false)] {
            let name = |part: &str| format!("{which}-{kind}-{part}.zip");
            let (vnfd, package) = (name("vnfd"), name("package"));
            let (Some(vnfd_bytes), Some(package_bytes)) = (scene.file(&vnfd), scene.file(&package))
            else {
                continue;
            };
            found.figures.archives += 1;
            match (signers.verify(&vnfd_bytes, &package_bytes), valid) {
                (Ok(()), true) | (Err(_), false) => {}
                (Err(why), true) => {
                    found.miss(scene.path(&vnfd), "", "was offered as valid", why);
                }
                (Ok(()), false) => found.miss(
                    scene.path(&vnfd),
                    "",
                    "was offered as flawed",
                    "its signatures are valid and cover every file",
                ),
            }
        }
    }
}

/// Whom the product had to believe, and when.
struct Signers {
    trust: Trust,
    at: Timestamp,
}

impl Signers {
    /// Judges a VNFD archive (option 1), or the package with the signature around it (option 2).
    fn verify(&self, vnfd: &[u8], package: &[u8]) -> Result<(), String> {
        let outer = unpack(package)?;
        if let Some(csar) = outer.get(INNER[0]) {
            let signature = outer
                .get(INNER[1])
                .ok_or("the package has no signature beside it")?;
            self.signed(INNER[0], signature, csar, &outer)?;
            let inner = unpack(csar)?;
            return files(&inner, manifest(&inner)?);
        }
        let vnfd = unpack(vnfd)?;
        let manifest = manifest(&vnfd)?;
        let block = find_block(manifest);
        if let Some(block) = &block {
            let (text, cms) = manifest.split_at(block.start);
            self.signed(MANIFEST, cms, text, &vnfd)?;
        }
        files(&vnfd, manifest)?;
        if vnfd.keys().any(|path| is_signature(path)) {
            self.each_file(&vnfd, block.is_some())
        } else if block.is_none() {
            Err("nothing in the archive is signed".to_owned())
        } else {
            Ok(())
        }
    }

    fn each_file(&self, vnfd: &Entries, manifest_is_signed: bool) -> Result<(), String> {
        for (path, bytes) in vnfd.iter().filter(|(path, _)| is_content(path)) {
            if path == MANIFEST && manifest_is_signed {
                continue;
            }
            let stem = path
                .rsplit_once('.')
                .map_or(path.as_str(), |(stem, _)| stem);
            let signature = vnfd
                .get(&format!("{path}.sig.p7s"))
                .or_else(|| vnfd.get(&format!("{stem}.sig.cms")))
                .ok_or_else(|| format!("{path} has no signature"))?;
            self.signed(path, signature, bytes, vnfd)?;
        }
        Ok(())
    }

    fn signed(
        &self,
        what: &str,
        cms: &[u8],
        content: &[u8],
        entries: &Entries,
    ) -> Result<(), String> {
        let beside = entries
            .iter()
            .filter(|(path, _)| path.ends_with(".cert"))
            .filter_map(|(_, pem)| Some(x509_parser::pem::parse_x509_pem(pem).ok()?.1.contents));
        let trust = self.trust.clone().with_certificates(beside);
        verify_detached(cms, content, &trust, self.at)
            .map(drop)
            .map_err(|error| format!("{what}: {error}"))
    }
}

/// All entries; names and sizes as a careful reader takes them.
fn unpack(archive: &[u8]) -> Result<Entries, String> {
    let told = |error: zip::result::ZipError| format!("no ZIP: {error}");
    let mut zip = ZipArchive::new(Cursor::new(archive)).map_err(told)?;
    let names = pack::names(&mut Cursor::new(archive), zip.central_directory_start())
        .map_err(|error| error.to_string())?;
    let mut seen = BTreeSet::new();
    if let Some(twice) = names.iter().find(|name| !seen.insert(*name)) {
        return Err(format!(
            "{} stands there twice",
            String::from_utf8_lossy(twice)
        ));
    }
    let mut entries = Entries::new();
    for index in 0..zip.len() {
        let file = zip.by_index(index).map_err(told)?;
        let path = file.name().map_err(told)?.to_string();
        if path.starts_with('/') || path.split('/').any(|part| part == "..") {
            return Err(format!("{path} leads out of the archive"));
        }
        // What an archive says of itself is no reason to make more room than is ever filled.
        let room = usize::try_from(file.size().min(ROOM)).unwrap_or_default();
        let mut bytes = Vec::with_capacity(room + 1);
        file.take(LARGE + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| format!("{path}: {error}"))?;
        if bytes.len() as u64 > LARGE {
            return Err(format!("{path} is larger than {LARGE} bytes"));
        }
        entries.insert(path, bytes);
    }
    Ok(entries)
}

fn manifest(vnfd: &Entries) -> Result<&[u8], String> {
    vnfd.get(MANIFEST)
        .map(Vec::as_slice)
        .ok_or_else(|| format!("there is no {MANIFEST}"))
}

/// Each file has its digest in the manifest, and each definition in the manifest is there.
fn files(vnfd: &Entries, manifest: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(manifest);
    let lines: Vec<&str> = text.lines().collect();
    let item = |path: &str| {
        let at = lines
            .iter()
            .position(|line| line.strip_prefix("Source: ") == Some(path))?;
        let algorithm = lines.get(at + 1)?.strip_prefix("Algorithm: ")?;
        Some((algorithm, lines.get(at + 2)?.strip_prefix("Hash: ")?))
    };
    for (path, bytes) in vnfd
        .iter()
        .filter(|(path, _)| is_content(path) && *path != MANIFEST)
    {
        let (algorithm, hash) =
            item(path).ok_or_else(|| format!("{path} is not in the manifest"))?;
        let algorithm = match algorithm {
            "SHA-256" => &aws_lc_rs::digest::SHA256,
            "SHA-512" => &aws_lc_rs::digest::SHA512,
            other => return Err(format!("{path} has a digest by {other}")),
        };
        if hex::encode(aws_lc_rs::digest::digest(algorithm, bytes)) != hash {
            return Err(format!("{path} has another digest than the manifest says"));
        }
    }
    let absent = lines
        .iter()
        .filter_map(|line| line.strip_prefix("Source: "))
        .find(|path| path.starts_with("Definitions/") && !vnfd.contains_key(*path));
    absent.map_or(Ok(()), |path| Err(format!("{path} is absent")))
}

/// Whether a file must be covered by a signature: neither a signature itself nor a certificate.
fn is_content(path: &str) -> bool {
    !is_signature(path) && !path.ends_with(".cert")
}

fn is_signature(path: &str) -> bool {
    path.ends_with(".sig.p7s") || path.ends_with(".sig.cms")
}
