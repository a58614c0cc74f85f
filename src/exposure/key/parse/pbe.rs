//! Encrypted keys: password-based encryption of PKCS#5 (PBES2) and PKCS#12, with bounds on the work that foreign bytes may ask for.
//! [`Opener`] holds the passwords and the bounds.

mod kdf;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use ::der::Tag;
use aws_lc_rs::cipher::{
    self, AES_128, AES_192, AES_256, Algorithm, DecryptionContext, PaddedBlockDecryptingKey,
    UnboundCipherKey,
};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::iv::FixedLength;
use zeroize::Zeroizing;

use self::kdf::Derivation;
use super::der::Elements;
use super::{Parsed, Refusal, Sealed, Why, oid, pkcs8};
use crate::key::Secret;

/// Passwords to try, and how much work they may cost.
pub(crate) struct Opener<'a> {
    pub(crate) passwords: &'a [Secret],
    pub(crate) effort: &'a Effort,
}

/// Bounds on the work of key derivations, in applications of a hash function (about a tenth of a microsecond each).
#[derive(Debug)]
pub(crate) struct Effort {
    /// For one password at one key.
    each: u64,
    /// For all that come.
    left: AtomicU64,
    /// Digests of what no password opened: the same bytes lie about more than once.
    refused: Mutex<BTreeSet<Vec<u8>>>,
}

impl Effort {
    /// `each` for one attempt, `all` together.
    pub(crate) fn new(each: u64, all: u64) -> Self {
        Self {
            each,
            left: AtomicU64::new(all),
            refused: Mutex::new(BTreeSet::new()),
        }
    }

    /// Nothing.
    pub(crate) const fn none() -> Self {
        Self {
            each: 0,
            left: AtomicU64::new(0),
            refused: Mutex::new(BTreeSet::new()),
        }
    }

    /// Takes the cost of an attempt from what is left; false if it is too much.
    pub(crate) fn spend(&self, cost: u64) -> bool {
        let take = |left: u64| left.checked_sub(cost);
        cost <= self.each
            && self
                .left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
                .is_ok()
    }
}

impl Opener<'_> {
    /// Tries the passwords on some data; `attempt` decrypts with one and looks whether a key came out.
    pub(crate) fn open<T>(
        &self,
        what: &'static str,
        data: &[u8],
        cost: u64,
        mut attempt: impl FnMut(&[u8]) -> Option<T>,
    ) -> Result<T, Sealed> {
        let sealed = |why| Sealed { what, why };
        if self.passwords.is_empty() {
            return Err(sealed(Why::NoPassword));
        }
        let name = digest(&SHA256, data).as_ref().to_vec();
        // The set is whole after each of its operations, whatever became of the thread.
        let refused = || {
            self.effort
                .refused
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if refused().contains(&name) {
            return Err(sealed(Why::WrongPassword));
        }
        for password in self.passwords {
            if !self.effort.spend(cost) {
                return Err(sealed(Why::Costly));
            }
            if let Some(opened) = attempt(password.expose()) {
                return Ok(opened);
            }
        }
        if cost > 1000 {
            refused().insert(name);
        }
        Err(sealed(Why::WrongPassword))
    }
}

/// The key in an EncryptedPrivateKeyInfo (RFC 5958).
pub(crate) fn encrypted_pkcs8(bytes: &[u8], opener: &Opener<'_>) -> Result<Parsed, Refusal> {
    const WHAT: &str = "encrypted PKCS#8";
    let read = || {
        let mut fields = Elements::of(bytes).sequence()?;
        let algorithm = fields.whole()?;
        let data = fields.value(Tag::OctetString)?;
        // Anything else that begins with a SEQUENCE and an OCTET STRING is no key.
        Elements::of(algorithm).sequence()?.oid()?;
        Some((algorithm, data))
    };
    let (algorithm, data) = read().ok_or(Refusal::Unknown)?;
    if data.is_empty() {
        return Err(Refusal::Unknown);
    }
    // What opens but is of a curve that we do not know is told as that.
    let opened = decrypt(WHAT, algorithm, data, opener, |bytes| match pkcs8(bytes) {
        Err(Refusal::Unknown) => None,
        other => Some(other),
    })?;
    let mut parsed = opened?;
    parsed.within = vec![WHAT];
    Ok(parsed)
}

/// Decrypts what an AlgorithmIdentifier says how to, until `accept` knows what came out.
pub(crate) fn decrypt<T>(
    what: &'static str,
    algorithm: &[u8],
    data: &[u8],
    opener: &Opener<'_>,
    accept: impl Fn(&[u8]) -> Option<T>,
) -> Result<T, Refusal> {
    let scheme = match Scheme::read(algorithm) {
        Err(Refusal::Unsupported(name)) => {
            let why = Why::Unsupported(name);
            return Err(Sealed { what, why }.into());
        }
        scheme => scheme?,
    };
    let cost = scheme.derivation.cost();
    let opened = opener.open(what, data, cost, |password| {
        let (key, iv) = scheme.derivation.derive(password, scheme.cipher)?;
        let plain = cbc(scheme.cipher, &key, scheme.iv.unwrap_or(&iv), data)?;
        accept(&plain)
    })?;
    Ok(opened)
}

/// How something is encrypted with a password.
struct Scheme<'a> {
    derivation: Derivation<'a>,
    cipher: Cipher,
    /// Absent if it is derived from the password, too.
    iv: Option<&'a [u8]>,
}

/// A block cipher, always in CBC with PKCS#7 padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cipher {
    Aes128,
    Aes192,
    Aes256,
    TripleDes,
}

impl Cipher {
    pub(crate) fn key_length(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Aes192 | Self::TripleDes => 24,
            Self::Aes256 => 32,
        }
    }

    pub(crate) fn block_length(self) -> usize {
        match self {
            Self::TripleDes => 8,
            _ => 16,
        }
    }

    #[expect(deprecated, reason = "keys that were encrypted so are still about")]
    fn algorithm(self) -> &'static Algorithm {
        match self {
            Self::Aes128 => &AES_128,
            Self::Aes192 => &AES_192,
            Self::Aes256 => &AES_256,
            Self::TripleDes => &cipher::DES_EDE3_FOR_LEGACY_USE_ONLY,
        }
    }
}

impl<'a> Scheme<'a> {
    /// Reads an AlgorithmIdentifier.
    fn read(algorithm: &'a [u8]) -> Result<Self, Refusal> {
        let mut fields = Elements::of(algorithm).sequence().ok_or(Refusal::Unknown)?;
        let name = fields.oid().ok_or(Refusal::Unknown)?;
        let parameters = fields.sequence();
        match name {
            oid::PBES2 => Self::pbes2(parameters.ok_or(Refusal::Unknown)?),
            oid::PKCS12_TRIPLE_DES => Ok(Self {
                derivation: Derivation::pkcs12(parameters.ok_or(Refusal::Unknown)?)?,
                cipher: Cipher::TripleDes,
                iv: None,
            }),
            other if kdf::is_password_based(other) => Err(super::unsupported(other)),
            _ => Err(Refusal::Unknown),
        }
    }

    fn pbes2(mut parameters: Elements<'a>) -> Result<Self, Refusal> {
        let derivation = parameters.whole().ok_or(Refusal::Unknown)?;
        let mut encryption = parameters.sequence().ok_or(Refusal::Unknown)?;
        let cipher = match encryption.oid().ok_or(Refusal::Unknown)? {
            oid::AES_128_CBC => Cipher::Aes128,
            oid::AES_192_CBC => Cipher::Aes192,
            oid::AES_256_CBC => Cipher::Aes256,
            oid::TRIPLE_DES_CBC => Cipher::TripleDes,
            other => return Err(super::unsupported(other)),
        };
        Ok(Self {
            derivation: Derivation::pbes2(derivation)?,
            cipher,
            iv: Some(encryption.value(Tag::OctetString).ok_or(Refusal::Unknown)?),
        })
    }
}

/// Decrypts, and takes the padding off; none if that is wrong.
pub(crate) fn cbc(
    cipher: Cipher,
    key: &[u8],
    iv: &[u8],
    data: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    if data.is_empty() || !data.len().is_multiple_of(cipher.block_length()) {
        return None;
    }
    let context = match cipher {
        Cipher::TripleDes => DecryptionContext::Iv64(FixedLength::try_from(iv).ok()?),
        _ => DecryptionContext::Iv128(FixedLength::try_from(iv).ok()?),
    };
    let key = UnboundCipherKey::new(cipher.algorithm(), key).ok()?;
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).ok()?;
    let mut data = Zeroizing::new(data.to_vec());
    let length = key.decrypt(&mut data, context).ok()?.len();
    data.truncate(length);
    Some(data)
}
