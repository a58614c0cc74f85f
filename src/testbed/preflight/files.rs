//! Files and programs that the profile names: [`check`].

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::{Preflight, certificates};
use crate::model::sut::{Document, DocumentTable, Ixit, Profile};
use crate::profile::Finding;
use crate::vnf_package::Artifacts;

/// Programs are there, documents are the ones that were read, certificates are in date and in order.
/// Documents with the labels of `but` do not matter.
pub(super) fn check(profile: &Profile, but: &BTreeSet<&str>, found: &mut Preflight) {
    let ixit = &profile.ixit;
    let start = ixit.start.as_ref().map(|start| start.command.as_slice());
    let actions = ixit.actions().into_iter();
    let commands = actions.map(|(label, action)| (label, action.command()));
    for (label, command) in commands.chain([("ixit.start.command".to_owned(), start)]) {
        let program = command.and_then(<[String]>::first);
        if let Some(program) = program.filter(|program| *program != "{scas}") {
            found.findings.extend(runnable(&label, program));
        }
    }
    for (name, words) in &ixit.observe.exports {
        let label = format!("ixit.observe.exports.{name}");
        let program = words.first();
        found
            .findings
            .extend(program.and_then(|program| runnable(&label, program)));
    }
    let documents = profile.documents.iter();
    for (label, document) in documents.filter(|(label, _)| !but.contains(label.as_str())) {
        if let Document::Table(table) = document {
            found
                .findings
                .extend(documented(label, table, &mut found.seen));
        }
    }
    if let Some(folder) = &ixit.vnf.artifacts
        && let Err(error) = Artifacts::read(folder)
    {
        let source = std::error::Error::source(&error);
        let why = source.map_or(String::new(), |source| format!(": {source}"));
        let text = format!("{error}{why}");
        found.findings.push(Finding::of("ixit.vnf.artifacts", text));
    }
    certificate_files(ixit, found);
}

/// Whether a program can be found, by path or on PATH. Tried here so that a slip of the pen is told at once.
fn runnable(label: &str, program: &str) -> Option<Finding> {
    use std::os::unix::fs::PermissionsExt as _;
    if program.contains('{') {
        // Known only once a scenario has its folders.
        return None;
    }
    let executable = |path: &Path| {
        path.metadata()
            .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    let there = if program.contains('/') {
        executable(Path::new(program))
    } else {
        std::env::var_os("PATH").is_some_and(|paths| {
            std::env::split_paths(&paths).any(|p| executable(&p.join(program)))
        })
    };
    let text = format!("'{program}' is not an executable file; write its path, or a name on PATH");
    (!there).then(|| Finding::of(label, text))
}

/// Whether a document is there, and the one that was read.
fn documented(label: &str, table: &DocumentTable, seen: &mut Vec<String>) -> Option<Finding> {
    let file = table.file.as_ref()?;
    let digest = match digest(file) {
        Ok(digest) => digest,
        Err(error) => {
            let text = format!(
                "cannot read {}: {error}; a relative path begins at the profile's folder",
                file.display()
            );
            return Some(Finding::of(format!("documents.{label}.file"), text));
        }
    };
    let Some(wanted) = &table.sha256 else {
        return None;
    };
    if wanted.eq_ignore_ascii_case(&digest) {
        seen.push(format!(
            "documents.{label}: {} has the SHA-256 that was noted",
            file.display()
        ));
        return None;
    }
    let text = format!(
        "{} is another file than the one that was read: its SHA-256 is {digest}, not {wanted}; have it read again, then write the new one",
        file.display()
    );
    Some(Finding::of(format!("documents.{label}.sha256"), text))
}

fn digest(path: &Path) -> std::io::Result<String> {
    // A pipe may never end.
    if !path.metadata()?.is_file() {
        return Err(std::io::Error::other("it is no file"));
    }
    let mut file = std::fs::File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex::encode(hash.finalize())),
            many => hash.update(&buffer[..many]),
        }
    }
}

/// Dates and order; that keys fit is seen where they are used.
fn certificate_files(ixit: &Ixit, found: &mut Preflight) {
    let (api, nfvo) = (&ixit.api, &ixit.nfvo);
    for (label, path, is_chain) in [
        ("ixit.api.anchors", &api.anchors, false),
        ("ixit.api.certificate", &api.certificate, true),
        ("ixit.nfvo.client-anchors", &nfvo.client_anchors, false),
        ("ixit.nfvo.certificate", &nfvo.certificate, true),
    ] {
        let Some(path) = path else { continue };
        // A file that cannot be read is told where it is used.
        let Ok(text) = std::fs::read_to_string(path) else {
            continue;
        };
        let looked = certificates::of_pem(&text).and_then(|chain| {
            certificates::in_date(&chain, Timestamp::now())?;
            if is_chain {
                // Whether it may be a CA's is for the product to say, which is shown it.
                certificates::usable(&chain, true)?;
                certificates::chained(&chain)
            } else {
                Ok(())
            }
        });
        match looked {
            Ok(()) => found
                .seen
                .push(format!("{label}: {} is in date", path.display())),
            Err(why) => {
                let text = format!("{}: {why}", path.display());
                found.findings.push(Finding::of(label, text));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_compared_with_what_was_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("manual.txt");
        std::fs::write(&file, "abc").unwrap();
        // FIPS 180-4, its example of one block.
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let finding = |file: &Path, sha256: &str| {
            let table = DocumentTable {
                file: Some(file.to_owned()),
                sha256: Some(sha256.to_owned()),
                ..DocumentTable::default()
            };
            documented("x", &table, &mut Vec::new())
        };
        assert_eq!(finding(&file, &known.to_uppercase()), None);
        let other = known.replace("ba78", "0000");
        let told = finding(&file, &other).unwrap();
        assert_eq!(told.label, "documents.x.sha256");
        assert!(
            told.text.contains(known) && told.text.contains(&other),
            "{}",
            told.text
        );
        let missing = finding(Path::new("/nowhere/manual.txt"), known).unwrap();
        assert_eq!(missing.label, "documents.x.file");
        assert!(
            finding(Path::new("/dev/zero"), known)
                .unwrap()
                .text
                .contains("it is no file")
        );
    }
}
