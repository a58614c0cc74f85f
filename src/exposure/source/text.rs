//! Names as the answer writes them.

/// Longest name that is told whole, in bytes. Names inside archives may have 64 KiB, and an archive a million of them.
const LONGEST: usize = 1024;

/// A name of the system's or of an archive's, fit for one line: bytes that are no UTF-8, control characters and the
/// backslash itself are escaped (`\xff`, `\n`, `\\`), and what is too long is cut, with `…` at its end.
///
/// Other people chose the name: unescaped, it could draw on the user's terminal.
pub fn escaped(name: &[u8]) -> String {
    let (name, cut) = match name.get(..LONGEST) {
        Some(start) if name.len() > LONGEST => (start, "…"),
        _ => (name, ""),
    };
    let mut line = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\\' => line.push_str("\\\\"),
                _ if character.is_control() || turns_direction(character) => {
                    line.extend(character.escape_default());
                }
                _ => line.push(character),
            }
        }
        for byte in chunk.invalid() {
            line.push_str(&format!("\\x{byte:02x}"));
        }
    }
    line.push_str(cut);
    line
}

/// The same for a member of an archive, of which there may be many within one another: shorter.
pub fn escaped_member(name: &[u8]) -> String {
    const LONGEST_MEMBER: usize = 400;
    let mut line = escaped(name);
    if let Some((end, _)) = line.char_indices().nth(LONGEST_MEMBER) {
        line.truncate(end);
        line.push('…');
    }
    line
}

/// Characters that make a terminal show a name in another order than it has.
fn turns_direction(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_name_stays_as_it_is() {
        assert_eq!(
            escaped("/srv/Schlüssel & co.pem".as_bytes()),
            "/srv/Schlüssel & co.pem"
        );
    }

    #[test]
    fn nothing_reaches_the_terminal_but_letters() {
        assert_eq!(escaped(b"a\xffb\x1b[2J\n\\x"), "a\\xffb\\u{1b}[2J\\n\\\\x");
        assert_eq!(escaped("a\u{202e}b".as_bytes()), "a\\u{202e}b");
    }

    #[test]
    fn a_long_name_is_cut_and_says_so() {
        let told = escaped(&[b'n'; 70_000]);
        assert!(told.ends_with('…'));
        assert!(told.len() < 2000);
    }
}
