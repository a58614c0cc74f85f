//! What a profile says for delegation mode (SEC 030 4.2.2.3 to 4.2.2.5): `[ixit.cmf]`, `[ixit.vim]` and `[ixit.vnfci]` ([`Listens`]),
//! `[ixit.oam]` ([`OamSide`]), and how long a private key may live, `[ixit.keys]` ([`Keys`]).

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A simulator's side of an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Listens {
    /// Where it listens; port 0 takes a free one for each scenario.
    #[schemars(extend("format" = "address-and-port"))]
    pub listen: SocketAddr,
}

impl Default for Listens {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        }
    }
}

/// The product's VNF OAM endpoint, to which VNFCIs connect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct OamSide {
    /// The product's VNF OAM endpoint, where it is fixed. Without it the ready line tells, as `oam`.
    #[schemars(extend("format" = "host-and-port"))]
    pub address: Option<String>,
    /// The name that its certificate bears; without it the host of the address.
    pub server_name: Option<String>,
}

/// How long a private key may live in the product (IFA 026 Vnfm.Sc.005), as its documentation says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Keys {
    /// Seconds from its generation after which the product deletes a private key, come what may.
    #[schemars(range(min = 1, max = 86_400))]
    pub retention: u64,
    /// Attempts to install a private key, after which the product deletes it.
    #[schemars(range(min = 1, max = 100))]
    pub attempts: u32,
    /// Seconds for which a private key may still be found after the event that ends its use.
    #[schemars(range(min = 1, max = 3600))]
    pub deletion_deadline: u64,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            retention: 600,
            attempts: 3,
            deletion_deadline: 5,
        }
    }
}
