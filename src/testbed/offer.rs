//! Offers a VNFD archive to the SUT and records what becomes of it (SEC 030 4.2.2.1).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use scas_simulators::nfvo::{self, OnboardedPackage};
use scas_simulators::transcript::Exchange;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::lcm::{self, Creation};
use super::{NOTIFICATIONS, Testbed};
use crate::model::question::{Answer, Fetched, Offer};
use crate::model::sut::AcceptedAt;
use crate::vnf_package::{self, Built};

/// The deployment flavour of our packages.
const FLAVOUR: &str = "simple";
/// The name of every VNF instance that is asked for here: the same, so that it tells the SUT nothing.
const NAME: &str = "vnf-0";
/// Time between two looks at an operation of a SUT that sends no notifications.
const POLL_PAUSE: Duration = Duration::from_millis(250);

impl Testbed {
    /// Lets the NFVO hold this package, in place of one with the same VNFD identifier.
    pub fn hold(&mut self, package: &Built) {
        self.held.insert(package.vnfd_id.clone());
        self.nfvo.onboard(onboarded(package));
    }

    /// Puts the archive before the SUT and asks for a VNF instance of it, then removes what came of it, so that the next offer
    /// finds the SUT as this one did. Fetched counts only what tells the package from the `other` of its pair. Nothing on the wire
    /// but the archive tells the SUT which of the two it is.
    ///
    /// # Errors
    /// A fault of ours. What the SUT does or leaves undone is in the offer.
    pub async fn offer(
        &mut self,
        what: &str,
        package: &Built,
        other: &Built,
    ) -> anyhow::Result<Offer> {
        self.hold(package);
        let from = self.transcript.next_seq();
        let own = lcm::new_instance(&package.vnfd_id, NAME);
        let members = self.members(1);
        let body = members.body(own, &self.context.profile.ixit.vnf.create);
        let creation = self.client()?.send(lcm::create_with(&body)).await;
        let answer = match (
            lcm::creation(creation),
            self.context.profile.ixit.accepted_at,
        ) {
            (
                Creation::Created {
                    id,
                    exchange,
                    there,
                },
                AcceptedAt::Create,
            ) => {
                let answer = if there {
                    Answer::Accepted {
                        exchange,
                        text: format!("HTTP 201, VNF instance {id}"),
                    }
                } else {
                    self.created_later(&id).await?
                };
                self.remove(&id, what).await?;
                answer
            }
            (Creation::Created { id, there, .. }, AcceptedAt::Instantiate) => {
                if !there {
                    self.created_later(&id).await?;
                }
                let answer = self.instantiate(&id).await?;
                self.remove(&id, what).await?;
                answer
            }
            (
                Creation::Status {
                    status,
                    text,
                    exchange,
                },
                _,
            ) => Answer::Status {
                exchange,
                status,
                text,
            },
            (Creation::None { text }, _) => Answer::None {
                text: match self.ended() {
                    Some(status) => format!("{text}; the SUT has ended: {status}"),
                    None => text,
                },
            },
        };
        let held = bearing(package, other);
        Ok(Offer {
            what: what.to_owned(),
            vnfd_id: package.vnfd_id.clone(),
            fetched: self.fetched(from, &held),
            held,
            asked_for_signatures: self.asked_for_signatures(from, &package.vnfd_id),
            disturbed: self.disturbed(from),
            answer,
        })
    }

    /// Requests of the SUT to the NFVO since then.
    fn to_nfvo(&self, from: u64) -> impl Iterator<Item = Arc<Exchange>> {
        let exchanges = self.transcript.since(from);
        exchanges
            .into_iter()
            .filter(|exchange| exchange.to == "NFVO")
    }

    /// The last exchange in which the SUT was given exactly these bytes.
    fn fetched(&self, from: u64, held: &[String]) -> Option<Fetched> {
        let given = self.to_nfvo(from).filter_map(|exchange| {
            let response = exchange.response.as_ref()?;
            let whole = response.status == 200 && held.contains(&response.body.sha256);
            whole.then(|| Fetched {
                exchange: exchange.seq,
                sha256: response.body.sha256.clone(),
            })
        });
        given.last()
    }

    /// Whether a request for the VNFD named the flag, in either of its spellings (SOL003 10.4.4.3.2). Only `/vnfd` has it; a
    /// whole package always comes with its signatures.
    fn asked_for_signatures(&self, from: u64, vnfd_id: &str) -> bool {
        self.to_nfvo(from).any(|exchange| {
            let (path, query) = exchange
                .request
                .target
                .split_once('?')
                .unwrap_or((&exchange.request.target, ""));
            let flag = query.split('&').any(|part| {
                let name = part.split('=').next().unwrap_or_default();
                name == "include_signature" || name == "include_signatures"
            });
            path.contains(vnfd_id) && (path.ends_with("/package_content") || flag)
        })
    }

    /// An answer of ours that no VNFM has to cope with.
    fn disturbed(&self, from: u64) -> Option<String> {
        self.to_nfvo(from).find_map(|exchange| {
            let status = exchange.response.as_ref()?.status;
            (status >= 500).then(|| {
                format!(
                    "the simulated NFVO answered HTTP {status} to {} (exchange {})",
                    exchange.request.target, exchange.seq
                )
            })
        })
    }

    /// What becomes of a creation that the SUT answered by 202: 202 alone accepts nothing. It is asked for the VNF instance until it
    /// has it, or time is up.
    async fn created_later(&self, id: &str) -> anyhow::Result<Answer> {
        let seconds = self.context.profile.ixit.timeouts.operation;
        let client = self.client()?;
        let asked = async {
            loop {
                if let Ok(answer) = client.send(lcm::instance(id)).await
                    && answer.status.as_u16() == 200
                {
                    return Answer::Accepted {
                        exchange: answer.seq,
                        text: format!("HTTP 202, then VNF instance {id}"),
                    };
                }
                tokio::time::sleep(POLL_PAUSE).await;
            }
        };
        let limit = Duration::from_secs(seconds);
        let begun = self.waits.begin();
        let answer = tokio::time::timeout(limit, asked).await;
        self.waits.end(begun);
        Ok(answer.unwrap_or_else(|_| Answer::None {
            text: format!(
                "HTTP 202, and no VNF instance {id} within {seconds} s (ixit.timeouts.operation)"
            ),
        }))
    }

    async fn instantiate(&mut self, id: &str) -> anyhow::Result<Answer> {
        let own = serde_json::json!({ "flavourId": FLAVOUR });
        let members = self.members(1);
        let body = members.body(own, &self.context.profile.ixit.vnf.instantiate);
        let call = lcm::task(id, "instantiate", &body);
        let answer = match self.client()?.send(call).await {
            Err(error) => {
                return Ok(Answer::None {
                    text: error.to_string(),
                });
            }
            Ok(answer) => answer,
        };
        if answer.status.as_u16() >= 400 {
            return Ok(Answer::Status {
                exchange: answer.seq,
                status: answer.status.as_u16(),
                text: lcm::problem(&answer),
            });
        }
        let Some(operation) = lcm::location_id(&answer) else {
            return Ok(Answer::None {
                text: format!("HTTP {} without a Location", answer.status.as_u16()),
            });
        };
        let Some(end) = self.operation_end(&operation).await? else {
            return Ok(Answer::None {
                text: format!(
                    "the operation did not end within {} s (ixit.timeouts.operation)",
                    self.context.profile.ixit.timeouts.operation
                ),
            });
        };
        if end.state == "FAILED_TEMP" {
            // It waits for us to decide, and its VNF instance cannot be deleted before.
            let failed = self.client()?.send(lcm::fail(&operation)).await;
            let problem = match failed {
                Ok(answer) if answer.status.is_success() => None,
                Ok(answer) => Some(lcm::refusal(&answer)),
                Err(error) => Some(error.to_string()),
            };
            self.remarks.extend(
                problem.map(|why| format!("the operation {operation} stays FAILED_TEMP: {why}")),
            );
        }
        if end.state != "COMPLETED" {
            return Ok(Answer::Ended {
                exchange: end.exchange,
                state: end.state,
                text: end.error,
            });
        }
        // Termination must be over before the instance can be deleted.
        if let Ok(answer) = self.client()?.send(lcm::terminate(id)).await
            && let Some(operation) = lcm::location_id(&answer)
        {
            self.operation_end(&operation).await?;
        }
        Ok(Answer::Accepted {
            exchange: end.exchange,
            text: format!("instantiation of VNF instance {id} COMPLETED"),
        })
    }

    /// Waits for the result notification of an operation; asks for its state if none comes.
    pub(super) async fn operation_end(
        &self,
        operation: &str,
    ) -> anyhow::Result<Option<OperationEnd>> {
        let limit = Duration::from_secs(self.context.profile.ixit.timeouts.operation);
        let result = self
            .nfvo
            .wait_notification(NOTIFICATIONS, |told| is_final(told, operation));
        let begun = self.waits.begin();
        if self.unsubscribed.is_some() || self.silent.load(Ordering::Relaxed) {
            // Nothing will tell us: it has to be asked for.
            let polled = async {
                while self
                    .operation_state(operation)
                    .await
                    .is_none_or(|end| end.goes_on())
                {
                    tokio::time::sleep(POLL_PAUSE).await;
                }
            };
            let _ = tokio::time::timeout(limit, polled).await;
        } else if tokio::time::timeout(limit, result).await.is_err() {
            // The state is asked for all the same; the next operation is not waited for in vain.
            self.silent.store(true, Ordering::Relaxed);
        }
        self.waits.end(begun);
        Ok(self
            .operation_state(operation)
            .await
            .filter(|end| !end.goes_on()))
    }

    async fn operation_state(&self, operation: &str) -> Option<OperationEnd> {
        let call = lcm::operation(operation);
        let answer = self.client().ok()?.send(call).await.ok()?;
        let body: Value = serde_json::from_slice(&answer.body).ok()?;
        let detail = body.get("error").and_then(|error| error.get("detail"));
        Some(OperationEnd {
            state: body.get("operationState")?.as_str()?.to_owned(),
            error: detail
                .and_then(Value::as_str)
                .unwrap_or("no error was given")
                .to_owned(),
            exchange: answer.seq,
        })
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

/// The state of a lifecycle operation, as the SUT told it.
pub(super) struct OperationEnd {
    pub(super) state: String,
    pub(super) error: String,
    exchange: u64,
}

impl OperationEnd {
    fn goes_on(&self) -> bool {
        goes_on(&self.state)
    }
}

/// Whether a notification tells the end of the operation: a RESULT may be an intermediate one (SOL003 5.5.2.17).
fn is_final(notification: &Value, operation: &str) -> bool {
    let text = |member| notification.get(member).and_then(Value::as_str);
    text("vnfLcmOpOccId") == Some(operation)
        && text("notificationStatus") == Some("RESULT")
        && !text("operationState").is_some_and(goes_on)
}

/// Whether an operation in this state goes on by itself (SOL003 5.6.2.2).
fn goes_on(state: &str) -> bool {
    matches!(state, "STARTING" | "PROCESSING" | "ROLLING_BACK")
}

/// Digests of what bears the package's signatures and tells it from the `other` of its pair. With option 2 only the whole
/// package is signed (SOL004 5.1).
fn bearing(package: &Built, other: &Built) -> Vec<String> {
    let digests = |built: &Built| match built.security_option {
        vnf_package::SecurityOption::Option1 => {
            vec![digest(&built.vnfd), digest(&built.package_content)]
        }
        vnf_package::SecurityOption::Option2 => vec![digest(&built.package_content)],
    };
    let shared = digests(other);
    let mut own = digests(package);
    own.retain(|digest| !shared.contains(digest));
    own.dedup();
    own
}

/// The identifier that a creation notification names (SOL003 5.5.2.18).
pub fn created(notification: &Value) -> Option<String> {
    let kind = notification.get("notificationType")?.as_str()?;
    let id = notification.get("vnfInstanceId")?.as_str()?;
    (kind == "VnfIdentifierCreationNotification").then(|| id.to_owned())
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::SigningMaterial;

    #[test]
    fn an_intermediate_result_is_not_the_end() {
        let told = |status: &str, state: &str| serde_json::json!({ "vnfLcmOpOccId": "a", "notificationStatus": status, "operationState": state });
        assert!(!is_final(&told("START", "STARTING"), "a"));
        assert!(!is_final(&told("RESULT", "PROCESSING"), "a"));
        assert!(is_final(&told("RESULT", "FAILED_TEMP"), "a"));
        assert!(is_final(&told("RESULT", "COMPLETED"), "a"));
        assert!(!is_final(&told("RESULT", "COMPLETED"), "b"));
    }

    #[test]
    fn what_is_fetched_always_tells_the_flawed_package_from_its_twin() {
        let material = SigningMaterial::new(jiff::Timestamp::now()).expect("material");
        for flaw in vnf_package::all() {
            let pair = flaw.pair("vnfd-1", &material).expect("a pair");
            let twin = bearing(&pair.twin, &pair.mutant);
            let mutant = bearing(&pair.mutant, &pair.twin);
            assert!(!twin.is_empty() && !mutant.is_empty(), "{}", flaw.name);
            assert!(
                mutant.iter().all(|digest| !twin.contains(digest)),
                "{}",
                flaw.name
            );
        }
    }
}
