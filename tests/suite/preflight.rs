//! What is amiss before a run is told before it, by label, with what was seen and how to mend it. Exit code 64; nothing is begun.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};

use crate::support::{SHORT, Stage, foreign_profile, profile};

/// The exit code of a usage or configuration mistake.
const USAGE: i32 = 64;

/// A profile of a product that runs by itself at this address.
fn running(root: &str, further: &str) -> String {
    let text = foreign_profile(&["cat"], Some(root));
    text.replace("running = true\n", &format!("running = true\n{further}"))
}

/// Nothing is begun, and each of these is told: by `scas run`, and by `scas check --sut`.
#[track_caller]
fn refused(stage: &Stage, text: &str, told: &[&str]) {
    stage.write("sut.toml", text);
    stage
        .run(&["run", "--sut", "sut.toml", "--select", SHORT])
        .assert_told(USAGE, told);
    assert!(!stage.path("reports").exists(), "nothing is begun");
    stage
        .run(&["check", "--sut", "sut.toml"])
        .assert_told(USAGE, told);
}

/// Answers each request on loopback so, depending on its head. Ends with the test process.
fn server(answer: impl Fn(&str) -> String + Clone + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || {
                let head = head(&mut stream);
                let _ = stream.write_all(answer(&head).as_bytes());
            });
        }
    });
    format!("http://{address}")
}

fn head(stream: &mut TcpStream) -> String {
    let mut seen = Vec::new();
    let mut byte = [0; 1];
    while !seen.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
        seen.push(byte[0]);
    }
    String::from_utf8_lossy(&seen).into_owned()
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
}

/// A port at which nobody listens.
fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

#[test]
fn a_host_that_is_not_reached_is_told() {
    let port = closed_port();
    let root = format!("http://127.0.0.1:{port}");
    refused(
        &Stage::new(),
        &running(&root, ""),
        &[
            "ixit.api.root: cannot connect to 127.0.0.1:",
            "refused",
            "start the product, open the way to it, or correct the address",
        ],
    );
}

#[test]
fn a_name_that_nobody_knows_is_told() {
    // RFC 6761: this name is nobody's.
    refused(
        &Stage::new(),
        &running("https://vnfm.invalid:9443", ""),
        &[
            "ixit.api.root: the name 'vnfm.invalid' ",
            "correct it, or write the address instead",
        ],
    );
}

#[test]
fn credentials_that_are_refused_are_told_and_never_shown() {
    // dGVzdGVyOnJpZ2h0 is tester:right.
    let root = server(|head| {
        if head.contains("authorization: Basic dGVzdGVyOnJpZ2h0") {
            answer("200 OK", "", r#"{"apiVersions":[{"version":"2.0.0"}]}"#)
        } else {
            answer("401 Unauthorized", "", r#"{"detail":"who are you?"}"#)
        }
    });
    let stage = Stage::new();
    let text = running(
        &root,
        "authentication = { kind = \"basic\", user = \"tester\", password = { file = \"password\" } }\n",
    );
    stage.write("password", "wrong-and-secret\n");
    refused(
        &stage,
        &text,
        &["ixit.api.authentication: the product refuses the credentials: HTTP 401: who are you?"],
    );
    stage.write("password", "right\n");
    let ended = stage.run(&["check", "--sut", "sut.toml"]);
    ended.assert_told(
        0,
        &[
            "in order: http://127.0.0.1:",
            "answers GET .../api_versions with HTTP 200",
        ],
    );
    let by_name = text.replace(
        "{ file = \"password\" }",
        "{ env = \"SCAS_TEST_PASSWORD\" }",
    );
    refused(
        &stage,
        &by_name,
        &["ixit.api.authentication.password: the environment has no variable SCAS_TEST_PASSWORD"],
    );
    let output = stage
        .scas(&["check", "--sut", "sut.toml"])
        .env("SCAS_TEST_PASSWORD", "right")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_secret_in_clear_is_refused_and_not_repeated() {
    let stage = Stage::new();
    let text = running(
        "http://127.0.0.1:1",
        "authentication = { kind = \"basic\", user = \"tester\", password = \"tell-nobody\" }\n",
    );
    stage.write("sut.toml", &text);
    let ended = stage.run(&["check", "--sut", "sut.toml"]);
    ended.assert_told(
        USAGE,
        &[
            "ixit.api.authentication.password: a secret stands here in clear",
            "{ file = \"...\" }",
        ],
    );
    assert!(!ended.stderr.contains("tell-nobody") && !ended.stdout.contains("tell-nobody"));
}

#[test]
fn what_the_product_says_of_itself_is_compared_with_the_profile() {
    let old = server(|_| answer("200 OK", "", r#"{"apiVersions":[{"version":"1.3.0"}]}"#));
    let late = server(|_| answer("200 OK", "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", "{}"));
    let elsewhere = server(|_| answer("404 Not Found", "", ""));
    let ill = server(|_| {
        answer(
            "503 Service Unavailable",
            "",
            r#"{"detail":"no data base"}"#,
        )
    });
    let garbage = server(|_| "\x16\x03\x01 what?\r\n\r\n".to_owned());
    for (root, told) in [
        (
            old,
            "ixit.api.version: the product offers 1.3.0, and is asked for 2.0.0; write one that it offers",
        ),
        (
            late,
            "s behind ours; certificates and signatures are judged by the clock",
        ),
        (elsewhere, "has no VNF lifecycle management there: HTTP 404"),
        (
            garbage,
            "ixit.api.root: the product does not answer: not HTTP",
        ),
        (
            ill,
            "ixit.api.root: the product is not well: HTTP 503: no data base; look into its log",
        ),
    ] {
        refused(&Stage::new(), &running(&root, ""), &[told]);
    }
}

/// The reference as a product that runs by itself, with certificates of this PKI.
struct Reference {
    child: Child,
    root: String,
}

impl Reference {
    fn start(stage: &Stage, pki: &str) -> Self {
        let tls = stage.path(pki).join("tls");
        let tls = tls.display();
        let signers = stage.path(pki).join("signers");
        let signers = signers.display();
        std::fs::create_dir_all(stage.path("state")).unwrap();
        let state = stage.path("state");
        let config = format!(
            "[api]\nlisten = \"127.0.0.1:0\"\ncertificate = \"{tls}/vnfm.crt\"\nprivate_key = \"{tls}/vnfm.key\"\n\
             client_anchors = \"{tls}/ca.crt\"\n[nfvo]\napi_root = \"https://127.0.0.1:1\"\nanchors = \"{tls}/ca.crt\"\n\
             certificate = \"{tls}/vnfm.crt\"\nprivate_key = \"{tls}/vnfm.key\"\n[packages]\nanchors = \"{signers}/signers-ca.crt\"\n\
             crls = []\nverify_at = \"create\"\n[storage]\ndirectory = \"{}\"\n[test]\ndefects = []\n",
            state.display()
        );
        stage.write("vnfm.toml", &config);
        let mut child = stage
            .scas(&["reference", "vnfm", "--config", "vnfm.toml"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
        let root = ready["apiRoot"].as_str().unwrap().to_owned();
        Self { child, root }
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn tls_with_a_product_that_runs_is_as_the_profile_says_or_told() {
    let stage = Stage::new();
    for pki in ["ours", "others"] {
        stage.run(&["pki", "new", pki]).assert_told(0, &[]);
    }
    let product = Reference::start(&stage, "ours");
    let profile_of = |table: &str, further: &str| {
        let text = running(&product.root, further);
        text.replace(
            "[ixit.capacity]",
            &format!("[ixit]\n{table}\n[ixit.capacity]"),
        )
    };
    stage.write("sut.toml", &profile_of("pki = \"ours\"", ""));
    stage.run(&["check", "--sut", "sut.toml"]).assert_told(
        0,
        &[
            "in order: https://127.0.0.1:",
            "with HTTP 200",
            "nothing to mend",
        ],
    );
    refused(
        &stage,
        &profile_of("pki = \"others\"", ""),
        &[
            "ixit.api.anchors: the product's certificate was issued by '",
            "ixit.pki holds another CA",
        ],
    );
    refused(
        &stage,
        &profile_of("", ""),
        &[
            "ixit.api.anchors: the product's certificate was issued by '",
            "write the PEM file of that CA here",
        ],
    );
    // It is trusted now, and does not trust us.
    refused(
        &stage,
        &profile_of("pki = \"others\"", "anchors = \"ours/tls/ca.crt\"\n"),
        &["ixit.api.authentication: the product refuses our TLS (alert "],
    );
    let plain = product.root.replace("https://", "http://");
    refused(
        &stage,
        &running(&plain, ""),
        &["ixit.api.root: the product does not answer: "],
    );
    let by_name = running(
        &product.root.replace("127.0.0.1", "127.0.0.2"),
        "anchors = \"ours/tls/ca.crt\"\n",
    );
    // It listens on another address of loopback only if it listens on all.
    refused(
        &stage,
        &by_name,
        &["ixit.api.root: cannot connect to 127.0.0.2:"],
    );
}

#[test]
fn a_server_that_speaks_no_tls_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let root = format!("https://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(b"220 mail.example ESMTP\r\n");
        }
    });
    refused(
        &Stage::new(),
        &running(&root, ""),
        &[
            "ixit.api.root: what listens there does not speak TLS with us",
            "write http:// if it speaks none",
        ],
    );
}

#[test]
fn certificates_that_have_expired_or_do_not_fit_are_told() {
    let stage = Stage::new();
    stage.run(&["pki", "new", "pki"]).assert_told(0, &[]);
    let with = |certificate: &str, key: &str| {
        let table = format!(
            "security = \"mutual-tls\"\ncertificate = \"pki/{certificate}\"\nprivate-key = \"pki/{key}\"\n"
        );
        profile("security = \"mutual-tls\"\n", &table)
    };
    refused(
        &stage,
        &with("signers/expired.crt", "signers/expired.key"),
        &[
            "ixit.nfvo.certificate: ",
            "signers/expired.crt: the certificate of '",
            "expired on ",
            "have a new one issued",
        ],
    );
    refused(
        &stage,
        &with("tls/nfvo.crt", "tls/vnfm.key"),
        &[
            "ixit.nfvo: cannot be used together: certificate ",
            "tls/nfvo.crt, private-key ",
            "tls/vnfm.key",
            "does not fit the first certificate of the",
        ],
    );
    refused(
        &stage,
        &with("tls/nowhere.crt", "tls/vnfm.key"),
        &["ixit.nfvo.certificate: ", "tls/nowhere.crt"],
    );
    stage.write("sut.toml", &with("tls/nfvo.crt", "tls/nfvo.key"));
    stage.run(&["check", "--sut", "sut.toml"]).assert_told(
        0,
        &["in order: ixit.nfvo.certificate: pki/tls/nfvo.crt is in date"],
    );
}

#[test]
fn two_runs_do_not_share_a_port() {
    let stage = Stage::new();
    let port = closed_port();
    let listen = "listen = \"127.0.0.1:0\"\nsecurity";
    let fixed = listen.replace("127.0.0.1:0", &format!("127.0.0.1:{port}"));
    // A product that tells that it was started, and is never ready: the run lasts as long as we want.
    let started = stage.path("started");
    let command = format!(
        "command = [\"sh\", \"-c\", \"echo > {}; cat\"]\n#",
        started.display()
    );
    let text = profile(listen, &fixed).replacen("command = ", &command, 1);
    stage.write(
        "first.toml",
        &text.replacen("start = 20", "start = 3600", 1),
    );
    nix::unistd::mkfifo(&started, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut first = stage
        .scas(&["run", "--sut", "first.toml", "--select", SHORT])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let told = std::fs::read(&started).unwrap();
    assert_eq!(told, b"\n");
    stage.write("second.toml", &profile(listen, &fixed));
    let second = stage.run(&[
        "run",
        "--sut",
        "second.toml",
        "--out",
        "others",
        "--select",
        SHORT,
    ]);
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(first.id().try_into().unwrap()),
        nix::sys::signal::Signal::SIGINT,
    )
    .unwrap();
    first.wait().unwrap();
    second.assert_told(
        USAGE,
        &[
            "ixit.nfvo.listen: another run of scas uses port ",
            "wait for its end, or write another address",
        ],
    );
    assert!(!stage.path("others").exists());
    stage
        .run(&["check", "--sut", "second.toml"])
        .assert_told(0, &["nothing to mend"]);
}

#[test]
fn one_port_for_two_simulators_is_told() {
    let port = closed_port();
    let text = include_str!("../../fixtures/sut/reference-vnfm.toml");
    let text = text.replace(
        "127.0.0.1:0\"\nsecurity",
        &format!("127.0.0.1:{port}\"\nsecurity"),
    );
    let text = text.replace(
        "[ixit.cmf]\nlisten = \"127.0.0.1:0\"",
        &format!("[ixit.cmf]\nlisten = \"127.0.0.1:{port}\""),
    );
    refused(
        &Stage::new(),
        &text,
        &["ixit.cmf.listen: ", "is that of ixit.nfvo.listen too"],
    );
    let elsewhere = profile(
        "listen = \"127.0.0.1:0\"\nsecurity",
        "listen = \"192.0.2.7:9443\"\nsecurity",
    );
    refused(
        &Stage::new(),
        &elsewhere,
        &[
            "ixit.nfvo.listen: cannot listen on 192.0.2.7:9443",
            "this machine has no such address",
        ],
    );
}

#[test]
fn a_document_that_is_not_the_one_that_was_read_is_told() {
    let stage = Stage::new();
    stage.write("manual.txt", "abc");
    let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let with = |digest: &str| {
        let table = format!(
            "vnf-instance-id = {{ file = \"manual.txt\", section = \"2\", sha256 = \"{digest}\", checked-by = \"A\", date = 2026-11-22 }}"
        );
        profile(
            "vnf-instance-id = \"docs/reference-vnfm.md, VNF instance identifiers\"",
            &table,
        )
    };
    let other = known.replace("ba78", "0000");
    refused(
        &stage,
        &with(&other),
        &[
            "documents.vnf-instance-id.sha256: ",
            "manual.txt is another file",
            known,
            &other,
        ],
    );
    refused(
        &stage,
        &with("abc"),
        &["documents.vnf-instance-id.sha256: 'abc' is no SHA-256"],
    );
    stage.write("sut.toml", &with(known));
    stage
        .run(&["check", "--sut", "sut.toml"])
        .assert_told(0, &["manual.txt has the SHA-256 that was noted"]);
    std::fs::remove_file(stage.path("manual.txt")).unwrap();
    refused(
        &stage,
        &with(known),
        &[
            "documents.vnf-instance-id.file: cannot read ",
            "begins at the profile's folder",
        ],
    );
}

#[test]
fn places_to_look_that_are_not_there_are_told() {
    let storage = profile(
        "processes = \"descendants\"",
        "storage = [\"/nowhere/volume\"]",
    );
    refused(
        &Stage::new(),
        &storage,
        &[
            "ixit.observe.storage: ",
            "/nowhere/volume",
            "write the path of a folder, file or device of this machine",
        ],
    );
    let port = closed_port();
    let root = server(|_| answer("200 OK", "", "{}"));
    let text = running(&root, "").replace(
        "delegation-mode = { supported = false, reason = \"not built\" }",
        "delegation-mode = true",
    );
    let text = format!(
        "{text}[ixit.oam]\naddress = \"127.0.0.1:9444\"\n[ixit.observe]\nproduct = [\"port:{port}\"]\n"
    );
    refused(
        &Stage::new(),
        &text,
        &[
            "ixit.observe.product: ",
            "the product must run while it is looked at",
        ],
    );
}
