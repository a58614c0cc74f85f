use super::*;

const REFERENCE: &str = include_str!("../../../fixtures/sut/reference-vnfm.toml");

fn told(from: &str, to: &str) -> Vec<String> {
    assert!(REFERENCE.contains(from), "the profile has no '{from}'");
    let text = REFERENCE.replacen(from, to, 1);
    let findings = Shape::of(&text).findings;
    findings.iter().map(ToString::to_string).collect()
}

fn line(of: &str) -> usize {
    REFERENCE
        .lines()
        .position(|line| line.contains(of))
        .unwrap()
        + 1
}

#[test]
fn the_built_in_profile_has_the_shape() {
    assert_eq!(Shape::of(REFERENCE).findings, []);
}

#[test]
fn a_slip_of_the_pen_is_told_with_its_line_its_label_and_the_nearest_one() {
    assert_eq!(
        told("concurrency = 16", "concurency = 16"),
        [format!(
            "line {}: ixit.capacity.concurency: there is no such label; did you mean `concurrency`?",
            line("concurrency = 16")
        ),]
    );
    assert_eq!(
        told("[ixit.oam]", "retention = 5\n[ixit.oam]"),
        [format!(
            "line {}: ixit.vnfci.retention: there is no such label; did you mean `retention` of [ixit.keys]?",
            line("[ixit.oam]")
        )]
    );
    let strange = told("[ixit.oam]", "zzzzzzzz = 5\n[ixit.oam]");
    assert!(
        strange[0].ends_with("there is no such label; ixit.vnfci has listen"),
        "{strange:?}"
    );
}

#[test]
fn a_wrong_type_is_told_with_what_was_expected_and_what_was_found() {
    for (from, to, expected) in [
        (
            "start = 20",
            "start = \"20\"",
            "ixit.timeouts.start: expected number, 1 to 3600, found a text, in quotes",
        ),
        (
            "retention = 60",
            "retention = 0.5",
            "ixit.keys.retention: expected number, 1 to 86400, found a number with a fraction",
        ),
        (
            "name = \"scas reference VNFM\"",
            "name = 7",
            "sut.name: expected text, found a number",
        ),
        (
            "vnf-instance-id = true",
            "vnf-instance-id = \"yes\"",
            "ics.vnf-instance-id: expected `true` or `false` or table, found a text, in quotes",
        ),
        (
            "refusal-statuses = [422]",
            "refusal-statuses = 422",
            "ixit.refusal-statuses: expected list of number, 400 to 599, found a number",
        ),
        (
            "refusal-statuses = [422]",
            "refusal-statuses = [200]",
            "ixit.refusal-statuses[1]: 200 is out of range 400 to 599",
        ),
        (
            "quick = 2000",
            "quick = 1",
            "ixit.capacity.quick: 1 is out of range 2 to 100000000",
        ),
        (
            "accepted-at = \"create\"",
            "accepted-at = \"instantate\"",
            "ixit.accepted-at: 'instantate' cannot stand here: expected `create` or `instantiate`; did you mean \"instantiate\"?",
        ),
        (
            "listen = \"127.0.0.1:0\"\nsecurity",
            "listen = \"localhost\"\nsecurity",
            "ixit.nfvo.listen: 'localhost' is no IP address with a port",
        ),
        (
            "server-name = \"127.0.0.1\"",
            "address = \"vnfm\"",
            "ixit.oam.address: 'vnfm' is no host and port",
        ),
        (
            "name = \"scas reference VNFM\"",
            "name = \"<fill in: product name>\"",
            "sut.name: is still to be filled in (text)",
        ),
    ] {
        let told = told(from, to);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].contains(expected),
            "{}\nis not\n{expected}",
            told[0]
        );
    }
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_their_lines() {
    let text = REFERENCE
        .replacen("vendor = ", "vendr = ", 1)
        .replacen("start = 20", "start = \"20\"", 1)
        .replacen("attempts = 3", "attempts = 0", 1);
    let findings = Shape::of(&text).findings;
    let labels: Vec<_> = findings
        .iter()
        .map(|finding| finding.label.as_str())
        .collect();
    assert_eq!(
        labels,
        ["sut.vendr", "ixit.timeouts.start", "ixit.keys.attempts"]
    );
}

#[test]
fn what_is_no_toml_is_told_by_its_line_without_the_line() {
    let told = told("answer = 30", "answer = = \"tell-nobody\"");
    assert!(
        told[0].starts_with(&format!("line {}: is not TOML", line("answer = 30"))),
        "{told:?}"
    );
    assert!(!told.concat().contains("tell-nobody"), "{told:?}");
}

#[test]
fn the_line_of_a_label_that_is_not_written_is_that_of_its_table() {
    let shape = Shape::of(REFERENCE);
    assert_eq!(
        shape.line_of("ixit.keys.attempts"),
        Some(line("attempts = 3"))
    );
    assert_eq!(shape.line_of("ixit.oam.address"), Some(line("[ixit.oam]")));
    assert_eq!(shape.line_of("nothing.at.all"), None);
}

/// Somebody else's reading of the schema agrees, on each of the mistakes that a schema can see.
#[test]
fn a_schema_validator_agrees() {
    let validator = jsonschema::validator_for(&schema::schema()).unwrap();
    let valid = |text: &str| {
        let table: toml::Table = text.parse().unwrap();
        validator.is_valid(&serde_json::to_value(table).unwrap())
    };
    assert!(valid(REFERENCE));
    for (from, to) in [
        ("concurrency = 16", "concurency = 16"),
        ("start = 20", "start = \"20\""),
        ("vnf-instance-id = true", "vnf-instance-id = \"yes\""),
        ("refusal-statuses = [422]", "refusal-statuses = [200]"),
        ("quick = 2000", "quick = 1"),
        ("accepted-at = \"create\"", "accepted-at = \"instantate\""),
        ("[documents]", "[documents]\nx = { fil = \"a\" }"),
        ("[documents]", "[[waiver]]\ncase = \"TC_A\"\n[documents]"),
        (
            "command = [\"{scas}\", \"reference\", \"vnfm\", \"--config\", \"{config}\"]",
            "command = []",
        ),
    ] {
        let text = REFERENCE.replacen(from, to, 1);
        assert!(!valid(&text), "{to}");
        assert!(!Shape::of(&text).findings.is_empty(), "{to}");
    }
}
