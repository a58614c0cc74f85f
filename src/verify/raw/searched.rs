//! What a search and the attempts beside it, as `look-N.json` has them, come to for a judge: [`Kept`]. Not by the code that told the
//! judge.

use serde::Deserialize;

use crate::exposure::answer::{Answer, Exposure};
use crate::exposure::detector::Confirmed;
use crate::exposure::probe::{AttemptResult as Result, CoreDumps, Tried};
use crate::exposure::source::{GapKind, Place};
use crate::model::key_protection::{
    Attempt, AttemptResult, Canary, CoreDump, Medium, NotSearched, Searched, Sighting,
};

/// What stands for a text in which a key was found.
pub const CONCEALED: &str = "(a name that holds the key)";

/// A look's file.
#[derive(Deserialize)]
pub struct Kept {
    /// Its name.
    pub look: String,
    /// When it began.
    pub began: Option<jiff::Timestamp>,
    /// Means that the tester lacked for the search.
    pub lacked: Vec<String>,
    /// What the search came to.
    pub search: Answer,
    /// What was tried as another user, if anything was.
    #[serde(default)]
    pub attempts: Option<Tried>,
}

impl Kept {
    /// Where key material was seen.
    pub fn sightings(&self) -> Vec<Sighting> {
        self.search.exposures.iter().map(sighting).collect()
    }

    /// What was searched.
    pub fn searched(&self) -> Vec<Searched> {
        let all = self.search.searched.iter();
        all.map(|one| Searched {
            source: one.source.clone(),
            places: one.places,
            bytes: one.bytes,
        })
        .collect()
    }

    /// What was not.
    pub fn gaps(&self) -> Vec<NotSearched> {
        let gap = |place: &Place, why: String, passing| NotSearched {
            medium: medium(place),
            process: process(place),
            place: words(place),
            why,
            passing,
        };
        let open = self.search.gaps.iter();
        let open = open.filter(|one| one.gap.kind.undecided()).map(|one| {
            let passing = one.gap.kind == GapKind::Changed;
            gap(&one.place, one.gap.what.clone(), passing)
        });
        let sealed = self.search.sealed.iter().map(|one| {
            let why = format!("{} stayed closed: {}", one.what, one.why);
            gap(&one.place, why, false)
        });
        open.chain(sealed).collect()
    }

    /// The positive control.
    pub fn canaries(&self) -> Vec<Canary> {
        let all = self.search.canaries.iter();
        all.map(|one| Canary {
            stands_for: format!("{} ({})", one.source, one.kind),
            found: one.found,
        })
        .collect()
    }

    /// What was tried as another user.
    pub fn attempts(&self) -> Vec<Attempt> {
        let all = self.attempts.iter().flat_map(|tried| &tried.attempts);
        all.map(|one| Attempt {
            what: one.what.clone(),
            as_user: one.as_user.clone(),
            whole_process: one.what.starts_with("read memory of")
                || one.what.starts_with("trace process"),
            result: match &one.result {
                Result::Succeeded { detail } => AttemptResult::Succeeded(detail.clone()),
                Result::Denied { error } => AttemptResult::Denied(error.clone()),
                Result::NotTried { why } => AttemptResult::NotTried(why.clone()),
            },
        })
        .collect()
    }

    /// What a crash would write.
    pub fn core_dumps(&self) -> Vec<CoreDump> {
        let all = self.attempts.iter().flat_map(|tried| &tried.core_dumps);
        all.map(|(process, settings)| CoreDump {
            process: *process,
            possible: possible(settings),
            settings: settings.to_string(),
        })
        .collect()
    }

    /// Whether attempts were due and none of them says anything: then a judge must have been told that means lacked.
    pub fn tried_in_vain(&self) -> bool {
        let Some(tried) = &self.attempts else {
            return false;
        };
        let says = self
            .attempts()
            .iter()
            .any(|one| one.whole_process && !matches!(one.result, AttemptResult::NotTried(_)));
        tried.failed.is_some() || !says
    }
}

fn possible(settings: &CoreDumps) -> bool {
    let limited = matches!(&settings.limit, Some((soft, _)) if soft == "0");
    let pattern = settings.pattern.as_deref().unwrap_or_default();
    !pattern.is_empty() && !pattern.starts_with('|') && !limited && settings.dumpable != Some(false)
}

fn sighting(seen: &Exposure) -> Sighting {
    let at = match seen.place.addresses {
        true => format!("address {:#x}", seen.at),
        false => format!("offset {}", seen.at),
    };
    let within: String = seen.within.iter().map(|one| format!(" in {one}")).collect();
    let confirmed = match seen.confirmed {
        Confirmed::Compared { bytes, of } => format!("{bytes} of {of} bytes compared"),
        Confirmed::PublicKey => "its public key was computed".to_owned(),
        Confirmed::DividesModulus => "it divides the modulus".to_owned(),
        Confirmed::Parsed => "parsed".to_owned(),
    };
    Sighting {
        public_key_sha256: seen.key.clone(),
        medium: medium(&seen.place),
        process: process(&seen.place),
        place: format!("{}, {at}", words(&seen.place)),
        encoding: format!("{}{within}; {confirmed}", seen.encoding),
    }
}

fn medium(place: &Place) -> Medium {
    if place.source == "wire" {
        return Medium::Wire;
    }
    if numbered(place, "others").is_some() {
        return Medium::OtherProcess;
    }
    if place.source.starts_with("VNFM memory dump ") {
        return Medium::Memory;
    }
    if numbered(place, "VNFM").is_none() {
        return Medium::Storage;
    }
    match place.path.as_deref().unwrap_or_default() {
        "environ" => Medium::Environment,
        "cmdline" => Medium::CommandLine,
        path if path.starts_with("fd ")
            && !path.contains(": /memfd:")
            && !path.contains("secretmem") =>
        {
            Medium::UnlinkedFile
        }
        _ => Medium::Memory,
    }
}

fn process(place: &Place) -> Option<u32> {
    numbered(place, "VNFM").or_else(|| numbered(place, "others"))
}

/// The number of a process in `VNFM pid 7`.
fn numbered(place: &Place, whose: &str) -> Option<u32> {
    let number = place.source.strip_prefix(whose)?.strip_prefix(" pid ")?;
    number.parse().ok()
}

fn words(place: &Place) -> String {
    let path = place.path.iter().map(|path| format!(" {path}"));
    let inside = place.inside.iter().map(|one| format!(" > {one}"));
    let rest: String = path.chain(inside).collect();
    format!("{}{rest}", place.source)
}
