//! Whatever is changed in a sealed pack is seen, and named.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use scas::cms::Trust;
use scas::pack::{Limits, Pack};
use scas::{seal, verify};
use zip::write::SimpleFileOptions;

use super::lab::Lab;
use super::{SCENE, change, copy, fix_up, sample};
use crate::support::Stage;

/// Files up to this many bytes are changed at each of them.
const SMALL: usize = 64;
/// Of a larger one, at so many places.
const PLACES: usize = 4;

/// The names of what does not follow, of a sealed pack that was unpacked.
fn mismatches(folder: &Path, trust: &Trust) -> Vec<String> {
    let pack = match Pack::open(folder, Limits::default()) {
        Ok(pack) => pack,
        Err(error) => return vec![error.to_string()],
    };
    let mut found = verify::verify(&pack, &seal::FILES).unwrap();
    seal::check(&pack, Some(trust), Timestamp::now(), &mut found).unwrap();
    found.mismatches.into_iter().map(|one| one.file).collect()
}

fn files(folder: &Path) -> Vec<String> {
    let pack = Pack::open(folder, Limits::default()).unwrap();
    pack.files().keys().cloned().collect()
}

/// A sealed pack, unpacked to `x`, and whom to believe.
fn sealed(stage: &Stage, lab: &Lab<'_>) -> (PathBuf, Trust) {
    lab.seal("lab");
    lab.expect("mkdir x && cd x && python3 -m zipfile -e ../run.asice .");
    let anchors = std::fs::read_to_string(stage.path("ca.pem")).unwrap();
    (stage.path("x"), Trust::new(&anchors).unwrap())
}

#[test]
fn a_byte_that_is_another_is_seen_wherever_it_is() {
    let stage = Stage::new();
    sample(&stage);
    let Some(lab) = Lab::new(&stage) else { return };
    let (folder, trust) = sealed(&stage, &lab);
    assert_eq!(mismatches(&folder, &trust), Vec::<String>::new());
    let mut tried = 0;
    for name in files(&folder) {
        let path = folder.join(&name);
        let honest = std::fs::read(&path).unwrap();
        let step = if honest.len() <= SMALL {
            1
        } else {
            honest.len() / PLACES
        };
        let places = (0..honest.len()).step_by(step).chain([honest.len() - 1]);
        for at in places {
            let mut bytes = honest.clone();
            bytes[at] ^= 1 << (at % 8);
            std::fs::write(&path, &bytes).unwrap();
            let named = mismatches(&folder, &trust);
            // A change of the certificates file or of what is signed shows in the signature over it too.
            assert!(
                named.contains(&name),
                "{name} at {at} is not among {named:?}"
            );
            tried += 1;
        }
        std::fs::write(&path, &honest).unwrap();
    }
    assert!(tried > 120, "{tried}");
    assert_eq!(mismatches(&folder, &trust), Vec::<String>::new());
}

#[test]
fn a_file_that_is_left_out_added_or_exchanged_is_seen() {
    let stage = Stage::new();
    sample(&stage);
    let Some(lab) = Lab::new(&stage) else { return };
    let (folder, trust) = sealed(&stage, &lab);
    let all = files(&folder);
    for name in &all {
        let (path, aside) = (folder.join(name), stage.path("aside"));
        std::fs::rename(&path, &aside).unwrap();
        let named = mismatches(&folder, &trust);
        assert!(named.contains(name), "{name} is not among {named:?}");
        std::fs::rename(&aside, &path).unwrap();
    }
    for name in [
        "extra",
        "evidence/extra",
        "META-INF/extra",
        "META-INF/signature2.p7s",
    ] {
        std::fs::write(folder.join(name), "").unwrap();
        let named = mismatches(&folder, &trust);
        assert!(
            named.contains(&name.to_owned()),
            "{name} is not among {named:?}"
        );
        std::fs::remove_file(folder.join(name)).unwrap();
    }
    for pair in all.windows(2) {
        let [one, other] = [&pair[0], &pair[1]].map(|name| folder.join(name));
        let aside = stage.path("aside");
        std::fs::rename(&one, &aside).unwrap();
        std::fs::rename(&other, &one).unwrap();
        std::fs::rename(&aside, &other).unwrap();
        let named = mismatches(&folder, &trust);
        assert!(
            pair.iter().all(|name| named.contains(name)),
            "{pair:?}: {named:?}"
        );
        std::fs::rename(&one, &aside).unwrap();
        std::fs::rename(&other, &one).unwrap();
        std::fs::rename(&aside, &other).unwrap();
    }
    assert_eq!(mismatches(&folder, &trust), Vec::<String>::new());
}

#[test]
fn files_of_another_run_are_seen_and_so_is_a_forger_with_a_key_of_his_own() {
    let stage = Stage::new();
    let run = sample(&stage);
    let Some(lab) = Lab::new(&stage) else { return };
    let (folder, trust) = sealed(&stage, &lab);
    // Another run: the same, sealed by the same signer, of another seed.
    let second = stage.path("second/run");
    copy(&run, &second);
    change(&second.join("run.json"), |run| run["seed"] = 2.into());
    fix_up(&stage, &second);
    stage
        .run(&[
            "seal",
            "second/run",
            "--key",
            "lab.key",
            "--cert",
            "lab.pem",
            "--out",
            "y.asice",
        ])
        .assert_told(0, &[]);
    lab.expect("mkdir y && cd y && python3 -m zipfile -e ../y.asice .");
    let other = stage.path("y");
    assert_eq!(mismatches(&other, &trust), Vec::<String>::new());
    for name in [
        "run.json",
        "results.json",
        "manifest.json",
        "seal.intoto.jsonl",
        "META-INF/ASiCManifest.xml",
        "META-INF/signature.p7s",
    ] {
        let honest = std::fs::read(folder.join(name)).unwrap();
        std::fs::copy(other.join(name), folder.join(name)).unwrap();
        let named = mismatches(&folder, &trust);
        assert!(!named.is_empty(), "{name} of another run");
        std::fs::write(folder.join(name), honest).unwrap();
    }

    // Every digest fixed up, every report drawn again, every fact changed where it stands, and sealed by who knows whom.
    let forged = stage.path("run");
    let scene = forged.join(SCENE);
    for text in ["transcript.jsonl", "sut.log"] {
        std::fs::remove_file(scene.join(text)).unwrap();
        std::fs::write(scene.join(text), "").unwrap();
    }
    std::fs::remove_file(stage.path("run.asice")).unwrap();
    fix_up(&stage, &forged);
    // Without the transcript the facts stand alone: that is seen before it is sealed.
    stage
        .run(&["seal", "run", "--key", "lab.key", "--cert", "lab.pem"])
        .assert_told(64, &["does not verify, so it is not sealed"]);
    std::fs::remove_dir_all(&forged).unwrap();
    copy(&second, &forged);
    lab.ca("other");
    lab.certify("forger", "other", "EC -pkeyopt ec_paramgen_curve:P-256", "");
    lab.seal("forger");
    stage
        .run(&["verify", "run.asice", "--anchors", "ca.pem"])
        .assert_told(1, &["META-INF/signature.p7s", "does not chain"]);
}

#[test]
fn a_bad_container_is_refused_with_the_reason() {
    let stage = Stage::new();
    sample(&stage);
    let Some(lab) = Lab::new(&stage) else { return };
    let honest = std::fs::read(lab.seal("lab")).unwrap();
    let told = |bytes: &[u8], names: &[&str]| {
        std::fs::write(stage.path("bad.asice"), bytes).unwrap();
        stage
            .run(&["verify", "bad.asice", "--anchors", "ca.pem"])
            .assert_told(1, names);
        stage.assert_nothing_left();
    };
    for length in [0, 1, 21, honest.len() / 2, honest.len() - 1] {
        told(&honest[..length], &["bad.asice", "no ZIP that is whole"]);
    }
    told(&[b"MZ".as_slice(), &honest].concat(), &["bad.asice"]);

    // Any byte: refused, or seen, or one of the ZIP's own that changes no file, such as an entry's date.
    let before = unpacked(&stage.path("run.asice")).unwrap();
    let (mut seen, mut same) = (0, 0);
    for at in (0..honest.len()).step_by(honest.len() / 60) {
        let mut bytes = honest.clone();
        bytes[at] ^= 0x10;
        std::fs::write(stage.path("bad.asice"), bytes).unwrap();
        let ended = stage.run(&["verify", "bad.asice", "--anchors", "ca.pem"]);
        match ended.code {
            1 => seen += 1,
            _ => {
                assert_eq!(
                    unpacked(&stage.path("bad.asice")).as_ref(),
                    Some(&before),
                    "{at}"
                );
                same += 1;
            }
        }
    }
    // Names and dates stand in a ZIP twice, and its own fields are a part of a small one.
    assert!(seen > 4 * same, "{seen} were seen, {same} changed nothing");

    told(
        &zip(&[("../run.json", b"{}")]),
        &["../run.json", "leads out"],
    );
    told(&zip(&[("/etc/passwd", b"")]), &["/etc/passwd", "leads out"]);
    told(&zip(&[("a\\..\\b", b"")]), &["leads out"]);
    told(&zip(&[("a", b""), ("a/b", b"")]), &["MISMATCH", "a"]);
    let twice = replaced(
        &zip(&[("first", b"1"), ("secon", b"2")]),
        b"secon",
        b"first",
    );
    told(&twice, &["first", "twice"]);

    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive
        .add_symlink("run.json", "/etc/passwd", SimpleFileOptions::default())
        .unwrap();
    told(
        &archive.finish().unwrap().into_inner(),
        &["run.json", "symbolic link"],
    );

    let zeros = vec![0; 300 << 20];
    told(
        &zip(&[("bomb", &zeros)]),
        &["bomb", "unpacks to more than", "a bomb"],
    );
}

/// The digests of what a container unpacks to.
fn unpacked(path: &Path) -> Option<BTreeMap<String, scas::pack::Digest>> {
    let pack = Pack::open(path, Limits::default()).ok()?;
    pack.digests().ok()
}

/// A ZIP of these files.
fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        archive
            .start_file(*name, SimpleFileOptions::default())
            .unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let places: Vec<usize> = (0..bytes.len() - from.len())
        .filter(|at| bytes[*at..].starts_with(from))
        .collect();
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    bytes
}

#[test]
fn a_bad_folder_is_refused_with_the_reason() {
    let stage = Stage::new();
    let run = sample(&stage);
    let honest: BTreeMap<&str, Vec<u8>> = ["run.json", "events.jsonl", "results.json"]
        .map(|name| (name, std::fs::read(run.join(name)).unwrap()))
        .into();
    let told = |names: &[&str]| stage.run(&["verify", "run"]).assert_told(1, names);
    std::os::unix::fs::symlink("/etc/passwd", run.join("evidence/link")).unwrap();
    told(&["evidence/link", "symbolic link"]);
    std::fs::remove_file(run.join("evidence/link")).unwrap();
    nix::unistd::mkfifo(&run.join("evidence/pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    told(&["evidence/pipe", "neither a file nor a folder"]);
    std::fs::remove_file(run.join("evidence/pipe")).unwrap();

    // Longer than what is read into memory, though it takes no room.
    let huge = File::create(run.join("events.jsonl")).unwrap();
    huge.set_len(scas::pack::LONGEST + 1).unwrap();
    told(&["events.jsonl", "more than the"]);
    std::fs::write(run.join("events.jsonl"), &honest["events.jsonl"]).unwrap();

    let deep = format!("{{\"a\":{}", "[".repeat(100_000));
    std::fs::write(run.join("run.json"), deep).unwrap();
    told(&["run.json"]);
    std::fs::write(run.join("run.json"), &honest["run.json"]).unwrap();

    // Of another version: fields that we do not know, or that we miss.
    let text = String::from_utf8(honest["run.json"].clone()).unwrap();
    std::fs::write(run.join("run.json"), text.replace("\"tier\"", "\"level\"")).unwrap();
    told(&["run.json", "missing field `tier`"]);
    std::fs::write(run.join("run.json"), &honest["run.json"]).unwrap();
    change(&run.join("results.json"), |results| {
        results["format"] = 2.into()
    });
    told(&["results.json, /format", "said:    2", "follows: 1"]);
}
