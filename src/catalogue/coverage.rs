//! What the suite tests of what there is to conform to: [`Coverage`]. Computed from the files, never claimed.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::clause::{Requirement, Untested};
use crate::model::test_case::TestCase;

use super::Catalogue;

/// How things stand with one requirement.
#[derive(Clone, Copy, Debug)]
pub enum Status<'a> {
    /// A test case covers it.
    Tested(&'a TestCase),
    /// Nothing covers it, for a reason.
    Untested(Untested),
    /// Nothing covers it and nobody says why: `check` finds that.
    Unexplained,
}

impl Status<'_> {
    /// `tested`, or why not.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Tested(_) => "tested",
            Self::Untested(reason) => reason.as_str(),
            Self::Unexplained => "unexplained",
        }
    }
}

/// Counts over all requirements of the suite.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Coverage {
    /// All requirements.
    pub requirements: usize,
    /// Those with a test case.
    pub tested: usize,
    /// Those without, by reason.
    pub untested: BTreeMap<Untested, usize>,
    /// Those without test case and without reason.
    pub unexplained: usize,
    /// Parts of other documents that are inherited as a whole, by the reason why nothing tests them. They are not
    /// among `requirements`: nobody has counted what is in them.
    pub inherited: BTreeMap<Untested, usize>,
}

impl Catalogue {
    /// How things stand with one requirement.
    #[must_use]
    pub fn status(&self, requirement: &Requirement) -> Status<'_> {
        match (self.case(&requirement.id), requirement.untested) {
            (Some(case), _) => Status::Tested(case),
            (None, Some(reason)) => Status::Untested(reason),
            (None, None) => Status::Unexplained,
        }
    }

    /// Counts over all requirements.
    #[must_use]
    pub fn coverage(&self) -> Coverage {
        let mut coverage = Coverage::default();
        for (_, _, requirement) in self.requirements() {
            coverage.requirements += 1;
            match self.status(requirement) {
                Status::Tested(_) => coverage.tested += 1,
                Status::Untested(reason) => *coverage.untested.entry(reason).or_default() += 1,
                Status::Unexplained => coverage.unexplained += 1,
            }
        }
        for inherited in self
            .documents
            .iter()
            .flat_map(|d| &d.clauses)
            .flat_map(|clause| &clause.inherited)
        {
            *coverage.inherited.entry(inherited.untested).or_default() += 1;
        }
        coverage
    }
}
