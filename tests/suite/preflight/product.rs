//! A product that runs by itself: whether it is reached, knows the tester, and is what the profile says.

use super::{USAGE, answer, refused, running, server};
use crate::program::free_port;
use crate::support::Stage;

#[test]
fn a_host_that_is_not_reached_is_told() {
    let port = free_port();
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
