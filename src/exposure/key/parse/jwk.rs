//! Private keys as JSON Web Keys (RFC 7517, 7518, 8037): [`Object`], the members of a JSON object, or of a Python dictionary's text.

use std::ops::Range;

use zeroize::Zeroizing;

use super::text::{Form, Text, base64};
use super::{Parsed, Refusal, agrees, ec_key, public, rsa_key, seed_key, word};
use crate::key::rsa::Numbers;
use crate::key::{Curve, PublicKey};

/// The longest object that is looked at, in bytes.
const LONGEST: usize = 40 * 1024;

/// A JSON object, its text without escapes.
pub(crate) struct Object {
    text: Zeroizing<Vec<u8>>,
    members: Vec<(Range<usize>, Range<usize>)>,
}

impl Object {
    /// The object around a position, and where it lies.
    pub(crate) fn around(
        bytes: &[u8],
        position: usize,
        wide: bool,
    ) -> Option<(Self, Range<usize>)> {
        let start = opening(bytes, position, wide)?;
        let mut text = Text::new(bytes, start, wide);
        let mut plain = Zeroizing::new(Vec::with_capacity(LONGEST.min(text.left())));
        let mut depth = 0_u32;
        while plain.len() < LONGEST {
            let character = text.next()?;
            plain.push(character);
            match character {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                // Text has no such characters, binary files have them soon.
                0 => return None,
                _ => {}
            }
            if depth == 0 {
                let members = members(&plain);
                let object = Self {
                    text: plain,
                    members,
                };
                return Some((object, start..text.position()));
            }
        }
        None
    }

    /// The text of a member that is a string.
    fn member(&self, name: &str) -> Option<&[u8]> {
        let is_it = |member: &&(Range<usize>, Range<usize>)| {
            self.text[member.0.clone()] == *name.as_bytes()
        };
        let (_, value) = self.members.iter().find(is_it)?;
        Some(&self.text[value.clone()])
    }

    /// The bytes of a member that is base64.
    fn bytes(&self, name: &str) -> Option<Zeroizing<Vec<u8>>> {
        base64(&mut Text::new(self.member(name)?, 0, false), Form::ALL)
    }

    /// Whether it is a key, and has no private half.
    pub(crate) fn is_public(&self) -> bool {
        self.member("kty").is_some() && self.member("d").is_none()
    }

    /// The private key that it is.
    pub(crate) fn private(&self) -> Result<Parsed, Refusal> {
        let kind = self.member("kty").ok_or(Refusal::Unknown)?;
        let d = self.bytes("d").ok_or(Refusal::Unknown)?;
        let parsed = match kind {
            b"EC" => self.ec(&d)?,
            b"OKP" => self.okp(&d)?,
            b"RSA" => self.rsa(&d)?,
            other => return Err(Refusal::Unsupported(word(other))),
        };
        Ok(Parsed {
            within: vec!["JWK"],
            ..parsed
        })
    }

    fn ec(&self, d: &[u8]) -> Result<Parsed, Refusal> {
        let curve = match self.curve()? {
            b"P-256" => Curve::P256,
            b"P-384" => Curve::P384,
            b"P-521" => Curve::P521,
            other => return Err(unsupported(other)),
        };
        let parsed = ec_key(curve, d)?;
        let stated = self.bytes("x").zip(self.bytes("y")).map(|(x, y)| {
            let point = [&[4], &x[..], &y].concat();
            public::ec(curve, &point)
        });
        match stated {
            Some(stated) if stated.as_ref() != Ok(&parsed.public) => Err(Refusal::Inconsistent),
            _ => Ok(parsed),
        }
    }

    fn okp(&self, d: &[u8]) -> Result<Parsed, Refusal> {
        match self.curve()? {
            b"Ed25519" => {}
            other => return Err(unsupported(other)),
        }
        let parsed = seed_key(d)?;
        let stated = self.bytes("x");
        agrees(
            stated.as_ref().map(|x| &x[..]),
            |x| matches!(&parsed.public, PublicKey::Ed25519(key) if key == x),
        )?;
        Ok(parsed)
    }

    fn rsa(&self, d: &[u8]) -> Result<Parsed, Refusal> {
        let [n, e, p, q] = ["n", "e", "p", "q"].map(|name| self.bytes(name));
        let (n, e) = n.zip(e).ok_or(Refusal::Unknown)?;
        let primes = p.as_ref().zip(q.as_ref());
        let numbers = Numbers {
            n: &n,
            e: &e,
            d,
            primes: primes.map(|(p, q)| (&p[..], &q[..])),
        };
        rsa_key(&numbers, "JWK")
    }

    fn curve(&self) -> Result<&[u8], Refusal> {
        self.member("crv").ok_or(Refusal::Unknown)
    }
}

fn unsupported(curve: &[u8]) -> Refusal {
    Refusal::Unsupported(word(curve))
}

/// How far into it the name may be by which it is found, in bytes.
const LONGEST_BEGINNING: usize = 16 * 1024;

/// Where the object around a position begins.
fn opening(bytes: &[u8], position: usize, wide: bool) -> Option<usize> {
    let size = 1 + usize::from(wide);
    let mut at = position;
    let mut depth = 0_u32;
    while at >= size && position - at < LONGEST_BEGINNING {
        at -= size;
        match bytes[at] {
            b'}' | b']' => depth += 1,
            b'{' if depth == 0 => return Some(at),
            // A key lies in no list without an object in between.
            b'[' if depth == 0 => return None,
            b'{' | b'[' => depth -= 1,
            0 => return None,
            _ => {}
        }
    }
    None
}

/// Names and values of the strings among the members of an object, without what lies in members that are objects and lists.
fn members(text: &[u8]) -> Vec<(Range<usize>, Range<usize>)> {
    let mut members = Vec::new();
    let mut name: Option<Range<usize>> = None;
    let mut colon = false;
    let mut depth = 0_u32;
    let mut at = 0;
    while let Some(&character) = text.get(at) {
        at += 1;
        match character {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b':' => colon = true,
            b',' => (name, colon) = (None, false),
            quote @ (b'"' | b'\'') => {
                let Some(length) = text[at..].iter().position(|&c| c == quote) else {
                    break;
                };
                let string = at..at + length;
                at += length + 1;
                match name.take() {
                    _ if depth != 1 => {}
                    Some(name) if colon => members.push((name, string)),
                    _ => (name, colon) = (Some(string), false),
                }
            }
            _ => {}
        }
    }
    members
}
