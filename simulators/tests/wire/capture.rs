//! What a capture holds, as Wireshark reads it: TLS 1.2 and 1.3, no TLS, IPv4 and IPv6, from either side.

use std::path::Path;

use crate::common::{Bed, Outcome, call, client, curl, package, run};
use hyper::Method;
use scas_simulators::capture::Capture;
use scas_simulators::client::CallError;
use scas_simulators::fault::{Fault, Times};
use scas_simulators::nfvo::{Nfvo, NfvoConfig};
use scas_simulators::tls::{ClientSecurity, ServerSecurity};
use scas_simulators::transcript::Transcript;

const VNFD: &str = "/vnfpkgm/v2/onboarded_vnf_packages/vnfd-1/vnfd";

fn captured() -> (Transcript, Capture) {
    let capture = Capture::new(usize::MAX);
    (Transcript::new().capturing(capture.clone()), capture)
}

/// Rows of these fields, joined by spaces. `None` if tshark is not installed.
async fn read(
    capture: &Capture,
    folder: &Path,
    filter: &str,
    fields: &[&str],
) -> Result<Option<Vec<String>>, Box<dyn std::error::Error>> {
    let path = folder.join("traffic.pcapng");
    let mut file = std::fs::File::create(&path)?;
    capture.write("a test", &mut file)?;
    let path = path.to_string_lossy();
    let mut arguments = vec![
        "-r",
        &path,
        "-Y",
        filter,
        "-T",
        "fields",
        "-E",
        "separator= ",
    ];
    for preference in [
        "ip.check_checksum:TRUE",
        "tcp.check_checksum:TRUE",
        "tcp.try_heuristic_first:TRUE",
    ] {
        arguments.extend(["-o", preference]);
    }
    for field in fields {
        arguments.extend(["-e", field]);
    }
    let Some(output) = run("tshark", &arguments, "").await? else {
        return Ok(None);
    };
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout)?;
    Ok(Some(
        text.lines().map(|line| line.trim().to_owned()).collect(),
    ))
}

const SAID: [&str; 3] = [
    "http.request.method",
    "http.request.uri",
    "http.response.code",
];

#[tokio::test]
async fn both_sides_of_a_connection_over_ipv6_without_tls_note_the_same() -> Outcome {
    let folder = tempfile::tempdir()?;
    let ((seen, at_server), (called, at_client)) = (captured(), captured());
    let nfvo = Nfvo::start(NfvoConfig {
        listen: "[::1]:0".parse()?,
        ..NfvoConfig::new(ServerSecurity::Plain, seen)
    })
    .await?;
    nfvo.onboard(package("vnfd-1"));
    let client = client(&ClientSecurity::Plain, nfvo.api_root(), &called)?;
    client.send(call(Method::GET, VNFD, "")).await?;
    nfvo.control()
        .fault(&format!("GET {VNFD}"), Fault::TruncatedBody, Times::Once)?;
    let cut = client.send(call(Method::GET, VNFD, "")).await;
    assert_eq!(cut.err(), Some(CallError::Closed));
    nfvo.stop().await;
    for capture in [at_server, at_client] {
        let Some(rows) = read(
            &capture,
            folder.path(),
            "http.request || http.response",
            &SAID,
        )
        .await?
        else {
            return Ok(());
        };
        assert_eq!(rows[..2], [format!("GET {VNFD}"), "200".to_owned()]);
        assert_eq!(rows[2], format!("GET {VNFD}"));
        let wrong = "!ipv6 || tcp.checksum.status != Good || tcp.analysis.flags || tls";
        let wrong = read(&capture, folder.path(), wrong, &["frame.number"]).await?;
        assert_eq!(wrong, Some(Vec::new()));
    }
    Ok(())
}

#[tokio::test]
async fn each_version_of_tls_is_opened_by_the_secrets_in_the_file() -> Outcome {
    let (seen, capture) = captured();
    let bed = Bed::with(|config| config.transcript = seen).await?;
    let url = format!("{}{VNFD}", bed.nfvo.api_root());
    for version in ["1.2", "1.3"] {
        let arguments = [
            "--tls-max",
            version,
            "-H",
            "Version: 2.4.0",
            "-o",
            "-",
            &url,
        ];
        if curl(&bed.pki, Some("client"), &arguments).await?.is_none() {
            return Ok(());
        }
    }
    // A client that is not let in is seen too.
    curl(&bed.pki, Some("stranger"), &["-H", "Version: 2.4.0", &url]).await?;
    let folder = tempfile::tempdir()?;
    // What that one asks can be seen too, as with TLS 1.3 it does not wait to be let in.
    let let_in = "http && tcp.stream < 2";
    let Some(rows) = read(&capture, folder.path(), let_in, &SAID).await? else {
        return Ok(());
    };
    let once = [format!("GET {VNFD}"), "200".to_owned()];
    assert_eq!(rows, [once.clone(), once].concat());
    let versions = read(
        &capture,
        folder.path(),
        "tls.handshake.type == 2",
        &["tcp.stream", "_ws.col.Protocol"],
    )
    .await?;
    assert_eq!(
        versions,
        Some(vec![
            "0 TLSv1.2".to_owned(),
            "1 TLSv1.3".to_owned(),
            "2 TLSv1.3".to_owned()
        ])
    );
    let refused = "tcp.stream == 2 && tls.alert_message";
    let alerts = read(&capture, folder.path(), refused, &["frame.number"]).await?;
    assert!(alerts.is_some_and(|rows| !rows.is_empty()));
    Ok(())
}
