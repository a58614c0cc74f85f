//! Vnfm.Sc.006: private keys in a PKCS#11 token, which is Debian's softhsm2: green on the honest reference, red for its own reason
//! with each defect, open where the tester cannot look.

use std::path::PathBuf;
use std::process::Command;

use crate::support::{Stage, profile, root_or_told};

const NORMATIVE: &str = "Vnfm.Sc.006 and @normative";
const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// Whether these tests can run; if not, that is said, and fails in CI.
fn is_possible() -> bool {
    let there = PathBuf::from(MODULE).exists();
    if !there {
        #[expect(
            clippy::print_stderr,
            reason = "a test that does not run must not look as if it had"
        )]
        let () = eprintln!("NOT RUN: there is no softhsm2");
        assert_ne!(
            std::env::var("CI").as_deref(),
            Ok("true"),
            "CI must have softhsm2"
        );
    }
    there && root_or_told()
}

#[test]
fn with_its_keys_in_a_token_the_reference_passes() {
    if !is_possible() {
        return;
    }
    let stage = Stage::new();
    let both = "Vnfm.Sc.006 or 4.2.2.5 and @normative";
    stage
        .run(&["run", "--softhsm", "--select", both])
        .assert_told(0, &["Vnfm.Sc.006", "3/3", "CKA_EXTRACTABLE"]);
    stage.assert_nothing_left();
}

#[test]
fn each_defect_of_the_token_is_red_for_its_own_reason() {
    if !is_possible() {
        return;
    }
    for (defect, told) in [
        (
            "token-object-left-behind",
            "no private key of a VNFCI is in the token 1 s after",
        ),
        (
            "token-key-extractable",
            "the token tells its value to whoever logs in",
        ),
    ] {
        let stage = Stage::new();
        stage
            .run(&[
                "run",
                "--softhsm",
                "--select",
                NORMATIVE,
                "--defect",
                defect,
            ])
            .assert_told(1, &["Fail", told]);
        stage.assert_nothing_left();
    }
}

#[test]
fn without_a_token_the_case_is_not_applicable_and_says_how_to_have_one() {
    let stage = Stage::new();
    stage
        .run(&["run", "--select", "Vnfm.Sc.006"])
        .assert_told(4, &["not applicable", "key-custody-pkcs11", "--softhsm"]);
}

/// The built-in profile, which claims a token, and tells it so.
fn claiming(token: &str) -> String {
    let text = profile("key-custody-pkcs11 = {", "key-custody-pkcs11 = true # {");
    format!("{text}\n{token}")
}

#[test]
fn a_token_that_is_claimed_and_not_told_is_a_mistake_in_the_profile() {
    let stage = Stage::new();
    stage.write("sut.toml", &claiming(""));
    stage
        .run(&["run", "--sut", "sut.toml", "--select", NORMATIVE])
        .assert_told(64, &["ixit.keys.pkcs11", "module", "pin-file"]);
}

#[test]
fn a_token_that_the_tester_cannot_look_into_leaves_the_verdict_open_and_names_the_label() {
    if !is_possible() {
        return;
    }
    let stage = Stage::new();
    let tokens = stage.path("tokens");
    std::fs::create_dir(&tokens).unwrap();
    let settings = stage.write(
        "softhsm2.conf",
        &format!("directories.tokendir = {}\n", tokens.display()),
    );
    let pin = stage.write("pin", "1111\n");
    let made = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", "t"])
        .args(["--so-pin", "00000000", "--pin", "2222"])
        .env("SOFTHSM2_CONF", &settings)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let told = |module: &str, token: &str| {
        format!(
            "[ixit.keys.pkcs11]\nmodule = {module:?}\ntoken = {token:?}\npin-file = {pin:?}\nenvironment = {{ SOFTHSM2_CONF = {settings:?} }}\n"
        )
    };
    let no_module = pin.to_str().unwrap();
    for (token, label) in [
        (told("/nowhere/lib.so", "t"), "ixit.keys.pkcs11.module"),
        (told(no_module, "t"), "ixit.keys.pkcs11.module"),
        (told(MODULE, "u"), "ixit.keys.pkcs11.token"),
        (told(MODULE, "t"), "ixit.keys.pkcs11.pin-file"),
    ] {
        stage.write("sut.toml", &claiming(&token));
        let ended = stage.run(&["run", "--sut", "sut.toml", "--select", NORMATIVE]);
        ended.assert_told(2, &["Inconclusive", label]);
        assert!(!ended.stdout.contains("1111"), "{}", ended.stdout);
    }
}
