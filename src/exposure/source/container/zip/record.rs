//! Records of a ZIP file: foreign bytes, taken apart.

/// Bytes that [`Record::parse`] wants to see: a member's header with the longest name and a good part of its extra field.
pub(super) const LONGEST: usize = 30 + 32 * 1024;

/// What begins here.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Record {
    /// A member, in front of its bytes.
    Entry(Entry),
    /// The directory names a member.
    Named { length: u64 },
    /// The end of the directory.
    End { length: u64 },
    /// Something else that is known.
    Passed { length: u64 },
}

/// A member, as the header in front of it says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: Vec<u8>,
    pub(super) encrypted: bool,
    pub(super) method: u16,
    /// Bytes of the header.
    pub(super) header: u64,
    /// Bytes that follow; unknown if they are told behind the member.
    pub(super) packed: Option<u64>,
    /// Checksum of what is packed; unknown in the same case.
    pub(super) crc: Option<u32>,
}

impl Record {
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let word = |at| u16_at(bytes, at).map(u64::from);
        match bytes.first_chunk()? {
            b"PK\x03\x04" => Entry::parse(bytes).map(Self::Entry),
            b"PK\x01\x02" => Some(Self::Named {
                length: 46 + word(28)? + word(30)? + word(32)?,
            }),
            b"PK\x05\x06" => Some(Self::End {
                length: 22 + word(20)?,
            }),
            // The larger end record, and where it lies.
            b"PK\x06\x06" => Some(Self::Passed {
                length: u64_at(bytes, 4)?.saturating_add(12),
            }),
            b"PK\x06\x07" => Some(Self::Passed { length: 20 }),
            // A mark in front of the first member, or what is told behind one: its length varies, the next record is near.
            b"PK\x07\x08" => Some(Self::Passed { length: 4 }),
            _ => None,
        }
    }
}

impl Entry {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let flags = u16_at(bytes, 6)?;
        let name_length = usize::from(u16_at(bytes, 26)?);
        let extra_length = usize::from(u16_at(bytes, 28)?);
        let name_end = 30 + name_length;
        let name = bytes.get(30..name_end.min(bytes.len()))?.to_vec();
        let extra = bytes.get(name_end..).unwrap_or_default();
        let extra = &extra[..extra_length.min(extra.len())];
        let packed = match (u32_at(bytes, 18)?, u32_at(bytes, 22)?) {
            (u32::MAX, unpacked) => long_size(extra, unpacked == u32::MAX)?,
            (packed, _) => u64::from(packed),
        };
        let behind = flags & 8 != 0;
        Some(Self {
            name,
            encrypted: flags & 1 != 0,
            method: u16_at(bytes, 8)?,
            header: (name_end + extra_length) as u64,
            // Some write the lengths in both places.
            packed: (!behind || packed != 0).then_some(packed),
            crc: (!behind).then_some(u32_at(bytes, 14)?),
        })
    }
}

/// The packed length in the extra field of ZIP64, which is behind the unpacked one if that is there.
fn long_size(mut extra: &[u8], behind: bool) -> Option<u64> {
    loop {
        let (kind, length) = (u16_at(extra, 0)?, usize::from(u16_at(extra, 2)?));
        if kind == 1 {
            return u64_at(extra, if behind { 12 } else { 4 });
        }
        extra = extra.get(4 + length..)?;
    }
}

/// The checksum that is told behind a member, with or without a mark.
pub(super) fn crc_behind(bytes: &[u8]) -> Option<u32> {
    match bytes.strip_prefix(b"PK\x07\x08") {
        Some(rest) => u32_at(rest, 0),
        None => u32_at(bytes, 0),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
