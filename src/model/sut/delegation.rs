//! What a profile says for delegation mode (SEC 030 4.2.2.3 to 4.2.2.5): `[ixit.cmf]` and `[ixit.vnfci]` ([`Listens`]),
//! `[ixit.oam]` ([`OamSide`]), and how long a private key may live, `[ixit.keys]` ([`Keys`]).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

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
    /// The kinds of key pair that the product makes (`allowedAlgorithm`): `EC_P256`, `EC_P384`, `RSA`. The first is what the
    /// tester asks for where the kind does not matter.
    #[schemars(length(min = 1))]
    pub algorithms: Vec<KeyAlgorithm>,
    /// The PKCS#11 token that holds them, if one does (ICS item `key-custody-pkcs11`).
    pub pkcs11: Option<Pkcs11>,
}

/// A PKCS#11 token of the product's, as the tester gets into it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Pkcs11 {
    /// The PKCS#11 library.
    pub module: PathBuf,
    /// The token's label.
    pub token: String,
    /// A file with the PIN of the token's user, and perhaps a line end.
    pub pin_file: PathBuf,
    /// Variables that the library needs.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
}

impl Keys {
    /// The kind of key pair that is asked for where it does not matter.
    pub fn usual(&self) -> KeyAlgorithm {
        self.algorithms.first().copied().unwrap_or_default()
    }
}

/// A kind of key pair, as SOL003 V4.5.1 writes it in `allowedAlgorithm`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum KeyAlgorithm {
    /// ECDSA on NIST P-256.
    #[default]
    #[serde(rename = "EC_P256")]
    P256,
    /// ECDSA on NIST P-384.
    #[serde(rename = "EC_P384")]
    P384,
    /// RSA of 3072 bits.
    #[serde(rename = "RSA")]
    Rsa,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            retention: 600,
            attempts: 3,
            deletion_deadline: 5,
            algorithms: vec![KeyAlgorithm::default()],
            pkcs11: None,
        }
    }
}
