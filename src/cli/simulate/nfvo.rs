//! `scas simulate nfvo`.

use std::path::Path;

use anyhow::Context as _;
use scas_simulators::nfvo::{Nfvo, NfvoConfig};

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
    let signing = signers(common, folder)?;
    let transcript = common.transcript()?;
    let security = common.security(&pki);
    let nfvo = Nfvo::start(NfvoConfig {
        listen: common.listen,
        ..NfvoConfig::new(security, transcript.clone())
    })
    .await
    .with_context(|| format!("--listen {}", common.listen))?;
    let vnfd_id = uuid::Uuid::new_v4().to_string();
    let package = Package::new(&vnfd_id, &signing).build()?;
    nfvo.onboard(offer::onboarded(&package));
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

/// The signers of `--pki`, or new ones in this folder.
fn signers(common: &Common, folder: &Path) -> anyhow::Result<SigningMaterial> {
    let now = jiff::Timestamp::now();
    let folder = folder.join(SIGNERS_FOLDER);
    if common.pki.is_some() {
        return SigningMaterial::load_from(&folder, now).context("--pki");
    }
    let signing = SigningMaterial::new(now)?;
    signing.write_to(&folder)?;
    Ok(signing)
}
