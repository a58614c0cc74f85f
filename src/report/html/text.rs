//! What a product says, made harmless and visible: [`write_visible`], which every value of a template goes through.
//!
//! Characters that draw nothing, or change the order of what stands around them, are written out: a reader must see what was said, not
//! what it wants to look like.

use std::fmt::{self, Write};

/// More marks over one character hide it, and what stands in the lines around it.
const MOST_MARKS: usize = 3;

/// Writes text for an element or for an attribute in quotes.
///
/// # Errors
/// Those of the writer.
pub fn write_visible(out: &mut impl Write, text: &str) -> fmt::Result {
    let mut from = 0;
    let mut marks = 0;
    let mut at = 0;
    // Nearly everything is ASCII that shows itself: it is passed over without a look at what else a character could be.
    while let Some(&byte) = text.as_bytes().get(at) {
        if PLAIN[usize::from(byte)] {
            marks = 0;
            at += 1;
            continue;
        }
        let Some(c) = text[at..].chars().next() else {
            break;
        };
        marks = if combines(c) { marks + 1 } else { 0 };
        if replaced(c) || marks > MOST_MARKS {
            out.write_str(&text[from..at])?;
            write_char(out, c)?;
            from = at + c.len_utf8();
        }
        at += c.len_utf8();
    }
    out.write_str(&text[from..])
}

/// The bytes that are characters of their own, drawn as they are.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = b' ';
    while byte <= b'~' {
        plain[byte as usize] = !matches!(byte, b'<' | b'>' | b'&' | b'"' | b'\'');
        byte += 1;
    }
    plain[b'\n' as usize] = true;
    plain[b'\t' as usize] = true;
    plain
};

/// Whether it is drawn over the character before it.
fn combines(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5bd}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}'
        | '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

fn replaced(c: char) -> bool {
    matches!(c, '<' | '>' | '&' | '"' | '\'') || (c != '\n' && c != '\t' && hidden(c))
}

fn write_char(out: &mut impl Write, c: char) -> fmt::Result {
    match c {
        '<' => out.write_str("&lt;"),
        '>' => out.write_str("&gt;"),
        '&' => out.write_str("&amp;"),
        '"' => out.write_str("&#34;"),
        '\'' => out.write_str("&#39;"),
        // Unicode has a picture of each control character of ASCII.
        '\0'..='\u{1f}' => {
            out.write_char(char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'))
        }
        '\u{7f}' => out.write_char('\u{2421}'),
        _ => write!(out, "\u{27e8}U+{:04X}\u{27e9}", u32::from(c)),
    }
}

/// Whether it draws nothing by itself, or changes the direction of its neighbours.
fn hidden(c: char) -> bool {
    let not_a_character = u32::from(c) & 0xfffe == 0xfffe;
    not_a_character
        || matches!(c,
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}'
            | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{fdd0}'..='\u{fdef}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Text with passages in backticks, as HTML.
pub fn ticked(text: &str) -> String {
    let mut out = String::new();
    for (place, passage) in text.split('`').enumerate() {
        let code = place % 2 == 1;
        out.push_str(if code { "<code>" } else { "" });
        // A string takes everything.
        let _ = write_visible(&mut out, passage);
        out.push_str(if code { "</code>" } else { "" });
    }
    out
}

/// The beginning of a text, at most so many bytes, and how many are left out.
pub fn beginning(text: &str, most: usize) -> (&str, usize) {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    (&text[..end], text.len() - end)
}

/// The beginning of a text, with an ellipsis where something is left out.
pub fn short(text: &str, most: usize) -> String {
    match beginning(text, most) {
        (whole, 0) => whole.to_owned(),
        (start, _) => format!("{start}\u{2026}"),
    }
}

/// A path inside the run's folder as a link, whatever its name is; none if it leads out of the folder.
pub fn link(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').collect();
    let strange = |part: &&str| part.is_empty() || *part == "." || *part == "..";
    if parts.iter().any(strange) || path.contains(['\\', '\0']) {
        return None;
    }
    let mut link = String::from(".");
    for part in parts {
        link.push('/');
        for byte in part.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                link.push(char::from(byte));
            } else {
                let _ = write!(link, "%{byte:02X}");
            }
        }
    }
    Some(link)
}

/// A word for a shell: quoted unless it is plain.
pub fn shell(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._/:=@%+,".contains(&b);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visible(text: &str) -> String {
        let mut out = String::new();
        write_visible(&mut out, text).expect("a string takes it");
        out
    }

    #[test]
    fn what_would_hide_is_written_out_and_what_would_be_markup_is_text() {
        for (text, expected) in [
            ("plain \u{e4}\u{4e2d} \n\t", "plain \u{e4}\u{4e2d} \n\t"),
            ("<b a='\"'>&", "&lt;b a=&#39;&#34;&#39;&gt;&amp;"),
            ("\u{1b}[2J\0\r\u{7f}", "\u{241b}[2J\u{2400}\u{240d}\u{2421}"),
            ("a\u{202e}b", "a\u{27e8}U+202E\u{27e9}b"),
            ("e\u{301}\u{301}\u{301}", "e\u{301}\u{301}\u{301}"),
            (
                "e\u{301}\u{301}\u{301}\u{302}x\u{fe0f}\u{2800}",
                "e\u{301}\u{301}\u{301}\u{27e8}U+0302\u{27e9}x\u{27e8}U+FE0F\u{27e9}\u{27e8}U+2800\u{27e9}",
            ),
            (
                "\u{feff}\u{200b}",
                "\u{27e8}U+FEFF\u{27e9}\u{27e8}U+200B\u{27e9}",
            ),
            (
                "\u{e0041}\u{1ffff}",
                "\u{27e8}U+E0041\u{27e9}\u{27e8}U+1FFFF\u{27e9}",
            ),
        ] {
            assert_eq!(visible(text), expected);
        }
    }

    #[test]
    fn what_is_passed_over_is_what_would_be_written_as_it_is() {
        for byte in 0..=u8::MAX {
            let c = char::from(byte);
            let as_it_is = byte.is_ascii() && !replaced(c) && !combines(c);
            assert_eq!(PLAIN[usize::from(byte)], as_it_is, "{c:?}");
        }
    }

    #[test]
    fn passages_in_backticks_are_code_and_nothing_else_is_markup() {
        assert_eq!(
            ticked("a `<b>` & `c"),
            "a <code>&lt;b&gt;</code> &amp; <code>c</code>"
        );
    }

    #[test]
    fn a_link_stays_in_the_folder() {
        assert_eq!(
            link("evidence/a b/x.json").as_deref(),
            Some("./evidence/a%20b/x.json")
        );
        assert_eq!(
            link("javascript:alert(1)").as_deref(),
            Some("./javascript%3Aalert%281%29")
        );
        for out in [
            "../x",
            "/etc/passwd",
            "a//b",
            "a/./b",
            "a\\..\\b",
            "",
            "a/..",
        ] {
            assert_eq!(link(out), None, "{out}");
        }
    }

    #[test]
    fn a_word_for_the_shell_is_one_word() {
        assert_eq!(shell("a/b.toml"), "a/b.toml");
        assert_eq!(shell("it's; rm"), "'it'\\''s; rm'");
        assert_eq!(shell(""), "''");
    }

    #[test]
    fn a_beginning_ends_between_characters() {
        assert_eq!(beginning("a\u{e4}b", 2), ("a", 3));
        assert_eq!(short("abc", 3), "abc");
    }
}
