//! A private key that is sent to the CMF is seen, and stays out of the transcript.

use crate::ca::request_for;
use crate::cmf_bed::{CmfBed, DELEGATES, ENROLL, post, post_json, registration, text};
use crate::common::{Outcome, PATIENCE};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hyper::Method;
use hyper::header::{HeaderName, HeaderValue};
use rcgen::{CertificateParams, DnType, KeyPair};
use scas_simulators::ca::{Ca, CaConfig, Order};
use scas_simulators::client::Call;
use scas_simulators::private_key::{Encoding, Place};
use scas_simulators::transcript::Transcript;
use serde_json::json;
use tokio::time::timeout;

#[tokio::test]
async fn a_private_key_is_seen_wherever_it_is_and_never_recorded() -> Outcome {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("transcript.jsonl");
    let bed = CmfBed::recorded_in(Transcript::to_file(&file)?, |_| {}).await?;
    let key = KeyPair::generate()?;
    let (der, pem) = (key.serialize_der(), key.serialize_pem());
    // In a registration, beside what belongs there: it is registered all the same.
    let mut body = registration("vnfc-1.example");
    body["privateKey"] = json!(pem);
    assert_eq!(post_json(&bed.client, DELEGATES, &body).await?.status, 201);
    // In a header field, as one product does it.
    let mut call = Call::new(Method::POST, ENROLL);
    let csr = request_for(&key, &["vnfc-1.example"])?;
    call.body = STANDARD.encode(&csr).into();
    for (name, value) in [
        ("content-type", "application/pkcs10".to_owned()),
        ("pk", STANDARD.encode(&pem)),
    ] {
        let name = HeaderName::from_bytes(name.as_bytes())?;
        call.headers.insert(name, HeaderValue::from_str(&value)?);
    }
    assert_eq!(bed.client.send(call).await?.status, 200);
    // Instead of the request, in the query, and raw; while the tester holds one of them.
    let mut hold = bed
        .cmf
        .control()
        .hold("POST /.well-known/est/{label}/simpleenroll")?;
    let client = bed.client.clone();
    let encoded = STANDARD.encode(&der);
    let held = tokio::spawn(async move {
        let sent = post(&client, ENROLL, "application/pkcs10", encoded).await;
        sent.map(|answer| answer.status.as_u16())
            .map_err(|error| error.to_string())
    });
    let shown = timeout(PATIENCE, hold.arrived()).await?;
    let shown = shown.body.text.ok_or("no text")?;
    assert!(
        shown.starts_with("[private key: salted SHA-256 "),
        "{shown}"
    );
    hold.release();
    assert_eq!(timeout(PATIENCE, held).await??, Ok(400));
    let query = format!("{DELEGATES}?key={}", hex::encode(&der));
    bed.client.send(Call::new(Method::GET, query)).await?;
    let mut raw = Call::new(Method::POST, ENROLL);
    raw.body = der.clone().into();
    bed.client.send(raw).await?;

    // Where answers repeat it: in a path that nobody knows, and in what is registered and shown.
    let path = format!("/keys/{}", URL_SAFE_NO_PAD.encode(&der));
    let answer = bed.client.send(Call::new(Method::GET, path)).await?;
    assert!(text(&answer).contains(&URL_SAFE_NO_PAD.encode(&der)));
    let mut body = registration("vnfc-2.example");
    body["vnfInstanceId"] = json!(pem);
    post_json(&bed.client, DELEGATES, &body).await?;
    let shown = bed.client.send(Call::new(Method::GET, DELEGATES)).await?;
    assert!(text(&shown).contains("PRIVATE KEY"));

    let digest = bed.cmf.private_key_digest(&der);
    let seen = bed.cmf.private_keys();
    let places: Vec<_> = seen
        .iter()
        .map(|seen| (seen.place.clone(), seen.encoding))
        .collect();
    assert_eq!(
        places,
        [
            (Place::Body, Encoding::Pem),
            (Place::Header("pk".into()), Encoding::Base64),
            (Place::Body, Encoding::Base64),
            (Place::Target, Encoding::Hex),
            (Place::Body, Encoding::Der),
            (Place::Target, Encoding::Base64),
            (Place::Body, Encoding::Pem),
        ]
    );
    assert!(seen.iter().all(|seen| seen.digest == digest));
    assert_eq!(seen[1].route, format!("POST {ENROLL}"));
    assert_eq!(seen[0].peer.as_ref().ok_or("no peer")?.subject, "CN=vnfm");

    bed.stop().await;
    let recorded = std::fs::read(&file)?;
    let holds = |needle: &[u8]| {
        recorded
            .windows(needle.len())
            .any(|window| window == needle)
    };
    // The canary: what was not taken out is there, in the same forms.
    assert!(holds(STANDARD.encode(&csr).as_bytes()) && holds(digest.as_bytes()));
    let middle = pem.lines().nth(1).ok_or("no second line")?;
    // SEC1 inside PKCS#8: SEQUENCE, version 1, then the scalar.
    let at = der
        .windows(3)
        .position(|window| window == [1, 4, 32])
        .ok_or("no scalar")?;
    let scalar = &der[at + 3..at + 35];
    for needle in [
        &der[..],
        scalar,
        middle.as_bytes(),
        hex::encode(scalar).as_bytes(),
        &STANDARD.encode(&pem).as_bytes()[40..80],
        &STANDARD.encode(&der).as_bytes()[40..80],
    ] {
        assert!(!holds(needle), "{}", String::from_utf8_lossy(needle));
    }
    Ok(())
}

#[tokio::test]
async fn a_private_key_inside_a_request_is_not_recorded_on_ca_1_either() -> Outcome {
    let transcript = Transcript::new();
    let ca = Ca::start(CaConfig::new(transcript.clone())).await?;
    let (key, stray) = (KeyPair::generate()?, KeyPair::generate()?);
    let mut params = CertificateParams::new(["vnfc-1.example".to_owned()])?;
    params
        .distinguished_name
        .push(DnType::CommonName, stray.serialize_pem());
    let csr = params.serialize_request(&key)?;
    ca.ca1().issue(csr.der(), &Order::default())?;
    let [exchange] = &transcript.exchanges()[..] else {
        panic!("one exchange was expected")
    };
    let recorded = serde_json::to_string(&**exchange)?;
    assert!(
        recorded.contains("private key: salted SHA-256"),
        "{recorded}"
    );
    // Its first line, had it been kept.
    assert!(!recorded.contains(&STANDARD.encode(csr.der())[..60]));
    ca.stop().await;
    Ok(())
}
