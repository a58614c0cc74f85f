//! Keys of random numbers: the matcher does not ask whether they are good ones.

use scas_exposure::key::{Curve, Part, PrivateKey, PublicKey, Secret, Target};
use sha2::{Digest as _, Sha512};

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend(self.next().to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }

    /// Words of letters, marks and line breaks, that no encoding takes for its own.
    pub fn text(&mut self, length: usize) -> Vec<u8> {
        let letters = b"etaoin shrdlu.\n(ETAOIN)! ghijk  ";
        let mut text: Vec<u8> = self
            .bytes(length)
            .iter()
            .map(|b| letters[usize::from(b % 32)])
            .collect();
        // What is planted stands by itself.
        for edge in [0, length.saturating_sub(1)] {
            text[edge] = b'!';
        }
        text
    }

    /// Hexadecimal digits.
    pub fn hex(&mut self, length: usize) -> Vec<u8> {
        self.bytes(length)
            .iter()
            .map(|b| b"0123456789abcdef"[usize::from(b % 16)])
            .collect()
    }
}

#[derive(Clone, Copy, Debug)]
pub enum Kind {
    P256,
    P384,
    P521,
    Ed25519,
    Rsa,
}

impl Kind {
    pub const ALL: [Self; 5] = [Self::P256, Self::P384, Self::P521, Self::Ed25519, Self::Rsa];
}

pub fn ec(number: &[u8]) -> Target {
    let curve = match number.len() {
        32 => Curve::P256,
        48 => Curve::P384,
        _ => Curve::P521,
    };
    Target {
        name: "key".to_owned(),
        public: PublicKey::Ec {
            curve,
            x: Vec::new(),
            y: Vec::new(),
        },
        private: Some(PrivateKey::Ec {
            curve,
            scalar: Secret::new(number.to_vec()),
        }),
    }
}

pub fn target(kind: Kind, random: &mut Random) -> Target {
    match kind {
        Kind::P256 => ec(&random.bytes(32)),
        Kind::P384 => ec(&random.bytes(48)),
        Kind::P521 => {
            let mut number = random.bytes(66);
            number[0] = 1;
            ec(&number)
        }
        Kind::Ed25519 => Target {
            name: "key".to_owned(),
            public: PublicKey::Ed25519([0; 32]),
            private: Some(PrivateKey::Ed25519 {
                seed: Secret::new(random.bytes(32)),
            }),
        },
        Kind::Rsa => {
            let mut number = |length| {
                let mut number = random.bytes(length);
                number[0] |= 0x80;
                Secret::new(number)
            };
            Target {
                name: "key".to_owned(),
                public: PublicKey::Rsa {
                    modulus: Vec::new(),
                    exponent: vec![1, 0, 1],
                },
                private: Some(PrivateKey::Rsa {
                    d: number(256),
                    p: number(128),
                    q: number(128),
                    dp: number(128),
                    dq: number(128),
                    qinv: number(128),
                }),
            }
        }
    }
}

/// The secret numbers of a target, as they are to be found.
pub fn numbers(target: &Target) -> Vec<(Part, Vec<u8>)> {
    match target.private.as_ref().expect("it was made with one") {
        PrivateKey::Ec { scalar, .. } => vec![(Part::Scalar, scalar.expose().to_vec())],
        PrivateKey::Ed25519 { seed } => {
            let hash = Sha512::digest(seed.expose()).to_vec();
            let mut clamped = hash.clone();
            clamped[0] &= 248;
            clamped[31] &= 127;
            clamped[31] |= 64;
            vec![
                (Part::Seed, seed.expose().to_vec()),
                (Part::ExpandedSeed, hash),
                (Part::ExpandedSeed, clamped),
            ]
        }
        PrivateKey::Rsa {
            d,
            p,
            q,
            dp,
            dq,
            qinv,
        } => [
            (Part::D, d),
            (Part::P, p),
            (Part::Q, q),
            (Part::Dp, dp),
            (Part::Dq, dq),
            (Part::Qinv, qinv),
        ]
        .map(|(part, number)| (part, number.expose().to_vec()))
        .to_vec(),
    }
}
