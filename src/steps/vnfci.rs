//! The VNFCI after instantiation: it is given new certificates over its configuration interface (SOL002).

use anyhow::Context as _;
use scas_simulators::fault::Times;
use scas_simulators::vnfci::VnfciFault;

use super::cmf::look;
use super::delegation::{arrival, completed, operation};
use super::{Arguments, Problem, StepResult};
use crate::model::key_protection::Delivery;
use crate::model::question::Question;
use crate::testbed::delegation::Shows;
use crate::world::World;

const CONFIGURATION: &str = "PATCH /vnfconfig/v1/configuration";

crate::step!(
    Given,
    "the VNFCI holds its answers to changes of its configuration",
    holds
);
async fn holds(world: &mut World, _: Arguments) -> StepResult {
    let running = world.bed()?.delegation()?.vnfcis().await?;
    let first = running.first().context("no VNFCI runs")?;
    let hold = first.vnfci.control().hold(CONFIGURATION)?;
    world.custody.vnfci = Some(hold);
    Ok(())
}

crate::step!(
    When,
    "the VNFM passes certificate and private key to the VNFCI as part of its configuration",
    passes
);
async fn passes(world: &mut World, _: Arguments) -> StepResult {
    let operation = operation(world)?;
    let World { bed, custody, .. } = world;
    let bed = bed.as_mut().context("no test bed")?;
    let hold = custody.vnfci.as_mut().context("the VNFCI holds nothing")?;
    let expected = "the VNFM changes the configuration of the VNFCI";
    arrival(bed, &operation, hold, expected).await?;
    look(world, "while the VNFCI holds its answer").await?;
    if let Some(hold) = world.custody.vnfci.take() {
        hold.release();
    }
    Ok(())
}

crate::step!(
    When,
    "the VNFCI has the certificate and private key installed",
    installed
);
async fn installed(world: &mut World, _: Arguments) -> StepResult {
    completed(world).await?;
    let public_key = world.custody.public_key.clone().context("no request")?;
    let running = world.bed()?.delegation()?.running();
    let all: Vec<_> = running
        .iter()
        .flat_map(|running| running.vnfci.installed())
        .collect();
    let is_it = |installed: &_| public_key_of(installed) == public_key;
    if !all.iter().any(is_it) {
        return Err(Problem::unmet(
            "the VNFCI has a certificate for the key pair that was certified last",
            format!("{} installation(s), none of this key", all.len()),
        ));
    }
    world.custody.ended_by("the installation at the VNFCI");
    Ok(())
}

fn public_key_of(installed: &std::sync::Arc<scas_simulators::vnfci::Installed>) -> String {
    installed.delivered.private_key.public_key_sha256()
}

crate::step!(Given, "the VNFCI refuses what it is to install", refuses);
async fn refuses(world: &mut World, _: Arguments) -> StepResult {
    for running in world.bed()?.delegation()?.vnfcis().await? {
        running
            .vnfci
            .fault(VnfciFault::RefuseInstallation, Times::Always);
    }
    Ok(())
}

crate::step!(Given, "the VNFCI shows a certificate {string}", shows);
async fn shows(world: &mut World, arguments: Arguments) -> StepResult {
    let flaw = arguments.text(0)?.to_owned();
    let bed = world.bed()?;
    let first = bed.transcript.next_seq();
    bed.delegation()?
        .start_impostor(Shows::flawed(&flaw)?)
        .await?;
    world.custody.flawed.0 = first;
    world.custody.flaw = format!("a VNFCI that shows a certificate {flaw}");
    Ok(())
}

crate::step!(
    When,
    "the VNFCI shows its own certificate again",
    shows_its_own
);
async fn shows_its_own(world: &mut World, _: Arguments) -> StepResult {
    let bed = world.bed()?;
    let last = bed.transcript.next_seq();
    let installed = bed.delegation()?.end_impostor().await;
    let told = installed.iter().map(|delivered| Delivery {
        to: "that VNFCI".to_owned(),
        certificate_sha256: delivered.certificate_sha256(),
    });
    world.custody.misplaced = told.collect();
    world.custody.flawed.1 = last;
    Ok(())
}

crate::step!(Then, "that VNFCI was given no private key", given_nothing);
async fn given_nothing(world: &mut World, _: Arguments) -> StepResult {
    let (first, last) = world.custody.flawed;
    let bed = world.bed()?;
    let exchanges = bed.transcript.since(first);
    // A handshake that the VNFM broke off has no request.
    let met = exchanges
        .iter()
        .find(|exchange| exchange.to == "VNFCI" && exchange.seq < last)
        .map(|exchange| format!("exchange {}", exchange.seq));
    let running = bed.delegation()?.running().iter();
    let twin = running
        .flat_map(|running| running.vnfci.installed())
        .map(|installed| Delivery {
            to: format!("VNFC {}", installed.vnfc_instance_id),
            certificate_sha256: installed.delivered.certificate_sha256(),
        })
        .collect();
    let (flaw, delivered) = (
        world.custody.flaw.clone(),
        std::mem::take(&mut world.custody.misplaced),
    );
    world.ask(&Question::NotInstalled {
        flaw,
        met,
        delivered,
        twin,
    })
}
