//! What is installed in the simulated VNFCI through SOL002.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::{Method, StatusCode};
use scas_simulators::fault::{Fault, Times};
use scas_simulators::transcript::Transcript;
use scas_simulators::vnfci::VnfciFault;
use serde_json::{Value, json};

use crate::common::vim::{Planted, parsed};
use crate::common::vnfci::{CONFIGURATION, HEADERS, VnfciBed};
use crate::common::{Outcome, run};

fn certificate_data(id: &str, data: &Value) -> Value {
    json!({ "vnfcConfigurationData": [{ "vnfcInstanceId": id, "certificateData": [data] }] })
}

fn pem(planted: &Planted) -> Value {
    json!({
        "privateKey": planted.identity.key_pem,
        "certificateFile": format!("{}{}", planted.identity.chain_pem, planted.issuer_pem),
        "certSubjectData": { "commonName": "vnfci-1" },
    })
}

#[tokio::test]
async fn certificate_and_key_are_installed_and_the_key_is_never_told_again() -> Outcome {
    let planted = Planted::new()?;
    let bed = VnfciBed::start(|_| {}).await?;
    let before = bed.call(Method::GET, CONFIGURATION, &HEADERS, "").await?;
    assert_eq!(parsed(&before), json!({ "vnfConfigurationData": {} }));
    let tag = before.headers["etag"].to_str()?.to_owned();

    let body = certificate_data("vnfc-1", &pem(&planted)).to_string();
    let mut headers = HEADERS.to_vec();
    headers.push(("if-match", &tag));
    let patched = bed
        .call(Method::PATCH, CONFIGURATION, &headers, &body)
        .await?;
    assert_eq!(patched.status, StatusCode::OK, "{:?}", patched.body);
    let again = bed
        .call(Method::PATCH, CONFIGURATION, &headers, &body)
        .await?;
    assert_eq!(again.status, StatusCode::PRECONDITION_FAILED);

    let installed = bed.vnfci.wait_installed(1).await;
    let first = &installed[0];
    assert_eq!(first.vnfc_instance_id, "vnfc-1");
    assert_eq!(first.delivered.found_in, "certificateData[0] privateKey");
    assert_eq!(first.delivered.private_key.der(), planted.key_der());
    assert_eq!(first.delivered.certificate_chain_der.len(), 2);

    let shown = bed.call(Method::GET, CONFIGURATION, &HEADERS, "").await?;
    let data = parsed(&shown)["vnfcConfigurationData"][0]["certificateData"][0].clone();
    assert!(data["privateKey"].is_null() && data["certificateFile"].is_string());
    for text in [&shown.body, &patched.body] {
        assert_eq!(
            planted.leaks(std::str::from_utf8(text)?),
            Vec::<String>::new()
        );
    }
    let recorded = bed.recorded()?;
    assert_eq!(planted.leaks(&recorded), Vec::<String>::new());
    assert!(recorded.contains("redacted:sha256:"));

    // A renewed certificate for the key that it has.
    let renewal = json!({ "certificateFile": planted.identity.chain_pem });
    let renewed = bed.patch(&certificate_data("vnfc-1", &renewal)).await?;
    assert_eq!(renewed.status, StatusCode::OK, "{:?}", renewed.body);
    assert_eq!(
        bed.vnfci.installed()[1].delivered.found_in,
        "installed before"
    );
    bed.vnfci.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_keystore_made_by_openssl_is_installed() -> Outcome {
    let planted = Planted::new()?;
    let bed = VnfciBed::start(|_| {}).await?;
    let (pem, p12) = (bed.pki.path("planted.pem"), bed.pki.path("planted.p12"));
    std::fs::write(&pem, planted.bundle())?;
    let (pem, p12) = (pem.to_string_lossy(), p12.to_string_lossy());
    let arguments = [
        "pkcs12", "-export", "-in", &pem, "-out", &p12, "-passout", "pass:",
    ];
    let Some(_) = run("openssl", &arguments, "").await? else {
        return Ok(());
    };
    let keystore = STANDARD.encode(std::fs::read(&*p12)?);
    let patched = bed
        .patch(&certificate_data(
            "vnfc-1",
            &json!({ "keystoreFile": keystore }),
        ))
        .await?;
    assert_eq!(patched.status, StatusCode::OK, "{:?}", patched.body);
    assert_eq!(
        bed.vnfci.delivered().ok_or("nothing")?.private_key.der(),
        planted.key_der()
    );
    let shown = bed.call(Method::GET, CONFIGURATION, &HEADERS, "").await?;
    assert!(!String::from_utf8(shown.body.to_vec())?.contains(&keystore));
    assert!(!bed.recorded()?.contains(&keystore));
    bed.vnfci.stop().await;
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_installed_is_refused_and_changes_nothing() -> Outcome {
    let (planted, other) = (Planted::new()?, Planted::new()?);
    let bed = VnfciBed::start(|config| config.vnfc_instance_ids = vec!["vnfc-1".into()]).await?;
    let mut mixed = pem(&planted);
    mixed["certificateFile"] = other.identity.chain_pem.clone().into();
    let twice = json!({ "vnfcConfigurationData": [{ "vnfcInstanceId": "vnfc-1" }, { "vnfcInstanceId": "vnfc-1" }] });
    for (body, status, reason) in [
        (
            certificate_data("vnfc-1", &mixed),
            422,
            "fits the private key",
        ),
        (
            certificate_data("vnfc-2", &pem(&planted)),
            422,
            "no VNFC instance",
        ),
        (
            certificate_data("vnfc-1", &json!({ "certificateFile": planted.issuer_pem })),
            422,
            "no private key",
        ),
        (twice, 400, "twice"),
        (
            json!({ "vnfcConfigurationData": [{}] }),
            400,
            "vnfcInstanceId",
        ),
        (json!({ "vnfcConfigurationData": {} }), 400, "not an array"),
        (json!({}), 400, "neither"),
    ] {
        let answer = bed.patch(&body).await?;
        let detail = parsed(&answer)["detail"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert_eq!(
            (answer.status.as_u16(), detail.contains(reason)),
            (status, true),
            "{detail}"
        );
    }
    let text = bed
        .call(
            Method::PATCH,
            CONFIGURATION,
            &[("version", "1.3.0"), ("content-type", "text/plain")],
            "x",
        )
        .await?;
    assert_eq!(text.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let unversioned = bed.call(Method::GET, CONFIGURATION, &[], "").await?;
    assert_eq!(unversioned.status, StatusCode::BAD_REQUEST);
    let put = bed.call(Method::PUT, CONFIGURATION, &HEADERS, "{}").await?;
    assert_eq!(
        (put.status, put.headers["allow"].to_str()?),
        (StatusCode::METHOD_NOT_ALLOWED, "GET, PATCH")
    );
    let shown = bed.call(Method::GET, CONFIGURATION, &HEADERS, "").await?;
    assert_eq!(parsed(&shown), json!({ "vnfConfigurationData": {} }));
    assert!(bed.vnfci.installed().is_empty());
    bed.vnfci.stop().await;
    Ok(())
}

/// Leaves a transcript for the judge of `.ci/openapi`, which knows ETSI's OpenAPI files.
#[tokio::test]
async fn what_it_says_is_written_down_for_another_judge() -> Outcome {
    let planted = Planted::new()?;
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("vnfci-transcript.jsonl");
    let transcript = Transcript::to_file(&file)?;
    let bed = VnfciBed::start(|config| config.transcript = transcript.clone()).await?;
    let data = json!({
        "vnfConfigurationData": { "vnfSpecificData": { "mode": "active" } },
        "vnfcConfigurationData": [{ "vnfcInstanceId": "vnfc-1", "vnfcSpecificData": { "role": "db" } }],
    });
    let delete =
        json!({ "vnfConfigurationData": {}, "vnfcConfigurationDataDeleteIds": ["vnfc-1"] });
    for body in [
        &data,
        &certificate_data("vnfc-1", &pem(&planted)),
        &delete,
        &json!({}),
    ] {
        bed.patch(body).await?;
        bed.call(Method::GET, CONFIGURATION, &HEADERS, "").await?;
    }
    let stale = [HEADERS[0], HEADERS[1], ("if-match", "\"stale\"")];
    bed.call(Method::PATCH, CONFIGURATION, &stale, "{}").await?;
    for path in ["/vnfconfig/api_versions", "/vnfconfig/v1/api_versions"] {
        bed.call(Method::GET, path, &HEADERS, "").await?;
    }
    bed.call(Method::GET, CONFIGURATION, &[("version", "2.0.0")], "")
        .await?;
    transcript.flush()?;
    let shown = std::fs::read_to_string(&file)?;
    assert_eq!(shown.lines().count(), 12);
    assert_eq!(planted.leaks(&shown), Vec::<String>::new());
    bed.vnfci.stop().await;
    Ok(())
}

#[tokio::test]
async fn it_fails_and_waits_as_it_is_told() -> Outcome {
    let planted = Planted::new()?;
    let bed = VnfciBed::start(|_| {}).await?;
    let body = certificate_data("vnfc-1", &pem(&planted));
    bed.vnfci.fault(VnfciFault::RefuseInstallation, Times::Once);
    assert_eq!(
        bed.patch(&body).await?.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    bed.vnfci.fault(VnfciFault::LoseKey, Times::Once);
    assert_eq!(bed.patch(&body).await?.status, StatusCode::OK);
    assert!(bed.vnfci.installed().is_empty() && bed.vnfci.delivered().is_none());

    let route = "PATCH /vnfconfig/v1/configuration";
    bed.vnfci
        .control()
        .fault(route, Fault::CloseBeforeAnswer, Times::Once)?;
    assert!(bed.patch(&body).await.is_err());
    assert_eq!(bed.vnfci.installed().len(), 1, "only the answer was lost");

    let mut hold = bed.vnfci.control().hold(route)?;
    let (patched, held) = tokio::join!(bed.patch(&body), async {
        let held = hold.arrived().await;
        let before = bed.vnfci.installed().len();
        hold.release();
        (held, before)
    });
    assert_eq!((patched?.status, held.1), (StatusCode::OK, 1));
    assert_eq!(
        planted.leaks(&serde_json::to_string(&held.0)?),
        Vec::<String>::new()
    );
    assert_eq!(planted.leaks(&bed.recorded()?), Vec::<String>::new());
    bed.vnfci.stop().await;
    Ok(())
}
