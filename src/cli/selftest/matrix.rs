//! What `scas selftest` has seen: [`Matrix`], a [`Row`] for each defect.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::model::verdict::Verdict;

/// The whole of what was seen.
#[derive(Serialize)]
pub(super) struct Matrix {
    /// SHA-256 of the suite; a run of the same suite can repeat the matrix in its report.
    pub(super) suite_digest: String,
    /// Version of this program.
    pub(super) tool_version: &'static str,
    /// True if everything is as it ought to be.
    pub(super) ok: bool,
    /// The honest reference's verdict.
    pub(super) honest: Option<Verdict>,
    /// Why scenarios of its did not pass; nothing else shows anything then.
    pub(super) honest_reasons: Vec<String>,
    /// The test cases, in order.
    pub(super) cases: Vec<String>,
    /// A row per defect.
    pub(super) defects: Vec<Row>,
    /// Scenarios that no defect turned red: checks that nobody has seen to fail. Only all defects together can tell.
    pub(super) never_failed: Option<Vec<String>>,
}

/// What became of one defect.
#[derive(Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) summary: String,
    /// True if every test case that names it said what its feature says it must: Fail, unless marked [inconclusive].
    pub(super) killed: bool,
    /// The test cases that failed.
    pub(super) by: Vec<String>,
    /// The test cases that name it.
    pub(super) named_by: Vec<String>,
    /// Test cases that do not name it and did not pass all the same.
    pub(super) unexpected: Vec<String>,
    /// Why test cases did not come to what they ought to: the verdicts and reasons of their scenarios.
    pub(super) reasons: Vec<String>,
    /// The scenarios that failed, `case:line`.
    pub(super) scenarios: Vec<String>,
    /// Verdict of each test case, in order; none if it was not run.
    pub(super) verdicts: Vec<Option<Verdict>>,
    /// Test cases whose extended scenarios were left out, since the normative ones had caught it.
    pub(super) left_out: Vec<String>,
    /// Why nothing could be seen of it here.
    pub(super) not_run: Option<String>,
}

impl Matrix {
    /// For people.
    pub(super) fn table(&self) -> String {
        let mut text = String::new();
        for (number, case) in self.cases.iter().enumerate() {
            let _ = writeln!(text, "({}) {case}", number + 1);
        }
        let numbers: Vec<String> = (1..=self.cases.len()).map(|n| format!("({n})")).collect();
        let _ = writeln!(text, "\n{:<38} {}", "defect", cells(&numbers));
        for row in &self.defects {
            let verdicts: Vec<String> = row
                .verdicts
                .iter()
                .map(|verdict| verdict.map_or("-".to_owned(), |v| v.to_string()))
                .collect();
            let remark = if let Some(why) = &row.not_run {
                why.clone()
            } else if row.killed && row.unexpected.is_empty() {
                format!("killed by {} scenario(s)", row.scenarios.len())
            } else if row.named_by.is_empty() {
                "NAMED BY NO TEST CASE".to_owned()
            } else if row.killed {
                format!("ALSO RED: {}", row.unexpected.join(", "))
            } else {
                "SURVIVED".to_owned()
            };
            let _ = writeln!(text, "{:<38} {} {remark}", row.name, cells(&verdicts));
        }
        let of_rows = self.defects.iter().flat_map(|row| {
            let name = row.name.as_str();
            row.reasons.iter().map(move |reason| (name, reason))
        });
        let of_honest = self
            .honest_reasons
            .iter()
            .map(|reason| ("honest reference", reason));
        for (name, reason) in of_honest.chain(of_rows) {
            let _ = writeln!(text, "{name}: {reason}");
        }
        for scenario in self.never_failed.iter().flatten() {
            let _ = writeln!(text, "never seen to fail: {scenario}");
        }
        let honest = self
            .honest
            .map_or("nothing was judged".to_owned(), |v| v.to_string());
        let killed = self.defects.iter().filter(|row| row.killed).count();
        let _ = write!(
            text,
            "\nhonest reference: {honest}; {killed} of {} defects killed",
            self.defects.len(),
        );
        let _ = match &self.never_failed {
            Some(list) => writeln!(text, "; {} scenario(s) never seen to fail", list.len()),
            None => writeln!(text),
        };
        text
    }
}

fn cells(texts: &[String]) -> String {
    texts.iter().map(|text| format!("{text:<13}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::selftest::Selftest;

    #[test]
    fn a_report_can_read_what_is_printed() {
        let row = Row {
            name: "a".into(),
            summary: "errs".into(),
            killed: true,
            by: vec!["TC".into()],
            named_by: vec!["TC".into()],
            unexpected: Vec::new(),
            reasons: Vec::new(),
            scenarios: vec!["TC:1".into()],
            verdicts: vec![Some(Verdict::Fail)],
            left_out: Vec::new(),
            not_run: None,
        };
        let matrix = Matrix {
            suite_digest: "d".into(),
            tool_version: "v",
            ok: true,
            honest: Some(Verdict::Pass),
            honest_reasons: Vec::new(),
            cases: vec!["TC".into()],
            defects: vec![row],
            never_failed: None,
        };
        let text = serde_json::to_string(&matrix).expect("printed");
        let read: Selftest = serde_json::from_str(&text).expect("read");
        assert_eq!(read.suite_digest, "d");
        assert_eq!(read.defects[0].scenarios, ["TC:1"]);
        assert_eq!(read.never_failed, None);
    }
}
