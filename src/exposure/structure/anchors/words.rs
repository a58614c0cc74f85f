//! Several short patterns at once, with 512-bit vectors: [`Words`].
//!
//! A pattern of four bytes or more has a whole word (two bytes) at an even position, wherever it lies. For each pattern one word is
//! chosen for either case, a rare one. Bytes are looked at as 32 words a vector: a hash of each chooses two words out of tables that
//! stay in registers, and only where it is one of them, patterns are compared.
//!
//! That is exact in 16 bits with a third of the instructions that it takes to look up bytes one by one.

use std::collections::BTreeMap;

use std::arch::x86_64::{
    __m512i, _mm512_cmpeq_epi16_mask, _mm512_loadu_si512, _mm512_min_epu16, _mm512_mulhrs_epi16,
    _mm512_permutexvar_epi16, _mm512_set1_epi16, _mm512_test_epi16_mask, _mm512_xor_si512,
    _pdep_u64,
};

/// Bytes of a vector.
const LANES: usize = 64;
/// Vectors between two branches.
const VECTORS: usize = 4;
/// Bytes between two branches.
const BLOCK: usize = VECTORS * LANES;
/// Rows of the tables, each of two words.
const ROWS: usize = 32;
/// Words of a row.
const WAYS: usize = 2;
/// The shortest pattern that has a whole word at an even position, and one more byte to tell it by.
const SHORTEST: usize = 4;

/// Finds patterns of [`SHORTEST`] bytes or more.
pub(super) struct Words {
    patterns: Vec<Vec<u8>>,
    /// Whether a pattern begins with this byte.
    begins: [bool; 256],
    /// With what so many patterns begin that it is looked for at odd positions, too.
    common: u16,
    /// By what words are multiplied to get their [`row`].
    factor: i16,
    tables: [[u16; ROWS]; WAYS],
    /// The patterns that may be where a word is, row by row.
    cases: Vec<Case>,
    /// Where the cases of each row begin, and where those of the last one end.
    rows: [usize; ROWS + 1],
}

/// A pattern that has a word.
struct Case {
    word: u16,
    /// What the pattern begins with.
    start: [u8; SHORTEST],
    pattern: usize,
    /// Where in the pattern the word is.
    offset: usize,
}

impl Words {
    /// None if the processor lacks what it needs, or there is no room for so many words.
    pub(super) fn new(patterns: &[Vec<u8>]) -> Option<Self> {
        if !std::arch::is_x86_feature_detected!("avx512bw")
            || !std::arch::is_x86_feature_detected!("bmi2")
            || patterns.iter().any(|pattern| pattern.len() < SHORTEST)
        {
            return None;
        }
        let common = common(patterns)?;
        let chosen = choose(patterns, common);
        let (factor, tables) = lay_out(&chosen)?;
        let mut cases: Vec<Case> = Vec::new();
        for (word, places) in chosen {
            cases.extend(places.into_iter().map(|(pattern, offset)| {
                Case {
                    word,
                    start: *patterns[pattern]
                        .first_chunk()
                        .expect("it is as long as that"),
                    pattern,
                    offset,
                }
            }));
        }
        cases.sort_by_key(|case| row(case.word, factor));
        let end = |number| cases.partition_point(|case| row(case.word, factor) < number);
        let rows = std::array::from_fn(end);
        let mut begins = [false; 256];
        for pattern in patterns {
            begins[usize::from(pattern[0])] = true;
        }
        Some(Self {
            patterns: patterns.to_vec(),
            begins,
            common,
            factor,
            tables,
            cases,
            rows,
        })
    }

    /// Calls for each pattern, from left to right, with its number and position. None overlaps the one before; of those that
    /// begin at the same place, it is the first. By the way, memory so far ahead is asked for.
    pub(super) fn find(
        &self,
        bytes: &[u8],
        ahead: Option<usize>,
        mut found: impl FnMut(usize, usize),
    ) {
        let mut seen = Vec::new();
        let mut at = 0;
        // Not as long as there are hits: others may write to what was mapped, and what was one a moment ago is none.
        while at + BLOCK < bytes.len() {
            // SAFETY: there is none of these without the processor's consent.
            let (block, hits) = unsafe { self.next_block(bytes, at, ahead) };
            self.compare(bytes, block, &hits, &mut seen);
            at = block + BLOCK;
        }
        // What is left: the last block, which shares bytes with the one before and begins at an even position as all do (else a pattern
        // across the border could have one word before it and the other behind), and patterns that hardly fit in behind.
        let longest = self.patterns.iter().map(Vec::len).max().unwrap_or(0);
        if let Some(last) = bytes.len().checked_sub(BLOCK + 1) {
            // SAFETY: as above.
            let (block, hits) = unsafe { self.next_block(bytes, last & !1, None) };
            self.compare(bytes, block, &hits, &mut seen);
            at = bytes.len();
        }
        for place in at.saturating_sub(longest + 1)..bytes.len() {
            if self.begins[usize::from(bytes[place])] {
                let fit = |pattern: &Vec<u8>| bytes[place..].starts_with(pattern);
                let number = self.patterns.iter().position(fit);
                seen.extend(number.map(|number| (place, number)));
            }
        }
        seen.sort_unstable();
        let mut next = 0;
        for (place, number) in seen {
            if place >= next {
                found(number, place);
                next = place + self.patterns[number].len();
            }
        }
    }

    /// Compares the patterns whose words were seen in a block.
    #[inline(never)]
    fn compare(&self, bytes: &[u8], block: usize, hits: &Hits, seen: &mut Vec<(usize, usize)>) {
        for (vector, hits) in hits.iter().enumerate() {
            let mut hits = *hits;
            while hits != 0 {
                let at = block + vector * LANES + hits.trailing_zeros() as usize;
                hits &= hits - 1;
                let word = u16::from_le_bytes([bytes[at], bytes[at + 1]]);
                let row = row(word, self.factor);
                for case in &self.cases[self.rows[row]..self.rows[row + 1]] {
                    if let Some(start) = at.checked_sub(case.offset)
                        && bytes[start..].first_chunk() == Some(&case.start)
                        && bytes[start..].starts_with(&self.patterns[case.pattern])
                    {
                        seen.push((start, case.pattern));
                    }
                }
            }
        }
    }

    /// The next block that has words of patterns, and which; or where less than a block is left.
    ///
    /// It calls nothing, so that the tables stay in registers.
    #[target_feature(enable = "avx512bw,bmi2")]
    fn next_block(&self, bytes: &[u8], mut at: usize, ahead: Option<usize>) -> (usize, Hits) {
        let tables = Tables {
            words: [vector_of(&self.tables[0]), vector_of(&self.tables[1])],
            factor: _mm512_set1_epi16(self.factor),
            common: _mm512_set1_epi16(self.common.cast_signed()),
        };
        let later = bytes.as_ptr().wrapping_add(ahead.unwrap_or(0));
        let moves = usize::from(ahead.is_some());
        while let Some(block) = bytes.get(at..at + BLOCK + 1) {
            // Three lines for each four that are gone over.
            for line in 1..VECTORS {
                let later = later.wrapping_add(at / BLOCK * (BLOCK - LANES) * moves);
                crate::hint::later(later.wrapping_add(line * LANES));
            }
            let front = _mm512_min_epu16(tables.missed(block, 0), tables.missed(block, LANES));
            let back = _mm512_min_epu16(tables.missed(block, 128), tables.missed(block, 3 * LANES));
            let missed = _mm512_min_epu16(front, back);
            if _mm512_test_epi16_mask(missed, missed) != u32::MAX {
                let mut hits = [0; VECTORS];
                for (vector, hits) in hits.iter_mut().enumerate() {
                    *hits = tables.hits(block, vector * LANES);
                }
                return (at, hits);
            }
            at += BLOCK;
        }
        (at, [0; VECTORS])
    }
}

/// At which places of a block's vectors words of patterns are.
type Hits = [u64; VECTORS];

/// What stays in registers.
struct Tables {
    words: [__m512i; WAYS],
    factor: __m512i,
    common: __m512i,
}

impl Tables {
    /// In which bits each word differs from a pattern's; zero where it is one.
    #[inline]
    #[target_feature(enable = "avx512bw,bmi2")]
    fn missed(&self, block: &[u8], at: usize) -> __m512i {
        let (words, next) = (vector(block, at), vector(block, at + 1));
        let rows = _mm512_mulhrs_epi16(words, self.factor);
        let first = _mm512_xor_si512(_mm512_permutexvar_epi16(rows, self.words[0]), words);
        let second = _mm512_xor_si512(_mm512_permutexvar_epi16(rows, self.words[1]), words);
        let odd = _mm512_xor_si512(next, self.common);
        _mm512_min_epu16(_mm512_min_epu16(first, second), odd)
    }

    /// At which places of a vector the words of patterns are.
    #[inline]
    #[target_feature(enable = "avx512bw,bmi2")]
    fn hits(&self, block: &[u8], at: usize) -> u64 {
        let (words, next) = (vector(block, at), vector(block, at + 1));
        let rows = _mm512_mulhrs_epi16(words, self.factor);
        let [first, second] = self.words.map(|table| {
            let row = _mm512_permutexvar_epi16(rows, table);
            spread(_mm512_cmpeq_epi16_mask(row, words))
        });
        first | second | spread(_mm512_cmpeq_epi16_mask(next, self.common)) << 1
    }
}

/// Each bit at twice its place.
#[inline]
#[target_feature(enable = "bmi2")]
fn spread(bits: u32) -> u64 {
    _pdep_u64(u64::from(bits), 0x5555_5555_5555_5555)
}

#[inline]
#[target_feature(enable = "avx512bw,bmi2")]
fn vector(bytes: &[u8], at: usize) -> __m512i {
    let bytes = &bytes[at..at + LANES];
    // SAFETY: so many bytes are there, and loading needs no alignment.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512bw,bmi2")]
fn vector_of(words: &[u16; ROWS]) -> __m512i {
    // SAFETY: these are as many bytes as a vector has, and loading needs no alignment.
    unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
}

fn word(pattern: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([pattern[at], pattern[at + 1]])
}

/// A word, the patterns that have it, and where in them it is.
type Chosen = (u16, Vec<(usize, usize)>);

/// The word with which most patterns begin.
fn common(patterns: &[Vec<u8>]) -> Option<u16> {
    let first = |pattern: &Vec<u8>| word(pattern, 0);
    let count = |word: u16| patterns.iter().filter(|p| first(p) == word).count();
    patterns.iter().map(first).max_by_key(|word| count(*word))
}

/// Words such that each pattern has one of them at an even position, whatever its own position. Of those that serve, the rare ones.
fn choose(patterns: &[Vec<u8>], common: u16) -> Vec<Chosen> {
    // A pattern and whether it begins at an odd position.
    let mut left: Vec<(usize, usize)> = Vec::new();
    for (number, pattern) in patterns.iter().enumerate() {
        left.push((number, 0));
        // At an odd position the common beginning is seen anyway.
        if word(pattern, 0) != common {
            left.push((number, 1));
        }
    }
    let places = |(number, odd): (usize, usize)| {
        let words = (odd..patterns[number].len() - 1).step_by(2);
        words.map(move |at| (word(&patterns[number], at), at))
    };
    let mut chosen: Vec<Chosen> = Vec::new();
    // Those that begin with the common one have it, wherever they are.
    let mut next = Some(common);
    while let Some(best) = next {
        let mut served = Vec::new();
        left.retain(|case| {
            let place = places(*case).find(|(word, _)| *word == best);
            served.extend(place.map(|(_, at)| (case.0, at)));
            place.is_none()
        });
        chosen.push((best, served));
        // How many cases each of the words that are left would serve.
        let mut serves: BTreeMap<u16, usize> = BTreeMap::new();
        for (word, _) in left.iter().flat_map(|case| places(*case)) {
            *serves.entry(word).or_default() += 1;
        }
        let candidates = serves.into_iter();
        next = candidates
            .min_by_key(|(word, served)| (cost(*word) / served, *word))
            .map(|(word, _)| word);
    }
    chosen.sort_unstable();
    chosen
}

/// How often a word is seen in what people keep: a guess, of which only speed depends.
fn cost(word: u16) -> usize {
    let bytes = word.to_le_bytes();
    bytes
        .iter()
        .map(|byte| match byte {
            0 => 60,
            1 | b' ' => 40,
            b'a'..=b'j' | b'l'..=b'p' | b'r'..=b'v' => 30,
            b'0'..=b'9' | b'"' => 20,
            b'A'..=b'Z' | b'a'..=b'z' => 12,
            _ => 6,
        })
        .product()
}

/// In which row of the tables a word is: what `vpmulhrsw` makes of it, modulo [`ROWS`].
fn row(word: u16, factor: i16) -> usize {
    let product = i32::from(word.cast_signed()) * i32::from(factor);
    let rounded = ((product >> 14) + 1) >> 1;
    (rounded.cast_unsigned() as usize) % ROWS
}

/// Tables in which each word is in its row, and the factor that puts it there.
fn lay_out(chosen: &[Chosen]) -> Option<(i16, [[u16; ROWS]; WAYS])> {
    (1..i16::MAX).step_by(2).find_map(|factor| {
        let mut tables = [[None; ROWS]; WAYS];
        for (word, _) in chosen {
            let row = row(*word, factor);
            let free = tables.iter_mut().find(|table| table[row].is_none())?;
            free[row] = Some(*word);
        }
        // A word of another row is never found in this one.
        let other = |number| chosen.iter().find(|(word, _)| row(*word, factor) != number);
        let filled = tables.map(|table| {
            std::array::from_fn(|number| table[number].or(other(number).map(|(word, _)| *word)))
        });
        let whole = |table: [Option<u16>; ROWS]| table.map(|word| word.expect("some other word"));
        Some((factor, filled.map(whole)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without it, the anchors would be looked for in a slower way, and nobody would notice.
    #[test]
    fn there_is_room_for_the_words_of_our_anchors() {
        let patterns = super::super::samples();
        let common = common(&patterns).unwrap();
        assert_eq!(
            common.to_le_bytes(),
            *b"\x02\x01",
            "the version of a DER structure"
        );
        let chosen = choose(&patterns, common);
        assert!(chosen.len() <= 48, "{} words", chosen.len());
        let (factor, tables) = lay_out(&chosen).expect("a factor that keeps the words apart");
        for (word, cases) in &chosen {
            let row = row(*word, factor);
            assert!(tables.iter().any(|table| table[row] == *word));
            assert!(!cases.is_empty());
        }
    }

    /// One pattern by itself among bytes of any kind is found wherever it lies, at even and odd positions, across blocks and at the
    /// end.
    #[test]
    fn a_pattern_is_found_wherever_it_lies() {
        let patterns = super::super::samples();
        let Some(words) = Words::new(&patterns) else {
            // Then nothing uses it, either.
            return;
        };
        let places = (0..9).chain(BLOCK - 9..BLOCK + 3);
        // Behind the last whole block there may be anything from nothing to as much as another.
        let lengths = (2 * BLOCK..2 * BLOCK + 4).chain(3 * BLOCK - 3..3 * BLOCK + 4);
        for length in lengths {
            let places = places.clone().chain(length - BLOCK - 20..length);
            let mut bytes = vec![0xff; length];
            for at in places {
                for (number, pattern) in patterns.iter().enumerate() {
                    let end = at + pattern.len();
                    if end > length {
                        continue;
                    }
                    bytes[at..end].copy_from_slice(pattern);
                    let mut found = Vec::new();
                    words.find(&bytes, None, |number, at| found.push((number, at)));
                    assert_eq!(found, [(number, at)], "{pattern:02x?} at {at} of {length}");
                    bytes[at..end].fill(0xff);
                }
            }
        }
    }
}
