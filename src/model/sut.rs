//! The profile of a system under test: one TOML file with what it is, what it claims (ICS) and how to
//! reach it (IXIT).

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod api;
mod capacity;
mod commands;
mod day;
mod delegation;
mod documents;
mod name_plate;
mod nfvo;
mod observe;
mod start;
mod timeouts;
mod vim;
mod vnf;
mod waiver;

use super::ics::Ics;
pub use api::{Api, Authentication, AuthenticationKind};
pub use capacity::Capacity;
pub use commands::{Action, Commands, OperatorStep};
pub use day::Day;
pub use delegation::{KeyAlgorithm, KeyTrigger, Keys, Listens, OamSide, Pkcs11};
pub use documents::{Document, DocumentTable};
pub use name_plate::Sut;
pub use nfvo::{NfvoSide, Security};
pub use observe::{Observe, OtherProcesses};
pub use start::Start;
pub use timeouts::Timeouts;
pub use vim::VimSide;
pub use vnf::VnfRequests;
pub use waiver::Waiver;

/// One profile file.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Profile {
    /// What the product is.
    pub sut: Sut,
    /// What the vendor claims that it supports.
    pub ics: Ics,
    /// How to test it.
    pub ixit: Ixit,
    /// Where the product's documentation describes what a pre-condition asks for. The clauses begin with such a pre-condition, which
    /// only a person can judge; the report repeats what stands here. A label that a test case asks for and that is missing makes it
    /// Inconclusive.
    #[serde(default)]
    pub documents: BTreeMap<String, Document>,
    /// Test cases that are known not to pass, and are put up with for a while.
    #[serde(default)]
    pub waiver: Vec<Waiver>,
}

/// Implementation eXtra Information for Testing.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Ixit {
    /// How the product is started for a scenario. Needed unless `ixit.api.running` says that it runs by itself.
    #[serde(default)]
    pub start: Option<Start>,
    /// The product's API, as the tester calls it.
    #[serde(default)]
    pub api: Api,
    /// What is done to a product that runs by itself.
    #[serde(default)]
    pub commands: Commands,
    /// A folder that `scas pki new` made: its CA, identities and signers of VNF packages are those of each run, so that a product
    /// can be given them once. Without it they are made anew for each run: a product that runs by itself (`ixit.api.running`) needs it where
    /// it speaks TLS or verifies signatures.
    #[serde(default)]
    pub pki: Option<PathBuf>,
    /// The simulated NFVO that the product is configured to reach.
    #[serde(default)]
    pub nfvo: NfvoSide,
    /// The operation at which the product judges a VNFD.
    #[serde(default)]
    pub accepted_at: AcceptedAt,
    /// HTTP statuses by which the product says that it will not have a VNFD. Others speak of load, credentials or faults, and
    /// leave it open.
    #[serde(default = "refusal_statuses")]
    #[schemars(inner(range(min = 400, max = 599)))]
    pub refusal_statuses: Vec<u16>,
    /// How many VNF instances the product says it can handle.
    pub capacity: Capacity,
    /// How long to wait for the product.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// The simulated CMF of delegation mode.
    #[serde(default)]
    pub cmf: Listens,
    /// The simulated VIM (Keystone, Heat, Nova): in delegation mode, and where `ixit.accepted-at` is `instantiate`.
    #[serde(default)]
    pub vim: VimSide,
    /// The simulated VNFCIs of delegation mode: each listens there, so port 0 alone allows several.
    #[serde(default)]
    pub vnfci: Listens,
    /// The product's VNF OAM endpoint.
    #[serde(default)]
    pub oam: OamSide,
    /// How long private keys of VNFCIs live.
    #[serde(default)]
    pub keys: Keys,
    /// What the product wants in requests.
    #[serde(default)]
    pub vnf: VnfRequests,
    /// Where the tester may look.
    #[serde(default)]
    pub observe: Observe,
}

impl Ixit {
    /// What is done to the product or on its machine, each with its label.
    pub fn actions(&self) -> Vec<(String, &Action)> {
        let commands = self.commands.all().into_iter();
        let commands = commands.filter_map(|(label, action)| Some((label.to_owned(), action?)));
        commands.chain(self.observe.dumps()).collect()
    }

    /// Every label at which a person is asked to do something.
    pub fn operator_steps(&self) -> Vec<(String, &OperatorStep)> {
        let actions = self.actions().into_iter();
        actions
            .filter_map(|(label, action)| match action {
                Action::Operator(step) => Some((label, step)),
                Action::Command(_) => None,
            })
            .collect()
    }
}

fn refusal_statuses() -> Vec<u16> {
    vec![400, 409, 422]
}

/// The operation at which a VNFD counts as accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AcceptedAt {
    /// The creation of a VNF instance.
    #[default]
    Create,
    /// Its instantiation.
    Instantiate,
}
