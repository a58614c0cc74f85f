//! What is done to a product that runs by itself, as the profile says: by a program, or by a person. What a person answers is kept.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::power::filled;
use super::sut_process::StartError;
use super::{Testbed, commands};
use crate::exposure::hygiene;
use crate::model::evidence::Observation;
use crate::model::sut::Action;
use crate::operator::{Asked, Reply, Silence};

/// What a scenario keeps of its operator.
#[derive(Default)]
pub(super) struct Operated {
    /// One file for each question.
    pub(super) files: Vec<PathBuf>,
    pub(super) observations: Vec<Observation>,
}

/// A question and its answer, as evidence.
#[derive(Serialize)]
struct Record<'a> {
    #[serde(flatten)]
    asked: &'a Asked,
    asked_at: Timestamp,
    answered_at: Timestamp,
    #[serde(flatten)]
    reply: &'a Reply,
}

impl Testbed {
    /// Does something to the product, and waits until it is done.
    ///
    /// # Errors
    /// The program fails, or the person does not do it, or there is none.
    pub(super) async fn act(&mut self, label: &str, action: &Action) -> Result<(), StartError> {
        self.act_with(label, action, &[]).await
    }

    /// The same, with values of further placeholders.
    ///
    /// # Errors
    /// As for [`Testbed::act`].
    pub(super) async fn act_with(
        &mut self,
        label: &str,
        action: &Action,
        further: &[(&'static str, String)],
    ) -> Result<(), StartError> {
        let dir = self.dir("sut");
        std::fs::create_dir_all(&dir).map_err(|source| StartError::File {
            path: dir.display().to_string(),
            source,
        })?;
        let mut values = self.values("sut", &dir);
        values.extend(further.iter().cloned());
        let times = &self.context.profile.ixit.timeouts;
        let limit = Duration::from_secs(times.start.max(times.stop));
        let output = dir.join("output");
        self.act_within(label, action, &values, &output, limit)
            .await
    }

    /// The same, with these values alone, and not longer than so, if it is a program; `output` is where that may print.
    ///
    /// # Errors
    /// As for [`Testbed::act`].
    pub(super) async fn act_within(
        &mut self,
        label: &str,
        action: &Action,
        values: &BTreeMap<&'static str, String>,
        output: &Path,
        limit: Duration,
    ) -> Result<(), StartError> {
        let texts = action.texts().iter().map(|text| filled(text, values));
        let texts = texts.collect::<Result<Vec<_>, _>>()?;
        match action {
            Action::Command(_) => {
                let running = self.context.profile.ixit.api.running;
                let mark = running.then(hygiene::command_mark);
                commands::run(label, &texts, output, limit, mark).await
            }
            Action::Operator(_) => self.ask_operator(label, texts.join(" ")).await,
        }
    }

    /// Whether something can be done to the product at all, if only a person can do it.
    ///
    /// # Errors
    /// Nobody is there, and no answer was prepared.
    pub(super) fn can_act(&self, label: &str, action: &Action) -> Result<(), StartError> {
        match action {
            Action::Operator(step) if !self.context.operator.answers(label) => {
                Err(StartError::NobodyToDo {
                    label: label.to_owned(),
                    instruction: step.operator.clone(),
                })
            }
            _ => Ok(()),
        }
    }

    async fn ask_operator(&mut self, label: &str, instruction: String) -> Result<(), StartError> {
        let asked = Asked {
            step: label.to_owned(),
            scenario: self.scenario_name(),
            instruction,
        };
        let seconds = self.context.profile.ixit.timeouts.operator;
        let asked_at = Timestamp::now();
        let operator = self.context.operator.clone();
        let not_done = |why: String| StartError::NotDone {
            label: label.to_owned(),
            instruction: asked.instruction.clone(),
            why,
        };
        let reply = match operator.ask(&asked, Duration::from_secs(seconds)).await {
            Ok(reply) => reply,
            Err(Silence::Nobody) => {
                return Err(StartError::NobodyToDo {
                    label: asked.step,
                    instruction: asked.instruction,
                });
            }
            Err(Silence::Gone) => {
                return Err(not_done(
                    "nobody answers, the standard input has ended".to_owned(),
                ));
            }
            Err(Silence::TooLate) => {
                return Err(not_done(format!(
                    "nobody answered within {seconds} s (ixit.timeouts.operator)"
                )));
            }
        };
        self.keep_answer(&Record {
            asked: &asked,
            asked_at,
            answered_at: Timestamp::now(),
            reply: &reply,
        })?;
        if reply.done {
            return Ok(());
        }
        let remark = reply
            .remark
            .map_or(String::new(), |said| format!(": {said}"));
        Err(not_done(format!("{} says so{remark}", reply.name)))
    }

    fn keep_answer(&mut self, record: &Record<'_>) -> Result<(), StartError> {
        let number = self.operated.files.len() + 1;
        let path = self.folder.join(format!("operator-{number}.json"));
        let written = serde_json::to_vec_pretty(record)
            .map_err(std::io::Error::from)
            .and_then(|text| {
                let cleaned = self.context.secrets.clean_bytes(&text);
                std::fs::write(&path, cleaned.map_or(text, |(cleaned, _)| cleaned))
            });
        written.map_err(|source| StartError::File {
            path: path.display().to_string(),
            source,
        })?;
        self.operated.files.push(path);
        let Record { asked, reply, .. } = record;
        let done = if reply.done { "done" } else { "not done" };
        let remark = reply.remark.as_ref();
        let remark = remark.map_or(String::new(), |said| format!(" ({said})"));
        self.operated.observations.push(Observation {
            name: "operator".to_owned(),
            text: format!(
                "{} \"{}\": {done}, says {}{remark}",
                asked.step, asked.instruction, reply.name
            ),
            clause: None,
        });
        Ok(())
    }

    /// Test case and line, from the folder that bears both.
    fn scenario_name(&self) -> String {
        let parts: Vec<_> = self.folder.iter().rev().take(2).collect();
        let parts: Vec<_> = parts
            .iter()
            .rev()
            .map(|part| part.to_string_lossy())
            .collect();
        parts.join(" ")
    }
}
