//! `scas simulate nfvo`.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;
use scas_simulators::nfvo::{Nfvo, NfvoConfig};
use scas_simulators::tls::ServerSecurity;
use scas_simulators::transcript::Transcript;

use super::common::{Common, print};
use crate::pki::{SIGNERS_FOLDER, SigningMaterial};
use crate::testbed::offer;
use crate::vnf_package::Package;

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
}

pub(super) async fn run(args: &Args) -> anyhow::Result<()> {
    let common = &args.common;
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let folder = common.pki.as_deref().unwrap_or(scratch.path());
    let pki = common.tls(folder)?;
    let signing = signers(common.pki.is_some(), folder)?;
    let transcript = common.transcript()?;
    let security = common.security(&pki);
    let (nfvo, vnfd_id) = start(common.listen, security, &signing, &transcript)
        .await
        .with_context(|| format!("--listen {}", common.listen))?;
    let interrupted = crate::cli::run::interrupted();
    print(&serde_json::json!({
        "event": "ready",
        "apiRoot": nfvo.api_root(),
        "notifications": nfvo.callback_uri("lcm"),
        "vnfdId": vnfd_id,
        "pki": folder,
    }));
    interrupted.await;
    nfvo.stop().await;
    transcript.flush()?;
    Ok(())
}

/// An NFVO that holds one package, and the vnfdId of that.
pub(super) async fn start(
    listen: SocketAddr,
    security: ServerSecurity,
    signing: &SigningMaterial,
    transcript: &Transcript,
) -> anyhow::Result<(Nfvo, String)> {
    let nfvo = Nfvo::start(NfvoConfig {
        listen,
        ..NfvoConfig::new(security, transcript.clone())
    })
    .await?;
    let vnfd_id = uuid::Uuid::new_v4().to_string();
    let package = Package::new(&vnfd_id, signing).build()?;
    nfvo.onboard(offer::onboarded(&package));
    Ok((nfvo, vnfd_id))
}

/// The signers of the PKI in this folder: that of `--pki`, or made there.
pub(super) fn signers(given: bool, folder: &Path) -> anyhow::Result<SigningMaterial> {
    let now = jiff::Timestamp::now();
    let folder = folder.join(SIGNERS_FOLDER);
    if given {
        return SigningMaterial::load_from(&folder, now).context("--pki");
    }
    let signing = SigningMaterial::new(now)?;
    signing.write_to(&folder)?;
    Ok(signing)
}
