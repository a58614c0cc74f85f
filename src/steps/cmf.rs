//! The CMF and its CA: they certify, hold their answers, or sign what they should not.

use std::sync::Arc;

use anyhow::Context as _;
use scas_simulators::ca::CertificateFault;
use scas_simulators::cmf::CertificateType;
use scas_simulators::control::Hold;
use scas_simulators::fault::Times;
use scas_simulators::material::Missing;
use scas_simulators::transcript::Request;

use super::delegation::{arrival, operation, vnf};
use super::{Arguments, Problem, StepResult};
use crate::model::key_protection::Delivery;
use crate::model::question::Question;
use crate::testbed::Testbed;
use crate::testbed::csr::Asked;
use crate::testbed::renewal::UnderWay;
use crate::world::World;

/// What asks for a certificate by EST without a label.
const UNLABELLED: &str = "POST /.well-known/est/{operation}";

crate::step!(
    Given,
    "a simulated CMF, with a CA that signs what it sends",
    with_ca
);
/// Puts up the bed: the SUT's configuration names the CMF.
async fn with_ca(world: &mut World, _: Arguments) -> StepResult {
    let context = Arc::clone(world.context()?);
    let folder = world.folder()?.to_owned();
    world.bed = Some(Testbed::up_delegating(context, &folder).await?);
    Ok(())
}

crate::step!(
    Given,
    "the CMF holds its answers to requests for a {word} certificate",
    holds
);
async fn holds(world: &mut World, arguments: Arguments) -> StepResult {
    let kind = kind(arguments.text(0)?)?;
    let control = world.bed()?.delegation()?.cmf.control().clone();
    let labelled = format!("POST /.well-known/est/{}/{{operation}}", kind.label());
    world.custody.cmf = Some(control.hold(&labelled)?);
    world.custody.cmf_unlabelled = Some(control.hold(UNLABELLED)?);
    world.custody.kind = Some(kind);
    Ok(())
}

crate::step!(
    When,
    "the VNFM generates a key pair and asks the CMF to certify it",
    asks
);
/// Without a label, the names in the request tell the kind; requests for the other kind are let through.
async fn asks(world: &mut World, _: Arguments) -> StepResult {
    let operation = operation(world)?;
    let World { bed, custody, .. } = world;
    let bed = bed.as_mut().context("no test bed")?;
    let wanted = custody.kind.context("the CMF holds nothing")?;
    let expected = format!("the VNFM asks the CMF to certify a key for a {wanted} certificate");
    loop {
        let labelled = custody.cmf.as_mut().context("the CMF holds nothing")?;
        let unlabelled = custody.cmf_unlabelled.as_mut();
        let unlabelled = unlabelled.context("the CMF holds nothing")?;
        let request = either(bed, &operation, labelled, unlabelled, &expected).await?;
        let delegation = bed.delegation()?;
        let asked = Asked::of(&request, &delegation.cmf.delegates());
        if let Some(asked) = asked.filter(|asked| asked.kind == Some(wanted)) {
            custody.public_key = Some(asked.public_key_sha256);
            break;
        }
        // The next one is stopped before this one goes on.
        let next = delegation.cmf.control().hold(UNLABELLED)?;
        if let Some(passed) = custody.cmf_unlabelled.replace(next) {
            passed.release();
        }
    }
    look(world, "while the CMF holds its answer").await
}

async fn either(
    bed: &mut Testbed,
    operation: &UnderWay,
    labelled: &mut Hold,
    unlabelled: &mut Hold,
    expected: &str,
) -> Result<Request, Problem> {
    tokio::select! {
        biased;
        request = unlabelled.arrived() => Ok(request),
        request = arrival(bed, operation, labelled, expected) => request,
    }
}

crate::step!(
    When,
    "the CMF has the CA sign the certificate and returns it",
    returns
);
async fn returns(world: &mut World, _: Arguments) -> StepResult {
    let public_key = world.custody.public_key.clone().context("no request")?;
    let custody = &mut world.custody;
    for hold in [custody.cmf.take(), custody.cmf_unlabelled.take()] {
        hold.into_iter().for_each(Hold::release);
    }
    let limit = world.context()?.profile.ixit.timeouts.answer;
    let bed = world.bed()?;
    let issued = bed.certificate_for(&public_key, limit).await?;
    match issued {
        Ok(()) => Ok(()),
        Err(why) => Err(Problem::unmet("the CMF certifies the public key", why)),
    }
}

crate::step!(
    Given,
    "the CA spoils each certificate from now on: {word}",
    spoils
);
async fn spoils(world: &mut World, arguments: Arguments) -> StepResult {
    let flaw = arguments.text(0)?.to_owned();
    let fault = CertificateFault::ALL
        .into_iter()
        .find(|fault| fault.to_string() == flaw)
        .with_context(|| format!("the CA has no fault '{flaw}'"))?;
    let bed = world.bed()?;
    let first = bed.transcript.next_seq();
    let delegation = bed.delegation()?;
    delegation.ca.fault(fault, Times::Always);
    let servers = delegation.booted().len();
    world.custody.flawed.0 = first;
    world.custody.flawed_servers.0 = servers;
    world.custody.flaw = format!("a certificate that is spoilt: {flaw}");
    Ok(())
}

crate::step!(When, "the CA signs as it should again", as_it_should);
async fn as_it_should(world: &mut World, _: Arguments) -> StepResult {
    let bed = world.bed()?;
    let first = bed.transcript.next_seq();
    let delegation = bed.delegation()?;
    delegation.ca.clear_faults();
    let servers = delegation.booted().len();
    world.custody.flawed.1 = first;
    world.custody.flawed_servers.1 = servers;
    Ok(())
}

crate::step!(
    Then,
    "no VNFCI was given a spoilt certificate",
    none_was_given
);
async fn none_was_given(world: &mut World, _: Arguments) -> StepResult {
    let flaw = world.custody.flaw.clone();
    let flawed = world.custody.flawed_servers;
    let delegation = world.bed()?.delegation()?;
    let issued = delegation.ca.issued();
    let spoilt: Vec<&str> = issued
        .iter()
        .filter(|issued| issued.fault.is_some())
        .map(|issued| issued.sha256.as_str())
        .collect();
    let met = (!spoilt.is_empty()).then(|| format!("{} such certificate(s)", spoilt.len()));
    let (from, until) = flawed;
    let booted = delegation.booted();
    let (mut delivered, mut twin) = (Vec::new(), Vec::new());
    for (number, booted) in booted.iter().enumerate() {
        let to = format!("server {}", booted.name);
        for given in &booted.deliveries {
            let certificate_sha256 = given.certificate_sha256();
            let spoilt = spoilt.contains(&certificate_sha256.as_str());
            let one = Delivery {
                to: to.clone(),
                certificate_sha256,
            };
            if spoilt { &mut delivered } else { &mut twin }.push(one);
        }
        // A certificate that fits no key is no pair, but was handed over.
        if let Some(Missing::Pair {
            certificates_in, ..
        }) = &booted.missing
            && (from..until).contains(&number)
        {
            delivered.push(Delivery {
                to,
                certificate_sha256: format!("in {certificates_in}"),
            });
        }
    }
    world.ask(&Question::NotInstalled {
        flaw,
        met,
        delivered,
        twin,
    })
}

/// Looks into the SUT, and asks it what it tells of the VNF.
pub(super) async fn look(world: &mut World, when: &str) -> StepResult {
    let vnf = vnf(world)?;
    let bed = world.bed()?;
    bed.ask_about(&vnf).await?;
    let taken = bed.snapshot(when).await?;
    world.custody.snapshots.push(taken);
    Ok(())
}

/// A kind of certificate by its name in SOL003.
pub(super) fn kind(name: &str) -> anyhow::Result<CertificateType> {
    CertificateType::ALL
        .into_iter()
        .find(|kind| kind.to_string() == name)
        .with_context(|| format!("'{name}' is no type of certificate"))
}
