//! What the profile's waivers come to, and the exit code with them: [`waivers`], [`exit_code`]. No verdict changes here.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::NOTHING_SELECTED;
use crate::model::sut::{Day, Waiver};
use crate::model::verdict::{CaseVerdict, Verdict};
use crate::report::results::{CaseResult, WaiverResult, WaiverState};

/// Exit code of a run of which everything that counts passed, but for a waiver that is expired or not needed.
pub const STALE_WAIVER: u8 = 5;

/// How each waiver stands to what was found.
pub fn waivers(waivers: &[Waiver], started: Timestamp, cases: &[CaseResult]) -> Vec<WaiverResult> {
    let today = Day(started.to_zoned(TimeZone::UTC).date());
    let result = |waiver: &Waiver| WaiverResult {
        state: state(
            waiver,
            today,
            cases.iter().find(|case| case.id == waiver.case),
        ),
        waiver: waiver.clone(),
    };
    waivers.iter().map(result).collect()
}

fn state(waiver: &Waiver, today: Day, case: Option<&CaseResult>) -> WaiverState {
    if waiver.expires < today {
        return WaiverState::Expired;
    }
    let Some(case) = case else {
        return WaiverState::NotSelected;
    };
    if matches!(case.normative, Some(CaseVerdict::NotApplicable { .. })) {
        return WaiverState::NotApplicable;
    }
    match case.worst() {
        Some(Verdict::Fail | Verdict::Inconclusive) => WaiverState::Holds,
        // Ours to mend, and nobody's to put up with: the product was not judged.
        Some(Verdict::Error) => WaiverState::NotJudged,
        Some(Verdict::Pass) => WaiverState::Passed,
        None => WaiverState::NotSelected,
    }
}

/// The exit code: that of the worst that is not waived. `whole` is the worst of the run itself, apart from its test cases.
pub fn exit_code(cases: &[CaseResult], waivers: &[WaiverResult], whole: Option<Verdict>) -> u8 {
    let counts = |case: &&CaseResult| !case.waived;
    let counted = cases
        .iter()
        .filter(counts)
        .filter_map(CaseResult::worst)
        .chain(whole)
        .max();
    let judged = cases.iter().any(|case| case.worst().is_some()) || whole.is_some();
    let code = match counted {
        _ if !judged => NOTHING_SELECTED,
        Some(verdict) => verdict.exit_code(),
        // All that was judged is waived.
        None => 0,
    };
    if code == 0 && waivers.iter().any(|waiver| waiver.state.is_stale()) {
        return STALE_WAIVER;
    }
    code
}
