//! The VIM: it boots VNFCIs, holds its answers, fails, or is somebody else.

use anyhow::Context as _;
use scas_simulators::fault::{Fault, Times};
use scas_simulators::vim::VimFault;

use super::cmf::look;
use super::delegation::{arrival, completed, operation};
use super::{Arguments, Problem, StepResult};
use crate::model::key_protection::Delivery;
use crate::model::question::Question;
use crate::testbed::delegation::Shows;
use crate::world::World;

/// The order of a stack.
const ORDER: &str = "POST /heat/v1/{project}/stacks";

crate::step!(
    Given,
    "a simulated VIM that boots simulated VNFCIs",
    that_boots
);
async fn that_boots(world: &mut World, _: Arguments) -> StepResult {
    let delegation = world.bed()?.delegation()?;
    Ok(delegation.start_vim(Shows::Proper).await?)
}

crate::step!(Given, "the VIM holds its answers to orders", holds);
async fn holds(world: &mut World, _: Arguments) -> StepResult {
    let hold = world.bed()?.delegation()?.vim()?.control().hold(ORDER)?;
    world.custody.vim = Some(hold);
    Ok(())
}

crate::step!(
    When,
    "the VNFM passes certificate and private key to the VIM",
    passes
);
async fn passes(world: &mut World, _: Arguments) -> StepResult {
    arrives(world).await?;
    look(world, "while the VIM holds its answer").await?;
    if let Some(hold) = world.custody.vim.take() {
        hold.release();
    }
    Ok(())
}

crate::step!(
    When,
    "the VNFM has passed certificate and private key to the VIM, which does not answer",
    passes_in_vain
);
async fn passes_in_vain(world: &mut World, _: Arguments) -> StepResult {
    arrives(world).await
}

crate::step!(
    When,
    "the VNFM has passed certificate and private key to the VIM, and looks at the stack",
    looks_at_the_stack
);
/// The VIM has the key by then, and the VNFM knows that.
async fn looks_at_the_stack(world: &mut World, _: Arguments) -> StepResult {
    let limit = world.context()?.profile.ixit.timeouts.operation;
    let transcript = world.bed()?.transcript.clone();
    let looked = transcript.wait_for(0, |exchange| {
        exchange.to == "VIM"
            && exchange.request.method == "GET"
            && exchange.request.path().contains("/stacks/")
    });
    let limit = std::time::Duration::from_secs(limit);
    match tokio::time::timeout(limit, looked).await {
        Ok(_) => Ok(()),
        Err(_) => Err(Problem::unmet(
            "the VNFM orders a stack and looks what becomes of it",
            "it did not in time",
        )),
    }
}

async fn arrives(world: &mut World) -> StepResult {
    let operation = operation(world)?;
    let World { bed, custody, .. } = world;
    let bed = bed.as_mut().context("no test bed")?;
    let hold = custody.vim.as_mut().context("the VIM holds nothing")?;
    let expected = "the VNFM orders a stack of the VIM";
    arrival(bed, &operation, hold, expected).await?;
    Ok(())
}

crate::step!(
    When,
    "the VNFCI is instantiated with a valid certificate and private key",
    is_instantiated
);
/// The certificate is the CA's, of the kind that the scenario is about, unspoilt, with its issuer; the key fits it.
async fn is_instantiated(world: &mut World, _: Arguments) -> StepResult {
    completed(world).await?;
    let kind = world.custody.kind.context("no kind of certificate")?;
    let public_key = world.custody.public_key.clone().context("no request")?;
    let expected = format!("a VNFCI that has a valid {kind} certificate and its private key");
    let delegation = world.bed()?.delegation()?;
    delegation.vnfcis().await?;
    let mut certified = delegation.certified().into_iter();
    let key = certified.find(|key| key.public_key_sha256 == public_key);
    let Some(delivered) = key.and_then(|key| key.delivered) else {
        let booted = delegation.booted();
        let missing = booted.iter().find_map(|booted| booted.missing.as_ref());
        let actual = match missing {
            Some(missing) => missing.to_string(),
            None => format!("{} server(s) came up, none with this key", booted.len()),
        };
        return Err(Problem::unmet(expected, actual));
    };
    if delivered.certificate_chain_der.len() < 2 {
        return Err(Problem::unmet(
            expected,
            "the certificate came without its chain",
        ));
    }
    let certificate = delivered.certificate_chain_der[0].clone();
    world.keep(
        "certificate.der",
        "the certificate that the VNFCI was given",
        &certificate,
    )?;
    world.custody.ended_by("the instantiation of the VNFCI");
    Ok(())
}

crate::step!(Given, "the VIM {string}", misbehaves);
async fn misbehaves(world: &mut World, arguments: Arguments) -> StepResult {
    let how = arguments.text(0)?;
    let vim = world.bed()?.delegation()?.vim()?;
    match how {
        "lets each stack fail" => vim.fault(VimFault::CreateFailed, Times::Always),
        "completes no stack" => vim.fault(VimFault::NeverComplete, Times::Always),
        "refuses each order" => vim.fault(VimFault::RefuseStack, Times::Always),
        "breaks the connection at each order" => {
            vim.control()
                .fault(ORDER, Fault::CloseBeforeAnswer, Times::Always)?;
        }
        _ => return Err(anyhow::anyhow!("the VIM cannot be told: '{how}'").into()),
    }
    Ok(())
}

crate::step!(
    Then,
    "the VNFM has made no more attempts to install the private key than it says",
    attempts
);
async fn attempts(world: &mut World, _: Arguments) -> StepResult {
    let bed = world.bed()?;
    let allowed = bed.delegation()?.retention.attempts;
    let exchanges = bed.transcript.exchanges();
    let orders = exchanges.iter().filter(|exchange| {
        exchange.to == "VIM"
            && exchange.request.method == "POST"
            && exchange.request.path().ends_with("/stacks")
    });
    let seen = orders
        .map(|exchange| format!("exchange {}", exchange.seq))
        .collect();
    world.ask(&Question::AttemptsEnd { allowed, seen })
}

crate::step!(Given, "the VIM shows a certificate {string}", shows);
async fn shows(world: &mut World, arguments: Arguments) -> StepResult {
    let flaw = arguments.text(0)?.to_owned();
    let identity = Shows::flawed(&flaw)?;
    let bed = world.bed()?;
    let delegation = bed.delegation()?;
    delegation.start_vim(identity).await?;
    let servers = delegation.booted().len();
    world.custody.flawed.0 = world.bed()?.transcript.next_seq();
    world.custody.flawed_servers.0 = servers;
    world.custody.flaw = format!("a VIM that shows a certificate {flaw}");
    Ok(())
}

crate::step!(
    When,
    "the VIM shows its own certificate again",
    shows_its_own
);
async fn shows_its_own(world: &mut World, _: Arguments) -> StepResult {
    let bed = world.bed()?;
    let first = bed.transcript.next_seq();
    let delegation = bed.delegation()?;
    let servers = delegation.booted().len();
    delegation.start_vim(Shows::Proper).await?;
    world.custody.flawed.1 = first;
    world.custody.flawed_servers.1 = servers;
    Ok(())
}

crate::step!(Then, "that VIM was given no private key", given_nothing);
async fn given_nothing(world: &mut World, _: Arguments) -> StepResult {
    let (first, last) = world.custody.flawed;
    let (before, until) = world.custody.flawed_servers;
    let flaw = world.custody.flaw.clone();
    let bed = world.bed()?;
    let exchanges = bed.transcript.since(first);
    // A handshake that the VNFM broke off has no request.
    let mut met = exchanges
        .iter()
        .filter(|exchange| exchange.to == "VIM" && exchange.seq < last);
    let met = met
        .next()
        .map(|exchange| format!("exchange {}", exchange.seq));
    let booted = bed.delegation()?.booted();
    let of = |servers: &[std::sync::Arc<scas_simulators::vim::Booted>]| -> Vec<Delivery> {
        let all = servers.iter().flat_map(|booted| {
            booted.deliveries.iter().map(|delivered| Delivery {
                to: format!("server {}", booted.name),
                certificate_sha256: delivered.certificate_sha256(),
            })
        });
        all.collect()
    };
    let delivered = of(booted.get(before..until).unwrap_or_default());
    let twin = of(booted.get(until..).unwrap_or_default());
    world.ask(&Question::NotInstalled {
        flaw,
        met,
        delivered,
        twin,
    })
}
