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
