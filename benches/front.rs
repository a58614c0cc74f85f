//! Requests a second through the interception front, beside mitmproxy (PyPI `mitmproxy`) on the same endpoint.
//!
//! One wiremock server answers `GET /vnfpkgm/v2/onboarded_vnf_packages/{vnfdId}`; `wrk` asks it directly, through our
//! front and through `mitmdump` in reverse mode. The latter two end TLS with the same certificate. Our front writes
//! every exchange to a transcript, as it always does; mitmdump is not asked to write anything.

#![expect(clippy::print_stdout, reason = "figures are for people")]

#[path = "common/figures.rs"]
mod figures;
#[path = "common/process.rs"]
mod process;
#[path = "common/wrk.rs"]
mod wrk;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use scas::pki::TestPki;
use scas_simulators::control::Control;
use scas_simulators::front::{Front, FrontConfig, Parties, problem_details};
use scas_simulators::nfvo::{Nfvo, NfvoConfig, OnboardedPackage, SecurityOption};
use scas_simulators::tls::{Identity, ServerSecurity};
use scas_simulators::transcript::Transcript;
use tokio::runtime::Runtime;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use figures::{Pairs, median};
use process::Process;

const CONNECTIONS: usize = 8;
const SECONDS: u32 = 5;
const PATH: &str = "/vnfpkgm/v2/onboarded_vnf_packages/vnfd-1";
const MITMPROXY: &str = "mitmproxy==11.0.2";

fn main() -> anyhow::Result<()> {
    if !wrk::is_here() {
        return Ok(());
    }
    let mitmdump = mitmdump();
    let runtime = Runtime::new()?;
    let folder = tempfile::tempdir()?;
    let pki = TestPki::new(jiff::Timestamp::now(), &["127.0.0.1"])?;
    let identity = Identity {
        chain_pem: pki.nfvo.chain_pem(),
        key_pem: pki.nfvo.private_key_pem(),
    };
    let server = runtime.block_on(MockServer::builder().disable_request_recording().start());
    let upstream = *server.address();
    println!("requests a second, {CONNECTIONS} kept-alive connections of wrk, {SECONDS} s a run");
    let mut against_mitmproxy = Pairs::default();
    let mut against_wiremock = Vec::new();
    let mut nfvo = Vec::new();
    for round in 1..=figures::rounds(5) {
        let alone = {
            runtime.block_on(mount(&server));
            measure(&format!("http://{upstream}"))?
        };
        let front = {
            runtime.block_on(mount(&server));
            through_front(&runtime, upstream, &identity, folder.path())?
        };
        println!(
            "  round {round}: wiremock alone {alone:.1}, front + wiremock {front:.1}, ratio {:.2}",
            front / alone
        );
        against_wiremock.push((front, alone));
        nfvo.push(simulated_nfvo(&runtime, &identity, folder.path())?);
        if let Some(program) = &mitmdump {
            runtime.block_on(mount(&server));
            let peer = through_mitmdump(program, upstream, &identity, folder.path())?;
            against_mitmproxy.add(front, peer);
        }
    }
    if mitmdump.is_some() {
        against_mitmproxy.conclude(
            "front + wiremock beside mitmdump + wiremock, both server-only TLS",
            "1/s",
            "goal: at least 10",
        );
    }
    println!(
        "wiremock alone (no TLS, no transcript): {:.1} 1/s; front + wiremock reaches {:.2} of it",
        median(against_wiremock.iter().map(|pair| pair.1)),
        median(against_wiremock.iter().map(|pair| pair.0 / pair.1))
    );
    println!(
        "the same path of the simulated NFVO (front, all routes mounted in wiremock): {:.1} 1/s",
        median(nfvo.into_iter())
    );
    Ok(())
}

/// The endpoint, new: wiremock keeps every request that a mock matched for as long as the mock is mounted.
async fn mount(server: &MockServer) {
    server.reset().await;
    let info = serde_json::json!({
        "id": "pkg-1", "vnfdId": "vnfd-1", "vnfProvider": "scas", "vnfProductName": "bench",
        "vnfSoftwareVersion": "1.0", "vnfdVersion": "1.0", "packageSecurityOption": "OPTION_1",
        "onboardingState": "ONBOARDED", "operationalState": "ENABLED", "usageState": "NOT_IN_USE",
        "checksum": { "algorithm": "SHA-256", "hash": "0".repeat(64) },
        "_links": { "self": { "href": format!("https://127.0.0.1{PATH}") } },
    });
    Mock::given(method("GET"))
        .and(path(PATH))
        .respond_with(ResponseTemplate::new(200).set_body_json(info))
        .mount(server)
        .await;
}

fn measure(root: &str) -> anyhow::Result<f64> {
    wrk::rate(
        &format!("{root}{PATH}"),
        CONNECTIONS,
        SECONDS,
        &["--header", "Version: 2.4.0"],
    )
}

fn through_front(
    runtime: &Runtime,
    upstream: SocketAddr,
    identity: &Identity,
    folder: &Path,
) -> anyhow::Result<f64> {
    let transcript = Transcript::to_file(&folder.join("transcript.jsonl"))?;
    let front = runtime.block_on(async {
        let listener = Front::listen(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        Front::start(
            listener,
            FrontConfig {
                security: ServerSecurity::ServerOnly {
                    identity: identity.clone(),
                },
                upstream,
                parties: Parties {
                    interface: "Or-Vnfm".into(),
                    from: "VNFM".into(),
                    to: "NFVO".into(),
                },
                transcript,
                control: Control::default(),
                max_request_body: 1 << 20,
                observer: None,
                scrub: None,
                refusal: problem_details,
                housekeeping: None,
            },
        )
    })?;
    // The runtime's own threads serve meanwhile.
    let rate = measure(&format!("https://{}", front.address()));
    runtime.block_on(front.stop());
    rate
}

/// The whole simulator: the same front, but with every route of its APIs in wiremock, and answers that are computed.
fn simulated_nfvo(runtime: &Runtime, identity: &Identity, folder: &Path) -> anyhow::Result<f64> {
    let transcript = Transcript::to_file(&folder.join("transcript.jsonl"))?;
    let security = ServerSecurity::ServerOnly {
        identity: identity.clone(),
    };
    let nfvo = runtime.block_on(Nfvo::start(NfvoConfig::new(security, transcript)))?;
    nfvo.onboard(OnboardedPackage {
        vnf_pkg_id: "pkg-1".into(),
        vnfd_id: "vnfd-1".into(),
        provider: "scas".into(),
        product: "bench".into(),
        software_version: "1.0".into(),
        vnfd_version: "1.0".into(),
        security_option: SecurityOption::Option1,
        vnfd: Bytes::new(),
        package_content: Bytes::new(),
        manifest: Bytes::new(),
        signing_certificate: None,
    });
    let rate = measure(nfvo.api_root());
    runtime.block_on(nfvo.stop());
    rate
}

fn through_mitmdump(
    program: &Path,
    upstream: SocketAddr,
    identity: &Identity,
    folder: &Path,
) -> anyhow::Result<f64> {
    let pem = folder.join("mitmproxy.pem");
    std::fs::write(&pem, format!("{}{}", identity.key_pem, identity.chain_pem))?;
    let mut command = Command::new(program);
    command
        .args(["--mode", &format!("reverse:http://{upstream}")])
        .args(["--listen-host", "127.0.0.1", "--listen-port", "0"])
        .args(["--certs", &format!("*={}", pem.display())])
        .args(["--set", &format!("confdir={}", folder.display())])
        // Nothing is printed for an exchange.
        .args(["--set", "flow_detail=0"])
        .env("PYTHONUNBUFFERED", "1");
    let (_process, port) = Process::start(&mut command, |line| {
        let (_, port) = line.split_once("listening at ")?.1.split_once(':')?;
        port.trim_end().trim_end_matches('.').parse::<u16>().ok()
    })?;
    measure(&format!("https://127.0.0.1:{port}"))
}

/// `mitmdump` from PATH, or from a virtual environment beside the build that is made when it is missing.
fn mitmdump() -> Option<PathBuf> {
    let runs = |program: &Path| {
        let output = Command::new(program).arg("--version").output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let first = text.lines().next()?.to_owned();
        println!("peer: {first}");
        Some(program.to_owned())
    };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mitmproxy");
    let installed = folder.join("bin/mitmdump");
    if let Some(found) = runs(Path::new("mitmdump")).or_else(|| runs(&installed)) {
        return Some(found);
    }
    let succeeds = |command: &mut Command| command.status().is_ok_and(|status| status.success());
    let made = succeeds(Command::new("python3").args(["-m", "venv"]).arg(&folder))
        && succeeds(Command::new(folder.join("bin/pip")).args(["install", "--quiet", MITMPROXY]));
    let found = made.then(|| runs(&installed)).flatten();
    if found.is_none() {
        println!(
            "NOT RUN: `mitmdump` is missing (PyPI package mitmproxy; installing it needs python3 with venv): there is no figure of a peer"
        );
    }
    found
}
