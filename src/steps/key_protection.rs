//! SEC 030 4.2.2.3 to 4.2.2.5: the private key while it is in use, and afterwards.

use std::time::Duration;

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};

use super::delegation::vnf;
use super::{Arguments, Problem, StepResult};
use crate::model::key_protection::Look;
use crate::model::question::Question;
use crate::testbed::observation::{Looked, Wanted};
use crate::world::World;

crate::step!(
    When,
    "the VNFM has had the time to delete the private key",
    had_the_time
);
/// Nothing announces a deletion: the IXIT says how long it may take.
async fn had_the_time(world: &mut World, _: Arguments) -> StepResult {
    let (_, at) = world.custody.ended.clone().context("nothing has ended")?;
    let deadline = deadline(world)?;
    wait_until(at.saturating_add(seconds(deadline))?).await;
    let vnf = vnf(world)?;
    let bed = world.bed()?;
    let first = bed.transcript.next_seq();
    bed.ask_about(&vnf).await?;
    world.custody.deadline_exchange = first;
    Ok(())
}

crate::step!(
    When,
    "the retention period of the private key is over",
    retention_is_over
);
/// It runs from the generation; the tester knows when certification was last asked for, which was later.
async fn retention_is_over(world: &mut World, _: Arguments) -> StepResult {
    let exchanges = world.bed()?.transcript.exchanges();
    let asked = exchanges
        .iter()
        .filter(|one| one.to == "CMF" && one.request.path().contains("/est/"))
        .map(|one| one.started)
        .max();
    let Some(asked) = asked else {
        return Err(Problem::unmet(
            "the VNFM asks the CMF to certify a key",
            "it did not",
        ));
    };
    let retention = world.bed()?.delegation()?.retention.seconds;
    let over = asked.saturating_add(seconds(retention))?;
    wait_until(over).await;
    world.custody.ended = Some(("the end of its retention period".to_owned(), over));
    Ok(())
}

crate::step!(
    Then,
    "meanwhile nothing but the VNFM could access the private key",
    protected
);
async fn protected(world: &mut World, _: Arguments) -> StepResult {
    let wanted = wanted(world)?;
    let mut looks = Vec::new();
    for taken in std::mem::take(&mut world.custody.snapshots) {
        let looked = world.bed()?.search(&taken, &wanted).await?;
        looks.push(kept(world, looked)?);
    }
    let name = "in what the VNFM sent";
    let looked = world.bed()?.look_at_wire(name, &wanted, 0).await?;
    looks.push(kept(world, looked)?);
    world.ask(&Question::KeyProtected {
        keys: wanted.keys,
        looks,
    })
}

crate::step!(
    Then,
    "nothing that the VNFM sent elsewhere holds a private key",
    sent_nowhere
);
async fn sent_nowhere(world: &mut World, _: Arguments) -> StepResult {
    let vnf = vnf(world)?;
    world.bed()?.ask_about(&vnf).await?;
    let wanted = wanted(world)?;
    let name = "in what the VNFM sent";
    let looked = world.bed()?.look_at_wire(name, &wanted, 0).await?;
    let looks = vec![kept(world, looked)?];
    world.ask(&Question::KeyProtected {
        keys: wanted.keys,
        looks,
    })
}

crate::step!(
    Then,
    "the private key is deleted and cannot be recovered",
    deleted
);
async fn deleted(world: &mut World, _: Arguments) -> StepResult {
    let wanted = wanted(world)?;
    let from = world.custody.deadline_exchange;
    let bed = world.bed()?;
    let within = bed.look("after the deadline", &wanted).await?;
    let wire = bed
        .look_at_wire("in what the VNFM sent after the deadline", &wanted, from)
        .await?;
    let looks = vec![kept(world, within)?, kept(world, wire)?];
    let (ended_by, ended_at) = world.custody.ended.clone().context("nothing has ended")?;
    let deadline = deadline(world)?;
    world.ask(&Question::KeyDeleted {
        keys: wanted.keys,
        ended_by,
        ended_at,
        deadline,
        looks,
    })
}

/// Every key of the kind in question that was certified in the part that is judged.
fn wanted(world: &mut World) -> anyhow::Result<Wanted> {
    let kind = world.custody.kind;
    let earlier = std::mem::take(&mut world.custody.earlier);
    let certified = world.bed()?.delegation()?.certified();
    let wanted = Wanted::all(certified.iter().filter(|key| {
        kind.is_none_or(|kind| key.kind == kind) && !earlier.contains(&key.public_key_sha256)
    }));
    world.custody.earlier = earlier;
    wanted
}

fn kept(world: &mut World, looked: Looked) -> anyhow::Result<Look> {
    let name = world.custody.record_name();
    world.keep(
        &name,
        "a look into the VNFM or at what it sent: what was searched, what was tried, what was seen",
        &serde_json::to_vec_pretty(&looked.record)?,
    )?;
    Ok(looked.look)
}

fn deadline(world: &World) -> anyhow::Result<u64> {
    Ok(world.context()?.profile.ixit.keys.deletion_deadline)
}

fn seconds(number: u64) -> SignedDuration {
    SignedDuration::from_secs(i64::try_from(number).unwrap_or(i64::MAX))
}

/// Waits for a time that is the subject of the test itself.
async fn wait_until(then: Timestamp) {
    let left = then.duration_since(Timestamp::now());
    if let Ok(left) = Duration::try_from(left) {
        tokio::time::sleep(left).await;
    }
}
