use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

fn parties() -> Parties {
    Parties {
        interface: "Or-Vnfm".into(),
        from: "VNFM".into(),
        to: "NFVO".into(),
    }
}

fn written(capture: &Capture) -> Vec<u8> {
    let mut file = Vec::new();
    capture.write("a test", &mut file).expect("written");
    file
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// Type and body of each block; both lengths of it are seen to agree.
fn blocks(mut file: &[u8]) -> Vec<(u32, &[u8])> {
    let mut found = Vec::new();
    while !file.is_empty() {
        let length = u32_at(file, 4) as usize;
        assert_eq!(length % 4, 0);
        assert_eq!(u32_at(file, length - 4) as usize, length);
        found.push((u32_at(file, 0), &file[8..length - 4]));
        file = &file[length..];
    }
    found
}

/// What a packet says, by a reading of its own.
#[derive(Debug)]
struct Read {
    from: u16,
    number: u32,
    acknowledges: u32,
    flags: u8,
    payload: Vec<u8>,
}

fn read(packet: &[u8]) -> Read {
    let big = |at: usize| u16::from_be_bytes([packet[at], packet[at + 1]]);
    let (addresses, tcp) = match packet[0] >> 4 {
        4 => {
            assert_eq!(usize::from(big(2)), packet.len());
            assert_eq!(packet::checksum(&[&packet[..20]]), [0, 0], "of the header");
            (&packet[12..20], &packet[20..])
        }
        6 => {
            assert_eq!(usize::from(big(4)) + 40, packet.len());
            (&packet[8..40], &packet[40..])
        }
        other => panic!("IP version {other}"),
    };
    let length = u16::try_from(tcp.len()).expect("fits").to_be_bytes();
    let pseudo = [addresses, &[0, 6], &length].concat();
    assert_eq!(packet::checksum(&[&pseudo, tcp]), [0, 0], "of TCP");
    let four = |at: usize| u32::from_be_bytes(tcp[at..at + 4].try_into().expect("four bytes"));
    Read {
        from: u16::from_be_bytes([tcp[0], tcp[1]]),
        number: four(4),
        acknowledges: four(8),
        flags: tcp[13],
        payload: tcp[usize::from(tcp[12] >> 4) * 4..].to_vec(),
    }
}

fn packets(file: &[u8]) -> Vec<Read> {
    let packets = blocks(file).into_iter().filter(|(kind, _)| *kind == 6);
    packets
        .map(|(_, body)| {
            let length = u32_at(body, 12);
            assert_eq!(length, u32_at(body, 16));
            read(&body[20..20 + length as usize])
        })
        .collect()
}

/// The known example of RFC 1071 clause 3.
#[test]
fn the_checksum_is_that_of_the_rfc() {
    let sum = packet::checksum(&[&[0x00, 0x01, 0xf2, 0x03], &[0xf4, 0xf5, 0xf6, 0xf7]]);
    assert_eq!(sum, [!0xdd, !0xf2]);
    assert_eq!(packet::checksum(&[&[0xFF]]), [0x00, 0xFF]);
}

proptest! {
    #[test]
    fn what_was_said_can_be_put_together_again(
        said in prop::collection::vec((any::<bool>(), 0usize..100_000), 0..6),
        ipv6 in any::<bool>(),
        broken in any::<bool>(),
    ) {
        let capture = Capture::new(usize::MAX);
        let host = if ipv6 { "[::1]" } else { "127.0.0.1" };
        let address = |port: u16| format!("{host}:{port}").parse().expect("an address");
        let mut sent = [Vec::new(), Vec::new()];
        {
            let mut flow = capture.flow(&parties(), address(50_001), address(443), Side::Server);
            for (index, (by_client, length)) in said.iter().enumerate() {
                let bytes: Vec<u8> = (0..*length).map(|at| (at * 7 + index) as u8).collect();
                let side = if *by_client { Side::Client } else { Side::Server };
                flow.data(side, &bytes);
                sent[side as usize].extend_from_slice(&bytes);
            }
            if broken { flow.reset(Side::Client) } else { flow.end(Side::Client) }
        }
        let file = written(&capture);
        let read = packets(&file);
        let flags: Vec<u8> = read.iter().map(|one| one.flags).collect();
        prop_assert_eq!(&flags[..3], [SYN, SYN | ACK, ACK]);
        let end: &[u8] = if broken { &[RST | ACK] } else { &[FIN | ACK, FIN | ACK] };
        prop_assert!(flags.ends_with(end));
        for (side, port) in [(Side::Client, 50_001), (Side::Server, 443)] {
            let (mut next, mut whole) = (read[side as usize].number, Vec::new());
            for one in &read {
                if one.from == port {
                    prop_assert_eq!(one.number, next);
                    let counted = u32::from(one.flags & (SYN | FIN) != 0);
                    next = next.wrapping_add(one.payload.len() as u32 + counted);
                    whole.extend_from_slice(&one.payload);
                } else if one.flags & ACK != 0 {
                    prop_assert_eq!(one.acknowledges, next);
                }
            }
            prop_assert!(whole == sent[side as usize]);
        }
    }

    #[test]
    fn at_its_limit_it_stops_and_says_so(most in 0usize..2_000) {
        let capture = Capture::new(most);
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let mut flow = capture.flow(&parties(), address(50_001), address(443), Side::Client);
        for _ in 0..20 {
            flow.data(Side::Client, &[1; 100]);
            flow.data(Side::Server, &[2; 1]);
            capture.log("CLIENT_RANDOM", &[1; 32], &[2; 48]);
        }
        drop(flow);
        prop_assert!(capture.cut().is_some());
        let kept = capture.kept();
        prop_assert!(kept.packets.len() + kept.secrets.len() <= most);
        drop(kept);
        let file = written(&capture);
        packets(&file);
        prop_assert!(String::from_utf8_lossy(&file).contains("cut at 20"));
    }
}

#[test]
fn secrets_stand_before_packets_and_roles_name_the_interfaces() {
    let capture = Capture::new(usize::MAX);
    capture
        .key_log()
        .log("CLIENT_RANDOM", &[0xAB; 32], &[0xCD; 48]);
    let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let other = Parties {
        interface: "Ve-Vnfm".into(),
        ..parties()
    };
    for parties in [&parties(), &other, &parties()] {
        capture.flow(parties, address(50_001), address(443), Side::Client);
    }
    let file = written(&capture);
    let blocks = blocks(&file);
    let kinds: Vec<u32> = blocks.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds[..4], [0x0A0D_0D0A, 1, 1, 0x0A]);
    assert_eq!(kinds[4..], [6; 12]);
    let log = format!("CLIENT_RANDOM {} {}\n", "ab".repeat(32), "cd".repeat(48));
    assert_eq!(u32_at(blocks[3].1, 0), 0x544C_534B);
    assert_eq!(u32_at(blocks[3].1, 4) as usize, log.len());
    assert!(blocks[3].1[8..].starts_with(log.as_bytes()));
    let numbers: Vec<u32> = packets(&file).iter().map(|one| one.number).collect();
    assert_ne!(numbers[0], numbers[8], "a port that is used again");
    assert!(!format!("{capture:?}").contains("cdcd"));
}

#[tokio::test]
async fn a_tapped_stream_carries_the_same_as_an_untapped_one() {
    let capture = Capture::new(usize::MAX);
    let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let flow = capture.flow(&parties(), address(50_001), address(443), Side::Server);
    let (near, mut far) = tokio::io::duplex(10);
    let mut near = Tapped::with(near, flow);
    let other_side = tokio::spawn(async move {
        far.write_all(b"a question that is longer than ten")
            .await
            .expect("asked");
        far.shutdown().await.expect("closed");
        let mut answer = Vec::new();
        far.read_to_end(&mut answer).await.expect("answered");
        answer
    });
    let mut question = Vec::new();
    near.read_to_end(&mut question).await.expect("read");
    near.write_all(b"and an answer, too")
        .await
        .expect("written");
    near.shutdown().await.expect("closed");
    drop(near);
    assert_eq!(other_side.await.expect("ended"), b"and an answer, too");
    let file = written(&capture);
    let said = |port: u16| -> Vec<u8> {
        let of = packets(&file).into_iter().filter(|one| one.from == port);
        of.flat_map(|one| one.payload).collect()
    };
    assert_eq!(said(50_001), question);
    assert_eq!(said(443), b"and an answer, too");
    let ends = packets(&file)
        .iter()
        .filter(|one| one.flags & FIN != 0)
        .count();
    assert_eq!(ends, 2);
}
