//! [`Sealed`]: a package once its manifest is written and its signatures are made. What changes from here on, changes behind
//! the signer's back.

use std::sync::Arc;

use super::archive::{self, Data, Entry};
use super::content::{self, CERTIFICATE, MANIFEST, MARK};
use super::manifest::{self, Item};
use super::{Built, Layout, Naming, Package, PackageError, SecurityOption};
use crate::cms::{self, Scheme};

/// The name that the three files inside an option 2 ZIP share.
const OUTER: &str = "vnfd";

#[derive(Clone)]
pub(super) struct Sealed {
    vnfd_id: String,
    security_option: SecurityOption,
    certificate_pem: String,
    pub(super) entries: Vec<Entry>,
    /// Option 2: the signature over the archive as it was when sealed; without it, the file is left out.
    pub(super) outer_signature: Option<Vec<u8>>,
    /// Whether the archives lose their central directories.
    pub(super) truncated: bool,
}

impl Sealed {
    pub(super) fn new(package: &Package<'_>) -> Result<Self, PackageError> {
        let mut sealed = Self {
            vnfd_id: package.vnfd_id.clone(),
            security_option: package.security_option(),
            certificate_pem: package.certificate_file.certificate_pem(),
            entries: entries(package)?,
            outer_signature: None,
            truncated: false,
        };
        if sealed.security_option == SecurityOption::Option2 {
            let der = sign(
                package,
                &sealed.csar()?,
                "the package",
                &package.signature_options,
            )?;
            sealed.outer_signature = Some(cms::to_pem(&der).into_bytes());
        }
        Ok(sealed)
    }

    pub(super) fn pack(&self) -> Result<Built, PackageError> {
        let mut vnfd = archive::write(self.entries.iter().filter(|entry| entry.in_vnfd))?;
        let mut package_content = self.csar()?;
        if self.truncated {
            vnfd = archive::truncate(vnfd)?;
            package_content = archive::truncate(package_content)?;
        }
        if self.security_option == SecurityOption::Option2 {
            package_content = self.around(package_content)?;
        }
        Ok(Built {
            vnfd,
            package_content,
            manifest: self.bytes(MANIFEST)?.to_vec(),
            security_option: self.security_option,
            vnfd_id: self.vnfd_id.clone(),
            signing_certificate_pem: self.certificate_pem.clone(),
        })
    }

    /// Changes one byte of a file, where it has no other effect.
    pub(super) fn change_byte(&mut self, path: &str) -> Result<(), PackageError> {
        self.change(path, |bytes| changed_byte(bytes, path))
    }

    /// Replaces a file's bytes by what `change` makes of them.
    pub(super) fn change(
        &mut self,
        path: &str,
        change: impl FnOnce(&[u8]) -> Result<Vec<u8>, PackageError>,
    ) -> Result<(), PackageError> {
        let entry = self
            .entries
            .iter_mut()
            .find(|entry| entry.path == path)
            .ok_or_else(|| missing(path))?;
        entry.data = change(entry.data.bytes()?)?.into();
        Ok(())
    }

    /// Takes a file away.
    pub(super) fn remove(&mut self, path: &str) -> Result<(), PackageError> {
        let index = self
            .entries
            .iter()
            .position(|entry| entry.path == path)
            .ok_or_else(|| missing(path))?;
        self.entries.remove(index);
        Ok(())
    }

    /// Appends a file of the VNFD, even if there is one of this name.
    pub(super) fn append(&mut self, path: &str, bytes: Vec<u8>) {
        self.entries.push(Entry {
            path: path.to_owned(),
            data: bytes.into(),
            in_vnfd: true,
        });
    }

    /// A file's bytes.
    pub(super) fn bytes(&self, path: &str) -> Result<&[u8], PackageError> {
        let entry = self.entries.iter().find(|entry| entry.path == path);
        entry.ok_or_else(|| missing(path))?.data.bytes()
    }

    fn csar(&self) -> Result<Vec<u8>, PackageError> {
        archive::write(&self.entries)
    }

    fn around(&self, csar: Vec<u8>) -> Result<Vec<u8>, PackageError> {
        let entry = |extension: &str, data: Data| Entry {
            path: format!("{OUTER}.{extension}"),
            data,
            in_vnfd: false,
        };
        let mut entries = vec![entry("csar", csar.into())];
        entries.extend(
            self.outer_signature
                .iter()
                .map(|signature| entry("cms", signature.clone().into())),
        );
        entries.push(entry(
            "cert",
            self.certificate_pem.clone().into_bytes().into(),
        ));
        archive::write(&entries)
    }
}

/// The bytes with one changed, in the word that stands in each file of the VNFD for that.
pub(super) fn changed_byte(bytes: &[u8], path: &str) -> Result<Vec<u8>, PackageError> {
    let at = bytes
        .windows(MARK.len())
        .position(|window| window == MARK.as_bytes())
        .ok_or_else(|| missing(path))?;
    let mut changed = bytes.to_vec();
    changed[at] = changed[at].to_ascii_uppercase();
    Ok(changed)
}

/// The path of a file's signature, and of its own certificate where the naming has one.
pub(super) fn signature_path(path: &str, naming: Naming) -> (String, Option<String>) {
    match naming {
        Naming::Appended => (format!("{path}.sig.p7s"), None),
        Naming::Replaced => {
            let stem = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
            (format!("{stem}.sig.cms"), Some(format!("{stem}.cert")))
        }
    }
}

pub(super) fn missing(path: &str) -> PackageError {
    PackageError::NothingToChange {
        what: path.to_owned(),
    }
}

fn entries(package: &Package<'_>) -> Result<Vec<Entry>, PackageError> {
    let naming = file_signatures(package.layout);
    let manifest = manifest(package, naming)?;
    let mut entries: Vec<Entry> = package.files.iter().map(entry_of).collect();
    let in_vnfd = package.security_option() == SecurityOption::Option1;
    entries.push(Entry {
        path: MANIFEST.to_owned(),
        data: manifest.into(),
        in_vnfd: true,
    });
    if in_vnfd {
        let certificate = package.certificate_file.certificate_pem().into_bytes();
        entries.push(Entry {
            path: CERTIFICATE.to_owned(),
            data: certificate.into(),
            in_vnfd,
        });
    }
    if let Some(naming) = naming {
        let signed: Vec<Entry> = entries
            .iter()
            .filter(|entry| has_own_signature(package.layout, &entry.path))
            .cloned()
            .collect();
        for entry in signed {
            entries.extend(signature_entries(package, &entry, naming)?);
        }
    }
    Ok(entries)
}

fn entry_of(file: &content::File) -> Entry {
    Entry {
        path: file.path.clone(),
        data: file.data.clone(),
        in_vnfd: file.in_vnfd,
    }
}

fn file_signatures(layout: Layout) -> Option<Naming> {
    match layout {
        Layout::FileSignatures { naming } => Some(naming),
        Layout::ManifestAndFileSignatures => Some(Naming::Appended),
        Layout::SignedManifest | Layout::Option2 => None,
    }
}

/// The certificate has none, and the manifest none beside its CMS block.
fn has_own_signature(layout: Layout, path: &str) -> bool {
    path != CERTIFICATE && (path != MANIFEST || layout != Layout::ManifestAndFileSignatures)
}

fn manifest(package: &Package<'_>, naming: Option<Naming>) -> Result<Vec<u8>, PackageError> {
    let other = Data::Bytes(Arc::from(&b"other bytes"[..]));
    let items: Vec<Item<'_>> = package
        .files
        .iter()
        .filter(|file| package.unlisted != Some(file.path.as_str()))
        .map(|file| {
            let paths = naming.map(|naming| signature_path(&file.path, naming));
            let (signature, certificate) =
                paths.map_or((None, None), |(signature, own)| (Some(signature), own));
            let data = if package.wrong_digest == Some(file.path.as_str()) {
                &other
            } else {
                &file.data
            };
            Item {
                path: &file.path,
                data,
                signature,
                certificate,
            }
        })
        .collect();
    let mut text = manifest::text(&package.vnfd_id, package.digest, &items)?;
    if matches!(
        package.layout,
        Layout::SignedManifest | Layout::ManifestAndFileSignatures
    ) {
        let der = sign(
            package,
            text.as_bytes(),
            MANIFEST,
            &package.signature_options,
        )?;
        text.push_str(&cms::to_pem(&der));
    }
    Ok(text.into_bytes())
}

fn signature_entries(
    package: &Package<'_>,
    entry: &Entry,
    naming: Naming,
) -> Result<Vec<Entry>, PackageError> {
    let (path, own_certificate) = signature_path(&entry.path, naming);
    let options = package.signature_options.clone();
    let signature = match naming {
        Naming::Appended => sign(package, entry.data.bytes()?, &entry.path, &options)?,
        Naming::Replaced => cms::to_pem(&sign(
            package,
            entry.data.bytes()?,
            &entry.path,
            &options.without_certificates(),
        )?)
        .into_bytes(),
    };
    let mut made = vec![Entry {
        path,
        data: signature.into(),
        in_vnfd: entry.in_vnfd,
    }];
    // The certificate of the manifest would be the package's own: it is there already.
    if let Some(path) = own_certificate.filter(|path| path != CERTIFICATE) {
        let certificate = package.certificate_file.certificate_pem().into_bytes();
        made.push(Entry {
            path,
            data: certificate.into(),
            in_vnfd: entry.in_vnfd,
        });
    }
    Ok(made)
}

fn sign(
    package: &Package<'_>,
    bytes: &[u8],
    what: &str,
    options: &cms::Options,
) -> Result<Vec<u8>, PackageError> {
    let scheme = package
        .scheme
        .unwrap_or_else(|| Scheme::for_key(package.signer.key_kind()));
    cms::sign_detached(bytes, package.signer, scheme, package.material.now, options).map_err(
        |source| PackageError::Sign {
            what: what.to_owned(),
            source,
        },
    )
}
