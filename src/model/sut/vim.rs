//! The simulated VIM as the product knows it: [`VimSide`].

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::nfvo::Security;
use crate::model::secret::Secret;

/// The simulated VIM (Keystone, Heat, Nova). It is there in delegation mode, and where `ixit.accepted-at` is `instantiate`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct VimSide {
    /// Where it listens; port 0 takes a free one for each scenario.
    #[schemars(extend("format" = "address-and-port"))]
    pub listen: SocketAddr,
    /// The host name or address in its URIs, where the product is to call another than `listen` says.
    pub name: Option<String>,
    /// What it asks of the product outside delegation mode. In delegation mode private keys cross here: it is always mutual TLS.
    pub security: Security,
    /// The user that the product is known by, of the project `nfv` in the domain `Default`.
    pub user: String,
    /// The user's password. Without it, one is made anew for each scenario: `{vim-password-file}` in `ixit.start.config`,
    /// `{vim-password}` in `ixit.vnf`.
    pub password: Option<Secret>,
}

impl Default for VimSide {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            name: None,
            security: Security::MutualTls,
            user: "vnfm".to_owned(),
            password: None,
        }
    }
}
