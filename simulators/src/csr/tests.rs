//! Requests as `rcgen` makes them, then cut, bent and made up.

use proptest::prelude::*;
use rcgen::{CertificateParams, DnType, KeyPair};

use super::*;

fn request() -> Result<Vec<u8>, rcgen::Error> {
    let mut params = CertificateParams::new(["VNFC-1.example".to_owned(), "192.0.2.7".to_owned()])?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Example");
    let key = KeyPair::generate()?;
    Ok(params.serialize_request(&key)?.der().to_vec())
}

#[test]
fn names_and_key_are_read() -> Result<(), Box<dyn std::error::Error>> {
    let csr = Csr::read(&request()?)?;
    assert_eq!(csr.names.subject_text(), "O=Example");
    assert_eq!(
        csr.names.alt_names,
        [
            AltName::Dns("vnfc-1.example".into()),
            AltName::Ip(Ipv4Addr::new(192, 0, 2, 7).into())
        ]
    );
    assert_eq!(csr.key, KeyType::P256);
    assert!(csr.proves_possession());
    Ok(())
}

#[test]
fn a_bent_request_proves_nothing() -> Result<(), Box<dyn std::error::Error>> {
    let mut der = request()?;
    let last = der.len() - 1;
    der[last] ^= 1;
    assert!(!Csr::read(&der)?.proves_possession());
    der[last] ^= 1;
    der.push(0);
    assert_eq!(Csr::read(&der).err(), Some(CsrError::Trailing(1)));
    let long = vec![0x30; MAX_CSR + 1];
    assert_eq!(Csr::read(&long).err(), Some(CsrError::TooLong(MAX_CSR + 1)));
    Ok(())
}

/// Not by chance: any change of any of the first octets and of those around the signature's frame.
#[test]
fn no_change_of_an_octet_is_overlooked() -> Result<(), Box<dyn std::error::Error>> {
    let der = request()?;
    let signature = der.len() - 90;
    for at in (0..8).chain(signature..der.len() - 60) {
        for with in 1..=255 {
            let mut bent = der.clone();
            bent[at] ^= with;
            let accepted = Csr::read(&bent).is_ok_and(|csr| csr.proves_possession());
            assert!(!accepted, "octet {at} of {}: {:#x}", der.len(), bent[at]);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn made_up_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Csr::read(&bytes).is_err());
    }

    #[test]
    fn a_bent_request_is_refused_or_harmless(at in any::<prop::sample::Index>(), with in 1u8..) {
        let mut der = request().map_err(|error| TestCaseError::fail(error.to_string()))?;
        let at = at.index(der.len());
        der[at] ^= with;
        if let Ok(csr) = Csr::read(&der) {
            prop_assert!(!csr.proves_possession());
        }
    }

    #[test]
    fn a_cut_request_is_refused(at in any::<prop::sample::Index>()) {
        let der = request().map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert!(Csr::read(&der[..at.index(der.len())]).is_err());
    }
}
