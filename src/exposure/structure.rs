//! Private keys in structures that can be parsed, whoever's they are: the detector [`Structure`].
//!
//! Found are, at any offset: SEC 1, PKCS#1, PKCS#8 (encrypted, too), PKCS#12 and OpenSSH's format, in DER, PEM and base64; PEM in
//! base64 and in UTF-16; JSON Web Keys. Lines may be broken anywhere, and the escapes of JSON and URLs be in between. What is
//! reported was parsed, and its private half fits its public half: random bytes are never a key.

mod anchors;
mod candidate;

use std::borrow::Cow;
use std::collections::HashMap;

use self::anchors::Anchors;
use self::candidate::{Candidate, Site};
use crate::detector::{Confirmed, Detector, SealedKey, Sighting, Whose, Window};
use crate::key::parse::pbe::{Effort, Opener};
use crate::key::parse::{Parsed, Refusal, Sealed, Why};
use crate::key::{Part, PublicKey, Secret, Target, algorithm, spki_sha256};

/// Work that one encrypted key may cost with one password (some seconds), and all of them together (some minutes).
const EACH: u64 = 40_000_000;
const ALL: u64 = 4_000_000_000;

/// How many characters of text are read at most for each byte of a window, and in any window. Only text that was made to be slow
/// comes near.
const CHARACTERS_EACH: usize = 64;
const CHARACTERS: usize = 16 << 20;

/// How far behind its beginning a structure's anchor may be: the longest JSON object.
const ANCHOR: usize = 16 * 1024;

/// Recognises private keys by the structure around them.
pub struct Structure {
    anchors: &'static Anchors,
    /// Which targets have a public key.
    targets: HashMap<PublicKey, Vec<usize>>,
    passwords: Vec<Secret>,
    effort: Effort,
}

impl Structure {
    /// Keys that fit a target are reported as its, others as somebody's. The passwords are tried on encrypted keys.
    pub fn new(targets: &[Target], passwords: Vec<Secret>) -> Self {
        let mut indices: HashMap<PublicKey, Vec<usize>> = HashMap::new();
        for (index, target) in targets.iter().enumerate() {
            indices
                .entry(target.public.clone())
                .or_default()
                .push(index);
        }
        Self {
            anchors: Anchors::shared(),
            targets: indices,
            passwords,
            effort: Effort::new(EACH, ALL),
        }
    }

    /// Reports a key once for each target that it is of.
    fn report(&self, candidate: &Candidate, key: &Parsed, at: u64, report: &mut Report<'_>) {
        let mut sighting = Sighting {
            at,
            length: candidate.place.len() as u64,
            key: Whose::Target(0),
            part: Part::Whole,
            encoding: candidate.encoding.into(),
            within: key
                .within
                .iter()
                .chain(candidate.around)
                .map(|name| Cow::Borrowed(*name))
                .collect(),
            confirmed: Confirmed::PublicKey,
        };
        match self.targets.get(&key.public) {
            Some(indices) => {
                for index in indices {
                    sighting.key = Whose::Target(*index);
                    report(sighting.clone());
                }
            }
            None if key.telling => {
                sighting.confirmed = Confirmed::Parsed;
                sighting.key = Whose::Other {
                    algorithm: algorithm(&key.public),
                    spki_sha256: spki_sha256(&key.public),
                };
                report(sighting);
            }
            None => {}
        }
    }
}

type Report<'a> = dyn FnMut(Sighting) + 'a;

impl Detector for Structure {
    fn search(&self, window: &Window<'_>, report: &mut dyn FnMut(Sighting)) {
        self.search_and_tell(window, report, &mut |_| {});
    }

    fn search_and_tell(
        &self,
        window: &Window<'_>,
        report: &mut dyn FnMut(Sighting),
        tell: &mut dyn FnMut(SealedKey),
    ) {
        let (bytes, fresh) = (window.bytes, &window.fresh);
        let opener = Opener {
            passwords: &self.passwords,
            effort: &self.effort,
        };
        let mut site = Site {
            bytes,
            opener: &opener,
            characters: bytes.len() * CHARACTERS_EACH + CHARACTERS,
        };
        // Structures lie in each other: the outermost is told, so what begins before is looked at, too.
        let mut covered = 0;
        let part = 0..bytes.len().min(fresh.end + ANCHOR);
        // The first third is left to who looks for known keys.
        let ahead = (window.ahead > 0).then(|| bytes.len() + window.ahead / 3);
        self.anchors.find(bytes, part, ahead, |anchor, at| {
            if at < covered || site.characters == 0 {
                return;
            }
            site.try_at(anchor, at, |candidate| {
                let place = candidate.place.clone();
                let begins = window.offset + place.start as u64;
                match &candidate.keys {
                    Ok(keys) => {
                        covered = place.end;
                        if fresh.contains(&place.start) {
                            for key in keys {
                                self.report(&candidate, key, begins, report);
                            }
                        }
                    }
                    Err(Refusal::Sealed(sealed)) => {
                        covered = place.end;
                        if fresh.contains(&place.start) {
                            tell(sealed_key(sealed, begins, place.len() as u64));
                        }
                    }
                    Err(_) => return false,
                }
                true
            });
        });
        if site.characters == 0 {
            tell(SealedKey {
                at: window.offset,
                length: bytes.len() as u64,
                what: "text that is full of beginnings of keys".into(),
                why: "reading all of it would take too long".into(),
            });
        }
    }
}

fn sealed_key(sealed: &Sealed, at: u64, length: u64) -> SealedKey {
    SealedKey {
        at,
        length,
        what: sealed.what.into(),
        why: match &sealed.why {
            Why::NoPassword => "no password was given".into(),
            Why::WrongPassword => "no password that was given opens it".into(),
            Why::Costly => "trying a password would take too long".into(),
            Why::Unsupported(name) => format!("{name} is not supported").into(),
        },
    }
}

#[cfg(test)]
mod tests;
