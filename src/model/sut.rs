//! The profile of a system under test: one TOML file with what it is, what it claims (ICS) and how to
//! reach it (IXIT).

use std::collections::BTreeMap;
use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod delegation;

use super::clause::Role;
use super::ics::Ics;
pub use delegation::{
    KeyAlgorithm, Keys, Listens, OamSide, Observe, OtherProcesses, Pkcs11, VnfRequests,
};

/// One profile file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Profile {
    /// What the product is.
    pub sut: Sut,
    /// What the vendor claims that it supports.
    pub ics: Ics,
    /// How to test it.
    pub ixit: Ixit,
    /// Where the product's documentation describes what a pre-condition asks for: label to place.
    #[serde(default)]
    pub documents: BTreeMap<String, String>,
}

/// The product's name plate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Sut {
    /// Product name.
    pub name: String,
    /// Who makes it.
    pub vendor: String,
    /// Its version.
    pub version: String,
    /// The role under test, e.g. `VNFM`.
    #[schemars(with = "String")]
    pub role: Role,
}

/// Implementation eXtra Information for Testing.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Ixit {
    /// How the product is started for a scenario.
    pub start: Start,
    /// The product's API, where it has a fixed address. Without it the product prints a ready line.
    #[serde(default)]
    pub api: Option<Api>,
    /// The simulated NFVO that the product is configured to reach.
    #[serde(default)]
    pub nfvo: NfvoSide,
    /// The operation at which the product judges a VNFD.
    #[serde(default)]
    pub accepted_at: AcceptedAt,
    /// HTTP statuses by which the product says that it will not have a VNFD. Others speak of load, credentials or faults, and
    /// leave it open.
    #[serde(default = "refusal_statuses")]
    pub refusal_statuses: Vec<u16>,
    /// How many VNF instances the product says it can handle.
    pub capacity: Capacity,
    /// How long to wait for the product.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// The simulated CMF of delegation mode.
    #[serde(default)]
    pub cmf: Listens,
    /// The simulated VIM of delegation mode.
    #[serde(default)]
    pub vim: Listens,
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

fn refusal_statuses() -> Vec<u16> {
    vec![400, 409, 422]
}

/// How the product is started.
///
/// Placeholders in the command and in the configuration: `{scas}` this program, `{dir}` the scenario's
/// work folder, `{state}` the folder for everything durable, `{pki}` the folder with `ca.crt`,
/// `vnfm.crt` and `vnfm.key`, `{nfvo}` the NFVO's API root, `{signers}` the trust anchors of package signers,
/// `{crl}` their revocation list, `{log}` the log file, `{config}` the configuration as written,
/// `{defects}` a TOML array of names; and in scenarios of delegation mode, else empty: `{cmf}` the CMF's root, `{cmf-ca}` the
/// CA's root certificate, `{vim}` Keystone's address, `{vim-password-file}`, `{retention}` and `{attempts}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Start {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Text that is written to `{config}` first.
    #[serde(default)]
    pub config: Option<String>,
    /// Text that follows it in scenarios of delegation mode.
    #[serde(default)]
    pub delegation: Option<String>,
}

/// A product's fixed API address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Api {
    /// `https://host:port[/prefix]`, or `http://...` for a product that speaks no TLS here.
    pub root: String,
    /// True if the product listens there already and `ixit.start.command` only runs beside it. Otherwise the address must
    /// be free before each start: whoever else listens there would be taken for the product.
    #[serde(default)]
    pub running: bool,
}

/// The simulated NFVO's side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct NfvoSide {
    /// Where it listens; port 0 takes a free one for each scenario.
    pub listen: SocketAddr,
    /// What it asks of the product.
    pub security: Security,
}

impl Default for NfvoSide {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            security: Security::MutualTls,
        }
    }
}

/// How a simulator protects its interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Security {
    /// Both sides show a certificate.
    MutualTls,
    /// Only the simulator shows one.
    ServerTls,
    /// No TLS, where a product needs that.
    Plain,
}

/// The operation at which a VNFD counts as accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AcceptedAt {
    /// The creation of a VNF instance.
    #[default]
    Create,
    /// Its instantiation.
    Instantiate,
}

/// How much the product can handle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Capacity {
    /// Creations of the quick tier.
    pub quick: u64,
    /// Creations of the full tier: the maximum that the product can handle.
    pub full: u64,
    /// Creations under way at once.
    pub concurrency: usize,
}

/// How long to wait, in seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Timeouts {
    /// For the product to be ready after its start.
    pub start: u64,
    /// For an answer to one request.
    pub answer: u64,
    /// For a lifecycle operation to end.
    pub operation: u64,
    /// For the product to end after it was asked to.
    pub stop: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            start: 20,
            answer: 30,
            operation: 120,
            stop: 20,
        }
    }
}
