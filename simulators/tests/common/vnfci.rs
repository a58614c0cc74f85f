//! A VNFCI, and a client that it takes for its VNFM.

use hyper::Method;
use hyper::header::{HeaderName, HeaderValue};
use scas_simulators::client::{Answer, Call, Client};
use scas_simulators::transcript::Transcript;
use scas_simulators::vnfci::{Vnfci, VnfciConfig};
use serde_json::Value;

use super::{Pki, client};

pub struct VnfciBed {
    pub pki: Pki,
    pub vnfci: Vnfci,
    pub client: Client,
    pub file: std::path::PathBuf,
}

impl VnfciBed {
    pub async fn start(
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

    pub async fn call(
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

    pub async fn patch(&self, body: &Value) -> Result<Answer, Box<dyn std::error::Error>> {
        self.call(Method::PATCH, CONFIGURATION, &HEADERS, &body.to_string())
            .await
    }

    pub fn recorded(&self) -> Result<String, Box<dyn std::error::Error>> {
        self.vnfci.transcript().flush()?;
        Ok(std::fs::read_to_string(&self.file)?)
    }
}

pub const CONFIGURATION: &str = "/vnfconfig/v1/configuration";
pub const HEADERS: [(&str, &str); 2] = [
    ("version", "1.3.0"),
    ("content-type", "application/merge-patch+json"),
];
