//! The roles around a VNFM in delegation mode: CMF with CA, VIM, and a VNFCI for each server that the VIM boots. Main type:
//! [`Delegation`].

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use anyhow::Context as _;
use jiff::SignedDuration;
use scas_simulators::ca::{Ca, CaConfig, CaError};
use scas_simulators::clock::Clock;
use scas_simulators::cmf::{CertificateType, Cmf, CmfConfig, Decision};
use scas_simulators::material::Delivered;
use scas_simulators::tls::{Identity, ServerSecurity};
use scas_simulators::transcript::Transcript;
use scas_simulators::vim::{Booted, Vim, VimConfig};
use scas_simulators::vnfci::{Vnfci, VnfciConfig, VnfciKind};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::vim;
use super::vim::VimAccess;
use crate::context::RunContext;
use crate::pki::{Ca as TestCa, Leaf};

/// One scenario at a time looks into processes: what another one's product does would be taken for this one's.
static TURN: LazyLock<Arc<Mutex<()>>> = LazyLock::new(Arc::default);

/// How long the CA has been there: longer than its certificates are valid.
const AGE: SignedDuration = SignedDuration::from_hours(24 * 365);

/// What the VIM, or a VNFCI, shows for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    /// A certificate that the VNFM has reason to trust.
    Proper,
    /// One of another CA.
    OfAnotherCa,
    /// One for another host.
    ForAnotherHost,
    /// One that has expired.
    Expired,
}

/// How long the product may keep private keys: what its configuration is told.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Seconds from the generation.
    pub seconds: u64,
    /// Attempts to install.
    pub attempts: u32,
}

/// The roles. Dropping it ends them.
pub struct Delegation {
    /// The CA.
    pub ca: Ca,
    /// The CMF in front of it.
    pub cmf: Cmf,
    /// What the product is told.
    pub retention: Retention,
    vim: Option<Vim>,
    /// All VIMs so far: what they were given counts, whoever they showed themselves to be.
    earlier: Vec<Arc<Booted>>,
    vnfcis: Vec<Running>,
    /// Stands where a VNFCI is expected, and shows something else.
    impostor: Option<Vnfci>,
    context: Arc<RunContext>,
    transcript: Transcript,
    password: String,
    files: PathBuf,
    _turn: OwnedMutexGuard<()>,
}

/// A VNFCI that runs.
pub struct Running {
    /// The server that it runs in.
    pub booted: Arc<Booted>,
    /// Itself.
    pub vnfci: Vnfci,
}

/// A key pair that was certified for a VNFCI.
#[derive(Clone)]
pub struct CertifiedKey {
    /// The VNFCI that it was registered for, as the product calls it; empty if it is not registered any more.
    pub vnfci_id: String,
    /// For what.
    pub kind: CertificateType,
    /// SHA-256 of SubjectPublicKeyInfo, in hex.
    pub public_key_sha256: String,
    /// The certificate.
    pub certificate_der: Vec<u8>,
    /// With its private key, if a VIM or VNFCI was given it.
    pub delivered: Option<Delivered>,
}

impl Shows {
    /// By the words of a feature.
    ///
    /// # Errors
    /// There is no such certificate.
    pub fn flawed(words: &str) -> anyhow::Result<Self> {
        match words {
            "of another CA" => Ok(Self::OfAnotherCa),
            "for another host" => Ok(Self::ForAnotherHost),
            "that has expired" => Ok(Self::Expired),
            _ => anyhow::bail!("there is no certificate '{words}'"),
        }
    }
}

impl Delegation {
    /// Starts the CA and the CMF; `files` is a folder for what the product is to read.
    ///
    /// # Errors
    /// A fault of ours, or of the machine's.
    pub async fn up(
        context: &Arc<RunContext>,
        transcript: &Transcript,
        files: &Path,
    ) -> anyhow::Result<Self> {
        let turn = Arc::clone(&TURN).lock_owned().await;
        let ca = ca(transcript).await.context("the simulated CA")?;
        let pki = &context.pki;
        let cmf = Cmf::start(CmfConfig {
            listen: context.profile.ixit.cmf.listen,
            ..CmfConfig::new(
                identity(&pki.nfvo),
                pki.ca.certificate_pem(),
                ca.ca1(),
                transcript.clone(),
            )
        })
        .await
        .context("ixit.cmf")?;
        let password = vim::password(&context.profile.ixit.vim)?;
        context.secrets.keep(&password);
        let keys = &context.profile.ixit.keys;
        let delegation = Self {
            ca,
            cmf,
            retention: Retention {
                seconds: keys.retention,
                attempts: keys.attempts,
            },
            vim: None,
            earlier: Vec::new(),
            vnfcis: Vec::new(),
            impostor: None,
            context: Arc::clone(context),
            transcript: transcript.clone(),
            password,
            files: files.to_owned(),
            _turn: turn,
        };
        std::fs::write(delegation.ca_file(), delegation.ca.root_pem())
            .context("the CA's certificate as a file")?;
        Ok(delegation)
    }

    /// Starts the VIM; or ends it and starts another at the same address, which shows another certificate.
    ///
    /// # Errors
    /// A fault of ours, or of the machine's.
    pub async fn start_vim(&mut self, shows: Shows) -> anyhow::Result<()> {
        let side = &self.context.profile.ixit.vim;
        let mut listen = side.listen;
        if let Some(vim) = self.vim.take() {
            listen = vim.address();
            self.earlier.extend(vim.booted());
            vim.stop().await;
        }
        let security = ServerSecurity::Mutual {
            identity: self.identity_of(shows)?,
            client_anchors_pem: self.context.pki.ca.certificate_pem(),
        };
        let account = vim::account(side, &self.password);
        let vim = Vim::start(VimConfig {
            listen,
            public_host: side.name.clone(),
            ..VimConfig::new(security, self.transcript.clone(), account)
        })
        .await
        .context("ixit.vim")?;
        vim::write_private(&self.password_file(), &self.password)?;
        self.vim = Some(vim);
        Ok(())
    }

    /// The VIM.
    ///
    /// # Errors
    /// No step has started it.
    pub fn vim(&self) -> anyhow::Result<&Vim> {
        self.vim.as_ref().context("no step has started the VIM")
    }

    /// What request members say of it.
    pub(super) fn vim_access(&self) -> VimAccess {
        VimAccess {
            auth_url: self.vim.as_ref().map(Vim::auth_url).unwrap_or_default(),
            user: self.context.profile.ixit.vim.user.clone(),
            password: self.password.clone(),
        }
    }

    /// All servers that ever came up.
    pub fn booted(&self) -> Vec<Arc<Booted>> {
        let now = self.vim.as_ref().map(Vim::booted).unwrap_or_default();
        self.earlier.iter().cloned().chain(now).collect()
    }

    /// Lets a VNFCI run in each server that has come up, and returns all.
    ///
    /// # Errors
    /// A fault of ours, or of the machine's.
    pub async fn vnfcis(&mut self) -> anyhow::Result<&[Running]> {
        let booted = self.booted();
        for booted in booted.into_iter().skip(self.vnfcis.len()) {
            let pki = &self.context.pki;
            let security = ServerSecurity::Mutual {
                identity: identity(&pki.nfvo),
                client_anchors_pem: pki.ca.certificate_pem(),
            };
            let oam = self.of_kind(&booted.deliveries, CertificateType::VnfOam);
            let vnfci = Vnfci::start(VnfciConfig {
                kind: VnfciKind::Booted {
                    server_id: booted.server_id.clone(),
                },
                listen: self.context.profile.ixit.vnfci.listen,
                delivered: oam.or_else(|| booted.delivered().cloned()),
                ..VnfciConfig::new(security, self.transcript.clone())
            })
            .await
            .context("ixit.vnfci")?;
            self.vnfcis.push(Running { booted, vnfci });
        }
        Ok(&self.vnfcis)
    }

    /// The VNFCIs that run.
    pub fn running(&self) -> &[Running] {
        &self.vnfcis
    }

    /// Starts something that stands where a VNFCI is expected.
    ///
    /// # Errors
    /// A fault of ours, or of the machine's.
    pub async fn start_impostor(&mut self, shows: Shows) -> anyhow::Result<()> {
        let security = ServerSecurity::Mutual {
            identity: self.identity_of(shows)?,
            client_anchors_pem: self.context.pki.ca.certificate_pem(),
        };
        // Where the product reaches the others, at a port of its own.
        let at = self.context.profile.ixit.vnfci.listen.ip();
        let vnfci = Vnfci::start(VnfciConfig {
            listen: SocketAddr::new(at, 0),
            ..VnfciConfig::new(security, self.transcript.clone())
        });
        self.impostor = Some(vnfci.await.context("ixit.vnfci")?);
        Ok(())
    }

    /// What stands where a VNFCI is expected, if anything does.
    pub fn impostor(&self) -> Option<&Vnfci> {
        self.impostor.as_ref()
    }

    /// Ends it. Returns what was installed there.
    pub async fn end_impostor(&mut self) -> Vec<Delivered> {
        let Some(impostor) = self.impostor.take() else {
            return Vec::new();
        };
        let installed = impostor.installed();
        impostor.stop().await;
        installed
            .iter()
            .map(|installed| installed.delivered.clone())
            .collect()
    }

    /// Those of these deliveries whose certificate is of this kind: the first.
    pub fn of_kind(&self, deliveries: &[Delivered], kind: CertificateType) -> Option<Delivered> {
        let certified = self.certified_without_keys();
        let is_of_kind = |delivered: &&Delivered| {
            let certificate = delivered.certificate_chain_der.first();
            certified
                .iter()
                .any(|key| Some(&key.certificate_der) == certificate && key.kind == kind)
        };
        deliveries.iter().find(is_of_kind).cloned()
    }

    /// Every key pair that was certified, in order, with its private key if it was delivered to anybody.
    pub fn certified(&self) -> Vec<CertifiedKey> {
        let booted = self.booted();
        let installed: Vec<_> = self
            .vnfcis
            .iter()
            .flat_map(|running| running.vnfci.installed())
            .collect();
        let deliveries = booted
            .iter()
            .flat_map(|booted| &booted.deliveries)
            .chain(installed.iter().map(|installed| &installed.delivered));
        let by_key: BTreeMap<String, &Delivered> = deliveries
            .map(|delivered| (delivered.private_key.public_key_sha256(), delivered))
            .collect();
        let mut certified = self.certified_without_keys();
        for key in &mut certified {
            key.delivered = by_key.get(&key.public_key_sha256).copied().cloned();
        }
        certified
    }

    fn certified_without_keys(&self) -> Vec<CertifiedKey> {
        let (delegates, issued) = (self.cmf.delegates(), self.ca.issued());
        let certified = self.cmf.enrolments().into_iter().filter_map(|enrolment| {
            let Decision::Issued {
                sha256,
                delegate_id,
                ..
            } = enrolment.decision
            else {
                return None;
            };
            let registered = delegates
                .iter()
                .find(|delegate| Some(&delegate.id) == delegate_id.as_ref())
                .map(|delegate| &delegate.registered);
            let kind = registered.map(|registered| registered.certificate_type);
            Some(CertifiedKey {
                vnfci_id: registered.map_or(String::new(), |known| known.vnfci_id.clone()),
                kind: kind.or(enrolment.label)?,
                public_key_sha256: enrolment.request?.public_key_sha256,
                certificate_der: issued
                    .iter()
                    .find(|issued| issued.sha256 == sha256)?
                    .der
                    .clone(),
                delivered: None,
            })
        });
        certified.collect()
    }

    /// The values of the placeholders.
    pub fn placeholders(&self) -> [(&'static str, String); 6] {
        let path = |path: PathBuf| path.display().to_string();
        [
            ("attempts", self.retention.attempts.to_string()),
            ("cmf", self.cmf.root().to_owned()),
            ("cmf-ca", path(self.ca_file())),
            ("retention", self.retention.seconds.to_string()),
            (
                "vim",
                self.vim.as_ref().map(Vim::auth_url).unwrap_or_default(),
            ),
            ("vim-password-file", path(self.password_file())),
        ]
    }

    /// Ends everything, and waits until ports and tasks have gone.
    pub async fn take_down(self) {
        let running = self.vnfcis.into_iter().map(|running| running.vnfci);
        for vnfci in running.chain(self.impostor) {
            vnfci.stop().await;
        }
        if let Some(vim) = self.vim {
            vim.stop().await;
        }
        self.cmf.stop().await;
        self.ca.stop().await;
    }

    /// What VIM and VNFCIs are called: a certificate that has another flaw bears the right names.
    fn hosts(&self) -> Vec<String> {
        let ixit = &self.context.profile.ixit;
        let local = ["127.0.0.1", "::1", "localhost"].map(str::to_owned);
        let listens = [ixit.vim.listen, ixit.vnfci.listen].map(|at| at.ip().to_string());
        let mut all: Vec<String> = local.into_iter().chain(listens).collect();
        all.sort();
        all.dedup();
        all
    }

    fn ca_file(&self) -> PathBuf {
        self.files.join("cmf-ca.crt")
    }

    fn password_file(&self) -> PathBuf {
        self.files.join(vim::PASSWORD_FILE)
    }

    fn identity_of(&self, shows: Shows) -> anyhow::Result<Identity> {
        let hosts = self.hosts();
        let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
        let (pki, now) = (&self.context.pki, jiff::Timestamp::now());
        let leaf = match shows {
            Shows::Proper => return Ok(identity(&pki.nfvo)),
            Shows::OfAnotherCa => TestCa::new("another CA", now)?
                .server("vim", &hosts)
                .issue(),
            Shows::ForAnotherHost => pki.ca.server("vim", &["vim.example"]).issue(),
            Shows::Expired => pki.ca.server("vim", &hosts).expired(now).issue(),
        };
        Ok(identity(&leaf.context("the VIM's certificate")?))
    }
}

/// A CA that has been there for a while: a certificate of its that has expired was valid once, and its issuer then too.
async fn ca(transcript: &Transcript) -> Result<Ca, CaError> {
    let founded = Arc::new(AtomicBool::new(false));
    let past = Arc::clone(&founded);
    let clock = Clock::of(move || {
        let now = jiff::Timestamp::now();
        match past.load(Ordering::Relaxed) {
            true => now,
            false => now.saturating_sub(AGE).unwrap_or(now),
        }
    });
    let started = Ca::start(CaConfig {
        clock,
        ..CaConfig::new(transcript.clone())
    });
    let ca = started.await?;
    founded.store(true, Ordering::Relaxed);
    Ok(ca)
}

/// What a certificate and its key are to TLS.
pub fn identity(leaf: &Leaf) -> Identity {
    Identity {
        chain_pem: leaf.chain_pem(),
        key_pem: leaf.private_key_pem(),
    }
}

/// The address of the VNF OAM endpoint, and the name that its certificate must bear.
pub fn oam_name(address: &str, configured: Option<&str>) -> String {
    let host = address
        .rsplit_once(':')
        .map_or(address, |(host, _)| host)
        .trim_matches(['[', ']']);
    configured.unwrap_or(host).to_owned()
}
