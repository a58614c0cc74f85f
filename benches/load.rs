//! Creations of VNF instances a second on the reference VNFM: the harness's load generator beside `wrk`.
//!
//! `wrk` cannot show a client certificate, so that the comparison is over server-only TLS; our figure over mutual TLS,
//! which the test cases use, stands beside it. Each run meets a new VNFM with an empty state, and a new simulated NFVO.

#![expect(clippy::print_stdout, reason = "figures are for people")]

#[path = "common/figures.rs"]
mod figures;
#[path = "common/process.rs"]
mod process;
#[path = "common/wrk.rs"]
mod wrk;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use scas::pki::{SIGNERS_FOLDER, SigningMaterial, TLS_FOLDER, TestPki};
use scas::testbed::api_client::{ApiClient, Manner};
use scas::testbed::load::{self, Order};
use scas_simulators::client::{Client, Limits, Parties};
use scas_simulators::tls::{ClientSecurity, Identity};
use scas_simulators::transcript::Transcript;
use serde_json::Value;
use tokio::runtime::Runtime;

use figures::Pairs;
use process::Process;

/// As in the reference's profile.
const CONCURRENCY: usize = 16;
const SECONDS: u32 = 5;
const SCAS: &str = env!("CARGO_BIN_EXE_scas");

fn main() -> anyhow::Result<()> {
    let runtime = Runtime::new()?;
    let material = Material::new()?;
    if !wrk::is_here() {
        let rate = material.ours(&runtime, Security::ServerOnly, 5000)?;
        println!("creation load, server-only TLS: ours {rate:.1} 1/s");
        return Ok(());
    }
    println!("creations a second, {CONCURRENCY} connections, {SECONDS} s a run; peer: wrk");
    let mut pairs = Pairs::default();
    let mut mutual = Vec::new();
    for round in 0..figures::rounds(5) {
        let wrk_first = if round % 2 == 0 {
            Some(material.wrk()?)
        } else {
            None
        };
        let last = wrk_first.or(mutual.last().copied()).unwrap_or(1000.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate is a small positive number"
        )]
        let count = (last * f64::from(SECONDS)) as u64;
        let ours = material.ours(&runtime, Security::ServerOnly, count)?;
        let peer = match wrk_first {
            Some(rate) => rate,
            None => material.wrk()?,
        };
        pairs.add(ours, peer);
        mutual.push(material.ours(&runtime, Security::Mutual, count)?);
    }
    pairs.conclude(
        "creation load, server-only TLS",
        "1/s",
        "goal: at least 0.7",
    );
    println!(
        "creation load, mutual TLS: ours {:.1} 1/s (wrk cannot show a client certificate)",
        figures::median(mutual.into_iter())
    );
    Ok(())
}

#[derive(Clone, Copy, PartialEq)]
enum Security {
    ServerOnly,
    Mutual,
}

/// Certificates and keys for all runs.
struct Material {
    folder: tempfile::TempDir,
    pki: TestPki,
}

/// A VNFM with an empty state, and its NFVO.
struct Bed {
    folder: tempfile::TempDir,
    _nfvo: Process,
    _vnfm: Process,
    api_root: String,
    vnfd_id: String,
}

impl Material {
    fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let now = jiff::Timestamp::now();
        let pki = TestPki::new(now, &["127.0.0.1"])?;
        pki.write_to(&folder.path().join(TLS_FOLDER))?;
        SigningMaterial::new(now)?.write_to(&folder.path().join(SIGNERS_FOLDER))?;
        Ok(Self { folder, pki })
    }

    fn wrk(&self) -> anyhow::Result<f64> {
        let bed = self.bed(Security::ServerOnly)?;
        let script = bed.folder.path().join("create.lua");
        std::fs::write(
            &script,
            format!(
                "wrk.method = 'POST'\n\
                 wrk.body = '{{\"vnfdId\":\"{}\",\"vnfInstanceName\":\"scas 0\"}}'\n\
                 wrk.headers['Content-Type'] = 'application/json'\n\
                 wrk.headers['Accept'] = 'application/json'\n\
                 wrk.headers['Version'] = '2.0.0'\n",
                bed.vnfd_id
            ),
        )?;
        let url = format!("{}/vnflcm/v2/vnf_instances", bed.api_root);
        wrk::rate(
            &url,
            CONCURRENCY,
            SECONDS,
            &[Path::new("--script"), &script],
        )
    }

    fn ours(&self, runtime: &Runtime, security: Security, count: u64) -> anyhow::Result<f64> {
        let bed = self.bed(security)?;
        let identity = (security == Security::Mutual).then(|| Identity {
            chain_pem: self.pki.tester.chain_pem(),
            key_pem: self.pki.tester.private_key_pem(),
        });
        let client = Client::new(
            &ClientSecurity::Tls {
                anchors_pem: self.pki.ca.certificate_pem(),
                identity,
            },
            &bed.api_root,
            Transcript::to_file(&bed.folder.path().join("transcript.jsonl"))?,
            Parties {
                interface: "Or-Vnfm".into(),
                from: "NFVO".into(),
                to: "VNFM".into(),
            },
            Limits {
                timeout: Duration::from_secs(30),
                max_body: 1 << 20,
            },
        )?;
        let order = Order {
            name: "load".into(),
            count,
            concurrency: CONCURRENCY,
            members: serde_json::Map::new(),
            vnfd_ids: vec![bed.vnfd_id.clone()],
        };
        let client = ApiClient::new(client, Arc::new(Manner::default()));
        let answered = Arc::new(tokio::sync::watch::Sender::new(0));
        let result = runtime.block_on(load::create(&client, &order, answered))?;
        anyhow::ensure!(
            result.lost.is_empty(),
            "{} creations failed, such as: {}",
            result.lost.len(),
            result.lost[0]
        );
        #[expect(clippy::cast_precision_loss, reason = "a count far below 2^52")]
        let created = result.records.len() as f64;
        Ok(created / result.seconds)
    }

    fn bed(&self, security: Security) -> anyhow::Result<Bed> {
        let folder = tempfile::tempdir()?;
        let mut nfvo = Command::new(SCAS);
        nfvo.args(["simulate", "nfvo", "--pki"])
            .arg(self.folder.path());
        let (nfvo, offer) = Process::start(&mut nfvo, ready)?;
        let config = folder.path().join("vnfm.toml");
        std::fs::write(&config, self.config(security, &text(&offer, "apiRoot")?))?;
        let mut vnfm = Command::new(SCAS);
        vnfm.args(["reference", "vnfm", "--config"]).arg(&config);
        let (vnfm, started) = Process::start(&mut vnfm, ready)?;
        Ok(Bed {
            folder,
            _nfvo: nfvo,
            _vnfm: vnfm,
            api_root: text(&started, "apiRoot")?,
            vnfd_id: text(&offer, "vnfdId")?,
        })
    }

    fn config(&self, security: Security, nfvo: &str) -> String {
        let path =
            |folder: &str, file: &str| -> PathBuf { self.folder.path().join(folder).join(file) };
        let [ca, certificate, key] =
            ["ca.crt", "vnfm.crt", "vnfm.key"].map(|file| path(TLS_FOLDER, file));
        let signers = path(SIGNERS_FOLDER, "signers-ca.crt");
        let clients = match security {
            Security::ServerOnly => String::new(),
            Security::Mutual => format!("client_anchors = {ca:?}\n"),
        };
        format!(
            "[api]\nlisten = \"127.0.0.1:0\"\ncertificate = {certificate:?}\nprivate_key = {key:?}\n{clients}\
             [nfvo]\napi_root = \"{nfvo}\"\nanchors = {ca:?}\ncertificate = {certificate:?}\nprivate_key = {key:?}\n\
             [packages]\nanchors = {signers:?}\n\
             [storage]\ndirectory = \"state\"\n[log]\nfile = \"vnfm.log\"\n"
        )
    }
}

/// The line that a product of ours prints once it serves.
fn ready(line: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(line).ok()?;
    (value.get("event")? == "ready").then_some(value)
}

fn text(value: &Value, name: &str) -> anyhow::Result<String> {
    let text = value.get(name).and_then(Value::as_str);
    Ok(text
        .with_context(|| format!("no `{name}` in {value}"))?
        .to_owned())
}
