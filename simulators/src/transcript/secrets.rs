//! Secrets by their content, which nothing that is written down may hold: [`Secrets`].

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{GeneralPurpose, general_purpose::NO_PAD};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Body, Exchange};

/// A shorter secret stands in too many words by chance.
pub const SHORTEST: usize = 4;
/// Fewer characters of base64 stand in too many words by chance.
const TELLING: usize = 6;

/// Passwords, tokens and the like that are known: wherever one stands in what is to be written, a salted digest is put in its place.
///
/// They are found as they are, in JSON, in URLs and forms, in XML, in hex, and within base64 wherever it begins. The salt is drawn for
/// each set and never told: the same secret has the same digest throughout, and nobody can test a guess. Clones share one set.
#[derive(Clone)]
pub struct Secrets {
    shared: Arc<Mutex<Known>>,
}

struct Known {
    salt: [u8; 16],
    /// What to look for, the longest first, and what to put there.
    forms: Vec<(String, String)>,
}

impl Default for Secrets {
    fn default() -> Self {
        Self::new()
    }
}

impl Secrets {
    /// An empty set.
    #[must_use]
    pub fn new() -> Self {
        let known = Known {
            salt: *Uuid::new_v4().as_bytes(),
            forms: Vec::new(),
        };
        Self {
            shared: Arc::new(Mutex::new(known)),
        }
    }

    /// Adds a secret, unless it is shorter than [`SHORTEST`].
    pub fn keep(&self, secret: &str) {
        if secret.len() < SHORTEST {
            return;
        }
        let mut known = self.known();
        let digest = Sha256::new_with_prefix(known.salt)
            .chain_update(secret)
            .finalize();
        let instead = format!("redacted:sha256:{}", hex::encode(digest));
        let mut forms: BTreeMap<String, String> = known.forms.drain(..).collect();
        forms.extend(
            forms_of(secret)
                .into_iter()
                .map(|form| (form, instead.clone())),
        );
        known.forms = forms.into_iter().collect();
        known
            .forms
            .sort_by_key(|(form, _)| std::cmp::Reverse(form.len()));
    }

    /// The text without secrets, and how many were taken out; `None` if it holds none.
    #[must_use]
    pub fn clean(&self, text: &str) -> Option<(String, u32)> {
        let known = self.known();
        let mut cleaned: Option<String> = None;
        let mut count = 0;
        for (form, instead) in &known.forms {
            let now = cleaned.as_deref().unwrap_or(text);
            let found = now.matches(form.as_str()).count();
            if found > 0 {
                count += u32::try_from(found).unwrap_or(u32::MAX);
                cleaned = Some(now.replace(form.as_str(), instead));
            }
        }
        cleaned.map(|text| (text, count))
    }

    /// The same for bytes: text is cleaned, anything else that holds a secret is replaced as a whole.
    #[must_use]
    pub fn clean_bytes(&self, bytes: &[u8]) -> Option<(Vec<u8>, u32)> {
        if let Ok(text) = std::str::from_utf8(bytes) {
            return self
                .clean(text)
                .map(|(text, count)| (text.into_bytes(), count));
        }
        let known = self.known();
        let mut forms = known.forms.iter();
        let (_, instead) = forms.find(|(form, _)| {
            bytes
                .windows(form.len())
                .any(|window| window == form.as_bytes())
        })?;
        Some((instead.clone().into_bytes(), 1))
    }

    /// Takes the secrets out of an exchange.
    pub(super) fn clean_exchange(&self, exchange: &mut Exchange) {
        if self.known().forms.is_empty() {
            return;
        }
        let replace = |text: &mut String| {
            if let Some((cleaned, _)) = self.clean(text) {
                *text = cleaned;
            }
        };
        replace(&mut exchange.request.target);
        exchange
            .request
            .headers
            .iter_mut()
            .for_each(|(_, value)| replace(value));
        self.clean_body(&mut exchange.request.body);
        if let Some(response) = &mut exchange.response {
            response
                .headers
                .iter_mut()
                .for_each(|(_, value)| replace(value));
            self.clean_body(&mut response.body);
        }
        if let Some(fault) = &mut exchange.fault {
            replace(fault);
        }
    }

    fn clean_body(&self, body: &mut Body) {
        let cleaned = body.bytes().and_then(|bytes| self.clean_bytes(&bytes));
        if let Some((bytes, count)) = cleaned {
            *body = Body {
                redacted: body.redacted + count,
                ..Body::of(&bytes)
            };
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a secret may be written.
fn forms_of(secret: &str) -> Vec<String> {
    let mut forms = vec![
        secret.to_owned(),
        hex::encode(secret),
        hex::encode_upper(secret),
    ];
    if let Ok(json) = serde_json::to_string(secret) {
        forms.push(json[1..json.len() - 1].to_owned());
        forms.push(json[1..json.len() - 1].replace('/', "\\/"));
    }
    let mut in_url = String::new();
    for byte in secret.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            in_url.push(char::from(byte));
        } else {
            let _ = write!(in_url, "%{byte:02X}");
        }
    }
    forms.push(in_url.replace("%20", "+"));
    forms.push(in_url);
    forms.push(url::form_urlencoded::byte_serialize(secret.as_bytes()).collect());
    forms.push(
        secret
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;"),
    );
    for alphabet in [alphabet::STANDARD, alphabet::URL_SAFE] {
        let engine = GeneralPurpose::new(&alphabet, NO_PAD);
        for before in 0..3 {
            let mut bytes = vec![0; before];
            bytes.extend_from_slice(secret.as_bytes());
            let encoded = engine.encode(&bytes);
            // Without the characters that depend on what stands before or after.
            let (first, last) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
            forms.extend(
                encoded
                    .get(first..last)
                    .filter(|it| it.len() >= TELLING)
                    .map(str::to_owned),
            );
        }
    }
    forms.retain(|form| form.len() >= SHORTEST);
    forms
}

impl std::fmt::Debug for Secrets {
    /// Without what it holds.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use proptest::prelude::*;

    const SECRET: &str = "p\u{e4}ss/w\"o rd&<1>";

    fn cleaned(text: &str) -> String {
        let secrets = Secrets::new();
        secrets.keep(SECRET);
        secrets
            .clean(text)
            .map_or(text.to_owned(), |(text, _)| text)
    }

    #[test]
    fn a_secret_is_taken_out_however_it_is_written() {
        for text in [
            SECRET.to_owned(),
            serde_json::json!({ "password": SECRET }).to_string(),
            url::form_urlencoded::Serializer::new(String::new())
                .append_pair("p", SECRET)
                .finish(),
            hex::encode(SECRET),
            STANDARD.encode(SECRET),
            STANDARD.encode(format!("u:{SECRET}")),
            STANDARD.encode(format!("us:{SECRET} and more")),
            URL_SAFE.encode(format!("use:{SECRET}?")),
        ] {
            let kept = cleaned(&text);
            assert!(kept.contains("redacted:sha256:"), "{text}");
            assert!(!kept.contains(SECRET), "{kept}");
        }
    }

    #[test]
    fn what_is_no_text_is_replaced_as_a_whole() {
        let secrets = Secrets::new();
        secrets.keep(SECRET);
        let bytes = [b"\xff\x00".as_slice(), SECRET.as_bytes()].concat();
        let (kept, _) = secrets.clean_bytes(&bytes).expect("found");
        assert!(kept.starts_with(b"redacted:sha256:"));
        assert_eq!(secrets.clean_bytes(b"\xff\x00"), None);
    }

    #[test]
    fn one_secret_has_one_digest_and_another_set_another() {
        assert_ne!(cleaned(SECRET), cleaned(SECRET));
        let twice = cleaned(&format!("{SECRET} {SECRET}"));
        let (one, other) = twice.split_once(' ').expect("two");
        assert_eq!(one, other);
    }

    proptest! {
        #[test]
        fn base64_hides_nothing(before in ".{0,7}", secret in "[ -~]{8,20}", after in ".{0,7}") {
            let secrets = Secrets::new();
            secrets.keep(&secret);
            let text = STANDARD.encode(format!("{before}{secret}{after}"));
            prop_assert!(secrets.clean(&text).is_some());
        }
    }
}
