//! `scas new`: the feature of a requirement that has none, to be filled in.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::{Failure, Outcome};
use crate::catalogue::{Catalogue, nearest};
use crate::model::clause::{Clause, Document, Requirement};

/// Starts the feature of a requirement that has none.
///
/// The file has blanks to fill in, and `scas check` finds those that are left. Nothing is ever overwritten.
#[derive(clap::Args)]
pub struct Args {
    /// Id of the requirement, for instance Vnfm.Sc.005 (`scas list` has them all)
    #[arg(value_name = "ID")]
    id: String,
    /// The folder of the suite
    #[arg(long, value_name = "DIR", default_value = "features")]
    features: PathBuf,
}

/// Runs the subcommand.
///
/// # Errors
/// Nobody knows the requirement, it has a test case already, or the file cannot be made.
pub fn run(args: Args) -> Outcome {
    let catalogue = Catalogue::survey(&args.features);
    let (path, document, requirement) = create(&catalogue, &args.id).map_err(Failure::Usage)?;
    super::print(&format!(
        "{}: fill in what stands in < >, then take `untested` out at {}:{}\n",
        path.display(),
        document.path.display(),
        requirement.line
    ));
    Ok(0)
}

fn create<'a>(
    catalogue: &'a Catalogue,
    id: &str,
) -> anyhow::Result<(PathBuf, &'a Document, &'a Requirement)> {
    let Some((document, clause, requirement)) = catalogue.requirement(id) else {
        let ids = catalogue
            .requirements()
            .map(|(_, _, requirement)| requirement.id.as_str());
        match nearest(id, ids) {
            Some(near) => bail!("no requirement is called `{id}`: did you mean `{near}`?"),
            None => bail!(
                "no requirement in {} is called `{id}`: `scas list` shows all, --features names another folder",
                catalogue.root().display()
            ),
        }
    };
    if let Some(case) = catalogue.case(id) {
        bail!(
            "{} tests `{id}` already: add scenarios there",
            case.path.display()
        );
    }
    let path = path(document, clause, requirement)?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)
        .with_context(|| {
            format!(
                "cannot make {}: move what is there away first",
                path.display()
            )
        })?;
    file.write_all(template(document, clause, requirement).as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok((path, document, requirement))
}

/// Beside the document's clauses; for an annex in its own folder. Named by clause and id, or by what it is about where
/// the id says no more than the clause.
fn path(
    document: &Document,
    clause: &Clause,
    requirement: &Requirement,
) -> anyhow::Result<PathBuf> {
    let mut folder = document
        .path
        .parent()
        .map(Path::to_owned)
        .with_context(|| format!("{} is in no folder", document.path.display()))?;
    if let Some(annex) = clause
        .number
        .chars()
        .next()
        .filter(char::is_ascii_alphabetic)
    {
        folder.push(format!("annex-{}", annex.to_ascii_lowercase()));
    }
    let slug = match requirement.id.strip_prefix(&clause.number) {
        Some(rest) => slug(&format!("{rest} {}", requirement.summary)),
        None => slug(
            requirement
                .id
                .strip_prefix("TC_")
                .unwrap_or(&requirement.id),
        ),
    };
    Ok(folder.join(format!("{}_{slug}.feature", clause.number)))
}

/// Lower-case words with underscores between, at most 45 letters.
fn slug(text: &str) -> String {
    let words = text.to_lowercase().replace('\'', "");
    let mut slug = String::new();
    for word in words
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
    {
        if slug.len() + word.len() >= 45 {
            break;
        }
        if !slug.is_empty() {
            slug.push('_');
        }
        slug.push_str(word);
    }
    slug
}

fn template(document: &Document, clause: &Clause, requirement: &Requirement) -> String {
    let role = requirement
        .roles
        .first()
        .map_or("<role>", |role| role.as_str());
    let condition = requirement
        .condition
        .as_deref()
        .unwrap_or("<always, or ICS items>");
    format!(
        "# SPDX-License-Identifier: Apache-2.0
Feature: {id}
  Clause: {document} {clause}
  Role: {role}
  Requirement: {summary}. <more in our own words, or nothing>
  Reference: {document} {clause}, {id}
  Threat: <what could happen>
  Threatened asset: <to what>
  Purpose: <what the test finds out>
  Applicability: {condition}
  Keyword: {modality}
  Evidence: <what a run leaves behind for a third person>
  Defects: <deviations of the reference that this case must catch>

  Background:
    Given the documentation of the {role} describes \"<label>\"

  @normative
  Scenario: <what it shows>
    Given <pre-condition>
    When <execution step>
    Then <expected result>
",
        id = requirement.id,
        document = document.id,
        clause = clause.number,
        summary = requirement.summary,
        modality = requirement.modality,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::test_suite::TestSuite;

    #[test]
    fn a_new_feature_reads_as_gherkin_and_every_blank_is_found() {
        let dir = TestSuite::new().write();
        let catalogue = Catalogue::survey(dir.path());
        let (made, ..) = create(&catalogue, "TC_ABSENT").unwrap();
        let path = dir.path().join("nfv-sec-030/4.2.2.2_absent.feature");
        assert_eq!(made, path);
        let text = fs::read_to_string(&path).unwrap();
        let catalogue = Catalogue::survey(dir.path());
        let found: Vec<_> = catalogue
            .problems()
            .iter()
            .filter(|finding| finding.path == path)
            .collect();
        for (index, line) in text
            .lines()
            .enumerate()
            .filter(|(_, line)| line.contains('<'))
        {
            assert!(
                found.iter().any(|finding| finding.line == index + 1),
                "nobody objects to `{line}`"
            );
        }
        assert!(
            !found
                .iter()
                .any(|finding| finding.what.contains("not Gherkin")),
            "{found:?}"
        );

        let filled = text
            .replace(
                "<deviations of the reference that this case must catch>",
                "a-defect",
            )
            .replace("  Role: NFV-MANO", "  Role: SM")
            .replace(['<', '>'], "");
        fs::write(&path, filled).unwrap();
        let catalogue = Catalogue::from_dir(dir.path()).unwrap();
        assert!(
            catalogue.case("TC_ABSENT").is_some(),
            "filled in, it is a test case"
        );
    }

    #[test]
    fn nothing_is_overwritten_and_unknown_ids_are_named() {
        let dir = TestSuite::new().write();
        let catalogue = Catalogue::survey(dir.path());
        let error = |id: &str| format!("{:#}", create(&catalogue, id).unwrap_err());
        assert!(error("TC_ABSEND").contains("did you mean `TC_ABSENT`?"));
        assert!(error("Elephant").contains("no requirement in"));
        assert!(error("TC_UNIQUE").contains("4.2.2.2_unique.feature tests `TC_UNIQUE` already"));
        let path = dir.path().join("nfv-sec-030/4.2.2.2_absent.feature");
        fs::write(&path, "mine").unwrap();
        assert!(error("TC_ABSENT").contains("move what is there away first"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }

    #[test]
    fn the_built_in_suite_gives_each_requirement_a_file_of_its_own() {
        let catalogue = Catalogue::survey_embedded();
        let path_of = |id: &str| {
            let (document, clause, requirement) = catalogue.requirement(id).unwrap();
            path(document, clause, requirement)
                .unwrap()
                .display()
                .to_string()
        };
        assert_eq!(
            path_of("Vnfm.Sc.005"),
            "features/nfv-ifa-026/annex-b/B.3_vnfm_sc_005.feature"
        );
        assert_eq!(
            path_of("R1.1.10"),
            "features/nfv-ifa-026/annex-a/A.1_r1_1_10.feature"
        );
        assert_eq!(
            path_of("C.2.1.4"),
            "features/nfv-ifa-026/annex-c/C.2.1.4_a_vnfci_renews_its_own_certificate.feature"
        );
        let mut paths: Vec<_> = catalogue
            .requirements()
            .map(|(_, _, r)| path_of(&r.id))
            .collect();
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), catalogue.requirements().count());
    }
}
