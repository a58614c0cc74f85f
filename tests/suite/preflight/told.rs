//! How mistakes are told: all at once, each once, and to programs as to people.

use scas_simulators::nfvo::{Nfvo, NfvoConfig, OAuth2};
use scas_simulators::tls::{Identity, ServerSecurity};
use scas_simulators::transcript::Transcript;

use super::{USAGE, answer, refused, running, server};
use crate::support::{Stage, profile};

#[test]
fn every_mistake_of_the_products_api_is_told_at_once() {
    let text = running(
        "https://127.0.0.1:1",
        "version = \"9\"\nheaders = { Cookie = \"a\", Host = \"b\" }\ncertificate = \"x.pem\"\n\
         authentication = { kind = \"basic\", token = { file = \"t\" }, scope = \"s\" }\n",
    );
    refused(
        &Stage::new(),
        &text,
        &[
            "ixit.api.version: '9' is no version",
            "ixit.api.headers.Cookie: a secret does not stand in a profile",
            "ixit.api.headers.Host: the tester sets it itself",
            "ixit.api.private-key: is missing",
            "ixit.api.authentication.user: is missing",
            "ixit.api.authentication.password: is missing",
            "ixit.api.authentication.token: means nothing with kind = \"basic\"",
            "ixit.api.authentication.scope: means nothing with kind = \"basic\"",
        ],
    );
}

#[test]
fn a_profile_that_does_not_read_is_told_to_programs_too() {
    let stage = Stage::new();
    stage.write("sut.toml", &profile("quick = 2000", "quikc = 2000"));
    let ended = stage.run(&["check", "--sut", "sut.toml", "--json"]);
    assert_eq!(ended.code, USAGE, "{}", ended.stderr);
    let told = ended.json();
    let findings = told["findings"].as_array().unwrap();
    // The label that it was meant to be is not told as missing besides.
    assert_eq!(findings.len(), 1, "{told}");
    let finding = findings[0].as_str().unwrap();
    assert!(
        finding.ends_with("ixit.capacity.quikc: there is no such label; did you mean `quick`?"),
        "{finding}"
    );
    assert_eq!(told["sut"], serde_json::Value::Null);
    let ended = stage.run(&["check", "--sut", "nowhere.toml", "--json"]);
    assert_eq!(ended.code, USAGE);
    assert!(
        ended.json()["findings"][0]
            .as_str()
            .unwrap()
            .contains("--sut nowhere.toml: cannot read the profile")
    );
}

#[test]
fn each_program_of_the_commands_is_looked_for() {
    let root = server(|_| answer("200 OK", "Connection: close\r\n", "{}"));
    let stage = Stage::new();
    let script = stage.write("product.sh", "#!/bin/sh\n");
    let names = ["start", "stop", "kill", "restart", "reset", "delegation"];
    let with = |program: &str| {
        let lines: Vec<String> = names
            .iter()
            .map(|name| format!("{name} = [\"{program}\", \"{name}\"]\n"))
            .collect();
        format!("{}[ixit.commands]\n{}", running(&root, ""), lines.concat())
    };
    let path = script.display().to_string();
    // It cannot be run yet.
    let told: Vec<String> = names
        .iter()
        .map(|name| format!("ixit.commands.{name}: '{path}' is not an executable file"))
        .collect();
    let told: Vec<&str> = told.iter().map(String::as_str).collect();
    refused(&stage, &with(&path), &told);
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    stage.write("sut.toml", &with(&path));
    stage
        .run(&["check", "--sut", "sut.toml"])
        .assert_told(0, &["nothing to mend"]);
}

/// RFC 8705: no secret is sent, the certificate says who asks.
#[test]
fn a_token_is_got_by_the_testers_certificate_where_there_is_no_secret() {
    let stage = Stage::new();
    stage.run(&["pki", "new", "lab"]).assert_told(0, &[]);
    let read =
        |name: &str| std::fs::read_to_string(stage.path(&format!("lab/tls/{name}"))).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let transcript = Transcript::new();
    let security = ServerSecurity::Mutual {
        identity: Identity {
            chain_pem: read("vnfm.crt"),
            key_pem: read("vnfm.key"),
        },
        client_anchors_pem: read("ca.crt"),
    };
    let tokens = runtime
        .block_on(Nfvo::start(NfvoConfig {
            oauth2: Some(OAuth2 {
                client_id: "tester".into(),
                client_secret: None,
            }),
            ..NfvoConfig::new(security, transcript.clone())
        }))
        .unwrap();
    let root = server(|head| {
        let close = "Connection: close\r\n";
        match head.contains("authorization: Bearer ") {
            true => answer("200 OK", close, "{}"),
            false => answer("401 Unauthorized", close, ""),
        }
    });
    let text = running(
        &root,
        &format!(
            "authentication = {{ kind = \"oauth2\", token-endpoint = \"{}/token\", client-id = \"tester\" }}\n",
            tokens.api_root()
        ),
    );
    let text = text.replace("[ixit.capacity]", "[ixit]\npki = \"lab\"\n[ixit.capacity]");
    stage.write("sut.toml", &text);
    stage
        .run(&["check", "--sut", "sut.toml"])
        .assert_told(0, &["with HTTP 200", "nothing to mend"]);
    let asked = transcript.exchanges();
    let token = asked
        .iter()
        .find(|exchange| exchange.request.path() == "/token")
        .unwrap();
    let peer = token.peer.as_ref().expect("it showed a certificate");
    assert!(peer.subject.contains("nfvo"), "{peer:?}");
    assert_eq!(token.request.header("authorization"), None);
    runtime.block_on(tokens.stop());
}

#[test]
fn an_item_that_the_ics_leaves_open_is_told_once_with_the_cases_that_ask_for_it() {
    let stage = Stage::new();
    stage.write(
        "sut.toml",
        &profile("delegation-mode = true\n", "delegatoin-mode = true\n"),
    );
    for command in ["check", "run"] {
        let ended = stage.run(&[command, "--sut", "sut.toml"]);
        let told = format!("{}{}", ended.stdout, ended.stderr);
        assert_eq!(ended.code, USAGE, "{told}");
        assert_eq!(
            told.matches("ics.delegation-mode: is missing: ").count(),
            1,
            "{told}"
        );
        for words in [
            "line 11: ",
            "TC_DELEGATION_MODE_VNF_OAM_KEY_MANAGEMENT, ",
            "Vnfm.Sc.003",
            " ask whether the product supports it",
            "did you mean it by `delegatoin-mode`?",
        ] {
            assert!(told.contains(words), "'{words}' is not in: {told}");
        }
    }
}

#[test]
fn a_document_under_a_misspelt_label_is_told_with_the_label_that_is_meant() {
    let stage = Stage::new();
    stage.write(
        "sut.toml",
        &profile("vnf-instance-id = \"docs", "vnf-instanceid = \"docs"),
    );
    let text = std::fs::read_to_string(stage.path("sut.toml")).unwrap();
    refused(
        &stage,
        &text,
        &["documents.vnf-instanceid: no test case asks for it; did you mean `vnf-instance-id`?"],
    );
    let ended = stage.run(&["check", "--sut", "sut.toml"]);
    assert!(
        !ended.stdout.contains("documents.vnf-instance-id: "),
        "{}",
        ended.stdout
    );
}

#[test]
fn documents_of_test_cases_that_are_not_selected_do_not_matter() {
    let stage = Stage::new();
    let text = profile(
        "vnf-instance-id = \"docs/reference-vnfm.md, VNF instance identifiers\"",
        "vnf-instance-id = { file = \"nowhere.pdf\" }",
    );
    stage.write("sut.toml", &text);
    let check = |select: &str| stage.run(&["check", "--sut", "sut.toml", "--select", select]);
    check("4.2.2.1").assert_told(0, &["nothing to mend"]);
    let told = ["documents.vnf-instance-id.file: cannot read nowhere.pdf"];
    check("4.2.2.1 or 4.2.2.2").assert_told(USAGE, &told);
    stage
        .run(&["check", "--sut", "sut.toml"])
        .assert_told(USAGE, &told);
}
