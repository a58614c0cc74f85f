//! Reports are folds over the record: redrawn, they are the same; and machines can read them.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::support::{Ended, SHORT, Stage, copy, json};

/// SHA-256 of the ids of all requirements of SEC 030 V5.3.1 and IFA 026 V4.5.1, sorted, one a line. Made from a list that
/// was drawn from the documents and not from `features/`: it changes only with a document's version.
const REQUIREMENTS: &str = "8f9a016c186489a034635bbaae7ec2f16664f25eb3d98196b68ab237e3f7363d";

/// Everything that is drawn from a record.
const DERIVED: [&str; 7] = [
    "results.json",
    "junit.xml",
    "ctrf.json",
    "assessment-results.json",
    "summary.txt",
    "summary.md",
    "index.html",
];

/// The traffic as viewers of HTTP Archives read it: each exchange once, bodies and query where they were.
#[test]
fn exchanges_are_exported_as_http_archives() {
    let stage = Stage::new();
    stage.run(&["run", "--select", SHORT]).assert_told(0, &[]);
    let folder = stage.run_folder();
    let ended = stage.run(&["report", folder.to_str().unwrap(), "--har", "traffic"]);
    ended.assert_told(0, &["verdict: Pass"]);
    let exported = std::fs::read_dir(stage.path("traffic")).unwrap();
    let exported: Vec<_> = exported.map(|file| file.unwrap().path()).collect();
    assert_eq!(exported.len(), 1);
    let log = json(&exported[0]);
    let entries = log["log"]["entries"].as_array().unwrap();
    let transcripts = walkdir::WalkDir::new(folder.join("evidence")).into_iter();
    let lines: usize = transcripts
        .map(|file| file.unwrap())
        .filter(|file| file.file_name() == "transcript.jsonl")
        .map(|file| {
            std::fs::read_to_string(file.path())
                .unwrap()
                .lines()
                .count()
        })
        .sum();
    assert_eq!(entries.len(), lines);
    let created = |entry: &&serde_json::Value| {
        entry["request"]["method"] == "POST" && entry["response"]["status"] == 201
    };
    let created = entries.iter().find(created).unwrap();
    assert!(
        created["request"]["url"]
            .as_str()
            .unwrap()
            .starts_with("https://")
    );
    assert!(
        created["response"]["content"]["text"]
            .as_str()
            .unwrap()
            .contains("\"id\"")
    );
    stage.write("a-file", "");
    let ended = stage.run(&["report", folder.to_str().unwrap(), "--har", "a-file"]);
    ended.assert_told(64, &["a-file"]);
}

/// What failed, for code scanning: at the line of the feature, with the evidence. The run's folder stays as it is.
#[test]
fn failures_are_exported_as_sarif() {
    let stage = Stage::new();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/sample");
    copy(&sample, &stage.path("run"), &[]);
    let ended = stage.run(&["report", "run", "--sarif", "found.sarif"]);
    ended.assert_told(1, &["verdict: Fail"]);
    let log = json(&stage.path("found.sarif"));
    assert_eq!(log["version"], "2.1.0");
    let found = log["runs"][0]["results"].as_array().unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["ruleId"], "TC_SIGNATURE_VERIFICATION_FILES_VNFD");
    assert_eq!(found[0]["level"], "error");
    let place = &found[0]["locations"][0]["physicalLocation"];
    let feature = place["artifactLocation"]["uri"].as_str().unwrap();
    let feature = Path::new(env!("CARGO_MANIFEST_DIR")).join(feature);
    let line = usize::try_from(place["region"]["startLine"].as_u64().unwrap()).unwrap();
    let text = std::fs::read_to_string(feature).unwrap();
    let line = text.lines().nth(line - 1).unwrap();
    assert_eq!(line.trim(), "And file B is not accepted");
    for related in found[0]["relatedLocations"].as_array().unwrap() {
        let file = related["physicalLocation"]["artifactLocation"]["uri"].as_str();
        assert!(stage.path("run").join(file.unwrap()).is_file());
    }
    stage.run(&["verify", "run"]).assert_told(0, &[]);
    stage
        .run(&["report", "run", "--sarif", "none/found.sarif"])
        .assert_told(64, &["none/found.sarif"]);
}

#[test]
fn reports_are_redrawn_from_the_record_alone() {
    let stage = Stage::new();
    stage.run(&["run", "--select", SHORT]).assert_told(0, &[]);
    let folder = stage.run_folder();
    let names = DERIVED;
    let before: Vec<_> = names
        .map(|name| std::fs::read(folder.join(name)).unwrap())
        .into();
    for name in names {
        std::fs::remove_file(folder.join(name)).unwrap();
    }
    let ended = stage.run(&["report", folder.to_str().unwrap()]);
    ended.assert_told(0, &["verdict: Pass"]);
    let after: Vec<_> = names
        .map(|name| std::fs::read(folder.join(name)).unwrap())
        .into();
    assert!(before == after, "a redrawn report differs");
}

#[test]
fn the_committed_schema_is_the_schema_of_what_is_written() {
    let committed: serde_json::Value =
        serde_json::from_str(include_str!("../../reports/schema/results.schema.json")).unwrap();
    let stage = Stage::new();
    let inventory: serde_json::Value =
        serde_json::from_str(include_str!("../../reports/schema/inventory.schema.json")).unwrap();
    assert_eq!(
        stage.run(&["report", "--schema", "inventory"]).json(),
        inventory,
        "run: scas report --schema inventory > reports/schema/inventory.schema.json"
    );
    let made = stage.run(&["report", "--schema"]);
    assert_eq!(made.code, 0);
    assert_eq!(
        made.json(),
        committed,
        "run: scas report --schema > reports/schema/results.schema.json"
    );
    stage
        .run(&[
            "run",
            "--select",
            SHORT,
            "--defect",
            "accepts-without-verifying",
        ])
        .assert_told(1, &[]);
    let results = json(&stage.run_folder().join("results.json"));
    let validator = jsonschema::validator_for(&committed).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&results)
        .map(|e| e.to_string())
        .collect();
    assert_eq!(errors, Vec::<String>::new());
    let kept = json(&stage.run_folder().join("inventory.json"));
    let validator = jsonschema::validator_for(&inventory).unwrap();
    assert!(validator.is_valid(&kept), "{kept}");
}

#[test]
fn junit_bears_our_words_and_the_evidence() {
    let stage = Stage::new();
    stage
        .run(&[
            "run",
            "--select",
            SHORT,
            "--defect",
            "accepts-without-verifying",
        ])
        .assert_told(1, &[]);
    let text = std::fs::read_to_string(stage.run_folder().join("junit.xml")).unwrap();
    for part in [
        "<testsuite ",
        "name=\"TC_SIGNATURE_VERIFICATION_FILES_VNFD\"",
        "<failure",
        "Fail: Then file B is not accepted",
        "name=\"clause\" value=\"4.2.2.1\"",
        "name=\"evidence\"",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn the_list_has_every_requirement_once() {
    let stage = Stage::new();
    let ended = stage.run(&["list", "--json"]);
    ended.assert_told(0, &[]);
    let list = ended.json();
    let ids: Vec<&str> = list["requirements"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 232);
    let distinct: std::collections::BTreeSet<_> = ids.into_iter().collect();
    assert_eq!(distinct.len(), 232);
    let sorted: Vec<_> = distinct.into_iter().collect();
    let digest = hex::encode(Sha256::digest(sorted.join("\n")));
    assert_eq!(digest, REQUIREMENTS, "ids were added, lost or renamed");
}

#[test]
fn the_suite_is_whole() {
    let stage = Stage::new();
    stage
        .run(&["check"])
        .assert_told(0, &["not yet", "text not available"]);
}

/// `scas list | head` and the like: a reader that has read enough is no reason to fail, still less to panic.
#[test]
fn a_reader_that_has_gone_changes_nothing() {
    let stage = Stage::new();
    for arguments in [
        ["list"].as_slice(),
        &["list", "--json"],
        &["check"],
        &["check", "--json"],
        &["pki", "new", "pki"],
        &["pki", "check", "pki"],
        &["run", "--json", "--select", SHORT],
        &["--help"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = stage.scas(arguments).stdout(writer).output().unwrap();
        let ended = Ended::of(output);
        assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.stderr);
        assert!(
            !ended.stderr.contains("panicked"),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
}

/// The sample was written by an earlier build: a change of what a record means shows here.
#[test]
fn the_committed_sample_is_redrawn_as_it_stands() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/reports/sample");
    let stage = Stage::new();
    copy(Path::new(sample), &stage.path("run"), &DERIVED);
    stage.run(&["report", "run"]).assert_told(1, &["Fail"]);
    for name in DERIVED {
        let committed = std::fs::read_to_string(format!("{sample}/{name}")).unwrap();
        let redrawn = std::fs::read_to_string(stage.path(&format!("run/{name}"))).unwrap();
        assert_eq!(
            redrawn, committed,
            "{name}: make the sample again, as reports/README.md says"
        );
    }
}
