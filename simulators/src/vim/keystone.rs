//! Keystone v3: who may have a token (`POST /identity/v3/auth/tokens`), and what it shows.

use hyper::StatusCode;
use hyper::header::HeaderName;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::error::{Refusal, unauthorized};
use super::state::State;
use crate::rest::{Answer, Asked};

/// Who may ask the VIM for something: one user in one project.
#[derive(Clone)]
pub struct Account {
    /// Name of the user.
    pub user: String,
    /// Password of the user.
    pub password: String,
    /// Name of the project.
    pub project: String,
    /// Name of the domain of both; its identifier is `default`.
    pub domain: String,
    /// Identifier and secret of an application credential of this user.
    pub application_credential: Option<(String, String)>,
}

impl std::fmt::Debug for Account {
    /// Without the secrets: debug output ends up in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account")
            .field("user", &self.user)
            .field("project", &self.project)
            .field("domain", &self.domain)
            .finish_non_exhaustive()
    }
}

const SUBJECT: HeaderName = HeaderName::from_static("x-subject-token");
const DOMAIN_ID: &str = "default";
/// Announced lifetime. Tokens end only when the tester says so.
const LIFETIME: SignedDuration = SignedDuration::from_hours(1);

/// A token as it is shown: everything but the token itself.
#[derive(Clone)]
pub(super) struct Token {
    body: Value,
    pub(super) scoped: bool,
}

pub(super) fn versions(state: &State, _: &Asked<'_>) -> Answer {
    let body = json!({ "versions": { "values": [version_of(state)] } });
    Answer::json(StatusCode::MULTIPLE_CHOICES, &body)
}

pub(super) fn version(state: &State, _: &Asked<'_>) -> Answer {
    Answer::json(StatusCode::OK, &json!({ "version": version_of(state) }))
}

fn version_of(state: &State) -> Value {
    json!({
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{ "rel": "self", "href": format!("{}/v3/", state.identity()) }],
        "media-types": [{ "base": "application/json", "type": "application/vnd.openstack.identity-v3+json" }],
    })
}

/// Gives out a token.
pub(super) fn create(state: &State, asked: &Asked<'_>) -> Answer {
    let body = match asked.json() {
        Ok(body) => body,
        Err(reason) => {
            return Refusal::new(StatusCode::BAD_REQUEST, "ValidationError", reason).into();
        }
    };
    let auth = &body["auth"];
    let Some(method) = authenticated(state, auth) else {
        return denied(state);
    };
    let scoped = match scope(state, auth, method) {
        Ok(scoped) => scoped,
        Err(()) => return denied(state),
    };
    let token = Token {
        body: shown(state, method, scoped),
        scoped,
    };
    let answer = Answer::json(StatusCode::CREATED, &token.body);
    let id = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    state.tokens().insert(id.clone(), token);
    answer.with(SUBJECT, &id)
}

/// Shows a token (GET and HEAD).
pub(super) fn show(state: &State, asked: &Asked<'_>) -> Answer {
    match subject(state, asked) {
        Ok((id, token)) => Answer::json(StatusCode::OK, &token.body).with(SUBJECT, &id),
        Err(refusal) => refusal,
    }
}

/// Revokes a token.
pub(super) fn delete(state: &State, asked: &Asked<'_>) -> Answer {
    match subject(state, asked) {
        Ok((id, _)) => {
            state.tokens().remove(&id);
            Answer::empty(StatusCode::NO_CONTENT)
        }
        Err(refusal) => refusal,
    }
}

pub(super) fn catalog(state: &State, asked: &Asked<'_>) -> Answer {
    match bearer(state, asked) {
        Some(_) => Answer::json(StatusCode::OK, &json!({ "catalog": catalog_of(state) })),
        None => denied(state),
    }
}

/// The token that a request brings, if it is one of ours.
pub(super) fn bearer(state: &State, asked: &Asked<'_>) -> Option<Token> {
    state.tokens().get(asked.header("x-auth-token")?).cloned()
}

fn subject(state: &State, asked: &Asked<'_>) -> Result<(String, Token), Answer> {
    if bearer(state, asked).is_none() {
        return Err(denied(state));
    }
    let id = asked.header(SUBJECT.as_str()).unwrap_or_default();
    let token = state.tokens().get(id).cloned();
    token.map(|token| (id.to_owned(), token)).ok_or_else(|| {
        let message = "Could not recognize Fernet token";
        Refusal::new(StatusCode::NOT_FOUND, "TokenNotFound", message).into()
    })
}

fn denied(state: &State) -> Answer {
    let message = "The request you have made requires authentication.";
    unauthorized(&state.identity(), message)
}

/// The method by which the user has shown who they are.
fn authenticated<'a>(state: &State, auth: &'a Value) -> Option<&'a str> {
    let identity = &auth["identity"];
    let account = &state.account;
    let methods = identity["methods"].as_array()?;
    let method = methods.first()?.as_str()?;
    let given = &identity[method];
    let right = match method {
        "password" => {
            let user = &given["user"];
            let named = user["name"] == account.user.as_str() && in_domain(state, &user["domain"]);
            (named || user["id"] == state.user_id.as_str())
                && user["password"] == account.password.as_str()
        }
        "application_credential" => {
            account
                .application_credential
                .as_ref()
                .is_some_and(|(id, secret)| {
                    given["id"] == id.as_str() && given["secret"] == secret.as_str()
                })
        }
        "token" => state.tokens().contains_key(given["id"].as_str()?),
        _ => false,
    };
    right.then_some(method)
}

/// Whether the token is for the project; an application credential always is.
fn scope(state: &State, auth: &Value, method: &str) -> Result<bool, ()> {
    let project = &auth["scope"]["project"];
    if method == "application_credential" {
        return Ok(true);
    }
    if project.is_null() {
        return if auth["scope"].is_object() {
            Err(())
        } else {
            Ok(false)
        };
    }
    let named =
        project["name"] == state.account.project.as_str() && in_domain(state, &project["domain"]);
    if named || project["id"] == state.project_id.as_str() {
        Ok(true)
    } else {
        Err(())
    }
}

fn in_domain(state: &State, domain: &Value) -> bool {
    domain["id"] == DOMAIN_ID || domain["name"] == state.account.domain.as_str()
}

fn shown(state: &State, method: &str, scoped: bool) -> Value {
    let account = &state.account;
    let domain = json!({ "id": DOMAIN_ID, "name": account.domain });
    let now = Timestamp::now();
    let expires = now.checked_add(LIFETIME).unwrap_or(now);
    let mut token = json!({
        "methods": [method],
        "user": { "id": state.user_id, "name": account.user, "domain": domain, "password_expires_at": null },
        "audit_ids": [Uuid::new_v4().simple().to_string()],
        "issued_at": format!("{now:.6}"),
        "expires_at": format!("{expires:.6}"),
    });
    if scoped {
        token["project"] =
            json!({ "id": state.project_id, "name": account.project, "domain": domain });
        token["is_domain"] = false.into();
        token["roles"] = json!([{ "id": "9fe2ff9ee4384b1894a90878d3e92bab", "name": "member" }]);
        token["catalog"] = catalog_of(state);
    }
    json!({ "token": token })
}

/// The services, all on this host.
fn catalog_of(state: &State) -> Value {
    let project = &state.project_id;
    let services = [
        ("identity", "keystone", state.identity()),
        (
            "orchestration",
            "heat",
            format!("{}/heat/v1/{project}", state.root),
        ),
        ("compute", "nova", format!("{}/compute/v2.1", state.root)),
    ];
    let entry = |(kind, name, url): &(&str, &str, String)| {
        let endpoint = |interface: &str| {
            json!({
                "id": format!("{kind}-{interface}"), "interface": interface, "url": url,
                "region": "RegionOne", "region_id": "RegionOne",
            })
        };
        let endpoints = ["public", "internal", "admin"].map(endpoint);
        json!({
            "id": kind, "type": kind, "name": name,
            "endpoints": endpoints,
        })
    };
    services.iter().map(entry).collect()
}
