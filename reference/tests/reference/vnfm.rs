//! The VNFM on the wire: a hand-written NFVO calls it, and is called by it, over mutual TLS.

use std::io::{BufRead as _, Read as _};
use std::process::{Child, Command, Stdio};

use crate::bed::{Bed, Tester};
use crate::support::{Files, VNFD_ID, openssl_is_here};
use axum::http::StatusCode;
use scas_reference::vnfm::{Config, Vnfm};
use serde_json::{Value, json};

#[tokio::test]
async fn creates_lists_reads_notifies_and_deletes() {
    if !openssl_is_here("creates_lists_reads_notifies_and_deletes") {
        return;
    }
    let bed = Bed::new().await;
    let (vnfm, tester) = bed.start(&[], "").await;
    let callback = format!("{}/notifications/a", bed.nfvo_root);
    let (status, subscription, _) = tester.subscribe(&callback).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(
        tester.subscribe(&callback).await.0,
        StatusCode::SEE_OTHER,
        "the same again"
    );
    assert_eq!(
        tester
            .subscribe(&format!("{}/absent", bed.nfvo_root))
            .await
            .0,
        StatusCode::UNPROCESSABLE_ENTITY
    );

    let (status, location, instance) = tester
        .post(
            "/vnf_instances",
            json!({ "vnfdId": VNFD_ID, "vnfInstanceName": "one", "metadata": { "a": "b" } }),
        )
        .await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(instance["vnfProductName"], "product");
    assert_eq!(instance["instantiationState"], "NOT_INSTANTIATED");
    let id = instance["id"].as_str().unwrap();
    assert!(location.ends_with(id));
    assert_eq!(
        *bed.nfvo.requests.lock().unwrap(),
        ["info", "vnfd?include_signatures"]
    );
    let created = bed
        .notification(|one| one["notificationType"] == "VnfIdentifierCreationNotification")
        .await;
    assert_eq!(created["vnfInstanceId"], id);

    assert_eq!(
        tester.get(&location).await,
        (StatusCode::OK, instance.clone())
    );
    let (_, list) = tester
        .get(&format!("/vnf_instances?filter=(eq,vnfdId,{VNFD_ID})"))
        .await;
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!(list[0]["id"], id);
    assert_eq!(list[0].get("metadata"), None);
    assert_eq!(
        tester.get("/vnf_instances?filter=(eq,vnfdId,x)").await.1,
        json!([])
    );

    assert_eq!(tester.delete(&location).await, StatusCode::NO_CONTENT);
    let deleted = bed
        .notification(|one| one["notificationType"] == "VnfIdentifierDeletionNotification")
        .await;
    assert_eq!(deleted["vnfInstanceId"], id);
    assert_eq!(tester.get(&location).await.0, StatusCode::NOT_FOUND);
    assert_eq!(tester.delete(&location).await, StatusCode::NOT_FOUND);
    assert_eq!(tester.delete(&subscription).await, StatusCode::NO_CONTENT);
    assert_eq!(tester.get("/subscriptions").await.1, json!([]));
    vnfm.stop().await.unwrap();
}

#[tokio::test]
async fn asks_for_a_version_and_a_client_certificate() {
    if !openssl_is_here("asks_for_a_version_and_a_client_certificate") {
        return;
    }
    let bed = Bed::new().await;
    let (vnfm, tester) = bed.start(&[], "").await;
    let uri = tester.uri("/vnf_instances");
    let missing = tester.http.get(&uri).send().await.unwrap();
    assert_eq!(missing.status(), StatusCode::BAD_REQUEST);
    assert_eq!(
        missing.headers()["content-type"],
        "application/problem+json"
    );
    let problem: Value = missing.json().await.unwrap();
    assert_eq!(problem["status"], 400);
    let unsupported = tester
        .http
        .get(&uri)
        .header("Version", "9.9.9")
        .send()
        .await
        .unwrap();
    assert_eq!(unsupported.status(), StatusCode::NOT_ACCEPTABLE);
    let supported = tester
        .http
        .get(&uri)
        .header("Version", "2.2.0-impl:x:y:1")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (
            supported.status(),
            supported.headers()["version"].to_str().unwrap()
        ),
        (StatusCode::OK, "2.2.0")
    );
    assert_eq!(tester.get("/api_versions").await.0, StatusCode::OK);
    assert_eq!(tester.get("/nothing").await.1["status"], 404);
    assert_eq!(
        tester.post("/vnf_instances/x", json!({})).await.2["status"],
        405
    );
    assert!(
        bed.client(None)
            .get(&uri)
            .header("Version", "2.3.0")
            .send()
            .await
            .is_err(),
        "without a client certificate"
    );
    let stranger = crate::support::Ca::new("tls").peer(bed.folder.path(), "stranger");
    assert!(
        bed.client(Some(&stranger))
            .get(&uri)
            .header("Version", "2.3.0")
            .send()
            .await
            .is_err(),
        "of another issuer"
    );
    vnfm.stop().await.unwrap();
}

#[tokio::test]
async fn without_client_anchors_anybody_may_call() {
    if !openssl_is_here("without_client_anchors_anybody_may_call") {
        return;
    }
    let bed = Bed::new().await;
    let path = bed.configure(&[], "");
    let text = std::fs::read_to_string(&path).unwrap();
    let open = text.replace("client_anchors = \"ca.pem\"\n", "");
    assert_ne!(open, text);
    std::fs::write(&path, open).unwrap();
    let vnfm = Vnfm::start(&Config::load(&path).unwrap()).await.unwrap();
    let tester = Tester {
        http: bed.client(None),
        root: vnfm.api_root().to_owned(),
    };
    assert_eq!(tester.create().await.0, StatusCode::CREATED);
    vnfm.stop().await.unwrap();
}

#[tokio::test]
async fn refuses_a_tampered_package_and_leaves_nothing() {
    if !openssl_is_here("refuses_a_tampered_package_and_leaves_nothing") {
        return;
    }
    let bed = Bed::new().await;
    let (vnfm, tester) = bed.start(&[], "").await;
    let mut tampered = Files::definitions().with_signed_manifest(&bed.signing.good);
    tampered.put("Definitions/df.yaml", "tampered: true\n");
    bed.onboard(VNFD_ID, tampered.zip());
    let (status, problem) = tester.create().await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("Definitions/df.yaml"),
        "{problem}"
    );
    assert_eq!(tester.get("/vnf_instances").await.1, json!([]));
    bed.change(VNFD_ID, |package| package.operational_state = "DISABLED");
    assert_eq!(tester.create().await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let (status, _, _) = tester
        .post("/vnf_instances", json!({ "vnfdId": "absent" }))
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    vnfm.stop().await.unwrap();
}

/// Not a test: the process that [`Process::start`] starts.
#[tokio::test]
#[ignore = "run by the tests below as a process of its own"]
async fn vnfm_process() {
    let config = std::env::var_os("SCAS_TEST_CONFIG").expect("the parent names the configuration");
    scas_reference::vnfm::run(config.as_ref()).await.unwrap();
}

struct Process {
    child: Child,
    tester: Tester,
    /// Kept open: the test harness of the child reports there when it ends.
    _stdout: std::io::BufReader<std::process::ChildStdout>,
}

impl Process {
    fn start(bed: &Bed, config: &std::path::Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "vnfm::vnfm_process", "--ignored", "--nocapture"])
            .env("SCAS_TEST_CONFIG", config)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
        // The test harness of the child writes lines of its own before.
        let ready = stdout
            .by_ref()
            .lines()
            .map_while(Result::ok)
            .find_map(|line| {
                let (_, json) = line.split_once("{\"event\":\"ready\"")?;
                serde_json::from_str::<Value>(&format!("{{\"event\":\"ready\"{json}")).ok()
            });
        let root = ready.expect("it becomes ready")["apiRoot"]
            .as_str()
            .unwrap()
            .to_owned();
        Self {
            child,
            tester: Tester {
                http: bed.client(Some(&bed.tester)),
                root,
            },
            _stdout: stdout,
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_survives_sigkill() {
    if !openssl_is_here("what_was_answered_survives_sigkill") {
        return;
    }
    let bed = Bed::new().await;
    let config = bed.configure(&[], "");
    let mut process = Process::start(&bed, &config);
    process
        .tester
        .subscribe(&format!("{}/notifications/a", bed.nfvo_root))
        .await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(
            process.tester.create().await.1["id"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    process.child.kill().unwrap();
    process.child.wait().unwrap();

    let process = Process::start(&bed, &config);
    for id in &ids {
        assert_eq!(
            process.tester.get(&format!("/vnf_instances/{id}")).await.0,
            StatusCode::OK
        );
    }
    let new = process.tester.create().await.1["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(!ids.contains(&new));
    bed.notification(|one| one["vnfInstanceId"] == new.as_str())
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ends_when_its_parent_is_gone_and_on_sigterm() {
    if !openssl_is_here("ends_when_its_parent_is_gone_and_on_sigterm") {
        return;
    }
    let bed = Bed::new().await;
    let config = bed.configure(&[], "");
    let mut process = Process::start(&bed, &config);
    drop(process.child.stdin.take());
    assert!(process.child.wait().unwrap().success());

    let mut process = Process::start(&bed, &config);
    let pid = process.child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert!(process.child.wait().unwrap().success());
}
