//! Whether the product reaches our callback, as the product itself sees it.

use std::sync::{Arc, Mutex};

use super::{answer, refused, running, server};
use crate::program::{Program, free_port, reference_config};
use crate::support::Stage;

/// The reference with the PKI `ours`, which trusts the NFVO of this one, and a profile for it.
struct Lab {
    stage: Stage,
    product: Program,
    nfvo: u16,
}

impl Lab {
    fn open(trusted: &str) -> Self {
        let stage = Stage::new();
        for pki in ["ours", "others"] {
            stage.run(&["pki", "new", pki]).assert_told(0, &[]);
        }
        let nfvo = free_port();
        let config = reference_config("ours", "127.0.0.1:0", nfvo);
        let anchors = "[nfvo]\napi_root = ";
        assert!(config.contains(anchors));
        let config = config.replacen(
            "anchors = \"ours/tls/ca.crt\"\ncertificate",
            &format!("anchors = \"{trusted}/tls/ca.crt\"\ncertificate"),
            1,
        );
        stage.write("vnfm.toml", &config);
        let product = Program::reference(&stage, "vnfm.toml");
        Self {
            stage,
            product,
            nfvo,
        }
    }

    fn profile(&self, further: &str) -> String {
        let text = running(&self.product.root(), "");
        let text = text.replace("[ixit.capacity]", "[ixit]\npki = \"ours\"\n[ixit.capacity]");
        format!(
            "{text}[ixit.nfvo]\nlisten = \"127.0.0.1:{}\"\n{further}",
            self.nfvo
        )
    }
}

#[test]
fn a_product_that_tests_its_callback_is_seen_to_reach_it_and_keeps_no_subscription() {
    let lab = Lab::open("ours");
    lab.stage.write("sut.toml", &lab.profile(""));
    let reaches = format!(
        "in order: the product reaches our callback https://127.0.0.1:{}/notifications/preflight",
        lab.nfvo
    );
    // A subscription that is left would be answered by 303 the second time, and its callback not tested.
    for _ in 0..2 {
        lab.stage
            .run(&["check", "--sut", "sut.toml"])
            .assert_told(0, &[&reaches, "nothing to mend"]);
    }
    lab.stage
        .write("sut.toml", &lab.profile("name = \"localhost\"\n"));
    lab.stage
        .run(&["check", "--sut", "sut.toml"])
        .assert_told(0, &["the product reaches our callback https://localhost:"]);
    lab.product.end();
}

#[test]
fn a_callback_that_the_product_does_not_reach_is_told_with_the_products_words() {
    let lab = Lab::open("ours");
    // RFC 6761: this name is nobody's.
    refused(
        &lab.stage,
        &lab.profile("name = \"tester.invalid\"\n"),
        &[
            "ixit.nfvo.name: the product does not reach our callback https://tester.invalid:",
            "failed its test",
            "write the name or address here by which the product reaches this machine",
        ],
    );
}

#[test]
fn a_product_that_comes_and_does_not_trust_us_is_told() {
    let lab = Lab::open("others");
    refused(
        &lab.stage,
        &lab.profile(""),
        &[
            "ixit.nfvo: the product came to our callback https://127.0.0.1:",
            "and did not get through: ",
            "let both sides trust each other's certificates",
        ],
    );
}

#[test]
fn a_product_without_the_test_keeps_no_subscription_either_and_one_that_refuses_is_only_told() {
    let heads = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&heads);
    let root = server(move |head| {
        let first = head.lines().next().unwrap_or_default().to_owned();
        let status = match first.split(' ').next() {
            Some("POST") => "201 Created",
            Some("DELETE") => "204 No Content",
            _ => "200 OK",
        };
        kept.lock().unwrap().push(first);
        answer(
            status,
            "Location: http://127.0.0.1:1/vnflcm/v2/subscriptions/seven\r\nConnection: close\r\n",
            "{}",
        )
    });
    let with = |root: &str| {
        format!(
            "{}[ixit.nfvo]\nlisten = \"127.0.0.1:{}\"\nsecurity = \"plain\"\n",
            running(root, "authentication = { kind = \"none\" }\n"),
            free_port()
        )
    };
    let stage = Stage::new();
    stage.write("sut.toml", &with(&root));
    stage.run(&["check", "--sut", "sut.toml"]).assert_told(
        0,
        &["did not test its callback: whether it reaches http://127.0.0.1:"],
    );
    let heads = heads.lock().unwrap().clone();
    let removed = heads
        .iter()
        .any(|head| head.starts_with("DELETE ") && head.contains("/subscriptions/seven "));
    assert!(removed, "{heads:?}");

    let refuses = server(|head| {
        let close = "Connection: close\r\n";
        match head.starts_with("POST") {
            true => answer(
                "403 Forbidden",
                close,
                r#"{"detail":"no more subscribers"}"#,
            ),
            false => answer("200 OK", close, "{}"),
        }
    });
    stage.write("sut.toml", &with(&refuses));
    stage.run(&["check", "--sut", "sut.toml"]).assert_told(
        0,
        &[
            "ixit.nfvo: the product refuses a subscription to http://127.0.0.1:",
            "no more subscribers",
        ],
    );
}
