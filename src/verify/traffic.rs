//! Traffic with session secrets is in the evidence if, and only if, the run says that it keeps it: [`check`]. Nobody is to hand over
//! secrets without knowing.

use super::{Scene, Verification};
use crate::model::evidence::TRAFFIC;
use crate::model::verdict::Verdict;
use crate::report::record::RunInfo;

/// The Section Header Block, as a file of ours begins: its type, and, behind its length, the order of bytes.
const BEGINS: [u8; 4] = [0x0A, 0x0D, 0x0D, 0x0A];

/// Compares what a scenario lists with `run.json`.
pub fn check(scene: &Scene<'_>, run: &RunInfo, found: &mut Verification) {
    let path = scene.path(TRAFFIC);
    match (run.with_secrets, scene.file(TRAFFIC)) {
        (false, None) => {}
        (false, Some(_)) => found.miss(
            path,
            "",
            "is listed",
            "run.json does not say that traffic is kept (with_secrets)",
        ),
        (true, Some(bytes)) if bytes.starts_with(&BEGINS) => {}
        (true, Some(_)) => found.miss(path, "", "another format", "pcapng"),
        // Where no test bed was up, nothing passed; that it could not be written is an Error.
        (true, None) => {
            let passed = scene.names().any(|name| name == "transcript.jsonl");
            if passed && scene.scenario.verdict != Verdict::Error {
                found.miss(
                    path,
                    "",
                    "is missing",
                    "run.json says that traffic is kept (with_secrets)",
                );
            }
        }
    }
}
