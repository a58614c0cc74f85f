//! Simulator and reference by themselves, as a developer of a VNFM uses them.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;

use crate::program::Program;
use crate::support::Stage;

#[test]
fn the_simulated_nfvo_serves_a_signed_package_to_whoever_asks() {
    let stage = Stage::new();
    let program = Program::start(
        &stage,
        &["simulate", "nfvo", "--plain", "--transcript", "wire.jsonl"],
    );
    let root = program.ready()["apiRoot"]
        .as_str()
        .unwrap()
        .strip_prefix("http://")
        .unwrap()
        .to_owned();
    let vnfd_id = program.ready()["vnfdId"].as_str().unwrap().to_owned();
    let mut stream = TcpStream::connect(&root).unwrap();
    write!(
        stream,
        "GET /vnfpkgm/v2/onboarded_vnf_packages/{vnfd_id} HTTP/1.1\r\nHost: {root}\r\nVersion: 2.4.0\r\n\
         Accept: application/json\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains(&vnfd_id), "{answer}");
    program.end();
    let wire = std::fs::read_to_string(stage.path("wire.jsonl")).unwrap();
    assert!(wire.contains(&vnfd_id), "the exchange was written down");
    stage.assert_nothing_left();
}

#[test]
fn the_simulated_cmf_gives_its_ca_certificates_to_whoever_asks() {
    let stage = Stage::new();
    let program = Program::start(&stage, &["simulate", "cmf", "--transcript", "wire.jsonl"]);
    let folder = |label: &str| PathBuf::from(program.ready()[label].as_str().unwrap());
    for file in [
        folder("ca").join("root.pem"),
        folder("ca").join("issuing.pem"),
        folder("pki").join("tls/vnfm.key"),
    ] {
        assert!(file.exists(), "{} was promised", file.display());
    }
    assert!(
        program.ready()["est"]
            .as_str()
            .unwrap()
            .ends_with("/.well-known/est")
    );
    let published = program.ready()["published"].as_str().unwrap();
    let answer = fetch(published, "/certificates/root.cer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    program.end();
    let wire = std::fs::read_to_string(stage.path("wire.jsonl")).unwrap();
    assert!(wire.contains("/certificates/root.cer"), "{wire}");
    stage.assert_nothing_left();
}

#[test]
fn the_simulated_ca_certifies_what_it_is_given() {
    let stage = Stage::new();
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(["vnfc-1.example".to_owned()]).unwrap();
    let request = params.serialize_request(&key).unwrap().pem().unwrap();
    stage.write("vnfc.csr", &request);
    let program = Program::start(
        &stage,
        &["simulate", "ca", "--out", "ca", "--csr", "vnfc.csr"],
    );
    let chain = std::fs::read_to_string(stage.path("ca/vnfc.pem")).unwrap();
    assert_eq!(chain.matches("BEGIN CERTIFICATE").count(), 2);
    let answer = fetch(
        program.ready()["published"].as_str().unwrap(),
        "/crl/issuing.crl",
    );
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    program.end();
    stage.write("garbage.csr", "garbage");
    stage
        .run(&["simulate", "ca", "--out", "ca", "--csr", "garbage.csr"])
        .assert_told(64, &["--csr garbage.csr"]);
    stage
        .run(&["simulate", "ca", "--out", "ca", "--fault", "other"])
        .assert_told(64, &["no such fault", "not-yet-valid"]);
}

fn fetch(root: &str, path: &str) -> String {
    let host = root.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn the_simulated_vim_and_vnfci_tell_where_they_are() {
    for (simulator, field, path, expected) in [
        ("vim", "authUrl", "/identity/v3", "v3.14"),
        ("vnfci", "apiRoot", "/vnfconfig/api_versions", "1.12.0"),
    ] {
        let stage = Stage::new();
        let program = Program::start(
            &stage,
            &[
                "simulate",
                simulator,
                "--plain",
                "--transcript",
                "wire.jsonl",
            ],
        );
        let url = program.ready()[field].as_str().unwrap();
        let root = url.strip_prefix("http://").unwrap();
        let root = root.split('/').next().unwrap();
        let mut stream = TcpStream::connect(root).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {root}\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains(expected), "{answer}");
        program.end();
        let wire = std::fs::read_to_string(stage.path("wire.jsonl")).unwrap();
        assert!(wire.contains(path), "the exchange was written down");
        stage.assert_nothing_left();
    }
}

#[test]
fn a_port_that_the_simulator_cannot_have_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let stage = Stage::new();
    stage
        .run(&["simulate", "nfvo", "--listen", &address])
        .assert_told(64, &["--listen", &address]);
}

#[test]
fn the_reference_ends_with_its_parent() {
    let stage = Stage::new();
    stage.run(&["pki", "new", "pki"]).assert_told(0, &[]);
    stage.write(
        "vnfm.toml",
        "[api]\nlisten = \"127.0.0.1:0\"\ncertificate = \"pki/tls/vnfm.crt\"\n\
         private_key = \"pki/tls/vnfm.key\"\nclient_anchors = \"pki/tls/ca.crt\"\n\
         [nfvo]\napi_root = \"https://127.0.0.1:9\"\nanchors = \"pki/tls/ca.crt\"\n\
         certificate = \"pki/tls/vnfm.crt\"\nprivate_key = \"pki/tls/vnfm.key\"\n\
         [packages]\nanchors = \"pki/signers/signers-ca.crt\"\ncrls = [\"pki/signers/signers.crl\"]\n\
         [storage]\ndirectory = \"state\"\n",
    );
    let mut program = Program::reference(&stage, "vnfm.toml");
    assert!(
        program.ready()["apiRoot"]
            .as_str()
            .unwrap()
            .starts_with("https://127.0.0.1:")
    );
    // The end of its standard input is the end of its parent.
    assert_eq!(program.orphan(), Some(0));
}

#[test]
fn a_configuration_mistake_of_the_reference_names_the_label() {
    let stage = Stage::new();
    stage.write("vnfm.toml", "[api]\nlissten = \"127.0.0.1:0\"\n");
    stage
        .run(&["reference", "vnfm", "--config", "vnfm.toml"])
        .assert_told(64, &["vnfm.toml", "lissten"]);
}
