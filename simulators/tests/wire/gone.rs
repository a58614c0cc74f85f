//! A peer that is gone before its answer.

use std::net::SocketAddr;

use crate::common::{Outcome, PATIENCE};
use scas_simulators::control::Control;
use scas_simulators::front::{Front, FrontConfig, Parties, problem_details};
use scas_simulators::tls::ServerSecurity;
use scas_simulators::transcript::Transcript;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// As when a VNFM is killed while it fetches a package. The API is silent here, so that the answer is surely pending.
#[tokio::test]
async fn its_exchange_is_recorded_while_the_front_goes_on() -> Outcome {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let silent = TcpListener::bind(any).await?;
    let transcript = Transcript::new();
    let front = Front::start(
        Front::listen(any).await?,
        FrontConfig {
            security: ServerSecurity::Plain,
            upstream: silent.local_addr()?,
            parties: Parties {
                interface: "Or-Vnfm".into(),
                from: "VNFM".into(),
                to: "NFVO".into(),
            },
            transcript: transcript.clone(),
            control: Control::default(),
            max_request_body: 1024,
            observer: None,
            scrub: None,
            refusal: problem_details,
            housekeeping: None,
        },
    )?;
    let mut peer = TcpStream::connect(front.address()).await?;
    peer.write_all(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
        .await?;
    let (mut forwarded, _) = silent.accept().await?;
    assert!(forwarded.read(&mut [0; 16]).await? > 0);
    // Reset, as by a process that is killed: hyper then gives up at once, with the request still in its hands.
    peer.set_zero_linger()?;
    drop(peer);
    let recorded = transcript.wait_for(0, |exchange| exchange.request.target == "/a");
    let exchange = tokio::time::timeout(PATIENCE, recorded).await?;
    assert!(exchange.response.is_none());
    let fault = exchange.fault.as_deref().unwrap_or_default();
    assert!(fault.contains("ended before the answer"), "{fault}");
    front.stop().await;
    Ok(())
}
