//! Speed of the structure search on data without keys, beside reading the same memory. Prints; neither passes nor fails.
#![expect(clippy::print_stdout, reason = "a bench is for reading")]

use std::hint::black_box;

use scas_exposure::detector::{Detector, Window};
use scas_exposure::structure::Structure;

/// Bytes of each kind of data.
const SIZE: usize = 256 << 20;
/// Bytes of a window.
const STEP: usize = 4 << 20;
const ROUNDS: usize = 5;

fn main() {
    let structure = Structure::new(&[], Vec::new());
    for (name, make) in [
        ("random", random as fn(u64) -> Vec<u8>),
        ("zeros", |_| vec![0; SIZE]),
        ("text", text),
        ("base64", base64),
        ("files of /usr", files),
    ] {
        let bytes = make(0x5ca5);
        let mut found = 0;
        let (ours, memory) = medians(
            || {
                for start in (0..bytes.len()).step_by(STEP) {
                    let fresh = start..bytes.len().min(start + STEP);
                    let window = Window {
                        bytes: &bytes,
                        fresh: fresh.clone(),
                        offset: 0,
                        ahead: 0,
                    };
                    // As a source would cut it.
                    let near =
                        fresh.start.saturating_sub(65536)..bytes.len().min(fresh.end + 65536);
                    let window = Window {
                        bytes: &window.bytes[near.clone()],
                        fresh: fresh.start - near.start..fresh.end - near.start,
                        offset: near.start as u64,
                        ahead: 0,
                    };
                    structure.search(&window, &mut |_| found += 1);
                }
            },
            || {
                let sum = bytes.chunks_exact(8).fold(0_u64, |sum, word| {
                    sum.wrapping_add(u64::from(word[0]) | u64::from(word[7]))
                });
                black_box(sum);
            },
        );
        let rate = |seconds: f64| bytes.len() as f64 / seconds / f64::from(1 << 30);
        println!(
            "structure, {name} ({} MiB): {:.2} GiB/s, {:.3} s per GiB; reading memory {:.2} GiB/s; {} keys a round",
            bytes.len() >> 20,
            rate(ours),
            1.0 / rate(ours),
            rate(memory),
            found / ROUNDS,
        );
    }
}

/// Time that this thread has had a processor: others' work on a busy machine does not count.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux keeps account");
    let nanoseconds = text
        .split(' ')
        .next()
        .and_then(|number| number.parse::<f64>().ok());
    nanoseconds.expect("the first number") / 1e9
}

/// Medians of both, measured in turn.
fn medians(mut ours: impl FnMut(), mut peer: impl FnMut()) -> (f64, f64) {
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (run, times) in [&mut ours as &mut dyn FnMut(), &mut peer]
            .into_iter()
            .zip(&mut times)
        {
            let start = cpu_seconds();
            run();
            times.push(cpu_seconds() - start);
        }
    }
    let [ours, peer] = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[ROUNDS / 2]
    });
    (ours, peer)
}

fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ *state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

fn random(mut seed: u64) -> Vec<u8> {
    (0..SIZE / 8)
        .flat_map(|_| next(&mut seed).to_le_bytes())
        .collect()
}

/// Lines of a log.
fn text(mut seed: u64) -> Vec<u8> {
    const WORDS: [&str; 16] = [
        "GET",
        "/vnflcm/v2/vnf_instances",
        "200",
        "INFO",
        "the",
        "certificate",
        "was",
        "issued",
        "-----",
        "id=",
        "\"state\":\"STARTED\"",
        "\"kid\":\"7\"",
        "10.0.0.1",
        "of",
        "and",
        "BEGIN transaction",
    ];
    let mut text = Vec::with_capacity(SIZE + 64);
    while text.len() < SIZE {
        let number = next(&mut seed);
        text.extend(WORDS[number as usize % 16].as_bytes());
        text.push(if number >> 8 & 15 == 0 { b'\n' } else { b' ' });
    }
    text
}

fn base64(seed: u64) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    random(seed)
        .into_iter()
        .map(|byte| DIGITS[usize::from(byte % 64)])
        .collect()
}

/// Programs, libraries and texts of this machine, as they come.
fn files(_: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    for folder in [
        "/usr/bin",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/share/perl5",
        "/etc",
    ] {
        let Ok(entries) = std::fs::read_dir(folder) else {
            continue;
        };
        let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths.into_iter().filter(|path| path.is_file()) {
            bytes.extend(std::fs::read(path).unwrap_or_default());
            if bytes.len() >= SIZE {
                return bytes;
            }
        }
    }
    bytes
}
