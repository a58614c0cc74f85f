//! The manifest's text (SOL004 clause 4.3.2): metadata, then for each file its digest and, if it has one, its signature.

use std::fmt::Write;

use aws_lc_rs::digest;
use md5::Digest as _;

use super::archive::Data;
use super::{PRODUCT_NAME, PROVIDER, PackageError, SOFTWARE_VERSION, VNFD_VERSION};

/// The digest algorithm that a manifest states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestDigest {
    /// SHA-256, the default.
    Sha256,
    /// SHA-512.
    Sha512,
    /// SHA-1: collisions are known, it protects nothing.
    Sha1,
    /// MD5: collisions are cheap, it protects nothing.
    Md5,
}

impl ManifestDigest {
    fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Sha512 => "SHA-512",
            Self::Sha1 => "SHA-1",
            Self::Md5 => "MD5",
        }
    }

    fn of(self, data: &Data) -> Result<String, PackageError> {
        Ok(match self {
            Self::Sha256 => hex::encode(data.sha256()?),
            Self::Sha512 => hex::encode(digest::digest(&digest::SHA512, data.bytes()?)),
            Self::Sha1 => hex::encode(digest::digest(
                &digest::SHA1_FOR_LEGACY_USE_ONLY,
                data.bytes()?,
            )),
            Self::Md5 => hex::encode(md5::Md5::digest(data.bytes()?)),
        })
    }
}

/// One file as the manifest lists it.
pub(super) struct Item<'a> {
    pub(super) path: &'a str,
    /// Whose digest is stated; not the file's own in one flaw.
    pub(super) data: &'a Data,
    pub(super) signature: Option<String>,
    pub(super) certificate: Option<String>,
}

/// The text without a CMS block; it ends with a line feed.
pub(super) fn text(
    vnfd_id: &str,
    digest: ManifestDigest,
    items: &[Item<'_>],
) -> Result<String, PackageError> {
    let mut text = format!(
        "metadata:
vnfd_id: {vnfd_id}
vnf_provider_id: {PROVIDER}
vnf_product_name: {PRODUCT_NAME}
vnf_release_date_time: 2026-01-01T00:00:00Z
vnf_software_version: {SOFTWARE_VERSION}
vnf_package_version: {VNFD_VERSION}
vnfm_info: any
compatible_specification_versions: 2.7.1,3.3.1
"
    );
    for item in items {
        let (name, hash) = (digest.name(), digest.of(item.data)?);
        let signature = item
            .signature
            .iter()
            .map(|path| format!("Signature: {path}\n"));
        let certificate = item
            .certificate
            .iter()
            .map(|path| format!("Certificate: {path}\n"));
        let more: String = signature.chain(certificate).collect();
        write!(
            text,
            "\nSource: {}\nAlgorithm: {name}\nHash: {hash}\n{more}",
            item.path
        )
        .expect("a String can be grown to any length");
    }
    Ok(text)
}
