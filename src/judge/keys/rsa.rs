//! RSA moduli that can be taken apart by whoever sees them: one alone ([`flaw`]), or two that share a prime ([`sharing`]).

use num_bigint::BigUint;

/// Prime factors below this are tried one by one.
pub(super) const SMALL: u32 = 10_000;

/// Steps of Fermat's method: they find primes p and q of n with |p - q| below some eleven times the fourth root of n. FIPS 186-5
/// A.1.1 wants them so much farther apart that a sound generator is never near.
const FERMAT_STEPS: u32 = 16;

/// The generator of the subgroup that CVE-2017-15361 (ROCA) takes all its primes from, modulo each small prime.
const ROCA: u32 = 65_537;

/// These divide the number that it uses, whatever the length of the key.
const ROCA_PRIMES: u32 = 167;

/// What is wrong with this key by itself, if anything is.
pub(super) fn flaw(modulus: &BigUint, exponent: &BigUint) -> Option<String> {
    if !exponent.bit(0) || exponent.bits() < 2 {
        return Some(format!("{exponent} is no public exponent of RSA"));
    }
    if let Some(prime) = primes(SMALL).find(|prime| is_zero(&(modulus % *prime))) {
        return Some(format!("its RSA modulus is divided by {prime}"));
    }
    if fermat(modulus) {
        return Some(
            "the primes of its RSA modulus are so close that Fermat's method finds them".into(),
        );
    }
    is_roca(modulus).then(|| {
        "its RSA modulus has the form of CVE-2017-15361 (ROCA), whose primes can be found".into()
    })
}

/// Two of these moduli, all different, that share a prime. Bernstein's batch method: the product of all by a tree, then the
/// remainder of that product modulo each square, down the same tree.
pub(super) fn sharing(moduli: &[BigUint]) -> Option<(usize, usize)> {
    let remainders = remainders(moduli);
    let one = moduli
        .iter()
        .zip(remainders)
        .position(|(modulus, remainder)| {
            // The product of all others, modulo this one.
            gcd(modulus, remainder / modulus).bits() > 1
        })?;
    let other = moduli.iter().enumerate().position(|(number, modulus)| {
        number != one && gcd(&moduli[one], modulus.clone()).bits() > 1
    })?;
    Some((one, other))
}

/// The product of all, modulo the square of each.
fn remainders(moduli: &[BigUint]) -> Vec<BigUint> {
    let mut tree = vec![moduli.to_vec()];
    while let Some(level) = tree.last().filter(|level| level.len() > 1) {
        let above = level.chunks(2).map(|pair| pair.iter().product()).collect();
        tree.push(above);
    }
    let mut remainders = tree.pop().unwrap_or_default();
    while let Some(level) = tree.pop() {
        let below = level.iter().enumerate();
        remainders = below
            .map(|(number, node)| &remainders[number / 2] % (node * node))
            .collect();
    }
    remainders
}

fn gcd(one: &BigUint, other: BigUint) -> BigUint {
    let (mut one, mut other) = (one.clone(), other);
    while !is_zero(&other) {
        (one, other) = (other.clone(), one % other);
    }
    one
}

/// Whether n is a^2 - b^2 with an a near the root of n.
fn fermat(modulus: &BigUint) -> bool {
    let mut root = modulus.sqrt();
    if &root * &root < *modulus {
        root += 1_u32;
    }
    (0..FERMAT_STEPS).any(|step| {
        let a = &root + step;
        let square = &a * &a - modulus;
        let b = square.sqrt();
        &b * &b == square
    })
}

fn is_roca(modulus: &BigUint) -> bool {
    primes(ROCA_PRIMES + 1).skip(1).all(|prime| {
        let wanted = modulus % prime;
        powers(prime).any(|power| wanted == BigUint::from(power))
    })
}

/// The subgroup of [`ROCA`] modulo a prime.
fn powers(prime: u32) -> impl Iterator<Item = u32> {
    let generator = ROCA % prime;
    let next = move |power: &u32| Some(power * generator % prime).filter(|next| *next != 1);
    std::iter::successors(Some(1), next)
}

fn primes(below: u32) -> impl Iterator<Item = u32> {
    let is_prime = |n: &u32| {
        (2..)
            .take_while(|d| d * d <= *n)
            .all(|d| !n.is_multiple_of(d))
    };
    (2..below).filter(is_prime)
}

fn is_zero(number: &BigUint) -> bool {
    number.bits() == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> BigUint {
        text.parse().unwrap()
    }

    #[test]
    fn the_tree_gives_each_remainder_of_the_product() {
        for count in [1_u32, 2, 3, 5, 8, 13] {
            let moduli: Vec<BigUint> = (1..=count).map(|i| BigUint::from(1000 + 7 * i)).collect();
            let product: BigUint = moduli.iter().product();
            let plain: Vec<BigUint> = moduli.iter().map(|n| &product % (n * n)).collect();
            assert_eq!(remainders(&moduli), plain);
        }
        assert_eq!(sharing(&[]), None);
    }

    #[test]
    fn a_shared_prime_is_found_among_any_number() {
        let primes: Vec<u32> = primes(1000).skip(20).collect();
        let mut moduli: Vec<BigUint> = primes
            .chunks_exact(2)
            .map(|pair| BigUint::from(pair[0] * pair[1]))
            .collect();
        assert_eq!(sharing(&moduli), None);
        moduli.push(BigUint::from(primes[6]) * 10_007_u32);
        assert_eq!(sharing(&moduli), Some((3, moduli.len() - 1)));
        // Each of the three is hidden in the product of the others, both primes of it.
        let ring = [77_u32, 143, 91].map(BigUint::from);
        assert_eq!(sharing(&ring), Some((0, 1)));
    }

    #[test]
    fn primes_that_are_close_fall_to_fermat_and_others_do_not() {
        // The two primes after 2^64, and the one after 1.5 times as much.
        let (p, q) = (
            number("18446744073709551629"),
            number("18446744073709551653"),
        );
        assert!(fermat(&(&p * &q)));
        assert!(fermat(&(&p * &p)));
        assert!(!fermat(&(&p * number("27670116110564327479"))));
        assert!(
            flaw(&(&p * &q), &BigUint::from(65_537_u32))
                .unwrap()
                .contains("Fermat")
        );
    }

    #[test]
    fn exponents_and_factors_that_protect_nothing_are_told() {
        let (p, q) = (
            number("18446744073709551629"),
            number("27670116110564327479"),
        );
        let sound = &p * &q;
        assert_eq!(flaw(&sound, &BigUint::from(65_537_u32)), None);
        for exponent in [0_u32, 1, 2, 65_536] {
            assert!(flaw(&sound, &exponent.into()).unwrap().contains("exponent"));
        }
        let told = flaw(&(p * 9973_u32), &BigUint::from(65_537_u32)).unwrap();
        assert!(told.contains("divided by 9973"), "{told}");
    }

    #[test]
    fn numbers_of_the_form_of_roca_are_told_from_others() {
        let all: BigUint = primes(ROCA_PRIMES + 1).map(BigUint::from).product();
        let of_form =
            |k: u32, power: u32| &all * k + BigUint::from(ROCA).modpow(&power.into(), &all);
        assert!(is_roca(&(of_form(12_345, 77) * of_form(54_321, 99))));
        assert!(!is_roca(
            &(of_form(12_345, 77) * of_form(54_321, 99) + 2_u32)
        ));
        // By chance it happens to one modulus in so many.
        let rarity: f64 = primes(ROCA_PRIMES + 1)
            .skip(1)
            .map(|prime| f64::from(prime - 1) / powers(prime).count() as f64)
            .product();
        assert!(rarity > f64::from(1 << 26), "{rarity}");
    }
}
