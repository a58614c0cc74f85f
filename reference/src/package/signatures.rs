//! Which files of a package are signatures and certificates, and whose. Main type: [`Roles`].
//!
//! Two conventions exist for the signature of one file: its extension replaced (`a.yaml`, `a.sig.cms`) and appended to
//! (`a.yaml.sig.p7s`). What the manifest says about a file goes before both.

use std::collections::{BTreeMap, BTreeSet};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::prelude::FromDer;

use super::archive::Archive;
use super::manifest::{Manifest, tosca_meta};
use super::refusal::Refusal;

/// The part that each file of an archive plays.
pub(crate) struct Roles<'a> {
    /// The files to be verified, in the order of the archive; the manifest is not among them.
    pub(crate) subjects: Vec<&'a str>,
    /// The signature files, each with the files that it may be the signature of.
    pub(crate) signatures: BTreeMap<&'a str, Vec<&'a str>>,
    /// The certificates of the certificate files. Those that are named (TOSCA.meta, manifest) come first.
    pub(crate) certificates: Vec<CertificateDer<'static>>,
}

pub(crate) const TOSCA_META: &str = "TOSCA-Metadata/TOSCA.meta";

impl<'a> Roles<'a> {
    /// Tells the roles of the files apart.
    pub(crate) fn of(
        archive: &'a Archive,
        manifest: Option<(&str, &Manifest)>,
    ) -> Result<Self, Refusal> {
        let listed = manifest
            .map(|(_, manifest)| manifest.files.as_slice())
            .unwrap_or_default();
        let names: BTreeSet<&str> = archive.files().map(|(name, _)| name).collect();
        let present = |name: &str| names.contains(name);

        let mut named_certificates: Vec<String> = meta(archive)
            .and_then(|text| tosca_meta(text, "ETSI-Entry-Certificate"))
            .map(str::to_owned)
            .into_iter()
            .collect();
        named_certificates.extend(
            listed
                .iter()
                .filter(|file| present(&file.source))
                .filter_map(|file| file.certificate.clone()),
        );
        let mut certificates = Vec::new();
        let mut certificate_files = BTreeSet::new();
        for name in &named_certificates {
            if certificate_files.contains(name.as_str()) {
                continue;
            }
            let read = archive
                .file(name)
                .and_then(read_certificates)
                .ok_or_else(|| Refusal::MissingCertificate(name.clone()))?;
            certificates.extend(read);
            certificate_files.insert(name.as_str());
        }

        let mut signatures: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut subjects = Vec::new();
        for (name, data) in archive.files() {
            let by_manifest: Vec<&str> = listed
                .iter()
                .filter(|file| file.signature.as_deref() == Some(name))
                .filter_map(|file| names.get(file.source.as_str()).copied())
                .collect();
            if !by_manifest.is_empty() {
                signatures.insert(name, by_manifest);
            } else if let Some(base) = signature_base(name) {
                let owners: Vec<&str> = names
                    .iter()
                    .copied()
                    .filter(|other| owns(other, base))
                    .collect();
                if owners.is_empty() {
                    return Err(Refusal::OrphanSignature(name.to_owned()));
                }
                signatures.insert(name, owners);
            } else if certificate_files.contains(name) {
                // Read above.
            } else if let Some(read) = is_certificate_name(name)
                .then(|| read_certificates(data))
                .flatten()
            {
                certificates.extend(read);
            } else if manifest.is_none_or(|(path, _)| path != name) {
                subjects.push(name);
            }
        }
        Ok(Self {
            subjects,
            signatures,
            certificates,
        })
    }

    /// The signature files that may be this file's, with whether they may also be another's.
    pub(crate) fn signatures_of(&self, file: &str) -> impl Iterator<Item = (&'a str, bool)> {
        self.signatures
            .iter()
            .filter(move |(_, owners)| owners.contains(&file))
            .map(|(name, owners)| (*name, owners.len() > 1))
    }
}

/// The text of TOSCA.meta, if there is one.
pub(crate) fn meta(archive: &Archive) -> Option<&str> {
    archive
        .file(TOSCA_META)
        .and_then(|bytes| str::from_utf8(bytes).ok())
}

/// The path of a signature file without what makes it one.
fn signature_base(name: &str) -> Option<&str> {
    [
        ".sig.cms", ".sig.p7s", ".sig.p7b", ".sig.p7c", ".sig.pem", ".sig",
    ]
    .iter()
    .find_map(|suffix| name.strip_suffix(suffix))
}

/// Whether a signature with this base may be that file's, by either convention.
fn owns(file: &str, base: &str) -> bool {
    let stem = file
        .rsplit_once('.')
        .filter(|(_, extension)| !extension.contains('/'))
        .map_or(file, |(stem, _)| stem);
    signature_base(file).is_none() && !is_certificate_name(file) && (file == base || stem == base)
}

pub(crate) fn is_certificate_name(name: &str) -> bool {
    [".cert", ".crt", ".cer", ".pem"]
        .iter()
        .any(|extension| name.ends_with(extension))
}

/// The certificates of a file, PEM or DER; `None` if it is not made of certificates.
pub(crate) fn read_certificates(data: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let is_certificate = |der: &[u8]| {
        x509_parser::certificate::X509Certificate::from_der(der)
            .is_ok_and(|(rest, _)| rest.is_empty())
    };
    if is_certificate(data) {
        return Some(vec![CertificateDer::from(data.to_vec())]);
    }
    let found: Vec<_> = CertificateDer::pem_slice_iter(data)
        .collect::<Result<_, _>>()
        .ok()?;
    (!found.is_empty() && found.iter().all(|der| is_certificate(der))).then_some(found)
}
