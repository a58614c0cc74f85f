//! Text as it lies about: [`Text`] takes the escapes of JSON, URLs, XML and UTF-16 off, [`base64`] decodes what is broken anywhere.

use zeroize::Zeroizing;

use super::der::sequence_length;

/// The longest body that is decoded, in bytes: four times an RSA key of 16,384 bits. In base64 it is within a detector's reach.
pub(crate) const LONGEST_BODY: usize = 40 * 1024;

/// The longest indentation, in characters.
const LONGEST_GAP: usize = 256;

/// A cursor in text.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a> {
    bytes: &'a [u8],
    position: usize,
    /// Whether each character has a second byte, zero (UTF-16, least significant byte first).
    wide: bool,
}

impl<'a> Text<'a> {
    pub(crate) fn new(bytes: &'a [u8], position: usize, wide: bool) -> Self {
        Self {
            bytes,
            position,
            wide,
        }
    }

    /// Where the next character begins, in bytes.
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    /// How many bytes are left.
    pub(crate) fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.position)
    }

    /// The next character, its escapes taken off however often they were put on; zero for one that is not of ASCII.
    pub(crate) fn next(&mut self) -> Option<u8> {
        let character = self.raw(0)?;
        let (meaning, characters) = match character {
            b'\\' => self.backslash(),
            b'%' => self.hex(1, 2).map(|byte| (byte, 3)),
            b'&' => self.entity(),
            _ => None,
        }
        .unwrap_or((character, 1));
        self.position += characters * self.size();
        Some(meaning)
    }

    /// The next character, which stays.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.clone().next()
    }

    /// Goes over the characters for which this holds, as many as an indentation may have.
    pub(crate) fn skip(&mut self, holds: impl Fn(u8) -> bool) {
        for _ in 0..LONGEST_GAP {
            if !self.peek().is_some_and(&holds) {
                break;
            }
            self.next();
        }
    }

    /// Goes over these characters, if they are what follows.
    pub(crate) fn accept(&mut self, characters: &[u8]) -> bool {
        let mut ahead = *self;
        let follows = characters.iter().all(|c| ahead.next() == Some(*c));
        if follows {
            *self = ahead;
        }
        follows
    }

    /// `\n`, `\\n`, `\/`, `\"`, `\u002b`, and a line that is broken after a backslash.
    fn backslash(&self) -> Option<(u8, usize)> {
        let run = (1..8).take_while(|&i| self.raw(i) == Some(b'\\')).count() + 1;
        let meaning = match self.raw(run)? {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            same @ (b'/' | b'"' | b'\'' | b'\n' | b'\r') => same,
            b'u' if self.hex(run + 1, 2) == Some(0) => {
                return Some((self.hex(run + 3, 2)?, run + 5));
            }
            _ => return None,
        };
        Some((meaning, run + 1))
    }

    /// `&#10;` and `&#xA;`.
    fn entity(&self) -> Option<(u8, usize)> {
        if self.raw(1) != Some(b'#') {
            return None;
        }
        let hex = matches!(self.raw(2), Some(b'x' | b'X'));
        let (first, radix) = if hex { (3, 16) } else { (2, 10) };
        let mut number = 0;
        for i in first..first + 4 {
            match self.raw(i)? {
                b';' if i > first => return Some((u8::try_from(number).ok()?, i + 1)),
                digit => number = number * radix + char::from(digit).to_digit(radix)?,
            }
        }
        None
    }

    /// The number that so many hexadecimal digits make, the first of them so many characters ahead.
    fn hex(&self, ahead: usize, digits: usize) -> Option<u8> {
        (ahead..ahead + digits).try_fold(0, |number, i| {
            // A digit has four bits.
            let digit = char::from(self.raw(i)?).to_digit(16)? as u8;
            Some(number << 4 | digit)
        })
    }

    /// The character so many characters ahead, as it is written.
    fn raw(&self, ahead: usize) -> Option<u8> {
        let at = self.position + ahead * self.size();
        let character = *self.bytes.get(at)?;
        match self.wide {
            false => Some(character),
            true => (self.bytes.get(at + 1) == Some(&0)).then_some(character),
        }
    }

    fn size(&self) -> usize {
        1 + usize::from(self.wide)
    }
}

/// Which base64 is read.
#[derive(Clone, Copy)]
pub(crate) struct Form {
    /// Whether `-` and `_` are digits, as well as `+` and `/`.
    pub(crate) url_safe: bool,
    /// Whether it ends with the SEQUENCE with which it begins, and is nothing if that is not whole.
    pub(crate) sequence: bool,
    /// How many bytes are decoded at most.
    pub(crate) most: usize,
}

impl Form {
    /// A DER structure.
    pub(crate) const DER: Self = Self {
        url_safe: true,
        sequence: true,
        most: LONGEST_BODY,
    };
    /// Whatever there is.
    pub(crate) const ALL: Self = Self {
        url_safe: true,
        sequence: false,
        most: LONGEST_BODY,
    };
    /// A structure between PEM's lines, whose dashes are no digits.
    pub(crate) const PEM: Self = Self {
        url_safe: false,
        sequence: true,
        most: LONGEST_BODY,
    };
    /// Whatever there is between PEM's lines.
    pub(crate) const PEM_ALL: Self = Self {
        url_safe: false,
        sequence: false,
        most: LONGEST_BODY,
    };
}

/// Decodes base64, over white space, quotes and marks at the lines' beginnings. The text then stands behind it and its padding.
pub(crate) fn base64(text: &mut Text<'_>, form: Form) -> Option<Zeroizing<Vec<u8>>> {
    // Never grows: a vector that moves leaves its bytes behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(form.most.min(text.left())));
    let mut whole = form.most;
    let (mut bits, mut held) = (0_u32, 0);
    while bytes.len() < whole
        && let Some(digit) = next_digit(text, form.url_safe)
    {
        bits = bits << 6 | u32::from(digit);
        held += 6;
        if held >= 8 {
            held -= 8;
            // The low byte of what is left of the held bits.
            bytes.push((bits >> held) as u8);
            if form.sequence && bytes.len() == 4 {
                whole = sequence_length(&bytes).filter(|&length| length <= form.most)?;
            }
        }
    }
    skip_padding(text);
    (!form.sequence || bytes.len() == whole).then_some(bytes)
}

/// Goes over so many digits of base64 of either alphabet, and the padding behind them.
pub(crate) fn skip_digits(text: &mut Text<'_>, digits: usize) {
    for _ in 0..digits {
        next_digit(text, true);
    }
    skip_padding(text);
}

fn skip_padding(text: &mut Text<'_>) {
    for _ in 0..2 {
        let mut ahead = *text;
        ahead.skip(between);
        if ahead.accept(b"=") {
            *text = ahead;
        }
    }
}

/// The next digit, over what may stand between; stays where it is if none follows.
fn next_digit(text: &mut Text<'_>, url_safe: bool) -> Option<u8> {
    let mut ahead = *text;
    for _ in 0..LONGEST_GAP {
        let character = ahead.next()?;
        if let Some(digit) = digit(character, url_safe) {
            *text = ahead;
            return Some(digit);
        }
        if !between(character) {
            return None;
        }
    }
    None
}

/// The value of a base64 digit.
fn digit(character: u8, url_safe: bool) -> Option<u8> {
    Some(match character {
        b'A'..=b'Z' => character - b'A',
        b'a'..=b'z' => character - b'a' + 26,
        b'0'..=b'9' => character - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        b'-' if url_safe => 62,
        b'_' if url_safe => 63,
        _ => return None,
    })
}

/// What may stand between the digits: line breaks, indentation, quotes of string literals, marks of comments and citations.
fn between(character: u8) -> bool {
    matches!(
        character,
        b' ' | b'\t' | b'\n' | b'\r' | b'"' | b'\'' | b'>' | b'#' | b'*' | b'|'
    )
}
