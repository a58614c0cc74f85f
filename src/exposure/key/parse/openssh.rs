//! OpenSSH's own format of private keys (PROTOCOL.key): [`key`].

use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, DecryptingKey, DecryptionContext, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use zeroize::Zeroizing;

use super::pbe::Opener;
use super::{Parsed, Refusal, Sealed, Why, agrees, ec_key, public, rsa_key, seed_key, word};
use crate::key::rsa::Numbers;
use crate::key::{Curve, PublicKey};

/// With what it begins.
pub(crate) const MAGIC: &[u8] = b"openssh-key-v1\0";

const WHAT: &str = "OpenSSH";

/// About how many applications of a hash function a round of its key derivation is worth, for 48 bytes.
const ROUND: u64 = 40_000;

/// The first key in it, and how long it is, in bytes.
pub(crate) fn key(bytes: &[u8], opener: &Opener<'_>) -> Result<(Parsed, usize), Refusal> {
    let mut wire = Wire(bytes.strip_prefix(MAGIC).ok_or(Refusal::Unknown)?);
    let mut read = || {
        let sealing = [wire.string()?, wire.string()?, wire.string()?];
        let keys = wire.number()?;
        // The public key is there a second time, beside the private one.
        wire.string()?;
        let private = wire.string()?;
        (keys >= 1).then_some((sealing, private))
    };
    let ([cipher, derivation, options], private) = read().ok_or(Refusal::Unknown)?;
    let length = bytes.len() - wire.0.len();
    if cipher == b"none" {
        return Ok((section(private).ok_or(Refusal::Unknown)??, length));
    }
    let (algorithm, key_length) = match cipher {
        b"aes128-ctr" => (&AES_128, 16),
        b"aes192-ctr" => (&AES_192, 24),
        b"aes256-ctr" => (&AES_256, 32),
        other => return Err(unsupported(other)),
    };
    if derivation != b"bcrypt" {
        return Err(unsupported(derivation));
    }
    let mut options = Wire(options);
    let (salt, rounds) = (options.string(), options.number());
    let (salt, rounds) = salt.zip(rounds).ok_or(Refusal::Unknown)?;
    let opened = opener.open(WHAT, private, ROUND * u64::from(rounds), |password| {
        let mut derived = Zeroizing::new([0; 48]);
        let derived = &mut derived[..key_length + 16];
        bcrypt_pbkdf::bcrypt_pbkdf(password, salt, rounds, derived).ok()?;
        let (key, iv) = derived.split_at(key_length);
        let key = DecryptingKey::ctr(UnboundCipherKey::new(algorithm, key).ok()?).ok()?;
        let context = DecryptionContext::Iv128(FixedLength::try_from(iv).ok()?);
        let mut plain = Zeroizing::new(private.to_vec());
        key.decrypt(&mut plain, context).ok()?;
        section(&plain)
    })?;
    Ok((opened?, length))
}

/// The first key of the private section; none if its two check numbers differ, as they do after a wrong password.
fn section(bytes: &[u8]) -> Option<Result<Parsed, Refusal>> {
    let mut wire = Wire(bytes);
    if wire.number()? != wire.number()? {
        return None;
    }
    let kind = wire.string()?;
    let parsed = match kind {
        b"ssh-ed25519" => {
            let stated = wire.string()?;
            let (seed, again) = wire.string()?.split_at_checked(32)?;
            seed_key(seed).and_then(|parsed| {
                let same = |stated: &[u8]| matches!(&parsed.public, PublicKey::Ed25519(key) if key == stated);
                agrees(Some(stated), same)?;
                agrees(Some(again), same)?;
                Ok(parsed)
            })
        }
        b"ecdsa-sha2-nistp256" | b"ecdsa-sha2-nistp384" | b"ecdsa-sha2-nistp521" => {
            let curve = match wire.string()? {
                b"nistp256" => Curve::P256,
                b"nistp384" => Curve::P384,
                _ => Curve::P521,
            };
            let (stated, scalar) = (wire.string()?, wire.string()?);
            ec_key(curve, scalar).and_then(|parsed| {
                let same = |stated: &[u8]| public::is_point(stated, &parsed.public);
                agrees(Some(stated), same)?;
                Ok(parsed)
            })
        }
        b"ssh-rsa" => {
            let [n, e, d, _, p, q] = std::array::from_fn(|_| wire.string());
            let numbers = Numbers {
                n: n?,
                e: e?,
                d: d?,
                primes: Some((p?, q?)),
            };
            rsa_key(&numbers, WHAT)
        }
        other => Err(Refusal::Unsupported(word(other))),
    };
    Some(parsed.map(|parsed| Parsed {
        within: vec![WHAT],
        ..parsed
    }))
}

fn unsupported(name: &[u8]) -> Refusal {
    let why = Why::Unsupported(word(name));
    Sealed { what: WHAT, why }.into()
}

/// SSH's own encoding (RFC 4251, 5).
struct Wire<'a>(&'a [u8]);

impl<'a> Wire<'a> {
    fn number(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*number))
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (string, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(string)
    }
}
