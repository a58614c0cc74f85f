//! `scas simulate`: a simulator by itself.

mod ca;
mod cmf;
mod nfvo;

use std::path::Path;

use anyhow::Context as _;
use clap::ValueEnum;
use scas_simulators::ca::{CertificateFault, KeyKind};
use scas_simulators::transcript::Transcript;

use super::{Failure, Outcome};
use crate::pki::{TLS_FOLDER, TestPki};

/// Runs a simulator by itself until Ctrl-C, and prints its addresses.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    simulator: Simulator,
}

#[derive(clap::Subcommand)]
enum Simulator {
    /// The simulated NFVO: VNF packages, grants, a sink for notifications (SOL003), holding one signed VNF package
    ///
    /// Prints one line {"event":"ready",...} with its API root, the VNFD identifier it holds and the
    /// folder with certificates and keys that a VNFM needs.
    Nfvo(nfvo::Args),
    /// The simulated CMF with its CA: registration of delegates, and EST (RFC 7030)
    ///
    /// Prints one line {"event":"ready",...} with its addresses, the folder with certificates and keys that a
    /// VNFM needs, and the folder with the certificates of its CA.
    Cmf(cmf::Args),
    /// The simulated CA: certifies the requests that it is given, and publishes CRLs
    ///
    /// Prints one line {"event":"ready",...} with the address of CRLs and certificates, and the files it has written.
    Ca(ca::Args),
}

/// Runs the subcommand.
pub fn run(args: Args) -> Outcome {
    let runtime = super::runtime()?;
    match args.simulator {
        Simulator::Nfvo(args) => runtime.block_on(nfvo::run(&args)),
        Simulator::Cmf(args) => runtime.block_on(cmf::run(&args)),
        Simulator::Ca(args) => runtime.block_on(ca::run(&args)),
    }
    .map_err(Failure::Usage)?;
    Ok(0)
}

/// The kinds of key of a CA.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Key {
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
fn certificate_fault(name: &str) -> Result<CertificateFault, String> {
    let mut all = CertificateFault::ALL.into_iter();
    all.find(|fault| fault.to_string() == name).ok_or_else(|| {
        let names = CertificateFault::ALL.map(|fault| fault.to_string());
        format!("no such fault; there are {}", names.join(", "))
    })
}

/// The one of `--transcript`.
fn transcript(file: Option<&Path>) -> anyhow::Result<Transcript> {
    match file {
        Some(path) => {
            Transcript::to_file(path).with_context(|| format!("--transcript {}", path.display()))
        }
        None => Ok(Transcript::new()),
    }
}

/// The TLS part of the PKI in this folder: that of `--pki`, or made there.
fn tls_material(given: bool, folder: &Path) -> anyhow::Result<TestPki> {
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
async fn serve_until_interrupted(ready: &serde_json::Value) {
    let interrupted = super::run::interrupted();
    super::print(&format!("{ready}\n"));
    interrupted.await;
}
