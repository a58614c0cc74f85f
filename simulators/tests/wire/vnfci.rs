//! The simulated VNFCI: its connection to the VNF OAM endpoint, and what is installed through SOL002.

use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use scas_simulators::client::{Answer, Call, Client};
use scas_simulators::fault::{Fault, Times};
use scas_simulators::nfvo::{Nfvo, NfvoConfig};
use scas_simulators::tls::ServerSecurity;
use scas_simulators::transcript::Transcript;
use scas_simulators::vnfci::{
    Oam, Presents, TlsOutcome, Vnfci, VnfciConfig, VnfciFault, VnfciKind,
};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::common::vim::{Planted, VimBed, delivered, parsed, server, stack};
use crate::common::{Outcome, PATIENCE, Pki, authority, client, leaf, leaf_with, not_run, run};

struct Bed {
    pki: Pki,
    vnfci: Vnfci,
    client: Client,
    file: std::path::PathBuf,
}

impl Bed {
    async fn start(
        change: impl FnOnce(&mut VnfciConfig),
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let pki = Pki::new()?;
        let file = pki.path("vnfci.jsonl");
        let mut config = VnfciConfig::new(pki.mutual(), Transcript::to_file(&file)?);
        change(&mut config);
        let vnfci = Vnfci::start(config).await?;
        let security = pki.client_as(Some(&pki.client));
        let client = client(&security, vnfci.api_root(), &Transcript::new())?;
        Ok(Self {
            pki,
            vnfci,
            client,
            file,
        })
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: &str,
    ) -> Result<Answer, Box<dyn std::error::Error>> {
        let mut call = Call::new(method, path);
        call.body = body.to_owned().into();
        for (name, value) in headers {
            let name = HeaderName::from_static(name);
            call.headers.insert(name, HeaderValue::from_str(value)?);
        }
        Ok(self.client.send(call).await?)
    }

    async fn patch(&self, body: &Value) -> Result<Answer, Box<dyn std::error::Error>> {
        self.call(Method::PATCH, CONFIGURATION, &HEADERS, &body.to_string())
            .await
    }

    fn recorded(&self) -> Result<String, Box<dyn std::error::Error>> {
        self.vnfci.transcript().flush()?;
        Ok(std::fs::read_to_string(&self.file)?)
    }
}

const CONFIGURATION: &str = "/vnfconfig/v1/configuration";
const HEADERS: [(&str, &str); 2] = [
    ("version", "1.3.0"),
    ("content-type", "application/merge-patch+json"),
];

fn certificate_data(id: &str, data: &Value) -> Value {
    json!({ "vnfcConfigurationData": [{ "vnfcInstanceId": id, "certificateData": [data] }] })
}

fn pem(planted: &Planted) -> Value {
    json!({
        "privateKey": planted.identity.key_pem,
        "certificateFile": format!("{}{}", planted.identity.chain_pem, planted.issuer_pem),
        "certSubjectData": { "commonName": "vnfci-1" },
    })
}

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
    let bed = Bed::start(|_| {}).await?;
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

#[tokio::test]
async fn certificate_and_key_are_installed_and_the_key_is_never_told_again() -> Outcome {
    let planted = Planted::new()?;
    let bed = Bed::start(|_| {}).await?;
    let before = bed.call(Method::GET, CONFIGURATION, &HEADERS, "").await?;
    assert_eq!(parsed(&before), json!({ "vnfConfigurationData": {} }));
    let tag = before.headers["etag"].to_str()?.to_owned();

    let body = certificate_data("vnfc-1", &pem(&planted)).to_string();
    let mut headers = HEADERS.to_vec();
    headers.push(("if-match", &tag));
    let patched = bed
        .call(Method::PATCH, CONFIGURATION, &headers, &body)
        .await?;
    assert_eq!(patched.status, StatusCode::OK, "{:?}", patched.body);
    let again = bed
        .call(Method::PATCH, CONFIGURATION, &headers, &body)
        .await?;
    assert_eq!(again.status, StatusCode::PRECONDITION_FAILED);

    let installed = bed.vnfci.wait_installed(1).await;
    let first = &installed[0];
    assert_eq!(first.vnfc_instance_id, "vnfc-1");
    assert_eq!(first.delivered.found_in, "certificateData[0] privateKey");
    assert_eq!(first.delivered.private_key.der(), planted.key_der());
    assert_eq!(first.delivered.certificate_chain_der.len(), 2);

    let shown = bed.call(Method::GET, CONFIGURATION, &HEADERS, "").await?;
    let data = parsed(&shown)["vnfcConfigurationData"][0]["certificateData"][0].clone();
    assert!(data["privateKey"].is_null() && data["certificateFile"].is_string());
    for text in [&shown.body, &patched.body] {
        assert_eq!(
            planted.leaks(std::str::from_utf8(text)?),
            Vec::<String>::new()
        );
    }
    let recorded = bed.recorded()?;
    assert_eq!(planted.leaks(&recorded), Vec::<String>::new());
    assert!(recorded.contains("redacted:sha256:"));

    // A renewed certificate for the key that it has.
    let renewal = json!({ "certificateFile": planted.identity.chain_pem });
    let renewed = bed.patch(&certificate_data("vnfc-1", &renewal)).await?;
    assert_eq!(renewed.status, StatusCode::OK, "{:?}", renewed.body);
    assert_eq!(
        bed.vnfci.installed()[1].delivered.found_in,
        "installed before"
    );
    bed.vnfci.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_keystore_made_by_openssl_is_installed() -> Outcome {
    let planted = Planted::new()?;
    let bed = Bed::start(|_| {}).await?;
    let (pem, p12) = (bed.pki.path("planted.pem"), bed.pki.path("planted.p12"));
    std::fs::write(&pem, planted.bundle())?;
    let (pem, p12) = (pem.to_string_lossy(), p12.to_string_lossy());
    let arguments = [
        "pkcs12", "-export", "-in", &pem, "-out", &p12, "-passout", "pass:",
    ];
    let Some(_) = run("openssl", &arguments, "").await? else {
        return Ok(());
    };
    let keystore = STANDARD.encode(std::fs::read(&*p12)?);
    let patched = bed
        .patch(&certificate_data(
            "vnfc-1",
            &json!({ "keystoreFile": keystore }),
        ))
        .await?;
    assert_eq!(patched.status, StatusCode::OK, "{:?}", patched.body);
    assert_eq!(
        bed.vnfci.delivered().ok_or("nothing")?.private_key.der(),
        planted.key_der()
    );
    let shown = bed.call(Method::GET, CONFIGURATION, &HEADERS, "").await?;
    assert!(!String::from_utf8(shown.body.to_vec())?.contains(&keystore));
    assert!(!bed.recorded()?.contains(&keystore));
    bed.vnfci.stop().await;
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_installed_is_refused_and_changes_nothing() -> Outcome {
    let (planted, other) = (Planted::new()?, Planted::new()?);
    let bed = Bed::start(|config| config.vnfc_instance_ids = vec!["vnfc-1".into()]).await?;
    let mut mixed = pem(&planted);
    mixed["certificateFile"] = other.identity.chain_pem.clone().into();
    let twice = json!({ "vnfcConfigurationData": [{ "vnfcInstanceId": "vnfc-1" }, { "vnfcInstanceId": "vnfc-1" }] });
    for (body, status, reason) in [
        (
            certificate_data("vnfc-1", &mixed),
            422,
            "fits the private key",
        ),
        (
            certificate_data("vnfc-2", &pem(&planted)),
            422,
            "no VNFC instance",
        ),
        (
            certificate_data("vnfc-1", &json!({ "certificateFile": planted.issuer_pem })),
            422,
            "no private key",
        ),
        (twice, 400, "twice"),
        (
            json!({ "vnfcConfigurationData": [{}] }),
            400,
            "vnfcInstanceId",
        ),
        (json!({ "vnfcConfigurationData": {} }), 400, "not an array"),
        (json!({}), 400, "neither"),
    ] {
        let answer = bed.patch(&body).await?;
        let detail = parsed(&answer)["detail"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert_eq!(
            (answer.status.as_u16(), detail.contains(reason)),
            (status, true),
            "{detail}"
        );
    }
    let text = bed
        .call(
            Method::PATCH,
            CONFIGURATION,
            &[("version", "1.3.0"), ("content-type", "text/plain")],
            "x",
        )
        .await?;
    assert_eq!(text.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let unversioned = bed.call(Method::GET, CONFIGURATION, &[], "").await?;
    assert_eq!(unversioned.status, StatusCode::BAD_REQUEST);
    let put = bed.call(Method::PUT, CONFIGURATION, &HEADERS, "{}").await?;
    assert_eq!(
        (put.status, put.headers["allow"].to_str()?),
        (StatusCode::METHOD_NOT_ALLOWED, "GET, PATCH")
    );
    let shown = bed.call(Method::GET, CONFIGURATION, &HEADERS, "").await?;
    assert_eq!(parsed(&shown), json!({ "vnfConfigurationData": {} }));
    assert!(bed.vnfci.installed().is_empty());
    bed.vnfci.stop().await;
    Ok(())
}

/// Leaves a transcript for the judge of `.ci/openapi`, which knows ETSI's OpenAPI files.
#[tokio::test]
async fn what_it_says_is_written_down_for_another_judge() -> Outcome {
    let planted = Planted::new()?;
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("vnfci-transcript.jsonl");
    let transcript = Transcript::to_file(&file)?;
    let bed = Bed::start(|config| config.transcript = transcript.clone()).await?;
    let data = json!({
        "vnfConfigurationData": { "vnfSpecificData": { "mode": "active" } },
        "vnfcConfigurationData": [{ "vnfcInstanceId": "vnfc-1", "vnfcSpecificData": { "role": "db" } }],
    });
    let delete =
        json!({ "vnfConfigurationData": {}, "vnfcConfigurationDataDeleteIds": ["vnfc-1"] });
    for body in [
        &data,
        &certificate_data("vnfc-1", &pem(&planted)),
        &delete,
        &json!({}),
    ] {
        bed.patch(body).await?;
        bed.call(Method::GET, CONFIGURATION, &HEADERS, "").await?;
    }
    let stale = [HEADERS[0], HEADERS[1], ("if-match", "\"stale\"")];
    bed.call(Method::PATCH, CONFIGURATION, &stale, "{}").await?;
    for path in ["/vnfconfig/api_versions", "/vnfconfig/v1/api_versions"] {
        bed.call(Method::GET, path, &HEADERS, "").await?;
    }
    bed.call(Method::GET, CONFIGURATION, &[("version", "2.0.0")], "")
        .await?;
    transcript.flush()?;
    let shown = std::fs::read_to_string(&file)?;
    assert_eq!(shown.lines().count(), 12);
    assert_eq!(planted.leaks(&shown), Vec::<String>::new());
    bed.vnfci.stop().await;
    Ok(())
}

#[tokio::test]
async fn it_fails_and_waits_as_it_is_told() -> Outcome {
    let planted = Planted::new()?;
    let bed = Bed::start(|_| {}).await?;
    let body = certificate_data("vnfc-1", &pem(&planted));
    bed.vnfci.fault(VnfciFault::RefuseInstallation, Times::Once);
    assert_eq!(
        bed.patch(&body).await?.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    bed.vnfci.fault(VnfciFault::LoseKey, Times::Once);
    assert_eq!(bed.patch(&body).await?.status, StatusCode::OK);
    assert!(bed.vnfci.installed().is_empty() && bed.vnfci.delivered().is_none());

    let route = "PATCH /vnfconfig/v1/configuration";
    bed.vnfci
        .control()
        .fault(route, Fault::CloseBeforeAnswer, Times::Once)?;
    assert!(bed.patch(&body).await.is_err());
    assert_eq!(bed.vnfci.installed().len(), 1, "only the answer was lost");

    let mut hold = bed.vnfci.control().hold(route)?;
    let (patched, held) = tokio::join!(bed.patch(&body), async {
        let held = hold.arrived().await;
        let before = bed.vnfci.installed().len();
        hold.release();
        (held, before)
    });
    assert_eq!((patched?.status, held.1), (StatusCode::OK, 1));
    assert_eq!(
        planted.leaks(&serde_json::to_string(&held.0)?),
        Vec::<String>::new()
    );
    assert_eq!(planted.leaks(&bed.recorded()?), Vec::<String>::new());
    bed.vnfci.stop().await;
    Ok(())
}
