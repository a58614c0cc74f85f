//! What has new key pairs installed in VNFCIs that run, and how its end is told: [`UnderWay`]. Not every product takes it for a lifecycle
//! operation of the NFVO's.

use std::time::Duration;

use scas_simulators::transcript::Exchange;
use serde_json::json;

use super::Testbed;
use super::sut_process::StartError;
use super::vnf::Undone;

/// The label of what the profile does.
const LABEL: &str = "ixit.commands.renew";

/// Something that the SUT is about.
#[derive(Clone, Debug)]
pub enum UnderWay {
    /// A lifecycle operation, which the SUT tells of.
    Operation(String),
    /// An installation that no operation stands for: the VNFCIs see what becomes of it.
    Installation {
        /// The first exchange that may belong to it.
        first: u64,
        /// How many VNFCIs get a key pair.
        vnfcis: usize,
    },
}

impl Testbed {
    /// Has new certificates installed as the profile says, by a program or a person. Each VNFC comes with the address of its
    /// configuration interface.
    ///
    /// # Errors
    /// It was not done.
    pub async fn renew_as_told(
        &mut self,
        vnf: &str,
        vnfcs: &[(String, String)],
    ) -> Result<UnderWay, StartError> {
        let action = self.context.profile.ixit.commands.renew.clone();
        let action = action.ok_or(StartError::NoCommand { what: "renew" })?;
        let first = self.transcript.next_seq();
        let entry =
            |(id, at): &(String, String)| json!({ "vnfcInstanceId": id, "configuration": at });
        let all: serde_json::Value = vnfcs.iter().map(entry).collect();
        let further = [("vnf", vnf.to_owned()), ("vnfcis", all.to_string())];
        self.act_with(LABEL, &action, &further).await?;
        Ok(UnderWay::Installation {
            first,
            vnfcis: vnfcs.len(),
        })
    }

    /// Waits for the end, and returns its state and error, in the words of lifecycle operations.
    ///
    /// # Errors
    /// [`Undone`] if it does not end in time.
    pub async fn outcome(&mut self, under_way: &UnderWay) -> anyhow::Result<(String, String)> {
        let (first, vnfcis) = match under_way {
            UnderWay::Operation(operation) => return self.ended_as(operation).await,
            UnderWay::Installation { first, vnfcis } => (*first, *vnfcis),
        };
        let attempts = self.delegation()?.retention.attempts;
        let seconds = self.context.profile.ixit.timeouts.operation;
        let (mut installed, mut refused) = (0, 0);
        let mut last = String::new();
        let ended = self.transcript.wait_for(first, |exchange| {
            match installation(exchange) {
                None => return false,
                Some(Ok(())) => installed += 1,
                Some(Err(why)) => {
                    refused += 1;
                    last = format!("exchange {}: {why}", exchange.seq);
                }
            }
            installed >= vnfcis || refused >= attempts
        });
        let limit = Duration::from_secs(seconds);
        if tokio::time::timeout(limit, ended).await.is_err() {
            return Err(Undone::error(
                "new key pairs are installed in the VNFCIs, or not after the last attempt",
                format!(
                    "{installed} of {vnfcis} were within {seconds} s (ixit.timeouts.operation), and {refused} attempt(s) failed"
                ),
            ));
        }
        Ok(if installed >= vnfcis {
            ("COMPLETED".to_owned(), String::new())
        } else {
            (
                "FAILED".to_owned(),
                format!("after {refused} attempt(s), the last was {last}"),
            )
        })
    }

    /// Waits until it is done.
    ///
    /// # Errors
    /// [`Undone`] if it ends otherwise, or not in time.
    pub async fn done(&mut self, under_way: &UnderWay) -> anyhow::Result<()> {
        match self.outcome(under_way).await? {
            (state, _) if state == "COMPLETED" => Ok(()),
            (state, error) => Err(Undone::error(
                "the lifecycle operation is COMPLETED",
                format!("it is {state}: {error}"),
            )),
        }
    }
}

/// What an exchange with a VNFCI says of an installation, if anything: a question of the SUT's says nothing.
fn installation(exchange: &Exchange) -> Option<Result<(), String>> {
    if exchange.to != "VNFCI" {
        return None;
    }
    let Some(response) = &exchange.response else {
        let why = exchange.fault.clone();
        return Some(Err(why.unwrap_or_else(|| "no answer".to_owned())));
    };
    match (exchange.request.method.as_str(), response.status) {
        ("PATCH", 200..=299) => Some(Ok(())),
        (_, status @ 400..) => Some(Err(format!("HTTP {status}"))),
        _ => None,
    }
}
