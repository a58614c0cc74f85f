//! Nothing stays behind. Alone in its process, since it counts the process's threads and sockets.

mod common;

use common::{Bed, Outcome, PATIENCE, Pki, call, client};
use hyper::Method;
use scas_simulators::ca::{Ca, CaConfig};
use scas_simulators::cmf::{Cmf, CmfConfig};
use scas_simulators::fault::{Fault, Times};
use scas_simulators::transcript::Transcript;
use tokio::time::timeout;

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_stopped_simulator_leaves_no_thread_socket_or_port() -> Outcome {
    const ROUNDS: usize = 4;
    // The runtime keeps one thread for blocking work once there was some.
    let (threads_before, sockets_before) = (threads()? + 1, sockets()?);
    for _ in 0..ROUNDS {
        round().await?;
    }
    assert_eq!(sockets()?, sockets_before);
    // A thread that has closed its sockets is gone a moment later; no event tells when.
    let gone = async {
        while threads()? > threads_before {
            tokio::task::yield_now().await;
        }
        Ok::<_, std::io::Error>(())
    };
    timeout(PATIENCE, gone).await??;
    Ok(())
}

/// Starts, leaves connections idle, held, unanswered and half sent, and stops.
async fn round() -> Outcome {
    let bed = Bed::start().await?;
    let address = bed.nfvo.address();
    let mut idle = bed.client.open().await?;
    idle.send(call(Method::GET, "/vnfpkgm/v2/vnf_packages", ""))
        .await?;
    let silent = tokio::net::TcpStream::connect(address).await?;
    bed.nfvo.control().fault(
        "GET /vnfpkgm/v2/vnf_packages/{id}",
        Fault::NeverAnswer,
        Times::Always,
    )?;
    let mut hold = bed.nfvo.control().hold("POST /grant/v1/grants")?;
    let mut waiting = Vec::new();
    for (method, path) in [
        (Method::GET, "/vnfpkgm/v2/vnf_packages/x"),
        (Method::POST, "/grant/v1/grants"),
    ] {
        let client = bed.client.clone();
        waiting.push(tokio::spawn(async move {
            client.send(call(method, path, "{}")).await
        }));
    }
    timeout(PATIENCE, hold.arrived()).await?;
    timeout(
        PATIENCE,
        bed.seen.wait_for(1, |exchange| exchange.fault.is_some()),
    )
    .await?;
    certificates(&bed.pki).await?;
    timeout(PATIENCE, bed.nfvo.stop()).await?;
    for task in waiting {
        assert!(timeout(PATIENCE, task).await??.is_err());
    }
    // The port is free again.
    drop(tokio::net::TcpListener::bind(address).await?);
    drop((idle, silent));
    Ok(())
}

/// A CMF and its CA, with a connection left idle.
async fn certificates(pki: &Pki) -> Outcome {
    let transcript = Transcript::new();
    let ca = Ca::start(CaConfig::new(transcript.clone())).await?;
    let config = CmfConfig::new(pki.server.clone(), pki.ca_pem.clone(), ca.ca1(), transcript);
    let cmf = Cmf::start(config).await?;
    let client = client(&pki.client_as(None), cmf.root(), &Transcript::new())?;
    let mut idle = client.open().await?;
    let answer = idle
        .send(call(Method::GET, "/.well-known/est/cacerts", ""))
        .await?;
    assert_eq!(answer.status, 200);
    timeout(PATIENCE, cmf.stop()).await?;
    timeout(PATIENCE, ca.stop()).await?;
    drop(idle);
    Ok(())
}

#[cfg(target_os = "linux")]
fn threads() -> std::io::Result<usize> {
    Ok(std::fs::read_dir("/proc/self/task")?.count())
}

#[cfg(target_os = "linux")]
fn sockets() -> std::io::Result<usize> {
    let mut count = 0;
    for entry in std::fs::read_dir("/proc/self/fd")? {
        // The descriptor of this listing itself is closed by the time it is looked at.
        let target = std::fs::read_link(entry?.path()).unwrap_or_default();
        count += usize::from(target.to_string_lossy().starts_with("socket:"));
    }
    Ok(count)
}
