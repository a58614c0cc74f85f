//! PEM (RFC 7468) as it is found: [`Block`]. Also its old encryption (`DEK-Info`).

use md5::{Digest, Md5};
use zeroize::Zeroizing;

use super::pbe::{Cipher, Opener, cbc};
use super::text::{Form, Text, base64};
use super::{Parsed, Refusal, Sealed, Why, openssh, private_der, word};

/// The longest label and the longest header line, in characters.
const LONGEST_LABEL: usize = 40;
const LONGEST_HEADER: usize = 200;
/// How many header lines there may be.
const HEADERS: usize = 8;

/// What stands between `-----BEGIN` and the end.
pub(crate) struct Block {
    pub(crate) label: String,
    /// Cipher and initialisation vector, if its body is encrypted in the old way.
    encryption: Option<(String, Vec<u8>)>,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

impl Block {
    /// Reads on behind the word `BEGIN`, if it is a block whose label is wanted. The text then stands behind the block: behind
    /// the END line, if it has one.
    pub(crate) fn read(text: &mut Text<'_>, wanted: impl Fn(&str) -> bool) -> Option<Self> {
        let label = label(text).filter(|label| wanted(label))?;
        let mut encryption = None;
        for _ in 0..HEADERS {
            let Some((name, value)) = header(text) else {
                break;
            };
            if name.trim() == "DEK-Info" {
                encryption = Some(dek(&value)?);
            }
        }
        let opaque = encryption.is_some() || label.starts_with("OPENSSH");
        let form = if opaque { Form::PEM_ALL } else { Form::PEM };
        let mut behind = *text;
        let body = base64(&mut behind, form)?;
        *text = behind;
        behind.skip(|c| c.is_ascii_whitespace() || matches!(c, b'"' | b'\'' | b'>' | b'#'));
        if end(&mut behind, &label) {
            *text = behind;
        }
        Some(Self {
            label,
            encryption,
            body,
        })
    }

    /// Whether it says that it holds a private key.
    pub(crate) fn is_private(&self) -> bool {
        is_private(&self.label)
    }

    /// Whether it holds OpenSSH's own format.
    pub(crate) fn is_openssh(&self) -> bool {
        self.label.starts_with("OPENSSH")
    }

    /// The private keys in it.
    pub(crate) fn private(&self, opener: &Opener<'_>) -> Result<Vec<Parsed>, Refusal> {
        let mut keys = match &self.encryption {
            Some((cipher, iv)) => decrypt(cipher, iv, &self.body, opener)?,
            None if self.is_openssh() => vec![openssh::key(&self.body, opener)?.0],
            None => private_der(&self.body, opener)?,
        };
        for key in &mut keys {
            key.within.push("PEM");
        }
        Ok(keys)
    }
}

/// Goes over the END line, if it follows.
fn end(text: &mut Text<'_>, label: &str) -> bool {
    let line = [b"-----END ", label.as_bytes(), b"-----"].concat();
    line.into_iter().all(|expected| {
        let found = text.next();
        found == Some(expected) || expected == b' ' && found == Some(b'+')
    })
}

/// Whether a label is of private keys.
pub(crate) fn is_private(label: &str) -> bool {
    label.ends_with("PRIVATE KEY")
}

/// The label, and the dashes behind it.
fn label(text: &mut Text<'_>) -> Option<String> {
    let mut label = String::new();
    loop {
        match text.next()? {
            // Forms that are sent in URLs have '+' for a space.
            b' ' | b'+' if label.is_empty() => {}
            b' ' | b'+' => label.push(' '),
            c @ (b'A'..=b'Z' | b'0'..=b'9') => label.push(c.into()),
            b'-' => break,
            _ => return None,
        }
        if label.len() > LONGEST_LABEL {
            return None;
        }
    }
    text.skip(|c| c == b'-');
    Some(label)
}

/// A line `Name: value`, if that is what follows.
fn header(text: &mut Text<'_>) -> Option<(String, String)> {
    let mut ahead = *text;
    ahead.skip(|c| c.is_ascii_whitespace());
    let mut line = String::new();
    loop {
        match ahead.next()? {
            b'\n' | b'\r' => break,
            c => line.push(c.into()),
        }
        if line.len() > LONGEST_HEADER {
            return None;
        }
    }
    let (name, value) = line.split_once(':')?;
    *text = ahead;
    Some((name.to_owned(), value.trim().to_owned()))
}

/// The value of `DEK-Info`: the cipher's name, a comma, the initialisation vector in hex.
fn dek(value: &str) -> Option<(String, Vec<u8>)> {
    let (cipher, iv) = value.split_once(',')?;
    let iv = iv.trim().as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    });
    Some((cipher.trim().to_owned(), iv.collect::<Option<_>>()?))
}

/// What OpenSSL calls the traditional format: the key is MD5 of the password and the first eight bytes of the vector.
fn decrypt(
    cipher: &str,
    iv: &[u8],
    body: &[u8],
    opener: &Opener<'_>,
) -> Result<Vec<Parsed>, Refusal> {
    const WHAT: &str = "encrypted PEM";
    let cipher = match cipher {
        "AES-128-CBC" => Cipher::Aes128,
        "AES-192-CBC" => Cipher::Aes192,
        "AES-256-CBC" => Cipher::Aes256,
        "DES-EDE3-CBC" => Cipher::TripleDes,
        other => {
            let why = Why::Unsupported(word(other.as_bytes()));
            return Err(Sealed { what: WHAT, why }.into());
        }
    };
    let salt = iv.get(..8).ok_or(Refusal::Unknown)?;
    opener.open(WHAT, body, 3, |password| {
        let mut key = Zeroizing::new(Vec::with_capacity(48));
        let mut last = Zeroizing::new(Vec::with_capacity(16));
        while key.len() < cipher.key_length() {
            let mut hash = Md5::new();
            for part in [&last, password, salt] {
                hash.update(part);
            }
            last.clear();
            last.extend_from_slice(&hash.finalize());
            key.extend_from_slice(&last);
        }
        let plain = cbc(cipher, &key[..cipher.key_length()], iv, body)?;
        match private_der(&plain, opener) {
            Err(Refusal::Unknown | Refusal::Sealed(_)) => None,
            other => Some(other),
        }
    })?
}
