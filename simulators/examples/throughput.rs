//! Requests per second through the whole chain: client, mutual TLS, front, simulated API, transcript.
//!
//! `cargo run --release -p scas-simulators --example throughput [CONNECTIONS [SECONDS]]`

use std::error::Error;
use std::time::{Duration, Instant};

use hyper::{HeaderMap, Method};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use scas_simulators::client::{Call, Client, Limits, Parties};
use scas_simulators::nfvo::{Nfvo, NfvoConfig};
use scas_simulators::tls::{ClientSecurity, Identity, ServerSecurity};
use scas_simulators::transcript::Transcript;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "figures are for people")]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut arguments = std::env::args().skip(1);
    let connections: usize = arguments.next().as_deref().unwrap_or("8").parse()?;
    let seconds: u64 = arguments.next().as_deref().unwrap_or("5").parse()?;

    let (anchors_pem, identity) = pki()?;
    let seen = Transcript::to_file(&tempfile::NamedTempFile::new()?.into_temp_path())?;
    let security = ServerSecurity::Mutual {
        identity: identity.clone(),
        client_anchors_pem: anchors_pem.clone(),
    };
    let nfvo = Nfvo::start(NfvoConfig::new(security, seen.clone())).await?;
    let client = Client::new(
        &ClientSecurity::Tls {
            anchors_pem,
            identity: Some(identity),
        },
        nfvo.api_root(),
        Transcript::new(),
        Parties {
            interface: "Or-Vnfm".into(),
            from: "VNFM".into(),
            to: "NFVO".into(),
        },
        Limits {
            timeout: Duration::from_secs(30),
            max_body: 1 << 20,
        },
    )?;

    let body = format!(
        r#"{{"notificationType":"VnfIdentifierCreationNotification","vnfInstanceId":"{}"}}"#,
        "i".repeat(130)
    );
    for (name, method, path, body, expected) in [
        (
            "POST notification",
            Method::POST,
            "/notifications/n",
            body.as_str(),
            204,
        ),
        (
            "GET empty list",
            Method::GET,
            "/vnfpkgm/v2/vnf_packages",
            "",
            200,
        ),
    ] {
        let mut call = Call::new(method, path);
        call.headers = HeaderMap::from_iter([(
            hyper::header::HeaderName::from_static("version"),
            hyper::header::HeaderValue::from_static("2.4.0"),
        )]);
        call.body = body.to_owned().into();
        let started = Instant::now();
        let workers: Vec<_> = (0..connections)
            .map(|_| {
                tokio::spawn(work(
                    client.clone(),
                    call.clone(),
                    expected,
                    Duration::from_secs(seconds),
                ))
            })
            .collect();
        let mut latencies = Vec::new();
        for worker in workers {
            latencies.extend(worker.await??);
        }
        let elapsed = started.elapsed().as_secs_f64();
        latencies.sort_unstable();
        println!(
            "{name}: {:.0} requests/s over {connections} connections, p50 {:?}, p99 {:?}",
            latencies.len() as f64 / elapsed,
            latencies[latencies.len() / 2],
            latencies[latencies.len() * 99 / 100],
        );
    }
    println!("{} exchanges recorded", seen.next_seq());
    nfvo.stop().await;
    Ok(())
}

async fn work(
    client: Client,
    call: Call,
    expected: u16,
    during: Duration,
) -> Result<Vec<Duration>, Box<dyn Error + Send + Sync>> {
    let mut connection = client.open().await?;
    let mut latencies = Vec::new();
    let started = Instant::now();
    while started.elapsed() < during {
        let sent = Instant::now();
        let answer = connection.send(call.clone()).await?;
        latencies.push(sent.elapsed());
        if answer.status != expected {
            return Err(format!("answered {}", answer.status).into());
        }
    }
    Ok(latencies)
}

fn pki() -> Result<(String, Identity), rcgen::Error> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate()?;
    let authority = params.self_signed(&key)?.pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate()?;
    let leaf = CertificateParams::new(["127.0.0.1".to_owned()])?.signed_by(&key, &issuer)?;
    let identity = Identity {
        chain_pem: leaf.pem(),
        key_pem: key.serialize_pem(),
    };
    Ok((authority, identity))
}
