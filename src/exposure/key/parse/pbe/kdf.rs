//! Keys from passwords: [`Derivation`] is PBKDF2, scrypt, or PKCS#12's own.

use std::num::NonZeroU32;

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use aws_lc_rs::pbkdf2::{
    self, PBKDF2_HMAC_SHA1, PBKDF2_HMAC_SHA256, PBKDF2_HMAC_SHA384, PBKDF2_HMAC_SHA512,
};
use const_oid::ObjectIdentifier;
use der::Tag;
use zeroize::Zeroizing;

use super::Cipher;
use crate::key::parse::der::Elements;
use crate::key::parse::{Refusal, oid, unsupported};

type Bytes = Zeroizing<Vec<u8>>;

/// The most memory that scrypt is given, in bytes.
const SCRYPT_MEMORY: u64 = 64 << 20;

/// How a key comes from a password. What was read is in bounds that the functions below it do not panic at.
pub(super) enum Derivation<'a> {
    Pbkdf2 {
        function: pbkdf2::Algorithm,
        salt: &'a [u8],
        iterations: NonZeroU32,
    },
    Scrypt {
        salt: &'a [u8],
        parameters: scrypt::Params,
    },
    /// RFC 7292, appendix B, with SHA-1: gives the initialisation vector, too.
    Pkcs12 {
        salt: &'a [u8],
        iterations: NonZeroU32,
    },
}

impl<'a> Derivation<'a> {
    /// Reads the key derivation function of PBES2.
    pub(super) fn pbes2(algorithm: &'a [u8]) -> Result<Self, Refusal> {
        let read = || {
            let mut fields = Elements::of(algorithm).sequence()?;
            Some((fields.oid()?, fields.sequence()?))
        };
        let (name, parameters) = read().ok_or(Refusal::Unknown)?;
        match name {
            oid::PBKDF2 => Self::pbkdf2(parameters),
            oid::SCRYPT => Self::scrypt(parameters),
            other => Err(unsupported(other)),
        }
    }

    fn pbkdf2(mut fields: Elements<'a>) -> Result<Self, Refusal> {
        let salt = fields.value(Tag::OctetString).ok_or(Refusal::Unknown)?;
        let iterations = iterations(&mut fields)?;
        // The length of the key is the cipher's.
        fields.unsigned();
        let function = match fields.sequence().and_then(|mut prf| prf.oid()) {
            None | Some(oid::HMAC_SHA1) => PBKDF2_HMAC_SHA1,
            Some(oid::HMAC_SHA256) => PBKDF2_HMAC_SHA256,
            Some(oid::HMAC_SHA384) => PBKDF2_HMAC_SHA384,
            Some(oid::HMAC_SHA512) => PBKDF2_HMAC_SHA512,
            Some(other) => return Err(unsupported(other)),
        };
        Ok(Self::Pbkdf2 {
            function,
            salt,
            iterations,
        })
    }

    fn scrypt(mut fields: Elements<'a>) -> Result<Self, Refusal> {
        let salt = fields.value(Tag::OctetString).ok_or(Refusal::Unknown)?;
        let [n, r, p] = std::array::from_fn(|_| fields.small().unwrap_or_default());
        let memory = n.saturating_mul(r).saturating_mul(128);
        if memory > SCRYPT_MEMORY {
            return Err(Refusal::Unsupported(format!(
                "scrypt with {} MiB of memory",
                memory >> 20
            )));
        }
        // The memory bounds what the conversions could lose.
        let parameters = n.is_power_of_two().then(|| {
            let [r, p] = [r, p].map(|number| u32::try_from(number).unwrap_or_default());
            scrypt::Params::new(n.ilog2() as u8, r, p, 32).ok()
        });
        Ok(Self::Scrypt {
            salt,
            parameters: parameters.flatten().ok_or(Refusal::Unknown)?,
        })
    }

    /// Reads the parameters of PKCS#12's encryption.
    pub(super) fn pkcs12(mut fields: Elements<'a>) -> Result<Self, Refusal> {
        let salt = fields.value(Tag::OctetString).ok_or(Refusal::Unknown)?;
        Ok(Self::Pkcs12 {
            salt,
            iterations: iterations(&mut fields)?,
        })
    }

    /// About how many applications of a hash function it takes.
    pub(super) fn cost(&self) -> u64 {
        match self {
            Self::Pbkdf2 { iterations, .. } => 4 * u64::from(iterations.get()),
            // A block of 64 bytes is mixed in about the time of a hash, four times for each of r.
            Self::Scrypt { parameters, .. } => [parameters.r(), parameters.p()]
                .into_iter()
                .fold(8 << parameters.log_n(), |cost: u64, factor| {
                    cost.saturating_mul(factor.into())
                }),
            Self::Pkcs12 { iterations, .. } => 4 * u64::from(iterations.get()),
        }
    }

    /// A key for the cipher, and PKCS#12's initialisation vector (empty for the others).
    pub(super) fn derive(&self, password: &[u8], cipher: Cipher) -> Option<(Bytes, Bytes)> {
        let mut key = Zeroizing::new(vec![0; cipher.key_length()]);
        let mut iv = Zeroizing::new(Vec::new());
        match self {
            Self::Pbkdf2 {
                function,
                salt,
                iterations,
            } => pbkdf2::derive(*function, *iterations, salt, password, &mut key),
            Self::Scrypt { salt, parameters } => {
                scrypt::scrypt(password, salt, parameters, &mut key).ok()?;
            }
            Self::Pkcs12 { salt, iterations } => {
                let password = bmp_string(password)?;
                let derive =
                    |purpose, length| pkcs12(purpose, &password, salt, iterations.get(), length);
                key = derive(1, cipher.key_length());
                iv = derive(2, cipher.block_length());
            }
        }
        Some((key, iv))
    }
}

/// Whether a name is of encryption with a password: PKCS#5 or PKCS#12.
pub(super) fn is_password_based(name: ObjectIdentifier) -> bool {
    let name = name.to_string();
    name.starts_with("1.2.840.113549.1.5.") || name.starts_with("1.2.840.113549.1.12.1.")
}

fn iterations(fields: &mut Elements<'_>) -> Result<NonZeroU32, Refusal> {
    let number = fields.small().ok_or(Refusal::Unknown)?;
    u32::try_from(number)
        .ok()
        .and_then(NonZeroU32::new)
        .ok_or(Refusal::Unknown)
}

/// A password in UTF-16, most significant byte first, with two zero bytes at its end.
fn bmp_string(password: &[u8]) -> Option<Bytes> {
    let text = std::str::from_utf8(password).ok()?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * password.len() + 2));
    for unit in text.encode_utf16().chain([0]) {
        bytes.extend(unit.to_be_bytes());
    }
    Some(bytes)
}

/// RFC 7292, B.2, with SHA-1.
fn pkcs12(purpose: u8, password: &[u8], salt: &[u8], iterations: u32, length: usize) -> Bytes {
    const BLOCK: usize = 64;
    let filled = |bytes: &[u8]| {
        let length = bytes.len().next_multiple_of(BLOCK);
        bytes
            .iter()
            .copied()
            .cycle()
            .take(length)
            .collect::<Vec<_>>()
    };
    let mut blocks = Zeroizing::new(filled(salt));
    blocks.extend_from_slice(&Zeroizing::new(filled(password)));
    let hash = |parts: &[&[u8]]| {
        let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
        parts.iter().for_each(|part| context.update(part));
        Zeroizing::new(context.finish().as_ref().to_vec())
    };
    let mut key = Zeroizing::new(Vec::with_capacity(length + BLOCK));
    while key.len() < length {
        let mut digest = hash(&[&[purpose; BLOCK], &blocks]);
        for _ in 1..iterations {
            digest = hash(&[&digest]);
        }
        key.extend_from_slice(&digest);
        let addend = Zeroizing::new(filled_to(&digest, BLOCK));
        for block in blocks.chunks_exact_mut(BLOCK) {
            let mut carry = 1_u16;
            for (byte, &more) in block.iter_mut().zip(&*addend).rev() {
                carry += u16::from(*byte) + u16::from(more);
                // The low byte stays, the high one is carried.
                *byte = carry as u8;
                carry >>= 8;
            }
        }
    }
    key.truncate(length);
    key
}

fn filled_to(bytes: &[u8], length: usize) -> Vec<u8> {
    bytes.iter().copied().cycle().take(length).collect()
}
