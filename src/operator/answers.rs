//! Answers that were prepared, for a lab where nobody sits at the terminal: [`Answers`].

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;

use super::{Reply, Way};
use crate::catalogue::nearest;

/// A file of answers, as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Answers {
    /// Who answers for what has no name of its own.
    name: String,
    /// By the label of the profile at which a person is asked.
    #[serde(default)]
    answer: BTreeMap<String, Answer>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Answer {
    done: bool,
    name: Option<String>,
    remark: Option<String>,
}

/// What such a file looks like.
const EXAMPLE: &str = "write e.g.\n    name = \"A. Tester\"\n    [answer.\"ixit.commands.restart\"]\n    done = true\n    remark = \
                       \"by the script of the lab\"";

impl Answers {
    /// Reads a file. `steps` are the labels at which the profile asks a person.
    ///
    /// # Errors
    /// The file cannot be read, or answers what nobody asks; it is named, with what to write instead.
    pub fn read(path: &Path, steps: &[&str]) -> anyhow::Result<Self> {
        let named = || format!("--answers {}", path.display());
        ensure!(path.is_file(), "{}: is no file; {EXAMPLE}", named());
        let text = std::fs::read_to_string(path).with_context(named)?;
        let answers: Self = toml::from_str(&text).map_err(|error| {
            let line = error
                .span()
                .map_or(1, |span| 1 + text[..span.start].matches('\n').count());
            anyhow::anyhow!("{} line {line}: {}; {EXAMPLE}", named(), error.message())
        })?;
        let mut names = vec![("name".to_owned(), &answers.name)];
        for (step, answer) in &answers.answer {
            names.extend(
                answer
                    .name
                    .as_ref()
                    .map(|name| (format!("answer.\"{step}\".name"), name)),
            );
            if !steps.contains(&step.as_str()) {
                match (nearest(step, steps.iter().copied()), steps) {
                    (Some(near), _) => bail!(
                        "{}: the profile asks nobody for \"{step}\"; did you mean \"{near}\"?",
                        named()
                    ),
                    (None, []) => bail!(
                        "{}: the profile asks nobody for \"{step}\", nor for anything else: no label has {{ operator = \"...\" }}",
                        named()
                    ),
                    (None, steps) => bail!(
                        "{}: the profile asks nobody for \"{step}\"; it asks for {}",
                        named(),
                        steps.join(", ")
                    ),
                }
            }
        }
        for (label, name) in names {
            ensure!(
                !name.trim().is_empty(),
                "{}: {label} is empty; write who answers for it",
                named()
            );
        }
        Ok(answers)
    }

    /// The answer for a step, if there is one.
    pub(super) fn reply(&self, step: &str) -> Option<Reply> {
        let answer = self.answer.get(step)?;
        Some(Reply {
            done: answer.done,
            name: answer.name.clone().unwrap_or_else(|| self.name.clone()),
            remark: answer.remark.clone(),
            by: Way::Prepared,
        })
    }
}
