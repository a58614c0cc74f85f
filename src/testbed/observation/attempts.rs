//! Attempts to reach the product as another user: [`probe`].

use std::process::Command;

use anyhow::{Context as _, anyhow};
use serde::Serialize;

use crate::exposure::probe::{self, CoreDumps, ProbeTargets, User, child_command, core_dumps};
use crate::model::key_protection::{Attempt, AttemptResult, CoreDump, Look};
use crate::model::sut::Observe;

/// The hidden subcommand that makes the attempts.
const ATTEMPT: &str = "scan-attempt";
/// Whom the tester becomes, unless the profile says otherwise.
const STRANGER: &str = "nobody";

/// What was tried, and what came of it.
#[derive(Default, Serialize)]
pub(super) struct Probed {
    attempts: Vec<probe::Attempt>,
    core_dumps: Vec<(u32, CoreDumps)>,
    lacked: Option<String>,
}

/// Tries. Without the means to become another user, that is what is told.
pub(super) fn probe(targets: &ProbeTargets, observe: &Observe) -> Probed {
    let core_dumps = targets.processes.iter().filter_map(|process| {
        // One that has ended meanwhile writes none.
        Some((process.pid, core_dumps(process.pid).ok()?))
    });
    let mut probed = Probed {
        core_dumps: core_dumps.collect(),
        ..Probed::default()
    };
    let attempts = command(observe).and_then(|command| Ok(probe::run(command, targets)?));
    match attempts {
        Ok(attempts) => probed.attempts = attempts,
        Err(error) => {
            probed.lacked = Some(format!(
                "a way to try as another user (ixit.observe.probe-as, which needs root, or probe-with): {error:#}"
            ));
        }
    }
    probed
}

fn command(observe: &Observe) -> anyhow::Result<Command> {
    let program = std::env::current_exe().context("our own program")?;
    if let Some(words) = &observe.probe_with {
        let mut words = words.split_whitespace();
        let first = words.next().context("ixit.observe.probe-with is empty")?;
        let mut command = Command::new(first);
        command.args(words).arg(program).arg(ATTEMPT);
        return Ok(command);
    }
    let name = observe.probe_as.as_deref().unwrap_or(STRANGER);
    let mut command = child_command(&program, find(name)?)?;
    command.arg(ATTEMPT);
    Ok(command)
}

fn find(name: &str) -> anyhow::Result<User> {
    use nix::unistd::{Uid, User as Account};
    let account = match name.parse() {
        Ok(number) => Account::from_uid(Uid::from_raw(number))?,
        Err(_) => Account::from_name(name)?,
    };
    match (account, name.parse()) {
        (Some(account), _) => Ok(User {
            uid: account.uid.as_raw(),
            gid: account.gid.as_raw(),
        }),
        // A number need not have a name.
        (None, Ok(number)) => Ok(User {
            uid: number,
            gid: number,
        }),
        (None, Err(_)) => Err(anyhow!("there is no user '{name}'")),
    }
}

impl Probed {
    /// Adds it to a look.
    pub(super) fn tell(&self, look: &mut Look) {
        look.lacked.extend(self.lacked.clone());
        look.attempts = self.attempts.iter().map(attempt).collect();
        let tried = look.attempts.iter().any(|attempt| {
            attempt.whole_process && !matches!(attempt.result, AttemptResult::NotTried(_))
        });
        if !tried && self.lacked.is_none() {
            look.lacked
                .push("a process of the VNFM to try to reach as another user".to_owned());
        }
        look.core_dumps = self
            .core_dumps
            .iter()
            .map(|(process, settings)| CoreDump {
                process: *process,
                possible: is_possible(settings),
                settings: settings.to_string(),
            })
            .collect();
    }
}

fn attempt(attempt: &probe::Attempt) -> Attempt {
    let whole = ["read memory of", "trace process"];
    Attempt {
        what: attempt.what.clone(),
        as_user: attempt.as_user.clone(),
        whole_process: whole.iter().any(|begin| attempt.what.starts_with(begin)),
        result: match &attempt.result {
            probe::AttemptResult::Succeeded { detail } => AttemptResult::Succeeded(detail.clone()),
            probe::AttemptResult::Denied { error } => AttemptResult::Denied(error.clone()),
            probe::AttemptResult::NotTried { why } => AttemptResult::NotTried(why.clone()),
        },
    }
}

/// Whether a crash writes a file. What a program behind a pipe does with a dump is not known, and no file of the product's.
fn is_possible(settings: &CoreDumps) -> bool {
    let limited = settings.limit.as_ref().is_some_and(|(soft, _)| soft == "0");
    let to_file = settings
        .pattern
        .as_ref()
        .is_some_and(|pattern| !pattern.is_empty() && !pattern.starts_with('|'));
    to_file && !limited && settings.dumpable != Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(limit: &str, pattern: &str, dumpable: Option<bool>) -> CoreDumps {
        CoreDumps {
            limit: Some((limit.to_owned(), "unlimited".to_owned())),
            pattern: Some(pattern.to_owned()),
            suid_dumpable: None,
            filter: None,
            dumpable,
        }
    }

    #[test]
    fn a_dump_needs_a_limit_above_zero_a_file_and_leave() {
        assert!(is_possible(&settings("unlimited", "core", None)));
        assert!(is_possible(&settings("1024", "core", Some(true))));
        assert!(!is_possible(&settings("0", "core", Some(true))));
        assert!(!is_possible(&settings("unlimited", "|/bin/x %p", None)));
        assert!(!is_possible(&settings("unlimited", "core", Some(false))));
    }

    #[test]
    fn a_stranger_is_a_user_or_a_number() {
        assert_eq!(find("4294967290").expect("a number").uid, 4_294_967_290);
        let told = find("no such user").expect_err("nobody").to_string();
        assert!(told.contains("no such user"), "{told}");
    }

    #[test]
    fn without_means_a_look_tells_what_lacked() {
        let mut look = Look::default();
        Probed::default().tell(&mut look);
        assert_eq!(look.lacked.len(), 1);
        let observe = Observe {
            probe_with: Some("/nowhere/sudo".to_owned()),
            ..Observe::default()
        };
        let mut look = Look::default();
        probe(&ProbeTargets::default(), &observe).tell(&mut look);
        assert!(look.lacked[0].contains("probe-with"), "{look:?}");
    }
}
