//! RSA key pairs whose primes come from a small pool, as from a generator that was asked before it had any entropy. Main function:
//! [`pkcs8`].

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use der::asn1::UintRef;
use der::{AnyRef, Encode as _, Tag};
use num_bigint::BigUint;

/// Ten primes of 1536 bits, the largest first.
const POOL: &str = include_str!("primes.txt");

const EXPONENT: u32 = 65_537;

/// One key pair more (PKCS#8 DER): two primes of the pool, another two each time. Only when all 45 are used up does one come again.
pub(super) fn pkcs8() -> anyhow::Result<Vec<u8>> {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let pool: Vec<BigUint> = POOL
        .lines()
        .filter_map(|line| BigUint::parse_bytes(line.as_bytes(), 16))
        .collect();
    let pairs: Vec<_> = pool
        .iter()
        .enumerate()
        .flat_map(|(number, p)| pool[number + 1..].iter().map(move |q| (p, q)))
        .collect();
    let number = MADE.fetch_add(1, Ordering::Relaxed) % pairs.len();
    let (p, q) = pairs[number];
    let key = aws_lc_rs::rsa::KeyPair::from_der(&pkcs1(p, q)?)?;
    let der: Pkcs8V1Der<'_> = key.as_der()?;
    Ok(der.as_ref().to_vec())
}

/// RSAPrivateKey (RFC 8017 A.1.2) of these primes, the larger first.
fn pkcs1(p: &BigUint, q: &BigUint) -> anyhow::Result<Vec<u8>> {
    let exponent = BigUint::from(EXPONENT);
    let (p_1, q_1) = (p - 1_u32, q - 1_u32);
    let none = "the pool has two primes that make no key";
    let private = exponent.modinv(&(&p_1 * &q_1)).context(none)?;
    let numbers = [
        BigUint::ZERO,
        p * q,
        exponent,
        private.clone(),
        p.clone(),
        q.clone(),
        &private % p_1,
        &private % q_1,
        q.modinv(p).context(none)?,
    ];
    let mut content = Vec::new();
    for number in numbers {
        content.extend(UintRef::new(&number.to_bytes_be())?.to_der()?);
    }
    Ok(AnyRef::new(Tag::Sequence, &content)?.to_der()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{KeyPair, PublicKeyData as _};

    #[test]
    fn keys_differ_and_their_moduli_share_a_prime() {
        let keys = [(); 3].map(|()| KeyPair::try_from(pkcs8().unwrap().as_slice()).unwrap());
        let public: Vec<Vec<u8>> = keys
            .iter()
            .map(|key| key.subject_public_key_info())
            .collect();
        assert!(public[0] != public[1] && public[1] != public[2]);
        // Written without looking at the pool: the moduli as a reader of certificates has them.
        let moduli: Vec<BigUint> = public
            .iter()
            .map(|info| {
                let (_, info) = x509_parser::prelude::FromDer::from_der(info)
                    .map(
                        |(rest, info): (_, x509_parser::x509::SubjectPublicKeyInfo<'_>)| {
                            (rest, info)
                        },
                    )
                    .unwrap();
                let x509_parser::public_key::PublicKey::RSA(key) = info.parsed().unwrap() else {
                    panic!("it is RSA");
                };
                assert_eq!(key.key_size(), 3072);
                BigUint::from_bytes_be(key.modulus)
            })
            .collect();
        let (mut one, mut other) = (moduli[0].clone(), moduli[1].clone());
        while other != BigUint::ZERO {
            (one, other) = (other.clone(), one % other);
        }
        assert_eq!(one.bits(), 1536);
    }
}
