//! Reading a cached file of 1 GiB and adding up its words, beside `cat` to nowhere and beside one mapping of the file.
//!
//! `cat` only reads, so it is the floor; the mapping is what others do who search large files.

#![expect(clippy::print_stdout, reason = "figures are for people")]

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use nix::libc;
use scas_exposure::detector::Window;
use scas_exposure::source::limits::{Limits, Rules};
use scas_exposure::source::path::works;
use scas_exposure::source::{Gap, Place, Visitor};

const SIZE: usize = 1 << 30;
const ROUNDS: usize = 9;

fn main() -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new()?;
    let mut state = 1u64;
    for _ in 0..SIZE >> 20 {
        let mut block = Vec::with_capacity(1 << 20);
        while block.len() < 1 << 20 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            block.extend(state.to_le_bytes());
        }
        file.write_all(&block)?;
    }
    let path = file.path();
    let mut figures = [const { Vec::new() }; 4];
    // Interleaved, since a machine has better and worse moments. The first round warms up.
    for round in 0..=ROUNDS {
        let seconds = [
            timed(|| assert_eq!(searched(path, 1), SIZE as u64)),
            timed(|| assert_eq!(searched(path, 2), SIZE as u64)),
            timed(|| cat(path)),
            timed(|| mapped(path)),
        ];
        for (figures, seconds) in figures.iter_mut().zip(seconds) {
            if round > 0 {
                figures.push(seconds);
            }
        }
    }
    let [one, two, cat, mapped] = figures.map(median);
    println!("GiB/s over a cached file of 1 GiB, medians of {ROUNDS}");
    println!("one thread      {:6.2}", 1.0 / one);
    println!("two threads     {:6.2}  {:.2}x one", 1.0 / two, one / two);
    println!("cat             {:6.2}  we: {:.2}x", 1.0 / cat, cat / one);
    println!(
        "one mapping     {:6.2}  we: {:.2}x",
        1.0 / mapped,
        mapped / one
    );
    Ok(())
}

fn timed(what: impl FnOnce()) -> f64 {
    let started = Instant::now();
    what();
    started.elapsed().as_secs_f64()
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

#[derive(Default)]
struct Sum {
    words: AtomicU64,
    bytes: AtomicU64,
}

impl Visitor for Sum {
    fn window(&self, _: &Place, window: &Window<'_>) {
        let fresh = &window.bytes[window.fresh.clone()];
        self.words.fetch_add(sum(fresh), Ordering::Relaxed);
        self.bytes.fetch_add(fresh.len() as u64, Ordering::Relaxed);
    }

    fn gap(&self, place: &Place, gap: Gap) {
        println!("{place:?}: {gap:?}");
    }
}

/// Returns the number of bytes.
fn searched(path: &Path, threads: usize) -> u64 {
    let (limits, rules) = <(Limits, Rules)>::default();
    let visitor = Sum::default();
    let works = works("file", path, &limits, &rules).expect("the file was just written");
    let works = Mutex::new(works);
    let next = || works.lock().ok()?.next();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(work) = next() {
                    work(&visitor);
                }
            });
        }
    });
    visitor.bytes.into_inner()
}

fn cat(path: &Path) {
    let status = Command::new("cat").arg(path).stdout(Stdio::null()).status();
    assert!(status.is_ok_and(|status| status.success()));
}

fn mapped(path: &Path) {
    use std::os::fd::AsRawFd as _;
    let file = File::open(path).expect("the file was just written");
    // SAFETY: a fresh mapping that nobody else has; nobody cuts the file short meanwhile.
    let bytes = unsafe {
        let fd = file.as_raw_fd();
        let start = libc::mmap(
            std::ptr::null_mut(),
            SIZE,
            libc::PROT_READ,
            libc::MAP_SHARED,
            fd,
            0,
        );
        assert!(start != libc::MAP_FAILED);
        std::slice::from_raw_parts(start.cast::<u8>(), SIZE)
    };
    std::hint::black_box(sum(bytes));
    // SAFETY: mapped above, and not used any more.
    unsafe { libc::munmap(bytes.as_ptr().cast_mut().cast(), SIZE) };
}

fn sum(bytes: &[u8]) -> u64 {
    let (words, _) = bytes.as_chunks::<8>();
    let words = words.iter().map(|word| u64::from_ne_bytes(*word));
    words.fold(0, u64::wrapping_add)
}
