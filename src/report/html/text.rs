//! What a product says, made harmless and visible: [`write_visible`], which every value of a template goes through.
//!
//! Characters that draw nothing, or change the order of what stands around them, are written out: a reader must see what was said, not
//! what it wants to look like.

use std::fmt::{self, Write};

/// Writes text for an element or for an attribute in quotes.
///
/// # Errors
/// Those of the writer.
pub fn write_visible(out: &mut impl Write, text: &str) -> fmt::Result {
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| replaced(c)) {
        let (before, from) = rest.split_at(at);
        out.write_str(before)?;
        let mut chars = from.chars();
        if let Some(c) = chars.next() {
            write_char(out, c)?;
        }
        rest = chars.as_str();
    }
    out.write_str(rest)
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
            | '\u{3164}' | '\u{fdd0}'..='\u{fdef}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
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
