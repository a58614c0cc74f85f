//! Brings a product that runs by itself back to where a scenario found it: what the tester made there is deleted. What could not be is
//! residue. A product that we start has its state in a folder that goes with the bed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use scas_simulators::client::{Answer, CallError};
use scas_simulators::transcript::Exchange;
use serde_json::Value;

use super::Testbed;
use super::api_client::ApiClient;
use super::lcm::{self, Worker};

/// How many remaining VNF instances are told one by one; the rest is counted.
const SHOWN: usize = 3;
/// Time between two tries to be heard by a product that is still busy.
const PAUSE: Duration = Duration::from_millis(250);

/// A VNF instance that could not be deleted.
struct Remaining {
    id: String,
    why: String,
    /// Whether the product did not answer at all.
    unheard: bool,
}

impl Testbed {
    /// Removes the subscriptions that call our NFVO back, which a run that was cut off has left: their notifications would be taken for
    /// this scenario's.
    pub(super) async fn tidy_before(&mut self) -> anyhow::Result<()> {
        let client = self.client()?;
        let residue = self.unsubscribe(&client).await;
        self.remarks.extend(residue);
        Ok(())
    }

    /// Deletes what the tester made. Returns what remains.
    pub(super) async fn bring_back(&mut self) -> Vec<String> {
        let exchanges = self.transcript.exchanges();
        let heard = |exchange: &Exchange| exchange.to == "VNFM" && exchange.response.is_some();
        if !exchanges.iter().any(|exchange| heard(exchange)) {
            // It never answered, so there is nothing to undo, and nobody who would.
            return Vec::new();
        }
        let made = made(exchanges.iter().map(AsRef::as_ref));
        if self.context.keep {
            return vec![format!(
                "kept, as --keep asks: {} VNF instance(s) and the subscription to {}",
                made.len(),
                self.callback()
            )];
        }
        if self.down
            && let Err(error) = self.start().await
        {
            return vec![format!(
                "the product was stopped and did not start again: {error}"
            )];
        }
        let client = match self.client() {
            Ok(client) => client,
            Err(error) => return vec![format!("{error:#}")],
        };
        let times = self.context.profile.ixit.timeouts.clone();
        let Some(listed) = self.heard(&client, times.operation).await else {
            return vec![format!(
                "the product did not answer within {} s (ixit.timeouts.operation): {} VNF instance(s) remain, and the subscription",
                times.operation,
                made.len()
            )];
        };
        let mut residue = self.unsubscribe(&client).await;
        // No notification will tell that a termination has ended.
        self.unsubscribed = Some("the subscription was removed".to_owned());
        let late = identifiers(&listed, |instance| {
            let vnfd_id = instance.get("vnfdId").and_then(Value::as_str);
            vnfd_id.is_some_and(|id| self.held.contains(id))
        });
        let unanswered = exchanges.iter().filter(|exchange| {
            let creates = exchange.request.method == "POST";
            let path = exchange.request.path();
            creates && path.ends_with("/vnf_instances") && exchange.response.is_none()
        });
        let (unanswered, found) = (unanswered.count(), late.difference(&made).count());
        if unanswered > found {
            residue.push(format!(
                "{} creation(s) were never answered: a VNF instance may yet come of each",
                unanswered - found
            ));
        }
        let deletions = made.into_iter().chain(late).collect::<BTreeSet<_>>();
        let mut remaining = self.delete_batches(&client, deletions).await;
        let unheard = |one: &&Remaining| one.unheard;
        let again: BTreeSet<String> = remaining
            .iter()
            .filter(unheard)
            .map(|one| one.id.clone())
            .collect();
        // It may have restarted meanwhile; a deletion that has happened is not found again.
        if !again.is_empty() && self.heard(&client, times.start).await.is_some() {
            remaining.retain(|one| !one.unheard);
            remaining.extend(self.delete_batches(&client, again).await);
        }
        let many = remaining.len();
        let told = |one: Remaining| format!("VNF instance {} remains: {}", one.id, one.why);
        residue.extend(remaining.into_iter().take(SHOWN).map(told));
        if many > SHOWN {
            residue.push(format!("and {} more VNF instances remain", many - SHOWN));
        }
        residue
    }

    fn callback(&self) -> String {
        self.nfvo.callback_uri(super::NOTIFICATIONS)
    }

    /// Waits until the product answers at all: it may be busy with what a test gave it. The first page of its VNF instances, if it gives
    /// one.
    async fn heard(&self, client: &ApiClient, seconds: u64) -> Option<Value> {
        let limit = Duration::from_secs(seconds);
        let heard = async {
            loop {
                if let Ok(answer) = client.send(lcm::instances()).await {
                    return list(&answer);
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        let begun = self.waits.begin();
        let heard = tokio::time::timeout(limit, heard).await;
        self.waits.end(begun);
        heard.ok()
    }

    /// Deletes every subscription that calls our NFVO back, by the list and by what we were told when we subscribed.
    async fn unsubscribe(&mut self, client: &ApiClient) -> Vec<String> {
        let callback = self.callback();
        let listed = match client.send(lcm::subscriptions()).await {
            Ok(answer) => list(&answer),
            Err(error) => return vec![format!("the subscription to {callback} remains: {error}")],
        };
        let mut ids = identifiers(&listed, |subscription| {
            subscription.get("callbackUri").and_then(Value::as_str) == Some(callback.as_str())
        });
        ids.extend(self.subscription.take());
        let mut residue = Vec::new();
        for id in ids {
            let gone = match client.send(lcm::unsubscribe(&id)).await {
                Ok(answer) if answer.status.is_success() || answer.status == 404 => continue,
                Ok(answer) => lcm::refusal(&answer),
                Err(error) => error.to_string(),
            };
            residue.push(format!("subscription {id} remains: {gone}"));
        }
        residue
    }

    /// As many lists as may be worked off at once.
    fn batches(&self, ids: BTreeSet<String>) -> Vec<Vec<String>> {
        let workers = self.context.profile.ixit.capacity.concurrency.max(1);
        let mut lists = vec![Vec::new(); workers.min(ids.len())];
        let many = lists.len();
        for (number, id) in ids.into_iter().enumerate() {
            lists[number % many].push(id);
        }
        lists
    }

    async fn delete_batches(&self, client: &ApiClient, ids: BTreeSet<String>) -> Vec<Remaining> {
        let batches = self.batches(ids).into_iter();
        let deleting = batches.map(|ids| self.delete_all(client, ids));
        let failed = futures::future::join_all(deleting).await;
        failed.into_iter().flatten().collect()
    }

    async fn delete_all(&self, client: &ApiClient, ids: Vec<String>) -> Vec<Remaining> {
        let mut worker = Worker::new(client.clone());
        let mut remaining = Vec::new();
        for id in ids {
            let gone = match worker.send(lcm::delete(&id)).await {
                Ok(answer) if answer.status == 409 => self.terminate(&mut worker, &id).await,
                answer => deleted(answer),
            };
            if let Err(Kept { why, unheard }) = gone {
                remaining.push(Remaining { id, why, unheard });
            }
        }
        remaining
    }

    /// Terminates a VNF instance that is instantiated, then deletes it.
    async fn terminate(&self, worker: &mut Worker, id: &str) -> Result<(), Kept> {
        let answer = worker.send(lcm::terminate(id)).await?;
        if !answer.status.is_success() {
            return Err(Kept::because(lcm::refusal(&answer)));
        }
        let Some(operation) = lcm::location_id(&answer) else {
            let why = "its termination was accepted without a Location";
            return Err(Kept::because(why.to_owned()));
        };
        let ended = self.operation_end(&operation).await;
        ended.map_err(|error| Kept::because(format!("{error:#}")))?;
        deleted(worker.send(lcm::delete(id)).await)
    }
}

/// Why a VNF instance was not deleted.
struct Kept {
    why: String,
    /// The product was not heard, so it may be worth another try.
    unheard: bool,
}

impl Kept {
    fn because(why: String) -> Self {
        Self {
            why,
            unheard: false,
        }
    }
}

impl From<CallError> for Kept {
    fn from(error: CallError) -> Self {
        Self {
            why: error.to_string(),
            unheard: true,
        }
    }
}

/// Whether it is gone by this answer; one that was gone before is.
fn deleted(answer: Result<Answer, CallError>) -> Result<(), Kept> {
    let answer = answer?;
    if answer.status.is_success() || answer.status == 404 {
        return Ok(());
    }
    Err(Kept::because(lcm::refusal(&answer)))
}

/// VNF instances that were created and not deleted, as the transcript tells. Not by a list, which a product may refuse to give.
fn made<'a>(exchanges: impl Iterator<Item = &'a Exchange>) -> BTreeSet<String> {
    let mut made = BTreeMap::new();
    for exchange in exchanges.filter(|exchange| exchange.to == "VNFM") {
        let Some(response) = exchange.response.as_ref().filter(|r| r.status < 300) else {
            continue;
        };
        let path = exchange.request.path();
        if exchange.request.method == "POST" && path.ends_with("/vnf_instances") {
            let body = response.body.json();
            let id = body.and_then(|body| Some(body.get("id")?.as_str()?.to_owned()));
            let location = || Some(response.header("location")?.rsplit('/').next()?.to_owned());
            let id = id.or_else(location);
            made.extend(id.map(|id| (lcm::segment(&id), id)));
        } else if exchange.request.method == "DELETE"
            && let Some((_, id)) = path.rsplit_once("/vnf_instances/")
        {
            made.remove(id);
        }
    }
    made.into_values().collect()
}

/// A list, or nothing: one that is refused is tolerated.
fn list(answer: &Answer) -> Value {
    if answer.status != 200 {
        return Value::Null;
    }
    serde_json::from_slice(&answer.body).unwrap_or_default()
}

fn identifiers(list: &Value, wanted: impl Fn(&Value) -> bool) -> BTreeSet<String> {
    let entries = list.as_array().into_iter().flatten();
    entries
        .filter(|entry| wanted(entry))
        .filter_map(|entry| Some(entry.get("id")?.as_str()?.to_owned()))
        .collect()
}
