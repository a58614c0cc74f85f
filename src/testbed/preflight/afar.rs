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
            let told = format!("{why}; {}", mend(&why));
            found.findings.push(Finding::of(there::VIA, told));
            return;
        }
    };
    found.seen.push(format!(
        "{}: scas answers through \"{words}\" and sees {} of the product",
        there::VIA,
        super::machine::processes(reached.processes)
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

/// What can be done about a way that is closed, by what SSH says of it where that is known.
fn mend(why: &str) -> &'static str {
    const OF_SSH: [(&str, &str); 4] = [
        (
            "Host key verification failed",
            "the machine that answers shows another host key than the one that is known for it, or none is known yet: compare its fingerprint \
             with that of its administrator; if the machine was installed anew, take the old key out with `ssh-keygen -R HOST`; then connect \
             once by hand, to have the new one known",
        ),
        (
            "Permission denied",
            "the machine does not let this user in: put a public key there that needs no passphrase here (`ssh-copy-id`), or correct the user",
        ),
        (
            "Could not resolve hostname",
            "correct the name of the machine, or write its address",
        ),
        (
            "Connection refused",
            "start the SSH server there, or correct the port",
        ),
    ];
    let known = OF_SSH.iter().find(|(said, _)| why.contains(said));
    known.map_or(MEND, |(_, mend)| mend)
}

/// What can be done about any other.
const MEND: &str = "run the command by hand, with `--version` behind it: it must print this version of scas and ask for nothing (keys without \
                    a passphrase, a host key that is known)";

/// A product that is not started yet has no processes.
fn tell(lack: &Lack, running: bool, found: &mut Preflight) {
    let text = format!("{}, on the machine behind {}", lack.what, there::VIA);
    match lack.kind {
        LackKind::Storage => {
            let text = format!(
                "{text}; write the path of a folder, file or device of that machine, or leave it out"
            );
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
