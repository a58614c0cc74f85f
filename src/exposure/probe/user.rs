//! Becoming another user: [`child_command`].

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::libc;
use nix::sys::prctl::set_no_new_privs;
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};

/// Whom a child becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// Number of the user.
    pub uid: u32,
    /// Number of the group.
    pub gid: u32,
}

/// A user that owns nothing: `nobody` on every Linux that we know.
pub const UNPRIVILEGED: User = User {
    uid: 65534,
    gid: 65534,
};

/// A command that runs `program` as `user`: no further groups, no capabilities, nothing to regain them by (setuid programs
/// have no effect), an empty environment, in the root folder. The caller adds arguments. Only root can start it.
///
/// The program may lie where the user may not go, and may not be theirs to run: it is opened now.
///
/// # Errors
///
/// If the program cannot be opened, or copied where that is needed.
pub fn child_command(program: &Path, user: User) -> io::Result<Command> {
    let mut file = File::open(program)?;
    let everybody_runs = file.metadata()?.mode() & 0o001 != 0;
    if !everybody_runs {
        file = copy_to_memory(file)?;
    }
    let mut command = Command::new(format!("/proc/self/fd/{}", file.as_raw_fd()));
    command.arg0(program).env_clear().current_dir("/");
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    let become_user = move || {
        // Moved in here: the program stays open for as long as the command lives.
        let _ = &file;
        setgroups(&[])?;
        setresgid(gid, gid, gid)?;
        setresuid(uid, uid, uid)?;
        drop_capabilities()?;
        set_no_new_privs()?;
        Ok(())
    };
    // SAFETY: between fork and exec nothing but system calls is made: no allocation, no lock.
    unsafe { command.pre_exec(become_user) };
    Ok(command)
}

/// A file in memory that everybody may run, and that goes when it is closed.
fn copy_to_memory(mut program: File) -> io::Result<File> {
    // SAFETY: the name is a C string.
    let number = unsafe { libc::memfd_create(c"program".as_ptr(), libc::MFD_CLOEXEC) };
    let number = nix::errno::Errno::result(number)?;
    // SAFETY: it was opened just now, and is nobody else's.
    let mut copy = unsafe { File::from_raw_fd(number) };
    io::copy(&mut program, &mut copy)?;
    // A file that is open for writing cannot be run; this one opens it again.
    File::open(format!("/proc/self/fd/{number}"))
}

/// Changing the user drops capabilities, except where somebody changed how that works.
fn drop_capabilities() -> nix::Result<()> {
    /// `_LINUX_CAPABILITY_VERSION_3` of `linux/capability.h`.
    const VERSION: u32 = 0x2008_0522;
    // The header with version and process, and twice effective, permitted, inheritable.
    let header: [u32; 2] = [VERSION, 0];
    let none: [u32; 6] = [0; 6];
    // SAFETY: both have the layout that version 3 asks for, and live until the call returns.
    let result = unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), none.as_ptr()) };
    nix::errno::Errno::result(result).map(drop)
}
