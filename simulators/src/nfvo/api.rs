//! Which request goes where: the table of routes, and what holds for all of them (Version, authorization).

use hyper::StatusCode;
use hyper::header::{HeaderName, WWW_AUTHENTICATE};
use serde_json::json;

use super::state::State;
use super::{artifacts, grants, notifications, oauth2, packages, subscriptions};
use crate::rest::{self, Answer, Api, Asked, Handler};

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

pub(super) const API: Api<State> = Api {
    routes: ROUTES,
    guard,
    unknown: |_, asked, methods| rest::problem_of_unknown(asked, methods),
    finish: |_, asked, answer| versioned(answer, asked),
};

const ROUTES: &[(&str, Handler<State>)] = &[
    ("GET /vnfpkgm/api_versions", package_versions),
    ("GET /vnfpkgm/v2/api_versions", package_versions),
    ("GET /vnfpkgm/v2/vnf_packages", packages::list),
    (
        "GET /vnfpkgm/v2/vnf_packages/{vnfPkgId}",
        packages::info_by_id,
    ),
    (
        "GET /vnfpkgm/v2/vnf_packages/{vnfPkgId}/vnfd",
        packages::vnfd_by_id,
    ),
    (
        "GET /vnfpkgm/v2/vnf_packages/{vnfPkgId}/manifest",
        packages::manifest_by_id,
    ),
    (
        "GET /vnfpkgm/v2/vnf_packages/{vnfPkgId}/package_content",
        packages::content_by_id,
    ),
    (
        "GET /vnfpkgm/v2/vnf_packages/{vnfPkgId}/artifacts/{artifactPath...}",
        artifacts::by_id,
    ),
    ("GET /vnfpkgm/v2/onboarded_vnf_packages", packages::list),
    (
        "GET /vnfpkgm/v2/onboarded_vnf_packages/{vnfdId}",
        packages::info,
    ),
    (
        "GET /vnfpkgm/v2/onboarded_vnf_packages/{vnfdId}/vnfd",
        packages::vnfd,
    ),
    (
        "GET /vnfpkgm/v2/onboarded_vnf_packages/{vnfdId}/manifest",
        packages::manifest,
    ),
    (
        "GET /vnfpkgm/v2/onboarded_vnf_packages/{vnfdId}/package_content",
        packages::content,
    ),
    (
        "GET /vnfpkgm/v2/onboarded_vnf_packages/{vnfdId}/artifacts/{artifactPath...}",
        artifacts::by_vnfd,
    ),
    ("POST /vnfpkgm/v2/subscriptions", subscriptions::create),
    ("GET /vnfpkgm/v2/subscriptions", subscriptions::list),
    (
        "GET /vnfpkgm/v2/subscriptions/{subscriptionId}",
        subscriptions::read,
    ),
    (
        "DELETE /vnfpkgm/v2/subscriptions/{subscriptionId}",
        subscriptions::delete,
    ),
    ("GET /grant/api_versions", grant_versions),
    ("GET /grant/v1/api_versions", grant_versions),
    ("POST /grant/v1/grants", grants::create),
    ("GET /grant/v1/grants/{grantId}", grants::read),
    ("POST /token", oauth2::token),
    ("GET /notifications/{name}", notifications::test),
    ("POST /notifications/{name}", notifications::deliver),
];

/// What a request must bring besides fitting its route: where an API begins, a bearer token, if the NFVO gives them out;
/// but for its versions also the Version of an API of its major version (SOL013 clause 9.3).
fn guard(state: &State, asked: &Asked<'_>) -> Result<(), Answer> {
    let path = asked.path();
    let (major, below) = if let Some(below) = path.strip_prefix("/vnfpkgm") {
        ("2", below)
    } else if let Some(below) = path.strip_prefix("/grant") {
        ("1", below)
    } else {
        return Ok(());
    };
    if !oauth2::allows(state, asked) {
        let refusal = Answer::problem(
            StatusCode::UNAUTHORIZED,
            "a bearer token from /token is needed",
        );
        return Err(refusal.with(
            WWW_AUTHENTICATE,
            "Bearer realm=\"nfvo\", error=\"invalid_token\"",
        ));
    }
    if below == "/api_versions" || below == format!("/v{major}/api_versions") {
        return Ok(());
    }
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

/// Every answer of an API names the version that it is given in, refusals too (SOL013 clause 9.2).
fn versioned(answer: Answer, asked: &Asked<'_>) -> Answer {
    let first = asked.path().split('/').nth(1);
    let Some((_, major, usual)) = APIS.iter().find(|(name, _, _)| Some(*name) == first) else {
        return answer;
    };
    let wanted = asked.header(VERSION.as_str());
    match wanted.filter(|version| is_version_of(version, major)) {
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
        for (written, _) in ROUTES {
            crate::route::Route::parse(written).expect("a readable route");
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
