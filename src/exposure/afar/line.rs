//! The command that leads there, while it runs: [`Line`].

use std::io::{self, BufReader, Read, Write as _};
use std::os::fd::AsFd as _;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::SUBCOMMAND;
use super::wire::Ask;
use crate::errand::Errand;

/// The running command. What it runs there ends with its input.
pub(super) struct Line {
    // Fields are dropped in this order: the end of its input tells the program there to stop and to take its canaries away.
    input: Option<ChildStdin>,
    errand: Errand,
    /// How long a silence may last once it has answered.
    silence: Option<Duration>,
    pub(super) output: BufReader<Heard>,
}

/// What it says, as long as it says something.
pub(super) struct Heard {
    output: ChildStdout,
    silence: Option<Duration>,
}

impl Line {
    /// Starts it.
    pub(super) fn start(
        program: &str,
        arguments: &[String],
        patience: Option<Duration>,
        silence: Option<Duration>,
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
            silence,
            output: BufReader::with_capacity(
                1 << 20,
                Heard {
                    output,
                    silence: None,
                },
            ),
        })
    }

    /// Says something, with bytes behind it.
    pub(super) fn ask(&mut self, ask: &Ask, bytes: &[u8]) -> io::Result<()> {
        let input = self.input.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        ask.write(input)?;
        input.write_all(bytes)?;
        input.flush()
    }

    /// It has answered: what follows may take as long as it takes, but for silence.
    pub(super) fn heard(&mut self) {
        self.errand.heard();
        self.output.get_mut().silence = self.silence;
    }

    /// What went wrong, in the command's own words where it has some.
    pub(super) fn why(&mut self, error: &io::Error) -> String {
        self.input = None;
        self.errand.why(error)
    }
}

impl Read for Heard {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(silence) = self.silence {
            let limit = i32::try_from(silence.as_millis()).unwrap_or(i32::MAX);
            let limit = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
            let mut waits = [PollFd::new(self.output.as_fd(), PollFlags::POLLIN)];
            let ready = loop {
                match poll(&mut waits, limit) {
                    Err(nix::errno::Errno::EINTR) => {}
                    other => break other?,
                }
            };
            if ready == 0 {
                let told = format!("it said nothing for {} s", silence.as_secs());
                return Err(io::Error::new(io::ErrorKind::TimedOut, told));
            }
        }
        self.output.read(buffer)
    }
}
