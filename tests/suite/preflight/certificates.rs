//! TLS with a product, and the certificates on both sides.

use std::io::Write as _;
use std::net::TcpListener;

use super::{refused, running};
use crate::program::{Program, reference_config};
use crate::support::{Stage, profile};

#[test]
fn tls_with_a_product_that_runs_is_as_the_profile_says_or_told() {
    let stage = Stage::new();
    for pki in ["ours", "others"] {
        stage.run(&["pki", "new", pki]).assert_told(0, &[]);
    }
    stage.write("vnfm.toml", &reference_config("ours", "127.0.0.1:0", 1));
    let product = Program::reference(&stage, "vnfm.toml");
    let root = product.root();
    let profile_of = |table: &str, further: &str| {
        let text = running(&root, further);
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
    let plain = root.replace("https://", "http://");
    refused(
        &stage,
        &running(&plain, ""),
        &["ixit.api.root: the product does not answer: "],
    );
    let by_name = running(
        &root.replace("127.0.0.1", "127.0.0.2"),
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
fn a_product_that_shows_a_certificate_that_has_expired_is_told_with_the_day() {
    let stage = Stage::new();
    stage.run(&["pki", "new", "pki"]).assert_told(0, &[]);
    let config = reference_config("pki", "127.0.0.1:0", 1);
    let expired = config
        .replacen("tls/vnfm.crt", "signers/expired.crt", 1)
        .replacen("tls/vnfm.key", "signers/expired.key", 1);
    stage.write("vnfm.toml", &expired);
    let product = Program::reference(&stage, "vnfm.toml");
    let text = running(&product.root(), "");
    refused(
        &stage,
        &text.replace("[ixit.capacity]", "[ixit]\npki = \"pki\"\n[ixit.capacity]"),
        &[
            "ixit.api.root: the product's certificate cannot be used: the certificate of '",
            "expired on ",
        ],
    );
}

/// Of X.509 version 1, valid until 2126; its key is nowhere.
const OLD: &str = "-----BEGIN CERTIFICATE-----\n\
    MIIBKTCBzwIUJ563iwSEQlLP1dkHg6omAL8m9m4wCgYIKoZIzj0EAwIwFjEUMBIG\n\
    A1UEAwwLb2xkLmV4YW1wbGUwIBcNMjYxMTIyMTY1NDE1WhgPMjEyNjEwMjkxNjU0\n\
    MTVaMBYxFDASBgNVBAMMC29sZC5leGFtcGxlMFkwEwYHKoZIzj0CAQYIKoZIzj0D\n\
    AQcDQgAEPURXPjsG7HnfNocKj69Yh4w24LXRWB7wIRH/yMWdHC7sTqtj5K1OUX+r\n\
    FLUURTkDrUP6k6A+fa1BwLFI0MdEjTAKBggqhkjOPQQDAgNJADBGAiEAktSdfJrI\n\
    kryNIZCBden4AIio/+E92kDX9qNu77DhLYACIQCFPo5YfRXt/U/8N9yzwvIL/sqD\n\
    MSLpEdESkt7NpeMARA==\n\
    -----END CERTIFICATE-----\n";

#[test]
fn certificates_that_tls_does_not_take_are_told_in_words() {
    let stage = Stage::new();
    stage.run(&["pki", "new", "pki"]).assert_told(0, &[]);
    stage.write("old.crt", OLD);
    let table = "security = \"mutual-tls\"\ncertificate = \"old.crt\"\nprivate-key = \"pki/tls/nfvo.key\"\n";
    stage.write("sut.toml", &profile("security = \"mutual-tls\"\n", table));
    let ended = stage.run(&["check", "--sut", "sut.toml"]);
    ended.assert_told(
        64,
        &[
            "ixit.nfvo.certificate: old.crt: the certificate of 'CN=old.example' is of X.509 version 1",
            "have it issued anew",
            "1 finding to mend",
        ],
    );
    assert!(
        !ended.stdout.contains("UnsupportedCertVersion"),
        "{}",
        ended.stdout
    );
    // A product that shows a self-signed certificate, as `openssl req -x509` makes them.
    let Some(()) = self_signed(&stage) else {
        return;
    };
    let config = reference_config("pki", "127.0.0.1:0", 1)
        .replacen("pki/tls/vnfm.crt", "self.crt", 1)
        .replacen("pki/tls/vnfm.key", "self.key", 1);
    stage.write("vnfm.toml", &config);
    let product = Program::reference(&stage, "vnfm.toml");
    let text = running(&product.root(), "anchors = \"self.crt\"\n");
    refused(
        &stage,
        &text.replace("[ixit.capacity]", "[ixit]\npki = \"pki\"\n[ixit.capacity]"),
        &[
            "ixit.api.root: the product's certificate cannot be used: the certificate of 'CN=vnfm' is that of a CA",
            "CA:FALSE",
        ],
    );
}

fn self_signed(stage: &Stage) -> Option<()> {
    let words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=vnfm -addext subjectAltName=IP:127.0.0.1 \
                 -keyout self.key -out self.crt";
    let words: Vec<&str> = words.split(' ').collect();
    if !crate::scan::has("openssl", &["version"]) {
        return None;
    }
    let ended = stage.command("openssl", &words).output().unwrap();
    assert!(
        ended.status.success(),
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    Some(())
}
