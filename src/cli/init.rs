//! `scas init`: the profile of a product, to fill in. Asks what only the user knows, if there is a terminal to ask on.

use std::collections::BTreeSet;
use std::io::{BufRead, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::{Failure, Outcome};
use crate::catalogue::Catalogue;
use crate::model::clause::Role;
use crate::profile::labels::{self, Label};
use crate::profile::{Answers, Claim, Shape, schema, template, wanted};

/// Writes the profile of a product, with every label explained.
///
/// On a terminal it asks first what only you know; Enter leaves a question open. What is left open says "<fill in" in the
/// file, and `scas check --sut` names each such place. A file that is there is never overwritten.
#[derive(clap::Args)]
pub struct Args {
    /// The file to write, e.g. my-product.toml
    #[arg(value_name = "FILE", required_unless_present_any = ["schema", "labels"])]
    file: Option<PathBuf>,
    /// Ask nothing
    #[arg(long, short)]
    yes: bool,
    /// Print the JSON schema of profiles instead, for editors and validators
    #[arg(long, conflicts_with_all = ["file", "labels"])]
    schema: bool,
    /// Print every label as a table in Markdown instead, as in docs/profile.md
    #[arg(long, conflicts_with = "file")]
    labels: bool,
}

/// Runs the subcommand.
///
/// # Errors
/// The file is there already, or cannot be written.
pub fn run(args: &Args) -> Outcome {
    if args.schema {
        super::print_json(&schema::schema())?;
    }
    if args.labels {
        super::print(&labels::table());
    }
    let Some(file) = &args.file else {
        return Ok(0);
    };
    // Before anything is asked; `write` makes sure again.
    if file.exists() {
        return Err(Failure::Usage(there_already(file)));
    }
    let catalogue = Catalogue::embedded().map_err(|error| Failure::Harness(error.into()))?;
    let claims = claims(&catalogue);
    let asks = !args.yes && std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let answers = if asks {
        ask(
            &claims,
            &mut std::io::stdin().lock(),
            &mut std::io::stdout().lock(),
        )
        .context("cannot ask on this terminal")
        .map_err(Failure::Usage)?
    } else {
        Answers::new()
    };
    let text = template(&claims, &answers);
    write(file, &text).map_err(Failure::Usage)?;
    super::print(&told(file, &text));
    Ok(0)
}

fn there_already(file: &Path) -> anyhow::Error {
    anyhow::anyhow!(
        "{}: is there already, and is not overwritten; name another file",
        file.display()
    )
}

fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    let opened = std::fs::File::options()
        .write(true)
        .create_new(true)
        .open(file);
    match opened {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(there_already(file)),
        opened => opened
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .with_context(|| format!("cannot write {}", file.display())),
    }
}

/// What is left to do, with lines.
fn told(file: &Path, text: &str) -> String {
    let findings = Shape::of(text).findings;
    let mut told = format!("{} is written", file.display());
    if findings.is_empty() {
        told += ".\n";
    } else {
        told += "; still to be filled in:\n";
        for finding in findings {
            let line = finding
                .line
                .map_or(String::new(), |line| format!("line {line}: "));
            told += &format!("  {line}{}\n", finding.label);
        }
    }
    told + &format!("Then: scas check --sut {}\n", file.display())
}

/// The ICS items that the test cases of a VNFM ask for, in the suite's order.
fn claims(catalogue: &Catalogue) -> Vec<Claim> {
    let mut claims: Vec<Claim> = Vec::new();
    let documented: BTreeSet<&str> = catalogue.cases.iter().flat_map(wanted).collect();
    for case in catalogue
        .cases
        .iter()
        .filter(|case| case.role.binds(Role::Vnfm))
    {
        for item in case.applicability.items() {
            match claims.iter_mut().find(|claim| claim.item == item) {
                Some(claim) => claim.cases.push(case.id.clone()),
                None => claims.push(Claim {
                    item: item.to_owned(),
                    cases: vec![case.id.clone()],
                    documented: documented.contains(item),
                }),
            }
        }
    }
    claims
}

/// Labels that are asked for beside those that must be there, in this order.
const ASKED: [&str; 6] = [
    "sut.lab",
    "sut.tester",
    "ixit.accepted-at",
    "ixit.api.root",
    "ixit.api.running",
    COMMAND,
];
/// Needed by a product that does not run by itself.
const COMMAND: &str = "ixit.start.command";
/// What is asked for besides of a product that runs by itself: how it and the tester find and know each other.
const ASKED_OF_RUNNING: [&str; 6] = [
    "ixit.nfvo.listen",
    "ixit.nfvo.name",
    "ixit.nfvo.security",
    "ixit.pki",
    "ixit.api.anchors",
    "ixit.api.authentication.kind",
];

fn ask(
    claims: &[Claim],
    input: &mut impl BufRead,
    output: &mut impl Write,
) -> std::io::Result<Answers> {
    let mut answers = Answers::new();
    writeln!(
        output,
        "Enter leaves a question open; the file says later what is missing."
    )?;
    let all = labels::labels();
    let mut told = String::new();
    // A table that need not be there is the user's to write, with what it must hold.
    let must = |label: &&Label| {
        let table = label.path.rsplit_once('.').map_or("", |(table, _)| table);
        let in_required_table = all
            .iter()
            .any(|other| other.path == table && other.required);
        label.required && in_required_table && !label.is_table && label.path != "sut.role"
    };
    let further = ASKED
        .iter()
        .chain(&ASKED_OF_RUNNING)
        .filter_map(|path| all.iter().find(|label| label.path == *path));
    for label in all.iter().filter(must).chain(further) {
        let running = answers.get("ixit.api.running").map(String::as_str);
        let runs = running == Some("true");
        let of_others = if runs {
            label.path == COMMAND
        } else {
            ASKED_OF_RUNNING.contains(&label.path.as_str())
        };
        if of_others {
            continue;
        }
        // Its labels are worded as parts of the table.
        let table = label.path.rsplit_once('.').map_or("", |(table, _)| table);
        if table != told {
            let about = all.iter().find(|other| other.path == table);
            if let Some(about) = about {
                writeln!(output, "\n[{table}] {}", about.meaning)?;
            }
            table.clone_into(&mut told);
        }
        let default = label.default.as_ref().or(label.example.as_ref());
        let default = default.map_or(String::new(), |default| format!(" [{default}]"));
        loop {
            write!(
                output,
                "\n{}\n{} ({}){default}: ",
                label.meaning, label.path, label.kind
            )?;
            let Some(line) = read(input, output)? else {
                return Ok(answers);
            };
            if line.is_empty() {
                break;
            }
            let value = value(label, &line);
            if let Some(wrong) = wrong(&label.path, &value) {
                writeln!(output, "{wrong}")?;
                continue;
            }
            answers.insert(label.path.clone(), value);
            break;
        }
    }
    for claim in claims {
        loop {
            let cases = claim.cases.join(", ");
            write!(
                output,
                "\nDoes the product claim '{}' (decides about {cases})? (yes, no): ",
                claim.item
            )?;
            let Some(line) = read(input, output)? else {
                return Ok(answers);
            };
            let answer = match line.to_lowercase().as_str() {
                "" => break,
                "y" | "yes" => "true".to_owned(),
                "n" | "no" => {
                    write!(output, "Why not? The report repeats it: ")?;
                    let reason = read(input, output)?.unwrap_or_default();
                    if reason.is_empty() {
                        continue;
                    }
                    format!("{{ supported = false, reason = {} }}", text(&reason))
                }
                _ => continue,
            };
            answers.insert(format!("ics.{}", claim.item), answer);
            break;
        }
        let label = format!("documents.{}", claim.item);
        let claimed = answers.get(&format!("ics.{}", claim.item));
        if claim.documented && claimed.is_some_and(|answer| answer == "true") {
            write!(
                output,
                "\nWhere does its documentation describe that, e.g. \"manual, section 4.2\"? Without it the test cases are \
                 Inconclusive.\n{label} (text): "
            )?;
            let Some(line) = read(input, output)? else {
                return Ok(answers);
            };
            if !line.is_empty() {
                answers.insert(label, text(&line));
            }
        }
    }
    writeln!(output)?;
    Ok(answers)
}

/// One line without its end; none at the end of the input.
fn read(input: &mut impl BufRead, output: &mut impl Write) -> std::io::Result<Option<String>> {
    output.flush()?;
    let mut line = String::new();
    let many = input.read_line(&mut line)?;
    Ok((many > 0).then(|| line.trim().to_owned()))
}

/// What was typed, as TOML writes it.
fn value(label: &Label, typed: &str) -> String {
    if label.kind.starts_with("number") {
        return typed.to_owned();
    }
    if label.kind.starts_with("`true`") {
        return match typed {
            "y" | "yes" => "true",
            "n" | "no" => "false",
            "true" | "false" => typed,
            // To be told as what it is.
            _ => return text(typed),
        }
        .to_owned();
    }
    if label.kind.starts_with("list") {
        let words: Vec<_> = typed.split_whitespace().map(text).collect();
        return format!("[{}]", words.join(", "));
    }
    // With quotes, as the file would have it, or without.
    let bare = typed
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    text(bare.unwrap_or(typed))
}

fn text(typed: &str) -> String {
    toml::Value::String(typed.to_owned()).to_string()
}

/// Why a value cannot stand there, if it cannot.
fn wrong(label: &str, value: &str) -> Option<String> {
    let written = format!("{label} = {value}");
    let findings = Shape::of(&written).findings;
    // That the rest of the profile is missing is another matter.
    let of_label = findings
        .iter()
        .find(|finding| finding.label.is_empty() || finding.label.starts_with(label));
    of_label.map(|finding| finding.text.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(typed: &str) -> (Answers, String) {
        let claims = [Claim {
            item: "vnf-instance-id".into(),
            cases: vec!["TC_A".into()],
            documented: true,
        }];
        let mut output = Vec::new();
        let answers = ask(&claims, &mut typed.as_bytes(), &mut output).unwrap();
        (answers, String::from_utf8(output).unwrap())
    }

    #[test]
    fn answers_become_values_and_enter_leaves_a_question_open() {
        let (answers, _) = asked("A \"fine\"\n\n");
        assert_eq!(answers["sut.name"], "'A \"fine\"'");
        assert_eq!(answers.len(), 1, "the input ended: {answers:?}");
    }

    /// What is typed where everything else is left open.
    fn typed(answers: &[(&str, &str)]) -> String {
        let mut typed = String::new();
        // An answer may bring further questions, so each is looked for in what was asked so far.
        for (label, answer) in answers {
            let asked = asked(&format!("{typed}{}", "\n".repeat(80))).1;
            let questions: Vec<&str> = asked
                .lines()
                .filter(|line| line.contains(" (") && line.ends_with(": "))
                .collect();
            let at = questions.iter().position(|line| line.contains(label));
            let at = at.unwrap_or_else(|| panic!("{label} is not asked for: {asked}"));
            typed += &"\n".repeat(at - typed.matches('\n').count());
            typed += &format!("{answer}\n");
        }
        typed
    }

    #[test]
    fn of_a_product_that_runs_is_asked_how_it_and_the_tester_find_and_know_each_other() {
        assert!(!asked(&"\n".repeat(80)).1.contains("ixit.pki"));
        let typed = typed(&[
            ("ixit.api.running", "yes"),
            ("ixit.nfvo.listen", "0.0.0.0:9990"),
            ("ixit.pki", "lab-pki"),
            ("ixit.api.authentication.kind", "token"),
            ("claim 'vnf-instance-id'", "yes"),
            ("documents.vnf-instance-id", "manual, 4.2"),
        ]);
        let (answers, told) = asked(&typed);
        for (label, value) in [
            ("ixit.nfvo.listen", "\"0.0.0.0:9990\""),
            ("ixit.pki", "\"lab-pki\""),
            ("ixit.api.authentication.kind", "\"token\""),
            ("documents.vnf-instance-id", "\"manual, 4.2\""),
        ] {
            assert_eq!(
                answers.get(label).map(String::as_str),
                Some(value),
                "{told}"
            );
        }
        assert!(!told.contains(COMMAND), "{told}");
        let about = "[ixit.nfvo] The simulated NFVO that the product is configured to reach.\n\nWhere it listens";
        assert!(told.contains(about), "{told}");
    }

    #[test]
    fn what_cannot_be_is_asked_again_with_the_reason() {
        let questions = asked(&"\n".repeat(50)).1;
        let before = questions
            .lines()
            .filter(|line| line.ends_with(": ") || line.contains(" ("))
            .collect::<Vec<_>>();
        let quick = before
            .iter()
            .filter(|line| line.contains(" ("))
            .position(|line| line.starts_with("ixit.capacity.quick"));
        let typed = format!("{}one\n1\n50\n", "\n".repeat(quick.unwrap()));
        let (answers, told) = asked(&typed);
        assert_eq!(answers["ixit.capacity.quick"], "50");
        assert!(told.contains("1 is out of range 2 to 100000000"), "{told}");
    }

    #[test]
    fn a_no_wants_a_reason() {
        let open = asked(&"\n".repeat(50)).1;
        let questions = open.matches("): ").count() + open.matches("]: ").count();
        let typed = format!(
            "{}no\n\nno\nonly one vendor's\n",
            "\n".repeat(questions - 1)
        );
        let (answers, told) = asked(&typed);
        let expected = "{ supported = false, reason = \"only one vendor's\" }";
        assert_eq!(
            answers.get("ics.vnf-instance-id").map(String::as_str),
            Some(expected),
            "{told}"
        );
    }
}
