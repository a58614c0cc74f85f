//! The certificates that a product shows: [`handshake`] gets them, [`trusted`] says whether the tester accepts them, and what of them it
//! does not.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};
use scas_simulators::tls::{ClientSecurity, words};
use tokio::net::TcpStream;

use super::super::certificates;
use super::{ANSWER, ROOT};
use crate::model::sut::Ixit;
use crate::profile::Finding;
use crate::testbed::contact::Contact;

/// The chain that the product shows. Whether it can be trusted is judged afterwards, so that it can be told why not.
pub(super) async fn handshake(
    stream: TcpStream,
    host: &str,
    contact: &Contact,
) -> Result<Vec<CertificateDer<'static>>, String> {
    let config = contact.tls.config().ok().flatten();
    let Some(config) = config else {
        return Ok(Vec::new());
    };
    let shown = Arc::new(Shown::default());
    let mut config = rustls::ClientConfig::clone(&config);
    config
        .dangerous()
        .set_certificate_verifier(Arc::clone(&shown) as Arc<dyn ServerCertVerifier>);
    let name = ServerName::try_from(host.to_owned())
        .map_err(|error| format!("'{host}' is no name that a certificate could bear: {error}"))?;
    let connecting = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream);
    match tokio::time::timeout(ANSWER, connecting).await {
        Ok(Ok(_)) => {}
        // A product that wants another certificate of us ends the handshake; it has shown its own by then.
        Ok(Err(_)) if !shown.chain().is_empty() => {}
        Ok(Err(error)) => {
            return Err(format!(
                "what listens there does not speak TLS with us: {error}; write http:// if it speaks none, or correct the port"
            ));
        }
        Err(_) => {
            return Err(format!(
                "what listens there does not answer a TLS handshake within {} s; write http:// if it speaks none, or correct the port",
                ANSWER.as_secs()
            ));
        }
    }
    Ok(shown.chain())
}

/// Whether the tester accepts the chain, and what of it it does not.
pub(super) fn trusted(
    chain: &[CertificateDer<'static>],
    host: &str,
    ixit: &Ixit,
    contact: &Contact,
) -> Result<(), Finding> {
    let at_root = |why: String| {
        Finding::of(
            ROOT,
            format!("the product's certificate cannot be used: {why}"),
        )
    };
    let (Some((leaf, issuers)), ClientSecurity::Tls { anchors_pem, .. }) =
        (chain.split_first(), &contact.tls)
    else {
        return Ok(());
    };
    certificates::in_date(chain, Timestamp::now()).map_err(at_root)?;
    certificates::usable(chain, false).map_err(at_root)?;
    let anchors =
        certificates::of_pem(anchors_pem).map_err(|why| Finding::of("ixit.api.anchors", why))?;
    let mut roots = RootCertStore::empty();
    for anchor in anchors {
        roots
            .add(anchor)
            .map_err(|error| Finding::of("ixit.api.anchors", words(&error)))?;
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|error| Finding::of("ixit.api.anchors", error.to_string()))?;
    let name = ServerName::try_from(host.to_owned()).map_err(|error| at_root(error.to_string()))?;
    let verified = verifier.verify_server_cert(leaf, issuers, &name, &[], UnixTime::now());
    let Err(error) = verified else { return Ok(()) };
    Err(match error {
        // A CA of the same name with another key is another CA.
        rustls::Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) => {
            let issuer = certificates::issuer(leaf);
            let mend = match (&ixit.api.anchors, &ixit.pki) {
                (Some(path), _) => format!("{} does not hold that CA; write the PEM file that does", path.display()),
                (None, Some(_)) => "ixit.pki holds another CA; give the product the certificate from there, or write the PEM file of its \
                                    CA here"
                    .to_owned(),
                (None, None) => "without anchors only the CA of the run is trusted, which is made anew each time; write the PEM file of \
                                 that CA here"
                    .to_owned(),
            };
            Finding::of(
                "ixit.api.anchors",
                format!("the product's certificate was issued by '{issuer}'; {mend}"),
            )
        }
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => at_root(format!(
            "it does not name '{host}'; write a name in {ROOT} that it bears, or have one issued that names it"
        )),
        other => at_root(words(&other)),
    })
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Takes whatever certificate is shown, and keeps it. Nothing is sent to whom shows it.
#[derive(Debug, Default)]
struct Shown(Mutex<Vec<CertificateDer<'static>>>);

impl Shown {
    fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.0.lock().map(|chain| chain.clone()).unwrap_or_default()
    }
}

impl ServerCertVerifier for Shown {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        issuers: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Ok(mut chain) = self.0.lock() {
            let all = std::iter::once(leaf).chain(issuers);
            *chain = all.map(|der| der.clone().into_owned()).collect();
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let provider = provider();
        let algorithms = &provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let provider = provider();
        let algorithms = &provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
