//! Pre-conditions on Or-Vnfm: the documentation, the VNFM, the simulated NFVO.

use super::{Arguments, Problem, StepResult};
use crate::testbed::Testbed;
use crate::world::World;

crate::step!(
    Given,
    "the documentation of the VNFM describes {string}",
    documented
);
/// A missing description is Inconclusive: only a person can read one, so the profile says where it is.
async fn documented(world: &mut World, arguments: Arguments) -> StepResult {
    let label = arguments.text(0)?;
    let documents = &world.context()?.profile.documents;
    match documents.get(label) {
        Some(place) if !place.is_empty() => {
            let text = format!("{label}: {place}");
            world.observe("documentation", &text, None);
            Ok(())
        }
        _ => Err(Problem::unmet(
            format!("the documentation describes '{label}'"),
            format!("the profile's [documents] has no '{label}'"),
        )),
    }
}

crate::step!(
    Given,
    "a VNFM that trusts the signers of VNF packages",
    trusting
);
/// Puts up the bed: the NFVO first, since the SUT's configuration names it, then the SUT, with the trust anchors in its configuration.
async fn trusting(world: &mut World, _: Arguments) -> StepResult {
    let context = std::sync::Arc::clone(world.context()?);
    let folder = world.folder()?.to_owned();
    let bed = world.bed.insert(Testbed::up(context, &folder).await?);
    bed.start().await?;
    Ok(())
}

crate::step!(
    Given,
    "a simulated NFVO whose traffic with the VNFM is traced",
    traced
);
/// Step 1 of 4.2.2.1 and 4.2.2.2: traffic is seen when the VNFM answers and calls back through the interception front.
async fn traced(world: &mut World, _: Arguments) -> StepResult {
    let bed = world.bed()?;
    bed.subscribe().await?;
    if let Some(why) = bed.unsubscribed.clone() {
        if let Some(status) = bed.ended() {
            return Err(Problem::unmet(
                "a VNFM that runs",
                format!("it has ended: {status}"),
            ));
        }
        world.observe(
            "no-notifications",
            &format!("the VNFM did not accept a subscription: {why}"),
            Some("SOL003 5.4.18"),
        );
    }
    Ok(())
}

crate::step!(When, "the VNFM is stopped and started again", restarted);
async fn restarted(world: &mut World, _: Arguments) -> StepResult {
    world.bed()?.restart().await?;
    Ok(())
}

crate::step!(
    When,
    "the first process of the VNFM is killed",
    first_killed
);
/// As a crash would: its helpers are left alone.
async fn first_killed(world: &mut World, _: Arguments) -> StepResult {
    world.bed()?.crash().await?;
    Ok(())
}

crate::step!(When, "the VNFM is started again", started_again);
async fn started_again(world: &mut World, _: Arguments) -> StepResult {
    world.bed()?.start().await?;
    Ok(())
}

crate::step!(
    When,
    "the VNFM is stopped, its state copied, and started again",
    copied
);
async fn copied(world: &mut World, _: Arguments) -> StepResult {
    let bed = world.bed()?;
    bed.ours()?;
    bed.stop().await?;
    if bed.copy_state()? == 0 {
        return Err(Problem::unmet(
            "a VNFM that keeps its state in the folder {state}",
            "there is no file in it to copy",
        ));
    }
    bed.start().await?;
    Ok(())
}

crate::step!(
    When,
    "the VNFM is stopped, its state replaced by the copy, and started again",
    restored
);
async fn restored(world: &mut World, _: Arguments) -> StepResult {
    let bed = world.bed()?;
    bed.ours()?;
    bed.stop().await?;
    if !bed.restore_state()? {
        return Err(Problem::unmet(
            "a VNFM whose state in the folder {state} has changed since the copy",
            "it is the same, so that nothing was restored",
        ));
    }
    bed.start().await?;
    Ok(())
}

crate::step!(
    When,
    "three more VNFMs are started together, each with a state of its own",
    replicated
);
async fn replicated(world: &mut World, _: Arguments) -> StepResult {
    world.bed()?.start_replicas(3).await?;
    Ok(())
}
