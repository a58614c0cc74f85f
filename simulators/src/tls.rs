//! TLS settings from PEM: [`ServerSecurity`] and [`ClientSecurity`].
//!
//! The provider is always named (aws-lc-rs): a process default could be set by someone else, or twice.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, ClientConfig, InconsistentKeys, OtherError, RootCertStore, ServerConfig,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use x509_parser::parse_x509_certificate;

use crate::transcript::{Peer, TlsFacts};

/// A certificate chain, leaf first, and the leaf's private key, both PEM.
#[derive(Clone)]
pub struct Identity {
    /// Leaf first, then intermediates.
    pub chain_pem: String,
    /// PKCS#8, SEC1 or PKCS#1.
    pub key_pem: String,
}

impl std::fmt::Debug for Identity {
    /// Without the key: debug output ends up in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity")
            .field("chain_pem", &self.chain_pem)
            .finish_non_exhaustive()
    }
}

/// How a simulator protects its port.
#[derive(Clone, Debug)]
pub enum ServerSecurity {
    /// Mutual TLS: clients need a certificate that chains to one of these anchors.
    Mutual {
        /// What the simulator presents.
        identity: Identity,
        /// PEM certificates that client chains must end in.
        client_anchors_pem: String,
    },
    /// TLS that asks for a client certificate: one that is shown must chain to one of these anchors, but none need be
    /// shown. EST gives its CA certificates to whoever asks (RFC 7030 clause 4.1.1); the API refuses the rest itself.
    Requested {
        /// What the simulator presents.
        identity: Identity,
        /// PEM certificates that client chains must end in.
        client_anchors_pem: String,
    },
    /// TLS without client certificates.
    ServerOnly {
        /// What the simulator presents.
        identity: Identity,
    },
    /// No TLS.
    Plain,
}

/// How the tester's client connects.
#[derive(Clone, Debug)]
pub enum ClientSecurity {
    /// TLS; the server's chain must end in one of the anchors and name the host of the URL.
    Tls {
        /// PEM certificates that the server's chain must end in.
        anchors_pem: String,
        /// What the tester presents, if anything.
        identity: Option<Identity>,
    },
    /// No TLS.
    Plain,
}

/// Why PEM material cannot be used. `role` says which of the given texts is meant.
#[derive(Debug, Error)]
pub enum TlsError {
    /// Not PEM, or PEM of something else.
    #[error("{role}: not readable as PEM: {source}")]
    Pem {
        /// Which text.
        role: &'static str,
        /// What the parser says.
        source: rustls_pki_types::pem::Error,
    },
    /// No certificate in the text.
    #[error("{role}: no PEM block `CERTIFICATE` found")]
    NoCertificate {
        /// Which text.
        role: &'static str,
    },
    /// A certificate that cannot be a trust anchor.
    #[error("{role}: certificate {position} cannot be a trust anchor: {why}")]
    Anchor {
        /// Which text.
        role: &'static str,
        /// From 1.
        position: usize,
        /// In [`words`].
        why: String,
    },
    /// The private key's kind or size is not supported, or the leaf cannot be parsed.
    #[error("{role}: not usable: {why}")]
    Unusable {
        /// Which text.
        role: &'static str,
        /// In [`words`].
        why: String,
    },
    /// The private key belongs to another certificate.
    #[error("{key}: does not fit the first certificate of the {chain} (the leaf must come first)")]
    KeyMismatch {
        /// Which key.
        key: &'static str,
        /// Which chain.
        chain: &'static str,
    },
    /// The verifier for client certificates could not be made.
    #[error("client anchors: {0}")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    /// The provider supports no common protocol version.
    #[error("TLS provider: {0}")]
    Provider(rustls::Error),
}

impl ServerSecurity {
    /// `https` or `http`.
    pub fn scheme(&self) -> &'static str {
        if matches!(self, Self::Plain) {
            "http"
        } else {
            "https"
        }
    }

    /// The rustls configuration, `None` for plain HTTP. TLS 1.2 and 1.3; no ALPN, so that any client of HTTP/1.1 is
    /// understood.
    ///
    /// # Errors
    /// The PEM material is unusable; the error says which.
    pub fn config(&self) -> Result<Option<Arc<ServerConfig>>, TlsError> {
        let (identity, anchors) = match self {
            Self::Mutual {
                identity,
                client_anchors_pem,
            }
            | Self::Requested {
                identity,
                client_anchors_pem,
            } => (identity, Some(client_anchors_pem)),
            Self::ServerOnly { identity } => (identity, None),
            Self::Plain => return Ok(None),
        };
        let provider = provider();
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Provider)?;
        let builder = match anchors {
            Some(pem) => {
                let roots = Arc::new(anchors_of(pem, "client anchors")?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider.clone());
                let verifier = if matches!(self, Self::Requested { .. }) {
                    verifier.allow_unauthenticated()
                } else {
                    verifier
                };
                builder.with_client_cert_verifier(verifier.build()?)
            }
            None => builder.with_no_client_auth(),
        };
        let certified =
            identity.certified(&provider, "server certificate chain", "server private key")?;
        let mut config =
            builder.with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certified)));
        // A resumed session presents no certificate anew; each connection here shows what the SUT holds now.
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Some(Arc::new(config)))
    }
}

impl ClientSecurity {
    /// The rustls configuration, `None` for plain HTTP. Sessions are never resumed, so that each connection verifies
    /// the certificate that the server holds now.
    ///
    /// # Errors
    /// The PEM material is unusable; the error says which.
    pub fn config(&self) -> Result<Option<Arc<ClientConfig>>, TlsError> {
        let Self::Tls {
            anchors_pem,
            identity,
        } = self
        else {
            return Ok(None);
        };
        let provider = provider();
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Provider)?
            .with_root_certificates(anchors_of(anchors_pem, "server anchors")?);
        let mut config = match identity {
            Some(identity) => {
                let certified = identity.certified(
                    &provider,
                    "client certificate chain",
                    "client private key",
                )?;
                builder.with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(
                    certified,
                )))
            }
            None => builder.with_no_client_auth(),
        };
        config.resumption = Resumption::disabled();
        Ok(Some(Arc::new(config)))
    }
}

impl Identity {
    fn certified(
        &self,
        provider: &CryptoProvider,
        chain: &'static str,
        key: &'static str,
    ) -> Result<CertifiedKey, TlsError> {
        let certificates = certificates_of(&self.chain_pem, chain)?;
        let private = PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes())
            .map_err(|source| TlsError::Pem { role: key, source })?;
        let signing = provider
            .key_provider
            .load_private_key(private)
            .map_err(|error| TlsError::Unusable {
                role: key,
                why: words(&error),
            })?;
        let certified = CertifiedKey::new(certificates, signing);
        match certified.keys_match() {
            // Unknown: the key's kind cannot tell its public half; a handshake would.
            Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => {
                Ok(certified)
            }
            Err(rustls::Error::InconsistentKeys(_)) => Err(TlsError::KeyMismatch { key, chain }),
            Err(error) => Err(TlsError::Unusable {
                role: chain,
                why: words(&error),
            }),
        }
    }
}

/// What an error of TLS means, in words for people: where the library only names a rule of its own, what is wrong with the certificate and
/// how to mend it.
pub fn words(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(rule))) = error else {
        return error.to_string();
    };
    let wrong = match rule.to_string().as_str() {
        "UnsupportedCertVersion" => {
            "it is not of X.509 version 3, the only one that has extensions and that TLS takes here; have it issued anew with extensions \
             (`openssl x509 -req` makes them with -extfile)"
        }
        "CaUsedAsEndEntity" => {
            "it is that of a CA (basicConstraints CA:TRUE), and stands where that of a server or client belongs; have one issued for it, or \
             a self-signed one made without (`openssl req -x509 -addext basicConstraints=critical,CA:FALSE`)"
        }
        "EndEntityUsedAsCa" => {
            "its issuer's certificate is not that of a CA (basicConstraints CA:FALSE, or none); have it issued by a CA"
        }
        _ => return error.to_string(),
    };
    format!("the certificate cannot be used: {wrong} ({rule})")
}

/// The TLS error inside an I/O error, in [`words`].
pub(crate) fn io_words(error: &std::io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    inner.map_or_else(|| error.to_string(), words)
}

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Facts for the transcript about an established connection.
pub(crate) fn facts(connection: &rustls::CommonState) -> Option<TlsFacts> {
    let version = connection.protocol_version()?;
    let suite = connection.negotiated_cipher_suite()?;
    Some(TlsFacts {
        version: format!("{version:?}"),
        cipher_suite: format!("{:?}", suite.suite()),
    })
}

/// The certificate that the other side presented.
pub(crate) fn peer(connection: &rustls::CommonState) -> Option<Peer> {
    Some(peer_of(connection.peer_certificates()?.first()?))
}

/// What a transcript says of a certificate.
pub(crate) fn peer_of(leaf: &[u8]) -> Peer {
    let subject = match parse_x509_certificate(leaf) {
        Ok((_, certificate)) => certificate.subject().to_string(),
        Err(error) => format!("(unreadable certificate: {error})"),
    };
    Peer {
        subject,
        sha256: hex::encode(Sha256::digest(leaf)),
    }
}

fn certificates_of(
    pem: &str,
    role: &'static str,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|source| TlsError::Pem { role, source })?;
    if certificates.is_empty() {
        Err(TlsError::NoCertificate { role })
    } else {
        Ok(certificates)
    }
}

pub(crate) fn anchors_of(pem: &str, role: &'static str) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for (index, certificate) in certificates_of(pem, role)?.into_iter().enumerate() {
        roots.add(certificate).map_err(|error| TlsError::Anchor {
            role,
            position: index + 1,
            why: words(&error),
        })?;
    }
    Ok(roots)
}
