//! What the configuration says about delegation mode: `[cmf]`, `[vim]`, `[oam]`, `[vnfci]`, `[keys]`. Main types: [`Cmf`],
//! [`Vim`], [`Oam`], [`Vnfci`], [`Keys`].

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use crate::custodian::TokenObjects;
use crate::vnfm::config::ConfigError;

/// `[cmf]`: who certifies.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cmf {
    /// What stands before `/scas-cmf/v1` and `/.well-known/est`; https.
    pub root: Url,
    /// Issuers of the CMF's server certificate, PEM.
    pub anchors: PathBuf,
    /// PEM chain that the VNFM shows there, leaf first.
    pub certificate: PathBuf,
    /// Its key, PKCS#8 PEM.
    pub private_key: PathBuf,
    /// The CA that certificates of VNFCIs must chain to, PEM.
    pub ca_anchors: PathBuf,
    /// How long an answer may take.
    #[serde(default = "default_timeout")]
    pub(crate) timeout_seconds: u64,
}

/// `[vim]`: OpenStack, by Keystone v3 and Heat.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vim {
    /// Keystone, with or without `/v3`; https.
    pub auth_url: Url,
    /// Issuers of the VIM's server certificates, PEM.
    pub anchors: PathBuf,
    /// PEM chain that the VNFM shows there, leaf first.
    pub certificate: PathBuf,
    /// Its key, PKCS#8 PEM.
    pub private_key: PathBuf,
    /// The account's name.
    pub user: String,
    /// A file that holds its password, and perhaps a line end.
    pub password_file: PathBuf,
    /// The project's name.
    pub project: String,
    /// The domain of both.
    #[serde(default = "default_domain")]
    pub domain: String,
    /// How long an answer may take.
    #[serde(default = "default_timeout")]
    pub(crate) timeout_seconds: u64,
}

/// `[oam]`: the VNF OAM endpoint.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oam {
    /// Address and port to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// PEM chain of the server, leaf first.
    pub certificate: PathBuf,
    /// Its key, PKCS#8 PEM.
    pub private_key: PathBuf,
}

/// `[vnfci]`: how VNFCIs are configured (SOL002).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vnfci {
    /// Issuers of the VNFCIs' server certificates, PEM.
    pub anchors: PathBuf,
    /// PEM chain that the VNFM shows there, leaf first.
    pub certificate: PathBuf,
    /// Its key, PKCS#8 PEM.
    pub private_key: PathBuf,
    /// How long an answer may take.
    #[serde(default = "default_timeout")]
    pub(crate) timeout_seconds: u64,
}

/// `[keys]`: how long private keys live, and where.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    /// Keys are deleted so long after they were made, whatever became of them (Vnfm.Sc.005).
    pub retention_seconds: u32,
    /// Keys are deleted after so many failed attempts to install them (Vnfm.Sc.005).
    pub attempts: u32,
    attempt_interval_ms: u64,
    renew_before_seconds: u64,
    /// Who holds them.
    pub custody: Custody,
    /// The token of [`Custody::Pkcs11`].
    pub pkcs11: Option<Pkcs11>,
    /// The program that is started as key custodian, with its arguments; by default this program itself.
    pub custodian_command: Vec<String>,
}

/// Who holds private keys.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Custody {
    /// A short-lived process, in its memory.
    #[default]
    Process,
    /// A PKCS#11 token; the process takes them out for their delivery only.
    Pkcs11,
}

/// `[keys.pkcs11]`: the token that makes and holds private keys.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pkcs11 {
    /// The PKCS#11 library.
    pub module: PathBuf,
    /// The token's label.
    pub token: String,
    /// A file that holds the user's PIN, and perhaps a line end.
    pub pin_file: PathBuf,
    /// What private keys are in it.
    #[serde(default)]
    pub objects: TokenObjects,
    /// Variables that the library needs: the key custodian has no others in its environment.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            retention_seconds: 600,
            attempts: 3,
            attempt_interval_ms: 200,
            renew_before_seconds: 604_800,
            custody: Custody::Process,
            pkcs11: None,
            custodian_command: Vec::new(),
        }
    }
}

impl Keys {
    /// The token that holds keys, if one does.
    pub(crate) fn token(&self) -> Result<Option<&Pkcs11>, ConfigError> {
        let reason = match (self.custody, &self.pkcs11) {
            (Custody::Process, None) => return Ok(None),
            (Custody::Pkcs11, Some(pkcs11)) => return Ok(Some(pkcs11)),
            (Custody::Pkcs11, None) => "keys.custody is \"pkcs11\" and [keys.pkcs11] is missing",
            (Custody::Process, Some(_)) => {
                "[keys.pkcs11] is there and keys.custody is not \"pkcs11\""
            }
        };
        Err(ConfigError::value("keys.custody", anyhow::anyhow!(reason)))
    }

    /// Between two attempts.
    pub(crate) fn attempt_interval(&self) -> Duration {
        Duration::from_millis(self.attempt_interval_ms)
    }

    /// How long before its end a certificate is renewed.
    pub(crate) fn renew_before_seconds(&self) -> i64 {
        self.renew_before_seconds.try_into().unwrap_or(i64::MAX)
    }
}

fn default_timeout() -> u64 {
    30
}

fn default_domain() -> String {
    "Default".to_owned()
}
