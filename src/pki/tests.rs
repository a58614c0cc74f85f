use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use der::Decode;
use jiff::Timestamp;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use x509_cert::Certificate;

use super::openssl_command::OpenSsl;
use super::{Ca, KeyKind, Leaf, PkiError, SigningMaterial, TestPki};

#[test]
fn openssl_accepts_every_kind_of_leaf_strictly() {
    let Some(openssl) = OpenSsl::new() else {
        return;
    };
    for kind in [KeyKind::EcP256, KeyKind::EcP384, KeyKind::Rsa3072] {
        let ca = Ca::with_key("test CA", kind, Timestamp::now()).unwrap();
        openssl.file("ca.pem", ca.certificate_pem());
        openssl.file("crl.pem", ca.crl_pem(&[]).unwrap());
        let leaves = [
            (
                "sslserver",
                ca.server("vnfm", &["127.0.0.1", "::1", "localhost"]),
            ),
            ("sslclient", ca.client("nfvo")),
            ("sslserver", ca.peer("peer", &["localhost"])),
            ("sslclient", ca.peer("peer", &["localhost"])),
            ("smimesign", ca.signer("vendor")),
        ];
        for (purpose, leaf) in leaves {
            openssl.file(
                "leaf.pem",
                leaf.key(kind).issue().unwrap().certificate_pem(),
            );
            openssl.expect(&format!(
                "verify -x509_strict -crl_check -CAfile ca.pem -CRLfile crl.pem -purpose {purpose} leaf.pem"
            ));
        }
    }
}

#[test]
fn openssl_sees_every_flaw_of_a_signer() {
    let Some(openssl) = OpenSsl::new() else {
        return;
    };
    for kind in [KeyKind::EcP256, KeyKind::EcP384, KeyKind::Rsa3072] {
        let material = SigningMaterial::with_key(kind, Timestamp::now()).unwrap();
        openssl.file("ca.pem", material.anchors_pem());
        openssl.file("crl.pem", material.crl_pem());
        let verify = "verify -x509_strict -crl_check -CAfile ca.pem -CRLfile crl.pem -purpose smimesign leaf.pem";
        for leaf in [&material.good, &material.second] {
            assert_eq!(leaf.key_kind(), kind);
            openssl.file("leaf.pem", leaf.certificate_pem());
            openssl.expect(verify);
        }
        for (leaf, words) in [
            (&material.rogue, "unable to get local issuer certificate"),
            (&material.expired, "certificate has expired"),
            (&material.not_yet_valid, "certificate is not yet valid"),
            (&material.revoked, "certificate revoked"),
            (
                &material.without_digital_signature,
                "unsuitable certificate purpose",
            ),
        ] {
            openssl.file("leaf.pem", leaf.certificate_pem());
            openssl.expect_refusal(verify, words);
        }
    }
}

#[test]
fn a_flaw_leaves_the_rest_alone() {
    let now = Timestamp::now();
    let ca = Ca::new("test CA", now).unwrap();
    let expired = ca.signer("vendor").expired(now).issue().unwrap();
    let certificate = Certificate::from_der(expired.certificate_der()).unwrap();
    let validity = certificate.tbs_certificate.validity;
    let end = validity.not_after.to_unix_duration().as_secs();
    assert_eq!(end, u64::try_from(now.as_second()).unwrap() - 24 * 60 * 60);
    assert!(validity.not_before.to_unix_duration() < validity.not_after.to_unix_duration());
    assert_eq!(certificate.tbs_certificate.subject.to_string(), "CN=vendor");
    let usage = certificate
        .tbs_certificate
        .get::<x509_cert::ext::pkix::KeyUsage>()
        .unwrap()
        .unwrap();
    assert!(usage.0, "keyUsage is critical");
    assert!(usage.1.digital_signature());
}

#[test]
fn serials_differ_and_are_positive() {
    let ca = Ca::new("test CA", Timestamp::now()).unwrap();
    let serials: Vec<_> = (0..8)
        .map(|_| ca.signer("vendor").issue().unwrap().serial().to_vec())
        .collect();
    for (index, serial) in serials.iter().enumerate() {
        assert_eq!(serial.len(), 16);
        assert!(serial[0] < 0x80);
        assert!(!serials[index + 1..].contains(serial));
    }
}

#[test]
fn a_name_that_is_none_is_named() {
    let ca = Ca::new("test CA", Timestamp::now()).unwrap();
    let error = ca.server("vnfm", &["bücher.example"]).issue().unwrap_err();
    assert!(
        matches!(&error, PkiError::SubjectAltName { name, .. } if name == "bücher.example"),
        "{error}"
    );
}

#[test]
fn a_written_pki_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let now = Timestamp::now();
    let written = TestPki::new(now, &["127.0.0.1", "localhost"]).unwrap();
    written.write_to(folder.path()).unwrap();
    let read = TestPki::load_from(folder.path(), now).unwrap();
    assert_eq!(read.nfvo.private_key_der(), written.nfvo.private_key_der());
    assert_eq!(read.vnfm.chain_pem(), written.vnfm.chain_pem());
    assert_eq!(read.ca.certificate_pem(), written.ca.certificate_pem());
    for name in ["ca.key", "nfvo.key", "vnfm.key", "tester.key"] {
        let mode = std::fs::metadata(folder.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let again = written.write_to(folder.path()).unwrap_err();
    assert!(
        matches!(&again, PkiError::Exists { path } if path.ends_with("ca.crt")),
        "{again}"
    );
}

#[test]
fn what_a_read_ca_issues_is_valid() {
    let Some(openssl) = OpenSsl::new() else {
        return;
    };
    let now = Timestamp::now();
    TestPki::new(now, &["localhost"])
        .unwrap()
        .write_to(openssl.folder())
        .unwrap();
    let read = TestPki::load_from(openssl.folder(), now).unwrap();
    openssl.file(
        "new.pem",
        read.ca.client("new").issue().unwrap().certificate_pem(),
    );
    openssl.file("crl.pem", read.ca.crl_pem(&[&read.tester]).unwrap());
    let verify = "verify -x509_strict -crl_check -CAfile ca.crt -CRLfile crl.pem";
    openssl.expect(&format!("{verify} new.pem"));
    openssl.expect(&format!("{verify} nfvo.crt"));
    openssl.expect_refusal(&format!("{verify} tester.crt"), "certificate revoked");
}

#[test]
fn signing_material_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let now = Timestamp::now();
    let written = SigningMaterial::new(now).unwrap();
    written.write_to(folder.path()).unwrap();
    let read = SigningMaterial::load_from(folder.path(), now).unwrap();
    assert_eq!(
        read.rogue.certificate_der(),
        written.rogue.certificate_der()
    );
    assert_eq!(
        read.revoked.private_key_der(),
        written.revoked.private_key_der()
    );
    assert_eq!(read.crl_pem(), written.crl_pem());
    assert_eq!(read.anchors_pem(), written.anchors_pem());
}

#[test]
fn a_folder_that_does_not_fit_is_refused_with_the_files_name() {
    let now = Timestamp::now();
    let spoilt = |spoil: &dyn Fn(&std::path::Path)| {
        let folder = tempfile::tempdir().unwrap();
        TestPki::new(now, &["localhost"])
            .unwrap()
            .write_to(folder.path())
            .unwrap();
        spoil(folder.path());
        TestPki::load_from(folder.path(), now)
            .err()
            .unwrap()
            .to_string()
    };
    let swapped = spoilt(&|folder| {
        std::fs::copy(folder.join("nfvo.key"), folder.join("vnfm.key")).unwrap();
    });
    assert!(
        swapped.contains("vnfm.key does not fit the certificate in"),
        "{swapped}"
    );
    let gone = spoilt(&|folder| std::fs::remove_file(folder.join("tester.crt")).unwrap());
    assert!(
        gone.starts_with("could not read") && gone.ends_with("tester.crt"),
        "{gone}"
    );
    let garbage =
        spoilt(&|folder| std::fs::write(folder.join("nfvo.crt"), "no certificate").unwrap());
    assert!(garbage.contains("nfvo.crt: no certificate"), "{garbage}");
    let foreign = spoilt(&|folder| {
        let other = TestPki::new(now, &["localhost"]).unwrap();
        std::fs::write(folder.join("nfvo.crt"), other.nfvo.certificate_pem()).unwrap();
        std::fs::write(folder.join("nfvo.key"), other.nfvo.private_key_pem()).unwrap();
    });
    assert!(
        foreign.contains("nfvo.crt was not issued by the CA in"),
        "{foreign}"
    );
}

#[test]
fn a_folder_is_refused_once_a_certificate_is_not_what_it_is_for() {
    let folder = tempfile::tempdir().unwrap();
    let now = Timestamp::now();
    SigningMaterial::new(now)
        .unwrap()
        .write_to(folder.path())
        .unwrap();
    let years_later = Timestamp::from_second(now.as_second() + 3 * 365 * 24 * 60 * 60).unwrap();
    let error = SigningMaterial::load_from(folder.path(), years_later)
        .unwrap_err()
        .to_string();
    assert!(error.contains("revoked.crt is valid from"), "{error}");
    assert!(
        error.contains("should be valid now: make a new PKI"),
        "{error}"
    );

    let file = |name: &str| folder.path().join(name);
    std::fs::copy(file("good.crt"), file("expired.crt")).unwrap();
    std::fs::copy(file("good.key"), file("expired.key")).unwrap();
    let error = SigningMaterial::load_from(folder.path(), now)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("expired.crt") && error.contains("should have expired"),
        "{error}"
    );
}

#[test]
fn a_crl_of_another_pki_is_refused() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let now = Timestamp::now();
    SigningMaterial::new(now)
        .unwrap()
        .write_to(folder.path())
        .unwrap();
    SigningMaterial::new(now)
        .unwrap()
        .write_to(other.path())
        .unwrap();
    std::fs::copy(
        other.path().join("signers.crl"),
        folder.path().join("signers.crl"),
    )
    .unwrap();
    let error = SigningMaterial::load_from(folder.path(), now)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("signers.crl: not signed by the CA beside it"),
        "{error}"
    );
}

/// The identities do what they are for: mutual TLS, each way, by address and by name.
#[test]
fn nfvo_and_vnfm_connect_to_each_other_and_the_tester_to_both() {
    let pki = TestPki::new(Timestamp::now(), &["127.0.0.1", "localhost"]).unwrap();
    for (client, server, name) in [
        (&pki.nfvo, &pki.vnfm, "127.0.0.1"),
        (&pki.vnfm, &pki.nfvo, "localhost"),
        (&pki.tester, &pki.nfvo, "localhost"),
        (&pki.tester, &pki.vnfm, "127.0.0.1"),
    ] {
        handshake(&pki, client, server, name).unwrap();
    }
    let other_name = handshake(&pki, &pki.tester, &pki.vnfm, "vnfm.example").unwrap_err();
    assert!(other_name.contains("NotValidForName"), "{other_name}");
    let no_server = handshake(&pki, &pki.nfvo, &pki.tester, "localhost").unwrap_err();
    assert!(no_server.contains("InvalidPurpose"), "{no_server}");
    let stranger = TestPki::new(Timestamp::now(), &["localhost"]).unwrap();
    let refused = handshake(&pki, &stranger.tester, &pki.vnfm, "localhost").unwrap_err();
    assert!(
        refused.contains("UnknownIssuer") || refused.contains("BadSignature"),
        "{refused}"
    );
}

fn handshake(
    pki: &TestPki,
    client: &Leaf,
    server: &Leaf,
    name: &'static str,
) -> Result<(), String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(pki.ca.certificate_der().to_vec().into()).unwrap();
    let roots = Arc::new(roots);
    let chain = |leaf: &Leaf| vec![CertificateDer::from(leaf.certificate_der().to_vec())];
    let key = |leaf: &Leaf| PrivateKeyDer::try_from(leaf.private_key_der().to_vec()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone())
        .build()
        .unwrap();
    let server_config = rustls::ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain(server), key(server))
        .unwrap();
    let client_config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain(client), key(client))
        .unwrap();
    let name = rustls::pki_types::ServerName::try_from(name).unwrap();
    let mut client = rustls::ClientConnection::new(Arc::new(client_config), name).unwrap();
    let mut server = rustls::ServerConnection::new(Arc::new(server_config)).unwrap();
    let mut wire = Vec::new();
    while client.is_handshaking() || server.is_handshaking() {
        client.write_tls(&mut wire).unwrap();
        server.read_tls(&mut wire.as_slice()).unwrap();
        server
            .process_new_packets()
            .map_err(|error| format!("{error:?}"))?;
        wire.clear();
        server.write_tls(&mut wire).unwrap();
        client.read_tls(&mut wire.as_slice()).unwrap();
        client
            .process_new_packets()
            .map_err(|error| format!("{error:?}"))?;
        wire.clear();
    }
    Ok(())
}
