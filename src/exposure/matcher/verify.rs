//! The last test: [`trace`] reads a needle back from where it seems to be, and compares it outward as far as it goes.

use std::ops::Range;

use super::decode::{Decoded, decode};
use crate::needle::form::Form;
use crate::needle::layer::Text;
use crate::needle::order::Order;
use zeroize::Zeroizing;

/// A piece of this many bytes is no accident.
const PIECE: usize = 15;

/// So many bytes of it must say something: runs and sequences lie about everywhere.
const INFORMATIVE: usize = 10;

/// As many digits as 15 bytes have, and a few.
const DECIMAL_PIECE: usize = 37;

/// A needle in one form, ready to be compared.
pub(super) struct Spelled<'a> {
    form: &'a Form,
    laid: Zeroizing<Vec<u8>>,
    /// Of each layer, innermost first.
    texts: Vec<Text>,
}

/// A piece of a needle that was found.
pub(super) struct Traced {
    /// What was read of each layer, outermost first.
    pub(super) levels: Vec<Decoded>,
    /// Where the piece is: in the innermost bytes first, then in the text of each layer from the inside out.
    pub(super) ranges: Vec<Range<usize>>,
    /// Which bytes of the needle as it is laid out.
    pub(super) piece: Range<usize>,
}

impl<'a> Spelled<'a> {
    /// Spells `secret` in `form`.
    pub(super) fn new(form: &'a Form, secret: &[u8]) -> Self {
        let laid = form.order.lay(secret);
        let texts = form.encode(&laid);
        Self { form, laid, texts }
    }

    /// The outermost text.
    pub(super) fn text(&self) -> &[u8] {
        self.texts.last().map_or(&self.laid, |text| &text.bytes)
    }

    /// How many bytes of a secret of `of` bytes are in `piece`.
    pub(super) fn covered(&self, piece: &Range<usize>, of: usize) -> usize {
        self.form.order.covered(piece, self.laid.len(), of)
    }

    /// Reads the needle back around `at`, where byte `index` of its text seems to be. With a `margin`, as many bytes more
    /// are read on either side, for whoever wants to know what surrounds it.
    pub(super) fn trace(
        &self,
        bytes: &[u8],
        at: usize,
        index: usize,
        margin: usize,
    ) -> Option<Traced> {
        let (mut at, mut index) = (at, index);
        let mut levels: Vec<Decoded> = Vec::with_capacity(self.texts.len());
        for (depth, text) in self.texts.iter().enumerate().rev() {
            let (place, inner) = text.anchor(index)?;
            let length = match depth.checked_sub(1) {
                None => self.laid.len(),
                Some(below) => self.texts[below].bytes.len(),
            };
            // Line breaks within the inner text.
            let slack = if depth == 0 { 0 } else { length / 4 + 128 };
            let extra = slack + margin * (depth + 1);
            let decoded = decode(
                self.form.layers[depth],
                levels.last().map_or(bytes, |level| &level.bytes),
                at,
                place - index,
                inner + extra,
                length - inner + extra,
            )?;
            (at, index) = (decoded.anchor, inner);
            levels.push(decoded);
        }
        let innermost = levels.last().map_or(bytes, |level| &level.bytes);
        let piece = compare(&self.laid, index, innermost, at)?;
        if !self.informative(&piece) {
            return None;
        }
        let mut range = at - (index - piece.start)..at + (piece.end - index);
        let mut ranges = vec![range.clone()];
        for level in levels.iter().rev() {
            range = level.spans[range.start].0..level.spans[range.end - 1].1;
            ranges.push(range.clone());
        }
        Some(Traced {
            levels,
            ranges,
            piece,
        })
    }

    fn informative(&self, piece: &Range<usize>) -> bool {
        let bytes = &self.laid[piece.clone()];
        if self.form.order == Order::Decimal {
            return bytes.len() >= DECIMAL_PIECE && steps(bytes) >= DECIMAL_PIECE / 2;
        }
        bytes.len() >= PIECE && tells(bytes)
    }
}

/// Whether bytes are no accident: neither runs nor sequences.
pub(super) fn tells(bytes: &[u8]) -> bool {
    distinct(bytes) >= INFORMATIVE && steps(bytes) >= INFORMATIVE
}

/// Which bytes of `needle` are equal to those of `bytes`, in one piece around `index` there and `at` here.
fn compare(needle: &[u8], index: usize, bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let right = needle
        .get(index..)?
        .iter()
        .zip(bytes.get(at..)?)
        .take_while(|(a, b)| a == b)
        .count();
    let left = needle[..index]
        .iter()
        .rev()
        .zip(bytes[..at].iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    (right > 0).then_some(index - left..index + right)
}

/// Number of different bytes.
fn distinct(bytes: &[u8]) -> usize {
    let mut seen = [false; 256];
    let mut count = 0;
    for byte in bytes {
        count += usize::from(!std::mem::replace(&mut seen[usize::from(*byte)], true));
    }
    count
}

/// Whether there are so many different bytes, at most eight. As quick as may be: it is asked of every stretch of every key.
pub(super) fn has_distinct(bytes: &[u8], wanted: usize) -> bool {
    let (mut seen, mut count) = ([0; 8], 0);
    for byte in bytes {
        if count >= wanted {
            break;
        }
        if !seen[..count].contains(byte) {
            seen[count] = *byte;
            count += 1;
        }
    }
    count >= wanted
}

/// Number of bytes that neither repeat the byte before them nor go on with the step before it.
fn steps(bytes: &[u8]) -> usize {
    let mut last = 0;
    let mut count = 1;
    for pair in bytes.windows(2) {
        let step = pair[1].wrapping_sub(pair[0]);
        count += usize::from(step != 0 && step != last);
        last = step;
    }
    count
}
