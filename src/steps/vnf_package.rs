//! SEC 030 4.2.2.1: VNFD archives, offered to the VNFM.

use std::sync::Arc;

use anyhow::Context as _;

use super::{Arguments, Problem, StepResult};
use crate::judge;
use crate::model::question::{Answer, Offer, Question};
use crate::model::verdict::Outcome;
use crate::vnf_package::{self, Built, Pair};
use crate::world::World;

/// The tampering of the normative scenario.
const TAMPERING: &str = "a byte changed in a middle file";

crate::step!(
    Given,
    "the NFVO holds a VNFD with file A and its signature, and file B which is file A tampered with",
    files_a_and_b
);
async fn files_a_and_b(world: &mut World, _: Arguments) -> StepResult {
    prepare(world, TAMPERING)
}

crate::step!(
    Given,
    "the NFVO holds a valid VNFD and its twin with {string}",
    twins
);
async fn twins(world: &mut World, arguments: Arguments) -> StepResult {
    prepare(world, arguments.text(0)?)
}

crate::step!(
    When,
    "the VNFM fetches the VNFD with file A and its signature",
    fetches_a
);
crate::step!(
    When,
    "the VNFM fetches the VNFD with file A and its signature again",
    fetches_a
);
async fn fetches_a(world: &mut World, _: Arguments) -> StepResult {
    let offers = offer_twins(world, "file A").await?;
    fetched("file A", &offers)
}

crate::step!(
    When,
    "the VNFM fetches the VNFD with file B and the signature of file A",
    fetches_b
);
async fn fetches_b(world: &mut World, _: Arguments) -> StepResult {
    offer_mutants(world, "file B").await?;
    fetched("file B", &world.offers.flawed)
}

crate::step!(When, "the VNFM accepts the valid VNFD", accepts);
crate::step!(When, "the VNFM accepts the valid VNFD again", accepts);
/// Not judged here: a SUT that refuses the valid VNFD leaves the extended question open.
async fn accepts(world: &mut World, _: Arguments) -> StepResult {
    let question = Question::Accepted {
        offers: offer_twins(world, "the valid VNFD").await?,
        refusal_statuses: refusal_statuses(world)?,
    };
    match judge::answer(&question).outcome {
        Outcome::Met => Ok(()),
        Outcome::Unmet { expected, actual } => Err(Problem::Unmet { expected, actual }),
        Outcome::Undecided { reason } => Err(Problem::Undecided(reason)),
        Outcome::Harness { error } => Err(Problem::Harness(anyhow::anyhow!(error))),
    }
}

crate::step!(When, "the VNFM is offered the twin with the flaw", offered);
/// Any answer will do here, and none too: the judge weighs it.
async fn offered(world: &mut World, _: Arguments) -> StepResult {
    offer_mutants(world, "the twin").await?;
    Ok(())
}

crate::step!(Then, "file A is accepted", a_is_accepted);
async fn a_is_accepted(world: &mut World, _: Arguments) -> StepResult {
    let offers = world.offers.before.iter().chain(&world.offers.after);
    let question = Question::Accepted {
        offers: offers.cloned().collect(),
        refusal_statuses: refusal_statuses(world)?,
    };
    world.ask(&question)
}

crate::step!(Then, "file B is not accepted", b_is_refused);
async fn b_is_refused(world: &mut World, _: Arguments) -> StepResult {
    refused(world)
}

crate::step!(
    Then,
    "the twin is refused because of the flaw",
    twin_is_refused
);
async fn twin_is_refused(world: &mut World, _: Arguments) -> StepResult {
    refused(world)
}

/// Prepares the pair under two VNFD identifiers: one that the SUT will know, and a fresh one for the flawed archive to come first. A
/// SUT that trusts whatever it sees first, or expects the second to be wrong, is not taken for one that verifies.
fn prepare(world: &mut World, flaw: &str) -> StepResult {
    let context = Arc::clone(world.context()?);
    let id = world.id().context("no scenario")?.clone();
    let flaw = vnf_package::by_name(flaw)?;
    for (number, which) in ["known", "fresh"].into_iter().enumerate() {
        let vnfd_id = context.vnfd_id(&id, number as u64);
        let pair = flaw.pair_of(context.package(&vnfd_id))?;
        keep(world, &format!("{which}-valid"), &pair.twin)?;
        keep(world, &format!("{which}-flawed"), &pair.mutant)?;
        world.pairs.push(pair);
    }
    let signing = &context.signing;
    world.keep(
        "signers.crt",
        "trust anchors of package signers",
        signing.anchors_pem().as_bytes(),
    )?;
    world.keep(
        "signers.crl",
        "revocation list of package signers",
        signing.crl_pem().as_bytes(),
    )?;
    flaw.name.clone_into(&mut world.flaw);
    Ok(())
}

fn keep(world: &mut World, which: &str, built: &Built) -> anyhow::Result<()> {
    let name = format!("{which}-vnfd.zip");
    world.keep(&name, "a VNFD archive as the NFVO held it", &built.vnfd)?;
    let name = format!("{which}-package.zip");
    world.keep(
        &name,
        "a VNF package as the NFVO held it",
        &built.package_content,
    )
}

/// The first time: the known one, once or more often. Then: both, so that the fresh one, refused with its flaw, is seen to be
/// accepted without.
async fn offer_twins(world: &mut World, what: &str) -> Result<Vec<Offer>, Problem> {
    let again = !world.offers.flawed.is_empty();
    let turns = if again {
        vec![KNOWN, FRESH]
    } else {
        vec![KNOWN; 1 + usize::from(chance(world)? % 3 == 0)]
    };
    let mut offers = Vec::new();
    for turn in turns {
        let pair = pair(world, turn)?;
        offers.push(world.bed()?.offer(what, &pair.twin, &pair.mutant).await?);
    }
    let kept = if again {
        &mut world.offers.after
    } else {
        &mut world.offers.before
    };
    kept.extend(offers.iter().cloned());
    Ok(offers)
}

/// The flawed archive under both identifiers, in an order that the seed decides.
async fn offer_mutants(world: &mut World, what: &str) -> StepResult {
    let mut turns = [(KNOWN, "under a known VNFD"), (FRESH, "under a fresh VNFD")];
    if chance(world)? % 2 == 0 {
        turns.reverse();
    }
    for (turn, which) in turns {
        let pair = pair(world, turn)?;
        let what = format!("{what} {which}");
        let offer = world.bed()?.offer(&what, &pair.mutant, &pair.twin).await?;
        let silent = matches!(offer.answer, Answer::None { .. });
        world.offers.flawed.push(offer);
        if silent {
            // It is busy with the first, or has died of it: a second would only be given to a product that does not listen.
            break;
        }
    }
    Ok(())
}

const KNOWN: usize = 0;
const FRESH: usize = 1;

fn pair(world: &World, turn: usize) -> anyhow::Result<Pair> {
    world
        .pairs
        .get(turn)
        .cloned()
        .context("no archives were prepared")
}

/// A number from seed and scenario.
fn chance(world: &World) -> anyhow::Result<u8> {
    let id = world
        .context()?
        .vnfd_id(world.id().context("no scenario")?, 9);
    Ok(id.bytes().fold(0, u8::wrapping_add))
}

/// Steps 2 to 4 ask that the VNFM fetches what it is offered.
fn fetched(what: &str, offers: &[Offer]) -> StepResult {
    if offers.iter().any(|offer| offer.fetched.is_some()) {
        return Ok(());
    }
    let answer = offers.first().map(|offer| &offer.answer);
    let text = match answer {
        Some(Answer::Accepted { text, .. } | Answer::None { text }) => text.clone(),
        Some(Answer::Status { status, text, .. }) => format!("HTTP {status}, {text}"),
        Some(Answer::Ended { state, text, .. }) => format!("operation {state}, {text}"),
        None => "it was not offered".to_owned(),
    };
    Err(Problem::unmet(
        format!("the VNFM fetches the VNFD with {what}"),
        format!("it did not: {text}"),
    ))
}

fn refusal_statuses(world: &World) -> anyhow::Result<Vec<u16>> {
    Ok(world.context()?.profile.ixit.refusal_statuses.clone())
}

fn refused(world: &mut World) -> StepResult {
    let question = Question::Refused {
        flaw: world.flaw.clone(),
        before: world.offers.before.clone(),
        flawed: world.offers.flawed.clone(),
        after: world.offers.after.clone(),
        refusal_statuses: refusal_statuses(world)?,
    };
    world.ask(&question)
}
