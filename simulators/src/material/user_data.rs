//! `user_data` as cloud-init takes it, cut into [`Piece`]s: cloud-config, MIME multipart, scripts, compressed or not.

use mailparse::ParsedMail;
use serde_json::Value;

use super::encoding::{self, Bytes};
use super::find::Piece;
use super::yaml;

/// How deep parts may be nested.
const MAX_DEPTH: usize = 6;
/// How many pieces one server's data may have.
const MAX_PIECES: usize = 4096;

/// Adds the pieces of this document, which stood at `place`.
pub(crate) fn cut(place: &str, document: &[u8], pieces: &mut Vec<Piece>) {
    part(place, document, pieces, 0);
}

fn part(place: &str, bytes: &[u8], pieces: &mut Vec<Piece>, depth: usize) {
    if pieces.len() >= MAX_PIECES || depth > MAX_DEPTH {
        return;
    }
    if encoding::is_gzip(bytes) {
        if let Some(content) = encoding::gunzipped(bytes) {
            part(place, &content, pieces, depth + 1);
        }
        return;
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        pieces.push(Piece::new(place, bytes));
        return;
    };
    let start = text.trim_start();
    if start.starts_with("#cloud-config") || start.starts_with("## template:") {
        cloud_config(place, text, pieces, depth);
    } else if is_mime(start) {
        mime(place, start.as_bytes(), pieces, depth);
    } else if start.starts_with("#!") {
        script(place, text, pieces);
    } else if let Some(inner) = wholly_base64(start) {
        part(place, &inner, pieces, depth + 1);
    } else {
        pieces.push(Piece::new(place, bytes));
    }
}

fn is_mime(text: &str) -> bool {
    let head: String = text.chars().take(512).collect::<String>().to_lowercase();
    head.starts_with("content-type:") || head.starts_with("mime-version:") || {
        head.starts_with("from ") && head.contains("content-type:")
    }
}

/// What an API that wants base64 was given. A PEM block or a word is none.
fn wholly_base64(text: &str) -> Option<Bytes> {
    let decoded = (text.len() >= 16)
        .then(|| encoding::base64(text))
        .flatten()?;
    let readable = std::str::from_utf8(&decoded).is_ok() || encoding::is_gzip(&decoded);
    readable.then_some(decoded)
}

fn mime(place: &str, bytes: &[u8], pieces: &mut Vec<Piece>, depth: usize) {
    match mailparse::parse_mail(bytes) {
        Ok(mail) => mime_part(place, &mail, pieces, depth),
        Err(_) => pieces.push(Piece::new(format!("{place} (unreadable MIME)"), bytes)),
    }
}

fn mime_part(place: &str, mail: &ParsedMail<'_>, pieces: &mut Vec<Piece>, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    for inner in &mail.subparts {
        mime_part(place, inner, pieces, depth + 1);
    }
    if !mail.subparts.is_empty() {
        return;
    }
    let name = mail
        .get_content_disposition()
        .params
        .get("filename")
        .cloned();
    let name = name.unwrap_or_else(|| mail.ctype.mimetype.clone());
    let Ok(body) = mail.get_body_raw().map(Bytes::new) else {
        return;
    };
    let place = format!("{place} part {name}");
    // The type says what the text's first line does not need to.
    if mail.ctype.mimetype == "text/cloud-config"
        && let Ok(text) = std::str::from_utf8(&body)
    {
        cloud_config(&place, text, pieces, depth + 1);
    } else {
        part(&place, &body, pieces, depth + 1);
    }
}

fn cloud_config(place: &str, text: &str, pieces: &mut Vec<Piece>, depth: usize) {
    let Ok(mut config) = yaml::parse(text) else {
        // cloud-init would refuse it; what it carries was handed over all the same.
        pieces.push(Piece::new(
            format!("{place} (unreadable YAML)"),
            text.as_bytes(),
        ));
        return;
    };
    if let Some(files) = config.get_mut("write_files").map(Value::take) {
        for file in files.as_array().into_iter().flatten() {
            write_file(place, file, pieces, depth);
        }
    }
    // A cloud-config-archive is a list of such documents.
    for (index, entry) in config.as_array().into_iter().flatten().enumerate() {
        if let Some(content) = entry.as_str().or_else(|| entry.get("content")?.as_str()) {
            part(
                &format!("{place} [{index}]"),
                content.as_bytes(),
                pieces,
                depth + 1,
            );
        }
    }
    if config.is_object() {
        strings(place, &config, pieces);
    }
}

/// An entry of `write_files`. Its content may be anything, also a script or another document.
fn write_file(place: &str, file: &Value, pieces: &mut Vec<Piece>, depth: usize) {
    let text = |name: &str| file.get(name).and_then(Value::as_str);
    let (path, content) = (text("path").unwrap_or("?"), text("content").unwrap_or(""));
    let encoding = text("encoding").unwrap_or("").to_ascii_lowercase();
    let mut bytes = Bytes::new(content.as_bytes().to_vec());
    if encoding.contains("b64") || encoding.contains("base64") {
        bytes = encoding::base64(content).unwrap_or(bytes);
    }
    if encoding.starts_with("gz") {
        bytes = encoding::gunzipped(&bytes).unwrap_or(bytes);
    }
    let place = format!("{place} write_files {path}");
    if bytes.starts_with(b"#!") {
        part(&place, &bytes, pieces, depth + 1);
    } else {
        pieces.push(Piece::new(place, &bytes));
    }
}

/// A script: each here-document by itself, named by the file that it goes to, then all of it.
fn script(place: &str, text: &str, pieces: &mut Vec<Piece>) {
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(word) = here_document(line) else {
            continue;
        };
        let mut content = zeroize::Zeroizing::new(String::new());
        for line in lines.by_ref() {
            if line.trim_start_matches('\t') == word {
                break;
            }
            content.push_str(line);
            content.push('\n');
        }
        let target = redirected_to(line).unwrap_or("?");
        let place = format!("{place} here-document {target}");
        if pieces.len() < MAX_PIECES {
            pieces.push(Piece::new(place, content.as_bytes()));
        }
    }
    pieces.push(Piece::new(format!("{place} script"), text.as_bytes()));
}

/// The word that ends the here-document which begins in this line.
fn here_document(line: &str) -> Option<&str> {
    let (_, after) = line.split_once("<<")?;
    // `<<<` is a here-string, whose text stands in the line itself.
    let after = after.strip_prefix('-').unwrap_or(after).trim_start();
    let word = after
        .trim_start_matches(['\'', '"', '\\'])
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .next()?;
    (!word.is_empty() && !after.starts_with('<')).then_some(word)
}

/// The file of `> file`, `>> file` or `tee file`.
fn redirected_to(line: &str) -> Option<&str> {
    let after = match line.rsplit_once('>') {
        Some((_, after)) => after,
        None => line.split_once("tee ")?.1.trim_start_matches("-a "),
    };
    let words = after.split_ascii_whitespace().next()?;
    Some(words.trim_matches(['\'', '"', ';']))
}

/// Every string of a JSON value, named by its way: for metadata, parameters and the rest of a cloud-config.
pub(crate) fn strings(place: &str, value: &Value, pieces: &mut Vec<Piece>) {
    if pieces.len() >= MAX_PIECES {
        return;
    }
    match value {
        Value::String(text) => pieces.push(Piece::new(place, text.as_bytes())),
        Value::Array(entries) => {
            for (index, entry) in entries.iter().enumerate() {
                strings(&format!("{place}[{index}]"), entry, pieces);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                strings(&format!("{place} {name}"), member, pieces);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::material::{Missing, find, pem};
    use proptest::prelude::*;

    fn places(document: &str) -> Vec<String> {
        let mut pieces = Vec::new();
        cut("user_data", document.as_bytes(), &mut pieces);
        pieces.into_iter().map(|piece| piece.place).collect()
    }

    #[test]
    fn documents_are_cut_where_cloud_init_cuts_them() {
        for (document, expected) in [
            (
                "#!/bin/sh\ncat <<EOF | tee /a\nx\nEOF\n",
                &["user_data here-document /a", "user_data script"][..],
            ),
            (
                "#!/bin/sh\ncat >/b <<-'E'\n\tx\n\tE\n",
                &["user_data here-document /b", "user_data script"],
            ),
            ("#!/bin/sh\ngrep x <<< text\n", &["user_data script"]),
            (
                "#cloud-config\nwrite_files: [{path: /a, content: x}]\nruncmd: [[ls, -l]]\n",
                &[
                    "user_data write_files /a",
                    "user_data runcmd[0][0]",
                    "user_data runcmd[0][1]",
                ],
            ),
            (
                "#cloud-config-archive\n- {type: text/cloud-config, content: \"#cloud-config\\nwrite_files: [{path: /b, content: x}]\"}\n",
                &["user_data [0] write_files /b"],
            ),
            ("#cloud-config\na: [", &["user_data (unreadable YAML)"]),
            ("", &["user_data"]),
        ] {
            assert_eq!(places(document), expected, "{document}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_cut(
            bytes: Vec<u8>,
            text in "(#cloud-config\n|#!/bin/sh\n|Content-Type: multipart/mixed; boundary=X\n\n|)[-a-zA-Z0-9<>&*:|{}\\[\\]'\"\n ]{0,300}",
        ) {
            let mut pieces = Vec::new();
            cut("user_data", &bytes, &mut pieces);
            cut("user_data", text.as_bytes(), &mut pieces);
            prop_assert!(!pieces.is_empty() || text.contains("Content-Type") || text.starts_with('#'));
            prop_assert_eq!(find::find(&pieces), Err(Missing::Everything));
        }

        #[test]
        fn whatever_looks_like_pem_is_read(text in "(-----BEGIN |-----END |-----|PRIVATE KEY|CERTIFICATE|[A-Za-z0-9+/=:\n ]){0,40}") {
            for block in pem::blocks(&text) {
                prop_assert!(block.label.len() <= 40);
            }
        }
    }
}
