//! Signatures compared with the real `openssl`, both ways.

use jiff::Timestamp;

use super::{CONTENT, signer};
use crate::cms::{CmsError, Options, Scheme, Trust, sign_detached, to_pem, verify_detached};
use crate::pki::openssl_command::OpenSsl;
use crate::pki::{KeyKind, Leaf, SigningMaterial};

const SCHEMES: [(Scheme, KeyKind); 4] = [
    (Scheme::EcdsaP256Sha256, KeyKind::EcP256),
    (Scheme::EcdsaP384Sha384, KeyKind::EcP384),
    (Scheme::RsaPkcs1Sha256, KeyKind::Rsa3072),
    (Scheme::RsaPssSha256, KeyKind::Rsa3072),
];

#[test]
fn openssl_verifies_what_we_sign() {
    let Some(openssl) = OpenSsl::new() else {
        return;
    };
    openssl.file("content", CONTENT);
    openssl.file("other", &CONTENT[1..]);
    for (scheme, kind) in SCHEMES {
        let (leaf, trust, ca) = signer(kind);
        openssl.file("ca.pem", ca);
        openssl.file("leaf.pem", leaf.certificate_pem());
        for (options, more) in [
            (Options::default(), ""),
            (
                Options::default().without_certificates(),
                " -certfile leaf.pem",
            ),
        ] {
            let der = sign_detached(CONTENT, &leaf, scheme, Timestamp::now(), &options).unwrap();
            openssl.file("DER", &der);
            openssl.file("PEM", to_pem(&der));
            for form in ["DER", "PEM"] {
                let verify = format!(
                    "cms -verify -binary -inform {form} -in {form} -CAfile ca.pem -out out{more}"
                );
                openssl.expect(&format!("{verify} -content content"));
                openssl.expect_refusal(&format!("{verify} -content other"), "erification failure");
            }
            let trust = trust
                .clone()
                .with_certificates([leaf.certificate_der().to_vec()]);
            let verified = verify_detached(&der, CONTENT, &trust, Timestamp::now()).unwrap();
            assert_eq!(
                (verified.signer.as_str(), verified.signers),
                ("CN=vendor", 1)
            );
            assert_eq!(verified.certificate_der, leaf.certificate_der());
        }
    }
}

#[test]
fn we_verify_what_openssl_signs() {
    let Some(openssl) = OpenSsl::new() else {
        return;
    };
    openssl.file("content", CONTENT);
    let pss = "-keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:digest";
    for (kind, variants) in [
        (
            KeyKind::EcP256,
            vec![
                "-md sha256",
                "-md sha384",
                "-md sha512",
                "-md sha256 -noattr",
            ],
        ),
        (
            KeyKind::EcP384,
            vec![
                "-md sha384",
                "-md sha256",
                "-md sha512",
                "-md sha384 -keyid",
            ],
        ),
        (
            KeyKind::Rsa3072,
            vec![
                "-md sha256",
                "-md sha384",
                "-md sha512",
                "-md sha256 -nocerts",
                "-md sha512 -noattr",
            ],
        ),
        (
            KeyKind::Rsa3072,
            vec!["PSS -md sha256", "PSS -md sha384", "PSS -md sha512 -keyid"],
        ),
    ] {
        let (leaf, trust, _) = signer(kind);
        openssl.file("leaf.pem", leaf.certificate_pem());
        openssl.file("leaf.key", leaf.private_key_pem());
        let trust = trust.with_certificates([leaf.certificate_der().to_vec()]);
        for variant in variants {
            for form in ["DER", "PEM"] {
                let variant = variant.replace("PSS", pss);
                openssl.expect(&format!(
                    "cms -sign -binary -in content -signer leaf.pem -inkey leaf.key -outform {form} -out signature {variant}"
                ));
                let cms = std::fs::read(openssl.path("signature")).unwrap();
                let verified = verify_detached(&cms, CONTENT, &trust, Timestamp::now());
                assert!(verified.is_ok(), "{kind:?} {variant} {form}: {verified:?}");
                let tampered =
                    verify_detached(&cms, &CONTENT[1..], &trust, Timestamp::now()).unwrap_err();
                let seen = matches!(
                    tampered,
                    CmsError::DigestMismatch { .. } | CmsError::SignatureInvalid
                );
                assert!(seen, "{variant}: {tampered}");
            }
        }
    }
}

/// Signatures that are well made, but that we must not accept or cannot judge: the error says which.
#[test]
fn weak_digests_are_refused_and_what_we_cannot_judge_is_not_called_invalid() {
    let Some(openssl) = OpenSsl::new() else {
        return;
    };
    openssl.file("content", CONTENT);
    let (leaf, trust, _) = signer(KeyKind::Rsa3072);
    openssl.file("leaf.pem", leaf.certificate_pem());
    openssl.file("leaf.key", leaf.private_key_pem());
    let judge = |variant: &str| {
        openssl.expect(&format!(
            "cms -sign -binary -in content -signer leaf.pem -inkey leaf.key -outform DER -out signature {variant}"
        ));
        let cms = std::fs::read(openssl.path("signature")).unwrap();
        verify_detached(&cms, CONTENT, &trust, Timestamp::now()).unwrap_err()
    };
    assert!(matches!(judge("-md sha1"), CmsError::WeakDigest { .. }));
    assert!(matches!(judge("-md md5"), CmsError::WeakDigest { .. }));
    let other_salt = judge("-md sha256 -keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:20");
    assert!(
        matches!(&other_salt, CmsError::Unsupported { what } if what.contains("salt of 20")),
        "{other_salt}"
    );
    let ber = judge("-md sha256 -stream");
    assert!(
        matches!(&ber, CmsError::Unsupported { what } if what.contains("BER")),
        "{ber}"
    );
    let sha3 = judge("-md sha3-256");
    assert!(matches!(sha3, CmsError::Unsupported { .. }), "{sha3}");
}

/// Every signature beside a valid one must count too.
#[test]
fn a_second_signer_must_be_trusted_as_well() {
    let Some(openssl) = OpenSsl::new() else {
        return;
    };
    openssl.file("content", CONTENT);
    let material = SigningMaterial::new(Timestamp::now()).unwrap();
    let trust = Trust::new(material.anchors_pem()).unwrap();
    let judge = |second: &Leaf| {
        for (name, leaf) in [("one", &material.good), ("two", second)] {
            openssl.file(&format!("{name}.pem"), leaf.certificate_pem());
            openssl.file(&format!("{name}.key"), leaf.private_key_pem());
        }
        openssl.expect(
            "cms -sign -binary -in content -signer one.pem -inkey one.key -signer two.pem -inkey two.key -outform DER -out signature",
        );
        verify_detached(
            &std::fs::read(openssl.path("signature")).unwrap(),
            CONTENT,
            &trust,
            material.now,
        )
    };
    assert_eq!(judge(&material.second).unwrap().signers, 2);
    assert!(matches!(
        judge(&material.rogue),
        Err(CmsError::UntrustedChain { .. })
    ));
}
