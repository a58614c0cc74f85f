//! The VNFM as a client of the VIM: Keystone v3 and Heat, all but the request that carries private keys. Main type:
//! [`VimClient`].

use std::time::Duration;

use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use url::Url;

use super::config::Vim;
use super::error::DelegationError;
use super::rest::{Rest, header};
use crate::custodian::protocol::Verification;
use crate::vnfm::config::{ConfigError, read};
use crate::vnfm::tls::ClientFiles;

/// Pauses between two looks at a stack: the first, and the longest.
const FIRST_POLL: Duration = Duration::from_millis(50);
const LONGEST_POLL: Duration = Duration::from_secs(2);

/// The VIM, as this VNFM sees it.
pub(crate) struct VimClient {
    rest: Rest,
    tokens: Url,
    credentials: Value,
    session: Mutex<Option<Session>>,
}

/// A token, and where it may be used.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) token: String,
    /// Heat of the project, without a slash at the end.
    pub(crate) orchestration: String,
}

impl VimClient {
    pub(crate) fn new(vim: &Vim, verification: Verification) -> Result<Self, ConfigError> {
        super::https_only("vim.auth_url", &vim.auth_url)?;
        let password = read("vim.password_file", &vim.password_file)?;
        let password = String::from_utf8_lossy(&password)
            .trim_end_matches(['\r', '\n'])
            .to_owned();
        let files = ClientFiles {
            anchors: ("vim.anchors", &vim.anchors),
            certificate: ("vim.certificate", &vim.certificate),
            private_key: ("vim.private_key", &vim.private_key),
        };
        let mut tokens = vim.auth_url.clone();
        if let Ok(mut path) = tokens.path_segments_mut() {
            path.pop_if_empty();
            if !vim.auth_url.path().trim_end_matches('/').ends_with("/v3") {
                path.push("v3");
            }
            path.extend(["auth", "tokens"]);
        }
        let domain = json!({ "name": vim.domain });
        let user = json!({ "name": vim.user, "domain": domain, "password": password });
        Ok(Self {
            rest: Rest::new(
                "VIM",
                &files,
                Duration::from_secs(vim.timeout_seconds),
                verification,
            )?,
            tokens,
            credentials: json!({ "auth": {
                "identity": { "methods": ["password"], "password": { "user": user } },
                "scope": { "project": { "name": vim.project, "domain": domain } },
            } }),
            session: Mutex::new(None),
        })
    }

    /// The session that there is, or a new one.
    pub(crate) async fn session(&self) -> Result<Session, DelegationError> {
        let mut session = self.session.lock().await;
        if let Some(session) = &*session {
            return Ok(session.clone());
        }
        let what = "the request for a token";
        let request = self.rest.http.post(self.tokens.clone());
        let response = self.rest.ask(what, request.json(&self.credentials)).await?;
        if response.status() != StatusCode::CREATED {
            return Err(self.rest.refused(what, response).await);
        }
        let token = header(&response, "x-subject-token")
            .ok_or_else(|| self.rest.unusable(what, "it has no X-Subject-Token"))?;
        let body = self.rest.json(what, response).await?;
        let orchestration = endpoint(&body["token"]["catalog"]).ok_or_else(|| {
            let reason = "its catalog has no public endpoint of orchestration with https";
            self.rest.unusable(what, reason)
        })?;
        Ok(session
            .insert(Session {
                token,
                orchestration,
            })
            .clone())
    }

    /// The token of this session is not accepted any more.
    pub(crate) async fn forget(&self, token: &str) {
        let mut session = self.session.lock().await;
        if session.as_ref().is_some_and(|held| held.token == token) {
            *session = None;
        }
    }

    /// Waits until the stack is complete.
    pub(crate) async fn wait_complete(&self, name: &str, id: &str) -> Result<(), DelegationError> {
        let what = format!("the look at the stack `{name}`");
        let mut pause = FIRST_POLL;
        loop {
            let response = self
                .send(&what, |http, heat| {
                    http.get(format!("{heat}/stacks/{name}/{id}?resolve_outputs=false"))
                })
                .await?;
            if !response.status().is_success() {
                return Err(self.rest.refused(&what, response).await);
            }
            let body = self.rest.json(&what, response).await?;
            let stack = &body["stack"];
            match stack["stack_status"].as_str() {
                Some("CREATE_COMPLETE") => return Ok(()),
                Some("CREATE_IN_PROGRESS") => {}
                status => {
                    return Err(DelegationError::Stack {
                        name: name.to_owned(),
                        status: status.unwrap_or("without status").to_owned(),
                        reason: stack["stack_status_reason"]
                            .as_str()
                            .unwrap_or_default()
                            .to_owned(),
                    });
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_POLL);
        }
    }

    /// The servers of a stack: names of their resources, and Nova's identifiers.
    pub(crate) async fn servers(
        &self,
        name: &str,
        id: &str,
    ) -> Result<Vec<(String, String)>, DelegationError> {
        let what = format!("the resources of the stack `{name}`");
        let response = self
            .send(&what, |http, heat| {
                http.get(format!("{heat}/stacks/{name}/{id}/resources"))
            })
            .await?;
        if !response.status().is_success() {
            return Err(self.rest.refused(&what, response).await);
        }
        let body = self.rest.json(&what, response).await?;
        let resources = body["resources"].as_array().into_iter().flatten();
        Ok(resources
            .filter(|resource| resource["resource_type"] == "OS::Nova::Server")
            .filter_map(|resource| {
                let text = |name: &str| resource[name].as_str().map(str::to_owned);
                Some((text("resource_name")?, text("physical_resource_id")?))
            })
            .collect())
    }

    /// The identifier of the stack of this name, if there is one.
    pub(crate) async fn find(&self, name: &str) -> Result<Option<String>, DelegationError> {
        let what = format!("the search for the stack `{name}`");
        let response = self
            .send(&what, |http, heat| {
                http.get(format!("{heat}/stacks")).query(&[("name", name)])
            })
            .await?;
        if !response.status().is_success() {
            return Err(self.rest.refused(&what, response).await);
        }
        let body = self.rest.json(&what, response).await?;
        let mut stacks = body["stacks"].as_array().into_iter().flatten();
        let found = stacks.find(|stack| stack["stack_name"] == name);
        Ok(found.and_then(|stack| stack["id"].as_str().map(str::to_owned)))
    }

    /// Orders the deletion of a stack; one that is not there any more is as good.
    pub(crate) async fn delete(&self, name: &str, id: &str) -> Result<(), DelegationError> {
        let what = format!("the deletion of the stack `{name}`");
        let response = self
            .send(&what, |http, heat| {
                http.delete(format!("{heat}/stacks/{name}/{id}"))
            })
            .await?;
        match response.status() {
            status if status.is_success() || status == StatusCode::NOT_FOUND => Ok(()),
            _ => Err(self.rest.refused(&what, response).await),
        }
    }

    /// Sends with the token of the session; one that is no longer accepted is replaced once.
    async fn send(
        &self,
        what: &str,
        build: impl Fn(&reqwest::Client, &str) -> RequestBuilder,
    ) -> Result<Response, DelegationError> {
        let once = async |session: &Session| {
            let request = build(&self.rest.http, &session.orchestration);
            let request = request.header("X-Auth-Token", &session.token);
            self.rest.ask(what, request).await
        };
        let session = self.session().await?;
        let response = once(&session).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        self.forget(&session.token).await;
        once(&self.session().await?).await
    }
}

/// The public endpoint of Heat. A catalog that leads out of TLS is not followed.
fn endpoint(catalog: &Value) -> Option<String> {
    let mut services = catalog.as_array()?.iter();
    let heat = services.find(|service| service["type"] == "orchestration")?;
    let mut endpoints = heat["endpoints"].as_array()?.iter();
    let public = endpoints.find(|endpoint| endpoint["interface"] == "public")?;
    let url = public["url"].as_str()?.trim_end_matches('/');
    url.starts_with("https://").then(|| url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heat_is_found_in_the_catalog_by_https_only() {
        let catalog = |url: &str| {
            json!([
                { "type": "compute", "endpoints": [{ "interface": "public", "url": "https://c" }] },
                { "type": "orchestration", "endpoints": [
                    { "interface": "admin", "url": "https://a" }, { "interface": "public", "url": url },
                ] },
            ])
        };
        assert_eq!(
            endpoint(&catalog("https://h/v1/")).as_deref(),
            Some("https://h/v1")
        );
        assert_eq!(endpoint(&catalog("http://h/v1")), None);
        assert_eq!(endpoint(&json!([])), None);
    }
}
