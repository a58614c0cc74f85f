//! What the tester asks of the SUT as NFVO: SOL003 VNF lifecycle management, read with tolerance and judged by nobody here.
//!
//! Paths are below the API's own; [`super::api_client`] knows that and what every request bears.

use scas_simulators::client::{Answer as HttpAnswer, Call, CallError};
use serde_json::{Value, json};

use super::api_client::{ApiClient, ApiConnection};

/// The longest identifier that is taken for one, in bytes.
const LONGEST_IDENTIFIER: usize = 4096;

/// What became of the creation of a VNF instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Creation {
    /// 201 with an identifier; or, tolerated, 200 or 202 with one in the body or in the Location.
    Created {
        /// The identifier as it was on the wire.
        id: String,
        /// Number of the exchange.
        exchange: u64,
        /// Whether the SUT says that the instance is there (200, 201) or that it will be (202).
        there: bool,
    },
    /// A status of 400 or more. What it means is for a judge to say.
    Status {
        /// The status.
        status: u16,
        /// ProblemDetails, in words.
        text: String,
        /// Number of the exchange.
        exchange: u64,
    },
    /// Anything else: no answer, or one that says nothing.
    None {
        /// What came instead.
        text: String,
    },
}

/// The members of a request to create a VNF instance of this VNFD. The name says nothing that a SUT could tell a test by.
pub fn new_instance(vnfd_id: &str, name: &str) -> Value {
    json!({ "vnfdId": vnfd_id, "vnfInstanceName": name })
}

/// `POST /vnf_instances` with this body.
pub fn create_with(body: &Value) -> Call {
    with_body(http::Method::POST, "/vnf_instances".into(), body)
}

/// `GET /vnf_instances/{id}`.
pub fn instance(id: &str) -> Call {
    plain(http::Method::GET, format!("/vnf_instances/{}", segment(id)))
}

/// `GET /vnf_lcm_op_occs`.
pub fn operations() -> Call {
    plain(http::Method::GET, "/vnf_lcm_op_occs".into())
}

/// `POST /vnf_instances/{id}/{task}`, e.g. `instantiate`, with this body.
pub fn task(id: &str, task: &str, body: &Value) -> Call {
    let path = format!("/vnf_instances/{}/{task}", segment(id));
    with_body(http::Method::POST, path, body)
}

/// `DELETE /vnf_instances/{id}`.
pub fn delete(id: &str) -> Call {
    plain(
        http::Method::DELETE,
        format!("/vnf_instances/{}", segment(id)),
    )
}

/// `POST /vnf_instances/{id}/terminate`, forceful.
pub fn terminate(id: &str) -> Call {
    task(id, "terminate", &json!({ "terminationType": "FORCEFUL" }))
}

/// `GET` of a lifecycle operation occurrence.
pub fn operation(id: &str) -> Call {
    plain(
        http::Method::GET,
        format!("/vnf_lcm_op_occs/{}", segment(id)),
    )
}

/// `POST /vnf_lcm_op_occs/{id}/fail`: an operation that has failed for now has failed for good (SOL003 5.4.16).
pub fn fail(id: &str) -> Call {
    plain(
        http::Method::POST,
        format!("/vnf_lcm_op_occs/{}/fail", segment(id)),
    )
}

/// `POST /subscriptions` for every notification.
pub fn subscribe(callback: &str) -> Call {
    with_body(
        http::Method::POST,
        "/subscriptions".into(),
        &json!({ "callbackUri": callback }),
    )
}

/// `GET /api_versions`: which versions the API has (SOL013 9.3.2).
pub fn versions() -> Call {
    plain(http::Method::GET, "/api_versions".into())
}

/// `GET /vnf_instances`, the first page.
pub fn instances() -> Call {
    plain(http::Method::GET, "/vnf_instances".into())
}

/// `GET /subscriptions`, the first page.
pub fn subscriptions() -> Call {
    plain(http::Method::GET, "/subscriptions".into())
}

/// `DELETE /subscriptions/{id}`.
pub fn unsubscribe(id: &str) -> Call {
    plain(
        http::Method::DELETE,
        format!("/subscriptions/{}", segment(id)),
    )
}

/// Reads the answer to a creation.
pub fn creation(answer: Result<HttpAnswer, CallError>) -> Creation {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            return Creation::None {
                text: error.to_string(),
            };
        }
    };
    let status = answer.status.as_u16();
    match status {
        200..=202 => match identifier(&answer) {
            Some(id) => Creation::Created {
                id,
                exchange: answer.seq,
                there: status != 202,
            },
            None => Creation::None {
                text: format!(
                    "HTTP {status} without an identifier of 1 to 4096 bytes: {}",
                    excerpt(&answer.body)
                ),
            },
        },
        400.. => Creation::Status {
            status,
            text: problem(&answer),
            exchange: answer.seq,
        },
        _ => Creation::None {
            text: format!("HTTP {status}, neither 201 nor a refusal"),
        },
    }
}

/// Status and ProblemDetails in one line.
pub fn refusal(answer: &HttpAnswer) -> String {
    format!("HTTP {}: {}", answer.status.as_u16(), problem(answer))
}

/// `detail` of ProblemDetails (SOL013 6.3), else the beginning of the body.
pub fn problem(answer: &HttpAnswer) -> String {
    serde_json::from_slice::<Value>(&answer.body)
        .ok()
        .and_then(|problem| problem.get("detail")?.as_str().map(str::to_owned))
        .unwrap_or_else(|| excerpt(&answer.body))
}

/// The last part of the Location header: how SOL003 names a new resource.
pub fn location_id(answer: &HttpAnswer) -> Option<String> {
    let location = answer.headers.get(http::header::LOCATION)?.to_str().ok()?;
    let id = location.trim_end_matches('/').rsplit('/').next()?;
    (!id.is_empty()).then(|| id.to_owned())
}

/// A connection that is opened when first needed, and again after an error.
pub struct Worker {
    client: ApiClient,
    connection: Option<ApiConnection>,
}

impl Worker {
    /// A worker on a SUT's API.
    pub fn new(client: ApiClient) -> Self {
        Self {
            client,
            connection: None,
        }
    }

    /// Sends one request; never twice, since a lost answer may hide a creation.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn send(&mut self, call: Call) -> Result<HttpAnswer, CallError> {
        let mut connection = match self.connection.take() {
            Some(connection) if !connection.is_closed() => connection,
            _ => self.client.open().await?,
        };
        let answer = connection.send(call).await?;
        self.connection = Some(connection);
        Ok(answer)
    }
}

/// `id` of the body. An answer other than 201 may bear it in its Location alone.
fn identifier(answer: &HttpAnswer) -> Option<String> {
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let id = body.and_then(|body| Some(body.get("id")?.as_str()?.to_owned()));
    let id = match answer.status.as_u16() {
        201 => id,
        _ => id.or_else(|| location_id(answer)),
    };
    id.filter(|id| (1..=LONGEST_IDENTIFIER).contains(&id.len()))
}

fn plain(method: http::Method, path: String) -> Call {
    let mut call = Call::new(method, path);
    call.headers.insert(
        http::header::ACCEPT,
        http::HeaderValue::from_static("application/json"),
    );
    call
}

fn with_body(method: http::Method, path: String, body: &Value) -> Call {
    let mut call = plain(method, path);
    call.headers.insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("application/json"),
    );
    call.body = body.to_string().into_bytes().into();
    call
}

/// An identifier as one segment of a path: a SUT's identifier may hold anything.
pub(super) fn segment(id: &str) -> String {
    let mut text = String::new();
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            use std::fmt::Write as _;
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

fn excerpt(body: &[u8]) -> String {
    const LIMIT: usize = 200;
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * LIMIT)]);
    if text.is_empty() {
        return "(no body)".to_owned();
    }
    text.chars().take(LIMIT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_stays_one_segment() {
        assert_eq!(segment("a/b c"), "a%2Fb%20c");
        assert_eq!(segment("0f-1"), "0f-1");
    }

    #[test]
    fn no_answer_is_no_refusal() {
        let none = creation(Err(CallError::TimedOut));
        assert!(matches!(none, Creation::None { .. }));
    }
}
