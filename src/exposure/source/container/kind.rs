//! Which container a stream is, by its beginning.

use std::fmt;

use crate::source::container::disk_image::Format;
use crate::source::container::{avml, snappy, tar};

/// Bytes that [`Kind::of`] wants to see: a tar header's.
pub(crate) const SNIFFED: usize = 512;

/// Formats that pack what they hold, so that a search of their bytes says nothing. They are told, since silence would mean
/// that they were searched.
const UNOPENED: [(&[u8], &str); 16] = [
    (b"\xfd7zXZ\0", "xz"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "RAR"),
    (b"LZIP", "lzip"),
    (b"MSCF\0\0\0\0", "a cabinet file"),
    (b"hsqs", "a squashfs image"),
    (b"LUKS\xba\xbe", "a LUKS volume"),
    (b"\x02\x21\x4c\x18", "lz4, in its old form"),
    (b"\x1f\x9d", "compress (.Z)"),
    (b"!<arch>\ndebian-binary", "a Debian package"),
    (b"KDUMP   ", "a compressed crash dump"),
    (b"makedumpfile\0", "a compressed crash dump"),
    (b"KDMV", "a VMDK image"),
    (b"# Disk DescriptorFile", "a VMDK image"),
    (b"QED\0", "a QED image"),
];

/// A container that we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Gzip,
    Zip,
    Zstd,
    Tar,
    Snappy,
    Avml,
    DiskImage(Format),
    /// Known, but not opened.
    Unopened(&'static str),
}

impl Kind {
    /// What the stream that begins with these bytes is.
    pub(crate) fn of(start: &[u8]) -> Option<Self> {
        match start {
            // 8 is Deflate: there is no other.
            [0x1f, 0x8b, 8, ..] => return Some(Self::Gzip),
            // As a member, or after the mark of an archive that was to be split.
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 7, 8, b'P', b'K', 3, 4, ..] => {
                return Some(Self::Zip);
            }
            // A frame, or one to skip, as parallel packers put first.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
                return Some(Self::Zstd);
            }
            [
                b'B',
                b'Z',
                b'h',
                b'1'..=b'9',
                0x31,
                0x41,
                0x59,
                0x26,
                0x53,
                0x59,
                ..,
            ] => {
                return Some(Self::Unopened("bzip2"));
            }
            _ if start.starts_with(snappy::IDENTIFIER) => return Some(Self::Snappy),
            _ if start.starts_with(avml::MAGIC) => return Some(Self::Avml),
            _ => {}
        }
        if let Some(format) = Format::of(start) {
            return Some(Self::DiskImage(format));
        }
        if tar::is_header(start) {
            return Some(Self::Tar);
        }
        let (_, name) = UNOPENED
            .iter()
            .find(|(magic, _)| start.starts_with(magic))?;
        Some(Self::Unopened(name))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zip => "zip",
            Self::Zstd => "zstd",
            Self::Tar => "tar",
            Self::Snappy => "snappy",
            Self::Avml => "avml",
            Self::DiskImage(format) => format.name(),
            Self::Unopened(name) => name,
        })
    }
}
