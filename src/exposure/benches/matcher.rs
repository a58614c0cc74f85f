//! The search for known keys, beside ripgrep and yara: the same file in the page cache, in the same minute, pair by pair.
//!
//! The image is made from a seed: half random, a quarter zeros, a quarter text. `cargo bench -p scas-exposure --bench
//! matcher -- 7` takes seven pairs. Prints figures, passes or fails nothing.

#![expect(clippy::print_stdout, reason = "figures are for people")]

#[path = "../../../benches/common/figures.rs"]
mod figures;
#[path = "matcher/image.rs"]
mod image;
#[path = "../tests/matcher/keys.rs"]
#[expect(dead_code, reason = "tests use more of it")]
mod keys;
#[path = "matcher/map.rs"]
mod map;

use std::error::Error;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use scas_exposure::detector::{Detector, REACH, Window};
use scas_exposure::key::Target;
use scas_exposure::matcher::Matcher;

use figures::{Pairs, median, rounds};
use image::{PLANTED, SIZE};
use keys::{Kind, Random, numbers, target};

/// The part of the file that one window answers for.
const SPAN: usize = 32 << 20;
const SEED: u64 = 1;

fn main() -> Result<(), Box<dyn Error>> {
    let mut random = Random(SEED);
    let targets: Vec<Target> = (0..1000).map(|_| target(Kind::P256, &mut random)).collect();
    let keys: Vec<Vec<u8>> = targets.iter().map(|t| numbers(t)[0].1.clone()).collect();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let path = image::make(&folder.join("matcher.image"), &keys[0], SEED)?;
    let rounds = rounds(5);
    println!(
        "image of {} MiB: half random, a quarter zeros, a quarter text; GiB/s, medians",
        SIZE >> 20
    );

    let one = &targets[..1];
    memory(&path, rounds)?;
    literal(&path, one, &keys[0], rounds)?;
    raw_needles(&path, one, &keys, rounds)?;
    rules(&path, one, &keys)?;
    threads(&path, one, rounds)?;
    many(&path, &targets, rounds)?;
    Ok(())
}

/// How fast the file can be read at all.
fn memory(path: &Path, rounds: usize) -> Result<(), Box<dyn Error>> {
    let file = File::open(path)?;
    let figures: Result<Vec<f64>, std::io::Error> = (0..rounds)
        .map(|_| {
            rate(|| {
                let mut sum = 0u64;
                for start in (0..SIZE).step_by(SPAN) {
                    let map = map::Map::new(&file, start, SPAN)?;
                    let words = map.bytes().chunks_exact(8).map(|word| {
                        u64::from_le_bytes(word.try_into().expect("chunks have this length"))
                    });
                    sum = words.fold(sum, u64::wrapping_add);
                }
                std::hint::black_box(sum);
                Ok(())
            })
        })
        .collect();
    println!("  mapped and summed: {:.2}", median(figures?.into_iter()));
    Ok(())
}

fn literal(path: &Path, one: &[Target], key: &[u8], rounds: usize) -> Result<(), Box<dyn Error>> {
    if missing("rg") {
        return Ok(());
    }
    let literal: String = key.iter().rev().map(|b| format!("{b:02x}")).collect();
    let mut pairs = Pairs::default();
    for _ in 0..rounds {
        let ours = rate(|| scan(path, one, 1, Some(PLANTED)))?;
        let peer = rate(|| {
            run(Command::new("rg")
                .args(["-c", "-a", "-F", &literal])
                .arg(path))
        })?;
        pairs.add(ours, peer);
    }
    pairs.conclude(
        "all encodings of one P-256 key; peer: rg -c -a -F, one literal",
        "GiB/s",
        "goal: 0.8",
    );
    Ok(())
}

fn raw_needles(
    path: &Path,
    one: &[Target],
    keys: &[Vec<u8>],
    rounds: usize,
) -> Result<(), Box<dyn Error>> {
    if missing("rg") {
        return Ok(());
    }
    let list = path.with_extension("needles");
    let lines = keys[..60].iter().map(|key| {
        let bytes: String = key.iter().map(|b| format!("\\x{b:02x}")).collect();
        // Written such that ripgrep sees literals, with which it is fastest.
        format!("(?-u){bytes}\n")
    });
    std::fs::write(&list, lines.collect::<String>())?;
    let mut pairs = Pairs::default();
    for _ in 0..rounds {
        let ours = rate(|| scan(path, one, 1, Some(PLANTED)))?;
        let peer = rate(|| {
            run(Command::new("rg")
                .args(["-c", "-a", "-U", "-f"])
                .arg(&list)
                .arg(path))
        })?;
        pairs.add(ours, peer);
    }
    pairs.conclude(
        "all encodings of one P-256 key; peer: rg -c -a -U -f, 60 raw needles",
        "GiB/s",
        "goal: 1.5",
    );
    Ok(())
}

fn rules(path: &Path, one: &[Target], keys: &[Vec<u8>]) -> Result<(), Box<dyn Error>> {
    if missing("yara") {
        return Ok(());
    }
    let list = path.with_extension("yara");
    let rules = keys[..60].iter().enumerate().map(|(i, key)| {
        let bytes: String = key.iter().map(|b| format!("{b:02x} ")).collect();
        format!("rule r{i} {{ strings: $a = {{ {bytes}}} condition: $a }}\n")
    });
    std::fs::write(&list, rules.collect::<String>())?;
    let mut pairs = Pairs::default();
    for _ in 0..3 {
        let ours = rate(|| scan(path, one, 1, Some(PLANTED)))?;
        let peer = rate(|| run(Command::new("yara").arg(&list).arg(path)))?;
        pairs.add(ours, peer);
    }
    pairs.conclude(
        "all encodings of one P-256 key; peer: yara, 60 rules",
        "GiB/s",
        "goal: 15",
    );
    Ok(())
}

fn threads(path: &Path, one: &[Target], rounds: usize) -> Result<(), Box<dyn Error>> {
    let mut pairs = Pairs::default();
    for _ in 0..rounds {
        let two = rate(|| scan(path, one, 2, Some(PLANTED)))?;
        let single = rate(|| scan(path, one, 1, Some(PLANTED)))?;
        pairs.add(two, single);
    }
    pairs.conclude(
        "one key, two threads; beside one thread",
        "GiB/s",
        "goal: 1.7",
    );
    Ok(())
}

fn many(path: &Path, targets: &[Target], rounds: usize) -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let matcher = Matcher::new(targets);
    println!(
        "  {matcher:?} made in {:.2} s",
        started.elapsed().as_secs_f64()
    );
    let one = Matcher::new(&targets[..1]);
    let mut pairs = Pairs::default();
    for _ in 0..rounds {
        let thousand = rate(|| search(path, &matcher, 1, Some(PLANTED)))?;
        let single = rate(|| search(path, &one, 1, Some(PLANTED)))?;
        pairs.add(thousand, single);
    }
    pairs.conclude("1,000 keys; beside one key", "GiB/s", "goal: 0.25");
    Ok(())
}

/// Everything that a program would do: makes the matcher, maps the file, searches.
fn scan(
    path: &Path,
    targets: &[Target],
    threads: usize,
    expected: Option<usize>,
) -> std::io::Result<()> {
    search(path, &Matcher::new(targets), threads, expected)
}

fn search(
    path: &Path,
    matcher: &Matcher,
    threads: usize,
    expected: Option<usize>,
) -> std::io::Result<()> {
    let file = File::open(path)?;
    let next = std::sync::atomic::AtomicUsize::new(0);
    let found = std::sync::Mutex::new(std::collections::HashSet::new());
    let work = || -> std::io::Result<()> {
        loop {
            let start = next.fetch_add(SPAN, std::sync::atomic::Ordering::Relaxed);
            if start >= SIZE {
                return Ok(());
            }
            let begin = start.saturating_sub(REACH);
            let end = SIZE.min(start + SPAN + REACH);
            let map = map::Map::new(&file, begin, end - begin)?;
            let window = Window {
                bytes: map.bytes(),
                fresh: start - begin..(start + SPAN).min(SIZE) - begin,
                offset: begin as u64,
                ahead: 0,
            };
            matcher.search(&window, &mut |sighting| {
                found
                    .lock()
                    .expect("nobody panics with it")
                    .insert(sighting);
            });
        }
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        work()?;
        others
            .into_iter()
            .try_for_each(|t| t.join().expect("it does not panic"))
    })?;
    let found = found.lock().expect("nobody panics with it").len();
    if expected.is_some_and(|expected| expected != found) {
        println!("  WRONG: {found} sightings, expected {expected:?}");
    }
    Ok(())
}

/// GiB of the image a second.
fn rate(mut work: impl FnMut() -> std::io::Result<()>) -> std::io::Result<f64> {
    let started = Instant::now();
    work()?;
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    Ok(SIZE as f64 / f64::from(1u32 << 30) / started.elapsed().as_secs_f64())
}

fn run(command: &mut Command) -> std::io::Result<()> {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map(|_| ())
}

fn missing(program: &str) -> bool {
    let missing = Command::new(program).arg("--version").output().is_err();
    if missing {
        println!("NOT RUN: `{program}` is missing: there is no figure of it");
    }
    missing
}
