//! The report in a browser: its script runs under its own policy, and nothing else does.

use std::path::Path;

use super::hostile;
use crate::support::{SHORT, Stage};

/// What Chromium says of a page: the document when scripts have run, and the messages of its console.
struct Opened {
    document: String,
    console: String,
}

/// Opens a page from the disk; none if the browser is not installed.
fn open(stage: &Stage, page: &Path) -> Option<Opened> {
    if !installed(stage) {
        return None;
    }
    let url = format!("file://{}", page.display());
    let data = format!("--user-data-dir={}", stage.path("chromium").display());
    let output = stage
        .command(
            "chromium",
            &[
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--enable-logging=stderr",
                "--virtual-time-budget=10000",
                &data,
                "--dump-dom",
                &url,
            ],
        )
        .output()
        .unwrap();
    let document = String::from_utf8_lossy(&output.stdout).into_owned();
    let messages = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        document.contains("</html>"),
        "nothing was drawn: {messages}"
    );
    let console = messages
        .lines()
        .filter(|line| line.contains("CONSOLE"))
        .collect::<Vec<_>>();
    Some(Opened {
        document,
        console: console.join("\n"),
    })
}

fn installed(stage: &Stage) -> bool {
    let there = stage
        .command("chromium", &["--version"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !there {
        #[expect(clippy::print_stderr, reason = "whoever runs the tests must see it")]
        {
            eprintln!("NOT RUN: chromium is not installed (Debian package chromium)");
        }
        assert!(std::env::var_os("CI").is_none(), "CI must have chromium");
    }
    there
}

/// The script's first act is to show the buttons; they are hidden where it did not run.
const SCRIPT_RAN: &str = "<p class=\"keys no-print\" id=\"keys\">";

#[test]
fn a_report_opens_from_a_disk_and_its_own_script_runs() {
    let stage = Stage::new();
    stage.run(&["run", "--select", SHORT]).assert_told(0, &[]);
    let Some(opened) = open(&stage, &stage.run_folder().join("index.html")) else {
        return;
    };
    assert!(opened.document.contains(SCRIPT_RAN), "{}", opened.console);
    assert_eq!(opened.console, "");
}

#[test]
fn hostile_texts_run_nothing_and_a_foreign_script_is_refused() {
    let stage = Stage::new();
    let page = hostile::hostile(&stage);
    let Some(opened) = open(&stage, &page) else {
        return;
    };
    assert!(opened.document.contains(SCRIPT_RAN), "{}", opened.console);
    assert_eq!(opened.console, "");
    assert!(!opened.document.contains("<title>owned"));

    // The positive control: a script that stands in the page is refused by the policy, and that is heard.
    let text = std::fs::read_to_string(&page).unwrap();
    let foreign = text.replace("</main>", "<script>document.title='owned'</script></main>");
    std::fs::write(&page, foreign).unwrap();
    let opened = open(&stage, &page).unwrap();
    assert!(
        opened.console.contains("Content Security Policy"),
        "{}",
        opened.console
    );
    assert!(!opened.document.contains("<title>owned"));
}
