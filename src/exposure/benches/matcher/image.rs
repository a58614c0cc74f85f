//! The image: stretches of a MiB, random, zeros, random, text, and so on, with a key in it a few times.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use crate::keys::Random;

/// In bytes.
pub const SIZE: usize = 1 << 30;
/// How often the key is in it.
pub const PLANTED: usize = 4;

const STRETCH: usize = 1 << 20;

const WORDS: [&str; 24] = [
    "INFO",
    "WARN",
    "request",
    "from",
    "vnfm",
    "instance",
    "granted",
    "2026-11-21T22:38:47Z",
    "id=",
    "status",
    "the",
    "of",
    "connection",
    "closed",
    "certificate",
    "lifecycle",
    "operation",
    "\n",
    "\n",
    "{\"name\": \"eth0\"}",
    "10.0.0.17",
    "0x7f3a",
    "heal",
    "GET /vnflcm/v1/vnf_instances",
];

/// Makes it, unless it is there.
pub fn make(path: &Path, key: &[u8], seed: u64) -> std::io::Result<PathBuf> {
    if path.metadata().is_ok_and(|m| m.len() == SIZE as u64) {
        return Ok(path.to_owned());
    }
    let half = path.with_extension("part");
    let mut file = BufWriter::with_capacity(STRETCH, File::create(&half)?);
    let mut random = Random(seed ^ 0xfeed);
    let mut written = 0;
    while written < SIZE {
        let mut stretch = match written / STRETCH % 4 {
            0 | 2 => random.bytes(STRETCH),
            1 => vec![0; STRETCH],
            _ => text(&mut random),
        };
        let plant = SIZE / PLANTED;
        if written % plant == 0 {
            let at = 1000 + (random.next() % 1000) as usize;
            stretch[at..at + key.len()].copy_from_slice(key);
        }
        file.write_all(&stretch)?;
        written += STRETCH;
    }
    file.into_inner()?.sync_all()?;
    std::fs::rename(half, path)?;
    Ok(path.to_owned())
}

fn text(random: &mut Random) -> Vec<u8> {
    let mut text = Vec::with_capacity(STRETCH + 64);
    while text.len() < STRETCH {
        let draw = random.next();
        let word = WORDS[(draw % WORDS.len() as u64) as usize];
        text.extend_from_slice(word.as_bytes());
        if word == "id=" {
            text.extend_from_slice(
                format!("{:08x}-{:04x}", draw >> 32, draw >> 16 & 0xffff).as_bytes(),
            );
        }
        text.push(b' ');
    }
    text.truncate(STRETCH);
    text
}
