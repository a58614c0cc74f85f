//! What may stand between the characters of encoded text and is no part of it: [`skip`] goes over it forward, [`back`]
//! backward.
//!
//! Line breaks and indentation, also as the escapes of JSON, C and URLs; the seams of strings put together in source code;
//! marks of quotation at the beginning of a line; separators between hexadecimal or decimal bytes.

/// Which text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Base64,
    Hex,
    /// Between the two digits of a byte in hex.
    HexAmid,
    Bytes,
    Digits,
}

impl Kind {
    pub(super) fn hex(amid_byte: bool) -> Self {
        if amid_byte { Self::HexAmid } else { Self::Hex }
    }

    fn is_hex(self) -> bool {
        matches!(self, Self::Hex | Self::HexAmid)
    }
}

/// As much as this is gone over: an indentation, not a page.
const MOST: usize = 96;

/// Where the next character is, at or after `at`.
pub(super) fn skip(text: &[u8], mut at: usize, kind: Kind) -> usize {
    let last = text.len().min(at.saturating_add(MOST));
    let mut new_line = false;
    while at < last {
        let rest = &text[at..last];
        let step = match rest {
            [b' ' | b'\t', ..] => 1,
            [b'\r' | b'\n', ..] => {
                new_line = true;
                1
            }
            [b'\\', ..] => escape(rest, kind),
            [b'"' | b'\'', ..] => seam(rest.iter()),
            [b'%', b'0', b'a' | b'A' | b'd' | b'D', ..] if kind == Kind::Base64 => 3,
            [b'&', b'#', b'1', b'0' | b'3', b';', ..] if kind == Kind::Base64 => 5,
            [b'&', b'#', b'x', b'a' | b'A' | b'd' | b'D', b';', ..] if kind == Kind::Base64 => 5,
            [b'>' | b'#' | b'*' | b'|', ..] if new_line => 1,
            [b':' | b',' | b'-' | b';' | b'%' | b'|', ..] if kind.is_hex() => 1,
            [b'0', b'x' | b'X', ..] if kind == Kind::Hex => 2,
            [b',' | b';', ..] if kind == Kind::Bytes => 1,
            _ => 0,
        };
        if step == 0 {
            break;
        }
        at += step;
    }
    at
}

/// Where the last character before `end` ends.
pub(super) fn back(text: &[u8], mut end: usize, kind: Kind) -> usize {
    let first = end.saturating_sub(MOST);
    while end > first {
        let rest = &text[first..end];
        let step = match rest {
            [.., b'\\', b'n' | b'r' | b't'] => 2,
            [.., b'\\', b'x'] if kind.is_hex() => 2,
            [.., b'0', b'x' | b'X'] if kind == Kind::Hex => 2,
            [.., b' ' | b'\t' | b'\r' | b'\n' | b'\\'] => 1,
            [.., b'"' | b'\''] => seam(rest.iter().rev()),
            [.., b'%', b'0', b'a' | b'A' | b'd' | b'D'] if kind == Kind::Base64 => 3,
            [.., b'&', b'#', b'1', b'0' | b'3', b';'] if kind == Kind::Base64 => 5,
            [.., b'&', b'#', b'x', b'a' | b'A' | b'd' | b'D', b';'] if kind == Kind::Base64 => 5,
            [before @ .., b'>' | b'#' | b'*' | b'|'] if begins_line(before) => 1,
            [.., b':' | b',' | b'-' | b';' | b'%' | b'|'] if kind.is_hex() => 1,
            [.., b',' | b';'] if kind == Kind::Bytes => 1,
            _ => 0,
        };
        if step == 0 {
            break;
        }
        end -= step;
    }
    end
}

/// Length of an escape at the beginning of `rest`: any number of backslashes (it may itself have been escaped) and a
/// letter. The slash of `\/` is a character and stays.
fn escape(rest: &[u8], kind: Kind) -> usize {
    let slashes = rest.iter().take_while(|c| **c == b'\\').count();
    match &rest[slashes..] {
        [b'n' | b'r' | b't', ..] => slashes + 1,
        [b'x', ..] if kind.is_hex() => slashes + 1,
        [b'/', ..] if kind == Kind::Base64 => slashes,
        [b'\r' | b'\n', ..] => slashes,
        _ => 0,
    }
}

/// Length of what lies between two pieces of a string in source code: a quotation mark, space and perhaps an operator, a
/// quotation mark.
fn seam<'a>(rest: impl Iterator<Item = &'a u8>) -> usize {
    for (i, c) in rest.enumerate().skip(1) {
        match c {
            b'"' | b'\'' => return i + 1,
            b' ' | b'\t' | b'\r' | b'\n' | b'+' | b',' | b'.' | b'\\' => {}
            _ => return 0,
        }
    }
    0
}

/// Whether nothing but space lies between the end of `before` and the line break before it.
fn begins_line(before: &[u8]) -> bool {
    let end = before
        .iter()
        .rev()
        .find(|c| !matches!(c, b' ' | b'\t' | b'>' | b'#' | b'*' | b'|'));
    matches!(end, Some(b'\r' | b'\n'))
}
