//! The server under test, and a client that sends what no library would: paths and headers exactly as they are written.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::html::page::Page;
use crate::support::Stage;

/// No test waits longer for what must happen.
const LIMIT: Duration = Duration::from_secs(120);

/// `scas serve` over the folder `reports` of a stage.
pub struct Served {
    child: Child,
    /// Where it listens.
    pub address: String,
}

impl Served {
    pub fn start(stage: &Stage) -> Self {
        std::fs::create_dir_all(stage.path("reports")).unwrap();
        Self::of(stage.scas(&["serve"]))
    }

    pub fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert_eq!(ready["event"], "ready");
        let url = ready["url"].as_str().unwrap();
        let address = url.strip_prefix("http://").unwrap().trim_end_matches('/');
        Self {
            child,
            address: address.to_owned(),
        }
    }

    /// Asks as a browser would.
    #[track_caller]
    pub fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, &[("Host", &self.address)])
    }

    /// A page that there must be, as a parser sees it.
    #[track_caller]
    pub fn page(&self, target: &str) -> Page {
        let answer = self.get(target);
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        Page::parse(&answer.text())
    }

    #[track_caller]
    pub fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
        let mut stream = self.open(method, target, headers);
        let (status, headers) = head(&mut stream);
        let mut body = Vec::new();
        stream.read_to_end(&mut body).unwrap();
        Answer {
            status,
            headers,
            body,
        }
    }

    /// A stream of events. To HTTP/1.0 a body of unknown length is sent as it is, until the connection ends.
    #[track_caller]
    pub fn events(&self, target: &str, headers: &[(&str, &str)]) -> Events {
        let host = [("Host", self.address.as_str())];
        let headers: Vec<_> = host.into_iter().chain(headers.iter().copied()).collect();
        let mut stream = self.open("GET", target, &headers);
        let (status, headers) = head(&mut stream);
        assert_eq!(status, 200, "{target}");
        let kind = ("content-type".to_owned(), "text/event-stream".to_owned());
        assert!(headers.contains(&kind), "{headers:?}");
        Events { stream }
    }

    fn open(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let headers: String = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let request = format!("{method} {target} HTTP/1.0\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        BufReader::new(stream)
    }

    /// Asks it to end, and returns its exit code.
    pub fn end(mut self) -> Option<i32> {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap());
        kill(pid, Signal::SIGTERM).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn head(stream: &mut BufReader<TcpStream>) -> (u16, Vec<(String, String)>) {
    let mut lines = stream.by_ref().lines().map(Result::unwrap);
    let first = lines.next().expect("an answer");
    let status = first.split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines
        .take_while(|line| !line.is_empty())
        .map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_lowercase(), value.to_owned())
        })
        .collect();
    (status, headers)
}

/// What came back.
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// A header that is there once; empty if it is not there.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        let mut found = self.headers.iter().filter(|(other, _)| other == name);
        let value = found.next().map_or("", |(_, value)| value.as_str());
        assert_eq!(found.next(), None, "{name} twice");
        value
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Events as they come.
pub struct Events {
    stream: BufReader<TcpStream>,
}

/// One of them.
#[derive(Debug)]
pub struct Heard {
    pub name: String,
    pub id: String,
    pub data: Value,
}

impl Iterator for Events {
    type Item = Heard;

    /// Waits for the next; none once the server has ended the stream.
    fn next(&mut self) -> Option<Heard> {
        let (mut name, mut id, mut data) = (String::new(), String::new(), String::new());
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            match line.trim_end_matches('\n').split_once(':') {
                Some(("event", rest)) => name = rest.trim_start().to_owned(),
                Some(("id", rest)) => id = rest.trim_start().to_owned(),
                Some(("data", rest)) => data += rest.trim_start(),
                Some(_) => {}
                None if data.is_empty() => {}
                None => {
                    let data = serde_json::from_str(&data).unwrap();
                    return Some(Heard { name, id, data });
                }
            }
        }
    }
}
