//! The first test of every place: a [`Filter`] of four-byte grams, in which one look each [`STRIDE`] bytes suffices.
//!
//! A needle enters the grams of [`STRIDE`] places in a row, so that one of them is looked at however the needle lies. One
//! look costs a multiplication and a bit out of a table that stays in the processor's nearest cache for a key or two.

#[cfg(target_arch = "x86_64")]
mod wide;

use zeroize::Zeroizing;

/// Bytes from one look to the next. A multiple of four, so that a look at an aligned place never touches two cache lines;
/// the longest such that 15 bytes of a key are found.
pub(super) const STRIDE: usize = 12;

/// Length of a gram, in bytes.
pub(super) const GRAM: usize = 4;

/// Looks between two branches.
const BATCH: usize = 16;

/// A set of grams: has all that were entered, and a few more.
///
/// The upper bits of a gram's hash choose a word of the table, the lowest ten two bits of it, which both must be set. One
/// bit would let through ten times as much of what nobody entered.
///
/// Grams of text (no byte has its highest bit) have a table of their own: most grams of a key are such, and most of what is searched is
/// not, which then meets the smaller and emptier table.
pub(super) struct Filter {
    /// The table of other grams, and behind it the one of text.
    words: Zeroizing<Vec<u32>>,
    /// Where in `words` each table begins, and by how much its grams' hashes are shifted.
    tables: [(u32, u32); 2],
}

/// The highest bits of a gram's bytes, of which text has none.
const HIGHEST: u32 = 0x8080_8080;

/// An odd number to hash with; known when the program is compiled, which saves a step of each look.
const MULTIPLIER: u32 = 0x9e37_79b1;

/// Logarithms of the least and the greatest size of the tables, in bits: 4 and 32 KiB, which the nearest cache holds, and 512 KiB and
/// 2 MiB, which the last one does.
const SIZES: [(u32, u32); 2] = [(15, 22), (18, 24)];

impl Filter {
    /// An empty set with room for so many grams that are no text, and for so many that are.
    pub(super) fn new(grams: [usize; 2]) -> Self {
        let log = |number: usize| {
            let bits = grams[number].saturating_mul(32).next_power_of_two();
            bits.ilog2().clamp(SIZES[number].0, SIZES[number].1) - 5
        };
        let (other, text) = (log(0), log(1));
        Self {
            words: Zeroizing::new(vec![0; (1 << other) + (1 << text)]),
            tables: [(0, 32 - other), (1 << other, 32 - text)],
        }
    }

    /// Which word of the table a gram has, and the hash that chooses bits of it.
    #[inline(always)]
    fn place(&self, gram: u32) -> (usize, u32) {
        let hash = gram.wrapping_mul(MULTIPLIER);
        let (start, shift) = self.tables[usize::from(gram & HIGHEST == 0)];
        ((start + (hash >> shift)) as usize, hash)
    }

    /// Enters grams; asks memory for the places of all before it waits for the first.
    pub(super) fn extend(&mut self, grams: &[[u8; GRAM]]) {
        for gram in grams {
            let (place, _) = self.place(u32::from_le_bytes(*gram));
            crate::hint::soon(&raw const self.words[place]);
        }
        for gram in grams {
            self.insert(*gram);
        }
    }

    fn insert(&mut self, gram: [u8; GRAM]) {
        let (place, hash) = self.place(u32::from_le_bytes(gram));
        self.words[place] |= 1 << (hash % 32) | 1 << (hash / 32 % 32);
    }

    /// The lowest bit says whether a gram was entered, or seems to have been; the others say nothing.
    #[inline(always)]
    fn look(&self, gram: u32) -> u32 {
        let (place, hash) = self.place(gram);
        debug_assert!(place < self.words.len());
        // SAFETY: a table has 2^(32 - shift) words, the shift leaves as many bits, and behind one's beginning is the whole of it.
        let word = unsafe { self.words.get_unchecked(place) };
        word.wrapping_shr(hash) & word.wrapping_shr(hash >> 5)
    }

    /// Calls `hit` with each place from `from` to before `to` at which the filter looks and finds a gram, in order; before
    /// that, `soon` with the grams of several. By the way, memory so far ahead of where it begins is asked for: a third of what is
    /// gone over, and only where vectors leave time for it.
    pub(super) fn scan(
        &self,
        bytes: &[u8],
        from: usize,
        to: usize,
        ahead: usize,
        soon: impl Fn(u32),
        mut hit: impl FnMut(usize),
    ) {
        let to = to.min((bytes.len() + 1).saturating_sub(GRAM));
        let later = |at: usize| {
            let gone = if ahead == 0 { 0 } else { (at - from) / 3 };
            bytes.as_ptr().wrapping_add(ahead + gone)
        };
        let (mut at, mut hits) = self.next_batch(bytes, from, to, later(from));
        while at < to {
            let end = to.min(at + SPAN);
            if end < at + SPAN {
                // Less than a batch is left.
                for (i, place) in (at..end).step_by(STRIDE).enumerate() {
                    hits |= (self.look(gram(bytes, place)) & 1) << i;
                }
            }
            // A few bytes may well be the same.
            if hits != 0 && (end < at + SPAN || !uniform(&bytes[at..end])) {
                if hits & (hits - 1) != 0 {
                    let mut rest = hits;
                    while rest != 0 {
                        soon(gram(bytes, at + rest.trailing_zeros() as usize * STRIDE));
                        rest &= rest - 1;
                    }
                }
                while hits != 0 {
                    hit(at + hits.trailing_zeros() as usize * STRIDE);
                    hits &= hits - 1;
                }
            }
            at += SPAN;
            (at, hits) = self.next_batch(bytes, at, to, later(at));
        }
    }

    /// The next batch of looks that has hits, with a bit for each; or where less than a batch is left, and none.
    fn next_batch(&self, bytes: &[u8], at: usize, to: usize, later: *const u8) -> (usize, u32) {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has what the function needs.
            return unsafe { wide::next_batch(self, bytes, at, to, later) };
        }
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("bmi2") {
            // SAFETY: the processor has what the function needs.
            return unsafe { self.next_batch_bmi2(bytes, at, to) };
        }
        self.next_batch_plain(bytes, at, to)
    }

    /// With shifts by a variable in one step.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "bmi2")]
    fn next_batch_bmi2(&self, bytes: &[u8], at: usize, to: usize) -> (usize, u32) {
        self.next_batch_plain(bytes, at, to)
    }

    #[inline(always)]
    fn next_batch_plain(&self, bytes: &[u8], mut at: usize, to: usize) -> (usize, u32) {
        while at + SPAN <= to {
            let span: &[u8; SPAN] = bytes[at..at + SPAN]
                .try_into()
                .expect("it was sliced to this length");
            prefetch(bytes, at);
            // A plain loop: it is unrolled, and compiled for the processor that the function around it is for.
            let mut looks = 0;
            for i in 0..BATCH {
                looks |= self.look(gram(span, i * STRIDE));
            }
            if looks & 1 == 1 {
                let hits = (0..BATCH).map(|i| (self.look(gram(span, i * STRIDE)) & 1) << i);
                return (at, hits.fold(0, |hits, hit| hits | hit));
            }
            at += SPAN;
        }
        (at, 0)
    }
}

/// Whether all bytes are the same: what fills most of memory may share its bits with a gram, and is gone over quickly.
fn uniform(bytes: &[u8]) -> bool {
    let first = bytes.first().copied().unwrap_or_default();
    bytes.iter().fold(0, |other, byte| other | byte ^ first) == 0
}

/// How far ahead memory is asked for what will be needed.
const AHEAD: usize = 3072;

/// Asks for the cache lines of a later batch.
#[inline(always)]
fn prefetch(bytes: &[u8], at: usize) {
    for line in 0..SPAN / 64 {
        crate::hint::soon(bytes.as_ptr().wrapping_add(at + AHEAD + line * 64));
    }
}

/// Bytes of a batch of looks.
const SPAN: usize = STRIDE * BATCH;

#[inline(always)]
fn gram(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
