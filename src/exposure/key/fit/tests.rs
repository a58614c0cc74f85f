use proptest::prelude::*;

use super::*;
use crate::key::foreign::Foreign;
use crate::key::{Secret, load_private};

/// Two keys of each kind: each fits its own public half, and no other.
#[test]
fn a_key_fits_its_own_public_half_alone() {
    let Some(openssl) = Foreign::new(&["openssl"]) else {
        return;
    };
    let mut keys = Vec::new();
    for options in [
        "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
        "-algorithm EC -pkeyopt ec_paramgen_curve:P-384",
        "-algorithm ed25519",
        "-algorithm RSA -pkeyopt rsa_keygen_bits:1024",
        // Exponents that are tried, and one that has to be computed.
        "-algorithm RSA -pkeyopt rsa_keygen_bits:1024 -pkeyopt rsa_keygen_pubexp:3",
        "-algorithm RSA -pkeyopt rsa_keygen_bits:1024 -pkeyopt rsa_keygen_pubexp:4294967297",
    ] {
        for _ in 0..2 {
            openssl.run(&format!("openssl genpkey {options} -out pem"));
            keys.push(load_private("pem", &openssl.read("pem"), &[]).unwrap());
        }
    }
    for (i, (private, public)) in keys.iter().enumerate() {
        assert_eq!(public_of(private), *public);
        for (j, (_, other)) in keys.iter().enumerate() {
            assert_eq!(
                fits(private, other),
                i == j,
                "{} {}",
                algorithm(public),
                algorithm(other)
            );
        }
        // The other exponent of the same modulus is another key's.
        if let PublicKey::Rsa { modulus, .. } = public {
            let exponent = vec![5];
            let modulus = modulus.clone();
            assert!(!fits(private, &PublicKey::Rsa { modulus, exponent }));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]
    /// Numbers that are no key fit nothing, and make nothing panic.
    #[test]
    fn any_numbers_are_taken(numbers in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 8)) {
        let secret = |i: usize| Secret::new(numbers[i].clone());
        let public = |modulus: usize, exponent: usize| PublicKey::Rsa {
            modulus: numbers[modulus].clone(),
            exponent: numbers[exponent].clone(),
        };
        let rsa = PrivateKey::Rsa { d: secret(0), p: secret(1), q: secret(2), dp: secret(3), dq: secret(4), qinv: secret(5) };
        let _ = (public_of(&rsa), algorithm(&public(6, 7)), spki_sha256(&public(6, 7)));
        prop_assert!(!fits(&rsa, &public(6, 7)));
        for curve in Curve::ALL {
            let ec = PrivateKey::Ec { curve, scalar: secret(0) };
            let point = PublicKey::Ec { curve, x: numbers[6].clone(), y: numbers[7].clone() };
            let _ = public_of(&ec);
            prop_assert!(!fits(&ec, &point));
        }
        let _ = public_of(&PrivateKey::Ed25519 { seed: secret(0) });
    }
}

/// Scalars that are no key have a public half that is nobody's.
#[test]
fn zero_and_the_order_are_no_scalars() {
    let order = b"\xff\xff\xff\xff\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xbc\xe6\xfa\xad\xa7\x17\x9e\x84\xf3\xb9\xca\xc2\xfc\x63\x25\x51";
    for scalar in [&[0; 32], order] {
        assert_eq!(point(Curve::P256, scalar), None);
        let scalar = Secret::new(scalar.to_vec());
        let curve = Curve::P256;
        let nobody = public_of(&PrivateKey::Ec { curve, scalar });
        assert_eq!(
            nobody,
            PublicKey::Ec {
                curve,
                x: vec![0; 32],
                y: vec![0; 32]
            }
        );
    }
}
