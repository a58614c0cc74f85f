//! `scas scan --hold`: a snapshot now, answers later.

use std::io::BufRead as _;
use std::path::Path;

use super::super::{Failure, Outcome, error};
use super::{Args, exit_code, failure, keys, show};
use crate::exposure::given::Source;
use crate::exposure::probe::Attempt;
use crate::exposure::search::{Held, Options};

/// Takes the snapshot, then answers for each path on standard input until its end.
pub fn hold(args: &Args, sources: Vec<Source>, options: Options, probes: Vec<Attempt>) -> Outcome {
    if sources
        .iter()
        .any(|source| matches!(source, Source::Stream { .. }))
    {
        let why = anyhow::anyhow!(
            "`-`: with --hold standard input names the keys, so it cannot be searched; give a file"
        );
        return Err(Failure::Usage(why));
    }
    let passwords = options.passwords.clone();
    let held = Held::take(sources, options).map_err(failure)?;
    let (bytes, stored) = held.size();
    error(&format!(
        "taken: {}, kept encrypted in {}; now write the path of a key or certificate, one a line",
        super::text::size(bytes),
        super::text::size(stored)
    ));
    let mut worst = None;
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| Failure::Harness(error.into()))?;
        let path = line.trim();
        if path.is_empty() {
            continue;
        }
        // A path mistyped must not cost the snapshot.
        match keys::either(Path::new(path), &passwords) {
            Ok(target) => {
                let mut answer = held.search(&[target]);
                answer.probes.clone_from(&probes);
                show(args, &answer)?;
                worst = worst.max(Some(severity(exit_code(&answer))));
            }
            Err(why) => {
                error(&format!("{why:#}"));
                worst = worst.max(Some(severity(super::super::USAGE)));
            }
        }
    }
    match worst {
        Some((_, code)) => Ok(code),
        None => Err(Failure::Usage(anyhow::anyhow!(
            "standard input named no key: nothing was searched; write the path of a key or certificate, one a line"
        ))),
    }
}

/// Found is worse than undecided, and that than a path mistyped.
fn severity(code: u8) -> (u8, u8) {
    let rank = match code {
        0 => 0,
        1 => 3,
        2 => 2,
        _ => 1,
    };
    (rank, code)
}
