//! What comes from outside may be anything: the parsers refuse it, within their limits, and never panic.

use std::io::{Cursor, Write as _};

use proptest::prelude::*;
use zip::write::SimpleFileOptions;

use super::archive::{Archive, Limits};
use super::cms;
use super::manifest::Manifest;
use crate::defect::Defects;

const LIMITS: Limits = Limits {
    max_unpacked_bytes: 64 * 1024,
    max_ratio: 100,
    max_entries: 8,
};

/// Defects change what the archive's parser does: those that read on where the honest one stops are tried too.
fn products() -> impl Strategy<Value = Defects> {
    prop_oneof![
        Just(Vec::new()),
        Just(vec!["accepts-truncated-zip"]),
        Just(vec!["verifies-one-entry-uses-duplicate"]),
        Just(vec!["accepts-path-traversal"]),
    ]
    .prop_map(|names| Defects::from_names(names).expect("known names"))
}

fn archive(names: &[String], content: &[u8]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for name in names {
        // A name that the writer refuses, e.g. one that was there, is left out.
        if writer
            .start_file(name, SimpleFileOptions::default())
            .is_ok()
        {
            writer.write_all(content).expect("written to memory");
        }
    }
    writer.finish().expect("finished").into_inner()
}

/// Reads it, and if that works, everything in it stays within the limits.
fn read(bytes: &[u8], defects: Defects) -> Result<(), TestCaseError> {
    if let Ok(archive) = Archive::read(bytes, LIMITS, defects) {
        let total: usize = archive.files().map(|(_, file)| file.len()).sum();
        prop_assert!(total as u64 <= LIMITS.max_unpacked_bytes);
    }
    Ok(())
}

proptest! {
    #[test]
    fn random_bytes_are_no_archive(bytes in proptest::collection::vec(any::<u8>(), 0..600), defects in products()) {
        read(&bytes, defects)?;
    }

    #[test]
    fn an_archive_with_bytes_changed_cut_off_or_added_stays_within_its_limits(
        names in proptest::collection::vec("[a-c/.]{1,5}", 1..4),
        content in proptest::collection::vec(any::<u8>(), 0..200),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        keep in any::<prop::sample::Index>(),
        tail in proptest::collection::vec(any::<u8>(), 0..20),
        cut in any::<bool>(),
        defects in products(),
    ) {
        let mut bytes = archive(&names, &content);
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if cut {
            bytes.truncate(keep.index(bytes.len()));
        }
        bytes.extend(tail);
        read(&bytes, defects)?;
    }

    #[test]
    fn a_manifest_of_any_text_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        // Both outcomes are right.
        let _ = Manifest::parse("a.mf", &bytes);
    }

    #[test]
    fn a_manifest_of_its_own_words_is_read_or_refused(
        lines in proptest::collection::vec(
            prop_oneof![
                Just("metadata:"), Just("Source: a"), Just("Algorithm: SHA-256"), Just("Hash: 00"), Just(""),
                Just("-----BEGIN CMS-----"), Just("----- BEGIN CMS -----"), Just("-----END CMS-----"),
                Just("Signature: a.sig.p7s"), Just("Certificate: a.cert"), Just("non_mano_artifact_sets:"), Just(": :"),
            ],
            0..30,
        )
    ) {
        let _ = Manifest::parse("a.mf", lines.join("\n").as_bytes());
    }

    #[test]
    fn a_cms_of_any_bytes_is_parsed_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = cms::parse(&bytes);
    }

    #[test]
    fn a_cms_in_armour_of_any_text_is_parsed_or_refused(text in "[A-Za-z0-9+/=\n -]{0,200}") {
        let armoured = format!("-----BEGIN CMS-----\n{text}\n-----END CMS-----\n");
        let _ = cms::parse(armoured.as_bytes());
    }
}
