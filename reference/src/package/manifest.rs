//! The manifest of a VNF package (SOL004 4.3.2) and TOSCA.meta (4.1.2). Main type: [`Manifest`].

use std::collections::BTreeMap;

use super::refusal::Refusal;

/// A manifest, split in what is signed and the signatures of it.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// The `metadata:` section.
    pub(crate) metadata: BTreeMap<String, String>,
    /// What it lists, in its order.
    pub(crate) files: Vec<ListedFile>,
    /// Everything before the first signature block.
    pub(crate) signed: Vec<u8>,
    /// The signature blocks at the end, PEM.
    pub(crate) signatures: Vec<Vec<u8>>,
}

/// A file that a manifest lists.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ListedFile {
    /// `Source:`, the path in the package (or a URI).
    pub(crate) source: String,
    /// `Algorithm:`.
    pub(crate) algorithm: String,
    /// `Hash:`, in hexadecimal digits.
    pub(crate) hash: String,
    /// `Signature:`, the path of the file's own signature.
    pub(crate) signature: Option<String>,
    /// `Certificate:`, the path of its signer's certificate.
    pub(crate) certificate: Option<String>,
}

impl Manifest {
    /// Reads the manifest at `path`.
    pub(crate) fn parse(path: &str, bytes: &[u8]) -> Result<Self, Refusal> {
        let fail = |reason: String| Refusal::Metadata {
            file: path.to_owned(),
            reason,
        };
        let (signed, signatures) = split(bytes).map_err(fail)?;
        let text = str::from_utf8(signed).map_err(|_| fail("it is not UTF-8".to_owned()))?;
        let (metadata, files) = sections(text).map_err(fail)?;
        Ok(Self {
            metadata,
            files,
            signed: signed.to_vec(),
            signatures,
        })
    }

    /// The listing of this file.
    pub(crate) fn listed(&self, source: &str) -> Option<&ListedFile> {
        self.files.iter().find(|file| file.source == source)
    }

    /// The identifier of the VNFD, under either name that the editions of SOL004 give it.
    pub(crate) fn vnfd_id(&self) -> Option<&str> {
        self.metadata.get("vnfd_id").map(String::as_str)
    }
}

/// The part before the first signature block, and the blocks. After the first, nothing else may follow: it would be unsigned.
fn split(bytes: &[u8]) -> Result<(&[u8], Vec<Vec<u8>>), String> {
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    let mut signed = bytes;
    let (mut at, mut open) = (0, false);
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let text = line.trim_ascii();
        match boundary(text) {
            Some("BEGIN") if !open => {
                if blocks.is_empty() {
                    signed = &bytes[..at];
                }
                (open, _) = (true, blocks.push(line.to_vec()));
            }
            Some("END") if open => {
                blocks
                    .last_mut()
                    .into_iter()
                    .for_each(|block| block.extend_from_slice(line));
                open = false;
            }
            _ if open => blocks
                .last_mut()
                .into_iter()
                .for_each(|block| block.extend_from_slice(line)),
            Some(_) => return Err("the boundaries of its signature are out of order".to_owned()),
            None if blocks.is_empty() || text.is_empty() => {}
            None => return Err("there is text after its signature, which nothing signs".to_owned()),
        }
        at += line.len();
    }
    if open {
        return Err("its signature has no end".to_owned());
    }
    Ok((signed, blocks))
}

/// `-----BEGIN CMS-----` and its kin, also written with spaces beside the dashes.
fn boundary(line: &[u8]) -> Option<&str> {
    let words = str::from_utf8(line)
        .ok()?
        .strip_prefix("-----")?
        .strip_suffix("-----")?
        .trim();
    let (verb, label) = words.split_once(' ')?;
    matches!((verb, label.trim()), ("BEGIN" | "END", "CMS" | "PKCS7")).then_some(verb)
}

#[derive(PartialEq)]
enum Section {
    Metadata,
    Files,
    NonMano,
}

type Sections = (BTreeMap<String, String>, Vec<ListedFile>);

fn sections(text: &str) -> Result<Sections, String> {
    let mut section = Section::Files;
    let mut metadata = BTreeMap::new();
    let mut files: Vec<Draft> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = line
            .split_once(':')
            .ok_or_else(|| format!("line {} is no `name: value`", index + 1))?;
        let (key, value) = (key.trim(), value.trim());
        match key {
            "metadata" => section = Section::Metadata,
            "non_mano_artifact_sets" => section = Section::NonMano,
            "Source" => {
                if section == Section::Metadata {
                    section = Section::Files;
                }
                files.push(Draft {
                    line: index + 1,
                    reference: section == Section::NonMano,
                    source: value.to_owned(),
                    ..Draft::default()
                });
            }
            "Algorithm" | "Hash" | "Signature" | "Certificate" => {
                let draft = files
                    .last_mut()
                    .ok_or_else(|| format!("line {}: `{key}:` before any `Source:`", index + 1))?;
                let field = match key {
                    "Algorithm" => &mut draft.algorithm,
                    "Hash" => &mut draft.hash,
                    "Signature" => &mut draft.signature,
                    _ => &mut draft.certificate,
                };
                if field.replace(value.to_owned()).is_some() {
                    return Err(format!(
                        "line {}: a second `{key}:` for `{}`",
                        index + 1,
                        draft.source
                    ));
                }
            }
            _ if section == Section::Metadata
                && metadata.insert(key.to_owned(), value.to_owned()).is_some() =>
            {
                return Err(format!("line {}: a second `{key}:`", index + 1));
            }
            _ => {}
        }
    }
    let mut listed: Vec<ListedFile> = Vec::with_capacity(files.len());
    for file in files
        .into_iter()
        .filter_map(|draft| draft.finish().transpose())
    {
        let file = file?;
        if listed.iter().any(|other| other.source == file.source) {
            return Err(format!("`{}` is listed twice", file.source));
        }
        listed.push(file);
    }
    Ok((metadata, listed))
}

/// A listing whose lines are still being read.
#[derive(Default)]
struct Draft {
    line: usize,
    reference: bool,
    source: String,
    algorithm: Option<String>,
    hash: Option<String>,
    signature: Option<String>,
    certificate: Option<String>,
}

impl Draft {
    /// `None` for a non-MANO artifact that is only referred to here, and listed with its digest elsewhere.
    fn finish(self) -> Result<Option<ListedFile>, String> {
        match (self.algorithm, self.hash) {
            (Some(algorithm), Some(hash)) => Ok(Some(ListedFile {
                source: self.source,
                algorithm,
                hash,
                signature: self.signature,
                certificate: self.certificate,
            })),
            (None, None) if self.reference => Ok(None),
            _ => Err(format!(
                "line {}: `{}` lacks `Algorithm:` or `Hash:`",
                self.line, self.source
            )),
        }
    }
}

/// The value of a key in TOSCA.meta.
pub(crate) fn tosca_meta<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        line.split_once(':')
            .filter(|(name, _)| name.trim() == key)
            .map(|(_, value)| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "metadata:\n vnfd_id: 7\n\nSource: a.yaml\nAlgorithm: SHA-256\nHash: 00\nSignature: a.sig.cms\n\nnon_mano_artifact_sets:\n set:\n  Source: b.sh\n";

    #[test]
    fn reads_metadata_listing_and_references() {
        let manifest = Manifest::parse("m.mf", TEXT.as_bytes()).unwrap();
        assert_eq!(manifest.vnfd_id(), Some("7"));
        assert_eq!(manifest.files.len(), 1);
        assert_eq!(
            manifest.listed("a.yaml").unwrap().signature.as_deref(),
            Some("a.sig.cms")
        );
    }

    #[test]
    fn signs_what_stands_before_the_block_in_either_spelling() {
        for begin in [
            "-----BEGIN CMS-----",
            "----- BEGIN CMS -----",
            "-----BEGIN PKCS7-----",
        ] {
            let end = begin.replace("BEGIN", "END");
            let manifest =
                Manifest::parse("m.mf", format!("{TEXT}{begin}\nAAAA\n{end}\n").as_bytes())
                    .unwrap();
            assert_eq!(manifest.signed, TEXT.as_bytes());
            assert_eq!(manifest.signatures.len(), 1);
        }
    }

    #[test]
    fn text_after_the_block_is_refused() {
        let text = format!("{TEXT}-----BEGIN CMS-----\nAAAA\n-----END CMS-----\nSource: c.yaml\n");
        assert!(Manifest::parse("m.mf", text.as_bytes()).is_err());
    }

    proptest::proptest! {
        #[test]
        fn never_panics_on_foreign_bytes(bytes: Vec<u8>) {
            let _ = Manifest::parse("m.mf", &bytes);
        }

        #[test]
        fn never_panics_on_text_that_looks_right(text in "((Source|Hash|Algorithm|metadata|-----BEGIN CMS-----|-----END CMS-----)(:| )[a-z]{0,3}\n){0,12}") {
            let _ = Manifest::parse("m.mf", text.as_bytes());
        }
    }
}
