//! A record of very many exchanges.

use std::fmt::Write as _;

use super::page::Page;
use crate::support::Stage;

const MANY: usize = 100_000;

/// What the report may take of memory, in KiB: address space, so that nothing is left to chance.
const MEMORY: usize = 300 * 1024;

/// 100,000 exchanges of one scenario, written by program; one in 10,000 fails, and one of these is named by the verdict.
fn write(stage: &Stage) {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/reports/sample");
    let path = "evidence/TC_LONG/line-010/transcript.jsonl";
    let run = std::fs::read_to_string(format!("{sample}/run.json")).unwrap();
    stage.write("run/run.json", &run);
    let event = |event: &str, second: u32, rest: &str| {
        format!("{{\"event\":\"{event}\",\"at\":\"2026-01-01T00:00:{second:02}Z\"{rest}}}\n")
    };
    let scenario = "\"scenario\":{\"case\":\"TC_LONG\",\"line\":10}";
    let mut events = event(
        "run-started",
        0,
        ",\"plan\":[{\"id\":\"TC_LONG\",\"document\":\"SEC030\",\"clause\":\"4.2.2.2\",\"requirement\":\"r\",\"purpose\":\"p\",\
         \"keyword\":\"shall\",\"path\":\"x.feature\",\"scenarios\":[{\"name\":\"long\",\"line\":10,\"normative\":true}]}]",
    );
    events += &event("scenario-started", 1, &format!(",{scenario}"));
    events += &event(
        "step-finished",
        2,
        &format!(
            ",{scenario},\"step\":{{\"keyword\":\"Then\",\"text\":\"t\",\"line\":11,\"millis\":1,\"at_code\":\"x:1\",\
             \"outcome\":\"unmet\",\"expected\":\"e\",\"actual\":\"seen in exchange 77777\"}}"
        ),
    );
    events += &event(
        "scenario-finished",
        3,
        &format!(
            ",{scenario},\"verdict\":\"fail\",\"evidence\":[{{\"path\":\"{path}\",\"what\":\"w\",\"length\":1,\"sha256\":\"\"}}],\
             \"observations\":[],\"measurements\":[],\"residue\":[]"
        ),
    );
    events += &event("run-finished", 4, "");
    stage.write("run/events.jsonl", &events);
    let mut transcript = String::new();
    let body = "x".repeat(1000);
    for seq in 0..MANY {
        let (minute, second, milli) = (seq / 60_000, seq / 1000 % 60, seq % 1000);
        let at = format!("2026-01-01T00:{minute:02}:{second:02}.{milli:03}Z");
        let status = if seq % 10_000 == 9999 { 503 } else { 201 };
        let (from, to) = if seq % 2 == 0 {
            ("NFVO", "VNFM")
        } else {
            ("VNFM", "NFVO")
        };
        writeln!(
            transcript,
            "{{\"seq\":{seq},\"started\":\"{at}\",\"ended\":\"{at}\",\"interface\":\"Or-Vnfm\",\"from\":\"{from}\",\"to\":\"{to}\",\
             \"peer\":null,\"tls\":null,\"request\":{{\"method\":\"POST\",\"target\":\"/vnf_instances/{seq:036}\",\"headers\":[],\
             \"body\":{{\"length\":1000,\"sha256\":\"\",\"text\":\"{body}\"}}}},\"response\":{{\"status\":{status},\"headers\":[],\
             \"body\":{{\"length\":0,\"sha256\":\"\",\"text\":\"\"}}}},\"fault\":null}}"
        )
        .unwrap();
    }
    stage.write(&format!("run/{path}"), &transcript);
}

#[test]
fn a_hundred_thousand_exchanges_are_folded_and_need_little_memory() {
    let stage = Stage::new();
    write(&stage);
    let command = format!("ulimit -v {MEMORY} && exec \"$0\" report run");
    let output = stage
        .command("sh", &["-c", &command, env!("CARGO_BIN_EXE_scas")])
        .output()
        .unwrap();
    let ended = crate::support::Ended::of(output);
    ended.assert_told(1, &["Fail"]);
    let path = stage.path("run/index.html");
    let length = std::fs::metadata(&path).unwrap().len();
    assert!(length < 1 << 20, "{length} bytes");
    let page = Page::read(&path);
    // The one that the verdict names stands by itself and is linked; so do those that failed.
    for id in ["x1-10-77777", "x1-10-9999", "x1-10-99999"] {
        assert!(page.ids.contains(id), "{id}");
    }
    assert!(
        page.links
            .iter()
            .filter(|link| *link == "#x1-10-77777")
            .count()
            >= 2
    );
    assert!(
        page.text.contains("100000 exchanges between NFVO, VNFM"),
        "{}",
        page.text
    );
    page.assert_links_lead_somewhere();
}
