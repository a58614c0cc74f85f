//! Blocks of bytes, reduced to a bit a byte: [`Bits`].

use zeroize::Zeroize;

/// Bytes whose properties make one word of bits.
pub const BLOCK: usize = 64;

/// Properties of the bytes of a block, a bit for each.
#[derive(Clone, Copy, Default)]
pub struct Bits {
    /// 0x80 or above.
    pub high: u64,
    /// Zero.
    pub zero: u64,
}

impl Bits {
    /// Of the block at `at`. What lies behind the end counts as zero.
    #[inline(always)]
    pub fn of(bytes: &[u8], at: usize) -> Self {
        if let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk::<BLOCK>) {
            return Self::of_block(block);
        }
        let mut block = [0; BLOCK];
        let rest = bytes.get(at..).unwrap_or_default();
        block[..rest.len()].copy_from_slice(rest);
        let bits = Self::of_block(&block);
        block.zeroize();
        bits
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub fn of_block(block: &[u8; BLOCK]) -> Self {
        // SAFETY: SSE2 is part of every x86-64.
        unsafe { Self::of_block_sse2(block) }
    }

    /// Sixteen bytes at a time.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "sse2")]
    #[inline]
    fn of_block_sse2(block: &[u8; BLOCK]) -> Self {
        use std::arch::x86_64::{
            _mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set_epi64x, _mm_setzero_si128,
        };
        let mut bits = Self::default();
        for (i, part) in block.as_chunks::<16>().0.iter().enumerate() {
            let number = u128::from_le_bytes(*part);
            let part = _mm_set_epi64x((number >> 64) as i64, number as i64);
            let zero = _mm_cmpeq_epi8(part, _mm_setzero_si128());
            bits.high |= u64::from(_mm_movemask_epi8(part) as u32) << (16 * i);
            bits.zero |= u64::from(_mm_movemask_epi8(zero) as u32) << (16 * i);
        }
        bits
    }

    #[cfg(not(target_arch = "x86_64"))]
    pub fn of_block(block: &[u8; BLOCK]) -> Self {
        Self::of_block_anywhere(block)
    }

    /// Eight bytes at a time, for processors that we know nothing of.
    #[cfg(any(test, not(target_arch = "x86_64")))]
    pub fn of_block_anywhere(block: &[u8; BLOCK]) -> Self {
        const HIGH: u64 = 0x8080_8080_8080_8080;
        // Brings the highest bit of each byte together in the uppermost byte.
        const GATHER: u64 = 0x0002_0408_1020_4081;
        let mut bits = Self::default();
        for (i, word) in block.as_chunks::<8>().0.iter().enumerate() {
            let word = u64::from_le_bytes(*word);
            let not_zero = ((word & !HIGH) + !HIGH) | word;
            bits.high |= ((word & HIGH).wrapping_mul(GATHER) >> 56) << (8 * i);
            bits.zero |= ((!not_zero & HIGH).wrapping_mul(GATHER) >> 56) << (8 * i);
        }
        bits
    }
}
