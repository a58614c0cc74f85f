//! As whom attempts are made, and all that is tried of a product: [`Who`], [`Tried`].

use std::io;
use std::path::Path;
use std::process::Command;

use nix::unistd::{Uid, User as Account};
use serde::{Deserialize, Serialize};

use super::{Attempt, CoreDumps, ProbeError, ProbeTargets, User, child_command, core_dumps, run};

/// As whom attempts are made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Who {
    /// A user, by name or number. Only root can become one.
    User(String),
    /// Whoever this command runs another command as: `sudo -n -u nobody`.
    Through(String),
}

/// Nobody can be become.
#[derive(Debug, thiserror::Error)]
pub enum WhoError {
    /// No such user.
    #[error("there is no user '{name}'; give a name or number of that machine's")]
    NoUser {
        /// As written.
        name: String,
    },
    /// No command.
    #[error("no command; give one that runs another as another user, e.g. \"sudo -n -u nobody\"")]
    NoCommand,
    /// The list of users cannot be read.
    #[error("the machine's users cannot be read: {0}")]
    Users(nix::Error),
    /// Our own program cannot be run as another user.
    #[error("our own program: {0}")]
    Program(io::Error),
    /// There was no answer.
    #[error("{}", chain(.0))]
    Probe(#[from] ProbeError),
}

/// What was tried, and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// The attempts.
    pub attempts: Vec<Attempt>,
    /// What a crash would write, by process.
    pub core_dumps: Vec<(u32, CoreDumps)>,
    /// Why nothing was tried, if nothing was.
    pub failed: Option<String>,
}

impl Who {
    /// The command that runs our own program so.
    ///
    /// # Errors
    /// See [`WhoError`].
    pub fn command(&self, program: &Path, arguments: &[String]) -> Result<Command, WhoError> {
        let mut command = match self {
            Self::User(name) => child_command(program, find(name)?).map_err(WhoError::Program)?,
            Self::Through(words) => {
                let mut words = words.split_whitespace();
                let mut command = Command::new(words.next().ok_or(WhoError::NoCommand)?);
                command.args(words).arg(program);
                command
            }
        };
        command.args(arguments);
        Ok(command)
    }

    /// Tries everything, by our own program with the arguments that make it call [`super::answer`].
    pub fn try_all(&self, program: &Path, arguments: &[String], targets: &ProbeTargets) -> Tried {
        let core_dumps = targets.processes.iter().filter_map(|process| {
            // One that has ended meanwhile writes none.
            Some((process.pid, core_dumps(process.pid).ok()?))
        });
        let mut tried = Tried {
            core_dumps: core_dumps.collect(),
            ..Tried::default()
        };
        let command = self.command(program, arguments);
        match command.and_then(|command| Ok(run(command, targets)?)) {
            Ok(attempts) => tried.attempts = attempts,
            Err(error) => tried.failed = Some(error.to_string()),
        }
        tried
    }
}

fn find(name: &str) -> Result<User, WhoError> {
    let number: Option<u32> = name.parse().ok();
    let account = match number {
        Some(number) => Account::from_uid(Uid::from_raw(number)),
        None => Account::from_name(name),
    };
    match (account.map_err(WhoError::Users)?, number) {
        (Some(account), _) => Ok(User {
            uid: account.uid.as_raw(),
            gid: account.gid.as_raw(),
        }),
        // A number need not have a name.
        (None, Some(uid)) => Ok(User { uid, gid: uid }),
        (None, None) => Err(WhoError::NoUser {
            name: name.to_owned(),
        }),
    }
}

/// An error with what is behind it.
fn chain(error: &ProbeError) -> String {
    use std::error::Error as _;
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_is_a_user_or_a_number() {
        assert_eq!(find("4294967290").unwrap().uid, 4_294_967_290);
        let told = find("no such user").unwrap_err().to_string();
        assert!(told.contains("no such user"), "{told}");
    }

    #[test]
    fn a_command_that_is_not_there_is_why_nothing_was_tried() {
        let who = Who::Through("/nowhere/sudo".to_owned());
        let tried = who.try_all(Path::new("/x"), &[], &ProbeTargets::default());
        assert!(tried.failed.unwrap().contains("cannot be started"));
        let who = Who::Through(" ".to_owned());
        let tried = who.try_all(Path::new("/x"), &[], &ProbeTargets::default());
        assert!(tried.failed.unwrap().contains("sudo"));
    }
}
