//! OAuth 2.0 client credentials (SOL013 clause 8.3, RFC 6749 section 4.4): `/token`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, WWW_AUTHENTICATE};
use serde_json::json;
use uuid::Uuid;

use super::state::State;
use crate::rest::{Answer, Asked};

/// The one client that may have tokens.
#[derive(Clone)]
pub struct OAuth2 {
    /// Client identifier.
    pub client_id: String,
    /// Client secret, sent by HTTP Basic. Without it the client is known by its certificate (RFC 8705 section 2), which mutual TLS
    /// has seen, and sends only its identifier.
    pub client_secret: Option<String>,
}

impl std::fmt::Debug for OAuth2 {
    /// Without the secret: debug output ends up in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OAuth2")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl OAuth2 {
    fn is_known(&self, asked: &Asked<'_>) -> bool {
        let Some(wanted) = &self.client_secret else {
            let mut form = url::form_urlencoded::parse(&asked.request.body);
            return form.any(|(name, value)| name == "client_id" && value == self.client_id);
        };
        credentials(asked).is_some_and(|(id, secret)| id == self.client_id && secret == *wanted)
    }
}

/// Announced lifetime in seconds. Tokens end only when the tester says so.
const EXPIRES_IN: u32 = 3600;

pub(super) fn token(state: &State, asked: &Asked<'_>) -> Answer {
    let Some(client) = &state.oauth2 else {
        return Answer::problem(StatusCode::NOT_FOUND, "this NFVO gives out no tokens");
    };
    if !client.is_known(asked) {
        return refusal(StatusCode::UNAUTHORIZED, "invalid_client")
            .with(WWW_AUTHENTICATE, "Basic realm=\"nfvo\"");
    }
    let mut form = url::form_urlencoded::parse(&asked.request.body);
    if !form.any(|(name, value)| name == "grant_type" && value == "client_credentials") {
        return refusal(StatusCode::BAD_REQUEST, "unsupported_grant_type");
    }
    let token = Uuid::new_v4().simple().to_string();
    let answer = json!({ "access_token": token, "token_type": "Bearer", "expires_in": EXPIRES_IN });
    state.tokens().insert(token);
    Answer::json(StatusCode::OK, &answer).with(CACHE_CONTROL, "no-store")
}

/// Whether the request may pass: it has one of our tokens, or none are needed.
pub(super) fn allows(state: &State, asked: &Asked<'_>) -> bool {
    if state.oauth2.is_none() {
        return true;
    }
    let token = asked
        .header("authorization")
        .and_then(|value| scheme(value, "bearer"));
    token.is_some_and(|token| state.tokens().contains(token))
}

/// Identifier and secret of HTTP Basic, each form-encoded inside (RFC 6749 section 2.3.1).
fn credentials(asked: &Asked<'_>) -> Option<(String, String)> {
    let decoded = STANDARD
        .decode(scheme(asked.header("authorization")?, "basic")?)
        .ok()?;
    let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((form_decoded(id), form_decoded(secret)))
}

fn scheme<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    let (scheme, rest) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case(name).then_some(rest.trim())
}

fn form_decoded(text: &str) -> String {
    let escaped = text.replace('&', "%26").replace('=', "%3D");
    url::form_urlencoded::parse(escaped.as_bytes())
        .next()
        .map_or_else(String::new, |(key, _)| key.into_owned())
}

/// An error of the token endpoint (RFC 6749 section 5.2).
fn refusal(status: StatusCode, error: &str) -> Answer {
    Answer::json(status, &json!({ "error": error }))
}
