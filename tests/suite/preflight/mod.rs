//! What is amiss before a run is told before it, by label, with what was seen and how to mend it. Exit code 64; nothing is begun.

mod certificates;
mod machine;
mod product;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use crate::support::{SHORT, Stage, foreign_profile};

/// The exit code of a usage or configuration mistake.
pub const USAGE: i32 = 64;

/// A profile of a product that runs by itself at this address.
pub fn running(root: &str, further: &str) -> String {
    let text = foreign_profile(&["cat"], Some(root));
    text.replace("running = true\n", &format!("running = true\n{further}"))
}

/// Nothing is begun, and each of these is told: by `scas run`, and by `scas check --sut`.
#[track_caller]
pub fn refused(stage: &Stage, text: &str, told: &[&str]) {
    stage.write("sut.toml", text);
    stage
        .run(&["run", "--sut", "sut.toml", "--select", SHORT])
        .assert_told(USAGE, told);
    assert!(!stage.path("reports").exists(), "nothing is begun");
    stage
        .run(&["check", "--sut", "sut.toml"])
        .assert_told(USAGE, told);
}

/// Answers each request on loopback so, depending on its head. Ends with the test process.
pub fn server(answer: impl Fn(&str) -> String + Clone + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || {
                let head = head(&mut stream);
                let _ = stream.write_all(answer(&head).as_bytes());
            });
        }
    });
    format!("http://{address}")
}

fn head(stream: &mut TcpStream) -> String {
    let mut seen = Vec::new();
    let mut byte = [0; 1];
    while !seen.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
        seen.push(byte[0]);
    }
    String::from_utf8_lossy(&seen).into_owned()
}

pub fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
}
