use num_bigint::BigUint;
use proptest::prelude::*;

use super::*;

/// An odd number of so many bits that no small prime divides: all that the search asks of a prime.
fn prime(seed: u64, bits: u64) -> BigUint {
    let mut number = BigUint::from_bytes_be(&noise(seed, bits.div_ceil(8) as usize));
    number.set_bit(0, true);
    for bit in bits..number.bits() {
        number.set_bit(bit, false);
    }
    number.set_bit(bits - 1, true);
    while (3..60u32).any(|small| small % 2 == 1 && &number % small == BigUint::ZERO) {
        number += 2u32;
    }
    number
}

fn public(p: &BigUint, q: &BigUint) -> PublicKey {
    PublicKey::Rsa {
        modulus: (p * q).to_bytes_be(),
        exponent: vec![1, 0, 1],
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Either prime of a modulus of any length, at any position of memory, in any order, is found, though every eighth
    /// position is asked for; the prime plus 2 is not.
    #[test]
    fn prime_is_found_wherever_it_lies(
        bits in prop::sample::select(&[512u64, 1024, 1024, 1024, 1030, 1536, 2048, 4096]),
        seed in 1..u64::MAX / 2,
        at in 0..600usize,
        order in prop::sample::select(&Order::ALL),
        offset in 0..10_000u64,
        second in any::<bool>(),
    ) {
        let (one, other) = (prime(seed, bits), prime(seed + 1, bits));
        let size = bits.div_ceil(8) as usize;
        let mut at = at;
        if order == Order::Words {
            prop_assume!(size.is_multiple_of(4));
            at = at.next_multiple_of(4) + 4 - (offset % 4) as usize;
        }
        let mut bytes = memory(seed, 2500);
        let mut lies = (if second { &other } else { &one }).to_bytes_be();
        lies = lying(&lies, order);
        bytes[at..at + size].copy_from_slice(&lies);
        let mut near = (&one + 2u32).to_bytes_be();
        near.reverse();
        bytes[1500..1500 + size].copy_from_slice(&near);
        let strangers = public(&prime(seed + 2, bits), &prime(seed + 3, bits));
        let targets = [target(strangers), target(public(&one, &other))];
        let window = Window { bytes: &bytes, fresh: 0..bytes.len(), offset, ahead: 0 };
        let part = if second == (other > one) { Part::P } else { Part::Q };
        let mut expected = sighting(1, offset + at as u64, size, part, order.name());
        expected.confirmed = Confirmed::DividesModulus;
        let blind = Blind::new(&targets, Stride::Aligned8);
        prop_assert_eq!(search(&blind, &window), vec![expected]);
    }
}

/// What is too short or too long for the search is told, by index and by name.
#[test]
fn unusual_lengths_are_told() {
    let short = target(public(&prime(1, 500), &prime(2, 500)));
    let long = target(public(&prime(1, 9000), &prime(2, 9000)));
    let blind = Blind::new(&[short, long], Stride::Every);
    assert_eq!(blind.skipped(), [0, 1]);
    let statement = blind.statement();
    let told =
        "is not searched for without its private key: shorter than 1024 or longer than 16384 bits";
    assert!(
        statement[0].starts_with("key.pem: RSA 1000 ") && statement[0].ends_with(told),
        "{}",
        statement[0]
    );
    assert!(
        statement[1].starts_with("key.pem: RSA 17999 "),
        "{}",
        statement[1]
    );
}
