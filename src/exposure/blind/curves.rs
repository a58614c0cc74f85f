//! The curves, as numbers: [`Curve`].
//!
//! All are y² = x³ + A·x² + a·x + b. Curve25519 is among them because it is Ed25519's curve in other coordinates, in which
//! an affine addition costs no more than on the others: u = (1 + y) / (1 - y).

use super::field::{Prime, adc, choose, minus, multiple, plus};

/// A curve with a base point of prime order.
pub trait Curve<const N: usize>: Prime<N> {
    /// The order n of the base point.
    const ORDER: [u64; N];
    /// Bits of n.
    const ORDER_BITS: usize;
    /// The base point's coordinates, as numbers.
    const BASE: ([u64; N], [u64; N]);
    /// The coefficient A of x².
    const A_SQUARE: u64;
    /// The same in Montgomery form.
    const A_SQUARE_ELEMENT: [u64; N] = multiple(&Self::P, &Self::ONE, Self::A_SQUARE);
    /// The coefficient a of x, as a number below p.
    const A_LINEAR: [u64; N];
    /// Bits of a digit in the [table](super::table).
    const WIDTH: usize = 12;
    /// Digits of a scalar. Scalars are below n/2, therefore the last digit holds no carry.
    const DIGITS: usize = Self::ORDER_BITS.div_ceil(Self::WIDTH);
}

/// P-256 (secp256r1).
#[derive(Clone, Copy)]
pub struct P256;

impl Prime<4> for P256 {
    const P: [u64; 4] = [
        0xffffffffffffffff,
        0x00000000ffffffff,
        0x0000000000000000,
        0xffffffff00000001,
    ];

    /// As -p^-1 mod 2^64 is 1, the limb itself is m; and as p is 2^256 - 2^224 + 2^192 + 2^96 - 1, m · p has one product.
    #[inline(always)]
    fn reduce(low: [u64; 4], high: [u64; 4]) -> [u64; 4] {
        let mut t = low;
        for _ in 0..4 {
            let m = t[0];
            let (one, carry) = adc(t[1], m << 32, 0);
            let (two, carry) = adc(t[2], m >> 32, carry);
            let product = u128::from(m) * u128::from(Self::P[3]);
            let (three, carry) = adc(t[3], product as u64, carry);
            // The product's upper half is at most 2^64 - 2^32 - 1: one more fits.
            t = [one, two, three, (product >> 64) as u64 + carry];
        }
        let (sum, carry) = plus(&t, &high);
        let (reduced, borrow) = minus(&sum, &Self::P);
        choose(carry.wrapping_sub(borrow) >> 63, &sum, &reduced)
    }
}

impl Curve<4> for P256 {
    const ORDER: [u64; 4] = [
        0xf3b9cac2fc632551,
        0xbce6faada7179e84,
        0xffffffffffffffff,
        0xffffffff00000000,
    ];
    const ORDER_BITS: usize = 256;
    const BASE: ([u64; 4], [u64; 4]) = (
        [
            0xf4a13945d898c296,
            0x77037d812deb33a0,
            0xf8bce6e563a440f2,
            0x6b17d1f2e12c4247,
        ],
        [
            0xcbb6406837bf51f5,
            0x2bce33576b315ece,
            0x8ee7eb4a7c0f9e16,
            0x4fe342e2fe1a7f9b,
        ],
    );
    const A_SQUARE: u64 = 0;
    const A_LINEAR: [u64; 4] = [
        0xfffffffffffffffc,
        0x00000000ffffffff,
        0x0000000000000000,
        0xffffffff00000001,
    ];
}

/// P-384 (secp384r1).
#[derive(Clone, Copy)]
pub struct P384;

impl Prime<6> for P384 {
    const P: [u64; 6] = [
        0x00000000ffffffff,
        0xffffffff00000000,
        0xfffffffffffffffe,
        0xffffffffffffffff,
        0xffffffffffffffff,
        0xffffffffffffffff,
    ];
}

impl Curve<6> for P384 {
    const ORDER: [u64; 6] = [
        0xecec196accc52973,
        0x581a0db248b0a77a,
        0xc7634d81f4372ddf,
        0xffffffffffffffff,
        0xffffffffffffffff,
        0xffffffffffffffff,
    ];
    const ORDER_BITS: usize = 384;
    const BASE: ([u64; 6], [u64; 6]) = (
        [
            0x3a545e3872760ab7,
            0x5502f25dbf55296c,
            0x59f741e082542a38,
            0x6e1d3b628ba79b98,
            0x8eb1c71ef320ad74,
            0xaa87ca22be8b0537,
        ],
        [
            0x7a431d7c90ea0e5f,
            0x0a60b1ce1d7e819d,
            0xe9da3113b5f0b8c0,
            0xf8f41dbd289a147c,
            0x5d9e98bf9292dc29,
            0x3617de4a96262c6f,
        ],
    );
    const A_SQUARE: u64 = 0;
    const A_LINEAR: [u64; 6] = [
        0x00000000fffffffc,
        0xffffffff00000000,
        0xfffffffffffffffe,
        0xffffffffffffffff,
        0xffffffffffffffff,
        0xffffffffffffffff,
    ];
}

/// P-521 (secp521r1).
#[derive(Clone, Copy)]
pub struct P521;

impl Prime<9> for P521 {
    const P: [u64; 9] = [
        0xffffffffffffffff,
        0xffffffffffffffff,
        0xffffffffffffffff,
        0xffffffffffffffff,
        0xffffffffffffffff,
        0xffffffffffffffff,
        0xffffffffffffffff,
        0xffffffffffffffff,
        0x00000000000001ff,
    ];
}

impl Curve<9> for P521 {
    const ORDER: [u64; 9] = [
        0xbb6fb71e91386409,
        0x3bb5c9b8899c47ae,
        0x7fcc0148f709a5d0,
        0x51868783bf2f966b,
        0xfffffffffffffffa,
        0xffffffffffffffff,
        0xffffffffffffffff,
        0xffffffffffffffff,
        0x00000000000001ff,
    ];
    const ORDER_BITS: usize = 521;
    const BASE: ([u64; 9], [u64; 9]) = (
        [
            0xf97e7e31c2e5bd66,
            0x3348b3c1856a429b,
            0xfe1dc127a2ffa8de,
            0xa14b5e77efe75928,
            0xf828af606b4d3dba,
            0x9c648139053fb521,
            0x9e3ecb662395b442,
            0x858e06b70404e9cd,
            0x00000000000000c6,
        ],
        [
            0x88be94769fd16650,
            0x353c7086a272c240,
            0xc550b9013fad0761,
            0x97ee72995ef42640,
            0x17afbd17273e662c,
            0x98f54449579b4468,
            0x5c8a5fb42c7d1bd9,
            0x39296a789a3bc004,
            0x0000000000000118,
        ],
    );
    const A_SQUARE: u64 = 0;
    const A_LINEAR: [u64; 9] = [
        0xfffffffffffffffc,
        0xffffffffffffffff,
        0xffffffffffffffff,
        0xffffffffffffffff,
        0xffffffffffffffff,
        0xffffffffffffffff,
        0xffffffffffffffff,
        0xffffffffffffffff,
        0x00000000000001ff,
    ];
}

/// Curve25519, the Montgomery form of Ed25519's curve.
#[derive(Clone, Copy)]
pub struct Curve25519;

impl Prime<4> for Curve25519 {
    const P: [u64; 4] = [
        0xffffffffffffffed,
        0xffffffffffffffff,
        0xffffffffffffffff,
        0x7fffffffffffffff,
    ];
}

impl Curve<4> for Curve25519 {
    const ORDER: [u64; 4] = [
        0x5812631a5cf5d3ed,
        0x14def9dea2f79cd6,
        0x0000000000000000,
        0x1000000000000000,
    ];
    const ORDER_BITS: usize = 253;
    const BASE: ([u64; 4], [u64; 4]) = (
        [
            0x0000000000000009,
            0x0000000000000000,
            0x0000000000000000,
            0x0000000000000000,
        ],
        [
            0x29e9c5a27eced3d9,
            0x923d4d7e6d7c61b2,
            0xe01edd2c7748d14c,
            0x20ae19a1b8a086b4,
        ],
    );
    const A_SQUARE: u64 = 486662;
    const A_LINEAR: [u64; 4] = [1, 0, 0, 0];
}
