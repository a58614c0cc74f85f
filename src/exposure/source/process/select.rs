//! Which processes are meant: [`processes`].

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::{ProcessError, status_field};

/// What a source begins with that means processes.
pub const KINDS: [&str; 6] = ["pid", "tree", "pidfile", "port", "unit", "name"];

/// The processes that `written` means, ascending: `pid:N`, `tree:N` (N and all that descend from it), `pidfile:PATH` (the same of
/// the number in a file), `port:N` (all that hold a TCP socket listening on that port), `unit:NAME` (those of a systemd unit, by its
/// control group), `name:NAME` (those whose program is called so). Processes that have no memory, zombies and threads of the kernel,
/// are left out except for `pid:N`.
///
/// # Errors
///
/// If the words are not understood or mean no process. The scanner itself, as `pid:self`, is refused.
pub fn processes(written: &str) -> Result<Vec<u32>, ProcessError> {
    let wrong = |why: String| ProcessError::Written {
        written: written.to_owned(),
        why,
    };
    let (kind, value) = written.split_once(':').ok_or_else(|| {
        wrong("write pid:N, tree:N, pidfile:PATH, port:N, unit:NAME or name:NAME".to_owned())
    })?;
    let number = || match value.parse::<u32>() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(wrong(format!("'{value}' is no number of a process"))),
    };
    let pids = match kind {
        "pid" if value == "self" => return Err(wrong("that is the scanner itself".to_owned())),
        "pid" => {
            let pid = number()?;
            if pid == std::process::id() {
                return Err(wrong("that is the scanner itself".to_owned()));
            }
            exists(written, pid)?;
            return Ok(vec![pid]);
        }
        "tree" => {
            let pid = number()?;
            exists(written, pid)?;
            descendants(pid, &parents().map_err(|error| proc_error(written, error))?)
        }
        "pidfile" => {
            let text = fs::read_to_string(value);
            let text = text.map_err(|error| wrong(format!("the file cannot be read: {error}")))?;
            let pid = text.trim().parse::<u32>().ok().filter(|pid| *pid > 0);
            let pid =
                pid.ok_or_else(|| wrong("the file holds no number of a process".to_owned()))?;
            exists(written, pid)?;
            descendants(pid, &parents().map_err(|error| proc_error(written, error))?)
        }
        "name" => {
            let called = called(value).map_err(|error| proc_error(written, error))?;
            if called.is_empty() {
                return Err(wrong("no process is called so".to_owned()));
            }
            called
        }
        "port" => {
            let port = value
                .parse::<u16>()
                .ok()
                .filter(|port| *port > 0)
                .ok_or_else(|| wrong(format!("'{value}' is no TCP port (1 to 65535)")))?;
            listeners(port)
                .map_err(|error| proc_error(written, error))?
                .map_err(wrong)?
        }
        "unit" => {
            let pids = unit(Path::new("/sys/fs/cgroup"), value)
                .map_err(|error| wrong(format!("control groups cannot be read: {error}")))?;
            pids.ok_or_else(|| {
                let why = "no control group of this name under /sys/fs/cgroup: is the unit running, and is its name \
                           complete ('nginx.service')?";
                wrong(why.to_owned())
            })?
        }
        _ => {
            return Err(wrong(format!(
                "'{kind}:' is none of pid:, tree:, pidfile:, port:, unit:, name:"
            )));
        }
    };
    let pids: Vec<u32> = pids.into_iter().filter(|pid| has_memory(*pid)).collect();
    if pids.is_empty() {
        return Err(wrong(
            "none of its processes is running any more".to_owned(),
        ));
    }
    Ok(pids)
}

/// These processes with all that descend from them.
///
/// # Errors
/// `/proc` cannot be read.
pub fn with_descendants(pids: &[u32]) -> io::Result<BTreeSet<u32>> {
    let parents = parents()?;
    let found = pids.iter().flat_map(|pid| descendants(*pid, &parents));
    Ok(found
        .filter(|pid| pids.contains(pid) || has_memory(*pid))
        .collect())
}

/// Those whose program is called so: as the kernel calls them (15 bytes of it), as the file that they run, or as they call themselves.
fn called(name: &str) -> io::Result<BTreeSet<u32>> {
    let is_called = |pid: &u32| {
        let folder = format!("/proc/{pid}");
        let kernels = fs::read_to_string(format!("{folder}/comm")).unwrap_or_default();
        let runs = fs::read_link(format!("{folder}/exe")).unwrap_or_default();
        let line = fs::read(format!("{folder}/cmdline")).unwrap_or_default();
        let first = line.split(|byte| *byte == 0).next().unwrap_or_default();
        let itself = first
            .rsplit(|byte| *byte == b'/')
            .next()
            .unwrap_or_default();
        kernels.trim_end() == name
            || runs.file_name().is_some_and(|file| file == name)
            || itself == name.as_bytes()
    };
    let ours = crate::hygiene::own_pids();
    let pids = all_pids()?.into_iter().filter(|pid| !ours.contains(pid));
    Ok(pids.filter(is_called).collect())
}

fn exists(written: &str, pid: u32) -> Result<(), ProcessError> {
    if Path::new(&format!("/proc/{pid}")).exists() {
        return Ok(());
    }
    Err(ProcessError::Gone {
        written: written.to_owned(),
        pid,
    })
}

fn proc_error(written: &str, source: io::Error) -> ProcessError {
    ProcessError::Proc {
        written: written.to_owned(),
        path: PathBuf::from("/proc"),
        source,
    }
}

fn has_memory(pid: u32) -> bool {
    // A first thread that ended may have left others: `works` finds them.
    fs::read_dir(format!("/proc/{pid}/task")).is_ok_and(|mut threads| {
        threads.any(|thread| {
            let status = thread.and_then(|thread| fs::read(thread.path().join("status")));
            status.is_ok_and(|status| status_field(&status, "VmSize").is_some())
        })
    })
}

fn all_pids() -> io::Result<Vec<u32>> {
    let entries = fs::read_dir("/proc")?.filter_map(Result::ok);
    Ok(entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect())
}

/// Each process's parent.
fn parents() -> io::Result<BTreeMap<u32, u32>> {
    let pids = all_pids()?.into_iter();
    Ok(pids
        .filter_map(|pid| {
            let status = fs::read(format!("/proc/{pid}/status")).ok()?;
            Some((pid, status_field(&status, "PPid")?.parse().ok()?))
        })
        .collect())
}

fn descendants(root: u32, parents: &BTreeMap<u32, u32>) -> BTreeSet<u32> {
    let mut found = BTreeSet::from([root]);
    let mut todo = vec![root];
    while let Some(parent) = todo.pop() {
        for (child, _) in parents.iter().filter(|(_, of)| **of == parent) {
            if found.insert(*child) {
                todo.push(*child);
            }
        }
    }
    found
}

/// Who listens on a port: in our network namespace, or else in any. The inner error says why nobody was found.
fn listeners(port: u16) -> io::Result<Result<BTreeSet<u32>, String>> {
    let nobody = format!("no process listens on TCP port {port}: is the product running?");
    let mut sockets = listening_sockets("/proc/self/net", port);
    let pids = all_pids()?;
    if sockets.is_empty() {
        // Containers have their own namespaces; one process of each is enough.
        let mut seen = HashSet::new();
        for pid in &pids {
            let namespace = fs::read_link(format!("/proc/{pid}/ns/net"));
            if namespace.is_ok_and(|namespace| seen.insert(namespace)) {
                sockets.extend(listening_sockets(&format!("/proc/{pid}/net"), port));
            }
        }
    }
    if sockets.is_empty() {
        return Ok(Err(nobody));
    }
    let holders: BTreeSet<u32> = pids
        .into_iter()
        .filter(|pid| holds(*pid, &sockets))
        .collect();
    if holders.is_empty() {
        return Ok(Err(format!(
            "TCP port {port} is listened on, but whose socket that is cannot be seen: run this as root"
        )));
    }
    Ok(Ok(holders))
}

/// Inodes of the sockets that listen on `port`, as `/proc/N/fd` names them.
fn listening_sockets(net: &str, port: u16) -> HashSet<Vec<u8>> {
    let mut sockets = HashSet::new();
    for table in ["tcp", "tcp6"] {
        let text = fs::read_to_string(format!("{net}/{table}")).unwrap_or_default();
        sockets.extend(text.lines().filter_map(|line| listening_socket(line, port)));
    }
    sockets
}

/// Reads a line of `/proc/net/tcp`: number, local address, remote address, state, ..., inode as the tenth field.
fn listening_socket(line: &str, port: u16) -> Option<Vec<u8>> {
    const LISTEN: &str = "0A";
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let [_, local, _, state, _, _, _, _, _, inode, ..] = fields.as_slice() else {
        return None;
    };
    let (_, local_port) = local.rsplit_once(':')?;
    let matches = *state == LISTEN && u16::from_str_radix(local_port, 16) == Ok(port);
    matches.then(|| format!("socket:[{inode}]").into_bytes())
}

fn holds(pid: u32, sockets: &HashSet<Vec<u8>>) -> bool {
    fs::read_dir(format!("/proc/{pid}/fd")).is_ok_and(|mut descriptors| {
        descriptors.any(|descriptor| {
            let target = descriptor.and_then(|descriptor| fs::read_link(descriptor.path()));
            target.is_ok_and(|target| sockets.contains(target.as_os_str().as_bytes()))
        })
    })
}

/// The processes in all control groups called `name`, and in those below; nothing if there is none. A name without a type
/// is that of a service, as for `systemctl`.
fn unit(root: &Path, name: &str) -> io::Result<Option<BTreeSet<u32>>> {
    let name = match name.rsplit_once('.') {
        Some(_) => name.to_owned(),
        None => format!("{name}.service"),
    };
    let mut pids = None;
    let mut todo = vec![(root.to_owned(), false)];
    while let Some((folder, inside)) = todo.pop() {
        let inside = inside || folder.file_name().is_some_and(|last| last == name.as_str());
        if inside {
            let pids: &mut BTreeSet<u32> = pids.get_or_insert_default();
            // Absent where the group was removed meanwhile.
            let listed = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
            pids.extend(listed.lines().filter_map(|line| line.parse::<u32>().ok()));
        }
        let entries = match fs::read_dir(&folder) {
            Err(error) if folder == root => return Err(error),
            // Removed meanwhile.
            Err(_) => continue,
            Ok(entries) => entries.filter_map(Result::ok),
        };
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        todo.extend(folders.map(|entry| (entry.path(), inside)));
    }
    Ok(pids)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_process_is_said_to_be_none() {
        for (written, expected) in [
            ("4711", "write pid:N"),
            ("pid:abc", "'abc' is no number"),
            ("pid:0", "'0' is no number"),
            ("pid:self", "the scanner itself"),
            ("pid:4294967295", "there is no process 4294967295"),
            ("tree:4294967295", "there is no process 4294967295"),
            ("port:0", "'0' is no TCP port"),
            ("port:70000", "'70000' is no TCP port"),
            ("user:root", "none of pid:"),
            ("unit:there-is-none", "no control group of this name"),
            ("pidfile:/no/such/file", "cannot be read"),
            ("pidfile:/proc/version", "holds no number"),
            ("name:there-is-none", "no process is called so"),
        ] {
            let error = processes(written).unwrap_err().to_string();
            assert!(error.contains(expected), "{written}: {error}");
            assert!(error.contains(written), "{written}: {error}");
        }
        let own = format!("pid:{}", std::process::id());
        processes(&own).unwrap_err();
    }

    #[test]
    fn finds_who_listens() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else {
                continue;
            };
            let port = listener.local_addr().unwrap().port();
            let found = processes(&format!("port:{port}")).unwrap();
            assert!(found.contains(&std::process::id()), "{found:?}");
            drop(listener);
            let error = processes(&format!("port:{port}")).unwrap_err().to_string();
            assert!(error.contains("no process listens"), "{error}");
        }
    }

    #[test]
    fn finds_the_processes_of_a_unit() {
        let root = tempfile::tempdir().unwrap();
        for (folder, pids) in [
            ("system.slice/vnfm.service", "12\n7\n"),
            ("system.slice/vnfm.service/worker", "30\n"),
            ("system.slice/other.service", "99\n"),
            ("legacy/vnfm.service", "7\n"),
        ] {
            let folder = root.path().join(folder);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("cgroup.procs"), pids).unwrap();
        }
        let found = |name| unit(root.path(), name).unwrap();
        assert_eq!(found("vnfm"), Some(BTreeSet::from([7, 12, 30])));
        assert_eq!(found("vnfm.service"), Some(BTreeSet::from([7, 12, 30])));
        assert_eq!(found("vnfm.socket"), None);
    }

    #[test]
    fn finds_by_name_and_by_a_file_with_the_number() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), format!("{}\n", child.id())).unwrap();
        // A child is what it was started as a moment after it was started.
        let found = loop {
            match processes("name:sleep") {
                Ok(found) if found.contains(&child.id()) => break found,
                _ => std::thread::yield_now(),
            }
        };
        let written = format!("pidfile:{}", file.path().display());
        let of_file = processes(&written).unwrap();
        let below = with_descendants(&[std::process::id()]).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(found.contains(&child.id()));
        assert_eq!(of_file, [child.id()]);
        assert!(below.contains(&child.id()) && below.contains(&std::process::id()));
    }

    #[test]
    fn descends_to_grandchildren() {
        let parents = BTreeMap::from([(2, 1), (3, 2), (4, 3), (5, 1), (6, 6)]);
        assert_eq!(descendants(2, &parents), BTreeSet::from([2, 3, 4]));
        assert_eq!(descendants(6, &parents), BTreeSet::from([6]));
    }

    proptest! {
        #[test]
        fn any_line_of_tcp_is_read_or_passed_over(line in "\\PC{0,120}") {
            let _ = listening_socket(&line, 443);
        }
    }
}
