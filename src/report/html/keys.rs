//! The life of each private key, from its certification request to its deletion: [`KeyTimeline`], laid out here and drawn by
//! `keys.svg`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::entries::Names;
use super::exchanges::Exchanges;
use super::questions::{Asked, Look};
use super::text::short;
use crate::model::key_protection::Medium;

const LEFT: f64 = 190.0;
const WIDTH: f64 = 900.0;
const TOP: usize = 34;
const ROW: usize = 30;

/// Keys that are drawn; all are in the table.
const MOST_KEYS: usize = 40;

/// Sightings that are listed.
const MOST_SIGHTINGS: usize = 200;

/// A timeline with all its places, in the units of its view box.
#[derive(Serialize)]
pub struct KeyTimeline {
    id: String,
    width: f64,
    height: usize,
    bottom: usize,
    ended_by: Option<String>,
    deadline: Option<u64>,
    waits: Vec<Wait>,
    keys: Vec<KeyRow>,
    not_drawn: usize,
    looks: Vec<LookMark>,
    marks: Vec<Mark>,
    ticks: Vec<Tick>,
    sightings: Vec<Seen>,
    sightings_left_out: usize,
}

/// What the product waited for.
#[derive(Serialize)]
struct Wait {
    x: f64,
    width: f64,
    of: String,
    seconds: String,
}

/// A key.
#[derive(Serialize)]
struct KeyRow {
    y: usize,
    name: String,
    digest: String,
    known: &'static str,
    requested: Option<String>,
    ended: Option<String>,
    must_be_gone: Option<String>,
    /// From the request until its use ended.
    use_x: f64,
    use_width: f64,
    /// From there to the deadline.
    grace_x: Option<f64>,
    grace_width: f64,
    seen: usize,
}

/// A look.
#[derive(Serialize)]
struct LookMark {
    number: usize,
    x: Option<f64>,
    name: String,
    at: Option<String>,
    after_use: bool,
    mebibytes: String,
    sources: usize,
    gaps: usize,
    canaries: usize,
    canaries_found: usize,
    sightings: usize,
}

/// A sighting in the drawing.
#[derive(Serialize)]
struct Mark {
    x: f64,
    y: usize,
    /// In the product's own memory, while it was in use: no exposure.
    own: bool,
    told: String,
}

#[derive(Serialize)]
struct Tick {
    x: f64,
    label: String,
}

/// A sighting in the table.
#[derive(Serialize)]
struct Seen {
    look: usize,
    key: String,
    medium: &'static str,
    place: String,
    encoding: String,
}

/// What is known of one key.
#[derive(Default)]
struct Life {
    name: String,
    known: Option<bool>,
    requested: Option<Timestamp>,
    ended: Option<Timestamp>,
    deadline: Option<u64>,
}

impl Life {
    fn must_be_gone(&self) -> Option<Timestamp> {
        let deadline = i64::try_from(self.deadline?).ok()?;
        self.ended?
            .checked_add(jiff::SignedDuration::from_secs(deadline))
            .ok()
    }
}

/// The timeline of a scenario whose judge was asked about keys.
pub fn timeline(
    asked: &[Asked],
    exchanges: Option<&Exchanges>,
    names: &Names,
) -> Option<KeyTimeline> {
    let lives = lives(asked, exchanges);
    let looks = looks(asked);
    let waits = exchanges.map(waits).unwrap_or_default();
    let times = lives
        .values()
        .flat_map(|life| [life.requested, life.ended, life.must_be_gone()])
        .chain(looks.iter().map(|(look, _)| look.began))
        .flatten();
    let (first, last) = (times.clone().min()?, times.max()?);
    let span = last.duration_since(first).as_secs_f64().max(0.001);
    let x = |at: Timestamp| {
        let share = at.duration_since(first).as_secs_f64() / span;
        rounded(LEFT + 20.0 + share.clamp(0.0, 1.0) * (WIDTH - LEFT - 50.0))
    };
    let after = |at: Timestamp| format!("+{:.3} s", at.duration_since(first).as_secs_f64());
    let rows: Vec<(String, KeyRow)> = lives
        .iter()
        .enumerate()
        .map(|(place, (digest, life))| {
            let seen = looks
                .iter()
                .flat_map(|(look, _)| &look.sightings)
                .filter(|sighting| sighting.public_key_sha256 == *digest);
            let from = x(life.requested.unwrap_or(first));
            let to = x(life.ended.unwrap_or(last));
            let gone = life.must_be_gone();
            let row = KeyRow {
                y: TOP + ROW * (place + 1),
                name: short(&life.name, 120),
                digest: short(digest, 16),
                known: match life.known {
                    Some(true) => "was given to the tester",
                    Some(false) => "was searched for by its certificate",
                    None => "told by its public key",
                },
                requested: life.requested.map(after),
                ended: life.ended.map(after),
                must_be_gone: gone.map(after),
                use_x: from,
                use_width: rounded((to - from).max(1.0)),
                grace_x: gone.map(|_| to),
                grace_width: gone.map_or(0.0, |gone| rounded((x(gone) - to).max(1.0))),
                seen: seen.count(),
            };
            (digest.clone(), row)
        })
        .collect();
    let ended = lives.values().filter_map(|life| life.ended).max();
    let of_key = |digest: &str| rows.iter().find(|(known, _)| known == digest);
    let mut marks = Vec::new();
    let mut seen = Vec::new();
    for (number, (look, _)) in looks.iter().enumerate() {
        for sighting in &look.sightings {
            let row = of_key(&sighting.public_key_sha256).map(|(_, row)| row);
            let key = row.map_or("another key", |row| row.digest.as_str());
            seen.push(Seen {
                look: number + 1,
                key: key.to_owned(),
                medium: sighting.medium.words(),
                place: short(&sighting.place, 400),
                encoding: short(&sighting.encoding, 200),
            });
            if let (Some(began), Some(row)) = (look.began, row) {
                let told = format!(
                    "{}: {}",
                    sighting.medium.words(),
                    short(&sighting.place, 120)
                );
                let during = ended.is_none_or(|ended| began < ended);
                marks.push(Mark {
                    x: x(began),
                    y: row.y,
                    own: during && sighting.medium == Medium::Memory,
                    told,
                });
            }
        }
    }
    // An exposure is drawn over what is none.
    marks.sort_by_key(|mark| !mark.own);
    let most = marks.len().saturating_sub(MOST_SIGHTINGS);
    marks.drain(..most);
    let drawn = rows.len().min(MOST_KEYS);
    let bottom = TOP + ROW * drawn + 18;
    let left_out = seen.len().saturating_sub(MOST_SIGHTINGS);
    seen.truncate(MOST_SIGHTINGS);
    Some(KeyTimeline {
        id: format!("k{}-{}", names.case, names.line),
        width: WIDTH,
        height: bottom + 34,
        bottom,
        ended_by: asked.iter().find_map(|asked| asked.ended_by.clone()),
        deadline: lives.values().find_map(|life| life.deadline),
        waits: waits
            .into_iter()
            .filter(|(from, to, _)| *to >= first && *from <= last)
            .map(|(from, to, of)| Wait {
                x: x(from),
                width: rounded((x(to) - x(from)).max(1.0)),
                of,
                seconds: format!("{:.2}", to.duration_since(from).as_secs_f64()),
            })
            .collect(),
        not_drawn: rows.len() - drawn,
        looks: looks
            .iter()
            .enumerate()
            .map(|(number, (look, _))| mark(number + 1, look, ended, &x, &after))
            .collect(),
        keys: rows.into_iter().map(|(_, row)| row).collect(),
        marks,
        ticks: (0..=4)
            .map(|quarter| {
                let share = f64::from(quarter) / 4.0;
                Tick {
                    x: rounded(LEFT + 20.0 + share * (WIDTH - LEFT - 50.0)),
                    label: format!("+{:.2} s", share * span),
                }
            })
            .collect(),
        sightings: seen,
        sightings_left_out: left_out,
    })
}

fn mark(
    number: usize,
    look: &Look,
    ended: Option<Timestamp>,
    x: &impl Fn(Timestamp) -> f64,
    after: &impl Fn(Timestamp) -> String,
) -> LookMark {
    let bytes: u64 = look.searched.iter().map(|searched| searched.bytes).sum();
    #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
    let mebibytes = bytes as f64 / f64::from(1 << 20);
    LookMark {
        number,
        x: look.began.map(x),
        name: short(&look.name, 160),
        at: look.began.map(after),
        after_use: look
            .began
            .zip(ended)
            .is_some_and(|(began, ended)| began >= ended),
        mebibytes: format!("{mebibytes:.1}"),
        sources: look.searched.len(),
        gaps: look.gaps.len(),
        canaries: look.canaries.len(),
        canaries_found: look.canaries.iter().filter(|canary| canary.found).count(),
        sightings: look.sightings.len(),
    }
}

/// Every key that was asked about, by its digest.
fn lives(asked: &[Asked], exchanges: Option<&Exchanges>) -> BTreeMap<String, Life> {
    let mut lives: BTreeMap<String, Life> = BTreeMap::new();
    for asked in asked {
        for key in &asked.keys {
            let life = lives.entry(key.public_key_sha256.clone()).or_default();
            let name = if key.name.is_empty() {
                &key.what
            } else {
                &key.name
            };
            life.name.clone_from(name);
            life.known = life.known.or(key.known);
            life.ended = life.ended.or(asked.ended_at);
            life.deadline = life.deadline.or(asked.deadline);
        }
    }
    if let Some(exchanges) = exchanges {
        for request in &exchanges.requests {
            if let Some(life) = lives.get_mut(&request.public_key_sha256) {
                let at = exchanges.seen[request.index].started;
                life.requested = Some(life.requested.map_or(at, |known| known.min(at)));
            }
        }
    }
    lives
}

/// Every look once, in the order of time, with the question that weighed it.
fn looks(asked: &[Asked]) -> Vec<(Look, String)> {
    let mut looks: Vec<(Look, String)> = Vec::new();
    for asked in asked {
        for look in &asked.looks {
            let same =
                |(other, _): &(Look, String)| other.name == look.name && other.began == look.began;
            if !looks.iter().any(same) {
                looks.push((look.clone(), asked.question.clone()));
            }
        }
    }
    looks.sort_by_key(|(look, _)| look.began);
    looks
}

/// When the product waited for an answer to a request that bears or certifies a key.
fn waits(exchanges: &Exchanges) -> Vec<(Timestamp, Timestamp, String)> {
    let mut waits: Vec<_> = exchanges
        .seen
        .iter()
        .filter_map(|seen| {
            let kind = &exchanges.kinds[seen.kind];
            let of = match kind.to.as_str() {
                "CMF" if kind.target.contains("enroll") => "CMF",
                "VIM" if kind.method == "POST" && kind.target.contains("/stacks") => "VIM",
                "VNFCI" if kind.method != "GET" => "VNFCI",
                _ => return None,
            };
            Some((seen.started, seen.ended?, of.to_owned()))
        })
        .collect();
    waits.truncate(100);
    waits
}

fn rounded(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
