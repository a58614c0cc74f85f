//! Our own arithmetic beside that of others: num-bigint for fields, aws-lc for points.

use aws_lc_rs::agreement::{ECDH_P256, ECDH_P384, ECDH_P521, PrivateKey, X25519};
use num_bigint::BigUint;
use proptest::prelude::*;

use super::curves::{Curve, Curve25519, P256, P384, P521};
use super::field::Prime;
use super::lanes::Lanes;
use super::order::Order;
use super::table::{Table, least};

/// The number that limbs are.
pub fn big<const N: usize>(limbs: &[u64; N]) -> BigUint {
    BigUint::from_slice(
        &limbs
            .iter()
            .flat_map(|limb| [*limb as u32, (limb >> 32) as u32])
            .collect::<Vec<_>>(),
    )
}

/// The limbs that a number is.
pub fn small<const N: usize>(number: &BigUint) -> [u64; N] {
    Order::Big.read(&number.to_bytes_be()).unwrap()
}

/// Numbers below a bound: any, and those near 0 and near the bound, where carries go wrong.
fn below(bound: BigUint) -> impl Strategy<Value = BigUint> {
    let max = bound.clone() - 1u32;
    prop_oneof![
        4 => prop::collection::vec(any::<u32>(), 18).prop_map(move |digits| BigUint::new(digits) % &bound),
        1 => (0..1000u32).prop_map(BigUint::from),
        1 => {
            let max = max.clone();
            (0..1000u32).prop_map(move |less| &max - less)
        },
        // Long runs of ones and zeros.
        2 => (0..600usize, 0..600usize).prop_map(move |(a, b)| {
            ((BigUint::from(1u32) << a.max(b)) - (BigUint::from(1u32) << a.min(b))) % &max
        }),
    ]
}

/// Sum, difference, product, square and inverse are those of num-bigint.
fn field_agrees<C: Curve<N>, const N: usize>() {
    let p = big(&C::P);
    let run = |(a, b): (BigUint, BigUint)| {
        let (x, y) = (C::element(&small(&a)), C::element(&small(&b)));
        prop_assert_eq!(big(&C::value(&x)), a.clone());
        prop_assert_eq!(big(&C::value(&C::add(&x, &y))), (&a + &b) % &p);
        prop_assert_eq!(big(&C::value(&C::sub(&x, &y))), (&a + &p - &b) % &p);
        prop_assert_eq!(big(&C::value(&C::mul(&x, &y))), &a * &b % &p);
        prop_assert_eq!(big(&C::value(&C::sqr(&x))), &a * &a % &p);
        let inverse = a.modinv(&p).unwrap_or_default();
        prop_assert_eq!(big(&C::value(&C::invert(&x))), inverse);
        // Without Montgomery form in between: products of any two reduced numbers.
        let r = (BigUint::from(1u32) << (64 * N)).modinv(&p).unwrap();
        prop_assert_eq!(big(&C::mul(&small(&a), &small(&b))), &a * &b * r % &p);
        Ok(())
    };
    proptest!(ProptestConfig::with_cases(400), |(
        pair in (below(big(&C::P)), below(big(&C::P)))
    )| run(pair)?);
}

#[test]
fn fields_agree_with_num_bigint() {
    field_agrees::<P256, 4>();
    field_agrees::<P384, 6>();
    field_agrees::<P521, 9>();
    field_agrees::<Curve25519, 4>();
}

/// x of scalar · G, from our batch and one by one, is that of aws-lc: for scalars of all kinds, in one batch.
fn points_agree<C: Curve<N>, const N: usize>(theirs: impl Fn(&BigUint) -> (BigUint, BigUint)) {
    let table = Table::<C, N>::new();
    let n = big(&C::ORDER);
    let powers = (0..C::ORDER_BITS - 1).map(|bit| BigUint::from(1u32) << bit);
    let run = |some: Vec<BigUint>| {
        let numbers: Vec<_> = some
            .into_iter()
            .chain(powers.clone().step_by(11))
            .chain([
                1u32.into(),
                2u32.into(),
                &n - 1u32,
                &n - 2u32,
                &n >> 1,
                (&n >> 1) + 1u32,
            ])
            .filter(|number| number.bits() > 0)
            .collect();
        let mut lanes = Lanes::new::<C>();
        for number in &numbers {
            lanes.push::<C>(&least::<C, N>(&small(number)).unwrap().0);
        }
        let points = lanes.finish::<C>(&table);
        for (number, x) in numbers.iter().zip(points) {
            let (scalar, negated) = least::<C, N>(&small(number)).unwrap();
            let [one_x, one_y] = table.multiply(&scalar);
            prop_assert_eq!(&one_x, x);
            let y = if negated {
                C::sub(&[0; N], &one_y)
            } else {
                one_y
            };
            prop_assert_eq!(
                (big(&C::value(x)), big(&C::value(&y))),
                theirs(number),
                "{}",
                number
            );
        }
        Ok(())
    };
    proptest!(ProptestConfig::with_cases(3), |(
        some in prop::collection::vec(below(big(&C::ORDER)), 0..100)
    )| run(some)?);
}

/// The public key that aws-lc computes, as affine coordinates.
fn public(
    algorithm: &'static aws_lc_rs::agreement::Algorithm,
    size: usize,
) -> impl Fn(&BigUint) -> (BigUint, BigUint) {
    move |number| {
        let mut bytes = vec![0; size];
        let digits = number.to_bytes_be();
        bytes[size - digits.len()..].copy_from_slice(&digits);
        let key = PrivateKey::from_private_key(algorithm, &bytes).unwrap();
        let public = key.compute_public_key().unwrap();
        let (x, y) = public.as_ref()[1..].split_at(size);
        (BigUint::from_bytes_be(x), BigUint::from_bytes_be(y))
    }
}

#[test]
fn points_agree_with_aws_lc() {
    points_agree::<P256, 4>(public(&ECDH_P256, 32));
    points_agree::<P384, 6>(public(&ECDH_P384, 48));
    points_agree::<P521, 9>(public(&ECDH_P521, 66));
}

/// On Curve25519 there is only x to compare, for clamped scalars.
#[test]
fn curve25519_agrees_with_aws_lc() {
    let table = Table::<Curve25519, 4>::new();
    let order = big(&Curve25519::ORDER);
    proptest!(ProptestConfig::with_cases(100), |(mut bytes in any::<[u8; 32]>())| {
        bytes[0] &= 0xf8;
        bytes[31] = bytes[31] & 0x3f | 0x40;
        let key = PrivateKey::from_private_key(&X25519, &bytes).unwrap();
        let expected = key.compute_public_key().unwrap();
        let scalar = BigUint::from_bytes_le(&bytes) % &order;
        let (scalar, _) = least::<Curve25519, 4>(&small(&scalar)).unwrap();
        let [x, _] = table.multiply(&scalar);
        prop_assert_eq!(big(&Curve25519::value(&x)), BigUint::from_bytes_le(expected.as_ref()));
    });
}

/// Neither zero nor the order and more is a key.
#[test]
fn what_is_no_key() {
    let n = big(&P256::ORDER);
    for number in [
        BigUint::ZERO,
        n.clone(),
        &n + 1u32,
        (BigUint::from(1u32) << 256) - 1u32,
    ] {
        assert!(least::<P256, 4>(&small(&number)).is_none(), "{number}");
    }
}
