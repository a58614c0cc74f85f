//! RSA keys: a window that divides the modulus. [`RsaSearch`].
//!
//! Only primes of half the modulus's length are found, as everybody makes them. A window is thrown out if it is even, too
//! short, or divided by a small prime; what is left is divided into the modulus from the lowest limb up, which is exact if it
//! divides it at all, and the quotient that it does not have shows by its size.

use zeroize::Zeroizing;

use crate::detector::{Confirmed, Detector, Sighting, Whose, Window};
use crate::key::Part;

use super::Search;
use super::order::Order;
use super::prefilter::Sieve;

mod divide;

use divide::{Divider, has_small_factor};

/// The part of the primes that the prefilter may lose: less than of EC keys, for a wrong window costs less.
const LOSS: f64 = 1e-6;
/// Bytes of a prime that the prefilter looks at.
const CORE: usize = 64;

/// Shortest modulus, in bits: its primes must not be shorter than what the prefilter looks at.
pub const SHORTEST: usize = 16 * CORE;
/// Longest modulus, in bits: twice the longest that anybody uses.
pub const LONGEST: usize = 16384;

/// Looks for the primes of moduli of one length.
pub struct RsaSearch {
    targets: Vec<(usize, Divider)>,
    sieve: Sieve,
    /// Bits of a prime.
    bits: usize,
    /// Bytes of a prime.
    size: usize,
    orders: Vec<Order>,
}

/// Number of bits of a number, most significant byte first.
pub fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros).map_or(0, |byte| {
        8 * (number.len() - zeros) - byte.leading_zeros() as usize
    })
}

impl RsaSearch {
    /// Looks for primes of `bits` bits that divide the moduli, which are given by index, most significant byte first, and have
    /// twice as many bits or one less.
    pub fn new<'k>(
        bits: usize,
        moduli: impl Iterator<Item = (usize, &'k [u8])>,
        orders: &[Order],
    ) -> Self {
        let size = bits.div_ceil(8);
        let core = size / 2 - CORE / 2;
        Self {
            targets: moduli
                .map(|(index, modulus)| (index, Divider::new(modulus, size.div_ceil(8))))
                .collect(),
            sieve: Sieve::new(size, core..core + CORE, LOSS),
            bits,
            size,
            orders: orders.to_vec(),
        }
    }

    /// The part of the primes that the prefilter loses, at most.
    pub fn loss(&self) -> f64 {
        self.sieve.loss()
    }

    /// Whether the number is odd and has as many bits as a prime.
    #[inline]
    fn is_possible(&self, bytes: &[u8], order: Order) -> bool {
        let (top, low) = match order {
            Order::Big => (bytes[0], bytes[self.size - 1]),
            Order::Little => (bytes[self.size - 1], bytes[0]),
            Order::Words => (bytes[3], bytes[self.size - 4]),
        };
        low & 1 == 1 && top >> ((self.bits - 1) % 8) == 1
    }
}

impl Detector for RsaSearch {
    fn search(&self, window: &Window<'_>, report: &mut dyn FnMut(Sighting)) {
        let limbs = self.size.div_ceil(8);
        let mut number = Zeroizing::new(vec![0; limbs]);
        let mut quotient = Zeroizing::new(vec![0; limbs]);
        self.sieve.candidates(
            window.bytes,
            window.fresh.clone(),
            window.offset,
            u64::MAX,
            |at| {
                let bytes = &window.bytes[at..at + self.size];
                let position = window.offset + at as u64;
                for &order in &self.orders {
                    if !order.fits(position, self.size) || !self.is_possible(bytes, order) {
                        continue;
                    }
                    order.read_into(bytes, &mut number);
                    if has_small_factor(&number) {
                        continue;
                    }
                    for (index, target) in &self.targets {
                        if target.divide(&number, &mut quotient) {
                            // By common use the first prime is the larger.
                            let larger = number.iter().rev().ge(quotient.iter().rev());
                            report(Sighting {
                                at: position,
                                length: self.size as u64,
                                key: Whose::Target(*index),
                                part: if larger { Part::P } else { Part::Q },
                                encoding: order.name().into(),
                                within: Vec::new(),
                                confirmed: Confirmed::DividesModulus,
                            });
                        }
                    }
                }
            },
        );
    }
}

impl Search for RsaSearch {
    fn plausible(&self, window: &Window<'_>) -> u64 {
        self.sieve.count(window, u64::MAX)
    }
}
