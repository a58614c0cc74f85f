//! The four kinds of blocks of pcapng (draft-ietf-opsawg-pcapng) that a capture needs, in little-endian order.

use jiff::Timestamp;

/// Section Header Block.
const SECTION: u32 = 0x0A0D_0D0A;
/// Interface Description Block.
const INTERFACE: u32 = 1;
/// Enhanced Packet Block.
const PACKET: u32 = 6;
/// Decryption Secrets Block.
const SECRETS: u32 = 0x0A;

/// Tells the order of bytes.
const MAGIC: u32 = 0x1A2B_3C4D;
/// `TLSK`: the secrets are a TLS key log.
const TLS_KEY_LOG: u32 = 0x544C_534B;
/// The link layer: none, a packet begins with its IP header.
const LINKTYPE_RAW: u16 = 101;

/// Options: the end of them, of any block a comment, of a section the program, of an interface its name, description and resolution.
const OPT_END: u16 = 0;
const OPT_COMMENT: u16 = 1;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_DESCRIPTION: u16 = 3;
const IF_TSRESOL: u16 = 9;
/// Nanoseconds.
const RESOLUTION: u8 = 9;

/// What a packet takes besides its bytes, at most: block, head and padding.
pub(super) const PACKET_HEAD: usize = 12 + 20 + 3;

/// The beginning of a file.
pub(super) fn section(out: &mut Vec<u8>, application: &str, comment: &str) {
    block(out, SECTION, |body| {
        body.extend_from_slice(&MAGIC.to_le_bytes());
        // Version 1.0.
        body.extend_from_slice(&[1, 0, 0, 0]);
        // As long as the file.
        body.extend_from_slice(&u64::MAX.to_le_bytes());
        option(body, OPT_COMMENT, comment.as_bytes());
        option(body, SHB_USERAPPL, application.as_bytes());
        option(body, OPT_END, &[]);
    });
}

/// An interface; packets name it by its place among them, from 0.
pub(super) fn interface(out: &mut Vec<u8>, name: &str, description: &str) {
    block(out, INTERFACE, |body| {
        body.extend_from_slice(&LINKTYPE_RAW.to_le_bytes());
        // Reserved, then: no packet was cut.
        body.extend_from_slice(&[0; 6]);
        option(body, IF_NAME, name.as_bytes());
        option(body, IF_DESCRIPTION, description.as_bytes());
        option(body, IF_TSRESOL, &[RESOLUTION]);
        option(body, OPT_END, &[]);
    });
}

/// The lines of a key log. It must stand before the packets that it opens.
pub(super) fn secrets(out: &mut Vec<u8>, key_log: &[u8]) {
    block(out, SECRETS, |body| {
        body.extend_from_slice(&TLS_KEY_LOG.to_le_bytes());
        body.extend_from_slice(&long(key_log.len()));
        padded(body, key_log);
    });
}

/// A packet. A time before 1970 is 1970.
pub(super) fn packet(out: &mut Vec<u8>, interface: u32, at: Timestamp, bytes: &[u8]) {
    let at = u64::try_from(at.as_nanosecond()).unwrap_or(0).to_le_bytes();
    block(out, PACKET, |body| {
        body.extend_from_slice(&interface.to_le_bytes());
        // Its upper half comes first.
        body.extend_from_slice(&at[4..]);
        body.extend_from_slice(&at[..4]);
        // As captured, and as it was.
        body.extend_from_slice(&long(bytes.len()));
        body.extend_from_slice(&long(bytes.len()));
        padded(body, bytes);
    });
}

/// Type, length, body, length.
fn block(out: &mut Vec<u8>, kind: u32, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    body(out);
    let length = long(out.len() + 4 - start);
    out[start + 4..start + 8].copy_from_slice(&length);
    out.extend_from_slice(&length);
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    body.extend_from_slice(&code.to_le_bytes());
    let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
    body.extend_from_slice(&length.to_le_bytes());
    padded(body, &value[..usize::from(length)]);
}

/// Bytes, and zeros up to the next 32 bits.
fn padded(body: &mut Vec<u8>, bytes: &[u8]) {
    body.extend_from_slice(bytes);
    body.resize(
        body.len() + bytes.len().next_multiple_of(4) - bytes.len(),
        0,
    );
}

/// A length as four bytes. A capture's limit keeps it below.
fn long(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()
}
