//! `scas run --interactive`: asks who sits at the terminal. Main type: [`Terminal`].

use std::io::BufRead as _;

use futures::future::BoxFuture;
use tokio::sync::{Mutex, mpsc};

use super::progress::Speaker;
use crate::operator::{Asked, Person, Reply, Way};
use crate::report::terminal::visible;

/// Who reads standard error and writes to standard input: a person at a terminal, or a program that plays one.
pub struct Terminal {
    speaker: Speaker,
    sitting: Mutex<Sitting>,
}

struct Sitting {
    lines: mpsc::UnboundedReceiver<String>,
    /// Asked for once.
    name: Option<String>,
}

impl Terminal {
    /// Listens to standard input from now on. `name` is who tests, if the profile says it.
    pub fn new(speaker: Speaker, name: Option<String>) -> Self {
        let (told, lines) = mpsc::unbounded_channel();
        // A thread of its own: it may wait for a line that never comes, which must not keep the program from ending.
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines().map_while(Result::ok) {
                if told.send(line).is_err() {
                    break;
                }
            }
        });
        Self {
            speaker,
            sitting: Mutex::new(Sitting { lines, name }),
        }
    }

    async fn answer(&self, asked: &Asked) -> Option<Reply> {
        let sitting = &mut *self.sitting.lock().await;
        self.speaker.say(&format!(
            "{}: this is for you to do ({}):\n    {}\nDone? Answer y, or n and why not:",
            visible(&asked.scenario),
            asked.step,
            visible(&asked.instruction)
        ));
        let (done, remark) = loop {
            let line = sitting.lines.recv().await?;
            if let Some(answer) = understood(&line) {
                break answer;
            }
            self.speaker
                .say("Answer y if it is done, or n and why not:");
        };
        let name = match &sitting.name {
            Some(name) => name.clone(),
            None => self.who(sitting).await?,
        };
        Some(Reply {
            done,
            name,
            remark,
            by: Way::Interactive,
        })
    }

    async fn who(&self, sitting: &mut Sitting) -> Option<String> {
        loop {
            self.speaker.say("Your name, for the record:");
            let line = sitting.lines.recv().await?;
            let name = line.trim();
            if !name.is_empty() {
                sitting.name = Some(name.to_owned());
                return sitting.name.clone();
            }
        }
    }
}

impl Person for Terminal {
    fn ask<'a>(&'a self, asked: &'a Asked) -> BoxFuture<'a, Option<Reply>> {
        Box::pin(self.answer(asked))
    }
}

/// Whether it was done, and what else was said.
fn understood(line: &str) -> Option<(bool, Option<String>)> {
    let line = line.trim();
    let (word, rest) = line
        .split_once(|c: char| c.is_whitespace() || c == ',' || c == ':')
        .unwrap_or((line, ""));
    let done = match word.to_lowercase().as_str() {
        "y" | "yes" => true,
        "n" | "no" => false,
        _ => return None,
    };
    let rest = rest.trim();
    Some((done, (!rest.is_empty()).then(|| rest.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yes_and_no_are_understood_and_nothing_else() {
        assert_eq!(understood(" Yes\r"), Some((true, None)));
        assert_eq!(
            understood("n, it is broken"),
            Some((false, Some("it is broken".to_owned())))
        );
        for unclear in ["", "maybe", "done?", "yn"] {
            assert_eq!(understood(unclear), None, "{unclear}");
        }
    }
}
