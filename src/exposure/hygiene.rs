//! What the scanner does to leave no trace of what it searches for: [`harden`], [`lock`].

use std::collections::BTreeSet;
use std::ffi::c_void;
use std::io;
use std::ptr::NonNull;
use std::sync::{Mutex, OnceLock, PoisonError};

use nix::sys::mman::{MmapAdvise, madvise, mlock};
use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::{Pid, SysconfVar, sysconf};

/// The helper processes that run now.
static HELPERS: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// The sessions of the user's commands that were started for a search.
static ERRANDS: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());
/// The same of a command that starts or stops a product.
const COMMAND: &str = "SCAS_COMMAND";
/// By what is known what such a command has started: a variable of the environment.
pub(crate) const ERRAND: &str = "SCAS_ERRAND";

/// The value of [`ERRAND`]. Nobody else knows it.
pub(crate) fn errand_mark() -> &'static str {
    static MARK: OnceLock<String> = OnceLock::new();
    MARK.get_or_init(|| {
        let mut random = [0; 8];
        // Without randomness it is this program's number alone.
        let _ = getrandom::fill(&mut random);
        format!("{}-{:016x}", std::process::id(), u64::from_le_bytes(random))
    })
}

/// What is put into the environment of a command that starts or stops a product, so that what it leaves running is known
/// ([`is_of_a_command`]): name and value.
pub fn command_mark() -> (&'static str, &'static str) {
    (COMMAND, errand_mark())
}

/// Whether a process was left running by a command that was marked so. One that writes over its environment is not known.
pub fn is_of_a_command(pid: u32) -> bool {
    has_in_environment(pid, COMMAND)
}

fn has_in_environment(pid: u32, name: &str) -> bool {
    let mark = format!("{name}={}", errand_mark());
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment
        .split(|byte| *byte == 0)
        .any(|one| one == mark.as_bytes())
}

pub(crate) fn errand_started(session: u32) {
    let mut errands = ERRANDS.lock().unwrap_or_else(PoisonError::into_inner);
    errands.insert(session);
}

/// Whether a process was left running by a command of the user's that was started for a search: it has its session, or its
/// environment. One that leaves the session and writes over its environment is not known.
pub fn is_of_an_errand(pid: u32) -> bool {
    let errands = ERRANDS.lock().unwrap_or_else(PoisonError::into_inner);
    if errands.is_empty() {
        return false;
    }
    let session = nix::unistd::getsid(Some(Pid::from_raw(pid.cast_signed())));
    if session.is_ok_and(|session| errands.contains(&session.as_raw().cast_unsigned())) {
        return true;
    }
    has_in_environment(pid, ERRAND)
}

/// Numbers of our own processes: this one, then the helpers that it started and that still run.
pub fn own_pids() -> Vec<u32> {
    let helpers = HELPERS.lock().unwrap_or_else(PoisonError::into_inner);
    std::iter::once(std::process::id())
        .chain(helpers.iter().copied())
        .collect()
}

pub(crate) fn helper_started(pid: u32) {
    let mut helpers = HELPERS.lock().unwrap_or_else(PoisonError::into_inner);
    helpers.insert(pid);
}

pub(crate) fn helper_ended(pid: u32) {
    let mut helpers = HELPERS.lock().unwrap_or_else(PoisonError::into_inner);
    helpers.remove(&pid);
}

/// Keeps this process's memory out of core dumps, and from other processes of the same user. To be called first thing; it
/// cannot be undone by accident.
///
/// # Errors
///
/// If the kernel refuses, which it has no reason to.
pub fn harden() -> io::Result<()> {
    set_dumpable(false)?;
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    Ok(())
}

/// What [`lock`] achieved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locked {
    /// Why the bytes may still be swapped out, if they may: mostly, that the limit of locked memory is reached.
    pub swap: Result<(), String>,
    /// Why the bytes may still be in a core dump, if they may.
    pub dump: Result<(), String>,
}

/// Keeps the pages in which `bytes` lie from being swapped out and from core dumps, until they are unmapped. Other data on
/// the same pages is kept with them. Best effort: the search goes on without.
pub fn lock(bytes: &[u8]) -> Locked {
    let page = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
    let page = page
        .and_then(|page| usize::try_from(page).ok())
        .unwrap_or(4096);
    let address = bytes.as_ptr().addr();
    let start = address / page * page;
    let length = address + bytes.len() - start;
    let pointer = bytes.as_ptr().wrapping_sub(address - start).cast_mut();
    let Some(pointer) = NonNull::new(pointer.cast::<c_void>()).filter(|_| !bytes.is_empty()) else {
        let nothing = Ok(());
        return Locked {
            swap: nothing.clone(),
            dump: nothing,
        };
    };
    let words = |error: nix::Error| error.desc().to_lowercase();
    Locked {
        // SAFETY: neither call changes what is in memory.
        swap: unsafe { mlock(pointer, length) }.map_err(words),
        // SAFETY: as above.
        dump: unsafe {
            madvise(
                pointer,
                length.next_multiple_of(page),
                MmapAdvise::MADV_DONTDUMP,
            )
        }
        .map_err(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_locked_and_left_out_of_dumps() {
        let secret = vec![7_u8; 100_000];
        let locked = lock(&secret);
        assert_eq!(locked.dump, Ok(()));
        let flags = flags_at(secret.as_ptr().addr() + 50_000);
        assert!(flags.contains("dd"), "{flags}");
        // Without rights the limit may be lower than this.
        assert_eq!(
            locked.swap.is_ok(),
            flags.contains("lo"),
            "{locked:?}, {flags}"
        );
        assert!(lock(&[]).swap.is_ok());
    }

    /// The flags of the mapping in which an address lies.
    fn flags_at(address: usize) -> String {
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut inside = false;
        for line in maps.lines() {
            if let Some((start, rest)) = line.split_once('-')
                && let Ok(start) = usize::from_str_radix(start, 16)
            {
                let end = usize::from_str_radix(rest.split_once(' ').unwrap().0, 16).unwrap();
                inside = (start..end).contains(&address);
            } else if inside && let Some(flags) = line.strip_prefix("VmFlags:") {
                return flags.to_owned();
            }
        }
        panic!("not mapped");
    }
}
