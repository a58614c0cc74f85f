//! Faults and holds on the wire.

use crate::common::{Bed, Outcome, PATIENCE, call, curl};
use hyper::Method;
use scas_simulators::client::CallError;
use scas_simulators::control::ControlError;
use scas_simulators::fault::{Fault, Times};
use tokio::time::timeout;

const VNFD: &str = "/vnfpkgm/v2/onboarded_vnf_packages/vnfd-1/vnfd";
const ROUTE: &str = "GET /vnfpkgm/v2/onboarded_vnf_packages/{vnfdId}/vnfd";

#[tokio::test]
async fn each_fault_is_what_its_name_says() -> Outcome {
    let bed = Bed::start().await?;
    let control = bed.nfvo.control().clone();
    let get = || bed.client.send(call(Method::GET, VNFD, ""));
    let twin = get().await?;

    control.fault(ROUTE, Fault::CloseBeforeAnswer, Times::Once)?;
    assert_eq!(get().await.err(), Some(CallError::Closed));
    control.fault(ROUTE, Fault::TruncatedBody, Times::Once)?;
    assert_eq!(get().await.err(), Some(CallError::Closed));

    control.fault(ROUTE, Fault::Status(503), Times::Once)?;
    let answer = get().await?;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.headers["content-type"], "application/problem+json");

    control.fault(ROUTE, Fault::GarbageBody, Times::Once)?;
    let answer = get().await?;
    assert_eq!(
        (answer.status, answer.body.len()),
        (twin.status, twin.body.len())
    );
    assert!(std::str::from_utf8(&answer.body).is_err());

    control.fault(ROUTE, Fault::EmptyBody, Times::Once)?;
    assert!(get().await?.body.is_empty());
    control.fault(ROUTE, Fault::ReplacedBody("other".into()), Times::Once)?;
    assert_eq!(get().await?.body, "other");

    control.fault(ROUTE, Fault::OversizedBody(100_000), Times::Once)?;
    let answer = get().await?;
    assert_eq!(answer.body.len(), 100_000);
    assert!(answer.body.starts_with(&twin.body) && answer.body.ends_with(&[0; 1000]));
    control.fault(ROUTE, Fault::OversizedBody(2_000_000), Times::Once)?;
    assert_eq!(get().await.err(), Some(CallError::TooLarge(1024 * 1024)));

    control.fault(
        ROUTE,
        Fault::WrongContentType("text/html".into()),
        Times::Once,
    )?;
    let answer = get().await?;
    assert_eq!(
        (&answer.headers["content-type"], &answer.body),
        (&"text/html".parse()?, &twin.body)
    );
    control.fault(ROUTE, Fault::WithoutHeader("Version".into()), Times::Once)?;
    assert!(!get().await?.headers.contains_key("version"));

    let answer = get().await?;
    assert_eq!(
        (answer.status, answer.body),
        (twin.status, twin.body),
        "all faults are used up"
    );

    // Both sides say the same of what was on the wire.
    for (seen, called) in bed.seen.exchanges().iter().zip(bed.called.exchanges()) {
        if let Some(response) = &called.response {
            assert_eq!(
                seen.response.as_ref().map(|seen| &seen.body),
                Some(&response.body),
                "{:?}",
                seen.fault
            );
        }
    }
    bed.nfvo.stop().await;
    Ok(())
}

#[tokio::test]
async fn curl_sees_them_too() -> Outcome {
    let bed = Bed::start().await?;
    let url = format!("{}{VNFD}", bed.nfvo.api_root());
    const EMPTY_REPLY: [i32; 2] = [52, 56];
    const PARTIAL_FILE: [i32; 2] = [18, 56];
    for (fault, codes) in [
        (Fault::CloseBeforeAnswer, EMPTY_REPLY),
        (Fault::TruncatedBody, PARTIAL_FILE),
    ] {
        bed.nfvo
            .control()
            .fault(ROUTE, fault.clone(), Times::Once)?;
        let Some(output) = curl(&bed.pki, Some("client"), &["-H", "Version: 2.4.0", &url]).await?
        else {
            return Ok(());
        };
        let code = output.status.code().ok_or("curl was killed")?;
        assert!(codes.contains(&code), "{fault}: curl ended with {code}");
        if fault == Fault::TruncatedBody {
            assert_eq!(output.stdout, b"PK vnf", "half of the body arrives");
        }
    }
    bed.nfvo.stop().await;
    Ok(())
}

#[tokio::test]
async fn faults_happen_as_often_as_told_and_only_on_their_route() -> Outcome {
    let bed = Bed::start().await?;
    let control = bed.nfvo.control();
    let status = async |path: &str| -> Result<u16, Box<dyn std::error::Error>> {
        Ok(bed.get(path).await?.status.as_u16())
    };
    control.fault(ROUTE, Fault::Status(500), Times::N(2))?;
    let statuses = [
        status(VNFD).await?,
        status("/vnfpkgm/v2/vnf_packages").await?,
        status(VNFD).await?,
        status(VNFD).await?,
    ];
    assert_eq!(statuses, [500, 200, 500, 200]);
    control.fault("* /vnfpkgm/v2/{rest...}", Fault::Status(503), Times::Always)?;
    assert_eq!(
        [
            status(VNFD).await?,
            status("/vnfpkgm/v2/vnf_packages").await?
        ],
        [503, 503]
    );
    control.clear();
    assert_eq!(status(VNFD).await?, 200);
    control.fault(ROUTE, Fault::Status(500), Times::N(0))?;
    assert_eq!(status(VNFD).await?, 200);
    assert!(matches!(
        control.fault(ROUTE, Fault::Status(42), Times::Once),
        Err(ControlError::Status(42))
    ));
    assert!(
        control
            .fault("VNFD", Fault::EmptyBody, Times::Once)
            .is_err()
    );
    bed.nfvo.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_hold_stops_the_request_until_it_is_released() -> Outcome {
    let bed = Bed::start().await?;
    let mut hold = bed.nfvo.control().hold("POST /grant/v1/grants")?;
    let body = r#"{"vnfInstanceId":"i","vnfLcmOpOccId":"o","vnfdId":"vnfd-1","operation":"INSTANTIATE",
        "isAutomaticInvocation":false,"_links":{"vnfLcmOpOcc":{"href":"https://v/o"},"vnfInstance":{"href":"https://v/i"}}}"#;
    let client = bed.client.clone();
    let asking = tokio::spawn(async move {
        client
            .send(call(Method::POST, "/grant/v1/grants", body))
            .await
    });
    let request = timeout(PATIENCE, hold.arrived()).await?;
    assert_eq!(
        (request.method.as_str(), request.body.text.as_deref()),
        ("POST", Some(body))
    );
    // Another request passes meanwhile, and the held one has neither answer nor exchange.
    assert_eq!(bed.get(VNFD).await?.status, 200);
    assert!(!asking.is_finished());
    assert_eq!(bed.seen.exchanges().len(), 1);
    hold.release();
    assert_eq!(timeout(PATIENCE, asking).await???.status, 201);
    assert_eq!(
        bed.call(Method::POST, "/grant/v1/grants", body)
            .await?
            .status,
        201,
        "later ones pass"
    );
    bed.nfvo.stop().await;
    Ok(())
}

#[tokio::test]
async fn who_leaves_while_held_is_recorded_without_answer() -> Outcome {
    let bed = Bed::start().await?;
    let mut hold = bed.nfvo.control().hold(ROUTE)?;
    let client = bed.client.clone();
    let asking = tokio::spawn(async move { client.send(call(Method::GET, VNFD, "")).await });
    timeout(PATIENCE, hold.arrived()).await?;
    asking.abort();
    let exchange = timeout(PATIENCE, bed.seen.wait_for(0, |_| true)).await?;
    assert!(exchange.response.is_none());
    assert_eq!(
        exchange.fault.as_deref(),
        Some("the connection ended before the answer")
    );
    drop(hold);
    bed.nfvo.stop().await;
    Ok(())
}

#[test]
fn faults_are_written_in_kebab_case() -> Outcome {
    let written = serde_json::to_value([
        Fault::CloseBeforeAnswer,
        Fault::Status(503),
        Fault::WrongContentType("text/html".into()),
    ])?;
    let expected = serde_json::json!(["close-before-answer", { "status": 503 }, { "wrong-content-type": "text/html" }]);
    assert_eq!(written, expected);
    assert_eq!(
        serde_json::from_value::<Vec<Fault>>(expected)?[1],
        Fault::Status(503)
    );
    assert_eq!(
        serde_json::to_value([Times::Once, Times::N(3)])?,
        serde_json::json!(["once", { "n": 3 }])
    );
    Ok(())
}
