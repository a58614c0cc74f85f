//! The profile that `scas init` writes: every label with what it is for, from the same doc comments as everything else. Main function:
//! [`template`].

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::labels::{Label, labels};
use super::shape::FILL_IN;

/// What is known already: label to value, as TOML writes it.
pub type Answers = BTreeMap<String, String>;

/// An ICS item that test cases ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its name, also the label of the document that describes it.
    pub item: String,
    /// The test cases that it decides about.
    pub cases: Vec<String>,
    /// Whether they ask where the documentation describes it, under its name.
    pub documented: bool,
}

/// Columns of a comment.
const WIDTH: usize = 110;

/// What holds without them is of no use to a product that runs by itself.
const NEEDED_BY_RUNNING: [&str; 1] = ["ixit.nfvo.listen"];

const HEAD: &str = "\
# The profile of a product: what it is, what it claims, and how to test it.
# Fill in what says \"<fill in\"; `scas check --sut` names each such place with its line. A label that is commented out shows what holds
# without it. docs/testing-your-product.md leads through it, docs/profile.md has every label.
";

/// The text of a profile, complete but for what nobody answered.
#[must_use]
pub fn template(claims: &[Claim], answers: &Answers) -> String {
    let all = labels();
    let mut text = HEAD.to_owned();
    for table in all.iter().filter(|label| is_header(label, &all)) {
        match table.path.as_str() {
            "ics" => ics(&mut text, table, claims, answers),
            "documents" => documents(&mut text, table, claims, answers),
            "waiver" => waiver(&mut text, table, &all),
            _ => plain(&mut text, table, &all, answers),
        }
    }
    text
}

/// A table with a header of its own: one with labels that are known.
fn is_header(label: &Label, all: &[Label]) -> bool {
    label.is_table
        && !label.path.contains('<')
        && (label.path == "ics" || label.path == "documents" || inner(label, all).next().is_some())
}

/// The labels that stand in a table and are values.
fn inner<'a>(table: &'a Label, all: &'a [Label]) -> impl Iterator<Item = (&'a str, &'a Label)> {
    all.iter().filter_map(|label| {
        let name = label.path.strip_prefix(&table.path)?.strip_prefix('.')?;
        let is_value = !name.contains(['.', '<']) && !is_header(label, all);
        is_value.then_some((name, label))
    })
}

fn plain(text: &mut String, table: &Label, all: &[Label], answers: &Answers) {
    let inside = format!("{}.", table.path);
    let runs = answers.get("ixit.api.running").map(String::as_str) == Some("true");
    // A product is started, unless it is known to run by itself.
    let started = table.path == "ixit.start" && !runs;
    let needed = runs
        && NEEDED_BY_RUNNING
            .iter()
            .any(|label| label.starts_with(&inside));
    let answered = answers.keys().any(|label| label.starts_with(&inside));
    let written = table.required || started || needed || answered;
    header(text, table, &format!("[{}]", table.path), written);
    for (name, label) in inner(table, all) {
        let needed = label.required && written || runs && NEEDED_BY_RUNNING.contains(&&*label.path);
        let (value, here) = match (answers.get(&label.path), needed) {
            (Some(answer), _) => (answer.clone(), true),
            (None, true) => (blank(label), true),
            (None, false) => (shown(label), false),
        };
        let mark = if here { "" } else { "# " };
        comment(text, &meaning(label));
        put(text, &format!("{mark}{name} = {value}"));
    }
}

fn ics(text: &mut String, table: &Label, claims: &[Claim], answers: &Answers) {
    header(text, table, "[ics]", true);
    for claim in claims {
        comment(text, &format!("Decides about {}.", claim.cases.join(", ")));
        let answer = answers.get(&format!("ics.{}", claim.item)).cloned();
        let value = answer.unwrap_or_else(|| {
            format!("'{FILL_IN}: true, or {{ supported = false, reason = \"...\" }}>'")
        });
        put(text, &format!("{} = {value}", claim.item));
    }
}

fn documents(text: &mut String, table: &Label, claims: &[Claim], answers: &Answers) {
    header(text, table, "[documents]", true);
    for claim in claims.iter().filter(|claim| claim.documented) {
        if let Some(answer) = answers.get(&format!("documents.{}", claim.item)) {
            put(text, &format!("{} = {answer}", claim.item));
            continue;
        }
        put(
            text,
            &format!(
                "# {} = {{ file = \"manual.pdf\", section = \"4.2\", sha256 = \"...\", checked-by = \"...\", date = 2027-03-31 }}",
                claim.item
            ),
        );
    }
}

fn waiver(text: &mut String, table: &Label, all: &[Label]) {
    header(text, table, "[[waiver]]", false);
    for (name, label) in inner(table, all) {
        put(
            text,
            &format!("# {name} = {}  # {}", shown(label), label.meaning),
        );
    }
}

fn header(text: &mut String, table: &Label, header: &str, written: bool) {
    text.push('\n');
    comment(text, &table.meaning);
    put(
        text,
        &format!("{}{header}", if written { "" } else { "# " }),
    );
}

fn meaning(label: &Label) -> String {
    let range = if label.kind.starts_with("number, ") || label.kind.starts_with('`') {
        format!(" ({})", label.kind)
    } else {
        String::new()
    };
    format!("{}{range}", label.meaning)
}

/// The place of a value that only the user knows, or one to begin with.
fn blank(label: &Label) -> String {
    if let Some(example) = &label.example {
        return example.clone();
    }
    let what = label.meaning.trim_end_matches('.').to_lowercase();
    let what = what.replace(['"', '\\'], "'");
    if label.kind.starts_with("list") {
        format!("[\"{FILL_IN}: {what}>\"]")
    } else {
        format!("\"{FILL_IN}: {what}>\"")
    }
}

/// What holds without the label, or what could stand there.
fn shown(label: &Label) -> String {
    if let Some(default) = &label.default {
        return default.clone();
    }
    match label.kind.as_str() {
        "text" | "host and port" | "address and port" => "\"...\"".to_owned(),
        kind if kind.starts_with("secret") => "{ file = \"...\" }".to_owned(),
        kind if kind.starts_with("list") => "[\"...\"]".to_owned(),
        kind if kind.starts_with("day") => "2027-03-31".to_owned(),
        "table" => "{}".to_owned(),
        _ => "...".to_owned(),
    }
}

fn comment(text: &mut String, words: &str) {
    let mut line = "#".to_owned();
    for word in words.split_whitespace() {
        if line.len() > 1 && line.len() + 1 + word.len() > WIDTH {
            put(text, &line);
            line = "#".to_owned();
        }
        line.push(' ');
        line.push_str(word);
    }
    put(text, &line);
}

fn put(text: &mut String, line: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{line}");
}

#[cfg(test)]
mod tests {
    use super::super::shape::Shape;
    use super::super::{no_environment, parse};
    use super::*;

    fn claims() -> Vec<Claim> {
        let claim = |item: &str| Claim {
            item: item.to_owned(),
            cases: vec!["TC_A".to_owned(), "TC_B".to_owned()],
            documented: item != "delegation-mode",
        };
        vec![claim("vnf-instance-id"), claim("delegation-mode")]
    }

    #[test]
    fn a_blank_profile_names_what_is_to_be_filled_in_and_nothing_else() {
        let text = template(&claims(), &Answers::new());
        let findings = Shape::of(&text).findings;
        for finding in &findings {
            assert!(
                finding.text.starts_with("is still to be filled in"),
                "{finding}\n{text}"
            );
            let line = text.lines().nth(finding.line.unwrap() - 1).unwrap();
            assert!(line.contains(FILL_IN), "{finding}: {line}");
        }
        let labels: Vec<_> = findings
            .iter()
            .map(|finding| finding.label.as_str())
            .collect();
        assert!(
            labels.starts_with(&[
                "sut.name",
                "sut.vendor",
                "sut.version",
                "ics.vnf-instance-id"
            ]),
            "{labels:?}"
        );
        assert_eq!(
            findings.len(),
            text.matches(FILL_IN).count() - 1,
            "the head speaks of it once"
        );
    }

    #[test]
    fn of_a_product_that_runs_the_nfvos_address_is_asked_for_and_answers_stand_where_they_belong() {
        let answers = Answers::from(
            [
                ("ixit.api.running", "true"),
                ("ixit.pki", "\"pki\""),
                ("ixit.api.authentication.kind", "\"none\""),
                ("documents.vnf-instance-id", "\"manual, 2\""),
            ]
            .map(|(label, value)| (label.to_owned(), value.to_owned())),
        );
        let text = template(&claims(), &answers);
        assert!(text.contains("\n[ixit.nfvo]\n"), "{text}");
        assert!(
            text.contains(&format!("\nlisten = \"{FILL_IN}: ")),
            "{text}"
        );
        assert!(text.contains("\n[ixit.api.authentication]\n"), "{text}");
        assert!(
            text.contains("\nvnf-instance-id = \"manual, 2\"\n"),
            "{text}"
        );
        assert!(!text.contains("# delegation-mode = "), "{text}");
        let findings = Shape::of(&text).findings;
        let open = |label: &str| findings.iter().any(|finding| finding.label == label);
        assert!(
            open("ixit.nfvo.listen") && !open("ixit.pki"),
            "{findings:?}"
        );
    }

    #[test]
    fn a_profile_with_every_answer_reads() {
        let blank = template(&claims(), &Answers::new());
        let mut answers = Answers::new();
        for finding in Shape::of(&blank).findings {
            let label = finding.label.trim_end_matches("[1]").to_owned();
            let value = if finding.label.ends_with(']') {
                "[\"/opt/vnfm/run\"]"
            } else if label.starts_with("ics.") {
                "true"
            } else {
                "\"x\""
            };
            answers.insert(label, value.to_owned());
        }
        answers.insert("sut.lab".into(), "\"the lab\"".into());
        let text = template(&claims(), &answers);
        let loaded = parse(&text, "p.toml", std::path::Path::new(""), &no_environment);
        let loaded = loaded.unwrap_or_else(|findings| panic!("{findings}\n{text}"));
        assert_eq!(loaded.profile.sut.lab.as_deref(), Some("the lab"));
    }

    /// What is shown for what holds without a label does hold: with every default written out, the profile reads the same.
    #[test]
    fn what_is_commented_out_would_read() {
        let all = labels();
        let mut answers = Answers::new();
        let by_default = all
            .iter()
            .filter(|label| !label.is_table && !label.path.contains('<'));
        for label in by_default {
            if let Some(default) = &label.default {
                answers.insert(label.path.clone(), default.clone());
            }
        }
        let text = template(&claims(), &answers);
        let findings = Shape::of(&text).findings;
        assert!(
            findings
                .iter()
                .all(|f| f.text.starts_with("is still to be filled in")),
            "{findings:?}"
        );
    }

    #[test]
    fn comments_keep_to_the_width() {
        let text = template(&claims(), &Answers::new());
        for line in text
            .lines()
            .filter(|line| line.starts_with("# ") && !line.contains(" = "))
        {
            assert!(line.len() <= 140, "{line}");
        }
    }
}
