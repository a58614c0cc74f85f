//! The CMF as a VNFM meets it, and what the tester sees of that.

use crate::ca::{request, request_for};
use crate::cmf_bed::{
    CmfBed, DELEGATES, ENROLL, REENROLL, certificates, enroll, identity, post, post_json,
    registration, text,
};
use crate::common::{Outcome, PATIENCE, call};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use rcgen::{CertificateParams, KeyPair, PublicKeyData as _};
use scas_simulators::ca::{CertificateFault, RevocationReason};
use scas_simulators::client::CallError;
use scas_simulators::cmf::{
    AltName, CertificateType, CmfFault, Decision, Deferral, EnrolmentAnswer, KeyAlgorithm,
    Operation, Refusal,
};
use scas_simulators::fault::{Fault, Times};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

#[tokio::test]
async fn a_registered_delegate_gets_certificate_and_chain() -> Outcome {
    let bed = CmfBed::start().await?;
    let delegate = bed.register("vnfc-1.example").await?;
    let key = KeyPair::generate()?;
    let answer = enroll(
        &bed.client,
        ENROLL,
        &request_for(&key, &["vnfc-1.example"])?,
    )
    .await?;
    assert_eq!(answer.status, 200, "{}", text(&answer));
    assert_eq!(
        answer.headers["content-type"],
        "application/pkcs7-mime; smime-type=certs-only"
    );
    assert_eq!(answer.headers["content-transfer-encoding"], "base64");
    let chain = certificates(&answer)?;
    let issued = bed.ca.issued();
    assert_eq!(chain.len(), 2);
    assert_eq!(chain[0], issued[0].der);
    let (_, leaf) = x509_parser::parse_x509_certificate(&chain[0])?;
    assert_eq!(leaf.public_key().raw, key.subject_public_key_info());
    // What the tester sees: who asked for what, and what became of it.
    let [enrolment] = &bed.cmf.enrolments()[..] else {
        panic!("{:?}", bed.cmf.enrolments())
    };
    assert_eq!(enrolment.operation, Operation::Enroll);
    assert_eq!(enrolment.label, Some(CertificateType::Vnfci));
    assert_eq!(enrolment.peer.as_ref().ok_or("no peer")?.subject, "CN=vnfm");
    let requested = enrolment.request.as_ref().ok_or("no request")?;
    assert_eq!(
        requested.subject,
        "C=SE, O=5gc.mnc060.mcc240.3gppnetwork.org"
    );
    assert_eq!(
        requested.subject_alt_names,
        [AltName::Dns("vnfc-1.example".into())]
    );
    assert_eq!(
        requested.public_key_sha256,
        hex::encode(Sha256::digest(key.subject_public_key_info()))
    );
    let expected = Decision::Issued {
        serial_number: issued[0].serial_number.clone(),
        sha256: issued[0].sha256.clone(),
        delegate_id: delegate["id"].as_str().map(str::to_owned),
    };
    assert_eq!(enrolment.decision, expected);
    // CMF-1 and CA-1 are in one transcript, the inner exchange first: it is complete before the outer one.
    let seen: Vec<_> = bed.seen.exchanges();
    let interfaces: Vec<_> = seen.iter().map(|e| e.interface.as_str()).collect();
    assert_eq!(interfaces, ["CMF-1", "CA-1", "CMF-1"]);
    bed.stop().await;
    Ok(())
}

#[tokio::test]
async fn registrations_are_made_shown_and_removed_by_their_owner() -> Outcome {
    let bed = CmfBed::start().await?;
    let made = bed.register("vnfc-1.example").await?;
    assert_eq!(made["delegate"]["subject"], "CN=vnfm");
    assert_eq!(
        made["estEndPoint"],
        format!("{}/.well-known/est/vnfci", bed.cmf.root())
    );
    let href = made["_links"]["self"]["href"].as_str().ok_or("no link")?;
    let path = href.strip_prefix(bed.cmf.root()).ok_or("leads elsewhere")?;
    let shown = bed.client.send(call(Method::GET, path, "")).await?;
    assert_eq!(serde_json::from_slice::<Value>(&shown.body)?, made);
    let list = bed.client.send(call(Method::GET, DELEGATES, "")).await?;
    assert_eq!(serde_json::from_slice::<Value>(&list.body)?, json!([made]));
    // The same VNFCI and type has one delegate; the other type is another thing.
    let again = post_json(&bed.client, DELEGATES, &registration("vnfc-1.example")).await?;
    assert_eq!(again.status, 409);
    let mut oam = registration("vnfc-1.example");
    oam["certificateType"] = json!("VNFOAM_CERT");
    assert_eq!(post_json(&bed.client, DELEGATES, &oam).await?.status, 201);
    // Somebody else does not see it, and cannot remove it.
    let other = bed.client_as(Some(&bed.pki.server))?;
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(other.send(call(method, path, "")).await?.status, 404);
    }
    let nobody = bed.client_as(None)?;
    assert_eq!(
        nobody.send(call(Method::GET, DELEGATES, "")).await?.status,
        401
    );
    assert_eq!(bed.cmf.delegates().len(), 2);
    assert_eq!(
        bed.client
            .send(call(Method::DELETE, path, ""))
            .await?
            .status,
        204
    );
    assert_eq!(bed.cmf.delegates().len(), 1);
    bed.stop().await;
    Ok(())
}

#[tokio::test]
async fn registrations_that_cannot_be_meant_are_refused() -> Outcome {
    let bed = CmfBed::start().await?;
    let good = registration("vnfc-1.example");
    let bad = [
        ("certificateType", json!("OTHER"), "no registration"),
        ("vnfciId", json!(""), "must not be empty"),
        ("subjectAltNames", json!(["vnfc-1"]), "DNS:name"),
        ("subjectAltNames", json!(["IP:1.2.3"]), "DNS:name"),
        (
            "keyPolicy",
            json!({"allowedAlgorithms": []}),
            "no algorithm",
        ),
        (
            "keyPolicy",
            json!({"allowedAlgorithms": ["DSA"]}),
            "no registration",
        ),
        ("nfTypes", json!([""]), "1 to 32"),
        ("subject", json!({"country": "Sweden"}), "two letters"),
    ];
    for (member, value, complaint) in bad {
        let mut body = good.clone();
        body[member] = value;
        let answer = post_json(&bed.client, DELEGATES, &body).await?;
        assert_eq!(answer.status, 400);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert!(
            text(&answer).contains(complaint),
            "{member}: {}",
            text(&answer)
        );
    }
    let nameless = json!({"vnfciId": "a", "vnfInstanceId": "b", "certificateType": "VNFCI_CERT"});
    let answer = post_json(&bed.client, DELEGATES, &nameless).await?;
    assert!(text(&answer).contains("both empty"));
    let answer = post(
        &bed.client,
        DELEGATES,
        "application/json",
        "{\"a\": ".into(),
    )
    .await?;
    assert!(text(&answer).contains("no JSON"), "{}", text(&answer));
    assert!(bed.cmf.delegates().is_empty());
    bed.stop().await;
    Ok(())
}

#[tokio::test]
async fn each_refusal_has_its_reason() -> Outcome {
    let bed = CmfBed::start().await?;
    let csr = request(&["vnfc-1.example"])?;
    let answer = enroll(&bed.client, ENROLL, &csr).await?;
    assert_eq!(answer.status, 403);
    assert!(
        text(&answer).starts_with("not-registered: "),
        "{}",
        text(&answer)
    );
    bed.register("vnfc-1.example").await?;
    let mut forged = csr.clone();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let mut long = csr.clone();
    long.extend([0; 20_000]);
    let trailing = [&csr[..], &[0]].concat();
    let mut nobody = CertificateParams::new(["vnfc-1.example".to_owned()])?;
    nobody.distinguished_name = rcgen::DistinguishedName::new();
    let nobody = nobody.serialize_request(&KeyPair::generate()?)?;
    let ed25519 = request_for(
        &KeyPair::generate_for(&rcgen::PKCS_ED25519)?,
        &["vnfc-1.example"],
    )?;
    let rsa = request_for(
        &KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048)?,
        &["vnfc-1.example"],
    )?;
    let other_names = request(&["vnfc-1.example", "vnfc-2.example"])?;
    let oam = ENROLL.replace("vnfci", "vnfoam");
    let other = ENROLL.replace("vnfci", "other");
    let garbage = vec![0x30, 0x03, 0x02, 0x01, 0x00];
    for (reason, status, path, csr) in [
        ("proof-of-possession", 400, ENROLL, &forged),
        ("too-long", 413, ENROLL, &long),
        ("trailing-bytes", 400, ENROLL, &trailing),
        ("not-pkcs10", 400, ENROLL, &garbage),
        ("subject", 400, ENROLL, &nobody.der().to_vec()),
        ("subject-alt-names", 400, ENROLL, &other_names),
        ("key-algorithm", 400, ENROLL, &ed25519),
        ("key-length", 400, ENROLL, &rsa),
        ("not-registered", 403, &oam, &csr),
        ("unknown-label", 404, &other, &csr),
        ("nothing-to-renew", 400, REENROLL, &csr),
        ("empty-body", 400, ENROLL, &Vec::new()),
    ] {
        let answer = enroll(&bed.client, path, csr).await?;
        assert_eq!(answer.status, status, "{reason}: {}", text(&answer));
        assert!(
            text(&answer).starts_with(&format!("{reason}: ")),
            "{}",
            text(&answer)
        );
        let Some(Decision::Refused(refusal)) = bed
            .cmf
            .enrolments()
            .pop()
            .map(|enrolment| enrolment.decision)
        else {
            panic!("{reason} is not in the log")
        };
        assert_eq!(refusal.reason(), reason);
    }
    let body = STANDARD.encode(&csr);
    for (media_type, body, reason) in [
        ("application/json", body.clone(), "content-type"),
        ("application/pkcs10", format!("{body}!"), "not-base64"),
    ] {
        let answer = post(&bed.client, ENROLL, media_type, body).await?;
        assert!(
            text(&answer).starts_with(&format!("{reason}: ")),
            "{}",
            text(&answer)
        );
    }
    // Somebody else asks for what the VNFM has registered; nobody asks.
    let other = bed.client_as(Some(&bed.pki.server))?;
    post_json(&other, DELEGATES, &registration("vnfc-9.example")).await?;
    let answer = enroll(&other, ENROLL, &csr).await?;
    assert!(
        text(&answer).starts_with("other-delegate: "),
        "{}",
        text(&answer)
    );
    let answer = enroll(&bed.client_as(None)?, ENROLL, &csr).await?;
    assert_eq!(answer.status, 401);
    assert!(text(&answer).starts_with("no-client-certificate: "));
    assert!(bed.ca.issued().is_empty());
    // All the same, the right one is certified.
    assert_eq!(enroll(&bed.client, ENROLL, &csr).await?.status, 200);
    bed.stop().await;
    Ok(())
}

#[tokio::test]
async fn the_two_types_are_kept_apart() -> Outcome {
    let bed = CmfBed::start().await?;
    bed.register("vnfc-1.example").await?;
    let mut oam = registration("oam-1.example");
    oam["certificateType"] = json!("VNFOAM_CERT");
    post_json(&bed.client, DELEGATES, &oam).await?;
    let oam_path = ENROLL.replace("vnfci", "vnfoam");
    let csr = request(&["oam-1.example"])?;
    let answer = enroll(&bed.client, ENROLL, &csr).await?;
    assert!(
        text(&answer).starts_with("wrong-certificate-type: "),
        "{}",
        text(&answer)
    );
    assert_eq!(enroll(&bed.client, &oam_path, &csr).await?.status, 200);
    // Without label the registration decides, if there is one only.
    let plain = "/.well-known/est/simpleenroll";
    assert_eq!(enroll(&bed.client, plain, &csr).await?.status, 200);
    oam["vnfciId"] = json!("another");
    oam["certificateType"] = json!("VNFCI_CERT");
    post_json(&bed.client, DELEGATES, &oam).await?;
    let answer = enroll(&bed.client, plain, &csr).await?;
    assert!(
        text(&answer).starts_with("ambiguous: "),
        "{}",
        text(&answer)
    );
    bed.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_registration_narrows_the_policy_and_adds_to_the_certificate() -> Outcome {
    let bed = CmfBed::with(|config| config.keys.algorithms.push(KeyAlgorithm::P384)).await?;
    let mut body = registration("vnfc-1.example");
    body["keyPolicy"] = json!({"allowedAlgorithms": ["EC_P384"]});
    body["nfTypes"] = json!(["AMF"]);
    body["maxValidityDays"] = json!(3);
    assert_eq!(post_json(&bed.client, DELEGATES, &body).await?.status, 201);
    let answer = enroll(&bed.client, ENROLL, &request(&["vnfc-1.example"])?).await?;
    assert!(
        text(&answer).starts_with("key-algorithm: "),
        "{}",
        text(&answer)
    );
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384)?;
    let answer = enroll(
        &bed.client,
        ENROLL,
        &request_for(&key, &["vnfc-1.example"])?,
    )
    .await?;
    let chain = certificates(&answer)?;
    let (_, leaf) = x509_parser::parse_x509_certificate(&chain[0])?;
    let validity = leaf.validity();
    assert_eq!(
        validity.not_after.timestamp() - validity.not_before.timestamp(),
        3 * 86_400
    );
    let mut extensions = leaf.extensions().iter();
    assert!(extensions.any(|extension| extension.value == b"\x30\x05\x16\x03AMF"));
    bed.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_certificate_renews_itself_for_the_same_names_only() -> Outcome {
    let bed = CmfBed::start().await?;
    bed.register("vnfc-1.example").await?;
    let key = KeyPair::generate()?;
    let answer = enroll(
        &bed.client,
        ENROLL,
        &request_for(&key, &["vnfc-1.example"])?,
    )
    .await?;
    let owner = bed.client_as(Some(&identity(&certificates(&answer)?, &key)))?;
    // It makes nobody a delegate, and enrols nothing.
    let answer = post_json(&owner, DELEGATES, &registration("vnfc-2.example")).await?;
    assert_eq!(answer.status, 403);
    let answer = enroll(&owner, ENROLL, &request(&["vnfc-1.example"])?).await?;
    assert!(
        text(&answer).starts_with("not-a-delegate: "),
        "{}",
        text(&answer)
    );
    let answer = enroll(&owner, REENROLL, &request(&["vnfc-2.example"])?).await?;
    assert!(
        text(&answer).starts_with("renewal-names: "),
        "{}",
        text(&answer)
    );
    let oam = REENROLL.replace("vnfci", "vnfoam");
    let answer = enroll(&owner, &oam, &request(&["vnfc-1.example"])?).await?;
    assert!(
        text(&answer).starts_with("wrong-certificate-type: "),
        "{}",
        text(&answer)
    );
    let answer = enroll(&owner, REENROLL, &request(&["vnfc-1.example"])?).await?;
    assert_eq!(answer.status, 200, "{}", text(&answer));
    // The delegate may do it, too: in delegation mode the old key is deleted by then.
    let answer = enroll(&bed.client, REENROLL, &request(&["vnfc-1.example"])?).await?;
    assert_eq!(answer.status, 200, "{}", text(&answer));
    bed.ca.revoke(
        &bed.ca.issued()[0].serial_number,
        RevocationReason::KeyCompromise,
    )?;
    let answer = enroll(&owner, REENROLL, &request(&["vnfc-1.example"])?).await?;
    assert!(text(&answer).starts_with("revoked: "), "{}", text(&answer));
    bed.stop().await;
    Ok(())
}

#[tokio::test]
async fn ca_certificates_are_for_everybody_and_attributes_for_peers() -> Outcome {
    let bed = CmfBed::start().await?;
    let nobody = bed.client_as(None)?;
    for path in [
        "/.well-known/est/cacerts",
        "/.well-known/est/vnfoam/cacerts",
    ] {
        let answer = nobody.send(call(Method::GET, path, "")).await?;
        assert_eq!(answer.status, 200);
        assert!(!text(&answer).contains('\n'));
        let found = certificates(&answer)?;
        let ca1 = bed.ca.ca1();
        assert_eq!(found, ca1.authorities());
    }
    let path = "/.well-known/est/vnfci/csrattrs";
    assert_eq!(nobody.send(call(Method::GET, path, "")).await?.status, 401);
    let answer = bed.client.send(call(Method::GET, path, "")).await?;
    assert_eq!(answer.headers["content-type"], "application/csrattrs");
    let attributes = STANDARD.decode(&answer.body)?;
    // secp384r1 is among them, and INTEGER 3072.
    let has = |wanted: &[u8]| {
        attributes
            .windows(wanted.len())
            .any(|window| window == wanted)
    };
    assert!(has(&hex::decode("06052b81040022")?) && has(&hex::decode("02020c00")?));
    let answer = nobody
        .send(call(Method::GET, "/.well-known/est/other/cacerts", ""))
        .await?;
    assert_eq!(answer.status, 404);
    let answer = nobody.send(call(Method::GET, ENROLL, "")).await?;
    assert_eq!(answer.status, 405);
    bed.stop().await;
    // TLS itself refuses where the tester wants that.
    let bed = CmfBed::with(|config| config.require_client_certificate = true).await?;
    let refused = bed
        .client_as(None)?
        .send(call(Method::GET, "/.well-known/est/cacerts", ""))
        .await;
    assert!(
        matches!(&refused, Err(CallError::TlsRefused(alert)) if alert.contains("CertificateRequired")),
        "{refused:?}"
    );
    let stranger = bed.client_as(Some(&bed.pki.stranger))?;
    let refused = stranger.send(call(Method::GET, DELEGATES, "")).await;
    assert!(
        matches!(refused, Err(CallError::TlsRefused(_))),
        "{refused:?}"
    );
    bed.stop().await;
    Ok(())
}

#[tokio::test]
async fn an_enrolment_waits_until_the_tester_lets_it_go() -> Outcome {
    let bed = CmfBed::with(|config| config.retry_after = 7).await?;
    bed.register("vnfc-1.example").await?;
    let csr = request(&["vnfc-1.example"])?;
    bed.cmf.defer(Deferral::Times(2));
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(enroll(&bed.client, ENROLL, &csr).await?.status.as_u16());
    }
    assert_eq!(statuses, [202, 202, 200]);
    bed.cmf.defer(Deferral::UntilReleased);
    let answer = enroll(&bed.client, ENROLL, &csr).await?;
    assert_eq!(
        (answer.status.as_u16(), &answer.headers["retry-after"]),
        (202, &"7".parse()?)
    );
    assert_eq!(
        bed.cmf
            .enrolments()
            .pop()
            .map(|enrolment| enrolment.decision),
        Some(Decision::Deferred)
    );
    bed.cmf.defer(Deferral::None);
    assert_eq!(enroll(&bed.client, ENROLL, &csr).await?.status, 200);
    // A hold stops the request itself, before anything is decided.
    let decided = bed.cmf.enrolments().len();
    let mut hold = bed
        .cmf
        .control()
        .hold("POST /.well-known/est/{label}/simpleenroll")?;
    let held = tokio::spawn({
        let client = bed.client.clone();
        async move {
            let sent = enroll(&client, ENROLL, &csr).await;
            sent.map(|answer| answer.status.as_u16())
                .map_err(|error| error.to_string())
        }
    });
    let request = timeout(PATIENCE, hold.arrived()).await?;
    assert_eq!(request.path(), ENROLL);
    assert_eq!(bed.cmf.enrolments().len(), decided);
    hold.release();
    assert_eq!(timeout(PATIENCE, held).await??, Ok(200));
    bed.stop().await;
    Ok(())
}

#[tokio::test]
async fn the_cmf_misbehaves_as_told() -> Outcome {
    let bed = CmfBed::start().await?;
    bed.register("vnfc-1.example").await?;
    let csr = request(&["vnfc-1.example"])?;
    for fault in [
        CmfFault::RefuseEnrolment,
        CmfFault::CaUnavailable,
        CmfFault::NoCertificate,
    ] {
        bed.cmf.fault(fault, Times::Once);
    }
    let answer = enroll(&bed.client, ENROLL, &csr).await?;
    assert!(
        text(&answer).starts_with("refuse-enrolment: "),
        "{}",
        text(&answer)
    );
    let answer = enroll(&bed.client, ENROLL, &csr).await?;
    assert_eq!(answer.status, 503);
    assert!(answer.headers.contains_key("retry-after"));
    let answer = enroll(&bed.client, ENROLL, &csr).await?;
    assert_eq!(
        (answer.status.as_u16(), certificates(&answer)?.len()),
        (200, 0)
    );
    let first = bed.ca.issued()[0].der.clone();
    bed.cmf.fault(CmfFault::CertificateOfAnother, Times::Always);
    let answer = enroll(&bed.client, ENROLL, &csr).await?;
    assert_eq!(certificates(&answer)?[0], first);
    bed.cmf.clear_faults();
    // The CA's and the front's faults reach the VNFM as well.
    bed.ca.fault(CertificateFault::ChainReversed, Times::Once);
    let answer = enroll(&bed.client, ENROLL, &csr).await?;
    assert_eq!(certificates(&answer)?[0], bed.ca.ca1().authorities()[0]);
    bed.cmf.control().fault(
        "POST /.well-known/est/{label}/simpleenroll",
        Fault::GarbageBody,
        Times::Once,
    )?;
    let answer = enroll(&bed.client, ENROLL, &csr).await?;
    assert!(std::str::from_utf8(&answer.body).is_err());
    let good = enroll(&bed.client, ENROLL, &csr).await?;
    assert_eq!(certificates(&good)?.len(), 2);
    bed.stop().await;
    let bed = CmfBed::with(|config| config.answer = EnrolmentAnswer::CertificateOnly).await?;
    bed.register("vnfc-1.example").await?;
    let alone = enroll(&bed.client, ENROLL, &csr).await?;
    assert_eq!(certificates(&alone)?.len(), 1);
    bed.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_bent_request_never_gets_a_certificate() -> Outcome {
    let bed = CmfBed::start().await?;
    bed.register("vnfc-1.example").await?;
    let csr = request(&["vnfc-1.example"])?;
    // One bit of each eleventh byte: names, key, signature, and the structure between them.
    for at in (0..csr.len()).step_by(11) {
        let mut bent = csr.clone();
        bent[at] ^= 0x04;
        let answer = enroll(&bed.client, ENROLL, &bent).await?;
        assert_eq!(answer.status, 400, "byte {at}: {}", text(&answer));
    }
    assert!(bed.ca.issued().is_empty());
    let refusals = bed.cmf.enrolments();
    assert!(
        refusals.iter().any(|enrolment| {
            enrolment.decision == Decision::Refused(Refusal::ProofOfPossession)
        })
    );
    bed.stop().await;
    Ok(())
}
