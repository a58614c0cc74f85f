//! SEC 030 4.2.2.3 to 4.2.2.5: was a private key out of others' reach while it was in use, and is it gone afterwards?
//!
//! What was seen decides at once. Where nothing was seen, everything must have been looked at, and every canary found: else it is
//! undecided, and the means that lacked is named.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};

use crate::model::evidence::{Measurement, Observation};
use crate::model::key_protection::{AttemptResult, Key, Look, Medium, NotSearched, Sighting};
use crate::model::question::Judgement;
use crate::model::verdict::Outcome;

/// How many places are written out; the rest is counted.
const SHOWN: usize = 5;
/// The requirement behind the cases.
const CLAUSE: &str = "IFA026 Vnfm.Sc.006";

/// The use of a key that is over.
pub struct Use<'a> {
    /// What ended it, in words.
    pub ended_by: &'a str,
    /// When.
    pub ended_at: Timestamp,
    /// Seconds that the key may remain after it.
    pub deadline: u64,
}

/// Whether nothing but the SUT could access the keys. The administrator's reading of the SUT's memory is no access by others;
/// it is remarked.
pub fn protected(keys: &[Key], looks: &[Look]) -> Judgement {
    let expected = "nothing but the VNFM can access the private key";
    let exposed: Vec<String> = looks.iter().flat_map(exposures).collect();
    let outcome = if exposed.is_empty() {
        undecided(keys, looks, |medium| medium != Medium::Memory).unwrap_or(Outcome::Met)
    } else {
        Outcome::Unmet {
            expected: expected.into(),
            actual: listed(&exposed),
        }
    };
    let mut judgement = Judgement::from(outcome);
    judgement.observations = remarks(looks);
    judgement.observations.extend(scope(looks));
    judgement.measurements = measurements("searched-for-exposure", looks);
    judgement
}

/// Whether the keys are nowhere any more, after the deadline, to anybody.
pub fn deleted(keys: &[Key], use_: &Use<'_>, looks: &[Look]) -> Judgement {
    let seen: Vec<String> = looks
        .iter()
        .flat_map(|look| look.sightings.iter().map(|seen| told(look, seen)))
        .collect();
    let outcome = if let Some(early) = looks.iter().find(|look| is_early(look, use_)) {
        Outcome::Undecided {
            reason: format!(
                "the look {} was not after the deadline of {} s from {}",
                early.name, use_.deadline, use_.ended_by
            ),
        }
    } else if seen.is_empty() {
        undecided(keys, looks, |_| true).unwrap_or(Outcome::Met)
    } else {
        Outcome::Unmet {
            expected: format!(
                "the private key is deleted {} s after {} and cannot be recovered",
                use_.deadline, use_.ended_by
            ),
            actual: listed(&seen),
        }
    };
    let mut judgement = Judgement::from(outcome);
    judgement.observations.extend(scope(looks));
    judgement.measurements = measurements("searched-after-deadline", looks);
    judgement
}

fn is_early(look: &Look, use_: &Use<'_>) -> bool {
    let wait = SignedDuration::from_secs(i64::try_from(use_.deadline).unwrap_or(i64::MAX));
    let deadline = use_.ended_at.saturating_add(wait);
    match (look.began, deadline) {
        (Some(began), Ok(deadline)) => began < deadline,
        _ => true,
    }
}

/// Everything in a look that is an access by others.
fn exposures(look: &Look) -> Vec<String> {
    let seen = look
        .sightings
        .iter()
        .filter(|seen| seen.medium != Medium::Memory)
        .map(|seen| told(look, seen));
    let reached = look.attempts.iter().filter_map(|attempt| {
        let AttemptResult::Succeeded(text) = &attempt.result else {
            return None;
        };
        attempt.whole_process.then(|| {
            format!(
                "{}: {} could {} ({text})",
                look.name, attempt.as_user, attempt.what
            )
        })
    });
    // A process that holds the key, or memory that is kept even from root, and what a crash of it would write to the disk.
    let dumped = look.core_dumps.iter().filter_map(|dump| {
        let mut seen = look.sightings.iter();
        let mut hidden = look.gaps.iter();
        let holds = if seen
            .any(|seen| seen.medium == Medium::Memory && seen.process == Some(dump.process))
        {
            "which holds the key"
        } else if hidden.any(|gap| is_hidden(gap) && gap.process == Some(dump.process)) {
            "which keeps secrets in memory that cannot be read"
        } else {
            return None;
        };
        dump.possible.then(|| {
            format!(
                "{}: a crash would write the memory of process {}, {holds}, to a file ({})",
                look.name, dump.process, dump.settings
            )
        })
    });
    seen.chain(reached).chain(dumped).collect()
}

/// Memory that even root cannot read. That of a process which ended meanwhile hides nothing.
fn is_hidden(gap: &NotSearched) -> bool {
    gap.medium == Medium::Memory && !gap.passing
}

fn told(look: &Look, seen: &Sighting) -> String {
    format!(
        "{}: in {}: {}, {} (public key {}...)",
        look.name,
        seen.medium.words(),
        seen.place,
        seen.encoding,
        seen.public_key_sha256.get(..16).unwrap_or_default()
    )
}

/// What stands against "not seen". Gaps count in those media that matter.
fn undecided(keys: &[Key], looks: &[Look], matters: impl Fn(Medium) -> bool) -> Option<Outcome> {
    let mut reasons = Vec::new();
    if keys.is_empty() {
        reasons.push("no key pair is known that could be looked for".to_owned());
    }
    if looks.is_empty() {
        reasons.push("the tester did not look".to_owned());
    }
    for look in looks {
        let name = &look.name;
        for means in &look.lacked {
            reasons.push(format!("{name}: the tester lacked {means}"));
        }
        for gap in look.gaps.iter().filter(|gap| matters(gap.medium)) {
            reasons.push(format!("{name}: not searched: {}: {}", gap.place, gap.why));
        }
        for canary in look.canaries.iter().filter(|canary| !canary.found) {
            reasons.push(format!(
                "{name}: the canary was not found that stands for {}",
                canary.stands_for
            ));
        }
        if look.canaries.is_empty() {
            reasons.push(format!("{name}: no canary was planted"));
        }
    }
    (!reasons.is_empty()).then(|| Outcome::Undecided {
        reason: listed(&reasons),
    })
}

fn listed(all: &[String]) -> String {
    let mut text = all
        .iter()
        .take(SHOWN)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join("; ");
    if all.len() > SHOWN {
        let _ = write!(text, "; and {} more", all.len() - SHOWN);
    }
    text
}

fn remarks(looks: &[Look]) -> Vec<Observation> {
    let mut remarks = Vec::new();
    for look in looks {
        let in_memory = look
            .sightings
            .iter()
            .filter(|seen| seen.medium == Medium::Memory)
            .count();
        if in_memory > 0 {
            remarks.push(remark(
                "key-in-memory",
                format!(
                    "{}: the administrator could read the private key in the VNFM's memory, at {in_memory} place(s)",
                    look.name
                ),
            ));
        }
        let hidden = look.gaps.iter().filter(|gap| is_hidden(gap)).count();
        if hidden > 0 {
            remarks.push(remark(
                "memory-out-of-reach",
                format!(
                    "{}: {hidden} piece(s) of the VNFM's memory were out of the administrator's reach",
                    look.name
                ),
            ));
        }
        let reached = look.attempts.iter().filter(|attempt| {
            !attempt.whole_process && matches!(attempt.result, AttemptResult::Succeeded(_))
        });
        let reached: Vec<String> = reached.map(|attempt| attempt.what.clone()).collect();
        if !reached.is_empty() {
            remarks.push(remark(
                "reached-as-another-user",
                format!(
                    "{}: another user could do this, none of which shows a private key: {}",
                    look.name,
                    listed(&reached)
                ),
            ));
        }
    }
    remarks
}

/// What none of the looks could show: a Pass says nothing of it.
fn scope(looks: &[Look]) -> Option<Observation> {
    let mut all: Vec<&str> = Vec::new();
    for what in looks.iter().flat_map(|look| &look.scope) {
        if !all.contains(&what.as_str()) {
            all.push(what);
        }
    }
    (!all.is_empty()).then(|| {
        remark(
            "not-looked-at",
            format!("not looked at: {}", all.join("; ")),
        )
    })
}

fn remark(name: &str, text: String) -> Observation {
    Observation {
        name: name.into(),
        text,
        clause: Some(CLAUSE.into()),
    }
}

/// How much was searched, under the name of what it was searched for: a scenario asks for both.
fn measurements(name: &str, looks: &[Look]) -> Vec<Measurement> {
    let bytes: u64 = looks
        .iter()
        .flat_map(|look| &look.searched)
        .map(|searched| searched.bytes)
        .sum();
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mib = bytes as f64 / f64::from(1 << 20);
    vec![Measurement {
        name: name.into(),
        value: mib,
        unit: "MiB".into(),
    }]
}

#[cfg(test)]
mod tests;
