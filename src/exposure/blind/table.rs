//! Multiples of a curve's base point, computed once: [`Table`].
//!
//! A scalar is written in signed digits of [`Curve::WIDTH`] bits; for each digit the table holds every multiple that it can
//! stand for, so that a multiplication is one affine addition a digit and no doubling.

use std::marker::PhantomData;

use super::curves::Curve;
use super::field::minus;

/// A point in affine coordinates, in Montgomery form.
pub type Point<const N: usize> = [[u64; N]; 2];

/// The multiples 1 to 2^(width - 1) of 2^(width · i) · G, for every digit i.
pub struct Table<C, const N: usize> {
    points: Vec<Point<N>>,
    curve: PhantomData<C>,
}

impl<C: Curve<N>, const N: usize> Table<C, N> {
    /// Multiples for each digit: a digit goes from minus this to this.
    const ROW: usize = 1 << (C::WIDTH - 1);

    /// Computes it, in some ten milliseconds.
    pub fn new() -> Self {
        let mut points = Vec::with_capacity(C::DIGITS * Self::ROW);
        let mut base = [C::element(&C::BASE.0), C::element(&C::BASE.1)];
        for digit in 0..C::DIGITS {
            let start = digit * Self::ROW;
            points.push(base);
            // From the multiples 1 to k those from k + 1 to 2k, by adding k to each; the last is a doubling.
            while points.len() < start + Self::ROW {
                let known = points.len();
                let more = shifted::<C, N>(&points[start..known]);
                points.extend(more);
            }
            let last = points[points.len() - 1];
            base = add::<C, N>(&last, &last);
        }
        Self {
            points,
            curve: PhantomData,
        }
    }

    /// The multiple `magnitude`, from 1 on, of 2^(width · digit) · G.
    #[inline(always)]
    pub fn point(&self, digit: usize, magnitude: usize) -> &Point<N> {
        &self.points[digit * Self::ROW + magnitude - 1]
    }

    /// scalar · G for a scalar from 1 to below n/2, one addition after the other: for the few that need both coordinates.
    pub fn multiply(&self, scalar: &[u64; N]) -> Point<N> {
        let mut sum = None;
        digits::<C, N>(scalar, |digit, value| {
            if value != 0 {
                let mut term = *self.point(digit, value.unsigned_abs() as usize);
                if value < 0 {
                    term[1] = C::sub(&[0; N], &term[1]);
                }
                sum = Some(sum.map_or(term, |sum| add::<C, N>(&sum, &term)));
            }
        });
        sum.expect("a scalar that is not zero has a digit that is not zero")
    }
}

/// The scalar from 1 to below n/2 whose multiple of G has the same x as that of `number`: itself or its negative. None if it
/// is no key: zero, or n and more. Also says whether it was negated.
#[inline]
pub fn least<C: Curve<N>, const N: usize>(number: &[u64; N]) -> Option<([u64; N], bool)> {
    let (negative, borrow) = minus(&C::ORDER, number);
    if borrow == 1 || negative == [0; N] || *number == [0; N] {
        return None;
    }
    let (_, is_less) = minus(&negative, number);
    Some(if is_less == 1 {
        (negative, true)
    } else {
        (*number, false)
    })
}

/// Hands out the signed digits of a scalar below n/2, the lowest first, each from 1 - 2^(width - 1) to 2^(width - 1).
///
/// The sum of the lower digits' terms never reaches a term of the next digit, nor does it with n added or taken away: hence
/// additions in this order never meet equal or opposite points.
#[inline(always)]
pub fn digits<C: Curve<N>, const N: usize>(scalar: &[u64; N], mut each: impl FnMut(usize, i32)) {
    let mut carry = 0;
    for digit in 0..C::DIGITS {
        let bit = digit * C::WIDTH;
        let (limb, shift) = (bit / 64, bit % 64);
        let mut raw = scalar[limb] >> shift;
        if shift + C::WIDTH > 64 && limb + 1 < N {
            raw |= scalar[limb + 1] << (64 - shift);
        }
        let raw = (raw & ((1 << C::WIDTH) - 1)) as i32 + carry;
        carry = i32::from(raw > 1 << (C::WIDTH - 1));
        each(digit, raw - (carry << C::WIDTH));
    }
}

/// The slope of the line through two points, of the tangent if they are the same, as numerator and denominator.
fn slope<C: Curve<N>, const N: usize>(a: &Point<N>, b: &Point<N>) -> ([u64; N], [u64; N]) {
    if a != b {
        return (C::sub(&b[1], &a[1]), C::sub(&b[0], &a[0]));
    }
    let x = &a[0];
    let square = C::sqr(x);
    let a_square = C::mul(&C::A_SQUARE_ELEMENT, x);
    let mut numerator = C::element(&C::A_LINEAR);
    for term in [square, square, square, a_square, a_square] {
        numerator = C::add(&numerator, &term);
    }
    (numerator, C::add(&a[1], &a[1]))
}

/// The sum of two points whose line has the slope `slope`.
fn third<C: Curve<N>, const N: usize>(slope: &[u64; N], a: &Point<N>, b_x: &[u64; N]) -> Point<N> {
    let mut x = C::sub(&C::sub(&C::sqr(slope), &a[0]), b_x);
    if C::A_SQUARE != 0 {
        x = C::sub(&x, &C::A_SQUARE_ELEMENT);
    }
    let y = C::sub(&C::mul(slope, &C::sub(&a[0], &x)), &a[1]);
    [x, y]
}

/// The sum of two points that are not each other's negatives.
fn add<C: Curve<N>, const N: usize>(a: &Point<N>, b: &Point<N>) -> Point<N> {
    let (numerator, denominator) = slope::<C, N>(a, b);
    let slope = C::mul(&numerator, &C::invert(&denominator));
    third::<C, N>(&slope, a, &b[0])
}

/// Each point plus the last one, at the price of a single inversion.
fn shifted<C: Curve<N>, const N: usize>(points: &[Point<N>]) -> Vec<Point<N>> {
    let step = &points[points.len() - 1];
    let slopes: Vec<_> = points
        .iter()
        .map(|point| slope::<C, N>(point, step))
        .collect();
    let mut product = C::ONE;
    let before: Vec<_> = slopes
        .iter()
        .map(|(_, denominator)| {
            let before = product;
            product = C::mul(&product, denominator);
            before
        })
        .collect();
    let mut inverse = C::invert(&product);
    let mut sums = vec![[[0; N]; 2]; points.len()];
    for i in (0..points.len()).rev() {
        let (numerator, denominator) = &slopes[i];
        let slope = C::mul(numerator, &C::mul(&inverse, &before[i]));
        inverse = C::mul(&inverse, denominator);
        sums[i] = third::<C, N>(&slope, &points[i], &step[0]);
    }
    sums
}
