//! The little DER that no library here writes for us: contents of extensions, certs-only messages whose order of
//! certificates is ours, and a look at the head of foreign bytes ([`Element`]).

/// A tag with its class and form, as it stands in the first octet.
pub(crate) mod tag {
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const OID: u8 = 0x06;
    pub(crate) const IA5_STRING: u8 = 0x16;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;
    /// `[0]`, constructed: explicit, or implicit over something constructed.
    pub(crate) const CONTEXT_0: u8 = 0xA0;
    /// `[6]`, primitive: uniformResourceIdentifier of a GeneralName.
    pub(crate) const URI: u8 = 0x86;
}

/// One element: tag, length, and these contents one after the other.
pub(crate) fn element(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
    let length: usize = contents.iter().map(|content| content.len()).sum();
    let mut bytes = vec![tag];
    if length < 0x80 {
        bytes.push(u8::try_from(length).unwrap_or(0x7F));
    } else {
        let octets = length.to_be_bytes();
        let significant = octets.iter().skip_while(|&&octet| octet == 0);
        let significant: Vec<u8> = significant.copied().collect();
        bytes.push(0x80 | u8::try_from(significant.len()).unwrap_or(8));
        bytes.extend(significant);
    }
    for content in contents {
        bytes.extend_from_slice(content);
    }
    bytes
}

/// An OBJECT IDENTIFIER of at least two arcs, e.g. `&[1, 2, 840, 113_549, 1, 7, 2]`.
pub(crate) fn oid(arcs: &[u64]) -> Vec<u8> {
    let first = arcs.first().unwrap_or(&0) * 40 + arcs.get(1).unwrap_or(&0);
    let mut content = Vec::new();
    for arc in std::iter::once(first).chain(arcs.iter().skip(2).copied()) {
        let mut groups = vec![(arc & 0x7F) as u8];
        let mut rest = arc >> 7;
        while rest > 0 {
            groups.push(0x80 | (rest & 0x7F) as u8);
            rest >>= 7;
        }
        content.extend(groups.into_iter().rev());
    }
    element(tag::OID, &[&content])
}

/// The element at the head of some bytes, definite length only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    /// Tag, length and content.
    pub(crate) whole: &'a [u8],
    /// What follows it.
    pub(crate) rest: &'a [u8],
}

impl<'a> Element<'a> {
    /// `None` if this is no DER, or not all of it is there.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (&tag, after) = bytes.split_first()?;
        // Nothing that we look for has a tag of several octets.
        if tag & 0x1F == 0x1F {
            return None;
        }
        let (&first, after) = after.split_first()?;
        let (length, after) = if first < 0x80 {
            (usize::from(first), after)
        } else {
            let count = usize::from(first & 0x7F);
            if !(1..=4).contains(&count) {
                return None;
            }
            let (octets, after) = after.split_at_checked(count)?;
            let length = octets
                .iter()
                .fold(0, |length, &octet| length << 8 | usize::from(octet));
            (length, after)
        };
        let (content, rest) = after.split_at_checked(length)?;
        let whole = &bytes[..bytes.len() - rest.len()];
        Some(Self {
            tag,
            content,
            whole,
            rest,
        })
    }

    /// As [`Element::read`], if it has this tag.
    pub(crate) fn expect(tag: u8, bytes: &'a [u8]) -> Option<Self> {
        Self::read(bytes).filter(|element| element.tag == tag)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn identifiers_are_encoded_as_openssl_does() {
        // `openssl asn1parse -genstr OID:1.2.840.113549.1.7.2`
        assert_eq!(
            hex::encode(oid(&[1, 2, 840, 113_549, 1, 7, 2])),
            "06092a864886f70d010702"
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(tag in 0u8..0x1F, content in prop::collection::vec(any::<u8>(), 0..70_000)) {
            let mut bytes = element(tag, &[&content]);
            let length = bytes.len();
            bytes.extend(b"rest");
            let element = Element::read(&bytes).ok_or_else(|| TestCaseError::fail("unreadable"))?;
            prop_assert_eq!((element.tag, element.content, element.rest), (tag, &content[..], &b"rest"[..]));
            prop_assert_eq!(element.whole.len(), length);
        }

        #[test]
        fn foreign_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Some(element) = Element::read(&bytes) {
                prop_assert!(element.whole.len() + element.rest.len() == bytes.len());
            }
        }
    }
}
