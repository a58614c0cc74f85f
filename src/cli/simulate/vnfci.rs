//! `scas simulate vnfci`.

use anyhow::Context as _;
use scas_simulators::vnfci::{Vnfci, VnfciConfig};
use serde_json::json;

use super::common::{Common, OamArgs, print};
use super::vnfcis::delivered;
use crate::pki::TestPki;

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    oam: OamArgs,
    /// A VNFC instance that it answers for; may be given several times; without it, it answers for any
    #[arg(long = "vnfc-instance", value_name = "ID")]
    vnfc_instance_ids: Vec<String>,
}

pub(super) async fn run(args: &Args) -> anyhow::Result<()> {
    let common = &args.common;
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let folder = common.pki.as_deref().unwrap_or(scratch.path());
    let pki = common.tls(folder)?;
    let transcript = common.transcript()?;
    let vnfci = Vnfci::start(VnfciConfig {
        listen: common.listen,
        vnfc_instance_ids: args.vnfc_instance_ids.clone(),
        ..VnfciConfig::new(common.security(&pki), transcript.clone())
    })
    .await
    .with_context(|| format!("--listen {}", common.listen))?;
    let interrupted = crate::cli::run::interrupted();
    print(&json!({ "event": "ready", "apiRoot": vnfci.api_root(), "pki": folder }));
    tokio::select! {
        _ = interrupted => {}
        () = serve(args, &vnfci, &pki) => {}
    }
    vnfci.stop().await;
    transcript.flush()?;
    Ok(())
}

/// Tells of each installation, and connects with what it brought.
async fn serve(args: &Args, vnfci: &Vnfci, pki: &TestPki) {
    let mut told = 0;
    loop {
        told = tell_installed(vnfci, told).await;
        args.oam.connect(vnfci, &pki.ca.certificate_pem()).await;
    }
}

/// Waits until more was installed than was told of, and prints it; how much that is by now.
pub(super) async fn tell_installed(vnfci: &Vnfci, told: usize) -> usize {
    let installed = vnfci.wait_installed(told + 1).await;
    for one in installed.iter().skip(told) {
        print(&json!({
            "event": "installed",
            "vnfci": vnfci.api_root(),
            "vnfcInstanceId": one.vnfc_instance_id,
            "delivered": delivered(&one.delivered),
        }));
    }
    installed.len()
}
