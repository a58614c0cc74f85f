//! SEC 030 4.2.2.1: VNFD archives, offered to the VNFM.

use anyhow::Context as _;

use super::{Arguments, Problem, StepResult};
use crate::judge;
use crate::model::question::{Answer, Offer, Question};
use crate::model::verdict::Outcome;
use crate::vnf_package::{self, Built};
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
    let offer = offer(world, Which::Twin, "file A").await?;
    fetched(offer)
}

crate::step!(
    When,
    "the VNFM fetches the VNFD with file B and the signature of file A",
    fetches_b
);
async fn fetches_b(world: &mut World, _: Arguments) -> StepResult {
    let offer = offer(world, Which::Mutant, "file B").await?;
    fetched(offer)
}

crate::step!(When, "the VNFM accepts the valid VNFD", accepts);
crate::step!(When, "the VNFM accepts the valid VNFD again", accepts);
/// Not judged here: a SUT that refuses the valid VNFD leaves the extended question open.
async fn accepts(world: &mut World, _: Arguments) -> StepResult {
    let offer = offer(world, Which::Twin, "the valid VNFD").await?;
    match judge::answer(&Question::Accepted { offer }).outcome {
        Outcome::Met => Ok(()),
        Outcome::Unmet { expected, actual } => Err(Problem::Unmet { expected, actual }),
        Outcome::Undecided { reason } | Outcome::Harness { error: reason } => {
            Err(Problem::Undecided(reason))
        }
    }
}

crate::step!(When, "the VNFM is offered the twin with the flaw", offered);
/// Any answer will do here, and none too: the judge weighs it.
async fn offered(world: &mut World, _: Arguments) -> StepResult {
    offer(world, Which::Mutant, "the twin").await.map(|_| ())
}

crate::step!(Then, "file A is accepted", a_is_accepted);
async fn a_is_accepted(world: &mut World, _: Arguments) -> StepResult {
    let offer = nth(world, 0)?;
    world.ask(&Question::Accepted { offer })
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

/// The two archives of a pair.
#[derive(Clone, Copy)]
enum Which {
    Twin,
    Mutant,
}

fn prepare(world: &mut World, flaw: &str) -> StepResult {
    let context = world.context()?;
    let id = world.id().context("no scenario")?;
    let vnfd_id = context.vnfd_id(id, 0);
    let flaw = vnf_package::by_name(flaw)?;
    let pair = flaw.pair(&vnfd_id, &context.signing)?;
    keep(world, "valid", &pair.twin)?;
    keep(world, "flawed", &pair.mutant)?;
    let anchors = world.context()?.signing.anchors_pem().to_owned();
    world.keep(
        "signers.pem",
        "trust anchors of package signers",
        anchors.as_bytes(),
    )?;
    let crl = world.context()?.signing.crl_pem().to_owned();
    world.keep(
        "signers.crl",
        "revocation list of package signers",
        crl.as_bytes(),
    )?;
    world.flaw = flaw.name.to_owned();
    world.pair = Some(pair);
    Ok(())
}

fn keep(world: &mut World, which: &str, built: &Built) -> anyhow::Result<()> {
    let name = format!("{which}-vnfd.zip");
    world.keep(&name, "a VNFD archive as the NFVO held it", &built.vnfd)?;
    if built.package_content != built.vnfd {
        let name = format!("{which}-package.zip");
        world.keep(
            &name,
            "a VNF package as the NFVO held it",
            &built.package_content,
        )?;
    }
    Ok(())
}

async fn offer(world: &mut World, which: Which, what: &str) -> Result<Offer, Problem> {
    let pair = world.pair.as_ref().context("no archives were prepared")?;
    let pair = pair.clone();
    let (package, other) = match which {
        Which::Twin => (&pair.twin, &pair.mutant),
        Which::Mutant => (&pair.mutant, &pair.twin),
    };
    let offer = world.bed()?.offer(what, package, other).await?;
    world.offers.push(offer.clone());
    Ok(offer)
}

/// Steps 2 to 4 ask that the VNFM fetches what it is offered.
fn fetched(offer: Offer) -> StepResult {
    if offer.fetched_in.is_some() {
        return Ok(());
    }
    let answer = match offer.answer {
        Answer::Accepted { text, .. } | Answer::Refused { text, .. } | Answer::None { text } => {
            text
        }
    };
    Err(Problem::unmet(
        format!("the VNFM fetches the VNFD with {}", offer.what),
        format!("it did not: {answer}"),
    ))
}

fn nth(world: &World, index: usize) -> anyhow::Result<Offer> {
    world
        .offers
        .get(index)
        .cloned()
        .with_context(|| format!("offer {} was not made", index + 1))
}

fn refused(world: &mut World) -> StepResult {
    let question = Question::Refused {
        flaw: world.flaw.clone(),
        before: nth(world, 0)?,
        flawed: nth(world, 1)?,
        after: nth(world, 2)?,
    };
    world.ask(&question)
}
