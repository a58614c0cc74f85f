//! What a transcript must not tell: [`Redaction`].

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Body, Peer, Request};
use crate::front::Scrub;
use crate::material::carries_private_key as carries;
use crate::route::{Route, RouteError};

/// Keeps private keys, and named members such as passwords, out of recorded bodies. A front that is given one
/// ([`FrontConfig::scrub`](crate::front::FrontConfig)) applies it to requests and answers on its routes, before anything of them is kept: in the transcript, and in what a
/// [`Hold`](crate::control::Hold) shows.
///
/// How it works: in a JSON body, each string that is, or holds under any layers of base64, hex, gzip, escapes and PEM,
/// a private key (DER, PKCS#12, encrypted or not) is replaced whole by `redacted:sha256:` and the SHA-256 of a salt
/// and the string. So is the string value of a member that is named as secret. Any other body that carries a key is
/// replaced whole, as is one that is nested too deep to be looked through. The salt is drawn for each `Redaction` and
/// never told: equal secrets have equal digests within one transcript, and nobody can test a guess.
///
/// [`Body::redacted`] counts the places; its length and digest are then those of what is kept, not of the wire. What
/// cannot be recognised by its form, such as a bare scalar of an elliptic-curve key, is not found here.
#[derive(Clone)]
pub struct Redaction {
    routes: Vec<Route>,
    members: &'static [&'static str],
    salt: [u8; 32],
}

impl Redaction {
    /// For these routes (see [`Route`]). `members` are names of JSON members, such as `password`, whose string value is
    /// always secret.
    ///
    /// # Errors
    /// A route cannot be read.
    pub fn new(routes: &[&str], members: &'static [&'static str]) -> Result<Self, RouteError> {
        let mut salt = [0; 32];
        let (first, second) = salt.split_at_mut(16);
        first.copy_from_slice(Uuid::new_v4().as_bytes());
        second.copy_from_slice(Uuid::new_v4().as_bytes());
        let routes = routes.iter().map(|route| Route::parse(route));
        Ok(Self {
            routes: routes.collect::<Result<_, _>>()?,
            members,
            salt,
        })
    }

    /// Whether this request and its answer are looked at.
    fn covers(&self, request: &Request) -> bool {
        let method = hyper::Method::from_bytes(request.method.as_bytes());
        method.is_ok_and(|method| {
            let mut routes = self.routes.iter();
            routes.any(|route| route.matches(&method, request.path()))
        })
    }

    /// The body as it may be kept.
    fn body(&self, bytes: &[u8]) -> Body {
        let mut count = 0;
        let kept = match serde_json::from_slice::<Value>(bytes) {
            Ok(mut value) => {
                self.value(&mut value, &mut count);
                (count > 0).then(|| value.to_string().into_bytes())
            }
            Err(_) => None,
        };
        let kept = kept.as_deref().unwrap_or(bytes);
        // What JSON hides (a name, a repeated member) or what is no JSON.
        if carries(kept) {
            let body = Body::of(self.digest(bytes).as_bytes());
            return Body {
                redacted: count + 1,
                ..body
            };
        }
        Body {
            redacted: count,
            ..Body::of(kept)
        }
    }

    fn value(&self, value: &mut Value, count: &mut u32) {
        match value {
            Value::String(text) if carries(text.as_bytes()) => self.replace(text, count),
            Value::Array(entries) => {
                for entry in entries {
                    self.value(entry, count);
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    match member {
                        Value::String(text) if self.members.contains(&name.as_str()) => {
                            self.replace(text, count);
                        }
                        member => self.value(member, count),
                    }
                }
            }
            _ => {}
        }
    }

    fn replace(&self, text: &mut String, count: &mut u32) {
        *text = self.digest(text.as_bytes());
        *count += 1;
    }

    fn digest(&self, secret: &[u8]) -> String {
        let digest = Sha256::new_with_prefix(self.salt)
            .chain_update(secret)
            .finalize();
        format!("redacted:sha256:{}", hex::encode(digest))
    }
}

impl Scrub for Redaction {
    fn request(&self, request: &mut Request, _: Option<&Peer>, body: &[u8]) {
        if self.covers(request) {
            request.body = self.body(body);
        }
    }

    fn answer(&self, request: &Request, body: &[u8]) -> Body {
        if self.covers(request) {
            self.body(body)
        } else {
            Body::of(body)
        }
    }

    fn withheld(&self, request: &Request, body: &[u8]) -> Option<Body> {
        if !self.covers(request) {
            return None;
        }
        let redacted = self.body(body).redacted;
        (redacted > 0).then(|| Body {
            redacted,
            ..Body::of(self.digest(body).as_bytes())
        })
    }
}

impl std::fmt::Debug for Redaction {
    /// Without the salt.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redaction")
            .field("routes", &self.routes)
            .field("members", &self.members)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn redaction() -> Redaction {
        Redaction::new(&["* /{path...}"], &["password"]).expect("a readable route")
    }

    /// Not a key, but labelled as one.
    const PEM: &str = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";

    #[test]
    fn secrets_are_replaced_and_the_rest_stays() {
        let body = serde_json::json!({ "a": [PEM, "b"], "password": "c", "d": PEM, "n": 1 });
        let kept = redaction().body(body.to_string().as_bytes());
        let json = kept.json().expect("JSON");
        assert_eq!(kept.redacted, 3);
        assert_eq!((&json["a"][1], &json["n"]), (&"b".into(), &1.into()));
        assert_eq!(json["a"][0], json["d"], "the same secret, the same digest");
        assert_ne!(json["a"][0], json["password"]);
    }

    #[test]
    fn what_json_hides_is_replaced_as_a_whole() {
        let escaped = PEM.replace('\n', "\\n");
        for body in [
            format!(r#"{{"a":"{escaped}","a":"b"}}"#),
            format!(r#"{{"{escaped}":"a"}}"#),
            format!(r#"{{"a":"{escaped}""#),
            format!("{PEM}\u{7f}"),
        ] {
            let kept = redaction().body(body.as_bytes());
            let text = kept.text.expect("text");
            assert!(
                text.starts_with("redacted:sha256:") && kept.redacted > 0,
                "{text}"
            );
        }
    }

    #[test]
    fn another_redaction_has_other_digests() {
        let body = |redaction: Redaction| redaction.body(PEM.as_bytes()).text;
        assert_ne!(body(redaction()), body(redaction()));
    }

    proptest! {
        #[test]
        fn what_carries_nothing_is_kept_as_it_is(bytes: Vec<u8>) {
            prop_assert_eq!(redaction().body(&bytes), Body::of(&bytes));
        }
    }
}
