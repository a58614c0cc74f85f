//! The VNFCIs that a simulated VIM boots, each in a task of its own. Main type: [`Vnfcis`].

use std::sync::Arc;

use scas_simulators::material::Delivered;
use scas_simulators::tls::ServerSecurity;
use scas_simulators::vim::{Booted, Vim};
use scas_simulators::vnfci::{Vnfci, VnfciConfig, VnfciKind};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::common::{OamArgs, print};
use super::vnfci::tell_installed;

/// Those that run.
pub(super) struct Vnfcis {
    security: ServerSecurity,
    oam: OamArgs,
    /// Issuers of the VNF OAM endpoint's certificate.
    anchors_pem: String,
    running: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Vnfcis {
    pub(super) fn new(security: ServerSecurity, oam: &OamArgs, anchors_pem: String) -> Self {
        Self {
            security,
            oam: oam.clone(),
            anchors_pem,
            running: JoinSet::new(),
            stop: watch::Sender::new(false),
        }
    }

    /// Starts one for each server that boots, and prints what becomes of it. Never returns but for an error.
    pub(super) async fn boot(&mut self, vim: &Vim) -> anyhow::Result<()> {
        let mut known = 0;
        loop {
            let booted = vim.wait_booted(known + 1).await;
            for booted in booted.iter().skip(known) {
                self.start(booted, vim).await?;
            }
            known = booted.len();
        }
    }

    async fn start(&mut self, booted: &Arc<Booted>, vim: &Vim) -> anyhow::Result<()> {
        let vnfci = Vnfci::start(VnfciConfig {
            kind: VnfciKind::Booted {
                server_id: booted.server_id.clone(),
            },
            delivered: booted.delivered().cloned(),
            ..VnfciConfig::new(self.security.clone(), vim.transcript().clone())
        })
        .await?;
        print(&event(booted, &vnfci));
        let has_certificate = booted.delivered().is_some();
        let (oam, anchors_pem) = (self.oam.clone(), self.anchors_pem.clone());
        let mut stop = self.stop.subscribe();
        self.running.spawn(async move {
            let life = async {
                if has_certificate {
                    oam.connect(&vnfci, &anchors_pem).await;
                }
                let mut told = 0;
                loop {
                    told = tell_installed(&vnfci, told).await;
                }
            };
            tokio::select! {
                () = life => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
            vnfci.stop().await;
        });
        Ok(())
    }

    /// Ends all.
    pub(super) async fn stop(mut self) {
        let _ = self.stop.send(true);
        while self.running.join_next().await.is_some() {}
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
