//! Who signs VNF packages in the tests: [`SigningMaterial`], good signers and one signer for each way to be no good.

use std::path::Path;

use jiff::Timestamp;

use super::ca::Ca;
use super::leaf::{KeyKind, Leaf};
use super::store::{Expected, Folder};
use super::{PkiError, store};

const CA_FILE: &str = "signers-ca.crt";
const ROGUE_CA_FILE: &str = "rogue-ca.crt";
const CRL_FILE: &str = "signers.crl";
const CA_NAME: &str = "scas test package signers CA";
const SIGNER_NAME: &str = "scas test VNF vendor";

/// Signers under one CA, whose certificate and CRL a product under test is given before a run, and a rogue.
///
/// All share no key. Apart from `second` they bear the same name, so that a verifier cannot tell them apart by name.
#[derive(Clone, Debug)]
pub struct SigningMaterial {
    /// The moment that validity was reckoned from; signatures are dated with it.
    pub now: Timestamp,
    /// The signer that a verifier must accept.
    pub good: Leaf,
    /// Another that a verifier must accept, with a name of its own.
    pub second: Leaf,
    /// The same name under a CA of the same name that nobody trusts.
    pub rogue: Leaf,
    /// Its validity ended a day before `now`.
    pub expired: Leaf,
    /// Its validity begins five years after `now`.
    pub not_yet_valid: Leaf,
    /// On the CRL.
    pub revoked: Leaf,
    /// keyUsage lacks digitalSignature.
    pub without_digital_signature: Leaf,
    anchors_pem: String,
    rogue_anchor_pem: String,
    crl_pem: String,
}

impl SigningMaterial {
    /// New keys and certificates, P-256, reckoned from `now`.
    ///
    /// # Errors
    /// [`PkiError::Issue`], [`PkiError::Time`] from the certificate library.
    pub fn new(now: Timestamp) -> Result<Self, PkiError> {
        Self::with_key(KeyKind::EcP256, now)
    }

    /// As [`SigningMaterial::new`], with keys of this kind throughout, for products that support no other.
    ///
    /// # Errors
    /// As [`SigningMaterial::new`].
    pub fn with_key(kind: KeyKind, now: Timestamp) -> Result<Self, PkiError> {
        let ca = Ca::with_key(CA_NAME, kind, now)?;
        let rogue_ca = Ca::with_key(CA_NAME, kind, now)?;
        let vendor = || ca.signer(SIGNER_NAME).key(kind);
        let revoked = vendor().issue()?;
        Ok(Self {
            now,
            good: vendor().issue()?,
            second: ca.signer("scas test second VNF vendor").key(kind).issue()?,
            rogue: rogue_ca.signer(SIGNER_NAME).key(kind).issue()?,
            expired: vendor().expired(now).issue()?,
            not_yet_valid: vendor().not_yet_valid(now).issue()?,
            without_digital_signature: vendor().without_digital_signature().issue()?,
            anchors_pem: ca.certificate_pem(),
            rogue_anchor_pem: rogue_ca.certificate_pem(),
            crl_pem: ca.crl_pem(&[&revoked])?,
            revoked,
        })
    }

    /// The trust anchors for a verifier, PEM.
    pub fn anchors_pem(&self) -> &str {
        &self.anchors_pem
    }

    /// The CRL of the signers' CA, PEM; it lists `revoked`.
    pub fn crl_pem(&self) -> &str {
        &self.crl_pem
    }

    /// Writes certificates, CRL and keys (mode 0600) into the folder, made if need be.
    ///
    /// # Errors
    /// [`PkiError::Exists`] rather than overwrite; [`PkiError::Io`].
    pub fn write_to(&self, folder: &Path) -> Result<(), PkiError> {
        store::create_folder(folder)?;
        store::write_public(&folder.join(CA_FILE), &self.anchors_pem)?;
        store::write_public(&folder.join(ROGUE_CA_FILE), &self.rogue_anchor_pem)?;
        store::write_public(&folder.join(CRL_FILE), &self.crl_pem)?;
        for (name, leaf) in self.named() {
            store::write_leaf(folder, name, leaf)?;
        }
        Ok(())
    }

    /// Reads what [`SigningMaterial::write_to`] wrote; `now` dates the signatures to come.
    ///
    /// # Errors
    /// Each names the file: [`PkiError::Io`], [`PkiError::Unreadable`], [`PkiError::KeyMismatch`],
    /// [`PkiError::WrongIssuer`], [`PkiError::Validity`] (each flaw of validity must still be one).
    pub fn load_from(folder: &Path, now: Timestamp) -> Result<Self, PkiError> {
        let (ca, rogue_ca) = (folder.join(CA_FILE), folder.join(ROGUE_CA_FILE));
        let rogues = Folder {
            path: folder,
            ca_file: &rogue_ca,
            now,
        };
        let folder = Folder {
            path: folder,
            ca_file: &ca,
            now,
        };
        let revoked = folder.leaf("revoked", Expected::Valid)?;
        Ok(Self {
            now,
            good: folder.leaf("good", Expected::Valid)?,
            second: folder.leaf("second", Expected::Valid)?,
            rogue: rogues.leaf("rogue", Expected::Valid)?,
            expired: folder.leaf("expired", Expected::Expired)?,
            not_yet_valid: folder.leaf("not-yet-valid", Expected::NotYetValid)?,
            without_digital_signature: folder.leaf("without-digital-signature", Expected::Valid)?,
            anchors_pem: store::read(&ca)?,
            rogue_anchor_pem: store::read(&rogue_ca)?,
            crl_pem: folder.crl(CRL_FILE, &revoked)?,
            revoked,
        })
    }

    fn named(&self) -> [(&'static str, &Leaf); 7] {
        [
            ("good", &self.good),
            ("second", &self.second),
            ("rogue", &self.rogue),
            ("expired", &self.expired),
            ("not-yet-valid", &self.not_yet_valid),
            ("revoked", &self.revoked),
            ("without-digital-signature", &self.without_digital_signature),
        ]
    }
}
