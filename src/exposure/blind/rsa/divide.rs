//! Does a number divide a modulus? [`Divider`].

/// Small primes, and their product.
const PRIMES: [u64; 15] = [3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53];
const PRODUCT: u64 = {
    let mut product = 1;
    let mut i = 0;
    while i < PRIMES.len() {
        product *= PRIMES[i];
        i += 1;
    }
    product
};

/// Two to the power of 64.
const LIMB: f64 = 18_446_744_073_709_551_616.0;

/// A modulus, ready to be divided.
#[derive(Clone, Debug)]
pub struct Divider {
    /// The modulus, the least significant limb first, twice as many limbs as a prime has.
    modulus: Vec<u64>,
    /// The modulus divided by 2^(64 · limbs).
    size: f64,
}

impl Divider {
    /// Of a modulus, most significant byte first, whose primes have so many limbs.
    pub fn new(modulus: &[u8], limbs: usize) -> Self {
        let mut number = vec![0; 2 * limbs];
        for (i, byte) in modulus.iter().rev().enumerate().take(16 * limbs) {
            number[i / 8] |= u64::from(*byte) << (8 * (i % 8));
        }
        Self {
            size: fraction(&number),
            modulus: number,
        }
    }

    /// Whether the odd number divides the modulus; then `quotient` is what results. All have as many limbs as a prime.
    pub fn divide(&self, number: &[u64], quotient: &mut [u64]) -> bool {
        let limbs = number.len();
        let inverse = inverse(number[0]);
        // The quotient takes the remainder's place, limb for limb.
        quotient.copy_from_slice(&self.modulus[..limbs]);
        for i in 0..limbs {
            let digit = quotient[i].wrapping_mul(inverse);
            let mut borrow = 0;
            for (rest, limb) in quotient[i..].iter_mut().zip(number) {
                let product = u128::from(digit) * u128::from(*limb) + u128::from(borrow);
                let (less, under) = rest.overflowing_sub(product as u64);
                *rest = less;
                borrow = (product >> 64) as u64 + u64::from(under);
            }
            quotient[i] = digit;
        }
        // A number that does not divide the modulus leads to any quotient: one in a million million is of the right size.
        let product = fraction(number) * fraction(quotient);
        (product - self.size).abs() <= self.size * 1e-12 && self.is_product(number, quotient)
    }

    /// Whether the modulus is a · b.
    fn is_product(&self, a: &[u64], b: &[u64]) -> bool {
        let mut rest = self.modulus.clone();
        for (i, a) in a.iter().enumerate() {
            let mut borrow = 0;
            for (j, rest) in rest[i..].iter_mut().enumerate() {
                let b = b.get(j).copied().unwrap_or_default();
                let product = u128::from(*a) * u128::from(b) + u128::from(borrow);
                let (less, under) = rest.overflowing_sub(product as u64);
                *rest = less;
                borrow = (product >> 64) as u64 + u64::from(under);
            }
        }
        // What would have to be borrowed beyond the last limb can be forgotten: both are numbers of as many limbs, and equal if
        // they are equal modulo two to the power of all their bits.
        let is_product = rest.iter().all(|limb| *limb == 0);
        zeroize::Zeroize::zeroize(&mut rest);
        is_product
    }
}

/// The number divided by 2^(64 · limbs), to the accuracy of the type.
fn fraction(number: &[u64]) -> f64 {
    number
        .iter()
        .rev()
        .take(3)
        .rev()
        .fold(0.0, |fraction, limb| (fraction + *limb as f64) / LIMB)
}

/// Inverse of an odd number modulo 2^64, by Newton's iteration.
fn inverse(odd: u64) -> u64 {
    let mut inverse = odd;
    for _ in 0..5 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(inverse)));
    }
    inverse
}

/// Whether a prime up to 53 divides the number: so it is with 7 of 10 odd ones.
pub fn has_small_factor(number: &[u64]) -> bool {
    const INVERSE: u64 = {
        let mut inverse = PRODUCT;
        let mut i = 0;
        while i < 5 {
            inverse = inverse.wrapping_mul(2u64.wrapping_sub(PRODUCT.wrapping_mul(inverse)));
            i += 1;
        }
        inverse
    };
    // Takes multiples of the product away such that limb after limb becomes zero, from the lowest on. What is left at the end
    // is the remainder times a power of two: divided by a prime if and only if the number is.
    let mut carry = 0u64;
    for limb in number {
        let (less, under) = limb.overflowing_sub(carry);
        let digit = less.wrapping_mul(INVERSE);
        carry = ((u128::from(digit) * u128::from(PRODUCT)) >> 64) as u64 + u64::from(under);
    }
    PRIMES.iter().any(|prime| carry.is_multiple_of(*prime))
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;
    use proptest::prelude::*;

    use super::*;

    fn odd(limbs: usize) -> impl Strategy<Value = Vec<u64>> {
        let limb = prop_oneof![4 => any::<u64>(), 1 => Just(0), 1 => Just(u64::MAX)];
        prop::collection::vec(limb, limbs).prop_map(|mut limbs| {
            limbs[0] |= 1;
            let top = limbs.len() - 1;
            limbs[top] |= 1 << 63;
            limbs
        })
    }

    fn big(limbs: &[u64]) -> BigUint {
        BigUint::new(
            limbs
                .iter()
                .flat_map(|limb| [*limb as u32, (limb >> 32) as u32])
                .collect(),
        )
    }

    proptest! {
        /// A factor divides and leaves the other factor; the factor plus 2 does not, nor does any number divide the modulus
        /// plus 1.
        #[test]
        fn divides_what_it_divides((p, q) in (2..20usize).prop_flat_map(|n| (odd(n), odd(n)))) {
            let modulus = big(&p) * big(&q);
            let divider = Divider::new(&modulus.to_bytes_be(), p.len());
            let mut quotient = vec![0; p.len()];
            prop_assert!(divider.divide(&p, &mut quotient));
            prop_assert_eq!(&quotient, &q);
            let other = Divider::new(&(modulus.clone() + 1u32).to_bytes_be(), p.len());
            prop_assert!(!other.divide(&p, &mut quotient));
            let mut near = p.clone();
            near[0] ^= 2;
            prop_assert_eq!(divider.divide(&near, &mut quotient), modulus % big(&near) == BigUint::ZERO);
        }

        /// Small factors are seen where there are some.
        #[test]
        fn small_factors(number in (1..20usize).prop_flat_map(odd)) {
            let number_big = big(&number);
            let expected = PRIMES.iter().any(|prime| &number_big % *prime == BigUint::ZERO);
            prop_assert_eq!(has_small_factor(&number), expected);
        }
    }
}
