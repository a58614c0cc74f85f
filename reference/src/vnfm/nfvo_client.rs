//! The VNFM as a client of the NFVO: VNF packages (SOL003 clause 10) and grants (clause 9). Main type: [`NfvoClient`].

use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::{AUTHORIZATION, LOCATION, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;

use super::config::{ConfigError, Nfvo, read};

/// What the NFVO is asked with.
const PACKAGES_VERSION: &str = "2.4.0";
const GRANTS_VERSION: &str = "1.6.0";
/// How long to wait before asking again for a grant that is not decided, unless the NFVO says.
const POLL: Duration = Duration::from_millis(250);

/// The NFVO, as this VNFM sees it.
pub(crate) struct NfvoClient {
    http: reqwest::Client,
    api_root: Url,
    tokens: Option<Tokens>,
    max_body: u64,
    timeout: Duration,
}

/// Why the NFVO did not give what was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NfvoError {
    /// No answer: the network, TLS, a timeout.
    #[error("no answer from the NFVO to {what}: {}", chain(source))]
    NoAnswer {
        what: String,
        #[source]
        source: reqwest::Error,
    },
    /// An answer, but a refusal.
    #[error("the NFVO answered {what} with {status}{}", detail.as_deref().map(|detail| format!(": {detail}")).unwrap_or_default())]
    Status {
        what: String,
        status: StatusCode,
        detail: Option<String>,
    },
    /// An answer that the interface does not foresee.
    #[error("the NFVO's answer to {what} cannot be used: {reason}")]
    Answer { what: String, reason: String },
    /// The identifier fits no URI.
    #[error("`{0}` is no identifier of a VNFD")]
    Identifier(String),
}

impl NfvoError {
    /// Whether the NFVO took too long.
    pub(crate) fn is_timeout(&self) -> bool {
        matches!(self, Self::NoAnswer { source, .. } if source.is_timeout())
    }

    /// The status with which the NFVO refused.
    pub(crate) fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }
}

/// A `reqwest` error says the cause only further down.
pub(super) fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// The parts of VnfPkgInfo (SOL003 10.5.2.2) that matter to a VNFM.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VnfPkgInfo {
    pub(crate) vnfd_id: Option<String>,
    pub(crate) vnf_provider: Option<String>,
    pub(crate) vnf_product_name: Option<String>,
    pub(crate) vnf_software_version: Option<String>,
    pub(crate) vnfd_version: Option<String>,
    pub(crate) package_security_option: Option<String>,
    pub(crate) onboarding_state: String,
    pub(crate) operational_state: String,
}

/// The part of Grant (SOL003 9.5.2.3) that is kept.
#[derive(Debug, Deserialize)]
pub(crate) struct Grant {
    pub(crate) id: String,
}

impl NfvoClient {
    /// A client by the section `[nfvo]`; no answer may be larger than `max_body` bytes.
    pub(crate) fn new(
        http: reqwest::Client,
        nfvo: &Nfvo,
        max_body: u64,
    ) -> Result<Self, ConfigError> {
        let tokens = nfvo
            .oauth2
            .as_ref()
            .map(|oauth2| {
                let secret = read("nfvo.oauth2.client_secret_file", &oauth2.client_secret_file)?;
                let secret = String::from_utf8_lossy(&secret)
                    .trim_end_matches(['\r', '\n'])
                    .to_owned();
                let credentials = BASE64_STANDARD
                    .encode(format!("{}:{}", form(&oauth2.client_id), form(&secret)).as_bytes());
                Ok(Tokens {
                    endpoint: oauth2.token_endpoint.clone(),
                    credentials,
                    current: Mutex::new(None),
                })
            })
            .transpose()?;
        Ok(Self {
            http,
            api_root: nfvo.api_root.clone(),
            tokens,
            max_body,
            timeout: nfvo.timeout(),
        })
    }

    /// What the NFVO knows about the package of this VNFD.
    pub(crate) async fn package_info(&self, vnfd_id: &str) -> Result<VnfPkgInfo, NfvoError> {
        let what = format!("the query for the VNF package of `{vnfd_id}`");
        let response = self
            .get_of_package(&what, vnfd_id, &[], None, "application/json")
            .await?;
        let body = self.body(&what, response).await?;
        serde_json::from_slice(&body).map_err(|error| NfvoError::Answer {
            what,
            reason: error.to_string(),
        })
    }

    /// The VNFD archive, with the signatures and certificates of its files.
    pub(crate) async fn vnfd(&self, vnfd_id: &str) -> Result<Vec<u8>, NfvoError> {
        let what = format!("the fetch of the VNFD `{vnfd_id}`");
        let response = self
            .get_of_package(
                &what,
                vnfd_id,
                &["vnfd"],
                Some("include_signatures"),
                "application/zip",
            )
            .await?;
        self.body(&what, response).await
    }

    /// The whole package.
    pub(crate) async fn package_content(&self, vnfd_id: &str) -> Result<Vec<u8>, NfvoError> {
        let what = format!("the fetch of the VNF package of `{vnfd_id}`");
        let response = self
            .get_of_package(
                &what,
                vnfd_id,
                &["package_content"],
                None,
                "application/zip",
            )
            .await?;
        self.body(&what, response).await
    }

    /// Asks for a grant and waits until it is given or refused.
    pub(crate) async fn grant(&self, request: &Value) -> Result<Grant, NfvoError> {
        let what = "the grant request".to_owned();
        let mut uri = self.uri(&["grant", "v1", "grants"]);
        let build = |http: &reqwest::Client| {
            http.post(uri.clone())
                .header("Version", GRANTS_VERSION)
                .json(request)
        };
        let mut response = self.send(&what, build).await?;
        let deadline = Instant::now() + self.timeout;
        while response.status() == StatusCode::ACCEPTED {
            if Instant::now() > deadline {
                return Err(NfvoError::Answer {
                    what,
                    reason: "the grant was not decided in time".to_owned(),
                });
            }
            if let Some(location) = header(&response, LOCATION) {
                uri = uri.join(&location).map_err(|error| NfvoError::Answer {
                    what: what.clone(),
                    reason: error.to_string(),
                })?;
            }
            let pause = header(&response, RETRY_AFTER)
                .and_then(|seconds| seconds.parse().ok())
                .map_or(POLL, Duration::from_secs);
            tokio::time::sleep(pause.min(self.timeout)).await;
            let poll = |http: &reqwest::Client| {
                http.get(uri.clone())
                    .header("Version", GRANTS_VERSION)
                    .header("Accept", "application/json")
            };
            response = self.send(&what, poll).await?;
        }
        let body = self.body(&what, response).await?;
        serde_json::from_slice(&body).map_err(|error| NfvoError::Answer {
            what,
            reason: error.to_string(),
        })
    }

    async fn get_of_package(
        &self,
        what: &str,
        vnfd_id: &str,
        rest: &[&str],
        query: Option<&str>,
        accept: &str,
    ) -> Result<Response, NfvoError> {
        // `Url` drops these segments, so that another resource would be asked for.
        if matches!(vnfd_id, "" | "." | "..") {
            return Err(NfvoError::Identifier(vnfd_id.to_owned()));
        }
        let mut uri =
            self.uri(&[&["vnfpkgm", "v2", "onboarded_vnf_packages", vnfd_id], rest].concat());
        uri.set_query(query);
        let build = |http: &reqwest::Client| {
            http.request(Method::GET, uri.clone())
                .header("Version", PACKAGES_VERSION)
                .header("Accept", accept)
        };
        self.send(what, build).await
    }

    fn uri(&self, segments: &[&str]) -> Url {
        let mut uri = self.api_root.clone();
        if let Ok(mut path) = uri.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        uri
    }

    /// Sends with an access token where there are any; a token that is no longer accepted is replaced once.
    async fn send(
        &self,
        what: &str,
        build: impl Fn(&reqwest::Client) -> RequestBuilder,
    ) -> Result<Response, NfvoError> {
        let no_answer = |source| NfvoError::NoAnswer {
            what: what.to_owned(),
            source,
        };
        let mut response = match &self.tokens {
            None => build(&self.http).send().await.map_err(no_answer)?,
            Some(tokens) => {
                let token = tokens.current(&self.http).await?;
                let response = build(&self.http)
                    .bearer_auth(&token)
                    .send()
                    .await
                    .map_err(no_answer)?;
                if response.status() == StatusCode::UNAUTHORIZED {
                    tokens.forget(&token).await;
                    let token = tokens.current(&self.http).await?;
                    build(&self.http)
                        .bearer_auth(&token)
                        .send()
                        .await
                        .map_err(no_answer)?
                } else {
                    response
                }
            }
        };
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        // The reason is worth a few bytes, not a flood.
        let mut body = Vec::new();
        while let (true, Ok(Some(chunk))) = (body.len() < 16_384, response.chunk().await) {
            body.extend_from_slice(&chunk);
        }
        let problem: Option<Value> = serde_json::from_slice(&body).ok();
        let detail = problem.and_then(|problem| problem["detail"].as_str().map(str::to_owned));
        Err(NfvoError::Status {
            what: what.to_owned(),
            status,
            detail,
        })
    }

    async fn body(&self, what: &str, mut response: Response) -> Result<Vec<u8>, NfvoError> {
        let mut body =
            Vec::with_capacity(response.content_length().unwrap_or_default().min(1 << 20) as usize);
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|source| NfvoError::NoAnswer {
                what: what.to_owned(),
                source,
            })?
        {
            body.extend_from_slice(&chunk);
            if body.len() as u64 > self.max_body {
                return Err(NfvoError::Answer {
                    what: what.to_owned(),
                    reason: format!("it is larger than {} bytes", self.max_body),
                });
            }
        }
        Ok(body)
    }
}

fn header(response: &Response, name: reqwest::header::HeaderName) -> Option<String> {
    response
        .headers()
        .get(name)?
        .to_str()
        .ok()
        .map(str::to_owned)
}

/// As RFC 6749 2.3.1 asks for in the Basic header.
fn form(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Access tokens by client credentials, each used until shortly before its end.
struct Tokens {
    endpoint: Url,
    credentials: String,
    current: Mutex<Option<(String, Instant)>>,
}

#[derive(Deserialize)]
struct TokenResponse {
    access_token: String,
    expires_in: Option<u64>,
}

impl Tokens {
    async fn current(&self, http: &reqwest::Client) -> Result<String, NfvoError> {
        let what = || "the token request".to_owned();
        let mut current = self.current.lock().await;
        if let Some((token, end)) = current.as_ref().filter(|(_, end)| *end > Instant::now()) {
            let _ = end;
            return Ok(token.clone());
        }
        let response = http
            .post(self.endpoint.clone())
            .header(AUTHORIZATION, format!("Basic {}", self.credentials))
            .form(&[("grant_type", "client_credentials")])
            .send()
            .await
            .map_err(|source| NfvoError::NoAnswer {
                what: what(),
                source,
            })?;
        if !response.status().is_success() {
            return Err(NfvoError::Status {
                what: what(),
                status: response.status(),
                detail: None,
            });
        }
        let token: TokenResponse = response.json().await.map_err(|error| NfvoError::Answer {
            what: what(),
            reason: error.to_string(),
        })?;
        let lifetime =
            Duration::from_secs(token.expires_in.unwrap_or(60).saturating_sub(5).min(86_400));
        *current = Some((token.access_token.clone(), Instant::now() + lifetime));
        Ok(token.access_token)
    }

    async fn forget(&self, token: &str) {
        let mut current = self.current.lock().await;
        if current.as_ref().is_some_and(|(held, _)| held == token) {
            *current = None;
        }
    }
}
