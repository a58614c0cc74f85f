//! Access tokens that the tester gets to call a product (SOL013 8.3.3; RFC 6749 4.4, RFC 8705): [`AccessTokens`].

use std::time::{Duration, Instant};

use anyhow::Context as _;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method};
use scas_simulators::client::{Answer, Call, CallError, Client, Limits, Parties};
use scas_simulators::tls::ClientSecurity;
use scas_simulators::transcript::Transcript;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::api_client::basic;
use super::contact::Contact;
use crate::model::sut::{Authentication, Timeouts};

/// The longest answer of a token endpoint that is read, in bytes.
const MAX_ANSWER: u64 = 64 * 1024;
/// So long before its end a token is used no more.
const MARGIN: Duration = Duration::from_secs(5);
/// How long a token is used whose end is not told (RFC 6749 5.1 only recommends to tell it).
const UNTOLD: Duration = Duration::from_secs(60);

/// Gets a token when one is needed, and uses it until shortly before its end.
pub(super) struct AccessTokens {
    client: Client,
    endpoint: String,
    call: Call,
    current: Mutex<Option<(HeaderValue, Instant)>>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expires_in: Option<u64>,
}

impl AccessTokens {
    /// For this endpoint and client. What passes there is kept nowhere: it is not between tester and product, and full of secrets.
    pub(super) fn new(
        written: &Authentication,
        contact: &Contact,
        timeouts: &Timeouts,
    ) -> anyhow::Result<Self> {
        let label = "ixit.api.authentication.token-endpoint";
        let endpoint = written.token_endpoint.clone();
        let endpoint = endpoint.with_context(|| format!("{label}: is missing"))?;
        let url: url::Url = endpoint.parse().with_context(|| label.to_owned())?;
        let security = match url.scheme() {
            "http" => ClientSecurity::Plain,
            _ => contact.tls.clone(),
        };
        let client = Client::new(
            &security,
            &endpoint,
            Transcript::new(),
            Parties {
                interface: "token endpoint".into(),
                from: "NFVO".into(),
                to: "authorization server".into(),
            },
            Limits {
                timeout: Duration::from_secs(timeouts.answer),
                max_body: MAX_ANSWER,
            },
        );
        Ok(Self {
            client: client.with_context(|| label.to_owned())?,
            endpoint,
            call: request(written, url.path())?,
            current: Mutex::default(),
        })
    }

    /// The value of `Authorization`.
    pub(super) async fn current(&self) -> Result<HeaderValue, CallError> {
        let mut current = self.current.lock().await;
        if let Some((value, _)) = current.as_ref().filter(|(_, end)| *end > Instant::now()) {
            return Ok(value.clone());
        }
        let answer = self.client.send(self.call.clone()).await;
        let (value, lasts) = answer
            .map_err(|error| error.to_string())
            .and_then(|answer| token(&answer))
            .map_err(|why| {
                let endpoint = &self.endpoint;
                CallError::Request(format!(
                    "no access token from {endpoint} (ixit.api.authentication): {why}"
                ))
            })?;
        *current = Some((value.clone(), Instant::now() + lasts));
        Ok(value)
    }

    /// The product does not accept it: the next request has another.
    pub(super) async fn forget(&self) {
        self.current.lock().await.take();
    }
}

/// What the endpoint is asked. With a secret the client is known by HTTP Basic, each part form-encoded (RFC 6749 2.3.1); else by its
/// certificate, and names itself in the form.
fn request(written: &Authentication, path: &str) -> anyhow::Result<Call> {
    let client_id = written.client_id.as_deref().unwrap_or_default();
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials");
    if let Some(scope) = &written.scope {
        form.append_pair("scope", scope);
    }
    // The client has the path itself, without a slash at its end.
    let slash = if path.ends_with('/') { "/" } else { "" };
    let mut call = Call::new(Method::POST, slash);
    match &written.client_secret {
        Some(secret) => {
            let encode = |text: &str| -> String {
                url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
            };
            let text = basic(&encode(client_id), &encode(secret.expose()?));
            call.headers.insert(AUTHORIZATION, text.parse()?);
        }
        None => {
            form.append_pair("client_id", client_id);
        }
    }
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    call.headers.insert(CONTENT_TYPE, kind);
    call.body = form.finish().into_bytes().into();
    Ok(call)
}

fn token(answer: &Answer) -> Result<(HeaderValue, Duration), String> {
    if !answer.status.is_success() {
        return Err(super::lcm::refusal(answer));
    }
    let read: TokenAnswer = serde_json::from_slice(&answer.body)
        .map_err(|_| "the answer is no JSON with `access_token`".to_owned())?;
    let mut value = HeaderValue::from_str(&format!("Bearer {}", read.access_token))
        .map_err(|_| "the token holds what no header field can bear".to_owned())?;
    value.set_sensitive(true);
    let lasts = read.expires_in.map_or(UNTOLD, Duration::from_secs);
    Ok((value, lasts.saturating_sub(MARGIN)))
}
