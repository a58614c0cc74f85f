//! From a search's answer to the facts that a judge weighs: [`look`].

use std::fmt::Write as _;

use super::dumps::DUMP;
use super::ground::PRODUCT;
use super::wire::WIRE;
use crate::exposure::answer::{Answer, Exposure};
use crate::exposure::detector::Confirmed;
use crate::exposure::source::{GapKind, Place};
use crate::exposure::survey::OTHERS;
use crate::model::key_protection::{Canary, Look, Medium, NotSearched, Searched, Sighting};

/// The facts of an answer.
pub(super) fn look(answer: &Answer) -> Look {
    let gaps = answer
        .gaps
        .iter()
        .filter(|gap| gap.gap.kind.undecided())
        .map(|gap| NotSearched {
            medium: medium(&gap.place),
            process: process(&gap.place),
            place: words(&gap.place),
            why: gap.gap.what.clone(),
            passing: gap.gap.kind == GapKind::Changed,
        });
    let sealed = answer.sealed.iter().map(|sealed| NotSearched {
        medium: medium(&sealed.place),
        process: process(&sealed.place),
        place: words(&sealed.place),
        why: format!("{} stayed closed: {}", sealed.what, sealed.why),
        passing: false,
    });
    Look {
        sightings: answer.exposures.iter().map(sighting).collect(),
        searched: answer
            .searched
            .iter()
            .map(|searched| Searched {
                source: searched.source.clone(),
                places: searched.places,
                bytes: searched.bytes,
            })
            .collect(),
        gaps: gaps.chain(sealed).collect(),
        canaries: answer
            .canaries
            .iter()
            .map(|canary| Canary {
                stands_for: format!("{} ({})", canary.source, canary.kind),
                found: canary.found,
            })
            .collect(),
        ..Look::default()
    }
}

fn sighting(exposure: &Exposure) -> Sighting {
    let at = if exposure.place.addresses {
        format!("address {:#x}", exposure.at)
    } else {
        format!("offset {}", exposure.at)
    };
    let mut encoding = exposure.encoding.clone();
    for within in &exposure.within {
        let _ = write!(encoding, " in {within}");
    }
    let confirmed = match exposure.confirmed {
        Confirmed::Compared { bytes, of } => format!("{bytes} of {of} bytes compared"),
        Confirmed::PublicKey => "its public key was computed".to_owned(),
        Confirmed::DividesModulus => "it divides the modulus".to_owned(),
        Confirmed::Parsed => "parsed".to_owned(),
    };
    Sighting {
        public_key_sha256: exposure.key.clone(),
        medium: medium(&exposure.place),
        process: process(&exposure.place),
        place: format!("{}, {at}", words(&exposure.place)),
        encoding: format!("{encoding}; {confirmed}"),
    }
}

/// In what a place is.
fn medium(place: &Place) -> Medium {
    let source = place.source.as_str();
    if source == WIRE {
        return Medium::Wire;
    }
    if process_of(source, OTHERS).is_some() {
        return Medium::OtherProcess;
    }
    if source.starts_with(DUMP) {
        return Medium::Memory;
    }
    if process_of(source, PRODUCT).is_none() {
        return Medium::Storage;
    }
    match place.path.as_deref() {
        Some("environ") => Medium::Environment,
        Some("cmdline") => Medium::CommandLine,
        Some(path) if path.starts_with("fd ") && !in_memory(path) => Medium::UnlinkedFile,
        _ => Medium::Memory,
    }
}

/// Whether an open file is memory of the process under another name.
fn in_memory(path: &str) -> bool {
    path.contains(": /memfd:") || path.contains("secretmem")
}

fn process(place: &Place) -> Option<u32> {
    process_of(&place.source, PRODUCT).or_else(|| process_of(&place.source, OTHERS))
}

fn process_of(source: &str, which: &str) -> Option<u32> {
    source
        .strip_prefix(which)?
        .strip_prefix(" pid ")?
        .parse()
        .ok()
}

fn words(place: &Place) -> String {
    let mut text = place.source.clone();
    if let Some(path) = &place.path {
        let _ = write!(text, " {path}");
    }
    for container in &place.inside {
        let _ = write!(text, " > {container}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_tells_in_what_it_is() {
        for (source, path, expected) in [
            ("VNFM pid 7", Some("[heap]"), Medium::Memory),
            ("VNFM pid 7", Some("cmdline"), Medium::CommandLine),
            ("VNFM pid 7", Some("environ"), Medium::Environment),
            (
                "VNFM pid 7",
                Some("fd 5: /tmp/x (deleted)"),
                Medium::UnlinkedFile,
            ),
            (
                "VNFM pid 7",
                Some("fd 5: /memfd:x (deleted)"),
                Medium::Memory,
            ),
            ("VNFM pid 7", None, Medium::Memory),
            ("VNFM memory dump vm", None, Medium::Memory),
            ("others pid 8", Some("environ"), Medium::OtherProcess),
            ("/var/lib/vnfm", Some("key.pem"), Medium::Storage),
            ("VNFM", Some("x"), Medium::Storage),
            ("wire", None, Medium::Wire),
        ] {
            let place = Place {
                source: source.to_owned(),
                path: path.map(str::to_owned),
                ..Place::default()
            };
            assert_eq!(medium(&place), expected, "{source} {path:?}");
        }
    }

    #[test]
    fn a_process_is_known_by_its_number() {
        let place = |source: &str| Place {
            source: source.to_owned(),
            ..Place::default()
        };
        assert_eq!(process(&place("VNFM pid 12")), Some(12));
        assert_eq!(process(&place("others pid 12")), Some(12));
        assert_eq!(process(&place("/x pid 12")), None);
    }
}
