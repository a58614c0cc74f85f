//! The profile of a product: what is written into it wrongly is told all at once; `scas init`, waivers, the schema.

use crate::support::{SHORT, Stage, json, profile};

const USAGE: i32 = 64;
const REFERENCE: &str = include_str!("../../fixtures/sut/reference-vnfm.toml");

/// The line of the built-in profile that begins so.
fn line(of: &str) -> usize {
    REFERENCE
        .lines()
        .position(|line| line.starts_with(of))
        .unwrap()
        + 1
}

/// The whole message, word for word.
#[track_caller]
fn told(text: &str, expected: &str) {
    let stage = Stage::new();
    stage.write("sut.toml", text);
    for command in ["check", "run"] {
        let ended = stage.run(&[command, "--sut", "sut.toml"]);
        assert_eq!(
            (ended.code, ended.stderr.as_str()),
            (USAGE, expected),
            "{}",
            ended.stdout
        );
    }
    assert!(!stage.path("reports").exists(), "nothing is begun");
}

#[test]
fn every_mistake_of_a_file_is_told_at_once() {
    let text = REFERENCE
        .replacen("vendor = ", "vendr = ", 1)
        .replacen("answer = 30", "answer = \"30\"", 1)
        .replacen("retention = 60", "retention = 0", 1)
        .replacen(
            "processes = \"descendants\"",
            "processes = \"decendants\"",
            1,
        );
    told(
        &text,
        &format!(
            "scas: profile sut.toml: 4 things to mend\n\
             \x20 line {}: sut.vendr: there is no such label; did you mean `vendor`?\n\
             \x20 line {}: ixit.timeouts.answer: expected number, 1 to 3600, found a text, in quotes\n\
             \x20 line {}: ixit.keys.retention: 0 is out of range 1 to 86400\n\
             \x20 line {}: ixit.observe.processes: 'decendants' cannot stand here: expected `descendants` or `all`; did you mean \
             \"descendants\"?\n",
            line("vendor = "),
            line("answer = "),
            line("retention = "),
            line("processes = "),
        ),
    );
}

#[test]
fn what_contradicts_itself_is_told() {
    let no = "delegation-mode = { supported = false, reason = \"direct mode only\" }";
    told(
        &profile("delegation-mode = true", no),
        &format!(
            "scas: profile sut.toml: line {}: ixit.start.delegation: is for delegation mode, and ics.delegation-mode says no; take \
             this out, or say yes there\n",
            line("delegation = '''")
        ),
    );
    told(
        &profile("delegation-mode = true", "delegation-mode = false"),
        &format!(
            "scas: profile sut.toml: 2 things to mend\n\
             \x20 line {}: ics.delegation-mode: is a no without a reason; write {{ supported = false, reason = \"...\" }}, which the \
             report repeats\n\
             \x20 line {}: ixit.start.delegation: is for delegation mode, and ics.delegation-mode says no; take this out, or say yes \
             there\n",
            line("delegation-mode = true"),
            line("delegation = '''")
        ),
    );
    let fixed = profile(
        "[ixit.oam]\n",
        "[ixit.api]\nroot = \"https://127.0.0.1:9443\"\n[ixit.oam]\n",
    );
    told(
        &fixed,
        &format!(
            "scas: profile sut.toml: line {}: ixit.oam.address: is missing: ics.delegation-mode says yes, and a product with a fixed \
             address (ixit.api.root = \"https://127.0.0.1:9443\") prints no ready line that could tell its VNF OAM endpoint; write \
             address = \"host:port\" under [ixit.oam]\n",
            line("[ixit.oam]") + 2
        ),
    );
    told(
        &profile("quick = 2000", "quick = 20001"),
        &format!(
            "scas: profile sut.toml: line {}: ixit.capacity.quick: 20001 is more than the product can handle, as ixit.capacity.full \
             says: 20000\n",
            line("quick = 2000")
        ),
    );
}

#[test]
fn a_product_that_runs_is_told_nothing_that_is_made_anew() {
    let start = REFERENCE.find("[ixit.start]").unwrap();
    let text = REFERENCE[..start].replace(
        "delegation-mode = true",
        "delegation-mode = { supported = false, reason = \"x\" }",
    );
    let text = format!("{text}[ixit.api]\nroot = \"http://127.0.0.1:1\"\nrunning = true\n");
    told(
        &text,
        &format!(
            "scas: profile sut.toml: 2 things to mend\n\
             \x20 line {}: ixit.pki: is missing: without it the simulated NFVO has a certificate of a CA that is made anew for each run, \
             which a product that runs by itself (ixit.api.running = true) cannot know; make one with `scas pki new`, or write \
             ixit.nfvo.certificate\n\
             \x20 line {}: ixit.nfvo.listen: port 0 is another port in each scenario, and a product that runs by itself (ixit.api.running \
             = true) is configured to reach one; write that\n",
            line("[ixit]"),
            line("[ixit.nfvo]") + 1,
        ),
    );
}

#[test]
fn what_test_cases_will_lack_is_told_before_and_does_not_keep_from_a_run() {
    let stage = Stage::new();
    let text = profile(
        "vnf-instance-id = \"docs/reference-vnfm.md, VNF instance identifiers\"\n",
        "",
    );
    stage.write("sut.toml", &text);
    stage.run(&["check", "--sut", "sut.toml"]).assert_told(
        0,
        &[
            "lacks: line ",
            "documents.vnf-instance-id: is missing, so that TC_UNIQUE_VNF_INSTANCE_ID will be Inconclusive",
            "nothing to mend",
        ],
    );
    let signatures = stage.run(&["check", "--sut", "sut.toml", "--select", SHORT]);
    assert!(
        !signatures.stdout.contains("documents.vnf-instance-id"),
        "{}",
        signatures.stdout
    );
}

/// A waiver of the signature case.
fn waiver(case: &str, expires: &str) -> String {
    format!(
        "[[waiver]]\ncase = \"{case}\"\nreason = \"a fix is on its way\"\nowner = \"A. Tester\"\nlink = \"https://tickets.example/7\"\n\
         expires = {expires}\n"
    )
}

#[test]
fn a_waiver_that_cannot_be_meant_is_told() {
    let lines = REFERENCE.lines().count();
    let text = format!(
        "{REFERENCE}{}",
        waiver("TC_UNIQUE_VNF_INSTANCE_IDS", "2027-03-31")
    );
    let stage = Stage::new();
    stage.write("sut.toml", &text);
    let words = format!(
        "line {}: waiver[1].case: the suite has no test case TC_UNIQUE_VNF_INSTANCE_IDS; did you mean TC_UNIQUE_VNF_INSTANCE_ID?",
        lines + 2
    );
    for command in ["check", "run"] {
        stage
            .run(&[command, "--sut", "sut.toml"])
            .assert_told(USAGE, &[&words]);
    }
    told(
        &format!(
            "{REFERENCE}{}",
            waiver("TC_UNIQUE_VNF_INSTANCE_ID", "\"soon\"")
        ),
        &format!(
            "scas: profile sut.toml: line {}: waiver[1].expires: 'soon' is no day; write e.g. 2027-03-31\n",
            lines + 6
        ),
    );
}

#[test]
fn a_waiver_keeps_a_fail_from_the_exit_code_and_is_shown_everywhere() {
    const CASE: &str = "TC_SIGNATURE_VERIFICATION_FILES_VNFD";
    let failing = REFERENCE
        .replace("{defects}", "[\\\"accepts-without-verifying\\\"]")
        .replace("\\\"", "\"");
    let run = |text: &str, expires: &str| {
        let stage = Stage::new();
        stage.write("sut.toml", &format!("{text}{}", waiver(CASE, expires)));
        let ended = stage.run(&["run", "--sut", "sut.toml", "--select", SHORT]);
        (stage, ended)
    };
    let (stage, ended) = run(&failing, "9999-12-31");
    ended.assert_told(
        0,
        &[
            "1  waived",
            "TC_SIGNATURE_VERIFICATION_FILES_VNFD: waived until 9999-12-31 by A. Tester: a fix is on its way, https://tickets.example/7",
            "verdict: Fail (exit code 0)",
        ],
    );
    let results = json(&stage.run_folder().join("results.json"));
    assert_eq!(
        (&results["verdict"], &results["exit_code"]),
        (&"fail".into(), &0.into())
    );
    assert_eq!(results["cases"][0]["normative"]["verdict"], "fail");
    assert_eq!(results["waivers"][0]["state"], "holds");
    let schema =
        serde_json::from_str(include_str!("../../reports/schema/results.schema.json")).unwrap();
    assert!(
        jsonschema::validator_for(&schema)
            .unwrap()
            .is_valid(&results)
    );
    let junit = std::fs::read_to_string(stage.run_folder().join("junit.xml")).unwrap();
    assert!(
        junit.contains("<skipped") && !junit.contains("<failure"),
        "{junit}"
    );

    let (_, ended) = run(&failing, "2026-01-01");
    ended.assert_told(
        1,
        &[
            "the waiver of A. Tester expired on 2026-01-01; renew it",
            "verdict: Fail (exit code 1)",
        ],
    );
    let (_, ended) = run(REFERENCE, "9999-12-31");
    ended.assert_told(
        5,
        &[
            "is not needed, the test case passed; take it out",
            "verdict: Pass (exit code 5)",
        ],
    );
}

#[test]
fn a_profile_is_written_once_and_names_what_is_left_to_fill_in() {
    let stage = Stage::new();
    let ended = stage.run(&["init", "my-product.toml"]);
    ended.assert_told(
        0,
        &[
            "my-product.toml is written; still to be filled in:",
            "sut.name",
            "scas check --sut my-product.toml",
        ],
    );
    let text = std::fs::read_to_string(stage.path("my-product.toml")).unwrap();
    let checked = stage.run(&["check", "--sut", "my-product.toml"]);
    for (index, line) in text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.starts_with('#') && line.contains("<fill in"))
    {
        let (label, _) = line.split_once(" = ").unwrap();
        let place = format!("line {}: ", index + 1);
        checked.assert_told(USAGE, &[&place, label, "is still to be filled in"]);
    }
    stage.run(&["init", "my-product.toml"]).assert_told(
        USAGE,
        &["my-product.toml: is there already, and is not overwritten"],
    );
    assert_eq!(
        std::fs::read_to_string(stage.path("my-product.toml")).unwrap(),
        text
    );
    stage
        .run(&["init", "nowhere/my-product.toml"])
        .assert_told(USAGE, &["cannot write nowhere/my-product.toml"]);

    // Filled in, it is as good as one that was written by hand.
    let filled = text
        .replace(
            "'<fill in: true, or { supported = false, reason = \"...\" }>'",
            "true",
        )
        .replace(
            "key-custody-pkcs11 = true",
            "key-custody-pkcs11 = { supported = false, reason = \"no token\" }",
        )
        .replace("[\"<fill in: program and arguments>\"]", "[\"cat\"]");
    let filled: String = filled
        .lines()
        .map(|line| match line.split_once(" = \"<fill in") {
            Some((label, _)) => format!("{label} = \"x\"\n"),
            None => format!("{line}\n"),
        })
        .collect();
    stage.write("my-product.toml", &filled);
    stage
        .run(&["check", "--sut", "my-product.toml"])
        .assert_told(0, &["nothing to mend"]);
}

#[test]
fn the_committed_schema_is_that_of_profiles_and_every_profile_of_ours_fits_it() {
    let committed: serde_json::Value =
        serde_json::from_str(include_str!("../../reports/schema/profile.schema.json")).unwrap();
    let stage = Stage::new();
    let made = stage.run(&["init", "--schema"]);
    assert_eq!(
        made.json(),
        committed,
        "run: scas init --schema > reports/schema/profile.schema.json"
    );
    let validator = jsonschema::validator_for(&committed).unwrap();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    for folder in ["fixtures/sut", "fixtures/products"] {
        let Ok(listed) = std::fs::read_dir(root.join(folder)) else {
            continue;
        };
        for path in listed.map(|entry| entry.unwrap().path()) {
            if path.extension().is_none_or(|extension| extension != "toml") {
                continue;
            }
            let table: toml::Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
            let value = serde_json::to_value(table).unwrap();
            let errors: Vec<String> = validator
                .iter_errors(&value)
                .map(|error| error.to_string())
                .collect();
            assert_eq!(errors, Vec::<String>::new(), "{}", path.display());
            seen += 1;
        }
    }
    assert!(seen > 0);
}
