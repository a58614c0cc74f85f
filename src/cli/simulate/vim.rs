//! `scas simulate vim`.

use anyhow::Context as _;
use scas_simulators::tls::ServerSecurity;
use scas_simulators::vim::{Account, Vim, VimConfig};
use serde_json::json;

use super::common::{Common, OamArgs, identity, print};
use super::vnfcis::Vnfcis;

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    oam: OamArgs,
    /// Take clients without a certificate too: TLS of the server only
    #[arg(long, conflicts_with = "plain")]
    any_client: bool,
    #[command(flatten)]
    account: AccountArgs,
}

/// Who may use the VIM.
#[derive(clap::Args)]
pub(super) struct AccountArgs {
    /// Name of the user at the VIM
    #[arg(long, value_name = "NAME", default_value = "vnfm")]
    pub(super) user: String,
    /// Password of that user; this is a simulator, so it protects nothing
    #[arg(long, value_name = "TEXT", default_value = "vnfm")]
    pub(super) password: String,
    /// Name of the project at the VIM
    #[arg(long, value_name = "NAME", default_value = "nfv")]
    pub(super) project: String,
}

impl AccountArgs {
    pub(super) fn account(&self) -> Account {
        Account {
            user: self.user.clone(),
            password: self.password.clone(),
            project: self.project.clone(),
            domain: "Default".into(),
            application_credential: None,
        }
    }
}

pub(super) async fn run(args: &Args) -> anyhow::Result<()> {
    let common = &args.common;
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let folder = common.pki.as_deref().unwrap_or(scratch.path());
    let pki = common.tls(folder)?;
    let transcript = common.transcript()?;
    let security = match args.any_client {
        true => ServerSecurity::ServerOnly {
            identity: identity(&pki),
        },
        false => common.security(&pki),
    };
    let vim = Vim::start(VimConfig {
        listen: common.listen,
        ..VimConfig::new(security, transcript.clone(), args.account.account())
    })
    .await
    .with_context(|| format!("--listen {}", common.listen))?;
    let interrupted = crate::cli::run::interrupted();
    print(&json!({
        "event": "ready",
        "authUrl": vim.auth_url(),
        "user": args.account.user,
        "project": args.account.project,
        "projectId": vim.project_id(),
        "domain": "Default",
        "pki": folder,
    }));
    let mut vnfcis = Vnfcis::new(common.security(&pki), &args.oam, pki.ca.certificate_pem());
    tokio::select! {
        _ = interrupted => {}
        ended = vnfcis.boot(&vim) => ended?,
    }
    vnfcis.stop().await;
    vim.stop().await;
    transcript.flush()?;
    Ok(())
}
