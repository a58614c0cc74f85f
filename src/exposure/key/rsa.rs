//! RSA numbers: are they of one key, and what follows from them ([`Numbers`]).

use std::cmp::Ordering;

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, ConcatenatingMul, Gcd, NonZero, Odd, Resize};
use zeroize::Zeroizing;

use super::{PrivateKey, PublicKey, Secret};

/// The shortest modulus taken for a key, in bytes.
const SHORTEST: usize = 512 / 8;
/// The longest modulus taken for a key, in bytes: more would cost seconds.
const LONGEST: usize = 16384 / 8;
/// Bases that are tried for the primes; each fails for at most every second key.
const BASES: [u8; 16] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53];

type Number = Zeroizing<BoxedUint>;

/// What a structure says of an RSA key, each number most significant byte first.
pub(super) struct Numbers<'a> {
    pub(super) n: &'a [u8],
    pub(super) e: &'a [u8],
    pub(super) d: &'a [u8],
    /// Both primes, if it names them.
    pub(super) primes: Option<(&'a [u8], &'a [u8])>,
}

impl Numbers<'_> {
    /// The key, if all numbers are of one; the rest of the numbers is computed, whatever the structure says of them.
    pub(super) fn key(&self) -> Option<(PrivateKey, PublicKey)> {
        let modulus = trim(self.n);
        if !(SHORTEST..=LONGEST).contains(&modulus.len())
            || trim(self.e).len() > modulus.len()
            || trim(self.d).len() > modulus.len()
        {
            return None;
        }
        let (n, e, d) = (number(self.n), number(self.e), number(self.d));
        let (p, q) = match self.primes {
            Some((p, q)) => (number(p), number(q)),
            None => primes(&n, &e, &d)?,
        };
        if product(&p, &q).cmp_vartime(&*n) != Ordering::Equal || !inverse(&e, &d, &p, &q) {
            return None;
        }
        let private = PrivateKey::Rsa {
            dp: secret(&remainder(&d, &less_one(&p))?),
            dq: secret(&remainder(&d, &less_one(&q))?),
            qinv: secret(&inverse_of(&q, &p)?),
            d: secret(&d),
            p: secret(&p),
            q: secret(&q),
        };
        let public = PublicKey::Rsa {
            modulus: modulus.to_vec(),
            exponent: trim(self.e).to_vec(),
        };
        Some((private, public))
    }
}

/// The modulus and the exponent of a private key; no exponent if there is none that fits.
pub(super) fn public(d: &Secret, p: &Secret, q: &Secret) -> PublicKey {
    let (d, p, q) = (number(d.expose()), number(p.expose()), number(q.expose()));
    let exponent = [65537_u32, 3, 17, 257, 5, 7, 35, 37]
        .into_iter()
        .map(|e| Zeroizing::new(BoxedUint::from(e)))
        .find(|e| inverse(e, &d, &p, &q))
        .or_else(|| {
            let common = Zeroizing::new(less_one(&p).gcd_vartime(&*less_one(&q)));
            let (shorter, _) = quotient(&less_one(&p), &common)?;
            let period = product(&shorter, &less_one(&q));
            let e = inverse_of(&remainder(&d, &period)?, &period)?;
            inverse(&e, &d, &p, &q).then_some(e)
        });
    PublicKey::Rsa {
        modulus: bytes(&product(&p, &q)),
        exponent: exponent.map(|e| bytes(&e)).unwrap_or_default(),
    }
}

/// Whether a private key is that of a modulus and an exponent.
pub(super) fn fits(d: &Secret, p: &Secret, q: &Secret, modulus: &[u8], exponent: &[u8]) -> bool {
    let (p, q) = (number(p.expose()), number(q.expose()));
    bytes(&product(&p, &q)) == trim(modulus)
        && inverse(&number(exponent), &number(d.expose()), &p, &q)
}

/// Big-endian bytes without leading zeros.
pub(super) fn trim(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
    &bytes[zeros..]
}

/// The primes of a modulus, from both exponents: FIPS 186-5 and SP 800-56B, appendix C.
fn primes(n: &Number, e: &Number, d: &Number) -> Option<(Number, Number)> {
    let odd = Odd::new((**n).clone()).into_option()?;
    let multiple = less_one(&product(e, d));
    let twos = multiple.trailing_zeros_vartime();
    // An exponent that is not far above the modulus's square is no key's.
    if multiple.bits_vartime() <= 1 || twos == 0 || multiple.bits_vartime() > 2 * n.bits_vartime() {
        return None;
    }
    let rest = Zeroizing::new(multiple.wrapping_shr_vartime(twos));
    let field = BoxedMontyParams::new(odd);
    let one = BoxedMontyForm::one(&field);
    let minus_one = -&one;
    for base in BASES {
        let base = BoxedUint::from(base).resize(n.bits_precision());
        let mut power = Zeroizing::new(BoxedMontyForm::new(base, &field).pow(&rest));
        for _ in 0..twos {
            if *power == one || *power == minus_one {
                break;
            }
            let square = Zeroizing::new(power.square());
            if *square == one {
                // A root of one that is neither 1 nor -1 gives a factor away.
                let root = Zeroizing::new(power.retrieve());
                let p = Zeroizing::new(less_one(&root).gcd_vartime(&**n));
                let (q, _) = quotient(n, &p)?;
                return Some(if p.cmp_vartime(&*q) == Ordering::Less {
                    (q, p)
                } else {
                    (p, q)
                });
            }
            power = square;
        }
    }
    None
}

/// Whether e d = 1 modulo p - 1 and q - 1, both primes being odd and of some length.
fn inverse(e: &Number, d: &Number, p: &Number, q: &Number) -> bool {
    let both = product(e, d);
    [p, q].into_iter().all(|prime| {
        prime.bits_vartime() > 64
            && prime.bit_vartime(0)
            && remainder(&both, &less_one(prime)).is_some_and(|rest| bytes(&rest) == [1])
    })
}

fn number(bytes: &[u8]) -> Number {
    let bytes = trim(bytes);
    let bytes = if bytes.is_empty() { &[0] } else { bytes };
    Zeroizing::new(BoxedUint::from_be_slice_vartime(bytes))
}

fn bytes(number: &BoxedUint) -> Vec<u8> {
    let whole = Zeroizing::new(number.to_be_bytes());
    trim(&whole).to_vec()
}

fn secret(number: &Number) -> Secret {
    Secret::new(bytes(number))
}

fn product(a: &Number, b: &Number) -> Number {
    Zeroizing::new(a.concatenating_mul(&**b))
}

/// One less; of nothing, nothing.
fn less_one(number: &Number) -> Number {
    let one = BoxedUint::one_with_precision(number.bits_precision());
    match number.cmp_vartime(&one) {
        Ordering::Less => number.clone(),
        _ => Zeroizing::new(number.wrapping_sub(&one)),
    }
}

fn quotient(a: &Number, b: &Number) -> Option<(Number, Number)> {
    let divisor = NonZero::new((**b).clone()).into_option()?;
    let (quotient, rest) = a.div_rem_vartime(&divisor);
    Some((Zeroizing::new(quotient), Zeroizing::new(rest)))
}

fn remainder(a: &Number, modulus: &Number) -> Option<Number> {
    Some(quotient(a, modulus)?.1)
}

/// a^-1 modulo a number, if there is one.
fn inverse_of(a: &Number, modulus: &Number) -> Option<Number> {
    let a = remainder(a, modulus)?;
    let bits = modulus.bits_precision();
    let a = Zeroizing::new(BoxedUint::from_be_slice(&Zeroizing::new(bytes(&a)), bits).ok()?);
    let modulus = NonZero::new((**modulus).clone()).into_option()?;
    let inverse = a.invert_mod(&modulus).into_option()?;
    Some(Zeroizing::new(inverse))
}
