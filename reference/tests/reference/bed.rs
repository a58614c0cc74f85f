//! A test bed for the VNFM: a hand-written NFVO over mutual TLS, and the VNFM, in this process or in one of its own.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use scas_reference::vnfm::{Config, Vnfm};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::support::{Ca, Files, Identity, Signing, VNFD_ID};

/// What the NFVO serves and was told.
#[derive(Clone)]
pub struct Nfvo {
    packages: Arc<Mutex<HashMap<String, Package>>>,
    pub notifications: watch::Sender<Vec<Value>>,
    pub requests: Arc<Mutex<Vec<String>>>,
    pub rejects_grants: Arc<Mutex<bool>>,
    /// Answers 202 to this many requests before it grants.
    pub hesitates: Arc<Mutex<u32>>,
    /// Answers 500 instead of a VNFD.
    pub is_broken: Arc<Mutex<bool>>,
    /// The access token that it wants, if it wants one.
    pub token: Arc<Mutex<Option<String>>>,
}

#[derive(Clone)]
pub struct Package {
    pub vnfd: Vec<u8>,
    pub content: Vec<u8>,
    pub option: &'static str,
    pub operational_state: &'static str,
}

struct Tls {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, peer) = self.listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, peer);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Everything around a VNFM.
pub struct Bed {
    pub folder: tempfile::TempDir,
    pub ca: Ca,
    pub tester: Identity,
    pub signing: Signing,
    pub nfvo: Nfvo,
    pub nfvo_root: String,
}

impl Bed {
    /// With one good package, [`VNFD_ID`].
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ca = Ca::new("tls");
        std::fs::write(folder.path().join("ca.pem"), ca.certificate.pem()).unwrap();
        let [nfvo_identity, _, tester] =
            ["nfvo", "vnfm", "tester"].map(|name| ca.peer(folder.path(), name));
        let signing = Signing::new();
        std::fs::write(
            folder.path().join("signers.pem"),
            signing.ca.certificate.pem(),
        )
        .unwrap();
        let nfvo = Nfvo {
            packages: Arc::default(),
            notifications: watch::Sender::new(Vec::new()),
            requests: Arc::default(),
            rejects_grants: Arc::default(),
            hesitates: Arc::default(),
            is_broken: Arc::default(),
            token: Arc::default(),
        };
        let nfvo_root = serve(&ca, &nfvo_identity, nfvo.clone()).await;
        let bed = Self {
            folder,
            ca,
            tester,
            signing,
            nfvo,
            nfvo_root,
        };
        bed.onboard(
            VNFD_ID,
            Files::definitions()
                .with_signed_manifest(&bed.signing.good)
                .zip(),
        );
        bed
    }

    /// Serves this archive as the VNFD.
    pub fn onboard(&self, vnfd_id: &str, vnfd: Vec<u8>) {
        let package = Package {
            vnfd,
            content: Vec::new(),
            option: "OPTION_1",
            operational_state: "ENABLED",
        };
        self.nfvo
            .packages
            .lock()
            .unwrap()
            .insert(vnfd_id.to_owned(), package);
    }

    pub fn change(&self, vnfd_id: &str, change: impl FnOnce(&mut Package)) {
        change(self.nfvo.packages.lock().unwrap().get_mut(vnfd_id).unwrap());
    }

    /// A configuration file for a VNFM with these defects; `more` goes into `[packages]`.
    pub fn configure(&self, defects: &[&str], more: &str) -> PathBuf {
        let text = format!(
            "[api]\nlisten = \"127.0.0.1:0\"\ncertificate = \"vnfm.pem\"\nprivate_key = \"vnfm.key\"\nclient_anchors = \"ca.pem\"\n\
             [nfvo]\napi_root = \"{}\"\nanchors = \"ca.pem\"\ncertificate = \"vnfm.pem\"\nprivate_key = \"vnfm.key\"\n\
             [packages]\nanchors = \"signers.pem\"\n{more}\n\
             [storage]\ndirectory = \"state\"\n[log]\nfile = \"vnfm.log\"\n[test]\ndefects = {defects:?}\n",
            self.nfvo_root
        );
        let path = self.folder.path().join("vnfm.toml");
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Starts it in this process.
    pub async fn start(&self, defects: &[&str], more: &str) -> (Vnfm, Tester) {
        let config = Config::load(&self.configure(defects, more)).unwrap();
        let vnfm = loop {
            match Vnfm::start(&config).await {
                Ok(vnfm) => break vnfm,
                // One that was stopped a moment ago lets go of its state as its last thread ends.
                Err(error) if format!("{error:#}").contains("already open") => {
                    tokio::task::yield_now().await;
                }
                Err(error) => panic!("{error:#}"),
            }
        };
        let tester = Tester {
            http: self.client(Some(&self.tester)),
            root: vnfm.api_root().to_owned(),
        };
        (vnfm, tester)
    }

    /// An HTTP client that shows this certificate.
    pub fn client(&self, identity: Option<&Identity>) -> reqwest::Client {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.ca.certificate.der().clone()).unwrap();
        let builder = rustls::ClientConfig::builder_with_provider(Arc::new(
            rustls::crypto::aws_lc_rs::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
        let config = match identity {
            Some(identity) => {
                let (chain, key) = load(identity);
                builder.with_client_auth_cert(chain, key).unwrap()
            }
            None => builder.with_no_client_auth(),
        };
        reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap()
    }

    /// Waits until such a notification has come.
    pub async fn notification(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut seen = self.nfvo.notifications.subscribe();
        let found = seen.wait_for(|all| all.iter().any(&wanted)).await.unwrap();
        found.iter().find(|one| wanted(one)).unwrap().clone()
    }
}

/// The tester, as NFVO, calling the VNFM.
pub struct Tester {
    pub http: reqwest::Client,
    pub root: String,
}

impl Tester {
    pub fn uri(&self, path: &str) -> String {
        if path.starts_with("https:") {
            path.to_owned()
        } else {
            format!("{}/vnflcm/v2{path}", self.root)
        }
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        let response = self
            .http
            .get(self.uri(path))
            .header("Version", "2.3.0")
            .send()
            .await
            .unwrap();
        let status = response.status();
        (
            status,
            serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default(),
        )
    }

    pub async fn post(&self, path: &str, body: Value) -> (StatusCode, String, Value) {
        let response = self
            .http
            .post(self.uri(path))
            .header("Version", "2.3.0")
            .json(&body)
            .send()
            .await
            .unwrap();
        let status = response.status();
        let location = response
            .headers()
            .get("location")
            .map(|value| value.to_str().unwrap().to_owned())
            .unwrap_or_default();
        (
            status,
            location,
            serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default(),
        )
    }

    pub async fn create(&self) -> (StatusCode, Value) {
        let (status, _, body) = self
            .post(
                "/vnf_instances",
                json!({ "vnfdId": VNFD_ID, "vnfInstanceName": "one" }),
            )
            .await;
        (status, body)
    }

    pub async fn delete(&self, path: &str) -> StatusCode {
        self.http
            .delete(self.uri(path))
            .header("Version", "2.3.0")
            .send()
            .await
            .unwrap()
            .status()
    }

    pub async fn subscribe(&self, callback: &str) -> (StatusCode, String, Value) {
        self.post("/subscriptions", json!({ "callbackUri": callback }))
            .await
    }
}

fn load(identity: &Identity) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let chain = CertificateDer::pem_slice_iter(identity.pem.as_bytes())
        .collect::<Result<_, _>>()
        .unwrap();
    (
        chain,
        PrivateKeyDer::from_pem_slice(&std::fs::read(&identity.key).unwrap()).unwrap(),
    )
}

async fn serve(ca: &Ca, identity: &Identity, nfvo: Nfvo) -> String {
    let router = Router::new()
        .route("/vnfpkgm/v2/onboarded_vnf_packages/{id}", get(info))
        .route("/vnfpkgm/v2/onboarded_vnf_packages/{id}/vnfd", get(vnfd))
        .route(
            "/vnfpkgm/v2/onboarded_vnf_packages/{id}/package_content",
            get(content),
        )
        .route("/grant/v1/grants", post(grant))
        .route("/grant/v1/grants/pending", get(pending))
        .route("/token", post(token))
        .route(
            "/notifications/{name}",
            get(async || StatusCode::NO_CONTENT).post(notified),
        )
        .with_state(nfvo);
    serve_router(ca, identity, router).await
}

/// Serves to whoever has a certificate of this CA; the root of its URIs.
pub async fn serve_router(ca: &Ca, identity: &Identity, router: Router) -> String {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(ca.certificate.der().clone()).unwrap();
    let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
        Arc::new(roots),
        Arc::clone(&provider),
    )
    .build()
    .unwrap();
    let (chain, key) = load(identity);
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let root = format!("https://{}", listener.local_addr().unwrap());
    let listener = Tls {
        listener,
        acceptor: TlsAcceptor::from(Arc::new(config)),
    };
    tokio::spawn(async move { axum::serve(listener, router).await });
    root
}

async fn info(State(nfvo): State<Nfvo>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    nfvo.requests.lock().unwrap().push("info".to_owned());
    assert_eq!(headers["version"], "2.4.0");
    if let Some(token) = &*nfvo.token.lock().unwrap()
        && headers
            .get("authorization")
            .is_none_or(|given| *given != format!("Bearer {token}"))
    {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    match nfvo.packages.lock().unwrap().get(&id) {
        None => StatusCode::NOT_FOUND.into_response(),
        Some(package) => axum::Json(json!({
            "id": "pkg-1", "vnfdId": id, "vnfProvider": "test", "vnfProductName": "product", "vnfSoftwareVersion": "1.0",
            "vnfdVersion": "1.0", "packageSecurityOption": package.option, "onboardingState": "ONBOARDED",
            "operationalState": package.operational_state, "usageState": "NOT_IN_USE", "_links": {},
        }))
        .into_response(),
    }
}

async fn vnfd(
    State(nfvo): State<Nfvo>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    nfvo.requests
        .lock()
        .unwrap()
        .push(format!("vnfd?{}", query.unwrap_or_default()));
    if *nfvo.is_broken.lock().unwrap() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let vnfd = nfvo.packages.lock().unwrap()[&id].vnfd.clone();
    ([("content-type", "application/zip")], vnfd).into_response()
}

async fn content(State(nfvo): State<Nfvo>, Path(id): Path<String>) -> Response {
    nfvo.requests
        .lock()
        .unwrap()
        .push("package_content".to_owned());
    let content = nfvo.packages.lock().unwrap()[&id].content.clone();
    ([("content-type", "application/zip")], content).into_response()
}

async fn grant(
    State(nfvo): State<Nfvo>,
    headers: HeaderMap,
    axum::Json(request): axum::Json<Value>,
) -> Response {
    assert_eq!(headers["version"], "1.6.0");
    if *nfvo.rejects_grants.lock().unwrap() {
        return (
            StatusCode::FORBIDDEN,
            axum::Json(json!({ "status": 403, "detail": "no resources" })),
        )
            .into_response();
    }
    if *nfvo.hesitates.lock().unwrap() > 0 {
        let location = [
            ("location", "/grant/v1/grants/pending"),
            ("retry-after", "0"),
        ];
        return (StatusCode::ACCEPTED, location).into_response();
    }
    let grant = json!({ "id": "grant-1", "vnfInstanceId": request["vnfInstanceId"], "vnfLcmOpOccId": request["vnfLcmOpOccId"], "_links": {} });
    (StatusCode::CREATED, axum::Json(grant)).into_response()
}

async fn notified(
    State(nfvo): State<Nfvo>,
    axum::Json(notification): axum::Json<Value>,
) -> StatusCode {
    nfvo.notifications.send_modify(|all| all.push(notification));
    StatusCode::NO_CONTENT
}

async fn pending(State(nfvo): State<Nfvo>) -> Response {
    let mut hesitates = nfvo.hesitates.lock().unwrap();
    *hesitates = hesitates.saturating_sub(1);
    if *hesitates > 0 {
        return (StatusCode::ACCEPTED, [("retry-after", "0")]).into_response();
    }
    let grant = json!({ "id": "grant-2", "vnfInstanceId": "", "vnfLcmOpOccId": "", "_links": {} });
    axum::Json(grant).into_response()
}

/// Gives the current token to the client `vnfm` with the secret `s3c:ret/`, both form-encoded in the header as RFC 6749 asks.
async fn token(State(nfvo): State<Nfvo>, headers: HeaderMap, body: String) -> Response {
    use base64::Engine;
    let expected = base64::prelude::BASE64_STANDARD.encode("vnfm:s3c%3Aret%2F");
    if headers["authorization"] != format!("Basic {expected}")
        || body != "grant_type=client_credentials"
    {
        return StatusCode::BAD_REQUEST.into_response();
    }
    nfvo.requests.lock().unwrap().push("token".to_owned());
    let token = nfvo.token.lock().unwrap().clone();
    axum::Json(json!({ "access_token": token, "token_type": "Bearer", "expires_in": 3600 }))
        .into_response()
}
