//! What stands before every page: [`guard`]. Only who means this server, and only wants to read, comes in.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::App;
use super::trouble::Trouble;

/// The policy of everything that is no page of ours: nothing is loaded, nothing runs.
const INERT: &str =
    "default-src 'none'; sandbox; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Headers that every answer bears, unless its page has set them.
const ALWAYS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, INERT),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (header::CACHE_CONTROL, "no-store"),
];

/// Lets a request in or refuses it, and sets the headers that every answer bears.
pub async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let mut response = match refusal(&request, app.address.ip()) {
        Some(refusal) => refusal,
        None => next.run(request).await,
    };
    for (name, value) in ALWAYS {
        let headers = response.headers_mut();
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

fn refusal(request: &Request, listen: IpAddr) -> Option<Response> {
    if !is_meant(request, listen) {
        // A page from elsewhere may have its own name lead here, and would then read what we answer (DNS rebinding).
        let what = "this server is asked for by its address, or as localhost";
        return Some(Trouble::new(StatusCode::MISDIRECTED_REQUEST, what).into_response());
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let trouble = Trouble::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "this server is only read from",
        );
        let allow = [(header::ALLOW, "GET, HEAD")];
        return Some((allow, trouble).into_response());
    }
    None
}

/// Whether every name that the request gives its receiver is ours: one Host, and that of the target if it has one.
fn is_meant(request: &Request, listen: IpAddr) -> bool {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    let target = request.uri().authority();
    host.to_str().is_ok_and(|host| is_ours(host, listen))
        && target.is_none_or(|target| is_ours(target.as_str(), listen))
}

/// A name that only this machine answers to, or an address that leads here. No foreign page can have either as its own name.
fn is_ours(host: &str, listen: IpAddr) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    if host.contains('@') {
        return false;
    }
    let name = authority.host();
    if name.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let name = name.trim_start_matches('[').trim_end_matches(']');
    // Who listens everywhere does not know its addresses; an address is no name that could be made to lead here.
    name.parse::<IpAddr>()
        .is_ok_and(|ip| ip.is_loopback() || ip == listen || listen.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_and_the_own_address_are_ours() {
        let at = |listen: &str| -> IpAddr { listen.parse().expect("an address") };
        let loopback = at("127.0.0.1");
        for host in [
            "localhost",
            "LOCALHOST:80",
            "127.0.0.1:8080",
            "[::1]:1",
            "127.0.0.9",
        ] {
            assert!(is_ours(host, loopback), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "localhost@evil.example",
            "evil@localhost",
            "192.0.2.1",
            "a b",
        ] {
            assert!(!is_ours(host, loopback), "{host}");
        }
        assert!(is_ours("192.0.2.1:80", at("192.0.2.1")));
        assert!(is_ours("192.0.2.7:80", at("0.0.0.0")));
        assert!(!is_ours("evil.example", at("::")));
    }
}
