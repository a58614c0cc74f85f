//! PEM, and folders of certificates and keys: keys are readable by their owner only, nothing is overwritten, and what is
//! read is checked, naming the file.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use der::{Decode, Encode};
use jiff::Timestamp;
use rcgen::KeyPair;
use x509_cert::Certificate;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::PkiError;
use super::leaf::{Leaf, fits};

/// PEM with LF line ends.
pub(super) fn pem(label: &'static str, der: &[u8]) -> String {
    der::pem::encode_string(label, der::pem::LineEnding::LF, der)
        .expect("the labels are ours and valid, and a String can be grown to any length")
}

/// The DER of the first certificate of a PEM file; `path` names it in errors.
pub(super) fn certificate_der(path: &Path, text: &str) -> Result<Vec<u8>, PkiError> {
    let unreadable = |reason: String| PkiError::Unreadable {
        path: path.to_owned(),
        reason,
    };
    let chain = Certificate::load_pem_chain(text.as_bytes())
        .map_err(|error| unreadable(format!("no certificate in PEM that we can read: {error}")))?;
    let first = chain
        .first()
        .ok_or_else(|| unreadable("no certificate in it: put one there, in PEM".to_owned()))?;
    first
        .to_der()
        .map_err(|error| unreadable(format!("no certificate that we can encode again: {error}")))
}

/// Makes the folder with its parents.
pub(super) fn create_folder(path: &Path) -> Result<(), PkiError> {
    fs::create_dir_all(path).map_err(|source| PkiError::Io {
        action: "create",
        path: path.to_owned(),
        source,
    })
}

/// Writes a file that everybody may read.
pub(super) fn write_public(path: &Path, text: &str) -> Result<(), PkiError> {
    write_new(path, text, 0o644)
}

/// Writes a file that its owner alone may read, from its first moment on.
pub(super) fn write_secret(path: &Path, text: &str) -> Result<(), PkiError> {
    write_new(path, text, 0o600)
}

fn write_new(path: &Path, text: &str, mode: u32) -> Result<(), PkiError> {
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists => PkiError::Exists {
            path: path.to_owned(),
        },
        _ => PkiError::Io {
            action: "write",
            path: path.to_owned(),
            source,
        },
    })
}

/// The whole file.
pub(super) fn read(path: &Path) -> Result<String, PkiError> {
    fs::read_to_string(path).map_err(|source| PkiError::Io {
        action: "read",
        path: path.to_owned(),
        source,
    })
}

/// Writes `NAME.crt` (with its issuers, as TLS servers want it) and `NAME.key`.
pub(super) fn write_leaf(folder: &Path, name: &str, leaf: &Leaf) -> Result<(), PkiError> {
    write_public(&folder.join(format!("{name}.crt")), &leaf.chain_pem())?;
    write_secret(&folder.join(format!("{name}.key")), &leaf.private_key_pem())
}

/// What a stored certificate's validity must be when it is read, for the tests to mean what they say.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    Valid,
    Expired,
    NotYetValid,
}

impl Expected {
    fn is_met(self, leaf: &Leaf, now: Timestamp) -> bool {
        let found = if now < leaf.not_before() {
            Self::NotYetValid
        } else if now > leaf.not_after() {
            Self::Expired
        } else {
            Self::Valid
        };
        self == found
    }

    fn words(self) -> &'static str {
        match self {
            Self::Valid => "be valid now",
            Self::Expired => "have expired",
            Self::NotYetValid => "not be valid yet",
        }
    }
}

/// A folder that was written by [`write_leaf`], with the CA that must have issued what is read from it.
pub(super) struct Folder<'a> {
    pub(super) path: &'a Path,
    pub(super) ca_file: &'a Path,
    pub(super) now: Timestamp,
}

impl Folder<'_> {
    /// Certificate and key of this name; they must fit each other, the CA, and the time.
    pub(super) fn leaf(&self, name: &str, expected: Expected) -> Result<Leaf, PkiError> {
        let certificate = self.path.join(format!("{name}.crt"));
        let key_path = self.path.join(format!("{name}.key"));
        let der = certificate_der(&certificate, &read(&certificate)?)?;
        let key = read_key(&key_path)?;
        check_pair(&certificate, &der, &key_path, &key)?;
        let ca_der = certificate_der(self.ca_file, &read(self.ca_file)?)?;
        if !issued_by(&der, &ca_der) {
            return Err(PkiError::WrongIssuer {
                certificate,
                ca: self.ca_file.to_owned(),
            });
        }
        let leaf = Leaf::new(der, &key, vec![ca_der], &certificate.display().to_string())?;
        if !expected.is_met(&leaf, self.now) {
            return Err(PkiError::Validity {
                certificate,
                expected: expected.words(),
                not_before: leaf.not_before(),
                not_after: leaf.not_after(),
            });
        }
        Ok(leaf)
    }

    /// A CRL of the CA that is up to date and lists `revoked`.
    pub(super) fn crl(&self, name: &str, revoked: &Leaf) -> Result<String, PkiError> {
        let path = self.path.join(name);
        let text = read(&path)?;
        let wrong = |reason: &str| PkiError::Unreadable {
            path: path.clone(),
            reason: reason.to_owned(),
        };
        let (_, pem) = x509_parser::pem::parse_x509_pem(text.as_bytes())
            .map_err(|_| wrong("no CRL in PEM"))?;
        let (_, crl) = CertificateRevocationList::from_der(&pem.contents)
            .map_err(|_| wrong("no CRL that we can read"))?;
        let ca_der = certificate_der(self.ca_file, &read(self.ca_file)?)?;
        let (_, ca) =
            X509Certificate::from_der(&ca_der).map_err(|_| wrong("its CA cannot be read"))?;
        if crl.verify_signature(ca.public_key()).is_err() {
            return Err(wrong(
                "not signed by the CA beside it: put both from the same PKI",
            ));
        }
        if crl
            .next_update()
            .is_none_or(|next| next.timestamp() <= self.now.as_second())
        {
            return Err(wrong("out of date: make a new PKI"));
        }
        if !crl
            .iter_revoked_certificates()
            .any(|entry| entry.raw_serial() == revoked.serial())
        {
            return Err(wrong(
                "does not list the revoked signer: put both from the same PKI",
            ));
        }
        Ok(text)
    }
}

/// A private key in PEM.
pub(super) fn read_key(path: &Path) -> Result<KeyPair, PkiError> {
    KeyPair::from_pem(&read(path)?).map_err(|error| PkiError::Unreadable {
        path: path.to_owned(),
        reason: format!("no private key in PKCS#8 PEM that we can read: {error}"),
    })
}

/// That the key is the certificate's.
pub(super) fn check_pair(
    certificate: &Path,
    der: &[u8],
    key_path: &Path,
    key: &KeyPair,
) -> Result<(), PkiError> {
    let parsed = Certificate::from_der(der).map_err(|error| PkiError::Unreadable {
        path: certificate.to_owned(),
        reason: format!("no X.509 certificate that we can read: {error}"),
    })?;
    if fits(&parsed, key) {
        return Ok(());
    }
    Err(PkiError::KeyMismatch {
        certificate: certificate.to_owned(),
        key: PathBuf::from(key_path),
    })
}

fn issued_by(leaf_der: &[u8], ca_der: &[u8]) -> bool {
    let (Ok((_, leaf)), Ok((_, ca))) = (
        X509Certificate::from_der(leaf_der),
        X509Certificate::from_der(ca_der),
    ) else {
        return false;
    };
    leaf.issuer() == ca.subject() && leaf.verify_signature(Some(ca.public_key())).is_ok()
}
