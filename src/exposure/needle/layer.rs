//! A [`Layer`] of text around bytes, and how needles are written in it. How it is read back from what lies around a hit
//! is in `matcher::decode`.

use zeroize::Zeroizing;

/// One encoding of bytes as text, or of text as wider text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Layer {
    /// Base64, where so many unknown bytes (0 to 2) stand before ours in the first group of four characters.
    Base64 { align: u8, alphabet: Alphabet },
    /// Two digits a byte, with something between every so many bytes.
    Hex {
        upper: bool,
        between: &'static str,
        every: usize,
    },
    /// Decimal digits for each byte, with something between.
    Bytes { signed: bool, between: &'static str },
    /// Text that is what it says: digits of a number.
    Plain,
    /// Two bytes a character, the second zero.
    Utf16,
}

/// Which characters stand for 62 and 63.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Alphabet {
    /// `+` and `/`.
    Standard,
    /// `+` and `\/`, as PHP writes JSON.
    Escaped,
    /// `-` and `_`.
    Url,
}

/// What a layer makes of some bytes, as far as it depends on nothing but them.
pub(crate) struct Text {
    /// The text.
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    /// Places in `bytes` at which the encoding of a byte begins on a boundary, and that byte's index; ascending.
    pub(crate) anchors: Vec<(usize, usize)>,
}

impl Text {
    /// The first anchor at or after `at`.
    pub(crate) fn anchor(&self, at: usize) -> Option<(usize, usize)> {
        let first = self.anchors.partition_point(|(place, _)| *place < at);
        self.anchors.get(first).copied()
    }
}

impl Layer {
    /// How people call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Base64 {
                alphabet: Alphabet::Url,
                ..
            } => "base64, URL-safe",
            Self::Base64 { .. } => "base64",
            Self::Hex {
                upper,
                between,
                every,
            } => hex_name(upper, between, every),
            Self::Bytes { signed: false, .. } => "bytes in decimal",
            Self::Bytes { signed: true, .. } => "bytes in decimal, signed",
            Self::Plain => "text",
            Self::Utf16 => "UTF-16LE",
        }
    }

    /// Whether each character of it is a unit of its own, so that characters can be counted over a line break.
    pub(crate) fn plain(self) -> bool {
        match self {
            Self::Base64 { alphabet, .. } => alphabet != Alphabet::Escaped,
            Self::Hex { between, .. } => between.is_empty(),
            Self::Bytes { .. } => false,
            Self::Plain | Self::Utf16 => true,
        }
    }

    /// Writes `inner` in this layer.
    pub(crate) fn encode(self, inner: &[u8]) -> Text {
        let mut bytes = Zeroizing::new(Vec::with_capacity(inner.len() * 8 + 8));
        let mut anchors = Vec::with_capacity(inner.len());
        match self {
            Self::Base64 { align, alphabet } => {
                base64(
                    inner,
                    usize::from(align),
                    alphabet,
                    &mut bytes,
                    &mut anchors,
                );
            }
            Self::Hex {
                upper,
                between,
                every,
            } => {
                let digits: &[u8; 16] = if upper {
                    b"0123456789ABCDEF"
                } else {
                    b"0123456789abcdef"
                };
                for (i, byte) in inner.iter().enumerate() {
                    if i > 0 && i % every == 0 {
                        bytes.extend_from_slice(between.as_bytes());
                    }
                    anchors.push((bytes.len(), i));
                    bytes.push(digits[usize::from(byte >> 4)]);
                    bytes.push(digits[usize::from(byte & 15)]);
                }
            }
            Self::Bytes { signed, between } => {
                for (i, byte) in inner.iter().enumerate() {
                    if i > 0 {
                        bytes.extend_from_slice(between.as_bytes());
                    }
                    anchors.push((bytes.len(), i));
                    decimal(*byte, signed, &mut bytes);
                }
            }
            Self::Plain => {
                anchors.extend((0..inner.len()).map(|i| (i, i)));
                bytes.extend_from_slice(inner);
            }
            Self::Utf16 => {
                for (i, byte) in inner.iter().enumerate() {
                    anchors.push((bytes.len(), i));
                    bytes.extend_from_slice(&[*byte, 0]);
                }
            }
        }
        Text { bytes, anchors }
    }
}

fn hex_name(upper: bool, between: &'static str, every: usize) -> &'static str {
    match (upper, between, every) {
        (false, "", _) => "hex",
        (true, "", _) => "hex, capital",
        (false, ":", _) => "hex, ':' between",
        (true, ":", _) => "hex, capital, ':' between",
        (false, " ", 1) => "hex, ' ' between",
        (true, " ", 1) => "hex, capital, ' ' between",
        (false, " ", _) => "hex, ' ' between pairs of bytes",
        (true, " ", _) => "hex, capital, ' ' between pairs of bytes",
        (false, "-", _) => "hex, '-' between",
        (true, "-", _) => "hex, capital, '-' between",
        (false, ",", _) => "hex, ',' between",
        (true, ",", _) => "hex, capital, ',' between",
        (false, "\\x", _) => "hex, '\\x' between",
        (true, "\\x", _) => "hex, capital, '\\x' between",
        (false, ..) => "hex, '0x' between",
        (true, ..) => "hex, capital, '0x' between",
    }
}

/// Writes the characters that depend on nothing but `inner`, which follows `align` unknown bytes.
fn base64(
    inner: &[u8],
    align: usize,
    alphabet: Alphabet,
    bytes: &mut Vec<u8>,
    anchors: &mut Vec<(usize, usize)>,
) {
    let byte = |virtual_index: usize| inner[virtual_index - align];
    let first = (align * 8).div_ceil(6);
    let last = (align + inner.len()) * 8 / 6;
    for at in first..last {
        if at % 4 == 0 {
            anchors.push((bytes.len(), at / 4 * 3 - align));
        }
        let bit = at * 6;
        let high = u16::from(byte(bit / 8)) << 8;
        // The second byte is needed only where the character reaches into it.
        let low = if bit % 8 > 2 {
            u16::from(byte(bit / 8 + 1))
        } else {
            0
        };
        let value = ((high | low) >> (10 - bit % 8) & 63).to_le_bytes()[0];
        bytes.extend_from_slice(match (value, alphabet) {
            (62, Alphabet::Url) => b"-",
            (62, _) => b"+",
            (63, Alphabet::Url) => b"_",
            (63, Alphabet::Escaped) => b"\\/",
            (63, Alphabet::Standard) => b"/",
            _ => {
                let character = &CHARACTERS[usize::from(value)..];
                &character[..1]
            }
        });
    }
}

const CHARACTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

fn decimal(byte: u8, signed: bool, bytes: &mut Vec<u8>) {
    let negative = signed && byte > 127;
    if negative {
        bytes.push(b'-');
    }
    let value = if negative { byte.wrapping_neg() } else { byte };
    if value >= 100 {
        bytes.push(b'0' + value / 100);
    }
    if value >= 10 {
        bytes.push(b'0' + value / 10 % 10);
    }
    bytes.push(b'0' + value % 10);
}
