//! A product on another machine, known by its ICS and IXIT alone and reached by its address: looked at through `ixit.observe.via`.

use serde_json::Value;

use crate::machine::{self, Machine};
use crate::support::{Ended, json};

/// Each case's own scenario.
const NORMATIVE: &str = "(4.2.2.1 or 4.2.2.2 or 4.2.2.3 or 4.2.2.4 or 4.2.2.5) and @normative";
/// The shortest that looks into the product.
const SHORT: &str = "4.2.2.4 and @normative";

fn run(machine: &Machine, select: &str) -> Ended {
    let arguments = ["run", "--sut", "foreign.toml", "--select", select];
    machine.stage.run(&arguments)
}

/// The record of a look, by its name, of the one scenario that looked.
fn look(machine: &Machine, name: &str) -> Value {
    let mut folders = vec![machine.stage.run_folder().join("evidence")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with("look-")
            {
                let look = json(&path);
                if look["look"] == name {
                    return look;
                }
            }
        }
    }
    panic!("no look is called {name}");
}

#[test]
fn a_product_on_another_machine_is_judged_as_at_home() {
    if !machine::can_be_made() {
        return;
    }
    let machine = Machine::new(&[]);
    machine.call(&["/mnt/ctl", "reset"]);
    machine.profile(&Machine::observe(&machine.via()));
    run(&machine, NORMATIVE).assert_told(0, &["5 passed", "0 inconclusive", "ixit.observe.via"]);
    let look = look(&machine, "while the VIM holds its answer");
    assert!(
        look["there"]["processes"].as_u64().unwrap() >= 2,
        "{}",
        look["there"]
    );
    let canaries = look["search"]["canaries"].as_array().unwrap();
    for source in ["VNFM", "others", "/mnt/var", "names", "shared folders"] {
        let mut there = canaries.iter();
        assert!(
            there.any(|canary| canary["source"] == source),
            "{source}: {canaries:?}"
        );
    }
    assert!(canaries.iter().all(|canary| canary["found"] == true));
    let attempts = look["attempts"]["attempts"].as_array().unwrap();
    let denied = |attempt: &&Value| {
        attempt["what"].as_str().unwrap().starts_with("read memory")
            && attempt["result"]["outcome"] == "denied"
    };
    assert!(attempts.iter().filter(denied).count() >= 2, "{attempts:?}");
}

#[test]
fn what_a_product_on_another_machine_leaves_lying_fails_there() {
    if !machine::can_be_made() {
        return;
    }
    for (defect, told) in [
        ("key-in-readable-file", "in storage: /mnt/var"),
        ("key-in-free-pages", "in storage: /mnt/var"),
        (
            "key-in-shared-memory",
            "in storage: shared folders /dev/shm",
        ),
        (
            "der-in-heap",
            "in the memory of a process of the VNFM: VNFM pid",
        ),
    ] {
        let machine = Machine::new(&[defect]);
        machine.call(&["/mnt/ctl", "reset"]);
        machine.profile(&Machine::observe(&machine.via()));
        run(&machine, SHORT).assert_told(1, &["Fail", told, "via ssh"]);
    }
}
