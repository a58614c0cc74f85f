//! What a process does about itself before it holds secrets. Main functions: [`protect`], [`end_after`].

use nix::libc;
use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;

use super::hold::{Hold, Protection};
use crate::defect::{Defects, Deviation};

/// No core dump, no debugger of the same user, no life after the parent's, no swap as far as that is allowed. What was not
/// granted is told: it is worth a line in the log, no reason to stop.
///
/// # Errors
/// If the process cannot even be made undumpable.
pub(super) fn protect(defects: Defects) -> nix::Result<Vec<String>> {
    if defects.has(Deviation::CoreDumpsEnabled) {
        let (_, most) = getrlimit(Resource::RLIMIT_CORE)?;
        setrlimit(Resource::RLIMIT_CORE, most, most)?;
        return Ok(Vec::new());
    }
    prctl::set_dumpable(false)?;
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    // The end of standard input says the same; this also reaches a process that hangs.
    if !defects.has(Deviation::CustodianOutlivesVnfm) {
        prctl::set_pdeathsig(Signal::SIGKILL)?;
    }
    let mut remarks = Vec::new();
    if let Err(error) = lock_all() {
        remarks.push(format!(
            "the memory of the key custodian cannot be locked as a whole: {error}"
        ));
    }
    match Hold::protection() {
        Protection::Secret => {}
        Protection::Locked => remarks.push(
            "this kernel gives no memfd_secret: private keys rest in locked memory".to_owned(),
        ),
        Protection::Unlocked => remarks.push(
            "private keys rest in memory that may be swapped: neither memfd_secret nor mlock is allowed"
                .to_owned(),
        ),
    }
    Ok(remarks)
}

/// Each page as soon as it is used: the whole of a large program would have to be read from disk otherwise. Under a limit,
/// what is taken later is left out, since it could not be had at all once the limit is reached.
fn lock_all() -> nix::Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_MEMLOCK)?;
    setrlimit(Resource::RLIMIT_MEMLOCK, most, most)?;
    let mut flags = MlockAllFlags::MCL_CURRENT | MlockAllFlags::from_bits_retain(libc::MCL_ONFAULT);
    if most == libc::RLIM_INFINITY || nix::unistd::geteuid().is_root() {
        flags |= MlockAllFlags::MCL_FUTURE;
    }
    mlockall(flags)
}

/// The kernel ends this process after so many seconds, whatever it does then: what nobody handles, SIGALRM, kills.
pub(super) fn end_after(seconds: u32) {
    nix::unistd::alarm::set(seconds.max(1));
}
