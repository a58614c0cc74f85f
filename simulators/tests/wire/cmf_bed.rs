//! A CMF with its CA, a VNFM that it trusts, and what they say to each other.

use std::error::Error;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{HeaderMap, Method};
use rcgen::KeyPair;
use scas_simulators::ca::{Ca, CaConfig};
use scas_simulators::client::{Answer, Call, Client};
use scas_simulators::cmf::{Cmf, CmfConfig};
use scas_simulators::tls::{ClientSecurity, Identity};
use scas_simulators::transcript::Transcript;
use serde_json::{Value, json};

use crate::common::{self, Pki};

pub const ENROLL: &str = "/.well-known/est/vnfci/simpleenroll";
pub const REENROLL: &str = "/.well-known/est/vnfci/simplereenroll";
pub const DELEGATES: &str = "/scas-cmf/v1/delegates";

pub struct CmfBed {
    pub pki: Pki,
    pub ca: Ca,
    pub cmf: Cmf,
    /// The VNFM.
    pub client: Client,
    /// What CMF and CA saw.
    pub seen: Transcript,
}

impl CmfBed {
    pub async fn start() -> Result<Self, Box<dyn Error>> {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut CmfConfig)) -> Result<Self, Box<dyn Error>> {
        Self::recorded_in(Transcript::new(), change).await
    }

    pub async fn recorded_in(
        seen: Transcript,
        change: impl FnOnce(&mut CmfConfig),
    ) -> Result<Self, Box<dyn Error>> {
        let pki = Pki::new()?;
        let ca = Ca::start(CaConfig::new(seen.clone())).await?;
        let mut config = CmfConfig::new(
            pki.server.clone(),
            pki.ca_pem.clone(),
            ca.ca1(),
            seen.clone(),
        );
        change(&mut config);
        let cmf = Cmf::start(config).await?;
        std::fs::write(pki.path("root.pem"), ca.root_pem())?;
        std::fs::write(pki.path("issuing.pem"), ca.issuing_pem())?;
        let client = client(&pki.client_as(Some(&pki.client)), &cmf)?;
        Ok(Self {
            pki,
            ca,
            cmf,
            client,
            seen,
        })
    }

    pub fn client_as(&self, identity: Option<&Identity>) -> Result<Client, Box<dyn Error>> {
        client(&self.pki.client_as(identity), &self.cmf)
    }

    /// Registers the VNFM for one VNFCI with this DNS name.
    pub async fn register(&self, name: &str) -> Result<Value, Box<dyn Error>> {
        let answer = post_json(&self.client, DELEGATES, &registration(name)).await?;
        assert_eq!(answer.status, 201, "{}", text(&answer));
        Ok(serde_json::from_slice(&answer.body)?)
    }

    pub async fn stop(self) {
        self.cmf.stop().await;
        self.ca.stop().await;
    }
}

fn client(security: &ClientSecurity, cmf: &Cmf) -> Result<Client, Box<dyn Error>> {
    common::client(security, cmf.root(), &Transcript::new())
}

pub fn registration(name: &str) -> Value {
    json!({
        "vnfciId": format!("vnfci-{name}"),
        "vnfInstanceId": "vnf-1",
        "certificateType": "VNFCI_CERT",
        "subject": { "country": "SE", "organization": "5gc.mnc060.mcc240.3gppnetwork.org" },
        "subjectAltNames": [format!("DNS:{name}")],
    })
}

pub async fn post_json(
    client: &Client,
    path: &str,
    body: &Value,
) -> Result<Answer, Box<dyn Error>> {
    post(client, path, "application/json", body.to_string()).await
}

/// Sends a certification request, DER, as EST wants it.
pub async fn enroll(client: &Client, path: &str, csr: &[u8]) -> Result<Answer, Box<dyn Error>> {
    post(client, path, "application/pkcs10", STANDARD.encode(csr)).await
}

pub async fn post(
    client: &Client,
    path: &str,
    media_type: &str,
    body: String,
) -> Result<Answer, Box<dyn Error>> {
    let mut call = Call::new(Method::POST, path);
    call.headers = HeaderMap::from_iter([(
        HeaderName::from_static("content-type"),
        HeaderValue::from_str(media_type)?,
    )]);
    call.body = body.into();
    Ok(client.send(call).await?)
}

pub fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

/// The certificates of a certs-only message, in order: whatever in it looks like one.
pub fn certificates(answer: &Answer) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let encoded: String = text(answer).split_whitespace().collect();
    let message = STANDARD.decode(encoded)?;
    let mut certificates = Vec::new();
    let mut at = 0;
    while at < message.len() {
        match x509_parser::parse_x509_certificate(&message[at..]) {
            Ok((rest, _)) => {
                let end = message.len() - rest.len();
                certificates.push(message[at..end].to_vec());
                at = end;
            }
            Err(_) => at += 1,
        }
    }
    Ok(certificates)
}

/// A TLS identity of what was issued.
pub fn identity(chain: &[Vec<u8>], key: &KeyPair) -> Identity {
    let pems = chain.iter().map(|der| {
        let encoded = STANDARD.encode(der);
        format!("-----BEGIN CERTIFICATE-----\n{encoded}\n-----END CERTIFICATE-----\n")
    });
    Identity {
        chain_pem: pems.collect(),
        key_pem: key.serialize_pem(),
    }
}
