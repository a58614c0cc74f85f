//! Containers in containers, whole, damaged and malicious.

use std::io::{Cursor, Write};

use ::zip::write::SimpleFileOptions;
use ::zip::{CompressionMethod, ZipWriter};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::*;
use crate::source::limits::Limits;
use crate::source::stream::stream_work;
use crate::source::testing::{Seen, noise};

const NEEDLE: &[u8] = b"the needle that is looked for";

fn searched(stream: &[u8], limits: &Limits) -> Seen {
    let seen = Seen::new(NEEDLE);
    stream_work("-", Box::new(stream), limits)(&seen);
    assert_eq!(seen.tiled(&[]), stream.len() as u64, "all of the outermost");
    seen
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = ::tar::Builder::new(vec![]);
    for (name, bytes) in members {
        let mut header = ::tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn zip(members: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(vec![]));
    for (name, bytes) in members {
        let options = SimpleFileOptions::default().compression_method(method);
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// With lengths told behind the members.
fn zip_streamed(members: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new_stream(vec![]);
    for (name, bytes) in members {
        let options = SimpleFileOptions::default().compression_method(method);
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn snappy(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = snap::write::FrameEncoder::new(vec![]);
    encoder.write_all(bytes).unwrap();
    encoder.into_inner().unwrap()
}

/// Memory from an address on, in blocks of a size.
fn avml(mut address: u64, bytes: &[u8], size: usize) -> Vec<u8> {
    let mut packed = vec![];
    for block in bytes.chunks(size) {
        let stream = snappy(block);
        packed.extend(b"AVML\x02\0\0\0");
        packed.extend(address.to_le_bytes());
        address += block.len() as u64;
        packed.extend((address - 1).to_le_bytes());
        packed.extend([0; 8]);
        packed.extend(&stream);
        packed.extend((stream.len() as u64).to_le_bytes());
    }
    packed
}

/// Each way of packing that there is, with what `inside` says of it.
fn pack(how: usize, bytes: &[u8]) -> (Vec<u8>, &'static str) {
    let members = [
        ("first", &b"something else"[..]),
        ("etc/x", bytes),
        ("last", b""),
    ];
    match how {
        0 => (gzip(bytes), "gzip"),
        1 => {
            let (front, back) = bytes.split_at(bytes.len() / 3);
            ([gzip(front), gzip(back)].concat(), "gzip")
        }
        2 => (zstd(bytes), "zstd"),
        3 => {
            let (front, back) = bytes.split_at(bytes.len() / 2);
            let skipped = b"\x5a\x2a\x4d\x18\x03\0\0\0abc";
            ([&zstd(front)[..], skipped, &zstd(back)].concat(), "zstd")
        }
        4 => (tar(&members), "tar: etc/x"),
        5 => (zip(&members, CompressionMethod::Deflated), "zip: etc/x"),
        6 => (zip(&members, CompressionMethod::Stored), "zip: etc/x"),
        7 => (
            zip_streamed(&members, CompressionMethod::Deflated),
            "zip: etc/x",
        ),
        8 => (snappy(bytes), "snappy"),
        9 => (avml(0x1000, bytes, bytes.len() / 2 + 1), "avml: 0x1000"),
        _ => (
            zip_streamed(&members, CompressionMethod::Stored),
            "zip: etc/x",
        ),
    }
}
const WAYS: usize = 11;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A needle is found in whatever it is packed, as deep as the limit allows, and no gap is told.
    #[test]
    fn packed_is_found(
        ways in prop::collection::vec(0..WAYS, 1..6),
        length in prop_oneof![30usize..3000, 30usize..3_000_000],
        at in 0.0..1.0f64,
    ) {
        let mut bytes = noise(length as u64, length);
        // Half of it can be packed.
        bytes[..length / 2].fill(b'a');
        let at = ((length - NEEDLE.len()) as f64 * at) as usize;
        bytes[at..at + NEEDLE.len()].copy_from_slice(NEEDLE);
        let mut inside = vec![];
        for way in &ways {
            let (packed, name) = pack(*way, &bytes);
            inside.insert(0, name);
            bytes = packed;
        }
        let seen = searched(&bytes, &Limits::default());
        prop_assert!(seen.gaps().is_empty(), "{:?}", seen.gaps());
        prop_assert_eq!(seen.tiled(&inside), length as u64);
        let place = format!("- | {} @ {at}", inside.join(" | "));
        prop_assert!(seen.found().contains(&place), "{place} in {:?}", seen.found());
    }

    /// Foreign bytes do no harm, whatever they pretend to be; the outermost bytes are searched always.
    #[test]
    fn damage_is_survived(
        ways in prop::collection::vec(0..WAYS, 1..4),
        damage in prop::collection::vec((0.0..1.0f64, any::<u8>()), 0..8),
        cut in prop_oneof![Just(1.0), 0.0..1.0f64],
    ) {
        let mut bytes = [&noise(3, 3000)[..], NEEDLE, &[0; 5000]].concat();
        for way in &ways {
            bytes = pack(*way, &bytes).0;
        }
        for (at, value) in damage {
            let at = (bytes.len() as f64 * at) as usize;
            bytes[at] = value;
        }
        bytes.truncate((bytes.len() as f64 * cut) as usize);
        let limits = Limits { free: 1 << 20, members: 1000, ..Limits::default() };
        searched(&bytes, &limits);
    }

    /// As above, with bytes that begin like a container and go on anyhow.
    #[test]
    fn pretenders_are_survived(
        magic in prop::sample::select(vec![
            &b"\x1f\x8b\x08\0\0\0\0\0\0\0"[..], b"PK\x03\x04\x14\0\0\0\x08\0", b"PK\x03\x04\x14\0\x08\0\0\0",
            b"\x28\xb5\x2f\xfd", b"\x28\xb5\x2f\xfd\x24", b"\x50\x2a\x4d\x18",
        ]),
        bytes in prop::collection::vec(any::<u8>(), 0..2000),
    ) {
        let limits = Limits { free: 1 << 20, ..Limits::default() };
        searched(&[magic, &bytes].concat(), &limits);
    }
}

#[test]
fn what_is_cut_off_is_told_and_its_beginning_searched() {
    let bytes = [NEEDLE, &noise(1, 500_000)].concat();
    for way in [0, 2, 4, 5, 6, 7, 8] {
        let (packed, name) = pack(way, &bytes);
        let seen = searched(&packed[..packed.len() * 2 / 3], &Limits::default());
        assert!(
            seen.found().contains(&format!("- | {name} @ 0")),
            "{name}: {:?}",
            seen.found()
        );
        let kinds = seen.gap_kinds();
        assert!(!kinds.is_empty(), "{way} {name}");
        assert!(
            kinds.iter().all(|kind| *kind == GapKind::Closed),
            "{:?}",
            seen.gaps()
        );
    }
}

#[test]
fn a_wrong_checksum_is_told() {
    let bytes = noise(5, 3000);
    for way in [0, 2, 5, 7] {
        let (mut packed, name) = pack(way, &bytes);
        let mark = |mark: &[u8]| packed.windows(4).position(|four| four == mark).unwrap();
        // Where each keeps its checksum.
        let at = match way {
            0 => packed.len() - 8,
            2 => packed.len() - 1,
            5 => mark(b"PK\x03\x04") + 14,
            _ => mark(b"PK\x07\x08") + 4,
        };
        packed[at] ^= 1;
        let seen = searched(&packed, &Limits::default());
        assert_eq!(seen.gap_kinds(), [GapKind::Closed], "{name}");
        assert!(
            seen.gaps()[0].contains("check") || seen.gaps()[0].contains("corrupt"),
            "{:?}",
            seen.gaps()
        );
    }
}

#[test]
fn behind_a_damaged_member_the_search_goes_on() {
    let members = [("a", &b"one"[..]), ("b", b"two"), ("c", NEEDLE)];
    let mut broken = tar(&members);
    // The header of `b`: name of `a`, its bytes, then this.
    broken[1024] ^= 1;
    let seen = searched(&broken, &Limits::default());
    assert!(seen.found().contains(&"- | tar: c @ 0".to_owned()));
    assert_eq!(
        seen.gaps(),
        ["- | tar: Closed: damaged: no header of a member at 0x400"]
    );
    let mut broken = zip(&members, CompressionMethod::Deflated);
    let second = broken
        .windows(4)
        .enumerate()
        .filter(|(_, four)| *four == b"PK\x03\x04");
    let (second, _) = second.clone().nth(1).unwrap();
    broken[second] = b'X';
    let seen = searched(&broken, &Limits::default());
    assert_eq!(seen.found(), ["- | zip: c @ 0"]);
    assert_eq!(
        seen.gaps(),
        ["- | zip: Closed: damaged: 2 of 3 members were met"]
    );
}

#[test]
fn an_encrypted_or_unknown_member_is_closed_and_the_others_searched() {
    let members = [("secret", NEEDLE), ("plain", NEEDLE)];
    let mut packed = zip(&members, CompressionMethod::Deflated);
    // The flag of the first member's header that says so.
    packed[6] |= 1;
    packed.extend(b"\xfd7zXZ\0");
    let seen = searched(&packed, &Limits::default());
    assert!(seen.found().contains(&"- | zip: plain @ 0".to_owned()));
    assert_eq!(seen.gaps(), ["- | zip: secret: Closed: encrypted"]);
    let seen = searched(&tar(&[("x", b"\xfd7zXZ\0...")]), &Limits::default());
    assert_eq!(
        seen.gaps(),
        ["- | tar: x: Closed: xz is not unpacked by this program"]
    );
}

#[test]
fn blocks_of_memory_are_one_where_they_are_neighbours() {
    let bytes = [&noise(7, 5000)[..], NEEDLE, &noise(8, 5000)].concat();
    // A bound of two blocks lies in the needle.
    let near = avml(0x10_0000, &bytes, 5010);
    let far = avml(0x80_0000, NEEDLE, 4096);
    let seen = searched(&[near, far].concat(), &Limits::default());
    assert_eq!(
        seen.found(),
        [
            // It is too short to be packed.
            "- @ 10253",
            "- | avml: 0x100000 @ 5000",
            "- | avml: 0x800000 @ 0"
        ]
    );
    assert!(seen.gaps().is_empty(), "{:?}", seen.gaps());
    let cut = avml(0, &bytes, 20_000);
    let seen = searched(&cut[..cut.len() - 5000], &Limits::default());
    let [gap] = &seen.gaps()[..] else {
        panic!("{:?}", seen.gaps());
    };
    assert!(gap.starts_with("- | avml: 0x0: Closed: damaged"), "{gap}");
}

#[test]
fn a_member_that_was_taken_out_of_the_directory_is_found() {
    let members = [("gone", NEEDLE), ("kept", &b"else"[..])];
    let packed = zip(&members, CompressionMethod::Deflated);
    let directory = packed
        .windows(4)
        .position(|four| four == b"PK\x01\x02")
        .unwrap();
    let length = 46 + "gone".len();
    let without = [&packed[..directory], &packed[directory + length..]].concat();
    let seen = searched(&without, &Limits::default());
    assert_eq!(seen.found(), ["- | zip: gone @ 0"]);
}

#[test]
fn deeper_than_the_limit_is_told() {
    let mut bytes = NEEDLE.to_vec();
    for _ in 0..4 {
        bytes = gzip(&bytes);
    }
    let limits = |depth| Limits {
        depth,
        ..Limits::default()
    };
    assert_eq!(searched(&bytes, &limits(4)).found().len(), 1);
    let seen = searched(&bytes, &limits(3));
    assert!(seen.found().is_empty());
    assert_eq!(
        seen.gaps(),
        ["- | gzip | gzip | gzip: Bound: gzip: not opened, since it lies in 3 others"]
    );
}

#[test]
fn a_bomb_ends_and_its_neighbours_are_searched() {
    let limits = Limits {
        free: 16 << 20,
        ..Limits::default()
    };
    let zeros = vec![0; 40 << 20];
    let mut encoder = GzEncoder::new(vec![], Compression::best());
    encoder.write_all(&zeros).unwrap();
    let bomb = encoder.finish().unwrap();
    let seen = searched(&bomb, &limits);
    assert_eq!(seen.gap_kinds(), [GapKind::Bound]);
    let reached = seen.tiled(&["gzip"]);
    assert!((4 << 20..24 << 20).contains(&reached), "{reached}");
    // One member may have a quarter, so the next one is searched.
    let members = [("a", &bomb[..]), ("b", &gzip(NEEDLE)[..])];
    for packed in [tar(&members), zip(&members, CompressionMethod::Stored)] {
        let seen = searched(&packed, &limits);
        assert_eq!(seen.gap_kinds(), [GapKind::Bound]);
        assert_eq!(seen.found().len(), 1, "{:?}", seen.found());
    }
    // Layers of 16 each, as the well-known bomb has: the whole has one budget, and one line.
    let mut bytes = zip(&[("zeros", &zeros[..])], CompressionMethod::Deflated);
    for _ in 0..3 {
        let members: Vec<(String, &[u8])> = (0..16).map(|n| (n.to_string(), &bytes[..])).collect();
        let members: Vec<_> = members
            .iter()
            .map(|(name, bytes)| (&name[..], *bytes))
            .collect();
        bytes = zip(&members, CompressionMethod::Deflated);
    }
    let seen = searched(&bytes, &limits);
    assert!(seen.gap_kinds().iter().all(|kind| *kind == GapKind::Bound));
    assert!(seen.gaps().len() < 10, "{:#?}", seen.gaps());
}

#[test]
fn more_members_than_the_limit_are_told_once() {
    let limits = Limits {
        members: 10,
        ..Limits::default()
    };
    let members: Vec<_> = (0..20).map(|_| ("x", &b"bytes"[..])).collect();
    for packed in [tar(&members), gzip(&tar(&members))] {
        let seen = searched(&packed, &limits);
        assert_eq!(seen.gaps().len(), 1, "{:?}", seen.gaps());
        assert!(seen.gaps()[0].ends_with("tar: x: Bound: left after 10 members"));
    }
}

#[test]
fn long_and_odd_names_in_tar_are_told() {
    let long = format!("{}/key.pem", ["a-rather-long-folder"; 12].join("/"));
    let seen = searched(&tar(&[(&long, NEEDLE)]), &Limits::default());
    assert!(seen.found().contains(&format!("- | tar: {long} @ 0")));
    let mut builder = ::tar::Builder::new(vec![]);
    builder
        .append_pax_extensions([("path", &b"pax-name"[..])])
        .unwrap();
    let mut header = ::tar::Header::new_ustar();
    header.set_size(NEEDLE.len() as u64);
    builder.append_data(&mut header, "short", NEEDLE).unwrap();
    let seen = searched(&builder.into_inner().unwrap(), &Limits::default());
    assert!(seen.found().contains(&"- | tar: pax-name @ 0".to_owned()));
}

#[test]
fn what_follows_the_last_member_is_none() {
    for bytes in [gzip(NEEDLE), zstd(NEEDLE), tar(&[("x", NEEDLE)])] {
        for trailer in [&[0u8; 3000][..], b"and other bytes"] {
            let seen = searched(&[&bytes, trailer].concat(), &Limits::default());
            assert!(!seen.found().is_empty());
            assert!(seen.gaps().is_empty(), "{:?}", seen.gaps());
        }
    }
}

#[test]
fn the_largest_window_is_given_and_a_larger_one_told() {
    // What `zstd --long` writes: a window as large as that is asked for whatever the content. A raw block, the last.
    let frame = |window: u8| {
        let block = (NEEDLE.len() as u32) << 3 | 1;
        let head = [
            &b"\x28\xb5\x2f\xfd\0"[..],
            &[window],
            &block.to_le_bytes()[..3],
        ]
        .concat();
        [&head, NEEDLE].concat()
    };
    let seen = searched(&frame(17 << 3), &Limits::default());
    assert!(
        seen.found().contains(&"- | zstd @ 0".to_owned()),
        "{:?}",
        seen.gaps()
    );
    let seen = searched(&frame(18 << 3), &Limits::default());
    assert_eq!(
        seen.gaps(),
        ["- | zstd: Bound: not unpacked: that needs 268435456 bytes of memory, more than is given"]
    );
}
