use serde_json::Value;

use super::{ctrf, markdown, oscal, sarif};
use crate::model::evidence::EvidenceFile;
use crate::model::verdict::{CaseVerdict, Verdict};
use crate::report::record::tests::run_info;
use crate::report::results::{CaseResult, Results, ScenarioResult, Summary};

/// What a hostile SUT may answer.
const HOSTILE: &str = "`</td> | @somebody [x](javascript:1)\n# head \u{202e} \u{1b}[2J";

fn scenario(line: usize, verdict: Verdict) -> ScenarioResult {
    ScenarioResult {
        name: HOSTILE.into(),
        line,
        normative: line == 2,
        verdict,
        reason: HOSTILE.into(),
        seconds: 0.5,
        steps: Vec::new(),
        evidence: vec![EvidenceFile {
            path: "evidence/TC_A/line-002/a b.json".into(),
            what: "a file".into(),
            length: 1,
            sha256: "00".into(),
        }],
        observations: Vec::new(),
        measurements: Vec::new(),
        residue: Vec::new(),
        cut_off: Vec::new(),
    }
}

fn case(id: &str, normative: CaseVerdict, scenarios: Vec<ScenarioResult>) -> CaseResult {
    CaseResult {
        id: id.into(),
        document: "SEC030".into(),
        clause: "4.2.2.1".into(),
        requirement: "r".into(),
        purpose: "p".into(),
        keyword: "shall".into(),
        path: "a.feature".into(),
        normative: Some(normative),
        below_capacity: false,
        extended: None,
        waived: false,
        scenarios,
    }
}

fn results() -> Results {
    let excluded = CaseVerdict::NotApplicable {
        item: "delegation-mode".into(),
        reason: HOSTILE.into(),
    };
    Results {
        format: 1,
        run: run_info(),
        ended: None,
        interrupted: Some("cut".into()),
        resumed: Vec::new(),
        faults: Vec::new(),
        summary: Summary::default(),
        time: None,
        verdict: Some(Verdict::Fail),
        exit_code: 1,
        cases: vec![
            case(
                "TC_A",
                CaseVerdict::Fail,
                vec![scenario(2, Verdict::Fail), scenario(9, Verdict::Pass)],
            ),
            case(
                "TC_B",
                CaseVerdict::Inconclusive,
                vec![scenario(2, Verdict::Inconclusive)],
            ),
            case("TC_C", excluded, Vec::new()),
        ],
        waivers: Vec::new(),
    }
}

fn json(bytes: anyhow::Result<Vec<u8>>) -> Value {
    serde_json::from_slice(&bytes.expect("rendered")).expect("JSON")
}

#[test]
fn ctrf_counts_each_scenario_once_and_hides_no_verdict() {
    let report = json(ctrf::render(&results()));
    let summary = &report["results"]["summary"];
    let count = |name: &str| summary[name].as_u64().expect("a number");
    assert_eq!(
        (
            count("tests"),
            count("passed"),
            count("failed"),
            count("other"),
            count("skipped")
        ),
        (4, 1, 1, 1, 1)
    );
    assert_eq!(report["results"]["tests"][2]["rawStatus"], "Inconclusive");
    assert_eq!(report["results"]["tests"][3]["rawStatus"], "NotApplicable");
}

#[test]
fn what_is_waived_is_red_nowhere_and_named_everywhere() {
    let mut results = results();
    results.cases[0].waived = true;
    let report = json(ctrf::render(&results));
    assert_eq!(report["results"]["tests"][0]["status"], "skipped");
    assert_eq!(report["results"]["tests"][0]["rawStatus"], "Fail");
    assert!(markdown::render(&results).contains("**Fail**, waived"));
    let report = json(oscal::render(&results));
    let status = &report["assessment-results"]["results"][0]["findings"][0]["target"]["status"];
    assert_eq!(status["state"], "not-satisfied");
    assert_eq!(status["remarks"], "Fail, waived");
}

#[test]
fn oscal_finds_what_was_judged_and_nothing_else() {
    let report = json(oscal::render(&results()));
    let result = &report["assessment-results"]["results"][0];
    let states: Vec<_> = result["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .map(|finding| {
            let status = &finding["target"]["status"];
            (status["state"].as_str(), status["reason"].as_str())
        })
        .collect();
    assert_eq!(
        states,
        [
            (Some("not-satisfied"), Some("fail")),
            (Some("not-satisfied"), Some("other")),
        ]
    );
    assert!(
        result["remarks"]
            .as_str()
            .expect("text")
            .contains("TC_C is not applicable")
    );
    let evidence = &result["observations"][0]["relevant-evidence"][0];
    assert_eq!(evidence["href"], "./evidence/TC_A/line-002/a%20b.json");
    assert_eq!(
        oscal::render(&results()).expect("rendered"),
        oscal::render(&results()).expect("rendered"),
        "drawn again, it is the same"
    );
}

#[test]
fn a_run_that_was_gone_on_with_says_so_everywhere() {
    let mut results = results();
    results.resumed = vec!["2026-11-22T10:00:00Z".parse().expect("a time")];
    let told = [
        String::from_utf8(ctrf::render(&results).expect("rendered")).expect("text"),
        String::from_utf8(oscal::render(&results).expect("rendered")).expect("text"),
        markdown::render(&results),
    ];
    for text in told {
        assert!(text.contains("2026-11-22T10:00:00Z"), "{text}");
    }
}

/// Outside code spans stands nothing that the product has said.
#[test]
fn a_product_formats_nothing_in_markdown() {
    let text = markdown::render(&results());
    assert!(text.contains("somebody"));
    for line in text.lines() {
        assert_eq!(line.matches('`').count() % 2, 0, "{line}");
        let outside: String = line.split('`').step_by(2).collect();
        for part in ["somebody", "<", "javascript", "head"] {
            assert!(!outside.contains(part), "{line}");
        }
        assert!(!line.chars().any(|c| c.is_control() || c == '\u{202e}'));
    }
    let rows = text.lines().filter(|line| line.starts_with('|'));
    for row in rows {
        assert_eq!(row.matches('|').count(), 6, "{row}");
    }
}

#[test]
fn sarif_tells_what_failed_what_is_open_and_what_is_waived() {
    let nowhere = std::path::Path::new("/nowhere");
    let mut results = results();
    let log = json(sarif::render(nowhere, &results));
    let run = &log["runs"][0];
    assert_eq!(
        run["tool"]["driver"]["rules"].as_array().map(Vec::len),
        Some(3)
    );
    let found: Vec<_> = run["results"].as_array().expect("results").iter().collect();
    let told: Vec<_> = found
        .iter()
        .map(|one| {
            (
                one["ruleId"].as_str(),
                one["level"].as_str(),
                one["kind"].as_str(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (Some("TC_A"), Some("error"), None),
            (Some("TC_B"), Some("none"), Some("open")),
        ]
    );
    let evidence = &found[0]["relatedLocations"][0]["physicalLocation"]["artifactLocation"];
    assert_eq!(evidence["uri"], "evidence/TC_A/line-002/a%20b.json");
    // An interruption, a fault, and a scenario that is an error.
    results.cases[0].scenarios[0].verdict = Verdict::Error;
    results.faults.push("a panic".into());
    let log = json(sarif::render(nowhere, &results));
    let invocation = &log["runs"][0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    assert_eq!(
        invocation["toolExecutionNotifications"]
            .as_array()
            .map(Vec::len),
        Some(3)
    );
}

/// In the memory of the product a key in use is not exposed; anywhere else it is.
#[test]
fn sarif_tells_each_place_where_a_key_was_exposed() {
    let folder = tempfile::tempdir().expect("folder");
    let seen = |medium: &str, place: &str| serde_json::json!({ "public_key_sha256": "ab", "medium": medium, "process": null, "place": place, "encoding": "PEM" });
    let look = serde_json::json!({ "name": "at the end", "began": null, "searched": [], "gaps": [], "canaries": [], "attempts": [],
        "core_dumps": [], "lacked": [], "sightings": [seen("memory", "m"), seen("storage", "a log"), seen("storage", "a file")] });
    let question = serde_json::json!({
        "asked": { "question": "key-protected", "keys": [], "looks": [look] },
        "answered": { "outcome": { "outcome": "unmet", "expected": "e", "actual": "a" }, "observations": [], "measurements": [] },
    });
    let path = "question-1.json";
    std::fs::write(folder.path().join(path), question.to_string()).expect("written");
    let mut results = results();
    results.cases[0].scenarios[0].evidence[0].path = path.into();
    let log = json(sarif::render(folder.path(), &results));
    let found = log["runs"][0]["results"]
        .as_array()
        .expect("results")
        .clone();
    let exposed: Vec<_> = found
        .iter()
        .filter(|one| one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == path)
        .collect();
    assert_eq!(exposed.len(), 2, "{found:?}");
    assert!(
        exposed[0]["message"]["text"]
            .as_str()
            .expect("text")
            .contains("a log")
    );
    assert_ne!(
        exposed[0]["partialFingerprints"],
        exposed[1]["partialFingerprints"]
    );
    // A path that leads out is not followed.
    let inner = folder.path().join("run");
    std::fs::create_dir(&inner).expect("made");
    results.cases[0].scenarios[0].evidence[0].path = format!("../{path}");
    let log = json(sarif::render(&inner, &results));
    assert_eq!(log["runs"][0]["results"].as_array().map(Vec::len), Some(2));
}
