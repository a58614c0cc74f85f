//! Files that real programs wrote, each beside a twin without the key.

use super::{Pair, call, has, is_root, put, scan_blind, scan_known, text};
use crate::support::Stage;

/// A key, and another one that lies nowhere.
fn pairs(stage: &Stage) -> Option<(Pair, Pair)> {
    has("openssl", &["version"]).then(|| (Pair::ec(stage, "vnfci"), Pair::ec(stage, "other")))
}

/// The scalar in hex, as openssl prints it.
fn scalar(stage: &Stage, pair: &Pair) -> String {
    let text = call(
        stage,
        "openssl",
        &["pkey", "-in", text(&pair.key), "-noout", "-text"],
    );
    let text = String::from_utf8(text).unwrap();
    let (_, rest) = text.split_once("priv:").unwrap();
    let (hex, _) = rest.split_once("pub:").unwrap();
    hex.chars().filter(char::is_ascii_hexdigit).collect()
}

#[test]
fn what_openssl_prints_is_a_private_key() {
    let stage = Stage::new();
    let Some((pair, other)) = pairs(&stage) else {
        return;
    };
    let printed = call(
        &stage,
        "openssl",
        &["pkey", "-in", text(&pair.key), "-noout", "-text"],
    );
    let log = put(&stage, "vnfm.log", &printed);
    scan_known(&stage, &pair, &[text(&log)]).assert_found(&["scalar, hex"]);
    scan_known(&stage, &other, &[text(&log)]).assert_nothing_found();
}

#[test]
fn a_deleted_row_stays_in_the_pages_of_sqlite() {
    let stage = Stage::new();
    let Some((pair, other)) = pairs(&stage) else {
        return;
    };
    if !has("sqlite3", &["--version"]) {
        return;
    }
    let data = stage.path("vnfm.db");
    // Debian's SQLite overwrites what is deleted unless told otherwise; products often bring one of their own.
    let script = format!(
        "PRAGMA secure_delete=0; CREATE TABLE keys(id INTEGER, der BLOB); INSERT INTO keys VALUES (1, x'{}'), (2, x'00'); \
         DELETE FROM keys WHERE id = 1;",
        scalar(&stage, &pair)
    );
    call(&stage, "sqlite3", &[text(&data), &script]);
    assert_eq!(
        call(
            &stage,
            "sqlite3",
            &[text(&data), "SELECT count(*) FROM keys"]
        ),
        b"1\n"
    );
    scan_known(&stage, &pair, &[text(&data)]).assert_found(&["scalar, big-endian"]);
    scan_blind(&stage, &other, &[text(&data)]).assert_nothing_found();
    call(&stage, "sqlite3", &[text(&data), "VACUUM"]);
    scan_known(&stage, &pair, &[text(&data)]).assert_nothing_found();
}

#[test]
fn a_rotated_log_is_opened() {
    let stage = Stage::new();
    let Some((pair, other)) = pairs(&stage) else {
        return;
    };
    if !has("gzip", &["--version"]) {
        return;
    }
    let line = serde_json::json!({"level": "debug", "body": {"privateKey": pair.key_text()}});
    let log = put(
        &stage,
        "log/vnfm.log.1",
        format!("start\n{line}\nend\n").as_bytes(),
    );
    call(&stage, "gzip", &[text(&log)]);
    let folder = stage.path("log");
    scan_known(&stage, &pair, &[text(&folder)]).assert_found(&["vnfm.log.1.gz", "gzip", "PEM"]);
    scan_blind(&stage, &pair, &[text(&folder)]).assert_found(&["vnfm.log.1.gz", "gzip", "PEM"]);
    scan_known(&stage, &other, &[text(&folder)]).assert_nothing_found();
}

#[test]
fn a_kubernetes_secret_is_base64_of_a_pem_file() {
    let stage = Stage::new();
    let Some((pair, other)) = pairs(&stage) else {
        return;
    };
    let data = call(&stage, "openssl", &["base64", "-A", "-in", text(&pair.key)]);
    let manifest = format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: vnfci\ntype: kubernetes.io/tls\ndata:\n  tls.key: {}\n",
        String::from_utf8(data).unwrap()
    );
    let manifest = put(&stage, "secret.yaml", manifest.as_bytes());
    scan_known(&stage, &pair, &[text(&manifest)]).assert_found(&["base64"]);
    scan_blind(&stage, &pair, &[text(&manifest)]).assert_found(&["PEM in base64"]);
    scan_known(&stage, &other, &[text(&manifest)]).assert_nothing_found();
}

#[test]
fn a_file_that_was_deleted_from_ext4_is_found_in_the_image() {
    let stage = Stage::new();
    let Some((pair, other)) = pairs(&stage) else {
        return;
    };
    if !has("/usr/sbin/mkfs.ext4", &["-V"]) || !has("/usr/sbin/debugfs", &["-V"]) {
        return;
    }
    std::fs::create_dir(stage.path("root")).unwrap();
    put(&stage, "root/vnfci.key", &std::fs::read(&pair.key).unwrap());
    let image = stage.path("disk.img");
    let root = stage.path("root");
    call(
        &stage,
        "/usr/sbin/mkfs.ext4",
        &["-q", "-d", text(&root), text(&image), "16M"],
    );
    call(
        &stage,
        "/usr/sbin/debugfs",
        &["-w", "-R", "rm vnfci.key", text(&image)],
    );
    scan_known(&stage, &pair, &[text(&image)]).assert_found(&["PEM"]);
    scan_known(&stage, &other, &[text(&image)]).assert_nothing_found();
}

#[test]
fn a_mounted_file_system_shows_nothing_and_its_device_does() {
    let stage = Stage::new();
    let Some((pair, other)) = pairs(&stage) else {
        return;
    };
    if !is_root() || !has("/usr/sbin/mkfs.ext4", &["-V"]) || !has("losetup", &["--version"]) {
        return;
    }
    let (image, mount) = (stage.path("disk.img"), stage.path("mnt"));
    std::fs::create_dir(&mount).unwrap();
    call(&stage, "/usr/sbin/mkfs.ext4", &["-q", text(&image), "16M"]);
    let device = call(&stage, "losetup", &["--find", "--show", text(&image)]);
    let device = String::from_utf8(device).unwrap().trim().to_owned();
    let _detached = Undo(
        &stage,
        "losetup",
        vec!["--detach".to_owned(), device.clone()],
    );
    call(&stage, "mount", &[&device, text(&mount)]);
    {
        let _unmounted = Undo(&stage, "umount", vec![text(&mount).to_owned()]);
        put(&stage, "mnt/vnfci.key", &std::fs::read(&pair.key).unwrap());
        call(&stage, "sync", &["-f", text(&mount)]);
        std::fs::remove_file(mount.join("vnfci.key")).unwrap();
        scan_known(&stage, &pair, &[text(&mount)]).assert_nothing_found();
    }
    scan_known(&stage, &pair, &[&device]).assert_found(&["PEM"]);
    scan_known(&stage, &other, &[&device]).assert_nothing_found();
}

/// Runs a command when dropped, also if the test fails.
struct Undo<'s>(&'s Stage, &'static str, Vec<String>);

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        let arguments: Vec<&str> = self.2.iter().map(String::as_str).collect();
        let ended = self.0.command(self.1, &arguments).status();
        if !ended.is_ok_and(|status| status.success()) {
            eprintln!("{} {arguments:?} failed", self.1);
        }
    }
}

#[test]
fn containers_within_containers_are_opened() {
    let stage = Stage::new();
    let Some((pair, other)) = pairs(&stage) else {
        return;
    };
    if !has("tar", &["--version"])
        || !has("zstd", &["--version"])
        || !has("python3", &["--version"])
    {
        return;
    }
    std::fs::copy(&pair.key, stage.path("inner.key")).unwrap();
    let zip =
        "import zipfile; zipfile.ZipFile('a.zip', 'w', zipfile.ZIP_DEFLATED).write('inner.key')";
    call(&stage, "python3", &["-c", zip]);
    call(&stage, "tar", &["-cf", "b.tar", "a.zip"]);
    call(&stage, "zstd", &["-q", "--rm", "b.tar", "-o", "c"]);
    for name in ["inner.key", "a.zip"] {
        std::fs::remove_file(stage.path(name)).unwrap();
    }
    let source = stage.path("c");
    scan_known(&stage, &pair, &[text(&source)]).assert_found(&[
        "zstd",
        "tar: a.zip",
        "zip: inner.key",
        "PEM",
    ]);
    scan_known(&stage, &other, &[text(&source)]).assert_nothing_found();
}
