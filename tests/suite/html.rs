//! The report for people: whole, harmless whatever a product says, the same when it is drawn again, and small for a long record.

pub mod browser;
pub mod hostile;
mod long;
pub mod page;

use std::collections::BTreeSet;

use crate::support::{SHORT, Stage, foreign_profile, json};
use page::Page;

#[test]
fn every_requirement_stands_in_the_report_once() {
    let stage = Stage::new();
    stage.run(&["run", "--select", SHORT]).assert_told(0, &[]);
    let folder = stage.run_folder();
    let page = Page::read(&folder.join("index.html"));
    let rows = page.rows_of("inventory");
    assert_eq!(rows.len(), 232, "the rows of the table");
    let ids: BTreeSet<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    let inventory = json(&folder.join("inventory.json"));
    let kept: BTreeSet<&str> = inventory["requirements"]
        .as_array()
        .unwrap()
        .iter()
        .map(|requirement| requirement["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, kept);
    let count = |state: &str| {
        let of =
            |row: &&Vec<String>| row[4].split_whitespace().collect::<Vec<_>>().join(" ") == state;
        rows.iter().filter(of).count()
    };
    // As `scas check` counts them.
    let coverage = stage.run(&["list", "--json"]).json()["coverage"].clone();
    assert_eq!(coverage["untested"]["not yet"], count("not yet"));
    assert_eq!(coverage["untested"]["inspection"], count("inspection"));
    assert_eq!((count("Pass"), count("not selected")), (1, 6));
}

#[test]
fn a_requirement_that_the_ics_rules_out_names_the_item() {
    let stage = Stage::new();
    let text = foreign_profile(&["cat"], None).replace("not built", "not <built>");
    stage.write("sut.toml", &text);
    stage
        .run(&["run", "--sut", "sut.toml", "--select", "4.2.2.3 or B.3"])
        .assert_told(4, &[]);
    let page = Page::read(&stage.run_folder().join("index.html"));
    let rows = page.rows_of("inventory");
    let row = |id: &str| {
        let found = rows.iter().find(|row| row[0] == id);
        found.unwrap_or_else(|| panic!("no row of {id}"))[4].clone()
    };
    // One with a test case, one without.
    for id in ["TC_DELEGATION_MODE_VNF_OAM_KEY_MANAGEMENT", "Vnfm.Sc.005"] {
        assert!(
            row(id).contains("ICS item 'delegation-mode'"),
            "{}",
            row(id)
        );
        assert!(row(id).contains("not <built>"), "{}", row(id));
    }
}

#[test]
fn a_fail_is_told_with_its_exchanges_its_steps_and_how_to_see_it_again() {
    let stage = Stage::new();
    stage
        .run(&[
            "run",
            "--seed",
            "5",
            "--select",
            SHORT,
            "--defect",
            "accepts-without-verifying",
        ])
        .assert_told(1, &[]);
    let page = Page::read(&stage.run_folder().join("index.html"));
    for told in [
        "Fail: scas reference VNFM",
        "Likely cause",
        "does not look at the part of the archive",
        "scas run --select 'TC_SIGNATURE_VERIFICATION_FILES_VNFD and @normative' --seed 5 --defect accepts-without-verifying",
        "Interpretation register",
        "What counts as accepted?",
        "This record does not say.",
        "what the scenarios made was removed",
    ] {
        assert!(page.text.contains(told), "'{told}' is not in {}", page.text);
    }
    // What was observed names exchanges, and each leads to its entry.
    let observed: Vec<&String> = page
        .links
        .iter()
        .filter(|link| link.starts_with("#x"))
        .collect();
    assert!(observed.len() > 10, "{:?}", page.links);
    page.assert_links_lead_somewhere();
}

#[test]
fn what_the_self_test_has_shown_is_repeated_for_the_same_suite_only() {
    let stage = Stage::new();
    // As `scas selftest --json` prints it; a test beside the matrix says that the two fit.
    let digest = stage.run(&["list", "--json"]).json()["suite_digest"].clone();
    let matrix = serde_json::json!({ "suite_digest": digest, "tool_version": "0.1.0", "ok": true, "defects": [{
        "name": "a-defect", "summary": "errs", "killed": true, "named_by": ["TC_A"], "scenarios": ["TC_A:1", "TC_A:2"] }] });
    stage.write("matrix.json", &matrix.to_string());
    stage
        .run(&["run", "--select", SHORT, "--selftest", "matrix.json"])
        .assert_told(0, &[]);
    let page = Page::read(&stage.run_folder().join("index.html"));
    for told in ["Only some of the defects were tried.", "a-defect"] {
        assert!(page.text.contains(told), "'{told}' is not in {}", page.text);
    }

    let mut other = matrix;
    other["suite_digest"] = "00".into();
    stage.write("other.json", &other.to_string());
    stage
        .run(&["run", "--select", SHORT, "--selftest", "other.json"])
        .assert_told(64, &["--selftest other.json", "is about the suite 00"]);
    stage.write("none.json", "{}");
    stage
        .run(&["run", "--select", SHORT, "--selftest", "none.json"])
        .assert_told(64, &["it is not what scas selftest --json prints"]);
}

#[test]
fn a_record_without_evidence_and_inventory_is_drawn_and_says_what_it_lacks() {
    let stage = Stage::new();
    stage.run(&["run", "--select", SHORT]).assert_told(0, &[]);
    let folder = stage.run_folder();
    std::fs::remove_dir_all(folder.join("evidence")).unwrap();
    std::fs::remove_file(folder.join("inventory.json")).unwrap();
    stage
        .run(&["report", folder.to_str().unwrap()])
        .assert_told(0, &[]);
    let page = Page::read(&folder.join("index.html"));
    for told in [
        "transcript.jsonl cannot be shown: No such file",
        "does not hold the list of requirements",
    ] {
        assert!(page.text.contains(told), "'{told}' is not in {}", page.text);
    }
    let events = std::fs::read_to_string(folder.join("events.jsonl")).unwrap();
    let (cut, _) = events.rsplit_once("{\"event\":\"run-finished\"").unwrap();
    stage.write("cut/events.jsonl", cut);
    std::fs::copy(folder.join("run.json"), stage.path("cut/run.json")).unwrap();
    stage.run(&["report", "cut"]).assert_told(2, &[]);
    let page = Page::read(&stage.path("cut/index.html"));
    assert!(page.text.contains("have left behind is not known"));
    assert!(!page.text.contains("what the scenarios made was removed"));
    stage.write("run/inventory.json", "[]");
    for name in ["run.json", "events.jsonl"] {
        std::fs::copy(folder.join(name), stage.path(&format!("run/{name}"))).unwrap();
    }
    stage
        .run(&["report", "run"])
        .assert_told(64, &["inventory.json is not what a run writes there"]);
}
