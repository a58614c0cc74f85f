//! Private and public keys out of bytes that may be anything.
//!
//! Everything here is given foreign bytes: it answers [`Parsed`] or a [`Refusal`], bounded in time and memory, and never
//! panics. `load` says it to the user, the structure detector to the report.

pub(crate) mod der;
pub(crate) mod jwk;
pub(crate) mod oid;
pub(crate) mod openssh;
pub(crate) mod pbe;
pub(crate) mod pem;
pub(crate) mod pkcs12;
pub(crate) mod public;
pub(crate) mod text;

use ::der::Tag;
use ::der::asn1::ObjectIdentifier;

use self::der::{Elements, sequence_length};
use self::pbe::Opener;
use super::fit::{ed25519, point};
use super::rsa::Numbers;
use super::{Curve, PrivateKey, PublicKey, Secret};

/// A private key that fits its own public half, if it came with one.
pub(crate) struct Parsed {
    pub(crate) private: PrivateKey,
    /// Computed from the private half.
    pub(crate) public: PublicKey,
    /// What it lies in, from the inside out: "PKCS#8", "PKCS#12".
    pub(crate) within: Vec<&'static str>,
    /// Whether the structure names its algorithm, or carries the public half: then it is a key even if it is nobody's that we
    /// know. 32 bytes in a SEQUENCE with the number 1 may be anything.
    pub(crate) telling: bool,
}

/// Why there is no key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It does not look like one.
    Unknown,
    /// It is of an algorithm, curve or version that we do not know.
    Unsupported(String),
    /// Its numbers do not belong together.
    Inconsistent,
    /// It is encrypted, and stays so.
    Sealed(Sealed),
}

/// An encrypted private key that was not opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sealed {
    /// What it is: "encrypted PKCS#8", "PKCS#12" ...
    pub(crate) what: &'static str,
    pub(crate) why: Why,
}

/// Why an encrypted key was not opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// There was no password to try.
    NoPassword,
    /// No password opened it.
    WrongPassword,
    /// Its key derivation asks for more work or memory than we give.
    Costly,
    /// It is encrypted in a way that we do not know.
    Unsupported(String),
}

impl From<Sealed> for Refusal {
    fn from(sealed: Sealed) -> Self {
        Self::Sealed(sealed)
    }
}

/// The private keys in the DER structure with which the bytes begin: SEC 1, PKCS#1, PKCS#8 (encrypted, too) or PKCS#12.
/// At least one, if it succeeds.
pub(crate) fn private_der(bytes: &[u8], opener: &Opener<'_>) -> Result<Vec<Parsed>, Refusal> {
    let length = sequence_length(bytes).ok_or(Refusal::Unknown)?;
    let bytes = bytes.get(..length).ok_or(Refusal::Unknown)?;
    let mut fields = Elements::of(bytes).sequence().ok_or(Refusal::Unknown)?;
    if fields.tag() == Some(Tag::Sequence) {
        let key = pbe::encrypted_pkcs8(bytes, opener)?;
        return Ok(vec![key]);
    }
    let version = fields.small().ok_or(Refusal::Unknown)?;
    match (version, fields.tag().ok_or(Refusal::Unknown)?) {
        (0, Tag::Integer) => Ok(vec![pkcs1(bytes)?]),
        (1, Tag::Integer) => Err(Refusal::Unsupported("RSA with several primes".into())),
        (0 | 1, Tag::Sequence) => Ok(vec![pkcs8(bytes)?]),
        (1, Tag::OctetString) => Ok(vec![sec1(bytes, None)?]),
        (3, Tag::Sequence) => pkcs12::keys(bytes, opener),
        _ => Err(Refusal::Unknown),
    }
}

/// A PrivateKeyInfo or OneAsymmetricKey (RFC 5958).
pub(crate) fn pkcs8(bytes: &[u8]) -> Result<Parsed, Refusal> {
    let read = || {
        let mut fields = Elements::of(bytes).sequence()?;
        fields.small()?;
        let mut algorithm = fields.sequence()?;
        let name = algorithm.oid()?;
        let key = fields.value(Tag::OctetString)?;
        fields.context(0);
        let public = fields.context(1).and_then(|bits| bits.strip_prefix(&[0]));
        Some((name, algorithm.oid(), key, public))
    };
    let (algorithm, curve, key, public) = read().ok_or(Refusal::Unknown)?;
    let mut parsed = match algorithm {
        oid::EC => {
            let curve = curve.ok_or(Refusal::Unsupported("explicit curve parameters".into()))?;
            let curve = oid::curve(curve).ok_or_else(|| unsupported(curve))?;
            let parsed = sec1(key, Some(curve))?;
            agrees(public, |stated| public::is_point(stated, &parsed.public))?;
            parsed
        }
        oid::ED25519 => {
            let seed = Elements::of(key).value(Tag::OctetString);
            let parsed = seed_key(seed.ok_or(Refusal::Unknown)?)?;
            agrees(public, |stated| {
                parsed.public == PublicKey::Ed25519(stated.try_into().unwrap_or_default())
            })?;
            parsed
        }
        oid::RSA | oid::RSA_PSS => pkcs1(key)?,
        other => return Err(unsupported(other)),
    };
    parsed.telling = true;
    parsed.within = vec!["PKCS#8"];
    Ok(parsed)
}

/// An ECPrivateKey (RFC 5915). Without a curve told from outside or inside, its length tells it.
pub(crate) fn sec1(bytes: &[u8], curve: Option<Curve>) -> Result<Parsed, Refusal> {
    let read = || {
        let mut fields = Elements::of(bytes).sequence()?;
        let version = fields.small()?;
        let scalar = fields.value(Tag::OctetString)?;
        let parameters = fields.context(0);
        let public = fields.context(1).and_then(|bits| Elements::of(bits).bits());
        (version == 1).then_some((scalar, parameters, public))
    };
    let (scalar, parameters, public) = read().ok_or(Refusal::Unknown)?;
    let named = match parameters {
        Some(parameters) => {
            let name = Elements::of(parameters)
                .oid()
                .ok_or(Refusal::Unsupported("explicit curve parameters".into()))?;
            Some(oid::curve(name).ok_or_else(|| unsupported(name))?)
        }
        None => None,
    };
    let by_length = || Curve::ALL.into_iter().find(|c| c.size() == scalar.len());
    let curve = curve.or(named).or_else(by_length).ok_or(Refusal::Unknown)?;
    let parsed = ec_key(curve, scalar)?;
    agrees(public, |stated| public::is_point(stated, &parsed.public))?;
    Ok(Parsed {
        within: vec!["SEC 1"],
        telling: named.is_some() || public.is_some(),
        ..parsed
    })
}

/// An RSAPrivateKey (RFC 8017).
pub(crate) fn pkcs1(bytes: &[u8]) -> Result<Parsed, Refusal> {
    let read = || {
        let mut fields = Elements::of(bytes).sequence()?;
        let version = fields.small()?;
        let [n, e, d, p, q] = std::array::from_fn(|_| fields.unsigned());
        let numbers = Numbers {
            n: n?,
            e: e?,
            d: d?,
            primes: Some((p?, q?)),
        };
        (version == 0).then_some(numbers)
    };
    let numbers = read().ok_or(Refusal::Unknown)?;
    rsa_key(&numbers, "PKCS#1")
}

/// The key of a scalar; shorter ones lack leading zeros, longer ones have too many.
fn ec_key(curve: Curve, scalar: &[u8]) -> Result<Parsed, Refusal> {
    let digits = super::rsa::trim(scalar);
    let zeros = curve.size().checked_sub(digits.len());
    let zeros = zeros.ok_or(Refusal::Inconsistent)?;
    let scalar = Secret::new([&vec![0; zeros], digits].concat());
    let public = point(curve, scalar.expose()).ok_or(Refusal::Inconsistent)?;
    Ok(Parsed {
        private: PrivateKey::Ec { curve, scalar },
        public,
        within: Vec::new(),
        telling: true,
    })
}

/// The key of an Ed25519 seed.
fn seed_key(seed: &[u8]) -> Result<Parsed, Refusal> {
    let seed: &[u8; 32] = seed.try_into().map_err(|_| Refusal::Unknown)?;
    let public = ed25519(seed).ok_or(Refusal::Inconsistent)?;
    Ok(Parsed {
        private: PrivateKey::Ed25519 {
            seed: Secret::new(seed.to_vec()),
        },
        public: PublicKey::Ed25519(public),
        within: Vec::new(),
        telling: true,
    })
}

/// The key of RSA numbers.
fn rsa_key(numbers: &Numbers<'_>, within: &'static str) -> Result<Parsed, Refusal> {
    let (private, public) = numbers.key().ok_or(Refusal::Inconsistent)?;
    Ok(Parsed {
        private,
        public,
        within: vec![within],
        telling: true,
    })
}

/// Refuses a public half that is stated and is another's.
fn agrees(stated: Option<&[u8]>, same: impl FnOnce(&[u8]) -> bool) -> Result<(), Refusal> {
    match stated {
        Some(stated) if !same(stated) => Err(Refusal::Inconsistent),
        _ => Ok(()),
    }
}

/// A name out of foreign bytes, for a message: only what looks like one, for a secret must not be taken for it.
fn word(bytes: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-.@".contains(byte);
    match std::str::from_utf8(bytes) {
        Ok(name) if (1..=32).contains(&name.len()) && bytes.iter().all(plain) => name.to_owned(),
        _ => "an unknown algorithm".to_owned(),
    }
}

fn unsupported(name: ObjectIdentifier) -> Refusal {
    Refusal::Unsupported(oid::name(name))
}
