//! The few bytes by which private keys are found in anything, in one pass: [`Anchors`].

#[cfg(target_arch = "x86_64")]
mod words;

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind, packed};

/// What begins around some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    /// The version in a DER structure.
    Der,
    /// The name of an encryption with a password in an EncryptedPrivateKeyInfo, from its fifth byte on.
    Encrypted,
    /// OpenSSH's magic, so many bytes into it.
    OpenSsh(usize),
    /// The last dash before the word `BEGIN`.
    Pem {
        /// In UTF-16.
        wide: bool,
    },
    /// A name in a JSON object.
    Jwk {
        /// In UTF-16.
        wide: bool,
    },
    /// [`Self::Der`] in base64, behind a header of so many bytes.
    Base64Der(usize),
    /// [`Self::Encrypted`] in base64, at this position modulo three.
    Base64Encrypted(usize),
    /// [`Self::Pem`] in base64, at this position modulo three.
    Base64Pem(usize),
}

/// Finds the anchors.
pub(super) struct Anchors {
    anchors: Vec<Anchor>,
    searcher: Searcher,
}

enum Searcher {
    /// With wide vectors, where the machine has them: at the speed of memory.
    #[cfg(target_arch = "x86_64")]
    Words(Box<words::Words>),
    /// With vectors, at half of that or a third.
    Packed(Box<packed::Searcher>),
    Automaton(AhoCorasick),
}

impl Anchors {
    /// The same for everybody: nothing of them depends on keys.
    pub(super) fn shared() -> &'static Self {
        static SHARED: LazyLock<Anchors> = LazyLock::new(Anchors::new);
        &SHARED
    }

    fn new() -> Self {
        let (anchors, patterns): (Vec<_>, Vec<_>) = patterns().into_iter().unzip();
        #[cfg(target_arch = "x86_64")]
        if let Some(words) = words::Words::new(&patterns) {
            let searcher = Searcher::Words(Box::new(words));
            return Self { anchors, searcher };
        }
        let searcher = match packed(&patterns) {
            Some(packed) => Searcher::Packed(Box::new(packed)),
            None => Searcher::Automaton(automaton(&patterns)),
        };
        Self { anchors, searcher }
    }

    /// Calls for each anchor in a part of the bytes, from left to right, with its position. By the way, memory so far ahead is asked
    /// for.
    pub(super) fn find(
        &self,
        bytes: &[u8],
        part: Range<usize>,
        ahead: Option<usize>,
        mut found: impl FnMut(Anchor, usize),
    ) {
        let (first, bytes) = (part.start, &bytes[part]);
        let mut call = |pattern: usize, at: usize| found(self.anchors[pattern], first + at);
        match &self.searcher {
            #[cfg(target_arch = "x86_64")]
            Searcher::Words(words) => words.find(bytes, ahead, call),
            Searcher::Packed(packed) => packed
                .find_iter(bytes)
                .for_each(|hit| call(hit.pattern().as_usize(), hit.start())),
            Searcher::Automaton(automaton) => automaton
                .find_iter(bytes)
                .for_each(|hit| call(hit.pattern().as_usize(), hit.start())),
        }
    }
}

fn packed(patterns: &[Vec<u8>]) -> Option<packed::Searcher> {
    packed::Config::new()
        .heuristic_pattern_limits(false)
        .builder()
        .extend(patterns)
        .build()
}

/// For machines without vector instructions.
fn automaton(patterns: &[Vec<u8>]) -> AhoCorasick {
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostFirst)
        .build(patterns)
        .expect("some dozen short patterns make an automaton")
}

/// In which character of base64 the first bits that belong wholly to a byte begin.
pub(super) fn first_digit(byte: usize) -> usize {
    (4 * byte).div_ceil(3)
}

/// Each anchor with its bytes: at least four.
fn patterns() -> Vec<(Anchor, Vec<u8>)> {
    /// Version 0 or 1 with what follows it in PKCS#8, PKCS#1 and SEC 1; version 3 in PKCS#12.
    const VERSIONS: [&[u8; 4]; 5] = [
        b"\x02\x01\x00\x30",
        b"\x02\x01\x01\x30",
        b"\x02\x01\x00\x02",
        b"\x02\x01\x01\x04",
        b"\x02\x01\x03\x30",
    ];
    /// What is left of the names of PBES2 and of PKCS#12's encryptions.
    const ENCRYPTIONS: [&[u8; 5]; 2] = [b"\xf7\x0d\x01\x05\x0d", b"\xf7\x0d\x01\x0c\x01"];
    let mut patterns = Vec::new();
    let mut add = |anchor, bytes: &[u8]| patterns.push((anchor, bytes.to_vec()));
    for version in VERSIONS {
        add(Anchor::Der, version);
    }
    for encryption in ENCRYPTIONS {
        add(Anchor::Encrypted, encryption);
    }
    add(Anchor::OpenSsh(6), b"h-key-v1\0");
    add(Anchor::Pem { wide: false }, b"-BEGIN");
    add(Anchor::Pem { wide: true }, b"-\0B\0E\0G\0I\0N\0");
    add(Anchor::Jwk { wide: false }, b"\"kty");
    add(Anchor::Jwk { wide: false }, b"'kty");
    add(Anchor::Jwk { wide: true }, b"\"\0k\0t\0y\0");
    // Behind a short header, one of three bytes, and one of four, where a key of ours can be so short or so long.
    let headers: [&[usize]; 5] = [&[2, 3, 4], &[2, 3, 4], &[4], &[2, 3], &[4]];
    for (version, headers) in VERSIONS.into_iter().zip(headers) {
        for &header in headers {
            add(Anchor::Base64Der(header), &digits(version, header));
        }
    }
    for position in 0..3 {
        for encryption in ENCRYPTIONS {
            let digits = digits(encryption, position);
            add(Anchor::Base64Encrypted(position), &digits);
        }
        let digits = digits(b"-BEGIN ", position);
        add(Anchor::Base64Pem(position), &digits);
    }
    patterns
}

/// The digits of base64 that belong wholly to these bytes if so many others are before them.
fn digits(bytes: &[u8], before: usize) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let before = before % 3;
    let bit = |at: usize| bytes[at / 8] >> (7 - at % 8) & 1;
    let first = first_digit(before);
    let behind = (before + bytes.len()) * 8 / 6;
    (first..behind)
        .map(|digit| {
            let bits = (digit * 6..digit * 6 + 6).map(|at| bit(at - before * 8));
            DIGITS[usize::from(bits.fold(0, |value, bit| value << 1 | bit))]
        })
        .collect()
}

/// The bytes of all anchors.
#[cfg(test)]
pub(super) fn samples() -> Vec<Vec<u8>> {
    patterns().into_iter().map(|pattern| pattern.1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Base64 of anything that contains the bytes contains the digits, at the place that is computed.
    #[test]
    fn the_digits_are_those_of_base64() {
        use base64::Engine;
        for before in 0..14 {
            for bytes in [
                &b"-BEGIN "[..],
                b"\x02\x01\x00\x30",
                b"\xf7\x0d\x01\x05\x0d",
            ] {
                let whole = [&vec![0x5a; before][..], bytes, b"\xa5\xa5\xa5"].concat();
                let encoded = base64::engine::general_purpose::STANDARD.encode(whole);
                let digits = digits(bytes, before);
                assert!(digits.len() >= 4);
                assert!(encoded.as_bytes()[first_digit(before)..].starts_with(&digits));
            }
        }
    }

    /// Machines with other vector instructions, or without, find the same.
    #[test]
    fn every_machine_finds_the_same() {
        let patterns = patterns();
        let bytes: Vec<u8> = (0..3000_usize)
            .flat_map(|i| {
                let pattern = &patterns[i * 7 % patterns.len()].1;
                let filler = (0..i % 5).map(move |j| (i * 31 + j * 17) as u8);
                pattern.iter().copied().chain(filler).collect::<Vec<_>>()
            })
            .collect();
        let here = Anchors::new();
        let by = |searcher| Anchors {
            anchors: here.anchors.clone(),
            searcher,
        };
        let automaton = by(Searcher::Automaton(automaton(&samples())));
        let all = |anchors: &Anchors| {
            let mut found = Vec::new();
            for (from, end) in [
                (3, bytes.len()),
                (100, 150),
                (77, 78),
                (5000, 5064),
                (5000, 5065),
            ] {
                anchors.find(&bytes, from..end, None, |anchor, at| {
                    found.push((anchor, at))
                });
            }
            found
        };
        assert!(all(&automaton).len() >= 2000);
        assert_eq!(all(&here), all(&automaton));
        if let Some(packed) = packed(&samples()) {
            assert_eq!(
                all(&by(Searcher::Packed(Box::new(packed)))),
                all(&automaton)
            );
        }
    }
}
