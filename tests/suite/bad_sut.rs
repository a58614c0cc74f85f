//! Products that do not start, die, hang, or answer garbage, too much or too slowly: never a pass, never a Fail, never a
//! harness that hangs with them.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use crate::support::{SHORT, Stage, foreign_profile};

/// Listens on loopback, is well as long as preflight looks, and treats every other connection alike. Ends with the test process.
fn server(treat: impl Fn(TcpStream) + Clone + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let treat = treat.clone();
            std::thread::spawn(move || {
                if let Some(stream) = after_preflight(stream) {
                    treat(stream);
                }
            });
        }
    });
    format!("http://{address}")
}

/// Answers what preflight asks; gives any other connection back as it came.
fn after_preflight(mut stream: TcpStream) -> Option<TcpStream> {
    const ASKED: &[u8] = b"GET /vnflcm/v2/api_versions ";
    let mut begun = [0; ASKED.len()];
    loop {
        let many = stream.peek(&mut begun).ok().filter(|many| *many > 0)?;
        if !ASKED.starts_with(&begun[..many]) {
            return Some(stream);
        }
        if many == ASKED.len() {
            break;
        }
        std::thread::yield_now();
    }
    read_request(&mut stream);
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    None
}

/// Runs the normative signature scenario against a process that only waits, and an API that treats us so.
#[track_caller]
fn against(treat: impl Fn(TcpStream) + Clone + Send + 'static, told: &[&str]) {
    let stage = Stage::new();
    let root = server(treat);
    let waiter = stage.path("waiter").to_string_lossy().into_owned();
    let command = ["sh", "-c", "cat >/dev/null", &waiter];
    stage.write("sut.toml", &foreign_profile(&command, Some(&root)));
    let ended = stage.run(&["run", "--sut", "sut.toml", "--select", SHORT]);
    ended.assert_told(2, &["Inconclusive"]);
    ended.assert_told(2, told);
    stage.assert_nothing_left();
}

#[track_caller]
fn started_by(command: &[&str], told: &[&str]) {
    let stage = Stage::new();
    let marker = stage.path("marker").to_string_lossy().into_owned();
    let command: Vec<&str> = command.iter().copied().chain([marker.as_str()]).collect();
    stage.write("sut.toml", &foreign_profile(&command, None));
    let ended = stage.run(&["run", "--sut", "sut.toml", "--select", SHORT]);
    ended.assert_told(2, &["Inconclusive", "a VNFM that runs"]);
    ended.assert_told(2, told);
    stage.assert_nothing_left();
}

/// Reads one request's head, so that the answer is not sent into nothing.
fn read_request(stream: &mut TcpStream) {
    let mut seen = Vec::new();
    let mut byte = [0; 1];
    while !seen.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
        seen.push(byte[0]);
    }
}

#[test]
fn a_product_that_dies_at_its_start_is_told_with_its_last_words() {
    started_by(
        &["sh", "-c", "echo 'no licence found' >&2; exit 3"],
        &["ended before it was ready", "no licence found"],
    );
}

#[test]
fn a_product_that_never_gets_ready_is_given_up_with_its_children() {
    started_by(
        &["sh", "-c", "sleep 600 & sleep 600; true"],
        &["was not ready within 3 s", "ixit.timeouts.start"],
    );
}

#[test]
fn a_product_whose_ready_line_says_nothing_is_told_what_was_expected() {
    started_by(
        &["sh", "-c", "echo Welcome; cat >/dev/null"],
        &["Welcome", "ixit.api.root"],
    );
}

#[test]
fn a_product_that_answers_garbage_is_not_judged() {
    against(
        |mut stream| {
            read_request(&mut stream);
            let _ = stream.write_all(b"\x16\x03\x01 what?\r\n\r\n");
        },
        &["not HTTP"],
    );
}

#[test]
fn a_product_that_answers_json_without_an_identifier_is_not_judged() {
    against(
        |mut stream| {
            read_request(&mut stream);
            let _ =
                stream.write_all(b"HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\n{\"id\": 7}");
        },
        &["201 without an identifier"],
    );
}

#[test]
fn a_product_that_never_stops_answering_is_cut_off() {
    against(
        |mut stream| {
            read_request(&mut stream);
            let _ = stream.write_all(b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n");
            let mut chunk = b"100000\r\n".to_vec();
            chunk.resize(8 + 0x10_0000, b' ');
            chunk.extend_from_slice(b"\r\n");
            while stream.write_all(&chunk).is_ok() {}
        },
        &["exceeds 16777216 bytes"],
    );
}

#[test]
fn a_product_that_never_answers_is_not_waited_for_longer_than_the_ixit_says() {
    against(
        |mut stream| {
            // Reads on until the other side gives up.
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        },
        &["timed out"],
    );
}

/// True once the process is gone, or waits only for its parent to hear of it.
fn is_gone(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| {
        stat.rsplit(')')
            .next()
            .unwrap()
            .trim_start()
            .starts_with('Z')
    })
}

#[test]
fn a_product_that_dies_during_the_test_is_told() {
    let stage = Stage::new();
    let pid_file = stage.path("pid");
    let written = pid_file.clone();
    // Its API answers nothing before the product is gone: the first question meets a dead product.
    let root = server(move |mut stream| {
        read_request(&mut stream);
        let pid = std::fs::read_to_string(&written).unwrap();
        while !is_gone(pid.trim()) {
            std::thread::yield_now();
        }
    });
    let script = format!(
        "echo $$ > {}; echo '{{\"event\":\"ready\",\"apiRoot\":\"{root}\"}}'; exit 7",
        pid_file.display()
    );
    stage.write("sut.toml", &foreign_profile(&["sh", "-c", &script], None));
    let ended = stage.run(&["run", "--sut", "sut.toml", "--select", SHORT]);
    ended.assert_told(2, &["Inconclusive", "it has ended: exit status: 7"]);
    stage.assert_nothing_left();
}

#[test]
fn a_product_with_one_address_is_not_compared_with_itself() {
    let stage = Stage::new();
    let root = server(|mut stream| read_request(&mut stream));
    let marker = stage.path("marker").to_string_lossy().into_owned();
    let command = ["sh", "-c", "cat >/dev/null", &marker];
    stage.write("sut.toml", &foreign_profile(&command, Some(&root)));
    let ended = stage.run(&[
        "run",
        "--sut",
        "sut.toml",
        "--json",
        "--select",
        "4.2.2.2 and @extended",
    ]);
    let results = ended.json();
    let scenarios = results["cases"][0]["scenarios"].as_array().unwrap();
    let replicas = scenarios
        .iter()
        .find(|s| s["name"].as_str().unwrap().contains("of the same make"))
        .unwrap();
    assert_eq!(replicas["verdict"], "inconclusive");
    let reason = replicas["reason"].as_str().unwrap();
    assert!(reason.contains("no second VNFM"), "{reason}");
}
