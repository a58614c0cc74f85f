//! SEC 030 4.2.2.2: VNF instance identifiers, captured from responses and notifications.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::sync::watch;

use super::{Arguments, Problem, StepResult};
use crate::context::Tier;
use crate::model::question::{Question, Round};
use crate::testbed::lcm::{self, Worker};
use crate::testbed::load::{self, Order};
use crate::world::World;

crate::step!(Given, "the NFVO holds two valid VNFDs", two_vnfds);
async fn two_vnfds(world: &mut World, _: Arguments) -> StepResult {
    for number in 0..2 {
        let context = world.context()?;
        let vnfd_id = context.vnfd_id(world.id().context("no scenario")?, number);
        let package = context.package(&vnfd_id).build()?;
        world.bed()?.hold(&package);
        world.vnfd_ids.push(vnfd_id);
    }
    Ok(())
}

crate::step!(
    When,
    "the NFVO asks for as many VNF instances as the VNFM can handle",
    as_many_as_it_can
);
async fn as_many_as_it_can(world: &mut World, _: Arguments) -> StepResult {
    let context = Arc::clone(world.context()?);
    let (count, most) = (context.capacity(), context.profile.ixit.capacity.full);
    creations(world, "at capacity", count, 1).await?;
    if context.tier == Tier::Quick && count < most {
        let text = format!(
            "the quick tier asked for {count} of the {most} VNF instances that the VNFM can handle; --full asks for all"
        );
        world.observe("below-capacity", &text, Some("SEC030 4.2.2.2"));
    }
    if world.bed()?.unsubscribed.is_none() {
        let count = distinct(&world.rounds);
        world.notified = world.bed()?.creation_notifications(count).await;
    }
    Ok(())
}

crate::step!(When, "the NFVO asks for {int} VNF instances {string}", some);
async fn some(world: &mut World, arguments: Arguments) -> StepResult {
    let round = arguments.text(1)?.to_owned();
    creations(world, &round, arguments.number(0)?, 1).await
}

crate::step!(
    When,
    "the NFVO asks for {int} bursts of {int} VNF instances of both VNFDs",
    bursts
);
async fn bursts(world: &mut World, arguments: Arguments) -> StepResult {
    for burst in 1..=arguments.number(0)? {
        creations(world, &format!("burst {burst}"), arguments.number(1)?, 2).await?;
    }
    Ok(())
}

crate::step!(
    When,
    "the VNFM is killed while the NFVO asks for {int} more",
    killed
);
/// Killed as soon as the first creations are answered: the others are in every state that a creation can be in. A SUT that is
/// done before the kill arrives is asked and killed again; if it always is, the judge says so.
async fn killed(world: &mut World, arguments: Arguments) -> StepResult {
    let count = arguments.number(0)?;
    for last in [false, false, false, false, true] {
        let round = killed_round(world, count).await?;
        let killed = last || !round.lost.is_empty();
        world.rounds.push(Round { killed, ..round });
        if killed {
            break;
        }
        world.bed()?.start().await?;
    }
    Ok(())
}

async fn killed_round(world: &mut World, count: u64) -> Result<Round, Problem> {
    world.bed()?.can_kill()?;
    let order = order(world, "during the kill", count, 1)?;
    let client = world.bed()?.client()?;
    let (sender, mut answered) = watch::channel(0);
    let few = (order.concurrency as u64).min(order.count / 4);
    let load = tokio::spawn(async move { load::create(&client, &order, Arc::new(sender)).await });
    // An error means that the load has ended: then all is answered.
    let _ = answered.wait_for(|count| *count >= few).await;
    world.bed()?.kill().await?;
    Ok(load.await??)
}

crate::step!(When, "the NFVO deletes every VNF instance", deletes);
async fn deletes(world: &mut World, _: Arguments) -> StepResult {
    let ids: Vec<String> = identifiers(&world.rounds);
    let mut worker = Worker::new(world.bed()?.client()?);
    for id in &ids {
        let answer = worker.send(lcm::delete(id)).await;
        let refused = match answer {
            Ok(answer) if answer.status.is_success() => continue,
            Ok(answer) => lcm::refusal(&answer),
            Err(error) => error.to_string(),
        };
        return Err(Problem::unmet(
            "the VNFM deletes a VNF instance that is not instantiated",
            format!("{id}: {refused}"),
        ));
    }
    Ok(())
}

crate::step!(
    When,
    "the NFVO asks each VNFM for {int} VNF instances",
    each_vnfm
);
async fn each_vnfm(world: &mut World, arguments: Arguments) -> StepResult {
    let count = arguments.number(0)?;
    let clients = world.bed()?.clients()?;
    for (number, client) in clients.iter().enumerate() {
        let order = order(world, &format!("VNFM {}", number + 1), count, 1)?;
        let round = load::create(client, &order, unheard()).await?;
        world.rounds.push(round);
    }
    Ok(())
}

crate::step!(
    When,
    "a creation notification has arrived for each",
    notified
);
async fn notified(world: &mut World, _: Arguments) -> StepResult {
    if let Some(why) = world.bed()?.unsubscribed.clone() {
        return Err(Problem::unmet("a subscription to notifications", why));
    }
    let count = distinct(&world.rounds);
    if count == 0 {
        // Waiting for nothing would take the whole time for an answer.
        let lost = world
            .rounds
            .iter()
            .find_map(|round| round.refused.iter().chain(&round.lost).next().cloned());
        return Err(Problem::unmet(
            "a VNF instance whose creation the VNFM can notify of",
            lost.unwrap_or_else(|| "none was asked for".to_owned()),
        ));
    }
    world.notified = world.bed()?.creation_notifications(count).await;
    Ok(())
}

crate::step!(Then, "every VNF instance identifier is unique", unique);
async fn unique(world: &mut World, _: Arguments) -> StepResult {
    let question = Question::Unique {
        rounds: std::mem::take(&mut world.rounds),
        notified: std::mem::take(&mut world.notified),
    };
    world.ask(&question)
}

crate::step!(
    Then,
    "each notification names the identifier of its response",
    same_in_both
);
async fn same_in_both(world: &mut World, _: Arguments) -> StepResult {
    let question = Question::Notified {
        rounds: world.rounds.clone(),
        notified: std::mem::take(&mut world.notified),
    };
    world.ask(&question)
}

async fn creations(world: &mut World, round: &str, count: u64, vnfds: usize) -> StepResult {
    let order = order(world, round, count, vnfds)?;
    let client = world.bed()?.client()?;
    let round = load::create(&client, &order, unheard()).await?;
    world.rounds.push(round);
    Ok(())
}

fn order(world: &World, round: &str, count: u64, vnfds: usize) -> anyhow::Result<Order> {
    Ok(Order {
        name: round.to_owned(),
        count,
        concurrency: world.context()?.profile.ixit.capacity.concurrency,
        members: world.context()?.profile.ixit.vnf.create.clone(),
        vnfd_ids: world.vnfd_ids.iter().take(vnfds).cloned().collect(),
    })
}

/// How many different identifiers there are to wait for: a SUT that repeats itself notifies of no more.
fn distinct(rounds: &[Round]) -> usize {
    let ids = identifiers(rounds);
    ids.iter().collect::<BTreeSet<_>>().len()
}

fn identifiers(rounds: &[Round]) -> Vec<String> {
    rounds
        .iter()
        .flat_map(|round| round.records.iter().map(|record| record.id.clone()))
        .collect()
}

/// Where nobody waits for the count of answers.
fn unheard() -> Arc<watch::Sender<u64>> {
    Arc::new(watch::channel(0).0)
}
