//! What a profile says for delegation mode (SEC 030 4.2.2.3 to 4.2.2.5): the simulated CMF, VIM and VNFCI, the VNF OAM endpoint, how
//! long a private key may live ([`Keys`]), and where the tester may look ([`Observe`]).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A simulator's side of an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Listens {
    /// Where it listens; port 0 takes a free one for each scenario.
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct OamSide {
    /// `host:port`, where it is fixed. Without it the ready line tells, as `oam`.
    pub address: Option<String>,
    /// The name that its certificate bears; without it the host of the address.
    pub server_name: Option<String>,
}

/// How long a private key may live in the product (IFA 026 Vnfm.Sc.005), as its documentation says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Keys {
    /// Seconds from its generation after which it is deleted, come what may.
    pub retention: u64,
    /// Attempts to install it after which it is deleted.
    pub attempts: u32,
    /// Seconds that it may remain after the event that ends its use.
    pub deletion_deadline: u64,
    /// The kinds of key pair that the product makes (`allowedAlgorithm`): `EC_P256`, `EC_P384`, `RSA`. The first is what the
    /// tester asks for where the kind does not matter.
    pub algorithms: Vec<KeyAlgorithm>,
    /// The PKCS#11 token that holds them, if one does (ICS item `key-custody-pkcs11`).
    pub pkcs11: Option<Pkcs11>,
}

/// A PKCS#11 token of the product's, as the tester gets into it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

/// What the product wants in requests beyond the members that the tester sends anyway. A string that is just a placeholder
/// becomes the value that it stands for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct VnfRequests {
    /// Of the creation of a VNF instance.
    pub create: Map<String, Value>,
    /// Of its instantiation.
    pub instantiate: Map<String, Value>,
    /// Of the change of its external connectivity, which asks for new certificates.
    pub change_ext_conn: Map<String, Value>,
}

impl VnfRequests {
    /// The placeholders that may stand in them.
    pub const PLACEHOLDERS: [&'static str; 2] = ["{vnfcs}", "{vnfcis}"];

    /// Each part with its label.
    pub fn parts(&self) -> [(&'static str, &Map<String, Value>); 3] {
        [
            ("ixit.vnf.create", &self.create),
            ("ixit.vnf.instantiate", &self.instantiate),
            ("ixit.vnf.change-ext-conn", &self.change_ext_conn),
        ]
    }
}

/// Where the tester may look, and as whom it tries to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Observe {
    /// The user, by name or number, as whom the tester tries to reach the product's processes and files; `nobody` if neither
    /// this nor `probe-with` is given. Needs root.
    pub probe_as: Option<String>,
    /// A command that runs another as another user, instead.
    pub probe_with: Option<String>,
    /// Which processes, beside the product's own, are searched.
    pub processes: OtherProcesses,
    /// The product's own processes where they do not descend from the start command: `tree:N`, `port:N`, `unit:NAME`.
    pub product: Vec<String>,
    /// Further storage of the product: folders, files (logs, images of volumes), block devices.
    pub storage: Vec<String>,
}

/// Which processes, beside the product's own, are searched for the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OtherProcesses {
    /// Those that the product started, wherever they went.
    #[default]
    Descendants,
    /// All of the machine.
    All,
}
