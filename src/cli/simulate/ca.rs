//! `scas simulate ca`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rustls::pki_types::CertificateSigningRequestDer;
use rustls::pki_types::pem::PemObject as _;
use scas_simulators::ca::{Ca, CaConfig, CertificateFault, IssuancePolicy, Order};
use scas_simulators::fault::Times;

use super::common::{Key, certificate_fault, transcript};

#[derive(clap::Args)]
pub struct Args {
    /// Where CRLs and certificates are published, by HTTP; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Where certificates are written: root.pem, issuing.pem, and the chain for each request; made if need be
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// A certification request (PKCS#10, PEM or DER) to certify; may be given several times
    #[arg(long = "csr", value_name = "FILE")]
    requests: Vec<PathBuf>,
    /// The kind of the CA's own keys
    #[arg(long, value_enum, default_value_t = Key::P256)]
    key: Key,
    /// Days that certificates are valid, 1095 at most
    #[arg(long, value_name = "N", default_value_t = IssuancePolicy::default().validity_days)]
    days: u32,
    /// What is wrong with each certificate, e.g. expired
    #[arg(long, value_name = "NAME", value_parser = certificate_fault)]
    fault: Option<CertificateFault>,
    /// Write every exchange to this file, one JSON line each
    #[arg(long, value_name = "FILE")]
    transcript: Option<PathBuf>,
}

/// Certifies, then publishes until a signal.
pub async fn run(args: &Args) -> anyhow::Result<()> {
    let transcript = transcript(args.transcript.as_deref())?;
    let mut config = CaConfig::new(transcript.clone());
    config.listen = args.listen;
    config.key = args.key.into();
    config.policy.validity_days = args.days;
    let ca = Ca::start(config)
        .await
        .with_context(|| format!("--listen {}", args.listen))?;
    if let Some(fault) = args.fault {
        ca.fault(fault, Times::Always);
    }
    let written = certify(&ca, args)?;
    let ready = serde_json::json!({
        "event": "ready",
        "published": ca.base_uri(),
        "crl": format!("{}/crl/issuing.crl", ca.base_uri()),
        "files": written,
    });
    super::common::serve_until_interrupted(&ready).await;
    ca.stop().await;
    transcript.flush()?;
    Ok(())
}

/// The files that were written.
fn certify(ca: &Ca, args: &Args) -> anyhow::Result<Vec<PathBuf>> {
    std::fs::create_dir_all(&args.out).with_context(|| format!("--out {}", args.out.display()))?;
    let mut written = Vec::new();
    let mut write = |name: &Path, text: &str| {
        let path = args.out.join(name).with_extension("pem");
        std::fs::write(&path, text).with_context(|| format!("--out {}", path.display()))?;
        written.push(path);
        anyhow::Ok(())
    };
    write(Path::new("root"), &ca.root_pem())?;
    write(Path::new("issuing"), &ca.issuing_pem())?;
    for file in &args.requests {
        let label = || format!("--csr {}", file.display());
        let bytes = std::fs::read(file).with_context(label)?;
        let der = CertificateSigningRequestDer::from_pem_slice(&bytes)
            .map_or(bytes, |request| request.to_vec());
        let issued = ca
            .ca1()
            .issue(&der, &Order::default())
            .with_context(label)?;
        let name = file.file_name().with_context(label)?;
        write(Path::new(name), &issued.chain_pem())?;
    }
    Ok(written)
}
