//! How keys are written into test streams: [`SPELLINGS`].

use std::ops::Range;

use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::keys::Random;

/// A way to write a number.
pub struct Spelling {
    /// What a failing test calls it.
    pub name: &'static str,
    /// What the matcher calls it.
    pub encoding: &'static str,
    /// What the matcher says it lies in; it may say more.
    pub within: &'static [&'static str],
    pub write: fn(&[u8], &mut Random) -> Planted,
}

/// A number as it was written, and where in the text it is.
pub struct Planted {
    pub text: Vec<u8>,
    pub secret: Range<usize>,
}

/// Bytes, each with whether the secret is in it.
struct Marked(Vec<(u8, bool)>);

impl Marked {
    fn new(secret: impl IntoIterator<Item = u8>) -> Self {
        Self(secret.into_iter().map(|b| (b, true)).collect())
    }

    /// Limbs of so many bytes, least significant first, each with its most significant byte first.
    fn least_first(number: &[u8], size: usize) -> Self {
        Self::new(number.rchunks(size).flat_map(|limb| {
            let mut padded = vec![0; size - limb.len()];
            padded.extend_from_slice(limb);
            padded
        }))
    }

    fn most_first(number: &[u8], size: usize) -> Self {
        let mut laid = Self::least_first(number, size);
        laid.0.reverse();
        laid
    }

    fn decimal(number: &[u8]) -> Self {
        let mut digits = vec![0u8];
        for byte in number {
            let mut carry = u16::from(*byte);
            for digit in &mut digits {
                carry += u16::from(*digit) * 256;
                *digit = (carry % 10) as u8;
                carry /= 10;
            }
            while carry > 0 {
                digits.push((carry % 10) as u8);
                carry /= 10;
            }
        }
        Self::new(digits.into_iter().rev().map(|d| b'0' + d))
    }

    fn digits30(number: &[u8]) -> Self {
        let bits: Vec<u32> = number
            .iter()
            .rev()
            .flat_map(|b| (0..8).map(move |i| u32::from(b >> i & 1)))
            .collect();
        Self::new(bits.chunks(30).flat_map(|digit| {
            digit
                .iter()
                .rev()
                .fold(0, |word, bit| word << 1 | bit)
                .to_le_bytes()
        }))
    }

    /// Puts up to 40 bytes of something else on either side.
    fn amid(self, random: &mut Random) -> Self {
        let before = (random.next() % 41) as usize;
        let after = (random.next() % 41) as usize;
        let mut other = |n| {
            random
                .bytes(n)
                .into_iter()
                .map(|b| (b, false))
                .collect::<Vec<_>>()
        };
        let mut all = other(before);
        all.extend(self.0);
        all.extend(other(after));
        Self(all)
    }

    fn between(self, before: &str, after: &str) -> Self {
        let other = |text: &str| text.bytes().map(|b| (b, false)).collect::<Vec<_>>();
        let mut all = other(before);
        all.extend(self.0);
        all.extend(other(after));
        Self(all)
    }

    /// Splits a text and puts something between the parts.
    fn lines(self, width: usize, ending: &str) -> Self {
        let mut all = Vec::new();
        for (i, line) in self.0.chunks(width).enumerate() {
            if i > 0 {
                all.extend(ending.bytes().map(|b| (b, false)));
            }
            all.extend_from_slice(line);
        }
        Self(all)
    }

    /// Puts a backslash before each slash.
    fn escape_slashes(self) -> Self {
        let mut all = Vec::new();
        for (c, secret) in self.0 {
            if c == b'/' {
                all.push((b'\\', false));
            }
            all.push((c, secret));
        }
        Self(all)
    }

    fn base64(self, engine: &impl base64::Engine) -> Self {
        let bytes: Vec<u8> = self.0.iter().map(|(b, _)| *b).collect();
        let marked = |bit: usize| self.0.get(bit / 8).is_some_and(|(_, secret)| *secret);
        let text = engine.encode(bytes);
        Self(
            text.bytes()
                .enumerate()
                .map(|(i, c)| (c, c != b'=' && (marked(i * 6) || marked(i * 6 + 5))))
                .collect(),
        )
    }

    fn hex(self, upper: bool, between: &str, every: usize) -> Self {
        let mut all = Vec::new();
        for (i, (byte, secret)) in self.0.into_iter().enumerate() {
            if i > 0 && i % every == 0 {
                all.extend(between.bytes().map(|b| (b, false)));
            }
            let text = if upper {
                format!("{byte:02X}")
            } else {
                format!("{byte:02x}")
            };
            all.extend(text.bytes().map(|c| (c, secret)));
        }
        Self(all)
    }

    fn each(self, between: &str, write: impl Fn(u8) -> String) -> Self {
        let mut all = Vec::new();
        for (i, (byte, secret)) in self.0.into_iter().enumerate() {
            if i > 0 {
                all.extend(between.bytes().map(|b| (b, false)));
            }
            all.extend(write(byte).bytes().map(|c| (c, secret)));
        }
        Self(all)
    }

    fn utf16(self) -> Self {
        Self(
            self.0
                .into_iter()
                .flat_map(|(c, secret)| [(c, secret), (0, secret)])
                .collect(),
        )
    }

    fn pem(self, width: usize, ending: &str) -> Self {
        let begin = format!("-----BEGIN PRIVATE KEY-----{ending}");
        let end = format!("{ending}-----END PRIVATE KEY-----{ending}");
        self.base64(&STANDARD)
            .lines(width, ending)
            .between(&begin, &end)
    }

    /// Stands by itself.
    fn plant(self) -> Planted {
        let all = self.between("!", "!").0;
        let first = all
            .iter()
            .position(|(_, secret)| *secret)
            .expect("the secret is there");
        let last = all
            .iter()
            .rposition(|(_, secret)| *secret)
            .expect("the secret is there");
        Planted {
            text: all.into_iter().map(|(b, _)| b).collect(),
            secret: first..last + 1,
        }
    }
}

macro_rules! spelling {
    ($name:literal, $encoding:literal, $within:expr, |$number:ident, $random:ident| $marked:expr) => {
        Spelling {
            name: $name,
            encoding: $encoding,
            within: &$within,
            write: |$number, $random| {
                let _ = &$random;
                $marked.plant()
            },
        }
    };
}

/// The plain orders of bytes come first.
pub const SPELLINGS: &[Spelling] = &[
    spelling!("BE", "big-endian", [], |n, r| Marked::new(
        n.iter().copied()
    )),
    spelling!("LE", "little-endian", [], |n, r| Marked::new(
        n.iter().rev().copied()
    )),
    spelling!(
        "64 least",
        "64-bit limbs, least first, each big-endian",
        [],
        |n, r| Marked::least_first(n, 8)
    ),
    spelling!(
        "32 least",
        "32-bit limbs, least first, each big-endian",
        [],
        |n, r| Marked::least_first(n, 4)
    ),
    spelling!(
        "64 most",
        "64-bit limbs, most first, each little-endian",
        [],
        |n, r| Marked::most_first(n, 8)
    ),
    spelling!(
        "32 most",
        "32-bit limbs, most first, each little-endian",
        [],
        |n, r| Marked::most_first(n, 4)
    ),
    spelling!("python", "30-bit digits", [], |n, r| Marked::digits30(n)),
    spelling!("decimal", "decimal", [], |n, r| Marked::decimal(n)),
    spelling!("decimal bc", "decimal", [], |n, r| Marked::decimal(n)
        .lines(68, "\\\n")),
    spelling!("hex", "hex", [], |n, r| Marked::new(n.iter().copied())
        .amid(r)
        .hex(false, "", 1)),
    spelling!("HEX", "hex, capital", [], |n, r| Marked::new(
        n.iter().copied()
    )
    .amid(r)
    .hex(true, "", 1)),
    spelling!("hex LE", "hex of little-endian", [], |n, r| Marked::new(
        n.iter().rev().copied()
    )
    .amid(r)
    .hex(false, "", 1)),
    spelling!("hex 64", "hex", [], |n, r| Marked::new(n.iter().copied())
        .amid(r)
        .hex(false, "", 1)
        .lines(64, "\n")),
    spelling!("hex 32", "hex", [], |n, r| Marked::new(n.iter().copied())
        .amid(r)
        .hex(false, "", 1)
        .lines(32, "\r\n  ")),
    spelling!("hex :", "hex, ':' between", [], |n, r| Marked::new(
        n.iter().copied()
    )
    .amid(r)
    .hex(false, ":", 1)),
    spelling!("HEX :", "hex, capital, ':' between", [], |n, r| {
        Marked::new(n.iter().copied()).hex(true, ":", 1)
    }),
    spelling!("openssl -text", "hex, ':' between", [], |n, r| Marked::new(
        n.iter().copied()
    )
    .amid(r)
    .hex(false, ":", 1)
    .lines(45, "\n    ")),
    spelling!("hex space", "hex, ' ' between", [], |n, r| Marked::new(
        n.iter().copied()
    )
    .hex(false, " ", 1)),
    spelling!("hexdump", "hex, ' ' between", [], |n, r| Marked::new(
        n.iter().copied()
    )
    .amid(r)
    .hex(false, " ", 1)
    .lines(24, " ")
    .lines(50, "\n")),
    spelling!(
        "xxd -p pairs",
        "hex, ' ' between pairs of bytes",
        [],
        |n, r| Marked::new(n.iter().copied()).hex(false, " ", 2)
    ),
    spelling!("hex -", "hex, capital, '-' between", [], |n, r| {
        Marked::new(n.iter().copied()).hex(true, "-", 1)
    }),
    spelling!("hex ,", "hex, ',' between", [], |n, r| Marked::new(
        n.iter().copied()
    )
    .hex(false, ",", 1)),
    spelling!("C array", "hex, '0x' between", [], |n, r| Marked::new(
        n.iter().copied()
    )
    .amid(r)
    .hex(false, ", 0x", 1)
    .lines(48, "\n  ")
    .between("{0x", "};")),
    spelling!("C array, tight", "hex, '0x' between", [], |n, r| {
        Marked::new(n.iter().copied())
            .amid(r)
            .hex(false, ",0x", 1)
            .lines(40, "\n")
    }),
    spelling!("C string", "hex, '\\x' between", [], |n, r| Marked::new(
        n.iter().copied()
    )
    .amid(r)
    .hex(false, "\\x", 1)
    .between("\"\\x", "\"")),
    spelling!("json bytes", "bytes in decimal", [], |n, r| Marked::new(
        n.iter().copied()
    )
    .each(",", |b| b.to_string())),
    spelling!("python bytes", "bytes in decimal", [], |n, r| Marked::new(
        n.iter().copied()
    )
    .amid(r)
    .each(", ", |b| b.to_string())),
    spelling!("go bytes", "bytes in decimal", [], |n, r| Marked::new(
        n.iter().copied()
    )
    .each(" ", |b| b.to_string())),
    spelling!("java bytes", "bytes in decimal, signed", [], |n, r| {
        Marked::new(n.iter().copied()).each(", ", |b| (b as i8).to_string())
    }),
    spelling!("base64", "base64", [], |n, r| Marked::new(
        n.iter().copied()
    )
    .amid(r)
    .base64(&STANDARD)),
    spelling!("base64 LE", "base64 of little-endian", [], |n, r| {
        Marked::new(n.iter().rev().copied())
            .amid(r)
            .base64(&STANDARD)
    }),
    spelling!("base64 76", "base64", [], |n, r| Marked::new(
        n.iter().copied()
    )
    .amid(r)
    .base64(&STANDARD)
    .lines(76, "\r\n")),
    spelling!("PEM", "base64", ["PEM"], |n, r| Marked::new(
        n.iter().copied()
    )
    .amid(r)
    .pem(64, "\n")),
    spelling!("PEM CRLF", "base64", ["PEM"], |n, r| Marked::new(
        n.iter().copied()
    )
    .amid(r)
    .pem(64, "\r\n")),
    spelling!("PEM indented", "base64", ["PEM"], |n, r| Marked::new(
        n.iter().copied()
    )
    .amid(r)
    .pem(64, "\n        ")),
    spelling!("PEM JSON", "base64", ["PEM", "JSON string"], |n, r| {
        Marked::new(n.iter().copied()).amid(r).pem(64, "\\n")
    }),
    spelling!("PEM JSON JSON", "base64", ["PEM", "JSON string"], |n, r| {
        Marked::new(n.iter().copied()).amid(r).pem(64, "\\\\r\\\\n")
    }),
    spelling!("PEM PHP", "base64", ["PEM", "JSON string"], |n, r| {
        Marked::new(n.iter().copied())
            .amid(r)
            .pem(64, "\\n")
            .escape_slashes()
    }),
    spelling!("PEM source", "base64", ["PEM"], |n, r| Marked::new(
        n.iter().copied()
    )
    .amid(r)
    .pem(64, "\\n\" +\n   \"")),
    spelling!("PEM URL", "base64", ["PEM"], |n, r| Marked::new(
        n.iter().copied()
    )
    .amid(r)
    .pem(64, "%0A")),
    spelling!("PEM quoted", "base64", ["PEM"], |n, r| Marked::new(
        n.iter().copied()
    )
    .amid(r)
    .pem(64, "\n> > ")),
    spelling!("PEM UTF-16", "base64", ["PEM", "UTF-16LE"], |n, r| {
        Marked::new(n.iter().copied())
            .amid(r)
            .pem(64, "\r\n")
            .utf16()
    }),
    spelling!("hex UTF-16", "hex", ["UTF-16LE"], |n, r| Marked::new(
        n.iter().copied()
    )
    .hex(false, "", 1)
    .utf16()),
    spelling!("decimal UTF-16", "decimal", ["UTF-16LE"], |n, r| {
        Marked::decimal(n).utf16()
    }),
    spelling!("JWK", "base64", ["JWK"], |n, r| {
        Marked::new(n.iter().copied())
            .base64(&URL_SAFE_NO_PAD)
            .between("{\"kty\":\"EC\",\"crv\":\"P-256\",\"d\": \"", "\"}")
    }),
    spelling!("Kubernetes Secret", "base64", ["PEM", "base64"], |n, r| {
        Marked::new(n.iter().copied())
            .amid(r)
            .pem(64, "\n")
            .base64(&STANDARD)
            .between("  tls.key: ", "\n")
    }),
    spelling!(
        "base64 of PEM, broken",
        "base64",
        ["PEM", "base64"],
        |n, r| {
            Marked::new(n.iter().copied())
                .amid(r)
                .pem(64, "\n")
                .base64(&STANDARD)
                .lines(76, "\n")
                .between("-----\n", "\n")
        }
    ),
    spelling!("base64 of base64", "base64", ["base64"], |n, r| {
        Marked::new(n.iter().copied())
            .amid(r)
            .base64(&STANDARD)
            .base64(&STANDARD)
    }),
    spelling!("base64 of hex", "hex", ["base64"], |n, r| Marked::new(
        n.iter().copied()
    )
    .hex(false, "", 1)
    .amid(r)
    .base64(&STANDARD)),
    spelling!("pg_dump", "base64", ["PEM", "hex"], |n, r| Marked::new(
        n.iter().copied()
    )
    .amid(r)
    .pem(64, "\n")
    .hex(false, "", 1)
    .between("\\x", "\t")),
];
