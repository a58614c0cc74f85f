//! JUnit XML: a suite per test case, a test case per scenario. Main function: [`render`].
//!
//! JUnit knows no verdicts: Fail is a `failure`, Inconclusive and Error are `error`s, NotApplicable is
//! `skipped`, and so is what is waived, because a reader of JUnit turns red where the exit code does; our own word stands in type,
//! message and the property `verdict`. `junit-report` writes no properties and writes some
//! characters raw, so text is cleaned before and properties are added after.

use std::io::Cursor;
use std::time::Duration as Span;

use anyhow::Context as _;
use junit_report::{Duration, OffsetDateTime, ReportBuilder, TestCase, TestSuite};
use quick_xml::events::{BytesEnd, BytesStart, Event};
use quick_xml::{Reader, Writer};

use super::results::{CaseResult, Results, ScenarioResult};
use crate::model::verdict::{CaseVerdict, Verdict};

/// Name and value of one `<property>`.
type Property = (&'static str, String);

/// The results as JUnit XML.
///
/// # Errors
/// A fault of ours: what was written does not read.
pub fn render(results: &Results) -> anyhow::Result<Vec<u8>> {
    let mut report = ReportBuilder::new();
    let mut properties = Vec::new();
    let began = OffsetDateTime::from_unix_timestamp(results.run.started.as_second())?;
    for case in &results.cases {
        let mut suite = TestSuite::new(&clean(&case.id));
        suite.set_timestamp(began);
        suite.package = format!("{} {}", case.document, case.clause);
        if let Some(CaseVerdict::NotApplicable { item, reason }) = &case.normative {
            let message = format!("NotApplicable: ICS item '{item}': {reason}");
            let mut skipped =
                TestCase::skipped_with_cause(&clean(&case.id), "NotApplicable", &clean(&message));
            skipped.set_classname(&clean(&case.id));
            suite.add_testcase(skipped);
            properties.push(of_case(results, case));
        }
        for scenario in &case.scenarios {
            suite.add_testcase(test_case(results, case, scenario));
            properties.push(of_scenario(results, case, scenario));
        }
        report.add_testsuite(suite);
    }
    if let Some(mut fault) = fault_suite(results) {
        // Not when it is drawn: drawn again, it is the same.
        fault.set_timestamp(began);
        properties.extend(fault.testcases.iter().map(|_| Vec::new()));
        report.add_testsuite(fault);
    }
    let mut plain = Vec::new();
    report.build().write_xml(&mut plain)?;
    with_properties(&plain, &properties)
}

fn test_case(results: &Results, case: &CaseResult, scenario: &ScenarioResult) -> TestCase {
    let name = clean(&scenario.name);
    let time = Duration::try_from(Span::from_secs_f64(scenario.seconds.max(0.0)))
        .unwrap_or(Duration::ZERO);
    let word = scenario.verdict.to_string();
    let message = clean(&format!("{word}: {}", scenario.reason));
    let mut test = match scenario.verdict {
        Verdict::Pass => TestCase::success(&name, time),
        _ if case.waived => {
            let waiver = waiver(results, case).unwrap_or_default();
            TestCase::skipped_with_cause(&name, &word, &clean(&format!("{message} ({waiver})")))
        }
        Verdict::Fail => TestCase::failure(&name, time, &word, &message),
        Verdict::Inconclusive | Verdict::Error => TestCase::error(&name, time, &word, &message),
    };
    test.set_classname(&clean(&case.id));
    test.set_filepath(&clean(&case.path));
    let told: Vec<String> = scenario
        .steps
        .iter()
        .map(|step| format!("{} {} ... {}", step.keyword, step.text, step.outcome))
        .chain(
            scenario
                .observations
                .iter()
                .map(|o| format!("observation {}: {}", o.name, o.text)),
        )
        .chain(
            scenario
                .measurements
                .iter()
                .map(|m| format!("measured {} = {} {}", m.name, m.value, m.unit)),
        )
        .chain(scenario.residue.iter().map(|r| format!("residue: {r}")))
        .collect();
    test.set_system_out(&clean_cdata(&told.join("\n")));
    test
}

/// The waiver of a test case, in words.
fn waiver(results: &Results, case: &CaseResult) -> Option<String> {
    let mut waivers = results.waivers.iter();
    let waiver = waivers.find(|waiver| case.waived && waiver.waiver.case == case.id)?;
    Some(waiver.told())
}

/// What is wrong with the run itself: a suite of its own, so that no reader takes the run for green.
fn fault_suite(results: &Results) -> Option<TestSuite> {
    let error = |text: &str| (Verdict::Error.to_string(), text.to_owned());
    let faults: Vec<(String, String)> = results
        .faults
        .iter()
        .map(|fault| error(fault))
        .chain(
            results
                .interrupted
                .iter()
                .map(|why| (Verdict::Inconclusive.to_string(), why.clone())),
        )
        .chain((results.cases.is_empty()).then(|| error("nothing was selected")))
        .chain(
            results
                .waivers
                .iter()
                .filter(|waiver| waiver.state.is_stale())
                .map(|waiver| ("Waiver".to_owned(), waiver.told())),
        )
        .collect();
    if faults.is_empty() {
        return None;
    }
    let mut suite = TestSuite::new("scas");
    for (number, (word, fault)) in faults.iter().enumerate() {
        let name = format!("run, fault {}", number + 1);
        let mut test = TestCase::error(&name, Duration::ZERO, word, &clean(fault));
        test.set_classname("scas");
        suite.add_testcase(test);
    }
    Some(suite)
}

fn of_case(results: &Results, case: &CaseResult) -> Vec<Property> {
    let mut list = vec![
        ("document", case.document.clone()),
        ("clause", case.clause.clone()),
        ("requirement", case.id.clone()),
        ("keyword", case.keyword.clone()),
        ("tier", results.run.tier.clone()),
    ];
    list.extend(results.resumed.iter().map(|at| ("resumed", at.to_string())));
    list.extend(results.run.warning().map(|warning| ("warning", warning)));
    list
}

fn of_scenario(results: &Results, case: &CaseResult, scenario: &ScenarioResult) -> Vec<Property> {
    let mut list = of_case(results, case);
    let part = if scenario.normative {
        "normative"
    } else {
        "extended"
    };
    list.push(("part", part.to_owned()));
    list.push(("verdict", scenario.verdict.to_string()));
    list.extend(waiver(results, case).map(|waiver| ("waiver", waiver)));
    list.extend(
        scenario
            .evidence
            .iter()
            .map(|file| ("evidence", file.path.clone())),
    );
    list
}

/// Adds `<properties>` to each `<testcase>`, in their order.
fn with_properties(plain: &[u8], properties: &[Vec<Property>]) -> anyhow::Result<Vec<u8>> {
    let mut reader = Reader::from_reader(plain);
    let mut writer = Writer::new(Cursor::new(Vec::new()));
    let mut next = properties.iter();
    loop {
        match reader
            .read_event()
            .context("the JUnit report does not read")?
        {
            Event::Eof => break,
            Event::Start(start) if start.name().as_ref() == b"testcase" => {
                writer.write_event(Event::Start(start))?;
                write_properties(&mut writer, next.next())?;
            }
            Event::Empty(empty) if empty.name().as_ref() == b"testcase" => {
                writer.write_event(Event::Start(empty))?;
                write_properties(&mut writer, next.next())?;
                writer.write_event(Event::End(BytesEnd::new("testcase")))?;
            }
            other => writer.write_event(other)?,
        }
    }
    anyhow::ensure!(next.next().is_none(), "the JUnit report lost a test case");
    Ok(writer.into_inner().into_inner())
}

fn write_properties(
    writer: &mut Writer<Cursor<Vec<u8>>>,
    properties: Option<&Vec<Property>>,
) -> anyhow::Result<()> {
    let Some(properties) = properties.filter(|list| !list.is_empty()) else {
        return Ok(());
    };
    writer.write_event(Event::Start(BytesStart::new("properties")))?;
    for (name, value) in properties {
        let mut property = BytesStart::new("property");
        property.push_attribute(("name", *name));
        property.push_attribute(("value", clean(value).as_str()));
        writer.write_event(Event::Empty(property))?;
    }
    writer.write_event(Event::End(BytesEnd::new("properties")))?;
    Ok(())
}

/// Replaces what XML 1.0 cannot hold: a SUT's answer may bear anything.
fn clean(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' | '\n' | '\r' => c,
            '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}' => c,
            _ => '\u{fffd}',
        })
        .collect()
}

/// The same for text that lands in a CDATA section, which ends at `]]>`.
fn clean_cdata(text: &str) -> String {
    clean(text).replace("]]>", "]]]]><![CDATA[>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::Step;
    use crate::model::sut::Waiver;
    use crate::model::verdict::{Keyword, Outcome};
    use crate::report::record::tests::run_info;
    use crate::report::results::{Summary, WaiverResult, WaiverState};

    /// What a hostile SUT may answer.
    const HOSTILE: &str = "]]> </testcase> \u{0} \u{1b}[2J \u{ffff} & \" '";

    fn results() -> Results {
        let step = Step {
            keyword: Keyword::Then,
            text: "it holds".into(),
            line: 3,
            millis: 1,
            at_code: String::new(),
            outcome: Outcome::Unmet {
                expected: "x".into(),
                actual: HOSTILE.into(),
            },
        };
        let scenario = ScenarioResult {
            name: HOSTILE.into(),
            line: 2,
            normative: true,
            verdict: Verdict::Fail,
            reason: HOSTILE.into(),
            seconds: 0.5,
            steps: vec![step],
            evidence: Vec::new(),
            observations: Vec::new(),
            measurements: Vec::new(),
            residue: vec!["the SUT had ended by itself: exit status: 7".into()],
            cut_off: Vec::new(),
        };
        let case = |id: &str, normative, scenarios| CaseResult {
            id: id.into(),
            document: "SEC030".into(),
            clause: "4.2.2.1".into(),
            requirement: String::new(),
            purpose: String::new(),
            keyword: "shall".into(),
            path: "a.feature".into(),
            normative,
            below_capacity: false,
            extended: None,
            waived: false,
            scenarios,
        };
        let excluded = CaseVerdict::NotApplicable {
            item: "delegation-mode".into(),
            reason: HOSTILE.into(),
        };
        Results {
            format: 1,
            run: run_info(),
            ended: None,
            interrupted: None,
            resumed: Vec::new(),
            faults: vec![HOSTILE.into()],
            summary: Summary::default(),
            time: None,
            verdict: Some(Verdict::Fail),
            exit_code: 1,
            cases: vec![
                case("TC_A", Some(CaseVerdict::Fail), vec![scenario]),
                case("TC_B", Some(excluded), Vec::new()),
            ],
            waivers: Vec::new(),
        }
    }

    /// Names of the elements, in order; panics if the text is not well-formed.
    fn elements(xml: &[u8]) -> Vec<String> {
        let mut reader = Reader::from_reader(xml);
        reader.config_mut().check_end_names = true;
        let mut names = Vec::new();
        loop {
            match reader.read_event().expect("well-formed") {
                Event::Eof => return names,
                Event::Start(e) | Event::Empty(e) => {
                    for attribute in e.attributes() {
                        let value = attribute.expect("an attribute").value;
                        assert!(!value.iter().any(|b| *b < 0x20 && !b"\t\n\r".contains(b)));
                    }
                    names.push(String::from_utf8_lossy(e.name().as_ref()).into_owned());
                }
                _ => {}
            }
        }
    }

    #[test]
    fn whatever_a_sut_answers_the_report_is_well_formed() {
        let xml = render(&results()).expect("rendered");
        let names = elements(&xml);
        let count = |name: &str| names.iter().filter(|n| *n == name).count();
        assert_eq!(
            count("testsuite"),
            3,
            "two cases and the harness's own faults"
        );
        assert_eq!(count("testcase"), 3);
        assert_eq!(count("failure"), 1);
        assert_eq!(count("skipped"), 1);
        assert_eq!(count("error"), 1);
        let text = String::from_utf8(xml).expect("UTF-8");
        assert!(
            text.chars().all(|c| c == '\n' || !c.is_control()),
            "{text:?}"
        );
    }

    #[test]
    fn residue_tier_and_an_early_end_are_told() {
        let mut results = results();
        results.interrupted = Some("interrupted by SIGINT".into());
        let text = String::from_utf8(render(&results).expect("rendered")).expect("UTF-8");
        for part in [
            "residue: the SUT had ended by itself: exit status: 7",
            "<property name=\"tier\" value=\"quick\"/>",
            "type=\"Inconclusive\" message=\"interrupted by SIGINT\"",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }

    #[test]
    fn what_is_waived_is_skipped_with_its_verdict_and_a_stale_waiver_is_an_error() {
        let mut results = results();
        results.cases[0].waived = true;
        let waiver = |case: &str, state| WaiverResult {
            waiver: Waiver {
                case: case.into(),
                reason: HOSTILE.into(),
                owner: "o".into(),
                link: None,
                expires: "2027-03-31".parse().expect("a day"),
            },
            state,
        };
        results.waivers = vec![
            waiver("TC_A", WaiverState::Holds),
            waiver("TC_B", WaiverState::NotApplicable),
        ];
        let xml = render(&results).expect("rendered");
        let names = elements(&xml);
        let count = |name: &str| names.iter().filter(|n| *n == name).count();
        assert_eq!(
            (count("failure"), count("skipped"), count("error")),
            (0, 2, 2)
        );
        let text = String::from_utf8(xml).expect("UTF-8");
        for part in [
            "<property name=\"verdict\" value=\"Fail\"/>",
            "<property name=\"waiver\" value=\"TC_A: waived until 2027-03-31 by o",
            "type=\"Waiver\" message=\"TC_B: the waiver of o is not needed",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }
}
