//! Private keys that everybody knows, since they are printed in standards or are small numbers: [`keys`]. Products ship with them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use aws_lc_rs::agreement::{Algorithm, ECDH_P256, ECDH_P384, PrivateKey};
use sha2::{Digest as _, Sha256};

/// Private scalars up to this one are tried.
const SMALL: u8 = 64;

/// Curve, and how its keys begin: SubjectPublicKeyInfo up to the point.
type Curve = (&'static Algorithm, usize, &'static str);
const P256: Curve = (
    &ECDH_P256,
    32,
    "3059301306072a8648ce3d020106082a8648ce3d030107034200",
);
const P384: Curve = (
    &ECDH_P384,
    48,
    "3076301006072a8648ce3d020106052b81040022036200",
);

/// Of examples.
const PRINTED: [(Curve, &str, &str); 5] = [
    (
        P256,
        "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
        "that of RFC 6979 A.2.5",
    ),
    (
        P384,
        "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825f872c9ea60d2edf5",
        "that of RFC 6979 A.2.6",
    ),
    (
        P256,
        "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
        "that of RFC 5903 8.1",
    ),
    (
        P384,
        "099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655e35b538041e649ee3faef896783ab194",
        "that of RFC 5903 8.2",
    ),
    (
        P256,
        "8e9b109e719098bf980487df1f5d77e9cb29606ebed2263b5f57c213df84f4b2",
        "that of RFC 7515 A.3",
    ),
];

/// Where each of them is from, by the SHA-256 (hex) of its SubjectPublicKeyInfo.
pub(super) fn keys() -> &'static BTreeMap<String, String> {
    static KEYS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
        let printed = PRINTED.iter().filter_map(|(curve, scalar, source)| {
            Some((
                digest(curve, &hex::decode(scalar).ok()?)?,
                (*source).to_owned(),
            ))
        });
        let small = [P256, P384].into_iter().flat_map(|curve| {
            (1..=SMALL).filter_map(move |number| {
                let mut scalar = vec![0; curve.1];
                *scalar.last_mut()? = number;
                Some((digest(&curve, &scalar)?, format!("the number {number}")))
            })
        });
        printed.chain(small).collect()
    });
    &KEYS
}

fn digest((algorithm, _, prefix): &Curve, scalar: &[u8]) -> Option<String> {
    let private = PrivateKey::from_private_key(algorithm, scalar).ok()?;
    let mut public = hex::decode(prefix).ok()?;
    public.extend(private.compute_public_key().ok()?.as_ref());
    Some(hex::encode(Sha256::digest(public)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The x coordinates that the same documents print, so that a slip of the pen above is seen.
    #[test]
    fn the_scalars_are_those_of_the_documents() {
        let printed = [
            "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6",
            "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc13",
            "dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180",
            "667842d7d180ac2cde6f74f37551f55755c7645c20ef73e31634fe72b4c55ee6de3ac808acb4bdb4c88732aee95f41aa",
            "7fcdce2770f6c45d4183cbee6fdb4b7b580733357be9ef13bacf6e3c7bd15445",
        ];
        for (((algorithm, length, _), scalar, source), x) in PRINTED.iter().zip(printed) {
            let scalar = hex::decode(scalar).unwrap();
            let private = PrivateKey::from_private_key(algorithm, &scalar).unwrap();
            let point = private.compute_public_key().unwrap();
            assert_eq!(hex::encode(&point.as_ref()[1..=*length]), x, "{source}");
        }
    }

    #[test]
    fn a_public_key_is_written_as_a_request_has_it() {
        let (algorithm, scalar) = (&PRINTED[0].0, hex::decode(PRINTED[0].1).unwrap());
        let private = PrivateKey::from_private_key(algorithm.0, &scalar).unwrap();
        let public = private.compute_public_key().unwrap();
        let pair = aws_lc_rs::signature::EcdsaKeyPair::from_private_key_and_public_key(
            &aws_lc_rs::signature::ECDSA_P256_SHA256_ASN1_SIGNING,
            &scalar,
            public.as_ref(),
        )
        .unwrap();
        let pkcs8 = pair.to_pkcs8v1().unwrap();
        let pair = rcgen::KeyPair::try_from(pkcs8.as_ref()).unwrap();
        let info = rcgen::PublicKeyData::subject_public_key_info(&pair);
        assert!(keys().contains_key(&hex::encode(Sha256::digest(info))));
        assert_eq!(keys().len(), PRINTED.len() + 2 * usize::from(SMALL));
    }
}
