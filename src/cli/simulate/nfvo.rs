//! `scas simulate nfvo`.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use scas_simulators::nfvo::{Nfvo, NfvoConfig};
use scas_simulators::tls::{Identity, ServerSecurity};

use super::{tls_material, transcript};
use crate::pki::{SIGNERS_FOLDER, SigningMaterial, TestPki};
use crate::testbed::offer;
use crate::vnf_package::Package;

#[derive(clap::Args)]
pub struct Args {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// A PKI made by `scas pki new`; without it one is made for this run
    #[arg(long, value_name = "DIR")]
    pki: Option<PathBuf>,
    /// No TLS
    #[arg(long)]
    plain: bool,
    /// Write every exchange to this file, one JSON line each
    #[arg(long, value_name = "FILE")]
    transcript: Option<PathBuf>,
}

/// Runs it until a signal.
pub async fn run(args: &Args) -> anyhow::Result<()> {
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let folder = args.pki.as_deref().unwrap_or(scratch.path());
    let (pki, signing) = material(args, folder)?;
    let transcript = transcript(args.transcript.as_deref())?;
    let security = if args.plain {
        ServerSecurity::Plain
    } else {
        ServerSecurity::Mutual {
            identity: Identity {
                chain_pem: pki.nfvo.chain_pem(),
                key_pem: pki.nfvo.private_key_pem(),
            },
            client_anchors_pem: pki.ca.certificate_pem(),
        }
    };
    let nfvo = Nfvo::start(NfvoConfig {
        listen: args.listen,
        ..NfvoConfig::new(security, transcript.clone())
    })
    .await
    .with_context(|| format!("--listen {}", args.listen))?;
    let vnfd_id = uuid::Uuid::new_v4().to_string();
    let package = Package::new(&vnfd_id, &signing).build()?;
    nfvo.onboard(offer::onboarded(&package));
    let ready = serde_json::json!({
        "event": "ready",
        "apiRoot": nfvo.api_root(),
        "notifications": nfvo.callback_uri("lcm"),
        "vnfdId": vnfd_id,
        "pki": folder,
    });
    super::serve_until_interrupted(&ready).await;
    nfvo.stop().await;
    transcript.flush()?;
    Ok(())
}

/// The PKI of `--pki`, or a new one in the scratch folder.
fn material(args: &Args, folder: &std::path::Path) -> anyhow::Result<(TestPki, SigningMaterial)> {
    let now = jiff::Timestamp::now();
    let pki = tls_material(args.pki.is_some(), folder)?;
    let signers = folder.join(SIGNERS_FOLDER);
    if args.pki.is_some() {
        return Ok((
            pki,
            SigningMaterial::load_from(&signers, now).context("--pki")?,
        ));
    }
    let signing = SigningMaterial::new(now)?;
    signing.write_to(&signers)?;
    Ok((pki, signing))
}
