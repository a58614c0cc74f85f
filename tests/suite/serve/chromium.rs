//! Chromium under remote control, by its pipe: pages that stay open can be looked at, and clicked in.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::{Value, json};

use crate::html::browser::installed;
use crate::support::Stage;

/// A browser with one page.
pub struct Browser {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    session: Option<String>,
    asked: u64,
    /// What it told beside answers.
    told: VecDeque<Value>,
    /// Errors of scripts, and messages of the console.
    pub console: Vec<String>,
}

impl Browser {
    /// Starts it; none if it is not installed.
    pub fn start(stage: &Stage) -> Option<Self> {
        if !installed(stage) {
            return None;
        }
        let data = format!("--user-data-dir={}", stage.path("chromium").display());
        // It reads from descriptor 3 and writes to 4.
        let mut child = stage
            .command(
                "sh",
                &[
                    "-c",
                    "exec \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1",
                    "sh",
                    "chromium",
                    "--headless",
                    "--no-sandbox",
                    "--disable-gpu",
                    "--disable-dev-shm-usage",
                    "--no-first-run",
                    "--remote-debugging-pipe",
                    &data,
                ],
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut browser = Self {
            to: child.stdin.take().unwrap(),
            from: BufReader::new(child.stdout.take().unwrap()),
            child,
            session: None,
            asked: 0,
            told: VecDeque::new(),
            console: Vec::new(),
        };
        let page = browser.ask("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": page["targetId"], "flatten": true });
        let attached = browser.ask("Target.attachToTarget", attach);
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log"] {
            browser.ask(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    /// Opens a page, and waits until it is loaded.
    pub fn open(&mut self, url: &str) {
        self.told.clear();
        let opened = self.ask("Page.navigate", json!({ "url": url }));
        assert_eq!(opened["errorText"], Value::Null, "{url}");
        self.loaded();
    }

    /// Waits until the next page is loaded.
    pub fn loaded(&mut self) {
        self.heard("Page.loadEventFired");
    }

    /// The value of an expression; a promise is waited for.
    #[track_caller]
    pub fn value(&mut self, expression: &str) -> Value {
        let wanted = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true });
        let came = self.ask("Runtime.evaluate", wanted);
        assert_eq!(came["exceptionDetails"], Value::Null, "{expression}");
        came["result"]["value"].clone()
    }

    /// Waits until a condition holds, looking again whenever the page has changed. One about an element that is not there yet does not hold.
    #[track_caller]
    pub fn until(&mut self, condition: &str) {
        let expression = format!(
            "new Promise(done => {{
                const holds = () => {{ try {{ return {condition}; }} catch (error) {{ return false; }} }};
                const look = () => {{ if (holds()) {{ observer.disconnect(); done(true); }} }};
                const observer = new MutationObserver(look);
                observer.observe(document, {{ subtree: true, childList: true, characterData: true, attributes: true }});
                look();
            }})"
        );
        assert_eq!(self.value(&expression), true, "{condition}");
    }

    /// Does what leads to another page, and waits until that is loaded.
    pub fn follow(&mut self, action: &str) {
        self.told.clear();
        // It must have answered before the page is gone.
        self.value(&format!("setTimeout(() => {{ {action} }}); true"));
        self.loaded();
    }

    fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.asked += 1;
        let mut question = json!({ "id": self.asked, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            question["sessionId"] = session.as_str().into();
        }
        self.to
            .write_all(format!("{question}\0").as_bytes())
            .unwrap();
        loop {
            let message = self.read();
            if message["id"] == self.asked {
                assert_eq!(message["error"], Value::Null, "{method}");
                return message["result"].clone();
            }
            self.told.push_back(message);
        }
    }

    fn heard(&mut self, method: &str) {
        loop {
            let message = match self.told.pop_front() {
                Some(message) => message,
                None => self.read(),
            };
            if message["method"] == method {
                return;
            }
        }
    }

    fn read(&mut self) -> Value {
        let mut bytes = Vec::new();
        self.from.read_until(0, &mut bytes).unwrap();
        assert_eq!(bytes.pop(), Some(0), "the browser has ended");
        let message: Value = serde_json::from_slice(&bytes).unwrap();
        let of_console = [
            "Log.entryAdded",
            "Runtime.exceptionThrown",
            "Runtime.consoleAPICalled",
        ];
        if of_console.iter().any(|method| message["method"] == *method) {
            self.console.push(message["params"].to_string());
        }
        message
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It ends with its pipe, too; what is not there any more needs no end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
