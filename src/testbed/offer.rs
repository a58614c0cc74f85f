//! Offers a VNFD archive to the SUT and records what becomes of it (SEC 030 4.2.2.1).

use std::time::Duration;

use scas_simulators::nfvo::{self, OnboardedPackage};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::lcm::{self, Creation};
use super::{NOTIFICATIONS, Testbed};
use crate::model::question::{Answer, Offer};
use crate::model::sut::AcceptedAt;
use crate::vnf_package::{self, Built};

/// The deployment flavour of our packages.
const FLAVOUR: &str = "simple";
/// Time between two looks at an operation of a SUT that sends no notifications.
const POLL_PAUSE: Duration = Duration::from_millis(250);

impl Testbed {
    /// Lets the NFVO hold this package, in place of one with the same VNFD identifier.
    pub fn hold(&self, package: &Built) {
        self.nfvo.onboard(onboarded(package));
    }

    /// Puts the archive before the SUT and asks for a VNF instance of it, then removes what came of it, so that the next offer
    /// finds the SUT as this one did. Fetched counts only what tells the package from the `other` of its pair.
    ///
    /// # Errors
    /// A fault of ours. What the SUT does or leaves undone is in the offer.
    pub async fn offer(
        &mut self,
        what: &str,
        package: &Built,
        other: &Built,
    ) -> anyhow::Result<Offer> {
        let vnfd_id = &package.vnfd_id;
        self.hold(package);
        let from = self.transcript.next_seq();
        let client = self.client()?;
        let creation = lcm::creation(client.send(lcm::create(vnfd_id, what)).await);
        let answer = match (creation, self.context.profile.ixit.accepted_at) {
            (Creation::Created { id, exchange }, AcceptedAt::Create) => {
                self.remove(&id, what).await?;
                Answer::Accepted {
                    exchange,
                    text: format!("HTTP 201, VNF instance {id}"),
                }
            }
            (Creation::Created { id, .. }, AcceptedAt::Instantiate) => {
                let answer = self.instantiate(&id).await?;
                self.remove(&id, what).await?;
                answer
            }
            (Creation::Refused { text, exchange }, _) => Answer::Refused { exchange, text },
            (Creation::None { text }, _) => Answer::None {
                text: match self.ended() {
                    Some(status) => format!("{text}; the SUT has ended: {status}"),
                    None => text,
                },
            },
        };
        let (fetched_in, asked_for_signatures) = self.fetched(from, package, other);
        Ok(Offer {
            what: what.to_owned(),
            vnfd_id: vnfd_id.clone(),
            archive_sha256: digest(&package.vnfd),
            fetched_in,
            asked_for_signatures,
            answer,
        })
    }

    /// The exchange in which the SUT was given exactly these bytes, and whether it asked for signatures.
    fn fetched(&self, from: u64, package: &Built, other: &Built) -> (Option<u64>, bool) {
        let digests = |built: &Built| [digest(&built.vnfd), digest(&built.package_content)];
        let shared = digests(other);
        let mut wanted = digests(package).to_vec();
        wanted.retain(|digest| !shared.contains(digest));
        let exchanges = self.transcript.since(from);
        let to_nfvo = exchanges.iter().filter(|exchange| exchange.to == "NFVO");
        let mut fetched = None;
        let mut asked = false;
        for exchange in to_nfvo {
            asked |= exchange.request.target.contains("include_signature");
            let given = exchange.response.as_ref().is_some_and(|response| {
                response.status == 200 && wanted.contains(&response.body.sha256)
            });
            if given {
                fetched = Some(exchange.seq);
            }
        }
        (fetched, asked)
    }

    async fn instantiate(&mut self, id: &str) -> anyhow::Result<Answer> {
        let answer = match self.client()?.send(lcm::instantiate(id, FLAVOUR)).await {
            Err(error) => {
                return Ok(Answer::None {
                    text: error.to_string(),
                });
            }
            Ok(answer) => answer,
        };
        if answer.status.as_u16() >= 400 {
            return Ok(Answer::Refused {
                exchange: answer.seq,
                text: lcm::refusal(&answer),
            });
        }
        let Some(operation) = lcm::location_id(&answer) else {
            return Ok(Answer::None {
                text: format!("HTTP {} without a Location", answer.status.as_u16()),
            });
        };
        let Some((state, exchange)) = self.operation_end(&operation).await? else {
            return Ok(Answer::None {
                text: format!(
                    "the operation did not end within {} s (ixit.timeouts.operation)",
                    self.context.profile.ixit.timeouts.operation
                ),
            });
        };
        let text = format!("operation {state}");
        Ok(match state.as_str() {
            "COMPLETED" => {
                // Termination must be over before the instance can be deleted.
                if let Ok(answer) = self.client()?.send(lcm::terminate(id)).await
                    && let Some(operation) = lcm::location_id(&answer)
                {
                    self.operation_end(&operation).await?;
                }
                Answer::Accepted { exchange, text }
            }
            _ => Answer::Refused { exchange, text },
        })
    }

    /// Waits for the result notification of an operation; asks for its state if none comes.
    async fn operation_end(&self, operation: &str) -> anyhow::Result<Option<(String, u64)>> {
        let limit = Duration::from_secs(self.context.profile.ixit.timeouts.operation);
        let result = self.nfvo.wait_notification(NOTIFICATIONS, |notification| {
            notification.get("vnfLcmOpOccId").and_then(Value::as_str) == Some(operation)
                && notification
                    .get("notificationStatus")
                    .and_then(Value::as_str)
                    == Some("RESULT")
        });
        if self.unsubscribed.is_some() {
            // Nothing will tell us: it has to be asked for.
            let polled = async {
                while self
                    .operation_state(operation)
                    .await
                    .is_none_or(|(state, _)| goes_on(&state))
                {
                    tokio::time::sleep(POLL_PAUSE).await;
                }
            };
            let _ = tokio::time::timeout(limit, polled).await;
        } else {
            // If none comes, the state is asked for all the same.
            let _ = tokio::time::timeout(limit, result).await;
        }
        Ok(self
            .operation_state(operation)
            .await
            .filter(|(state, _)| !goes_on(state)))
    }

    async fn operation_state(&self, operation: &str) -> Option<(String, u64)> {
        let answer = self
            .client()
            .ok()?
            .send(lcm::operation(operation))
            .await
            .ok()?;
        let body: Value = serde_json::from_slice(&answer.body).ok()?;
        let state = body.get("operationState")?.as_str()?.to_owned();
        Some((state, answer.seq))
    }

    async fn remove(&mut self, id: &str, what: &str) -> anyhow::Result<()> {
        match self.client()?.send(lcm::delete(id)).await {
            Ok(answer) if answer.status.is_success() => {}
            Ok(answer) => self.remarks.push(format!(
                "VNF instance {id} of {what} remains: {}",
                lcm::refusal(&answer)
            )),
            Err(error) => self
                .remarks
                .push(format!("VNF instance {id} of {what} remains: {error}")),
        }
        Ok(())
    }
}

/// A package as the simulated NFVO holds it.
pub fn onboarded(package: &Built) -> OnboardedPackage {
    OnboardedPackage {
        vnf_pkg_id: format!("pkg-{}", package.vnfd_id),
        vnfd_id: package.vnfd_id.clone(),
        provider: vnf_package::PROVIDER.to_owned(),
        product: vnf_package::PRODUCT_NAME.to_owned(),
        software_version: vnf_package::SOFTWARE_VERSION.to_owned(),
        vnfd_version: vnf_package::VNFD_VERSION.to_owned(),
        security_option: match package.security_option {
            vnf_package::SecurityOption::Option1 => nfvo::SecurityOption::Option1,
            vnf_package::SecurityOption::Option2 => nfvo::SecurityOption::Option2,
        },
        vnfd: package.vnfd.clone().into(),
        package_content: package.package_content.clone().into(),
        manifest: package.manifest.clone().into(),
        signing_certificate: Some(package.signing_certificate_pem.clone()),
    }
}

fn goes_on(state: &str) -> bool {
    matches!(state, "STARTING" | "PROCESSING" | "ROLLING_BACK")
}

/// Whether a notification tells of the creation of a VNF instance identifier.
pub fn is_creation(notification: &Value) -> bool {
    notification.get("notificationType").and_then(Value::as_str)
        == Some("VnfIdentifierCreationNotification")
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
