//! The machine of a product that is looked at through `ixit.observe.via`: whether it can be, before anything is judged: [`check`].

use super::Preflight;
use crate::exposure::survey::{Lack, LackKind};
use crate::model::sut::Profile;
use crate::profile::Finding;
use crate::testbed::observation::{self, there};

/// Reaches out once for what the profile names there, and once for a canary.
pub(super) async fn check(profile: &Profile, found: &mut Preflight) {
    let Some(product) = there::product(&profile.ixit) else {
        return;
    };
    let silence = there::silence(&profile.ixit);
    let via = profile.ixit.observe.via.clone();
    let words = via.join(" ");
    let asking = tokio::task::spawn_blocking(move || {
        let reached = there::reach(&via, &product, silence)?;
        Ok((reached, observation::canary_there(&via, silence)))
    });
    let asked = asking.await.unwrap_or_else(|error| Err(error.to_string()));
    let (reached, canary) = match asked {
        Ok(asked) => asked,
        Err(why) => {
            let told = format!("{why}; {MEND}");
            found.findings.push(Finding::of(there::VIA, told));
            return;
        }
    };
    found.seen.push(format!(
        "{}: scas answers through \"{words}\" and sees {} process(es) of the product",
        there::VIA,
        reached.processes
    ));
    for lack in &reached.lacks {
        tell(lack, profile.ixit.api.running, found);
    }
    if !reached.root {
        let text = "scas is not root there, so that memory of other users' processes cannot be read and nobody else be played; let the \
                    command run it as root (sudo), or the cases of delegation mode are Inconclusive";
        found.lacks.push(Finding::of(there::VIA, text));
    }
    match canary {
        Ok(places) => found
            .seen
            .push(format!("canaries were found there: {}", places.join("; "))),
        Err(why) => {
            let text = format!(
                "a search of memory and files there does not find what was put there: {why}"
            );
            found.lacks.push(Finding::of(there::VIA, text));
        }
    }
}

/// What can be done about a way that is closed.
const MEND: &str = "run the command by hand, with `--version` behind it: it must print this version of scas and ask for nothing (keys without \
                    a passphrase, a host key that is known)";

/// A product that is not started yet has no processes.
fn tell(lack: &Lack, running: bool, found: &mut Preflight) {
    let text = format!("{}, on the machine behind {}", lack.what, there::VIA);
    match lack.kind {
        LackKind::Storage => {
            let text =
                format!("{text}; write the path of a folder, file or device of that machine");
            found
                .findings
                .push(Finding::of("ixit.observe.storage", text));
        }
        LackKind::Process if running => {
            let text = format!("{text}; the product must run while it is looked at");
            found
                .findings
                .push(Finding::of("ixit.observe.product", text));
        }
        LackKind::Process => {}
        LackKind::Rights | LackKind::Time => {
            found.lacks.push(Finding::of(there::VIA, text));
        }
    }
}
