//! The exchanges of two runs, counted by what they were: [`changes`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Side;

/// Exchanges of one kind in one scenario that there were more or fewer of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExchangesChanged {
    /// Test case and line.
    pub scenario: String,
    /// Who asked whom for what, and the status; parts of the path that are identifiers are left out.
    pub exchange: String,
    /// How often in the earlier run.
    pub before: usize,
    /// How often in the later one.
    pub after: usize,
}

#[derive(Deserialize)]
struct Exchange {
    from: String,
    to: String,
    request: Request,
    response: Option<Response>,
}

#[derive(Deserialize)]
struct Request {
    method: String,
    target: String,
}

#[derive(Deserialize)]
struct Response {
    status: u16,
}

/// How often each kind of exchange was seen, by scenario.
type Counts = BTreeMap<String, BTreeMap<String, usize>>;

/// Kinds of exchanges whose number is another, in scenarios that both runs have begun.
pub fn changes(before: &Side, after: &Side) -> anyhow::Result<Vec<ExchangesChanged>> {
    let (one, other) = (counts(before)?, counts(after)?);
    let mut found = Vec::new();
    for (scenario, earlier) in &one {
        let Some(later) = other.get(scenario) else {
            continue;
        };
        let kinds = earlier
            .keys()
            .chain(later.keys().filter(|kind| !earlier.contains_key(*kind)));
        for kind in kinds {
            let count = |counts: &BTreeMap<String, usize>| counts.get(kind).copied().unwrap_or(0);
            let (before, after) = (count(earlier), count(later));
            if before != after {
                found.push(ExchangesChanged {
                    scenario: scenario.clone(),
                    exchange: kind.clone(),
                    before,
                    after,
                });
            }
        }
    }
    Ok(found)
}

fn counts(side: &Side) -> anyhow::Result<Counts> {
    let mut counts = Counts::new();
    for case in &side.results.cases {
        for scenario in &case.scenarios {
            let transcript = scenario
                .evidence
                .iter()
                .find(|file| file.path.ends_with("/transcript.jsonl"));
            // One that came to its end and lists no transcript has exchanged nothing; what one has that was cut off is not known.
            let ended = side.results.interrupted.is_none() && !scenario.steps.is_empty();
            let known = transcript.map_or(ended, |file| side.pack.has(&file.path));
            if !known {
                continue;
            }
            let of_scenario = counts
                .entry(format!("{} line {}", case.id, scenario.line))
                .or_default();
            let Some(file) = transcript else { continue };
            for line in side.pack.read(&file.path)?.split(|byte| *byte == b'\n') {
                if let Ok(exchange) = serde_json::from_slice::<Exchange>(line) {
                    *of_scenario.entry(kind(&exchange)).or_default() += 1;
                }
            }
        }
    }
    Ok(counts)
}

fn kind(exchange: &Exchange) -> String {
    let status = exchange
        .response
        .as_ref()
        .map_or("no answer".to_owned(), |response| {
            response.status.to_string()
        });
    let path = exchange
        .request
        .target
        .split('?')
        .next()
        .unwrap_or_default();
    let path: Vec<&str> = path
        .split('/')
        .map(|part| if is_identifier(part) { "{id}" } else { part })
        .collect();
    format!(
        "{} -> {}: {} {} ({status})",
        exchange.from,
        exchange.to,
        exchange.request.method,
        path.join("/")
    )
}

/// Whether a part of a path names one thing of many: it is long and has digits, or is a number.
fn is_identifier(part: &str) -> bool {
    let digits = part.bytes().filter(u8::is_ascii_digit).count();
    (part.len() >= 16 && digits >= 3) || (digits > 0 && digits == part.len())
}
