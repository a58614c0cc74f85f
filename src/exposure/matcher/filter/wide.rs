//! The looks of a batch at once, with 512-bit vectors: [`next_batch`].

use std::arch::x86_64::{
    __m512i, _mm_cvtsi32_si128, _mm512_and_si512, _mm512_loadu_si512, _mm512_mullo_epi32,
    _mm512_permutex2var_epi32, _mm512_rorv_epi32, _mm512_set1_epi32, _mm512_setr_epi32,
    _mm512_srl_epi32, _mm512_srli_epi32, _mm512_storeu_si512, _mm512_test_epi32_mask,
};

use super::{AHEAD, BATCH, Filter, MULTIPLIER, SPAN, STRIDE, prefetch};

/// A batch is three vectors, of whose 48 words every third is looked at.
const _: () = assert!(SPAN == 3 * 64 && BATCH == 16 && STRIDE == 3 * 4);

/// As [`Filter::next_batch_plain`]. Hashing is done in vectors; the table is read word by word, which is quicker than to gather.
#[target_feature(enable = "avx512f")]
pub(super) fn next_batch(filter: &Filter, bytes: &[u8], mut at: usize, to: usize) -> (usize, u32) {
    let multiplier = _mm512_set1_epi32(MULTIPLIER.cast_signed());
    let shift = _mm_cvtsi32_si128(filter.shift.cast_signed());
    let one = _mm512_set1_epi32(1);
    // Of the first two vectors words 0, 3 ... 30; then of the third, where 33 is its word 1.
    let first = _mm512_setr_epi32(0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 0, 0, 0, 0, 0);
    let second = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 17, 20, 23, 26, 29);
    while at + SPAN <= to {
        let span: &[u8; SPAN] = bytes[at..at + SPAN]
            .try_into()
            .expect("it was sliced to this length");
        prefetch(bytes, at + AHEAD);
        let grams = _mm512_permutex2var_epi32(vector(span, 0), first, vector(span, 64));
        let grams = _mm512_permutex2var_epi32(grams, second, vector(span, 128));
        let hashes = _mm512_mullo_epi32(grams, multiplier);
        let mut places = [0u32; BATCH];
        store(&mut places, _mm512_srl_epi32(hashes, shift));
        // A loop: a closure would be called, word by word.
        let mut words = [0u32; BATCH];
        for (word, place) in words.iter_mut().zip(places) {
            debug_assert!((place as usize) < filter.words.len());
            // SAFETY: there are 2^(32 - shift) words, and the shift leaves as many bits.
            *word = unsafe { *filter.words.get_unchecked(place as usize) };
        }
        // SAFETY: the array is as long as a vector, and loading needs no alignment.
        let words = unsafe { _mm512_loadu_si512(words.as_ptr().cast()) };
        let bit = _mm512_rorv_epi32(words, hashes);
        let other = _mm512_rorv_epi32(words, _mm512_srli_epi32::<5>(hashes));
        let hits = _mm512_test_epi32_mask(_mm512_and_si512(bit, other), one);
        if hits != 0 {
            return (at, u32::from(hits));
        }
        at += SPAN;
    }
    (at, 0)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn vector(span: &[u8; SPAN], at: usize) -> __m512i {
    let bytes = &span[at..at + 64];
    // SAFETY: 64 bytes are there, and loading needs no alignment.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(into: &mut [u32; BATCH], vector: __m512i) {
    // SAFETY: the array is as long as a vector, and storing needs no alignment.
    unsafe { _mm512_storeu_si512(into.as_mut_ptr().cast(), vector) };
}

#[cfg(test)]
mod tests {
    use super::super::{Filter, GRAM};
    use super::{SPAN, next_batch};

    /// Wherever a gram lies at which the filter looks, both stop at its batch, and nowhere else but where the other does.
    #[test]
    fn it_stops_where_the_plain_one_stops() {
        if !std::arch::is_x86_feature_detected!("avx512f") {
            // Then nothing uses it, either.
            return;
        }
        let mut state = 7u64;
        let mut random = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as u32
        };
        for grams in [40, 3000, 60_000] {
            let mut filter = Filter::new(grams);
            for _ in 0..grams {
                filter.insert(random().to_le_bytes());
            }
            let known = random().to_le_bytes();
            filter.insert(known);
            let mut bytes: Vec<u8> = (0..SPAN * 40).map(|_| random().to_le_bytes()[0]).collect();
            for at in (0..bytes.len() - GRAM).step_by(1001) {
                bytes[at..at + GRAM].copy_from_slice(&known);
            }
            for from in 0..600 {
                let to = bytes.len() - from % 7;
                let plain = filter.next_batch_plain(&bytes, from, to);
                // SAFETY: the processor was asked.
                let wide = unsafe { next_batch(&filter, &bytes, from, to) };
                assert_eq!(plain, wide, "{grams} grams, from {from}");
            }
        }
    }
}
