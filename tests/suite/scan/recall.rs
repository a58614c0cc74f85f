//! docs/recall.md: what a scan finds, encoding by encoding and source by source. The encoders here are written for this test
//! alone; the table is drawn from what the program really found.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use scas::exposure::key::{PrivateKey, Secret, load_private};
use serde_json::Value;

use super::{Pair, call, has, put, scan, text};
use crate::support::Stage;

/// Bytes between two encodings, more than the longest takes.
const SLOT: usize = 64 * 1024;

/// How a number is written.
type Encode = fn(&[u8]) -> Vec<u8>;

const FORMS: [(&str, Encode); 34] = [
    ("big-endian", |n| n.to_vec()),
    ("little-endian", reversed),
    ("32-bit limbs, least first, big-endian each", |n| {
        chunks(n, 4, true, false)
    }),
    ("32-bit limbs, most first, little-endian each", |n| {
        chunks(n, 4, false, true)
    }),
    ("64-bit limbs, least first, big-endian each", |n| {
        chunks(n, 8, true, false)
    }),
    ("64-bit limbs, most first, little-endian each", |n| {
        chunks(n, 8, false, true)
    }),
    ("30-bit digits (CPython)", digits),
    ("hex", |n| hex::encode(n).into_bytes()),
    ("hex, capital", |n| hex::encode_upper(n).into_bytes()),
    ("hex, little-endian", |n| {
        hex::encode(reversed(n)).into_bytes()
    }),
    ("hex with ':'", |n| separated(n, "", ":")),
    ("hex with ' '", |n| separated(n, "", " ")),
    ("hex as in C: 0x12, 0x34", |n| separated(n, "0x", ", ")),
    ("hex as in a string: \\x12\\x34", |n| {
        separated(n, "\\x", "")
    }),
    ("hex as openssl prints it", printed),
    ("decimal", |n| {
        num_bigint::BigUint::from_bytes_be(n)
            .to_string()
            .into_bytes()
    }),
    ("base64", |n| base64(n, 0)),
    ("base64, one byte before", |n| base64(n, 1)),
    ("base64, two bytes before", |n| base64(n, 2)),
    ("base64, URL-safe, no padding", |n| {
        URL_SAFE_NO_PAD.encode(n).into_bytes()
    }),
    ("base64, lines of 64", |n| wrapped(&base64(n, 1), 64, "\n")),
    ("base64, lines of 76, CRLF", |n| {
        wrapped(&base64(n, 2), 76, "\r\n")
    }),
    ("base64, JSON-escaped lines", |n| {
        wrapped(&base64(n, 0), 64, "\\n")
    }),
    ("base64 of base64", |n| {
        STANDARD.encode(base64(n, 1)).into_bytes()
    }),
    ("hex of base64", |n| hex::encode(base64(n, 1)).into_bytes()),
    ("UTF-16LE of hex", |n| utf16(hex::encode(n).as_bytes())),
    ("UTF-16LE of base64", |n| utf16(&base64(n, 0))),
    ("first half overwritten", |n| {
        [vec![0; n.len() / 2], n[n.len() / 2..].to_vec()].concat()
    }),
    ("last half overwritten", |n| {
        [n[..n.len() / 2].to_vec(), vec![0; n.len() / 2]].concat()
    }),
    ("XORed", |n| n.iter().map(|byte| byte ^ 0x5a).collect()),
    ("in pieces of 8 bytes", |n| {
        n.chunks(8)
            .flat_map(|piece| [piece, &[0; 24]].concat())
            .collect()
    }),
    ("encrypted", encrypted),
    ("base32", base32),
    ("bits reversed", |n| {
        n.iter().map(|byte| byte.reverse_bits()).collect()
    }),
];

fn reversed(number: &[u8]) -> Vec<u8> {
    number.iter().rev().copied().collect()
}

/// Limbs of so many bytes, counted from the least significant; the last may be filled up with zeros.
fn chunks(number: &[u8], size: usize, least_first: bool, little: bool) -> Vec<u8> {
    let mut padded = vec![0; number.len().next_multiple_of(size) - number.len()];
    padded.extend_from_slice(number);
    let mut limbs: Vec<Vec<u8>> = padded.chunks(size).map(<[u8]>::to_vec).collect();
    if least_first {
        limbs.reverse();
    }
    if little {
        limbs.iter_mut().for_each(|limb| limb.reverse());
    }
    limbs.concat()
}

fn digits(number: &[u8]) -> Vec<u8> {
    let (mut rest, mask) = (num_bigint::BigUint::from_bytes_be(number), (1u32 << 30) - 1);
    let mut digits = Vec::new();
    while rest.bits() > 0 {
        let digit = u32::try_from(&rest & num_bigint::BigUint::from(mask)).unwrap();
        digits.extend_from_slice(&digit.to_le_bytes());
        rest >>= 30;
    }
    digits
}

fn separated(number: &[u8], before: &str, between: &str) -> Vec<u8> {
    let bytes: Vec<String> = number
        .iter()
        .map(|byte| format!("{before}{byte:02x}"))
        .collect();
    bytes.join(between).into_bytes()
}

fn printed(number: &[u8]) -> Vec<u8> {
    let lines: Vec<String> = number
        .chunks(15)
        .map(|line| {
            format!(
                "    {}",
                String::from_utf8(separated(line, "", ":")).unwrap()
            )
        })
        .collect();
    lines.join(":\n").into_bytes()
}

fn base64(number: &[u8], before: usize) -> Vec<u8> {
    let text = STANDARD.encode([vec![0x42; before], number.to_vec()].concat());
    text.into_bytes()
}

fn wrapped(text: &[u8], width: usize, line_end: &str) -> Vec<u8> {
    // The number begins in the middle of a line, as it does in PEM.
    let text = [&[b'A'; 36], text].concat();
    let lines: Vec<&[u8]> = text.chunks(width).collect();
    lines.join(line_end.as_bytes())
}

fn utf16(text: &[u8]) -> Vec<u8> {
    text.iter().flat_map(|byte| [*byte, 0]).collect()
}

fn encrypted(number: &[u8]) -> Vec<u8> {
    use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).unwrap());
    let mut sealed = number.to_vec();
    let nonce = Nonce::assume_unique_for_key([0; 12]);
    key.seal_in_place_append_tag(nonce, Aad::empty(), &mut sealed)
        .unwrap();
    sealed
}

fn base32(number: &[u8]) -> Vec<u8> {
    let bits: String = number.iter().map(|byte| format!("{byte:08b}")).collect();
    let letters = bits.as_bytes().chunks(5).map(|five| {
        let five = format!("{:0<5}", std::str::from_utf8(five).unwrap());
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[usize::from_str_radix(&five, 2).unwrap()]
    });
    letters.collect()
}

/// What openssl and others write of a whole key.
fn documents(stage: &Stage, pair: &Pair) -> Vec<(&'static str, Vec<u8>)> {
    let key = text(&pair.key);
    let pem = call(stage, "openssl", &["pkey", "-in", key]);
    let der = call(stage, "openssl", &["pkey", "-in", key, "-outform", "DER"]);
    // Ed25519 has no form of its own beside PKCS#8.
    let old = stage
        .command("openssl", &["pkey", "-in", key, "-traditional"])
        .output()
        .unwrap();
    let old = if old.status.success() {
        old.stdout
    } else {
        pem.clone()
    };
    vec![
        ("PKCS#8", der),
        ("PEM", pem.clone()),
        ("PEM of SEC 1 or PKCS#1, where there is one", old),
        (
            "PEM, CRLF",
            String::from_utf8(pem.clone())
                .unwrap()
                .replace('\n', "\r\n")
                .into_bytes(),
        ),
        (
            "PEM in JSON",
            serde_json::to_vec(std::str::from_utf8(&pem).unwrap()).unwrap(),
        ),
        (
            "PEM in base64 (Kubernetes Secret)",
            STANDARD.encode(&pem).into_bytes(),
        ),
        ("PEM in hex", hex::encode(&pem).into_bytes()),
        ("PEM in UTF-16LE", utf16(&pem)),
    ]
}

const KINDS: [(&str, &[&str]); 5] = [
    (
        "EC P-256",
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    ),
    (
        "EC P-384",
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    ),
    (
        "EC P-521",
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
    ),
    ("Ed25519", &["-algorithm", "ED25519"]),
    (
        "RSA 2048",
        &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    ),
];

/// A key in every form, each in a slot of its own.
struct Corpus {
    pair: Pair,
    names: Vec<&'static str>,
    bytes: Vec<u8>,
}

fn corpus(stage: &Stage, name: &str, kind: &[&str]) -> Corpus {
    let pair = Pair::new(stage, name, kind);
    let (private, _) = load_private(
        "key",
        &std::fs::read(&pair.key).unwrap(),
        &Vec::<Secret>::new(),
    )
    .unwrap();
    let number = match &private {
        PrivateKey::Ec { scalar, .. } => scalar,
        PrivateKey::Ed25519 { seed } => seed,
        PrivateKey::Rsa { p, .. } => p,
    };
    let mut forms: Vec<(&str, Vec<u8>)> = FORMS
        .iter()
        .map(|(name, encode)| (*name, encode(number.expose())))
        .collect();
    forms.extend(documents(stage, &pair));
    let mut bytes = Vec::new();
    for (slot, (_, form)) in forms.iter().enumerate() {
        // Multiples of 8 for the blind search of aligned windows; of nothing more.
        bytes.resize(slot * SLOT + 8 * (slot % 7 + 1), b'.');
        bytes.extend_from_slice(form);
        bytes.push(b'.');
    }
    bytes.resize(forms.len() * SLOT, b'.');
    let names = forms.iter().map(|(name, _)| *name).collect();
    Corpus { pair, names, bytes }
}

/// The slots that something was found in, of an answer. Positions in a tar file itself are those in its member and a header
/// of 512 bytes more; those in a process are addresses from `base` on.
fn slots(answer: &Value, label: &str, base: u64, size: usize) -> BTreeSet<usize> {
    let exposures = answer["exposures"]
        .as_array()
        .unwrap_or_else(|| panic!("{answer}"));
    let slot = |exposure: &Value| {
        let at = exposure["at"].as_u64().unwrap();
        let raw = exposure["place"]["inside"].is_null();
        let header = if label == "tar" && raw { 512 } else { 0 };
        let at = usize::try_from(at.checked_sub(base + header)?).ok()?;
        (at < size).then_some(at / SLOT)
    };
    exposures.iter().filter_map(slot).collect()
}

/// Sources that hold the corpus.
fn sources(stage: &Stage, name: &str, bytes: &[u8]) -> Vec<(&'static str, String)> {
    let file = put(stage, &format!("{name}/file"), bytes);
    let mut sources = vec![("file", text(&file).to_owned())];
    for (label, script) in [
        (
            "gzip",
            "import gzip,sys; gzip.open(sys.argv[2],'wb').write(open(sys.argv[1],'rb').read())",
        ),
        (
            "zip",
            "import zipfile,sys; zipfile.ZipFile(sys.argv[2],'w',zipfile.ZIP_DEFLATED).write(sys.argv[1],'x')",
        ),
        (
            "tar",
            "import tarfile,sys; tarfile.open(sys.argv[2],'w').add(sys.argv[1],'x')",
        ),
    ] {
        let packed = stage.path(&format!("{name}/{label}"));
        call(
            stage,
            "python3",
            &["-c", script, text(&file), text(&packed)],
        );
        sources.push((label, text(&packed).to_owned()));
    }
    let packed = stage.path(&format!("{name}/zstd"));
    call(stage, "zstd", &["-q", text(&file), "-o", text(&packed)]);
    sources.push(("zstd", text(&packed).to_owned()));
    sources
}

/// A process that has read the corpus, and the address at which it lies there.
fn holder(stage: &Stage, file: &str) -> (Child, u64) {
    // The bytes of such an object begin 32 bytes behind its own address.
    let script = "import sys; data = open(sys.argv[1], 'rb').read(); print(id(data) + 32, flush=True); sys.stdin.read()";
    let mut child = stage
        .command("python3", &["-c", script, file])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    (child, line.trim().parse().unwrap())
}

/// What is found through each kind of source, in the order of [`COLUMNS`].
fn known(stage: &Stage, corpus: &Corpus, name: &str) -> Vec<BTreeSet<usize>> {
    let (key, size) = (text(&corpus.pair.key), corpus.bytes.len());
    let mut found = Vec::new();
    let packed = sources(stage, name, &corpus.bytes);
    for (label, source) in &packed {
        let answer = scan(stage, &["--key", key], &[source]).answer;
        found.push(slots(&answer, label, 0, size));
    }
    let file = &packed[0].1;
    let read = |mut command: Command, input: Stdio| -> Value {
        let output = command.stdin(input).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let answer = read(
        stage.scas(&["scan", "--json", "--key", key, "-"]),
        std::fs::File::open(file).unwrap().into(),
    );
    found.push(slots(&answer, "stdin", 0, size));

    let (mut process, base) = holder(stage, file);
    let answer = scan(stage, &["--key", key], &[&format!("pid:{}", process.id())]).answer;
    process.kill().unwrap();
    process.wait().unwrap();
    found.push(slots(&answer, "process", base, size));

    let asked = put(stage, &format!("{name}/asked"), key.as_bytes());
    let answer = read(
        stage.scas(&["scan", "--json", "--hold", file]),
        std::fs::File::open(asked).unwrap().into(),
    );
    found.push(slots(&answer, "snapshot", 0, size));
    found
}

const COLUMNS: [&str; 8] = [
    "file", "gzip", "zip", "tar", "zstd", "stdin", "process", "snapshot",
];

#[test]
fn the_table_in_the_documentation_is_what_a_scan_finds() {
    if !has("openssl", &["version"])
        || !has("python3", &["--version"])
        || !has("zstd", &["--version"])
    {
        return;
    }
    let stage = Stage::new();
    let mut names = Vec::new();
    let mut counts = Vec::new();
    let mut blind = Vec::new();
    for (number, (kind, options)) in KINDS.iter().enumerate() {
        let corpus = corpus(&stage, &format!("k{number}"), options);
        counts.resize(corpus.names.len(), [0; COLUMNS.len()]);
        blind.resize(corpus.names.len(), Vec::new());
        let name = format!("c{number}");
        for (column, found) in known(&stage, &corpus, &name).into_iter().enumerate() {
            for slot in found {
                counts[slot][column] += 1;
            }
        }
        let file = stage.path(&format!("{name}/file"));
        let answer = scan(&stage, &["--cert", text(&corpus.pair.cert)], &[text(&file)]).answer;
        for slot in slots(&answer, "file", 0, corpus.bytes.len()) {
            blind[slot].push(*kind);
        }
        names = corpus.names;
    }
    let table = draw(&names, &counts, &blind);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/recall.md");
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    if committed != table {
        if std::env::var_os("SCAS_REDRAW").is_some() {
            std::fs::write(&path, &table).unwrap();
        }
        panic!("docs/recall.md is not what was found; SCAS_REDRAW=1 writes it again:\n{table}");
    }
}

fn draw(names: &[&str], counts: &[[usize; COLUMNS.len()]], blind: &[Vec<&str>]) -> String {
    let mut table = String::from(
        "# What a scan finds\n\nDrawn by a test (`tests/suite/scan/recall.rs`), which writes a key in each encoding, scans, and counts. \
         A key of each\nkind (EC P-256, P-384, P-521, Ed25519, RSA 2048) is written once: a cell says in how many of the five it was found. The\nlast \
         column is the search with the certificate alone, in a plain file, at its default of every 8th offset for EC and\nEd25519.\n\n",
    );
    let _ = writeln!(table, "| encoding | {} | blind |", COLUMNS.join(" | "));
    let _ = writeln!(table, "|---|{}", "---|".repeat(COLUMNS.len() + 1));
    for ((name, counts), blind) in names.iter().zip(counts).zip(blind) {
        let cells = counts.map(|found| format!("{found}/{}", KINDS.len()));
        let blind = match blind.as_slice() {
            [] => "none".to_owned(),
            all if all.len() == KINDS.len() => "all".to_owned(),
            some => some.join(", "),
        };
        let _ = writeln!(table, "| {name} | {} | {blind} |", cells.join(" | "));
    }
    table
}
