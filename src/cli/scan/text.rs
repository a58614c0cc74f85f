//! The answer for people.

use std::fmt::Write as _;

use anstyle::AnsiColor;

use crate::exposure::answer::{Answer, Exposure, Outcome, SearchKind};
use crate::exposure::detector::Confirmed;
use crate::exposure::key::Part;
use crate::exposure::probe::{Attempt, AttemptResult};
use crate::exposure::source::{GapKind, Place};
use crate::report::terminal::{Paint, visible};

/// Lines of a kind that are written out; beyond it they are counted, and --json has them all.
const SHOWN: usize = 40;

/// The answer, the most important last, where a reader of a terminal looks first.
pub fn text(answer: &Answer, paint: Paint) -> String {
    let mut text = String::new();
    for key in &answer.keys {
        let how = match key.search {
            SearchKind::Known => "by its encodings",
            SearchKind::Blind => "blindly, by its public key alone",
            SearchKind::Structures => {
                "in structures alone: no blind search for such keys; give the private key with --key"
            }
        };
        let name = visible(&key.name);
        let _ = writeln!(text, "looked for {name} ({}), {how}", key.algorithm);
    }
    let elapsed = answer.ended.duration_since(answer.began).as_secs_f64();
    for searched in &answer.searched {
        let _ = writeln!(
            text,
            "searched {}: {} in {} place(s)",
            visible(&searched.source),
            size(searched.bytes),
            searched.places
        );
    }
    let _ = writeln!(text, "in {elapsed:.1} s");
    for canary in &answer.canaries {
        let state = match (canary.found, &canary.problem) {
            (true, _) => "found".to_owned(),
            (false, None) => "NOT FOUND".to_owned(),
            (false, Some(problem)) => format!("NOT PLANTED: {}", visible(problem)),
        };
        let (kind, source) = (&canary.kind, visible(&canary.source));
        let _ = writeln!(
            text,
            "canary for {source} ({kind}): {state} {}",
            visible(&canary.planted)
        );
    }
    list(
        &mut text,
        "tried to reach as another user",
        answer.probes.iter().map(probe),
    );
    let left_out = |by_rule: bool| {
        let chosen = move |gap: &&_| (gap_kind(gap) == GapKind::ByRule) == by_rule;
        answer.gaps.iter().filter(chosen).map(|gap| {
            let bytes = gap
                .gap
                .bytes
                .map(|bytes| format!(" ({})", size(bytes)))
                .unwrap_or_default();
            format!("{}: {}{bytes}", place(&gap.place), visible(&gap.gap.what))
        })
    };
    list(&mut text, "left out by rule", left_out(true));
    list(&mut text, "NOT SEARCHED", left_out(false));
    let others = answer.other_keys.iter().map(|key| {
        let within = within(&key.within);
        let at = at(&key.place, key.at);
        format!(
            "{}, {at}: {}{within}, public key {}",
            place(&key.place),
            key.algorithm,
            key.spki_sha256
        )
    });
    list(
        &mut text,
        "other private keys, which fit none of those looked for",
        others,
    );
    let sealed = answer.sealed.iter().map(|sealed| {
        let at = at(&sealed.place, sealed.at);
        format!(
            "{}, {at}: {}: {}",
            place(&sealed.place),
            visible(&sealed.what),
            visible(&sealed.why)
        )
    });
    list(
        &mut text,
        "CLOSED: encrypted private keys (--password-file)",
        sealed,
    );
    list(&mut text, "EXPOSED", answer.exposures.iter().map(exposure));
    if let Some(all) = answer.exposures_in_all {
        let _ = writeln!(text, "  more than are kept: {all} in all");
    }
    let (word, colour) = match answer.result {
        Outcome::Found => ("found", AnsiColor::Red),
        Outcome::NotFound => ("not found", AnsiColor::Green),
        Outcome::Undecided => ("undecided", AnsiColor::Yellow),
    };
    let word = match paint {
        Paint::Plain => word.to_owned(),
        Paint::Colour => {
            let style = colour.on_default().bold();
            format!("{style}{word}{style:#}")
        }
    };
    let _ = writeln!(text, "\n{word}");
    for reason in &answer.reasons {
        let _ = writeln!(text, "  {}", visible(reason));
    }
    if answer.result != Outcome::Found {
        let _ = writeln!(text, "what no such search finds:");
        for what in &answer.sensitivity.out_of_reach {
            let _ = writeln!(text, "  {what}");
        }
    }
    text
}

fn gap_kind(gap: &crate::exposure::answer::GapAt) -> GapKind {
    gap.gap.kind
}

fn list(text: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{title}: {}", lines.len());
    for line in lines.iter().take(SHOWN) {
        let _ = writeln!(text, "  {line}");
    }
    if lines.len() > SHOWN {
        let _ = writeln!(
            text,
            "  ... and {} more; --json has them all",
            lines.len() - SHOWN
        );
    }
}

fn exposure(exposure: &Exposure) -> String {
    let at = at(&exposure.place, exposure.at);
    let address = exposure
        .address
        .as_ref()
        .map(|address| format!(" (address {address})"));
    let confirmed = match exposure.confirmed {
        Confirmed::Compared { bytes, of } => format!("{bytes} of {of} bytes compared"),
        Confirmed::PublicKey => "its public key was computed".to_owned(),
        Confirmed::DividesModulus => "it divides the modulus".to_owned(),
        Confirmed::Parsed => "parsed".to_owned(),
    };
    format!(
        "{}, {at}{}: {} of {}, {}{}, {} bytes; {confirmed}; {}",
        place(&exposure.place),
        address.unwrap_or_default(),
        part(exposure.part),
        visible(&exposure.key),
        exposure.encoding,
        within(&exposure.within),
        exposure.length,
        exposure
            .seen
            .round(jiff::Unit::Second)
            .unwrap_or(exposure.seen),
    )
}

fn part(part: Part) -> &'static str {
    match part {
        Part::Scalar => "scalar",
        Part::Seed => "seed",
        Part::ExpandedSeed => "expanded seed",
        Part::D => "private exponent",
        Part::P | Part::Q => "prime",
        Part::Dp | Part::Dq => "CRT exponent",
        Part::Qinv => "CRT coefficient",
        Part::Whole => "private key",
    }
}

fn within(within: &[String]) -> String {
    if within.is_empty() {
        return String::new();
    }
    format!(" in {}", within.join(" in "))
}

fn place(place: &Place) -> String {
    let mut text = visible(&place.source);
    if let Some(path) = &place.path {
        let _ = write!(text, " {}", visible(path));
    }
    for container in &place.inside {
        let _ = write!(text, " > {}", visible(container));
    }
    text
}

fn at(place: &Place, at: u64) -> String {
    if place.addresses {
        format!("address {at:#x}")
    } else {
        format!("offset {at}")
    }
}

fn probe(attempt: &Attempt) -> String {
    let result = match &attempt.result {
        AttemptResult::Succeeded { detail } => format!("SUCCEEDED {}", visible(detail)),
        AttemptResult::Denied { error } => format!("denied ({})", visible(error)),
        AttemptResult::NotTried { why } => format!("not tried: {}", visible(why)),
    };
    format!(
        "{} as {}: {result}",
        visible(&attempt.what),
        visible(&attempt.as_user)
    )
}

/// A number of bytes.
pub fn size(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
    let scaled = |unit: u64| bytes as f64 / unit as f64;
    match bytes {
        0..=9_999 => format!("{bytes} bytes"),
        10_000..=10_485_759 => format!("{:.1} KiB", scaled(1 << 10)),
        10_485_760..=10_737_418_239 => format!("{:.1} MiB", scaled(1 << 20)),
        _ => format!("{:.1} GiB", scaled(1 << 30)),
    }
}
