//! Delegation mode (IFA 026 clause 5.2.3.3): the VNFM has the certificates of VNFCIs made and installs them, with private keys
//! that a [custodian](crate::custodian) holds in its place. Main type: [`Delegation`].

mod certificate;
mod cmf_client;
mod config;
mod custody;
mod enrolment;
mod error;
mod exposure;
mod identity;
mod installation;
mod instantiation;
mod oam;
mod renewal;
mod rest;
mod stack;
mod token;
mod vim_client;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use url::Url;
use uuid::Uuid;

pub(crate) use config::{Cmf, Keys, Oam, Vim, Vnfci};

pub(crate) use identity::{Delegated, Policy};
pub(crate) use installation::Target;
pub(crate) use renewal::run as renew;

use super::config::{Config, ConfigError};
use super::store::Store;
use super::tls::{ClientFiles, client_config};
use crate::custodian::protocol::Verification;
use crate::defect::{Defects, Deviation};
use cmf_client::CmfClient;
use custody::Lingering;
use exposure::Exposure;
use identity::CertificateType;
use oam::{Admitted, OamEndpoint};
use vim_client::VimClient;

/// What delegation mode needs beyond the VNFM itself.
pub(crate) struct Delegation {
    keys: Keys,
    defects: Defects,
    exposure: Exposure,
    lingering: Lingering,
    /// Who this VNFM is to a PKCS#11 token, if one holds the keys.
    owner: Option<Uuid>,
    cmf: CmfClient,
    vim: VimClient,
    to_vim: Way,
    /// How VNFCIs are configured, if that is configured.
    to_vnfci: Option<Way>,
    admitted: Arc<Admitted>,
    oam: OamEndpoint,
}

/// How the key custodian reaches a peer.
struct Way {
    anchors: PathBuf,
    certificate: PathBuf,
    private_key: PathBuf,
    timeout_seconds: u64,
    verification: Verification,
}

impl Delegation {
    /// By the sections `[cmf]`, `[vim]` and `[oam]`; nothing if none of them is there.
    pub(crate) async fn start(
        config: &Config,
        store: &Store,
        defects: Defects,
    ) -> anyhow::Result<Option<Self>> {
        let (cmf, vim, oam) = match (&config.cmf, &config.vim, &config.oam) {
            (Some(cmf), Some(vim), Some(oam)) => (cmf, vim, oam),
            (None, None, None) => return Ok(None),
            _ => {
                let reason = "delegation mode needs all three of [cmf], [vim] and [oam]";
                return Err(ConfigError::value("cmf, vim, oam", anyhow::anyhow!(reason)).into());
            }
        };
        if config.keys.attempts == 0 || config.keys.retention_seconds == 0 {
            let reason = "keys.attempts and keys.retention_seconds must be at least 1";
            return Err(ConfigError::value("keys", anyhow::anyhow!(reason)).into());
        }
        let to_vim = if defects.has(Deviation::VimNotVerified) {
            Verification::Nothing
        } else if defects.has(Deviation::VimNameNotVerified) {
            Verification::AnyName
        } else {
            Verification::Full
        };
        let to_vnfcis = match defects.has(Deviation::VnfciNotVerified) {
            true => Verification::Nothing,
            false => Verification::Full,
        };
        let to_vnfci = config.vnfci.as_ref().map(|vnfci| {
            // The custodian will read these files; what is wrong with them is better told now.
            let files = ClientFiles {
                anchors: ("vnfci.anchors", &vnfci.anchors),
                certificate: ("vnfci.certificate", &vnfci.certificate),
                private_key: ("vnfci.private_key", &vnfci.private_key),
            };
            client_config(&files, to_vnfcis)?;
            Ok::<_, ConfigError>(Way {
                anchors: vnfci.anchors.clone(),
                certificate: vnfci.certificate.clone(),
                private_key: vnfci.private_key.clone(),
                timeout_seconds: vnfci.timeout_seconds,
                verification: to_vnfcis,
            })
        });
        let admitted = Arc::new(Admitted::default());
        Ok(Some(Self {
            owner: token::take_possession(&config.keys, store, defects).await?,
            keys: config.keys.clone(),
            defects,
            exposure: Exposure::new(config, store, defects),
            lingering: Lingering::default(),
            cmf: CmfClient::new(cmf)?,
            vim: VimClient::new(vim, to_vim)?,
            to_vim: Way {
                anchors: vim.anchors.clone(),
                certificate: vim.certificate.clone(),
                private_key: vim.private_key.clone(),
                timeout_seconds: vim.timeout_seconds,
                verification: to_vim,
            },
            to_vnfci: to_vnfci.transpose()?,
            oam: OamEndpoint::start(oam, cmf, Arc::clone(&admitted), defects).await?,
            admitted,
        }))
    }

    /// Where VNFCIs connect to.
    pub(crate) fn oam_address(&self) -> SocketAddr {
        self.oam.address
    }

    /// Whether it is configured how to reach VNFCIs.
    pub(crate) fn reaches_vnfcis(&self) -> bool {
        self.to_vnfci.is_some()
    }

    /// Lets the VNFCIs of this instance into the VNF OAM endpoint.
    pub(crate) fn admit(&self, delegated: &Delegated) {
        for certificate in self.oam_certificates(delegated) {
            self.admitted.add(&certificate);
        }
    }

    /// Does so no longer.
    pub(crate) fn dismiss(&self, delegated: &Delegated) {
        for certificate in self.oam_certificates(delegated) {
            self.admitted.remove(&certificate);
        }
    }

    fn oam_certificates(&self, delegated: &Delegated) -> impl Iterator<Item = Vec<u8>> {
        let all = self.defects.has(Deviation::OamAcceptsVnfciCertificate);
        delegated
            .vnfcs
            .iter()
            .flat_map(|vnfc| &vnfc.certificates)
            .filter(move |enrolled| all || enrolled.certificate_type == CertificateType::VnfOam)
            .filter_map(|enrolled| enrolled.leaf())
    }
}

/// Private keys, and what decides about them, go by TLS.
fn https_only(label: &'static str, url: &Url) -> Result<(), ConfigError> {
    if url.scheme() == "https" {
        return Ok(());
    }
    let reason = anyhow::anyhow!("`{url}` is not https");
    Err(ConfigError::value(label, reason))
}
