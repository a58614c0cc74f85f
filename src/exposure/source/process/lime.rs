//! Memory of a machine as LiME writes it (AVML too, unless it packs): ranges of physical addresses, each behind a header. From
//! offsets in the file to addresses. Main type: [`LimeMap`].

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

const MAGIC: &[u8] = b"EMiL\x01\0\0\0";
/// Magic and version, first and last address, eight bytes of nothing.
const HEADER: u64 = 32;
/// How many ranges are read, at most: machines have some dozens.
const LIMIT: usize = 1 << 16;

/// Which part of the file holds which addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimeMap {
    /// Offsets in the file, and the address of the first. Ascending.
    ranges: Vec<(Range<u64>, u64)>,
}

impl LimeMap {
    /// Reads the headers, wherever they lie. Returns nothing if the file does not begin with one; ranges behind a damaged
    /// header are done without.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(file: &mut (impl Read + Seek)) -> io::Result<Option<Self>> {
        let mut ranges = Vec::new();
        let mut at = 0;
        while ranges.len() < LIMIT {
            file.seek(SeekFrom::Start(at))?;
            let mut bytes = Vec::new();
            file.by_ref().take(HEADER).read_to_end(&mut bytes)?;
            let Some((first, size)) = header(&bytes) else {
                break;
            };
            let start = at + HEADER;
            let Some(end) = start.checked_add(size) else {
                break;
            };
            ranges.push((start..end, first));
            at = end;
        }
        Ok((!ranges.is_empty()).then_some(Self { ranges }))
    }

    /// The physical address of the byte at `offset`; nothing for headers.
    pub fn address_of(&self, offset: u64) -> Option<u64> {
        let next = self
            .ranges
            .partition_point(|(range, _)| range.start <= offset);
        let (range, address) = self.ranges.get(next.checked_sub(1)?)?;
        let address = address.checked_add(offset - range.start)?;
        range.contains(&offset).then_some(address)
    }
}

/// First address and number of bytes.
fn header(bytes: &[u8]) -> Option<(u64, u64)> {
    let number = |at: usize| {
        let bytes = bytes.get(at..at + 8)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    };
    let (first, last) = (number(8)?, number(16)?);
    let size = last.checked_sub(first)?.checked_add(1)?;
    bytes.starts_with(MAGIC).then_some((first, size))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    fn lime(ranges: &[(u64, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (first, content) in ranges {
            bytes.extend(MAGIC);
            bytes.extend(first.to_le_bytes());
            bytes.extend((first + content.len() as u64 - 1).to_le_bytes());
            bytes.extend([0; 8]);
            bytes.extend(*content);
        }
        bytes
    }

    #[test]
    fn offsets_become_physical_addresses() {
        let bytes = lime(&[(0x1000, &[1; 100]), (0x10_0000, &[2; 50])]);
        let map = LimeMap::read(&mut Cursor::new(bytes)).unwrap().unwrap();
        for (offset, address) in [
            (0, None),
            (31, None),
            (32, Some(0x1000)),
            (131, Some(0x1063)),
            (132, None),
            (164, Some(0x10_0000)),
            (213, Some(0x10_0031)),
            (214, None),
        ] {
            assert_eq!(map.address_of(offset), address, "{offset}");
        }
    }

    #[test]
    fn another_file_is_no_dump() {
        for bytes in [&b""[..], b"EMiL", &[0; 100]] {
            assert_eq!(LimeMap::read(&mut Cursor::new(bytes)).unwrap(), None);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            changes in proptest::collection::vec((0..214_usize, any::<u8>()), 0..20),
            offset in 0..400_u64,
        ) {
            let mut bytes = lime(&[(0x1000, &[1; 100]), (0x10_0000, &[2; 50])]);
            for (at, value) in changes {
                bytes[at] = value;
            }
            if let Some(map) = LimeMap::read(&mut Cursor::new(bytes)).unwrap() {
                let _ = map.address_of(offset);
            }
        }
    }
}
