//! What a Pass can tell, and what it says nothing about: [`Sensitivity`] of a test case.

use std::collections::BTreeSet;

use serde::Serialize;

use super::questions::Asked;
use crate::model::evidence::Measurement;
use crate::report::results::CaseResult;

/// For one test case, gathered while its scenarios are drawn.
#[derive(Default, Serialize)]
pub struct Sensitivity {
    number: usize,
    id: String,
    statements: Vec<String>,
    looks: usize,
    canaries: usize,
    canaries_found: usize,
    gaps: usize,
    mebibytes: String,
    not_reached: BTreeSet<String>,
    #[serde(skip)]
    bytes: u64,
}

impl Sensitivity {
    /// That of a test case, before its scenarios are drawn.
    pub fn new(number: usize, case: &CaseResult) -> Self {
        let mut statements = BTreeSet::new();
        for scenario in &case.scenarios {
            let kind = if scenario.normative {
                "normative"
            } else {
                "extended"
            };
            for measurement in &scenario.measurements {
                if let Some(statement) = statement(measurement) {
                    statements.insert(format!("{statement} (line {}, {kind})", scenario.line));
                }
            }
        }
        Self {
            number,
            id: case.id.clone(),
            statements: statements.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Enters what the judge was asked in one scenario.
    pub fn hear(&mut self, asked: &[Asked]) {
        for look in asked.iter().flat_map(|asked| &asked.looks) {
            self.looks += 1;
            self.canaries += look.canaries.len();
            self.canaries_found += look.canaries.iter().filter(|canary| canary.found).count();
            self.gaps += look.gaps.len();
            self.bytes += look
                .searched
                .iter()
                .map(|searched| searched.bytes)
                .sum::<u64>();
            self.not_reached.extend(look.scope.iter().cloned());
        }
        #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
        let mebibytes = self.bytes as f64 / f64::from(1 << 20);
        self.mebibytes = format!("{mebibytes:.1}");
    }
}

/// What a measurement says of the strength of a test.
fn statement(measurement: &Measurement) -> Option<String> {
    let value = measurement.value;
    match measurement.name.as_str() {
        "detection-bound" => Some(format!(
            "a duplicate would have shown itself with 99 % probability if there were at most 2^{value:.1} different values to draw from"
        )),
        "shared-prime-bound" => Some(format!(
            "a shared prime would have shown itself with 99 % probability if there were at most 2^{value:.1} primes to draw from"
        )),
        _ => None,
    }
}
