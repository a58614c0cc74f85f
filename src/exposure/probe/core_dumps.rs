//! Whether a crash would write a process's memory to disk: [`CoreDumps`].

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

use serde::{Deserialize, Serialize};

/// What decides over core dumps of a process. Absent what could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CoreDumps {
    /// Soft and hard limit of their size, `0` or a number of bytes or `unlimited`. A pattern that is a pipe ignores it,
    /// except for the value 1.
    pub limit: Option<(String, String)>,
    /// `/proc/sys/kernel/core_pattern`: a path, or a program after `|`.
    pub pattern: Option<String>,
    /// `/proc/sys/fs/suid_dumpable`: whether processes that are not dumpable are dumped nevertheless (2: for root to read).
    pub suid_dumpable: Option<String>,
    /// `/proc/N/coredump_filter`: which kinds of mapping are dumped, in hex.
    pub filter: Option<String>,
    /// Whether the kernel takes the process to be dumpable: its folder in `/proc` is then its user's. Unknown of a process
    /// of root's.
    pub dumpable: Option<bool>,
}

/// Reads the settings of a process.
///
/// # Errors
///
/// If there is no such process.
pub fn core_dumps(pid: u32) -> io::Result<CoreDumps> {
    let folder = format!("/proc/{pid}");
    let status = fs::read_to_string(format!("{folder}/status"))?;
    let owner = fs::metadata(format!("{folder}/maps"))?.uid();
    let word = |path: &str| Some(fs::read_to_string(path).ok()?.trim().to_owned());
    let limits = fs::read_to_string(format!("{folder}/limits")).unwrap_or_default();
    Ok(CoreDumps {
        limit: limits.lines().find_map(core_limit),
        pattern: word("/proc/sys/kernel/core_pattern"),
        suid_dumpable: word("/proc/sys/fs/suid_dumpable"),
        filter: word(&format!("{folder}/coredump_filter")).filter(|filter| !filter.is_empty()),
        dumpable: effective_uid(&status)
            .filter(|uid| *uid != 0)
            .map(|uid| uid == owner),
    })
}

/// Reads the line `Max core file size  0  unlimited  bytes`.
fn core_limit(line: &str) -> Option<(String, String)> {
    let mut words = line.strip_prefix("Max core file size")?.split_whitespace();
    Some((words.next()?.to_owned(), words.next()?.to_owned()))
}

/// Reads the line `Uid:` with real, effective, saved and file system's user.
fn effective_uid(status: &str) -> Option<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

impl fmt::Display for CoreDumps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |word: &Option<String>| word.clone().unwrap_or_else(|| "unknown".to_owned());
        let (soft, hard) = self.limit.clone().unzip();
        let dumpable = match self.dumpable {
            Some(true) => "yes",
            Some(false) => "no",
            None => "unknown",
        };
        write!(
            f,
            "limit {} (hard: {}), pattern '{}', suid_dumpable {}, filter {}, dumpable: {dumpable}",
            word(&soft),
            word(&hard),
            word(&self.pattern),
            word(&self.suid_dumpable),
            word(&self.filter),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_limit_and_the_user() {
        let line = "Max core file size        0                    unlimited            bytes     ";
        let expected = ("0".to_owned(), "unlimited".to_owned());
        assert_eq!(core_limit(line), Some(expected));
        assert_eq!(core_limit("Max open files 1024 4096 files"), None);
        assert_eq!(effective_uid("Name:\tx\nUid:\t1\t2\t3\t4\n"), Some(2));
        assert_eq!(effective_uid("Uid:\tx"), None);
    }

    #[test]
    fn says_what_would_happen() {
        let settings = CoreDumps {
            limit: Some(("0".to_owned(), "unlimited".to_owned())),
            pattern: Some("|/usr/bin/collector %p".to_owned()),
            suid_dumpable: Some("2".to_owned()),
            filter: None,
            dumpable: Some(false),
        };
        assert_eq!(
            settings.to_string(),
            "limit 0 (hard: unlimited), pattern '|/usr/bin/collector %p', suid_dumpable 2, filter unknown, dumpable: no"
        );
    }
}
