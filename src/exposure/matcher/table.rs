//! The second test: a [`Table`] from stretches of 8 or 20 bytes to where in which needle they are.
//!
//! It holds hashes, not the stretches.

use zeroize::{Zeroize, Zeroizing};

/// Length of a stretch in most forms.
pub(super) const NARROW: usize = 8;
/// Length of a stretch in forms that take many characters a byte.
pub(super) const WIDE: usize = 20;

/// Where a stretch is: index into all needles' forms' texts, laid end to end.
pub(super) type Place = u64;

/// A hash table with open addressing. A slot has the place plus one in its upper 40 bits, more of the hash below.
pub(super) struct Table {
    slots: Zeroizing<Vec<u64>>,
    used: usize,
    /// What stretches surround which gram, three bits each: most strangers are known without a look at the slots, which for
    /// many keys are far away. The gram alone chooses the line, so that one line of the cache answers for all stretches
    /// around a place.
    gate: Zeroizing<Vec<Line>>,
    /// The same once more by the stretch alone: lines of common grams are full, and let everything through.
    second: Zeroizing<Vec<u64>>,
}

/// A line of the processor's cache.
#[derive(Clone, Copy, Default, Zeroize)]
#[repr(align(64))]
struct Line([u64; 8]);

const PRINT: u64 = 0xff_ffff;

impl Table {
    /// An empty table with room for so many stretches; it grows.
    pub(super) fn new(stretches: usize) -> Self {
        let table = Self {
            slots: Zeroizing::new(vec![0; (stretches / 4 * 5).next_power_of_two().max(64)]),
            used: 0,
            second: Zeroizing::new(vec![0; (stretches / 8).next_power_of_two().max(64)]),
            // Sixteen bits for a stretch, or more.
            gate: Zeroizing::new(vec![
                Line::default();
                (stretches / 32).next_power_of_two().max(64)
            ]),
        };
        crate::hint::scattered(&table.slots);
        crate::hint::scattered(&table.second);
        crate::hint::scattered(&table.gate);
        table
    }

    /// Whether [`Table::find`] may find this stretch where this gram is.
    #[inline(always)]
    pub(super) fn may_have(&self, gram: u32, hash: u64) -> bool {
        let Line(words) = &self.gate[self.line(gram)];
        let (word, bits) = bits(hash);
        words[word] & bits == bits && {
            let (index, bits) = self.second(hash);
            self.second[index] & bits == bits
        }
    }

    /// Says that a place with this gram will be asked for soon.
    #[inline(always)]
    pub(super) fn soon(&self, gram: u32) {
        crate::hint::soon(&raw const self.gate[self.line(gram)]);
    }

    /// Enters stretches with their places, and says of others at which grams they may be. All at once: for many keys each is far
    /// from the one before, and memory is asked for all of them before the first is waited for.
    pub(super) fn extend(&mut self, stretches: &[(u64, Place)], admitted: &[(u32, u64)]) {
        for (hash, _) in stretches {
            crate::hint::soon(&raw const self.slots[self.slot(*hash)]);
        }
        for (gram, hash) in admitted {
            self.soon(*gram);
            crate::hint::soon(&raw const self.second[self.second(*hash).0]);
        }
        for (hash, place) in stretches {
            self.insert(*hash, *place);
        }
        for (gram, hash) in admitted {
            self.admit(*gram, *hash);
        }
    }

    /// Says that this stretch may be where this gram is.
    fn admit(&mut self, gram: u32, hash: u64) {
        let line = self.line(gram);
        let (word, bits) = bits(hash);
        self.gate[line].0[word] |= bits;
        let (index, bits) = self.second(hash);
        self.second[index] |= bits;
    }

    /// The places of stretches with this hash; hardly ever another's.
    pub(super) fn find(&self, hash: u64) -> impl Iterator<Item = Place> {
        let mask = self.slots.len() - 1;
        let mut at = self.slot(hash);
        std::iter::from_fn(move || {
            loop {
                let slot = self.slots[at];
                if slot == 0 {
                    return None;
                }
                at = (at + 1) & mask;
                if (slot ^ hash) & PRINT == 0 {
                    return Some((slot >> 24) - 1);
                }
            }
        })
    }

    /// Enters a stretch.
    fn insert(&mut self, hash: u64, place: Place) {
        assert!(
            self.used * 8 < self.slots.len() * 7,
            "the table was made for fewer stretches"
        );
        let mask = self.slots.len() - 1;
        let mut at = self.slot(hash);
        while self.slots[at] != 0 {
            at = (at + 1) & mask;
        }
        self.slots[at] = (place + 1) << 24 | hash & PRINT;
        self.used += 1;
    }

    #[inline(always)]
    fn line(&self, gram: u32) -> usize {
        let hash = u64::from(gram).wrapping_mul(0x9fb2_1c65_1e98_df25);
        (hash >> 40) as usize & (self.gate.len() - 1)
    }

    #[inline(always)]
    fn second(&self, hash: u64) -> (usize, u64) {
        let (_, bits) = bits(hash);
        (
            (hash >> 24) as usize & (self.second.len() - 1),
            bits.rotate_left(32),
        )
    }

    fn slot(&self, hash: u64) -> usize {
        let bits = self.slots.len().ilog2();
        usize::try_from(hash >> (64 - bits)).expect("it is less than the number of slots")
    }
}

/// Which word of a line, and which bits of it.
#[inline(always)]
fn bits(hash: u64) -> (usize, u64) {
    (
        (hash >> 20) as usize & 7,
        1 << (hash & 63) | 1 << (hash >> 6 & 63) | 1 << (hash >> 12 & 63),
    )
}

/// Hash of a narrow stretch.
#[inline]
pub(super) fn narrow(stretch: &[u8; NARROW]) -> u64 {
    mix(u64::from_le_bytes(*stretch))
}

/// Hash of a wide stretch.
#[inline]
pub(super) fn wide(stretch: &[u8; WIDE]) -> u64 {
    let word = |from: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&stretch[from..from + 8]);
        u64::from_le_bytes(word)
    };
    // The last two words share four bytes: no matter.
    mix(mix(mix(word(0)) ^ word(8)) ^ word(12))
}

fn mix(word: u64) -> u64 {
    let word = (word ^ word >> 32).wrapping_mul(0x9fb2_1c65_1e98_df25);
    let word = (word ^ word >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word ^ word >> 32
}
