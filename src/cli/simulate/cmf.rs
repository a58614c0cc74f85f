//! `scas simulate cmf`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use scas_simulators::ca::{Ca, CaConfig, CertificateFault};
use scas_simulators::cmf::{Cmf, CmfConfig, Deferral};
use scas_simulators::fault::Times;
use scas_simulators::tls::Identity;
use scas_simulators::transcript::Transcript;

use super::common::{Key, certificate_fault, tls_material, transcript};
use crate::pki::TestPki;

/// The file with the CA's root.
pub(super) const ROOT: &str = "root.pem";

#[derive(clap::Args)]
pub struct Args {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// A PKI made by `scas pki new`; without it one is made for this run
    #[arg(long, value_name = "DIR")]
    pki: Option<PathBuf>,
    #[command(flatten)]
    behaviour: Behaviour,
    /// Write every exchange to this file, one JSON line each
    #[arg(long, value_name = "FILE")]
    transcript: Option<PathBuf>,
}

/// How a CMF is to behave.
#[derive(clap::Args)]
pub(super) struct Behaviour {
    /// The kind of the CA's keys
    #[arg(long, value_enum, default_value_t = Key::P256)]
    ca_key: Key,
    /// Let the CMF's TLS refuse who shows no certificate, at cacerts too
    #[arg(long)]
    require_client_certificate: bool,
    /// Let the CMF answer each key so many times with 202 before it is certified
    #[arg(long, value_name = "TIMES")]
    defer: Option<u32>,
    /// What is wrong with each certificate, e.g. expired
    #[arg(long, value_name = "NAME", value_parser = certificate_fault)]
    fault: Option<CertificateFault>,
}

/// Runs it until a signal.
pub async fn run(args: &Args) -> anyhow::Result<()> {
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let folder = args.pki.as_deref().unwrap_or(scratch.path());
    let pki = tls_material(args.pki.is_some(), folder)?;
    let transcript = transcript(args.transcript.as_deref())?;
    let (ca, cmf) = start(args.listen, &args.behaviour, &pki, &transcript)
        .await
        .with_context(|| format!("--listen {}", args.listen))?;
    let trust = scratch.path().join("cmf-ca");
    write_trust(&ca, &trust)?;
    let ready = serde_json::json!({
        "event": "ready",
        "delegates": format!("{}/scas-cmf/v1/delegates", cmf.root()),
        "est": format!("{}/.well-known/est", cmf.root()),
        "published": ca.base_uri(),
        "ca": trust,
        "pki": folder,
    });
    super::common::serve_until_interrupted(&ready).await;
    cmf.stop().await;
    ca.stop().await;
    transcript.flush()?;
    Ok(())
}

/// The CMF and its CA.
pub(super) async fn start(
    listen: SocketAddr,
    behaviour: &Behaviour,
    pki: &TestPki,
    transcript: &Transcript,
) -> anyhow::Result<(Ca, Cmf)> {
    let ip = listen.ip().to_string();
    // One that is the CMF's, whoever made the PKI.
    let leaf = pki
        .ca
        .peer("cmf", &[&ip, "127.0.0.1", "::1", "localhost"])
        .issue()?;
    let identity = Identity {
        chain_pem: leaf.chain_pem(),
        key_pem: leaf.private_key_pem(),
    };
    let mut ca = CaConfig::new(transcript.clone());
    ca.key = behaviour.ca_key.into();
    let ca = Ca::start(ca).await?;
    if let Some(fault) = behaviour.fault {
        ca.fault(fault, Times::Always);
    }
    let anchors = pki.ca.certificate_pem();
    let mut config = CmfConfig::new(identity, anchors, ca.ca1(), transcript.clone());
    config.listen = listen;
    config.require_client_certificate = behaviour.require_client_certificate;
    let cmf = Cmf::start(config).await?;
    cmf.defer(behaviour.defer.map_or(Deferral::None, Deferral::Times));
    Ok((ca, cmf))
}

/// The certificates of the CA, in this folder.
pub(super) fn write_trust(ca: &Ca, folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join(ROOT), ca.root_pem())?;
    std::fs::write(folder.join("issuing.pem"), ca.issuing_pem())?;
    Ok(())
}
