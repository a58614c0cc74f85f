//! One specification test as the suite runs it: [`TestCase`], its scenarios and their steps.

use std::path::PathBuf;

use serde::Serialize;

use super::clause::{Modality, Role};
use super::ics::IcsExpression;

/// One test case: what a `.feature` file says.
#[derive(Clone, Debug, Serialize)]
pub struct TestCase {
    /// The specification's own name (`TC_UNIQUE_VNF_INSTANCE_ID`) or requirement id (`Vnfm.Sc.005`).
    pub id: String,
    /// Short id of the document: `SEC030`.
    pub document: String,
    /// Number of the clause in it: `4.2.2.2`.
    pub clause: String,
    /// The role of the product under test.
    pub role: Role,
    /// The requirement in our words.
    pub requirement: String,
    /// Where the requirement comes from.
    pub reference: String,
    /// The threat that it answers.
    pub threat: String,
    /// What that threat is aimed at.
    pub threatened_asset: String,
    /// What the test finds out.
    pub purpose: String,
    /// For which products it is meant, over ICS items.
    pub applicability: IcsExpression,
    /// How strong the requirement is.
    pub keyword: Modality,
    /// What a run leaves behind for a third person.
    pub evidence: String,
    /// Deviations of the reference that this case must catch.
    pub defects: Vec<DefectName>,
    /// The feature file, as shown to people.
    pub path: PathBuf,
    /// The text of the feature file.
    pub source: String,
    /// Everything to run, outlines expanded, in the order of the file.
    pub scenarios: Vec<Scenario>,
}

/// A defect of the reference that a test case must catch.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct DefectName {
    /// The defect's name, kebab-case.
    pub name: String,
    /// What the case must say of a reference that has it.
    pub effect: DefectEffect,
}

words! {
    /// What a test case must say of a reference with a defect that it names.
    DefectEffect, "effect of a defect" {
        /// Fail, in every tier. Written without more.
        Fails = "fails",
        /// Fail, but only the full tier is strong enough to show it; written `name [full]`.
        FailsInFull = "full",
        /// Inconclusive: the defect takes away what the case needs, and the case must not guess; written
        /// `name [inconclusive]`.
        Inconclusive = "inconclusive",
    }
}

/// One run through a test case: a `Scenario`, or one row of a `Scenario Outline`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Scenario {
    /// Its name, placeholders filled in.
    pub name: String,
    /// The line of `Scenario:`, or of the row of `Examples:`, from 1. It tells the rows of an outline apart.
    pub line: usize,
    /// Whether the specification asks for it.
    pub kind: ScenarioKind,
    /// In which tiers it runs.
    pub tier: Tier,
    /// It has the test bed to itself.
    pub serial: bool,
    /// Those of the background first, then its own; placeholders filled in.
    pub steps: Vec<Step>,
}

impl Scenario {
    /// Whether the scenario bears `tag`.
    #[must_use]
    pub fn has(&self, tag: Tag) -> bool {
        match tag {
            Tag::Normative => self.kind == ScenarioKind::Normative,
            Tag::Extended => self.kind == ScenarioKind::Extended,
            Tag::Quick => self.tier == Tier::QuickOnly,
            Tag::Full => self.tier == Tier::FullOnly,
            Tag::Serial => self.serial,
        }
    }
}

words! {
    /// The tags that scenarios bear, without the `@`.
    Tag, "tag" {
        /// The specification asks for this scenario: it decides conformance.
        Normative = "normative",
        /// Ours, beyond the specification.
        Extended = "extended",
        /// Runs in the quick tier only.
        Quick = "quick",
        /// Runs in the full tier only.
        Full = "full",
        /// Runs alone.
        Serial = "serial",
    }
}

words! {
    /// Whether the specification asks for a scenario.
    ScenarioKind, "scenario kind" {
        /// As the specification writes the test.
        Normative = "normative",
        /// Ours, beyond the specification.
        Extended = "extended",
    }
}

words! {
    /// The tiers in which a scenario runs.
    Tier, "tier" {
        /// In both tiers.
        Both = "both",
        /// In the quick tier only: a smaller twin of what the full tier does.
        QuickOnly = "quick",
        /// In the full tier only.
        FullOnly = "full",
    }
}

impl Tier {
    /// Whether a scenario of this kind runs in the full tier, or else in the quick one.
    #[must_use]
    pub fn runs_in(self, full: bool) -> bool {
        match self {
            Self::Both => true,
            Self::QuickOnly => !full,
            Self::FullOnly => full,
        }
    }
}

/// One step as it will be run.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Step {
    /// What kind of step it is, `And` and `But` resolved.
    pub keyword: Keyword,
    /// The phrase after the keyword.
    pub text: String,
    /// Its line in the feature file, from 1; for an outline the line of the template.
    pub line: usize,
}

words! {
    /// The Gherkin keyword of a step, on which its verdict depends.
    Keyword, "step keyword" {
        /// A pre-condition.
        Given = "Given",
        /// An execution step.
        When = "When",
        /// An expected result.
        Then = "Then",
    }
}
