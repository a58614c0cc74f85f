//! Reads a layer of text back, outward from a place where a needle seems to be: [`decode`].
//!
//! What stands between the characters of such text (line breaks, indentation, escapes, separators) is in `noise`.

use zeroize::Zeroizing;

use super::noise::{Kind, back, skip};
use crate::needle::layer::Layer;

/// What was read.
pub(super) struct Decoded {
    /// The bytes.
    pub(super) bytes: Zeroizing<Vec<u8>>,
    /// For each byte, where its first character begins and its last one ends in the text.
    pub(super) spans: Vec<(usize, usize)>,
    /// Which byte begins at the anchor.
    pub(super) anchor: usize,
}

/// One character (or number) of a text: its value, and where it begins and ends.
type Unit = (u8, usize, usize);

/// Decodes `text` around an anchor, which is `ahead` bytes after `at`: about `before` bytes to the left of it and `after`
/// to the right, fewer where the text ends. `None` if there is no text at the anchor.
pub(super) fn decode(
    layer: Layer,
    text: &[u8],
    at: usize,
    ahead: usize,
    before: usize,
    after: usize,
) -> Option<Decoded> {
    let reader = Reader::of(layer);
    let mut anchor = at + ahead;
    if layer.plain() && reader != Reader::Utf16 {
        anchor = at;
        for _ in 0..ahead {
            anchor = reader.forward(text, anchor, true)?.2;
        }
    }
    let (units, bytes) = reader.group();
    let left = reader.left(text, anchor, before.div_ceil(bytes) * units);
    let right = reader.right(text, anchor, after.div_ceil(bytes) * units);
    if right.spans.is_empty() {
        return None;
    }
    let mut decoded = Decoded {
        bytes: Zeroizing::new(Vec::with_capacity(left.values.len() + right.values.len())),
        spans: Vec::with_capacity(left.values.len() + right.values.len()),
        anchor: 0,
    };
    // Whole groups only, counted from the anchor: the outermost units were read last.
    let whole = left.values.len() / units * units;
    let values: Zeroizing<Vec<u8>> =
        Zeroizing::new(left.values[..whole].iter().rev().copied().collect());
    let spans: Vec<(usize, usize)> = left.spans[..whole].iter().rev().copied().collect();
    reader.pack(&values, &spans, &mut decoded);
    decoded.anchor = decoded.bytes.len();
    reader.pack(&right.values, &right.spans, &mut decoded);
    Some(decoded)
}

/// Values and places of units that were read in one direction, nearest first.
struct Units {
    values: Zeroizing<Vec<u8>>,
    spans: Vec<(usize, usize)>,
}

/// How units of text are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    Base64,
    Hex,
    Bytes,
    Digits,
    Utf16,
}

impl Reader {
    fn of(layer: Layer) -> Self {
        match layer {
            Layer::Base64 { .. } => Self::Base64,
            Layer::Hex { .. } => Self::Hex,
            Layer::Bytes { .. } => Self::Bytes,
            Layer::Plain => Self::Digits,
            Layer::Utf16 => Self::Utf16,
        }
    }

    /// So many units make so many bytes.
    fn group(self) -> (usize, usize) {
        match self {
            Self::Base64 => (4, 3),
            Self::Hex => (2, 1),
            Self::Bytes | Self::Digits | Self::Utf16 => (1, 1),
        }
    }

    fn right(self, text: &[u8], mut at: usize, most: usize) -> Units {
        let mut units = Units::new(most);
        while units.values.len() < most
            && let Some(unit) = self.forward(text, at, units.amid_byte())
        {
            units.push(unit);
            at = unit.2;
        }
        units
    }

    fn left(self, text: &[u8], mut at: usize, most: usize) -> Units {
        let mut units = Units::new(most);
        while units.values.len() < most
            && let Some(unit) = self.backward(text, at, units.amid_byte())
        {
            units.push(unit);
            at = unit.1;
        }
        units
    }

    /// The unit at or after `at`. Between the digits of one hexadecimal byte, `0x` begins no other: its zero is a digit.
    fn forward(self, text: &[u8], at: usize, amid_byte: bool) -> Option<Unit> {
        match self {
            Self::Base64 => {
                let at = skip(text, at, Kind::Base64);
                match text.get(at..)? {
                    [b'%', b'2', b'B' | b'b', ..] => Some((62, at, at + 3)),
                    [b'%', b'2', b'F' | b'f', ..] => Some((63, at, at + 3)),
                    [c, ..] => Some((sextet(*c)?, at, at + 1)),
                    [] => None,
                }
            }
            Self::Hex => {
                let at = skip(text, at, Kind::hex(amid_byte));
                Some((nibble(*text.get(at)?)?, at, at + 1))
            }
            Self::Digits => {
                let at = skip(text, at, Kind::Digits);
                let digit = *text.get(at)?;
                digit.is_ascii_digit().then_some((digit, at, at + 1))
            }
            Self::Bytes => {
                let at = skip(text, at, Kind::Bytes);
                let sign = usize::from(text.get(at) == Some(&b'-'));
                let digits = text[(at + sign).min(text.len())..]
                    .iter()
                    .take(4)
                    .take_while(|c| c.is_ascii_digit())
                    .count();
                number(text, at, at + sign + digits)
            }
            Self::Utf16 => match text.get(at..at + 2)? {
                [c, 0] => Some((*c, at, at + 2)),
                _ => None,
            },
        }
    }

    /// The unit that ends at or before `end`; see [`Self::forward`].
    fn backward(self, text: &[u8], end: usize, amid_byte: bool) -> Option<Unit> {
        match self {
            Self::Base64 => {
                let end = back(text, end, Kind::Base64);
                match &text[..end] {
                    [.., b'%', b'2', b'B' | b'b'] => Some((62, end - 3, end)),
                    [.., b'%', b'2', b'F' | b'f'] => Some((63, end - 3, end)),
                    [.., c] => Some((sextet(*c)?, end - 1, end)),
                    [] => None,
                }
            }
            Self::Hex => {
                let end = back(text, end, Kind::hex(amid_byte));
                Some((nibble(*text[..end].last()?)?, end - 1, end))
            }
            Self::Digits => {
                let end = back(text, end, Kind::Digits);
                let digit = *text[..end].last()?;
                digit.is_ascii_digit().then_some((digit, end - 1, end))
            }
            Self::Bytes => {
                let end = back(text, end, Kind::Bytes);
                let digits = text[..end]
                    .iter()
                    .rev()
                    .take(4)
                    .take_while(|c| c.is_ascii_digit())
                    .count();
                let start = end - digits;
                let sign = usize::from(text[..start].last() == Some(&b'-'));
                number(text, start - sign, end)
            }
            Self::Utf16 => match text[..end] {
                [.., c, 0] => Some((c, end - 2, end)),
                _ => None,
            },
        }
    }

    /// Makes bytes of units in the order of the text. Units that are left over at the end give what bytes they can.
    fn pack(self, values: &[u8], spans: &[(usize, usize)], decoded: &mut Decoded) {
        let mut push = |byte, from: usize, to: usize| {
            decoded.bytes.push(byte);
            decoded.spans.push((spans[from].0, spans[to].1));
        };
        match self {
            Self::Base64 => {
                for (group, four) in values.chunks(4).enumerate() {
                    for (i, pair) in four.windows(2).enumerate() {
                        let shift = 2 * i + 2;
                        let byte = pair[0] << shift | pair[1] >> (6 - shift);
                        push(byte, group * 4 + i, group * 4 + i + 1);
                    }
                }
            }
            Self::Hex => {
                for (i, pair) in values.chunks_exact(2).enumerate() {
                    push(pair[0] << 4 | pair[1], i * 2, i * 2 + 1);
                }
            }
            Self::Bytes | Self::Digits | Self::Utf16 => {
                for (i, value) in values.iter().enumerate() {
                    push(*value, i, i);
                }
            }
        }
    }
}

impl Units {
    fn new(most: usize) -> Self {
        Self {
            // Never moved, so that no copy is left behind.
            values: Zeroizing::new(Vec::with_capacity(most)),
            spans: Vec::with_capacity(most),
        }
    }

    /// Whether the last hexadecimal digit waits for its other half.
    fn amid_byte(&self) -> bool {
        self.values.len() % 2 == 1
    }

    fn push(&mut self, (value, from, to): Unit) {
        self.values.push(value);
        self.spans.push((from, to));
    }
}

fn sextet(character: u8) -> Option<u8> {
    match character {
        b'A'..=b'Z' => Some(character - b'A'),
        b'a'..=b'z' => Some(character - b'a' + 26),
        b'0'..=b'9' => Some(character - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

fn nibble(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        b'A'..=b'F' => Some(character - b'A' + 10),
        _ => None,
    }
}

/// A decimal number of one byte, signed or not.
fn number(text: &[u8], from: usize, to: usize) -> Option<Unit> {
    let value: i16 = std::str::from_utf8(text.get(from..to)?)
        .ok()?
        .parse()
        .ok()?;
    (-128..256)
        .contains(&value)
        .then(|| (value.rem_euclid(256).to_le_bytes()[0], from, to))
}
