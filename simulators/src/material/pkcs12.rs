//! PKCS#12 containers, opened with whatever lies beside them: [`opened`].

use p12_keystore::{KeyStore, KeyStoreEntry, Pkcs12ImportPolicy};
use zeroize::Zeroizing;

use super::encoding::Bytes;

/// How many passwords are tried. Each may cost as much work as the container says, up to the library's limit.
const MAX_TRIES: usize = 16;

/// What a container holds.
#[derive(Default)]
pub(super) struct Content {
    pub(super) keys: Vec<Bytes>,
    pub(super) certificates: Vec<Vec<u8>>,
}

/// Opens it with the first of these passwords that fits; an empty one is tried first.
pub(super) fn opened<'a>(
    container: &[u8],
    passwords: impl Iterator<Item = &'a str>,
) -> Option<Content> {
    let store = [""]
        .into_iter()
        .chain(passwords)
        .take(MAX_TRIES)
        .find_map(|password| {
            KeyStore::from_pkcs12(container, password, Pkcs12ImportPolicy::Relaxed).ok()
        })?;
    let mut content = Content::default();
    for (_, entry) in store.entries() {
        match entry {
            KeyStoreEntry::PrivateKeyChain(chain) => {
                content
                    .keys
                    .push(Zeroizing::new(chain.key().as_der().to_vec()));
                let certificates = chain.certs().iter().map(|one| one.as_der().to_vec());
                content.certificates.extend(certificates);
            }
            KeyStoreEntry::Certificate(certificate) => {
                content.certificates.push(certificate.as_der().to_vec());
            }
            KeyStoreEntry::Secret(_) => {}
        }
    }
    Some(content)
}
