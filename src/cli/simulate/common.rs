//! What `scas simulate` needs for every simulator: address, TLS, transcript, and the line that says it is ready.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::ValueEnum;
use scas_simulators::ca::{CertificateFault, KeyKind};
use scas_simulators::tls::{Identity, ServerSecurity};
use scas_simulators::transcript::Transcript;
use scas_simulators::vnfci::{Oam, Vnfci};
use serde_json::{Value, json};

use crate::pki::{TLS_FOLDER, TestPki};

/// Options of every simulator.
#[derive(clap::Args)]
pub(super) struct Common {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(super) listen: SocketAddr,
    /// A PKI made by `scas pki new`; without it one is made for this run
    #[arg(long, value_name = "DIR")]
    pub(super) pki: Option<PathBuf>,
    /// No TLS
    #[arg(long)]
    pub(super) plain: bool,
    /// Write every exchange to this file, one JSON line each
    #[arg(long, value_name = "FILE")]
    transcript: Option<PathBuf>,
}

impl Common {
    pub(super) fn transcript(&self) -> anyhow::Result<Transcript> {
        transcript(self.transcript.as_deref())
    }

    /// The PKI of `--pki`, or a new one in this folder.
    pub(super) fn tls(&self, folder: &Path) -> anyhow::Result<TestPki> {
        tls_material(self.pki.is_some(), folder)
    }

    /// Mutual TLS with the PKI's server certificate, or none.
    pub(super) fn security(&self, pki: &TestPki) -> ServerSecurity {
        if self.plain {
            return ServerSecurity::Plain;
        }
        ServerSecurity::Mutual {
            identity: identity(pki),
            client_anchors_pem: pki.ca.certificate_pem(),
        }
    }
}

/// What simulators present, whatever their role.
pub(super) fn identity(pki: &TestPki) -> Identity {
    Identity {
        chain_pem: pki.nfvo.chain_pem(),
        key_pem: pki.nfvo.private_key_pem(),
    }
}

/// Where the VNF OAM endpoint of the VNFM is.
#[derive(Clone, clap::Args)]
pub(super) struct OamArgs {
    /// The VNFM's VNF OAM endpoint: a VNFCI connects to it as soon as it has a certificate and key
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) oam: Option<String>,
    /// The name that the endpoint's certificate must bear; without it the host of --oam
    #[arg(long, value_name = "NAME", requires = "oam")]
    oam_name: Option<String>,
}

impl OamArgs {
    /// Lets the VNFCI connect, if there is an endpoint, and prints how it went.
    pub(super) async fn connect(&self, vnfci: &Vnfci, anchors_pem: &str) {
        let Some(address) = &self.oam else { return };
        let host = address
            .rsplit_once(':')
            .map_or(address.as_str(), |(host, _)| host);
        let name = self
            .oam_name
            .as_deref()
            .unwrap_or(host.trim_matches(['[', ']']));
        let mut oam = Oam::new(address, name, anchors_pem);
        oam.timeout = Duration::from_secs(30);
        let report = vnfci.connect(&oam).await;
        print(&json!({
            "event": "oam",
            "vnfci": vnfci.api_root(),
            "outcome": format!("{:?}", report.outcome),
            "tls": report.negotiated,
            "presented": report.presented_sha256,
        }));
    }
}

/// Prints an event in one line.
pub(super) fn print(event: &Value) {
    crate::cli::print(&format!("{event}\n"));
}

/// The kinds of key of a CA.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Key {
    #[value(name = "p-256")]
    P256,
    #[value(name = "p-384")]
    P384,
    #[value(name = "rsa-3072")]
    Rsa3072,
}

impl From<Key> for KeyKind {
    fn from(key: Key) -> Self {
        match key {
            Key::P256 => Self::P256,
            Key::P384 => Self::P384,
            Key::Rsa3072 => Self::Rsa3072,
        }
    }
}

/// A fault by its name; the error lists all names.
pub(super) fn certificate_fault(name: &str) -> Result<CertificateFault, String> {
    let mut all = CertificateFault::ALL.into_iter();
    all.find(|fault| fault.to_string() == name).ok_or_else(|| {
        let names = CertificateFault::ALL.map(|fault| fault.to_string());
        format!("no such fault; there are {}", names.join(", "))
    })
}

/// The one of `--transcript`.
pub(super) fn transcript(file: Option<&Path>) -> anyhow::Result<Transcript> {
    match file {
        Some(path) => {
            Transcript::to_file(path).with_context(|| format!("--transcript {}", path.display()))
        }
        None => Ok(Transcript::new()),
    }
}

/// The TLS part of the PKI in this folder: that of `--pki`, or made there.
pub(super) fn tls_material(given: bool, folder: &Path) -> anyhow::Result<TestPki> {
    let now = jiff::Timestamp::now();
    let folder = folder.join(TLS_FOLDER);
    if given {
        return TestPki::load_from(&folder, now).context("--pki");
    }
    let pki = TestPki::new(now, &["127.0.0.1", "::1", "localhost"])?;
    pki.write_to(&folder)?;
    Ok(pki)
}

/// Prints the ready line, and waits for a signal.
pub(super) async fn serve_until_interrupted(ready: &serde_json::Value) {
    let interrupted = crate::cli::run::interrupted();
    print(ready);
    interrupted.await;
}
