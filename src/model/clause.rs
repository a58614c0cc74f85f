//! A specification as the suite knows it: [`Document`], its clauses, and the requirements in them.
//!
//! The summaries are the project's own words; the specification's text is not part of the project.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

words! {
    /// Who a requirement binds, or the role a product is tested in.
    Role, "role" {
        /// VNF Manager.
        Vnfm = "VNFM",
        /// Certificate Management Function.
        Cmf = "CMF",
        /// Security Manager.
        Sm = "SM",
        /// NFV Orchestrator.
        Nfvo = "NFVO",
        /// Virtualised Infrastructure Manager.
        Vim = "VIM",
        /// WAN Infrastructure Manager.
        Wim = "WIM",
        /// Container Infrastructure Service Management.
        Cism = "CISM",
        /// Container Image Registry.
        Cir = "CIR",
        /// Management and orchestration as a whole, whichever of its functional blocks does it.
        NfvMano = "NFV-MANO",
    }
}

impl Role {
    /// Whether a requirement on `self` is a requirement on a product in role `product`: its own role, or NFV-MANO as a
    /// whole where the product is one of its functional blocks.
    #[must_use]
    pub fn binds(self, product: Role) -> bool {
        let block = matches!(
            product,
            Role::Nfvo | Role::Vnfm | Role::Vim | Role::Wim | Role::Cism | Role::Cir
        );
        self == product || (self == Role::NfvMano && block)
    }
}

words! {
    /// How strongly the specification asks for something.
    Modality, "modality" {
        /// A requirement.
        Shall = "shall",
        /// A recommendation.
        Should = "should",
        /// A permission.
        May = "may",
        /// A possibility.
        Can = "can",
        /// An informative use case.
        UseCase = "use case",
    }
}

words! {
    /// How conformance with a requirement can be seen.
    Verification, "verification" {
        /// By a test of a running product.
        Test = "test",
        /// By reading documents, designs or deployments.
        Inspect = "inspect",
    }
}

words! {
    /// What kind of text a requirement comes from.
    RequirementKind, "kind" {
        /// A test case of the document itself.
        TestCase = "test case",
        /// A numbered requirement.
        Requirement = "requirement",
        /// A sentence with "shall" that has no number of its own: the part of the id after the slash is ours.
        Statement = "statement",
        /// An informative use case.
        UseCase = "use case",
    }
}

words! {
    /// Why no test case covers a requirement.
    Untested, "reason for being untested" {
        /// It can be tested, and nobody has written the test case yet.
        NotYet = "not yet",
        /// A running product cannot show it; somebody has to read or look.
        Inspection = "inspection",
        /// The document it is inherited from is not at hand, so that nothing can be said about it.
        TextNotAvailable = "text not available",
    }
}

/// One specification, in the version that the suite tests.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Document {
    /// Short id, as `Clause:` writes it: `SEC030`.
    pub id: String,
    /// The document's title.
    pub title: String,
    /// The version tested, for instance `V5.3.1`.
    pub version: String,
    /// The clauses with something to conform to, in the order of the document.
    pub clauses: Vec<Clause>,
    /// Where it is written down: the path of its `clauses.toml`, as shown to people.
    pub path: PathBuf,
}

impl Document {
    /// All requirements with their clauses, in the order of the document.
    pub fn requirements(&self) -> impl Iterator<Item = (&Clause, &Requirement)> {
        self.clauses.iter().flat_map(|clause| {
            clause
                .requirements
                .iter()
                .map(move |requirement| (clause, requirement))
        })
    }
}

/// One clause of a [`Document`].
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Clause {
    /// For instance `4.2.2.2` or `B.3`.
    pub number: String,
    /// What the clause is about.
    pub title: String,
    /// What the clause asks for itself.
    pub requirements: Vec<Requirement>,
    /// What it takes over from another document.
    pub inherited: Vec<Inherited>,
}

/// One thing a product can conform to.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Requirement {
    /// The specification's own id (`Vnfm.Sc.005`), or clause and a number of ours (`5.1.3/4`) where it has none.
    pub id: String,
    /// Whom it binds; more than one where the text binds them together.
    pub roles: Vec<Role>,
    /// How strongly.
    pub modality: Modality,
    /// The ICS item under which it holds; `None` means always.
    pub condition: Option<String>,
    /// How conformance can be seen.
    pub verification: Verification,
    /// What kind of text it is.
    pub kind: RequirementKind,
    /// What it asks for, in our words.
    pub summary: String,
    /// Why nothing tests it; `None` claims that a test case does.
    pub untested: Option<Untested>,
    /// The line in `clauses.toml`, from 1.
    pub line: usize,
}

impl Requirement {
    /// The roles as `clauses.toml` writes them: `NFV-MANO+SM`.
    #[must_use]
    pub fn roles_text(&self) -> String {
        self.roles
            .iter()
            .map(|role| role.as_str())
            .collect::<Vec<_>>()
            .join("+")
    }
}

/// Requirements that a document takes over from another one as a whole.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Inherited {
    /// Document and clause: `SEC028-4.2`.
    pub id: String,
    /// Why nothing tests it.
    pub untested: Untested,
}
