//! What several tests need: a small PKI, a running NFVO, and tools that nobody here wrote.

#![allow(dead_code, reason = "each test binary uses its own part of this")]

pub mod vim;
pub mod vnfci;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{HeaderMap, Method};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use scas_simulators::client::{Answer, Call, Client, Limits, Parties};
use scas_simulators::nfvo::{Nfvo, NfvoConfig, OnboardedPackage, SecurityOption};
use scas_simulators::tls::{ClientSecurity, Identity, ServerSecurity};
use scas_simulators::transcript::Transcript;
use tokio::process::Command;

pub type Outcome = Result<(), Box<dyn Error>>;

/// Long enough for a loaded machine; only a test that would hang otherwise ever waits for it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A CA with one server and one client, and a client of a CA that nobody trusts.
pub struct Pki {
    pub ca_pem: String,
    pub server: Identity,
    pub client: Identity,
    pub stranger: Identity,
    directory: tempfile::TempDir,
}

impl Pki {
    pub fn new() -> Result<Self, Box<dyn Error>> {
        let (ca_pem, issuer) = authority("test CA")?;
        let (_, unknown) = authority("unknown CA")?;
        let pki = Self {
            ca_pem,
            server: leaf("nfvo", &issuer)?,
            client: leaf("vnfm", &issuer)?,
            stranger: leaf("vnfm", &unknown)?,
            directory: tempfile::tempdir()?,
        };
        for (name, pem) in [
            ("ca.pem", &pki.ca_pem),
            ("server.pem", &pki.server.chain_pem),
            ("server.key", &pki.server.key_pem),
            ("client.pem", &pki.client.chain_pem),
            ("client.key", &pki.client.key_pem),
            ("stranger.pem", &pki.stranger.chain_pem),
            ("stranger.key", &pki.stranger.key_pem),
        ] {
            std::fs::write(pki.path(name), pem)?;
        }
        Ok(pki)
    }

    /// `ca.pem`, `server.pem`, `server.key`, `client.pem` ...
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn mutual(&self) -> ServerSecurity {
        ServerSecurity::Mutual {
            identity: self.server.clone(),
            client_anchors_pem: self.ca_pem.clone(),
        }
    }

    pub fn client_as(&self, identity: Option<&Identity>) -> ClientSecurity {
        ClientSecurity::Tls {
            anchors_pem: self.ca_pem.clone(),
            identity: identity.cloned(),
        }
    }
}

pub fn authority(name: &str) -> Result<(String, Issuer<'static, KeyPair>), rcgen::Error> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), Issuer::new(params, key)))
}

pub fn leaf(name: &str, issuer: &Issuer<'_, KeyPair>) -> Result<Identity, rcgen::Error> {
    leaf_with(name, issuer, |_| {})
}

pub fn leaf_with(
    name: &str,
    issuer: &Issuer<'_, KeyPair>,
    change: impl FnOnce(&mut CertificateParams),
) -> Result<Identity, rcgen::Error> {
    let mut params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()])?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    change(&mut params);
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, issuer)?;
    Ok(Identity {
        chain_pem: certificate.pem(),
        key_pem: key.serialize_pem(),
    })
}

/// An NFVO with one package, and a client that it accepts.
pub struct Bed {
    pub pki: Pki,
    pub nfvo: Nfvo,
    pub client: Client,
    /// What the NFVO saw.
    pub seen: Transcript,
    /// What the client saw.
    pub called: Transcript,
}

impl Bed {
    pub async fn start() -> Result<Self, Box<dyn Error>> {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut NfvoConfig)) -> Result<Self, Box<dyn Error>> {
        let pki = Pki::new()?;
        let (seen, called) = (Transcript::new(), Transcript::new());
        let mut config = NfvoConfig::new(pki.mutual(), seen.clone());
        change(&mut config);
        let nfvo = Nfvo::start(config).await?;
        nfvo.onboard(package("vnfd-1"));
        let client = client(&pki.client_as(Some(&pki.client)), nfvo.api_root(), &called)?;
        Ok(Self {
            pki,
            nfvo,
            client,
            seen,
            called,
        })
    }

    /// A call with the Version header that the API wants.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: &str,
    ) -> Result<Answer, Box<dyn Error>> {
        Ok(self.client.send(call(method, path, body)).await?)
    }

    pub async fn get(&self, path: &str) -> Result<Answer, Box<dyn Error>> {
        self.call(Method::GET, path, "").await
    }
}

pub fn call(method: Method, path: &str, body: &str) -> Call {
    let version = if path.starts_with("/grant") {
        "1.6.0"
    } else {
        "2.4.0"
    };
    let mut call = Call::new(method, path);
    call.body = Bytes::copy_from_slice(body.as_bytes());
    call.headers = HeaderMap::from_iter([(
        HeaderName::from_static("version"),
        HeaderValue::from_static(version),
    )]);
    call
}

pub fn client(
    security: &ClientSecurity,
    base_url: &str,
    transcript: &Transcript,
) -> Result<Client, Box<dyn Error>> {
    let limits = Limits {
        timeout: PATIENCE,
        max_body: 1024 * 1024,
    };
    Ok(Client::new(
        security,
        base_url,
        transcript.clone(),
        parties(),
        limits,
    )?)
}

pub fn parties() -> Parties {
    Parties {
        interface: "Or-Vnfm".into(),
        from: "NFVO".into(),
        to: "VNFM".into(),
    }
}

pub fn package(vnfd_id: &str) -> OnboardedPackage {
    OnboardedPackage {
        vnf_pkg_id: format!("pkg-{vnfd_id}"),
        vnfd_id: vnfd_id.into(),
        provider: "Example".into(),
        product: "Router".into(),
        software_version: "1.0".into(),
        vnfd_version: "1.1".into(),
        security_option: SecurityOption::Option1,
        vnfd: Bytes::from_static(b"PK vnfd bytes"),
        package_content: Bytes::from_static(b"0123456789"),
        manifest: Bytes::from_static(b"metadata:\n  vnfm_info: 0:one\n"),
        signing_certificate: None,
    }
}

/// Runs a tool of the machine. `None` if it is not installed, which is said aloud, and is a failure where CI says so.
pub async fn run(
    tool: &str,
    arguments: &[&str],
    input: &str,
) -> Result<Option<Output>, Box<dyn Error>> {
    run_with(tool, arguments, &[], input).await
}

/// The same, with these variables in its environment.
pub async fn run_with(
    tool: &str,
    arguments: &[&str],
    environment: &[(&str, String)],
    input: &str,
) -> Result<Option<Output>, Box<dyn Error>> {
    use tokio::io::AsyncWriteExt as _;
    let spawned = Command::new(tool)
        .args(arguments)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            not_run(tool);
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(mut stdin) = child.stdin.take() {
        // A tool that refuses early does not read; what it says then is looked at by the caller.
        let _refused = stdin.write_all(input.as_bytes()).await;
    }
    Ok(Some(
        tokio::time::timeout(PATIENCE, child.wait_with_output()).await??,
    ))
}

/// curl with the given client identity (a name in the PKI's directory) and further arguments.
pub async fn curl(
    pki: &Pki,
    identity: Option<&str>,
    arguments: &[&str],
) -> Result<Option<Output>, Box<dyn Error>> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let mut all = vec!["--silent".to_owned(), "--show-error".into()];
    all.extend(["--cacert".into(), text(&pki.path("ca.pem"))]);
    if let Some(name) = identity {
        all.extend(["--cert".into(), text(&pki.path(&format!("{name}.pem")))]);
        all.extend(["--key".into(), text(&pki.path(&format!("{name}.key")))]);
    }
    all.extend(arguments.iter().map(|&argument| argument.to_owned()));
    run(
        "curl",
        &all.iter().map(String::as_str).collect::<Vec<_>>(),
        "",
    )
    .await
}

#[expect(
    clippy::print_stderr,
    reason = "a test that does not run must say so where people look"
)]
pub fn not_run(tool: &str) {
    eprintln!("NOT RUN: `{tool}` is not installed");
    assert_ne!(
        std::env::var("CI").as_deref(),
        Ok("true"),
        "`{tool}` is needed in CI"
    );
}
