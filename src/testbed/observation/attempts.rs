//! Attempts to reach the product as another user: as whom ([`who`]), and what a look is told of them ([`tell`]).

use crate::exposure::probe::{self, CoreDumps, Tried, Who};
use crate::model::key_protection::{Attempt, AttemptResult, CoreDump, Look};
use crate::model::sut::Observe;

/// The hidden subcommand that makes the attempts.
pub(super) const ATTEMPT: &str = "scan-attempt";
/// Whom the tester becomes, unless the profile says otherwise.
const STRANGER: &str = "nobody";

/// As whom the profile has it tried.
pub(super) fn who(observe: &Observe) -> Who {
    match &observe.probe_with {
        Some(words) => Who::Through(words.clone()),
        None => Who::User(observe.probe_as.as_deref().unwrap_or(STRANGER).to_owned()),
    }
}

/// Adds what was tried to a look: on each machine where the product is, something must have been.
pub(super) fn tell(all: &[&Tried], look: &mut Look) {
    if all.is_empty() {
        look.lacked.push(NOTHING.to_owned());
    }
    for tried in all {
        let attempts: Vec<Attempt> = tried.attempts.iter().map(attempt).collect();
        let tried_one = attempts.iter().any(|attempt| {
            attempt.whole_process && !matches!(attempt.result, AttemptResult::NotTried(_))
        });
        match &tried.failed {
            Some(why) => look.lacked.push(format!(
                "a way to try as another user (ixit.observe.probe-as, which needs root, or probe-with): {why}"
            )),
            None if !tried_one => look.lacked.push(NOTHING.to_owned()),
            None => {}
        }
        look.attempts.extend(attempts);
        let dumps = tried.core_dumps.iter();
        look.core_dumps
            .extend(dumps.map(|(process, settings)| CoreDump {
                process: *process,
                possible: is_possible(settings),
                settings: settings.to_string(),
            }));
    }
}

const NOTHING: &str = "a process of the VNFM to try to reach as another user";

/// All together, for the record.
pub(super) fn merged(all: &[&Tried]) -> Tried {
    let mut merged = Tried::default();
    for tried in all {
        merged.attempts.extend(tried.attempts.iter().cloned());
        merged.core_dumps.extend(tried.core_dumps.iter().cloned());
        merged.failed = merged.failed.or_else(|| tried.failed.clone());
    }
    merged
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
    fn without_means_a_look_tells_what_lacked() {
        let failed = Tried {
            failed: Some("no sudo".to_owned()),
            ..Tried::default()
        };
        let nothing = Tried::default();
        for (all, told) in [
            (vec![], "to try to reach"),
            (vec![&nothing], "to try to reach"),
            (vec![&failed], "probe-with): no sudo"),
        ] {
            let mut look = Look::default();
            tell(&all, &mut look);
            assert_eq!(look.lacked.len(), 1);
            assert!(look.lacked[0].contains(told), "{look:?}");
        }
    }
}
