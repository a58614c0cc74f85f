//! Looks into the product ([`Files`]), channels and connections (SEC 030 4.2.2.3 to 4.2.2.5): what the judge was told of them is what their own
//! files and the transcript say.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::Facts;
use super::searched::{CONCEALED, Kept};
use crate::exposure::answer::SearchKind;
use crate::model::key_protection::{
    ChannelUse, Key, Look, Medium, NotSearched, OamConnection, OamOutcome, Sighting,
};
use crate::model::verdict::{Keyword, Outcome};
use crate::verify::record::shown;
use crate::verify::{Scene, Verification};

/// The looks of a scenario that no question has told of yet, with the names of their files.
pub struct Files(Vec<(String, Kept)>);

impl Files {
    /// Reads them.
    pub fn read(scene: &Scene<'_>, found: &mut Verification) -> Self {
        let mut files = Vec::new();
        let names = scene.names().filter(|name| {
            let number = name.strip_prefix("look-");
            let number = number.and_then(|rest| rest.strip_suffix(".json"));
            number.is_some_and(|number| number.parse::<usize>().is_ok())
        });
        for name in names {
            // What is missing was told with the files.
            let Some(bytes) = scene.file(name) else {
                continue;
            };
            match serde_json::from_slice(&bytes) {
                Ok(kept) => files.push((name.to_owned(), kept)),
                Err(error) => found.miss(scene.path(name), "", error.to_string(), "a look"),
            }
        }
        Self(files)
    }

    /// Each look of a question has its file, and what the judge was told of it is what stands there.
    pub fn check(&mut self, keys: &[Key], looks: &[Look], facts: &mut Facts<'_>) {
        for look in looks {
            let same =
                |(_, kept): &(String, Kept)| kept.look == look.name && kept.began == look.began;
            match self.0.iter().position(same) {
                Some(at) => {
                    let (name, kept) = self.0.remove(at);
                    one(&name, keys, look, &kept, facts);
                }
                None => facts.fact("looks", &look.name, false, "no look-N.json is of this look"),
            }
        }
    }

    /// A judge was told of every look; only a fault of the harness may have come between.
    pub fn told(self, scene: &Scene<'_>, found: &mut Verification) {
        let fault = scene.scenario.steps.iter().any(|step| {
            step.keyword == Keyword::Then && matches!(step.outcome, Outcome::Harness { .. })
        });
        for (name, _) in self.0.into_iter().filter(|_| !fault) {
            let said = "no question tells of it";
            found.miss(scene.path(&name), "", said, "a judge is told of every look");
        }
    }
}

fn one(name: &str, keys: &[Key], look: &Look, kept: &Kept, facts: &mut Facts<'_>) {
    let field = |what: &str| format!("look '{}' ({name}): {what}", look.name);
    same(&field("searched"), &look.searched, &kept.searched(), facts);
    same(&field("canaries"), &look.canaries, &kept.canaries(), facts);
    same(&field("attempts"), &look.attempts, &kept.attempts(), facts);
    let core_dumps = kept.core_dumps();
    same(&field("core_dumps"), &look.core_dumps, &core_dumps, facts);
    sightings(&field("sightings"), &look.sightings, kept, facts);
    gaps(&field("gaps"), &look.gaps, kept, facts);
    lacked(&field("lacked"), &look.lacked, kept, facts);
    let told: BTreeSet<(&str, bool)> = keys
        .iter()
        .map(|key| (key.public_key_sha256.as_str(), key.known))
        .collect();
    let sought: BTreeSet<(&str, bool)> = kept
        .search
        .keys
        .iter()
        .map(|key| (key.name.as_str(), key.search == SearchKind::Known))
        .collect();
    same(&field("keys"), &told, &sought, facts);
}

fn same<T: PartialEq + Serialize>(field: &str, told: &T, follows: &T, facts: &mut Facts<'_>) {
    let words = |value: &T| shown(&serde_json::to_value(value).unwrap_or_default());
    let (said, expected) = (words(told), words(follows));
    facts.fact(field, said, alike(told, follows), expected);
}

/// The same; a text that is concealed as a whole stands for one in which a part is.
fn alike<T: PartialEq + Serialize>(told: &T, follows: &T) -> bool {
    fn values(told: &Value, follows: &Value) -> bool {
        match (told, follows) {
            (Value::String(told), Value::String(follows)) => {
                told == follows || (told == CONCEALED && follows.contains(CONCEALED))
            }
            (Value::Array(told), Value::Array(follows)) => {
                told.len() == follows.len() && told.iter().zip(follows).all(|(a, b)| values(a, b))
            }
            (Value::Object(told), Value::Object(follows)) => {
                told.len() == follows.len()
                    && told.iter().all(|(name, told)| {
                        follows
                            .get(name)
                            .is_some_and(|follows| values(told, follows))
                    })
            }
            (told, follows) => told == follows,
        }
    }
    let both = serde_json::to_value(told)
        .ok()
        .zip(serde_json::to_value(follows).ok());
    told == follows || both.is_some_and(|(told, follows)| values(&told, &follows))
}

/// Those of the file, in order. Of what was sent, the judge is told the exchange instead of the offset; and what arrived at the CMF
/// comes after them.
fn sightings(field: &str, told: &[Sighting], kept: &Kept, facts: &mut Facts<'_>) {
    let mut follows = kept.sightings();
    facts.fact(
        field,
        told.len(),
        told.len() >= follows.len(),
        follows.len(),
    );
    for (told, follows) in told.iter().zip(&mut follows) {
        if follows.medium == Medium::Wire {
            follows.place.clone_from(&told.place);
        }
        same(field, told, follows, facts);
    }
    for told in told.iter().skip(follows.len()) {
        let follows = "the look's file has no such sighting";
        facts.fact(field, &told.place, told.medium == Medium::Wire, follows);
    }
}

/// Those of the file, in order, and then what of the exchanges was too long to be kept.
fn gaps(field: &str, told: &[NotSearched], kept: &Kept, facts: &mut Facts<'_>) {
    let follows = kept.gaps();
    facts.fact(
        field,
        told.len(),
        told.len() >= follows.len(),
        follows.len(),
    );
    for (told, follows) in told.iter().zip(&follows) {
        same(field, told, follows, facts);
    }
    for told in told.iter().skip(follows.len()) {
        let follows = "the look's file has no such gap";
        facts.fact(field, &told.place, told.medium == Medium::Wire, follows);
    }
}

/// Those of the file, and then what the attempts lacked.
fn lacked(field: &str, told: &[String], kept: &Kept, facts: &mut Facts<'_>) {
    let begins = told.starts_with(&kept.lacked);
    let more = told.len() > kept.lacked.len();
    let follows = shown(&Value::from(kept.lacked.clone()));
    facts.fact(field, told.len(), begins, follows);
    let vain = kept.tried_in_vain();
    let follows = format!("attempts that say nothing: {vain}");
    facts.fact(field, format!("told: {more}"), more == vain, follows);
}

/// Each use of a channel is an exchange of the transcript, and none of them is left out.
pub fn channels(uses: &[ChannelUse], facts: &mut Facts<'_>) {
    let last = uses.iter().map(|one| one.exchange).max();
    for one in uses {
        let exchange = facts.transcript.get(one.exchange);
        let mutual = exchange.map(|exchange| exchange.tls.is_some() && exchange.peer.is_some());
        let with = exchange.is_some_and(|exchange| exchange.to == one.with);
        let field = format!("uses: exchange {}", one.exchange);
        let said = format!("with {}, mutual TLS {}", one.with, one.mutual_tls);
        let follows = format!("mutual TLS {mutual:?}");
        facts.fact(
            &field,
            said,
            with && mutual == Some(one.mutual_tls),
            follows,
        );
    }
    let told: BTreeSet<u64> = uses.iter().map(|one| one.exchange).collect();
    let asked: Vec<u64> = facts
        .transcript
        .iter()
        .filter(|exchange| {
            exchange.from == "VNFM" && ["CMF", "VIM", "VNFCI"].contains(&&*exchange.to)
        })
        .map(|exchange| exchange.seq)
        .filter(|seq| last.is_some_and(|last| *seq <= last))
        .collect();
    for seq in asked {
        let follows = format!("exchange {seq} is one");
        facts.fact("uses", "nothing", told.contains(&seq), follows);
    }
}

/// Each connection to the VNF OAM endpoint has its file, with the same end.
pub fn connections(scene: &Scene<'_>, all: [&OamConnection; 3], facts: &mut Facts<'_>) {
    for one in all {
        let name = format!("oam-{}.json", one.exchange);
        let record: Option<Value> = scene
            .file(&name)
            .and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let follows = record.as_ref().map_or_else(
            || "nothing".to_owned(),
            |record| record["outcome"].to_string(),
        );
        let kind = match &one.outcome {
            OamOutcome::Accepted => "Accepted",
            OamOutcome::Refused(_) => "Refused",
            OamOutcome::Nothing(_) => "",
        };
        let said = format!("{:?}", one.outcome);
        let told = record
            .as_ref()
            .and_then(|record| record["outcome"].as_str());
        let holds = told.is_some_and(|told| kind.is_empty() || told.starts_with(kind));
        facts.fact(&format!("{name}: outcome"), said, holds, follows);
    }
}
