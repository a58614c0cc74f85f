//! `scas seal`: what is handed over says who vouches for it, and programs of others can tell.

use super::lab::Lab;
use super::sample;
use crate::support::{Ended, Stage};

#[test]
fn a_sealed_run_verifies_here_and_by_openssl() {
    let stage = Stage::new();
    sample(&stage);
    let Some(lab) = Lab::new(&stage) else { return };
    lab.certify("rsa", "ca", "RSA -pkeyopt rsa_keygen_bits:2048", "");
    lab.certify("p384", "ca", "EC -pkeyopt ec_paramgen_curve:P-384", "");
    for signer in ["lab", "rsa", "p384"] {
        let container = lab.seal(signer);
        let by = format!("sealed by CN={signer}, who is trusted");
        stage
            .run(&["verify", "run.asice", "--anchors", "ca.pem"])
            .assert_told(
                0,
                &[
                    &by,
                    "says CN=tsa",
                    "\nverified: the evidence bears out the verdict Fail",
                ],
            );
        // The first entry says what it is, and is not compressed.
        let bytes = std::fs::read(&container).unwrap();
        assert_eq!(&bytes[30..69], b"mimetypeapplication/vnd.etsi.asic-e+zip");

        lab.expect("rm -rf x && mkdir x && cd x && python3 -m zipfile -e ../run.asice .");
        let cms = "openssl cms -verify -binary -cades -inform DER -in META-INF/signature.p7s -CAfile ../ca.pem -out /dev/null";
        lab.expect(&format!("cd x && {cms} -content META-INF/ASiCManifest.xml"));
        assert_ne!(
            lab.shell(&format!("cd x && {cms} -content run.json")).code,
            0
        );

        let cms = std::fs::read(stage.path("x/META-INF/signature.p7s")).unwrap();
        let token = scas::cms::time_stamp_token(&cms).unwrap().unwrap();
        std::fs::write(stage.path("token.der"), token).unwrap();
        std::fs::write(stage.path("value"), value(&cms)).unwrap();
        let ts = "openssl ts -verify -token_in -in token.der -CAfile ca.pem";
        lab.expect(&format!("{ts} -data value"));
        assert_ne!(lab.shell(&format!("{ts} -data token.der")).code, 0);
        std::fs::remove_file(container).unwrap();
    }
    stage.assert_nothing_left();
}

/// The value of a signature, cut out by its place.
fn value(cms: &[u8]) -> Vec<u8> {
    use der::Decode as _;
    let outer = cms::content_info::ContentInfo::from_der(cms).unwrap();
    let signed: cms::signed_data::SignedData = outer.content.decode_as().unwrap();
    signed
        .signer_infos
        .0
        .get(0)
        .unwrap()
        .signature
        .as_bytes()
        .to_vec()
}

#[test]
fn who_seals_must_be_believed_and_stamped_when_it_counts() {
    let stage = Stage::new();
    sample(&stage);
    let Some(lab) = Lab::new(&stage) else { return };
    lab.ca("other");
    lab.certify(
        "stranger",
        "other",
        "EC -pkeyopt ec_paramgen_curve:P-256",
        "",
    );
    lab.seal("stranger");
    let verify = ["verify", "run.asice", "--anchors", "ca.pem"];
    stage.run(&verify).assert_told(
        1,
        &["META-INF/signature.p7s", "does not chain to a trust anchor"],
    );
    stage.run(&["verify", "run.asice"]).assert_told(
        0,
        &[
            "sealed by CN=stranger, whom nobody has checked",
            "consistent in itself",
        ],
    );
    std::fs::remove_file(stage.path("run.asice")).unwrap();
    // An authority for time is none for content.
    let keys = ["--key", "tsa.key", "--cert", "tsa.pem"];
    stage
        .run(&[["seal", "run"].as_slice(), &keys].concat())
        .assert_told(0, &[]);
    stage
        .run(&verify)
        .assert_told(1, &["extendedKeyUsage names no signing of content"]);
    stage
        .run(&["verify", "run", "--anchors", "ca.pem"])
        .assert_told(1, &["the pack is not sealed"]);
}

#[test]
fn what_cannot_be_sealed_is_told_by_its_option() {
    let stage = Stage::new();
    let run = sample(&stage);
    let Some(lab) = Lab::new(&stage) else { return };
    lab.certify("second", "ca", "EC -pkeyopt ec_paramgen_curve:P-256", "");
    let seal = |key: &str, cert: &str| stage.run(&["seal", "run", "--key", key, "--cert", cert]);
    seal("second.key", "lab.pem").assert_told(64, &["--key is not the key of --cert lab.pem"]);
    seal("none.key", "lab.pem").assert_told(64, &["--key none.key"]);
    seal("lab.pem", "lab.pem")
        .assert_told(64, &["'CERTIFICATE', not 'PRIVATE KEY'", "openssl pkcs8"]);
    seal("lab.key", "lab.key").assert_told(64, &["--cert lab.key"]);
    lab.seal("lab");
    seal("lab.key", "lab.pem")
        .assert_told(64, &["cannot write the container", "run.asice", "exists"]);
    std::fs::write(run.join("summary.txt"), "Pass").unwrap();
    stage
        .run(&[
            "seal",
            "run",
            "--key",
            "lab.key",
            "--cert",
            "lab.pem",
            "--out",
            "other.asice",
        ])
        .assert_told(64, &["does not verify, so it is not sealed", "summary.txt"]);
    assert!(!stage.path("other.asice").exists());
}

/// Where distributions put the library.
const MODULES: [&str; 3] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
];

#[test]
fn a_key_in_a_token_seals_and_stays_there() {
    let stage = Stage::new();
    sample(&stage);
    let Some(lab) = Lab::new(&stage) else { return };
    let module = MODULES
        .into_iter()
        .find(|module| std::path::Path::new(module).exists());
    let Some(module) = module else {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "softhsm2 is not installed"
        );
        #[expect(clippy::print_stderr, reason = "whoever runs the tests must see it")]
        let () = eprintln!("NOT RUN: there is no softhsm2");
        return;
    };
    std::fs::create_dir(stage.path("tokens")).unwrap();
    let settings = format!(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
        stage.path("tokens").display()
    );
    stage.write("softhsm2.conf", &settings);
    stage.write("pin", "123456\n");
    lab.certify("rsa", "ca", "RSA -pkeyopt rsa_keygen_bits:2048", "");
    let util = "SOFTHSM2_CONF=softhsm2.conf softhsm2-util";
    lab.expect(&format!(
        "{util} --init-token --free --label seals --so-pin 654321 --pin 123456"
    ));
    for (id, name) in [("01", "lab"), ("02", "rsa")] {
        lab.expect(&format!(
            "{util} --import {name}.key --token seals --label {name} --id {id} --pin 123456"
        ));
        std::fs::remove_file(stage.path(&format!("{name}.key"))).unwrap();
    }
    let seal = |label: &str, cert: &str| {
        let arguments = [
            "seal",
            "run",
            "--pkcs11",
            module,
            "--token",
            "seals",
            "--key-label",
            label,
            "--pin-file",
            "pin",
            "--cert",
            cert,
        ];
        let mut command = stage.scas(&arguments);
        let output = command
            .env("SOFTHSM2_CONF", stage.path("softhsm2.conf"))
            .output();
        Ended::of(output.unwrap())
    };
    for name in ["lab", "rsa"] {
        seal(name, &format!("{name}.pem")).assert_told(0, &["sealed: "]);
        stage
            .run(&["verify", "run.asice", "--anchors", "ca.pem"])
            .assert_told(0, &[&format!("sealed by CN={name}, who is trusted")]);
        std::fs::remove_file(stage.path("run.asice")).unwrap();
    }
    seal("none", "lab.pem").assert_told(64, &["--key-label", "0 private keys 'none'"]);
    seal("lab", "tsa.pem").assert_told(64, &["--key-label 'lab' is not the key of --cert tsa.pem"]);
    stage.write("pin", "000000");
    seal("lab", "lab.pem").assert_told(64, &["--pin-file pin"]);
}
