//! What the clients of delegation mode share. Main type: [`Rest`].

use std::time::Duration;

use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;

use super::error::DelegationError;
use crate::custodian::protocol::Verification;
use crate::vnfm::config::ConfigError;
use crate::vnfm::tls::{ClientFiles, client_config};

/// More than this of an answer is not read.
const MAX_ANSWER: usize = 16 << 20;

/// One peer, by mutual TLS.
pub(super) struct Rest {
    pub(super) http: reqwest::Client,
    /// E.g. "CMF".
    pub(super) peer: &'static str,
}

impl Rest {
    pub(super) fn new(
        peer: &'static str,
        files: &ClientFiles<'_>,
        timeout: Duration,
        verification: Verification,
    ) -> Result<Self, ConfigError> {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(client_config(files, verification)?)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .https_only(true)
            .timeout(timeout)
            .connect_timeout(Duration::from_secs(10))
            .build()
            .map_err(|error| ConfigError::value(files.certificate.0, error))?;
        Ok(Self { http, peer })
    }

    /// The answer, whatever its status.
    pub(super) async fn ask(
        &self,
        what: &str,
        request: RequestBuilder,
    ) -> Result<Response, DelegationError> {
        tracing::debug!(peer = self.peer, what, "request");
        request
            .send()
            .await
            .map_err(|source| DelegationError::NoAnswer {
                peer: self.peer,
                what: what.to_owned(),
                source,
            })
    }

    /// What a refusal says, as an error.
    pub(super) async fn refused(&self, what: &str, mut response: Response) -> DelegationError {
        let status = response.status();
        // The reason is worth a few bytes, not a flood.
        let mut body = Vec::new();
        while let (true, Ok(Some(chunk))) = (body.len() < 16_384, response.chunk().await) {
            body.extend_from_slice(&chunk);
        }
        let detail = match serde_json::from_slice::<Value>(&body) {
            Ok(problem) => [&problem["detail"], &problem["error"]["message"]]
                .into_iter()
                .find_map(|text| text.as_str().map(str::to_owned)),
            Err(_) => String::from_utf8(body).ok().filter(|text| !text.is_empty()),
        };
        DelegationError::Status {
            peer: self.peer,
            what: what.to_owned(),
            status: StatusCode::from_u16(status.as_u16()).unwrap_or(status),
            detail,
        }
    }

    pub(super) async fn body(
        &self,
        what: &str,
        mut response: Response,
    ) -> Result<Vec<u8>, DelegationError> {
        let mut body = Vec::new();
        while let Some(chunk) =
            response
                .chunk()
                .await
                .map_err(|source| DelegationError::NoAnswer {
                    peer: self.peer,
                    what: what.to_owned(),
                    source,
                })?
        {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_ANSWER {
                return Err(self.unusable(what, format!("it is larger than {MAX_ANSWER} bytes")));
            }
        }
        Ok(body)
    }

    pub(super) async fn json(
        &self,
        what: &str,
        response: Response,
    ) -> Result<Value, DelegationError> {
        let body = self.body(what, response).await?;
        serde_json::from_slice(&body).map_err(|error| self.unusable(what, error.to_string()))
    }

    pub(super) fn unusable(&self, what: &str, reason: impl Into<String>) -> DelegationError {
        DelegationError::Answer {
            peer: self.peer,
            what: what.to_owned(),
            reason: reason.into(),
        }
    }
}

pub(super) fn header(response: &Response, name: &str) -> Option<String> {
    response
        .headers()
        .get(name)?
        .to_str()
        .ok()
        .map(str::to_owned)
}
