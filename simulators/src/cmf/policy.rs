//! Which keys are certified: [`KeyPolicy`].

use serde::{Deserialize, Serialize};

use super::refusal::Refusal;
use crate::csr::{Csr, KeyType, SignatureType};

/// Longest RSA key that is verified here.
const MAX_RSA: usize = 8192;

/// A kind of key, as `allowedAlgorithms` of a registration names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyAlgorithm {
    /// ECDSA on NIST P-256.
    #[serde(rename = "EC_P256")]
    P256,
    /// ECDSA on NIST P-384.
    #[serde(rename = "EC_P384")]
    P384,
    /// RSA.
    #[serde(rename = "RSA")]
    Rsa,
}

/// Algorithms and lengths that are accepted (SecurityPolicy of SOL003: allowedAlgorithm, minimumKeyLength).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPolicy {
    /// These only.
    pub algorithms: Vec<KeyAlgorithm>,
    /// Bits of an RSA modulus.
    pub minimum_rsa_bits: usize,
}

impl Default for KeyPolicy {
    /// All, RSA from 3072 bits.
    fn default() -> Self {
        Self {
            algorithms: vec![KeyAlgorithm::P256, KeyAlgorithm::P384, KeyAlgorithm::Rsa],
            minimum_rsa_bits: 3072,
        }
    }
}

impl KeyPolicy {
    /// What both allow.
    pub(super) fn narrowed(&self, algorithms: &[KeyAlgorithm], minimum_rsa_bits: usize) -> Self {
        let both = self.algorithms.iter().copied();
        Self {
            algorithms: both
                .filter(|algorithm| algorithms.contains(algorithm))
                .collect(),
            minimum_rsa_bits: self.minimum_rsa_bits.max(minimum_rsa_bits),
        }
    }

    pub(super) fn check(&self, csr: &Csr) -> Result<(), Refusal> {
        let algorithm = match csr.key {
            KeyType::P256 => KeyAlgorithm::P256,
            KeyType::P384 => KeyAlgorithm::P384,
            KeyType::Rsa(_) => KeyAlgorithm::Rsa,
            KeyType::Other => return Err(Refusal::KeyAlgorithm(csr.key)),
        };
        if !self.algorithms.contains(&algorithm) {
            return Err(Refusal::KeyAlgorithm(csr.key));
        }
        if let KeyType::Rsa(bits) = csr.key
            && !(self.minimum_rsa_bits..=MAX_RSA).contains(&bits)
        {
            return Err(Refusal::KeyLength {
                bits,
                minimum: self.minimum_rsa_bits,
            });
        }
        match csr.signature {
            SignatureType::Sound => Ok(()),
            SignatureType::Unsound => Err(Refusal::SignatureAlgorithm),
        }
    }
}
