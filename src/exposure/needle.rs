//! Known keys as byte sequences to look for: a [`Needle`] for each secret number of a target, and the forms in which it
//! may lie about (`form`), each an order of its bytes (`order`) in layers of text (`layer`).
//!
//! Needles are made at run time and hold secrets: none lies as a literal in the program, all are wiped when dropped.

pub(crate) mod form;
pub(crate) mod layer;
pub(crate) mod order;

use sha2::{Digest, Sha512};
use zeroize::Zeroizing;

use crate::key::{Part, PrivateKey, Secret, Target};

/// One secret number (or byte string) of one target.
pub(crate) struct Needle {
    /// Index of the target.
    pub(crate) target: usize,
    /// Which number of it.
    pub(crate) part: Part,
    /// Whether it is a number, most significant byte first, or a string of bytes (Ed25519).
    pub(crate) number: bool,
    /// The number or the string.
    pub(crate) secret: Secret,
    /// Whether it lies about in one form only, the first of all: plain bytes.
    pub(crate) plain: bool,
}

/// The number (or string) of a key that a canary of its kind has lying about, as plain bytes.
pub(crate) fn foremost(private: &PrivateKey) -> (Part, bool, &Secret) {
    match private {
        PrivateKey::Ec { scalar, .. } => (Part::Scalar, true, scalar),
        PrivateKey::Ed25519 { seed } => (Part::Seed, false, seed),
        PrivateKey::Rsa { p, .. } => (Part::P, true, p),
    }
}

/// The needles of all targets whose private half is known. The last so many targets are canaries, of which one number is looked for.
pub(crate) fn needles(targets: &[Target], canaries: usize) -> Vec<Needle> {
    let mut needles = Vec::new();
    for (target, private) in targets.iter().map(|t| t.private.as_ref()).enumerate() {
        if target + canaries >= targets.len() {
            let canary = private.map(foremost).map(|(part, number, secret)| Needle {
                target,
                part,
                number,
                secret: secret.clone(),
                plain: true,
            });
            needles.extend(canary);
            continue;
        }
        let mut add = |part, number, secret: Secret| {
            needles.push(Needle {
                target,
                part,
                number,
                secret,
                plain: false,
            });
        };
        match private {
            None => {}
            Some(PrivateKey::Ec { scalar, .. }) => add(Part::Scalar, true, scalar.clone()),
            Some(PrivateKey::Ed25519 { seed }) => {
                add(Part::Seed, false, seed.clone());
                for secret in expanded(seed) {
                    add(Part::ExpandedSeed, false, secret);
                }
            }
            Some(PrivateKey::Rsa {
                d,
                p,
                q,
                dp,
                dq,
                qinv,
            }) => {
                add(Part::D, true, d.clone());
                add(Part::P, true, p.clone());
                add(Part::Q, true, q.clone());
                add(Part::Dp, true, dp.clone());
                add(Part::Dq, true, dq.clone());
                add(Part::Qinv, true, qinv.clone());
            }
        }
    }
    needles
}

/// What libraries keep in place of an Ed25519 seed: its SHA-512, the same with the scalar clamped (RFC 8032, 5.1.5), and
/// the scalar reduced by the order of the group.
fn expanded(seed: &Secret) -> [Secret; 3] {
    let mut hash = Zeroizing::new([0u8; 64]);
    hash.copy_from_slice(&Sha512::digest(seed.expose()));
    let mut clamped = hash.clone();
    clamped[0] &= 0xf8;
    clamped[31] = clamped[31] & 0x7f | 0x40;
    let mut reduced = Zeroizing::new([0u8; 32]);
    reduced.copy_from_slice(&clamped[..32]);
    reduce(&mut reduced);
    [
        Secret::new(hash.to_vec()),
        Secret::new(clamped.to_vec()),
        Secret::new(reduced.to_vec()),
    ]
}

/// The order of Ed25519's group, least significant byte first.
const GROUP_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// Takes a scalar modulo the group's order. A clamped one is less than eight times it.
fn reduce(scalar: &mut [u8; 32]) {
    for _ in 0..8 {
        let mut less = Zeroizing::new([0u8; 32]);
        let mut borrow = 0i16;
        for i in 0..32 {
            let digit = i16::from(scalar[i]) - i16::from(GROUP_ORDER[i]) - borrow;
            borrow = i16::from(digit < 0);
            less[i] = digit.rem_euclid(256).to_le_bytes()[0];
        }
        if borrow != 0 {
            return;
        }
        scalar.copy_from_slice(&less[..]);
    }
}
