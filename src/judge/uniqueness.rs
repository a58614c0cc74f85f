//! SEC 030 4.2.2.2: are the VNF instance identifiers unique? Exact, at 24 bytes an identifier.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::model::evidence::{Measurement, Observation};
use crate::model::question::{IdentifierRecord, Judgement, Round};
use crate::model::verdict::Outcome;

/// How many duplicates are written out; the rest is counted.
const SHOWN: usize = 5;
/// Fewer identifiers than this may count up by chance.
const ENOUGH_FOR_A_SEQUENCE: usize = 8;

/// Whether every identifier that was captured differs from every other, across all rounds.
pub fn unique(rounds: &[Round], notified: &[IdentifierRecord]) -> Judgement {
    let records: Vec<(&Round, &IdentifierRecord)> = rounds
        .iter()
        .flat_map(|round| round.records.iter().map(move |record| (round, record)))
        .collect();
    let duplicates = duplicates(records.iter().map(|(_, record)| record.id.as_str()));
    let outcome = if duplicates.is_empty() {
        incomplete(rounds).map_or(Outcome::Met, |reason| Outcome::Undecided { reason })
    } else {
        // Two that are the same are the same, whatever else was lost.
        Outcome::Unmet {
            expected: format!("{} different identifiers", records.len()),
            actual: describe(&duplicates, &records),
        }
    };
    let mut judgement = Judgement::from(outcome);
    judgement.measurements = measurements(rounds, records.len(), duplicates.len());
    judgement.observations = observations(&records);
    if !notified.is_empty() {
        judgement
            .observations
            .push(in_notifications(&records, notified));
    }
    judgement
}

/// Why the rounds show nothing, or too little. Only the round in which the SUT was killed may lose answers, and it must: else
/// the kill came too late to show anything.
fn incomplete(rounds: &[Round]) -> Option<String> {
    let captured: usize = rounds.iter().map(|round| round.records.len()).sum();
    let without = |round: &Round| round.refused.iter().chain(&round.lost).next().cloned();
    if captured < 2 {
        let first = first(rounds.iter().find_map(without).as_ref());
        return Some(format!(
            "{captured} identifier(s) captured: nothing to compare{first}"
        ));
    }
    rounds.iter().find_map(|round| {
        let missing = round.asked.saturating_sub(round.records.len() as u64);
        if round.killed && round.refused.is_empty() {
            round.lost.is_empty().then(|| {
                format!(
                    "all {} creations {} were answered: the kill came too late",
                    round.asked, round.name
                )
            })
        } else {
            (missing > 0).then(|| {
                format!(
                    "{missing} of {} creations {} gave no identifier{}",
                    round.asked,
                    round.name,
                    first(without(round).as_ref())
                )
            })
        }
    })
}

/// Whether the creation notifications name just the identifiers of the responses. One that comes twice is no other
/// identifier; one that does not come names none. A lost response leaves the question open: its notification would look foreign.
pub fn notified(rounds: &[Round], notified: &[IdentifierRecord]) -> Judgement {
    if let Some(reason) = incomplete(rounds) {
        return Judgement::from(Outcome::Undecided { reason });
    }
    let answered: BTreeSet<&str> = identifiers(rounds.iter().flat_map(|round| &round.records));
    let named = identifiers(notified);
    let foreign: Vec<&IdentifierRecord> = notified
        .iter()
        .filter(|record| !answered.contains(record.id.as_str()))
        .collect();
    let silent = answered.difference(&named).count();
    let outcome = if let Some(record) = foreign.first() {
        Outcome::Unmet {
            expected: "each creation notification names the identifier of its response".into(),
            actual: format!(
                "{} notified identifier(s) that no response gave, such as '{}' in exchange {}",
                foreign.len(),
                record.id,
                record.exchange
            ),
        }
    } else if silent > 0 {
        Outcome::Undecided {
            reason: format!(
                "no creation notification arrived for {silent} of {} identifiers",
                answered.len()
            ),
        }
    } else {
        Outcome::Met
    };
    Judgement::from(outcome)
}

fn identifiers<'a>(records: impl IntoIterator<Item = &'a IdentifierRecord>) -> BTreeSet<&'a str> {
    records
        .into_iter()
        .map(|record| record.id.as_str())
        .collect()
}

/// The pairs of positions that bear the same identifier: each position with the first that bears it.
///
/// Exact: the 128-bit fingerprints only say where to look, the strings themselves are compared. Takes 24
/// bytes an identifier beside the identifiers themselves, which the iterator may borrow or make; it is run through up to
/// three times.
pub fn duplicates<I>(ids: I) -> Vec<(u64, u64)>
where
    I: Iterator<Item: AsRef<str>> + Clone,
{
    // To the point: a vector that grows takes up to three times as much while it does.
    let mut entries = Vec::with_capacity(length(&ids));
    entries.extend(
        ids.clone()
            .enumerate()
            .map(|(position, id)| Entry::new(position as u64, id.as_ref())),
    );
    entries.sort_unstable();
    let mut suspects: BTreeMap<u64, u64> = BTreeMap::new();
    for run in entries.chunk_by(|a, b| a.fingerprint == b.fingerprint) {
        for other in run.iter().skip(1) {
            suspects.insert(other.position, run[0].position);
        }
    }
    drop(entries);
    if suspects.is_empty() {
        return Vec::new();
    }
    confirm(&suspects, ids)
}

fn length(ids: &(impl Iterator + Clone)) -> usize {
    match ids.size_hint() {
        (least, Some(most)) if least == most => most,
        _ => ids.clone().count(),
    }
}

/// A fingerprint and where it was seen: three words, so that no alignment is wasted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    fingerprint: [u64; 2],
    position: u64,
}

impl Entry {
    fn new(position: u64, id: &str) -> Self {
        let digest = Sha256::digest(id.as_bytes());
        let word = |from: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&digest[from..from + 8]);
            u64::from_be_bytes(bytes)
        };
        Self {
            fingerprint: [word(0), word(8)],
            position,
        }
    }
}

/// Keeps the suspects whose strings really are the same.
fn confirm<I>(suspects: &BTreeMap<u64, u64>, ids: I) -> Vec<(u64, u64)>
where
    I: Iterator<Item: AsRef<str>>,
{
    let wanted: HashSet<u64> = suspects
        .iter()
        .flat_map(|(later, first)| [*later, *first])
        .collect();
    let texts: BTreeMap<u64, I::Item> = ids
        .enumerate()
        .map(|(position, id)| (position as u64, id))
        .filter(|(position, _)| wanted.contains(position))
        .collect();
    let text = |position| texts.get(position).map(AsRef::as_ref);
    suspects
        .iter()
        .filter(|(later, first)| text(later) == text(first))
        .map(|(later, first)| (*first, *later))
        .collect()
}

/// What `n` identifiers without a duplicate can tell: an effective space of at most this many bits would have
/// shown a duplicate with 99 % probability.
pub fn detection_bound_bits(n: usize) -> f64 {
    // n identifiers drawn from 2^b: P(no duplicate) is about exp(-n^2 / 2^(b+1)) = 0.01.
    #[expect(clippy::cast_precision_loss, reason = "a count far below 2^52")]
    let n = n as f64;
    (2.0 * n.log2() - 3.2).max(0.0)
}

fn describe(duplicates: &[(u64, u64)], records: &[(&Round, &IdentifierRecord)]) -> String {
    let mut text = format!("{} duplicate(s)", duplicates.len());
    let at = |position: u64| usize::try_from(position).ok().and_then(|i| records.get(i));
    for (first, later) in duplicates.iter().take(SHOWN) {
        if let (Some((round_a, a)), Some((round_b, b))) = (at(*first), at(*later)) {
            let _ = write!(
                text,
                "; '{}' in exchange {} ({}) and again in exchange {} ({})",
                a.id, a.exchange, round_a.name, b.exchange, round_b.name
            );
        }
    }
    if duplicates.len() > SHOWN {
        let _ = write!(text, "; and {} more", duplicates.len() - SHOWN);
    }
    text
}

fn first(lost: Option<&String>) -> String {
    lost.map_or(String::new(), |text| format!(", the first: {text}"))
}

/// What the notifications say of the same creations. No verdict: the clause asks for the responses.
fn in_notifications(
    records: &[(&Round, &IdentifierRecord)],
    notified: &[IdentifierRecord],
) -> Observation {
    let answered = identifiers(records.iter().map(|(_, record)| *record));
    let named = identifiers(notified);
    remark(
        "notified-identifiers",
        format!(
            "{} notifications name {} of the {} identifiers, and {} others",
            notified.len(),
            named.intersection(&answered).count(),
            answered.len(),
            named.difference(&answered).count()
        ),
    )
}

fn measurements(rounds: &[Round], count: usize, duplicates: usize) -> Vec<Measurement> {
    let seconds: f64 = rounds.iter().map(|round| round.seconds).sum();
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    let (n, d) = (count as f64, duplicates as f64);
    let mut list = vec![
        measurement("identifiers", n, ""),
        measurement("duplicates", d, ""),
        measurement("detection-bound", detection_bound_bits(count), "bit"),
    ];
    if seconds > 0.0 {
        list.push(measurement("creation-rate", n / seconds, "1/s"));
    }
    list
}

fn measurement(name: &str, value: f64, unit: &str) -> Measurement {
    Measurement {
        name: name.into(),
        value,
        unit: unit.into(),
    }
}

/// Remarks on the shape of the identifiers. No verdict: an `Identifier` is a string meant to be unique, not a UUID.
fn observations(records: &[(&Round, &IdentifierRecord)]) -> Vec<Observation> {
    let mut shapes: BTreeMap<String, usize> = BTreeMap::new();
    for (_, record) in records {
        *shapes.entry(shape(&record.id)).or_default() += 1;
    }
    let mut list: Vec<Observation> = shapes
        .into_iter()
        .map(|(shape, count)| remark("identifier-shape", format!("{count} x {shape}")))
        .collect();
    if records.len() >= ENOUGH_FOR_A_SEQUENCE && is_sequence(records) {
        list.push(remark(
            "identifier-sequence",
            "the identifiers count up: they can be guessed, and two VNFMs that count may meet"
                .into(),
        ));
    }
    list
}

fn remark(name: &str, text: String) -> Observation {
    Observation {
        name: name.into(),
        text,
        clause: Some("SEC030 4.2.2.2".into()),
    }
}

fn shape(id: &str) -> String {
    match uuid::Uuid::parse_str(id) {
        Ok(uuid) => format!(
            "UUID, version {}, variant {:?}",
            uuid.get_version_num(),
            uuid.get_variant()
        ),
        Err(_) => format!(
            "text of {} characters ({})",
            id.chars().count(),
            alphabet(id)
        ),
    }
}

fn alphabet(id: &str) -> &'static str {
    if id.chars().all(|c| c.is_ascii_digit()) {
        "digits"
    } else if id.chars().all(|c| c.is_ascii_hexdigit()) {
        "hex"
    } else if id.is_ascii() {
        "ASCII"
    } else {
        "not ASCII"
    }
}

/// True if the trailing numbers, sorted, are dense: nearly every one is the next of another.
fn is_sequence(records: &[(&Round, &IdentifierRecord)]) -> bool {
    let mut numbers: Vec<u64> = records
        .iter()
        .filter_map(|(_, record)| trailing_number(&record.id))
        .collect();
    if numbers.len() < records.len() {
        return false;
    }
    numbers.sort_unstable();
    let steps = numbers
        .windows(2)
        .filter(|pair| pair[1] - pair[0] <= 1)
        .count();
    steps * 10 >= (numbers.len() - 1) * 8
}

fn trailing_number(id: &str) -> Option<u64> {
    let digits = id.len() - id.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    id[id.len() - digits..].parse().ok()
}

#[cfg(test)]
mod tests;
