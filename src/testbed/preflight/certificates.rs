//! Certificates that a profile names or a product shows: whether they are in date and fit each other: [`in_date`], [`chained`].

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// The certificates of a PEM text, in its order.
///
/// # Errors
/// There is none, or one cannot be read.
pub(super) fn of_pem(text: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    match all {
        Ok(all) if all.is_empty() => {
            Err("holds no certificate; write the path of a PEM file".to_owned())
        }
        Ok(all) => Ok(all),
        Err(error) => Err(format!("is no PEM file ({error}); write the path of one")),
    }
}

/// Whether each is valid now.
///
/// # Errors
/// The first that is not, with its days, and how to mend it.
pub(super) fn in_date(chain: &[CertificateDer<'_>], now: Timestamp) -> Result<(), String> {
    for der in chain {
        let certificate = parsed(der)?;
        let (subject, validity) = (certificate.subject(), certificate.validity());
        let day = |seconds: i64| {
            Timestamp::from_second(seconds).map_or_else(
                |_| "a time beyond all calendars".to_owned(),
                |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
            )
        };
        let (from, to) = (
            validity.not_before.timestamp(),
            validity.not_after.timestamp(),
        );
        if now.as_second() > to {
            let ended = day(to);
            return Err(format!(
                "the certificate of '{subject}' expired on {ended}; have a new one issued"
            ));
        }
        if now.as_second() < from {
            let begins = day(from);
            return Err(format!(
                "the certificate of '{subject}' is not valid before {begins}; look whether this machine's clock is right"
            ));
        }
    }
    Ok(())
}

/// Whether each was issued by the one that follows it.
///
/// # Errors
/// The first that was not.
pub(super) fn chained(chain: &[CertificateDer<'_>]) -> Result<(), String> {
    for pair in chain.windows(2) {
        let [subject, issuer] = pair else { continue };
        let (subject, issuer) = (parsed(subject)?, parsed(issuer)?);
        let signed = subject.verify_signature(Some(issuer.public_key())).is_ok();
        if subject.issuer() != issuer.subject() || !signed {
            return Err(format!(
                "the certificate of '{}' was not issued by the next one in the file, '{}'; put the leaf first, then its issuers in their \
                 order",
                subject.subject(),
                issuer.subject()
            ));
        }
    }
    Ok(())
}

/// Who issued it, for people.
pub(super) fn issuer(der: &CertificateDer<'_>) -> String {
    parsed(der).map_or_else(|why| why, |certificate| certificate.issuer().to_string())
}

fn parsed<'a>(der: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, String> {
    X509Certificate::from_der(der)
        .map(|(_, certificate)| certificate)
        .map_err(|error| format!("holds a certificate that cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::Ca;

    #[test]
    fn dates_and_order_of_a_chain_are_looked_at() {
        let now = Timestamp::now();
        let ca = Ca::new("lab CA", now).unwrap();
        let other = Ca::new("other CA", now).unwrap();
        let leaf = ca.server("vnfm", &["localhost"]).issue().unwrap();
        let old = ca
            .server("old", &["localhost"])
            .expired(now)
            .issue()
            .unwrap();
        let early = ca
            .server("early", &["localhost"])
            .not_yet_valid(now)
            .issue()
            .unwrap();
        let chain = |pems: &[String]| of_pem(&pems.concat()).unwrap();
        let whole = chain(&[leaf.certificate_pem(), ca.certificate_pem()]);
        assert_eq!((in_date(&whole, now), chained(&whole)), (Ok(()), Ok(())));
        for (leaf, words) in [
            (&old, "'CN=old' expired on"),
            (&early, "'CN=early' is not valid before"),
        ] {
            let why = in_date(&chain(&[leaf.certificate_pem()]), now).unwrap_err();
            assert!(why.contains(words), "{why}");
        }
        for wrong in [
            [leaf.certificate_pem(), other.certificate_pem()],
            [ca.certificate_pem(), leaf.certificate_pem()],
        ] {
            let why = chained(&chain(&wrong)).unwrap_err();
            assert!(why.contains("was not issued by the next one"), "{why}");
        }
        assert!(
            of_pem("nothing")
                .unwrap_err()
                .contains("holds no certificate")
        );
        assert_eq!(issuer(&whole[0]), "CN=lab CA");
    }
}
