//! `scas simulate vim`.

use anyhow::Context as _;
use scas_simulators::material::Delivered;
use scas_simulators::tls::ServerSecurity;
use scas_simulators::vim::{Account, Booted, Vim, VimConfig};
use scas_simulators::vnfci::{Vnfci, VnfciConfig, VnfciKind};
use serde_json::{Value, json};

use super::common::{Common, OamArgs, identity, print};
use crate::pki::TestPki;

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    oam: OamArgs,
    /// Take clients without a certificate too: TLS of the server only
    #[arg(long, conflicts_with = "plain")]
    any_client: bool,
    /// Name of the user
    #[arg(long, value_name = "NAME", default_value = "vnfm")]
    user: String,
    /// Password of the user; this is a simulator, so it protects nothing
    #[arg(long, value_name = "TEXT", default_value = "vnfm")]
    password: String,
    /// Name of the project
    #[arg(long, value_name = "NAME", default_value = "nfv")]
    project: String,
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
    let account = Account {
        user: args.user.clone(),
        password: args.password.clone(),
        project: args.project.clone(),
        domain: "Default".into(),
        application_credential: None,
    };
    let vim = Vim::start(VimConfig {
        listen: common.listen,
        ..VimConfig::new(security, transcript.clone(), account)
    })
    .await
    .with_context(|| format!("--listen {}", common.listen))?;
    let interrupted = crate::cli::run::interrupted();
    print(&json!({
        "event": "ready",
        "authUrl": vim.auth_url(),
        "user": args.user,
        "project": args.project,
        "projectId": vim.project_id(),
        "domain": "Default",
        "pki": folder,
    }));
    let mut running = Vec::new();
    tokio::select! {
        _ = interrupted => {}
        ended = serve(args, &vim, &pki, &mut running) => ended?,
    }
    for vnfci in running {
        vnfci.stop().await;
    }
    vim.stop().await;
    transcript.flush()?;
    Ok(())
}

/// Starts a VNFCI for each server that boots.
async fn serve(
    args: &Args,
    vim: &Vim,
    pki: &TestPki,
    running: &mut Vec<Vnfci>,
) -> anyhow::Result<()> {
    loop {
        let booted = vim.wait_booted(running.len() + 1).await;
        for booted in booted.iter().skip(running.len()) {
            let security = args.common.security(pki);
            let vnfci = Vnfci::start(VnfciConfig {
                kind: VnfciKind::Booted {
                    server_id: booted.server_id.clone(),
                },
                delivered: booted.delivered().cloned(),
                ..VnfciConfig::new(security, vim.transcript().clone())
            })
            .await?;
            print(&event(booted, &vnfci));
            if booted.delivered().is_some() {
                args.oam.connect(&vnfci, pki).await;
            }
            running.push(vnfci);
        }
    }
}

fn event(booted: &Booted, vnfci: &Vnfci) -> Value {
    json!({
        "event": "booted",
        "serverId": booted.server_id,
        "name": booted.name,
        "stack": booted.stack_name,
        "resource": booted.resource,
        "vnfci": vnfci.api_root(),
        "delivered": booted.deliveries.iter().map(delivered).collect::<Vec<_>>(),
        "missing": booted.missing.as_ref().map(ToString::to_string),
    })
}

/// What may be printed of a certificate and its key.
pub(super) fn delivered(delivered: &Delivered) -> Value {
    json!({
        "foundIn": delivered.found_in,
        "certificateFoundIn": delivered.certificate_found_in,
        "certificates": delivered.certificate_chain_der.len(),
        "certificateSha256": delivered.certificate_sha256(),
        "publicKeySha256": delivered.private_key.public_key_sha256(),
    })
}
