//! Many scalar multiplications abreast: [`Lanes`].
//!
//! An affine addition needs one inversion, which costs as much as sixty of it; inverting one product of many denominators
//! and dividing it out again (Montgomery's trick) costs three products for each. So a batch of scalars goes through the
//! digits together, one addition each at a time.

use zeroize::Zeroize;

use super::curves::Curve;
use super::field::choose;
use super::table::{Point, Table, digits};

/// Scalars in a batch. More dilute the inversion further, fewer stay in the nearest cache.
pub const LANES: usize = 512;

/// Products that grow side by side. Each factor of a product waits for the one before; four products keep the multiplier
/// busy meanwhile.
const CHAINS: usize = 4;

/// Whether a sum is still nothing, which is written as (0, 0): on no curve a multiple of the base point.
#[inline(always)]
fn is_nothing<const N: usize>(x: &[u64; N]) -> bool {
    x.iter().fold(0, |bits, limb| bits | limb) == 0
}

/// Up to [`LANES`] scalars on their way to points. Wiped when dropped.
pub struct Lanes<const N: usize> {
    /// Digits of the scalars: those of the first digit first.
    digits: Vec<i32>,
    x: Vec<[u64; N]>,
    y: Vec<[u64; N]>,
    /// What is added.
    terms: Vec<Point<N>>,
    /// What has to be inverted, and the product of those before it.
    denominator: Vec<[u64; N]>,
    before: Vec<[u64; N]>,
    len: usize,
}

impl<const N: usize> Lanes<N> {
    /// Room for a batch, empty.
    pub fn new<C: Curve<N>>() -> Self {
        Self {
            digits: vec![0; C::DIGITS * LANES],
            x: vec![[0; N]; LANES],
            y: vec![[0; N]; LANES],
            terms: vec![[[0; N]; 2]; LANES],
            denominator: vec![[0; N]; LANES],
            before: vec![[0; N]; LANES],
            len: 0,
        }
    }

    /// Number of scalars.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Adds a scalar from 1 to below n/2; there must be room.
    pub fn push<C: Curve<N>>(&mut self, scalar: &[u64; N]) {
        let lane = self.len;
        digits::<C, N>(scalar, |digit, value| {
            self.digits[digit * LANES + lane] = value
        });
        self.len += 1;
    }

    /// Multiplies G by each scalar, gives x of each in Montgomery form, and empties the batch.
    pub fn finish<C: Curve<N>>(&mut self, table: &Table<C, N>) -> &[[u64; N]] {
        self.x[..self.len].fill([0; N]);
        self.y[..self.len].fill([0; N]);
        for digit in 0..C::DIGITS {
            self.add_digit::<C>(table, digit);
        }
        &self.x[..std::mem::take(&mut self.len)]
    }

    /// Adds to each lane the term of one digit.
    fn add_digit<C: Curve<N>>(&mut self, table: &Table<C, N>, digit: usize) {
        let lanes = self.len;
        let values = &self.digits[digit * LANES..][..lanes];
        let (x, y) = (&mut self.x[..lanes], &mut self.y[..lanes]);
        let terms = &mut self.terms[..lanes];
        let denominator = &mut self.denominator[..lanes];
        let before = &mut self.before[..lanes];

        // Apart from the products, so that many fetches from the table are under way at a time: most miss the nearest cache.
        for (term, &value) in terms.iter_mut().zip(values) {
            *term = *table.point(digit, value.unsigned_abs().max(1) as usize);
        }

        let mut products = [C::ONE; CHAINS];
        for lane in 0..lanes {
            denominator[lane] = if values[lane] == 0 || is_nothing(&x[lane]) {
                C::ONE
            } else {
                C::sub(&terms[lane][0], &x[lane])
            };
            let product = &mut products[lane % CHAINS];
            before[lane] = *product;
            *product = C::mul(product, &denominator[lane]);
        }

        let mut inverses = inverted::<C, N>(&products);
        let last = digit + 1 == C::DIGITS;
        for lane in (0..lanes).rev() {
            let all = &mut inverses[lane % CHAINS];
            let inverse = C::mul(all, &before[lane]);
            *all = C::mul(all, &denominator[lane]);
            if values[lane] == 0 {
                continue;
            }
            let [term_x, term_y] = &terms[lane];
            // Whether a digit is negative is chance: choosing is cheaper than guessing.
            let negative = u64::from(values[lane] < 0);
            let term_y = choose(negative, &C::sub(&[0; N], term_y), term_y);
            if is_nothing(&x[lane]) {
                (x[lane], y[lane]) = (*term_x, term_y);
                continue;
            }
            let slope = C::mul(&C::sub(&term_y, &y[lane]), &inverse);
            let mut sum = C::sub(&C::sub(&C::sqr(&slope), &x[lane]), term_x);
            if C::A_SQUARE != 0 {
                sum = C::sub(&sum, &C::A_SQUARE_ELEMENT);
            }
            // Nobody asks for the final y.
            if !last {
                y[lane] = C::sub(&C::mul(&slope, &C::sub(&x[lane], &sum)), &y[lane]);
            }
            x[lane] = sum;
        }
    }
}

impl<const N: usize> Drop for Lanes<N> {
    fn drop(&mut self) {
        self.digits.zeroize();
        self.x.zeroize();
        self.y.zeroize();
        self.terms.zeroize();
        self.denominator.zeroize();
        self.before.zeroize();
    }
}

/// The inverse of each, none being zero.
fn inverted<C: Curve<N>, const N: usize>(elements: &[[u64; N]; CHAINS]) -> [[u64; N]; CHAINS] {
    let mut before = [C::ONE; CHAINS];
    for i in 1..CHAINS {
        before[i] = C::mul(&before[i - 1], &elements[i - 1]);
    }
    let mut inverse = C::invert(&C::mul(&before[CHAINS - 1], &elements[CHAINS - 1]));
    for i in (0..CHAINS).rev() {
        (before[i], inverse) = (C::mul(&before[i], &inverse), C::mul(&inverse, &elements[i]));
    }
    before
}
