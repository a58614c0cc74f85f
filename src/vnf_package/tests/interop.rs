//! What the real `openssl` says to packages.

use super::verifier::unpack;
use super::{VNFD_ID, material};
use crate::cms::find_block;
use crate::pki::openssl_command::OpenSsl;
use crate::vnf_package::{Layout, Naming, Package, SecurityOption, by_name};

/// What a stranger does with `openssl` and what was unzipped.
#[test]
fn openssl_verifies_what_was_unzipped() {
    let Some(openssl) = OpenSsl::new() else {
        return;
    };
    let material = material();
    openssl.file(
        "trust.pem",
        format!("{}{}", material.anchors_pem(), material.crl_pem()),
    );
    let verify =
        "cms -verify -binary -CAfile trust.pem -crl_check -out out -content content -in signature";

    let built = Package::new(VNFD_ID, &material).build().unwrap();
    write_manifest(&openssl, &built.manifest);
    openssl.expect(&format!("{verify} -inform PEM"));

    for (naming, end, form) in [
        (Naming::Appended, ".sig.p7s", "-inform DER"),
        (
            Naming::Replaced,
            ".sig.cms",
            "-inform PEM -certfile certificate",
        ),
    ] {
        let built = Package::new(VNFD_ID, &material)
            .layout(Layout::FileSignatures { naming })
            .build()
            .unwrap();
        openssl.file("certificate", &built.signing_certificate_pem);
        let entries = unpack(&built.package_content).unwrap();
        let signatures: Vec<_> = entries
            .iter()
            .filter(|(path, _)| path.ends_with(end))
            .collect();
        assert_eq!(signatures.len(), 8);
        for (path, signature) in signatures {
            let stem = path.strip_suffix(end).unwrap();
            let is_signed = |name: &str| {
                name == stem
                    || naming == Naming::Replaced
                        && name
                            .rsplit_once('.')
                            .is_some_and(|(left, right)| left == stem && right != "cert")
                        && !name.contains(".sig.")
            };
            let (_, content) = entries.iter().find(|(name, _)| is_signed(name)).unwrap();
            openssl.file("content", content);
            openssl.file("signature", signature);
            openssl.expect(&format!("{verify} {form}"));
        }
    }

    let built = Package::new(VNFD_ID, &material)
        .layout(Layout::Option2)
        .build()
        .unwrap();
    assert_eq!(built.security_option, SecurityOption::Option2);
    let outer = unpack(&built.package_content).unwrap();
    openssl.file("content", &outer[0].1);
    openssl.file("signature", &outer[1].1);
    openssl.expect(&format!("{verify} -inform PEM"));
}

#[test]
fn openssl_refuses_the_mutants_whose_flaw_it_can_see() {
    let Some(openssl) = OpenSsl::new() else {
        return;
    };
    let material = material();
    openssl.file(
        "trust.pem",
        format!("{}{}", material.anchors_pem(), material.crl_pem()),
    );
    let verify = "cms -verify -binary -CAfile trust.pem -crl_check -out out -content content -in signature -inform PEM";
    for (name, words) in [
        ("a changed manifest", "verification failure"),
        (
            "a signer of an unknown CA",
            "unable to get local issuer certificate",
        ),
        ("an expired signer", "certificate has expired"),
        ("a not yet valid signer", "certificate is not yet valid"),
        ("a revoked signer", "certificate revoked"),
        (
            "a signer without digitalSignature",
            "unsuitable certificate purpose",
        ),
        (
            "a swapped certificate",
            "unable to get local issuer certificate",
        ),
        ("a wrong signature value", "verification failure"),
        ("a signature without messageDigest", "attribute error"),
        ("an unparsable signature", "Error reading"),
        ("an empty signature", "Error reading"),
    ] {
        let pair = by_name(name).unwrap().pair(VNFD_ID, &material).unwrap();
        write_manifest(&openssl, &pair.twin.manifest);
        openssl.expect(verify);
        write_manifest(&openssl, &pair.mutant.manifest);
        openssl.expect_refusal(verify, words);
    }
}

/// Splits a signed manifest by hand: what lies before the CMS block is what was signed.
fn write_manifest(openssl: &OpenSsl, manifest: &[u8]) {
    let start = find_block(manifest).unwrap().start;
    openssl.file("content", &manifest[..start]);
    openssl.file("signature", &manifest[start..]);
}
