//! The VNF OAM endpoint, to which VNFCIs connect: mutual TLS, for the VNF OAM certificates that are enrolled now and no
//! others. Main types: [`OamEndpoint`], [`Admitted`].

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::Context as _;
use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, ServerConfig,
    SignatureScheme,
};
use rustls_pki_types::{CertificateDer, UnixTime};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::certificate;
use super::config::{Cmf, Oam};
use crate::defect::{Defects, Deviation};
use crate::vnfm::config::ConfigError;
use crate::vnfm::tls::{TlsListener, presenting, provider, roots};

/// SHA-256 of the certificates that may connect.
#[derive(Debug, Default)]
pub(crate) struct Admitted(RwLock<HashSet<Vec<u8>>>);

impl Admitted {
    pub(crate) fn add(&self, certificate: &[u8]) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(fingerprint(certificate));
    }

    pub(crate) fn remove(&self, certificate: &[u8]) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.remove(&fingerprint(certificate));
    }

    fn has(&self, certificate: &[u8]) -> bool {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.contains(&fingerprint(certificate))
    }
}

fn fingerprint(certificate: &[u8]) -> Vec<u8> {
    digest(&SHA256, certificate).as_ref().to_vec()
}

/// The endpoint, serving until it is dropped.
pub(crate) struct OamEndpoint {
    pub(crate) address: SocketAddr,
    serving: JoinHandle<std::io::Result<()>>,
}

impl OamEndpoint {
    pub(crate) async fn start(
        oam: &Oam,
        cmf: &Cmf,
        admitted: Arc<Admitted>,
        defects: Defects,
    ) -> Result<Self, ConfigError> {
        let config = server_config(oam, cmf, admitted, defects)?;
        let listener = TcpListener::bind(oam.listen)
            .await
            .with_context(|| format!("cannot listen on {}", oam.listen))
            .map_err(|error| ConfigError::value("oam.listen", error))?;
        let failed = |error| ConfigError::value("oam.listen", anyhow::Error::new(error));
        let address = listener.local_addr().map_err(failed)?;
        let listener = TlsListener::new(listener, config).map_err(failed)?;
        // What a VNFCI wants to hear is that it was let in.
        let answer = json!({ "endpoint": "VNF OAM" }).to_string();
        let router = Router::new().fallback(async move || {
            let json = [(axum::http::header::CONTENT_TYPE, "application/json")];
            (json, answer)
        });
        let serving = axum::serve(listener, router);
        Ok(Self {
            address,
            serving: tokio::spawn(async move { serving.await }),
        })
    }
}

impl Drop for OamEndpoint {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn server_config(
    oam: &Oam,
    cmf: &Cmf,
    admitted: Arc<Admitted>,
    defects: Defects,
) -> Result<ServerConfig, ConfigError> {
    let roots = roots("cmf.ca_anchors", &cmf.ca_anchors)?;
    let issued = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|error| ConfigError::value("cmf.ca_anchors", error))?;
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| ConfigError::value("oam", error))?
        .with_client_cert_verifier(Arc::new(Doorkeeper {
            issued,
            admitted,
            defects,
        }));
    let mut config = presenting(
        builder,
        ("oam.certificate", &oam.certificate),
        ("oam.private_key", &oam.private_key),
    )?;
    // A session that is resumed would get by the doorkeeper.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// Lets in who has a certificate of the CA (chain, time, usage) that is a VNF OAM certificate in use.
#[derive(Debug)]
struct Doorkeeper {
    issued: Arc<dyn ClientCertVerifier>,
    admitted: Arc<Admitted>,
    defects: Defects,
}

impl ClientCertVerifier for Doorkeeper {
    fn client_auth_mandatory(&self) -> bool {
        !self.defects.has(Deviation::OamAcceptsAnyClient)
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.issued.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if self.defects.has(Deviation::OamAcceptsAnyClient) {
            return Ok(ClientCertVerified::assertion());
        }
        if self.defects.has(Deviation::OamAcceptsExpired)
            && let Some((end, length)) = certificate::validity(end_entity)
            && end < i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
        {
            let then = certificate::just_after(end - length);
            return self
                .issued
                .verify_client_cert(end_entity, intermediates, then);
        }
        let verified = self
            .issued
            .verify_client_cert(end_entity, intermediates, now)?;
        let any = self.defects.has(Deviation::OamAcceptsAnyOfCa);
        if any || self.admitted.has(end_entity) {
            Ok(verified)
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.issued
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.issued
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.issued.supported_verify_schemes()
    }
}
