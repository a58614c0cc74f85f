//! SEC 030 4.2.2.5 where no lifecycle operation of the tester's has new key pairs installed, but a program of the profile, or a person.

use std::process::Stdio;

use serde_json::Value;

use crate::operator::converse;
use crate::scan::has;
use crate::support::{Stage, json, profile, root_or_told};

const TRIGGER: &str = "algorithms = [\"EC_P256\", \"RSA\"]";
const NORMATIVE: &str = "4.2.2.5 and @normative";

/// The built-in profile, with this under `[ixit.commands]`.
fn with(renew: &str) -> String {
    let text = profile(TRIGGER, &format!("{TRIGGER}\ntrigger = \"command\""));
    format!("{text}\n[ixit.commands]\n{renew}\n")
}

/// How somebody else than our NFVO asks the reference for new certificates.
fn curl(pki: &str, api: &str, vnf: &str, vnfcis: &str) -> Vec<String> {
    let body = format!(
        "{{\"extVirtualLinks\":[],\"certificateConfigurationData\":{{\"securityPolicy\":[{{\"id\":\"p\",\"allowedAlgorithm\":\"EC_P256\"}}]}},\
         \"additionalParams\":{{\"vnfcis\":{vnfcis}}}}}"
    );
    let mut words: Vec<String> = ["curl", "--silent", "--show-error", "--fail"]
        .map(str::to_owned)
        .into();
    // It may still be busy with the last one.
    words.extend(["--retry", "20", "--retry-all-errors", "--retry-delay", "1"].map(str::to_owned));
    for (option, value) in [
        ("--cacert", format!("{pki}/ca.crt")),
        ("--cert", format!("{pki}/vnfm.crt")),
        ("--key", format!("{pki}/vnfm.key")),
        ("--header", "Version: 2.0.0".to_owned()),
        ("--header", "Content-Type: application/json".to_owned()),
        ("--data", body),
    ] {
        words.extend([option.to_owned(), value]);
    }
    words.push(format!(
        "{api}/vnflcm/v2/vnf_instances/{vnf}/change_ext_conn"
    ));
    words
}

fn by_curl() -> String {
    let words = curl("{pki}", "{api}", "{vnf}", "{vnfcis}");
    let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    format!("renew = [{}]", words.join(", "))
}

fn can_run() -> bool {
    root_or_told() && has("curl", &["--version"])
}

/// Requests of our NFVO that would have started an operation on a running VNF.
fn asked_by_the_tester(stage: &Stage) -> usize {
    let results = json(&stage.run_folder().join("results.json"));
    let mut asked = 0;
    for scenario in results["cases"][0]["scenarios"].as_array().unwrap() {
        for file in scenario["evidence"].as_array().unwrap() {
            let path = file["path"].as_str().unwrap();
            if path.ends_with("/transcript.jsonl") {
                let text = std::fs::read_to_string(stage.run_folder().join(path)).unwrap();
                let of_exchange = |line: &str| -> Value { serde_json::from_str(line).unwrap() };
                let renewals = text.lines().map(of_exchange).filter(|exchange| {
                    let target = exchange["request"]["target"].as_str().unwrap();
                    exchange["to"] == "VNFM" && target.ends_with("/change_ext_conn")
                });
                asked += renewals.count();
            }
        }
    }
    asked
}

#[test]
fn a_program_has_the_keys_installed_and_every_scenario_is_judged_by_what_the_vnfcis_see() {
    if !can_run() {
        return;
    }
    let stage = Stage::new();
    stage.write("sut.toml", &with(&by_curl()));
    let ended = stage.run(&["run", "--sut", "sut.toml", "--select", "4.2.2.5"]);
    ended.assert_told(0, &["verdict: Pass", "6/6"]);
    assert_eq!(asked_by_the_tester(&stage), 0);
    stage.assert_nothing_left();
}

#[test]
fn a_key_that_is_left_behind_is_found_whoever_had_it_installed() {
    if !can_run() {
        return;
    }
    let stage = Stage::new();
    let text = with(&by_curl());
    let text = text.replace("defects = {defects}", "defects = [\"der-in-heap\"]");
    stage.write("sut.toml", &text);
    stage
        .run(&["run", "--sut", "sut.toml", "--select", NORMATIVE])
        .assert_told(
            1,
            &["Fail", "the private key is deleted and cannot be recovered"],
        );
}

#[test]
fn a_person_has_the_keys_installed() {
    if !can_run() {
        return;
    }
    let stage = Stage::new();
    let text = with("renew = { operator = \"RENEW {pki} {api} {vnf} {vnfcis}\" }");
    stage.write("sut.toml", &text);
    let mut child = stage
        .scas(&[
            "run",
            "--sut",
            "sut.toml",
            "--select",
            NORMATIVE,
            "--interactive",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (stdin, stderr) = (child.stdin.take().unwrap(), child.stderr.take().unwrap());
    let ended = converse(child, stderr, stdin, |step, instruction| {
        assert_eq!(step, "ixit.commands.renew");
        let words: Vec<&str> = instruction.split_whitespace().collect();
        let ["RENEW", pki, api, vnf, vnfcis] = words.as_slice() else {
            panic!("'{instruction}'");
        };
        let words = curl(pki, api, vnf, vnfcis);
        let arguments: Vec<&str> = words[1..].iter().map(String::as_str).collect();
        let output = stage.command(&words[0], &arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        "y".to_owned()
    });
    ended.assert_told(0, &[]);
    assert_eq!(asked_by_the_tester(&stage), 0);
}

#[test]
fn who_says_that_it_was_done_is_not_believed_where_no_vnfci_saw_it() {
    if !root_or_told() {
        return;
    }
    let stage = Stage::new();
    let text = with("renew = [\"true\"]").replace("operation = 60", "operation = 5");
    stage.write("sut.toml", &text);
    stage
        .run(&["run", "--sut", "sut.toml", "--select", NORMATIVE])
        .assert_told(
            2,
            &[
                "Inconclusive",
                "0 of 1 were within 5 s (ixit.timeouts.operation), and 0 attempt(s) failed",
            ],
        );
}

#[test]
fn a_trigger_that_cannot_be_meant_is_told() {
    let stage = Stage::new();
    stage.write(
        "sut.toml",
        &profile(TRIGGER, &format!("{TRIGGER}\ntrigger = \"command\"")),
    );
    stage.run(&["check", "--sut", "sut.toml"]).assert_told(
        64,
        &["ixit.commands.renew: is missing: ixit.keys.trigger = \"command\""],
    );
    let text = with("renew = [\"true\"]");
    stage.write("sut.toml", &text.replace("trigger = \"command\"\n", "\n"));
    stage
        .run(&["check", "--sut", "sut.toml"])
        .assert_told(64, &["ixit.commands.renew: is not used"]);
    stage.write(
        "sut.toml",
        &text.replace("trigger = \"command\"", "trigger = \"renewal\""),
    );
    stage.run(&["check", "--sut", "sut.toml"]).assert_told(
        64,
        &["ixit.keys.trigger: 'renewal' cannot stand here: expected `change-ext-conn` or `command`"],
    );
}
