//! `scas verify`: whether an evidence pack bears out what it says.

use std::path::PathBuf;

use anyhow::Context as _;

use super::{Failure, Outcome};
use crate::cms::Trust;
use crate::model::verdict::Verdict;
use crate::pack::{Limits, Pack, PackError};
use crate::seal::{self, State};
use crate::verify::{self, Verification};

/// How many mismatches are written out; the rest is counted.
const SHOWN: usize = 40;

/// Verifies an evidence pack, offline: digests, reports, signatures, and the verdicts themselves.
///
/// Exit codes: 0 everything follows, whatever the product's verdict; 1 something does not, and is named; 64 usage.
#[derive(clap::Args)]
pub struct Args {
    /// The run's folder, or a container (.asice, .zip)
    #[arg(value_name = "PACK")]
    pack: PathBuf,
    /// Whom to believe: certificates (PEM) of the CAs of signers and time-stamping authorities; asks for a seal (repeatable)
    #[arg(long, value_name = "FILE")]
    anchors: Vec<PathBuf>,
    /// Print what was found as JSON
    #[arg(long)]
    json: bool,
    /// The most that a container may unpack to, in GiB
    #[arg(long, value_name = "GIB", default_value_t = 16)]
    unpacked: u64,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Outcome {
    let limits = Limits {
        unpacked: args.unpacked.saturating_mul(1 << 30),
    };
    let trust = trust(&args.anchors).map_err(Failure::Usage)?;
    let (found, seal) = match Pack::open(&args.pack, limits) {
        Ok(pack) => judged(&pack, trust.as_ref()).map_err(Failure::Harness)?,
        Err(error @ PackError::Nothing { .. }) => return Err(Failure::Usage(error.into())),
        Err(PackError::Refused { file, reason }) => {
            let mut found = Verification::default();
            found.miss(file, "", reason, "a pack that can be read");
            (found, None)
        }
        Err(error @ PackError::Io { .. }) => return Err(Failure::Usage(error.into())),
    };
    if args.json {
        super::print_json(&Told {
            found: &found,
            seal: seal.as_ref(),
        })?;
    } else {
        super::print(&text(&found, seal.as_ref()));
    }
    Ok(u8::from(!found.holds()))
}

/// What is printed for programs.
#[derive(serde::Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    found: &'a Verification,
    seal: Option<&'a State>,
}

fn judged(pack: &Pack, trust: Option<&Trust>) -> anyhow::Result<(Verification, Option<State>)> {
    let mut found = verify::verify(pack, &seal::FILES)?;
    let state = seal::check(pack, trust, jiff::Timestamp::now(), &mut found)?;
    found.mismatches.sort();
    Ok((found, state))
}

fn trust(anchors: &[PathBuf]) -> anyhow::Result<Option<Trust>> {
    let mut pem = String::new();
    for path in anchors {
        let told = || format!("--anchors {}", path.display());
        let text = std::fs::read_to_string(path).with_context(told)?;
        Trust::new(&text).with_context(told)?;
        pem += &text;
        pem.push('\n');
    }
    match anchors {
        [] => Ok(None),
        _ => Ok(Some(Trust::new(&pem)?)),
    }
}

fn sealed(seal: &State) -> String {
    let since = match (&seal.stamped, &seal.authority) {
        (Some(time), Some(authority)) => format!("at {time}, says {authority}"),
        _ => "at a time that nobody vouches for (no time stamp)".to_owned(),
    };
    let who = match seal.trusted {
        true => "who is trusted by --anchors",
        false => "whom nobody has checked: give --anchors",
    };
    format!("sealed by {}, {who}, {since}", seal.signer)
}

fn text(found: &Verification, seal: Option<&State>) -> String {
    let mut text = String::new();
    let mut line = |words: String| {
        text += &words;
        text.push('\n');
    };
    let figures = &found.figures;
    line(format!(
        "run {}: {} files of evidence ({:.1} MB), {} reports drawn again, {} questions asked again, {} facts looked up in {} \
         exchanges, {} archives verified again",
        found.run.as_deref().unwrap_or("(no record)"),
        figures.files,
        megabytes(figures.bytes),
        figures.reports,
        figures.questions,
        figures.facts,
        figures.exchanges,
        figures.archives,
    ));
    line(seal.map_or(
        "not sealed: whoever had the folder may have made all of it".to_owned(),
        sealed,
    ));
    for remark in &found.remarks {
        line(format!("remark: {remark}"));
    }
    for one in found.mismatches.iter().take(SHOWN) {
        let at = match one.field.as_str() {
            "" => one.file.clone(),
            field => format!("{}, {field}", one.file),
        };
        line(format!("MISMATCH {at}"));
        line(format!("    said:    {}", one.said));
        line(format!("    follows: {}", one.follows));
    }
    if found.mismatches.len() > SHOWN {
        line(format!(
            "... and {} more (--json has all)",
            found.mismatches.len() - SHOWN
        ));
    }
    let verdict = found
        .verdict
        .map_or("none".to_owned(), |verdict: Verdict| verdict.to_string());
    let trusted = seal.is_some_and(|seal| seal.trusted);
    line(match (found.holds(), trusted) {
        (true, true) => format!("verified: the evidence bears out the verdict {verdict}"),
        (true, false) => format!(
            "consistent in itself: the evidence bears out the verdict {verdict}; nobody vouches for it (a seal, and --anchors, would)"
        ),
        (false, _) => format!("NOT verified: {} mismatch(es)", found.mismatches.len()),
    });
    text
}

fn megabytes(bytes: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a figure for readers")]
    let bytes = bytes as f64;
    bytes / 1e6
}
