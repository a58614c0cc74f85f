//! Certificates and private keys as they are delivered to a VNFC instance: [`Delivered`], its [`PrivateKey`], and the
//! search for both in whatever carries them.
//!
//! Nobody standardises how a VNFM hands a key to the VIM or to the VNFCI. So a simulator that receives one looks
//! through every encoding that is in use (PEM, DER in base64 or hex, PKCS#12, compressed, nested), and through the
//! containers (cloud-init, MIME, shell scripts), and says where it found what.

pub(crate) mod der;
pub(crate) mod encoding;
pub(crate) mod find;
pub(crate) mod pem;
mod pkcs12;
pub(crate) mod user_data;
pub(crate) mod yaml;

use rustls_pki_types::PrivateKeyDer;
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::tls;

/// A private key in DER: PKCS#8, SEC1 or PKCS#1. Its bytes are wiped when it is dropped; it prints without them.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey {
    der: Zeroizing<Vec<u8>>,
    /// SubjectPublicKeyInfo in DER.
    public: Vec<u8>,
}

impl PrivateKey {
    /// Takes a private key, if these bytes are one that TLS could use.
    pub fn from_der(der: &[u8]) -> Option<Self> {
        let key = PrivateKeyDer::try_from(der).ok()?;
        let signing = tls::provider()
            .key_provider
            .load_private_key(key.clone_key())
            .ok()?;
        let public = signing.public_key()?.as_ref().to_vec();
        let der = Zeroizing::new(der.to_vec());
        Some(Self { der, public })
    }

    /// The key, in DER as it was delivered.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SubjectPublicKeyInfo of the public half, in DER.
    pub fn public_key_der(&self) -> &[u8] {
        &self.public
    }

    /// SHA-256 of the SubjectPublicKeyInfo, in hex: names the key without telling it.
    pub fn public_key_sha256(&self) -> String {
        hex::encode(Sha256::digest(&self.public))
    }
}

impl std::fmt::Debug for PrivateKey {
    /// Only which key it is: debug output ends up in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PrivateKey")
            .field("public_key_sha256", &self.public_key_sha256())
            .finish_non_exhaustive()
    }
}

/// A certificate with its chain and the private key that fits it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The certificate that fits the key, then its issuers as far as they were delivered, each in DER.
    pub certificate_chain_der: Vec<Vec<u8>>,
    /// The key of the first certificate.
    pub private_key: PrivateKey,
    /// Where the key was found, e.g. `user_data write_files /etc/vnf/tls.key`.
    pub found_in: String,
    /// Other places that hold the same key.
    pub also_found_in: Vec<String>,
    /// Where the certificate was found.
    pub certificate_found_in: String,
    /// Certificates beside the chain, in DER: e.g. trust anchors for the peer.
    pub other_certificates_der: Vec<Vec<u8>>,
}

impl Delivered {
    /// SHA-256 of the certificate, in hex.
    pub fn certificate_sha256(&self) -> String {
        let leaf = self.certificate_chain_der.first();
        hex::encode(Sha256::digest(leaf.map_or(&[][..], Vec::as_slice)))
    }
}

/// Whether a private key is in these bytes, or may be where nobody could look.
pub(crate) fn carries_private_key(bytes: &[u8]) -> bool {
    let mut found = false;
    let complete = encoding::unwrapped(bytes, |layer| {
        found |= der::is_private(layer);
        !found
    });
    found || !complete
}

/// Why nothing complete was delivered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Missing {
    /// Neither key nor certificate.
    #[error("neither a private key nor a certificate was found")]
    Everything,
    /// Certificates, but no key.
    #[error("no private key was found (certificates in {certificates_in})")]
    Key {
        /// Where the certificates were.
        certificates_in: String,
    },
    /// A key that cannot be read: its password was not found beside it, or its kind is unknown.
    #[error("the private key in {found_in} could not be read")]
    Locked {
        /// Where it was.
        found_in: String,
    },
    /// A key, but no certificate.
    #[error("no certificate was found (private key in {key_in})")]
    Certificate {
        /// Where the key was.
        key_in: String,
    },
    /// Key and certificates of which none fits the other.
    #[error("no certificate in {certificates_in} fits the private key in {key_in}")]
    Pair {
        /// Where the key was.
        key_in: String,
        /// Where the certificates were.
        certificates_in: String,
    },
    /// A fault took it away.
    #[error("the simulator was told to leave the private key out")]
    Fault,
}
