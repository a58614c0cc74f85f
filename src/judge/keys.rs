//! Are the key pairs that were asked to be certified fresh ([`differ`]), and is there none whose private key follows from what
//! everybody sees ([`strong`])?

mod known;
mod rsa;

use std::collections::BTreeMap;

use num_bigint::BigUint;

use crate::model::evidence::{Measurement, Observation};
use crate::model::key_protection::KeyUse;
use crate::model::question::Judgement;
use crate::model::verdict::Outcome;

use super::uniqueness::detection_bound_bits;

const CLAUSE: &str = "IFA026 B.3 Vnfm.Sc.003";

/// Whether no two certification requests share a key pair. The measurement says what that can tell: a generator that draws from
/// a space of at most so many bits would have shown a repetition with 99 % probability.
pub fn differ(uses: &[KeyUse], least: usize) -> Judgement {
    let mut first: BTreeMap<&str, &KeyUse> = BTreeMap::new();
    for one in uses {
        if let Some(earlier) = first.insert(&one.public_key_sha256, one) {
            return Judgement::from(Outcome::Unmet {
                expected: "each certification request has a key pair of its own".into(),
                actual: format!(
                    "that of {} has the key of {} (public key {})",
                    one.what,
                    earlier.what,
                    shortened(one)
                ),
            });
        }
    }
    if let Some(too_few) = fewer(uses, least) {
        return too_few;
    }
    let mut judgement = Judgement::from(Outcome::Met);
    judgement.measurements = vec![bound("detection-bound", uses.len())];
    judgement
}

/// Whether no private key follows from the public keys: none that is published, no RSA modulus that can be taken apart, alone or with
/// the help of another one. What the number of moduli can tell is measured and said.
pub fn strong(uses: &[KeyUse], least: usize) -> Judgement {
    let unmet = |actual: String| {
        Judgement::from(Outcome::Unmet {
            expected: "no private key can be had from the public keys".into(),
            actual,
        })
    };
    let known = known::keys();
    for one in uses {
        if let Some(source) = known.get(&one.public_key_sha256) {
            return unmet(format!(
                "the private key of {} is {source} (public key {})",
                one.what,
                shortened(one)
            ));
        }
    }
    let mut moduli: Vec<(&KeyUse, BigUint)> = Vec::new();
    for one in uses {
        let Some(key) = &one.rsa else { continue };
        let numbers =
            [&key.modulus, &key.exponent].map(|hex| BigUint::parse_bytes(hex.as_bytes(), 16));
        let [Some(modulus), Some(exponent)] = numbers else {
            return undecided(format!("the RSA key of {} cannot be read", one.what));
        };
        if let Some(flaw) = rsa::flaw(&modulus, &exponent) {
            return unmet(format!("that of {}: {flaw}", one.what));
        }
        // The same key again is another question's matter.
        if !moduli.iter().any(|(_, known)| *known == modulus) {
            moduli.push((one, modulus));
        }
    }
    let numbers: Vec<BigUint> = moduli.iter().map(|(_, modulus)| modulus.clone()).collect();
    if let Some((one, other)) = rsa::sharing(&numbers) {
        return unmet(format!(
            "the RSA moduli of {} and of {} share a prime, so that whoever sees both can compute both private keys",
            moduli[one].0.what, moduli[other].0.what
        ));
    }
    if let Some(too_few) = fewer(uses, least) {
        return too_few;
    }
    let mut judgement = Judgement::from(Outcome::Met);
    if moduli.len() > 1 {
        judgement.measurements = vec![bound("shared-prime-bound", 2 * moduli.len())];
        judgement.observations = vec![searched(moduli.len())];
    }
    judgement
}

/// Two primes of each modulus were drawn: they meet as identifiers do.
fn searched(moduli: usize) -> Observation {
    let bits = detection_bound_bits(2 * moduli);
    Observation {
        name: "rsa-moduli".into(),
        text: format!(
            "{moduli} RSA moduli share no prime, and none has close primes, a factor below {} or the form of CVE-2017-15361 (ROCA): \
             a generator that takes its primes from at most 2^{bits:.1} would have shown a shared one with 99 % probability, one \
             that takes them from more may do so unseen",
            rsa::SMALL
        ),
        clause: Some(CLAUSE.into()),
    }
}

fn bound(name: &str, drawn: usize) -> Measurement {
    Measurement {
        name: name.into(),
        value: detection_bound_bits(drawn),
        unit: "bit".into(),
    }
}

fn fewer(uses: &[KeyUse], least: usize) -> Option<Judgement> {
    (uses.len() < least).then(|| {
        undecided(format!(
            "{} certification request(s) were seen, {least} are needed",
            uses.len()
        ))
    })
}

fn undecided(reason: String) -> Judgement {
    Judgement::from(Outcome::Undecided { reason })
}

fn shortened(one: &KeyUse) -> String {
    let digits = one.public_key_sha256.get(..16).unwrap_or_default();
    format!("{digits}...")
}

#[cfg(test)]
mod tests;
