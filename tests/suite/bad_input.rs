//! What the user wrote is wrong: told before anything runs, by the label that they wrote.

use crate::support::{SHORT, Stage, foreign_profile, profile};

/// The exit code of a usage or configuration mistake.
const USAGE: i32 = 64;

/// A features folder with one feature, otherwise whole.
fn features(stage: &Stage, feature: &str) {
    let root = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/features/nfv-sec-030/clauses.toml"
    );
    let clauses = std::fs::read_to_string(root).unwrap();
    stage.write("features/nfv-sec-030/clauses.toml", &clauses);
    stage.write("features/nfv-sec-030/4.2.2.2_x.feature", feature);
}

fn unique_ids() -> String {
    include_str!("../../features/nfv-sec-030/4.2.2.2_unique_vnf_instance_id.feature").to_owned()
}

#[test]
fn a_feature_that_does_not_parse_is_named_with_its_line() {
    let stage = Stage::new();
    let feature = unique_ids().replace("  Background:", "  Backgrond:\n  Scenario");
    features(&stage, &feature);
    // What the wrong keywords would begin is text to Gherkin, up to the first step.
    let line = feature.lines().position(|line| line.contains("Given "));
    let place = format!("4.2.2.2_x.feature:{}: ", line.unwrap() + 1);
    stage
        .run(&["run", "--features", "features"])
        .assert_told(USAGE, &[&place, "is not Gherkin"]);
}

#[test]
fn an_unknown_tag_is_named_with_the_nearest_known_one() {
    let stage = Stage::new();
    features(&stage, &unique_ids().replacen("@extended", "@extendet", 1));
    stage
        .run(&["run", "--features", "features"])
        .assert_told(USAGE, &["@extendet", "@extended"]);
}

#[test]
fn an_unknown_metadata_field_is_named() {
    let stage = Stage::new();
    features(&stage, &unique_ids().replacen("Purpose:", "Porpose:", 1));
    stage
        .run(&["run", "--features", "features"])
        .assert_told(USAGE, &["Porpose", "Purpose"]);
}

#[test]
fn an_unknown_phrase_is_found_by_check_and_is_an_error_when_run() {
    let stage = Stage::new();
    let feature = unique_ids().replacen(
        "Then every VNF instance identifier is unique",
        "Then every VNF instance identifier is pretty",
        1,
    );
    features(&stage, &feature);
    let phrase = "every VNF instance identifier is pretty";
    let checked = stage.run(&["check", "--features", "features"]);
    assert_ne!(checked.code, 0);
    assert!(checked.stdout.contains(phrase), "{}", checked.stdout);
    stage
        .run(&["run", "--features", "features", "--select", "@normative"])
        .assert_told(3, &["Error", phrase]);
}

#[test]
fn an_unknown_word_in_a_selection_is_named() {
    let stage = Stage::new();
    stage
        .run(&["run", "--select", "TC_UNIQUE_VNF_INSTANCE_IDS"])
        .assert_told(
            USAGE,
            &[
                "--select",
                "TC_UNIQUE_VNF_INSTANCE_IDS",
                "TC_UNIQUE_VNF_INSTANCE_ID",
            ],
        );
}

#[test]
fn a_missing_profile_is_named() {
    let stage = Stage::new();
    stage
        .run(&["run", "--sut", "nowhere.toml"])
        .assert_told(USAGE, &["--sut nowhere.toml", "No such file"]);
}

#[test]
fn an_unknown_label_of_the_profile_is_named() {
    let stage = Stage::new();
    stage.write("sut.toml", &profile("concurrency =", "concurency ="));
    stage
        .run(&["run", "--sut", "sut.toml"])
        .assert_told(USAGE, &["sut.toml", "concurency", "concurrency"]);
}

#[test]
fn an_ics_that_leaves_an_item_open_is_told_which() {
    let stage = Stage::new();
    stage.write(
        "sut.toml",
        &profile("vnf-instance-id = true", "vnf-instance-ids = true"),
    );
    stage
        .run(&["run", "--sut", "sut.toml"])
        .assert_told(USAGE, &["vnf-instance-id", "vnf-instance-ids"]);
}

#[test]
fn a_port_in_use_is_told_before_anything_runs() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let stage = Stage::new();
    stage.write(
        "sut.toml",
        &profile(
            "listen = \"127.0.0.1:0\"\nsecurity",
            &format!("listen = \"{address}\"\nsecurity"),
        ),
    );
    stage
        .run(&["run", "--sut", "sut.toml"])
        .assert_told(USAGE, &["ixit.nfvo.listen", &address, "in use"]);
    assert!(!stage.path("reports").exists(), "nothing was begun");
}

#[test]
fn a_program_that_is_not_there_is_told_before_anything_runs() {
    let stage = Stage::new();
    stage.write(
        "sut.toml",
        &profile("command = [\"{scas}\"", "command = [\"/opt/no/vnfm\""),
    );
    stage
        .run(&["run", "--sut", "sut.toml"])
        .assert_told(USAGE, &["ixit.start.command", "/opt/no/vnfm"]);
}

#[test]
fn a_certificate_that_does_not_fit_its_key_is_named() {
    let stage = Stage::new();
    stage.run(&["pki", "new", "pki"]).assert_told(0, &[]);
    stage.run(&["pki", "check", "pki"]).assert_told(0, &[]);
    std::fs::copy(
        stage.path("pki/tls/nfvo.key"),
        stage.path("pki/tls/vnfm.key"),
    )
    .unwrap();
    stage
        .run(&["pki", "check", "pki"])
        .assert_told(USAGE, &["vnfm.key", "vnfm.crt"]);
}

#[test]
fn a_reference_without_a_usable_key_says_so_and_the_run_is_inconclusive() {
    let stage = Stage::new();
    stage.write(
        "sut.toml",
        &profile(
            "private_key = \"{pki}/vnfm.key\"",
            "private_key = \"{signers}\"",
        ),
    );
    stage
        .run(&["run", "--sut", "sut.toml", "--select", SHORT])
        .assert_told(2, &["Inconclusive", "signers.crt"]);
    stage.assert_nothing_left();
}

#[test]
fn an_unknown_defect_is_told_with_the_known_ones() {
    let stage = Stage::new();
    stage
        .run(&["run", "--defect", "accepts-everthing"])
        .assert_told(USAGE, &["accepts-everthing", "accepts-without-verifying"]);
}

#[test]
fn a_folder_that_is_no_run_is_told_what_to_name() {
    let stage = Stage::new();
    std::fs::create_dir(stage.path("empty")).unwrap();
    stage
        .run(&["report", "empty"])
        .assert_told(USAGE, &["run.json", "reports/<run-id>"]);
}

#[test]
fn an_unknown_option_is_a_usage_mistake() {
    let stage = Stage::new();
    stage
        .run(&["run", "--quik"])
        .assert_told(USAGE, &["--quik", "--quick"]);
}

#[test]
fn an_out_that_cannot_be_made_is_named() {
    let stage = Stage::new();
    stage.write("file", "");
    stage
        .run(&["run", "--out", "file/reports", "--select", SHORT])
        .assert_told(USAGE, &["--out", "file/reports"]);
}

#[test]
fn an_address_at_which_somebody_else_listens_is_not_taken_for_the_product() {
    let stranger = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = stranger.local_addr().unwrap().to_string();
    let stage = Stage::new();
    let root = format!("http://{address}");
    let text = foreign_profile(&["sh", "-c", "cat >/dev/null"], Some(&root));
    stage.write("sut.toml", &text.replace("running = true", ""));
    stage
        .run(&["run", "--sut", "sut.toml"])
        .assert_told(USAGE, &["ixit.api.root", &address, "running = true"]);
}

#[test]
fn check_of_a_profile_tells_what_applies_and_starts_nothing() {
    let stage = Stage::new();
    let text = profile(
        "vnf-instance-id = true",
        "vnf-instance-id = { supported = false, reason = \"names come from outside\" }",
    );
    // A product that would be seen if it were started.
    let text = text.replace("\"{scas}\", \"reference\"", "\"touch\", \"started\"");
    stage.write("sut.toml", &text);
    let ended = stage.run(&["check", "--sut", "sut.toml"]);
    ended.assert_told(
        0,
        &[
            "applies         TC_SIGNATURE_VERIFICATION_FILES_VNFD, 37 scenarios",
            "not applicable  TC_UNIQUE_VNF_INSTANCE_ID",
            "names come from outside",
            "nothing to mend",
        ],
    );
    let check = |select: &str| {
        let arguments = ["check", "--sut", "sut.toml", "--json", "--select", select];
        stage.run(&arguments)
    };
    let ended = check(SHORT);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let cases = ended.json()["cases"].clone();
    assert_eq!(cases.as_array().unwrap().len(), 1);
    assert_eq!(
        (&cases[0]["applies"], &cases[0]["scenarios"]),
        (&true.into(), &1.into())
    );
    let ended = check("TC_UNIQUE_VNF_INSTANCE_ID");
    assert_eq!(ended.code, 4, "a run would judge nothing");
    assert_eq!(ended.json()["cases"][0]["applies"], false);
    check("TC_UNIQUE").assert_told(USAGE, &["--select", "TC_UNIQUE_VNF_INSTANCE_ID"]);
    assert!(!stage.path("started").exists() && !stage.path("reports").exists());
}

#[test]
fn check_of_a_profile_tells_all_that_a_run_would_stumble_over() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let stage = Stage::new();
    let listen = "listen = \"127.0.0.1:0\"\nsecurity";
    let text = profile(listen, &listen.replace("127.0.0.1:0", &address));
    stage.write(
        "sut.toml",
        &text.replace("\nvnf-instance-id = true", "\nvnf-instance-ids = true"),
    );
    stage.run(&["check", "--sut", "sut.toml"]).assert_told(
        USAGE,
        &[
            "ixit.nfvo.listen",
            &address,
            "left open       TC_UNIQUE_VNF_INSTANCE_ID",
            "did you mean it by `vnf-instance-ids`?",
            "2 findings to mend",
        ],
    );
    stage.write("sut.toml", &profile("concurrency =", "concurency ="));
    stage
        .run(&["check", "--sut", "sut.toml"])
        .assert_told(USAGE, &["sut.toml", "concurency", "concurrency"]);
    stage
        .run(&["check", "--sut", "nowhere.toml"])
        .assert_told(USAGE, &["--sut nowhere.toml", "No such file"]);
}

#[test]
fn a_flaw_that_nobody_can_make_is_found_by_check() {
    let stage = Stage::new();
    let feature = include_str!(
        "../../features/nfv-sec-030/4.2.2.1_signature_verification_files_vnfd.feature"
    );
    let feature = feature.replace("| MD5 digests ", "| MD6 digests ");
    let line = feature.lines().position(|line| line.contains("MD6"));
    features(&stage, &feature);
    let place = format!("4.2.2.2_x.feature:{}: ", line.unwrap() + 1);
    stage
        .run(&["check", "--features", "features"])
        .assert_told(USAGE, &[&place, "`MD6 digests`", "`MD5 digests`"]);
}
