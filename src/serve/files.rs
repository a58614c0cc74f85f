//! The files of a run: its report, and everything else as what it is and never as a page.

use std::fs::File;
use std::io;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Serialize;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::folder::{Entry, Folder, Found};
use super::pages::link;
use super::trouble::Trouble;
use super::{App, aside};
use crate::report::html::policy;

/// Entries of a folder that are listed.
const LISTED: usize = 5000;

/// Bytes that are sent at once.
const CHUNK: usize = 64 << 10;

/// How far from its beginning a report has stated its policy.
const HEAD: usize = 4096;

/// The report of a run.
const REPORT: &str = "index.html";

/// What keeps a report from the rest of this server, whoever has drawn it: it is a page without an origin. Its own script runs.
const APART: &str = "; frame-ancestors 'none'; sandbox allow-scripts allow-downloads allow-modals";

#[derive(Serialize)]
struct FolderView {
    run: String,
    /// The folder's path below the run; empty for the run itself.
    path: String,
    home: String,
    live: Option<String>,
    /// Why there is no report, if one was looked for.
    no_report: Option<String>,
    entries: Vec<Listed>,
    more: bool,
}

#[derive(Serialize)]
struct Listed {
    name: String,
    link: Option<String>,
    what: String,
}

/// Relative links of a report need the path of a folder.
pub async fn to_folder(Path(run): Path<String>) -> Result<Redirect, Trouble> {
    let link = link("/runs", &run).ok_or_else(|| absent(&run))?;
    Ok(Redirect::permanent(&format!("{link}/")))
}

/// Answers with the report of a run, or with what else is there.
pub async fn run(
    State(app): State<Arc<App>>,
    Path(run): Path<String>,
) -> Result<Response, Trouble> {
    let name = run.clone();
    let shared = Arc::clone(&app);
    let opened = aside(move || {
        let folder = shared
            .runs
            .folder(&name)
            .map_err(|error| not_shown(&name, &error))?;
        let report = folder.file(REPORT).and_then(|file| {
            let policy = stated(&file)?;
            Ok(policy.map(|policy| (file, policy)))
        });
        Ok((folder, report))
    })
    .await?;
    match opened {
        (_, Ok(Some((file, policy)))) => Ok(report(file, &policy)?),
        (folder, Ok(None)) => {
            let why = format!("{REPORT} is no report of this program; it is not shown as a page");
            listed(&app, &folder, &run, "", Some(why))
        }
        (folder, Err(error)) => {
            let why = match error.kind() {
                io::ErrorKind::NotFound => "There is no report yet".to_owned(),
                _ => format!("{REPORT}: {error}"),
            };
            listed(&app, &folder, &run, "", Some(why))
        }
    }
}

/// Answers with a file of a run, or lists a folder of it.
pub async fn file(
    State(app): State<Arc<App>>,
    Path((run, path)): Path<(String, String)>,
) -> Result<Response, Trouble> {
    let shared = Arc::clone(&app);
    let (name, wanted) = (run.clone(), path.clone());
    let found = aside(move || {
        let within = wanted.strip_suffix('/').unwrap_or(&wanted);
        let folder = shared
            .runs
            .folder(&name)
            .map_err(|error| not_shown(&name, &error))?;
        let found = folder.open(within);
        found.map_err(|error| not_shown(&format!("{name}/{within}"), &error))
    })
    .await?;
    match (found, path.strip_suffix('/')) {
        (Found::Folder(folder), Some(within)) => listed(&app, &folder, &run, within, None),
        (Found::Folder(_), None) => {
            let to = link("/runs", &format!("{run}/{path}")).ok_or_else(|| absent(&path))?;
            Ok(Redirect::permanent(&format!("{to}/")).into_response())
        }
        (Found::File(_), Some(_)) => Err(absent(&path)),
        (Found::File(file), None) => match stated(&file) {
            Ok(Some(policy)) if path == REPORT => report(file, &policy),
            _ => inert(file, &path),
        },
    }
}

fn absent(name: &str) -> Trouble {
    Trouble::nothing_here(format!("there is no {name}"))
}

fn not_shown(name: &str, error: &io::Error) -> Trouble {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => absent(name),
        _ => Trouble::nothing_here(format!("{name} is not shown: {error}")),
    }
}

/// The policy that a report states of itself.
fn stated(file: &File) -> io::Result<Option<String>> {
    use std::os::unix::fs::FileExt as _;
    let mut head = [0; HEAD];
    let length = file.read_at(&mut head, 0)?;
    let head = String::from_utf8_lossy(head.get(..length).unwrap_or_default());
    Ok(policy::stated(&head))
}

fn report(file: File, policy: &str) -> Result<Response, Trouble> {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (header::CONTENT_SECURITY_POLICY, format!("{policy}{APART}")),
    ];
    send(file, headers)
}

/// Text as text, and everything else to be kept: a browser draws and runs neither.
fn inert(file: File, path: &str) -> Result<Response, Trouble> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let (kind, how) = match extension.to_ascii_lowercase().as_str() {
        "json" => ("application/json", "inline"),
        "zip" => ("application/zip", "attachment"),
        "der" | "" => ("application/octet-stream", "attachment"),
        "jsonl" | "txt" | "log" | "md" | "toml" | "xml" | "html" | "crt" | "crl" | "pem"
        | "withheld" => ("text/plain; charset=utf-8", "inline"),
        _ => ("application/octet-stream", "attachment"),
    };
    let quoted: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    let quoted = quoted.replace('+', "%20").replace('*', "%2A");
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("{how}; filename*=UTF-8''{quoted}"),
        ),
    ];
    send(file, headers)
}

/// Sends as much as the file has now; it may be growing.
fn send(file: File, headers: [(HeaderName, String); 2]) -> Result<Response, Trouble> {
    let length = file
        .metadata()
        .map_err(|error| Trouble::ours(error.into()))?
        .len();
    let chunks = futures::stream::try_unfold(
        (tokio::fs::File::from_std(file), 0),
        move |(mut file, sent)| async move {
            if sent == 0 {
                file.rewind().await?;
            }
            let left = usize::try_from(length - sent)
                .unwrap_or(usize::MAX)
                .min(CHUNK);
            if left == 0 {
                return Ok(None);
            }
            let mut chunk = vec![0; left];
            let read = file.read(&mut chunk).await?;
            if read == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
            }
            chunk.truncate(read);
            Ok(Some((Bytes::from(chunk), (file, sent + read as u64))))
        },
    );
    let length = [(header::CONTENT_LENGTH, length)];
    Ok((headers, length, Body::from_stream(chunks)).into_response())
}

fn listed(
    app: &App,
    folder: &Folder,
    run: &str,
    path: &str,
    no_report: Option<String>,
) -> Result<Response, Trouble> {
    let (entries, more) = folder
        .entries(LISTED)
        .map_err(|error| not_shown(run, &error))?;
    let below = |name: &str| match path {
        "" => format!("{run}/{name}"),
        path => format!("{run}/{path}/{name}"),
    };
    let view = FolderView {
        run: run.to_owned(),
        path: path.to_owned(),
        home: link("/runs", run).ok_or_else(|| absent(run))?,
        live: link("/live", run),
        no_report,
        entries: entries
            .into_iter()
            .map(|entry: Entry| Listed {
                link: link("/runs", &below(&entry.name))
                    .filter(|_| entry.folder || entry.length.is_some())
                    .map(|link| {
                        if entry.folder {
                            format!("{link}/")
                        } else {
                            link
                        }
                    }),
                what: match (entry.folder, entry.length) {
                    (true, _) => "folder".to_owned(),
                    (false, Some(length)) => format!("{length} bytes"),
                    (false, None) => "not shown: neither a file nor a folder".to_owned(),
                },
                name: entry.name,
            })
            .collect(),
        more,
    };
    app.pages.draw("folder.html", view)
}
