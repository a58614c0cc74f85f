//! Certificates that come to their end are renewed without being asked for. Main functions: [`Delegation::due`], [`run`].

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::Delegation;
use super::certificate::validity;
use super::identity::{CertificateType, Delegated, Enrolled};
use super::installation::Target;
use crate::vnfm::lifecycle::Lifecycle;

/// How soon to look again at an instance that another operation has.
const BUSY: i64 = 1;

/// What is to be renewed of an instance, and when something else will be.
#[derive(Debug, Default)]
pub(crate) struct Due {
    pub(crate) now: Vec<Target>,
    /// The certificates of those, by which each is tried once only.
    pub(crate) certificates: Vec<String>,
    /// In seconds.
    pub(crate) next: Option<i64>,
}

impl Delegation {
    /// What is due now.
    pub(crate) fn due(&self, delegated: &Delegated, tried: &HashSet<String>) -> Due {
        let now = jiff::Timestamp::now().as_second();
        due(delegated, self.keys.renew_before_seconds(), now, tried)
    }
}

/// What is due at `now` (seconds since 1970) of the certificates whose VNFCIs can be reached.
fn due(delegated: &Delegated, renew_before: i64, now: i64, tried: &HashSet<String>) -> Due {
    let mut due = Due::default();
    for vnfc in &delegated.vnfcs {
        let Some(configuration) = &vnfc.configuration else {
            continue;
        };
        for enrolled in &vnfc.certificates {
            let Some(leaf) = enrolled.chain.first() else {
                continue;
            };
            if enrolled.certificate_type != CertificateType::Vnfci || tried.contains(leaf) {
                continue;
            }
            match time_of_renewal(enrolled, renew_before) {
                Some(time) if time <= now => {
                    due.now.push(Target {
                        vnfc: vnfc.id,
                        configuration: configuration.clone(),
                    });
                    due.certificates.push(leaf.clone());
                }
                Some(time) => {
                    let wait = time - now;
                    due.next = Some(due.next.map_or(wait, |next| next.min(wait)));
                }
                None => {}
            }
        }
    }
    due
}

fn time_of_renewal(enrolled: &Enrolled, renew_before: i64) -> Option<i64> {
    let (end, length) = validity(&enrolled.leaf()?)?;
    let time = end.saturating_sub(renew_before);
    // One that is renewed as soon as it is there would be so for ever.
    Some(if enrolled.is_renewal {
        time.max(end - length / 2)
    } else {
        time
    })
}

/// Renews what is due, as long as the VNFM runs.
pub(crate) async fn run(lifecycle: Arc<Lifecycle>) {
    let mut tried = HashSet::new();
    loop {
        let next = lifecycle.renew_due(&mut tried).await;
        let pause = async {
            match next {
                Some(seconds) => {
                    // A clock that is set, or a machine that slept, is noticed after an hour.
                    let seconds = seconds.clamp(BUSY, 3600).unsigned_abs();
                    tokio::time::sleep(Duration::from_secs(seconds)).await;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = pause => {}
            () = lifecycle.changed.notified() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vnfm::delegation::identity::Vnfc;
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use serde_json::json;

    const DAY: i64 = 86_400;

    /// With one certificate that ends in ten days and began ten days ago.
    fn delegated(certificate_type: CertificateType, is_renewal: bool) -> (Delegated, i64) {
        let now = time::OffsetDateTime::now_utc();
        let mut params = rcgen::CertificateParams::new([]).unwrap();
        params.not_before = now - time::Duration::days(10);
        params.not_after = now + time::Duration::days(10);
        let key = rcgen::KeyPair::generate().unwrap();
        let der = params.self_signed(&key).unwrap().der().to_vec();
        let configuration = json!({ "securityPolicy": [{}] });
        let mut delegated = Delegated::new(configuration).unwrap();
        let mut vnfc = Vnfc::new();
        vnfc.configuration = Some("https://127.0.0.1:1".parse().unwrap());
        vnfc.certificates.push(Enrolled {
            certificate_type,
            delegate_id: "d".to_owned(),
            policy: delegated.policy.clone(),
            chain: vec![BASE64_STANDARD.encode(der)],
            is_renewal,
        });
        delegated.vnfcs.push(vnfc);
        (delegated, now.unix_timestamp())
    }

    #[test]
    fn a_certificate_is_due_so_long_before_its_end_and_once() {
        let (delegated, now) = delegated(CertificateType::Vnfci, false);
        let later = due(&delegated, 7 * DAY, now, &HashSet::new());
        assert_eq!((later.now.len(), later.next), (0, Some(3 * DAY)));
        let due_now = due(&delegated, 7 * DAY, now + 3 * DAY, &HashSet::new());
        assert_eq!((due_now.now.len(), due_now.next), (1, None));
        let tried = due_now.certificates.into_iter().collect();
        let tried = due(&delegated, 7 * DAY, now + 3 * DAY, &tried);
        assert_eq!((tried.now.len(), tried.next), (0, None));
    }

    #[test]
    fn one_that_was_renewed_waits_for_the_second_half_of_its_life() {
        let (renewed, now) = delegated(CertificateType::Vnfci, true);
        let before = due(&renewed, 100 * DAY, now - DAY, &HashSet::new());
        assert_eq!((before.now.len(), before.next), (0, Some(DAY)));
        let after = due(&renewed, 100 * DAY, now, &HashSet::new());
        assert_eq!(after.now.len(), 1);
    }

    #[test]
    fn only_vnfci_certificates_of_reachable_vnfcis_are_renewed() {
        let (of_oam, now) = delegated(CertificateType::VnfOam, false);
        let (mut unreachable, _) = delegated(CertificateType::Vnfci, false);
        unreachable.vnfcs[0].configuration = None;
        for delegated in [of_oam, unreachable] {
            let due = due(&delegated, 100 * DAY, now, &HashSet::new());
            assert_eq!((due.now.len(), due.next), (0, None));
        }
    }
}
