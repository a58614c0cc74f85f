//! Certificates that a profile names or a product shows: whether they are in date and fit each other: [`in_date`], [`chained`],
//! [`usable`].

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use x509_parser::prelude::{FromDer as _, X509Certificate, X509Version};

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

/// Whether TLS takes the first for a server's or a client's: of X.509 version 3, and no CA's. `may_be_ca` if the other side may take it all
/// the same, as some do of what is shown to them.
///
/// # Errors
/// It is not, and how to mend it.
pub(super) fn usable(chain: &[CertificateDer<'_>], may_be_ca: bool) -> Result<(), String> {
    let Some(leaf) = chain.first() else {
        return Ok(());
    };
    let certificate = parsed(leaf)?;
    let subject = certificate.subject();
    if certificate.version() != X509Version::V3 {
        return Err(format!(
            "the certificate of '{subject}' is of X.509 version {}, which has no extensions, so that it names no host and TLS does not take \
             it; have it issued anew as version 3 (`openssl x509 -req` makes that with -extfile)",
            certificate.version().0 + 1
        ));
    }
    if certificate.is_ca() && !may_be_ca {
        return Err(format!(
            "the certificate of '{subject}' is that of a CA (basicConstraints CA:TRUE), which TLS does not take for a server's; have one \
             issued for the server, or make a self-signed one without (`openssl req -x509 -addext basicConstraints=critical,CA:FALSE`)"
        ));
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

    /// Of X.509 version 1: `openssl x509 -req` made it, of release 3.0, without -extfile. Valid until 2126.
    const OLD: &str = "-----BEGIN CERTIFICATE-----\n\
        MIIBKTCBzwIUJ563iwSEQlLP1dkHg6omAL8m9m4wCgYIKoZIzj0EAwIwFjEUMBIG\n\
        A1UEAwwLb2xkLmV4YW1wbGUwIBcNMjYxMTIyMTY1NDE1WhgPMjEyNjEwMjkxNjU0\n\
        MTVaMBYxFDASBgNVBAMMC29sZC5leGFtcGxlMFkwEwYHKoZIzj0CAQYIKoZIzj0D\n\
        AQcDQgAEPURXPjsG7HnfNocKj69Yh4w24LXRWB7wIRH/yMWdHC7sTqtj5K1OUX+r\n\
        FLUURTkDrUP6k6A+fa1BwLFI0MdEjTAKBggqhkjOPQQDAgNJADBGAiEAktSdfJrI\n\
        kryNIZCBden4AIio/+E92kDX9qNu77DhLYACIQCFPo5YfRXt/U/8N9yzwvIL/sqD\n\
        MSLpEdESkt7NpeMARA==\n\
        -----END CERTIFICATE-----\n";

    #[test]
    fn what_tls_does_not_take_is_told_with_what_to_do() {
        let why = usable(&of_pem(OLD).unwrap(), true).unwrap_err();
        for words in ["'CN=old.example'", "X.509 version 1", "-extfile"] {
            assert!(why.contains(words), "{why}");
        }
        let ca = Ca::new("lab CA", Timestamp::now()).unwrap();
        let ca = of_pem(&ca.certificate_pem()).unwrap();
        assert_eq!(usable(&ca, true), Ok(()));
        let why = usable(&ca, false).unwrap_err();
        for words in ["'CN=lab CA'", "CA:TRUE", "have one issued"] {
            assert!(why.contains(words), "{why}");
        }
    }

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
