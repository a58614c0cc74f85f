//! The way out of a private key: one HTTP request over mutual TLS to the one peer that is to have it. Main function:
//! [`send`].

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http_body_util::Full;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::defective;
use super::key::Key;
use super::protocol::{Answer, Delivery, pem_in_base64, pem_in_json};
use crate::defect::{Defects, Deviation};
use crate::vnfm::tls::{ClientFiles, client_config};

/// More than this of an answer is not read.
const MAX_ANSWER: usize = 64 * 1024;

/// Sends the request with the keys in their places. A new connection each time: nothing is ever sent twice by itself.
pub(super) async fn send(
    delivery: &Delivery,
    keys: &HashMap<String, Key>,
    defects: Defects,
) -> anyhow::Result<Answer> {
    anyhow::ensure!(
        delivery.url.starts_with("https://"),
        "a private key is sent by https only, not to `{}`",
        delivery.url
    );
    let files = ClientFiles {
        anchors: ("anchors", &delivery.anchors),
        certificate: ("certificate", &delivery.certificate),
        private_key: ("private_key", &delivery.private_key),
    };
    let tls = client_config(&files, delivery.verification)?;
    let unencrypted = tls.clone();
    let http = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .pool_max_idle_per_host(0)
        .no_proxy()
        .https_only(true)
        .timeout(Duration::from_millis(delivery.timeout_ms))
        .build()?;
    let mut request = http.request(
        Method::from_bytes(delivery.method.as_bytes())?,
        &delivery.url,
    );
    for (name, value) in &delivery.headers {
        request = request.header(name, value);
    }
    if defects.has(Deviation::VimWithoutTls) && delivery.method == "POST" {
        defective::send_in_clear(delivery, filled(&delivery.body, keys)?, unencrypted).await;
    }
    // A body that cannot be had twice: any other is kept until the answer comes, in case it has to be sent again.
    let body = Full::new(Bytes::from(filled(&delivery.body, keys)?));
    let mut response = request.body(reqwest::Body::wrap(body)).send().await?;
    let status = response.status();
    let mut body = Vec::new();
    while let (true, Some(chunk)) = (body.len() < MAX_ANSWER, response.chunk().await?) {
        body.extend_from_slice(&chunk);
    }
    Ok(Answer::Sent {
        status: status.as_u16(),
        stack_id: (status == StatusCode::CREATED)
            .then(|| stack_id(&body))
            .flatten(),
    })
}

/// `stack.id` where it is what Heat gives, a UUID.
fn stack_id(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let id = body["stack"]["id"].as_str()?;
    Some(uuid::Uuid::parse_str(id).ok()?.to_string())
}

/// The body with each marker replaced, in a buffer that is large enough from the beginning.
fn filled(body: &str, keys: &HashMap<String, Key>) -> anyhow::Result<Vec<u8>> {
    let mut places: Vec<(usize, usize, String)> = Vec::new();
    for (id, key) in keys {
        let markers = [pem_in_base64(id), pem_in_json(id)];
        if !markers.iter().any(|marker| body.contains(marker)) {
            // A key that is not asked for stays where it is.
            continue;
        }
        let pem = key.pem()?;
        let texts = [BASE64_STANDARD.encode(&pem), pem.replace('\n', "\\n")];
        for (marker, text) in markers.iter().zip(texts) {
            for (at, found) in body.match_indices(marker) {
                places.push((at, found.len(), text.clone()));
            }
        }
    }
    places.sort_by_key(|(at, ..)| *at);
    let more: usize = places.iter().map(|(_, _, text)| text.len()).sum();
    let mut whole = Vec::with_capacity(body.len() + more);
    let mut rest = 0;
    for (at, length, text) in &places {
        whole.extend_from_slice(&body.as_bytes()[rest..*at]);
        whole.extend_from_slice(text.as_bytes());
        rest = at + length;
    }
    whole.extend_from_slice(&body.as_bytes()[rest..]);
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custodian::protocol::KeyKind;

    #[test]
    fn each_key_stands_in_its_own_places_only() {
        let keys: HashMap<_, _> = ["a", "b"]
            .map(|id| {
                (
                    id.to_owned(),
                    Key::generate(KeyKind::P256, id, crate::defect::Defects::NONE).unwrap(),
                )
            })
            .into();
        let body = format!(
            r#"{{"x":"{}","y":["{}","{}"],"z":"{}"}}"#,
            pem_in_json("b"),
            pem_in_base64("a"),
            pem_in_json("a"),
            pem_in_json("c"),
        );
        let body: Value = serde_json::from_slice(&filled(&body, &keys).unwrap()).unwrap();
        assert_eq!(body["x"], keys["b"].pem().unwrap());
        assert_eq!(
            body["y"][0],
            BASE64_STANDARD.encode(keys["a"].pem().unwrap())
        );
        assert_eq!(body["y"][1], keys["a"].pem().unwrap());
        assert_eq!(body["z"], pem_in_json("c"), "nobody has this key");
    }

    #[test]
    fn only_an_identifier_of_heat_is_told() {
        let id = "1f0c2f6e-5b1c-4b62-8f3a-6f3ad0c2a7f0";
        let told = |body: &str| stack_id(body.as_bytes());
        assert_eq!(
            told(&format!(r#"{{"stack":{{"id":"{id}"}}}}"#)).as_deref(),
            Some(id)
        );
        assert_eq!(
            told(r#"{"stack":{"id":"-----BEGIN PRIVATE KEY-----"}}"#),
            None
        );
        assert_eq!(told("no JSON"), None);
    }
}
