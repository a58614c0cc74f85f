//! `scas scan` beside programs that search for bytes, on the same file in the page cache, in turns: ratios are medians over
//! pairs. The image is made from a seed.

#![expect(clippy::print_stdout, reason = "figures are for people")]

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, ensure};
use rand::{Rng as _, RngCore as _, SeedableRng as _, rngs::SmallRng};

const SCAS: &str = env!("CARGO_BIN_EXE_scas");
const GIB: f64 = (1u64 << 30) as f64;
const MIB: usize = 1 << 20;
const SEED: u64 = 20_261_121;

fn main() -> anyhow::Result<()> {
    let rounds = std::env::args()
        .filter_map(|argument| argument.parse().ok())
        .next()
        .unwrap_or(5);
    let folder = tempfile::tempdir()?;
    let image = folder.path().join("image");
    mixed(&image)?;
    let key = make_key(
        folder.path(),
        "key",
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    )?;
    let cert = |key: &Path| public(folder.path(), key);
    let scan = |options: &[&str]| scan(options, &image);

    let one = ["--threads", "1", "--key", text(&key)];
    let peak = {
        scan(&one)?;
        peak_of_children()?
    };
    println!(
        "image: 1 GiB, half random, a quarter zeros, a quarter text; seed {SEED}; {rounds} rounds"
    );
    println!("peak memory of a scan: {peak} MiB (goal: at most 256)");
    let ours = seconds(rounds, || scan(&one))?;
    println!(
        "one P-256 key and its canary, one thread: {:.2} GiB/s",
        1.0 / ours
    );

    for (label, goal, peer) in peers(folder.path(), &image)? {
        match peer {
            Some(mut peer) => {
                let ratio = pairs(rounds, || scan(&one), || quiet(&mut peer))?;
                println!("  {ratio:.2} x {label} (goal: at least {goal})");
            }
            None => println!("  NOT RUN: {label}: the program is not installed"),
        }
    }
    let two = ["--threads", "2", "--key", text(&key)];
    println!(
        "two threads: {:.2} x one (goal: at least 1.7)",
        pairs(rounds, || scan(&two), || scan(&one))?
    );

    let keys = folder.path().join("keys");
    std::fs::create_dir(&keys)?;
    for number in 0..1000 {
        make_key(
            &keys,
            &number.to_string(),
            &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        )?;
    }
    let thousand = ["--threads", "1", "--keys", text(&keys)];
    println!(
        "1,000 keys: {:.2} x one (goal: at least 0.25)",
        pairs(rounds, || scan(&thousand), || scan(&one))?
    );
    println!("peak memory with 1,000 keys: {} MiB", peak_of_children()?);

    blind(folder.path(), &image, &cert(&key)?, rounds)
}

/// Blind searches, on an image in which few windows look like keys.
fn blind(folder: &Path, image: &Path, ec: &Path, rounds: usize) -> anyhow::Result<()> {
    sparse(image)?;
    println!("image: 1 GiB, 0.7 % of it random, the rest zeros and text");
    let rsa = make_key(
        folder,
        "rsa",
        &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    )?;
    let rsa = public(folder, &rsa)?;
    let rounds = rounds.min(3);
    for (label, goal, options) in [
        (
            "EC P-256, every 8th offset, both byte orders",
            "15 s for one order",
            vec!["--cert", text(ec)],
        ),
        (
            "EC P-256, every offset, both byte orders",
            "100 s for one order",
            vec!["--every-offset", "--cert", text(ec)],
        ),
        (
            "RSA 2048, every offset, both byte orders",
            "20 s",
            vec!["--cert", text(&rsa)],
        ),
    ] {
        let mut all = vec!["--threads", "1"];
        all.extend(options);
        let taken = seconds(rounds, || scan(&all, image))?;
        println!("blind {label}: {taken:.1} s/GiB on one thread (goal: {goal})");
    }
    println!("peak memory: {} MiB", peak_of_children()?);
    Ok(())
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap_or_default()
}

/// One scan that must come to its end and find nothing.
fn scan(options: &[&str], image: &Path) -> anyhow::Result<()> {
    let output = Command::new(SCAS)
        .arg("scan")
        .args(options)
        .arg(image)
        .output()?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    Ok(())
}

fn quiet(command: &mut Command) -> anyhow::Result<()> {
    command
        .stdout(Stdio::null())
        .status()
        .context("the peer does not run")?;
    Ok(())
}

fn seconds(rounds: usize, mut work: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let mut taken = Vec::new();
    for _ in 0..rounds {
        let started = Instant::now();
        work()?;
        taken.push(started.elapsed().as_secs_f64());
    }
    Ok(median(taken))
}

/// How many times as fast as the peer ours is.
fn pairs(
    rounds: usize,
    mut ours: impl FnMut() -> anyhow::Result<()>,
    mut peer: impl FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<f64> {
    let mut ratios = Vec::new();
    for _ in 0..rounds {
        let ours = seconds(1, &mut ours)?;
        ratios.push(seconds(1, &mut peer)? / ours);
    }
    Ok(median(ratios))
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// The largest resident set of any process that was started and has ended, in MiB.
fn peak_of_children() -> anyhow::Result<i64> {
    use nix::sys::resource::{UsageWho, getrusage};
    Ok(getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss() / 1024)
}

type Peer = (&'static str, &'static str, Option<Command>);

/// The programs that are compared with, ready to run.
fn peers(folder: &Path, image: &Path) -> anyhow::Result<Vec<Peer>> {
    let mut rng = SmallRng::seed_from_u64(SEED + 1);
    let mut needles = Vec::new();
    while needles.len() < 60 {
        let needle: [u8; 32] = rng.random();
        // A line end would end the pattern.
        if !needle.contains(&b'\n') && !needle.contains(&b'\r') {
            needles.push(needle);
        }
    }
    let patterns = folder.join("patterns");
    // Bytes as regular expressions: `(?-u)` makes them bytes, not characters.
    let lines: Vec<String> = needles
        .iter()
        .map(|needle| {
            format!(
                "(?-u){}",
                needle
                    .iter()
                    .map(|b| format!("\\x{b:02X}"))
                    .collect::<String>()
            )
        })
        .collect();
    std::fs::write(&patterns, lines.join("\n"))?;
    let rules = folder.join("rules.yar");
    let mut yara = BufWriter::new(std::fs::File::create(&rules)?);
    for (number, needle) in needles.iter().enumerate() {
        let hex: Vec<String> = needle.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(
            yara,
            "rule r{number} {{ strings: $a = {{ {} }} condition: $a }}",
            hex.join(" ")
        )?;
    }
    yara.flush()?;
    let command = |program: &str, arguments: &[&str]| {
        let there = Command::new(program)
            .arg("--version")
            .stdout(Stdio::null())
            .status();
        there.is_ok().then(|| {
            let mut command = Command::new(program);
            command.args(arguments).arg(image);
            command
        })
    };
    let literal = "kT9vQ2mXw7LpZ4sRb8NcY1hGd6JfA3eU";
    Ok(vec![
        (
            "rg -c -a -F with one literal",
            "0.8",
            command("rg", &["-j1", "-c", "-a", "-F", literal]),
        ),
        (
            "rg -c -a -U -f with 60 raw needles",
            "1.5",
            command("rg", &["-j1", "-c", "-a", "-U", "-f", text(&patterns)]),
        ),
        (
            "yara with 60 hex rules",
            "15",
            command("yara", &["-p", "1", text(&rules)]),
        ),
    ])
}

fn make_key(folder: &Path, name: &str, kind: &[&str]) -> anyhow::Result<PathBuf> {
    let path = folder.join(name);
    let ended = Command::new("openssl")
        .args(["genpkey", "-out", text(&path)])
        .args(kind)
        .stderr(Stdio::null())
        .status()
        .context("openssl, which makes the keys, is not installed")?;
    ensure!(ended.success(), "openssl genpkey {kind:?}");
    Ok(path)
}

fn public(folder: &Path, key: &Path) -> anyhow::Result<PathBuf> {
    let path = folder.join(format!(
        "{}.pub",
        key.file_name().unwrap_or_default().display()
    ));
    let ended = Command::new("openssl")
        .args(["pkey", "-pubout", "-in", text(key), "-out", text(&path)])
        .status()?;
    ensure!(ended.success(), "openssl pkey -pubout");
    Ok(path)
}

/// Half random, a quarter zeros, a quarter text, in blocks of 1 MiB.
fn mixed(path: &Path) -> anyhow::Result<()> {
    let mut rng = SmallRng::seed_from_u64(SEED);
    let mut file = BufWriter::new(std::fs::File::create(path)?);
    let mut random = vec![0; MIB];
    for block in 0..1024 {
        match block % 4 {
            0 | 2 => {
                rng.fill_bytes(&mut random);
                file.write_all(&random)?;
            }
            1 => file.write_all(&vec![0; MIB])?,
            _ => file.write_all(&log(&mut rng, MIB))?,
        }
    }
    Ok(file.flush()?)
}

/// Zeros and text, and one page of 143 random: 0.7 %.
fn sparse(path: &Path) -> anyhow::Result<()> {
    const PAGE: usize = 4096;
    let mut rng = SmallRng::seed_from_u64(SEED);
    let mut file = BufWriter::new(std::fs::File::create(path)?);
    let text = log(&mut rng, MIB);
    let mut random = vec![0; PAGE];
    for page in 0..(GIB as usize / PAGE) {
        match page % 143 {
            0 => {
                rng.fill_bytes(&mut random);
                file.write_all(&random)?;
            }
            n if n % 2 == 0 => file.write_all(&[0; PAGE])?,
            n => file.write_all(&text[n * PAGE % (MIB - PAGE)..][..PAGE])?,
        }
    }
    Ok(file.flush()?)
}

/// Lines as a VNFM logs them.
fn log(rng: &mut SmallRng, length: usize) -> Vec<u8> {
    const WORDS: [&str; 12] = [
        "vnfInstance",
        "instantiated",
        "POST",
        "/vnflcm/v2/vnf_instances",
        "operation",
        "STARTING",
        "granted",
        "heat",
        "stack",
        "certificate",
        "requested",
        "subscription",
    ];
    let mut text = Vec::with_capacity(length + 200);
    while text.len() < length {
        let _ = write!(
            text,
            "2026-11-21T{:02}:{:02}:{:02}Z INFO ",
            rng.random_range(0..24),
            rng.random_range(0..60),
            rng.random_range(0..60)
        );
        for _ in 0..rng.random_range(4..12) {
            let _ = write!(text, "{} ", WORDS[rng.random_range(0..WORDS.len())]);
        }
        let _ = writeln!(text, "id={:08x}", rng.random::<u32>());
    }
    text.truncate(length);
    text
}
