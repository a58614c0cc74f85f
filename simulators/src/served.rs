//! A simulated API that is served: [`Served`] is a table of routes on `wiremock` behind a [`Front`].

mod answer;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::ALLOW;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use wiremock::matchers::any;
use wiremock::{Match, Mock, MockServer, Request, Respond, ResponseTemplate};

pub(crate) use self::answer::{Answer, Asked};
use crate::control::Control;
use crate::front::{Front, FrontConfig, Housekeeping, Parties, Scrub, StartError, problem_details};
use crate::route::Route;
use crate::tls::ServerSecurity;
use crate::transcript::Transcript;

/// Answers one request. It runs under a lock of the server, so nothing in it may wait.
pub(crate) type Handler<S> = fn(&S, &Asked<'_>) -> Answer;

/// Routes, written as [`Route`]s, and who answers them.
pub(crate) type Table<S> = &'static [(&'static str, Handler<S>)];

/// What is served, besides the routes.
pub(crate) struct ServedConfig {
    pub(crate) security: ServerSecurity,
    pub(crate) parties: Parties,
    pub(crate) transcript: Transcript,
    pub(crate) max_request_body: u64,
    pub(crate) scrub: Option<Arc<dyn Scrub>>,
}

/// A running API. End it with [`Served::stop`]; dropping it ends it too, without waiting.
pub(crate) struct Served {
    control: Control,
    front: Front,
    server: Arc<MockServer>,
    /// Open as long as the API's server runs; its end tells when that has gone.
    sentinel: TcpStream,
}

impl Served {
    pub(crate) async fn start<S: Send + Sync + 'static>(
        listener: TcpListener,
        table: Table<S>,
        state: &Arc<S>,
        config: ServedConfig,
    ) -> Result<Self, StartError> {
        let internal =
            std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(StartError::Internal)?;
        let server = MockServer::builder()
            .listener(internal)
            .disable_request_recording()
            .start()
            .await;
        let server = Arc::new(server);
        mount(&server, table, state).await;
        let sentinel = TcpStream::connect(server.address())
            .await
            .map_err(StartError::Internal)?;
        let control = Control::default();
        let housekeeping = {
            let (server, state) = (Arc::clone(&server), Arc::clone(state));
            // wiremock keeps every request that a mock matched, as long as the mock is mounted.
            Housekeeping::new(move || {
                let (server, state) = (Arc::clone(&server), Arc::clone(&state));
                async move {
                    server.reset().await;
                    mount(&server, table, &state).await;
                }
            })
        };
        let front = Front::start(
            listener,
            FrontConfig {
                security: config.security,
                upstream: *server.address(),
                parties: config.parties,
                transcript: config.transcript,
                control: control.clone(),
                max_request_body: config.max_request_body,
                observer: None,
                redaction: None,
                refusal: problem_details,
                scrub: config.scrub,
                housekeeping: Some(housekeeping),
            },
        )?;
        Ok(Self {
            control,
            front,
            server,
            sentinel,
        })
    }

    pub(crate) fn control(&self) -> &Control {
        &self.control
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.front.address()
    }

    /// Closes all connections and waits until port, tasks and the API's thread have gone.
    pub(crate) async fn stop(self) {
        let Self {
            front,
            server,
            mut sentinel,
            ..
        } = self;
        front.stop().await;
        // Its drop waits for a lock, which must not stop the runtime's thread.
        if let Err(error) = tokio::task::spawn_blocking(move || drop(server)).await {
            tracing::warn!(%error, "the API's server did not stop cleanly");
        }
        // An end or a reset: either way the other side has gone.
        if let Err(error) = sentinel.read_to_end(&mut Vec::new()).await {
            tracing::debug!(%error, "the API's server has gone");
        }
    }
}

/// E.g. `https://127.0.0.1:34567`. An address that means all is called by its loopback address.
pub(crate) fn root(scheme: &str, public_host: Option<&str>, address: SocketAddr) -> String {
    let address = match (public_host, address.ip()) {
        (Some(host), _) => return format!("{scheme}://{host}:{}", address.port()),
        (None, IpAddr::V4(ip)) if ip.is_unspecified() => {
            SocketAddr::from((Ipv4Addr::LOCALHOST, address.port()))
        }
        (None, IpAddr::V6(ip)) if ip.is_unspecified() => {
            SocketAddr::from((Ipv6Addr::LOCALHOST, address.port()))
        }
        _ => address,
    };
    format!("{scheme}://{address}")
}

async fn mount<S: Send + Sync + 'static>(server: &MockServer, table: Table<S>, state: &Arc<S>) {
    let mut routes = Vec::new();
    for (written, handler) in table {
        let route = Route::parse(written).expect("routes are constants, and tests mount them all");
        routes.push(route.clone());
        let endpoint = Endpoint {
            route: route.clone(),
            handler: *handler,
            state: Arc::clone(state),
        };
        Mock::given(OnRoute(route))
            .respond_with(endpoint)
            .mount(server)
            .await;
    }
    Mock::given(any())
        .respond_with(Unknown { routes })
        .mount(server)
        .await;
}

struct OnRoute(Route);

impl Match for OnRoute {
    fn matches(&self, request: &Request) -> bool {
        self.0.matches(&request.method, request.url.path())
    }
}

struct Endpoint<S: 'static> {
    route: Route,
    handler: Handler<S>,
    state: Arc<S>,
}

impl<S: Send + Sync> Respond for Endpoint<S> {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let captures = self.route.captures(request.url.path()).unwrap_or_default();
        (self.handler)(&self.state, &Asked::new(request, &captures)).into()
    }
}

/// What no route fits: 405 where only the method is wrong, else 404.
struct Unknown {
    routes: Vec<Route>,
}

impl Respond for Unknown {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let path = request.url.path();
        let methods: Vec<_> = self
            .routes
            .iter()
            .filter(|route| route.knows_path(path))
            .filter_map(|route| route.method().map(hyper::Method::as_str))
            .collect();
        if methods.is_empty() {
            let detail = format!("nothing is served at `{path}`");
            Answer::problem(StatusCode::NOT_FOUND, &detail).into()
        } else {
            let detail = format!("{} is not possible on `{path}`", request.method);
            Answer::problem(StatusCode::METHOD_NOT_ALLOWED, &detail)
                .with(ALLOW, &methods.join(", "))
                .into()
        }
    }
}
