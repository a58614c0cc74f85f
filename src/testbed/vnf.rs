//! A VNF in delegation mode, as the NFVO asks for it: created with certificate configuration, instantiated, given new certificates.

use scas_simulators::cmf::{Decision, Enrolment, KeyPolicy, Refusal};
use serde_json::{Value, json};

use super::Testbed;
use super::csr;
use super::lcm::{self, Creation};
use super::members::Members;
use super::observation::Spoken;
use crate::model::key_protection::KeyUse;
use crate::model::sut::KeyAlgorithm;

/// The deployment flavour of our packages.
const FLAVOUR: &str = "simple";
/// The name of every VNF instance: it tells the SUT nothing.
const NAME: &str = "vnf-0";

/// The SUT did not do what a step asks for. Steps turn it into "unmet".
#[derive(Debug, thiserror::Error)]
#[error("expected {expected}; {actual}")]
pub struct Undone {
    /// What the step asks for.
    pub expected: String,
    /// What came instead.
    pub actual: String,
}

impl Undone {
    /// As an error.
    pub fn error(expected: &str, actual: impl Into<String>) -> anyhow::Error {
        anyhow::Error::new(Self {
            expected: expected.to_owned(),
            actual: actual.into(),
        })
    }
}

/// A VNFC of a VNF instance, as the SUT tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vnfc {
    /// Its identifier.
    pub id: String,
    /// Its server at the VIM.
    pub server: String,
}

impl Testbed {
    /// Creates a VNF instance in delegation mode and returns its identifier.
    ///
    /// # Errors
    /// [`Undone`] if the SUT refuses; else a fault of ours.
    pub async fn create_delegated(
        &mut self,
        vnfd_id: &str,
        algorithm: KeyAlgorithm,
    ) -> anyhow::Result<String> {
        let own = json!({
            "vnfdId": vnfd_id,
            "vnfInstanceName": NAME,
            "certificateConfigurationData": certificate_configuration(algorithm),
        });
        let body = self
            .members(1)
            .body(own, &self.context.profile.ixit.vnf.create);
        let sent = self.client()?.send(lcm::create_with(&body)).await;
        if let Ok(answer) = &sent {
            self.keep_spoken(answer);
        }
        match lcm::creation(sent) {
            Creation::Created { id, .. } => Ok(id),
            Creation::Status { status, text, .. } => Err(Undone::error(
                "a VNF instance is created in delegation mode",
                format!("HTTP {status}: {text}"),
            )),
            Creation::None { text } => Err(Undone::error(
                "a VNF instance is created in delegation mode",
                text,
            )),
        }
    }

    /// Asks for the instantiation with so many VNFCs, and returns the operation.
    ///
    /// # Errors
    /// As for [`Testbed::create_delegated`].
    pub async fn instantiate_delegated(&mut self, id: &str, vnfcs: u64) -> anyhow::Result<String> {
        let own = json!({ "flavourId": FLAVOUR });
        let body = self
            .members(vnfcs)
            .body(own, &self.context.profile.ixit.vnf.instantiate);
        self.begin(id, "instantiate", &body).await
    }

    /// Asks for new certificates of these VNFCs, each with the address of its configuration interface.
    ///
    /// # Errors
    /// As for [`Testbed::create_delegated`].
    pub async fn renew_certificates(
        &mut self,
        id: &str,
        vnfcs: &[(String, String)],
    ) -> anyhow::Result<String> {
        let algorithm = self.context.profile.ixit.keys.usual();
        let own = json!({
            "extVirtualLinks": [],
            "certificateConfigurationData": certificate_configuration(algorithm),
        });
        let further = &self.context.profile.ixit.vnf.change_ext_conn;
        let members = Members {
            vnfcis: vnfcs.to_vec(),
            ..self.members(vnfcs.len() as u64)
        };
        let body = members.body(own, further);
        self.begin(id, "change_ext_conn", &body).await
    }

    /// Terminates a VNF instance and waits for the end.
    ///
    /// # Errors
    /// As for [`Testbed::create_delegated`].
    pub async fn terminate_delegated(&mut self, id: &str) -> anyhow::Result<()> {
        let body = json!({ "terminationType": "FORCEFUL" });
        let operation = self.begin(id, "terminate", &body).await?;
        self.completed(&operation).await
    }

    /// Waits until an operation is COMPLETED.
    ///
    /// # Errors
    /// [`Undone`] if it ends otherwise, or not in time.
    pub async fn completed(&mut self, operation: &str) -> anyhow::Result<()> {
        match self.ended_as(operation).await? {
            (state, _) if state == "COMPLETED" => Ok(()),
            (state, error) => Err(Undone::error(
                "the lifecycle operation is COMPLETED",
                format!("it is {state}: {error}"),
            )),
        }
    }

    /// Waits until an operation has ended, and returns its state and error.
    ///
    /// # Errors
    /// [`Undone`] if it does not end in time.
    pub async fn ended_as(&mut self, operation: &str) -> anyhow::Result<(String, String)> {
        let end = self.operation_end(operation).await?;
        let Some(end) = end else {
            return Err(Undone::error(
                "the lifecycle operation ends",
                format!(
                    "it did not within {} s (ixit.timeouts.operation)",
                    self.context.profile.ixit.timeouts.operation
                ),
            ));
        };
        Ok((end.state, end.error))
    }

    /// What the SUT tells of a VNF instance and its operations; kept whole, to be searched.
    ///
    /// # Errors
    /// A fault of ours.
    pub async fn ask_about(&mut self, id: &str) -> anyhow::Result<Value> {
        let instance = self.client()?.send(lcm::instance(id)).await;
        let operations = self.client()?.send(lcm::operations()).await;
        for answer in [&instance, &operations].into_iter().flatten() {
            self.keep_spoken(answer);
        }
        let read = instance
            .ok()
            .and_then(|answer| serde_json::from_slice(&answer.body).ok());
        Ok(read.unwrap_or(Value::Null))
    }

    /// The VNFCs of a VNF instance.
    ///
    /// # Errors
    /// A fault of ours.
    pub async fn vnfcs(&mut self, id: &str) -> anyhow::Result<Vec<Vnfc>> {
        let instance = self.ask_about(id).await?;
        Ok(vnfcs(&instance))
    }

    /// Waits until the CMF has certified this public key. The inner error says what it answered instead.
    ///
    /// # Errors
    /// A fault of ours.
    pub async fn certificate_for(
        &mut self,
        public_key_sha256: &str,
        seconds: u64,
    ) -> anyhow::Result<Result<(), String>> {
        let transcript = self.transcript.clone();
        let cmf = &self.delegation()?.cmf;
        let decision = || {
            let of_key = |enrolment: &Enrolment| {
                let request = enrolment.request.as_ref();
                request.is_some_and(|request| request.public_key_sha256 == public_key_sha256)
            };
            let found = cmf.enrolments().into_iter().rfind(of_key)?;
            match found.decision {
                Decision::Issued { .. } => Some(Ok(())),
                Decision::Refused(why) => Some(Err(why.to_string())),
                Decision::Deferred => None,
            }
        };
        // Each enrolment is recorded after it was decided.
        let decided = transcript.wait_for(0, |_| decision().is_some());
        let limit = std::time::Duration::from_secs(seconds);
        let _ = tokio::time::timeout(limit, decided).await;
        Ok(decision().unwrap_or_else(|| Err("nothing within the time for an answer".to_owned())))
    }

    /// Every certification request that the CMF could read, with its public key.
    ///
    /// # Errors
    /// A fault of ours.
    pub fn certification_requests(&mut self) -> anyhow::Result<Vec<KeyUse>> {
        let enrolments = self.delegation()?.cmf.enrolments().into_iter();
        let decided = enrolments.filter(|one| one.decision != Decision::Deferred);
        let uses = decided.filter_map(|enrolment| {
            let request = enrolment.request?;
            Some(KeyUse {
                what: format!("{} at {}", request.subject, enrolment.at),
                rsa: csr::rsa(&request.public_key_der),
                public_key_sha256: request.public_key_sha256,
            })
        });
        Ok(uses.collect())
    }

    /// How many certification requests there were, and those that did not prove possession of the private key.
    ///
    /// # Errors
    /// A fault of ours.
    pub fn proofs(&mut self) -> anyhow::Result<(usize, Vec<String>)> {
        let enrolments = self.delegation()?.cmf.enrolments();
        let unproved = enrolments.iter().filter_map(|enrolment| {
            let refused = enrolment.decision == Decision::Refused(Refusal::ProofOfPossession);
            let subject = enrolment.request.as_ref().map(|request| &request.subject);
            refused.then(|| subject.cloned().unwrap_or_default())
        });
        Ok((enrolments.len(), unproved.collect()))
    }

    async fn begin(&mut self, id: &str, task: &str, body: &Value) -> anyhow::Result<String> {
        let expected = format!("the VNFM accepts the request to {task}");
        let answer = match self.client()?.send(lcm::task(id, task, body)).await {
            Ok(answer) => answer,
            Err(error) => return Err(Undone::error(&expected, error.to_string())),
        };
        self.keep_spoken(&answer);
        if !answer.status.is_success() {
            return Err(Undone::error(&expected, lcm::refusal(&answer)));
        }
        lcm::location_id(&answer).ok_or_else(|| {
            Undone::error(
                &expected,
                format!("HTTP {} without a Location", answer.status.as_u16()),
            )
        })
    }

    fn keep_spoken(&mut self, answer: &scas_simulators::client::Answer) {
        self.spoken.push(Spoken {
            exchange: answer.seq,
            body: answer.body.clone(),
        });
    }
}

/// What asks for delegation mode (SOL003 4.5.1).
fn certificate_configuration(algorithm: KeyAlgorithm) -> Value {
    let mut policy = json!({ "id": "policy-1", "allowedAlgorithm": algorithm });
    if algorithm == KeyAlgorithm::Rsa {
        // The simulated CMF takes none that is shorter.
        policy["minimumKeyLength"] = json!(KeyPolicy::default().minimum_rsa_bits);
    }
    json!({ "securityPolicy": [policy] })
}

fn vnfcs(instance: &Value) -> Vec<Vnfc> {
    let resources = instance
        .pointer("/instantiatedVnfInfo/vnfcResourceInfo")
        .and_then(Value::as_array);
    let text = |value: &Value, pointer: &str| {
        let text = value.pointer(pointer)?.as_str()?;
        Some(text.to_owned())
    };
    resources
        .into_iter()
        .flatten()
        .filter_map(|resource| {
            Some(Vnfc {
                id: text(resource, "/id")?,
                server: text(resource, "/computeResource/resourceId")?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vnfcs_are_read_from_the_instance_and_odd_ones_passed_over() {
        let instance = json!({ "instantiatedVnfInfo": { "vnfcResourceInfo": [
            { "id": "a", "computeResource": { "resourceId": "s1" } },
            { "id": "b" },
        ] } });
        let found = vnfcs(&instance);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].id.as_str(), found[0].server.as_str()),
            ("a", "s1")
        );
        assert!(vnfcs(&Value::Null).is_empty());
    }
}
