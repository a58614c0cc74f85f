//! The first test of every place: a [`Filter`] of four-byte grams, in which one look each [`STRIDE`] bytes suffices.
//!
//! A needle enters the grams of [`STRIDE`] places in a row, so that one of them is looked at however the needle lies. One
//! look costs a multiplication and a bit out of a table that stays in the processor's nearest cache for a key or two.

use zeroize::Zeroizing;

/// Bytes from one look to the next. A multiple of four, so that a look at an aligned place never touches two cache lines;
/// the longest such that 15 bytes of a key are found.
pub(super) const STRIDE: usize = 12;

/// Length of a gram, in bytes.
pub(super) const GRAM: usize = 4;

/// Looks between two branches.
const BATCH: usize = 16;

/// A set of grams: has all that were entered, and a few more.
pub(super) struct Filter {
    bits: Zeroizing<Vec<u64>>,
    shift: u32,
    multiplier: u32,
}

/// Odd numbers to hash with. More than one, so that memory's commonest grams can be kept out of the way.
const MULTIPLIERS: [u32; 8] = [
    0x9e37_79b1,
    0x85eb_ca77,
    0xc2b2_ae3d,
    0x27d4_eb2f,
    0x1656_67b1,
    0xcc9e_2d51,
    0x1b87_3593,
    0xe654_6b65,
];

impl Filter {
    /// An empty set with room for so many grams. `attempt` chooses the hash.
    pub(super) fn new(grams: usize, attempt: usize) -> Self {
        // One bit in 64 at most; not below 32 KiB, which the nearest cache holds, nor above 8 MiB, which the last one does.
        let log = (grams * 64).next_power_of_two().ilog2().clamp(18, 26);
        Self {
            bits: Zeroizing::new(vec![0; 1 << (log - 6)]),
            shift: 32 - log,
            multiplier: MULTIPLIERS[attempt % MULTIPLIERS.len()],
        }
    }

    /// Enters a gram.
    pub(super) fn insert(&mut self, gram: [u8; GRAM]) {
        let bit = self.bit(u32::from_le_bytes(gram));
        self.bits[bit / 64] |= 1 << (bit % 64);
    }

    /// Whether a gram was entered, or seems to have been.
    #[inline(always)]
    pub(super) fn contains(&self, gram: u32) -> bool {
        let bit = self.bit(gram);
        self.bits[bit / 64] >> (bit % 64) & 1 == 1
    }

    /// Whether the grams that fill most of memory pass although nobody entered them: another hash is better then.
    pub(super) fn unlucky(&self) -> bool {
        [0, u32::MAX, u32::from_le_bytes(*b"    ")]
            .into_iter()
            .any(|gram| self.contains(gram))
    }

    #[inline(always)]
    fn bit(&self, gram: u32) -> usize {
        (gram.wrapping_mul(self.multiplier) >> self.shift) as usize
    }

    /// Calls `hit` with each place from `from` to before `to` at which the filter looks and finds a gram, in order.
    pub(super) fn scan(&self, bytes: &[u8], from: usize, to: usize, mut hit: impl FnMut(usize)) {
        let to = to.min((bytes.len() + 1).saturating_sub(GRAM));
        let mut at = from;
        const SPAN: usize = STRIDE * BATCH;
        while at + SPAN <= to {
            let span: &[u8; SPAN] = bytes[at..at + SPAN]
                .try_into()
                .expect("it was sliced to this length");
            let mut hits = 0u32;
            for look in 0..BATCH {
                let gram = u32::from_le_bytes([
                    span[look * STRIDE],
                    span[look * STRIDE + 1],
                    span[look * STRIDE + 2],
                    span[look * STRIDE + 3],
                ]);
                hits |= u32::from(self.contains(gram)) << look;
            }
            while hits != 0 {
                hit(at + hits.trailing_zeros() as usize * STRIDE);
                hits &= hits - 1;
            }
            at += SPAN;
        }
        while at < to {
            let gram = u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
            if self.contains(gram) {
                hit(at);
            }
            at += STRIDE;
        }
    }
}
