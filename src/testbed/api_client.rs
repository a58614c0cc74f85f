//! The tester's client of a product's API, in the manner that the profile says: path, version, header fields, authentication.
//! Main types: [`Manner`] and [`ApiClient`].

use std::sync::Arc;

use anyhow::Context as _;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use scas_simulators::client::{Answer, Call, CallError, Client, Connection};

use super::access_token::AccessTokens;
use super::contact::Contact;
use crate::model::sut::{Api, AuthenticationKind, Timeouts};

/// How the tester speaks to the product, whatever the request.
pub struct Manner {
    /// What comes before the resource, e.g. `/vnflcm/v2`.
    base: String,
    headers: HeaderMap,
    tokens: Option<AccessTokens>,
}

/// Calls the VNF lifecycle management API of one product. Clones share connection settings and access token.
#[derive(Clone)]
pub struct ApiClient {
    client: Client,
    manner: Arc<Manner>,
}

/// One kept-alive connection of an [`ApiClient`].
pub struct ApiConnection {
    connection: Connection,
    manner: Arc<Manner>,
}

impl Default for Manner {
    /// `/vnflcm/v2` of SOL003 V3.3.1, and nothing besides.
    fn default() -> Self {
        let mut headers = HeaderMap::new();
        headers.insert("version", HeaderValue::from_static("2.0.0"));
        Self {
            base: "/vnflcm/v2".to_owned(),
            headers,
            tokens: None,
        }
    }
}

impl Manner {
    /// What the profile says. An access token is asked for at the first request.
    ///
    /// # Errors
    /// A value cannot be used; the label is named.
    pub fn of(api: &Api, contact: &Contact, timeouts: &Timeouts) -> anyhow::Result<Self> {
        let major = api.major();
        let major = major.with_context(|| format!("ixit.api.version: '{}'", api.version))?;
        let mut headers = HeaderMap::new();
        for (name, value) in &api.headers {
            let label = || format!("ixit.api.headers.{name}");
            let name: HeaderName = name.parse().with_context(label)?;
            headers.insert(name, value.parse().with_context(label)?);
        }
        let version = api.version.parse();
        headers.insert("version", version.context("ixit.api.version")?);
        if let Some((name, value)) = fixed(api)? {
            headers.insert(name, value);
        }
        let tokens = match api.authentication.kind {
            AuthenticationKind::Oauth2 => {
                Some(AccessTokens::new(&api.authentication, contact, timeouts)?)
            }
            _ => None,
        };
        Ok(Self {
            base: format!("/vnflcm/v{major}"),
            headers,
            tokens,
        })
    }

    /// The call as this product wants it.
    async fn dressed(&self, mut call: Call) -> Result<Call, CallError> {
        call.path = format!("{}{}", self.base, call.path);
        for (name, value) in &self.headers {
            call.headers.insert(name, value.clone());
        }
        if let Some(tokens) = &self.tokens {
            call.headers.insert(AUTHORIZATION, tokens.current().await?);
        }
        Ok(call)
    }

    /// A token that is refused is not shown again; the refusal stands, and nothing is sent twice.
    async fn heed(&self, answer: &Answer) {
        if let Some(tokens) = self.tokens.as_ref().filter(|_| answer.status == 401) {
            tokens.forget().await;
        }
    }
}

impl ApiClient {
    /// A client that speaks so.
    pub fn new(client: Client, manner: Arc<Manner>) -> Self {
        Self { client, manner }
    }

    /// Sends one request over a connection of its own.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn send(&self, call: Call) -> Result<Answer, CallError> {
        let call = self.manner.dressed(call).await?;
        let answer = self.client.send(call).await?;
        self.manner.heed(&answer).await;
        Ok(answer)
    }

    /// Opens one keep-alive connection for calls in sequence.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn open(&self) -> Result<ApiConnection, CallError> {
        Ok(ApiConnection {
            connection: self.client.open().await?,
            manner: Arc::clone(&self.manner),
        })
    }
}

impl ApiConnection {
    /// Sends the next request.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn send(&mut self, call: Call) -> Result<Answer, CallError> {
        let call = self.manner.dressed(call).await?;
        let answer = self.connection.send(call).await?;
        self.manner.heed(&answer).await;
        Ok(answer)
    }

    /// Whether the product has closed it, as far as is known yet.
    pub fn is_closed(&self) -> bool {
        self.connection.is_closed()
    }
}

/// The header field by which the tester is known, where it never changes. It is marked as a secret, so that the record keeps but
/// a digest of it.
fn fixed(api: &Api) -> anyhow::Result<Option<(HeaderName, HeaderValue)>> {
    let written = &api.authentication;
    let (name, text, label) = match written.kind {
        AuthenticationKind::Basic => {
            let user = written.user.as_deref().unwrap_or_default();
            let password = written.password.as_ref();
            let password = password.context("ixit.api.authentication.password: is missing")?;
            (AUTHORIZATION, basic(user, password.expose()?), "password")
        }
        AuthenticationKind::Token => {
            let token = written.token.as_ref();
            let token = token
                .context("ixit.api.authentication.token: is missing")?
                .expose()?;
            match &written.header {
                None => (AUTHORIZATION, format!("Bearer {token}"), "token"),
                Some(name) => (
                    name.parse().context("ixit.api.authentication.header")?,
                    token.to_owned(),
                    "token",
                ),
            }
        }
        AuthenticationKind::MutualTls | AuthenticationKind::Oauth2 | AuthenticationKind::None => {
            return Ok(None);
        }
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| {
        anyhow::anyhow!("ixit.api.authentication.{label}: holds what no header field can bear, such as a line break")
    })?;
    value.set_sensitive(true);
    Ok(Some((name, value)))
}

/// RFC 7617.
pub(super) fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    let pair = format!("{user}:{password}");
    let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
    format!("Basic {encoded}")
}
