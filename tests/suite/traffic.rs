//! `scas run --with-secrets`: traffic that Wireshark decrypts, and that it reads as the transcript tells it. Without the option nothing of
//! it is kept.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::Timestamp;
use serde_json::Value;

use crate::scan::has;
use crate::support::{SHORT, Stage, json};

/// What a private key in PEM begins with, in base64: the VIM is given keys so.
const KEY: &str = "LS0tLS1CRUdJTiBQUklWQVRF";

/// A request with its status, 0 without an answer. In the order of what is asked by one role of another.
type Said = BTreeMap<String, Vec<(String, String, u64)>>;

/// Rows of fields, as tshark reads a file. It looks at checksums, and takes no port for another protocol than what is spoken there.
fn tshark(file: &Path, filter: &str, fields: &[&str]) -> Vec<Vec<String>> {
    let mut command = Command::new("tshark");
    command.arg("-r").arg(file);
    for preference in [
        "ip.check_checksum:TRUE",
        "tcp.check_checksum:TRUE",
        "tcp.try_heuristic_first:TRUE",
    ] {
        command.args(["-o", preference]);
    }
    command.args(["-Y", filter, "-T", "fields"]);
    for field in fields {
        command.args(["-e", field]);
    }
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect()
}

/// What tshark reads, once it has decrypted.
fn decrypted(file: &Path) -> Said {
    let rows = tshark(
        file,
        "http",
        &[
            "frame.interface_name",
            "frame.interface_description",
            "tcp.stream",
            "http.request.method",
            "http.request.uri",
            "http.response.code",
        ],
    );
    let mut said = Said::new();
    // The place of the request that waits for its answer, in each connection: there is one at most.
    let mut waiting: BTreeMap<String, usize> = BTreeMap::new();
    for row in rows {
        let [name, roles, stream, method, uri, code] = row.try_into().unwrap();
        let all = said.entry(format!("{name}: {roles}")).or_default();
        if !method.is_empty() {
            assert_eq!(waiting.insert(stream, all.len()), None, "{uri}");
            all.push((method, uri, 0));
        } else if !code.is_empty() {
            let place = waiting.remove(&stream).expect("an answer to something");
            all[place].2 = code.parse().unwrap();
        }
    }
    said
}

/// The same by the transcript. What never became a request, or is no HTTP (CA-1), is not on the wire.
fn recorded(file: &Path) -> Said {
    let text = std::fs::read_to_string(file).unwrap();
    let mut exchanges: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let started =
        |exchange: &Value| -> Timestamp { exchange["started"].as_str().unwrap().parse().unwrap() };
    exchanges.sort_by_key(started);
    let mut said = Said::new();
    for exchange in exchanges {
        let word = |pointer: &str| {
            let value = exchange.pointer(pointer).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        let method = word("/request/method");
        if method.is_empty() || method == "CALL" {
            continue;
        }
        let roles = format!(
            "{}: {} asks {}",
            word("/interface"),
            word("/from"),
            word("/to")
        );
        let status = exchange.pointer("/response/status").and_then(Value::as_u64);
        said.entry(roles)
            .or_default()
            .push((method, word("/request/target"), status.unwrap_or(0)));
    }
    said
}

/// Every file of a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = walkdir::WalkDir::new(folder)
        .into_iter()
        .map(Result::unwrap);
    let files = entries.filter(|entry| entry.file_type().is_file());
    files.map(walkdir::DirEntry::into_path).collect()
}

fn holds(file: &Path, word: &str) -> bool {
    let bytes = std::fs::read(file).unwrap();
    bytes
        .windows(word.len())
        .any(|window| window == word.as_bytes())
}

#[test]
fn wireshark_reads_what_the_transcript_tells() {
    if !has("tshark", &["--version"]) {
        return;
    }
    let stage = Stage::new();
    let select = format!("{SHORT} or 4.2.2.4 and @normative");
    let ended = stage.run(&["run", "--with-secrets", "--select", &select]);
    // Without root the second is Inconclusive, and its traffic the same.
    assert!([0, 2].contains(&ended.code), "{}", ended.stdout);
    let run = stage.run_folder();
    let captured: Vec<PathBuf> = files(&run)
        .into_iter()
        .filter(|file| file.ends_with("traffic.pcapng"))
        .collect();
    assert_eq!(captured.len(), 2, "{captured:?}");
    let mut keys = 0;
    for file in &captured {
        let said = decrypted(file);
        assert!(said.values().map(Vec::len).sum::<usize>() > 20, "{said:?}");
        assert_eq!(said, recorded(&file.with_file_name("transcript.jsonl")));
        assert_sound(file);
        let bears_key = format!("http.file_data contains \"{KEY}\"");
        keys += tshark(file, &bears_key, &["frame.number"]).len();
    }
    assert!(keys > 0, "the VIM was given a private key");
    for file in files(&run) {
        assert!(
            !holds(&file, KEY),
            "{} tells a key to whoever has no session secret",
            file.display()
        );
    }
    stage
        .run(&["verify", run.to_str().unwrap()])
        .assert_told(0, &["remark: the evidence holds the traffic"]);
    stage.assert_nothing_left();
}

/// No checksum is wrong, no segment is out of order or lacks, no connection is left open, and every byte of it makes sense as TLS and HTTP.
fn assert_sound(file: &Path) {
    let count = |filter: &str| tshark(file, filter, &["frame.number"]).len();
    let all = count("tcp");
    assert_eq!(all, count("frame"));
    assert_eq!(
        all,
        count("ip.checksum.status == Good && tcp.checksum.status == Good")
    );
    assert_eq!(count("tcp.analysis.flags"), 0);
    assert_eq!(count("tcp.reassembled_in && !tcp.payload"), 0);
    assert_eq!(count("http && !tls"), 0, "mutual TLS is spoken throughout");
    let connections = |flag: &str| {
        let streams = tshark(file, flag, &["tcp.stream"]);
        streams
            .into_iter()
            .collect::<std::collections::BTreeSet<_>>()
    };
    let opened = connections("tcp.flags.syn == 1");
    assert_eq!(
        opened,
        connections("tcp.flags.fin == 1 || tcp.flags.reset == 1")
    );
    // Bodies are another matter: EST's are base64, which this reader does not expect there.
    let malformed = "_ws.malformed && !(http.content_type contains \"application/pk\")";
    assert_eq!(count(malformed), 0);
}

#[test]
fn without_the_option_neither_traffic_nor_session_secrets_are_kept() {
    let stage = Stage::new();
    // Other programs write session secrets where this leads.
    let log = stage.path("keys.log");
    let ended = stage
        .scas(&["run", "--select", SHORT])
        .env("SSLKEYLOGFILE", &log)
        .output()
        .unwrap();
    assert!(ended.status.success());
    assert!(!String::from_utf8_lossy(&ended.stdout).contains("--with-secrets"));
    assert!(!log.exists());
    let run = stage.run_folder();
    assert_eq!(json(&run.join("run.json")).get("with_secrets"), None);
    for file in files(&run) {
        assert_ne!(file.extension().unwrap_or_default(), "pcapng");
        for word in ["TRAFFIC_SECRET", "CLIENT_RANDOM", "EXPORTER_SECRET"] {
            assert!(!holds(&file, word), "{word} in {}", file.display());
        }
    }
    stage.assert_nothing_left();
}
