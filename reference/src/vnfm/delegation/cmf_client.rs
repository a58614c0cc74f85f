//! The VNFM as a client of the CMF (IFA 026 clause C.2.2): registration as a delegate by this project's own binding, and
//! enrolment by EST (RFC 7030). Main type: [`CmfClient`].

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::SignedData;
use der::{Decode as _, Encode as _};
use reqwest::StatusCode;
use rustls_pki_types::TrustAnchor;
use serde_json::{Value, json};
use url::Url;

use super::config::Cmf;
use super::error::DelegationError;
use super::identity::{CertificateType, Policy, Vnfc};
use super::rest::{Rest, header};
use crate::custodian::protocol::Verification;
use crate::vnfm::config::ConfigError;
use crate::vnfm::tls::{ClientFiles, roots};

/// How long to wait before asking again for a certificate that is not there yet, unless the CMF says.
const POLL: Duration = Duration::from_millis(500);

/// The CMF, as this VNFM sees it.
pub(crate) struct CmfClient {
    rest: Rest,
    root: Url,
    /// What certificates of VNFCIs chain to.
    pub(crate) anchors: Vec<TrustAnchor<'static>>,
}

/// The two ways of EST to a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Enrolment {
    First,
    Again,
}

impl CmfClient {
    pub(crate) fn new(cmf: &Cmf) -> Result<Self, ConfigError> {
        super::https_only("cmf.root", &cmf.root)?;
        let files = ClientFiles {
            anchors: ("cmf.anchors", &cmf.anchors),
            certificate: ("cmf.certificate", &cmf.certificate),
            private_key: ("cmf.private_key", &cmf.private_key),
        };
        Ok(Self {
            rest: Rest::new(
                "CMF",
                &files,
                Duration::from_secs(cmf.timeout_seconds),
                Verification::Full,
            )?,
            root: cmf.root.clone(),
            anchors: roots("cmf.ca_anchors", &cmf.ca_anchors)?.roots,
        })
    }

    /// Registers this VNFM as the delegate for a certificate (C.2.2.1.6); the registration's identifier.
    pub(crate) async fn register(
        &self,
        vnf_instance_id: &str,
        vnfc: &Vnfc,
        certificate_type: CertificateType,
        policy: &Policy,
    ) -> Result<String, DelegationError> {
        let what = format!("the registration for `{}`", vnfc.id);
        let names = vnfc.names(certificate_type, policy);
        let mut keys = json!({ "allowedAlgorithms": [policy.algorithm] });
        if let Some(bits) = policy.minimum_key_length {
            keys["minimumKeyLength"] = json!(bits);
        }
        let mut body = json!({
            "vnfciId": vnfc.id,
            "vnfInstanceId": vnf_instance_id,
            "certificateType": certificate_type,
            "subject": names.subject,
            "subjectAltNames": [format!("DNS:{}", names.dns_name)],
            "keyPolicy": keys,
        });
        if let Some(days) = policy.max_validity_days {
            body["maxValidityDays"] = json!(days);
        }
        let uri = self.uri(&["scas-cmf", "v1", "delegates"]);
        let response = self
            .rest
            .ask(&what, self.rest.http.post(uri).json(&body))
            .await?;
        if response.status() != StatusCode::CREATED {
            return Err(self.rest.refused(&what, response).await);
        }
        let registered: Value = self.rest.json(&what, response).await?;
        registered["id"]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| self.rest.unusable(&what, "it has no id"))
    }

    /// Ends a registration; one that is not there any more is as good.
    pub(crate) async fn deregister(&self, delegate_id: &str) -> Result<(), DelegationError> {
        let what = format!("the end of the registration `{delegate_id}`");
        let uri = self.uri(&["scas-cmf", "v1", "delegates", delegate_id]);
        let response = self.rest.ask(&what, self.rest.http.delete(uri)).await?;
        match response.status() {
            status if status.is_success() || status == StatusCode::NOT_FOUND => Ok(()),
            _ => Err(self.rest.refused(&what, response).await),
        }
    }

    /// Has a request (PKCS#10 DER in base64) certified; the certificates of the answer, DER, in its order.
    pub(crate) async fn enrol(
        &self,
        certificate_type: CertificateType,
        enrolment: Enrolment,
        csr: &str,
        exposed: Option<String>,
    ) -> Result<Vec<Vec<u8>>, DelegationError> {
        let operation = match enrolment {
            Enrolment::First => "simpleenroll",
            Enrolment::Again => "simplereenroll",
        };
        let what = format!("{operation} ({})", certificate_type.label());
        let uri = self.uri(&[".well-known", "est", certificate_type.label(), operation]);
        loop {
            let mut request = self.rest.http.post(uri.clone());
            if let Some(exposed) = &exposed {
                request = request.header("X-Private-Key", exposed);
            }
            let request = request
                .header("Content-Type", "application/pkcs10")
                .header("Content-Transfer-Encoding", "base64")
                .header("Accept", "application/pkcs7-mime")
                .body(csr.to_owned());
            let response = self.rest.ask(&what, request).await?;
            match response.status() {
                StatusCode::OK => {
                    let body = self.rest.body(&what, response).await?;
                    return certificates(&body)
                        .ok_or_else(|| self.rest.unusable(&what, "it is no PKCS#7 in base64"));
                }
                // The same again after a while (RFC 7030 4.2.3), until the retention period of the key ends it.
                StatusCode::ACCEPTED => {
                    let pause = header(&response, "retry-after")
                        .and_then(|seconds| seconds.parse().ok())
                        .map_or(POLL, Duration::from_secs);
                    tokio::time::sleep(pause.max(Duration::from_millis(20))).await;
                }
                _ => return Err(self.rest.refused(&what, response).await),
            }
        }
    }

    fn uri(&self, segments: &[&str]) -> Url {
        let mut uri = self.root.clone();
        if let Ok(mut path) = uri.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        uri
    }
}

/// The certificates of a certs-only message.
fn certificates(body: &[u8]) -> Option<Vec<Vec<u8>>> {
    let base64: Vec<u8> = body
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let der = BASE64_STANDARD.decode(base64).ok()?;
    let content = ContentInfo::from_der(&der).ok()?;
    let signed: SignedData = content.content.decode_as().ok()?;
    let mut found = Vec::new();
    for choice in signed.certificates?.0.iter() {
        if let CertificateChoices::Certificate(certificate) = choice {
            found.push(certificate.to_der().ok()?);
        }
    }
    Some(found)
}
