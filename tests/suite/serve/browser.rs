//! The web view in a browser: list, filter, report, comparison, and pages that follow a run.

use super::chromium::Browser;
use super::client::Served;
use super::live::Writer;
use super::{run, three};
use crate::html::hostile::hostile;
use crate::support::Stage;

/// The names in the list.
const NAMES: &str = "Array.from(document.querySelectorAll('#runs tbody th a')).map(link => link.textContent).join()";

#[test]
fn a_reader_filters_opens_and_compares() {
    let stage = Stage::new();
    three(&stage);
    let served = Served::start(&stage);
    let Some(mut browser) = Browser::start(&stage) else {
        return;
    };
    let home = format!("http://{}/", served.address);
    browser.open(&home);
    assert_eq!(browser.value(NAMES), "third,second,first");

    browser.follow(
        "document.getElementById('wanted-verdict').value = 'fail';\
         document.getElementById('wanted-text').value = 'FIRST';\
         document.querySelector('form.filter button').click()",
    );
    assert_eq!(browser.value(NAMES), "third,first");
    assert_eq!(
        browser.value("location.search"),
        "?verdict=fail&product=&text=FIRST"
    );
    assert_eq!(
        browser.value("document.getElementById('wanted-text').value"),
        "FIRST"
    );

    // The report's own script runs, and the page has no origin: it can read nothing of this server.
    browser.follow("document.querySelectorAll('#runs tbody th a')[1].click()");
    assert_eq!(
        browser.value("location.pathname + ' ' + self.origin"),
        "/runs/first/ null"
    );
    assert_eq!(
        browser.value("document.getElementById('keys').hidden"),
        false
    );
    assert_eq!(
        browser.value("fetch('/').then(() => 'read', () => 'refused')"),
        "refused"
    );
    assert_eq!(
        browser.value("getComputedStyle(document.querySelector('.badge')).borderTopStyle"),
        "solid"
    );
    let console = std::mem::take(&mut browser.console);
    assert!(
        console
            .iter()
            .all(|said| said.contains("Content Security Policy")),
        "{console:?}"
    );
    browser.follow("document.querySelector('a[href=\"./run.json\"]').click()");
    assert_eq!(browser.value("document.contentType"), "application/json");

    browser.open(&home);
    browser.follow(
        "document.querySelector('input[name=before][value=first]').click();\
         document.querySelector('input[name=after][value=second]').click();\
         document.querySelector('button[form=compare]').click()",
    );
    assert_eq!(
        browser.value("document.querySelector('h1').textContent"),
        "No verdict is worse"
    );
    assert_eq!(
        browser.value("document.querySelector('#verdicts tbody td').textContent"),
        "better"
    );
    assert_eq!(browser.console, Vec::<String>::new());
}

#[test]
fn the_list_draws_itself_again_and_keeps_what_was_chosen() {
    let stage = Stage::new();
    run(&stage, "first", |_| {});
    let served = Served::start(&stage);
    let Some(mut browser) = Browser::start(&stage) else {
        return;
    };
    browser.open(&format!("http://{}/", served.address));
    browser.value("document.querySelector('input[name=before][value=first]').click()");
    let writer = Writer::begin(&stage, "second", 3);
    browser.until(
        "document.getElementById('listing').textContent.includes('under way: 0 of 1 scenarios')",
    );
    drop(writer);
    browser.until(
        "document.getElementById('listing').textContent.includes('interrupted: the record ends')",
    );
    // A page that is not seen does not listen, and catches up.
    browser.value(
        "Object.defineProperty(document, 'hidden', { value: true, configurable: true });\
         document.dispatchEvent(new Event('visibilitychange'))",
    );
    run(&stage, "third", |_| {});
    browser.value("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))");
    browser.until("document.getElementById('count').textContent === '3 of 3 runs'");
    assert_eq!(
        browser.value("document.querySelector('input[name=before]:checked').value"),
        "first"
    );
    assert_eq!(browser.console, Vec::<String>::new());
}

#[test]
fn a_page_that_waits_leads_to_the_run_that_begins_and_follows_it_to_its_end() {
    let stage = Stage::new();
    let served = Served::start(&stage);
    let Some(mut browser) = Browser::start(&stage) else {
        return;
    };
    browser.open(&format!("http://{}/live", served.address));
    assert_eq!(
        browser.value("document.querySelector('h1').textContent"),
        "No run is under way"
    );
    let mut writer = Writer::begin(&stage, "a run", 1);
    browser.loaded();
    assert_eq!(browser.value("location.pathname"), "/live/a%20run");
    let state = "document.querySelector('#scenarios tbody td:last-child').textContent";
    browser.until(&format!("{state} === 'to come'"));
    let mut steps = 0;
    while let Some(event) = writer.write() {
        match event["event"].as_str().unwrap() {
            "scenario-started" => browser.until(&format!("{state} === 'under way'")),
            "step-finished" => {
                steps += 1;
                browser.until(&format!("document.querySelectorAll('#events li').length === {}", steps + 1));
                let text = serde_json::to_string(&event["step"]["text"]).unwrap();
                browser.until(&format!("document.querySelector('#events li').textContent.includes({text})"));
            }
            "scenario-finished" => browser.until(&format!(
                "{state} === 'Fail' && document.getElementById('done').textContent === '1' && document.getElementById('red').textContent === '1' && document.getElementById('progress').value === 1"
            )),
            _ => {}
        }
    }
    assert_eq!(steps, 9);
    drop(writer);
    browser.until("document.getElementById('status').textContent === 'The run came to its end.'");
    browser.follow("document.querySelector('#leads a').click()");
    assert_eq!(browser.value("location.pathname"), "/runs/a%20run/");
    assert_eq!(browser.console, Vec::<String>::new());
}

#[test]
fn hostile_texts_run_nothing_in_any_page() {
    let stage = Stage::new();
    let page = hostile(&stage);
    std::fs::create_dir(stage.path("elsewhere")).unwrap();
    std::fs::rename(stage.path("reports"), stage.path("elsewhere/reports")).unwrap();
    std::fs::create_dir(stage.path("reports")).unwrap();
    std::fs::rename(page.parent().unwrap(), stage.path("reports/hostile")).unwrap();
    run(&stage, "harmless", |_| {});
    let served = Served::start(&stage);
    let Some(mut browser) = Browser::start(&stage) else {
        return;
    };
    for target in [
        "/",
        "/live/hostile",
        "/compare?before=harmless&after=hostile",
        "/runs/hostile/",
    ] {
        browser.open(&format!("http://{}{target}", served.address));
        assert_ne!(browser.value("document.title"), "owned", "{target}");
        assert_eq!(
            browser.value("document.querySelectorAll('img').length"),
            0,
            "{target}"
        );
    }
    assert_eq!(browser.console, Vec::<String>::new());
    // The positive control: a script that gets into a page is refused by its policy, and that is heard.
    browser.open(&format!("http://{}/", served.address));
    browser.value(
        "const script = document.createElement('script');\
         script.textContent = \"document.title = 'owned'\";\
         document.body.append(script)",
    );
    assert_ne!(browser.value("document.title"), "owned");
    let heard = browser.console.join("\n");
    assert!(heard.contains("Content Security Policy"), "{heard}");
}
