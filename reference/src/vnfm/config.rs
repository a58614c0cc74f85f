//! The configuration file. Main type: [`Config`].

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::delegation::{Cmf, Keys, Oam, Vim, Vnfci};
use crate::defect::Defects;
use crate::package::Limits;

/// What the reference VNFM is told at its start. Paths are relative to the folder of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The API that the VNFM serves.
    pub api: Api,
    /// The NFVO that it calls.
    pub nfvo: Nfvo,
    /// How it treats packages.
    pub packages: Packages,
    /// Where it keeps its state.
    pub storage: Storage,
    /// Who certifies, in delegation mode.
    pub cmf: Option<Cmf>,
    /// The VIM, in delegation mode.
    pub vim: Option<Vim>,
    /// The VNF OAM endpoint, in delegation mode.
    pub oam: Option<Oam>,
    /// How VNFCIs are configured, in delegation mode.
    pub vnfci: Option<Vnfci>,
    /// How long private keys live, and where, in delegation mode.
    #[serde(default)]
    pub keys: Keys,
    /// Its log.
    #[serde(default)]
    pub log: Log,
    /// Its deliberate deviations.
    #[serde(default)]
    pub test: Test,
}

/// `[api]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    /// Address and port to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// PEM chain of the server, leaf first.
    pub certificate: PathBuf,
    /// Its key, PKCS#8 PEM.
    pub private_key: PathBuf,
    /// Who may call: issuers of client certificates, PEM (mutual TLS). Without it only the server shows a certificate
    /// and everybody may call: for products and load tools that cannot show one.
    pub client_anchors: Option<PathBuf>,
    /// By what callers are known, beside or instead of their certificate.
    pub authorization: Option<Authorization>,
}

/// `[api.authorization]`: who lacks it is refused by 401.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authorization {
    /// The way.
    pub kind: AuthorizationKind,
    /// The caller's name, of `basic` and `oauth2`.
    #[serde(default)]
    pub user: String,
    /// A file that holds the password, the token or the client secret, and perhaps a line end.
    pub secret_file: PathBuf,
    /// How long an access token is valid, of `oauth2`.
    #[serde(default = "default_lifetime")]
    pub lifetime_seconds: u64,
}

/// How a caller shows who it is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum AuthorizationKind {
    /// User and password (RFC 7617).
    Basic,
    /// A bearer token that never changes.
    Bearer,
    /// A bearer token from `POST /token` of this API (client credentials by HTTP Basic, RFC 6749 4.4).
    Oauth2,
}

fn default_lifetime() -> u64 {
    60
}

/// `[nfvo]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nfvo {
    /// The part of its URIs before `/vnfpkgm/v2` and `/grant/v1`.
    pub api_root: Url,
    /// Issuers of the NFVO's server certificate, PEM.
    pub anchors: PathBuf,
    /// PEM chain that the VNFM shows as a client, leaf first.
    pub certificate: PathBuf,
    /// Its key, PKCS#8 PEM.
    pub private_key: PathBuf,
    /// Credentials, where the NFVO asks for access tokens.
    pub oauth2: Option<OAuth2>,
    /// How long an answer of the NFVO may take.
    #[serde(default = "default_timeout")]
    timeout_seconds: u64,
}

impl Nfvo {
    /// How long an answer of the NFVO may take.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds)
    }
}

fn default_timeout() -> u64 {
    60
}

/// `[nfvo.oauth2]`: client credentials (RFC 6749 4.4), sent by HTTP Basic.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OAuth2 {
    /// Where tokens are got.
    pub token_endpoint: Url,
    /// The client's name.
    pub client_id: String,
    /// A file that holds the client's secret, and perhaps a line end.
    pub client_secret_file: PathBuf,
}

/// `[packages]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Packages {
    /// Trust anchors for the signers of VNF packages, PEM.
    pub anchors: PathBuf,
    /// Revocation lists of their issuers, PEM.
    #[serde(default)]
    pub crls: Vec<PathBuf>,
    /// When a package is fetched and verified.
    #[serde(default)]
    pub verify_at: VerifyAt,
    /// Limit of the unpacked size.
    #[serde(default = "default_max_unpacked_bytes")]
    max_unpacked_bytes: u64,
    /// Limit of the unpacked size relative to the packed one.
    #[serde(default = "default_max_ratio")]
    max_ratio: u64,
    /// Limit of the number of entries.
    #[serde(default = "default_max_entries")]
    max_entries: usize,
}

impl Packages {
    /// What an archive may grow to.
    pub fn limits(&self) -> Limits {
        Limits {
            max_unpacked_bytes: self.max_unpacked_bytes,
            max_ratio: self.max_ratio,
            max_entries: self.max_entries,
        }
    }
}

fn default_max_unpacked_bytes() -> u64 {
    Limits::default().max_unpacked_bytes
}

fn default_max_ratio() -> u64 {
    Limits::default().max_ratio
}

fn default_max_entries() -> usize {
    Limits::default().max_entries
}

/// The operation during which a package is verified.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum VerifyAt {
    /// Creation of the identifier: a refused package leaves no instance.
    #[default]
    Create,
    /// Instantiation: a refused package fails the operation.
    Instantiate,
}

/// `[storage]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// The folder that holds everything durable. Made if missing.
    pub directory: PathBuf,
}

/// `[log]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// A file for JSON lines; without it, they go to standard error.
    pub file: Option<PathBuf>,
    /// How much is told.
    #[serde(default)]
    pub level: Level,
}

/// How much a log tells.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// What happened.
    #[default]
    Info,
    /// Also each request to others; never their bodies.
    Debug,
}

/// `[test]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// Names of [`crate::defect::all`].
    #[serde(default)]
    pub defects: Vec<String>,
}

/// A mistake in the configuration, or in a file that it names.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no such configuration.
    #[error("`{}` is no configuration of the reference VNFM", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: Box<toml::de::Error>,
    },
    /// A value cannot be used.
    #[error("`{label}` cannot be used")]
    Value {
        /// The label that the user wrote, such as `api.certificate`.
        label: &'static str,
        /// Why.
        source: anyhow::Error,
    },
}

impl ConfigError {
    pub(crate) fn value(label: &'static str, source: impl Into<anyhow::Error>) -> Self {
        Self::Value {
            label,
            source: source.into(),
        }
    }
}

impl Config {
    /// Reads the file.
    ///
    /// # Errors
    /// If it cannot be read, is not TOML, has unknown fields or lacks some.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let mut config: Self = toml::from_str(&text).map_err(|source| ConfigError::Malformed {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
        config.resolve(path.parent().unwrap_or(Path::new("")));
        Ok(config)
    }

    /// The deviations that the file switches on.
    ///
    /// # Errors
    /// If a name is unknown; the error tells the nearest.
    pub fn defects(&self) -> Result<Defects, ConfigError> {
        Defects::from_names(self.test.defects.iter().map(String::as_str))
            .map_err(|error| ConfigError::value("test.defects", error))
    }

    fn resolve(&mut self, folder: &Path) {
        let paths = [
            &mut self.api.certificate,
            &mut self.api.private_key,
            &mut self.nfvo.anchors,
            &mut self.nfvo.certificate,
            &mut self.nfvo.private_key,
            &mut self.packages.anchors,
            &mut self.storage.directory,
        ];
        let optional = self
            .nfvo
            .oauth2
            .as_mut()
            .map(|oauth2| &mut oauth2.client_secret_file);
        let cmf = self.cmf.iter_mut().flat_map(|cmf| {
            [
                &mut cmf.anchors,
                &mut cmf.certificate,
                &mut cmf.private_key,
                &mut cmf.ca_anchors,
            ]
        });
        let vim = self.vim.iter_mut().flat_map(|vim| {
            [
                &mut vim.anchors,
                &mut vim.certificate,
                &mut vim.private_key,
                &mut vim.password_file,
            ]
        });
        let oam = self
            .oam
            .iter_mut()
            .flat_map(|oam| [&mut oam.certificate, &mut oam.private_key]);
        let vnfci = self.vnfci.iter_mut().flat_map(|vnfci| {
            [
                &mut vnfci.anchors,
                &mut vnfci.certificate,
                &mut vnfci.private_key,
            ]
        });
        let token = self
            .keys
            .pkcs11
            .iter_mut()
            .flat_map(|pkcs11| [&mut pkcs11.module, &mut pkcs11.pin_file]);
        for path in paths
            .into_iter()
            .chain(cmf)
            .chain(vim)
            .chain(oam)
            .chain(vnfci)
            .chain(token)
            .chain(&mut self.packages.crls)
            .chain(optional)
            .chain(&mut self.api.client_anchors)
            .chain(
                self.api
                    .authorization
                    .iter_mut()
                    .map(|authorization| &mut authorization.secret_file),
            )
            .chain(&mut self.log.file)
        {
            *path = folder.join(&*path);
        }
    }
}

/// The bytes of a file that the configuration names under `label`.
pub(crate) fn read(label: &'static str, path: &Path) -> Result<Vec<u8>, ConfigError> {
    std::fs::read(path).map_err(|error| {
        ConfigError::value(
            label,
            anyhow::Error::new(error).context(format!("cannot read `{}`", path.display())),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        [api]
        listen = "127.0.0.1:0"
        certificate = "vnfm.pem"
        private_key = "/keys/vnfm.key"
        client_anchors = "ca.pem"
        [nfvo]
        api_root = "https://127.0.0.1:1"
        anchors = "ca.pem"
        certificate = "vnfm.pem"
        private_key = "vnfm.key"
        [packages]
        anchors = "signers.pem"
        crls = ["signers.crl"]
        [storage]
        directory = "state"
    "#;

    fn load(text: &str) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vnfm.toml");
        std::fs::write(&path, text).unwrap();
        let config = Config::load(&path)?;
        assert_eq!(config.packages.crls, [folder.path().join("signers.crl")]);
        Ok(config)
    }

    #[test]
    fn paths_are_relative_to_the_file_and_the_rest_has_defaults() {
        let config = load(TEXT).unwrap();
        assert_eq!(config.api.private_key, Path::new("/keys/vnfm.key"));
        assert_eq!(config.packages.verify_at, VerifyAt::Create);
        assert_eq!(config.packages.limits(), Limits::default());
        assert_eq!(config.defects().unwrap(), Defects::NONE);
    }

    #[test]
    fn mistakes_are_told_by_the_label_that_was_written() {
        let unknown = load(&TEXT.replace("[storage]", "[storage]\ncolour = 1")).unwrap_err();
        assert!(format!("{:#}", anyhow::Error::new(unknown)).contains("colour"));
        let config = load(&format!("{TEXT}\n[test]\ndefects = [\"skip-last-file\"]")).unwrap();
        let text = format!("{:#}", anyhow::Error::new(config.defects().unwrap_err()));
        assert!(
            text.contains("test.defects") && text.contains("skips-last-file"),
            "{text}"
        );
    }
}
