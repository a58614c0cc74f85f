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

/// Whether the browser is there; if not, that is said.
pub fn installed(stage: &Stage) -> bool {
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

/// What a reader does, done by a script that a copy of the page without its policy lets in.
const READER: &str = "<script>\
    const press = key => document.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));\
    const failed = document.querySelector('[data-failed]');\
    failed.open = false;\
    press('n');\
    const said = document.getElementById('told').textContent;\
    const focused = document.activeElement.closest('details').id;\
    const open = failed.open;\
    const link = document.querySelector('dl.against a[href^=\"#x\"]');\
    link.click();\
    addEventListener('hashchange', () => {\
        const entry = document.querySelector(location.hash);\
        const shown = entry.open && entry.parentElement.closest('details').open;\
        const wanted = document.getElementById('wanted');\
        wanted.value = 'vnfm.sc.006';\
        wanted.dispatchEvent(new Event('input'));\
        document.title = [said, focused, open, shown, document.getElementById('found').textContent].join('|');\
    });\
    </script>";

#[test]
fn n_jumps_to_what_failed_a_link_opens_what_is_folded_and_the_list_can_be_searched() {
    let stage = Stage::new();
    let defect = "accepts-without-verifying";
    stage
        .run(&["run", "--select", SHORT, "--defect", defect])
        .assert_told(1, &[]);
    let page = stage.run_folder().join("index.html");
    let text = std::fs::read_to_string(&page).unwrap();
    let line = text
        .lines()
        .find(|line| line.contains("Security-Policy"))
        .unwrap();
    let text = text
        .replace(line, "")
        .replace("</body>", &format!("{READER}</body>"));
    std::fs::write(&page, text).unwrap();
    let Some(opened) = open(&stage, &page) else {
        return;
    };
    let (_, rest) = opened.document.split_once("<title>").unwrap();
    let (title, _) = rest.split_once("</title>").unwrap();
    assert_eq!(
        title, "1 of 1 that did not pass: 3.1.1|s1-30|true|true|1 of 232",
        "{}",
        opened.console
    );
}
