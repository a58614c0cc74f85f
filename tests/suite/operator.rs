//! What only a person can do: the operator is asked at the terminal or answers by a file, and what is not done is Inconclusive.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::program::{Program, free_port, reference_config};
use crate::support::{Ended, Stage, json};

/// Scenarios that restart the product, kill it, or leave it alone.
const SELECTION: &str = "4.2.2.2 and @extended";
const RESTART: &str = "Identifiers differ before and after a restart";
const KILL: &str = "Identifiers differ before and after the VNFM is killed while it creates";

/// The reference as a product that runs by itself, at an address that it keeps.
struct Lab {
    stage: Stage,
    port: u16,
    product: Option<Program>,
}

impl Lab {
    fn open(commands: &str) -> Self {
        let stage = Stage::new();
        stage.run(&["pki", "new", "lab"]).assert_told(0, &[]);
        let (port, nfvo) = (free_port(), free_port());
        let listen = format!("127.0.0.1:{port}");
        stage.write("vnfm.toml", &reference_config("lab", &listen, nfvo));
        let text = format!(
            "[sut]\nname = \"foreign\"\nvendor = \"somebody\"\nversion = \"1\"\nrole = \"VNFM\"\n\
             [ics]\nvnfd-signature-verification = true\nvnf-instance-id = true\n\
             delegation-mode = {{ supported = false, reason = \"a test of the rest\" }}\n\
             key-custody-pkcs11 = {{ supported = false, reason = \"no token\" }}\n\
             [documents]\nvnf-instance-id = \"manual, 2\"\n\
             [ixit]\npki = \"lab\"\nrefusal-statuses = [422]\n\
             [ixit.capacity]\nquick = 20\nfull = 20\nconcurrency = 2\n\
             [ixit.timeouts]\nstart = 20\nanswer = 20\nstop = 2\n\
             [ixit.api]\nroot = \"https://{listen}\"\nrunning = true\n\
             [ixit.nfvo]\nlisten = \"127.0.0.1:{nfvo}\"\n\
             [ixit.commands]\n{commands}"
        );
        stage.write("sut.toml", &text);
        let mut lab = Self {
            stage,
            port,
            product: None,
        };
        lab.start();
        lab
    }

    fn start(&mut self) {
        self.product = Some(Program::reference(&self.stage, "vnfm.toml"));
    }

    fn kill(&mut self) {
        self.product.take().unwrap().kill();
    }

    /// Does what is asked for, as an operator would.
    fn obey(&mut self, step: &str) {
        match step {
            "ixit.commands.restart" => {
                self.product.take().unwrap().end();
                self.start();
            }
            "ixit.commands.kill" => self.kill(),
            "ixit.commands.start" => self.start(),
            other => panic!("nobody said what '{other}' is"),
        }
    }

    fn arguments<'a>(more: &[&'a str]) -> Vec<&'a str> {
        let mut all = vec!["run", "--sut", "sut.toml", "--select", SELECTION];
        all.extend(more);
        all
    }

    /// A scenario of the one run, and its evidence of the operator.
    fn scenario(&self, name: &str) -> (Value, Vec<Value>) {
        let folder = self.stage.run_folder();
        let results = json(&folder.join("results.json"));
        let scenarios = results["cases"][0]["scenarios"].as_array().unwrap();
        let wanted = scenarios.iter().find(|one| one["name"] == name);
        let wanted = wanted.unwrap_or_else(|| panic!("no '{name}'")).clone();
        let files = wanted["evidence"].as_array().unwrap().iter();
        let paths = files.map(|file| file["path"].as_str().unwrap());
        let kept = paths.filter(|path| path.contains("/operator-"));
        let kept = kept.map(|path| json(&folder.join(path))).collect();
        (wanted, kept)
    }
}

/// Reads what is asked for, and answers with what `operator` says of step and instruction, until the run ends.
pub fn converse(
    mut child: Child,
    asked: impl Read,
    mut answers: impl Write,
    mut operator: impl FnMut(&str, &str) -> String,
) -> Ended {
    let (mut step, mut last) = (String::new(), String::new());
    let mut told = String::new();
    let mut lines = BufReader::new(asked);
    let mut line = Vec::new();
    // The other side of a terminal fails with EIO once the last has closed it.
    while lines
        .read_until(b'\n', &mut line)
        .is_ok_and(|many| many > 0)
    {
        let text = String::from_utf8_lossy(&line).into_owned();
        told += &text;
        line.clear();
        if let Some((_, rest)) = text.split_once("this is for you to do (") {
            step = rest.split(')').next().unwrap().to_owned();
        } else if text.contains("Done? Answer y, or n") {
            writeln!(answers, "{}", operator(&step, last.trim())).unwrap();
        } else if text.contains("Your name, for the record:") {
            writeln!(answers, "B. Operator").unwrap();
        }
        last = text;
    }
    let code = child.wait().unwrap().code().expect("ended by itself");
    Ended {
        code,
        stdout: String::new(),
        stderr: told,
    }
}

const BY_HAND: &str = "restart = { operator = \"Restart the VNFM with {config}.\" }\nkill = { operator = \"Pull the plug.\" }\n\
                       start = { operator = \"Put it back.\" }\n";

#[test]
fn who_sits_there_is_asked_and_the_scenario_goes_on_when_it_is_done() {
    let mut lab = Lab::open(BY_HAND);
    let mut child = lab
        .stage
        .scas(&Lab::arguments(&["--interactive"]))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (stdin, stderr) = (child.stdin.take().unwrap(), child.stderr.take().unwrap());
    let mut hesitates = true;
    let ended = converse(child, stderr, stdin, |step, _| {
        if std::mem::take(&mut hesitates) {
            // Not understood, and asked again: by another line, which this operator answers at once.
            return format!("what?\n{}", {
                lab.obey(step);
                "y, it took a while"
            });
        }
        lab.obey(step);
        "yes".to_owned()
    });
    // Those that need several VNFMs, or their state, are open.
    ended.assert_told(2, &["Answer y if it is done, or n and why not:"]);
    let (restart, kept) = lab.scenario(RESTART);
    assert_eq!(restart["verdict"], "pass", "{restart}");
    assert_eq!(kept.len(), 1);
    let answer = &kept[0];
    assert_eq!(answer["step"], "ixit.commands.restart");
    assert_eq!(
        (&answer["done"], &answer["by"]),
        (&true.into(), &"interactive".into())
    );
    assert_eq!(answer["name"], "B. Operator");
    assert_eq!(answer["remark"], "it took a while");
    let instruction = answer["instruction"].as_str().unwrap();
    assert!(
        instruction.starts_with("Restart the VNFM with /"),
        "placeholders are filled in: {instruction}"
    );
    assert!(answer["asked_at"].as_str().unwrap() < answer["answered_at"].as_str().unwrap());
    let seen = restart["observations"].to_string();
    assert!(seen.contains("done, says B. Operator"), "{seen}");
    assert!(!seen.contains("restart-not-seen"), "{seen}");
    let (kill, kept) = lab.scenario(KILL);
    assert_eq!(kill["verdict"], "pass", "{kill}");
    let steps: Vec<_> = kept
        .iter()
        .map(|one| one["step"].as_str().unwrap())
        .collect();
    assert_eq!(&steps[..2], ["ixit.commands.kill", "ixit.commands.start"]);
    lab.product.take().unwrap().end();
    lab.stage.assert_nothing_left();
}

#[test]
fn on_a_terminal_what_is_not_done_is_inconclusive_with_the_operators_words() {
    let lab = Lab::open("restart = { operator = \"Press the button.\" }\n");
    let terminal = nix::pty::openpty(None, None).unwrap();
    let ours = |fd: &OwnedFd| fd.try_clone().unwrap();
    let child = {
        let mut command = lab.stage.scas(&Lab::arguments(&["--interactive"]));
        command
            .stdin(ours(&terminal.slave))
            .stdout(Stdio::null())
            .stderr(ours(&terminal.slave));
        command.spawn().unwrap()
    };
    drop(terminal.slave);
    let answers = std::fs::File::from(ours(&terminal.master));
    let asked = std::fs::File::from(terminal.master);
    let ended = converse(child, asked, answers, |_, _| {
        "n the button is stuck".to_owned()
    });
    // The bar is drawn on a terminal.
    ended.assert_told(2, &["Press the button.", "0/7", "\u{2591}"]);
    let (restart, kept) = lab.scenario(RESTART);
    assert_eq!(restart["verdict"], "inconclusive");
    let reason = restart["reason"].as_str().unwrap();
    assert!(
        reason.contains(
            "ixit.commands.restart (\"Press the button.\") was not done: B. Operator says so: the button is stuck"
        ),
        "{reason}"
    );
    assert_eq!(kept[0]["done"], false);
}

#[test]
fn prepared_answers_are_taken_and_what_can_be_seen_is_looked_at() {
    let lab = Lab::open(BY_HAND);
    lab.stage.write(
        "answers.toml",
        "name = \"A lab\"\n[answer.\"ixit.commands.restart\"]\ndone = true\nname = \"Its script\"\n\
         [answer.\"ixit.commands.kill\"]\ndone = true\n",
    );
    let ended = lab
        .stage
        .run(&Lab::arguments(&["--answers", "answers.toml"]));
    ended.assert_told(2, &["Inconclusive"]);
    let (restart, kept) = lab.scenario(RESTART);
    assert_eq!(
        (&kept[0]["by"], &kept[0]["name"]),
        (&"prepared".into(), &"Its script".into())
    );
    // It is said to be done, and nobody has restarted anything.
    let seen = restart["observations"].to_string();
    assert!(
        seen.contains("a connection from before the restart is still open"),
        "{seen}"
    );
    assert_eq!(restart["verdict"], "inconclusive", "{restart}");
    let reason = restart["reason"].as_str().unwrap();
    assert!(
        reason.contains("undecided: ixit.commands.restart: the product was not seen to restart"),
        "{reason}"
    );
    let (kill, kept) = lab.scenario(KILL);
    assert_eq!(kill["verdict"], "inconclusive");
    let reason = kill["reason"].as_str().unwrap();
    let listens = format!("something listens at https://127.0.0.1:{}", lab.port);
    assert!(reason.contains(&listens), "{reason}");
    assert_eq!(kept[0]["name"], "A lab");
}

#[test]
fn without_anybody_to_ask_the_case_is_inconclusive_and_says_what_is_to_be_done() {
    let lab = Lab::open(BY_HAND);
    lab.stage
        .run(&["check", "--sut", "sut.toml"])
        .assert_told(
            0,
            &["lacks: line ", "ixit.commands.kill: only a person can do this: \"Pull the plug.\"; run with --interactive"],
        );
    lab.stage.run(&Lab::arguments(&[])).assert_told(
        2,
        &[
            "only a person can do what ixit.commands.restart asks for (\"Restart the VNFM with ",
            "only a person can do what ixit.commands.kill asks for (\"Pull the plug.\"): give --interactive to be asked, or --answers",
        ],
    );
    // Nobody sits there: the input ends at once.
    std::fs::remove_dir_all(lab.stage.path("reports")).unwrap();
    lab.stage
        .run(&Lab::arguments(&["--interactive"]))
        .assert_told(2, &["nobody answers, the standard input has ended"]);
}

#[test]
fn answers_that_fit_nothing_are_told() {
    let lab = Lab::open(BY_HAND);
    let refused = |text: &str, told: &[&str]| {
        lab.stage.write("answers.toml", text);
        lab.stage
            .run(&Lab::arguments(&["--answers", "answers.toml"]))
            .assert_told(64, told);
        assert!(!lab.stage.path("reports").exists(), "nothing is begun");
    };
    refused(
        "",
        &[
            "--answers answers.toml line 1: missing field `name`",
            "write e.g.",
        ],
    );
    refused("name = \" \"", &["--answers answers.toml: name is empty"]);
    refused(
        "name = \"A\"\n[answer.\"ixit.commands.restrat\"]\ndone = true",
        &[
            "the profile asks nobody for \"ixit.commands.restrat\"; did you mean \"ixit.commands.restart\"?",
        ],
    );
    refused(
        "name = \"A\"\n[answer.\"weather\"]\ndone = true",
        &["it asks for ixit.commands.start, ixit.commands.kill, ixit.commands.restart"],
    );
    refused(
        "name = \"A\"\n[answer.\"ixit.commands.restart\"]\ndone = \"yes\"",
        &["--answers answers.toml line 3: "],
    );
    refused(
        "name = \"A\"\n[answer.\"ixit.commands.restart\"]\nremark = \"x\"",
        &["missing field `done`"],
    );
    lab.stage
        .run(&Lab::arguments(&["--answers", "nowhere.toml"]))
        .assert_told(64, &["--answers nowhere.toml: is no file"]);
    let text = std::fs::read_to_string(lab.stage.path("sut.toml")).unwrap();
    lab.stage.write(
        "sut.toml",
        &text.replace("operator = \"Pull the plug.\"", "operator = \" \""),
    );
    lab.stage.run(&Lab::arguments(&[])).assert_told(
        64,
        &["ixit.commands.kill: is empty; give the program and its arguments, or { operator = "],
    );
    lab.stage.write(
        "sut.toml",
        &text.replace("operator = \"Pull the plug.\"", "person = \"Pull\""),
    );
    lab.stage
        .run(&Lab::arguments(&[]))
        .assert_told(64, &["ixit.commands.kill.person: there is no such label"]);
}
