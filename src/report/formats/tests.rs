use serde_json::Value;

use super::{ctrf, markdown, oscal};
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
