//! Mutual TLS at the front, as strangers' clients meet it, and what the transcript says of it.

use crate::common::{Bed, Outcome, PATIENCE, Pki, client, curl, run};
use rustls_pki_types::pem::PemObject as _;
use scas_simulators::client::{Call, CallError};
use scas_simulators::control::Control;
use scas_simulators::front::{CLIENT_CERT_SHA256, Front, FrontConfig, problem_details};
use scas_simulators::nfvo::{Nfvo, NfvoConfig, StartError};
use scas_simulators::tls::{ClientSecurity, Identity, ServerSecurity, TlsError};
use scas_simulators::transcript::Transcript;
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

#[tokio::test]
async fn curl_is_served_and_known_by_its_certificate() -> Outcome {
    let bed = Bed::start().await?;
    let url = format!(
        "{}/vnfpkgm/v2/onboarded_vnf_packages/vnfd-1/vnfd?include_signatures",
        bed.nfvo.api_root()
    );
    let arguments = [
        "-H",
        "Version: 2.4.0",
        "-H",
        "Authorization: Bearer secret",
        "-D",
        "-",
        url.as_str(),
    ];
    let Some(output) = curl(&bed.pki, Some("client"), &arguments).await? else {
        return Ok(());
    };
    let answer = String::from_utf8(output.stdout)?;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(
        answer
            .to_lowercase()
            .contains("content-type: application/zip"),
        "{answer}"
    );
    assert!(answer.ends_with("PK vnfd bytes"), "{answer}");

    let [exchange] = bed
        .seen
        .exchanges()
        .try_into()
        .map_err(|_| "one exchange expected")?;
    let peer = exchange.peer.as_ref().ok_or("no peer")?;
    let der =
        rustls_pki_types::CertificateDer::from_pem_slice(bed.pki.client.chain_pem.as_bytes())?;
    assert_eq!(peer.subject, "CN=vnfm");
    assert_eq!(peer.sha256, hex::encode(Sha256::digest(der)));
    assert_eq!(exchange.tls.as_ref().ok_or("no TLS")?.version, "TLSv1_3");
    assert!(
        exchange
            .request
            .target
            .ends_with("/vnfd?include_signatures")
    );
    let response = exchange.response.as_ref().ok_or("no response")?;
    assert_eq!(
        (response.status, response.body.text.as_deref()),
        (200, Some("PK vnfd bytes"))
    );
    let credential = exchange
        .request
        .header("authorization")
        .ok_or("no credential")?;
    assert!(credential.starts_with("sha256:"), "{credential}");
    let guess = hex::encode(Sha256::digest("Bearer secret"));
    assert!(
        !credential.contains(&guess[..16]),
        "a guess could be tested"
    );
    bed.nfvo.stop().await;
    Ok(())
}

#[tokio::test]
async fn openssl_speaks_tls_1_2_and_1_3() -> Outcome {
    let bed = Bed::start().await?;
    let address = bed.nfvo.address().to_string();
    let path = |name: &str| bed.pki.path(name).to_string_lossy().into_owned();
    let (ca, certificate, key) = (path("ca.pem"), path("client.pem"), path("client.key"));
    for (option, version) in [("-tls1_2", "TLSv1_2"), ("-tls1_3", "TLSv1_3")] {
        let arguments = [
            "s_client",
            option,
            "-connect",
            &address,
            "-CAfile",
            &ca,
            "-cert",
            &certificate,
            "-key",
            &key,
            "-verify_return_error",
            "-quiet",
        ];
        let request = "GET /vnfpkgm/v2/vnf_packages HTTP/1.1\r\nHost: nfvo\r\nVersion: 2.4.0\r\nConnection: close\r\n\r\n";
        let Some(output) = run("openssl", &arguments, request).await? else {
            return Ok(());
        };
        let answer = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            answer.starts_with("HTTP/1.1 200 OK"),
            "{answer}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let seen = bed.seen.exchanges();
        let last = seen.last().ok_or("nothing recorded")?;
        assert_eq!(last.tls.as_ref().ok_or("no TLS")?.version, version);
    }
    bed.nfvo.stop().await;
    Ok(())
}

#[tokio::test]
async fn who_has_no_right_certificate_is_refused_and_recorded() -> Outcome {
    let bed = Bed::start().await?;
    let url = format!("{}/vnfpkgm/v2/vnf_packages", bed.nfvo.api_root());
    for identity in [None, Some("stranger")] {
        let mark = bed.seen.next_seq();
        let Some(output) =
            curl(&bed.pki, identity, &["-H", "Version: 2.4.0", url.as_str()]).await?
        else {
            return Ok(());
        };
        assert!(!output.status.success() && output.stdout.is_empty());
        let refusal = timeout(PATIENCE, bed.seen.wait_for(mark, |_| true)).await?;
        assert_eq!(refusal.request.method, "");
        assert!(
            refusal
                .fault
                .as_deref()
                .is_some_and(|fault| fault.starts_with("TLS handshake failed")),
            "{refusal:?}"
        );
    }
    bed.nfvo.stop().await;
    Ok(())
}

#[tokio::test]
async fn what_is_not_http_is_recorded() -> Outcome {
    let bed = Bed::start().await?;
    let address = bed.nfvo.address().to_string();
    let path = |name: &str| bed.pki.path(name).to_string_lossy().into_owned();
    let (certificate, key) = (path("client.pem"), path("client.key"));
    let arguments = [
        "s_client",
        "-connect",
        &address,
        "-cert",
        &certificate,
        "-key",
        &key,
        "-quiet",
    ];
    let Some(output) = run("openssl", &arguments, "SSH-2.0-OpenSSH_9.2\r\n\r\n").await? else {
        return Ok(());
    };
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("HTTP/1.1 400"));
    let exchange = timeout(PATIENCE, bed.seen.wait_for(0, |_| true)).await?;
    assert_eq!(
        exchange.peer.as_ref().map(|peer| peer.subject.as_str()),
        Some("CN=vnfm")
    );
    let fault = exchange.fault.as_deref().ok_or("no fault")?;
    assert!(
        fault.starts_with("request not readable as HTTP/1.1"),
        "{fault}"
    );
    bed.nfvo.stop().await;
    Ok(())
}

#[tokio::test]
async fn our_client_tells_refusal_from_distrust() -> Outcome {
    let bed = Bed::start().await?;
    let called = Transcript::new();
    let send = async |security: &ClientSecurity| -> Result<CallError, Box<dyn std::error::Error>> {
        let client = client(security, bed.nfvo.api_root(), &called)?;
        Ok(client
            .send(Call::new(hyper::Method::GET, "/vnfpkgm/api_versions"))
            .await
            .err()
            .ok_or("no error")?)
    };
    // Many times: whether the alert or the broken pipe is noticed first must not matter.
    for _ in 0..50 {
        let anonymous = send(&bed.pki.client_as(None)).await?;
        assert_eq!(
            anonymous,
            CallError::TlsRefused("alert CertificateRequired".into())
        );
    }
    let stranger = send(&bed.pki.client_as(Some(&bed.pki.stranger))).await?;
    assert!(
        matches!(&stranger, CallError::TlsRefused(alert) if alert.contains("UnknownCA")),
        "{stranger:?}"
    );
    let other = Pki::new()?;
    let distrust = send(&other.client_as(Some(&bed.pki.client))).await?;
    assert!(
        matches!(&distrust, CallError::TlsFailed(why) if why.contains("invalid peer certificate")),
        "{distrust:?}"
    );
    let recorded = called.exchanges();
    assert_eq!(recorded.len(), 52);
    assert!(
        recorded
            .iter()
            .all(|exchange| exchange.response.is_none() && exchange.fault.is_some())
    );
    bed.nfvo.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_server_that_nobody_here_wrote_refuses_us_by_alert() -> Outcome {
    use tokio::io::{AsyncBufReadExt as _, BufReader};
    let pki = Pki::new()?;
    let spawned = tokio::process::Command::new("openssl")
        .args([
            "s_server",
            "-accept",
            "127.0.0.1:0",
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
        .arg(pki.path("ca.pem"))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let mut server = match spawned {
        Ok(server) => server,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            crate::common::not_run("openssl");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let mut lines = BufReader::new(server.stdout.take().ok_or("no stdout")?).lines();
    let address = loop {
        let line = timeout(PATIENCE, lines.next_line())
            .await??
            .ok_or("openssl ended")?;
        if let Some(address) = line.strip_prefix("ACCEPT ") {
            break address.to_owned();
        }
    };
    let base_url = format!("https://{address}");
    let transcript = Transcript::new();
    let get = || Call::new(hyper::Method::GET, "/");
    let known = client(&pki.client_as(Some(&pki.client)), &base_url, &transcript)?;
    assert_eq!(known.send(get()).await?.status, 200);
    let anonymous = client(&pki.client_as(None), &base_url, &transcript)?;
    let refusal = anonymous.send(get()).await.err().ok_or("not refused")?;
    assert!(matches!(refusal, CallError::TlsRefused(_)), "{refusal:?}");
    server.kill().await?;
    Ok(())
}

#[tokio::test]
async fn what_cannot_start_says_why() -> Outcome {
    let pki = Pki::new()?;
    let start = async |security: ServerSecurity| -> Result<StartError, Box<dyn std::error::Error>> {
        let started = Nfvo::start(NfvoConfig::new(security, Transcript::new())).await;
        Ok(started.err().ok_or("started")?)
    };
    let mutual =
        |chain_pem: &str, key_pem: &str, client_anchors_pem: &str| ServerSecurity::Mutual {
            identity: Identity {
                chain_pem: chain_pem.into(),
                key_pem: key_pem.into(),
            },
            client_anchors_pem: client_anchors_pem.into(),
        };
    let (chain, key, anchors) = (&pki.server.chain_pem, &pki.server.key_pem, &pki.ca_pem);
    let other_key = start(mutual(chain, &pki.client.key_pem, anchors)).await?;
    assert!(
        matches!(other_key, StartError::Tls(TlsError::KeyMismatch { .. })),
        "{other_key:?}"
    );
    for (security, blamed) in [
        (mutual("", key, anchors), "server certificate chain"),
        (mutual(key, key, anchors), "server certificate chain"),
        (mutual(chain, chain, anchors), "server private key"),
        (mutual(chain, key, "no PEM at all"), "client anchors"),
    ] {
        let error = start(security).await?.to_string();
        assert!(error.contains(blamed), "{error}");
    }

    let first = Nfvo::start(NfvoConfig::new(pki.mutual(), Transcript::new())).await?;
    let mut config = NfvoConfig::new(pki.mutual(), Transcript::new());
    config.listen = first.address();
    let taken = Nfvo::start(config)
        .await
        .err()
        .ok_or("started twice")?
        .to_string();
    assert!(
        taken.contains(&first.address().to_string()) && taken.contains("choose another port"),
        "{taken}"
    );
    first.stop().await;
    Ok(())
}

#[tokio::test]
async fn the_api_is_told_of_the_peer_by_the_front_alone() -> Outcome {
    let pki = Pki::new()?;
    let api = wiremock::MockServer::builder()
        .disable_request_recording()
        .start()
        .await;
    let echo = |request: &wiremock::Request| {
        let lines = request.headers.iter().map(|(name, value)| {
            format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes()))
        });
        wiremock::ResponseTemplate::new(200)
            .insert_header("keep-alive", "timeout=5")
            .insert_header("x-scas-inside", "1")
            .set_body_string(lines.collect::<String>())
    };
    wiremock::Mock::given(wiremock::matchers::any())
        .respond_with(echo)
        .mount(&api)
        .await;
    let transcript = Transcript::new();
    let listener = Front::listen("127.0.0.1:0".parse()?).await?;
    let config = FrontConfig {
        security: pki.mutual(),
        upstream: *api.address(),
        parties: crate::common::parties(),
        transcript: transcript.clone(),
        control: Control::default(),
        max_request_body: 10,
        observer: None,
        scrub: None,
        refusal: problem_details,
        housekeeping: None,
    };
    let front = Front::start(listener, config)?;
    let base_url = format!("https://{}", front.address());
    let client = client(
        &pki.client_as(Some(&pki.client)),
        &base_url,
        &Transcript::new(),
    )?;
    let mut call = Call::new(hyper::Method::POST, "/any");
    for (name, value) in [
        (CLIENT_CERT_SHA256, "forged"),
        ("x-scas-anything", "forged"),
        ("connection", "x-hop"),
        ("x-hop", "1"),
        ("x-end", "2"),
    ] {
        call.headers.insert(name, value.parse()?);
    }
    call.body = "0123456789".into();
    let answer = client.send(call.clone()).await?;
    let seen = String::from_utf8(answer.body.to_vec())?;
    let peer = transcript.exchanges()[0].peer.clone().ok_or("no peer")?;
    assert!(
        seen.contains(&format!("{CLIENT_CERT_SHA256}: {}\n", peer.sha256)),
        "{seen}"
    );
    assert!(seen.contains("x-end: 2\n"), "{seen}");
    assert!(
        !seen.contains("forged") && !seen.contains("x-hop"),
        "{seen}"
    );
    assert!(!answer.headers.contains_key("keep-alive"));
    assert!(!answer.headers.contains_key("x-scas-inside"));

    call.body = "0123456789a".into();
    assert_eq!(client.send(call).await?.status, 413);
    front.stop().await;
    Ok(())
}
