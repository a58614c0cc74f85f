//! Each finding is seen to be found, in a suite that is otherwise clean.

use super::*;
use crate::catalogue::Coverage;
use crate::catalogue::test_suite::TestSuite;
use crate::model::test_case::Keyword;

const DEFECTS: [&str; 3] = ["counter-restarts", "ids-24-bit", "refuses-everything"];

fn step(keyword: Keyword, expression: &'static str, line: usize) -> StepInfo<'static> {
    let pattern = expression
        .replace("{int}", r"\d+")
        .replace("{string}", "\"[^\"]*\"");
    let pattern = regex::Regex::new(&format!("^{pattern}$")).unwrap();
    StepInfo {
        keyword,
        expression,
        pattern,
        at: format!("src/steps/x.rs:{line}"),
    }
}

fn steps() -> Vec<StepInfo<'static>> {
    vec![
        step(Keyword::Given, "a VNF package {string} is on board", 10),
        step(Keyword::Given, "the VNFM is ready", 20),
        step(Keyword::When, "{int} VNF instances are created", 30),
        step(Keyword::Then, "no id occurs twice", 40),
    ]
}

/// All findings as `file:line: what: mend`, without the folder.
fn found(suite: &TestSuite, steps: &[StepInfo<'_>], defects: &[&str]) -> Vec<String> {
    let dir = suite.write();
    let catalogue = Catalogue::survey(dir.path());
    let root = format!("{}/", dir.path().display());
    check(&catalogue, steps, defects)
        .iter()
        .map(|finding| finding.to_string().replace(&root, ""))
        .collect()
}

/// Asserts that the small suite is clean, and that the change is found as the one thing wrong with it.
#[track_caller]
fn finds(suite: &TestSuite, steps: &[StepInfo<'_>], defects: &[&str], expected: &str) {
    assert_eq!(
        found(&TestSuite::new(), &self::steps(), &DEFECTS),
        [""; 0],
        "the clean twin"
    );
    let found = found(suite, steps, defects);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains(expected), "{found:#?}");
}

#[track_caller]
fn finds_in(from: &str, to: &str, expected: &str) {
    finds(
        &TestSuite::new().with(from, to),
        &steps(),
        &DEFECTS,
        expected,
    );
}

#[test]
fn a_problem_inside_a_file_is_a_finding_too() {
    finds_in(
        "@extended",
        "@extended @slow",
        "4.2.2.2_unique.feature:24: unknown tag @slow",
    );
}

#[test]
fn nothing_follows_from_what_could_not_be_read() {
    finds_in("Role: VNFM", "Role: VNFN", "feature:3: unknown role `VNFN`");
    finds_in(
        "    And <count>",
        "    Und <count>",
        "feature:28: is not Gherkin",
    );
    finds_in("version = \"V1\"", "version = V1", "clauses.toml:4: ");
    let dir = tempfile::tempdir().unwrap();
    let findings = check(&Catalogue::survey(dir.path()), &steps(), &DEFECTS);
    let findings: Vec<_> = findings
        .iter()
        .map(|finding| finding.what.as_str())
        .collect();
    assert_eq!(findings, ["there is no feature"]);
}

#[test]
fn a_requirement_needs_a_case_or_a_reason() {
    finds_in(
        "untested = \"not yet\"\n",
        "",
        "clauses.toml:27: no test case covers `TC_ABSENT`",
    );
    finds_in(
        "untested = \"not yet\"",
        "untested = \"inspection\"",
        "clauses.toml:27: `TC_ABSENT` is left to inspection",
    );
}

#[test]
fn a_reason_does_not_stand_beside_a_case() {
    let to = "summary = \"ids do not repeat\"\nuntested = \"not yet\"";
    finds_in(
        "summary = \"ids do not repeat\"",
        to,
        "clauses.toml:19: `TC_UNIQUE` is marked untested (\"not yet\")",
    );
}

#[test]
fn a_case_needs_a_requirement() {
    let suite = TestSuite::new().with("Feature: TC_UNIQUE", "Feature: TC_UNIQE");
    let found = found(&suite, &steps(), &DEFECTS);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].contains(
        "unique.feature:1: no requirement is called `TC_UNIQE`: did you mean `TC_UNIQUE`?"
    ));
    assert!(found[1].contains("clauses.toml:19: no test case covers `TC_UNIQUE`"));
}

#[test]
fn a_case_agrees_with_its_requirement() {
    finds_in(
        "Clause: SEC030 4.2.2.2",
        "Clause: SEC030 4.2.1",
        "feature:2: `TC_UNIQUE` is not in SEC030 4.2.1",
    );
    finds_in(
        "Clause: SEC030 4.2.2.2",
        "Clause: IFA026 4.2.2.2",
        "write `Clause: SEC030 4.2.2.2`",
    );
    finds_in(
        "Role: VNFM",
        "Role: CMF",
        "feature:3: `TC_UNIQUE` binds VNFM, not CMF",
    );
    finds_in(
        "Keyword: shall",
        "Keyword: should",
        "feature:11: `TC_UNIQUE` is a \"shall\", not a \"should\"",
    );
    finds_in(
        "modality = \"shall\"",
        "modality = \"shall\"\ncondition = \"delegation-mode\"",
        "feature:10: `TC_UNIQUE` holds only under `delegation-mode`",
    );
}

#[test]
fn no_id_stands_for_two_things() {
    let double = "\n[[clause.requirement]]\nid = \"TC_ABSENT\"\nrole = \"SM\"\nmodality = \"shall\"\n\
        verification = \"test\"\nkind = \"requirement\"\nsummary = \"again\"\nuntested = \"not yet\"\n";
    let suite = TestSuite::new().with(
        "untested = \"not yet\"\n",
        &format!("untested = \"not yet\"\n{double}"),
    );
    finds(
        &suite,
        &steps(),
        &DEFECTS,
        "clauses.toml:37: nfv-sec-030/clauses.toml:27 has the same id, `TC_ABSENT`",
    );

    let text = TestSuite::new().feature().to_owned();
    let suite = TestSuite::new().with_file("nfv-sec-030/other.feature", &text);
    finds(
        &suite,
        &steps(),
        &DEFECTS,
        "other.feature:1: nfv-sec-030/4.2.2.2_unique.feature is the same test case",
    );

    finds_in(
        "number = \"4.2.1\"",
        "number = \"4.2.2.2\"",
        "clause 4.2.2.2 stands here a second time",
    );
    let head = "[document]\nid = \"SEC030\"\ntitle = \"t\"\nversion = \"v\"\n";
    let suite = TestSuite::new().with_file("z/clauses.toml", head);
    finds(
        &suite,
        &steps(),
        &DEFECTS,
        "z/clauses.toml: nfv-sec-030/clauses.toml has the same document id, SEC030",
    );
    let inherited =
        "[[clause.inherited]]\nid = \"SEC028-4.2\"\nuntested = \"text not available\"\n";
    let suite = TestSuite::new().with(inherited, &inherited.repeat(2));
    finds(
        &suite,
        &steps(),
        &DEFECTS,
        "SEC028-4.2 is inherited a second time",
    );
}

#[test]
fn a_phrase_needs_a_step() {
    let suite = TestSuite::new().with("Given the VNFM is ready", "Given the VNFM is redy");
    let found = found(&suite, &steps(), &DEFECTS);
    assert_eq!(found.len(), 2, "the step is idle, too: {found:#?}");
    assert!(found[0].contains(
        "feature:26: no step fits `Given the VNFM is redy`: did you mean `the VNFM is ready`?"
    ));
    let phrase = "    Given the VNFM is ready\n";
    let suite = TestSuite::new().with(phrase, &format!("{phrase}    And no id occurs twice\n"));
    finds(
        &suite,
        &steps(),
        &DEFECTS,
        "src/steps/x.rs:40 has it as a `Then`",
    );
    let mut without_background = steps();
    without_background.remove(0);
    finds(
        &TestSuite::new(),
        &without_background,
        &DEFECTS,
        "feature:16: no step fits `Given a VNF package \"A\"",
    );
}

#[test]
fn a_phrase_has_only_one_step() {
    let mut ambiguous = steps();
    ambiguous.push(step(Keyword::Then, "no id occurs .*", 50));
    let dir = TestSuite::new();
    let found = found(&dir, &ambiguous, &DEFECTS);
    assert_eq!(found.len(), 2, "two lines say it: {found:#?}");
    assert!(found[0].contains(
        "several steps fit `Then no id occurs twice`: `no id occurs twice` (src/steps/x.rs:40)"
    ));
}

#[test]
fn a_step_needs_a_phrase() {
    let mut idle = steps();
    idle.push(step(Keyword::Then, "an id occurs twice", 50));
    finds(
        &TestSuite::new(),
        &idle,
        &DEFECTS,
        "src/steps/x.rs:50: no feature uses the step `Then an id occurs twice`",
    );
}

#[test]
fn defects_and_cases_name_each_other() {
    finds(
        &TestSuite::new(),
        &steps(),
        &["counter-restarts", "refuses-everything"],
        "feature:13: the reference has no defect `ids-24-bit`",
    );
    let more = [DEFECTS[0], DEFECTS[1], DEFECTS[2], "reuses-deleted-ids"];
    finds(
        &TestSuite::new(),
        &steps(),
        &more,
        "no test case names the defect `reuses-deleted-ids`",
    );
    let found = found(
        &TestSuite::new(),
        &steps(),
        &["counter-restarts", "ids-24-bits"],
    );
    assert!(
        found
            .iter()
            .any(|finding| finding.contains("did you mean `ids-24-bits`?")),
        "{found:#?}"
    );
}

#[test]
fn coverage_counts_by_reason() {
    let coverage = TestSuite::new().catalogue().unwrap().coverage();
    let expected = Coverage {
        requirements: 2,
        tested: 1,
        untested: [(Untested::NotYet, 1)].into(),
        unexplained: 0,
        inherited: [(Untested::TextNotAvailable, 1)].into(),
    };
    assert_eq!(coverage, expected);
    let suite = TestSuite::new().with("untested = \"not yet\"\n", "");
    let coverage = suite.catalogue().unwrap().coverage();
    assert_eq!((coverage.unexplained, coverage.untested.len()), (1, 0));
}
