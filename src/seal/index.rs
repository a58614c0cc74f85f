//! `META-INF/ASiCManifest.xml` (EN 319 162-1 annex A.4): each file of the container with its digest. It is what is signed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::SIGNATURE;
use crate::pack::Digest;

/// The namespaces: ASiC's, and that of XML signatures for digests.
const NAMESPACES: &str = "xmlns:asic=\"http://uri.etsi.org/02918/v1.2.1#\" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"";
/// SHA-256.
const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";

/// The index of these files.
pub fn write(files: &BTreeMap<String, Digest>) -> Vec<u8> {
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<asic:ASiCManifest {NAMESPACES}>\n\
         <asic:SigReference URI=\"{SIGNATURE}\" MimeType=\"application/pkcs7-signature\"/>\n"
    );
    for (name, digest) in files {
        let value = STANDARD.encode(hex::decode(&digest.sha256).unwrap_or_default());
        let _ = writeln!(
            text,
            "<asic:DataObjectReference URI=\"{}\"><ds:DigestMethod Algorithm=\"{SHA256}\"/><ds:DigestValue>{value}</ds:DigestValue>\
             </asic:DataObjectReference>",
            uri(name)
        );
    }
    text += "</asic:ASiCManifest>\n";
    text.into_bytes()
}

/// A name as a relative URI.
fn uri(name: &str) -> String {
    let mut uri = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

/// The files of an index with their SHA-256, hex.
///
/// # Errors
/// It is no such index, or has something in it that we do not write; in words.
pub fn read(bytes: &[u8]) -> Result<BTreeMap<String, String>, String> {
    let mut reader = Reader::from_reader(bytes);
    let mut files = BTreeMap::new();
    let mut current: Option<String> = None;
    let mut in_value = false;
    let mut signature = false;
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Eof => break,
            Event::Start(tag) | Event::Empty(tag) => match tag.local_name().as_ref() {
                b"ASiCManifest" => {}
                b"SigReference" => signature = attribute(&tag, "URI")? == SIGNATURE,
                b"DataObjectReference" => current = Some(name(&attribute(&tag, "URI")?)?),
                b"DigestMethod" => {
                    let algorithm = attribute(&tag, "Algorithm")?;
                    if algorithm != SHA256 {
                        return Err(format!("a digest by {algorithm}, which is not SHA-256"));
                    }
                }
                b"DigestValue" => in_value = true,
                other => {
                    return Err(format!("an element {}", String::from_utf8_lossy(other)));
                }
            },
            Event::Text(text) if in_value => {
                let text = text.decode().map_err(|error| error.to_string())?;
                let digest = STANDARD
                    .decode(text.as_bytes())
                    .map_err(|error| error.to_string())?;
                let file = current.take().ok_or("a digest of no file")?;
                if files.insert(file.clone(), hex::encode(digest)).is_some() {
                    return Err(format!("{file} stands there twice"));
                }
            }
            Event::End(tag) if tag.local_name().as_ref() == b"DigestValue" => in_value = false,
            Event::DocType(_) => return Err("a document type".to_owned()),
            _ => {}
        }
    }
    if !signature {
        return Err(format!("it does not name {SIGNATURE}"));
    }
    Ok(files)
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Result<String, String> {
    let found = tag
        .try_get_attribute(name)
        .map_err(|error| error.to_string())?
        .ok_or_else(|| format!("an element without {name}"))?;
    let value = found
        .normalized_value(XmlVersion::Implicit1_0)
        .map_err(|error| error.to_string())?;
    Ok(value.into_owned())
}

fn name(uri: &str) -> Result<String, String> {
    let mut bytes = Vec::new();
    let mut rest = uri.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let digits = after.get(..2).ok_or("a URI that is cut short")?;
            bytes.extend(hex::decode(digits).map_err(|error| error.to_string())?);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else_is() {
        let names = ["run.json", "evidence/a b&<\u{e4}>/\"c\".txt"];
        let files: BTreeMap<String, Digest> = names
            .iter()
            .map(|name| ((*name).to_owned(), Digest::of(name.as_bytes())))
            .collect();
        let bytes = write(&files);
        let read_again = read(&bytes).unwrap();
        let expected = files
            .iter()
            .map(|(name, digest)| (name.clone(), digest.sha256.clone()));
        assert_eq!(read_again, expected.collect());
        let text = String::from_utf8(bytes).unwrap();
        for (from, to) in [
            ("xmlenc#sha256", "xmldsig#sha1"),
            (SIGNATURE, "META-INF/other.p7s"),
            ("run.json", "evidence/a%20b%26%3C%C3%A4%3E/%22c%22.txt"),
            ("<asic:SigReference", "<asic:Other/><asic:SigReference"),
        ] {
            assert!(read(text.replace(from, to).as_bytes()).is_err(), "{from}");
        }
    }
}
