//! The walk-through of docs/products/running-reference.md, as it stands there: a product that an operator runs, in delegation mode.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::program::free_port;
use crate::support::{Ended, Stage, root_or_told};

const FOLDER: &str = "fixtures/products/running-reference";
const SELECT: &str = "(4.2.2.3 or 4.2.2.4 or 4.2.2.5) and @normative";

/// A copy of the walk-through's folder, with ports that are free here and certificates. The product is killed when this is dropped.
struct Lab(Stage);

impl Lab {
    fn new() -> Self {
        let stage = Stage::new();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER);
        let ports = [9443, 9444, 9990, 9991, 9992].map(|port: u16| (port, free_port()));
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let mut text = std::fs::read_to_string(entry.path()).unwrap();
            for (written, free) in ports {
                text = text.replace(&format!(":{written}"), &format!(":{free}"));
            }
            let name = entry.file_name().into_string().unwrap();
            let mode = entry.metadata().unwrap().permissions().mode();
            let copy = stage.write(&name, &text);
            std::fs::set_permissions(copy, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        stage.run(&["pki", "new", "pki"]).assert_told(0, &[]);
        Self(stage)
    }

    #[track_caller]
    fn product(&self, what: &str) {
        let mut command = self.0.command("./product", &[what]);
        let output = command.env("SCAS", env!("CARGO_BIN_EXE_scas")).output();
        Ended::of(output.unwrap()).assert_told(0, &[]);
    }

    fn scas(&self, arguments: &[&str]) -> Ended {
        let mut command = self.0.scas(arguments);
        Ended::of(
            command
                .env("SCAS", env!("CARGO_BIN_EXE_scas"))
                .output()
                .unwrap(),
        )
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.0.command("./product", &["kill"]).output();
    }
}

/// Without the product: the profile reads, its files and commands are there, and what is left is that it does not run.
#[test]
fn its_profile_is_accepted_and_says_that_the_product_is_not_there() {
    let lab = Lab::new();
    for folder in ["state", "log"] {
        std::fs::create_dir(lab.0.path(folder)).unwrap();
    }
    let ended = lab.scas(&["check", "--sut", "profile.toml"]);
    ended.assert_told(
        64,
        &[
            "ixit.api.root: cannot connect to 127.0.0.1:",
            "ixit.observe.product: 'port:",
        ],
    );
    assert!(
        ended.stdout.ends_with("2 findings to mend\n"),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_product_that_an_operator_runs_passes_the_three_cases_about_private_keys() {
    if !root_or_told() {
        return;
    }
    let lab = Lab::new();
    lab.product("start");
    wait_for(&lab);
    lab.scas(&["check", "--sut", "profile.toml"]).assert_told(
        0,
        &[
            "ixit.observe.product: port:",
            " is 1 process\n",
            "nothing to mend",
        ],
    );
    let ended = lab.scas(&["run", "--sut", "profile.toml", "--select", SELECT]);
    ended.assert_told(
        0,
        &[
            "3 passed",
            "searched-for-exposure",
            "searched-after-deadline",
            "verdict: Pass",
        ],
    );
    // Each scenario was begun by a command that stopped what an earlier one had started, and ends nothing that is not ours to end.
    assert!(!ended.stdout.contains("residue"), "{}", ended.stdout);
    // Of what another user could do, nothing concerns what the tester has put there.
    assert!(!ended.stdout.contains("scas-bed-"), "{}", ended.stdout);
    // It is left running.
    lab.product("stop");
}

fn wait_for(lab: &Lab) {
    let ready = || {
        std::fs::read_to_string(lab.0.path("log/output")).is_ok_and(|said| said.contains("ready"))
    };
    let begun = std::time::Instant::now();
    while !ready() {
        let said = std::fs::read_to_string(lab.0.path("log/output"));
        assert!(
            begun.elapsed().as_secs() < 120,
            "it does not start: {said:?}"
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
