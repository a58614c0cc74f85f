//! What simulated REST APIs have in common: a table of routes on a plain HTTP server ([`Api`]), and that server behind
//! a front ([`Service`]).

mod answer;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use hyper::header::ALLOW;
use hyper::{Method, StatusCode};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use wiremock::matchers::any;
use wiremock::{Match, Mock, MockServer, Request, Respond, ResponseTemplate};

pub(crate) use self::answer::{Answer, Asked, decoded};
use crate::control::Control;
use crate::front::{
    Front, FrontConfig, Housekeeping, Observer, Parties, Refusal, Scrub, StartError,
};
use crate::route::Route;
use crate::tls::ServerSecurity;
use crate::transcript::Transcript;

/// Answers one request. It runs under a lock of the server, so nothing in it may wait.
pub(crate) type Handler<S> = fn(&S, &Asked<'_>) -> Answer;

/// An API: its routes, and what holds for all of them.
pub(crate) struct Api<S: 'static> {
    /// Written as [`Route`]s.
    pub(crate) routes: &'static [(&'static str, Handler<S>)],
    /// Asked before the handler, with the request's path: an answer refuses it.
    pub(crate) guard: fn(&S, &Asked<'_>) -> Result<(), Answer>,
    /// What no route fits: with the methods that the path has, if any.
    pub(crate) unknown: fn(&S, &Asked<'_>, &[&str]) -> Answer,
    /// Put on every answer.
    pub(crate) finish: fn(&S, &Asked<'_>, Answer) -> Answer,
}

impl<S> Api<S> {
    /// One that refuses with ProblemDetails what is not on its routes, and asks for nothing else.
    pub(crate) const fn of(routes: &'static [(&'static str, Handler<S>)]) -> Self {
        Self {
            routes,
            guard: |_, _| Ok(()),
            unknown: |_, asked, methods| problem_of_unknown(asked, methods),
            finish: |_, _, answer| answer,
        }
    }
}

impl<S> Clone for Api<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Api<S> {}

impl<S: Send + Sync> Api<S> {
    /// Puts all routes on the server.
    async fn mount(self, server: &MockServer, state: &Arc<S>) {
        let mut known = Vec::new();
        for (written, handler) in self.routes {
            let route =
                Route::parse(written).expect("routes are constants, and a test mounts them all");
            known.push(route.clone());
            let endpoint = Endpoint {
                route: route.clone(),
                handler: *handler,
                api: self,
                state: Arc::clone(state),
            };
            Mock::given(OnRoute(route))
                .respond_with(endpoint)
                .mount(server)
                .await;
        }
        let unknown = Unknown {
            routes: known,
            api: self,
            state: Arc::clone(state),
        };
        Mock::given(any()).respond_with(unknown).mount(server).await;
    }
}

/// Fits requests for a route.
struct OnRoute(Route);

impl Match for OnRoute {
    fn matches(&self, request: &Request) -> bool {
        self.0.matches(&request.method, request.url.path())
    }
}

struct Endpoint<S: 'static> {
    route: Route,
    handler: Handler<S>,
    api: Api<S>,
    state: Arc<S>,
}

impl<S: Send + Sync> Respond for Endpoint<S> {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let captures = self.route.captures(request.url.path()).unwrap_or_default();
        let asked = Asked::new(request, &captures);
        let answer = match (self.api.guard)(&self.state, &asked) {
            Ok(()) => (self.handler)(&self.state, &asked),
            Err(refusal) => refusal,
        };
        (self.api.finish)(&self.state, &asked, answer).into()
    }
}

struct Unknown<S: 'static> {
    routes: Vec<Route>,
    api: Api<S>,
    state: Arc<S>,
}

impl<S: Send + Sync> Respond for Unknown<S> {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let path = request.url.path();
        let routes = self.routes.iter().filter(|route| route.knows_path(path));
        let methods: Vec<_> = routes
            .filter_map(|route| route.method().map(Method::as_str))
            .collect();
        let asked = Asked::new(request, &[]);
        let answer = (self.api.unknown)(&self.state, &asked, &methods);
        (self.api.finish)(&self.state, &asked, answer).into()
    }
}

/// The status for a request that no route fits.
pub(crate) fn status_of_unknown(methods: &[&str]) -> StatusCode {
    if methods.is_empty() {
        StatusCode::NOT_FOUND
    } else {
        StatusCode::METHOD_NOT_ALLOWED
    }
}

/// ProblemDetails for it: 405 where only the method is wrong, else 404.
pub(crate) fn problem_of_unknown(asked: &Asked<'_>, methods: &[&str]) -> Answer {
    let (method, path) = (&asked.request.method, asked.path());
    let detail = match methods {
        [] => format!("nothing is served at `{path}`"),
        _ => format!("{method} is not possible on `{path}`"),
    };
    let answer = Answer::problem(status_of_unknown(methods), &detail);
    match methods {
        [] => answer,
        methods => answer.with(ALLOW, &methods.join(", ")),
    }
}

/// What a [`Service`] needs besides its API.
pub(crate) struct ServiceConfig {
    pub(crate) security: ServerSecurity,
    pub(crate) parties: Parties,
    pub(crate) transcript: Transcript,
    pub(crate) max_request_body: u64,
    pub(crate) observer: Option<Observer>,
    pub(crate) scrub: Option<Arc<dyn Scrub>>,
    pub(crate) refusal: Refusal,
}

/// An API that is served. End it with [`Service::stop`]; dropping it ends it too, without waiting.
pub(crate) struct Service {
    pub(crate) control: Control,
    front: Front,
    server: Arc<MockServer>,
    /// Open as long as the API's server runs; its end tells when that has gone.
    sentinel: TcpStream,
}

impl Service {
    /// Serves an API behind a front that takes connections from this listener.
    pub(crate) async fn start<S: Send + Sync + 'static>(
        listener: TcpListener,
        api: Api<S>,
        state: &Arc<S>,
        config: ServiceConfig,
    ) -> Result<Self, StartError> {
        let internal =
            std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(StartError::Internal)?;
        let server = MockServer::builder()
            .listener(internal)
            .disable_request_recording()
            .start()
            .await;
        let server = Arc::new(server);
        api.mount(&server, state).await;
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
                    api.mount(&server, &state).await;
                }
            })
        };
        let config = FrontConfig {
            security: config.security,
            upstream: *server.address(),
            parties: config.parties,
            transcript: config.transcript,
            control: control.clone(),
            max_request_body: config.max_request_body,
            observer: config.observer,
            scrub: config.scrub,
            refusal: config.refusal,
            housekeeping: Some(housekeeping),
        };
        Ok(Self {
            control,
            front: Front::start(listener, config)?,
            server,
            sentinel,
        })
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
