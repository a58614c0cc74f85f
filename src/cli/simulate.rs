//! `scas simulate`: a simulator by itself.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use scas_simulators::nfvo::{Nfvo, NfvoConfig};
use scas_simulators::tls::{Identity, ServerSecurity};
use scas_simulators::transcript::Transcript;

use super::{Failure, Outcome};
use crate::pki::{SIGNERS_FOLDER, SigningMaterial, TLS_FOLDER, TestPki};
use crate::testbed::offer;
use crate::vnf_package::Package;

/// Runs a simulator by itself until Ctrl-C, and prints its addresses.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    simulator: Simulator,
}

#[derive(clap::Subcommand)]
enum Simulator {
    /// The simulated NFVO: VNF packages, grants, a sink for notifications (SOL003), holding one signed VNF package
    ///
    /// Prints one line {"event":"ready",...} with its API root, the VNFD identifier it holds and the
    /// folder with certificates and keys that a VNFM needs.
    Nfvo(NfvoArgs),
}

#[derive(clap::Args)]
struct NfvoArgs {
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

/// Runs the subcommand.
pub fn run(args: Args) -> Outcome {
    let Simulator::Nfvo(args) = args.simulator;
    super::runtime()?
        .block_on(nfvo(&args))
        .map_err(Failure::Usage)?;
    Ok(0)
}

async fn nfvo(args: &NfvoArgs) -> anyhow::Result<()> {
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let folder = args.pki.as_deref().unwrap_or(scratch.path());
    let (pki, signing) = material(args, folder)?;
    let transcript = match &args.transcript {
        Some(path) => {
            Transcript::to_file(path).with_context(|| format!("--transcript {}", path.display()))?
        }
        None => Transcript::new(),
    };
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
    let interrupted = super::run::interrupted();
    super::print(&format!("{ready}\n"));
    interrupted.await;
    nfvo.stop().await;
    transcript.flush()?;
    Ok(())
}

/// The PKI of `--pki`, or a new one in the scratch folder.
fn material(
    args: &NfvoArgs,
    folder: &std::path::Path,
) -> anyhow::Result<(TestPki, SigningMaterial)> {
    let now = jiff::Timestamp::now();
    if args.pki.is_some() {
        return Ok((
            TestPki::load_from(&folder.join(TLS_FOLDER), now).context("--pki")?,
            SigningMaterial::load_from(&folder.join(SIGNERS_FOLDER), now).context("--pki")?,
        ));
    }
    let pki = TestPki::new(now, &["127.0.0.1", "::1", "localhost"])?;
    let signing = SigningMaterial::new(now)?;
    pki.write_to(&folder.join(TLS_FOLDER))?;
    signing.write_to(&folder.join(SIGNERS_FOLDER))?;
    Ok((pki, signing))
}
