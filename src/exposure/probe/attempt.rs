//! The attempts themselves: [`attempts_here`].

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSliceMut};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use nix::errno::Errno;
use nix::libc::{O_NOCTTY, O_NONBLOCK};
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::{AccessFlags, Pid, access, geteuid};
use zeroize::Zeroize;

use super::{Attempt, AttemptResult, ProbeProcess, ProbeTargets, core_dumps};

/// Tries everything, as the user that this process runs as. Meant for a process that has dropped its rights.
pub fn attempts_here(targets: &ProbeTargets) -> Vec<Attempt> {
    let mut attempts = Attempts {
        user: user(),
        list: Vec::new(),
    };
    for file in &targets.files {
        attempts.add(format!("read file {}", file.display()), read_file(file));
    }
    for folder in &targets.folders {
        attempts.add(format!("list folder {}", folder.display()), list(folder));
    }
    for process in &targets.processes {
        try_process(process, &mut attempts);
    }
    attempts.list
}

struct Attempts {
    user: String,
    list: Vec<Attempt>,
}

impl Attempts {
    fn add(&mut self, what: String, result: io::Result<String>) {
        let result = match result {
            Ok(detail) => AttemptResult::Succeeded { detail },
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                let error = words(&error);
                AttemptResult::Denied { error }
            }
            Err(error) => AttemptResult::NotTried { why: words(&error) },
        };
        self.list.push(Attempt {
            what,
            as_user: self.user.clone(),
            result,
        });
    }
}

fn user() -> String {
    let uid = geteuid();
    match nix::unistd::User::from_uid(uid) {
        Ok(Some(user)) => format!("{} ({uid})", user.name),
        _ => format!("user {uid}"),
    }
}

/// The kernel's words, as the C library has them.
fn words(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => Errno::from_raw(number).desc().to_lowercase(),
        None => error.to_string(),
    }
}

fn try_process(process: &ProbeProcess, attempts: &mut Attempts) {
    let pid = process.pid;
    let folder = format!("/proc/{pid}");
    if let Err(error) = fs::metadata(&folder) {
        // With `hidepid`, other users' processes are not even seen.
        return attempts.add(format!("see process {pid}"), Err(error));
    }
    let in_folder = |name: &str| Path::new(&folder).join(name);
    attempts.add(
        format!("read mappings of process {pid} (/proc/{pid}/maps)"),
        read_file(&in_folder("maps")),
    );
    attempts.add(
        format!("read environment of process {pid} (/proc/{pid}/environ)"),
        read_file(&in_folder("environ")),
    );
    attempts.add(
        format!("read memory of process {pid} (/proc/{pid}/mem)"),
        read_memory(&in_folder("mem"), process.address),
    );
    attempts.add(
        format!("read memory of process {pid} (process_vm_readv)"),
        read_memory_by_number(process),
    );
    attempts.add(format!("trace process {pid} (ptrace)"), trace(pid));
    let descriptors = in_folder("fd");
    attempts.add(
        format!("list descriptors of process {pid} (/proc/{pid}/fd)"),
        list(&descriptors),
    );
    for entry in fs::read_dir(&descriptors).into_iter().flatten().flatten() {
        let name = entry.file_name();
        attempts.add(
            format!(
                "read through descriptor {} of process {pid}",
                name.display()
            ),
            read_file(&entry.path()),
        );
    }
    let settings = core_dumps(pid).map(|settings| settings.to_string());
    attempts.add(
        format!("read core dump settings of process {pid}"),
        settings,
    );
}

/// Reads one byte. Of what is no file it only asks whether it could be opened: opening a pipe wakes whoever waits for it.
fn read_file(path: &Path) -> io::Result<String> {
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        return list(path);
    }
    if !metadata.is_file() {
        access(path, AccessFlags::R_OK)?;
        return Ok("may be opened; it is no file and was not".to_owned());
    }
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(O_NONBLOCK | O_NOCTTY)
        .open(path)?;
    Ok(format!("{} byte read", read_byte(&file, 0)?))
}

fn read_byte(file: &File, at: u64) -> io::Result<usize> {
    let mut byte = [0];
    let read = file.read_at(&mut byte, at);
    byte.zeroize();
    read
}

fn list(path: &Path) -> io::Result<String> {
    let count = fs::read_dir(path)?.filter(Result::is_ok).count();
    Ok(format!("{count} entries"))
}

fn read_memory(path: &Path, address: Option<u64>) -> io::Result<String> {
    let file = File::open(path)?;
    let Some(address) = address else {
        return Ok("opened; no address is known to read at".to_owned());
    };
    match read_byte(&file, address)? {
        // How the kernel says that the process has ended.
        0 => Err(Errno::ESRCH.into()),
        read => Ok(format!("{read} byte read")),
    }
}

fn read_memory_by_number(process: &ProbeProcess) -> io::Result<String> {
    // Rights are checked before the address is.
    let base = usize::try_from(process.address.unwrap_or(0)).unwrap_or(0);
    let mut byte = [0];
    let pid = Pid::from_raw(process.pid.cast_signed());
    let remote = [RemoteIoVec { base, len: 1 }];
    let read = process_vm_readv(pid, &mut [IoSliceMut::new(&mut byte)], &remote);
    byte.zeroize();
    match read {
        Err(Errno::EFAULT) if process.address.is_none() => {
            Ok("allowed; no address is known to read at".to_owned())
        }
        other => Ok(format!("{} byte read", other?)),
    }
}

/// Begins to trace the process without stopping it. Only its tracer, a thread, could end that again without stopping it:
/// by ending itself.
fn trace(pid: u32) -> io::Result<String> {
    let pid = Pid::from_raw(pid.cast_signed());
    let attempt = move || nix::sys::ptrace::seize(pid, nix::sys::ptrace::Options::empty());
    match std::thread::spawn(attempt).join() {
        Ok(result) => {
            result?;
            Ok("began to trace it, and let it go".to_owned())
        }
        Err(_) => Err(io::Error::other("the thread that was to trace it panicked")),
    }
}
