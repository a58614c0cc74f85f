//! Disks and memories of virtual machines, in the files that hypervisors and their tools write; each beside a twin without the
//! key.

use super::{Pair, Scanned, call, has, put, scan_known, text};
use crate::support::Stage;

const MIB: usize = 1 << 20;
/// Where the key lies on the disk: across the bound of two clusters, of 64 KiB or of 1 MiB.
const AT: usize = 5 * MIB - 100;

/// A key, another one that lies nowhere, and a plain image of a disk of 8 MiB which holds the first in PEM.
fn machine(stage: &Stage) -> Option<(Pair, Pair, String)> {
    if !has("openssl", &["version"]) || !has("qemu-img", &["--version"]) {
        return None;
    }
    let (pair, other) = (Pair::ec(stage, "vnfci"), Pair::ec(stage, "other"));
    let mut disk = vec![0; 8 * MIB];
    let key = pair.key_text();
    disk[AT..AT + key.len()].copy_from_slice(key.as_bytes());
    let plain = put(stage, "disk.raw", &disk);
    let plain = text(&plain).to_owned();
    Some((pair, other, plain))
}

fn convert(stage: &Stage, plain: &str, format: &str, options: &[&str]) -> String {
    let image = stage.path(&format!("disk.{format}"));
    let image = text(&image).to_owned();
    let mut arguments = vec!["convert", "-f", "raw", "-O", format];
    arguments.extend(options);
    arguments.extend([plain, &image]);
    call(stage, "qemu-img", &arguments);
    image
}

/// The offset of each exposure, and the containers it is in.
fn places(scanned: &Scanned) -> Vec<(u64, String)> {
    let exposures = scanned.answer["exposures"].as_array().unwrap();
    exposures
        .iter()
        .map(|exposure| {
            let at = exposure["at"].as_u64().unwrap();
            (at, exposure["place"]["inside"].to_string())
        })
        .collect()
}

#[test]
fn a_compressed_image_is_searched_as_the_disk_that_it_is() {
    let stage = Stage::new();
    let Some((pair, other, plain)) = machine(&stage) else {
        return;
    };
    let image = convert(&stage, &plain, "qcow2", &["-c"]);
    let found = scan_known(&stage, &pair, &[&image]);
    found.assert_found(&["qcow2", "PEM"]);
    let header = "-----BEGIN PRIVATE KEY-----\n".len();
    let scalar = AT + header + 47;
    assert!(
        places(&found)
            .iter()
            .all(|(at, inside)| inside == r#"["qcow2"]"# && (AT..=scalar).contains(&(*at as usize))),
        "{:?}",
        places(&found)
    );
    scan_known(&stage, &other, &[&image]).assert_nothing_found();
}

#[test]
fn images_of_other_hypervisors_are_searched() {
    let stage = Stage::new();
    let Some((pair, other, plain)) = machine(&stage) else {
        return;
    };
    for format in ["vdi", "vhdx"] {
        let image = convert(&stage, &plain, format, &[]);
        let found = scan_known(&stage, &pair, &[&image]);
        found.assert_found(&["PEM"]);
        let inside = format!(r#"["{format}"]"#);
        assert!(
            places(&found).iter().any(|(_, place)| *place == inside),
            "{:?}",
            places(&found)
        );
        scan_known(&stage, &other, &[&image]).assert_nothing_found();
    }
}

#[test]
fn what_an_image_has_from_elsewhere_is_told() {
    let stage = Stage::new();
    let Some((pair, _, plain)) = machine(&stage) else {
        return;
    };
    let overlay = stage.path("overlay.qcow2");
    let arguments = ["create", "-f", "qcow2", "-F", "raw", "-b", &plain];
    call(
        &stage,
        "qemu-img",
        &[&arguments[..], &[text(&overlay)]].concat(),
    );
    // Whoever made the image chose the other file: it is not opened, and the answer says so.
    let scanned = scan_known(&stage, &pair, &[text(&overlay)]);
    scanned.assert_undecided(&["backing file was not read: name that file as a source too"]);
    scan_known(&stage, &pair, &[text(&overlay), &plain]).assert_found(&["PEM"]);
}

#[test]
fn an_image_that_cannot_be_opened_is_told() {
    let stage = Stage::new();
    let Some((pair, _, plain)) = machine(&stage) else {
        return;
    };
    let image = convert(&stage, &plain, "qcow2", &["-c"]);
    let whole = std::fs::read(&image).unwrap();
    let packed = stage.path("image.gz");
    let script = format!("gzip -c {image} > {}", text(&packed));
    call(&stage, "sh", &["-c", &script]);
    scan_known(&stage, &pair, &[text(&packed)])
        .assert_undecided(&["qemu-img convert -f qcow2 -O raw"]);
    let mut broken = whole.clone();
    // The position of the table of clusters.
    broken[40..48].fill(0xff);
    let broken = put(&stage, "broken.qcow2", &broken);
    scan_known(&stage, &pair, &[text(&broken)]).assert_undecided(&["not opened: "]);
    let vmdk = convert(&stage, &plain, "vmdk", &[]);
    let scanned = scan_known(&stage, &pair, &[&vmdk]);
    let gaps = scanned.answer["gaps"].to_string();
    assert!(gaps.contains("a VMDK image is not unpacked"), "{gaps}");
}

#[test]
fn memory_of_a_machine_tells_physical_addresses() {
    let stage = Stage::new();
    if !has("openssl", &["version"]) {
        return;
    }
    let (pair, other) = (Pair::ec(&stage, "vnfci"), Pair::ec(&stage, "other"));
    let mut memory = vec![0; 1 << 16];
    let key = pair.key_text();
    memory[0x4000..0x4000 + key.len()].copy_from_slice(key.as_bytes());
    let mut file = Vec::new();
    for (first, content) in [(0x1000_u64, &vec![0; 4096]), (0x1_0000_0000, &memory)] {
        file.extend(b"EMiL\x01\0\0\0");
        file.extend(first.to_le_bytes());
        file.extend((first + content.len() as u64 - 1).to_le_bytes());
        file.extend([0; 8]);
        file.extend(content);
    }
    let dump = put(&stage, "memory.lime", &file);
    let found = scan_known(&stage, &pair, &[text(&dump)]);
    found.assert_found(&["PEM"]);
    let addresses: Vec<_> = found.answer["exposures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|exposure| exposure["address"].as_str().unwrap())
        .collect();
    assert!(
        addresses
            .iter()
            .all(|address| address.starts_with("0x1000040")),
        "{addresses:?}"
    );
    scan_known(&stage, &other, &[text(&dump)]).assert_nothing_found();
}
