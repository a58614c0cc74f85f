//! What is around a VNFM in delegation mode: CMF, VIM and VNFCI, hand-written, on one address.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, patch, post};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cms::cert::CertificateChoices;
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{CertificateSet, EncapsulatedContentInfo, SignedData, SignerInfos};
use der::asn1::SetOfVec;
use der::{Any, Decode as _, Encode as _};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::bed::{Bed, serve_router};
use crate::support::Ca;

/// What was told to the three, and how they are to answer.
#[derive(Clone)]
pub struct Around {
    pub ca: Arc<Ca>,
    /// Certifies instead of `ca`, if it is there.
    pub other_ca: Arc<Mutex<Option<Arc<Ca>>>>,
    pub days_valid: Arc<Mutex<i64>>,
    /// Certified instead of what was asked for, if it is there.
    pub other_request: Arc<Mutex<Option<Vec<u8>>>>,
    /// Registrations that there are, by number.
    pub delegates: Arc<Mutex<Vec<Value>>>,
    /// Requests: label and operation.
    pub requests: Arc<Mutex<Vec<(String, String)>>>,
    /// How the next orders of stacks are answered; as they should be when nothing is here.
    pub orders: Arc<Mutex<VecDeque<Order>>>,
    /// Bodies of orders, as they came.
    pub stacks: watch::Sender<Vec<Value>>,
    pub deleted: Arc<Mutex<Vec<String>>>,
    /// How the next configurations are answered, 200 when nothing is here.
    pub configurations: Arc<Mutex<VecDeque<StatusCode>>>,
    pub configured: watch::Sender<Vec<Value>>,
    /// `X-Private-Key` of enrolments.
    pub strange_headers: Arc<Mutex<Vec<String>>>,
    pub root: String,
}

/// How an order is answered.
#[derive(Clone, Copy, PartialEq)]
pub enum Order {
    Refused,
    Failed,
    NeverAnswered,
}

const PASSWORD: &str = "s3cret";

impl Around {
    pub async fn new(bed: &Bed) -> Self {
        Self::named(bed, "127.0.0.1").await
    }

    /// With a certificate for this host, wherever it is.
    pub async fn named(bed: &Bed, host: &str) -> Self {
        let identity = bed.ca.peer_for(bed.folder.path(), "around", &[host]);
        let mut around = Self {
            ca: Arc::new(Ca::new("of VNFCIs")),
            other_ca: Arc::default(),
            days_valid: Arc::new(Mutex::new(100)),
            other_request: Arc::default(),
            delegates: Arc::default(),
            requests: Arc::default(),
            orders: Arc::default(),
            stacks: watch::Sender::default(),
            deleted: Arc::default(),
            configurations: Arc::default(),
            configured: watch::Sender::default(),
            strange_headers: Arc::default(),
            root: String::new(),
        };
        let folder = bed.folder.path();
        std::fs::write(folder.join("vnfci-ca.pem"), around.ca.certificate.pem()).unwrap();
        std::fs::write(folder.join("password"), format!("{PASSWORD}\n")).unwrap();
        let router = Router::new()
            .route("/scas-cmf/v1/delegates", post(register))
            .route("/scas-cmf/v1/delegates/{id}", delete(deregister))
            .route("/.well-known/est/{label}/{operation}", post(enrol))
            .route("/identity/v3/auth/tokens", post(token))
            .route("/heat/stacks", post(order).get(list))
            .route("/heat/stacks/{name}/{id}", get(show).delete(remove))
            .route("/heat/stacks/{name}/{id}/resources", get(resources))
            .route("/vnfconfig/v1/configuration", patch(configure));
        // The catalog has to name the address, which is known only once it serves.
        let root = Arc::new(std::sync::OnceLock::new());
        let router = router
            .route("/root", get(async || StatusCode::OK))
            .with_state((around.clone(), Arc::clone(&root)));
        around.root = serve_router(&bed.ca, &identity, router).await;
        root.set(around.root.clone()).unwrap();
        around
    }

    /// The sections of the configuration; `keys` goes into `[keys]`.
    pub fn sections(&self, keys: &str) -> String {
        let peer = "anchors = \"ca.pem\"\ncertificate = \"vnfm.pem\"\nprivate_key = \"vnfm.key\"\ntimeout_seconds = 1";
        format!(
            "[cmf]\nroot = \"{root}\"\nca_anchors = \"vnfci-ca.pem\"\n{peer}\n\
             [vim]\nauth_url = \"{root}/identity\"\nuser = \"vnfm\"\npassword_file = \"password\"\nproject = \"nfv\"\n{peer}\n\
             [oam]\nlisten = \"127.0.0.1:0\"\ncertificate = \"vnfm.pem\"\nprivate_key = \"vnfm.key\"\n[vnfci]\n{peer}\n\
             [keys]\ncustodian_command = [{command:?}]\nattempt_interval_ms = 1\n{keys}\n",
            root = self.root,
            command = env!("CARGO_BIN_EXE_scas-reference-custodian"),
        )
    }

    /// The files that the servers of an order get, by path; each server in turn.
    pub fn files(order: &Value) -> Vec<Vec<(String, String)>> {
        let servers = order["template"]["resources"].as_object().unwrap();
        servers
            .values()
            .map(|server| {
                let parameter = server["properties"]["user_data"]["get_param"].as_str();
                let user_data = &order["parameters"][parameter.unwrap()];
                written(user_data.as_str().unwrap())
            })
            .collect()
    }
}

/// Paths and contents of `write_files`, all in base64.
fn written(user_data: &str) -> Vec<(String, String)> {
    let value = |line: &str, name: &str| {
        let (_, value) = line.split_once(&format!("{name}: "))?;
        Some(value.to_owned())
    };
    let paths = user_data.lines().filter_map(|line| value(line, "- path"));
    let contents = user_data
        .lines()
        .filter_map(|line| value(line, "  content"))
        .map(|base64| String::from_utf8(BASE64_STANDARD.decode(base64).unwrap()).unwrap());
    paths.zip(contents).collect()
}

type Shared = State<(Around, Arc<std::sync::OnceLock<String>>)>;

async fn register(
    State((around, _)): Shared,
    axum::Json(body): axum::Json<Value>,
) -> impl IntoResponse {
    let mut delegates = around.delegates.lock().unwrap();
    delegates.push(body.clone());
    (
        StatusCode::CREATED,
        axum::Json(json!({ "id": format!("d{}", delegates.len() - 1) })),
    )
}

async fn deregister(State((around, _)): Shared, Path(id): Path<String>) -> StatusCode {
    let index: usize = id[1..].parse().unwrap();
    around.delegates.lock().unwrap()[index] = Value::Null;
    StatusCode::NO_CONTENT
}

async fn enrol(
    State((around, _)): Shared,
    Path((label, operation)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    assert_eq!(headers["content-type"], "application/pkcs10");
    let csr = BASE64_STANDARD.decode(&body).unwrap();
    if let Some(key) = headers.get("x-private-key") {
        let mut headers = around.strange_headers.lock().unwrap();
        headers.push(key.to_str().unwrap().to_owned());
    }
    let mut requests = around.requests.lock().unwrap();
    // The first of all has to ask again.
    if requests.is_empty() {
        requests.push((label, "deferred".to_owned()));
        return (StatusCode::ACCEPTED, [("retry-after", "0")]).into_response();
    }
    requests.push((label, operation));
    let other = around.other_request.lock().unwrap().clone();
    let csr = other.unwrap_or(csr);
    let ca = around.other_ca.lock().unwrap().clone();
    let ca = ca.unwrap_or_else(|| Arc::clone(&around.ca));
    let leaf = ca.certify(&csr, *around.days_valid.lock().unwrap());
    let mut all = SetOfVec::new();
    for der in [ca.certificate.der().to_vec(), leaf] {
        let certificate = cms::cert::x509::Certificate::from_der(&der).unwrap();
        all.insert(CertificateChoices::Certificate(certificate))
            .unwrap();
    }
    let signed = SignedData {
        version: CmsVersion::V1,
        digest_algorithms: SetOfVec::new(),
        encap_content_info: EncapsulatedContentInfo {
            econtent_type: const_oid::db::rfc5911::ID_DATA,
            econtent: None,
        },
        certificates: Some(CertificateSet(all)),
        crls: None,
        signer_infos: SignerInfos(SetOfVec::new()),
    };
    let content = ContentInfo {
        content_type: const_oid::db::rfc5911::ID_SIGNED_DATA,
        content: Any::encode_from(&signed).unwrap(),
    };
    let mut text = BASE64_STANDARD.encode(content.to_der().unwrap());
    text.insert(64, '\n');
    ([("content-type", "application/pkcs7-mime")], text).into_response()
}

async fn token(State((_, root)): Shared, axum::Json(body): axum::Json<Value>) -> Response {
    let user = &body["auth"]["identity"]["password"]["user"];
    assert_eq!(user["password"], PASSWORD);
    let url = format!("{}/heat", root.get().unwrap());
    let catalog =
        json!([{ "type": "orchestration", "endpoints": [{ "interface": "public", "url": url }] }]);
    let body = json!({ "token": { "catalog": catalog } });
    (
        StatusCode::CREATED,
        [("x-subject-token", "t0ken")],
        axum::Json(body),
    )
        .into_response()
}

const STACK: &str = "6f9c1c0e-7b7d-4a53-9d43-6a4b6cb3d1a5";

async fn order(
    State((around, _)): Shared,
    headers: HeaderMap,
    axum::Json(body): axum::Json<Value>,
) -> Response {
    assert_eq!(headers["x-auth-token"], "t0ken");
    let how = around.orders.lock().unwrap().front().copied();
    around.stacks.send_modify(|all| all.push(body));
    match how {
        Some(Order::Refused) => {
            around.orders.lock().unwrap().pop_front();
            StatusCode::FORBIDDEN.into_response()
        }
        Some(Order::NeverAnswered) => {
            around.orders.lock().unwrap().pop_front();
            std::future::pending().await
        }
        _ => (
            StatusCode::CREATED,
            axum::Json(json!({ "stack": { "id": STACK } })),
        )
            .into_response(),
    }
}

async fn list(
    State((around, _)): Shared,
    Query(query): Query<std::collections::HashMap<String, String>>,
) -> axum::Json<Value> {
    let stacks = around.stacks.borrow();
    let known = stacks
        .iter()
        .any(|one| one["stack_name"] == query["name"].as_str());
    let found = known.then(|| json!({ "stack_name": query["name"], "id": STACK }));
    axum::Json(json!({ "stacks": found.as_slice() }))
}

async fn show(State((around, _)): Shared) -> axum::Json<Value> {
    let status = match around.orders.lock().unwrap().pop_front() {
        Some(Order::Failed) => "CREATE_FAILED",
        _ => "CREATE_COMPLETE",
    };
    axum::Json(json!({ "stack": { "stack_status": status, "stack_status_reason": "no host" } }))
}

async fn remove(State((around, _)): Shared, Path((name, _)): Path<(String, String)>) -> StatusCode {
    around.deleted.lock().unwrap().push(name);
    StatusCode::NO_CONTENT
}

async fn resources(State((around, _)): Shared) -> axum::Json<Value> {
    let stacks = around.stacks.borrow();
    let order = stacks.last().unwrap();
    let servers = order["template"]["resources"].as_object().unwrap();
    let shown: Vec<_> = servers
        .keys()
        .map(|name| json!({ "resource_name": name, "resource_type": "OS::Nova::Server", "physical_resource_id": format!("server-{name}") }))
        .collect();
    axum::Json(json!({ "resources": shown }))
}

async fn configure(State((around, _)): Shared, headers: HeaderMap, body: Bytes) -> StatusCode {
    assert_eq!(headers["content-type"], "application/merge-patch+json");
    assert_eq!(headers["version"], "1.12.0");
    around
        .configured
        .send_modify(|all| all.push(serde_json::from_slice(&body).unwrap()));
    let how = around.configurations.lock().unwrap().pop_front();
    how.unwrap_or(StatusCode::OK)
}
