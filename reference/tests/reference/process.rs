//! The VNFM as a process of its own: killed, told to end, left by its parent.

use std::io::{BufRead as _, Read as _};
use std::process::{Child, Command, Stdio};

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::bed::{Bed, Tester};
use crate::support::openssl_is_here;

/// Not a test: the process that [`Process::start`] starts.
#[tokio::test]
#[ignore = "run by the tests below as a process of its own"]
async fn vnfm_process() {
    let config = std::env::var_os("SCAS_TEST_CONFIG").expect("the parent names the configuration");
    scas_reference::vnfm::run(config.as_ref()).await.unwrap();
}

pub struct Process {
    pub child: Child,
    pub tester: Tester,
    /// Kept open: the test harness of the child reports there when it ends.
    _stdout: std::io::BufReader<std::process::ChildStdout>,
}

impl Process {
    pub fn start(bed: &Bed, config: &std::path::Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "process::vnfm_process",
                "--ignored",
                "--nocapture",
            ])
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

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_was_interrupted_has_failed_and_may_be_asked_for_again() {
    if !openssl_is_here("an_operation_that_was_interrupted_has_failed_and_may_be_asked_for_again") {
        return;
    }
    let bed = Bed::new().await;
    let config = bed.configure(&[], "");
    let mut process = Process::start(&bed, &config);
    *bed.nfvo.hesitates.lock().unwrap() = u32::MAX;
    let (_, instance) = process.tester.create().await;
    let instantiate = format!(
        "/vnf_instances/{}/instantiate",
        instance["id"].as_str().unwrap()
    );
    let request = json!({ "flavourId": "simple" });
    let (_, occurrence, _) = process.tester.post(&instantiate, request.clone()).await;
    let id = occurrence.rsplit('/').next().unwrap();
    assert_eq!(
        process.tester.post(&instantiate, request.clone()).await.0,
        StatusCode::CONFLICT,
        "one is in progress"
    );
    process.child.kill().unwrap();
    process.child.wait().unwrap();

    let process = Process::start(&bed, &config);
    let (_, occurrence) = process.tester.get(&format!("/vnf_lcm_op_occs/{id}")).await;
    assert_eq!(occurrence["operationState"], "FAILED", "{occurrence}");
    assert_eq!(
        process.tester.post(&instantiate, request).await.0,
        StatusCode::ACCEPTED
    );
}
