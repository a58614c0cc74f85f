//! Core dumps in ELF, of a process or of a machine: from offsets in the file to addresses, virtual or else physical, and what was
//! mapped there. Main type: [`CoreMap`].

use std::ops::Range;

use super::printable;

/// How many segments and mappings are read, at most: more than the kernel lets a process have by default.
const LIMIT: usize = 1 << 20;

const PT_LOAD: u32 = 1;
const PT_NOTE: u32 = 4;
const NT_FILE: u32 = 0x4649_4c45;
/// Stands in the header where there are more segments than fit; their number is then in the first section.
const PN_XNUM: u16 = 0xffff;

/// Which part of a core dump holds which addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoreMap {
    /// Offsets in the file, and the address of the first. Ascending by offset.
    segments: Vec<(Range<u64>, u64)>,
    /// Addresses and the file that was mapped there. Ascending.
    files: Vec<(Range<u64>, String)>,
}

impl CoreMap {
    /// Reads the headers and notes of a core dump, which lie at its beginning: `start` is the whole file, or as much of its
    /// beginning as the caller likes; what lies beyond it is done without. Returns nothing if this is no core dump.
    pub fn parse(start: &[u8]) -> Option<Self> {
        let reader = Reader::new(start)?;
        let mut map = Self {
            segments: Vec::new(),
            files: Vec::new(),
        };
        for segment in reader.segments()? {
            let Some(end) = segment.offset.checked_add(segment.size) else {
                continue;
            };
            match segment.kind {
                PT_LOAD if segment.size > 0 => {
                    map.segments.push((segment.offset..end, segment.address));
                }
                PT_NOTE => map.files.extend(reader.files(segment.offset..end)),
                _ => {}
            }
        }
        map.segments.sort_unstable_by_key(|(range, _)| range.start);
        map.files.sort_unstable_by_key(|(range, _)| range.start);
        Some(map)
    }

    /// The address that the byte at `offset` had, and the file that was mapped there; nothing for headers and notes.
    pub fn address_of(&self, offset: u64) -> Option<(u64, Option<&str>)> {
        let next = self
            .segments
            .partition_point(|(range, _)| range.start <= offset);
        let (range, address) = self.segments.get(next.checked_sub(1)?)?;
        if !range.contains(&offset) {
            return None;
        }
        let address = address.checked_add(offset - range.start)?;
        let next = self
            .files
            .partition_point(|(range, _)| range.start <= address);
        let file = next.checked_sub(1).and_then(|last| self.files.get(last));
        let file = file.filter(|(range, _)| range.contains(&address));
        Some((address, file.map(|(_, name)| name.as_str())))
    }
}

/// A program header.
struct Segment {
    kind: u32,
    offset: u64,
    address: u64,
    size: u64,
}

/// Numbers of either width and byte order. A number beyond the end is nothing.
struct Reader<'a> {
    bytes: &'a [u8],
    wide: bool,
    little: bool,
}

impl<'a> Reader<'a> {
    /// Nothing, if it is no core dump.
    fn new(bytes: &'a [u8]) -> Option<Self> {
        let [0x7f, b'E', b'L', b'F', class @ 1..=2, order @ 1..=2, ..] = *bytes else {
            return None;
        };
        let reader = Self {
            bytes,
            wide: class == 2,
            little: order == 1,
        };
        const ET_CORE: u64 = 4;
        (reader.number(16, 2)? == ET_CORE).then_some(reader)
    }

    /// The number of `size` bytes, up to 8, at `at`.
    fn number(&self, at: u64, size: usize) -> Option<u64> {
        let at = usize::try_from(at).ok()?;
        let bytes = self.bytes.get(at..at.checked_add(size)?)?;
        let add = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        Some(match self.little {
            true => bytes.iter().rev().fold(0, add),
            false => bytes.iter().fold(0, add),
        })
    }

    fn half(&self, at: u64) -> Option<u16> {
        self.number(at, 2)?.try_into().ok()
    }

    fn word(&self, at: u64) -> Option<u32> {
        self.number(at, 4)?.try_into().ok()
    }

    /// An address or offset, of the class's width.
    fn long(&self, at: u64) -> Option<u64> {
        self.number(at, if self.wide { 8 } else { 4 })
    }

    fn pick(&self, wide: u64, narrow: u64) -> u64 {
        if self.wide { wide } else { narrow }
    }

    /// The program headers, as far as they are there.
    fn segments(&self) -> Option<impl Iterator<Item = Segment>> {
        let table = self.long(self.pick(32, 28))?;
        let entry = u64::from(self.half(self.pick(54, 42))?);
        let count = match self.half(self.pick(56, 44))? {
            PN_XNUM => self.count_in_section().unwrap_or(u32::from(PN_XNUM)),
            count => u32::from(count),
        };
        let segments = (0..u64::from(count)).take(LIMIT).map_while(move |index| {
            let at = table.checked_add(index.checked_mul(entry)?)?;
            let field = |wide, narrow| self.long(at.checked_add(self.pick(wide, narrow))?);
            // A hypervisor that dumps a whole machine knows physical addresses only.
            let address = match field(16, 8)? {
                0 => field(24, 12)?,
                address => address,
            };
            Some(Segment {
                kind: self.word(at)?,
                offset: field(8, 4)?,
                address,
                size: field(32, 16)?,
            })
        });
        // An entry without a size would be the same one again and again.
        (entry >= self.pick(56, 32)).then_some(segments)
    }

    /// `sh_info` of the first section, which lies at the file's end.
    fn count_in_section(&self) -> Option<u32> {
        let table = self.long(self.pick(40, 32))?;
        self.word(table.checked_add(self.pick(44, 28))?)
    }

    /// The mappings in the notes that lie at `range`.
    fn files(&self, range: Range<u64>) -> Vec<(Range<u64>, String)> {
        let mut files = Vec::new();
        let mut at = range.start;
        while at < range.end {
            let Some((kind, content, next)) = self.note(at) else {
                break;
            };
            if kind == NT_FILE {
                self.read_files(content, &mut files);
            }
            at = next;
        }
        files
    }

    /// Kind and content of the note at `at`, and where the next one is.
    fn note(&self, at: u64) -> Option<(u32, Range<u64>, u64)> {
        let name_size = u64::from(self.word(at)?);
        let size = u64::from(self.word(at.checked_add(4)?)?);
        let kind = self.word(at.checked_add(8)?)?;
        let start = at
            .checked_add(12)?
            .checked_add(name_size.next_multiple_of(4))?;
        let end = start.checked_add(size)?;
        Some((
            kind,
            start..end,
            start.checked_add(size.next_multiple_of(4))?,
        ))
    }

    /// Reads the note: a count, a unit, for each file its addresses and its place in the file, then all names.
    fn read_files(&self, content: Range<u64>, files: &mut Vec<(Range<u64>, String)>) -> Option<()> {
        let width = self.pick(8, 4);
        let count = self.long(content.start)?;
        let table = content.start.checked_add(2 * width)?;
        let names = table.checked_add(count.checked_mul(3 * width)?)?;
        let names = usize::try_from(names).ok()?..usize::try_from(content.end).ok()?;
        let names = self
            .bytes
            .get(names.start..names.end.min(self.bytes.len()))?;
        let names = names.split(|byte| *byte == 0);
        for (index, name) in (0..count).zip(names).take(LIMIT) {
            let at = table.checked_add(index * 3 * width)?;
            let range = self.long(at)?..self.long(at.checked_add(width)?)?;
            files.push((range, printable(name)));
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A core dump with two segments, the second of which is a mapping of `/opt/x`.
    fn core(wide: bool, little: bool) -> Vec<u8> {
        let mut bytes = vec![
            0x7f,
            b'E',
            b'L',
            b'F',
            1 + u8::from(wide),
            2 - u8::from(little),
        ];
        bytes.resize(16, 0);
        let put = |bytes: &mut Vec<u8>, value: u64, size: usize| {
            let all = value.to_le_bytes();
            match little {
                true => bytes.extend(&all[..size]),
                false => bytes.extend(all[..size].iter().rev()),
            }
        };
        let long = if wide { 8 } else { 4 };
        let (header, entry) = if wide { (64, 56) } else { (52, 32) };
        for (value, size) in [
            (4, 2),
            (62, 2),
            (1, 4),
            (0, long),
            (header, long),
            (0, long),
            (0, 4),
        ] {
            put(&mut bytes, value, size);
        }
        for value in [header, entry, 3, 0, 0, 0] {
            put(&mut bytes, value, 2);
        }
        let mut note = Vec::new();
        let content = 5 * long + "/opt/x".len() + 1;
        for value in [5, content as u64, u64::from(NT_FILE)] {
            put(&mut note, value, 4);
        }
        note.extend(b"CORE\0\0\0\0");
        for value in [1, 4096, 0x70_0000, 0x70_0100, 0] {
            put(&mut note, value, long);
        }
        note.extend(b"/opt/x\0");
        let notes = header + 3 * entry;
        let size = note.len() as u64;
        for (kind, offset, address, size) in [
            (PT_NOTE, notes, 0, size),
            (PT_LOAD, 0x1000, 0x40_0000, 0x100),
            (PT_LOAD, 0x1100, 0x70_0000, 0x200),
        ] {
            put(&mut bytes, kind.into(), 4);
            if wide {
                put(&mut bytes, 0, 4);
            }
            // As QEMU writes it, the last segment has a physical address alone.
            let (address, physical) = match offset {
                0x1100 => (0, address),
                _ => (address, 0),
            };
            for value in [offset, address, physical, size, size] {
                put(&mut bytes, value, long);
            }
            bytes.extend([0; 8]);
        }
        bytes.extend(note);
        bytes
    }

    #[test]
    fn offsets_become_addresses_in_either_width_and_order() {
        for (wide, little) in [(true, true), (true, false), (false, true), (false, false)] {
            let map = CoreMap::parse(&core(wide, little)).unwrap();
            assert_eq!(map.address_of(0x0fff), None);
            assert_eq!(map.address_of(0x1000), Some((0x40_0000, None)));
            assert_eq!(map.address_of(0x10ff), Some((0x40_00ff, None)));
            assert_eq!(map.address_of(0x1100), Some((0x70_0000, Some("/opt/x"))));
            assert_eq!(map.address_of(0x1200), Some((0x70_0100, None)));
            assert_eq!(map.address_of(0x1300), None);
        }
    }

    #[test]
    fn what_is_cut_off_is_done_without() {
        let whole = core(true, true);
        let headers = &whole[..64 + 3 * 56];
        let map = CoreMap::parse(headers).unwrap();
        assert_eq!(map.address_of(0x1100), Some((0x70_0000, None)));
    }

    #[test]
    fn a_program_is_no_core_dump() {
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(CoreMap::parse(&program), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            wide: bool,
            little: bool,
            changes in proptest::collection::vec((0..400_usize, any::<u8>()), 0..40),
            offset: u64,
        ) {
            let mut bytes = core(wide, little);
            for (at, value) in changes {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = value;
                }
            }
            if let Some(map) = CoreMap::parse(&bytes) {
                let _ = map.address_of(offset);
                let _ = map.address_of(offset % 0x2000);
            }
        }
    }
}
