//! Which key and which certificates were delivered: [`find`] looks through [`Piece`]s and puts together what fits.

use x509_parser::parse_x509_certificate;

use super::der::{self, Kind};
use super::encoding::{self, Bytes};
use super::{Delivered, Missing, PrivateKey, pem, pkcs12};

/// Something that was handed over, and where it stood, e.g. `user_data write_files /etc/x`.
pub(crate) struct Piece {
    pub(crate) place: String,
    pub(crate) bytes: Bytes,
}

impl Piece {
    pub(crate) fn new(place: impl Into<String>, bytes: &[u8]) -> Self {
        Self {
            place: place.into(),
            bytes: Bytes::new(bytes.to_vec()),
        }
    }
}

/// Longest text that is tried as the password of a PKCS#12 container beside it.
const MAX_PASSWORD: usize = 128;

/// All pairs of a private key and its certificate.
///
/// # Errors
/// There is no pair; says what is missing.
pub(crate) fn find(pieces: &[Piece]) -> Result<Vec<Delivered>, Missing> {
    let mut found = Found::default();
    for piece in pieces {
        encoding::unwrapped(&piece.bytes, |layer| {
            found.look(&piece.place, layer);
            true
        });
    }
    found.open_containers(pieces);
    found.pairs()
}

#[derive(Default)]
struct Found {
    keys: Vec<Key>,
    certificates: Vec<Certificate>,
    containers: Vec<(String, Vec<u8>)>,
    /// Places of keys that could not be read.
    locked: Vec<String>,
}

struct Key {
    places: Vec<String>,
    key: PrivateKey,
}

struct Certificate {
    place: String,
    der: Vec<u8>,
    public: Vec<u8>,
    subject: Vec<u8>,
    issuer: Vec<u8>,
}

impl Found {
    fn look(&mut self, place: &str, layer: &[u8]) {
        self.take(place, layer);
        let Ok(text) = std::str::from_utf8(layer) else {
            return;
        };
        for block in pem::blocks(text) {
            match block.der {
                Some(der) => self.take(place, &der),
                None if block.label.ends_with("PRIVATE KEY") => self.locked.push(place.into()),
                None => {}
            }
        }
    }

    fn take(&mut self, place: &str, bytes: &[u8]) {
        match der::kind(bytes) {
            Kind::PrivateKey => self.take_key(place, bytes),
            Kind::Certificate => self.take_certificate(place, bytes),
            Kind::LockedKey => self.locked.push(place.into()),
            Kind::Pkcs12 => {
                if !self.containers.iter().any(|(_, known)| known == bytes) {
                    self.containers.push((place.into(), bytes.to_vec()));
                }
            }
            Kind::Other => {}
        }
    }

    fn take_key(&mut self, place: &str, bytes: &[u8]) {
        let Some(key) = PrivateKey::from_der(bytes) else {
            self.locked.push(place.into());
            return;
        };
        let same = self
            .keys
            .iter_mut()
            .find(|known| known.key.public == key.public);
        match same {
            Some(known) if known.places.iter().any(|one| one == place) => {}
            Some(known) => known.places.push(place.into()),
            None => self.keys.push(Key {
                places: vec![place.into()],
                key,
            }),
        }
    }

    fn take_certificate(&mut self, place: &str, bytes: &[u8]) {
        if self.certificates.iter().any(|known| known.der == bytes) {
            return;
        }
        let Ok((_, parsed)) = parse_x509_certificate(bytes) else {
            return;
        };
        self.certificates.push(Certificate {
            place: place.into(),
            der: bytes.to_vec(),
            public: parsed.public_key().raw.to_vec(),
            subject: parsed.subject().as_raw().to_vec(),
            issuer: parsed.issuer().as_raw().to_vec(),
        });
    }

    fn open_containers(&mut self, pieces: &[Piece]) {
        for (place, container) in std::mem::take(&mut self.containers) {
            let passwords = pieces.iter().filter_map(|piece| {
                let text = std::str::from_utf8(&piece.bytes).ok()?.trim();
                (1..=MAX_PASSWORD).contains(&text.len()).then_some(text)
            });
            match pkcs12::opened(&container, passwords) {
                Some(content) => {
                    for key in &content.keys {
                        self.take_key(&place, key);
                    }
                    for certificate in &content.certificates {
                        self.take_certificate(&place, certificate);
                    }
                }
                None => self.locked.push(place),
            }
        }
    }

    fn pairs(self) -> Result<Vec<Delivered>, Missing> {
        let pairs: Vec<_> = self
            .keys
            .iter()
            .filter_map(|key| {
                let leaf = self
                    .certificates
                    .iter()
                    .find(|certificate| certificate.public == key.key.public)?;
                Some(self.delivered(key, leaf))
            })
            .collect();
        if pairs.is_empty() {
            Err(self.missing())
        } else {
            Ok(pairs)
        }
    }

    fn delivered(&self, key: &Key, leaf: &Certificate) -> Delivered {
        let chain = self.chain(leaf);
        let beside = |one: &&Certificate| {
            let leaf_of_other = self.keys.iter().any(|key| key.key.public == one.public);
            !leaf_of_other && !chain.contains(&&one.der)
        };
        let others = self.certificates.iter().filter(beside);
        Delivered {
            other_certificates_der: others.map(|one| one.der.clone()).collect(),
            certificate_chain_der: chain.into_iter().cloned().collect(),
            private_key: key.key.clone(),
            found_in: key.places.first().cloned().unwrap_or_default(),
            also_found_in: key.places.iter().skip(1).cloned().collect(),
            certificate_found_in: leaf.place.clone(),
        }
    }

    /// The leaf and its issuers, by name. Whether they signed what they should have is for those who verify.
    fn chain<'a>(&'a self, leaf: &'a Certificate) -> Vec<&'a Vec<u8>> {
        let mut chain = vec![&leaf.der];
        let mut last = leaf;
        while last.issuer != last.subject
            && let Some(issuer) = self
                .certificates
                .iter()
                .find(|one| one.subject == last.issuer && !chain.contains(&&one.der))
        {
            chain.push(&issuer.der);
            last = issuer;
        }
        chain
    }

    fn missing(&self) -> Missing {
        let certificates_in = self.certificates.first().map(|one| one.place.clone());
        let key_in = self
            .keys
            .first()
            .and_then(|key| key.places.first().cloned());
        match (key_in, certificates_in, self.locked.first()) {
            (Some(key_in), Some(certificates_in), _) => Missing::Pair {
                key_in,
                certificates_in,
            },
            (Some(key_in), None, _) => Missing::Certificate { key_in },
            (None, _, Some(place)) => Missing::Locked {
                found_in: place.clone(),
            },
            (None, Some(certificates_in), None) => Missing::Key { certificates_in },
            (None, None, None) => Missing::Everything,
        }
    }
}
