//! The positive control: keys of our own, planted before the search, that it must find ([`Canaries`]).
//!
//! They are made before anything is known of the keys that are looked for, so that a snapshot holds them too. Later those
//! of the same kind are looked for beside the real ones.

use std::borrow::Cow;

use num_bigint::BigUint;
use zeroize::Zeroizing;

use crate::answer::SearchKind;
use crate::key::fit::{point, public_of};
use crate::key::{Curve, PrivateKey, PublicKey, Secret, Target};
use crate::needle::foremost;
use crate::scan::Seen;
use crate::source::Place;

/// Sizes of RSA canaries, in bits; a key of another size is stood for by the nearest.
const RSA_BITS: [usize; 5] = [2048, 3072, 4096, 6144, 8192];
/// A blind search throws out numbers with factors below this.
const SMALL: u32 = 1000;
/// Secrets begin at multiples of this, so that a search of aligned windows meets them too.
const ALIGNMENT: usize = 64;

/// Keys of our own, one of each kind, and the bytes to plant.
pub struct Canaries {
    keys: Vec<Canary>,
    page: Secret,
}

struct Canary {
    public: PublicKey,
    private: PrivateKey,
    /// Where its secret lies in the page, big-endian, and how long it is.
    at: usize,
    length: usize,
}

/// There is no randomness to be had from the system.
#[derive(Debug, thiserror::Error)]
#[error("no canary key could be made: the system gives no randomness")]
pub struct NoCanary(#[from] getrandom::Error);

/// A canary that a search looks for beside its targets.
pub struct Wanted {
    /// To be put among the targets.
    pub target: Target,
    /// What it stands for, in words.
    pub kind: String,
    at: u64,
    length: u64,
}

impl Canaries {
    /// New keys.
    ///
    /// # Errors
    ///
    /// If the library makes none.
    pub fn new() -> Result<Self, NoCanary> {
        let mut page = Vec::new();
        let mut keys = vec![
            ec(Curve::P256)?,
            ec(Curve::P384)?,
            ec(Curve::P521)?,
            ed25519()?,
        ];
        for bits in RSA_BITS {
            keys.push(rsa(bits)?);
        }
        // The vector must not leave copies behind as it grows.
        page.reserve_exact(
            ALIGNMENT + keys.len() * (ALIGNMENT + RSA_BITS[RSA_BITS.len() - 1] / 16),
        );
        page.resize(ALIGNMENT, 0);
        let mut canaries = Vec::new();
        for (public, private) in keys {
            let (at, secret) = (page.len(), foremost(&private).2.expose());
            page.extend_from_slice(secret);
            page.resize(page.len().next_multiple_of(ALIGNMENT) + ALIGNMENT, 0);
            let length = secret.len();
            canaries.push(Canary {
                public,
                private,
                at,
                length,
            });
        }
        let page = Secret::new(page);
        Ok(Self {
            keys: canaries,
            page,
        })
    }

    /// The bytes to plant, to begin at an address or offset that is a multiple of 8.
    pub fn page(&self) -> &[u8] {
        self.page.expose()
    }

    /// The canaries that stand for these targets: one for each kind of key and of search.
    pub fn wanted<'t>(
        &self,
        targets: impl IntoIterator<Item = (&'t Target, SearchKind)>,
    ) -> Vec<Wanted> {
        let mut wanted: Vec<Wanted> = Vec::new();
        for (target, search) in targets {
            // Structures are found by parsing, which the page does not offer: the known search stands for reading.
            let known = search != SearchKind::Blind;
            let how = if known { "known" } else { "blind" };
            let (index, name) = self.like(&target.public);
            let kind = format!("{name}, {how}");
            if wanted.iter().any(|w| w.kind == kind) {
                continue;
            }
            let canary = &self.keys[index];
            wanted.push(Wanted {
                target: Target {
                    name: format!("canary {name}"),
                    public: canary.public.clone(),
                    private: known.then(|| canary.private.clone()),
                },
                kind,
                at: canary.at as u64,
                length: canary.length as u64,
            });
        }
        wanted
    }

    fn like(&self, public: &PublicKey) -> (usize, Cow<'static, str>) {
        match public {
            PublicKey::Ec {
                curve: Curve::P256, ..
            } => (0, "EC P-256".into()),
            PublicKey::Ec {
                curve: Curve::P384, ..
            } => (1, "EC P-384".into()),
            PublicKey::Ec {
                curve: Curve::P521, ..
            } => (2, "EC P-521".into()),
            PublicKey::Ed25519(_) => (3, "Ed25519".into()),
            PublicKey::Rsa { modulus, .. } => {
                let distance = |bits: usize| (modulus.len() * 8).abs_diff(bits);
                let nearest = (0..RSA_BITS.len()).min_by_key(|&i| distance(RSA_BITS[i]));
                let nearest = nearest.unwrap_or(0);
                (4 + nearest, format!("RSA {}", RSA_BITS[nearest]).into())
            }
        }
    }
}

impl Wanted {
    /// Whether it was seen where it was planted: in a place that `here` accepts, at the page's beginning plus its own
    /// offset wherever the page lies.
    pub fn found<'s>(
        &self,
        index: usize,
        seen: impl IntoIterator<Item = &'s Seen>,
        here: impl Fn(&Place) -> bool,
    ) -> bool {
        seen.into_iter().any(|seen| {
            seen.sighting.key == crate::detector::Whose::Target(index)
                && seen.sighting.length == self.length
                && seen.sighting.at % 8 == self.at % 8
                && here(&seen.place)
        })
    }
}

/// The randomness is the system's: the library's own generator takes longer to start than a small search takes.
fn random(length: usize) -> Result<Zeroizing<Vec<u8>>, NoCanary> {
    let mut bytes = Zeroizing::new(vec![0; length]);
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

fn ec(curve: Curve) -> Result<(PublicKey, PrivateKey), NoCanary> {
    loop {
        let mut scalar = random(curve.size())?;
        if curve == Curve::P521 {
            // 66 bytes hold seven bits more than a scalar has.
            scalar[0] &= 1;
        }
        // Hardly ever is it zero or too large.
        if let Some(public) = point(curve, &scalar) {
            let scalar = Secret::new(scalar.to_vec());
            return Ok((public, PrivateKey::Ec { curve, scalar }));
        }
    }
}

fn ed25519() -> Result<(PublicKey, PrivateKey), NoCanary> {
    let private = PrivateKey::Ed25519 {
        seed: Secret::new(random(32)?.to_vec()),
    };
    Ok((public_of(&private), private))
}

/// Whether an odd number, most significant byte first, is divisible by one below [`SMALL`].
fn has_small_factor(number: &[u8]) -> bool {
    let number = BigUint::from_bytes_be(number);
    // Divided by several at once, since dividing so long a number takes long.
    let mut factors = (3..SMALL).step_by(2).map(u64::from).peekable();
    while factors.peek().is_some() {
        let mut product = 1u64;
        let mut some = Vec::new();
        while let Some(factor) = factors.next_if(|factor| product.checked_mul(*factor).is_some()) {
            product *= factor;
            some.push(factor);
        }
        let rest = u64::try_from(&number % product).expect("it is less than what was divided by");
        if some.iter().any(|factor| rest % factor == 0) {
            return true;
        }
    }
    false
}

/// Numbers of the right lengths without small factors; the search asks no more of them, and real primes of this size take
/// seconds.
fn rsa(bits: usize) -> Result<(PublicKey, PrivateKey), NoCanary> {
    let random = |length: usize| -> Result<Zeroizing<Vec<u8>>, NoCanary> {
        let mut bytes = random(length)?;
        // Large enough that the product has its full length, and odd.
        bytes[0] |= 0xc0;
        bytes[length - 1] |= 1;
        Ok(bytes)
    };
    let prime = || -> Result<Zeroizing<Vec<u8>>, NoCanary> {
        loop {
            let bytes = random(bits / 16)?;
            if !has_small_factor(&bytes) {
                return Ok(bytes);
            }
        }
    };
    let (p, q) = (prime()?, prime()?);
    let modulus = (BigUint::from_bytes_be(&p) * BigUint::from_bytes_be(&q)).to_bytes_be();
    let secret = |bytes: Zeroizing<Vec<u8>>| Secret::new(bytes.to_vec());
    let private = PrivateKey::Rsa {
        d: secret(random(bits / 8)?),
        dp: secret(random(bits / 16)?),
        dq: secret(random(bits / 16)?),
        qinv: secret(random(bits / 16)?),
        p: secret(p),
        q: secret(q),
    };
    let exponent = vec![1, 0, 1];
    Ok((PublicKey::Rsa { modulus, exponent }, private))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_factors_are_found_in_long_numbers() {
        let large = (BigUint::from(1u8) << 521u32) - 1u8;
        assert!(!has_small_factor(&large.to_bytes_be()), "it is a prime");
        for factor in [3u32, 5, 7, 997] {
            assert!(
                has_small_factor(&(&large * factor).to_bytes_be()),
                "{factor}"
            );
        }
        assert!(!has_small_factor(&(&large * 1009u32).to_bytes_be()));
    }
}
