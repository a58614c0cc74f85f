//! `scas diff`: what changed between two runs, and what still holds.

use serde_json::json;

use super::{change, change_events, copy, fix_up, sample};
use crate::support::{SHORT, Stage};

#[test]
fn a_run_that_is_the_same_has_changed_nothing() {
    let stage = Stage::new();
    let run = sample(&stage);
    copy(&run, &stage.path("again"));
    let told = stage.run(&["diff", "run", "again"]);
    told.assert_told(
        0,
        &[
            "product: the same",
            "configuration: the same",
            "exchanges: the same",
            "1 hold",
            "0 worse",
        ],
    );
}

#[test]
fn what_changed_is_told_by_its_name() {
    let stage = Stage::new();
    sample(&stage);
    let defect = ["--defect", "verifies-first-file-only", "--seed", "1"];
    let better = ["run", "--select", SHORT, "--seed", "2"];
    stage.run(&better).assert_told(0, &[]);
    let later = stage.run_folder();
    let later = later.to_str().unwrap();
    let told = stage.run(&["diff", "run", later, "--json"]);
    told.assert_told(0, &[]);
    let told = told.json();
    assert_eq!(told["verdicts"][0]["standing"], "better", "{told}");
    let changed = |part: &str, what: &str| {
        let all = told[part].as_array().unwrap();
        all.iter()
            .find(|one| one["what"] == what)
            .cloned()
            .unwrap_or_default()
    };
    assert_eq!(changed("configuration", "seed")["after"], "2");
    assert_eq!(changed("configuration", "defects")["before"], defect[1]);
    assert_eq!(changed("configuration", "defects")["after"], json!(null));
    // The other way round it is worse, and the exit code says so.
    stage.run(&["diff", later, "run"]).assert_told(
        1,
        &[
            "WORSE TC_SIGNATURE_VERIFICATION_FILES_VNFD line 30: Pass -> Fail",
            "1 worse",
        ],
    );
}

#[test]
fn exchanges_that_one_run_does_not_have_at_all_are_a_change() {
    let stage = Stage::new();
    let run = sample(&stage);
    copy(&run, &stage.path("silent"));
    let silent = stage.path("silent");
    std::fs::remove_dir_all(silent.join("evidence")).unwrap();
    change_events(&silent, |event| {
        if let Some(files) = event.get_mut("evidence") {
            *files = json!([]);
        }
    });
    stage.run(&["diff", "run", "silent"]).assert_told(
        0,
        &[
            "exchanges:\n",
            "POST /vnflcm/v2/vnf_instances (201): ",
            " -> 0",
        ],
    );
}

#[test]
fn a_verdict_that_was_not_judged_again_stands_only_where_nothing_changed() {
    let stage = Stage::new();
    let run = sample(&stage);
    let later = stage.path("later");
    copy(&run, &later);
    // The later run selected another scenario.
    change_events(&later, |event| {
        if event["event"] == "run-started" {
            event["plan"][0]["scenarios"][0]["line"] = 31.into();
        } else if event["scenario"]["line"] == 30 {
            event["scenario"]["line"] = 31.into();
        }
    });
    fix_up(&stage, &later);
    stage
        .run(&["diff", "run", "later"])
        .assert_told(0, &["1 stand", "0 are", "1 new"]);
    change(&later.join("run.json"), |run| {
        run["sut"]["version"] = "99".into()
    });
    let profile = std::fs::read_to_string(later.join("profile.toml")).unwrap();
    let changed = profile.replace("concurrency = ", "concurrency = 1");
    assert_ne!(changed, profile);
    std::fs::write(later.join("profile.toml"), changed).unwrap();
    stage.run(&["diff", "run", "later"]).assert_told(
        0,
        &[
            "version: ",
            "-> 99",
            "ixit.capacity.concurrency: ",
            "open TC_SIGNATURE",
            "not run",
            "1 are open",
        ],
    );
}

#[test]
fn what_is_no_run_is_told() {
    let stage = Stage::new();
    sample(&stage);
    stage
        .run(&["diff", "run", "nowhere"])
        .assert_told(64, &["nowhere"]);
    stage.write("empty/x", "");
    stage
        .run(&["diff", "empty", "run"])
        .assert_told(64, &["run.json"]);
}
