//! A record in which everything that a product, a vendor or a profile can say is hostile.

use std::path::Path;

use serde_json::Value;

use super::page::Page;
use crate::support::{SHORT, Stage, copy};

/// Ends elements, attributes, comments and scripts, opens others, and turns the direction of what follows.
pub const HOSTILE: &str = "\"'></pre></title></style></script><script>document.title='owned'</script><img src=x onerror=alert(1)>\
    {{ 7*7 }}{% raw %}<!--<svg onload=alert(1)>]]>&amp;\u{202e}\u{1b}[2J\u{0}";

/// What stands in its place in the record that it is compared with.
const HARMLESS: &str = "said";

/// Members of run.json, events.jsonl and inventory.json that are free text.
const FREE: [&str; 30] = [
    "name",
    "vendor",
    "version",
    "serial",
    "client",
    "lab",
    "tester",
    "profile",
    "selection",
    "machine",
    "tool_version",
    "suite_digest",
    "profile_digest",
    "purpose",
    "requirement",
    "keyword_text",
    "text",
    "expected",
    "actual",
    "reason",
    "what",
    "path_text",
    "summary",
    "threat",
    "threatened_asset",
    "applicability",
    "question",
    "reading",
    "effect",
    "title",
];

/// Members of a transcript's line that are.
const OF_EXCHANGES: [&str; 9] = [
    "interface",
    "from",
    "to",
    "method",
    "target",
    "subject",
    "sha256",
    "cipher_suite",
    "fault",
];

/// A run that failed, with each free text replaced.
fn doctored(stage: &Stage, with: &str) -> std::path::PathBuf {
    let folder = stage.path("run");
    let source = stage.run_folder();
    copy(&source, &folder, &[]);
    edit(&folder.join("run.json"), &|value| {
        replace(value, &FREE, with);
        value["defects"] = serde_json::json!([with]);
        value["sut"]["client"] = with.into();
        value["sut"]["lab"] = with.into();
        value["waivers"] = serde_json::json!([{ "case": "TC_SIGNATURE_VERIFICATION_FILES_VNFD", "reason": with, "owner": with,
            "link": format!("javascript:{with}"), "expires": "2099-01-01" }]);
    });
    edit(&folder.join("events.jsonl"), &|event| {
        replace(event, &FREE, with);
        if event["event"] == "scenario-finished" {
            event["residue"] = serde_json::json!([with]);
            for evidence in event["evidence"].as_array_mut().unwrap() {
                evidence["sha256"] = with.into();
            }
            let strange = serde_json::json!({ "path": format!("../{with}"), "what": with, "length": 1, "sha256": with });
            event["evidence"].as_array_mut().unwrap().push(strange);
        }
    });
    edit(&folder.join("inventory.json"), &|value| {
        replace(value, &FREE, with)
    });
    let transcript = walk(&folder, "transcript.jsonl");
    edit(&transcript, &|exchange| {
        replace(exchange, &OF_EXCHANGES, with);
        for message in ["request", "response"] {
            if exchange[message].is_object() {
                exchange[message]["headers"] = serde_json::json!([[with, with]]);
                exchange[message]["body"]["text"] = with.into();
                exchange[message]["body"]["length"] = 1.into();
            }
        }
    });
    stage
        .run(&["report", folder.to_str().unwrap()])
        // What is waived does not count.
        .assert_told(0, &[]);
    folder
}

fn replace(value: &mut Value, names: &[&str], with: &str) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if names.contains(&name.as_str()) && member.is_string() {
                    *member = with.into();
                } else {
                    replace(member, names, with);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, names, with)),
        _ => {}
    }
}

/// Edits each line, or the whole file if it is one value.
fn edit(path: &Path, how: &dyn Fn(&mut Value)) {
    let text = std::fs::read_to_string(path).unwrap();
    let changed = |text: &str| {
        let mut value: Value = serde_json::from_str(text).unwrap();
        how(&mut value);
        format!("{value}\n")
    };
    let text: String = match path.extension().is_some_and(|e| e == "jsonl") {
        true => text.lines().map(changed).collect(),
        false => changed(&text),
    };
    std::fs::write(path, text).unwrap();
}

fn walk(folder: &Path, name: &str) -> std::path::PathBuf {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.ends_with(name) {
                return path;
            }
        }
    }
    panic!("there is no {name}");
}

/// A page with nothing but hostile texts.
pub fn hostile(stage: &Stage) -> std::path::PathBuf {
    failed(stage);
    doctored(stage, HOSTILE).join("index.html")
}

fn failed(stage: &Stage) {
    let defect = "accepts-without-verifying";
    stage
        .run(&["run", "--select", SHORT, "--defect", defect])
        .assert_told(1, &[]);
}

#[test]
fn hostile_texts_add_no_element_and_no_attribute() {
    let stage = Stage::new();
    failed(&stage);
    let harmless = Page::read(&doctored(&stage, HARMLESS).join("index.html"));
    std::fs::remove_dir_all(stage.path("run")).unwrap();
    let folder = doctored(&stage, HOSTILE);
    let hostile = Page::read(&folder.join("index.html"));
    assert!(hostile.text.matches("onerror=alert(1)").count() > 200);
    for (one, other) in harmless.tags.iter().zip(&hostile.tags) {
        assert_eq!(one, other);
    }
    assert_eq!(harmless.tags.len(), hostile.tags.len());
    for (name, attributes) in &hostile.tags {
        let inline = attributes
            .iter()
            .find(|attribute| attribute.starts_with("on") || *attribute == "style");
        assert_eq!(inline, None, "{name}");
    }
    hostile.assert_links_lead_somewhere();
    let text = std::fs::read_to_string(folder.join("index.html")).unwrap();
    let unseen = |c: &char| (c.is_control() && *c != '\n') || *c == '\u{202e}';
    assert_eq!(text.chars().find(unseen), None);
    assert!(
        hostile
            .text
            .contains("\u{27e8}U+202E\u{27e9}\u{241b}[2J\u{2400}")
    );
}
