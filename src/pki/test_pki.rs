//! The TLS side of the test bed: [`TestPki`], one CA and an identity for each party.

use std::path::Path;

use jiff::Timestamp;

use super::ca::Ca;
use super::leaf::{KeyKind, Leaf};
use super::store::{Expected, Folder};
use super::{PkiError, store};

const CA_FILE: &str = "ca.crt";
const CA_KEY_FILE: &str = "ca.key";

/// The CA of the test bed and who it certified. A product under test gets `ca.crt`, `vnfm.crt` and `vnfm.key`.
pub struct TestPki {
    /// Trusted by every party; issues what a scenario needs beyond the identities below.
    pub ca: Ca,
    /// The simulated NFVO, server and client.
    pub nfvo: Leaf,
    /// The VNFM, server and client.
    pub vnfm: Leaf,
    /// The tester, a client.
    pub tester: Leaf,
}

impl TestPki {
    /// A new CA and new identities with P-256 keys; servers are called by `server_names` (IP addresses and DNS names).
    ///
    /// # Errors
    /// [`PkiError::SubjectAltName`] for a name that is none; [`PkiError::Issue`], [`PkiError::Time`].
    pub fn new(now: Timestamp, server_names: &[&str]) -> Result<Self, PkiError> {
        Self::with_key(KeyKind::EcP256, now, server_names)
    }

    /// As [`TestPki::new`], with keys of this kind throughout, for products that support no other.
    ///
    /// # Errors
    /// As [`TestPki::new`].
    pub fn with_key(
        kind: KeyKind,
        now: Timestamp,
        server_names: &[&str],
    ) -> Result<Self, PkiError> {
        let ca = Ca::with_key("scas test bed CA", kind, now)?;
        Ok(Self {
            nfvo: ca.peer("nfvo", server_names).key(kind).issue()?,
            vnfm: ca.peer("vnfm", server_names).key(kind).issue()?,
            tester: ca.client("tester").key(kind).issue()?,
            ca,
        })
    }

    /// Writes `ca.crt`, `ca.key`, and for each of nfvo, vnfm and tester a `.crt` (with the CA) and a `.key`; keys have mode 0600.
    ///
    /// # Errors
    /// [`PkiError::Exists`] rather than overwrite; [`PkiError::Io`].
    pub fn write_to(&self, folder: &Path) -> Result<(), PkiError> {
        store::create_folder(folder)?;
        store::write_public(&folder.join(CA_FILE), &self.ca.certificate_pem())?;
        store::write_secret(&folder.join(CA_KEY_FILE), &self.ca.private_key_pem())?;
        for (name, leaf) in [
            ("nfvo", &self.nfvo),
            ("vnfm", &self.vnfm),
            ("tester", &self.tester),
        ] {
            store::write_leaf(folder, name, leaf)?;
        }
        Ok(())
    }

    /// Reads what [`TestPki::write_to`] wrote; `now` dates what the CA will issue, and the identities must be valid at it.
    ///
    /// # Errors
    /// Each names the file: [`PkiError::Io`], [`PkiError::Unreadable`], [`PkiError::KeyMismatch`],
    /// [`PkiError::WrongIssuer`],
    /// [`PkiError::Validity`].
    pub fn load_from(folder: &Path, now: Timestamp) -> Result<Self, PkiError> {
        let (certificate, key_path) = (folder.join(CA_FILE), folder.join(CA_KEY_FILE));
        let text = store::read(&certificate)?;
        let der = store::certificate_der(&certificate, &text)?;
        store::check_pair(&certificate, &der, &key_path, &store::read_key(&key_path)?)?;
        let folder = Folder {
            path: folder,
            ca_file: &certificate,
            now,
        };
        let leaf = |name| folder.leaf(name, Expected::Valid);
        Ok(Self {
            ca: Ca::from_pem(&text, &store::read(&key_path)?, now)?,
            nfvo: leaf("nfvo")?,
            vnfm: leaf("vnfm")?,
            tester: leaf("tester")?,
        })
    }
}
