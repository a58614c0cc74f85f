//! Ed25519 keys: a seed, or the scalar made from it, whose public key is the target's. [`Ed25519Search`].
//!
//! Points are compared on Curve25519, by u alone: it is the same for a point and its negative. Of both, one at most has a
//! seed that anybody can know.

use std::collections::HashMap;
use std::sync::Arc;

use sha2::{Digest, Sha512};
use zeroize::Zeroize;

use crate::detector::{Confirmed, Detector, Sighting, Whose, Window};
use crate::key::Part;

use super::batch::{Batch, Found};
use super::curves::{Curve, Curve25519};
use super::field::{Prime, minus};
use super::order::Order;
use super::prefilter::Sieve;
use super::table::{Table, least};
use super::{LOSS, Search, Stride};

/// Bytes of a seed and of a scalar.
const SIZE: usize = 32;

/// Looks for the seeds and scalars of any number of public keys.
pub struct Ed25519Search {
    table: Arc<Table<Curve25519, 4>>,
    /// By u in Montgomery form: the targets' indices.
    targets: HashMap<[u64; 4], Vec<usize>>,
    sieve: Sieve,
    stride: Stride,
}

/// Where a candidate was seen, and as what.
#[derive(Clone, Copy)]
struct Seen {
    at: usize,
    part: Part,
}

impl Ed25519Search {
    /// Looks for the targets given by index and compressed point.
    pub fn new<'k>(
        targets: impl Iterator<Item = (usize, &'k [u8; SIZE])>,
        table: Arc<Table<Curve25519, 4>>,
        stride: Stride,
    ) -> Self {
        let mut by_u: HashMap<_, Vec<_>> = HashMap::new();
        for (index, compressed) in targets {
            by_u.entry(u(compressed)).or_default().push(index);
        }
        Self {
            table,
            targets: by_u,
            sieve: Sieve::new(SIZE, 0..SIZE, LOSS),
            stride,
        }
    }

    /// The part of the keys that the prefilter loses, at most.
    pub fn loss(&self) -> f64 {
        self.sieve.loss()
    }

    /// Tells of a candidate if its point is a target.
    fn check(
        &self,
        window: &Window<'_>,
        found: &Found<'_, 4, Seen>,
        report: &mut dyn FnMut(Sighting),
    ) {
        let Seen { at, part } = found.place;
        for index in self.targets.get(found.x).into_iter().flatten() {
            let encoding = if part == Part::Seed {
                "raw"
            } else {
                Order::Little.name()
            };
            report(Sighting {
                at: window.offset + at as u64,
                length: SIZE as u64,
                key: Whose::Target(*index),
                part,
                encoding: encoding.into(),
                within: Vec::new(),
                confirmed: Confirmed::PublicKey,
            });
        }
    }
}

impl Detector for Ed25519Search {
    fn search(&self, window: &Window<'_>, report: &mut dyn FnMut(Sighting)) {
        let mut batch: Option<Batch<'_, Curve25519, 4, Seen>> = None;
        self.sieve.candidates(
            window.bytes,
            window.fresh.clone(),
            window.offset,
            self.stride.pattern(),
            |at| {
                let Some(bytes) = window.bytes[at..].first_chunk::<SIZE>() else {
                    return;
                };
                let batch = batch.get_or_insert_with(|| Batch::new(&self.table));
                let mut push = |bytes: &[u8; SIZE], part| {
                    if let Some(scalar) = scalar(bytes) {
                        batch.push(&scalar, Seen { at, part }, |found| {
                            self.check(window, &found, report);
                        });
                    }
                };
                let mut hash = Sha512::digest(bytes);
                if let Some(half) = hash.first_chunk() {
                    let mut clamped = clamp(half);
                    push(&clamped, Part::Seed);
                    clamped.zeroize();
                }
                hash.as_mut_slice().zeroize();
                if clamp(bytes) == *bytes {
                    push(bytes, Part::ExpandedSeed);
                }
            },
        );
        if let Some(mut batch) = batch {
            batch.finish(|found| self.check(window, &found, report));
        }
    }
}

impl Search for Ed25519Search {
    fn plausible(&self, window: &Window<'_>) -> u64 {
        self.sieve.count(window, self.stride.pattern())
    }
}

/// Sets and clears the bits of a scalar that RFC 8032, 5.1.5 sets and clears.
fn clamp(bytes: &[u8; SIZE]) -> [u8; SIZE] {
    let mut clamped = *bytes;
    clamped[0] &= 0xf8;
    clamped[SIZE - 1] = clamped[SIZE - 1] & 0x3f | 0x40;
    clamped
}

/// The scalar from 1 to below half the order that leads to the same u.
fn scalar(clamped: &[u8; SIZE]) -> Option<[u64; 4]> {
    let mut number: [u64; 4] = Order::Little.read(clamped)?;
    // At most seven times: a clamped number is below 2^255, the order above 2^252.
    loop {
        let (less, borrow) = minus(&number, &Curve25519::ORDER);
        if borrow == 1 {
            break;
        }
        number = less;
    }
    Some(least::<Curve25519, 4>(&number)?.0)
}

/// u = (1 + y) / (1 - y) of a compressed point, in Montgomery form.
fn u(compressed: &[u8; SIZE]) -> [u64; 4] {
    let mut y: [u64; 4] = std::array::from_fn(|i| {
        compressed
            .as_chunks()
            .0
            .get(i)
            .map_or(0, |limb| u64::from_le_bytes(*limb))
    });
    y[3] &= u64::MAX >> 1;
    let y = Curve25519::element(&y);
    let one = &Curve25519::ONE;
    let inverse = Curve25519::invert(&Curve25519::sub(one, &y));
    Curve25519::mul(&Curve25519::add(one, &y), &inverse)
}
