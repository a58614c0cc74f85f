//! Red for the right reason: defects, the ICS, missing pre-conditions.

use crate::support::{SHORT, Stage, profile};

#[test]
fn a_vnfm_that_accepts_without_verifying_fails_and_the_reason_names_both_sides() {
    let stage = Stage::new();
    let ended = stage.run(&[
        "run",
        "--select",
        SHORT,
        "--defect",
        "accepts-without-verifying",
    ]);
    ended.assert_told(
        1,
        &["Fail", "file B is not accepted", "is refused", "HTTP 201"],
    );
}

#[test]
fn a_vnfm_that_refuses_everything_fails_on_file_a_and_proves_nothing_else() {
    let stage = Stage::new();
    let ended = stage.run(&[
        "run",
        "--json",
        "--select",
        "4.2.2.1",
        "--defect",
        "refuses-everything",
    ]);
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    let results = ended.json();
    let scenarios = results["cases"][0]["scenarios"].as_array().unwrap();
    for scenario in scenarios {
        let expected = if scenario["normative"] == true {
            "fail"
        } else {
            "inconclusive"
        };
        assert_eq!(scenario["verdict"], expected, "{}", scenario["name"]);
    }
}

#[test]
fn only_the_ics_makes_a_case_not_applicable() {
    let stage = Stage::new();
    let text = profile(
        "vnfd-signature-verification = true",
        "vnfd-signature-verification = { supported = false, reason = \"takes no VNFD\" }",
    );
    stage.write("sut.toml", &text);
    let ended = stage.run(&["run", "--sut", "sut.toml", "--select", SHORT]);
    ended.assert_told(
        4,
        &[
            "not applicable",
            "vnfd-signature-verification",
            "takes no VNFD",
        ],
    );
}

#[test]
fn a_missing_description_is_inconclusive_and_says_what_is_missing() {
    let stage = Stage::new();
    let text = profile(
        "vnfd-signature-verification = \"docs/reference-vnfm.md, Verification of a VNFD\"",
        "",
    );
    stage.write("sut.toml", &text);
    let ended = stage.run(&["run", "--sut", "sut.toml", "--select", SHORT]);
    ended.assert_told(
        2,
        &["Inconclusive", "[documents]", "vnfd-signature-verification"],
    );
}

#[test]
fn acceptance_can_be_judged_at_instantiation() {
    let stage = Stage::new();
    stage.write(
        "sut.toml",
        &profile("accepted-at = \"create\"", "accepted-at = \"instantiate\""),
    );
    let ended = stage.run(&["run", "--sut", "sut.toml", "--select", SHORT]);
    ended.assert_told(0, &["Pass"]);
}

#[test]
fn a_selftest_of_one_defect_shows_who_kills_it() {
    let stage = Stage::new();
    let ended = stage.run(&["selftest", "--defect", "reuses-deleted-ids", "--json"]);
    ended.assert_told(0, &[]);
    let matrix = ended.json();
    assert_eq!(matrix["honest"], "pass");
    assert_eq!(matrix["defects"][0]["name"], "reuses-deleted-ids");
    assert_eq!(matrix["defects"][0]["killed"], true);
    assert_eq!(matrix["defects"][0]["by"][0], "TC_UNIQUE_VNF_INSTANCE_ID");
    stage.assert_nothing_left();
}
