//! IFA 026 Vnfm.Sc.006 where a PKCS#11 token holds the private keys: the tester looks into it.

use anyhow::Context as _;

use super::{Arguments, Problem, StepResult};
use crate::model::question::Question;
use crate::world::World;

crate::step!(
    Given,
    "the tester can look into the token of the VNFM",
    can_look
);
/// What is there before the VNFM makes keys is not in question later.
async fn can_look(world: &mut World, _: Arguments) -> StepResult {
    let glance = world.bed()?.look_into_token("before").await?;
    if let Some(why) = glance.blind() {
        let expected = "the tester can look into the token (ixit.keys.pkcs11) and finds a key of its own there";
        return Err(Problem::unmet(expected, why));
    }
    world.custody.token = vec![glance];
    Ok(())
}

crate::step!(When, "the tester looks into the token of the VNFM", looks);
async fn looks(world: &mut World, _: Arguments) -> StepResult {
    let glance = world
        .bed()?
        .look_into_token("while the key was in use")
        .await?;
    world.custody.token.push(glance);
    Ok(())
}

crate::step!(
    Then,
    "the token gave no private key of a VNFCI out in clear",
    gave_none
);
async fn gave_none(world: &mut World, _: Arguments) -> StepResult {
    let bed = world.bed()?;
    let (requested, keys) = (bed.requested_keys()?, bed.certification_requests()?);
    let meanwhile = world.custody.token.iter().skip(1);
    let looks = meanwhile.map(|glance| glance.told(&requested)).collect();
    world.ask(&Question::TokenProtects { keys, looks })
}

crate::step!(
    Then,
    "no private key of a VNFCI is left in the token",
    none_is_left
);
async fn none_is_left(world: &mut World, _: Arguments) -> StepResult {
    let bed = world.bed()?;
    let glance = bed.look_into_token("after the deadline").await?;
    let (requested, keys) = (bed.requested_keys()?, bed.certification_requests()?);
    let before = world
        .custody
        .token
        .first()
        .context("no look into the token before")?;
    let before = before.told(&requested);
    let (ended_by, ended_at) = world.custody.ended.clone().context("nothing has ended")?;
    let deadline = world.context()?.profile.ixit.keys.deletion_deadline;
    world.ask(&Question::TokenEmptied {
        keys,
        ended_by,
        ended_at,
        deadline,
        before,
        look: glance.told(&requested),
    })
}
