//! File systems whose files lie nowhere: the kernel makes them up when they are read.

use std::path::Path;

use nix::sys::statfs::{self, FsType, statfs};

/// Reading those can block, have effects or never end, and tells nothing of storage: memory has sources of its own.
const INVENTED: [FsType; 9] = [
    statfs::PROC_SUPER_MAGIC,
    statfs::SYSFS_MAGIC,
    statfs::CGROUP_SUPER_MAGIC,
    statfs::CGROUP2_SUPER_MAGIC,
    statfs::DEBUGFS_MAGIC,
    statfs::TRACEFS_MAGIC,
    statfs::SECURITYFS_MAGIC,
    statfs::SELINUX_MAGIC,
    statfs::BPF_FS_MAGIC,
];

/// Whether the folder is in such a file system.
pub(super) fn invents(path: &Path) -> bool {
    statfs(path).is_ok_and(|met| INVENTED.contains(&met.filesystem_type()))
}
