//! `scas seal`: a run's folder becomes a container to hand over.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::AsyncWriteExt as _;

use super::{Failure, Outcome};
use crate::cms::{Signer, time_stamp_request, time_stamp_response};
use crate::seal::{self, FileSigner, TokenSigner};

/// No authority takes longer.
const LIMIT: Duration = Duration::from_secs(60);
/// The longest answer of an authority.
const LONGEST: usize = 1 << 20;

/// Seals a run: one container (ASiC-E) with all its files, their digests, attestations and a signature.
///
/// The run is verified before; nothing in its folder is changed.
#[derive(clap::Args)]
pub struct Args {
    /// The run's folder, e.g. reports/20261121T193800Z-1a2b
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// The container; <RUN>.asice unless told
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The signer's certificate, then those above it (PEM)
    #[arg(long, value_name = "FILE")]
    cert: PathBuf,
    /// The signer's private key (PKCS#8, PEM)
    #[arg(long, value_name = "FILE", required_unless_present = "pkcs11")]
    key: Option<PathBuf>,
    /// A PKCS#11 module: the private key is in a token
    #[arg(long, value_name = "MODULE", conflicts_with = "key", requires_all = ["token", "key_label", "pin_file"])]
    pkcs11: Option<PathBuf>,
    /// The token's label
    #[arg(long, value_name = "LABEL", requires = "pkcs11")]
    token: Option<String>,
    /// The label of the private key in the token
    #[arg(long, value_name = "LABEL", requires = "pkcs11")]
    key_label: Option<String>,
    /// A file that holds the user's PIN of the token
    #[arg(long, value_name = "FILE", requires = "pkcs11")]
    pin_file: Option<PathBuf>,
    /// A time-stamping authority (RFC 3161): its URL, or a command that reads a request and writes the answer
    ///
    /// Examples: http://tsa.example/tsr; "openssl ts -reply -config tsa.cnf -queryfile /dev/stdin"
    #[arg(long, value_name = "URL|COMMAND")]
    timestamp: Option<String>,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Outcome {
    let signer = signer(args).map_err(Failure::Usage)?;
    let out = match &args.out {
        Some(out) => out.clone(),
        None => beside(&args.run).map_err(Failure::Usage)?,
    };
    let runtime = super::runtime()?;
    let ask = |authority: &str, value: &[u8]| -> anyhow::Result<Vec<u8>> {
        let nonce = rand::random();
        let request = time_stamp_request(value, nonce)?;
        let asked = runtime
            .block_on(async { tokio::time::timeout(LIMIT, answer(authority, request)).await });
        let answer = asked.with_context(|| format!("no answer within {} s", LIMIT.as_secs()))??;
        Ok(time_stamp_response(&answer, value, nonce)?)
    };
    let stamp = args
        .timestamp
        .as_deref()
        .map(|authority| move |value: &[u8]| ask(authority, value));
    let remarks = seal::seal(
        &args.run,
        &out,
        signer.as_ref(),
        stamp.as_ref().map(|stamp| stamp as seal::Stamp<'_>),
        jiff::Timestamp::now(),
    )
    .map_err(Failure::Usage)?;
    for remark in remarks {
        super::print(&format!("remark: {remark}\n"));
    }
    super::print(&format!("sealed: {}\n", out.display()));
    Ok(0)
}

fn signer(args: &Args) -> anyhow::Result<Box<dyn Signer>> {
    if let Some(key) = &args.key {
        return Ok(Box::new(FileSigner::read(key, &args.cert)?));
    }
    let (Some(module), Some(token), Some(label), Some(pin)) =
        (&args.pkcs11, &args.token, &args.key_label, &args.pin_file)
    else {
        bail!("--key or --pkcs11 with --token, --key-label and --pin-file");
    };
    Ok(Box::new(TokenSigner::open(
        module, token, label, pin, &args.cert,
    )?))
}

/// `<RUN>.asice`, beside the folder.
fn beside(run: &Path) -> anyhow::Result<PathBuf> {
    let run = std::path::absolute(run)?;
    let mut name = run
        .file_name()
        .context("the run's folder has no name: give --out")?
        .to_owned();
    name.push(".asice");
    Ok(run.with_file_name(name))
}

/// What an authority answers.
async fn answer(authority: &str, request: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    let is_url = ["http://", "https://"]
        .iter()
        .any(|scheme| authority.starts_with(scheme));
    let answer = if is_url {
        by_http(authority, request).await?
    } else {
        by_command(authority, request).await?
    };
    anyhow::ensure!(
        answer.len() <= LONGEST,
        "an answer of {} bytes",
        answer.len()
    );
    Ok(answer)
}

/// RFC 3161 clause 3.4.
async fn by_http(url: &str, request: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    // Another part of the program may have chosen one; it is the same.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = reqwest::Client::builder().timeout(LIMIT).build()?;
    let asked = client
        .post(url)
        .header("content-type", "application/timestamp-query")
        .body(request);
    let cannot = || format!("cannot ask {url}");
    let mut answer = asked.send().await.with_context(cannot)?;
    let status = answer.status();
    anyhow::ensure!(status.is_success(), "{url} answered HTTP {status}");
    let mut bytes = Vec::new();
    while let Some(part) = answer.chunk().await.with_context(cannot)? {
        bytes.extend_from_slice(&part);
        // Told by the caller, before it has filled our memory.
        if bytes.len() > LONGEST {
            break;
        }
    }
    Ok(bytes)
}

async fn by_command(command: &str, request: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    let told = || format!("the command '{command}'");
    let mut child = tokio::process::Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(told)?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not read it says so by its answer.
        let _ = stdin.write_all(&request).await;
    }
    let output = child.wait_with_output().await.with_context(told)?;
    anyhow::ensure!(
        output.status.success(),
        "{} ended with {}: {}",
        told(),
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(output.stdout)
}
