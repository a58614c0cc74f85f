//! Seconds a GiB and candidates a second of the blind search, beside aws-lc's multiplications of the base point.
//!
//! The image is made from a seed: zeros, text, pointers and small numbers, and so much noise that 0.7 % of all windows of 32
//! bytes pass the prefilter. One thread, whose time on a processor counts, so that neighbours disturb less; the median of three
//! runs; figures for a GiB are scaled from 64 MiB.

#![expect(clippy::print_stdout, reason = "figures are for people")]

use std::time::Instant;

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use scas_exposure::blind::{Blind, Order, Stride};
use scas_exposure::detector::{Detector, REACH, Window};
use scas_exposure::key::{Curve, PublicKey, Target};

const MIB: usize = 1 << 20;
const IMAGE: usize = 64 * MIB;
const NOISE: usize = 2 * MIB;
/// Fresh bytes of a window.
const STEP: usize = MIB;
/// Noise in each 4 KiB of the image.
const NOISE_IN_PAGE: usize = 44;

fn main() {
    let begin = Instant::now();
    let peer = multiplications();
    println!("peer: aws-lc, P-256 key from 32 bytes and its public key: {peer:.0} a second");

    let mut image = vec![0; IMAGE];
    fill(&mut image);
    let mut noise = vec![0; NOISE];
    Noise(77).fill(&mut noise);
    let zeros = vec![0; IMAGE];

    let p256 = || vec![ec(Curve::P256)];
    let big = &[Order::Big];
    let aligned = Blind::with_orders(&p256(), Stride::Aligned8, big);
    let every = Blind::with_orders(&p256(), Stride::Every, big);
    show(
        "EC P-256, multiples of 8",
        &aligned,
        &image,
        "goal 15 s/GiB",
    );
    show("EC P-256, every position", &every, &image, "goal 100 s/GiB");
    show(
        "EC P-256, every, 1000 targets",
        &Blind::with_orders(&many(), Stride::Every, big),
        &image,
        "",
    );
    show(
        "EC P-256, every, all orders",
        &Blind::new(&p256(), Stride::Every),
        &image,
        "",
    );
    show(
        "EC P-384, multiples of 8",
        &Blind::with_orders(&[ec(Curve::P384)], Stride::Aligned8, big),
        &image,
        "",
    );
    show(
        "EC P-521, multiples of 8",
        &Blind::with_orders(&[ec(Curve::P521)], Stride::Aligned8, big),
        &image,
        "",
    );
    show(
        "Ed25519, multiples of 8",
        &Blind::new(&[target(PublicKey::Ed25519([2; 32]))], Stride::Aligned8),
        &image,
        "",
    );
    let rsa = |bits: usize| {
        let mut modulus = vec![0; bits / 8];
        Noise(5).fill(&mut modulus);
        modulus[0] |= 0x80;
        [target(PublicKey::Rsa {
            modulus,
            exponent: vec![1, 0, 1],
        })]
    };
    let rsa_2048 = Blind::new(&rsa(2048), Stride::Every);
    show(
        "RSA 2048, every position",
        &rsa_2048,
        &image,
        "goal 20 s/GiB",
    );
    show(
        "RSA 8192, every position",
        &Blind::new(&rsa(8192), Stride::Every),
        &image,
        "",
    );

    println!("zeros:");
    show("EC P-256, every position", &every, &zeros, "");
    show("RSA 2048, every position", &rsa_2048, &zeros, "");
    println!("noise, of which every window is tried:");
    show("EC P-256, multiples of 8", &aligned, &noise, "");
    show("RSA 2048, every position", &rsa_2048, &noise, "");
    println!("{:.0} s in all", begin.elapsed().as_secs_f64());
}

/// Prints what one search costs.
fn show(name: &str, blind: &Blind, bytes: &[u8], goal: &str) {
    let mut plausible = 0;
    let count = seconds(|| {
        plausible = windows(bytes).map(|window| blind.plausible(&window)).sum();
    });
    let search = seconds(|| {
        for window in windows(bytes) {
            blind.search(&window, &mut |_| println!("a key, where there is none"));
        }
    });
    let gib = bytes.len() as f64 / (1024 * MIB) as f64;
    // Where the prefilter is nearly all, the difference is chance.
    let rate = if search > 1.2 * count {
        format!("{:.0} a second", plausible as f64 / (search - count))
    } else {
        String::from("trying costs next to nothing")
    };
    println!(
        "{name:30} {:7.2} s/GiB, {:5.2} of them prefilter; {:5.2} % pass, {rate}; {goal}",
        search / gib,
        count / gib,
        100.0 * plausible as f64 / bytes.len() as f64,
    );
}

/// Median of three.
fn seconds(mut what: impl FnMut()) -> f64 {
    let mut times = [0.0; 3].map(|_: f64| {
        let begin = on_processor();
        what();
        on_processor() - begin
    });
    times.sort_by(f64::total_cmp);
    times[1]
}

/// Seconds that this thread has run.
fn on_processor() -> f64 {
    let figures = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells it");
    let nanoseconds = figures
        .split(' ')
        .next()
        .and_then(|first| first.parse::<f64>().ok());
    nanoseconds.expect("the first figure is a number") / 1e9
}

/// As a source cuts it.
fn windows(bytes: &[u8]) -> impl Iterator<Item = Window<'_>> {
    (0..bytes.len()).step_by(STEP).map(|start| {
        let from = start.saturating_sub(REACH);
        let end = (start + STEP).min(bytes.len());
        Window {
            bytes: &bytes[from..(end + REACH).min(bytes.len())],
            fresh: start - from..end - from,
            offset: from as u64,
            ahead: 0,
        }
    })
}

/// Public keys that aws-lc computes in a second.
fn multiplications() -> f64 {
    let mut scalar = [7; 32];
    let rounds = 5000;
    let time = seconds(|| {
        for i in 0..rounds {
            scalar[31] = i as u8;
            let key = PrivateKey::from_private_key(&ECDH_P256, &scalar).expect("it is in range");
            std::hint::black_box(key.compute_public_key().expect("every key has one"));
        }
    });
    f64::from(rounds) / time
}

/// Half zeros, a quarter text, a quarter structures, a little noise in every page.
fn fill(image: &mut [u8]) {
    let mut noise = Noise(1);
    for page in image.chunks_mut(4096) {
        match noise.next() % 4 {
            0 | 1 => {}
            2 => {
                for line in page.chunks_mut(64) {
                    let text = format!(
                        "2026-11-21T21:57:{:02}Z vnfm[{:5}]: grant {:016x} for instance seven\n",
                        noise.next() % 60,
                        noise.next() % 32768,
                        noise.next(),
                    );
                    line.copy_from_slice(&text.as_bytes()[..64]);
                }
            }
            _ => {
                for word in page.as_chunks_mut::<8>().0 {
                    let random = noise.next();
                    *word = match random % 3 {
                        0 => 0x7f3a_1c00_0000 + (random >> 40),
                        1 => random >> 52,
                        _ => 0,
                    }
                    .to_le_bytes();
                }
            }
        }
        let at = noise.next() as usize % (page.len() - NOISE_IN_PAGE);
        noise.fill(&mut page[at..at + NOISE_IN_PAGE]);
    }
}

/// xorshift64*, from a seed.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        for word in bytes.chunks_mut(8) {
            word.copy_from_slice(&self.next().to_be_bytes()[..word.len()]);
        }
    }
}

/// A public key that nobody has the private half of: the search cannot tell.
fn ec(curve: Curve) -> Target {
    let (mut x, mut y) = (vec![1; curve.size()], vec![2; curve.size()]);
    Noise(11).fill(&mut x);
    Noise(12).fill(&mut y);
    target(PublicKey::Ec { curve, x, y })
}

fn many() -> Vec<Target> {
    (1..=1000)
        .map(|seed| {
            let mut x = vec![0; 32];
            Noise(seed).fill(&mut x);
            let y = x.clone();
            target(PublicKey::Ec {
                curve: Curve::P256,
                x,
                y,
            })
        })
        .collect()
}

fn target(public: PublicKey) -> Target {
    Target {
        name: String::from("public"),
        public,
        private: None,
    }
}
