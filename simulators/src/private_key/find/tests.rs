//! Keys in all their clothes, and what only looks like one.

use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use rcgen::{CertificateParams, KeyPair};

use super::*;

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn only(text: &[u8]) -> Result<Found, Box<dyn std::error::Error>> {
    let mut found = find(text);
    assert_eq!(found.len(), 1, "{}", String::from_utf8_lossy(text));
    found.pop().ok_or_else(|| "nothing".into())
}

#[test]
fn a_key_is_found_in_any_clothes() -> Outcome {
    for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_RSA_SHA256] {
        let key = KeyPair::generate_for(algorithm)?;
        let (pem, der) = (key.serialize_pem(), key.serialize_der());
        let escaped = serde_json::to_string(&pem)?;
        let form: String = url::form_urlencoded::byte_serialize(pem.as_bytes()).collect();
        let percent = pem
            .replace(' ', "%20")
            .replace('\n', "%0A")
            .replace('+', "%2B");
        let base64 = STANDARD.encode(&der);
        let broken: Vec<_> = base64
            .as_bytes()
            .chunks(64)
            .map(String::from_utf8_lossy)
            .collect();
        let clothes = [
            (Encoding::Pem, pem.clone()),
            (Encoding::Pem, pem.replace('\n', "\r\n")),
            (Encoding::Pem, pem.replace('\n', "")),
            (Encoding::Pem, escaped),
            (Encoding::Pem, form),
            (Encoding::Pem, percent),
            (Encoding::Base64, base64.clone()),
            (Encoding::Base64, broken.join("\r\n")),
            (Encoding::Base64, broken.join("\\n")),
            (Encoding::Base64, URL_SAFE_NO_PAD.encode(&der)),
            (Encoding::Base64, STANDARD.encode(&pem)),
            (Encoding::Base64, STANDARD.encode(&base64)),
            (Encoding::Base64, format!("path/of/{base64}")),
            (Encoding::Hex, hex::encode(&der)),
        ];
        for (encoding, text) in clothes {
            let around = format!("{{\"a\": \"{text}\", \"b\": \"some more text\"}}");
            let found = only(around.as_bytes())?;
            assert_eq!(found.encoding, encoding, "{around}");
            assert_eq!(found.der, der, "{around}");
            let rest = [&around[..found.range.start], &around[found.range.end..]].concat();
            assert!(find(rest.as_bytes()).is_empty());
            assert!(rest.contains("some more text"));
        }
        let raw = [b"before", &der[..], b"after"].concat();
        let found = only(&raw)?;
        assert_eq!(
            (found.encoding, found.range),
            (Encoding::Der, 6..6 + der.len())
        );
    }
    Ok(())
}

#[test]
fn a_cut_pem_is_still_a_key() -> Outcome {
    let pem = KeyPair::generate()?.serialize_pem();
    let cut = pem.split("-----END").next().ok_or("nothing")?;
    assert_eq!(only(cut.as_bytes())?.range, 0..cut.len());
    Ok(())
}

#[test]
fn the_private_part_of_a_web_key_is_found() -> Outcome {
    let jwk = r#"{"kty": "EC", "crv": "P-256", "x": "AA", "d" : "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"}"#;
    let found = only(jwk.as_bytes())?;
    assert_eq!(found.encoding, Encoding::Jwk);
    assert_eq!(found.der.len(), 32);
    Ok(())
}

#[test]
fn requests_and_certificates_are_no_keys() -> Outcome {
    let key = KeyPair::generate()?;
    let params = CertificateParams::new(["vnfc-1.example".to_owned()])?;
    let (request, certificate) = (params.serialize_request(&key)?, params.self_signed(&key)?);
    let texts = [
        request.pem()?,
        certificate.pem(),
        STANDARD.encode(request.der()),
        hex::encode(certificate.der()),
        key.public_key_pem(),
    ];
    for text in texts {
        assert!(find(text.as_bytes()).is_empty(), "{text}");
    }
    assert!(find(request.der()).is_empty() && find(certificate.der()).is_empty());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn foreign_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let found = find(&bytes);
        prop_assert!(found.iter().all(|found| found.range.end <= bytes.len()));
    }

    #[test]
    fn foreign_text_does_no_harm(text in "[-A-Za-z0-9+/=%\\\\\"]{0,600}") {
        let found = find(text.as_bytes());
        prop_assert!(found.iter().all(|found| found.range.end <= text.len()));
    }

    #[test]
    fn a_key_between_strangers_is_found(before in "[^A-Za-z0-9+/=%_-]{0,20}", after in "[^A-Za-z0-9+/=%_-]{0,20}") {
        let key = KeyPair::generate().map_err(|error| TestCaseError::fail(error.to_string()))?;
        let text = format!("{before}{}{after}", STANDARD.encode(key.serialize_der()));
        prop_assert_eq!(find(text.as_bytes()).len(), 1);
    }
}
