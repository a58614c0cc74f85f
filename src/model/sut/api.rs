//! How the tester calls the product: [`Api`], with its [`Authentication`], and the [`Commands`] for a product that runs elsewhere.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::secret::Secret;

/// The product's API (SOL003 VNF lifecycle management), as the tester calls it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Api {
    /// `https://host:port[/prefix]`, or `http://...` for a product that speaks no TLS here, where the address is fixed. Without it
    /// the product prints a ready line.
    pub root: Option<String>,
    /// True if the product listens there already, and is not ours to start. Otherwise the address must be free before each start:
    /// whoever else listens there would be taken for the product.
    pub running: bool,
    /// Version of the VNF lifecycle management API that each request names (SOL013 9.2). Its first number is that of the path:
    /// `/vnflcm/v1` or `/vnflcm/v2`.
    pub version: String,
    /// Header fields that the product wants in each request besides.
    pub headers: BTreeMap<String, String>,
    /// PEM file with those who may issue the product's certificate. Without it, the CA of the test bed.
    pub anchors: Option<PathBuf>,
    /// PEM file with the certificate that the tester shows, leaf first. Without it, one of the test bed's CA, where the
    /// authentication is by mutual TLS, else none.
    pub certificate: Option<PathBuf>,
    /// PEM file with its private key.
    pub private_key: Option<PathBuf>,
    /// By what the tester is known to the product.
    pub authentication: Authentication,
}

impl Default for Api {
    fn default() -> Self {
        Self {
            root: None,
            running: false,
            version: "2.0.0".to_owned(),
            headers: BTreeMap::new(),
            anchors: None,
            certificate: None,
            private_key: None,
            authentication: Authentication::default(),
        }
    }
}

impl Api {
    /// The number in the path: of the version `2.0.0` it is 2. A version that is none has none.
    pub fn major(&self) -> Option<u32> {
        self.version.split('.').next()?.parse().ok()
    }
}

/// By what the tester is known to the product (SOL013 8.3). Which members a kind wants, its own description says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Authentication {
    /// The way: a certificate, an access token from a server, user and password, a fixed token, or none. What it needs stands beside it.
    pub kind: AuthenticationKind,
    /// Of `basic`: the user's name.
    pub user: Option<String>,
    /// Of `basic`: the password.
    pub password: Option<Secret>,
    /// Of `token`: the token.
    pub token: Option<Secret>,
    /// Of `token`: the header field that bears it. Without it, `Authorization: Bearer`.
    pub header: Option<String>,
    /// Of `oauth2`: where access tokens are got, e.g. `https://sso.lab.example/token`. Its certificate must be one of
    /// `ixit.api.anchors`.
    pub token_endpoint: Option<String>,
    /// Of `oauth2`: the tester's name there.
    pub client_id: Option<String>,
    /// Of `oauth2`: the tester's secret there, sent by HTTP Basic. Without it the tester is known by its certificate (RFC 8705).
    pub client_secret: Option<Secret>,
    /// Of `oauth2`: the scope that is asked for, if any.
    pub scope: Option<String>,
}

/// A way to be known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuthenticationKind {
    /// By the certificate that the tester shows.
    #[default]
    MutualTls,
    /// By an access token that it gets from `token-endpoint` (client credentials, RFC 6749 4.4).
    Oauth2,
    /// By `user` and `password` (RFC 7617).
    Basic,
    /// By a `token` that never changes.
    Token,
    /// By nothing.
    None,
}
