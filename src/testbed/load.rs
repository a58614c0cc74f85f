//! Many creations at once. The load is bounded by the SUT, not by us: a few kept-alive connections, one call each at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde_json::{Map, Value};
use tokio::task::JoinSet;

use super::api_client::ApiClient;
use super::lcm::{self, Creation, Worker};
use super::members::Members;
use crate::model::question::{IdentifierRecord, Round};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Order {
    /// Name of the round.
    pub name: String,
    /// How many creations.
    pub count: u64,
    /// How many of them at once.
    pub concurrency: usize,
    /// Members that the product wants in each request besides (`ixit.vnf.create`).
    pub members: Map<String, Value>,
    /// VNFDs, taken in turn.
    pub vnfd_ids: Vec<String>,
}

/// Asks for the creations and waits for all answers. `answered` is counted up as they come.
///
/// # Errors
/// A worker panicked: a fault of ours.
pub async fn create(
    client: &ApiClient,
    order: &Order,
    answered: Arc<tokio::sync::watch::Sender<u64>>,
) -> anyhow::Result<Round> {
    let next = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..order
        .concurrency
        .min(usize::try_from(order.count).unwrap_or(usize::MAX))
    {
        workers.spawn(work(
            Worker::new(client.clone()),
            order.clone(),
            Arc::clone(&next),
            Arc::clone(&answered),
        ));
    }
    let mut all = Done::default();
    while let Some(done) = workers.join_next().await {
        let done = done?;
        all.records.extend(done.records);
        all.lost.extend(done.lost);
        all.refused.extend(done.refused);
    }
    let seconds = started.elapsed().as_secs_f64();
    all.records.sort_by_key(|record| record.exchange);
    Ok(Round {
        name: order.name.clone(),
        asked: order.count,
        killed: false,
        seconds,
        records: all.records,
        lost: all.lost,
        refused: all.refused,
    })
}

/// What one worker has done.
#[derive(Default)]
struct Done {
    records: Vec<IdentifierRecord>,
    lost: Vec<String>,
    refused: Vec<String>,
}

async fn work(
    mut worker: Worker,
    order: Order,
    next: Arc<AtomicU64>,
    answered: Arc<tokio::sync::watch::Sender<u64>>,
) -> Done {
    let mut done = Done::default();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= order.count {
            return done;
        }
        let vnfd_id = match order.vnfd_ids.len() {
            0 => "",
            n => &order.vnfd_ids[usize::try_from(number).unwrap_or(0) % n],
        };
        // The same names in every round: a SUT that derives identifiers from the request repeats itself.
        let name = format!("vnf-{number}");
        let own = lcm::new_instance(vnfd_id, &name);
        let body = Members::default().body(own, &order.members);
        match lcm::creation(worker.send(lcm::create_with(&body)).await) {
            Creation::Created { id, exchange, .. } => {
                done.records.push(IdentifierRecord { id, exchange });
            }
            Creation::Status { status, text, .. } => {
                done.refused.push(format!("HTTP {status}: {text}"));
            }
            Creation::None { text } => done.lost.push(text),
        }
        answered.send_modify(|count| *count += 1);
    }
}
