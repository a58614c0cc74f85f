//! The command that leads there, while it runs: [`Line`].

use std::io::{self, BufReader, Write as _};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use super::SUBCOMMAND;
use super::wire::Ask;
use crate::errand::Errand;

/// The running command. What it runs there ends with its input.
pub(super) struct Line {
    // Fields are dropped in this order: the end of its input tells the program there to stop and to take its canaries away.
    input: Option<ChildStdin>,
    errand: Errand,
    pub(super) output: BufReader<ChildStdout>,
}

impl Line {
    /// Starts it.
    pub(super) fn start(
        program: &str,
        arguments: &[String],
        patience: Option<Duration>,
    ) -> io::Result<Self> {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .arg(SUBCOMMAND)
            .stdin(Stdio::piped());
        let (errand, input, output) = Errand::start(command, patience)?;
        Ok(Self {
            input,
            errand,
            output: BufReader::with_capacity(1 << 20, output),
        })
    }

    /// Says something, with bytes behind it.
    pub(super) fn ask(&mut self, ask: &Ask, bytes: &[u8]) -> io::Result<()> {
        let input = self.input.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        ask.write(input)?;
        input.write_all(bytes)?;
        input.flush()
    }

    /// It has answered: what follows may take as long as it takes.
    pub(super) fn heard(&mut self) {
        self.errand.heard();
    }

    /// What went wrong, in the command's own words where it has some.
    pub(super) fn why(&mut self, error: &io::Error) -> String {
        self.input = None;
        self.errand.why(error)
    }
}
