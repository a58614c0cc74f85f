//! EST clients that nobody here wrote: curl with openssl, and strongSwan's pki.

use std::error::Error;
use std::path::Path;

use crate::cmf_bed::{CmfBed, DELEGATES, ENROLL, REENROLL, post_json};
use crate::common::{Outcome, curl, run};
use scas_simulators::cmf::{Decision, Deferral, Operation};
use serde_json::json;

const NAME: &str = "vnfc-1.example";

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A key and a request for it as `openssl req` makes them, with the subject and name of the registration.
async fn openssl_request(bed: &CmfBed, file: &str) -> Result<Option<()>, Box<dyn Error>> {
    let (key, csr) = (
        text(&bed.pki.path(&format!("{file}.key"))),
        text(&bed.pki.path(&format!("{file}.der"))),
    );
    let alt_name = format!("subjectAltName=DNS:{NAME}");
    let arguments = [
        "req",
        "-new",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        "/C=SE/O=5gc.mnc060.mcc240.3gppnetwork.org",
        "-addext",
        &alt_name,
        "-keyout",
        &key,
        "-outform",
        "DER",
        "-out",
        &csr,
    ];
    let Some(made) = run("openssl", &arguments, "").await? else {
        return Ok(None);
    };
    assert!(made.status.success(), "{made:?}");
    Ok(Some(()))
}

/// The same in base64 with line breaks.
async fn openssl_base64(bed: &CmfBed, file: &str) -> Result<Option<String>, Box<dyn Error>> {
    let der = text(&bed.pki.path(&format!("{file}.der")));
    let output = run("openssl", &["base64", "-e", "-in", &der], "").await?;
    Ok(output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()))
}

#[tokio::test]
async fn curl_and_openssl_enrol_and_renew() -> Outcome {
    let bed = CmfBed::with(|config| config.line_length = Some(64)).await?;
    bed.register(NAME).await?;
    let Some(()) = openssl_request(&bed, "leaf").await? else {
        return Ok(());
    };
    let Some(broken) = openssl_base64(&bed, "leaf").await? else {
        return Ok(());
    };
    assert!(broken.lines().count() > 3);
    let body = bed.pki.path("body");
    let whole: String = broken.lines().collect();
    let answer = text(&bed.pki.path("answer"));
    let data = format!("@{}", text(&body));
    for written in [&broken, &whole] {
        std::fs::write(&body, written)?;
        let url = format!("{}{ENROLL}", bed.cmf.root());
        let arguments = [
            "--fail-with-body",
            "-o",
            &answer,
            "--data-binary",
            &data,
            "-H",
            "Content-Type: application/pkcs10",
            "-H",
            "Content-Transfer-Encoding: base64",
            &url,
        ];
        let Some(said) = curl(&bed.pki, Some("client"), &arguments).await? else {
            return Ok(());
        };
        assert!(said.status.success(), "{said:?}");
    }
    // What openssl makes of the answer: leaf and issuing CA.
    let (der, pem) = (
        text(&bed.pki.path("answer.der")),
        text(&bed.pki.path("leaf.pem")),
    );
    for arguments in [
        vec!["base64", "-d", "-in", &answer, "-out", &der],
        vec![
            "pkcs7",
            "-inform",
            "DER",
            "-in",
            &der,
            "-print_certs",
            "-out",
            &pem,
        ],
    ] {
        let Some(done) = run("openssl", &arguments, "").await? else {
            return Ok(());
        };
        assert!(done.status.success(), "{done:?}");
    }
    let printed = std::fs::read_to_string(&pem)?;
    assert_eq!(printed.matches("BEGIN CERTIFICATE").count(), 2, "{printed}");
    assert!(printed.starts_with("subject=C = SE"), "{printed}");
    let root = text(&bed.pki.path("root.pem"));
    let arguments = [
        "verify",
        "-x509_strict",
        "-CAfile",
        &root,
        "-untrusted",
        &pem,
        &pem,
    ];
    let Some(verified) = run("openssl", &arguments, "").await? else {
        return Ok(());
    };
    assert!(
        String::from_utf8_lossy(&verified.stdout).contains("OK"),
        "{verified:?}"
    );
    // The certificate renews itself, authenticated by its own key.
    let url = format!("{}{REENROLL}", bed.cmf.root());
    let arguments = [
        "--fail-with-body",
        "-o",
        &answer,
        "--data-binary",
        &data,
        "-H",
        "Content-Type: application/pkcs10",
        &url,
    ];
    let Some(said) = curl(&bed.pki, Some("leaf"), &arguments).await? else {
        return Ok(());
    };
    assert!(said.status.success(), "{said:?}");
    let last = bed.cmf.enrolments().pop().ok_or("no enrolment")?;
    assert_eq!(last.operation, Operation::Reenroll);
    assert!(matches!(
        last.decision,
        Decision::Issued {
            delegate_id: None,
            ..
        }
    ));
    // Nobody gets a readable refusal, with curl's own view of it.
    let Some(said) = curl(&bed.pki, None, &["--data-binary", &data, &url]).await? else {
        return Ok(());
    };
    let refusal = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(refusal.starts_with("no-client-certificate: "), "{refusal}");
    bed.stop().await;
    Ok(())
}

#[tokio::test]
async fn openssl_reads_ca_certificates_and_attributes() -> Outcome {
    let bed = CmfBed::start().await?;
    let answer = text(&bed.pki.path("answer"));
    let der = text(&bed.pki.path("answer.der"));
    for (path, arguments, expected) in [
        (
            "/.well-known/est/cacerts",
            vec![
                "pkcs7",
                "-inform",
                "DER",
                "-in",
                &der,
                "-print_certs",
                "-noout",
            ],
            ["simulated root CA", "simulated issuing CA"],
        ),
        (
            "/.well-known/est/vnfci/csrattrs",
            vec!["asn1parse", "-inform", "DER", "-in", &der],
            ["prime256v1", "X509v3 Subject Alternative Name"],
        ),
    ] {
        let url = format!("{}{path}", bed.cmf.root());
        let Some(said) = curl(&bed.pki, Some("client"), &["-f", "-o", &answer, &url]).await? else {
            return Ok(());
        };
        assert!(said.status.success(), "{said:?}");
        let decode = ["base64", "-d", "-A", "-in", &answer, "-out", &der];
        let Some(_) = run("openssl", &decode, "").await? else {
            return Ok(());
        };
        let Some(read) = run("openssl", &arguments, "").await? else {
            return Ok(());
        };
        let said = String::from_utf8_lossy(&read.stdout).into_owned();
        assert!(expected.iter().all(|words| said.contains(words)), "{said}");
    }
    bed.stop().await;
    Ok(())
}

#[tokio::test]
async fn strongswan_reads_ca_certificates_and_renews() -> Outcome {
    let bed = CmfBed::start().await?;
    let trusted = ["ca.pem", "root.pem", "issuing.pem"].map(|name| text(&bed.pki.path(name)));
    let [tls_ca, root, issuing] = trusted;
    let out = text(&bed.pki.path("swan.pem"));
    let url = bed.cmf.root();
    let arguments = [
        "--estca",
        "--url",
        url,
        "--cacert",
        &tls_ca,
        "--caout",
        &out,
        "--outform",
        "pem",
    ];
    let Some(said) = run("pki", &arguments, "").await? else {
        return Ok(());
    };
    let told = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.status.success(), "{told}");
    assert!(told.contains("simulated root CA"), "{told}");
    // Its enrolment with a client certificate is a renewal: something must have been issued.
    bed.register(NAME).await?;
    let Some(()) = openssl_request(&bed, "leaf").await? else {
        return Ok(());
    };
    let csr = std::fs::read(bed.pki.path("leaf.der"))?;
    let first = crate::cmf_bed::enroll(&bed.client, ENROLL, &csr).await?;
    assert_eq!(first.status, 200);
    let leaf = crate::cmf_bed::certificates(&first)?;
    std::fs::write(bed.pki.path("leaf.cer"), &leaf[0])?;
    let Some(()) = openssl_request(&bed, "next").await? else {
        return Ok(());
    };
    let files = [
        "next.der",
        "leaf.cer",
        "leaf.key",
        "client.pem",
        "client.key",
    ];
    let [next, own, own_key, vnfm, vnfm_key] = files.map(|name| text(&bed.pki.path(name)));
    bed.cmf.defer(Deferral::Times(1));
    for (certificate, key) in [(&own, &own_key), (&vnfm, &vnfm_key)] {
        let arguments = [
            "--est",
            "--url",
            url,
            "--in",
            &next,
            "--cacert",
            &tls_ca,
            "--cacert",
            &root,
            "--cacert",
            &issuing,
            "--cert",
            certificate,
            "--key",
            key,
            "--interval",
            "1",
            "--maxpolltime",
            "30",
        ];
        let Some(said) = run("pki", &arguments, "").await? else {
            return Ok(());
        };
        let told = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.status.success(), "{told}");
        assert_eq!(said.stdout, bed.ca.issued().pop().ok_or("nothing")?.der);
    }
    let decisions: Vec<_> = bed
        .cmf
        .enrolments()
        .into_iter()
        .map(|enrolment| {
            (
                enrolment.operation,
                enrolment.decision == Decision::Deferred,
            )
        })
        .collect();
    assert_eq!(
        decisions,
        [
            (Operation::Enroll, false),
            (Operation::Reenroll, true),
            (Operation::Reenroll, false),
            (Operation::Reenroll, false),
        ]
    );
    // Without certificate it enrols, and is refused; for other names, too.
    let arguments = [
        "--est", "--url", url, "--in", &next, "--cacert", &tls_ca, "--cacert", &root, "--cacert",
        &issuing,
    ];
    let Some(said) = run("pki", &arguments, "").await? else {
        return Ok(());
    };
    assert!(!said.status.success(), "{said:?}");
    let last = bed.cmf.enrolments().pop().ok_or("no enrolment")?;
    assert!(
        matches!(&last.decision, Decision::Refused(refusal) if refusal.reason() == "no-client-certificate")
    );
    bed.stop().await;
    Ok(())
}

#[tokio::test]
async fn strongswan_makes_requests_that_are_understood() -> Outcome {
    let bed = CmfBed::start().await?;
    let registered = json!({
        "vnfciId": "vnfci-1",
        "vnfInstanceId": "vnf-1",
        "certificateType": "VNFCI_CERT",
        "subject": { "country": "SE", "organization": "Example" },
        "subjectAltNames": [format!("DNS:{NAME}"), "IP:192.0.2.7"],
    });
    assert_eq!(
        post_json(&bed.client, DELEGATES, &registered).await?.status,
        201
    );
    for (kind, size) in [("ecdsa", "256"), ("ecdsa", "384"), ("rsa", "3072")] {
        let generate = ["--gen", "--type", kind, "--size", size, "--outform", "pem"];
        let Some(key) = run("pki", &generate, "").await? else {
            return Ok(());
        };
        let file = bed.pki.path("swan.key");
        std::fs::write(&file, &key.stdout)?;
        let file = text(&file);
        let request = [
            "--req",
            "--type",
            "priv",
            "--in",
            &file,
            "--dn",
            "C=SE, O=Example",
            "--san",
            NAME,
            "--san",
            "192.0.2.7",
            "--outform",
            "der",
        ];
        let Some(request) = run("pki", &request, "").await? else {
            return Ok(());
        };
        assert!(request.status.success(), "{request:?}");
        let answer = crate::cmf_bed::enroll(&bed.client, ENROLL, &request.stdout).await?;
        assert_eq!(answer.status, 200, "{}", crate::cmf_bed::text(&answer));
    }
    bed.stop().await;
    Ok(())
}
