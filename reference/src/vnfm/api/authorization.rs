//! Who may call, beside what mutual TLS says (SOL013 8.3): [`Gate`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use uuid::Uuid;

use crate::vnfm::config::{Authorization, AuthorizationKind, ConfigError, read};
use crate::vnfm::problem::Problem;

/// What a caller has to show.
pub(crate) struct Gate {
    kind: AuthorizationKind,
    /// What follows the scheme in `Authorization`: of the API itself, or of the token endpoint.
    wanted: String,
    lifetime: Duration,
    /// Tokens that were given out, and their ends.
    tokens: Mutex<HashMap<String, Instant>>,
}

impl Gate {
    /// By the section `[api.authorization]`.
    pub(crate) fn new(written: &Authorization) -> Result<Self, ConfigError> {
        let secret = read("api.authorization.secret_file", &written.secret_file)?;
        let secret = String::from_utf8_lossy(&secret)
            .trim_end_matches(['\r', '\n'])
            .to_owned();
        let wanted = match written.kind {
            AuthorizationKind::Bearer => secret,
            AuthorizationKind::Basic => {
                BASE64_STANDARD.encode(format!("{}:{secret}", written.user))
            }
            // Each part is form-encoded inside (RFC 6749 2.3.1).
            AuthorizationKind::Oauth2 => {
                let form = |text: &str| -> String {
                    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
                };
                BASE64_STANDARD.encode(format!("{}:{}", form(&written.user), form(&secret)))
            }
        };
        Ok(Self {
            kind: written.kind,
            wanted,
            lifetime: Duration::from_secs(written.lifetime_seconds),
            tokens: Mutex::default(),
        })
    }

    fn lets_in(&self, headers: &HeaderMap) -> bool {
        match self.kind {
            AuthorizationKind::Basic => credentials(headers, "basic") == Some(&self.wanted),
            AuthorizationKind::Bearer => credentials(headers, "bearer") == Some(&self.wanted),
            AuthorizationKind::Oauth2 => {
                let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
                let end = credentials(headers, "bearer").and_then(|token| tokens.get(token));
                end.is_some_and(|end| *end > Instant::now())
            }
        }
    }
}

/// Refuses who is not let in.
pub(super) async fn check(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    if gate.lets_in(request.headers()) {
        return next.run(request).await;
    }
    let scheme = match gate.kind {
        AuthorizationKind::Basic => "Basic realm=\"vnfm\"",
        AuthorizationKind::Bearer | AuthorizationKind::Oauth2 => "Bearer realm=\"vnfm\"",
    };
    let problem = Problem::new(StatusCode::UNAUTHORIZED, "who calls is not known here");
    let mut response = problem.into_response();
    let headers = response.headers_mut();
    headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
    response
}

/// `POST /token` (RFC 6749 4.4).
pub(super) async fn token(
    State(gate): State<Arc<Gate>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let refusal = |status: StatusCode, error: &str| {
        super::json(status, &json!({ "error": error })).into_response()
    };
    if gate.kind != AuthorizationKind::Oauth2 {
        return refusal(StatusCode::NOT_FOUND, "no_token_endpoint");
    }
    if credentials(&headers, "basic") != Some(&gate.wanted) {
        return refusal(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    let mut form = url::form_urlencoded::parse(&body);
    if !form.any(|(name, value)| name == "grant_type" && value == "client_credentials") {
        return refusal(StatusCode::BAD_REQUEST, "unsupported_grant_type");
    }
    let token = Uuid::new_v4().simple().to_string();
    let end = Instant::now() + gate.lifetime;
    let mut tokens = gate.tokens.lock().unwrap_or_else(PoisonError::into_inner);
    tokens.insert(token.clone(), end);
    let answer = json!({
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": gate.lifetime.as_secs(),
    });
    super::json(StatusCode::OK, &answer)
}

/// What follows this scheme in `Authorization`.
fn credentials<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (written, rest) = value.split_once(' ')?;
    written.eq_ignore_ascii_case(scheme).then_some(rest)
}
