mod interop;

use jiff::Timestamp;
use proptest::prelude::*;

use super::{
    CmsError, Options, Scheme, Trust, find_block, from_pem, sign_detached, to_pem, verify_detached,
};
use crate::pki::{Ca, KeyKind, Leaf, SigningMaterial};

/// With CR LF and no line end, so that who does not read it as binary fails.
const CONTENT: &[u8] = b"vnfd_id: 1\r\nvnf_provider_id: scas\n\n\xff\x00";

fn signer(kind: KeyKind) -> (Leaf, Trust, String) {
    let ca = Ca::new("test CA", Timestamp::now()).unwrap();
    let leaf = ca.signer("vendor").key(kind).issue().unwrap();
    (
        leaf,
        Trust::new(&ca.certificate_pem()).unwrap(),
        ca.certificate_pem(),
    )
}

fn good(leaf: &Leaf, options: &Options) -> Vec<u8> {
    sign_detached(
        CONTENT,
        leaf,
        Scheme::for_key(leaf.key_kind()),
        Timestamp::now(),
        options,
    )
    .unwrap()
}

#[test]
fn each_cause_has_its_own_error() {
    let material = SigningMaterial::new(Timestamp::now()).unwrap();
    let trust = Trust::new(material.anchors_pem())
        .unwrap()
        .with_crls(material.crl_pem())
        .unwrap();
    let judge = |cms: &[u8], content: &[u8]| verify_detached(cms, content, &trust, material.now);
    let by = |leaf: &Leaf| judge(&good(leaf, &Options::default()), CONTENT);
    let with = |options: Options| judge(&good(&material.good, &options), CONTENT);

    assert!(by(&material.good).is_ok());
    assert!(matches!(
        by(&material.rogue),
        Err(CmsError::UntrustedChain { .. })
    ));
    assert!(matches!(
        by(&material.expired),
        Err(CmsError::Expired { .. })
    ));
    assert!(matches!(
        by(&material.not_yet_valid),
        Err(CmsError::NotYetValid { .. })
    ));
    assert!(matches!(by(&material.revoked), Err(CmsError::Revoked)));
    assert!(matches!(
        by(&material.without_digital_signature),
        Err(CmsError::KeyUsage { .. })
    ));
    assert!(matches!(
        with(Options::default().wrong_signature_value()),
        Err(CmsError::SignatureInvalid)
    ));
    assert!(matches!(
        with(Options::default().without_message_digest()),
        Err(CmsError::Attributes { .. })
    ));
    assert!(matches!(
        with(Options::default().without_certificates()),
        Err(CmsError::CertificateMissing)
    ));
    assert!(matches!(
        with(Options::default().embed_content(b"other".to_vec())),
        Err(CmsError::EmbeddedContent)
    ));
    assert!(with(Options::default().embed_content(CONTENT.to_vec())).is_ok());
    let cms = good(&material.good, &Options::default());
    assert!(matches!(
        judge(&cms, b"other"),
        Err(CmsError::DigestMismatch { .. })
    ));
    assert!(matches!(
        judge(&cms[..cms.len() - 1], CONTENT),
        Err(CmsError::Unparsable { .. })
    ));
    assert!(matches!(
        judge(b"", CONTENT),
        Err(CmsError::Unparsable { .. })
    ));
    assert!(matches!(
        Trust::new("no certificate"),
        Err(CmsError::Trust { .. })
    ));
    assert!(matches!(
        trust.clone().with_crls(material.anchors_pem()),
        Err(CmsError::Trust { .. })
    ));
}

#[test]
fn a_tls_certificate_signs_no_package() {
    let ca = Ca::new("test CA", Timestamp::now()).unwrap();
    let leaf = ca.server("vnfm", &["localhost"]).issue().unwrap();
    let trust = Trust::new(&ca.certificate_pem()).unwrap();
    let refusal = verify_detached(
        &good(&leaf, &Options::default()),
        CONTENT,
        &trust,
        Timestamp::now(),
    );
    assert!(matches!(refusal, Err(CmsError::KeyUsage { .. })));
}

#[test]
fn a_signer_may_be_an_anchor_itself_while_it_is_valid() {
    let now = Timestamp::now();
    let material = SigningMaterial::new(now).unwrap();
    let judge = |leaf: &Leaf| {
        let trust = Trust::new(&leaf.certificate_pem()).unwrap();
        verify_detached(&good(leaf, &Options::default()), CONTENT, &trust, now)
    };
    assert!(judge(&material.good).is_ok());
    assert!(matches!(
        judge(&material.expired),
        Err(CmsError::Expired { .. })
    ));
    assert!(matches!(
        judge(&material.not_yet_valid),
        Err(CmsError::NotYetValid { .. })
    ));
}

#[test]
fn a_key_of_another_kind_is_refused() {
    let (leaf, ..) = signer(KeyKind::EcP256);
    let error = sign_detached(
        CONTENT,
        &leaf,
        Scheme::RsaPssSha256,
        Timestamp::now(),
        &Options::default(),
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "a EcP256 key cannot sign by RsaPssSha256: choose a scheme of that key"
    );
}

#[test]
fn a_block_is_found_where_it_begins() {
    let pem = to_pem(b"\x30\x03\x02\x01\x05");
    let manifest = [
        b"Source: a -----BEGIN CMS-----\n".as_slice(),
        pem.as_bytes(),
    ]
    .concat();
    assert_eq!(find_block(&manifest).unwrap().start, 30);
    assert_eq!(from_pem(&manifest).unwrap(), b"\x30\x03\x02\x01\x05");
    let spaced = pem
        .replace("BEGIN CMS", " BEGIN CMS ")
        .replace("END CMS", " END CMS ")
        .replace('\n', "\r\n");
    assert_eq!(
        from_pem(spaced.as_bytes()).unwrap(),
        b"\x30\x03\x02\x01\x05"
    );
    assert_eq!(find_block(b"-----BEGIN CERTIFICATE-----\n"), None);
    for empty in [
        "-----BEGIN CMS-----\n-----END CMS-----\n",
        "-----BEGIN CMS-----",
        "",
    ] {
        assert!(
            matches!(from_pem(empty.as_bytes()), Err(CmsError::Unparsable { .. })),
            "{empty}"
        );
    }
}

/// One signature for all property tests: making keys would be the slowest part of them.
fn sample() -> &'static (Vec<u8>, Trust) {
    static SAMPLE: std::sync::OnceLock<(Vec<u8>, Trust)> = std::sync::OnceLock::new();
    SAMPLE.get_or_init(|| {
        let (leaf, trust, _) = signer(KeyKind::EcP256);
        (good(&leaf, &Options::default()), trust)
    })
}

proptest! {
    #[test]
    fn foreign_bytes_are_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = find_block(&bytes);
        let _ = from_pem(&bytes);
        prop_assert!(verify_detached(&bytes, CONTENT, &sample().1, Timestamp::now()).is_err());
    }

    #[test]
    fn foreign_text_between_labels_is_refused_without_a_panic(body in "[ -~\n]{0,200}") {
        let text = format!("-----BEGIN CMS-----\n{body}\n-----END CMS-----\n");
        prop_assert!(verify_detached(text.as_bytes(), CONTENT, &sample().1, Timestamp::now()).is_err());
    }

    #[test]
    fn a_changed_signature_never_makes_a_panic(at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let (cms, trust) = sample();
        let mut changed = cms.clone();
        *at.get_mut(&mut changed) ^= 1 << bit;
        let _ = verify_detached(&changed, CONTENT, trust, Timestamp::now());
    }

    #[test]
    fn changed_content_never_verifies(at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let (cms, trust) = sample();
        let mut changed = CONTENT.to_vec();
        *at.get_mut(&mut changed) ^= 1 << bit;
        let refusal = verify_detached(cms, &changed, trust, Timestamp::now());
        let is_mismatch = matches!(refusal, Err(CmsError::DigestMismatch { .. }));
        prop_assert!(is_mismatch);
    }

    #[test]
    fn foreign_trust_is_refused_without_a_panic(body in "[A-Za-z0-9+/=\n]{0,200}") {
        for label in ["CERTIFICATE", "X509 CRL"] {
            let text = format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
            prop_assert!(Trust::new(&text).is_err());
            // A CRL is read when it is used.
            if let Ok(trust) = sample().1.clone().with_crls(&text) {
                let refusal = verify_detached(&sample().0, CONTENT, &trust, Timestamp::now());
                let is_ours = matches!(refusal, Err(CmsError::Trust { .. }));
                prop_assert!(is_ours);
            }
        }
    }

    #[test]
    fn pem_comes_back(der in proptest::collection::vec(any::<u8>(), 1..500)) {
        prop_assert_eq!(from_pem(to_pem(&der).as_bytes()).unwrap(), der);
    }
}
