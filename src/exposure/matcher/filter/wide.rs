//! The looks of a batch at once, with 512-bit vectors: [`next_batch`].

use std::arch::x86_64::{
    __m512i, _mm512_and_si512, _mm512_i32gather_epi32, _mm512_loadu_si512, _mm512_mask_add_epi32,
    _mm512_mask_mov_epi32, _mm512_mullo_epi32, _mm512_rorv_epi32, _mm512_set1_epi32,
    _mm512_srli_epi32, _mm512_srlv_epi32, _mm512_test_epi32_mask, _mm512_testn_epi32_mask,
};

use super::{BATCH, Filter, HIGHEST, MULTIPLIER, SPAN, STRIDE, prefetch};

/// A batch is three vectors, of whose 48 words every third is looked at: of each vector others, so that they fit into one.
const _: () = assert!(SPAN == 3 * 64 && BATCH == 16 && STRIDE == 3 * 4);

/// The words of the second and of the third vector that are looked at.
const SECOND: u16 = 0x4924;
const THIRD: u16 = 0x2492;

/// The word of a batch's vector that holds each look, in the order of the looks.
const WORDS: [usize; BATCH] = [0, 3, 6, 9, 12, 15, 2, 5, 8, 11, 14, 1, 4, 7, 10, 13];

/// As [`Filter::next_batch_plain`]. For each batch a line of what is needed much later is asked for.
#[target_feature(enable = "avx512f")]
pub(super) fn next_batch(
    filter: &Filter,
    bytes: &[u8],
    mut at: usize,
    to: usize,
    mut later: *const u8,
) -> (usize, u32) {
    let multiplier = _mm512_set1_epi32(MULTIPLIER.cast_signed());
    let highest = _mm512_set1_epi32(HIGHEST.cast_signed());
    let [(_, shift), (start, shift_of_text)] = filter.tables;
    let shift = _mm512_set1_epi32(shift.cast_signed());
    let shift_of_text = _mm512_set1_epi32(shift_of_text.cast_signed());
    let start = _mm512_set1_epi32(start.cast_signed());
    let one = _mm512_set1_epi32(1);
    while at + SPAN <= to {
        let span: &[u8; SPAN] = bytes[at..at + SPAN]
            .try_into()
            .expect("it was sliced to this length");
        prefetch(bytes, at);
        crate::hint::later(later);
        later = later.wrapping_add(64);
        let grams = _mm512_mask_mov_epi32(vector(span, 0), SECOND, vector(span, 64));
        let grams = _mm512_mask_mov_epi32(grams, THIRD, vector(span, 128));
        let hashes = _mm512_mullo_epi32(grams, multiplier);
        let text = _mm512_testn_epi32_mask(grams, highest);
        let shifts = _mm512_mask_mov_epi32(shift, text, shift_of_text);
        let places = _mm512_srlv_epi32(hashes, shifts);
        let words = gather(filter, _mm512_mask_add_epi32(places, text, places, start));
        let bit = _mm512_rorv_epi32(words, hashes);
        let other = _mm512_rorv_epi32(words, _mm512_srli_epi32::<5>(hashes));
        let hits = _mm512_test_epi32_mask(_mm512_and_si512(bit, other), one);
        if hits != 0 {
            let looks = WORDS.iter().enumerate();
            let looks = looks.map(|(look, word)| u32::from(hits >> word & 1) << look);
            return (at, looks.fold(0, |hits, hit| hits | hit));
        }
        at += SPAN;
    }
    (at, 0)
}

/// Words of the filter's table. Word by word, by way of memory, took nearly three times as long on the processor that
/// it was measured on (model 207 of Intel); others gather more slowly.
#[inline]
#[target_feature(enable = "avx512f")]
fn gather(filter: &Filter, places: __m512i) -> __m512i {
    // SAFETY: as in `Filter::look`: a table has as many words as the shift has left numbers, and the second begins where the first ends.
    unsafe { _mm512_i32gather_epi32::<4>(places, filter.words.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn vector(span: &[u8; SPAN], at: usize) -> __m512i {
    let bytes = &span[at..at + 64];
    // SAFETY: 64 bytes are there, and loading needs no alignment.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
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
            let mut filter = Filter::new([grams, grams]);
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
                let wide = unsafe { next_batch(&filter, &bytes, from, to, bytes.as_ptr()) };
                assert_eq!(plain, wide, "{grams} grams, from {from}");
            }
        }
    }
}
