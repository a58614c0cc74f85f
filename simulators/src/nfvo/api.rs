//! Which request goes where: the table of routes, and what holds for all of them (Version, authorization).

use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::{ALLOW, HeaderName, WWW_AUTHENTICATE};
use serde_json::json;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::answer::{Answer, Asked};
use super::state::State;
use super::{artifacts, grants, notifications, oauth2, packages, subscriptions};
use crate::rest::{OnRoute, decoded};
use crate::route::Route;

const VERSION: HeaderName = HeaderName::from_static("version");

/// Versions that are served: SOL003 V2.7.1 to V4.5.1 agree on what is served here.
const PACKAGE_VERSIONS: [&str; 5] = ["2.0.0", "2.1.0", "2.3.0", "2.4.0", "2.12.0"];
const GRANT_VERSIONS: [&str; 6] = ["1.3.0", "1.4.0", "1.6.0", "1.7.0", "1.10.0", "1.12.0"];

/// The API that a path belongs to: its first segment, its major version, and the version that an answer names where
/// the request names none that is served. `notifications` are those of VNF lifecycle management (SOL003 clause 5).
const APIS: [(&str, &str, &str); 3] = [
    ("vnfpkgm", "2", "2.4.0"),
    ("grant", "1", "1.7.0"),
    ("notifications", "2", "2.3.0"),
];

type Handler = fn(&State, &Asked<'_>) -> Answer;

/// What a request must bring besides fitting its route.
#[derive(Clone, Copy)]
enum Guard {
    /// Nothing.
    Open,
    /// A bearer token, if the NFVO gives them out.
    Token,
    /// That, and the Version of an API of this major version (SOL013 clause 9.3).
    Api(&'static str),
}

const ROUTES: &[(&str, Guard, Handler)] = &[
    ("GET /vnfpkgm/api_versions", Guard::Token, package_versions),
    (
        "GET /vnfpkgm/v2/api_versions",
        Guard::Token,
        package_versions,
    ),
    (
        "GET /vnfpkgm/v2/vnf_packages",
        Guard::Api("2"),
        packages::list,
    ),
    (
        "GET /vnfpkgm/v2/vnf_packages/{vnfPkgId}",
        Guard::Api("2"),
        packages::info_by_id,
    ),
    (
        "GET /vnfpkgm/v2/vnf_packages/{vnfPkgId}/vnfd",
        Guard::Api("2"),
        packages::vnfd_by_id,
    ),
    (
        "GET /vnfpkgm/v2/vnf_packages/{vnfPkgId}/manifest",
        Guard::Api("2"),
        packages::manifest_by_id,
    ),
    (
        "GET /vnfpkgm/v2/vnf_packages/{vnfPkgId}/package_content",
        Guard::Api("2"),
        packages::content_by_id,
    ),
    (
        "GET /vnfpkgm/v2/vnf_packages/{vnfPkgId}/artifacts/{artifactPath...}",
        Guard::Api("2"),
        artifacts::by_id,
    ),
    (
        "GET /vnfpkgm/v2/onboarded_vnf_packages",
        Guard::Api("2"),
        packages::list,
    ),
    (
        "GET /vnfpkgm/v2/onboarded_vnf_packages/{vnfdId}",
        Guard::Api("2"),
        packages::info,
    ),
    (
        "GET /vnfpkgm/v2/onboarded_vnf_packages/{vnfdId}/vnfd",
        Guard::Api("2"),
        packages::vnfd,
    ),
    (
        "GET /vnfpkgm/v2/onboarded_vnf_packages/{vnfdId}/manifest",
        Guard::Api("2"),
        packages::manifest,
    ),
    (
        "GET /vnfpkgm/v2/onboarded_vnf_packages/{vnfdId}/package_content",
        Guard::Api("2"),
        packages::content,
    ),
    (
        "GET /vnfpkgm/v2/onboarded_vnf_packages/{vnfdId}/artifacts/{artifactPath...}",
        Guard::Api("2"),
        artifacts::by_vnfd,
    ),
    (
        "POST /vnfpkgm/v2/subscriptions",
        Guard::Api("2"),
        subscriptions::create,
    ),
    (
        "GET /vnfpkgm/v2/subscriptions",
        Guard::Api("2"),
        subscriptions::list,
    ),
    (
        "GET /vnfpkgm/v2/subscriptions/{subscriptionId}",
        Guard::Api("2"),
        subscriptions::read,
    ),
    (
        "DELETE /vnfpkgm/v2/subscriptions/{subscriptionId}",
        Guard::Api("2"),
        subscriptions::delete,
    ),
    ("GET /grant/api_versions", Guard::Token, grant_versions),
    ("GET /grant/v1/api_versions", Guard::Token, grant_versions),
    ("POST /grant/v1/grants", Guard::Api("1"), grants::create),
    (
        "GET /grant/v1/grants/{grantId}",
        Guard::Api("1"),
        grants::read,
    ),
    ("POST /token", Guard::Open, oauth2::token),
    (
        "GET /notifications/{name}",
        Guard::Open,
        notifications::test,
    ),
    (
        "POST /notifications/{name}",
        Guard::Open,
        notifications::deliver,
    ),
];

/// Puts all routes on the server.
pub(super) async fn mount(server: &MockServer, state: &Arc<State>) {
    let mut routes = Vec::new();
    for (written, guard, handler) in ROUTES {
        let route = Route::parse(written)
            .expect("the routes above are constants, and a test reads them all");
        routes.push(route.clone());
        let endpoint = Endpoint {
            route: route.clone(),
            guard: *guard,
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

/// One route's responder. It runs under a lock of the server, so nothing here may wait.
struct Endpoint {
    route: Route,
    guard: Guard,
    handler: Handler,
    state: Arc<State>,
}

impl Respond for Endpoint {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let captures = self.route.captures(request.url.path()).unwrap_or_default();
        let asked = Asked {
            request,
            captures: captures.into_iter().map(decoded).collect(),
        };
        let answer = match self.guard.check(&self.state, &asked) {
            Ok(()) => (self.handler)(&self.state, &asked),
            Err(refusal) => refusal,
        };
        versioned(answer, request).into()
    }
}

impl Guard {
    fn check(self, state: &State, asked: &Asked<'_>) -> Result<(), Answer> {
        if !matches!(self, Self::Open) && !oauth2::allows(state, asked) {
            let refusal = Answer::problem(
                StatusCode::UNAUTHORIZED,
                "a bearer token from /token is needed",
            );
            return Err(refusal.with(
                WWW_AUTHENTICATE,
                "Bearer realm=\"nfvo\", error=\"invalid_token\"",
            ));
        }
        let Self::Api(major) = self else {
            return Ok(());
        };
        let Some(version) = asked.header("version") else {
            return Err(Answer::problem(
                StatusCode::BAD_REQUEST,
                "header field Version is missing",
            ));
        };
        if is_version_of(version, major) {
            Ok(())
        } else {
            let detail = format!("Version `{version}` is not served here; {major}.x.y is");
            Err(Answer::problem(StatusCode::NOT_ACCEPTABLE, &detail))
        }
    }
}

/// Every answer of an API names the version that it is given in, refusals too (SOL013 clause 9.2).
fn versioned(answer: Answer, request: &Request) -> Answer {
    let first = request.url.path().split('/').nth(1);
    let Some((_, major, usual)) = APIS.iter().find(|(name, _, _)| Some(*name) == first) else {
        return answer;
    };
    let asked = request
        .headers
        .get(VERSION)
        .and_then(|value| value.to_str().ok());
    match asked.filter(|version| is_version_of(version, major)) {
        Some(version) => answer.with(VERSION, version),
        None => answer.with(VERSION, usual),
    }
}

/// `MAJOR.MINOR.PATCH`, perhaps followed by `-impl:...` (SOL013 clause 9.1).
fn is_version_of(version: &str, major: &str) -> bool {
    let numbers = version
        .split_once("-impl:")
        .map_or(version, |(numbers, _)| numbers);
    let parts: Vec<_> = numbers.split('.').collect();
    let numeric = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.len() == 3 && parts[0] == major && parts.iter().all(numeric)
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
        let answer = if methods.is_empty() {
            Answer::problem(
                StatusCode::NOT_FOUND,
                &format!("nothing is served at `{path}`"),
            )
        } else {
            let detail = format!("{} is not possible on `{path}`", request.method);
            Answer::problem(StatusCode::METHOD_NOT_ALLOWED, &detail)
                .with(ALLOW, &methods.join(", "))
        };
        versioned(answer, request).into()
    }
}

fn package_versions(state: &State, _: &Asked<'_>) -> Answer {
    versions(
        &format!("{}/vnfpkgm/v2/", state.api_root),
        &PACKAGE_VERSIONS,
    )
}

fn grant_versions(state: &State, _: &Asked<'_>) -> Answer {
    versions(&format!("{}/grant/v1/", state.api_root), &GRANT_VERSIONS)
}

/// ApiVersionInformation (SOL013 clause 9.3.2).
fn versions(prefix: &str, versions: &[&str]) -> Answer {
    let versions: Vec<_> = versions
        .iter()
        .map(|version| json!({ "version": version, "isDeprecated": false }))
        .collect();
    Answer::json(
        StatusCode::OK,
        &json!({ "uriPrefix": prefix, "apiVersions": versions }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_routes_can_be_read() {
        for (written, _, _) in ROUTES {
            Route::parse(written).expect("a readable route");
        }
    }

    #[test]
    fn versions_have_three_numbers() {
        for good in ["2.4.0", "2.12.0", "2.0.0-impl:example.com:Product:7"] {
            assert!(is_version_of(good, "2"), "{good}");
        }
        for bad in [
            "2", "2.4", "1.4.0", "2.4.x", "2.4.0.1", "v2.4.0", "2..0", "",
        ] {
            assert!(!is_version_of(bad, "2"), "{bad}");
        }
    }
}
