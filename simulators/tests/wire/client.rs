//! The tester's client against servers that misbehave at the socket, and the transcript it writes.

use std::time::Duration;

use crate::common::{Bed, Outcome, PATIENCE, call, client, parties};
use hyper::Method;
use scas_simulators::client::{Call, CallError, Client, ClientError, Limits};
use scas_simulators::tls::ClientSecurity;
use scas_simulators::transcript::{Exchange, Transcript};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::timeout;

/// Answers one connection with these bytes, whatever is asked, and closes it.
async fn answering(bytes: &'static [u8]) -> std::io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        let mut head = [0; 1024];
        let _request = stream.read(&mut head).await?;
        stream.write_all(bytes).await
    });
    Ok(url)
}

#[tokio::test]
async fn each_failure_has_its_own_name() -> Outcome {
    let transcript = Transcript::new();
    let get = async |url: &str| -> Result<CallError, Box<dyn std::error::Error>> {
        let client = client(&ClientSecurity::Plain, url, &transcript)?;
        Ok(client
            .send(Call::new(Method::GET, "/x"))
            .await
            .err()
            .ok_or("an answer")?)
    };
    let not_http = get(&answering(b"SSH-2.0-OpenSSH_9.2\r\n\r\n").await?).await?;
    assert!(matches!(not_http, CallError::NotHttp(_)), "{not_http:?}");
    assert_eq!(get(&answering(b"").await?).await?, CallError::Closed);
    assert_eq!(
        get(&answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").await?).await?,
        CallError::Closed
    );
    let large = b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n".as_slice();
    assert_eq!(
        get(&answering(large).await?).await?,
        CallError::Closed,
        "what was not sent is not too large"
    );

    let free = TcpListener::bind("127.0.0.1:0").await?;
    let address = free.local_addr()?;
    drop(free);
    let closed = get(&format!("http://{address}")).await?;
    assert!(
        matches!(&closed, CallError::Unreachable(why) if why.contains(&address.to_string())),
        "{closed:?}"
    );

    let recorded = transcript.exchanges();
    assert_eq!(recorded.len(), 5);
    for exchange in recorded {
        assert!(exchange.response.is_none() && exchange.ended.is_some());
        assert_eq!(
            (
                exchange.request.method.as_str(),
                exchange.request.target.as_str()
            ),
            ("GET", "/x")
        );
        assert!(exchange.fault.is_some());
    }
    Ok(())
}

#[tokio::test]
async fn silence_times_out() -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let limits = Limits {
        timeout: Duration::from_millis(50),
        max_body: 1,
    };
    let url = format!("http://{}/prefix/", listener.local_addr()?);
    let transcript = Transcript::new();
    let client = Client::new(
        &ClientSecurity::Plain,
        &url,
        transcript.clone(),
        parties(),
        limits,
    )?;
    assert_eq!(
        client.send(Call::new(Method::GET, "/x")).await.err(),
        Some(CallError::TimedOut)
    );
    assert_eq!(transcript.exchanges()[0].request.target, "/prefix/x");
    Ok(())
}

#[tokio::test]
async fn one_connection_carries_many_calls() -> Outcome {
    let bed = Bed::start().await?;
    let mut connection = bed.client.open().await?;
    for expected in 0..100 {
        let answer = connection
            .send(call(Method::GET, "/vnfpkgm/v2/vnf_packages", ""))
            .await?;
        assert_eq!((answer.status.as_u16(), answer.seq), (200, expected));
    }
    bed.nfvo.stop().await;
    assert_eq!(
        connection.send(call(Method::GET, "/", "")).await.err(),
        Some(CallError::Closed)
    );
    let last = bed.called.exchanges().pop().ok_or("nothing recorded")?;
    assert_eq!(
        last.peer.as_ref().map(|peer| peer.subject.as_str()),
        Some("CN=nfvo")
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_notices_when_the_api_is_tidied_up() -> Outcome {
    let bed = Bed::start().await?;
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let client = bed.client.clone();
        workers.spawn(async move {
            let mut connection = client.open().await?;
            let mut statuses = std::collections::BTreeSet::new();
            // Together more than the 8,192 requests after which it happens.
            for _ in 0..3000 {
                let answer = connection
                    .send(call(Method::GET, "/vnfpkgm/v2/subscriptions", ""))
                    .await?;
                statuses.insert(answer.status.as_u16());
            }
            Ok::<_, CallError>(statuses)
        });
    }
    while let Some(statuses) = workers.join_next().await {
        assert_eq!(statuses??.into_iter().collect::<Vec<_>>(), [200]);
    }
    bed.nfvo.stop().await;
    Ok(())
}

#[test]
fn a_wrong_base_url_is_named() {
    let limits = Limits {
        timeout: PATIENCE,
        max_body: 1,
    };
    for url in [
        "https://localhost",
        "localhost:80",
        "http://",
        "http://localhost/?q",
        "ftp://localhost",
    ] {
        let made = Client::new(
            &ClientSecurity::Plain,
            url,
            Transcript::new(),
            parties(),
            limits,
        );
        let error = made
            .err()
            .map(|error| (error.to_string(), matches!(error, ClientError::Url { .. })));
        assert!(
            error
                .as_ref()
                .is_some_and(|(text, is_url)| *is_url && text.contains(url)),
            "{url}: {error:?}"
        );
    }
}

#[tokio::test]
async fn the_transcript_file_says_what_memory_says() -> Outcome {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("or-vnfm.jsonl");
    let transcript = Transcript::to_file(&path)?;
    let bed = Bed::with(|config| config.transcript = transcript.clone()).await?;
    let mark = transcript.next_seq();
    let waiting = {
        let transcript = transcript.clone();
        tokio::spawn(async move {
            transcript
                .wait_for(mark, |exchange| exchange.request.target == "/last")
                .await
                .seq
        })
    };
    for path in [
        "/vnfpkgm/v2/vnf_packages",
        "/vnfpkgm/v2/onboarded_vnf_packages/vnfd-1",
        "/last",
    ] {
        bed.get(path).await?;
    }
    assert_eq!(timeout(PATIENCE, waiting).await??, mark + 2);
    transcript.flush()?;
    let lines = std::fs::read_to_string(&path)?;
    let written: Vec<Exchange> = lines
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    assert_eq!(
        written,
        transcript
            .exchanges()
            .iter()
            .map(|exchange| Exchange::clone(exchange))
            .collect::<Vec<_>>()
    );
    assert_eq!(
        written
            .iter()
            .map(|exchange| exchange.seq)
            .collect::<Vec<_>>(),
        [0, 1, 2]
    );
    bed.nfvo.stop().await;
    Ok(())
}

#[test]
fn a_full_disk_is_told_at_the_next_flush() -> Outcome {
    let full = std::path::Path::new("/dev/full");
    if full.exists() {
        let transcript = Transcript::to_file(full)?;
        let body = r#"{"seq":0,"started":"2026-01-01T00:00:00Z","ended":null,"interface":"","from":"","to":"","peer":null,
            "tls":null,"request":{"method":"","target":"","headers":[],"body":{"length":0,"sha256":""}},"response":null,
            "fault":null}"#;
        transcript.record(serde_json::from_str(body)?);
        assert!(transcript.flush().is_err());
    }
    Ok(())
}
