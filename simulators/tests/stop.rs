//! Nothing stays behind. Alone in its process, since it counts the process's threads and sockets.

mod common;

use common::{Bed, Outcome, PATIENCE, call};
use hyper::Method;
use scas_simulators::fault::{Fault, Times};
use tokio::time::timeout;

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_stopped_nfvo_leaves_no_thread_socket_or_port() -> Outcome {
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
    timeout(PATIENCE, bed.nfvo.stop()).await?;
    for task in waiting {
        assert!(timeout(PATIENCE, task).await??.is_err());
    }
    // The port is free again.
    drop(tokio::net::TcpListener::bind(address).await?);
    drop((idle, silent));
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
