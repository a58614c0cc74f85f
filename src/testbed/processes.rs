//! Which processes are the product's: all that descend from its first one, wherever they went. Main types: [`Registered`] and
//! [`of_product`].
//!
//! A helper that makes itself a daemon is handed to the nearest subreaper among its ancestors: this program ([`adopt_orphans`]).

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use crate::exposure::hygiene;
use crate::exposure::source::process::{ProcessError, processes};

/// The first processes of all products that run now, in whichever scenario.
static FIRST: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// The first process of a product, known as such until this is dropped.
#[derive(Debug)]
pub struct Registered(u32);

impl Registered {
    /// Enters it.
    pub fn new(pid: u32) -> Self {
        first().insert(pid);
        Self(pid)
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.0
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        first().remove(&self.0);
    }
}

fn first() -> MutexGuard<'static, BTreeSet<u32>> {
    FIRST.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on, processes that lose their parent become this program's children.
///
/// # Errors
/// The kernel refuses, which it has no reason to.
pub fn adopt_orphans() -> nix::Result<()> {
    nix::sys::prctl::set_child_subreaper(true)
}

/// The processes of the product whose first ones these are, with orphans that it left. Of the others, which this program
/// started for itself or for another scenario, none.
///
/// # Errors
/// `/proc` cannot be read.
pub fn of_product(own: &[u32]) -> Result<Vec<u32>, ProcessError> {
    let mut found: BTreeSet<u32> = tree(std::process::id())?;
    for pid in hygiene::own_pids() {
        found.remove(&pid);
    }
    let others: Vec<u32> = first()
        .iter()
        .copied()
        .filter(|pid| !own.contains(pid))
        .collect();
    for other in others {
        for pid in tree(other)? {
            found.remove(&pid);
        }
    }
    Ok(found.into_iter().collect())
}

/// Every process of the machine that has memory of its own, is not ours, and none of these.
pub fn others(product: &[u32]) -> std::io::Result<Vec<u32>> {
    let ours = hygiene::own_pids();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let pid = entry?
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        let Some(pid) = pid.filter(|pid| !ours.contains(pid) && !product.contains(pid)) else {
            continue;
        };
        // Threads of the kernel and zombies have none.
        let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
        if statm
            .split(' ')
            .next()
            .is_some_and(|pages| !matches!(pages, "" | "0"))
        {
            found.push(pid);
        }
    }
    Ok(found)
}

/// Takes leave of orphans that have ended.
pub fn bury(pids: &[u32]) {
    for pid in pids {
        // One that is not our child, or was waited for, is none of our business.
        let _ = waitpid(Pid::from_raw(pid.cast_signed()), Some(WaitPidFlag::WNOHANG));
    }
}

/// A process and its descendants; none if it has ended.
fn tree(pid: u32) -> Result<BTreeSet<u32>, ProcessError> {
    match processes(&format!("tree:{pid}")) {
        Ok(pids) => Ok(pids.into_iter().collect()),
        Err(ProcessError::Gone { .. } | ProcessError::Written { .. }) => Ok(BTreeSet::new()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_product_starts_is_its_own_and_anothers_is_not() {
        let sleeper = || {
            std::process::Command::new("sh")
                .args(["-c", "sleep 60 & wait"])
                .spawn()
                .expect("a shell")
        };
        let (mut own, mut other) = (sleeper(), sleeper());
        let registered = [Registered::new(own.id()), Registered::new(other.id())];
        let found = of_product(&[own.id()]).expect("processes");
        assert!(found.contains(&own.id()), "{found:?}");
        assert!(!found.contains(&other.id()), "{found:?}");
        assert!(!found.contains(&std::process::id()), "{found:?}");
        assert!(!others(&found).expect("processes").contains(&own.id()));
        for child in [&mut own, &mut other] {
            for pid in tree(child.id()).expect("a tree") {
                let _ = nix::sys::signal::kill(
                    Pid::from_raw(pid.cast_signed()),
                    nix::sys::signal::Signal::SIGKILL,
                );
            }
            let _ = child.wait();
        }
        drop(registered);
        assert!(!first().contains(&own.id()));
    }
}
