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

/// A product that wants files of its own in each package, and the VIM in each instantiation.
#[test]
fn a_product_is_told_of_the_vim_and_finds_its_artifacts() {
    let stage = Stage::new();
    let template = stage.path("artifacts/BaseHOT/simple");
    std::fs::create_dir_all(&template).unwrap();
    std::fs::write(
        template.join("vnf.yaml"),
        "heat_template_version: 2018-08-31\n",
    )
    .unwrap();
    let written = profile("accepted-at = \"create\"", "accepted-at = \"instantiate\"");
    let wanted = "[ixit.vnf]\nartifacts = \"artifacts\"\ninstantiate = { vimConnectionInfo = { vim = { vimType = \"OPENSTACK\", \
                  interfaceInfo = { endpoint = \"{vim}\" }, accessInfo = { username = \"{vim-user}\" } } } }\n";
    let (before, behind) = written.split_once("[ixit.vnf]\n").unwrap();
    let (_, behind) = behind.split_once('\n').unwrap();
    stage.write("sut.toml", &format!("{before}{wanted}{behind}"));
    let selection = "4.2.2.1 and @normative";
    let ended = stage.run(&["run", "--sut", "sut.toml", "--select", selection]);
    ended.assert_told(0, &["Pass"]);
    let scenario = std::fs::read_dir(
        stage
            .run_folder()
            .join("evidence/TC_SIGNATURE_VERIFICATION_FILES_VNFD"),
    );
    let scenario = scenario.unwrap().next().unwrap().unwrap().path();
    let package = std::fs::File::open(scenario.join("known-valid-package.zip")).unwrap();
    let mut package = zip::ZipArchive::new(package).unwrap();
    let mut manifest = String::new();
    let mut listed = package.by_name("vnfd.mf").unwrap();
    std::io::Read::read_to_string(&mut listed, &mut manifest).unwrap();
    drop(listed);
    assert!(manifest.contains("Source: BaseHOT/simple/vnf.yaml"));
    package.by_name("BaseHOT/simple/vnf.yaml").unwrap();
    let vnfd = std::fs::File::open(scenario.join("known-valid-vnfd.zip")).unwrap();
    let mut vnfd = zip::ZipArchive::new(vnfd).unwrap();
    assert!(vnfd.by_name("BaseHOT/simple/vnf.yaml").is_err());
    let transcript = std::fs::read_to_string(scenario.join("transcript.jsonl")).unwrap();
    assert!(transcript.contains("/identity/v3") && !transcript.contains("{vim"));
    stage.assert_nothing_left();
}

#[test]
fn artifacts_that_are_not_there_are_told_before_the_run() {
    let stage = Stage::new();
    stage.write(
        "sut.toml",
        &profile(
            "[ixit.vnf]\n",
            "[ixit.vnf]\nartifacts = \"no-such-folder\"\n",
        ),
    );
    for arguments in [
        &["check", "--sut", "sut.toml"][..],
        &["run", "--sut", "sut.toml"],
    ] {
        let ended = stage.run(arguments);
        ended.assert_told(64, &["ixit.vnf.artifacts", "no-such-folder"]);
    }
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
