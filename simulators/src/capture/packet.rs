//! IP and TCP around bytes that some connection has carried: [`of`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// FIN (RFC 9293 clause 3.1).
pub(super) const FIN: u8 = 0x01;
/// SYN.
pub(super) const SYN: u8 = 0x02;
/// RST.
pub(super) const RST: u8 = 0x04;
/// PSH.
pub(super) const PSH: u8 = 0x08;
/// ACK.
pub(super) const ACK: u8 = 0x10;

/// The longest payload of a segment, in bytes: with its headers it stays below the 65,535 of an IP packet.
pub(super) const LONGEST_PAYLOAD: usize = 32 * 1024;

/// Protocol number of TCP.
const TCP: u8 = 6;
/// Hops that are left.
const HOPS: u8 = 64;
/// Maximum segment size, no operation, window scale of 14: with it no reader finds the window full, and none is told a lie that
/// matters.
const SYN_OPTIONS: [u8; 8] = [2, 4, 0x80, 0, 1, 3, 3, 14];

/// A segment to be.
pub(super) struct Segment<'a> {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    /// Sequence number.
    pub(super) number: u32,
    /// Acknowledgment number.
    pub(super) acknowledges: u32,
    pub(super) flags: u8,
    /// [`LONGEST_PAYLOAD`] at most.
    pub(super) payload: &'a [u8],
}

/// The IP packet, IPv6 (RFC 8200) unless both ends have IPv4 addresses (RFC 791).
pub(super) fn of(segment: &Segment<'_>) -> Vec<u8> {
    let (from, to) = (segment.from.ip(), segment.to.ip());
    match (from.to_canonical(), to.to_canonical()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => in_ipv4(segment, from, to),
        (from, to) => in_ipv6(segment, as_ipv6(from), as_ipv6(to)),
    }
}

fn as_ipv6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

fn in_ipv4(segment: &Segment<'_>, from: Ipv4Addr, to: Ipv4Addr) -> Vec<u8> {
    let tcp = tcp(segment, &from.octets(), &to.octets());
    // Version 4, five words; no fragments.
    let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0x40, 0, HOPS, TCP, 0, 0];
    packet.extend_from_slice(&from.octets());
    packet.extend_from_slice(&to.octets());
    let length = packet.len() + tcp.len();
    packet[2..4].copy_from_slice(&short(length));
    let sum = checksum(&[&packet]);
    packet[10..12].copy_from_slice(&sum);
    packet.extend_from_slice(&tcp);
    packet
}

fn in_ipv6(segment: &Segment<'_>, from: Ipv6Addr, to: Ipv6Addr) -> Vec<u8> {
    let tcp = tcp(segment, &from.octets(), &to.octets());
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend_from_slice(&short(tcp.len()));
    packet.extend_from_slice(&[TCP, HOPS]);
    packet.extend_from_slice(&from.octets());
    packet.extend_from_slice(&to.octets());
    packet.extend_from_slice(&tcp);
    packet
}

/// Header and payload (RFC 9293 clause 3.1). The pseudo-header of IPv6 (RFC 8200 clause 8.1) has the same sum as that of IPv4, since
/// protocol and length are below 65,536.
fn tcp(segment: &Segment<'_>, from: &[u8], to: &[u8]) -> Vec<u8> {
    let options: &[u8] = if segment.flags & SYN == 0 {
        &[]
    } else {
        &SYN_OPTIONS
    };
    let words: u8 = if options.is_empty() { 5 } else { 7 };
    let mut bytes = Vec::with_capacity(28 + segment.payload.len());
    bytes.extend_from_slice(&segment.from.port().to_be_bytes());
    bytes.extend_from_slice(&segment.to.port().to_be_bytes());
    bytes.extend_from_slice(&segment.number.to_be_bytes());
    bytes.extend_from_slice(&segment.acknowledges.to_be_bytes());
    // Window as large as it can be; checksum and urgent pointer.
    bytes.extend_from_slice(&[words << 4, segment.flags, 0xFF, 0xFF, 0, 0, 0, 0]);
    bytes.extend_from_slice(options);
    bytes.extend_from_slice(segment.payload);
    let [high, low] = short(bytes.len());
    let sum = checksum(&[from, to, &[0, TCP, high, low], &bytes]);
    bytes[16..18].copy_from_slice(&sum);
    bytes
}

/// The Internet checksum (RFC 1071). Every part but the last has an even length.
pub(super) fn checksum(parts: &[&[u8]]) -> [u8; 2] {
    let mut sum: u64 = 0;
    for pair in parts.iter().flat_map(|part| part.chunks(2)) {
        let low = pair.get(1).copied().unwrap_or(0);
        sum += u64::from(u16::from_be_bytes([pair[0], low]));
    }
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    let [.., high, low] = sum.to_be_bytes();
    [!high, !low]
}

/// A length as two bytes; see [`LONGEST_PAYLOAD`].
fn short(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes()
}
