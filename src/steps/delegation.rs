//! Delegation mode: the VNFM in it, and what the NFVO asks of it.

use std::sync::Arc;

use anyhow::Context as _;
use scas_simulators::control::Hold;
use scas_simulators::transcript::Request;

use super::{Arguments, Problem, StepResult};
use crate::model::key_protection::ChannelUse;
use crate::model::question::Question;
use crate::model::sut::KeyAlgorithm;
use crate::testbed::Testbed;
use crate::testbed::vnf::Undone;
use crate::world::World;

crate::step!(
    Given,
    "a VNFM that is configured to delegation mode",
    configured
);
async fn configured(world: &mut World, _: Arguments) -> StepResult {
    world.bed()?.start().await?;
    Ok(())
}

crate::step!(
    Given,
    "the tester can look into the operating system and the storage of the VNFM",
    can_look
);
async fn can_look(world: &mut World, _: Arguments) -> StepResult {
    Ok(world.bed()?.can_look().await?)
}

crate::step!(
    Given,
    "the VNFM keeps a private key for {int} s and makes {int} attempts to install it",
    retention
);
/// A product whose configuration has no place for these values has them from its own, as the profile tells.
async fn retention(world: &mut World, arguments: Arguments) -> StepResult {
    let start = world.context()?.profile.ixit.start.clone();
    let texts = start.map(|start| [start.config, start.delegation]);
    let texts: Vec<String> = texts.into_iter().flatten().flatten().collect();
    let takes = |placeholder: &str| texts.iter().any(|text| text.contains(placeholder));
    let (seconds, attempts) = (arguments.number(0)?, arguments.number(1)?);
    let bed = world.bed()?;
    let retention = &mut bed.delegation()?.retention;
    if takes("{retention}") {
        retention.seconds = seconds;
    }
    if takes("{attempts}") {
        retention.attempts = u32::try_from(attempts)?;
    }
    bed.restart().await?;
    bed.subscribe().await?;
    Ok(())
}

crate::step!(
    When,
    "the NFVO asks for a VNF with {int} VNFCI(s) in delegation mode",
    instantiate
);
crate::step!(
    When,
    "the NFVO asks for another VNF with {int} VNFCI(s) in delegation mode",
    instantiate
);
async fn instantiate(world: &mut World, arguments: Arguments) -> StepResult {
    let algorithm = usual(world)?;
    begin(world, arguments.number(0)?, algorithm).await
}

crate::step!(
    When,
    "the NFVO asks for {int} VNF(s) with {int} VNFCIs each, for each kind of key pair that the VNFM makes",
    of_each_kind
);
/// The kinds are the profile's.
async fn of_each_kind(world: &mut World, arguments: Arguments) -> StepResult {
    let (vnfs, vnfcis) = (arguments.number(0)?, arguments.number(1)?);
    for algorithm in world.context()?.profile.ixit.keys.algorithms.clone() {
        for _ in 0..vnfs {
            begin(world, vnfcis, algorithm).await?;
            ends_somehow(world, Arguments::default()).await?;
        }
    }
    Ok(())
}

crate::step!(
    When,
    "the NFVO asks for {int} VNFs with {int} VNFCIs each in delegation mode, one after another",
    one_after_another
);
async fn one_after_another(world: &mut World, arguments: Arguments) -> StepResult {
    for _ in 0..arguments.number(0)? {
        let algorithm = usual(world)?;
        begin(world, arguments.number(1)?, algorithm).await?;
        completed(world).await?;
    }
    Ok(())
}

async fn begin(world: &mut World, vnfcis: u64, algorithm: KeyAlgorithm) -> StepResult {
    let context = Arc::clone(world.context()?);
    let number = world.vnfd_ids.len() as u64;
    let vnfd_id = context.vnfd_id(world.id().context("no scenario")?, number);
    let package = context.package(&vnfd_id).build()?;
    let bed = world.bed()?;
    bed.hold(&package);
    let vnf = bed.create_delegated(&vnfd_id, algorithm).await?;
    let operation = bed.instantiate_delegated(&vnf, vnfcis).await?;
    world.vnfd_ids.push(vnfd_id);
    world.custody.vnf = Some(vnf);
    world.custody.operation = Some(operation);
    Ok(())
}

crate::step!(
    Given,
    "a VNF with {int} VNFCI(s) that is instantiated in delegation mode",
    instantiated
);
async fn instantiated(world: &mut World, arguments: Arguments) -> StepResult {
    let vnfcis = arguments.number(0)?;
    let algorithm = usual(world)?;
    begin(world, vnfcis, algorithm).await?;
    completed(world).await?;
    let running = world.bed()?.delegation()?.vnfcis().await?.len();
    if running as u64 != vnfcis {
        return Err(Problem::unmet(
            format!("{vnfcis} VNFCI(s) come up"),
            format!("{running} did"),
        ));
    }
    world.custody.earlier = certified(world)?;
    Ok(())
}

crate::step!(
    When,
    "the NFVO asks for new certificates of the VNFCI(s)",
    renew
);
async fn renew(world: &mut World, _: Arguments) -> StepResult {
    let vnf = vnf(world)?;
    world.custody.earlier = certified(world)?;
    let bed = world.bed()?;
    let known = bed.vnfcs(&vnf).await?;
    let delegation = bed.delegation()?;
    let impostor = delegation
        .impostor()
        .map(|impostor| impostor.api_root().to_owned());
    let running = delegation.vnfcis().await?;
    let mut addresses = Vec::new();
    for vnfc in &known {
        let fitting = running
            .iter()
            .find(|running| running.booted.server_id == vnfc.server);
        if let Some(running) = fitting {
            let own = running.vnfci.api_root().to_owned();
            addresses.push((vnfc.id.clone(), impostor.clone().unwrap_or(own)));
        }
    }
    if addresses.is_empty() {
        return Err(Problem::unmet(
            "the VnfInstance tells which VNFC runs in which server (vnfcResourceInfo)",
            format!("{} VNFC(s), none of a server that came up", known.len()),
        ));
    }
    let operation = bed.renew_certificates(&vnf, &addresses).await?;
    world.custody.operation = Some(operation);
    Ok(())
}

crate::step!(When, "the lifecycle operation is completed", completes);
async fn completes(world: &mut World, _: Arguments) -> StepResult {
    completed(world).await?;
    world.bed()?.delegation()?.vnfcis().await?;
    world.custody.ended_by("the lifecycle operation");
    Ok(())
}

crate::step!(When, "the lifecycle operation ends in vain", in_vain);
async fn in_vain(world: &mut World, _: Arguments) -> StepResult {
    let operation = operation(world)?;
    let (state, error) = world.bed()?.ended_as(&operation).await?;
    if state == "COMPLETED" {
        return Err(Problem::unmet("the operation fails", "it is COMPLETED"));
    }
    let told = format!(
        "the operation was bound to fail here, and ended as {state}; the VNFM says: {error}"
    );
    world.observe("operation", &told, None);
    world.custody.ended_by("the last attempt");
    Ok(())
}

crate::step!(
    When,
    "the lifecycle operation ends, however it may",
    ends_somehow
);
async fn ends_somehow(world: &mut World, _: Arguments) -> StepResult {
    let operation = operation(world)?;
    let (state, error) = world.bed()?.ended_as(&operation).await?;
    // Whether it succeeds is not in question here; why it did not may help who reads on.
    if state != "COMPLETED" {
        let told = format!(
            "the operation was allowed to fail here, and ended as {state}; the VNFM says: {error}"
        );
        world.observe("operation", &told, None);
    }
    Ok(())
}

crate::step!(
    Then,
    "each certification request has a key pair of its own, at least {int} of them",
    keys_differ
);
async fn keys_differ(world: &mut World, arguments: Arguments) -> StepResult {
    let uses = world.bed()?.certification_requests()?;
    let least = usize::try_from(arguments.number(0)?)?;
    world.ask(&Question::KeysDiffer { uses, least })
}

crate::step!(
    Then,
    "no private key follows from the public keys of at least {int} certification requests",
    keys_strong
);
async fn keys_strong(world: &mut World, arguments: Arguments) -> StepResult {
    let uses = world.bed()?.certification_requests()?;
    let least = usize::try_from(arguments.number(0)?)?;
    world.ask(&Question::KeysStrong { uses, least })
}

crate::step!(
    Then,
    "each certification request proves possession of its private key",
    possession
);
async fn possession(world: &mut World, _: Arguments) -> StepResult {
    let (requests, unproved) = world.bed()?.proofs()?;
    world.ask(&Question::PossessionProved { requests, unproved })
}

crate::step!(
    Then,
    "the VNFM has spoken with CMF, VIM and VNFCI over mutual TLS alone",
    mutual_tls
);
async fn mutual_tls(world: &mut World, _: Arguments) -> StepResult {
    let exchanges = world.bed()?.transcript.exchanges();
    let asked = exchanges.iter().filter(|exchange| {
        exchange.from == "VNFM" && ["CMF", "VIM", "VNFCI"].contains(&exchange.to.as_str())
    });
    let uses = asked
        .map(|exchange| ChannelUse {
            exchange: exchange.seq,
            with: exchange.to.clone(),
            mutual_tls: exchange.tls.is_some() && exchange.peer.is_some(),
            fault: exchange.fault.clone(),
        })
        .collect();
    world.ask(&Question::ChannelsProtected { uses })
}

/// Waits for the operation to be COMPLETED.
pub(super) async fn completed(world: &mut World) -> StepResult {
    let operation = operation(world)?;
    Ok(world.bed()?.completed(&operation).await?)
}

/// The operation that is under way.
pub(super) fn operation(world: &World) -> anyhow::Result<String> {
    let operation = &world.custody.operation;
    operation
        .clone()
        .context("no lifecycle operation was begun")
}

/// The kind of key pair that is asked for where it does not matter.
fn usual(world: &World) -> anyhow::Result<KeyAlgorithm> {
    Ok(world.context()?.profile.ixit.keys.usual())
}

/// The VNF instance.
pub(super) fn vnf(world: &World) -> anyhow::Result<String> {
    let vnf = &world.custody.vnf;
    vnf.clone().context("no VNF instance was created")
}

/// Digests of all public keys that were certified so far.
fn certified(world: &mut World) -> anyhow::Result<Vec<String>> {
    let certified = world.bed()?.delegation()?.certified();
    Ok(certified
        .into_iter()
        .map(|key| key.public_key_sha256)
        .collect())
}

/// Waits until something is stopped by the hold. An operation that ends instead is told as it is.
pub(super) async fn arrival(
    bed: &mut Testbed,
    operation: &str,
    hold: &mut Hold,
    expected: &str,
) -> Result<Request, Problem> {
    tokio::select! {
        biased;
        request = hold.arrived() => Ok(request),
        ended = bed.ended_as(operation) => {
            let (state, error) = ended?;
            Err(Undone::error(expected, format!("the operation is {state}: {error}")).into())
        }
    }
}
