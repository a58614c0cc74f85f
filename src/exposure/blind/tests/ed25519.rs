use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use proptest::prelude::*;
use sha2::{Digest, Sha512};

use super::*;

/// The public key that aws-lc computes of a seed.
fn public(seed: &[u8]) -> PublicKey {
    let key = Ed25519KeyPair::from_seed_unchecked(seed).unwrap();
    PublicKey::Ed25519(key.public_key().as_ref().try_into().unwrap())
}

/// The scalar of a seed, as RFC 8032 clamps it.
fn expanded(seed: &[u8]) -> Vec<u8> {
    let mut scalar = Sha512::digest(seed)[..32].to_vec();
    scalar[0] &= 0xf8;
    scalar[31] = scalar[31] & 0x3f | 0x40;
    scalar
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Seed and scalar, each at any position of memory, are found; those of another key are not.
    #[test]
    fn seed_and_scalar_are_found_wherever_they_lie(
        number in 1..u64::MAX / 2,
        one in 0..1000usize,
        other in 0..1000usize,
        offset in 0..10_000u64,
    ) {
        let (seed, stranger) = (noise(number, 32), noise(number + 1, 32));
        let mut bytes = memory(number, 2200);
        bytes[one..one + 32].copy_from_slice(&seed);
        bytes[1100 + other..][..32].copy_from_slice(&expanded(&seed));
        bytes[1032..1064].copy_from_slice(&stranger);
        bytes[1064..1096].copy_from_slice(&expanded(&stranger));
        let blind = Blind::new(&[target(public(&seed))], Stride::Every);
        let window = Window { bytes: &bytes, fresh: 0..bytes.len(), offset, ahead: 0 };
        prop_assert_eq!(search(&blind, &window), vec![
            sighting(0, offset + one as u64, 32, Part::Seed, "raw"),
            sighting(0, offset + 1100 + other as u64, 32, Part::ExpandedSeed, "little-endian"),
        ]);
    }
}
