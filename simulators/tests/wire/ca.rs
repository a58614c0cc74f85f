//! The CA: what it issues is what the profile says, and others agree.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::Path;

use crate::common::{Outcome, run};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, DnType, KeyPair};
use scas_simulators::ca::{
    Ca, CaConfig, CaError, CertificateFault, Issued, KeyKind, Order, RevocationReason,
};
use scas_simulators::clock::Clock;
use scas_simulators::fault::Times;
use scas_simulators::transcript::Transcript;
use sha1::{Digest as _, Sha1};
use x509_parser::extensions::ParsedExtension;
use x509_parser::parse_x509_certificate;

/// A request for C=SE, O=5gc...; DER.
pub fn request(names: &[&str]) -> Result<Vec<u8>, Box<dyn Error>> {
    request_for(&KeyPair::generate()?, names)
}

pub fn request_for(key: &KeyPair, names: &[&str]) -> Result<Vec<u8>, Box<dyn Error>> {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CountryName, "SE");
    params.distinguished_name.push(
        DnType::OrganizationName,
        "5gc.mnc060.mcc240.3gppnetwork.org",
    );
    Ok(params.serialize_request(key)?.der().to_vec())
}

async fn ca(change: impl FnOnce(&mut CaConfig)) -> Result<Ca, CaError> {
    let mut config = CaConfig::new(Transcript::new());
    change(&mut config);
    Ca::start(config).await
}

/// Identifiers of the extensions, those that are critical with a `!`.
fn extensions(der: &[u8]) -> Result<BTreeSet<String>, Box<dyn Error>> {
    let (_, certificate) = parse_x509_certificate(der)?;
    let extensions = certificate.extensions().iter().map(|extension| {
        let mark = if extension.critical { "!" } else { "" };
        format!("{}{mark}", extension.oid.to_id_string())
    });
    Ok(extensions.collect())
}

/// keyUsage and subjectAltName critical, as table C.6-1 says.
const PROFILE: [&str; 7] = [
    "1.3.6.1.5.5.7.1.1",
    "2.5.29.14",
    "2.5.29.15!",
    "2.5.29.17!",
    "2.5.29.31",
    "2.5.29.35",
    "2.5.29.37",
];

#[tokio::test]
async fn a_certificate_has_the_profile_of_c_6() -> Outcome {
    for key in [KeyKind::P256, KeyKind::P384, KeyKind::Rsa3072] {
        let ca = ca(|config| config.key = key).await?;
        let issued = ca
            .ca1()
            .issue(&request(&["vnfc-1.example"])?, &Order::default())?;
        assert_eq!(
            extensions(&issued.certificate)?,
            PROFILE.map(str::to_owned).into()
        );
        let (_, leaf) = parse_x509_certificate(&issued.certificate)?;
        let (_, issuing) = parse_x509_certificate(&issued.chain[1])?;
        leaf.verify_signature(Some(issuing.public_key()))?;
        assert_eq!(
            leaf.subject().to_string(),
            "C=SE, O=5gc.mnc060.mcc240.3gppnetwork.org"
        );
        assert_eq!(hex::encode(leaf.raw_serial()), issued.serial_number);
        let usage = leaf.key_usage()?.ok_or("no keyUsage")?.value;
        assert!(usage.digital_signature() && usage.flags == 1, "{usage}");
        let extended = leaf.extended_key_usage()?.ok_or("none")?.value;
        assert!(extended.client_auth && extended.server_auth && !extended.any);
        for certificate in [&leaf, &issuing] {
            // Method 1: of the bits of the key, without tag, length and the count of unused bits.
            let bits = &certificate.public_key().subject_public_key.data;
            assert_eq!(key_ids(certificate)?.0, Sha1::digest(bits).to_vec());
        }
        assert_eq!(key_ids(&leaf)?.1, Some(key_ids(&issuing)?.0));
        let days = leaf.validity().not_after.timestamp() - leaf.validity().not_before.timestamp();
        assert_eq!(days, 90 * 86_400);
        ca.stop().await;
    }
    Ok(())
}

type KeyIds = (Vec<u8>, Option<Vec<u8>>);

/// Of the subject and of the authority.
fn key_ids(
    certificate: &x509_parser::certificate::X509Certificate<'_>,
) -> Result<KeyIds, Box<dyn Error>> {
    let (mut own, mut authority) = (None, None);
    for extension in certificate.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => own = Some(id.0.to_vec()),
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                authority = id.key_identifier.as_ref().map(|id| id.0.to_vec());
            }
            _ => {}
        }
    }
    Ok((own.ok_or("no subjectKeyIdentifier")?, authority))
}

#[tokio::test]
async fn what_is_optional_is_there_when_asked_for() -> Outcome {
    let ca = ca(|config| config.policy.must_staple = true).await?;
    let order = Order {
        nf_types: vec!["AMF".into(), "SMF".into()],
        max_validity_days: Some(7),
    };
    let issued = ca.ca1().issue(&request(&["vnfc-1.example"])?, &order)?;
    let (_, leaf) = parse_x509_certificate(&issued.certificate)?;
    let content = |oid: &str| {
        let mut extensions = leaf.extensions().iter();
        extensions
            .find(|extension| extension.oid.to_id_string() == oid)
            .map(|extension| hex::encode(extension.value))
    };
    // SEQUENCE { INTEGER 5 }; SEQUENCE { IA5String AMF, IA5String SMF }
    assert_eq!(content("1.3.6.1.5.5.7.1.24").as_deref(), Some("3003020105"));
    assert_eq!(
        content("1.3.6.1.5.5.7.1.34").as_deref(),
        Some("300a1603414d461603534d46")
    );
    let days = leaf.validity().not_after.timestamp() - leaf.validity().not_before.timestamp();
    assert_eq!(days, 7 * 86_400);
    // From the request, where nothing is ordered.
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(["vnfc-1.example".to_owned()])?;
    params.custom_extensions = vec![CustomExtension::from_oid_content(
        &[1, 3, 6, 1, 5, 5, 7, 1, 34],
        hex::decode("30051603555046")?,
    )];
    let csr = params.serialize_request(&key)?;
    let issued = ca.ca1().issue(csr.der(), &Order::default())?;
    assert!(extensions(&issued.certificate)?.contains("1.3.6.1.5.5.7.1.34"));
    ca.stop().await;
    Ok(())
}

#[tokio::test]
async fn each_request_is_in_the_transcript_of_ca_1() -> Outcome {
    let transcript = Transcript::new();
    let ca = Ca::start(CaConfig::new(transcript.clone())).await?;
    let issued = ca
        .ca1()
        .issue(&request(&["vnfc-1.example"])?, &Order::default())?;
    let mut forged = request(&["vnfc-1.example"])?;
    let last = forged.len() - 1;
    forged[last] ^= 1;
    assert!(matches!(
        ca.ca1().issue(&forged, &Order::default()),
        Err(CaError::ProofOfPossession)
    ));
    let exchanges = transcript.exchanges();
    let seen: Vec<_> = exchanges
        .iter()
        .map(|exchange| {
            let status = exchange.response.as_ref().map(|response| response.status);
            (
                exchange.interface.as_str(),
                exchange.request.target.as_str(),
                status,
            )
        })
        .collect();
    assert_eq!(
        seen,
        [("CA-1", "issue", Some(200)), ("CA-1", "issue", Some(400))]
    );
    let text = exchanges[0]
        .response
        .as_ref()
        .and_then(|r| r.body.text.clone());
    assert_eq!(
        text.ok_or("no chain")?.matches("BEGIN CERTIFICATE").count(),
        2
    );
    assert_eq!(ca.issued().len(), 1);
    assert_eq!(ca.issued()[0].sha256, issued.sha256);
    ca.stop().await;
    Ok(())
}

/// What `openssl verify` says of a chain, with the CRLs that the CA publishes.
async fn verified(ca: &Ca, issued: &Issued) -> Result<Option<String>, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let write = |name: &str, pem: &str| std::fs::write(folder.path().join(name), pem);
    write("root.pem", &ca.root_pem())?;
    let pems: Vec<_> = issued.chain.iter().map(|der| armour(der)).collect();
    write("leaf.pem", &armour(&issued.certificate))?;
    write("chain.pem", &pems.concat())?;
    for name in ["issuing", "root"] {
        let uri = format!("{}/crl/{name}.crl", ca.base_uri());
        let Some(got) = run("curl", &["-sSf", "-o", &path("crl.der"), &uri], "").await? else {
            return Ok(None);
        };
        assert!(got.status.success(), "{got:?}");
        let (der, pem) = (path("crl.der"), path(&format!("{name}.crl")));
        let arguments = ["crl", "-inform", "DER", "-in", &der, "-out", &pem];
        let Some(made) = run("openssl", &arguments, "").await? else {
            return Ok(None);
        };
        assert!(made.status.success(), "{made:?}");
    }
    let crls = ["issuing.crl", "root.crl"].map(|name| std::fs::read_to_string(path(name)));
    let [issuing, root] = crls;
    write("crls.pem", &(issuing? + &root?))?;
    let arguments = [
        "verify",
        "-x509_strict",
        "-crl_check_all",
        "-CAfile",
        &path("root.pem"),
        "-CRLfile",
        &path("crls.pem"),
        "-untrusted",
        &path("chain.pem"),
        "-purpose",
        "sslserver",
        &path("leaf.pem"),
    ];
    let output = run("openssl", &arguments, "").await?;
    Ok(output.map(|output| {
        let (said, complained) = (output.stdout, output.stderr);
        String::from_utf8_lossy(&[said, complained].concat()).into_owned()
    }))
}

fn armour(der: &[u8]) -> String {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{encoded}\n-----END CERTIFICATE-----\n")
}

#[tokio::test]
async fn openssl_accepts_a_certificate_until_it_is_revoked() -> Outcome {
    for key in [KeyKind::P256, KeyKind::Rsa3072] {
        let ca = ca(|config| config.key = key).await?;
        let issued = ca
            .ca1()
            .issue(&request(&["vnfc-1.example"])?, &Order::default())?;
        let other = ca
            .ca1()
            .issue(&request(&["vnfc-2.example"])?, &Order::default())?;
        let Some(said) = verified(&ca, &issued).await? else {
            return Ok(());
        };
        assert!(said.contains("leaf.pem: OK"), "{said}");
        ca.revoke(&issued.serial_number, RevocationReason::Superseded)?;
        assert!(ca.revoke("00", RevocationReason::Superseded).is_err());
        let said = verified(&ca, &issued).await?.unwrap_or_default();
        assert!(said.contains("certificate revoked"), "{said}");
        let said = verified(&ca, &other).await?.unwrap_or_default();
        assert!(said.contains("leaf.pem: OK"), "{said}");
        ca.stop().await;
    }
    Ok(())
}

#[tokio::test]
async fn openssl_reads_the_profile() -> Outcome {
    let ca = ca(|_| {}).await?;
    let issued = ca
        .ca1()
        .issue(&request(&["vnfc-1.example"])?, &Order::default())?;
    let Some(output) = run(
        "openssl",
        &["x509", "-text", "-noout"],
        &armour(&issued.certificate),
    )
    .await?
    else {
        return Ok(());
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for line in [
        "X509v3 Key Usage: critical\n                Digital Signature\n",
        "TLS Web Client Authentication, TLS Web Server Authentication",
        "X509v3 Subject Alternative Name: critical\n                DNS:vnfc-1.example",
        &format!("URI:{}/crl/issuing.crl", ca.base_uri()),
        &format!(
            "CA Issuers - URI:{}/certificates/issuing.cer",
            ca.base_uri()
        ),
        "Version: 3 (0x2)",
        "X509v3 Authority Key Identifier",
        "X509v3 Subject Key Identifier",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    // caIssuers leads to the certificate that it names.
    let uri = format!("{}/certificates/issuing.cer", ca.base_uri());
    let Some(got) = run("curl", &["-sSf", &uri], "").await? else {
        return Ok(());
    };
    assert_eq!(got.stdout, issued.chain[1]);
    ca.stop().await;
    Ok(())
}

#[tokio::test]
async fn openssl_refuses_what_faults_spoil() -> Outcome {
    use CertificateFault as F;
    let complaints = [
        (F::UntrustedIssuer, "unable to get local issuer"),
        (F::WrongIssuer, "unable to get local issuer"),
        (F::BadSignature, "certificate signature failure"),
        (F::Expired, "certificate has expired"),
        (F::NotYetValid, "certificate is not yet valid"),
        (F::Revoked, "certificate revoked"),
        (F::WrongExtendedKeyUsage, "unsuitable certificate purpose"),
        (F::WrongKeyUsage, "OK"),
        (F::UnknownCriticalExtension, "unhandled critical extension"),
        (
            F::WithoutAuthorityKeyIdentifier,
            "Missing Authority Key Identifier",
        ),
        (F::ChainIncomplete, "unable to get local issuer"),
        (F::ChainOfOther, "unable to get local issuer"),
        (F::ChainReversed, "OK"),
    ];
    let ca = ca(|_| {}).await?;
    for (fault, complaint) in complaints {
        ca.fault(fault, Times::Once);
        let issued = ca
            .ca1()
            .issue(&request(&["vnfc-1.example"])?, &Order::default())?;
        assert_eq!(issued.fault, Some(fault));
        let Some(said) = verified(&ca, &issued).await? else {
            return Ok(());
        };
        assert!(said.contains(complaint), "{fault}: {said}");
    }
    ca.stop().await;
    Ok(())
}

#[tokio::test]
async fn each_fault_spoils_one_thing() -> Outcome {
    use CertificateFault as F;
    let ca = ca(|_| {}).await?;
    let csr = request(&["vnfc-1.example"])?;
    for fault in F::ALL {
        let twin = ca.ca1().issue(&csr, &Order::default())?;
        ca.fault(fault, Times::Once);
        let issued = ca.ca1().issue(&csr, &Order::default())?;
        assert_eq!((issued.fault, twin.fault), (Some(fault), None));
        let (_, leaf) = parse_x509_certificate(&issued.certificate)?;
        let (_, good) = parse_x509_certificate(&twin.certificate)?;
        let ca1 = ca.ca1();
        let (_, issuing) = parse_x509_certificate(ca1.authorities()[0])?;
        let mut expected: BTreeSet<String> = PROFILE.map(str::to_owned).into();
        match fault {
            F::CaCertificate => _ = expected.insert("2.5.29.19!".into()),
            F::UnknownCriticalExtension => _ = expected.insert("1.3.6.1.4.1.32473.1.1!".into()),
            F::WithoutSubjectKeyIdentifier => _ = expected.remove("2.5.29.14"),
            F::WithoutAuthorityKeyIdentifier => _ = expected.remove("2.5.29.35"),
            F::WithoutKeyUsage => _ = expected.remove("2.5.29.15!"),
            F::WithoutExtendedKeyUsage => _ = expected.remove("2.5.29.37"),
            F::WithoutSubjectAltName => _ = expected.remove("2.5.29.17!"),
            F::WithoutCrlDistributionPoint => _ = expected.remove("2.5.29.31"),
            F::SubjectAltNameNotCritical => {
                expected.remove("2.5.29.17!");
                expected.insert("2.5.29.17".into());
            }
            _ => {}
        }
        assert_eq!(extensions(&issued.certificate)?, expected, "{fault}");
        let same = |wrong: &[F], same: bool| assert_eq!(same, !wrong.contains(&fault), "{fault}");
        same(
            &[F::OtherKey],
            leaf.public_key().raw == good.public_key().raw,
        );
        same(&[F::OtherNames], leaf.subject() == good.subject());
        same(
            &[F::UntrustedIssuer, F::WrongIssuer],
            leaf.issuer() == good.issuer(),
        );
        same(
            &[F::UntrustedIssuer, F::WrongIssuer, F::BadSignature],
            leaf.verify_signature(Some(issuing.public_key())).is_ok(),
        );
        same(
            &[F::RepeatedSerialNumber],
            leaf.raw_serial() != good.raw_serial(),
        );
        let length = |certificate: &x509_parser::certificate::X509Certificate<'_>| {
            let validity = certificate.validity();
            validity.not_after.timestamp() - validity.not_before.timestamp()
        };
        same(&[F::ValidTooLong], length(&leaf) == length(&good));
        same(&[F::Expired, F::NotYetValid], leaf.validity().is_valid());
        let chains = [
            F::UntrustedIssuer,
            F::ChainReversed,
            F::ChainIncomplete,
            F::ChainOfOther,
        ];
        let right = issued.chain.first() == Some(&issued.certificate)
            && issued.chain.get(1) == twin.chain.get(1);
        same(&chains, right);
    }
    // Always goes on until it is cleared; what was first is first.
    ca.fault(F::Expired, Times::N(2));
    ca.fault(F::OtherKey, Times::Always);
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(ca.ca1().issue(&csr, &Order::default())?.fault);
    }
    assert_eq!(
        seen,
        [F::Expired, F::Expired, F::OtherKey, F::OtherKey].map(Some)
    );
    ca.clear_faults();
    assert_eq!(ca.ca1().issue(&csr, &Order::default())?.fault, None);
    ca.stop().await;
    Ok(())
}

#[tokio::test]
async fn it_goes_by_the_clock_that_it_is_given() -> Outcome {
    let skewed: jiff::Timestamp = "2031-02-03T04:05:06Z".parse()?;
    let ca = ca(|config| config.clock = Clock::of(move || skewed)).await?;
    let issued = ca
        .ca1()
        .issue(&request(&["vnfc-1.example"])?, &Order::default())?;
    let (_, leaf) = parse_x509_certificate(&issued.certificate)?;
    assert_eq!(
        leaf.validity().not_before.timestamp(),
        skewed.as_second() - 3600
    );
    ca.stop().await;
    Ok(())
}

/// For the linter of `.ci/pkilint`, which judges what it finds in the folder that CI names.
#[tokio::test]
async fn samples_are_written_for_the_linter() -> Outcome {
    let Ok(folder) = std::env::var("SCAS_PKILINT_SAMPLES") else {
        return Ok(());
    };
    for key in [KeyKind::P256, KeyKind::P384, KeyKind::Rsa3072] {
        let ca = ca(|config| config.key = key).await?;
        let folder = Path::new(&folder).join(format!("{key:?}"));
        std::fs::create_dir_all(&folder)?;
        let write = |name: &str, pem: &str| std::fs::write(folder.join(name), pem);
        let issued = ca
            .ca1()
            .issue(&request(&["vnfc-1.example"])?, &Order::default())?;
        ca.revoke(&issued.serial_number, RevocationReason::KeyCompromise)?;
        write("leaf.pem", &armour(&issued.certificate))?;
        write("issuing.pem", &ca.issuing_pem())?;
        write("root.pem", &ca.root_pem())?;
        write("issuing.crl", &ca.crl_pem()?)?;
        ca.fault(CertificateFault::WithoutSubjectKeyIdentifier, Times::Once);
        ca.fault(CertificateFault::WithoutAuthorityKeyIdentifier, Times::Once);
        ca.ca1()
            .issue(&request(&["vnfc-1.example"])?, &Order::default())?;
        let bad = ca
            .ca1()
            .issue(&request(&["vnfc-1.example"])?, &Order::default())?;
        write("bad.pem", &armour(&bad.certificate))?;
        ca.stop().await;
    }
    Ok(())
}
