//! The key-protection cases of SEC 030 (4.2.2.3 to 4.2.2.5): red for the right reason, undecided where the tester lacks the means,
//! and no private key in what is kept.

use std::path::{Path, PathBuf};

use crate::support::{Stage, json, profile, root, root_or_told};

/// The shortest of them that judges anything.
const SHORT: &str = "4.2.2.4 and @normative";

/// Whether these tests can look into processes; if not, that is said.
fn can_look() -> bool {
    root_or_told()
}

/// The folder of the one scenario's evidence.
fn evidence(stage: &Stage) -> PathBuf {
    let case = std::fs::read_dir(stage.run_folder().join("evidence"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let line = std::fs::read_dir(case).unwrap().next().unwrap().unwrap();
    line.path()
}

/// Searches everything that a run kept for the private key of the certificate that was delivered.
#[track_caller]
fn assert_no_key_was_kept(stage: &Stage) {
    let certificate = evidence(stage).join("certificate.der");
    let (certificate, folder) = (certificate.to_str().unwrap(), stage.run_folder());
    stage
        .run(&["scan", "--cert", certificate, folder.to_str().unwrap()])
        .assert_told(0, &["not found"]);
}

#[test]
fn a_key_in_the_log_fails_and_the_log_is_not_kept() {
    if !can_look() {
        return;
    }
    let stage = Stage::new();
    stage
        .run(&["run", "--select", SHORT, "--defect", "key-in-debug-log"])
        .assert_told(1, &["Fail", "in storage", "/log", "nothing but the VNFM"]);
    let kept = evidence(&stage);
    assert!(kept.join("sut.log.withheld").exists());
    assert!(!kept.join("sut.log").exists());
    assert_no_key_was_kept(&stage);
    stage.assert_nothing_left();
}

#[test]
fn a_key_on_the_wire_fails_and_its_exchange_is_kept_without_content() {
    if !can_look() {
        return;
    }
    for defect in ["key-in-vnf-instance", "key-sent-to-cmf"] {
        let stage = Stage::new();
        stage
            .run(&["run", "--select", SHORT, "--defect", defect])
            .assert_told(1, &["Fail", "what the VNFM sent"]);
        assert_no_key_was_kept(&stage);
        let transcript = std::fs::read_to_string(evidence(&stage).join("transcript.jsonl"));
        let numbers: Vec<u64> = transcript
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["seq"].as_u64())
            .map(Option::unwrap)
            .collect();
        let whole: Vec<u64> = (0..numbers.len() as u64).collect();
        assert_eq!(numbers, whole, "every exchange is there: {defect}");
    }
}

/// Where every file of a run was searched for PEM in vain.
#[track_caller]
fn assert_no_pem_in(folder: &std::path::Path) {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            assert!(!text.contains("PRIVATE KEY-----"), "{}", path.display());
        }
    }
}

#[test]
fn a_key_in_an_error_of_the_products_is_neither_shown_nor_kept() {
    if !can_look() {
        return;
    }
    let stage = Stage::new();
    let select = "4.2.2.5 and @extended";
    let ended = stage.run(&["run", "--select", select, "--defect", "key-in-error-detail"]);
    ended.assert_told(1, &["Fail", "(withheld: "]);
    assert!(
        !ended.stdout.contains("PRIVATE KEY-----"),
        "{}",
        ended.stdout
    );
    assert_no_pem_in(&stage.run_folder());
}

#[test]
fn a_key_that_was_never_certified_is_not_kept_with_the_log() {
    if !can_look() {
        return;
    }
    let stage = Stage::new();
    let defects = [
        "--defect",
        "key-in-debug-log",
        "--defect",
        "csr-signed-by-other-key",
    ];
    stage
        .run(&[&["run", "--select", SHORT], &defects[..]].concat())
        .assert_told(2, &["Inconclusive"]);
    assert!(evidence(&stage).join("sut.log.withheld").exists());
    assert_no_pem_in(&stage.run_folder());
}

#[test]
fn a_key_that_stays_in_memory_fails_after_the_deadline_only() {
    if !can_look() {
        return;
    }
    let stage = Stage::new();
    let ended = stage.run(&[
        "run",
        "--json",
        "--select",
        SHORT,
        "--defect",
        "key-in-lingering-custodian",
    ]);
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    let results = ended.json();
    let steps = results["cases"][0]["scenarios"][0]["steps"].clone();
    let of = |phrase: &str| {
        let mut all = steps.as_array().unwrap().iter();
        all.find(|step| step["text"].as_str().unwrap().contains(phrase))
            .unwrap()["outcome"]
            .clone()
    };
    assert_eq!(of("nothing but the VNFM could access"), "met");
    assert_eq!(of("is deleted and cannot be recovered"), "unmet");
    assert_no_key_was_kept(&stage);
    stage.assert_nothing_left();
}

/// Files of products in memory that everybody shares.
fn in_shared_memory() -> Vec<PathBuf> {
    let listed = std::fs::read_dir("/dev/shm").unwrap().flatten();
    let mut found: Vec<PathBuf> = listed.map(|entry| entry.path()).collect();
    found.retain(|path| path.to_string_lossy().contains("/vnfm-"));
    found.sort();
    found
}

/// The product is killed before it can tidy up.
#[test]
fn what_a_killed_product_left_in_shared_memory_is_removed_and_told() {
    if !can_look() {
        return;
    }
    let stage = Stage::new();
    let features = stage.path("features");
    copy(Path::new("features"), &features);
    let mut files = std::fs::read_dir(features.join("nfv-sec-030")).unwrap();
    let case = files.find_map(|file| {
        let path = file.unwrap().path();
        path.to_string_lossy().contains("/4.2.2.4_").then_some(path)
    });
    let case = case.unwrap();
    let text = std::fs::read_to_string(&case).unwrap();
    // A tag that no other scenario of it has.
    let crash = "@extended @serial\n  Scenario: The private key is gone where the VNFM crashes";
    assert!(text.contains(crash));
    let text = text.replace(crash, &crash.replace("@serial", "@serial @quick"));
    std::fs::write(&case, text).unwrap();
    let before = in_shared_memory();
    let folder = features.to_str().unwrap();
    let defect = ["--defect", "key-in-shared-memory"];
    let select = [
        "run",
        "--features",
        folder,
        "--select",
        "4.2.2.4 and @quick",
    ];
    stage.run(&[&select[..], &defect[..]].concat()).assert_told(
        1,
        &[
            "Fail",
            "left a private key in /dev/shm/vnfm-",
            "which was removed",
        ],
    );
    assert_eq!(in_shared_memory(), before);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

#[test]
fn evidence_of_a_pass_holds_the_looks_and_no_key() {
    if !can_look() {
        return;
    }
    let stage = Stage::new();
    stage.run(&["run", "--select", SHORT]).assert_told(
        0,
        &[
            "not looked at: ",
            "keyrings",
            "others than the tester's NFVO",
        ],
    );
    let kept = evidence(&stage);
    let look = json(&kept.join("look-2.json"));
    assert_eq!(look["look"], "while the VIM holds its answer");
    let attempts = look["attempts"]["attempts"].as_array().unwrap();
    let denied = |attempt: &&serde_json::Value| {
        let what = attempt["what"].as_str().unwrap();
        what.starts_with("read memory") && attempt["result"]["outcome"] == "denied"
    };
    assert!(attempts.iter().filter(denied).count() >= 2, "{attempts:?}");
    let canaries = look["search"]["canaries"].as_array().unwrap();
    assert!(canaries.len() >= 2, "{canaries:?}");
    assert!(canaries.iter().all(|canary| canary["found"] == true));
    assert_no_key_was_kept(&stage);
    stage.assert_nothing_left();
}

#[test]
fn without_another_user_to_try_as_the_verdict_is_open_and_names_the_means() {
    if !can_look() {
        return;
    }
    let stage = Stage::new();
    let text = profile("probe-as = \"nobody\"", "probe-with = \"/nowhere/sudo\"");
    stage.write("sut.toml", &text);
    stage
        .run(&["run", "--sut", "sut.toml", "--select", SHORT])
        .assert_told(2, &["Inconclusive", "ixit.observe.probe-as", "probe-with"]);
}

/// The built-in profile with this export.
fn with_export(stage: &Stage, name: &str, line: &str) {
    let own = "processes = \"descendants\"";
    let words = ["sh", "-c", line];
    let text = profile(own, &format!("{own}\nexports = {{ {name} = {words:?} }}"));
    stage.write("sut.toml", &text);
}

#[test]
fn an_export_that_fails_leaves_the_verdict_open_and_one_that_does_not_has_a_canary() {
    if !can_look() {
        return;
    }
    for (line, told) in [
        ("echo part; echo no such unit >&2; exit 4", "no such unit"),
        ("true", "nothing came"),
    ] {
        let stage = Stage::new();
        with_export(&stage, "journal", line);
        let told = ["Inconclusive", "export journal", told];
        stage
            .run(&["run", "--sut", "sut.toml", "--select", SHORT])
            .assert_told(2, &told);
        stage.assert_nothing_left();
    }
    let stage = Stage::new();
    with_export(&stage, "journal", "echo all is well");
    stage
        .run(&["run", "--sut", "sut.toml", "--select", SHORT])
        .assert_told(0, &["the canary stands for the reading of it alone"]);
    let look = json(&evidence(&stage).join("look-2.json"));
    let mut canaries = look["search"]["canaries"].as_array().unwrap().iter();
    let of_export = canaries.find(|canary| canary["source"] == "export journal");
    assert_eq!(of_export.unwrap()["found"], true);
}

#[test]
fn an_export_that_is_no_command_is_refused_by_its_label() {
    for (words, told) in [
        ("[]", "is empty"),
        (
            "[\"/no/such/program\"]",
            "'/no/such/program' is not an executable file",
        ),
    ] {
        let stage = Stage::new();
        let own = "processes = \"descendants\"";
        let text = profile(own, &format!("{own}\nexports = {{ journal = {words} }}"));
        stage.write("sut.toml", &text);
        stage
            .run(&["run", "--sut", "sut.toml"])
            .assert_told(64, &["ixit.observe.exports.journal", told]);
        assert!(!stage.path("reports").exists(), "nothing was begun");
    }
}

#[test]
fn without_root_the_verdict_is_open_and_names_the_means() {
    if root() {
        return;
    }
    let stage = Stage::new();
    stage
        .run(&["run", "--select", SHORT])
        .assert_told(2, &["Inconclusive", "root"]);
}

#[test]
fn without_delegation_mode_the_cases_are_not_applicable() {
    let stage = Stage::new();
    let text = profile(
        "delegation-mode = true",
        "delegation-mode = { supported = false, reason = \"direct mode only\" }",
    );
    // What only delegation mode needs would contradict that.
    let (before, rest) = text.split_once("delegation = '''").unwrap();
    let (_, after) = rest.split_once("'''").unwrap();
    stage.write("sut.toml", &format!("{before}{after}"));
    stage
        .run(&["run", "--sut", "sut.toml", "--select", "4.2.2.3 or 4.2.2.5"])
        .assert_told(4, &["not applicable", "direct mode only"]);
}

#[test]
fn a_profile_with_impossible_words_for_delegation_mode_is_refused_by_its_label() {
    for (from, to, told) in [
        (
            "deletion-deadline = 1",
            "deletion-deadline = 4000",
            "ixit.keys.deletion-deadline",
        ),
        ("retention = 60", "retension = 60", "retension"),
        (
            "\"{vnfcis}\"",
            "\"{vnfcs-all}\"",
            "ixit.vnf.change-ext-conn",
        ),
        ("\"descendants\"", "\"everything\"", "everything"),
    ] {
        let stage = Stage::new();
        stage.write("sut.toml", &profile(from, to));
        stage
            .run(&["run", "--sut", "sut.toml"])
            .assert_told(64, &["sut.toml", told]);
        assert!(!stage.path("reports").exists(), "nothing was begun");
    }
}
