//! Reading DER one element after the other: [`Elements`].

use ::der::asn1::{AnyRef, ObjectIdentifier};
use ::der::{Decode, Reader, SliceReader, Tag, Tagged};

/// The elements of a value, from left to right. What follows the last one that was read is left alone.
#[derive(Clone, Copy)]
pub(crate) struct Elements<'a> {
    rest: &'a [u8],
}

impl<'a> Elements<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next element, whatever it is.
    pub(crate) fn any(&mut self) -> Option<(Tag, &'a [u8])> {
        let mut reader = SliceReader::new(self.rest).ok()?;
        let element = AnyRef::decode(&mut reader).ok()?;
        let length = usize::try_from(reader.position()).ok()?;
        self.rest = self.rest.get(length..)?;
        Some((element.tag(), element.value()))
    }

    /// The tag of the next element.
    pub(crate) fn tag(&self) -> Option<Tag> {
        Tag::try_from(*self.rest.first()?).ok()
    }

    /// The value of the next element, which must have this tag.
    pub(crate) fn value(&mut self, tag: Tag) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let (found, value) = ahead.any()?;
        (found == tag).then(|| {
            *self = ahead;
            value
        })
    }

    /// What lies in the next element, a SEQUENCE.
    pub(crate) fn sequence(&mut self) -> Option<Elements<'a>> {
        self.value(Tag::Sequence).map(Elements::of)
    }

    /// The bytes of the next element, an INTEGER that is not negative, without leading zeros.
    pub(crate) fn unsigned(&mut self) -> Option<&'a [u8]> {
        let value = self.value(Tag::Integer)?;
        let negative = value.first()? & 0x80 != 0;
        (!negative).then(|| crate::key::rsa::trim(value))
    }

    /// The next element, an INTEGER of at most 64 bits.
    pub(crate) fn small(&mut self) -> Option<u64> {
        let bytes = self.unsigned()?;
        (bytes.len() <= 8).then(|| {
            bytes
                .iter()
                .fold(0, |number, &byte| number << 8 | u64::from(byte))
        })
    }

    /// The next element, an OBJECT IDENTIFIER.
    pub(crate) fn oid(&mut self) -> Option<ObjectIdentifier> {
        ObjectIdentifier::from_bytes(self.value(Tag::ObjectIdentifier)?).ok()
    }

    /// The content of the next element, a BIT STRING without unused bits.
    pub(crate) fn bits(&mut self) -> Option<&'a [u8]> {
        self.value(Tag::BitString)?.strip_prefix(&[0])
    }

    /// The next element with its header.
    pub(crate) fn whole(&mut self) -> Option<&'a [u8]> {
        let before = self.rest;
        self.any()?;
        Some(&before[..before.len() - self.rest.len()])
    }

    /// The value of the next element if it is the context-specific one of this number.
    pub(crate) fn context(&mut self, number: u8) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let (tag, value) = ahead.any()?;
        let class = tag.octet() & 0b1101_1111;
        (class == 0x80 | number).then(|| {
            *self = ahead;
            value
        })
    }
}

/// Length of the SEQUENCE that begins here, its header included, if there is one.
pub(crate) fn sequence_length(bytes: &[u8]) -> Option<usize> {
    let (header, length) = match *bytes {
        [0x30, length @ 0..=0x7f, ..] => (2, usize::from(length)),
        [0x30, 0x81, length @ 0x80..=0xff, ..] => (3, usize::from(length)),
        [0x30, 0x82, high @ 1..=0xff, low, ..] => (4, usize::from(high) << 8 | usize::from(low)),
        _ => return None,
    };
    Some(header + length)
}
