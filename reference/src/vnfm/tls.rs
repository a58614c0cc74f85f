//! TLS, mutual unless the configuration names no issuers of client certificates. Main type: [`TlsListener`].
//!
//! The cryptography provider is named explicitly: what another part of the process installed as its default does not matter.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{WantsServerCert, WebPkiClientVerifier};
use rustls::{
    CertificateError, ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore,
    ServerConfig, SignatureScheme,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::custodian::protocol::Verification;

use super::config::{Api, ConfigError, read};

/// A client that takes longer than this for its handshake is dropped.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// The server side of `[api]`: every client must show a certificate of `client_anchors`, if there are any.
pub(crate) fn server_config(api: &Api) -> Result<ServerConfig, ConfigError> {
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| ConfigError::value("api", error))?;
    let builder = match &api.client_anchors {
        Some(path) => builder.with_client_cert_verifier(client_verifier(path)?),
        None => {
            tracing::warn!("api.client_anchors is not set: whoever reaches the API may call it");
            builder.with_no_client_auth()
        }
    };
    presenting(
        builder,
        ("api.certificate", &api.certificate),
        ("api.private_key", &api.private_key),
    )
}

/// A server of HTTP/1.1 that presents this certificate. Each file comes with its label.
pub(crate) fn presenting(
    builder: ConfigBuilder<ServerConfig, WantsServerCert>,
    certificate: (&'static str, &Path),
    private_key: (&'static str, &Path),
) -> Result<ServerConfig, ConfigError> {
    let mut config = builder
        .with_single_cert(
            chain(certificate.0, certificate.1)?,
            key(private_key.0, private_key.1)?,
        )
        .map_err(|error| {
            let what = format!("it does not fit `{}`", certificate.0);
            ConfigError::value(private_key.0, anyhow::Error::new(error).context(what))
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn client_verifier(anchors: &Path) -> Result<Arc<dyn ClientCertVerifier>, ConfigError> {
    let roots = roots("api.client_anchors", anchors)?;
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|error| ConfigError::value("api.client_anchors", error))
}

/// What a client shows and whom it trusts: files, and under which labels the configuration names them.
pub(crate) struct ClientFiles<'a> {
    pub(crate) anchors: (&'static str, &'a Path),
    pub(crate) certificate: (&'static str, &'a Path),
    pub(crate) private_key: (&'static str, &'a Path),
}

/// The client side of a mutual TLS connection.
pub(crate) fn client_config(
    files: &ClientFiles<'_>,
    verification: Verification,
) -> Result<ClientConfig, ConfigError> {
    let (label, path) = files.anchors;
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots(label, path)?), provider())
            .build()
            .map_err(|error| ConfigError::value(label, error))?;
    let (certificate_label, certificate) = files.certificate;
    let (label, private_key) = files.private_key;
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| ConfigError::value(label, error))?
        .dangerous()
        .with_custom_certificate_verifier(match verification {
            Verification::Full => verifier,
            less => Arc::new(Careless {
                verifier,
                verification: less,
            }),
        })
        .with_client_auth_cert(
            chain(certificate_label, certificate)?,
            key(label, private_key)?,
        )
        .map_err(|error| {
            ConfigError::value(
                label,
                anyhow::Error::new(error).context(format!("it does not fit `{certificate_label}`")),
            )
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

pub(crate) fn chain(
    label: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let pem = read(label, path)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .with_context(|| format!("`{}` is no PEM", path.display()))
        .map_err(|error| ConfigError::value(label, error))?;
    if chain.is_empty() {
        return Err(ConfigError::value(
            label,
            anyhow::anyhow!("`{}` holds no certificate", path.display()),
        ));
    }
    Ok(chain)
}

pub(crate) fn key(label: &'static str, path: &Path) -> Result<PrivateKeyDer<'static>, ConfigError> {
    PrivateKeyDer::from_pem_slice(&read(label, path)?)
        .with_context(|| format!("`{}` holds no private key in PEM", path.display()))
        .map_err(|error| ConfigError::value(label, error))
}

pub(crate) fn roots(label: &'static str, path: &Path) -> Result<RootCertStore, ConfigError> {
    let mut store = RootCertStore::empty();
    for certificate in chain(label, path)? {
        store
            .add(certificate)
            .map_err(|error| ConfigError::value(label, error))?;
    }
    Ok(store)
}

/// What a deviating product makes of a server's certificate.
#[derive(Debug)]
struct Careless {
    verifier: Arc<WebPkiServerVerifier>,
    verification: Verification,
}

impl ServerCertVerifier for Careless {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.verification == Verification::Nothing {
            return Ok(ServerCertVerified::assertion());
        }
        match self
            .verifier
            .verify_server_cert(end_entity, intermediates, name, ocsp, now)
        {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// Hands over connections whose handshake is done. Handshakes run beside each other: a slow client holds up nobody.
pub(crate) struct TlsListener {
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl TlsListener {
    /// Accepts on `listener`.
    pub(crate) fn new(listener: TcpListener, config: ServerConfig) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (sender, ready) = mpsc::channel(64);
        let accepting = tokio::spawn(accept(
            listener,
            TlsAcceptor::from(Arc::new(config)),
            sender,
        ));
        Ok(Self {
            ready,
            address,
            accepting,
        })
    }
}

async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    ready: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                // Out of descriptors or memory: the next attempt fails at once too, until something was freed.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (acceptor, ready) = (acceptor.clone(), ready.clone());
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => {
                    let _ = ready.send((stream, peer)).await;
                }
                Ok(Err(error)) => tracing::warn!(%peer, %error, "TLS handshake failed"),
                Err(_) => tracing::warn!(%peer, "TLS handshake took too long"),
            }
        });
    }
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            // The accepting task ended, so that there is nothing to come: wait for the server to be stopped.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl Drop for TlsListener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
