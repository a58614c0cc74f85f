//! `scas run`: the suite on the reference, as a new user sees it.

use crate::support::{SHORT, Stage, json, root_or_told};

#[test]
fn the_whole_suite_passes_on_the_reference() {
    if !root_or_told() {
        return;
    }
    let stage = Stage::new();
    let ended = stage.run(&["run", "--quick", "--seed", "7"]);
    ended.assert_told(
        0,
        &[
            "TC_SIGNATURE_VERIFICATION_FILES_VNFD",
            "TC_UNIQUE_VNF_INSTANCE_ID",
            "TC_DELEGATION_MODE_VNF_OAM_KEY_MANAGEMENT",
            "TC_DELEGATION_MODE_VNFCI_KEY_MANAGEMENT_DURING_VNF_INSTANTIATION",
            "TC_DELEGATION_MODE_VNFCI_KEY_MANAGEMENT_AFTER_VNF_INSTANTIATION",
            "Vnfm.Sc.003",
            "Vnfm.Sc.006: not applicable: ICS item 'key-custody-pkcs11'",
            "verdict: Pass (exit code 0)",
        ],
    );
    let folder = stage.run_folder();
    let results = json(&folder.join("results.json"));
    assert_eq!(results["run"]["seed"], 7);
    assert_eq!(results["summary"]["cases"]["pass"], 6);
    assert_eq!(results["summary"]["cases"]["not_applicable"], 1);
    let (normative, extended) = in_quick_tier(&stage);
    assert_eq!(normative, 6);
    assert_eq!(results["summary"]["extended_scenarios"]["pass"], extended);
    for name in [
        "run.json",
        "events.jsonl",
        "junit.xml",
        "summary.txt",
        "evidence",
    ] {
        assert!(folder.join(name).exists(), "{name}");
    }
    stage.assert_nothing_left();
}

/// How many normative and how many extended scenarios of applicable test cases the quick tier has, as `scas list` and `scas check` count them.
fn in_quick_tier(stage: &Stage) -> (usize, usize) {
    let list = stage.run(&["list", "--json"]).json();
    let all: Vec<_> = list["requirements"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|requirement| requirement["scenarios"].as_array().unwrap())
        .collect();
    assert_eq!(
        stage.run(&["check", "--json"]).json()["scenarios"],
        all.len()
    );
    let of = |kind: &str| {
        let requirements = list["requirements"].as_array().unwrap().iter();
        // The reference has no token unless it is told to.
        let applicable = requirements.filter(|requirement| requirement["id"] != "Vnfm.Sc.006");
        let scenarios =
            applicable.flat_map(|requirement| requirement["scenarios"].as_array().unwrap());
        let quick = |s: &&serde_json::Value| s["kind"] == kind && s["tier"] != "full";
        scenarios.filter(quick).count()
    };
    (of("normative"), of("extended"))
}

#[test]
fn every_file_of_evidence_is_there_and_has_the_digest_that_is_told() {
    use sha2::{Digest, Sha256};
    let stage = Stage::new();
    stage.run(&["run", "--select", SHORT]).assert_told(0, &[]);
    let folder = stage.run_folder();
    let results = json(&folder.join("results.json"));
    let files = results["cases"][0]["scenarios"][0]["evidence"]
        .as_array()
        .unwrap()
        .clone();
    let names: Vec<&str> = files.iter().filter_map(|f| f["path"].as_str()).collect();
    for wanted in [
        "transcript.jsonl",
        "valid-vnfd.zip",
        "flawed-vnfd.zip",
        "question-1.json",
        "sut.log",
    ] {
        assert!(
            names.iter().any(|name| name.ends_with(wanted)),
            "{wanted}: {names:?}"
        );
    }
    for file in &files {
        let bytes = std::fs::read(folder.join(file["path"].as_str().unwrap())).unwrap();
        assert_eq!(
            file["sha256"],
            hex::encode(Sha256::digest(&bytes)),
            "{file}"
        );
    }
}

#[test]
fn the_transcript_shows_both_directions_over_mutual_tls() {
    let stage = Stage::new();
    stage.run(&["run", "--select", SHORT]).assert_told(0, &[]);
    let transcript = std::fs::read_dir(
        stage
            .run_folder()
            .join("evidence/TC_SIGNATURE_VERIFICATION_FILES_VNFD"),
    )
    .unwrap()
    .map(|entry| entry.unwrap().path().join("transcript.jsonl"))
    .next()
    .unwrap();
    let text = std::fs::read_to_string(transcript).unwrap();
    let exchanges: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let to = |party: &str| {
        exchanges
            .iter()
            .find(|e| e["to"] == party && !e["response"].is_null())
            .unwrap()
    };
    for party in ["NFVO", "VNFM"] {
        assert_eq!(to(party)["tls"]["version"], "TLSv1_3", "{party}");
        assert!(to(party)["peer"]["sha256"].is_string(), "{party}");
    }
    assert!(exchanges.iter().any(|e| {
        e["request"]["target"]
            .as_str()
            .is_some_and(|t| t.contains("include_signature"))
    }));
}

#[test]
fn a_selection_runs_just_what_it_names() {
    let stage = Stage::new();
    let ended = stage.run(&[
        "run",
        "--json",
        "--select",
        "tc_unique_vnf_instance_id and @extended",
    ]);
    ended.assert_told(0, &[]);
    let results = ended.json();
    let cases = results["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 1);
    assert_eq!(cases[0]["id"], "TC_UNIQUE_VNF_INSTANCE_ID");
    assert!(
        cases[0]["normative"].is_null(),
        "no normative scenario was selected"
    );
    assert_eq!(cases[0]["extended"], "pass");
}

#[test]
fn a_selection_of_nothing_is_never_green() {
    let stage = Stage::new();
    stage
        .run(&["run", "--select", "@normative and @extended"])
        .assert_told(4, &["nothing was judged"]);
}
