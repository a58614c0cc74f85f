//! The web view of a folder of runs: what it lists, opens and compares, what it refuses, and a run as it happens.

mod browser;
mod chromium;
mod client;
mod hostile;
mod live;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::html::page::Page;
use crate::support::{Stage, copy};
use client::Served;

/// The committed run: one scenario, which failed, on the reference with a defect.
fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/sample")
}

/// A copy of the committed run under `reports`, as if it had been another.
fn run(stage: &Stage, name: &str, change: impl Fn(&mut Value)) -> PathBuf {
    let folder = stage.path("reports").join(name);
    run_in(&folder, name, change);
    folder
}

/// The same, in this folder.
fn run_in(folder: &Path, name: &str, change: impl Fn(&mut Value)) {
    copy(&sample(), folder, &[]);
    let mut info = crate::support::json(&folder.join("run.json"));
    info["id"] = name.into();
    change(&mut info);
    std::fs::write(folder.join("run.json"), info.to_string()).unwrap();
}

/// Of a run, only this many events.
fn cut(folder: &Path, events: usize) {
    let path = folder.join("events.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let kept: String = text.split_inclusive('\n').take(events).collect();
    std::fs::write(&path, kept).unwrap();
}

/// The names in the list, in its order.
fn listed(served: &Served, target: &str) -> Vec<String> {
    let page = served.page(target);
    if !page.ids.contains("runs") {
        return Vec::new();
    }
    page.rows_of("runs")
        .iter()
        .map(|row| row[0].trim().to_owned())
        .collect()
}

/// The folders that are no runs, each with its reason.
fn strange(page: &Page) -> Vec<String> {
    let rows = page.rows_of("strange").iter();
    rows.map(|row| row.join(": ").trim().to_owned()).collect()
}

/// Three runs: one that failed, one of another product, which is cut off, and the newest, under another name.
fn three(stage: &Stage) {
    run(stage, "first", |_| {});
    let second = run(stage, "second", |info| {
        info["started"] = "2026-11-22T10:00:00Z".into();
        info["sut"]["name"] = "Other & <product>".into();
        info["defects"] = json!([]);
        info["selection"] = "".into();
    });
    cut(&second, 4);
    run(stage, "third", |info| {
        info["started"] = "2026-11-22T11:00:00Z".into();
        info["id"] = "strange".into();
    });
}

#[test]
fn runs_are_listed_newest_first_with_what_limits_them() {
    let stage = Stage::new();
    three(&stage);
    stage.write("reports/README.md", "no run");
    stage.write("reports/schema/a.json", "{}");
    stage.write("reports/foreign/run.json", "[]");
    stage.write("reports/foreign/events.jsonl", "");
    let broken = run(&stage, "broken", |_| {});
    std::fs::write(broken.join("events.jsonl"), "{}\n{}\n").unwrap();
    let served = Served::start(&stage);
    let page = served.page("/");
    let rows = page.rows_of("runs");
    assert_eq!(rows.len(), 3, "{rows:?}");
    for (row, told) in [
        (
            &rows[0],
            vec![
                "third",
                "calls itself strange",
                "Fail",
                "1 failed",
                "defects: verifies-first-file-only",
            ],
        ),
        (
            &rows[1],
            vec![
                "second",
                "Other & <product> 0.1.0",
                "Inconclusive",
                "interrupted: the record ends before the run did",
            ],
        ),
        (
            &rows[2],
            vec![
                "first",
                "Fail",
                "selection: 4.2.2.1 and @normative",
                "2026-11-22 09:27:13 UTC",
                "0 s",
                "quick",
            ],
        ),
    ] {
        let text = row.join(" | ");
        for told in told {
            assert!(text.contains(told), "'{told}' is not in {text}");
        }
    }
    assert!(!rows[1].join(" ").contains("selection"));
    let strange = strange(&page);
    assert_eq!(strange.len(), 3, "{strange:?}");
    assert!(
        strange[0].starts_with("broken: broken/events.jsonl line 1"),
        "{strange:?}"
    );
    assert!(
        strange[1].contains("foreign/run.json is not a run's record"),
        "{strange:?}"
    );
    assert_eq!(strange[2], "schema: no run: it has no run.json");
}

#[test]
fn the_list_is_filtered_by_verdict_product_and_words() {
    let stage = Stage::new();
    three(&stage);
    let served = Served::start(&stage);
    for (query, expected) in [
        ("", vec!["third calls itself strange", "second", "first"]),
        ("verdict=fail", vec!["third calls itself strange", "first"]),
        ("verdict=inconclusive", vec!["second"]),
        ("verdict=interrupted", vec!["second"]),
        ("verdict=pass", vec![]),
        ("verdict=under-way", vec![]),
        ("product=Other+%26+%3Cproduct%3E", vec!["second"]),
        ("text=STRANGE", vec!["third calls itself strange"]),
        (
            "text=first-file+quick&verdict=fail",
            vec!["third calls itself strange", "first"],
        ),
        ("text=first-file+nowhere", vec![]),
    ] {
        assert_eq!(listed(&served, &format!("/?{query}")), expected, "{query}");
    }
    let page = served.page("/?verdict=pass&text=%22%3E%3Cscript%3E");
    assert!(page.text.contains("No run is like that."), "{}", page.text);
    assert_eq!(
        page.tags
            .iter()
            .filter(|(name, _)| name == "script")
            .count(),
        1
    );
}

#[test]
fn what_is_changed_is_seen_and_a_large_folder_has_pages() {
    let stage = Stage::new();
    let served = Served::start(&stage);
    assert!(served.page("/").text.contains("There is no run yet."));
    let folder = run(&stage, "a-run", |_| {});
    assert!(served.page("/").rows_of("runs")[0][2].contains("Fail"));
    cut(&folder, 2);
    let row = served.page("/").rows_of("runs")[0].join(" ");
    assert!(row.contains("interrupted"), "{row}");
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(served.page("/").text.contains("There is no run yet."));

    let info = std::fs::read_to_string(sample().join("run.json")).unwrap();
    let events = std::fs::read_to_string(sample().join("events.jsonl")).unwrap();
    for number in 0..450 {
        let info = info.replace(
            "09:27:13.41706477Z",
            &format!("09:{:02}:{:02}Z", number / 60, number % 60),
        );
        stage.write(&format!("reports/run-{number:03}/run.json"), &info);
        stage.write(&format!("reports/run-{number:03}/events.jsonl"), &events);
    }
    let page = served.page("/?verdict=fail");
    assert!(
        page.text.contains("450 of 450 runs, page 1 of 3"),
        "{}",
        page.text
    );
    assert!(page.rows_of("runs")[0][0].starts_with("run-449"));
    assert!(page.links.contains(&"/?verdict=fail&page=2".to_owned()));
    let page = served.page("/?verdict=fail&page=3");
    assert_eq!(page.rows_of("runs").len(), 50);
    assert_eq!(served.page("/?page=99").rows_of("runs").len(), 50);
}

#[test]
fn a_report_is_opened_under_its_own_policy_and_evidence_as_what_it_is() {
    let stage = Stage::new();
    let folder = run(&stage, "a run", |_| {});
    let served = Served::start(&stage);
    let page = served.page("/");
    assert!(
        page.links.contains(&"/runs/a%20run/".to_owned()),
        "{:?}",
        page.links
    );
    assert_eq!(
        served.get("/runs/a%20run").header("location"),
        "/runs/a%20run/"
    );
    let report = served.get("/runs/a%20run/");
    let on_disk = std::fs::read(folder.join("index.html")).unwrap();
    assert!(
        report.body == on_disk,
        "the report is sent as it lies there"
    );
    assert_eq!(report.header("content-type"), "text/html; charset=utf-8");
    let text = report.text();
    let (_, rest) = text
        .split_once("Content-Security-Policy\" content=\"")
        .unwrap();
    let own = rest.split_once('"').unwrap().0.replace("&#39;", "'");
    let policy = report.header("content-security-policy");
    assert!(
        policy.starts_with(&format!("{own}; frame-ancestors 'none'; sandbox ")),
        "{policy}"
    );
    assert!(!policy.contains("allow-same-origin"), "{policy}");

    // Every link of the report leads to something.
    for link in Page::parse(&text)
        .links
        .iter()
        .filter(|link| link.starts_with("./"))
    {
        let answer = served.get(&format!("/runs/a%20run/{}", &link[2..]));
        assert_eq!(answer.status, 200, "{link}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{link}");
        assert!(
            answer
                .header("content-security-policy")
                .contains("default-src 'none'"),
            "{link}"
        );
    }
    let evidence = "/runs/a%20run/evidence/TC_SIGNATURE_VERIFICATION_FILES_VNFD/line-030";
    for (name, kind, how) in [
        ("transcript.jsonl", "text/plain; charset=utf-8", "inline"),
        ("question-1.json", "application/json", "inline"),
        ("known-valid-vnfd.zip", "application/zip", "attachment"),
    ] {
        let answer = served.get(&format!("{evidence}/{name}"));
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, kind),
            "{name}"
        );
        let disposition = answer.header("content-disposition");
        assert_eq!(disposition, format!("{how}; filename*=UTF-8''{name}"));
        assert!(
            answer.header("content-security-policy").contains("sandbox"),
            "{name}"
        );
        let on_disk = folder
            .join("evidence/TC_SIGNATURE_VERIFICATION_FILES_VNFD/line-030")
            .join(name);
        assert!(answer.body == std::fs::read(on_disk).unwrap(), "{name}");
    }
    assert_eq!(served.get(evidence).status, 308);
    let page = served.page(&format!("{evidence}/"));
    assert!(
        page.rows_of("files")
            .iter()
            .any(|row| row[0] == "transcript.jsonl")
    );
    let head = served.ask(
        "HEAD",
        &format!("{evidence}/transcript.jsonl"),
        &[("Host", "localhost")],
    );
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_ne!(head.header("content-length"), "0");

    std::fs::remove_file(folder.join("index.html")).unwrap();
    let page = served.page("/runs/a%20run/");
    assert!(
        page.text.contains("There is no report yet."),
        "{}",
        page.text
    );
    assert!(
        page.links.contains(&"/live/a%20run".to_owned()),
        "{:?}",
        page.links
    );
}

#[test]
fn two_runs_are_compared_as_scas_diff_does() {
    let stage = Stage::new();
    run(&stage, "before", |_| {});
    let after = run(&stage, "after", |info| {
        info["sut"]["version"] = "0.2.0 <b>".into()
    });
    let path = after.join("events.jsonl");
    let events = std::fs::read_to_string(&path).unwrap();
    let events = events
        .replace("\"outcome\":\"unmet\"", "\"outcome\":\"met\"")
        .replace("\"verdict\":\"fail\"", "\"verdict\":\"pass\"");
    std::fs::write(&path, events).unwrap();
    let served = Served::start(&stage);
    let page = served.page("/compare?before=before&after=after");
    assert!(page.text.contains("No verdict is worse"), "{}", page.text);
    assert!(page.text.contains("0.2.0 <b>"), "{}", page.text);
    let rows = page.rows_of("verdicts");
    assert_eq!((rows.len(), rows[0][0].as_str()), (1, "better"));
    assert_eq!((rows[0][4].as_str(), rows[0][5].as_str()), ("Fail", "Pass"));
    let other = "/compare?before=after&after=before".to_owned();
    assert!(page.links.contains(&other), "{:?}", page.links);
    let page = served.page(&other);
    assert!(page.text.contains("Some verdict is worse"), "{}", page.text);
    // As the command line says it.
    stage
        .run(&["diff", "reports/after", "reports/before"])
        .assert_told(1, &["WORSE", "1 worse"]);
    for (query, status, told) in [
        ("", 400, "choose two runs"),
        ("?before=before", 400, "choose two runs"),
        (
            "?before=before&after=nowhere",
            404,
            "nowhere cannot be compared",
        ),
        ("?before=before&after=..", 404, "cannot be compared"),
    ] {
        let answer = served.get(&format!("/compare{query}"));
        assert_eq!(answer.status, status, "{query}");
        assert!(answer.text().contains(told), "{}", answer.text());
    }
}

#[test]
fn it_ends_when_it_is_asked_to_and_says_what_is_wrong_with_its_options() {
    let stage = Stage::new();
    run(&stage, "a-run", |_| {});
    let served = Served::start(&stage);
    let events = served.events("/changes", &[]);
    assert_eq!(served.end(), Some(0));
    let told: Vec<String> = events.map(|heard| heard.name).collect();
    assert!(told.len() <= 1, "the stream has ended: {told:?}");
    stage
        .run(&["serve", "nowhere"])
        .assert_told(64, &["nowhere: name the folder of runs", "--out"]);
    stage
        .run(&["serve", "reports/a-run"])
        .assert_told(64, &["reports/a-run: it is one run"]);
    stage
        .run(&["serve", "--listen", "192.0.2.1:0"])
        .assert_told(64, &["--listen 192.0.2.1:0", "cannot be had"]);
    stage
        .run(&["serve", "--listen", "localhost"])
        .assert_told(64, &["--listen"]);
    stage.assert_nothing_left();
}

#[test]
fn whoever_listens_to_everybody_is_warned() {
    let stage = Stage::new();
    std::fs::create_dir(stage.path("reports")).unwrap();
    let mut command = stage.scas(&["serve", "--listen", "0.0.0.0:0"]);
    command.stderr(std::fs::File::create(stage.path("stderr")).unwrap());
    let served = Served::of(command);
    assert_eq!(served.end(), Some(0));
    let told = std::fs::read_to_string(stage.path("stderr")).unwrap();
    assert!(
        told.contains("warning: --listen 0.0.0.0:0: this is no loopback address"),
        "{told}"
    );
}
