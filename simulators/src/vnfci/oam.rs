//! The VNFCI as a client of the VNFM's VNF OAM endpoint: how a connection is tried ([`Oam`]), and how it went
//! ([`TlsReport`]).

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::capture::{Capture, Tapped};
use crate::front::Parties;
use crate::material::{Delivered, PrivateKey};
use crate::tls;
use crate::transcript::{self, Body, Exchange, Peer, TlsFacts, Transcript};

/// One attempt to connect. No standard says how a VNFCI learns this address, so the tester tells it.
#[derive(Clone, Debug)]
pub struct Oam {
    /// Host and port.
    pub address: String,
    /// The name (DNS or IP address) that the endpoint's certificate must bear.
    pub server_name: String,
    /// PEM certificates that the endpoint's chain must end in.
    pub anchors_pem: String,
    /// What is presented.
    pub presents: Presents,
    /// Asked for once TLS stands: with TLS 1.3 a client learns only afterwards whether it was let in.
    pub path: String,
    /// For everything, from connecting to the first bytes of an answer.
    pub timeout: Duration,
}

/// What a VNFCI shows for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presents {
    /// What it holds: what was installed last, or delivered at the start.
    Own,
    /// No certificate.
    Nothing,
    /// Something else with its own key: of another CA, expired, of another VNFCI ...
    Other(Delivered),
    /// Its own certificate, with a key that does not fit.
    OwnWithKey(PrivateKey),
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsOutcome {
    /// Both sides agreed, and the endpoint answered.
    Accepted,
    /// Both sides agreed as far as can be seen, but no answer came: the endpoint closed the connection in good order.
    Closed,
    /// As before, but the endpoint was silent until the time was over.
    Silent,
    /// The endpoint refused with this TLS alert.
    RefusedByPeer {
        /// E.g. `CertificateRequired`.
        alert: String,
    },
    /// The VNFCI refused the endpoint.
    RefusedByUs {
        /// E.g. that the certificate is for another name.
        reason: String,
    },
    /// The connection broke: reset, or closed without good-bye in the handshake.
    Broken {
        /// What the operating system or TLS says.
        reason: String,
    },
    /// Nobody listens there.
    Unreachable {
        /// What the operating system says.
        reason: String,
    },
    /// The handshake was not complete in time.
    TimedOut,
    /// The attempt could not be made: no certificate held, anchors or name unusable.
    NotTried {
        /// What is wrong.
        reason: String,
    },
}

/// The VNFCI's view of one attempt.
#[derive(Clone, Debug)]
pub struct TlsReport {
    /// How it ended.
    pub outcome: TlsOutcome,
    /// What was negotiated, if the handshake came so far.
    pub negotiated: Option<TlsFacts>,
    /// The endpoint's certificates, leaf first, in DER; also if they were refused.
    pub peer_chain_der: Vec<Vec<u8>>,
    /// SHA-256 of the certificate that the VNFCI meant to present, in hex.
    pub presented_sha256: Option<String>,
    /// The first bytes of the answer, 16 KiB at most.
    pub answer: Vec<u8>,
    /// Where the attempt stands in the transcript.
    pub seq: u64,
}

const MAX_ANSWER: usize = 16 * 1024;

impl Oam {
    /// To this address, as what the VNFCI is; `GET /`, 10 s.
    pub fn new(address: &str, server_name: &str, anchors_pem: &str) -> Self {
        Self {
            address: address.to_owned(),
            server_name: server_name.to_owned(),
            anchors_pem: anchors_pem.to_owned(),
            presents: Presents::Own,
            path: "/".to_owned(),
            timeout: Duration::from_secs(10),
        }
    }
}

fn parties() -> Parties {
    Parties {
        interface: "Ve-Vnfm".into(),
        from: "VNFCI".into(),
        to: "VNFM".into(),
    }
}

/// What is noted on the way.
#[derive(Default)]
struct Notes {
    negotiated: Option<TlsFacts>,
    peer: Option<Peer>,
    presented: Option<String>,
    answer: Vec<u8>,
    complete: bool,
}

pub(super) async fn connect(oam: &Oam, held: Option<Delivered>, to: &Transcript) -> TlsReport {
    let started = Timestamp::now();
    let seen = Arc::new(Seen::default());
    let mut notes = Notes::default();
    let capture = to.capture();
    let trial = attempt(oam, held, &seen, &mut notes, capture.as_ref());
    let outcome = match tokio::time::timeout(oam.timeout, trial).await {
        Ok(outcome) => outcome,
        Err(_) if !notes.answer.is_empty() => TlsOutcome::Accepted,
        Err(_) if notes.complete => TlsOutcome::Silent,
        Err(_) => TlsOutcome::TimedOut,
    };
    let peer_chain_der = seen.chain();
    let first = peer_chain_der.first();
    let peer = notes
        .peer
        .take()
        .or_else(|| first.map(|leaf| tls::peer_of(leaf)));
    let Parties {
        interface,
        from,
        to: asked,
    } = parties();
    let exchange = Exchange {
        seq: 0,
        started,
        ended: Some(Timestamp::now()),
        interface,
        from,
        to: asked,
        peer,
        tls: notes.negotiated.clone(),
        request: match notes.complete {
            true => request(oam),
            false => transcript::Request::default(),
        },
        response: response(&notes.answer),
        fault: match &outcome {
            TlsOutcome::Accepted => None,
            other => Some(format!("VNF OAM: {other:?}")),
        },
    };
    TlsReport {
        outcome,
        negotiated: notes.negotiated,
        peer_chain_der,
        presented_sha256: notes.presented,
        answer: notes.answer,
        seq: to.record(exchange),
    }
}

async fn attempt(
    oam: &Oam,
    held: Option<Delivered>,
    seen: &Arc<Seen>,
    notes: &mut Notes,
    capture: Option<&Capture>,
) -> TlsOutcome {
    let (mut config, name) = match prepared(oam, held, seen, notes) {
        Ok(prepared) => prepared,
        Err(reason) => return TlsOutcome::NotTried { reason },
    };
    if let Some(capture) = capture {
        config.key_log = capture.key_log();
    }
    let stream = match TcpStream::connect(&oam.address).await {
        Ok(stream) => Tapped::connected(stream, capture, &parties()),
        Err(error) => {
            return TlsOutcome::Unreachable {
                reason: error.to_string(),
            };
        }
    };
    let mut stream = match TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
    {
        Ok(stream) => stream,
        Err(error) => return failed(&error),
    };
    let connection = stream.get_ref().1;
    notes.negotiated = tls::facts(connection);
    notes.peer = tls::peer(connection);
    notes.complete = true;
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
        oam.path, oam.address
    );
    // A refusal may close the way out before the alert was read, so a failed write is not the end.
    let written = stream.write_all(request.as_bytes()).await;
    if let Err(error) = written.and(stream.flush().await) {
        tracing::debug!(%error, "the VNF OAM endpoint takes nothing");
    }
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) if notes.answer.is_empty() => return TlsOutcome::Closed,
            Ok(0) => return TlsOutcome::Accepted,
            Ok(count) => {
                let room = MAX_ANSWER - notes.answer.len();
                notes.answer.extend_from_slice(&buffer[..count.min(room)]);
                // Who has answered has let us in; the rest of the answer is of interest, but not needed.
                if head_is_complete(&notes.answer) || notes.answer.len() == MAX_ANSWER {
                    return TlsOutcome::Accepted;
                }
            }
            Err(_) if !notes.answer.is_empty() => return TlsOutcome::Accepted,
            Err(error) => return failed(&error),
        }
    }
}

fn prepared(
    oam: &Oam,
    held: Option<Delivered>,
    seen: &Arc<Seen>,
    notes: &mut Notes,
) -> Result<(ClientConfig, ServerName<'static>), String> {
    let name = ServerName::try_from(oam.server_name.clone())
        .map_err(|error| format!("server name `{}`: {error}", oam.server_name))?;
    let provider = tls::provider();
    let roots = tls::anchors_of(&oam.anchors_pem, "server anchors").map_err(|e| e.to_string())?;
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .map_err(|error| error.to_string())?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Witness {
            verifier,
            seen: Arc::clone(seen),
        }));
    let none = || "it holds no certificate and key".to_owned();
    let presented = match (&oam.presents, held) {
        (Presents::Nothing, _) => None,
        (Presents::Other(other), _) => Some((other.clone(), None)),
        (Presents::Own, held) => Some((held.ok_or_else(none)?, None)),
        (Presents::OwnWithKey(key), held) => Some((held.ok_or_else(none)?, Some(key))),
    };
    let mut config = match presented {
        None => builder.with_no_client_auth(),
        Some((delivered, key)) => {
            notes.presented = Some(delivered.certificate_sha256());
            let certified = certified(&delivered, key.unwrap_or(&delivered.private_key))?;
            // Presented whatever the endpoint asks for.
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certified)))
        }
    };
    config.resumption = Resumption::disabled();
    Ok((config, name))
}

/// Not checked to fit each other: that may be the point.
fn certified(delivered: &Delivered, key: &PrivateKey) -> Result<CertifiedKey, String> {
    let chain = delivered.certificate_chain_der.iter();
    let chain = chain.map(|der| CertificateDer::from(der.clone())).collect();
    let key = PrivateKeyDer::try_from(key.der()).map_err(str::to_owned)?;
    let signing = tls::provider()
        .key_provider
        .load_private_key(key.clone_key())
        .map_err(|error| error.to_string())?;
    Ok(CertifiedKey::new(chain, signing))
}

fn failed(error: &io::Error) -> TlsOutcome {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        Some(rustls::Error::AlertReceived(alert)) => TlsOutcome::RefusedByPeer {
            alert: format!("{alert:?}"),
        },
        Some(other) => TlsOutcome::RefusedByUs {
            reason: other.to_string(),
        },
        None => TlsOutcome::Broken {
            reason: error.to_string(),
        },
    }
}

fn request(oam: &Oam) -> transcript::Request {
    transcript::Request {
        method: "GET".into(),
        target: oam.path.clone(),
        headers: vec![("host".into(), oam.address.clone())],
        body: Body::of(b""),
    }
}

fn head_is_complete(answer: &[u8]) -> bool {
    answer.windows(4).any(|end| end == b"\r\n\r\n")
}

/// What was read of an HTTP answer; `None` if it is none.
fn response(answer: &[u8]) -> Option<transcript::Response> {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let (first, fields) = head.split_once("\r\n").unwrap_or((head, ""));
    let status = first
        .strip_prefix("HTTP/1.")?
        .split(' ')
        .nth(1)?
        .parse()
        .ok()?;
    let fields = fields
        .split("\r\n")
        .filter_map(|field| field.split_once(':'));
    Some(transcript::Response {
        status,
        headers: fields
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect(),
        body: Body::of(body.as_bytes()),
    })
}

/// The certificates that the endpoint showed.
#[derive(Debug, Default)]
struct Seen {
    chain: Mutex<Vec<Vec<u8>>>,
}

impl Seen {
    fn chain(&self) -> Vec<Vec<u8>> {
        self.chain
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn note(&self, leaf: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) {
        let all = std::iter::once(leaf).chain(intermediates);
        let chain = all.map(|one| one.to_vec()).collect();
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = chain;
    }
}

/// Notes what is shown, then lets the usual verifier decide.
#[derive(Debug)]
struct Witness {
    verifier: Arc<WebPkiServerVerifier>,
    seen: Arc<Seen>,
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.seen.note(leaf, intermediates);
        self.verifier
            .verify_server_cert(leaf, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
