//! The simulated VNFCI as a client of the VNF OAM endpoint: who lets whom in, and how it is told.

use std::process::Stdio;

use scas_simulators::nfvo::{Nfvo, NfvoConfig};
use scas_simulators::tls::ServerSecurity;
use scas_simulators::transcript::Transcript;
use scas_simulators::vnfci::{Oam, Presents, TlsOutcome, Vnfci, VnfciConfig, VnfciKind};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::common::vim::{Planted, VimBed, delivered, server, stack};
use crate::common::vnfci::VnfciBed;
use crate::common::{Outcome, PATIENCE, Pki, authority, leaf, leaf_with, not_run};

/// From the stack to the VNFM: the very certificate that the VIM was given is what the endpoint sees.
#[tokio::test]
async fn it_connects_with_what_the_vim_gave_it() -> Outcome {
    let (planted, bed) = (Planted::new()?, VimBed::start().await?);
    bed.create(&stack(
        "s",
        &json!({ "vdu": server(&json!({ "user_data": planted.bundle() })) }),
    ))
    .await?;
    let booted = bed.vim.wait_booted(1).await[0].clone();
    let seen = Transcript::new();
    let endpoint = Nfvo::start(NfvoConfig::new(
        ServerSecurity::Mutual {
            identity: bed.pki.server.clone(),
            client_anchors_pem: planted.issuer_pem.clone(),
        },
        seen.clone(),
    ))
    .await?;
    let mut config = VnfciConfig::new(bed.pki.mutual(), Transcript::new());
    config.kind = VnfciKind::Booted {
        server_id: booted.server_id.clone(),
    };
    config.delivered = booted.delivered().cloned();
    let vnfci = Vnfci::start(config).await?;
    let address = endpoint.address().to_string();
    let oam = Oam::new(&address, "localhost", &bed.pki.ca_pem);
    let report = vnfci.connect(&oam).await;
    assert_eq!(report.outcome, TlsOutcome::Accepted, "{report:?}");
    assert!(report.answer.starts_with(b"HTTP/1.1 404"));
    assert_eq!(
        report.negotiated.map(|tls| tls.version).as_deref(),
        Some("TLSv1_3")
    );
    let exchange = &seen.exchanges()[0];
    let peer = exchange
        .peer
        .as_ref()
        .ok_or("the endpoint saw no certificate")?;
    assert_eq!(Some(&peer.sha256), report.presented_sha256.as_ref());
    assert_eq!(peer.subject, "CN=vnfci-1");
    let own = &vnfci.transcript().exchanges()[0];
    assert_eq!(
        (
            own.interface.as_str(),
            own.response.as_ref().map(|r| r.status)
        ),
        ("Ve-Vnfm", Some(404))
    );
    vnfci.stop().await;
    endpoint.stop().await;
    bed.vim.stop().await;
    Ok(())
}

#[tokio::test]
async fn each_side_can_refuse_the_other_and_the_report_says_which() -> Outcome {
    let pki = Pki::new()?;
    let (ca_pem, ca) = authority("VNFCI CA")?;
    let own = delivered(&leaf("vnfci-1", &ca)?)?;
    let another = delivered(&leaf("vnfci-2", &ca)?)?;
    let stranger = delivered(&pki.stranger)?;
    let past = rcgen::date_time_ymd(2020, 1, 1);
    let expired = delivered(&leaf_with("vnfci-1", &ca, |params| {
        (params.not_before, params.not_after) = (past, past);
    })?)?;
    let endpoint = Nfvo::start(NfvoConfig::new(
        ServerSecurity::Mutual {
            identity: pki.server.clone(),
            client_anchors_pem: ca_pem,
        },
        Transcript::new(),
    ))
    .await?;
    let mut config = VnfciConfig::new(pki.mutual(), Transcript::new());
    config.delivered = Some(own.clone());
    let vnfci = Vnfci::start(config).await?;
    let oam = Oam::new(&endpoint.address().to_string(), "localhost", &pki.ca_pem);
    let by_peer = |alert: &str| TlsOutcome::RefusedByPeer {
        alert: alert.into(),
    };
    for (presents, expected) in [
        (Presents::Own, TlsOutcome::Accepted),
        (Presents::Nothing, by_peer("CertificateRequired")),
        (Presents::Other(stranger), by_peer("UnknownCA")),
        (Presents::Other(expired), by_peer("CertificateExpired")),
        (
            Presents::OwnWithKey(another.private_key.clone()),
            by_peer("DecryptError"),
        ),
        // Of the same CA: whether the identity is right is for the VNFM to know, and this endpoint does not ask.
        (Presents::Other(another), TlsOutcome::Accepted),
    ] {
        let report = vnfci
            .connect(&Oam {
                presents: presents.clone(),
                ..oam.clone()
            })
            .await;
        assert_eq!(report.outcome, expected, "{presents:?}");
        assert_eq!(report.peer_chain_der.len(), 1);
    }
    let refused = |outcome: &TlsOutcome| matches!(outcome, TlsOutcome::RefusedByUs { .. });
    let other_name = vnfci
        .connect(&Oam {
            server_name: "vnfm.example".into(),
            ..oam.clone()
        })
        .await;
    assert!(refused(&other_name.outcome), "{other_name:?}");
    assert_eq!(
        other_name.peer_chain_der.len(),
        1,
        "what was refused is shown"
    );
    let (unknown, _) = authority("unknown CA")?;
    let untrusted = vnfci
        .connect(&Oam {
            anchors_pem: unknown,
            ..oam.clone()
        })
        .await;
    assert!(refused(&untrusted.outcome), "{untrusted:?}");
    let nobody = vnfci
        .connect(&Oam {
            address: "127.0.0.1:1".into(),
            ..oam.clone()
        })
        .await;
    assert!(
        matches!(nobody.outcome, TlsOutcome::Unreachable { .. }),
        "{nobody:?}"
    );
    let faults = vnfci.transcript().exchanges();
    assert!(
        faults.iter().filter(|one| one.fault.is_some()).count() == 7,
        "{faults:?}"
    );
    vnfci.stop().await;
    endpoint.stop().await;
    Ok(())
}

/// What speaks no TLS, says nothing, or leaves, has not refused.
#[tokio::test]
async fn an_endpoint_that_is_none_is_not_taken_for_a_refusal() -> Outcome {
    let bed = VnfciBed::start(|_| {}).await?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let mut oam = Oam::new(
        &listener.local_addr()?.to_string(),
        "localhost",
        &bed.pki.ca_pem,
    );
    let nothing_held = bed.vnfci.connect(&oam).await;
    assert!(
        matches!(nothing_held.outcome, TlsOutcome::NotTried { .. }),
        "{nothing_held:?}"
    );
    oam.presents = Presents::Nothing;
    let leaves = async { listener.accept().await.map(drop) };
    let (left, accepted) = tokio::join!(bed.vnfci.connect(&oam), leaves);
    accepted?;
    assert!(
        matches!(left.outcome, TlsOutcome::Broken { .. }),
        "{left:?}"
    );
    oam.timeout = std::time::Duration::from_millis(50);
    // The backlog takes the connection; nobody ever answers.
    let silent = bed.vnfci.connect(&oam).await;
    assert_eq!(silent.outcome, TlsOutcome::TimedOut);
    assert_eq!(bed.vnfci.transcript().exchanges().len(), 3);
    bed.vnfci.stop().await;
    Ok(())
}

/// An endpoint that nobody here wrote.
#[tokio::test]
async fn openssl_verifies_it_as_a_server() -> Outcome {
    let (pki, planted) = (Pki::new()?, Planted::new()?);
    let anchors = pki.path("vnfci-ca.pem");
    std::fs::write(&anchors, &planted.issuer_pem)?;
    let free = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let spawned = Command::new("openssl")
        .args([
            "s_server",
            "-accept",
            &free.to_string(),
            "-www",
            "-Verify",
            "1",
            "-verify_return_error",
        ])
        .arg("-cert")
        .arg(pki.path("server.pem"))
        .arg("-key")
        .arg(pki.path("server.key"))
        .arg("-CAfile")
        .arg(&anchors)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let mut endpoint = match spawned {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            not_run("openssl");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let mut lines = BufReader::new(endpoint.stdout.take().ok_or("no output")?).lines();
    let ready = async {
        while let Some(line) = lines.next_line().await? {
            if line == "ACCEPT" {
                return Ok(());
            }
        }
        Err(std::io::Error::other("s_server ended"))
    };
    tokio::time::timeout(PATIENCE, ready).await??;
    let bed = VnfciBed::start(|_| {}).await?;
    let oam = Oam::new(&free.to_string(), "localhost", &pki.ca_pem);
    let own = Presents::Other(delivered(&planted.identity)?);
    let accepted = bed
        .vnfci
        .connect(&Oam {
            presents: own,
            ..oam.clone()
        })
        .await;
    assert_eq!(accepted.outcome, TlsOutcome::Accepted, "{accepted:?}");
    assert!(accepted.answer.starts_with(b"HTTP/1.0 200"));
    for presents in [
        Presents::Nothing,
        Presents::Other(delivered(&pki.stranger)?),
    ] {
        let refused = bed
            .vnfci
            .connect(&Oam {
                presents,
                ..oam.clone()
            })
            .await;
        assert!(
            matches!(refused.outcome, TlsOutcome::RefusedByPeer { .. }),
            "{refused:?}"
        );
    }
    bed.vnfci.stop().await;
    Ok(())
}
