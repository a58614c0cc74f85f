//! Each kind of key, made by others in each format, given to the scanner and found in each.

use super::{Pair, call, has, put, scan, scan_blind, scan_known, text};
use crate::support::Stage;

const KINDS: [(&str, &[&str]); 6] = [
    (
        "p256",
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    ),
    (
        "p384",
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    ),
    (
        "p521",
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
    ),
    ("ed25519", &["-algorithm", "ED25519"]),
    (
        "rsa2048",
        &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    ),
    (
        "rsa3072",
        &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
    ),
];

#[test]
fn each_kind_is_found_by_key_and_by_certificate_in_what_openssl_writes() {
    if !has("openssl", &["version"]) {
        return;
    }
    for (name, kind) in KINDS {
        let stage = Stage::new();
        let (pair, other) = (
            Pair::new(&stage, name, kind),
            Pair::new(&stage, "other", kind),
        );
        let key = text(&pair.key);
        let mut formats = vec![
            ("pem", vec!["pkey", "-in", key]),
            ("der", vec!["pkey", "-in", key, "-outform", "DER"]),
        ];
        if name != "ed25519" {
            formats.push(("traditional", vec!["pkey", "-in", key, "-traditional"]));
            formats.push((
                "traditional der",
                vec!["pkey", "-in", key, "-traditional", "-outform", "DER"],
            ));
        }
        for (format, arguments) in formats {
            let bytes = call(&stage, "openssl", &arguments);
            let copy = put(
                &stage,
                format,
                &[b"\x07noise".as_slice(), &bytes, b"noise"].concat(),
            );
            eprintln!("{name}, {format}");
            scan_known(&stage, &pair, &[text(&copy)]).assert_found(&["whole"]);
            scan_blind(&stage, &pair, &[text(&copy)]).assert_found(&["whole"]);
            scan_known(&stage, &other, &[text(&copy)]).assert_nothing_found();
            // As the key that is given.
            let given = put(&stage, "given", &bytes);
            scan(
                &stage,
                &["--key", text(&given), "--cert", text(&pair.cert)],
                &[text(&copy)],
            )
            .assert_found(&["whole"]);
        }
    }
}

#[test]
fn many_keys_are_looked_for_at_once() {
    if !has("openssl", &["version"]) {
        return;
    }
    let stage = Stage::new();
    let pairs: Vec<Pair> = (0..20)
        .map(|i| Pair::ec(&stage, &format!("k{i}")))
        .collect();
    std::fs::create_dir(stage.path("keys")).unwrap();
    for pair in &pairs {
        std::fs::rename(
            &pair.key,
            stage.path("keys").join(pair.key.file_name().unwrap()),
        )
        .unwrap();
    }
    let key = std::fs::read(stage.path("keys/k7.key")).unwrap();
    put(&stage, "data/a", &key);
    let scanned = scan(&stage, &["--keys", "keys"], &["data"]);
    scanned.assert_found(&["data/a"]);
    let exposures = scanned.answer["exposures"].as_array().unwrap();
    assert_eq!(exposures.len(), 1);
    assert!(exposures[0]["key"].as_str().unwrap().contains("k7"));
}
