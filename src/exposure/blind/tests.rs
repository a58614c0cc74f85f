//! Keys are planted in other data and must be found: wherever they lie, in whichever order, beside whatever other targets.

use aws_lc_rs::agreement::{Algorithm, ECDH_P256, ECDH_P384, ECDH_P521, PrivateKey};
use proptest::prelude::*;

use super::*;
use crate::detector::{Confirmed, Whose};
use crate::key::{Curve as Named, Part};

mod ed25519;
mod rsa;

/// Bytes from a seed; no two parts of them are alike.
pub fn noise(mut state: u64, length: usize) -> Vec<u8> {
    state = state.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        // xorshift64*
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend(state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_be_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Text, zeros and pointers, with a little noise: what memory is made of.
pub fn memory(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 256);
    for piece in noise(seed, length / 16) {
        match piece % 4 {
            0 => bytes.extend([0; 40]),
            1 => bytes.extend(b"a line of a log, with a number: 4711\n"),
            2 => bytes.extend((0x7f00_1234_5678_u64 + 8 * u64::from(piece)).to_le_bytes()),
            _ if piece > 0xf0 => bytes.extend(noise(u64::from(piece) + seed, 35)),
            _ => bytes.extend([piece, 0, 0, 0]),
        }
    }
    bytes.truncate(length);
    bytes
}

pub fn target(public: PublicKey) -> Target {
    Target {
        name: String::from("key.pem"),
        public,
        private: None,
    }
}

/// All sightings, in the order of their positions.
pub fn search(blind: &Blind, window: &Window<'_>) -> Vec<Sighting> {
    let mut sightings = Vec::new();
    blind.search(window, &mut |sighting| sightings.push(sighting));
    sightings.sort_by_key(|sighting| sighting.at);
    sightings
}

fn algorithm(curve: Named) -> &'static Algorithm {
    match curve {
        Named::P256 => &ECDH_P256,
        Named::P384 => &ECDH_P384,
        Named::P521 => &ECDH_P521,
    }
}

/// A scalar from a seed, most significant byte first.
fn scalar(curve: Named, seed: u64) -> Vec<u8> {
    let mut scalar = noise(seed, curve.size());
    match curve {
        Named::P521 => scalar[0] &= 1,
        Named::P256 | Named::P384 => scalar[0] &= 0x7f,
    }
    scalar
}

/// The public key that aws-lc computes of a scalar.
fn public(curve: Named, scalar: &[u8]) -> PublicKey {
    let key = PrivateKey::from_private_key(algorithm(curve), scalar).unwrap();
    let point = key.compute_public_key().unwrap();
    let (x, y) = point.as_ref()[1..].split_at(curve.size());
    PublicKey::Ec {
        curve,
        x: x.to_vec(),
        y: y.to_vec(),
    }
}

/// The scalar as it lies in memory.
fn lying(scalar: &[u8], order: Order) -> Vec<u8> {
    let mut bytes = scalar.to_vec();
    match order {
        Order::Big => {}
        Order::Little => bytes.reverse(),
        Order::Words => bytes.chunks_mut(4).for_each(<[u8]>::reverse),
    }
    bytes
}

fn sighting(index: usize, at: u64, length: usize, part: Part, encoding: &'static str) -> Sighting {
    Sighting {
        at,
        length: length as u64,
        key: Whose::Target(index),
        part,
        encoding: encoding.into(),
        within: Vec::new(),
        confirmed: Confirmed::PublicKey,
    }
}

fn curve() -> impl Strategy<Value = Named> {
    prop_oneof![4 => Just(Named::P256), 2 => Just(Named::P384), 1 => Just(Named::P521)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// A key at any position of memory, in any order, in a stream that begins anywhere, is found, once, by the search of
    /// every position, and by that of every eighth if it lies there. Its neighbour d + 1 is not.
    #[test]
    fn ec_key_is_found_wherever_it_lies(
        curve in curve(),
        seed in 1..u64::MAX / 2,
        length in 200..3000usize,
        at in any::<prop::sample::Index>(),
        order in prop::sample::select(&Order::ALL),
        offset in 0..10_000u64,
    ) {
        let size = curve.size();
        let key = scalar(curve, seed);
        let mut near = key.clone();
        near[size - 1] ^= 1;
        let mut bytes = memory(seed, length);
        let mut at = at.index(length - size + 1);
        if order == Order::Words {
            // Only every fourth position is tried, and P-521 has no whole number of words.
            prop_assume!(curve != Named::P521);
            at = at.next_multiple_of(4) - (offset % 4) as usize;
            prop_assume!(at + size <= length);
        }
        bytes[at..at + size].copy_from_slice(&lying(&key, order));
        let window = Window { bytes: &bytes, fresh: 0..length, offset, ahead: 0 };
        let targets = [target(public(curve, &near)), target(public(curve, &key))];
        let position = offset + at as u64;
        let expected = vec![sighting(1, position, size, Part::Scalar, order.name())];
        prop_assert_eq!(&search(&Blind::new(&targets, Stride::Every), &window), &expected);
        let aligned = search(&Blind::new(&targets, Stride::Aligned8), &window);
        prop_assert_eq!(aligned, if position.is_multiple_of(8) { expected } else { Vec::new() });
    }

    /// A stream in windows, as sources cut it: the key is found wherever the borders lie, and nobody answers twice.
    #[test]
    fn ec_key_is_found_across_borders(
        seed in 1..u64::MAX / 2,
        at in 0..968usize,
        fresh in 1..300usize,
        reach in 32..100usize,
    ) {
        let key = scalar(Named::P256, seed);
        let mut bytes = memory(seed, 1000);
        bytes[at..at + 32].copy_from_slice(&key);
        let blind = Blind::new(&[target(public(Named::P256, &key))], Stride::Every);
        let mut found = Vec::new();
        for start in (0..bytes.len()).step_by(fresh) {
            let from = start.saturating_sub(reach);
            let to = (start + fresh + reach).min(bytes.len());
            let window = Window {
                bytes: &bytes[from..to],
                fresh: start - from..(start + fresh).min(bytes.len()) - from,
                offset: from as u64,
                ahead: 0,
            };
            found.extend(search(&blind, &window));
        }
        prop_assert_eq!(found, vec![sighting(0, at as u64, 32, Part::Scalar, "big-endian")]);
    }
}

/// Five hundred targets, each of whose keys lies in one stream of noise, at the first position, at the last, and between:
/// more candidates than a batch holds, and every key is found under its own index.
#[test]
fn many_targets_at_once() {
    let keys: Vec<_> = (1..=500).map(|seed| scalar(Named::P256, seed)).collect();
    let targets: Vec<_> = keys
        .iter()
        .map(|key| target(public(Named::P256, key)))
        .collect();
    let mut bytes = Vec::new();
    let mut expected = Vec::new();
    for (index, key) in keys.iter().enumerate() {
        let order = Order::ALL[index % 2];
        expected.push(sighting(
            index,
            bytes.len() as u64,
            32,
            Part::Scalar,
            order.name(),
        ));
        bytes.extend(lying(key, order));
        bytes.extend(noise(1000 + index as u64, 8 * (index % 5)));
    }
    bytes.truncate(expected[499].at as usize + 32);
    let blind = Blind::new(&targets, Stride::Aligned8);
    assert_eq!(search(&blind, &Window::whole(&bytes)), expected);
}

/// The same key ten thousand times, as in a page that was copied: every place is reported.
#[test]
fn repeated_key_is_reported_everywhere() {
    let key = scalar(Named::P256, 5);
    let bytes = key.repeat(10_000);
    let blind = Blind::new(&[target(public(Named::P256, &key))], Stride::Aligned8);
    let found = search(&blind, &Window::whole(&bytes));
    let expected: Vec<_> = (0..10_000)
        .map(|i| sighting(0, 32 * i, 32, Part::Scalar, "big-endian"))
        .collect();
    assert_eq!(found, expected);
}

/// The negative of a key gives it away as the key itself does, and is called what it is; a key above n/2, which is multiplied
/// as its negative, is called a key.
#[test]
fn key_and_its_negative() {
    let key = scalar(Named::P256, 77);
    let number = order::Order::Big.read::<4>(&key).unwrap();
    let negative = field::minus(&P256::ORDER, &number).0;
    let blind = Blind::new(&[target(public(Named::P256, &key))], Stride::Every);
    let bytes: Vec<u8> = negative
        .iter()
        .rev()
        .flat_map(|limb| limb.to_be_bytes())
        .collect();
    assert_eq!(
        search(&blind, &Window::whole(&bytes)),
        [sighting(0, 0, 32, Part::Scalar, "big-endian, negated")]
    );
    // And the other way about: a key above n / 2.
    let mut public = public(Named::P256, &bytes);
    let blind = Blind::new(&[target(public.clone())], Stride::Every);
    assert_eq!(
        search(&blind, &Window::whole(&bytes)),
        [sighting(0, 0, 32, Part::Scalar, "big-endian")]
    );
    // A point with this x and another y is no point of the curve, but neither does it make us stumble.
    if let PublicKey::Ec { y, .. } = &mut public {
        y[5] ^= 1;
    }
    let blind = Blind::new(&[target(public)], Stride::Every);
    assert_eq!(search(&blind, &Window::whole(&bytes)).len(), 1);
}

/// No window, a window too short, a target whose private half is known: nothing happens.
#[test]
fn nothing_to_do() {
    let key = scalar(Named::P256, 3);
    let mut targets = [target(public(Named::P256, &key))];
    let blind = Blind::new(&targets, Stride::Every);
    assert_eq!(search(&blind, &Window::whole(&[])), []);
    assert_eq!(search(&blind, &Window::whole(&key[..31])), []);
    targets[0].private = Some(crate::key::PrivateKey::Ec {
        curve: Named::P256,
        scalar: crate::key::Secret::new(key.clone()),
    });
    let blind = Blind::new(&targets, Stride::Every);
    assert_eq!(search(&blind, &Window::whole(&key)), []);
}

/// What the search can and cannot find is said for each kind of key, with the figure of what the prefilter loses.
#[test]
fn statement_tells_what_is_lost() {
    let targets = [
        target(public(Named::P256, &scalar(Named::P256, 1))),
        target(public(Named::P521, &scalar(Named::P521, 1))),
        target(PublicKey::Ed25519([2; 32])),
    ];
    let orders = [Order::Big, Order::Little];
    let statement = Blind::with_orders(&targets, Stride::Aligned8, &orders).statement();
    assert_eq!(
        statement[0],
        "EC P-256: scalars of 32 bytes without abbreviation, big-endian or little-endian, at positions that are multiples of \
         8; the prefilter loses at most one random key in 42353"
    );
    assert!(
        statement[1].starts_with("EC P-521: scalars of 66 bytes"),
        "{}",
        statement[1]
    );
    assert!(statement[2].starts_with("Ed25519: "), "{}", statement[2]);
    assert!(statement[3].starts_with("data that looks random throughout"));
    assert!(statement[4].starts_with("not found without the private key: "));
    assert!(Blind::new(&[], Stride::Every).statement().is_empty());
}
