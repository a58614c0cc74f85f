//! What a command prints, as a source: an export of a journal, a dump of a data base. [`work`]

use std::io::{self, Read};
use std::process::{ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::errand::Errand;
use crate::source::limits::Limits;
use crate::source::stream::stream_work;
use crate::source::{Gap, GapKind, Place, Work};

/// The work that runs the command and searches what it prints. A command that fails, that prints nothing, or that takes longer than
/// it may, is told as a gap: nobody knows what it has left out.
pub(crate) fn work<'s>(
    written: String,
    words: Vec<String>,
    limit: Duration,
    limits: &'s Limits,
) -> Work<'s> {
    Box::new(move |visitor| match Output::of(&words, limit) {
        Ok(output) => stream_work(&written, Box::new(output), limits)(visitor),
        Err(error) => {
            let place = Place {
                source: written,
                ..Place::default()
            };
            let gap = Gap {
                kind: GapKind::Unreadable,
                what: format!("{:?} does not start: {error}", words.join(" ")),
                bytes: None,
            };
            visitor.gap(&place, gap);
        }
    })
}

/// What it prints. Its last read fails if the command did.
struct Output {
    errand: Errand,
    output: ChildStdout,
    done: bool,
}

impl Output {
    fn of(words: &[String], limit: Duration) -> io::Result<Self> {
        let (program, arguments) = words
            .split_first()
            .ok_or_else(|| io::Error::other("no command"))?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null());
        let (errand, _, output) = Errand::start(command, Some(limit))?;
        Ok(Self {
            errand,
            output,
            done: false,
        })
    }
}

impl Read for Output {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.output.read(buffer)? {
            0 if !buffer.is_empty() && !self.done => {
                self.done = true;
                self.errand.finish().map(|()| 0)
            }
            read => Ok(read),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::testing::Seen;

    fn searched(line: &str) -> (Vec<String>, Vec<String>) {
        let limits = Limits::default();
        let words = ["sh", "-c", line].map(str::to_owned).to_vec();
        let seen = Seen::new(b"key");
        work(
            "export x".to_owned(),
            words,
            Duration::from_secs(600),
            &limits,
        )(&seen);
        (seen.found(), seen.gaps())
    }

    #[test]
    fn what_is_printed_is_searched_and_what_fails_is_told() {
        let (found, told) = searched("echo a; echo key");
        assert_eq!(found, ["export x @ 2"]);
        assert!(told.is_empty(), "{told:?}");
        let (found, told) = searched("echo key; exit 4");
        assert_eq!(found, ["export x @ 0"]);
        assert!(told[0].contains("exit status: 4"), "{told:?}");
        let (_, told) = searched("true");
        assert!(told[0].contains("nothing came"), "{told:?}");
    }
}
