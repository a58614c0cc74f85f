mod interop;
mod verifier;

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::archive::BOMB_SIZE;
use super::{Flaw, Layout, ManifestDigest, Naming, Package, all, by_name};
use crate::cms::{Scheme, Trust, find_block, verify_detached};
use crate::pki::{Ca, KeyKind, SigningMaterial};
use verifier::{unpack, verify};

const VNFD_ID: &str = "b1bb0ce7-ebca-4fa7-95ed-4840d70a1177";

const LAYOUTS: [Layout; 5] = [
    Layout::SignedManifest,
    Layout::FileSignatures {
        naming: Naming::Appended,
    },
    Layout::FileSignatures {
        naming: Naming::Replaced,
    },
    Layout::ManifestAndFileSignatures,
    Layout::Option2,
];

fn material() -> SigningMaterial {
    SigningMaterial::new(Timestamp::now()).unwrap()
}

#[test]
fn every_layout_is_accepted() {
    let material = SigningMaterial::with_key(KeyKind::EcP384, Timestamp::now()).unwrap();
    for layout in LAYOUTS {
        for signer in [&material.good, &material.second] {
            let built = Package::new(VNFD_ID, &material)
                .layout(layout)
                .signed_by(signer)
                .build()
                .unwrap();
            assert_eq!(verify(&built, &material), Ok(()), "{layout:?}");
            assert!(String::from_utf8(built.manifest).unwrap().contains(VNFD_ID));
        }
    }
    let stronger = Package::new(VNFD_ID, &material)
        .digests(ManifestDigest::Sha512)
        .build()
        .unwrap();
    assert_eq!(verify(&stronger, &material), Ok(()));
}

/// What an exacting verifier says to each mutant: the words show that the flaw is the one that its name promises.
const REFUSALS: &[(&str, &str)] = &[
    (
        "a byte changed in the first file",
        "Definitions/vnfd.yaml: digest",
    ),
    (
        "a byte changed in a middle file",
        "Definitions/vnfd_df_simple.yaml: digest",
    ),
    (
        "a byte changed in the last file",
        "TOSCA-Metadata/TOSCA.meta: digest",
    ),
    (
        "content swapped between two requests",
        "Definitions/vnfd_df_simple.yaml: digest",
    ),
    ("a changed manifest", "vnfd.mf: the content has digest"),
    (
        "the signature of another file",
        "Definitions/vnfd_types.yaml: the content has digest",
    ),
    (
        "an outdated signature of one file",
        "Definitions/vnfd_df_simple.yaml: the content has digest",
    ),
    (
        "a signer of an unknown CA",
        "does not chain to a trust anchor",
    ),
    ("an expired signer", "expired at"),
    ("a not yet valid signer", "is valid from"),
    ("a revoked signer", "is revoked"),
    (
        "a signer without digitalSignature",
        "keyUsage lacks digitalSignature",
    ),
    ("a swapped certificate", "does not chain to a trust anchor"),
    (
        "a wrong signature value",
        "the signature's value is not the signer's",
    ),
    (
        "a signature without messageDigest",
        "messageDigest is missing",
    ),
    (
        "a CMS with other embedded content",
        "embedded other content",
    ),
    (
        "an unparsable signature",
        "vnfd.mf: not a CMS signature that can be parsed",
    ),
    ("an empty signature", "the PEM block is empty"),
    (
        "an unparsable signature file",
        "Definitions/vnfd_types.yaml: not a CMS signature",
    ),
    (
        "an empty signature file",
        "Definitions/vnfd_types.yaml: not a CMS signature",
    ),
    (
        "no signature for one file",
        "Definitions/vnfd_types.yaml: no signature",
    ),
    ("no signature at all", "vnfd.mf: no signature"),
    (
        "a wrong digest in the manifest",
        "Definitions/vnfd_types.yaml: digest",
    ),
    ("MD5 digests", "digest algorithm MD5"),
    ("SHA-1 digests", "digest algorithm SHA-1"),
    (
        "a file missing from the manifest",
        "Definitions/vnfd_types.yaml: not listed",
    ),
    ("an extra file", "Definitions/vnfd_extra.yaml: not listed"),
    (
        "a listed file absent",
        "Definitions/vnfd_types.yaml: absent",
    ),
    (
        "two entries of the same name",
        "Definitions/vnfd_df_simple.yaml: twice",
    ),
    (
        "two entries of the same name, the changed one first",
        "Definitions/vnfd_df_simple.yaml: twice",
    ),
    (
        "a path outside the archive",
        "../../tmp/scas-outside-the-archive.yaml: outside",
    ),
    (
        "an absolute path in the archive",
        "/tmp/scas-outside-the-archive.yaml: outside",
    ),
    (
        "a decompression bomb",
        "Definitions/vnfd_line_feeds.yaml: too large",
    ),
    ("a truncated archive", "no ZIP"),
    (
        "a wrong outer signature",
        "vnfd.csar: the content has digest",
    ),
    ("no outer signature", "vnfd.csar: no signature"),
];

#[test]
fn every_mutant_is_refused_for_its_flaw_and_every_twin_accepted() {
    let material = material();
    for flaw in all() {
        let pair = flaw.pair(VNFD_ID, &material).unwrap();
        assert_eq!(verify(&pair.twin, &material), Ok(()), "{}", flaw.name);
        let refusal = verify(&pair.mutant, &material).expect_err(flaw.name);
        let (_, words) = REFUSALS
            .iter()
            .find(|(name, _)| *name == flaw.name)
            .expect(flaw.name);
        assert!(
            refusal.contains(words),
            "{}: refused, but because {refusal}",
            flaw.name
        );
        assert_eq!(
            (&pair.twin.vnfd_id, pair.twin.security_option),
            (&pair.mutant.vnfd_id, pair.mutant.security_option)
        );
    }
    assert_eq!(REFUSALS.len(), all().len());
}

/// Flaws about the files alone: manifest and signatures of the mutant are the twin's to the byte.
#[test]
fn a_changed_byte_leaves_manifest_and_signatures_alone() {
    let material = material();
    for name in ["first", "a middle", "last"] {
        let name = if name == "a middle" {
            name.to_owned()
        } else {
            format!("the {name}")
        };
        let pair = by_name(&format!("a byte changed in {name} file"))
            .unwrap()
            .pair(VNFD_ID, &material)
            .unwrap();
        assert_eq!(pair.twin.manifest, pair.mutant.manifest);
        for (twin, mutant) in [
            (&pair.twin.vnfd, &pair.mutant.vnfd),
            (&pair.twin.package_content, &pair.mutant.package_content),
        ] {
            let (twin, mutant) = (unpack(twin).unwrap(), unpack(mutant).unwrap());
            let changed: Vec<_> = twin.iter().zip(&mutant).filter(|(a, b)| a != b).collect();
            let [((path, before), (same_path, after))] = changed[..] else {
                panic!("{} entries differ", changed.len())
            };
            assert_eq!(path, same_path);
            assert_eq!(before.iter().zip(after).filter(|(a, b)| a != b).count(), 1);
            assert_eq!(before.len(), after.len());
        }
    }
}

#[test]
fn the_order_of_files_is_one_everywhere() {
    let built = Package::new(VNFD_ID, &material()).build().unwrap();
    let manifest = String::from_utf8(built.manifest).unwrap();
    let listed: Vec<_> = manifest
        .lines()
        .filter_map(|line| line.strip_prefix("Source: "))
        .collect();
    assert!(listed.is_sorted());
    let entries = unpack(&built.vnfd).unwrap();
    let files: Vec<_> = entries
        .iter()
        .map(|(path, _)| path.as_str())
        .filter(|path| path.contains('/'))
        .collect();
    assert!(files.is_sorted());
    assert_eq!(files.last(), listed.last());
    assert!(files.len() >= 4);
}

#[test]
fn what_is_named_is_there() {
    let material = material();
    for layout in LAYOUTS {
        let built = Package::new(VNFD_ID, &material)
            .layout(layout)
            .build()
            .unwrap();
        let mut entries = unpack(&built.package_content).unwrap();
        if layout == Layout::Option2 {
            entries = unpack(&entries[0].1).unwrap();
        }
        let text = |path: &str| {
            let (_, bytes) = entries.iter().find(|(name, _)| name == path).unwrap();
            String::from_utf8(bytes.clone()).unwrap()
        };
        let (manifest, meta) = (text("vnfd.mf"), text("TOSCA-Metadata/TOSCA.meta"));
        let named = manifest.lines().chain(meta.lines()).filter_map(|line| {
            let (key, value) = line.split_once(": ")?;
            (key.contains("Entry-") || matches!(key, "Source" | "Signature" | "Certificate"))
                .then_some(value)
        });
        let mut count = 0;
        for path in named {
            let found = entries
                .iter()
                .any(|(name, _)| name == path || name.starts_with(&format!("{path}/")));
            assert!(found, "{layout:?}: {path} is named, but absent");
            count += 1;
        }
        assert!(count >= 7 + 4, "{layout:?}: {count}");
        assert_eq!(
            meta.contains("ETSI-Entry-Certificate"),
            layout != Layout::Option2
        );
    }
}

#[test]
fn the_bomb_is_small_packed_and_large_unpacked() {
    let pair = by_name("a decompression bomb")
        .unwrap()
        .pair(VNFD_ID, &material())
        .unwrap();
    assert!(
        pair.mutant.vnfd.len() <= 300_000,
        "{}",
        pair.mutant.vnfd.len()
    );
    assert!(
        pair.mutant.package_content.len() <= 300_000,
        "{}",
        pair.mutant.package_content.len()
    );
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&pair.mutant.vnfd)).unwrap();
    let mut file = archive.by_name("Definitions/vnfd_line_feeds.yaml").unwrap();
    let mut sha256 = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    let (mut total, mut chunk) = (0, vec![0; 1 << 20]);
    loop {
        let read = std::io::Read::read(&mut file, &mut chunk).unwrap();
        if read == 0 {
            break;
        }
        total += read;
        sha256.update(&chunk[..read]);
    }
    assert_eq!(total, BOMB_SIZE);
    let digest = hex::encode(sha256.finish());
    assert!(
        String::from_utf8(pair.mutant.manifest)
            .unwrap()
            .contains(&format!("Hash: {digest}\n"))
    );
}

#[test]
fn without_randomness_in_signatures_a_package_is_always_the_same() {
    let material = material();
    let build = || {
        unpack(
            &Package::new(VNFD_ID, &material)
                .layout(Layout::Option2)
                .build()
                .unwrap()
                .package_content,
        )
        .unwrap()
    };
    let (one, two) = (build(), build());
    assert_eq!(one[0].0, "vnfd.csar");
    assert_eq!(one[0], two[0]);
}

#[test]
fn the_scheme_may_be_chosen() {
    let mut material = material();
    let ca = Ca::new("RSA signers", material.now).unwrap();
    material.good = ca.signer("vendor").key(KeyKind::Rsa3072).issue().unwrap();
    let trust = Trust::new(&ca.certificate_pem()).unwrap();
    let pss = Package::new(VNFD_ID, &material)
        .scheme(Scheme::RsaPssSha256)
        .build()
        .unwrap();
    let (signed, cms) = pss
        .manifest
        .split_at(find_block(&pss.manifest).unwrap().start);
    assert!(verify_detached(cms, signed, &trust, material.now).is_ok());
    let impossible = Package::new(VNFD_ID, &material)
        .scheme(Scheme::EcdsaP256Sha256)
        .build()
        .unwrap_err();
    assert_eq!(impossible.to_string(), "could not sign vnfd.mf");
}

#[test]
fn names_are_unique_and_a_wrong_one_gets_the_nearest() {
    let names: BTreeSet<_> = all().iter().map(|flaw| flaw.name).collect();
    assert_eq!(names.len(), all().len());
    assert!(all().iter().all(|flaw: &Flaw| flaw.summary.ends_with('.')));
    let error = by_name("a expired signer").unwrap_err();
    assert_eq!(
        error.to_string(),
        "no package flaw is called \"a expired signer\": did you mean \"an expired signer\"?"
    );
}
