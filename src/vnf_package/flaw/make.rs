//! How each flaw is made, in the order of the table.

use super::super::archive::{Data, Entry};
use super::super::content::{FLAVOUR, File, MAIN, MANIFEST, TOSCA_META, TYPES};
use super::super::manifest::ManifestDigest;
use super::super::sealed::{Sealed, changed_byte, missing, signature_path};
use super::super::{Naming, Package, PackageError};
use super::Pair;
use crate::cms::{self, Options};

type Made = Result<Pair, PackageError>;

pub(super) fn byte_in_first(package: Package<'_>) -> Made {
    behind_the_back(package, |sealed| sealed.change_byte(MAIN))
}

pub(super) fn byte_in_middle(package: Package<'_>) -> Made {
    behind_the_back(package, |sealed| sealed.change_byte(FLAVOUR))
}

pub(super) fn byte_in_last(package: Package<'_>) -> Made {
    behind_the_back(package, |sealed| sealed.change_byte(TOSCA_META))
}

pub(super) fn swapped_content(package: Package<'_>) -> Made {
    behind_the_back(package, |sealed| {
        sealed.change(FLAVOUR, |bytes| {
            replaced(
                bytes,
                "max_number_of_instances: 1",
                "max_number_of_instances: 9",
                FLAVOUR,
            )
        })
    })
}

pub(super) fn changed_manifest(package: Package<'_>) -> Made {
    let twin = package.seal()?;
    let mut mutant = changed(&package)?.seal()?;
    let block = block_of(twin.bytes(MANIFEST)?)?.to_vec();
    mutant.change(MANIFEST, |manifest| with_block(manifest, &block))?;
    pair(&twin, &mutant)
}

pub(super) fn signature_of_another_file(package: Package<'_>) -> Made {
    behind_the_back(package, |sealed| {
        let other = sealed.bytes(&signature_file(FLAVOUR))?.to_vec();
        sealed.change(&signature_file(TYPES), |_| Ok(other))
    })
}

pub(super) fn outdated_signature_file(package: Package<'_>) -> Made {
    let twin = package.seal()?;
    let mut mutant = changed(&package)?.seal()?;
    let outdated = twin.bytes(&signature_file(FLAVOUR))?.to_vec();
    mutant.change(&signature_file(FLAVOUR), |_| Ok(outdated))?;
    pair(&twin, &mutant)
}

pub(super) fn unknown_ca(package: Package<'_>) -> Made {
    let signer = &package.material.rogue;
    from_the_start(package, |package| package.signed_by(signer))
}

pub(super) fn expired(package: Package<'_>) -> Made {
    let signer = &package.material.expired;
    from_the_start(package, |package| package.signed_by(signer))
}

pub(super) fn not_yet_valid(package: Package<'_>) -> Made {
    let signer = &package.material.not_yet_valid;
    from_the_start(package, |package| package.signed_by(signer))
}

pub(super) fn revoked(package: Package<'_>) -> Made {
    let signer = &package.material.revoked;
    from_the_start(package, |package| package.signed_by(signer))
}

pub(super) fn without_digital_signature(package: Package<'_>) -> Made {
    let signer = &package.material.without_digital_signature;
    from_the_start(package, |package| package.signed_by(signer))
}

pub(super) fn swapped_certificate(package: Package<'_>) -> Made {
    let (rogue, good) = (&package.material.rogue, &package.material.good);
    from_the_start(package, |package| {
        package.signed_by(rogue).certificate_file_of(good)
    })
}

pub(super) fn wrong_signature_value(package: Package<'_>) -> Made {
    from_the_start(package, |package| {
        package.signature_options(Options::default().wrong_signature_value())
    })
}

pub(super) fn without_message_digest(package: Package<'_>) -> Made {
    from_the_start(package, |package| {
        package.signature_options(Options::default().without_message_digest())
    })
}

pub(super) fn embedded_content(package: Package<'_>) -> Made {
    let twin = package.seal()?;
    let manifest = twin.bytes(MANIFEST)?;
    let signed = manifest[..manifest.len() - block_of(manifest)?.len()].to_vec();
    let mutant = changed(&package)?
        .signature_options(Options::default().embed_content(signed))
        .seal()?;
    pair(&twin, &mutant)
}

pub(super) fn unparsable_signature(package: Package<'_>) -> Made {
    behind_the_back(package, |sealed| {
        sealed.change(MANIFEST, |manifest| {
            let der = cms::from_pem(manifest).map_err(|_| missing("CMS block"))?;
            with_block(manifest, cms::to_pem(&der[..der.len() / 2]).as_bytes())
        })
    })
}

pub(super) fn empty_signature(package: Package<'_>) -> Made {
    behind_the_back(package, |sealed| {
        sealed.change(MANIFEST, |manifest| {
            with_block(manifest, b"-----BEGIN CMS-----\n-----END CMS-----\n")
        })
    })
}

pub(super) fn unparsable_signature_file(package: Package<'_>) -> Made {
    behind_the_back(package, |sealed| {
        sealed.change(&signature_file(TYPES), |signature| {
            Ok(signature[..signature.len() / 2].to_vec())
        })
    })
}

pub(super) fn empty_signature_file(package: Package<'_>) -> Made {
    behind_the_back(package, |sealed| {
        sealed.change(&signature_file(TYPES), |_| Ok(Vec::new()))
    })
}

pub(super) fn no_signature_for_one_file(package: Package<'_>) -> Made {
    behind_the_back(package, |sealed| sealed.remove(&signature_file(TYPES)))
}

pub(super) fn no_signature(package: Package<'_>) -> Made {
    behind_the_back(package, |sealed| {
        sealed.change(MANIFEST, |manifest| with_block(manifest, b""))
    })
}

pub(super) fn wrong_digest(package: Package<'_>) -> Made {
    from_the_start(package, |package| package.wrong_digest(TYPES))
}

pub(super) fn md5(package: Package<'_>) -> Made {
    from_the_start(package, |package| package.digests(ManifestDigest::Md5))
}

pub(super) fn sha1(package: Package<'_>) -> Made {
    from_the_start(package, |package| package.digests(ManifestDigest::Sha1))
}

pub(super) fn missing_from_manifest(package: Package<'_>) -> Made {
    from_the_start(package, |package| package.unlisted(TYPES))
}

pub(super) fn extra_file(package: Package<'_>) -> Made {
    behind_the_back(package, |sealed| {
        sealed.append(
            "Definitions/vnfd_extra.yaml",
            b"tosca_definitions_version: tosca_simple_yaml_1_2\n".to_vec(),
        );
        Ok(())
    })
}

pub(super) fn absent_file(package: Package<'_>) -> Made {
    behind_the_back(package, |sealed| sealed.remove(TYPES))
}

pub(super) fn duplicate_after(package: Package<'_>) -> Made {
    duplicate(package, 1)
}

pub(super) fn duplicate_before(package: Package<'_>) -> Made {
    duplicate(package, 0)
}

fn duplicate(package: Package<'_>, offset: usize) -> Made {
    behind_the_back(package, |sealed| {
        let index = sealed
            .entries
            .iter()
            .position(|entry| entry.path == FLAVOUR)
            .ok_or_else(|| missing(FLAVOUR))?;
        let data = changed_byte(sealed.entries[index].data.bytes()?, FLAVOUR)?.into();
        sealed.entries.insert(
            index + offset,
            Entry {
                path: FLAVOUR.to_owned(),
                data,
                in_vnfd: true,
            },
        );
        Ok(())
    })
}

pub(super) fn path_outside(package: Package<'_>) -> Made {
    misplaced(package, "../../tmp/scas-outside-the-archive.yaml")
}

pub(super) fn absolute_path(package: Package<'_>) -> Made {
    misplaced(package, "/tmp/scas-outside-the-archive.yaml")
}

fn misplaced(package: Package<'_>, path: &str) -> Made {
    let text = b"# A comment that should stay where it is.\n".to_vec();
    let twin = package
        .clone()
        .with_file("Definitions/vnfd_comment.yaml", text.clone())
        .seal()?;
    pair(&twin, &package.with_file(path, text).seal()?)
}

pub(super) fn bomb(mut package: Package<'_>) -> Made {
    let path = "Definitions/vnfd_line_feeds.yaml";
    let twin = package.clone().with_file(path, b"\n".to_vec()).seal()?;
    package.files.push(File::of_vnfd(path, Data::Bomb));
    package.files.sort_by(|a, b| a.path.cmp(&b.path));
    pair(&twin, &package.seal()?)
}

pub(super) fn truncated(package: Package<'_>) -> Made {
    behind_the_back(package, |sealed| {
        sealed.truncated = true;
        Ok(())
    })
}

pub(super) fn wrong_outer_signature(package: Package<'_>) -> Made {
    let twin = package.seal()?;
    let mut mutant = changed(&package)?.seal()?;
    mutant.outer_signature.clone_from(&twin.outer_signature);
    pair(&twin, &mutant)
}

pub(super) fn no_outer_signature(package: Package<'_>) -> Made {
    behind_the_back(package, |sealed| {
        sealed.outer_signature = None;
        Ok(())
    })
}

/// A mutation of the sealed package: all that was signed is the twin's.
fn behind_the_back(
    package: Package<'_>,
    mutate: impl FnOnce(&mut Sealed) -> Result<(), PackageError>,
) -> Made {
    let twin = package.seal()?;
    let mut mutant = twin.clone();
    mutate(&mut mutant)?;
    pair(&twin, &mutant)
}

/// A mutation before signing: the signature fits.
fn from_the_start<'a>(
    package: Package<'a>,
    mutate: impl FnOnce(Package<'a>) -> Package<'a>,
) -> Made {
    let twin = package.seal()?;
    pair(&twin, &mutate(package).seal()?)
}

fn pair(twin: &Sealed, mutant: &Sealed) -> Made {
    Ok(Pair {
        twin: twin.pack()?,
        mutant: mutant.pack()?,
    })
}

/// The package with a changed byte in a middle file, and a manifest to come that fits.
fn changed<'a>(package: &Package<'a>) -> Result<Package<'a>, PackageError> {
    let mut package = package.clone();
    let file = package
        .files
        .iter_mut()
        .find(|file| file.path == FLAVOUR)
        .ok_or_else(|| missing(FLAVOUR))?;
    file.data = changed_byte(file.data.bytes()?, FLAVOUR)?.into();
    Ok(package)
}

fn signature_file(path: &str) -> String {
    signature_path(path, Naming::Appended).0
}

/// The CMS block of a signed manifest, with all that follows.
fn block_of(manifest: &[u8]) -> Result<&[u8], PackageError> {
    let block = cms::find_block(manifest).ok_or_else(|| missing("CMS block"))?;
    Ok(&manifest[block.start..])
}

/// The manifest with another CMS block.
fn with_block(manifest: &[u8], block: &[u8]) -> Result<Vec<u8>, PackageError> {
    let signed = manifest.len() - block_of(manifest)?.len();
    Ok([&manifest[..signed], block].concat())
}

fn replaced(bytes: &[u8], from: &str, to: &str, path: &str) -> Result<Vec<u8>, PackageError> {
    let text = std::str::from_utf8(bytes).map_err(|_| missing(path))?;
    if !text.contains(from) {
        return Err(missing(path));
    }
    Ok(text.replace(from, to).into_bytes())
}
