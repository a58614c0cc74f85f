//! Whether something that is to be shown or kept holds a private key: [`Recogniser`].

use crate::detector::{Detector, Window};
use crate::key::Target;
use crate::matcher::Matcher;
use crate::structure::Structure;

/// Begins or ends a private key in PEM. A text that was cut off may hold most of a key, and no structure that can be parsed.
const MARK: &[u8] = b"PRIVATE KEY-----";

/// Recognises the private halves of known keys in every encoding, and anybody's where its structure can be parsed.
pub struct Recogniser(Vec<Box<dyn Detector>>);

impl Recogniser {
    /// For these keys, and everybody's.
    pub fn new(known: &[Target]) -> Self {
        let mut detectors: Vec<Box<dyn Detector>> = vec![Box::new(Structure::new(&[], Vec::new()))];
        if known.iter().any(|target| target.private.is_some()) {
            detectors.push(Box::new(Matcher::new(known)));
        }
        Self(detectors)
    }

    /// Whether there is a private key in it.
    pub fn sees(&self, bytes: &[u8]) -> bool {
        let mut seen = bytes.windows(MARK.len()).any(|window| window == MARK);
        for detector in &self.0 {
            detector.search(&Window::whole(bytes), &mut |_| seen = true);
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::load_private;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;

    #[test]
    fn anybodys_key_is_seen_in_a_structure_a_known_one_without_and_a_text_is_none() {
        let der =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())
                .unwrap();
        let der = der.as_ref();
        let (private, public) = load_private("k", der, &[]).unwrap();
        let known = [Target {
            name: "k".to_owned(),
            public,
            private: Some(private),
        }];
        let (anybody, known) = (Recogniser::new(&[]), Recogniser::new(&known));
        let base64 = BASE64_STANDARD.encode(der);
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{base64}\n-----END PRIVATE KEY-----\n");
        let escaped = serde_json::json!({ "detail": format!("it was {base64}") }).to_string();
        // The scalar follows its tag and length.
        let scalar = der.windows(2).position(|two| two == [4, 32]).unwrap() + 2;
        let scalar = der[scalar..scalar + 32]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>();
        for text in [pem.as_str(), &escaped] {
            assert!(anybody.sees(text.as_bytes()) && known.sees(text.as_bytes()));
        }
        assert!(!anybody.sees(scalar.as_bytes()) && known.sees(scalar.as_bytes()));
        // Cut off in the middle, as an excerpt is.
        assert!(anybody.sees(&pem.as_bytes()[..90]));
        for text in ["", "the private key was deleted", "/tmp/scas-bed-x/sut"] {
            assert!(!known.sees(text.as_bytes()), "{text}");
        }
    }
}
