//! Reading a suite: what is right is read in full, and each thing that is wrong is found where it stands.

use std::fs;

use super::test_suite::{CLAUSES, FEATURE, TestSuite};
use super::*;
use crate::model::clause::{Modality, Role, Untested};
use crate::model::test_case::{DefectEffect, Keyword, ScenarioKind, Tier};

/// Asserts that the small suite has no finding, and that it has exactly this one after the change.
#[track_caller]
fn finds(from: &str, to: &str, line_and_start: &str) {
    assert_eq!(TestSuite::new().problems(), [""; 0], "the clean twin");
    let problems = TestSuite::new().with(from, to).problems();
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert!(problems[0].starts_with(line_and_start), "{problems:#?}");
}

#[test]
fn a_feature_is_read_in_full() {
    let catalogue = TestSuite::new().catalogue().unwrap();
    let [case] = &catalogue.cases[..] else {
        panic!("{:?}", catalogue.cases)
    };
    assert_eq!(
        (
            case.id.as_str(),
            case.document.as_str(),
            case.clause.as_str()
        ),
        ("TC_UNIQUE", "SEC030", "4.2.2.2")
    );
    assert_eq!((case.role, case.keyword), (Role::Vnfm, Modality::Shall));
    assert_eq!(
        case.requirement,
        "No two VNF instances ever bear the same id, whatever happens in between."
    );
    assert_eq!(case.threatened_asset, "configuration data");
    let defects: Vec<_> = case
        .defects
        .iter()
        .map(|defect| (defect.name.as_str(), defect.effect))
        .collect();
    assert_eq!(
        defects,
        [
            ("counter-restarts", DefectEffect::Fails),
            ("ids-24-bit", DefectEffect::FailsInFull),
            ("refuses-everything", DefectEffect::Inconclusive),
        ]
    );
    assert!(case.path.ends_with(FEATURE));
    assert_eq!(case.source, TestSuite::new().feature());
}

#[test]
fn outlines_are_expanded_into_their_rows() {
    let catalogue = TestSuite::new().catalogue().unwrap();
    let runs = &catalogue.cases[0].scenarios;
    let seen: Vec<_> = runs
        .iter()
        .map(|r| (r.name.as_str(), r.line, r.kind, r.tier, r.serial))
        .collect();
    assert_eq!(
        seen,
        [
            (
                "Each id is new",
                19,
                ScenarioKind::Normative,
                Tier::Both,
                false
            ),
            (
                "Ids differ under load 10",
                33,
                ScenarioKind::Extended,
                Tier::Both,
                false
            ),
            (
                "Ids differ under load 20",
                38,
                ScenarioKind::Extended,
                Tier::FullOnly,
                true
            ),
        ]
    );
    let tiers = |full| {
        runs.iter()
            .map(|run| run.tier.runs_in(full))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (tiers(false), tiers(true)),
        (vec![true, true, false], vec![true; 3])
    );
    let steps: Vec<_> = runs[2]
        .steps
        .iter()
        .map(|s| (s.keyword, s.text.as_str(), s.line))
        .collect();
    assert_eq!(
        steps,
        [
            (Keyword::Given, "a VNF package \"A\" is on board", 16),
            (Keyword::Given, "the VNFM is ready", 26),
            (Keyword::When, "20 VNF instances are created", 27),
            (Keyword::When, "20 VNF instances are created", 28),
            (Keyword::Then, "no id occurs twice", 29),
        ]
    );
}

#[test]
fn the_lines_are_those_that_the_runner_counts() {
    use cucumber::feature::Ext as _;
    let suite = TestSuite::new();
    let feature = gherkin::Feature::parse(suite.feature(), gherkin::GherkinEnv::default()).unwrap();
    let theirs = feature.expand_examples().unwrap().scenarios;
    let ours = &suite.catalogue().unwrap().cases[0].scenarios;
    let key = |name: &str, line: usize| (name.to_owned(), line);
    assert_eq!(
        ours.iter()
            .map(|run| key(&run.name, run.line))
            .collect::<Vec<_>>(),
        theirs
            .iter()
            .map(|run| key(&run.name, run.position.line))
            .collect::<Vec<_>>()
    );
}

#[test]
fn line_ends_of_another_system_change_no_meaning() {
    let suite = TestSuite::new();
    let dos = TestSuite::new().with(suite.feature(), &suite.feature().replace('\n', "\r\n"));
    assert_eq!(dos.problems(), [""; 0]);
    let (ours, theirs) = (suite.catalogue().unwrap(), dos.catalogue().unwrap());
    assert_eq!(ours.cases[0].scenarios, theirs.cases[0].scenarios);
    assert_eq!(ours.cases[0].requirement, theirs.cases[0].requirement);
}

#[test]
fn clauses_are_read_in_full() {
    let catalogue = TestSuite::new().catalogue().unwrap();
    let (document, clause, requirement) = catalogue.requirement("TC_ABSENT").unwrap();
    assert_eq!(
        (document.id.as_str(), clause.number.as_str()),
        ("SEC030", "4.2.2.2")
    );
    assert_eq!(requirement.roles, [Role::NfvMano, Role::Sm]);
    assert_eq!(requirement.roles_text(), "NFV-MANO+SM");
    assert_eq!(requirement.condition.as_deref(), Some("delegation-mode"));
    assert_eq!(requirement.untested, Some(Untested::NotYet));
    assert_eq!(requirement.line, 27);
    assert_eq!(
        document.clauses[0].inherited[0].untested,
        Untested::TextNotAvailable
    );
}

#[test]
fn the_digest_follows_content_and_place_only() {
    let digest = |suite: &TestSuite| suite.catalogue().unwrap().digest().to_owned();
    let plain = digest(&TestSuite::new());
    assert_eq!(plain.len(), 64);
    assert_eq!(
        plain,
        digest(&TestSuite::new()),
        "another folder, the same suite"
    );
    assert_eq!(
        plain,
        digest(&TestSuite::new().with_file("README.md", "words"))
    );
    assert_ne!(
        plain,
        digest(&TestSuite::new().with("ids do not repeat", "ids never repeat"))
    );
    let dir = TestSuite::new().write();
    fs::rename(
        dir.path().join(FEATURE),
        dir.path().join("nfv-sec-030/4.2.2.2_other.feature"),
    )
    .unwrap();
    assert_ne!(plain, Catalogue::from_dir(dir.path()).unwrap().digest());
}

#[test]
fn all_problems_are_reported_at_once_with_their_places() {
    let suite = TestSuite::new()
        .with("Role: VNFM", "Role: VNFN")
        .with("modality = \"shall\"", "modality = \"shal\"");
    let dir = suite.write();
    let text = Catalogue::from_dir(dir.path()).unwrap_err().to_string();
    let at = |file: &str, line: usize| format!("{}:{line}: ", dir.path().join(file).display());
    assert!(text.contains(&at(FEATURE, 3)), "{text}");
    assert!(
        text.contains("unknown role `VNFN`") && text.contains("did you mean `VNFM`?"),
        "{text}"
    );
    assert!(text.contains(&at(CLAUSES, 21)), "{text}");
    assert!(text.contains("unknown modality `shal`"), "{text}");
}

#[test]
fn an_absent_or_empty_folder_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    assert!(
        Catalogue::from_dir(dir.path())
            .unwrap_err()
            .to_string()
            .contains("there is no feature")
    );
    let absent = dir.path().join("absent");
    assert!(
        Catalogue::from_dir(&absent)
            .unwrap_err()
            .to_string()
            .contains("absent: cannot be read")
    );
}

#[test]
fn a_file_that_is_not_utf8_is_found() {
    let dir = TestSuite::new().write();
    fs::write(dir.path().join("b.feature"), b"Feature: X\n \xff").unwrap();
    let problems = Catalogue::from_dir(dir.path()).unwrap_err().0;
    assert_eq!(
        (problems.len(), problems[0].line, problems[0].what.as_str()),
        (1, 2, "is not UTF-8")
    );
}

#[test]
fn metadata_must_be_there_once_and_known() {
    finds(
        "  Purpose: To see whether ids repeat.\n",
        "",
        "1: metadata field `Purpose` is missing",
    );
    finds(
        "Purpose: To see whether ids repeat.",
        "Purpose:",
        "9: metadata field `Purpose` is empty",
    );
    finds(
        "  Purpose:",
        "  Role: CMF\n  Purpose:",
        "9: metadata field `Role` stands here a second time",
    );
    finds(
        "  Purpose:",
        "  Author: me\n  Purpose:",
        "9: unknown metadata field `Author`",
    );
    finds(
        "  Purpose:",
        "  Just words\n  Purpose:",
        "9: `Just words` is no metadata field",
    );
    finds(
        "Clause: SEC030 4.2.2.2",
        "Clause: 4.2.2.2",
        "2: `4.2.2.2` names no clause",
    );
    finds(
        "Applicability: always",
        "Applicability: a b",
        "10: `b` at column 3",
    );
    finds(
        "Keyword: shall",
        "Keyword: must",
        "11: unknown modality `must`",
    );
    finds(
        "Defects: counter-restarts,",
        "Defects: Counter restarts,",
        "13: `Counter restarts` names no defect",
    );
    finds(
        "Defects: counter-restarts,",
        "Defects: ids-24-bit,",
        "13: defect `ids-24-bit` stands here twice",
    );
    finds(
        "Feature: TC_UNIQUE",
        "Feature: Unique ids",
        "1: `Unique ids` cannot be the id",
    );
}

#[test]
fn template_text_is_found() {
    finds("good practice", "TODO", "6: `TODO` is left over");
    finds(
        "To see whether",
        "To see <what>",
        "9: template text `<what>` is left over",
    );
    finds(
        "the VNFM is ready",
        "the VNFM is FIXME",
        "26: `FIXME` is left over",
    );
    assert_eq!(
        TestSuite::new()
            .with("good practice", "1 < 2 and 2 > 1, TODOs aside")
            .problems(),
        [""; 0]
    );
}

#[test]
fn tags_must_be_known_and_say_which_kind() {
    finds("@extended", "@extended @slow", "24: unknown tag @slow");
    finds("@extended", "@extended @retry", "24: @retry is forbidden");
    finds(
        "@extended",
        "@extended @retry(3).after(1s)",
        "24: @retry(3).after(1s) is forbidden",
    );
    finds(
        "@extended",
        "@extended @allow.skipped",
        "24: @allow.skipped is forbidden",
    );
    finds(
        "@normative",
        "@normative @extended",
        "19: a scenario is either @normative or @extended",
    );
    finds(
        "@full @serial",
        "@full @quick",
        "38: @quick and @full together",
    );
    let problems = TestSuite::new().with("@normative", "@normativ").problems();
    assert!(
        problems.contains(&"18: unknown tag @normativ".to_owned()),
        "{problems:?}"
    );
    assert!(
        problems
            .iter()
            .any(|p| p.contains("no scenario is @normative")),
        "{problems:?}"
    );
    assert_eq!(
        TestSuite::new()
            .with("Feature:", "@serial\nFeature:")
            .problems(),
        [""; 0],
        "tags are inherited"
    );
    assert!(
        TestSuite::new()
            .with("Feature:", "@serial\nFeature:")
            .catalogue()
            .unwrap()
            .cases[0]
            .scenarios[0]
            .serial
    );
}

#[test]
fn a_scenario_must_be_able_to_fail() {
    finds(
        "    Then no id occurs twice\n\n  #",
        "\n  #",
        "19: the scenario has no `Then`",
    );
    finds(
        "    When 10 VNF instances are created\n    Then no id occurs twice\n",
        "",
        "19: the scenario has no step",
    );
    finds(
        "Scenario: Each id is new",
        "Scenario:",
        "19: the scenario has no name",
    );
    finds(
        "    When 10 VNF",
        "    Wehn 10 VNF instances are created\n    When 10 VNF",
        "19: `Wehn 10 VNF instances are created` reads like a step",
    );
    assert_eq!(
        TestSuite::new()
            .with(
                "    When 10 VNF",
                "    Some words about it.\n    When 10 VNF"
            )
            .problems(),
        [""; 0]
    );
    let whole = TestSuite::new();
    let header = &whole.feature()[..whole.feature().find("  @normative").unwrap()];
    let empty = TestSuite::new().with(whole.feature(), header);
    assert_eq!(empty.problems(), ["1: the feature has no scenario"]);
}

#[test]
fn scenario_names_must_differ() {
    finds(
        "Scenario Outline: Ids differ under load <count>",
        "Scenario Outline: Ids",
        "38: the scenario at line 33",
    );
    finds(
        "Scenario: Each id is new",
        "Scenario: Ids differ under load 20",
        "38: the scenario at line 19",
    );
}

#[test]
fn examples_must_fit_their_outline() {
    finds("      | 20    |\n", "", "36: these examples have no row");
    finds(
        "load <count>",
        "load <count> <n>",
        "25: no column of examples fills the placeholder `<n>`",
    );
    finds(
        "When 10 VNF",
        "When <count> VNF",
        "20: no column of examples fills the placeholder `<count>`",
    );
    finds(
        "      | 20    |",
        "      # twenty\n      | 20    |",
        "39: something stands between `Examples:` and this row",
    );
    finds(
        "Given a VNF package \"A\"",
        "Given a VNF package <name>",
        "16: no column of examples fills the placeholder `<name>`",
    );
    finds(
        "Given the VNFM is ready",
        "Given the VNFM is ready\n      | <colour> |",
        "26: no column of examples fills the placeholder `<colour>`",
    );
    assert_eq!(
        TestSuite::new()
            .with(
                "Given the VNFM is ready",
                "Given the VNFM is ready\n      | <count> |"
            )
            .problems(),
        [""; 0]
    );
    let problems = TestSuite::new()
        .with(
            "| count |\n      | 20    |",
            "| count | n |\n      | 20    | 1 |",
        )
        .problems();
    assert_eq!(problems, ["37: nothing in the outline uses the column `n`"]);
}

#[test]
fn what_is_not_gherkin_is_found_where_it_starts() {
    finds(
        "    And <count>",
        "    Und <count>",
        "28: is not Gherkin from here on: `Und <count>",
    );
    finds("Feature:", "Featur:", "1: is not Gherkin");
}

#[test]
fn clauses_that_cannot_be_read_are_found() {
    finds(
        "summary = \"ids do not repeat\"",
        "summary = \" \"",
        "19: the summary is empty",
    );
    finds(
        "role = \"NFV-MANO+SM\"",
        "role = \"NFV-MANO+XX\"",
        "27: unknown role `XX`",
    );
    finds("version = \"V1\"", "version = V1", "4: ");
    finds(
        "untested = \"not yet\"",
        "untested = \"perhaps\"",
        "34: unknown reason for being untested `perhaps`",
    );
    finds("kind = \"requirement\"", "kin = \"requirement\"", "32: ");
}

#[test]
fn the_built_in_suite_is_whole() {
    let catalogue = Catalogue::embedded().unwrap();
    let documents: Vec<_> = catalogue.documents.iter().map(|d| d.id.as_str()).collect();
    assert_eq!(documents, ["IFA026", "SEC030"]);
}
