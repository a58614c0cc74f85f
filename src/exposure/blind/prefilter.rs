//! Which windows could hold a key at all: [`Sieve`].
//!
//! Two passes: the first looks at 64 windows at once and throws out those with hardly a byte above 0x7f (text) or with many
//! zeros (numbers, pointers, emptiness); the second counts the different bytes, the bytes that programs are made of, and the
//! bits of those that are left. What all that loses is known, see [`Bounds`].

use std::ops::Range;

use crate::detector::Window;

use super::likelihood::Bounds;
use super::weights::WEIGHTS;

mod bits;

use bits::{BLOCK, Bits};

/// The longest core of a window, in bytes: two blocks hold 64 windows of it.
const LONGEST: usize = 64;

/// Finds the windows that look like a key.
#[derive(Clone, Debug)]
pub struct Sieve {
    /// Bytes of a window.
    size: usize,
    /// The bytes of the window that are looked at.
    core: Range<usize>,
    bounds: Bounds,
}

impl Sieve {
    /// For windows of `size` bytes, random in `core` at least (of that, 64 bytes are looked at), losing `loss` of the keys
    /// at most.
    pub fn new(size: usize, core: Range<usize>, loss: f64) -> Self {
        let core = core.start..core.end.min(core.start + LONGEST);
        let bounds = Bounds::new(core.len(), loss);
        Self { size, core, bounds }
    }

    /// The part of the keys that it loses, at most.
    pub fn loss(&self) -> f64 {
        self.bounds.loss
    }

    /// Number of windows that [`Sieve::candidates`] would hand out.
    pub fn count(&self, window: &Window<'_>, pattern: u64) -> u64 {
        let mut count = 0;
        let fresh = window.fresh.clone();
        self.candidates(window.bytes, fresh, window.offset, pattern, |_| count += 1);
        count
    }

    /// Hands out the beginnings, in order, of the windows in `bytes` that look like a key and begin in `fresh` at a position
    /// whose bit is set in `pattern`: bit i stands for those with (position + `offset`) % 64 = i.
    pub fn candidates(
        &self,
        bytes: &[u8],
        fresh: Range<usize>,
        offset: u64,
        pattern: u64,
        mut each: impl FnMut(usize),
    ) {
        let end = fresh.end.min((bytes.len() + 1).saturating_sub(self.size));
        let pattern = pattern.rotate_right(((offset + fresh.start as u64) % 64) as u32);
        let mut counts = Counts::new(self.core.len());
        let mut here = Bits::of(bytes, fresh.start + self.core.start);
        for start in fresh.step_by(BLOCK).take_while(|start| *start < end) {
            let next = Bits::of(bytes, start + BLOCK + self.core.start);
            let mut windows = self.plausible(&here, &next) & pattern;
            here = next;
            if end - start < BLOCK {
                windows &= (1 << (end - start)) - 1;
            }
            while windows != 0 {
                let at = start + windows.trailing_zeros() as usize;
                windows &= windows - 1;
                let core = at + self.core.start;
                counts.move_to(bytes, core);
                if counts.distinct >= self.bounds.distinct
                    && counts.weight <= self.bounds.weight
                    && self.is_balanced(&bytes[core..core + self.core.len()])
                {
                    each(at);
                }
            }
        }
    }

    /// The windows, as bits, that begin in the first of two blocks and have enough high bytes and not too many zeros.
    #[inline(always)]
    fn plausible(&self, here: &Bits, next: &Bits) -> u64 {
        let high = u128::from(here.high) | u128::from(next.high) << 64;
        if high == 0 {
            return 0;
        }
        let high = at_least(&sums(high, self.core.len()), self.bounds.high as u32);
        if high == 0 {
            return 0;
        }
        let zero = u128::from(here.zero) | u128::from(next.zero) << 64;
        high & !at_least(&sums(zero, self.core.len()), self.bounds.zeros as u32 + 1)
    }

    /// Whether about half the bits are set.
    fn is_balanced(&self, core: &[u8]) -> bool {
        let (words, rest) = core.as_chunks::<8>();
        let ones: u32 = words
            .iter()
            .map(|word| u64::from_ne_bytes(*word).count_ones())
            .chain(rest.iter().map(|byte| byte.count_ones()))
            .sum();
        (ones as usize).abs_diff(4 * core.len()) <= self.bounds.imbalance
    }
}

/// Binary digits, the lowest first, of 64 numbers at once.
type Sliced = [u64; 8];

/// For each of the first 64 positions the number of ones among the `length` bits from there on, up to 64.
#[inline(always)]
fn sums(bits: u128, length: usize) -> Sliced {
    // Sums over 1, 2, 4 ... bits, each from two neighbours of the one before; those that make up `length` are added.
    let mut run = [0; 8];
    run[0] = bits;
    let mut total = [0; 8];
    let mut covered = 0;
    for power in 0..7 {
        let width = 1 << power;
        if length & width != 0 {
            total = sum(&total, &run.map(|digit| digit >> covered), 7);
            covered += width;
        }
        if width * 2 > length {
            break;
        }
        run = sum(&run, &run.map(|digit| digit >> width), power + 1);
    }
    total.map(|digit| digit as u64)
}

/// The sums of numbers of so many digits.
#[inline(always)]
fn sum(a: &[u128; 8], b: &[u128; 8], digits: usize) -> [u128; 8] {
    let mut sum = [0; 8];
    let mut carry = 0;
    for i in 0..digits {
        sum[i] = a[i] ^ b[i] ^ carry;
        carry = (a[i] & b[i]) | (carry & (a[i] ^ b[i]));
    }
    sum[digits] = carry;
    sum
}

/// Which of the numbers are at least `least`.
#[inline(always)]
fn at_least(numbers: &Sliced, least: u32) -> u64 {
    // Subtracts: where nothing has to be borrowed at the end, the number is large enough.
    let mut borrow = 0;
    for (i, digit) in numbers.iter().enumerate() {
        borrow = if least >> i & 1 == 1 {
            !digit | borrow
        } else {
            !digit & borrow
        };
    }
    !borrow
}

/// How often each byte is in a window that moves on.
struct Counts {
    counts: [u8; 256],
    /// Number of different bytes.
    distinct: usize,
    /// Sum of the weights of all bytes.
    weight: usize,
    at: Option<usize>,
    size: usize,
}

impl Counts {
    fn new(size: usize) -> Self {
        Self {
            counts: [0; 256],
            distinct: 0,
            weight: 0,
            at: None,
            size,
        }
    }

    /// Counts the window at `at`; positions only grow.
    #[inline(always)]
    fn move_to(&mut self, bytes: &[u8], at: usize) {
        match self.at {
            Some(before) if at - before <= self.size / 2 => {
                for i in before..at {
                    let leaves = &mut self.counts[usize::from(bytes[i])];
                    *leaves -= 1;
                    self.distinct -= usize::from(*leaves == 0);
                    self.weight -= usize::from(WEIGHTS[usize::from(bytes[i])]);
                    self.enters(bytes[i + self.size]);
                }
            }
            _ => {
                self.counts = [0; 256];
                self.distinct = 0;
                self.weight = 0;
                for byte in &bytes[at..at + self.size] {
                    self.enters(*byte);
                }
            }
        }
        self.at = Some(at);
    }

    #[inline(always)]
    fn enters(&mut self, byte: u8) {
        let count = &mut self.counts[usize::from(byte)];
        self.distinct += usize::from(*count == 0);
        *count += 1;
        self.weight += usize::from(WEIGHTS[usize::from(byte)]);
    }
}

#[cfg(test)]
mod tests;
