//! The simulated NFVO as the product knows it: [`NfvoSide`].

use std::net::SocketAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::secret::Secret;

/// The simulated NFVO that the product is configured to reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct NfvoSide {
    /// Where it listens; port 0 takes a free one for each scenario. A product that runs by itself (`ixit.api.running`) is configured to
    /// reach it beforehand, so it needs a fixed port here.
    #[schemars(extend("format" = "address-and-port"))]
    pub listen: SocketAddr,
    /// The host name or address in its URIs, where the product is to call another than `listen` says.
    pub name: Option<String>,
    /// What it asks of the product.
    pub security: Security,
    /// PEM file with the certificate that it shows, leaf first. Without it, one of the test bed's CA.
    pub certificate: Option<PathBuf>,
    /// PEM file with its private key.
    pub private_key: Option<PathBuf>,
    /// PEM file with those who may issue the product's client certificate. Without it, the CA of the test bed.
    pub client_anchors: Option<PathBuf>,
    /// The name by which the product gets an access token at `/token` (client credentials, RFC 6749 4.4), to show it in every call.
    /// Without it, tokens are neither given out nor wanted.
    pub client_id: Option<String>,
    /// The secret that belongs to it, which the product sends by HTTP Basic. Without it, the product is known at `/token` by its
    /// certificate (RFC 8705).
    pub client_secret: Option<Secret>,
}

impl Default for NfvoSide {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            name: None,
            security: Security::MutualTls,
            certificate: None,
            private_key: None,
            client_anchors: None,
            client_id: None,
            client_secret: None,
        }
    }
}

/// How a simulator protects its interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Security {
    /// Both sides show a certificate.
    MutualTls,
    /// Only the simulator shows one.
    ServerTls,
    /// No TLS, where a product needs that.
    Plain,
}
