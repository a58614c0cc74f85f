//! Arithmetic in prime fields, for any number of 64-bit limbs: [`Prime`].
//!
//! Elements are in Montgomery form (a stands for a · 2^(64·N) mod p) and always fully reduced, so that equal elements are
//! equal arrays. Limbs are least significant first. Nothing here takes constant time: what is multiplied was found lying
//! about, and whoever could time us can read it where it lies.

/// a + b · c + carry, and the new carry.
#[inline(always)]
fn mac(a: u64, b: u64, c: u64, carry: u64) -> (u64, u64) {
    let wide = u128::from(a) + u128::from(b) * u128::from(c) + u128::from(carry);
    (wide as u64, (wide >> 64) as u64)
}

/// a + b + carry, and the new carry.
#[inline(always)]
pub const fn adc(a: u64, b: u64, carry: u64) -> (u64, u64) {
    let wide = a as u128 + b as u128 + carry as u128;
    (wide as u64, (wide >> 64) as u64)
}

/// a - b - borrow, and the new borrow (0 or 1).
#[inline(always)]
const fn sbb(a: u64, b: u64, borrow: u64) -> (u64, u64) {
    let wide = (a as u128).wrapping_sub(b as u128 + borrow as u128);
    (wide as u64, (wide >> 64) as u64 & 1)
}

/// Difference of two numbers, and whether it is negative (0 or 1): then 2^(64·N) was added.
#[inline(always)]
pub const fn minus<const N: usize>(a: &[u64; N], b: &[u64; N]) -> ([u64; N], u64) {
    let mut difference = [0; N];
    let mut borrow = 0;
    let mut i = 0;
    while i < N {
        (difference[i], borrow) = sbb(a[i], b[i], borrow);
        i += 1;
    }
    (difference, borrow)
}

/// Sum of two numbers, and its carry.
#[inline(always)]
pub const fn plus<const N: usize>(a: &[u64; N], b: &[u64; N]) -> ([u64; N], u64) {
    let mut sum = [0; N];
    let mut carry = 0;
    let mut i = 0;
    while i < N {
        (sum[i], carry) = adc(a[i], b[i], carry);
        i += 1;
    }
    (sum, carry)
}

/// a + b mod p, for a and b below p.
#[inline(always)]
const fn add<const N: usize>(p: &[u64; N], a: &[u64; N], b: &[u64; N]) -> [u64; N] {
    let (sum, carry) = plus(a, b);
    let (reduced, borrow) = minus(&sum, p);
    // Choosing by a mask, not by a branch: which way it goes is chance, and a wrong guess costs as much as a product.
    choose(carry.wrapping_sub(borrow) >> 63, &sum, &reduced)
}

/// `yes` if `condition` is 1, `no` if it is 0.
#[inline(always)]
pub const fn choose<const N: usize>(condition: u64, yes: &[u64; N], no: &[u64; N]) -> [u64; N] {
    let mask = condition.wrapping_neg();
    let mut chosen = [0; N];
    let mut i = 0;
    while i < N {
        chosen[i] = no[i] ^ (mask & (yes[i] ^ no[i]));
        i += 1;
    }
    chosen
}

/// 2^bits mod p.
const fn power_of_two<const N: usize>(p: &[u64; N], bits: usize) -> [u64; N] {
    let mut value = [0; N];
    value[0] = 1;
    let mut i = 0;
    while i < bits {
        value = add(p, &value, &value);
        i += 1;
    }
    value
}

/// n · a mod p.
pub const fn multiple<const N: usize>(p: &[u64; N], a: &[u64; N], n: u64) -> [u64; N] {
    let mut product = [0; N];
    let mut bit = u64::BITS;
    while bit > 0 {
        bit -= 1;
        product = add(p, &product, &product);
        if n >> bit & 1 == 1 {
            product = add(p, &product, a);
        }
    }
    product
}

/// -p^-1 mod 2^64, for odd p, by Newton's iteration.
const fn negated_inverse(p: u64) -> u64 {
    let mut inverse = p;
    let mut i = 0;
    while i < 5 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(p.wrapping_mul(inverse)));
        i += 1;
    }
    inverse.wrapping_neg()
}

/// The field of integers modulo [`Prime::P`].
pub trait Prime<const N: usize>: Copy + Send + Sync + 'static {
    /// The odd prime.
    const P: [u64; N];
    /// 1 in Montgomery form.
    const ONE: [u64; N] = power_of_two(&Self::P, 64 * N);
    /// 2^(128·N) mod p: a product with it brings a number into Montgomery form.
    const SQUARED: [u64; N] = power_of_two(&Self::P, 128 * N);
    /// -p^-1 mod 2^64.
    const NEGATED_INVERSE: u64 = negated_inverse(Self::P[0]);

    /// Adds m · p · 2^(64·i) to the number `t[i..]`, where m makes `t[i]` zero. `extra` and what is returned are the carry
    /// beyond `t[i + N]`.
    #[inline(always)]
    fn clear_limb(t: &mut [u64], extra: u64) -> u64 {
        let m = t[0].wrapping_mul(Self::NEGATED_INVERSE);
        let mut carry = 0;
        for (t, p) in t.iter_mut().zip(&Self::P) {
            (*t, carry) = mac(*t, m, *p, carry);
        }
        let last;
        (t[N], last) = adc(t[N], carry, extra);
        last
    }

    /// The number of twice as many limbs, divided by 2^(64·N), mod p. It must be below p · 2^(64·N).
    #[inline(always)]
    fn reduce(low: [u64; N], high: [u64; N]) -> [u64; N] {
        // Long enough for every curve that we have; the compiler keeps what is used.
        let mut t = [0; 20];
        t[..N].copy_from_slice(&low);
        t[N..2 * N].copy_from_slice(&high);
        let mut extra = 0;
        for i in 0..N {
            extra = Self::clear_limb(&mut t[i..=i + N], extra);
        }
        let mut sum = [0; N];
        sum.copy_from_slice(&t[N..2 * N]);
        let (reduced, borrow) = minus(&sum, &Self::P);
        choose(extra.wrapping_sub(borrow) >> 63, &sum, &reduced)
    }

    /// a · b.
    #[inline(always)]
    fn mul(a: &[u64; N], b: &[u64; N]) -> [u64; N] {
        let mut low = [0; N];
        let mut high = [0; N];
        for i in 0..N {
            let mut carry = 0;
            for j in 0..N {
                let t = if i + j < N {
                    &mut low[i + j]
                } else {
                    &mut high[i + j - N]
                };
                (*t, carry) = mac(*t, a[i], b[j], carry);
            }
            high[i] = carry;
        }
        Self::reduce(low, high)
    }

    /// a².
    #[inline(always)]
    fn sqr(a: &[u64; N]) -> [u64; N] {
        Self::mul(a, a)
    }

    /// a + b.
    #[inline(always)]
    fn add(a: &[u64; N], b: &[u64; N]) -> [u64; N] {
        add(&Self::P, a, b)
    }

    /// a - b.
    #[inline(always)]
    fn sub(a: &[u64; N], b: &[u64; N]) -> [u64; N] {
        let (difference, borrow) = minus(a, b);
        plus(&difference, &choose(borrow, &Self::P, &[0; N])).0
    }

    /// a^-1, or 0 if a is 0, as a^(p - 2).
    fn invert(a: &[u64; N]) -> [u64; N] {
        let mut powers = [Self::ONE; 16];
        for i in 1..16 {
            powers[i] = Self::mul(&powers[i - 1], a);
        }
        let (exponent, _) = minus(&Self::P, &Self::number(2));
        let mut result = Self::ONE;
        for i in (0..16 * N).rev() {
            let digit = (exponent[i / 16] >> (4 * (i % 16))) & 15;
            for _ in 0..4 {
                result = Self::sqr(&result);
            }
            result = Self::mul(&result, &powers[digit as usize]);
        }
        result
    }

    /// A small number as limbs, not in Montgomery form.
    fn number(n: u64) -> [u64; N] {
        let mut limbs = [0; N];
        limbs[0] = n;
        limbs
    }

    /// The element that stands for a number below p.
    fn element(number: &[u64; N]) -> [u64; N] {
        Self::mul(number, &Self::SQUARED)
    }

    /// The number that an element stands for.
    #[cfg(test)]
    fn value(element: &[u64; N]) -> [u64; N] {
        Self::mul(element, &Self::number(1))
    }
}
