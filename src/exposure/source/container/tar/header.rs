//! Headers of tar members: foreign bytes, taken apart.

/// Everything in a tar file is a multiple of this long.
pub(super) const BLOCK: usize = 512;

/// What one header block says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) name: Vec<u8>,
    /// Stored bytes that follow.
    pub(super) size: u64,
    kind: u8,
    /// Whether more blocks of a sparse map follow first.
    pub(super) extended: bool,
}

/// A header that tells something of the next member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extra {
    /// GNU: its name.
    Name,
    /// pax: records, of which `path` and `size` are of interest.
    Records,
    /// Something else.
    Other,
}

/// Whether these bytes begin with a header: its checksum is right. Old ones have no other mark, but a name.
pub(in crate::source::container) fn is_header(start: &[u8]) -> bool {
    start.get(..BLOCK).is_some_and(|block| {
        (block[0] != 0 || block[257..262] == *b"ustar") && Header::parse(block).is_some()
    })
}

impl Header {
    /// None if the checksum is wrong.
    pub(super) fn parse(block: &[u8]) -> Option<Self> {
        let block: &[u8; BLOCK] = block.try_into().ok()?;
        let wanted = number(&block[148..156])?;
        // The field itself counts as blanks. Some old programs added the bytes up as signed numbers.
        let bytes = || block[..148].iter().chain(&[b' '; 8]).chain(&block[156..]);
        let unsigned: i64 = bytes().map(|byte| i64::from(*byte)).sum();
        let signed: i64 = bytes().map(|byte| i64::from(byte.cast_signed())).sum();
        let wanted = i64::try_from(wanted).ok()?;
        if wanted != unsigned && wanted != signed {
            return None;
        }
        let mut name = text(&block[..100]).to_vec();
        let prefix = text(&block[345..500]);
        // GNU keeps other things there.
        if block[257..263] == *b"ustar\0" && !prefix.is_empty() {
            name = [prefix, b"/", &name].concat();
        }
        Some(Self {
            name,
            size: number(&block[124..136])?,
            kind: block[156],
            extended: block[156] == b'S' && block[482] != 0,
        })
    }

    pub(super) fn extra(&self) -> Option<Extra> {
        match self.kind {
            b'L' => Some(Extra::Name),
            b'x' | b'X' => Some(Extra::Records),
            b'K' | b'g' | b'V' | b'N' => Some(Extra::Other),
            _ => None,
        }
    }

    /// Links, devices and folders have none, whatever size they tell.
    pub(super) fn has_data(&self) -> bool {
        !matches!(self.kind, b'1'..=b'6')
    }
}

impl Extra {
    /// Takes from its bytes, or their beginning, what is said of the next member.
    pub(super) fn read(self, bytes: &[u8], name: &mut Option<Vec<u8>>, size: &mut Option<u64>) {
        match self {
            Self::Name => *name = Some(text(bytes).to_vec()),
            Self::Records => {
                for (key, value) in records(bytes) {
                    match key {
                        b"path" => *name = Some(value.to_vec()),
                        // The real name of a sparse member, whose `path` is made up.
                        b"GNU.sparse.name" => *name = Some(value.to_vec()),
                        b"size" => {
                            *size = std::str::from_utf8(value).ok().and_then(|v| v.parse().ok());
                        }
                        _ => {}
                    }
                }
            }
            Self::Other => {}
        }
    }
}

/// `LENGTH KEY=VALUE\n`, one behind the other, up to the first that is none.
fn records(mut bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    std::iter::from_fn(move || {
        let blank = bytes.iter().take(20).position(|byte| *byte == b' ')?;
        let length: usize = std::str::from_utf8(&bytes[..blank]).ok()?.parse().ok()?;
        let record = bytes.get(blank + 1..length)?.strip_suffix(b"\n")?;
        bytes = bytes.get(length..)?;
        let equals = record.iter().position(|byte| *byte == b'=')?;
        Some((&record[..equals], &record[equals + 1..]))
    })
}

/// Up to the first zero.
fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Octal digits, or GNU's binary form for what they cannot hold. An empty field is 0.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        let (high, low) = field.split_last_chunk::<8>()?;
        let small = matches!(high, [0x80, rest @ ..] if rest.iter().all(|byte| *byte == 0));
        return small
            .then(|| u64::from_be_bytes(*low))
            .filter(|value| *value <= i64::MAX as u64);
    }
    field
        .iter()
        .skip_while(|byte| **byte == b' ')
        .take_while(|byte| !matches!(byte, 0 | b' '))
        .try_fold(0u64, |value, digit| match digit {
            b'0'..=b'7' => Some(value << 3 | u64::from(digit - b'0')),
            _ => None,
        })
}
