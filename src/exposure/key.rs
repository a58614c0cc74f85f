//! What is looked for: the [`Target`]s. Secrets are wiped when dropped and never printed.

pub(crate) mod fit;
#[cfg(test)]
pub(crate) mod foreign;
mod load;
pub(crate) mod parse;
mod rsa;

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use self::fit::{algorithm, fits, public_of, spki_sha256};
pub use self::load::{KeyError, load_private, load_public};

/// Bytes that must not leave the process: wiped on drop, `Debug` shows their number only.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Box<[u8]>>);

impl Secret {
    /// Takes the bytes over; the caller holds no other copy.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes.into_boxed_slice()))
    }

    /// The bytes themselves.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}

/// A named curve of the ECDSA keys that we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Curve {
    /// secp256r1.
    P256,
    /// secp384r1.
    P384,
    /// secp521r1.
    P521,
}

impl Curve {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::P256, Self::P384, Self::P521];

    /// Length of a scalar or coordinate, in bytes: 32, 48 or 66.
    pub fn size(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

/// The public half: what a certificate tells.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PublicKey {
    /// A point in affine coordinates, each of [`Curve::size`] bytes, most significant first.
    Ec {
        /// The curve.
        curve: Curve,
        /// First coordinate.
        x: Vec<u8>,
        /// Second coordinate.
        y: Vec<u8>,
    },
    /// The compressed point of RFC 8032.
    Ed25519([u8; 32]),
    /// Modulus and exponent, most significant byte first, without leading zeros.
    Rsa {
        /// The modulus n.
        modulus: Vec<u8>,
        /// The exponent e.
        exponent: Vec<u8>,
    },
}

/// The private half, as numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrivateKey {
    /// The scalar, of [`Curve::size`] bytes, most significant first.
    Ec {
        /// The curve.
        curve: Curve,
        /// The scalar d.
        scalar: Secret,
    },
    /// The 32-byte seed of RFC 8032.
    Ed25519 {
        /// The seed.
        seed: Secret,
    },
    /// The numbers of RFC 8017, most significant byte first, without leading zeros. A key that was given without its
    /// primes has had them computed.
    Rsa {
        /// The private exponent.
        d: Secret,
        /// The first prime.
        p: Secret,
        /// The second prime.
        q: Secret,
        /// d mod (p - 1).
        dp: Secret,
        /// d mod (q - 1).
        dq: Secret,
        /// q^-1 mod p.
        qinv: Secret,
    },
}

/// Which secret number of a key.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// EC scalar.
    Scalar,
    /// Ed25519 seed.
    Seed,
    /// Ed25519 scalar and prefix: SHA-512 of the seed, with or without its bits set and cleared ("clamped").
    ExpandedSeed,
    /// RSA private exponent.
    D,
    /// RSA first prime.
    P,
    /// RSA second prime.
    Q,
    /// RSA d mod (p - 1).
    Dp,
    /// RSA d mod (q - 1).
    Dq,
    /// RSA q^-1 mod p.
    Qinv,
    /// A whole private key in a structure that was parsed.
    Whole,
}

/// One key that is looked for.
#[derive(Clone, Debug)]
pub struct Target {
    /// What the user called it: the file's name as they wrote it.
    pub name: String,
    /// The public half.
    pub public: PublicKey,
    /// The private half, if it is known: then needles find it. Otherwise it is searched blindly.
    pub private: Option<PrivateKey>,
}
