//! `/proc/N/maps`: which addresses mean something, and what. Main type: [`Region`].

use std::io;
use std::ops::Range;

use super::printable;

/// One mapping of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Region {
    /// Its addresses.
    pub range: Range<u64>,
    /// Whether the process itself may read it.
    pub readable: bool,
    /// Whether the process shares it with others, writes included.
    pub shared: bool,
    /// Where in the file it begins.
    pub offset: u64,
    /// Major and minor number of the file's device.
    pub device: (u32, u32),
    /// The file's inode; 0 where there is no file.
    pub inode: u64,
    /// The file's path or a name like `[heap]`, as it can be printed.
    pub name: Option<String>,
}

/// How a region is to be treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Memory of the process alone: pages that it never touched are zeros.
    Anonymous,
    /// Of a file, of shared memory, or of the kernel's making: pages that this process never touched may hold something.
    Backed,
    /// Data of the kernel, the same for everybody.
    Kernel,
    /// A device. Not read: that alone can make a device do something.
    Device,
}

impl Region {
    pub(super) fn kind(&self) -> Kind {
        let name = self.name.as_deref().unwrap_or_default();
        match name {
            "[vvar]" | "[vvar_vclock]" | "[vsyscall]" => Kind::Kernel,
            "[vdso]" => Kind::Backed,
            _ if is_device(name) => Kind::Device,
            _ if self.inode == 0 && self.device == (0, 0) && !self.shared => Kind::Anonymous,
            _ => Kind::Backed,
        }
    }

    /// Whether it is of a file that exists in memory only.
    pub(super) fn is_shared_memory(&self) -> bool {
        let name = self.name.as_deref().unwrap_or_default();
        ["/memfd:", "/dev/zero", "/dev/shm/", "/SYSV"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
    }

    pub(super) fn size(&self) -> u64 {
        self.range.end - self.range.start
    }
}

/// Whether a mapping of this name is one of a device's memory; some names below `/dev` are plain memory.
fn is_device(name: &str) -> bool {
    name.strip_prefix("/dev/").is_some_and(|rest| {
        !["zero", "shm/", "hugepages", "mqueue/"]
            .iter()
            .any(|memory| rest.starts_with(memory))
    })
}

/// Reads the whole file's text. The kernel lists regions in ascending order and without overlap, and so does the result.
///
/// # Errors
///
/// If a line cannot be understood: a mapping would be passed over otherwise.
pub(super) fn parse(text: &[u8]) -> io::Result<Vec<Region>> {
    let mut regions: Vec<Region> = Vec::new();
    for line in text.split(|byte| *byte == b'\n') {
        if line.is_empty() {
            continue;
        }
        let region = parse_line(line)
            .filter(|region| {
                regions
                    .last()
                    .is_none_or(|last| last.range.end <= region.range.start)
            })
            .ok_or_else(|| {
                let text = format!("a line of maps is not understood: {}", printable(line));
                io::Error::new(io::ErrorKind::InvalidData, text)
            })?;
        regions.push(region);
    }
    Ok(regions)
}

fn parse_line(line: &[u8]) -> Option<Region> {
    let mut rest = line;
    let mut field = || {
        let end = rest.iter().position(|b| *b == b' ').unwrap_or(rest.len());
        let (field, after) = rest.split_at(end);
        rest = after.get(1..).unwrap_or_default();
        str::from_utf8(field).ok()
    };
    let (start, end) = field()?.split_once('-')?;
    let permissions = field()?;
    let offset = field()?;
    let (major, minor) = field()?.split_once(':')?;
    let inode = field()?;
    let name = rest.trim_ascii_start();
    let region = Region {
        range: hex(start)?..hex(end)?,
        readable: permissions.starts_with('r'),
        shared: permissions.as_bytes().get(3)? == &b's',
        offset: hex(offset)?,
        device: (
            u32::try_from(hex(major)?).ok()?,
            u32::try_from(hex(minor)?).ok()?,
        ),
        inode: inode.parse().ok()?,
        name: (!name.is_empty()).then(|| printable(name)),
    };
    (region.range.start < region.range.end).then_some(region)
}

fn hex(digits: &str) -> Option<u64> {
    u64::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_lines_as_the_kernel_writes_them() {
        let text =
            b"00400000-0048a000 r-xp 00001000 fd:03 960637     /opt/a b\xff\\012 (deleted)\n\
            7ffd1000-7ffd3000 rw-p 00000000 00:00 0 \n\
            7ffd3000-7ffd4000 rw-s 00000000 00:01 12   /dev/zero (deleted)\n\
            7ffd5000-7ffd6000 rw-s 00000000 00:06 12   /dev/mem\n\
            ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0     [vsyscall]\n";
        let regions = parse(text).unwrap();
        assert_eq!(
            regions[0].name.as_deref(),
            Some("/opt/a b\\xff\\012 (deleted)")
        );
        assert_eq!((regions[0].offset, regions[0].inode), (0x1000, 960_637));
        assert_eq!(regions[0].device, (0xfd, 3));
        let kinds: Vec<_> = regions.iter().map(Region::kind).collect();
        use Kind::{Anonymous, Backed, Device, Kernel};
        assert_eq!(kinds, [Backed, Anonymous, Backed, Device, Kernel]);
        assert_eq!(regions[1].name, None);
        assert!(regions[2].shared && !regions[1].shared);
    }

    #[test]
    fn an_unknown_line_is_not_passed_over() {
        for line in [
            "x",
            "2-1 rw-p 0 0:0 0",
            "1-2 rw-p 0 0:0 0\n1-2 rw-p 0 0:0 0",
            "1-2 rw 0 0:0 0",
        ] {
            parse(line.as_bytes()).unwrap_err();
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&text);
        }

        #[test]
        fn what_is_written_is_read(start in 0..u64::MAX / 2, size in 1..u64::MAX / 2, name in "[ -~]{0,20}") {
            let end = start + size;
            let line = format!("{start:x}-{end:x} ---p 00000000 00:00 0      {name}\n");
            let regions = parse(line.as_bytes()).unwrap();
            prop_assert_eq!(&regions[0].range, &(start..end));
            prop_assert_eq!(regions[0].name.as_deref().unwrap_or(""), name.trim_ascii_start());
        }
    }
}
