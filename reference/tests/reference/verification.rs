//! What the verifier accepts and refuses, and that each defect of signatures makes it accept one thing more.

use std::time::SystemTime;

use rcgen::{KeyPair, KeyUsagePurpose, RsaKeySize, SerialNumber};
use scas_reference::defect::Defects;
use scas_reference::package::{Accepted, Limits, Material, Refusal, SignatureFault, Verifier};

use crate::support::{
    Ca, Files, MANIFEST, REVOKED, Signing, VNFD_ID, days, digest, openssl_is_here,
};

struct Judge<'a> {
    signing: &'a Signing,
}

impl Judge<'_> {
    fn with(&self, defects: &[&str]) -> Verifier {
        let defects = Defects::from_names(defects.iter().copied()).unwrap();
        Verifier::new(self.signing.signers(), Limits::default(), defects)
    }

    fn verify(&self, archive: &[u8]) -> Result<Accepted, Refusal> {
        self.with(&[])
            .verify(VNFD_ID, Material::VnfdArchive(archive), SystemTime::now())
    }

    /// Refused for this reason by the conforming product, accepted by the one with the defect.
    fn only_with(&self, defect: &str, archive: &[u8], reason: &Refusal) {
        assert_eq!(self.verify(archive).as_ref(), Err(reason), "{defect}");
        let accepted =
            self.with(&[defect])
                .verify(VNFD_ID, Material::VnfdArchive(archive), SystemTime::now());
        assert!(accepted.is_ok(), "{defect}: {accepted:?}");
    }
}

fn fault(file: &str, fault: SignatureFault) -> Refusal {
    Refusal::Signature {
        file: file.to_owned(),
        fault,
    }
}

fn signed(signing: &Signing) -> Files {
    Files::definitions().with_signed_manifest(&signing.good)
}

/// The text of the manifest and then these signature bytes.
fn sealed(mut files: Files, block: impl AsRef<[u8]>) -> Vec<u8> {
    let manifest = files.manifest().into_bytes();
    files.put(MANIFEST, [&manifest, block.as_ref()].concat());
    files.zip()
}

#[test]
fn accepts_what_openssl_signed_in_every_layout() {
    if !openssl_is_here("accepts_what_openssl_signed_in_every_layout") {
        return;
    }
    let signing = Signing::new();
    let judge = Judge { signing: &signing };
    let expected = Accepted {
        files: 4,
        entry_definitions: Some("Definitions/vnf.yaml".to_owned()),
    };
    assert_eq!(judge.verify(&signed(&signing).zip()), Ok(expected.clone()));
    for replaced in [true, false] {
        let files = Files::definitions().with_file_signatures(&signing.good, replaced);
        assert_eq!(
            judge.verify(&files.zip()),
            Ok(expected.clone()),
            "replaced: {replaced}"
        );
    }

    let manifest = Files::definitions().manifest().into_bytes();
    let spaced = String::from_utf8(signing.good.sign(&manifest, &[])).unwrap();
    let spaced = spaced
        .replace("-----BEGIN CMS-----", "----- BEGIN CMS -----")
        .replace("-----END CMS-----", "----- END CMS -----");
    assert_eq!(
        judge.verify(&sealed(Files::definitions(), spaced)),
        Ok(expected.clone()),
        "spaced"
    );
    let block = signing.good.sign(&manifest, &[]);
    let with_line_break = [b"\n".as_slice(), &block].concat();
    assert_eq!(
        judge.verify(&sealed(Files::definitions(), with_line_break)),
        Ok(expected.clone()),
        "a line break before"
    );

    let mut beside = Files::definitions();
    beside.put(
        MANIFEST,
        [
            manifest.clone(),
            signing.good.sign(&manifest, &["-nocerts"]),
        ]
        .concat(),
    );
    assert_eq!(
        judge.verify(&beside.zip()),
        Err(fault(MANIFEST, SignatureFault::NoCertificate))
    );
    beside.put("vnf.cert", signing.good.pem.clone());
    assert_eq!(
        judge.verify(&beside.zip()),
        Ok(expected),
        "the certificate in the root"
    );
}

#[test]
fn accepts_the_algorithms_of_today() {
    if !openssl_is_here("accepts_the_algorithms_of_today") {
        return;
    }
    let signing = Signing::new();
    let judge = Judge { signing: &signing };
    let p384 = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let rsa = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let p384 = signing
        .ca
        .signer(signing.folder.path(), "p384", &p384, |_| {});
    let rsa = signing
        .ca
        .signer(signing.folder.path(), "rsa", &rsa, |_| {});
    let manifest = Files::definitions().manifest().into_bytes();
    let pss: &[&str] = &[
        "-keyopt",
        "rsa_padding_mode:pss",
        "-keyopt",
        "rsa_pss_saltlen:digest",
        "-md",
        "sha256",
    ];
    let accepted = [
        (&signing.good, ["-md", "sha512"].as_slice()),
        (&signing.good, &["-keyid"]),
        (&signing.good, &["-noattr", "-md", "sha256"]),
        (&p384, &["-md", "sha384"]),
        (&rsa, &["-md", "sha256"]),
        (&rsa, &["-md", "sha512"]),
        (&rsa, pss),
    ];
    for (signer, options) in accepted {
        let judged = judge.verify(&sealed(
            Files::definitions(),
            signer.sign(&manifest, options),
        ));
        assert!(judged.is_ok(), "{options:?}: {judged:?}");
    }
    let long_salt = rsa.sign(
        &manifest,
        &[
            "-keyopt",
            "rsa_padding_mode:pss",
            "-keyopt",
            "rsa_pss_saltlen:max",
            "-md",
            "sha256",
        ],
    );
    let weak = signing.good.sign(&manifest, &["-md", "sha1"]);
    let short = signing.short_rsa().sign(&manifest, &["-md", "sha256"]);
    for block in [long_salt, weak, short] {
        let judged = judge.verify(&sealed(Files::definitions(), block));
        assert!(
            matches!(
                judged,
                Err(Refusal::Signature {
                    fault: SignatureFault::Algorithm(_),
                    ..
                })
            ),
            "{judged:?}"
        );
    }
}

#[test]
fn der_signature_files_and_content_embedded_but_equal_are_accepted() {
    if !openssl_is_here("der_signature_files_and_content_embedded_but_equal_are_accepted") {
        return;
    }
    let signing = Signing::new();
    let judge = Judge { signing: &signing };
    let mut files = Files::definitions().with_file_signatures(&signing.good, false);
    let yaml = files.data("Definitions/vnf.yaml");
    files.put(
        "Definitions/vnf.yaml.sig.p7s",
        signing.good.openssl(&yaml, &["-outform", "DER"]),
    );
    assert!(judge.verify(&files.zip()).is_ok());
    files.put(
        "Definitions/vnf.yaml.sig.p7s",
        signing
            .good
            .openssl(&yaml, &["-outform", "DER", "-nodetach"]),
    );
    assert!(judge.verify(&files.zip()).is_ok());
}

#[test]
fn each_defect_of_the_content_accepts_one_thing_more() {
    if !openssl_is_here("each_defect_of_the_content_accepts_one_thing_more") {
        return;
    }
    let signing = Signing::new();
    let judge = Judge { signing: &signing };
    let tampered = |name: &str| {
        let mut files = signed(&signing);
        files.put(name, [files.data(name), b"\n# tampered".to_vec()].concat());
        files.zip()
    };
    let digest_of = |name: &str| Refusal::FileDigest(name.to_owned());
    let middle = tampered("Definitions/types.yaml");
    judge.only_with(
        "accepts-without-verifying",
        &middle,
        &digest_of("Definitions/types.yaml"),
    );
    judge.only_with(
        "verifies-manifest-only",
        &middle,
        &digest_of("Definitions/types.yaml"),
    );
    judge.only_with(
        "verifies-first-file-only",
        &middle,
        &digest_of("Definitions/types.yaml"),
    );
    // The archive of this helper ends with the manifest; the last file to be verified is the one before.
    judge.only_with(
        "skips-last-file",
        &tampered("Definitions/df.yaml"),
        &digest_of("Definitions/df.yaml"),
    );
    let first = tampered("TOSCA-Metadata/TOSCA.meta");
    for defect in ["verifies-first-file-only", "skips-last-file"] {
        let judged =
            judge
                .with(&[defect])
                .verify(VNFD_ID, Material::VnfdArchive(&first), SystemTime::now());
        assert_eq!(
            judged,
            Err(digest_of("TOSCA-Metadata/TOSCA.meta")),
            "{defect} still verifies the first"
        );
    }

    let mut extra = signed(&signing);
    extra.put("Definitions/extra.yaml", "extra: true\n");
    judge.only_with(
        "ignores-unlisted-files",
        &extra.zip(),
        &Refusal::Unlisted("Definitions/extra.yaml".to_owned()),
    );
    let mut absent = signed(&signing);
    absent.remove("Definitions/df.yaml");
    judge.only_with(
        "ignores-absent-files",
        &absent.zip(),
        &Refusal::Absent("Definitions/df.yaml".to_owned()),
    );
    let mut missing = Files::definitions().with_file_signatures(&signing.good, true);
    missing.remove("Definitions/df.sig.cms");
    let no_signature = Refusal::MissingSignature("Definitions/df.yaml".to_owned());
    judge.only_with(
        "accepts-missing-file-signature",
        &missing.zip(),
        &no_signature,
    );
    judge.only_with(
        "accepts-unsigned",
        &sealed(Files::definitions(), ""),
        &Refusal::Unsigned,
    );

    for (defect, algorithm) in [("accepts-md5", "MD5"), ("accepts-sha1", "SHA-1")] {
        let mut files = Files::definitions();
        let manifest = files.manifest_by(algorithm, |data| match algorithm {
            "MD5" => hex::encode(<md5::Md5 as md5::Digest>::digest(data)),
            _ => digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, data),
        });
        let block = signing.good.sign(manifest.as_bytes(), &[]);
        files.put(MANIFEST, [manifest.into_bytes(), block].concat());
        let reason = Refusal::DigestAlgorithm {
            file: "TOSCA-Metadata/TOSCA.meta".to_owned(),
            algorithm: algorithm.to_owned(),
        };
        judge.only_with(defect, &files.zip(), &reason);
    }
}

#[test]
fn each_defect_of_the_signature_accepts_one_thing_more() {
    if !openssl_is_here("each_defect_of_the_signature_accepts_one_thing_more") {
        return;
    }
    let signing = Signing::new();
    let judge = Judge { signing: &signing };
    let manifest = Files::definitions().manifest().into_bytes();
    let other = signing.good.sign(b"something else", &[]);
    judge.only_with(
        "skips-message-digest",
        &sealed(Files::definitions(), other),
        &fault(MANIFEST, SignatureFault::Digest),
    );

    // The value ends the CMS of `openssl`: its last byte belongs to nothing else.
    let mut der = signing.good.openssl(&manifest, &["-outform", "DER"]);
    *der.last_mut().unwrap() ^= 1;
    let pem = |der: &[u8]| {
        use base64::Engine;
        format!(
            "-----BEGIN CMS-----\n{}\n-----END CMS-----\n",
            base64::prelude::BASE64_STANDARD.encode(der)
        )
    };
    judge.only_with(
        "skips-signature-value",
        &sealed(Files::definitions(), pem(&der)),
        &fault(MANIFEST, SignatureFault::Value),
    );
    judge.only_with(
        "accepts-empty-signature",
        &sealed(Files::definitions(), pem(b"")),
        &fault(MANIFEST, SignatureFault::Empty),
    );
    let half = pem(&der[..der.len() / 2]);
    let judged = judge.verify(&sealed(Files::definitions(), &half));
    assert!(
        matches!(
            judged,
            Err(Refusal::Signature {
                fault: SignatureFault::Unparsable(_),
                ..
            })
        ),
        "{judged:?}"
    );
    let lax = judge.with(&["accepts-unparsable-signature"]);
    let archive = sealed(Files::definitions(), &half);
    assert!(
        lax.verify(VNFD_ID, Material::VnfdArchive(&archive), SystemTime::now())
            .is_ok()
    );

    let embedded = signing
        .good
        .openssl(b"something else", &["-outform", "PEM", "-nodetach"]);
    let reason = fault(MANIFEST, SignatureFault::EmbeddedContent);
    judge.only_with(
        "trusts-embedded-content",
        &sealed(Files::definitions(), embedded),
        &reason,
    );
}

#[test]
fn each_defect_of_the_signer_accepts_one_more() {
    if !openssl_is_here("each_defect_of_the_signer_accepts_one_more") {
        return;
    }
    let signing = Signing::new();
    let judge = Judge { signing: &signing };
    let manifest = Files::definitions().manifest().into_bytes();
    let expired = signing.signer("expired", |params| {
        (params.not_before, params.not_after) = (days(-20), days(-2))
    });
    let early = signing.signer("early", |params| {
        (params.not_before, params.not_after) = (days(400), days(800))
    });
    let revoked = signing.signer("revoked", |params| {
        params.serial_number = Some(SerialNumber::from(REVOKED))
    });
    let unfit = signing.signer("unfit", |params| {
        params.key_usages = vec![KeyUsagePurpose::KeyEncipherment]
    });
    for (defect, signer, expected) in [
        ("ignores-expiry", &expired, SignatureFault::Expired),
        ("ignores-not-yet-valid", &early, SignatureFault::NotYetValid),
        ("ignores-revocation", &revoked, SignatureFault::Revoked),
        ("ignores-key-usage", &unfit, SignatureFault::KeyUsage),
    ] {
        // `openssl cms -sign` does not look at validity or revocation, only at the key.
        let archive = sealed(Files::definitions(), signer.sign(&manifest, &[]));
        judge.only_with(defect, &archive, &fault(MANIFEST, expected));
    }

    let rogue = Ca::new("signers").signer(
        signing.folder.path(),
        "rogue",
        &KeyPair::generate().unwrap(),
        |_| {},
    );
    let mut files = Files::definitions();
    files.put(
        MANIFEST,
        [manifest.clone(), rogue.sign(&manifest, &[])].concat(),
    );
    let untrusted = judge.verify(&files.zip());
    assert!(
        matches!(
            untrusted,
            Err(Refusal::Signature {
                fault: SignatureFault::Untrusted(_),
                ..
            })
        ),
        "{untrusted:?}"
    );
    judge.only_with(
        "trusts-any-certificate",
        &files.zip(),
        &untrusted.unwrap_err(),
    );
    files.put("vnf.cert", signing.good.pem.clone());
    let untrusted = judge.verify(&files.zip()).unwrap_err();
    judge.only_with(
        "checks-chain-of-other-certificate",
        &files.zip(),
        &untrusted,
    );
}

#[test]
fn each_defect_of_the_archive_accepts_one_thing_more() {
    if !openssl_is_here("each_defect_of_the_archive_accepts_one_thing_more") {
        return;
    }
    let signing = Signing::new();
    let judge = Judge { signing: &signing };
    let mut outside = Files::definitions();
    outside.put("../evil.yaml", "evil: true\n");
    let outside = outside.with_signed_manifest(&signing.good).zip();
    judge.only_with(
        "accepts-path-traversal",
        &outside,
        &Refusal::OutsidePath("../evil.yaml".to_owned()),
    );

    let mut bomb = Files::definitions();
    bomb.put("Definitions/bomb.yaml", vec![b' '; 100 << 20]);
    let bomb = bomb.with_signed_manifest(&signing.good).zip();
    judge.only_with(
        "no-size-limit",
        &bomb,
        &Refusal::Limit("100 unpacked bytes per byte".to_owned()),
    );

    let whole = signed(&signing).zip();
    let directory = whole
        .windows(4)
        .position(|window| window == b"PK\x01\x02")
        .unwrap();
    let reason = Refusal::Archive("it has no end of central directory".to_owned());
    judge.only_with("accepts-truncated-zip", &whole[..directory], &reason);

    // The zip crate writes no name twice: write another of the same length, and rename it in the bytes.
    let mut twice = signed(&signing);
    twice.put("Definitions/dg.yaml", "tampered: true\n");
    let mut twice = twice.zip();
    while let Some(at) = twice.windows(7).position(|window| window == b"dg.yaml") {
        twice[at + 1] = b'f';
    }
    let reason = Refusal::DuplicateEntry("Definitions/df.yaml".to_owned());
    judge.only_with("verifies-one-entry-uses-duplicate", &twice, &reason);
}

#[test]
fn no_archive_makes_it_panic() {
    if !openssl_is_here("no_archive_makes_it_panic") {
        return;
    }
    let signing = Signing::new();
    let judge = Judge { signing: &signing };
    let whole = signed(&signing).zip();
    for length in 0..whole.len() {
        assert!(
            judge.verify(&whole[..length]).is_err(),
            "cut after {length} bytes"
        );
    }
    let mut accepted = Vec::new();
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x40;
        if judge.verify(&changed).is_ok() {
            accepted.push(at);
        }
    }
    // Bytes that carry no content may change: versions, times and attributes of the entries, fields that DEFLATE ignores.
    let content = accepted.len() < whole.len() / 8;
    assert!(
        content,
        "{} of {} changed bytes were overlooked",
        accepted.len(),
        whole.len()
    );
}

#[test]
fn the_signature_over_a_whole_package_counts() {
    if !openssl_is_here("the_signature_over_a_whole_package_counts") {
        return;
    }
    let signing = Signing::new();
    let judge = Judge { signing: &signing };
    let mut inner = Files::definitions();
    inner.put(MANIFEST, inner.manifest());
    let csar = inner.zip();
    let mut outer = Files::default();
    outer
        .put("vnf.csar", csar.clone())
        .put("vnf.cms", signing.good.sign(&csar, &[]))
        .put("vnf.cert", signing.good.pem.clone());
    let verify = |defects: &[&str], outer: &Files| {
        judge.with(defects).verify(
            VNFD_ID,
            Material::SignedCsar(&outer.zip()),
            SystemTime::now(),
        )
    };
    assert_eq!(verify(&[], &outer).unwrap().files, 4);
    outer.put("vnf.cms", signing.good.sign(b"another", &[]));
    assert_eq!(
        verify(&[], &outer),
        Err(fault("vnf.csar", SignatureFault::Digest))
    );
    assert!(verify(&["ignores-outer-signature"], &outer).is_ok());
    outer.remove("vnf.cms");
    assert_eq!(verify(&[], &outer), Err(Refusal::Unsigned));
}

#[test]
fn an_archive_of_another_vnfd_is_refused() {
    if !openssl_is_here("an_archive_of_another_vnfd_is_refused") {
        return;
    }
    let signing = Signing::new();
    let judge = Judge { signing: &signing };
    let judged = judge.with(&[]).verify(
        "another",
        Material::VnfdArchive(&signed(&signing).zip()),
        SystemTime::now(),
    );
    assert_eq!(
        judged,
        Err(Refusal::OtherVnfd {
            asked: "another".to_owned(),
            found: VNFD_ID.to_owned()
        })
    );
}

#[test]
fn defects_that_remember_look_only_once() {
    if !openssl_is_here("defects_that_remember_look_only_once") {
        return;
    }
    let signing = Signing::new();
    let judge = Judge { signing: &signing };
    let good = signed(&signing).zip();
    let unsigned = sealed(Files::definitions(), "");
    for defect in ["caches-by-vnfd-id", "accepts-tampered-after-first"] {
        let verifier = judge.with(&[defect]);
        let verify = |archive: &[u8]| {
            verifier
                .verify(VNFD_ID, Material::VnfdArchive(archive), SystemTime::now())
                .is_ok()
        };
        assert!(!verify(&unsigned), "{defect}: the first is verified");
        assert!(verify(&good), "{defect}");
        assert!(verify(&unsigned), "{defect}: the second is not");
    }
    let refusing = judge.with(&["refuses-everything"]);
    assert_eq!(
        refusing.verify(VNFD_ID, Material::VnfdArchive(&good), SystemTime::now()),
        Err(Refusal::Policy)
    );
}
