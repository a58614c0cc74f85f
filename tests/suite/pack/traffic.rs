//! A run with session secrets in its evidence says so wherever it is read, and cannot hide it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{SCENE, change, fix_up};
use crate::pack::lab::Lab;
use crate::support::{SHORT, Stage, json};

const WARNING: &str =
    "whoever has it reads whatever was sent, the private keys of the test included";

#[test]
fn secrets_in_the_evidence_are_told_to_every_reader() {
    let stage = Stage::new();
    let ended = stage.run(&["run", "--with-secrets", "--select", SHORT]);
    ended.assert_told(0, &[WARNING]);
    let run = stage.run_folder();
    let path = run.to_str().unwrap();
    assert_eq!(json(&run.join("run.json"))["with_secrets"], true);
    assert_eq!(json(&run.join("results.json"))["run"]["with_secrets"], true);
    for report in [
        "index.html",
        "summary.txt",
        "summary.md",
        "assessment-results.json",
        "junit.xml",
        "ctrf.json",
    ] {
        let text = std::fs::read_to_string(run.join(report)).unwrap();
        assert!(text.contains(WARNING), "{report}");
    }
    let traffic = run.join(SCENE).join("traffic.pcapng");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&traffic), 0o600, "nobody else may read it");
    let remark = format!(
        "remark: the evidence holds the traffic with its TLS session secrets (--with-secrets, traffic.pcapng): {WARNING}"
    );
    stage.run(&["verify", path]).assert_told(0, &[&remark]);
    if Lab::new(&stage).is_some() {
        let seal = [
            "seal",
            path,
            "--key",
            "lab.key",
            "--cert",
            "lab.pem",
            "--out",
            "run.asice",
        ];
        stage.run(&seal).assert_told(0, &[&remark, "sealed: "]);
        assert_eq!(mode(&stage.path("run.asice")), 0o600);
        stage
            .run(&["verify", "run.asice", "--anchors", "ca.pem"])
            .assert_told(0, &[&remark, "verified: "]);
    }

    // Whoever hides it is caught; so is whoever takes the file away, or puts another in its place.
    let told = |said: &[&str]| stage.run(&["verify", path]).assert_told(1, said);
    let with_secrets = |run: &Path, value: Option<bool>| {
        change(&run.join("run.json"), |info| {
            let info = info.as_object_mut().unwrap();
            info.remove("with_secrets");
            info.extend(value.map(|value| ("with_secrets".to_owned(), value.into())));
        });
    };
    with_secrets(&run, None);
    fix_up(&stage, &run);
    told(&[
        "traffic.pcapng",
        "run.json does not say that traffic is kept",
    ]);
    with_secrets(&run, Some(true));
    let honest = std::fs::read(&traffic).unwrap();
    std::fs::write(&traffic, "nothing to see").unwrap();
    fix_up(&stage, &run);
    told(&["traffic.pcapng", "follows: pcapng"]);
    std::fs::write(&traffic, honest).unwrap();
    fix_up(&stage, &run);
    stage.run(&["verify", path]).assert_told(0, &[&remark]);
    super::change_events(&run, |event| {
        if let Some(files) = event.get_mut("evidence").and_then(|it| it.as_array_mut()) {
            files.retain(|file| !file["path"].as_str().unwrap().ends_with("pcapng"));
        }
    });
    std::fs::remove_file(&traffic).unwrap();
    fix_up(&stage, &run);
    told(&["traffic.pcapng", "run.json says that traffic is kept"]);
}
