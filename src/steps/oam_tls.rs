//! VNF OAM over mutual TLS: a VNFCI connects to the VNFM with what it was given, or with what it should not have.

use std::time::Duration;

use anyhow::Context as _;
use scas_simulators::ca::{CertificateFault, Order};
use scas_simulators::cmf::CertificateType;
use scas_simulators::fault::Times;
use scas_simulators::material::{Delivered, PrivateKey};
use scas_simulators::vnfci::{Oam, Presents, TlsOutcome, TlsReport};
use serde_json::json;

use super::{Arguments, Problem, StepResult};
use crate::model::key_protection::{OamConnection, OamOutcome};
use crate::model::question::Question;
use crate::pki::Ca as TestCa;
use crate::testbed::vnf::Undone;
use crate::world::World;

crate::step!(
    When,
    "the VNFCI establishes a TLS connection to the VNFM",
    establishes
);
/// Verified by both sides: the VNFCI checks the endpoint's certificate, and the endpoint has answered.
async fn establishes(world: &mut World, _: Arguments) -> StepResult {
    let report = connect(world, Presents::Own).await?;
    if report.outcome != TlsOutcome::Accepted {
        return Err(Problem::unmet(
            "a TLS connection with the VNF OAM certificate that was delivered",
            format!("{:?}", report.outcome),
        ));
    }
    world.custody.ended_by("the TLS connection of the VNFCI");
    Ok(())
}

crate::step!(
    When,
    "a client with {string} connects to the VNF OAM endpoint, between two of the VNFCI",
    stranger
);
async fn stranger(world: &mut World, arguments: Arguments) -> StepResult {
    let presented = arguments.text(0)?.to_owned();
    let presents = presents(world, &presented)?;
    for (what, presents) in [
        ("the VNFCI's own certificate".to_owned(), Presents::Own),
        (presented, presents),
        ("the VNFCI's own certificate".to_owned(), Presents::Own),
    ] {
        let report = connect(world, presents).await?;
        world.custody.connections.push(OamConnection {
            presented: what,
            exchange: report.seq,
            outcome: match report.outcome {
                TlsOutcome::Accepted => OamOutcome::Accepted,
                TlsOutcome::RefusedByPeer { alert } => OamOutcome::Refused(alert),
                other => OamOutcome::Nothing(format!("{other:?}")),
            },
        });
    }
    Ok(())
}

crate::step!(
    Then,
    "the VNF OAM endpoint refuses that client and no other",
    refuses
);
async fn refuses(world: &mut World, _: Arguments) -> StepResult {
    let all = std::mem::take(&mut world.custody.connections);
    let [before, refused, after] = <[OamConnection; 3]>::try_from(all)
        .map_err(|all| anyhow::anyhow!("{} connections, not three", all.len()))?;
    world.ask(&Question::OamRefused {
        before,
        refused,
        after,
    })
}

fn presents(world: &mut World, words: &str) -> anyhow::Result<Presents> {
    let now = jiff::Timestamp::now();
    let delegation = world.bed()?.delegation()?;
    let running = delegation.running().first().context("no VNFCI runs")?;
    Ok(match words {
        "no certificate" => Presents::Nothing,
        "a certificate of another CA" => {
            let leaf = TestCa::new("another CA", now)?.client("vnfci").issue()?;
            let mut chain = vec![leaf.certificate_der().to_vec()];
            chain.extend(
                running
                    .booted
                    .deliveries
                    .iter()
                    .flat_map(|own| own.certificate_chain_der.get(1).cloned())
                    .take(1),
            );
            Presents::Other(delivered(chain, leaf.private_key_der())?)
        }
        "its certificate for its users" => {
            let deliveries = &running.booted.deliveries;
            let of_kind = delegation.of_kind(deliveries, CertificateType::Vnfci);
            Presents::Other(of_kind.ok_or_else(|| {
                Undone::error(
                    "the VNFCI has a VNFCI_CERT with a key of its own",
                    "it was given none",
                )
            })?)
        }
        "an expired certificate" => issued(world, Some(CertificateFault::Expired))?,
        "a certificate of a VNFCI that there is not" => issued(world, None)?,
        _ => anyhow::bail!("there is no client with '{words}'"),
    })
}

/// A certificate of the CA's that nobody enrolled for a VNFCI.
fn issued(world: &mut World, fault: Option<CertificateFault>) -> anyhow::Result<Presents> {
    let key = rcgen::KeyPair::generate()?;
    let names = vec!["stranger.vnfoam.example".to_owned()];
    let csr = rcgen::CertificateParams::new(names)?.serialize_request(&key)?;
    let ca = &world.bed()?.delegation()?.ca;
    if let Some(fault) = fault {
        ca.fault(fault, Times::Once);
    }
    let issued = ca.ca1().issue(csr.der(), &Order::default())?;
    let chain = issued.chain;
    Ok(Presents::Other(delivered(chain, key.serialized_der())?))
}

fn private_key(der: &[u8]) -> anyhow::Result<PrivateKey> {
    PrivateKey::from_der(der).context("a private key of our own")
}

fn delivered(chain: Vec<Vec<u8>>, key: &[u8]) -> anyhow::Result<Delivered> {
    Ok(Delivered {
        certificate_chain_der: chain,
        private_key: private_key(key)?,
        found_in: "the tester".to_owned(),
        also_found_in: Vec::new(),
        certificate_found_in: "the tester".to_owned(),
        other_certificates_der: Vec::new(),
    })
}

async fn connect(world: &mut World, presents: Presents) -> Result<TlsReport, Problem> {
    let context = std::sync::Arc::clone(world.context()?);
    let anchors = context.pki.ca.certificate_pem();
    let bed = world.bed()?;
    let Some((address, name)) = bed.oam() else {
        return Err(Problem::unmet(
            "an address of the VNF OAM endpoint",
            "neither ixit.oam.address nor the VNFM's ready line (`oam`) tells one",
        ));
    };
    let mut oam = Oam::new(&address, &name, &anchors);
    oam.presents = presents;
    oam.timeout = Duration::from_secs(context.profile.ixit.timeouts.answer);
    let running = bed.delegation()?.vnfcis().await?;
    let first = running.first().context("no VNFCI runs")?;
    let report = first.vnfci.connect(&oam).await;
    let record = json!({
        "address": address,
        "server_name": name,
        "outcome": format!("{:?}", report.outcome),
        "negotiated": report.negotiated,
        "presented_sha256": report.presented_sha256,
        "endpoint_chain_sha256": report.peer_chain_der.iter().map(|der| digest(der)).collect::<Vec<_>>(),
        "exchange": report.seq,
    });
    world.keep(
        &format!("oam-{}.json", report.seq),
        "a connection to the VNF OAM endpoint, as the client saw it",
        &serde_json::to_vec_pretty(&record)?,
    )?;
    Ok(report)
}

fn digest(der: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    hex::encode(Sha256::digest(der))
}
