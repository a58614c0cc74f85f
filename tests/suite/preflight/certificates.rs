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
