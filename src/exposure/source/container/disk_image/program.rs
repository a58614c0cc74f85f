//! Calls of QEMU's programs: [`extents`], [`filename`].

use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde::Deserialize;

use crate::source::container::disk_image::Format;

/// Holes up to this long are read: that is faster than two reads, and a key may begin or end with zeros.
const SMALL: u64 = 1 << 20;
/// How long the list of what is where may be, in bytes: that of some ten million pieces.
const LIST: u64 = 1 << 30;

/// The image as QEMU's programs take it: with its format, since guessing would let the disk's own bytes decide it, and without
/// the files that it may name.
pub(super) fn filename(path: &Path, format: Format) -> io::Result<String> {
    let path = std::path::absolute(path)?;
    let Some(path) = path.to_str() else {
        return Err(io::Error::other("its name is no UTF-8"));
    };
    let mut image = serde_json::json!({
        "driver": format.name(),
        "file": { "driver": "file", "filename": path, "locking": "off" },
    });
    if format == Format::Qcow2 {
        image["backing"] = serde_json::Value::Null;
    }
    Ok(format!("json:{image}"))
}

/// A part of the disk.
#[derive(Deserialize)]
struct Extent {
    start: u64,
    length: u64,
    /// Whether reading it gives other bytes than zeros.
    data: bool,
}

/// The parts of the disk that hold data, in order, apart from each other.
pub(super) fn extents(path: &Path, format: Format) -> io::Result<Vec<Range<u64>>> {
    let mut child = Command::new("qemu-img")
        .args(["map", "--force-share", "--output=json"])
        .arg(filename(path, format)?)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| not_started("qemu-img", &error))?;
    let mut list = Vec::new();
    if let Some(output) = child.stdout.take() {
        output.take(LIST).read_to_end(&mut list)?;
    }
    let said = complaint(&mut child);
    if !child.wait()?.success() {
        return Err(io::Error::other(said));
    }
    let list: Vec<Extent> = serde_json::from_slice(&list).map_err(io::Error::other)?;
    let mut extents: Vec<Range<u64>> = Vec::new();
    for extent in list.into_iter().filter(|extent| extent.data) {
        let range = extent.start..extent.start.saturating_add(extent.length);
        match extents.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(SMALL) => {
                last.end = last.end.max(range.end);
            }
            _ => extents.push(range),
        }
    }
    Ok(extents)
}

/// A program that is not there is the user's to install.
pub(super) fn not_started(program: &str, error: &io::Error) -> io::Error {
    io::Error::other(match error.kind() {
        io::ErrorKind::NotFound => format!("that needs {program} (Debian: qemu-utils)"),
        _ => format!("{program}: {error}"),
    })
}

/// The first line of what a program says is wrong, without the name of the file: the place says that.
pub(super) fn complaint(child: &mut Child) -> String {
    let mut said = Vec::new();
    if let Some(errors) = child.stderr.take() {
        // What cannot be read is not said.
        let _ = errors.take(64 * 1024).read_to_end(&mut said);
    }
    let said = String::from_utf8_lossy(&said);
    let line = said.lines().find(|line| !line.trim().is_empty());
    let line = line.unwrap_or("the program ended").trim();
    line.rsplit("}': ").next().unwrap_or(line).to_owned()
}
