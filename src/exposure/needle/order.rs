//! In which [`Order`] the bytes of a number lie in memory.

use std::ops::Range;

use zeroize::Zeroizing;

/// An order of a number's bytes, or its digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Order {
    /// Most significant byte first; a string of bytes as it is.
    Direct,
    /// The reverse: also limbs of any size, least significant first, on a little-endian machine.
    Reversed,
    /// Limbs of so many bytes, least significant first, each with its most significant byte first.
    LeastFirst(usize),
    /// Limbs of so many bytes, most significant first, each with its least significant byte first: Java's `int[]`.
    MostFirst(usize),
    /// CPython's integers: digits of 30 bits, least significant first, in 32-bit words of a little-endian machine.
    Digits30,
    /// Digits to the base of ten, as text.
    Decimal,
}

impl Order {
    /// Its name, for a number or for a string of bytes.
    pub(crate) fn name(self, number: bool) -> &'static str {
        match self {
            Self::Direct if number => "big-endian",
            Self::Direct => "raw",
            Self::Reversed if number => "little-endian",
            Self::Reversed => "reversed",
            Self::LeastFirst(4) => "32-bit limbs, least first, each big-endian",
            Self::LeastFirst(_) => "64-bit limbs, least first, each big-endian",
            Self::MostFirst(4) => "32-bit limbs, most first, each little-endian",
            Self::MostFirst(_) => "64-bit limbs, most first, each little-endian",
            Self::Digits30 => "30-bit digits",
            Self::Decimal => "decimal",
        }
    }

    /// Lays `secret`, most significant byte first, out in this order. Limbs are filled up with zeros.
    pub(crate) fn lay(self, secret: &[u8]) -> Zeroizing<Vec<u8>> {
        match self {
            Self::Direct => Zeroizing::new(secret.to_vec()),
            Self::Reversed => Zeroizing::new(secret.iter().rev().copied().collect()),
            Self::LeastFirst(size) => {
                let padded = padded(secret, size);
                Zeroizing::new(padded.chunks(size).rev().flatten().copied().collect())
            }
            Self::MostFirst(size) => {
                let mut padded = padded(secret, size);
                padded.chunks_mut(size).for_each(<[u8]>::reverse);
                padded
            }
            Self::Digits30 => digits30(secret),
            Self::Decimal => decimal(secret),
        }
    }

    /// How many whole bytes of a secret of `of` bytes are in `range` of the `total` bytes that [`Order::lay`] gave.
    pub(crate) fn covered(self, range: &Range<usize>, total: usize, of: usize) -> usize {
        let pad = match self {
            Self::LeastFirst(size) => total - size..total - size + (total - of),
            Self::MostFirst(size) => size - (total - of)..size,
            Self::Direct | Self::Reversed => total..total,
            Self::Digits30 | Self::Decimal if range.len() == total => return of,
            Self::Digits30 => return (range.len() * 30 / 32).min(of),
            Self::Decimal => return range.len() * of / total,
        };
        let padding = pad
            .end
            .min(range.end)
            .saturating_sub(pad.start.max(range.start));
        range.len() - padding
    }
}

fn padded(secret: &[u8], size: usize) -> Zeroizing<Vec<u8>> {
    let length = secret.len().next_multiple_of(size);
    let mut padded = Zeroizing::new(vec![0; length]);
    padded[length - secret.len()..].copy_from_slice(secret);
    padded
}

fn digits30(secret: &[u8]) -> Zeroizing<Vec<u8>> {
    let count = (secret.len() * 8).div_ceil(30);
    let mut laid = Zeroizing::new(Vec::with_capacity(count * 4));
    let bit = |at: usize| {
        let byte = at / 8;
        byte < secret.len() && secret[secret.len() - 1 - byte] >> (at % 8) & 1 == 1
    };
    for digit in 0..count {
        let word = (0..30).fold(0u32, |word, i| word | u32::from(bit(digit * 30 + i)) << i);
        laid.extend_from_slice(&word.to_le_bytes());
    }
    laid
}

fn decimal(secret: &[u8]) -> Zeroizing<Vec<u8>> {
    const BASE: u64 = 1_000_000_000;
    let padded = padded(secret, 4);
    let mut words: Zeroizing<Vec<u32>> = Zeroizing::new(
        padded
            .chunks(4)
            .map(|c| c.iter().fold(0, |word, b| word << 8 | u32::from(*b)))
            .collect(),
    );
    // 29 bits are less than nine digits.
    let mut digits = Zeroizing::new(Vec::with_capacity(words.len() * 10 + 9));
    while words.iter().any(|w| *w != 0) {
        let mut rest = 0u64;
        for word in words.iter_mut() {
            let value = rest << 32 | u64::from(*word);
            *word = u32::try_from(value / BASE).expect("the rest is less than the base");
            rest = value % BASE;
        }
        for _ in 0..9 {
            digits.push(b'0' + (rest % 10).to_le_bytes()[0]);
            rest /= 10;
        }
    }
    while digits.last() == Some(&b'0') {
        digits.pop();
    }
    digits.reverse();
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each order of a number that can be followed by eye.
    #[test]
    fn orders() {
        let number = [1u8, 2, 3, 4, 5, 6, 7, 8, 9];
        assert_eq!(*Order::Reversed.lay(&number), [9, 8, 7, 6, 5, 4, 3, 2, 1]);
        assert_eq!(
            *Order::LeastFirst(4).lay(&number),
            [6, 7, 8, 9, 2, 3, 4, 5, 0, 0, 0, 1]
        );
        assert_eq!(
            *Order::MostFirst(4).lay(&number),
            [1, 0, 0, 0, 5, 4, 3, 2, 9, 8, 7, 6]
        );
        assert_eq!(*Order::Decimal.lay(&[0, 1, 0]), *b"256");
        assert_eq!(
            *Order::Decimal.lay(&[0xff; 16]),
            *b"340282366920938463463374607431768211455"
        );
        // 2^30 + 5: digits 5 and 1.
        assert_eq!(
            *Order::Digits30.lay(&[0x40, 0, 0, 5]),
            [5, 0, 0, 0, 1, 0, 0, 0]
        );
    }

    /// Padding does not count as seen.
    #[test]
    fn padding_is_not_secret() {
        assert_eq!(Order::LeastFirst(4).covered(&(0..12), 12, 9), 9);
        assert_eq!(Order::LeastFirst(4).covered(&(0..11), 12, 9), 8);
        assert_eq!(Order::LeastFirst(4).covered(&(0..9), 12, 9), 8);
        assert_eq!(Order::MostFirst(4).covered(&(0..12), 12, 9), 9);
        assert_eq!(Order::MostFirst(4).covered(&(1..12), 12, 9), 8);
        assert_eq!(Order::Decimal.covered(&(0..39), 39, 16), 16);
    }
}
