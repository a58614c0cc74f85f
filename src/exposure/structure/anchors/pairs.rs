//! Several short patterns at once, with 512-bit vectors: [`Pairs`].
//!
//! The first four bytes of a pattern are looked up in tables that stay in registers, 64 places at a time. Each table has eight
//! bits a byte, one for each group of patterns; where all four bytes have the bit of the same group, the patterns of the group are
//! compared.
//!
//! A table has 128 entries, which is one instruction: the highest bit of a byte is not looked at. Two bytes instead of four, with
//! all their bits, would cost as much, and stop ten times as often.

use std::arch::x86_64::{
    __m512i, _mm512_and_si512, _mm512_loadu_si512, _mm512_permutex2var_epi8, _mm512_test_epi8_mask,
};

/// Places that are looked at together.
const LANES: usize = 64;
/// Vectors of them between two branches.
const VECTORS: usize = 2;
/// Groups of patterns: the bits of a byte.
const GROUPS: usize = 8;
/// Bytes of a pattern that are looked up.
const DEPTH: usize = 4;
/// Entries of a table: bytes are looked up without their highest bit.
const ENTRIES: usize = 128;

/// Finds patterns of [`DEPTH`] bytes or more.
pub(super) struct Pairs {
    /// For each of a pattern's first bytes, the groups in which each byte stands there.
    tables: [[u8; ENTRIES]; DEPTH],
    patterns: Vec<(u8, Vec<u8>)>,
}

impl Pairs {
    /// None if the processor lacks what it needs.
    pub(super) fn new(patterns: &[Vec<u8>]) -> Option<Self> {
        if !std::arch::is_x86_feature_detected!("avx512bw")
            || !std::arch::is_x86_feature_detected!("avx512vbmi")
        {
            return None;
        }
        let mut pairs: Vec<[u8; 2]> = Vec::new();
        let mut tables = [[0; ENTRIES]; DEPTH];
        let mut grouped = Vec::new();
        for pattern in patterns {
            let start: &[u8; DEPTH] = pattern.first_chunk()?;
            let pair = [start[0], start[1]];
            let known = pairs.iter().position(|other| *other == pair);
            let number = known.unwrap_or_else(|| {
                pairs.push(pair);
                pairs.len() - 1
            });
            let group = 1 << (number % GROUPS);
            for (table, byte) in tables.iter_mut().zip(start) {
                table[usize::from(*byte) % ENTRIES] |= group;
            }
            grouped.push((group, pattern.clone()));
        }
        Some(Self {
            tables,
            patterns: grouped,
        })
    }

    /// Calls for each pattern, from left to right, with its number and position. None overlaps the one before; of those that
    /// begin at the same place, it is the first.
    pub(super) fn find(&self, bytes: &[u8], mut found: impl FnMut(usize, usize)) {
        let mut next = 0;
        let mut call = |at: usize| {
            if at < next {
                return;
            }
            if let Some((number, length)) = self.pattern(&bytes[at..]) {
                found(number, at);
                next = at + length;
            }
        };
        let mut at = 0;
        loop {
            // SAFETY: there is none of these without the processor's consent.
            let (block, mut places) = unsafe { self.next_block(bytes, at) };
            if places == 0 {
                return (block..bytes.len()).for_each(call);
            }
            while places != 0 {
                call(block + places.trailing_zeros() as usize);
                places &= places - 1;
            }
            at = block + LANES;
        }
    }

    /// The first pattern with which these bytes begin, and its length.
    fn pattern(&self, bytes: &[u8]) -> Option<(usize, usize)> {
        let start: &[u8; DEPTH] = bytes.first_chunk()?;
        let looked_up = self.tables.iter().zip(start);
        let groups = looked_up.fold(!0, |groups, (table, byte)| {
            groups & table[usize::from(*byte) % ENTRIES]
        });
        if groups == 0 {
            return None;
        }
        let mut patterns = self.patterns.iter().enumerate();
        let (number, (_, pattern)) = patterns
            .find(|(_, (group, pattern))| group & groups != 0 && bytes.starts_with(pattern))?;
        Some((number, pattern.len()))
    }

    /// The next block in which patterns may begin, and the places in it; or where fewer than two blocks' places are left.
    ///
    /// It calls nothing, so that the tables stay in registers.
    #[target_feature(enable = "avx512bw,avx512vbmi")]
    fn next_block(&self, bytes: &[u8], mut at: usize) -> (usize, u64) {
        let tables = [
            Groups::new(&self.tables[0]),
            Groups::new(&self.tables[1]),
            Groups::new(&self.tables[2]),
            Groups::new(&self.tables[3]),
        ];
        while let Some(blocks) = bytes.get(at..at + VECTORS * LANES + DEPTH - 1) {
            let first = places(&tables, &blocks[..LANES + DEPTH - 1]);
            let second = places(&tables, &blocks[LANES..]);
            if first | second != 0 {
                return if first != 0 {
                    (at, first)
                } else {
                    (at + LANES, second)
                };
            }
            at += VECTORS * LANES;
        }
        (at, 0)
    }
}

/// The places of a block at which patterns may begin, a bit for each.
#[inline]
#[target_feature(enable = "avx512bw,avx512vbmi")]
fn places(tables: &[Groups; DEPTH], block: &[u8]) -> u64 {
    let groups = |depth: usize| tables[depth].of(vector(&block[depth..depth + LANES]));
    let front = _mm512_and_si512(groups(0), groups(1));
    let back = _mm512_and_si512(groups(2), groups(3));
    _mm512_test_epi8_mask(front, back)
}

/// A table in registers.
struct Groups(__m512i, __m512i);

impl Groups {
    #[inline]
    #[target_feature(enable = "avx512bw,avx512vbmi")]
    fn new(table: &[u8; ENTRIES]) -> Self {
        Self(vector(&table[..LANES]), vector(&table[LANES..]))
    }

    #[inline]
    #[target_feature(enable = "avx512bw,avx512vbmi")]
    fn of(&self, bytes: __m512i) -> __m512i {
        _mm512_permutex2var_epi8(self.0, bytes, self.1)
    }
}

#[inline]
#[target_feature(enable = "avx512bw,avx512vbmi")]
fn vector(bytes: &[u8]) -> __m512i {
    assert!(bytes.len() == LANES);
    // SAFETY: so many bytes are there, and loading needs no alignment.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}
