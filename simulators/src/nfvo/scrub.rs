//! Keeps the credentials that pass between VNFM and NFVO out of the transcript: [`Credentials`].

use crate::front::Scrub;
use crate::transcript::{Body, Peer, Redaction, Request};

/// Where credentials may stand in a body.
const REDACTED: [&str; 2] = ["POST /token", "POST /vnfpkgm/{version}/subscriptions"];

/// The members and form fields that are credentials: of a token request and its answer (RFC 6749), and of
/// SubscriptionAuthentication (SOL013 clause 8.3.4).
const SECRET: [&str; 5] = [
    "access_token",
    "refresh_token",
    "client_secret",
    "password",
    "clientPassword",
];

/// Takes credentials out of what is kept.
pub(super) struct Credentials(Redaction);

impl Credentials {
    pub(super) fn new() -> Self {
        let redaction = Redaction::new(&REDACTED, &SECRET);
        Self(redaction.expect("routes are constants, and every test of the NFVO makes them"))
    }
}

impl Scrub for Credentials {
    fn request(&self, request: &mut Request, peer: Option<&Peer>, body: &[u8]) {
        self.0.request(request, peer, body);
        if request.path() == "/token" && serde_json::from_slice::<serde_json::Value>(body).is_err()
        {
            request.body = form(body);
        }
    }

    fn answer(&self, request: &Request, body: &[u8]) -> Body {
        self.0.answer(request, body)
    }

    fn withheld(&self, request: &Request, body: &[u8]) -> Option<Body> {
        self.0.withheld(request, body)
    }
}

/// A form without the values of its secret fields. Only what reads as a known field is shown, so that nothing slips through.
fn form(body: &[u8]) -> Body {
    let mut redacted = 0;
    let mut kept = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in url::form_urlencoded::parse(body) {
        if ["grant_type", "client_id", "scope"].contains(&&*name) {
            kept.append_pair(&name, &value);
        } else {
            redacted += 1;
            kept.append_pair("redacted", "");
        }
    }
    Body {
        redacted,
        ..Body::of(kept.finish().as_bytes())
    }
}
