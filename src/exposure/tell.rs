//! Makes the [`Answer`] out of what was kept.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::answer::{
    Answer, CanaryResult, Exposure, FORMAT, KeyInfo, OtherKey, Outcome, SearchKind, Sensitivity,
};
use crate::canary::Wanted;
use crate::control::Planted;
use crate::detector::Whose;
use crate::key::Target;
use crate::scan::{Kept, Seen};

/// What an answer is made of.
pub(crate) struct Told<'t> {
    pub(crate) kept: Kept,
    pub(crate) keys: &'t [Target],
    /// Names of keys that no search by their encodings can find.
    pub(crate) too_plain: Vec<&'t str>,
    pub(crate) kinds: &'t [SearchKind],
    /// Their targets follow the keys.
    pub(crate) canaries: &'t [Wanted],
    pub(crate) planted: &'t Planted,
    pub(crate) sensitivity: Sensitivity,
    pub(crate) began: Timestamp,
}

/// What no scan of this kind finds.
pub(crate) fn out_of_reach() -> Vec<String> {
    [
        "key material that is encrypted, masked or XORed under something that is not at hand",
        "key material that is split into pieces of fewer than 16 bytes",
        "other compressions than gzip, zip (deflate), zstd and snappy, and compressed data that does not begin where a file, a member of an archive or a shell script ends: in memory, in disk images, in formats of their own",
        "processor registers and caches, kernel memory, other machines, hardware security modules",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// The structures that are parsed, whoever's key is in them.
pub(crate) fn structures() -> Vec<String> {
    [
        "SEC 1, PKCS#1, PKCS#8, OpenSSH: in DER at any offset, in PEM, in base64, in base64 of PEM, in UTF-16LE, with lines broken anywhere",
        "encrypted PKCS#8, OpenSSH and PKCS#12, with the passwords that were given",
        "JSON Web Keys",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// The answer.
pub(crate) fn tell(told: Told<'_>) -> Answer {
    let ended = Timestamp::now();
    let canaries = canaries(&told);
    let searched = told.kept.searched();
    let own: BTreeSet<String> = told.planted.own_sources().collect();
    let Kept {
        seen,
        in_all,
        gaps,
        sealed,
        ..
    } = &told.kept;
    let (mut exposures, mut other_keys) = (Vec::new(), Vec::new());
    for seen in outermost(seen) {
        match &seen.sighting.key {
            Whose::Target(index) => {
                // What lies beyond the keys is a canary.
                if let Some(key) = told.keys.get(*index) {
                    exposures.push(exposure(key, seen));
                }
            }
            Whose::Other {
                algorithm,
                spki_sha256,
            } => other_keys.push(OtherKey {
                algorithm: algorithm.clone().into_owned(),
                spki_sha256: spki_sha256.clone(),
                place: seen.place.clone(),
                at: seen.sighting.at,
                within: seen
                    .sighting
                    .within
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
            }),
        }
    }
    crate::dump::add_addresses(&mut exposures);
    exposures
        .sort_by(|a, b| (&a.place, a.at, &a.key, a.part).cmp(&(&b.place, b.at, &b.key, b.part)));
    other_keys.sort_by(|a, b| (&a.place, a.at).cmp(&(&b.place, b.at)));
    let gaps: Vec<_> = gaps
        .iter()
        .filter(|gap| !own.contains(&gap.place.source))
        .cloned()
        .collect();
    let sealed: Vec<_> = sealed.iter().cloned().collect();
    let mut answer = Answer {
        format: FORMAT,
        scanner: env!("CARGO_PKG_VERSION").to_owned(),
        began: told.began,
        ended,
        result: Outcome::NotFound,
        reasons: Vec::new(),
        keys: told
            .keys
            .iter()
            .zip(told.kinds)
            .map(|(key, kind)| key_info(key, *kind))
            .collect(),
        exposures_in_all: (*in_all > seen.len() as u64).then_some(*in_all),
        exposures,
        other_keys,
        sealed,
        canaries,
        probes: Vec::new(),
        searched: searched
            .into_iter()
            .filter(|searched| !own.contains(&searched.source))
            .collect(),
        gaps,
        sensitivity: told.sensitivity.clone(),
    };
    let more_gaps = told
        .kept
        .more_gaps
        .iter()
        .filter(|((_, kind), _)| kind.undecided())
        .map(|(_, n)| n)
        .sum();
    answer.reasons.extend(told.too_plain.iter().map(|name| {
        format!("{name} has a number of so few different bytes that only a parsed structure would show it")
    }));
    decide(&mut answer, more_gaps);
    answer
}

/// Whether anything stands against "not found".
fn decide(answer: &mut Answer, more_gaps: u64) {
    let gaps = answer
        .gaps
        .iter()
        .filter(|gap| gap.gap.kind.undecided())
        .count() as u64
        + more_gaps;
    if gaps > 0 {
        answer
            .reasons
            .push(format!("not everything was searched: {gaps} gap(s)"));
    }
    if !answer.sealed.is_empty() {
        let sealed = answer.sealed.len();
        answer
            .reasons
            .push(format!("{sealed} encrypted private key(s) stayed closed"));
    }
    if answer.canaries.is_empty() {
        answer.reasons.push(
            "no canary was planted, so nothing shows that the search would have found a key"
                .to_owned(),
        );
    }
    for canary in answer.canaries.iter().filter(|canary| !canary.found) {
        let why = canary
            .problem
            .as_deref()
            .unwrap_or("it was planted, and not found");
        answer.reasons.push(format!(
            "the canary for {} ({}): {why}",
            canary.source, canary.kind
        ));
    }
    answer.result = if !answer.exposures.is_empty() {
        Outcome::Found
    } else if answer.reasons.is_empty() {
        Outcome::NotFound
    } else {
        Outcome::Undecided
    };
}

fn key_info(key: &Target, search: SearchKind) -> KeyInfo {
    KeyInfo {
        name: key.name.clone(),
        algorithm: crate::key::algorithm(&key.public).into_owned(),
        spki_sha256: crate::key::spki_sha256(&key.public),
        search,
    }
}

fn exposure(key: &Target, seen: &Seen) -> Exposure {
    let sighting = &seen.sighting;
    Exposure {
        key: key.name.clone(),
        part: sighting.part,
        place: seen.place.clone(),
        at: sighting.at,
        length: sighting.length,
        address: None,
        mapping: None,
        encoding: sighting.encoding.clone().into_owned(),
        within: sighting.within.iter().map(ToString::to_string).collect(),
        confirmed: sighting.confirmed,
        seen: seen.time,
    }
}

/// Without those sightings that a larger one of the same key encloses: one private key file is one exposure, not six numbers
/// and a file; and of a number at the border of two windows, one window may see the whole and the other a part.
fn outermost(seen: &[Seen]) -> impl Iterator<Item = &Seen> {
    let mut by_place = std::collections::HashMap::<_, Vec<&Seen>>::new();
    for seen in seen {
        by_place
            .entry((&seen.place, &seen.sighting.key))
            .or_default()
            .push(seen);
    }
    for all in by_place.values_mut() {
        // An enclosing one comes before what it encloses.
        all.sort_by_key(|seen| {
            let sighting = &seen.sighting;
            (sighting.at, std::cmp::Reverse(sighting.length))
        });
    }
    let mut outermost: Vec<&Seen> = Vec::new();
    for all in by_place.into_values() {
        let mut covered = None;
        for seen in all {
            let (from, to) = (seen.sighting.at, seen.sighting.at + seen.sighting.length);
            match covered {
                // The same place may be seen as two numbers.
                Some((start, end)) if to <= end && (start, end) != (from, to) => {}
                _ => {
                    covered = Some((from, to));
                    outermost.push(seen);
                }
            }
        }
    }
    outermost.into_iter()
}

fn canaries(told: &Told<'_>) -> Vec<CanaryResult> {
    let mut results = Vec::new();
    for site in told.planted.sites() {
        for (number, canary) in told.canaries.iter().enumerate() {
            let found = canary.found(told.keys.len() + number, &told.kept.seen, |place| {
                site.holds(place)
            });
            results.push(CanaryResult {
                source: site.source.clone(),
                kind: canary.kind.clone(),
                planted: site.words.clone(),
                found,
                problem: site.problem.clone(),
            });
        }
    }
    results
}
