//! From an anchor to the private keys around it: [`candidates`].

use std::ops::Range;

use super::anchors::{Anchor, first_digit};
use crate::key::parse::der::sequence_length;
use crate::key::parse::jwk::Object;
use crate::key::parse::pbe::Opener;
use crate::key::parse::pem::{Block, is_private};
use crate::key::parse::text::{Form, LONGEST_BODY, Text, base64, skip_digits};
use crate::key::parse::{Parsed, Refusal, openssh, private_der};

/// What was tried at an anchor.
pub(super) struct Candidate {
    /// Where it lies.
    pub(super) place: Range<usize>,
    /// How the numbers are written.
    pub(super) encoding: &'static str,
    /// What is around the structure that was parsed, from the inside out.
    pub(super) around: &'static [&'static str],
    pub(super) keys: Result<Vec<Parsed>, Refusal>,
}

/// Where to look, and what it may cost.
pub(super) struct Site<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) opener: &'a Opener<'a>,
    /// How many characters of text may still be read.
    pub(super) characters: usize,
}

impl<'a> Site<'a> {
    /// Everything that an anchor may stand for, the likeliest first, until `done` is content.
    pub(super) fn try_at(
        &mut self,
        anchor: Anchor,
        at: usize,
        mut done: impl FnMut(Candidate) -> bool,
    ) {
        let mut starts = |site: &mut Self, before: &[usize], attempt: Attempt<'a>| {
            before
                .iter()
                .filter_map(|before| at.checked_sub(*before))
                .any(|start| attempt(site, start).is_some_and(&mut done))
        };
        match anchor {
            Anchor::Der => starts(self, &[2, 3, 4], Self::der),
            // The name's first four bytes, its header, and two headers of sequences.
            Anchor::Encrypted => starts(self, &[10, 11, 12, 13], Self::der),
            Anchor::OpenSsh(before) => starts(self, &[before], Self::openssh),
            Anchor::Pem { wide: false } => starts(self, &[0], |site, at| site.pem(at, false)),
            Anchor::Pem { wide: true } => starts(self, &[0], |site, at| site.pem(at, true)),
            Anchor::Jwk { wide: false } => starts(self, &[0], |site, at| site.jwk(at, false)),
            Anchor::Jwk { wide: true } => starts(self, &[0], |site, at| site.jwk(at, true)),
            Anchor::Base64Der(header) => starts(self, &[first_digit(header)], Self::base64_der),
            Anchor::Base64Encrypted(position) => (10..=13)
                .filter(|before| before % 3 == position)
                .any(|before| starts(self, &[first_digit(before)], Self::base64_der)),
            Anchor::Base64Pem(position) => {
                let quantum = at.checked_sub(first_digit(position));
                quantum
                    .and_then(|quantum| self.base64_pem(quantum, position))
                    .is_some_and(done)
            }
        };
    }

    fn der(&mut self, start: usize) -> Option<Candidate> {
        let bytes = &self.bytes[start..];
        let length = sequence_length(bytes).filter(|&length| length <= bytes.len())?;
        Some(Candidate {
            place: start..start + length,
            encoding: "DER",
            around: &[],
            keys: private_der(bytes, self.opener),
        })
    }

    fn openssh(&mut self, start: usize) -> Option<Candidate> {
        let key = openssh::key(&self.bytes[start..], self.opener);
        // What is sealed has no length of its own here.
        let length = key.as_ref().map_or(openssh::MAGIC.len(), |key| key.1);
        Some(Candidate {
            place: start..start + length,
            encoding: "OpenSSH",
            around: &[],
            keys: key.map(|key| vec![key.0]),
        })
    }

    fn pem(&mut self, at: usize, wide: bool) -> Option<Candidate> {
        let size = 1 + usize::from(wide);
        let start = dashes(self.bytes, at, size);
        let mut text = Text::new(self.bytes, at + 6 * size, wide);
        let block = Block::read(&mut text, is_private);
        self.pay(text.position() - start);
        let block = block?;
        Some(Candidate {
            place: start..text.position(),
            encoding: if block.is_openssh() { "OpenSSH" } else { "DER" },
            around: if wide { &["UTF-16LE"] } else { &[] },
            keys: block.private(self.opener),
        })
    }

    fn jwk(&mut self, at: usize, wide: bool) -> Option<Candidate> {
        let object = Object::around(self.bytes, at, wide);
        self.pay(
            object
                .as_ref()
                .map_or(LONGEST_BODY, |(_, place)| place.len()),
        );
        let (object, place) = object?;
        Some(Candidate {
            place,
            encoding: "base64url",
            around: if wide { &["UTF-16LE"] } else { &[] },
            keys: object.private().map(|key| vec![key]),
        })
    }

    fn base64_der(&mut self, start: usize) -> Option<Candidate> {
        // A SEQUENCE begins with these six bits.
        if self.bytes[start] != b'M' {
            return None;
        }
        let mut text = Text::new(self.bytes, start, false);
        let der = base64(&mut text, Form::DER);
        self.pay(text.position() - start);
        Some(Candidate {
            place: start..text.position(),
            encoding: "DER",
            around: &["base64"],
            keys: private_der(&der?, self.opener),
        })
    }

    /// `quantum`: where the four digits begin in whose three bytes, at `position`, the last dash before `BEGIN` is.
    fn base64_pem(&mut self, quantum: usize, position: usize) -> Option<Candidate> {
        let decode = |most| {
            let form = Form { most, ..Form::ALL };
            base64(&mut Text::new(self.bytes, quantum, false), form)
        };
        let label = decode(64)?;
        if !label.windows(12).any(|part| part == b"PRIVATE KEY-") {
            return None;
        }
        let decoded = decode(LONGEST_BODY)?;
        let mut text = Text::new(&decoded, position + 6, false);
        let block = Block::read(&mut text, is_private);
        self.pay(2 * decoded.len());
        let block = block?;
        let mut end = Text::new(self.bytes, quantum, false);
        skip_digits(&mut end, first_digit(text.position()));
        // Four more dashes are before the one that was found.
        let dashes = (4 * (4 - position)).div_ceil(3);
        Some(Candidate {
            place: quantum.saturating_sub(dashes)..end.position(),
            encoding: if block.is_openssh() { "OpenSSH" } else { "DER" },
            around: &["base64"],
            keys: block.private(self.opener),
        })
    }

    fn pay(&mut self, characters: usize) {
        self.characters = self.characters.saturating_sub(characters);
    }
}

type Attempt<'a> = fn(&mut Site<'a>, usize) -> Option<Candidate>;

/// Where the dashes begin of which one is at a position; PEM has five.
fn dashes(bytes: &[u8], at: usize, size: usize) -> usize {
    let before = (1..5)
        .take_while(|&i| {
            let dash = at.checked_sub(i * size);
            dash.is_some_and(|dash| bytes[dash] == b'-')
        })
        .count();
    at - before * size
}
