//! Which processes are the product's: all that descend from its first one, wherever they went. Main types: [`Registered`] and
//! [`of_product`].
//!
//! A helper that makes itself a daemon is handed to the nearest subreaper among its ancestors: this program ([`adopt_orphans`]).

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::sys::signal::Signal;
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

use crate::exposure::hygiene;
use crate::exposure::source::process::{ProcessError, processes};

/// How often is looked for processes that were started meanwhile, before all are killed.
const ROUNDS: usize = 100;

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
    found.remove(&std::process::id());
    // A helper may be a command of the user's, with others below it.
    for helper in hygiene::own_pids()
        .into_iter()
        .filter(|pid| *pid != std::process::id())
    {
        for pid in tree(helper)? {
            found.remove(&pid);
        }
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
    // Orphans that a command of the user's has left (a shared SSH connection) are no product's either.
    let products: BTreeSet<u32> = trees(own)?.into_iter().collect();
    found.retain(|pid| products.contains(pid) || !hygiene::is_of_an_errand(*pid));
    Ok(found.into_iter().collect())
}

/// These processes with all that descend from them.
///
/// # Errors
/// `/proc` cannot be read.
pub fn trees(of: &[u32]) -> Result<Vec<u32>, ProcessError> {
    let mut found = BTreeSet::new();
    for pid in of {
        found.append(&mut tree(*pid)?);
    }
    Ok(found.into_iter().collect())
}

/// What products have left that we have started, of whichever scenario. What a command of the profile has started is not ours to end, with all
/// that descends from it.
fn to_end() -> BTreeSet<u32> {
    let found = of_product(&[]).unwrap_or_default();
    let mut found: BTreeSet<u32> = found.into_iter().collect();
    let left = found.iter().copied();
    let left: Vec<u32> = left.filter(|pid| hygiene::is_of_a_command(*pid)).collect();
    for pid in left {
        for one in tree(pid).unwrap_or_default() {
            found.remove(&one);
        }
    }
    found
}

/// Kills every process that products have left, of whichever scenario. Returns those that are gone, and those that are not.
///
/// Processes may watch each other and start one another anew. So all are stopped first, until there is none that runs: what
/// stands still starts nothing.
pub fn end_all() -> (BTreeSet<u32>, BTreeSet<u32>) {
    let mut stopped = BTreeSet::new();
    for _ in 0..ROUNDS {
        let new: Vec<u32> = to_end()
            .into_iter()
            .filter(|pid| stopped.insert(*pid))
            .collect();
        if new.is_empty() {
            break;
        }
        new.iter().for_each(|pid| send(*pid, Signal::SIGSTOP));
    }
    stopped.iter().for_each(|pid| send(*pid, Signal::SIGKILL));
    // Who is not our child becomes so when its parent has ended.
    let mut waiting = stopped.clone();
    loop {
        let before = waiting.len();
        waiting.retain(|pid| waitpid(process(*pid), None).is_err());
        if waiting.len() == before {
            break;
        }
    }
    let left = to_end();
    (stopped.difference(&left).copied().collect(), left)
}

/// As [`end_all`], where a run ends early; nothing where no process was adopted ([`adopt_orphans`]).
pub fn end_adopted() {
    if nix::sys::prctl::get_child_subreaper().unwrap_or(false) {
        end_all();
    }
}

fn send(pid: u32, signal: Signal) {
    // One that has ended meanwhile is what is wanted.
    let _ = nix::sys::signal::kill(process(pid), signal);
}

fn process(pid: u32) -> Pid {
    Pid::from_raw(pid.cast_signed())
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

    /// Runs a test in a program of its own: this one's other tests have children too. True where it is that program.
    fn alone(name: &str) -> bool {
        const CHILD: &str = "SCAS_TEST_RELAY";
        if std::env::var_os(CHILD).is_some() {
            adopt_orphans().expect("a subreaper");
            return true;
        }
        let ended = std::process::Command::new(std::env::current_exe().expect("ourselves"))
            .args([name, "--test-threads=1"])
            .env(CHILD, "1")
            .output()
            .expect("a program of its own");
        let told = String::from_utf8_lossy(&ended.stdout);
        assert!(
            ended.status.success() && told.contains("1 passed"),
            "{told}"
        );
        false
    }

    #[test]
    fn a_process_that_always_starts_another_and_goes_is_ended() {
        if !alone("a_process_that_always_starts_another_and_goes_is_ended") {
            return;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let (relay, ran) = (folder.path().join("relay"), folder.path().join("ran"));
        let script = format!(
            "echo >> {}\nsleep 0.01\nsetsid sh \"$0\" &\n",
            ran.display()
        );
        std::fs::write(&relay, script).expect("a script");
        let first = std::process::Command::new("sh").arg(&relay).status();
        assert!(first.expect("a shell").success());
        let runs = || std::fs::read(&ran).map_or(0, |lines| lines.len());
        while runs() < 3 {
            std::thread::yield_now();
        }
        let (ended, left) = end_all();
        assert!(!ended.is_empty() && left.is_empty(), "{ended:?}, {left:?}");
        assert!(of_product(&[]).expect("processes").is_empty());
    }

    #[test]
    fn what_a_command_of_the_profile_leaves_running_is_left_alone() {
        if !alone("what_a_command_of_the_profile_leaves_running_is_left_alone") {
            return;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let output = folder.path().join("output");
        // As a script does that restarts a product.
        let line = "setsid sh -c 'env -i sleep 1000 & sleep 1000' > /dev/null 2>&1 & echo $!";
        let words = ["sh", "-c", line].map(str::to_owned);
        let limit = std::time::Duration::from_secs(60);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let mark = Some(hygiene::command_mark());
        let run =
            super::super::commands::run("ixit.commands.restart", &words, &output, limit, mark);
        runtime
            .expect("a runtime")
            .block_on(run)
            .expect("it is done");
        let said = std::fs::read_to_string(&output).expect("its number");
        let daemon: u32 = said.trim().parse().expect("a number");
        // One of the two has another environment.
        let whole = loop {
            let whole = tree(daemon).expect("a tree");
            if whole.len() == 3 {
                break whole;
            }
            std::thread::yield_now();
        };
        let looked_into = of_product(&[]).expect("processes");
        assert!(
            whole.iter().all(|pid| looked_into.contains(pid)),
            "{looked_into:?}"
        );
        let (ended, left) = end_all();
        assert!(ended.is_empty() && left.is_empty(), "{ended:?}, {left:?}");
        assert_eq!(tree(daemon).expect("a tree"), whole, "they run");
        whole.iter().for_each(|pid| send(*pid, Signal::SIGKILL));
    }

    #[test]
    fn a_command_that_waits_for_the_end_of_what_an_earlier_one_left_sees_it() {
        if !alone("a_command_that_waits_for_the_end_of_what_an_earlier_one_left_sees_it") {
            return;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let (output, pid) = (folder.path().join("output"), folder.path().join("pid"));
        let start = format!(
            "setsid sh -c 'echo $$ > {0}; exec sleep 1000' & until test -s {0}; do :; done",
            pid.display()
        );
        let stop = format!(
            "kill $(cat {0}) && tail --pid=$(cat {0}) -f /dev/null",
            pid.display()
        );
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        for line in [start, stop] {
            let words = ["sh", "-c", &line].map(str::to_owned);
            let limit = std::time::Duration::from_secs(60);
            let mark = Some(hygiene::command_mark());
            let run = super::super::commands::run("ixit.commands.x", &words, &output, limit, mark);
            runtime.block_on(run).expect("it is done in time");
        }
    }

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
        assert!(trees(&[own.id()]).expect("processes").contains(&own.id()));
        let others = crate::exposure::survey::others(&found).expect("processes");
        assert!(!others.contains(&own.id()));
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
