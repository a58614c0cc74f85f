//! Records and requests that mean harm.

use std::os::unix::fs::symlink;

use super::client::Served;
use super::{listed, run, strange};
use crate::html::hostile::{HOSTILE, hostile};
use crate::html::page::Page;
use crate::support::Stage;

#[test]
fn hostile_texts_add_no_element_to_any_page() {
    let stage = Stage::new();
    let page = hostile(&stage);
    let folder = stage.path("reports/hostile");
    std::fs::rename(page.parent().unwrap(), &folder).unwrap();
    let harmless = run(&stage, "harmless", |_| {});
    // A name that is markup.
    let name = "<script>alert(1)<\u{202e}script>";
    run(&stage, name, |_| {});
    std::fs::write(
        harmless
            .join("evidence")
            .join("<img src=x onerror=alert(1)>.html"),
        HOSTILE,
    )
    .unwrap();
    let served = Served::start(&stage);
    for target in [
        "/",
        "/?text=%3Cscript%3E&product=%22%3E%3Cscript%3E",
        "/live/hostile",
        "/compare?before=harmless&after=hostile",
        "/compare?before=hostile&after=harmless",
        "/runs/harmless/evidence/",
    ] {
        let page = served.page(target);
        let count = |wanted: &str| page.tags.iter().filter(|(name, _)| name == wanted).count();
        assert_eq!(
            (count("script"), count("style"), count("img"), count("svg")),
            (1, 1, 0, 0),
            "{target}"
        );
        for (element, attributes) in &page.tags {
            let inline = attributes
                .iter()
                .find(|name| name.starts_with("on") || *name == "style");
            assert_eq!(inline, None, "{target}: {element}");
        }
        assert!(!page.text.contains('\u{202e}'), "{target}");
        page.assert_no_foreign_links();
    }
    let page = served.page("/");
    assert!(
        page.text
            .contains("<script>alert(1)<\u{27e8}U+202E\u{27e9}script>"),
        "{}",
        page.text
    );
    // Its page is there under that name.
    let link = "/runs/%3Cscript%3Ealert%281%29%3C%E2%80%AEscript%3E/";
    assert!(page.links.contains(&link.to_owned()), "{:?}", page.links);
    assert_eq!(served.get(link).status, 200);
}

#[test]
fn evidence_is_never_a_page_and_a_foreign_index_is_none_either() {
    let stage = Stage::new();
    let folder = run(&stage, "a-run", |_| {});
    let script = "<!DOCTYPE html><script>alert(1)</script>";
    for name in [
        "evidence/x.html",
        "evidence/x.svg",
        "evidence/x.xhtml",
        "evidence/x.js",
        "evidence/x",
        "x.xml",
    ] {
        std::fs::write(folder.join(name), script).unwrap();
    }
    let served = Served::start(&stage);
    for (name, kind) in [
        ("evidence/x.html", "text/plain; charset=utf-8"),
        ("x.xml", "text/plain; charset=utf-8"),
        ("evidence/x.svg", "application/octet-stream"),
        ("evidence/x.xhtml", "application/octet-stream"),
        ("evidence/x.js", "application/octet-stream"),
        ("evidence/x", "application/octet-stream"),
    ] {
        let answer = served.get(&format!("/runs/a-run/{name}"));
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, kind),
            "{name}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(
            answer
                .header("content-security-policy")
                .contains("default-src 'none'; sandbox")
        );
        assert!(!answer.header("content-disposition").is_empty(), "{name}");
    }
    let report = std::fs::read_to_string(folder.join("index.html")).unwrap();
    let loose = report.replace("default-src &#39;none&#39;", "default-src *");
    assert_ne!(report, loose);
    for foreign in [script.to_owned(), loose] {
        std::fs::write(folder.join("index.html"), foreign).unwrap();
        let page = served.page("/runs/a-run/");
        assert!(
            page.text
                .contains("index.html is no report of this program"),
            "{}",
            page.text
        );
        assert!(!page.text.contains("alert(1)"));
        let answer = served.get("/runs/a-run/index.html");
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        assert!(
            answer
                .header("content-security-policy")
                .contains("sandbox;")
        );
    }
}

#[test]
fn no_path_leads_out_of_a_run() {
    let stage = Stage::new();
    stage.write("secret/run.json", "the secret");
    stage.write("secret/events.jsonl", "the secret");
    let folder = run(&stage, "a-run", |_| {});
    symlink(stage.path("secret/run.json"), folder.join("link.txt")).unwrap();
    symlink("../../secret", folder.join("evidence/out")).unwrap();
    symlink(stage.path("secret"), stage.path("reports/linked")).unwrap();
    let tricked = run(&stage, "tricked", |_| {});
    std::fs::remove_file(tricked.join("run.json")).unwrap();
    symlink(stage.path("secret/run.json"), tricked.join("run.json")).unwrap();
    let pipe = run(&stage, "pipe", |_| {});
    std::fs::remove_file(pipe.join("events.jsonl")).unwrap();
    nix::unistd::mkfifo(&pipe.join("events.jsonl"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let served = Served::start(&stage);
    for target in [
        "/runs/a-run/../../secret/run.json",
        "/runs/a-run/%2e%2e/%2e%2e/secret/run.json",
        "/runs/a-run/..%2f..%2fsecret%2frun.json",
        "/runs/a-run/%2E%2E%2F%2E%2E%2Fsecret/run.json",
        "/runs/a-run/evidence/../../../secret/run.json",
        "/runs/..%2fsecret/run.json",
        "/runs/%2e%2e/secret/run.json",
        "/runs/../secret/run.json",
        "/runs/linked/run.json",
        "/runs/linked/",
        "/runs/a-run/link.txt",
        "/runs/a-run/evidence/out/run.json",
        "/runs/a-run/evidence/out/",
        "/runs/a-run//etc/passwd",
        "/runs/a-run/%2fetc%2fpasswd",
        "/runs//etc/passwd",
        "/runs/a-run/x%00.txt",
        "/runs/a-run/%ff",
        "/runs/a-run/..%5c..%5csecret%5crun.json",
        "/live/linked",
        "/live/..%2fsecret",
        "/live/linked/events",
        "/live/..%2fsecret/events",
        "/live/pipe",
        "/compare?before=a-run&after=linked",
        "/compare?before=a-run&after=tricked",
        "/compare?before=a-run&after=../secret",
        "/compare?before=a-run&after=pipe",
        "/runs/pipe/events.jsonl",
        "/etc/passwd",
    ] {
        let answer = served.get(target);
        assert!(
            (400..500).contains(&answer.status),
            "{target}: {}",
            answer.status
        );
        assert!(!answer.text().contains("the secret"), "{target}");
    }
    assert_eq!(listed(&served, "/"), ["a-run"]);
    assert_eq!(
        strange(&served.page("/")),
        [
            "linked: it is a symbolic link, which is not followed",
            "pipe: events.jsonl: it is neither a file nor a folder",
            "tricked: run.json: it is a symbolic link, which is not followed",
        ]
    );
}

#[test]
fn only_who_means_this_server_and_wants_to_read_is_answered() {
    let stage = Stage::new();
    run(&stage, "a-run", |_| {});
    let served = Served::start(&stage);
    let port = served.address.rsplit_once(':').unwrap().1.to_owned();
    for host in [
        &served.address,
        &format!("localhost:{port}"),
        "localhost",
        &format!("[::1]:{port}"),
    ] {
        assert_eq!(
            served.ask("GET", "/", &[("Host", host)]).status,
            200,
            "{host}"
        );
    }
    for target in [
        "/",
        "/runs/a-run/",
        "/runs/a-run/run.json",
        "/live/a-run/events",
        "/changes",
        "/nowhere",
    ] {
        for host in [
            "evil.example",
            &format!("evil.example:{port}"),
            "localhost.evil.example",
            "192.0.2.1",
            "",
            "x@localhost",
        ] {
            let answer = served.ask("GET", target, &[("Host", host)]);
            assert_eq!(answer.status, 421, "{target} of {host}");
        }
        assert_eq!(
            served.ask("GET", target, &[]).status,
            421,
            "{target} of nobody"
        );
        let twice = [("Host", "localhost"), ("Host", "evil.example")];
        assert_eq!(served.ask("GET", target, &twice).status, 421, "{target}");
        let whole = format!("http://evil.example{target}");
        assert_eq!(
            served.ask("GET", &whole, &[("Host", "localhost")]).status,
            421,
            "{target}"
        );
        for method in [
            "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "STRANGE",
        ] {
            let answer = served.ask(method, target, &[("Host", "localhost")]);
            assert_eq!(
                (answer.status, answer.header("allow")),
                (405, "GET, HEAD"),
                "{method} {target}"
            );
            assert_eq!(answer.header("access-control-allow-origin"), "");
        }
    }
    let answer = served.get("/nowhere");
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (404, "text/plain; charset=utf-8")
    );
    let page = served.get("/");
    let policy = page.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; script-src 'sha256-"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("x-frame-options"), "DENY");
    assert_eq!(page.header("cross-origin-resource-policy"), "same-origin");
    assert_eq!(page.header("cache-control"), "no-store");
    Page::parse(&page.text()).assert_no_foreign_links();
}
