//! PKCS#12 (RFC 7292): [`keys`]. Its integrity code is not looked at: a key that comes out and fits itself is one.

use ::der::Tag;

use super::der::Elements;
use super::pbe::{Opener, decrypt, encrypted_pkcs8};
use super::{Parsed, Refusal, Sealed, Why, oid, pkcs8, unsupported};

const WHAT: &str = "PKCS#12";

/// How deep bags may lie in bags.
const DEPTH: usize = 3;

/// All private keys in it. If there is none: what stood in the way, or that it holds none.
pub(crate) fn keys(bytes: &[u8], opener: &Opener<'_>) -> Result<Vec<Parsed>, Refusal> {
    let read = || {
        let mut file = Elements::of(bytes).sequence()?;
        file.small()?;
        let mut content = file.sequence()?;
        Some((content.oid()?, content.context(0)?))
    };
    let (kind, content) = read().ok_or(Refusal::Unknown)?;
    if kind != oid::DATA {
        return Err(unsupported(kind));
    }
    let content = Elements::of(content).value(Tag::OctetString);
    let mut parts = content
        .and_then(|content| Elements::of(content).sequence())
        .ok_or(Refusal::Unknown)?;
    let mut keys = Keys {
        opener,
        found: Vec::new(),
        refusal: None,
    };
    while let Some(part) = parts.sequence() {
        let _ = keys.part(part).map_err(|refusal| keys.refused(refusal));
    }
    for key in &mut keys.found {
        key.within.push(WHAT);
    }
    match keys.refusal {
        _ if !keys.found.is_empty() => Ok(keys.found),
        Some(refusal) => Err(refusal),
        None => Err(Refusal::Unknown),
    }
}

struct Keys<'a> {
    opener: &'a Opener<'a>,
    found: Vec<Parsed>,
    /// The one that says most.
    refusal: Option<Refusal>,
}

impl Keys<'_> {
    fn refused(&mut self, refusal: Refusal) {
        // What is sealed is so as a whole.
        let refusal = match refusal {
            Refusal::Sealed(Sealed { why, .. }) => Refusal::Sealed(Sealed { what: WHAT, why }),
            other => other,
        };
        // Certificates are often encrypted in a way of their own: that no password opens the key says more.
        let weight = |refusal: &Refusal| match refusal {
            Refusal::Sealed(Sealed {
                why: Why::Unsupported(_),
                ..
            }) => 1,
            Refusal::Sealed(_) => 2,
            _ => 0,
        };
        if self
            .refusal
            .as_ref()
            .is_none_or(|before| weight(&refusal) > weight(before))
        {
            self.refusal = Some(refusal);
        }
    }

    /// A ContentInfo: bags, in clear or encrypted.
    fn part(&mut self, mut part: Elements<'_>) -> Result<(), Refusal> {
        let kind = part.oid().ok_or(Refusal::Unknown)?;
        let content = part.context(0).ok_or(Refusal::Unknown)?;
        match kind {
            oid::DATA => {
                let bags = Elements::of(content).value(Tag::OctetString);
                self.bags(bags.ok_or(Refusal::Unknown)?, DEPTH)
            }
            oid::ENCRYPTED_DATA => {
                let read = || {
                    let mut data = Elements::of(content).sequence()?;
                    data.small()?;
                    let mut info = data.sequence()?;
                    info.oid()?;
                    Some((info.whole()?, info.context(0)?))
                };
                let (algorithm, data) = read().ok_or(Refusal::Unknown)?;
                let bags = decrypt(WHAT, algorithm, data, self.opener, |plain| {
                    let begins = Elements::of(plain).sequence()?.sequence()?.oid();
                    begins.map(|_| zeroize::Zeroizing::new(plain.to_vec()))
                })?;
                self.bags(&bags, DEPTH)
            }
            // Encrypted for somebody's certificate.
            other => {
                let why = Why::Unsupported(oid::name(other));
                Err(Sealed { what: WHAT, why }.into())
            }
        }
    }

    fn bags(&mut self, bytes: &[u8], depth: usize) -> Result<(), Refusal> {
        let mut bags = Elements::of(bytes).sequence().ok_or(Refusal::Unknown)?;
        while let Some(mut bag) = bags.sequence() {
            let (Some(kind), Some(content)) = (bag.oid(), bag.context(0)) else {
                return Err(Refusal::Unknown);
            };
            let key = match kind {
                oid::KEY_BAG => pkcs8(content),
                oid::SHROUDED_KEY_BAG => encrypted_pkcs8(content, self.opener),
                oid::SAFE_CONTENTS_BAG if depth > 0 => {
                    self.bags(content, depth - 1)?;
                    continue;
                }
                // Certificates and the like.
                _ => continue,
            };
            match key {
                Ok(key) => self.found.push(key),
                Err(refusal) => self.refused(refusal),
            }
        }
        Ok(())
    }
}
