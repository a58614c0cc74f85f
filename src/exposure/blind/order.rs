//! In which order the bytes of a number lie: [`Order`].

/// An order of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// The most significant byte first, as in all formats of keys.
    Big,
    /// The least significant byte first; on a little-endian machine also numbers in limbs, the least significant limb first,
    /// of any size: OpenSSL, GMP, Go, most that calculates.
    Little,
    /// Limbs of 32 bits, the most significant limb first, each with its least significant byte first: Java's `BigInteger` on
    /// a little-endian machine. Looked for at positions that are multiples of four, where Java aligns it.
    Words,
}

impl Order {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Big, Self::Little, Self::Words];

    /// As a sighting names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Big => "big-endian",
            Self::Little => "little-endian",
            Self::Words => "32-bit limbs, most significant first",
        }
    }

    /// Whether a number of `size` bytes could lie at this position of the stream in this order.
    #[inline]
    pub(super) fn fits(self, position: u64, size: usize) -> bool {
        self != Self::Words || (position.is_multiple_of(4) && size.is_multiple_of(4))
    }

    /// The number that the bytes are, as limbs, the least significant first; none if they are too many.
    #[inline]
    pub(super) fn read<const N: usize>(self, bytes: &[u8]) -> Option<[u64; N]> {
        if bytes.len() > 8 * N {
            return None;
        }
        let mut number = [0; N];
        self.read_into(bytes, &mut number);
        Some(number)
    }

    /// The same into limbs that are enough.
    #[inline]
    pub(super) fn read_into(self, bytes: &[u8], number: &mut [u64]) {
        number.fill(0);
        match self {
            Self::Big => {
                for (limb, chunk) in number.iter_mut().zip(bytes.rchunks(8)) {
                    *limb = match chunk.first_chunk() {
                        Some(whole) => u64::from_be_bytes(*whole),
                        None => chunk
                            .iter()
                            .fold(0, |limb, byte| limb << 8 | u64::from(*byte)),
                    };
                }
            }
            Self::Little => {
                for (limb, chunk) in number.iter_mut().zip(bytes.chunks(8)) {
                    *limb = match chunk.first_chunk() {
                        Some(whole) => u64::from_le_bytes(*whole),
                        None => chunk
                            .iter()
                            .rev()
                            .fold(0, |limb, byte| limb << 8 | u64::from(*byte)),
                    };
                }
            }
            Self::Words => {
                for (i, word) in bytes.as_chunks::<4>().0.iter().rev().enumerate() {
                    number[i / 2] |= u64::from(u32::from_le_bytes(*word)) << (32 * (i % 2));
                }
            }
        }
    }
}
