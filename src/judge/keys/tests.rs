use super::*;
use crate::model::key_protection::RsaPublicKey;

fn used(number: usize, key: &str, rsa: Option<RsaPublicKey>) -> KeyUse {
    KeyUse {
        what: format!("VNFCI {number}"),
        public_key_sha256: key.to_owned(),
        rsa,
    }
}

fn uses(keys: &[&str]) -> Vec<KeyUse> {
    let numbered = keys.iter().enumerate();
    numbered
        .map(|(number, key)| used(number, key, None))
        .collect()
}

/// With moduli that are products of these, which need not be prime for that.
fn moduli(products: &[[u128; 2]]) -> Vec<KeyUse> {
    let numbered = products.iter().enumerate();
    numbered
        .map(|(number, [p, q])| {
            let modulus = BigUint::from(*p) * *q;
            let rsa = RsaPublicKey {
                modulus: modulus.to_str_radix(16),
                exponent: "10001".into(),
            };
            used(number, &format!("{number:064}"), Some(rsa))
        })
        .collect()
}

/// Primes: the first after 2^64 and after 1.5, 2 and 3 times as much.
const P: [u128; 4] = [
    18_446_744_073_709_551_629,
    27_670_116_110_564_327_479,
    36_893_488_147_419_103_363,
    55_340_232_221_128_654_883,
];

#[track_caller]
fn unmet(judgement: &Judgement) -> &str {
    match &judgement.outcome {
        Outcome::Unmet { actual, .. } => actual,
        other => panic!("{other:?}"),
    }
}

fn is_undecided(judgement: &Judgement) -> bool {
    matches!(judgement.outcome, Outcome::Undecided { .. })
}

#[test]
fn a_key_that_comes_twice_is_unmet_and_too_few_show_nothing() {
    assert_eq!(differ(&uses(&["a", "b"]), 2).outcome, Outcome::Met);
    unmet(&differ(&uses(&["a", "b", "a"]), 4));
    assert!(is_undecided(&differ(&uses(&["a"]), 2)));
}

#[test]
fn a_key_that_everybody_knows_is_unmet() {
    let (known, source) = known::keys().first_key_value().unwrap();
    let judged = strong(&uses(&["a", known]), 2);
    assert!(unmet(&judged).contains(source), "{judged:?}");
    assert_eq!(strong(&uses(&["a", "b"]), 2).outcome, Outcome::Met);
    assert!(is_undecided(&strong(&uses(&["a"]), 2)));
}

#[test]
fn moduli_that_share_a_prime_are_unmet_and_both_are_named() {
    let sound = strong(&moduli(&[[P[0], P[1]], [P[2], P[3]]]), 2);
    assert_eq!(sound.outcome, Outcome::Met);
    // Four primes: 2 * log2(4) - 3.2.
    assert_eq!(sound.measurements.len(), 1);
    assert!(
        (sound.measurements[0].value - 0.8).abs() < 0.01,
        "{sound:?}"
    );
    assert!(sound.observations[0].text.contains("2 RSA moduli"));

    let judged = strong(&moduli(&[[P[0], P[1]], [P[2], P[3]], [P[1], P[3]]]), 3);
    let told = unmet(&judged);
    assert!(
        told.contains("VNFCI 0") && told.contains("VNFCI 2"),
        "{told}"
    );
    // Seen among fewer than there ought to be, it is seen all the same.
    unmet(&strong(&moduli(&[[P[0], P[1]], [P[0], P[2]]]), 100));
}

#[test]
fn a_modulus_that_falls_alone_is_unmet() {
    let close = strong(&moduli(&[[P[0], P[0] + 24]]), 1);
    assert!(unmet(&close).contains("VNFCI 0") && unmet(&close).contains("Fermat"));
}

#[test]
fn the_same_modulus_twice_is_no_shared_prime() {
    assert_eq!(
        strong(&moduli(&[[P[0], P[1]], [P[0], P[1]]]), 2).outcome,
        Outcome::Met
    );
}

#[test]
fn what_is_no_number_shows_nothing() {
    let mut one = moduli(&[[P[0], P[1]]]);
    one[0].rsa.as_mut().unwrap().modulus = "no number".into();
    assert!(is_undecided(&strong(&one, 1)));
}
