//! `scas simulate bed`: everything around a VNFM in delegation mode, in one process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use scas_simulators::ca::Ca;
use scas_simulators::cmf::Cmf;
use scas_simulators::nfvo::Nfvo;
use scas_simulators::tls::ServerSecurity;
use scas_simulators::vim::{Vim, VimConfig};
use serde_json::{Value, json};

use super::bed_files::{ReferenceConfig, write};
use super::cmf::{Behaviour, ROOT, write_trust};
use super::common::{OamArgs, identity, print, tls_material, transcript};
use super::vim::AccountArgs;
use super::vnfcis::Vnfcis;
use super::{cmf, nfvo};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Where the NFVO listens; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    nfvo: SocketAddr,
    /// Where the CMF listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    cmf: SocketAddr,
    /// Where the VIM listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    vim: SocketAddr,
    /// A PKI made by `scas pki new`; without it one is made for this run. The configuration for the VNFM is written there
    #[arg(long, value_name = "DIR")]
    pki: Option<PathBuf>,
    #[command(flatten)]
    oam: OamArgs,
    #[command(flatten)]
    behaviour: Behaviour,
    #[command(flatten)]
    account: AccountArgs,
    /// Write every exchange with all of them to this file, one JSON line each
    #[arg(long, value_name = "FILE")]
    transcript: Option<PathBuf>,
}

/// What serves.
struct Bed {
    nfvo: Nfvo,
    vnfd_id: String,
    ca: Ca,
    cmf: Cmf,
    vim: Vim,
}

/// The folder for notifications: each name has its own sink.
const NOTIFICATIONS: &str = "lcm";

/// Runs all until a signal.
pub(super) async fn run(args: &Args) -> anyhow::Result<()> {
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let folder = args.pki.as_deref().unwrap_or(scratch.path());
    let pki = tls_material(args.pki.is_some(), folder)?;
    let signing = nfvo::signers(args.pki.is_some(), folder)?;
    let transcript = transcript(args.transcript.as_deref())?;
    let security = || ServerSecurity::Mutual {
        identity: identity(&pki),
        client_anchors_pem: pki.ca.certificate_pem(),
    };
    let (nfvo, vnfd_id) = nfvo::start(args.nfvo, security(), &signing, &transcript)
        .await
        .with_context(|| format!("--nfvo {}", args.nfvo))?;
    let (ca, cmf) = cmf::start(args.cmf, &args.behaviour, &pki, &transcript)
        .await
        .with_context(|| format!("--cmf {}", args.cmf))?;
    let vim = Vim::start(VimConfig {
        listen: args.vim,
        ..VimConfig::new(security(), transcript.clone(), args.account.account())
    })
    .await
    .with_context(|| format!("--vim {}", args.vim))?;
    let bed = Bed {
        nfvo,
        vnfd_id,
        ca,
        cmf,
        vim,
    };
    let files = bed.files(args, folder)?;
    let interrupted = crate::cli::run::interrupted();
    print(&bed.ready(args, folder, &files));
    let mut vnfcis = Vnfcis::new(security(), &args.oam, pki.ca.certificate_pem());
    let ended = tokio::select! {
        _ = interrupted => Ok(()),
        ended = vnfcis.boot(&bed.vim) => ended,
        () = bed.tell_notifications() => Ok(()),
    };
    vnfcis.stop().await;
    bed.stop().await;
    transcript.flush()?;
    ended
}

impl Bed {
    /// Writes what a VNFM is configured with; the configuration file.
    fn files(&self, args: &Args, folder: &Path) -> anyhow::Result<PathBuf> {
        write_trust(&self.ca, &folder.join(TRUST))?;
        let config = ReferenceConfig {
            nfvo: self.nfvo.api_root(),
            cmf: self.cmf.root(),
            cmf_ca: &format!("{TRUST}/{ROOT}"),
            auth_url: &self.vim.auth_url(),
            account: &args.account,
            oam: args.oam.oam.as_deref(),
        };
        write(&config, folder)
    }

    fn ready(&self, args: &Args, folder: &Path, config: &Path) -> Value {
        json!({
            "event": "ready",
            "nfvo": {
                "apiRoot": self.nfvo.api_root(),
                "notifications": self.nfvo.callback_uri(NOTIFICATIONS),
                "vnfdId": self.vnfd_id,
            },
            "cmf": {
                "root": self.cmf.root(),
                "delegates": format!("{}/scas-cmf/v1/delegates", self.cmf.root()),
                "est": format!("{}/.well-known/est", self.cmf.root()),
                "published": self.ca.base_uri(),
                "ca": folder.join(TRUST),
            },
            "vim": {
                "authUrl": self.vim.auth_url(),
                "user": args.account.user,
                "project": args.account.project,
                "projectId": self.vim.project_id(),
                "domain": "Default",
            },
            "oam": args.oam.oam,
            "pki": folder,
            "config": config,
        })
    }

    /// Prints each notification of the VNFM. Never returns.
    async fn tell_notifications(&self) {
        let mut told = 0;
        loop {
            let mut seen = 0;
            let one_more = |_: &Value| {
                seen += 1;
                seen > told
            };
            let next = self.nfvo.wait_notification(NOTIFICATIONS, one_more).await;
            print(&json!({ "event": "notification", "notification": next }));
            told += 1;
        }
    }

    async fn stop(self) {
        self.vim.stop().await;
        self.cmf.stop().await;
        self.ca.stop().await;
        self.nfvo.stop().await;
    }
}

/// The folder with the certificates of the CMF's CA.
const TRUST: &str = "cmf-ca";
