//! The simulators all together, as a developer of a VNFM in delegation mode uses them: the reference VNFM is that VNFM here, and
//! `curl` its NFVO.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::program::Program;
use crate::scan::has;
use crate::support::Stage;

/// Calls the VNFM as its NFVO does: status, `Location`, body.
struct Nfvo {
    pki: PathBuf,
    root: String,
}

impl Nfvo {
    fn call(&self, stage: &Stage, path: &str, body: Option<Value>) -> (String, String, Value) {
        let file = |name: &str| self.pki.join("tls").join(name).display().to_string();
        let uri = match path.starts_with("https:") {
            true => path.to_owned(),
            false => format!("{}/vnflcm/v2{path}", self.root),
        };
        let mut arguments = vec!["--silent".to_owned(), "--show-error".into()];
        arguments.extend(["--cacert".into(), file("ca.crt")]);
        arguments.extend([
            "--cert".into(),
            file("nfvo.crt"),
            "--key".into(),
            file("nfvo.key"),
        ]);
        arguments.extend(["--header".into(), "Version: 2.3.0".into()]);
        arguments.extend([
            "--write-out".into(),
            "\n%{http_code} %header{location}".into(),
        ]);
        if body.is_some() {
            arguments.extend(["--header".into(), "Content-Type: application/json".into()]);
            arguments.extend(["--data-binary".into(), "@-".into()]);
        }
        arguments.push(uri);
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let mut curl = stage
            .command("curl", &arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let text = body.map(|body| body.to_string()).unwrap_or_default();
        // Closed with the end of this statement.
        curl.stdin
            .take()
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        let output = curl.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let output = String::from_utf8(output.stdout).unwrap();
        let (body, facts) = output.rsplit_once('\n').unwrap();
        let (status, location) = facts.split_once(' ').unwrap();
        let body = serde_json::from_str(body).unwrap_or_default();
        (status.to_owned(), location.to_owned(), body)
    }

    /// Asks for an operation, which is accepted.
    fn ask(&self, stage: &Stage, uri: &str, body: Value) {
        let (status, _, answer) = self.call(stage, uri, Some(body));
        assert_eq!(status, "202", "{answer}");
    }
}

/// The last notification about such an operation.
fn result(told: &Value, operation: &str) -> bool {
    let notification = &told["notification"];
    notification["operation"] == operation && notification["notificationStatus"] == "RESULT"
}

fn pki(ready: &Value) -> &Path {
    Path::new(ready["pki"].as_str().unwrap())
}

#[test]
fn a_vnfm_in_delegation_mode_finds_all_that_it_needs() {
    if !has("curl", &["--version"]) {
        return;
    }
    let stage = Stage::new();
    // The VNFCIs have to be told beforehand where the VNFM will listen. Nobody else asks for this port meanwhile: free ones are
    // given in turn.
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let oam = free.local_addr().unwrap().to_string();
    drop(free);
    let arguments = [
        "simulate",
        "bed",
        "--oam",
        &oam,
        "--transcript",
        "wire.jsonl",
    ];
    let mut bed = Program::start(&stage, &arguments);
    let ready = bed.all[0].clone();
    let config = ready["config"].as_str().unwrap();
    let vnfm = Program::reference(&stage, config);
    assert_eq!(vnfm.all[0]["oam"], *oam);
    let nfvo = Nfvo {
        pki: pki(&ready).to_owned(),
        root: vnfm.all[0]["apiRoot"].as_str().unwrap().to_owned(),
    };
    let callback = json!({ "callbackUri": ready["nfvo"]["notifications"] });
    let (status, ..) = nfvo.call(&stage, "/subscriptions", Some(callback));
    assert_eq!(status, "201");
    let certificates = json!({ "securityPolicy": [{ "id": "p", "allowedAlgorithm": "EC_P256" }] });
    let create = json!({
        "vnfdId": ready["nfvo"]["vnfdId"],
        "certificateConfigurationData": certificates,
    });
    let (status, instance, body) = nfvo.call(&stage, "/vnf_instances", Some(create));
    assert_eq!(status, "201", "{body}");

    let request = json!({ "flavourId": "f", "additionalParams": { "vnfcs": 2 } });
    nfvo.ask(&stage, &format!("{instance}/instantiate"), request);
    let over = bed.until(1, |told| result(told, "INSTANTIATE"));
    assert_eq!(
        over[0]["notification"]["operationState"], "COMPLETED",
        "{over:?}"
    );
    let booted = bed.until(2, |told| told["event"] == "booted");
    for server in &booted {
        assert_eq!(server["delivered"].as_array().unwrap().len(), 2, "{server}");
    }
    for connection in bed.until(2, |told| told["event"] == "oam") {
        assert_eq!(connection["outcome"], "Accepted", "{connection}");
    }

    // The VNFCI of the first server gets a certificate by configuration; the bed has told where that is.
    let (_, _, shown) = nfvo.call(&stage, &instance, None);
    let vnfcs = shown["instantiatedVnfInfo"]["vnfcResourceInfo"]
        .as_array()
        .unwrap();
    let vnfc = vnfcs
        .iter()
        .find(|vnfc| vnfc["computeResource"]["resourceId"] == booted[0]["serverId"])
        .unwrap();
    let vnfci = json!({ "vnfcInstanceId": vnfc["id"], "configuration": booted[0]["vnfci"] });
    let request = json!({
        "extVirtualLinks": [],
        "certificateConfigurationData": certificates,
        "additionalParams": { "vnfcis": [vnfci] },
    });
    nfvo.ask(&stage, &format!("{instance}/change_ext_conn"), request);
    let over = bed.until(1, |told| result(told, "CHANGE_EXT_CONN"));
    assert_eq!(
        over[0]["notification"]["operationState"], "COMPLETED",
        "{over:?}"
    );
    let installed = bed.until(1, |told| told["event"] == "installed");
    assert_eq!(installed[0]["vnfcInstanceId"], vnfc["id"]);
    assert_eq!(installed[0]["vnfci"], booted[0]["vnfci"]);

    vnfm.end();
    let told = json!(bed.all).to_string();
    bed.end();
    let wire = std::fs::read_to_string(stage.path("wire.jsonl")).unwrap();
    for peer in [
        "/grant/v1",
        "/simpleenroll",
        "/identity/v3",
        "/vnfconfig/v1",
    ] {
        assert!(wire.contains(peer), "{peer} is not in the transcript");
    }
    for text in [told, wire] {
        assert!(!text.contains("PRIVATE KEY"));
    }
    stage.assert_nothing_left();
}

#[test]
fn what_the_bed_cannot_have_is_named() {
    let stage = Stage::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for label in ["--nfvo", "--cmf", "--vim"] {
        stage
            .run(&["simulate", "bed", label, &address])
            .assert_told(64, &[label, &address]);
    }
    stage
        .run(&["simulate", "bed", "--pki", "nowhere"])
        .assert_told(64, &["--pki"]);
    stage.assert_nothing_left();
}
