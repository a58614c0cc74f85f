//! What a judge was told, looked up in what was kept raw: transcripts, archives, looks.

mod answers;
mod identifiers;
mod lifecycle;
mod looks;
mod offers;
mod searched;
mod transcript;

use super::{Scene, Verification};
use crate::model::question::Question;
use crate::pack::Pack;
use transcript::Transcript;

/// Checks the transcript in itself, and every question against it.
pub fn check(scene: &Scene<'_>, found: &mut Verification) {
    let path = scene.path("transcript.jsonl");
    let bytes = scene.bytes_of(&path, Pack::read);
    let text = bytes.as_deref().unwrap_or_default();
    // The one file that is long: while one processor digests it, another reads it.
    let (transcript, ()) = rayon::join(
        || Transcript::read(&path, text, found),
        || {
            bytes
                .iter()
                .for_each(|bytes| scene.pack.digest(&path, bytes))
        },
    );
    found.figures.exchanges += transcript.len();
    let mut files = looks::Files::read(scene, found);
    for asked in &scene.questions {
        let mut facts = Facts {
            path: &asked.path,
            transcript: &transcript,
            found,
        };
        answers::check(&asked.question, scene.profile, &mut facts);
        match &asked.question {
            Question::Accepted { offers, .. } => offers::valid(scene, offers, &mut facts),
            Question::Refused {
                before,
                flawed,
                after,
                ..
            } => {
                offers::valid(scene, before, &mut facts);
                offers::flawed(scene, flawed, &mut facts);
                offers::valid(scene, after, &mut facts);
            }
            Question::Unique { rounds, notified } | Question::Notified { rounds, notified } => {
                identifiers::check(rounds, notified, &mut facts);
            }
            Question::KeyProtected { keys, looks } | Question::KeyDeleted { keys, looks, .. } => {
                files.check(keys, looks, &mut facts);
            }
            Question::ChannelsProtected { uses } => looks::channels(uses, &mut facts),
            Question::OamRefused {
                before,
                refused,
                after,
            } => looks::connections(scene, [before, refused, after], &mut facts),
            // What these are told is not kept in a second form.
            Question::KeysDiffer { .. }
            | Question::KeysStrong { .. }
            | Question::TokenProtects { .. }
            | Question::TokenEmptied { .. }
            | Question::PossessionProved { .. }
            | Question::AttemptsEnd { .. }
            | Question::NotInstalled { .. } => {}
        }
    }
    files.told(scene, found);
}

/// The facts of one question, and where they are looked up.
struct Facts<'a> {
    /// The question's file.
    path: &'a str,
    transcript: &'a Transcript<'a>,
    found: &'a mut Verification,
}

impl Facts<'_> {
    /// One fact of the question was looked up: it holds, or what follows is told.
    fn fact(&mut self, field: &str, said: impl ToString, holds: bool, follows: impl ToString) {
        self.found.figures.facts += 1;
        if !holds {
            self.found
                .miss(self.path, field, said.to_string(), follows.to_string());
        }
    }
}
