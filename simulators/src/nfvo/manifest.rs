//! What VnfPkgInfo takes over from a package's manifest (SOL004 clause 4.3.2): [`attributes`].
//!
//! The manifest may be tampered with on purpose: what cannot be read is left out, nothing fails.

use bytes::Bytes;
use serde_json::{Value, json};

/// Attributes of VnfPkgInfo that the manifest tells: vnfmInfo, compatibleSpecificationVersions, additionalArtifacts.
pub(super) fn attributes(manifest: &Bytes) -> Vec<(&'static str, Value)> {
    let text = String::from_utf8_lossy(manifest);
    let mut attributes = Vec::new();
    let mut artifacts: Vec<Artifact> = Vec::new();
    for line in text.lines().take_while(|line| !line.starts_with("-----")) {
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        let value = value.trim();
        match key.trim().to_ascii_lowercase().as_str() {
            "vnfm_info" => attributes.push(("vnfmInfo", list(value))),
            "compatible_specification_versions" => {
                attributes.push(("compatibleSpecificationVersions", list(value)));
            }
            "source" => artifacts.push(Artifact {
                path: value.to_owned(),
                ..Artifact::default()
            }),
            "algorithm" => with_last(&mut artifacts, |artifact| {
                value.clone_into(&mut artifact.algorithm)
            }),
            "hash" => with_last(&mut artifacts, |artifact| {
                value.clone_into(&mut artifact.hash)
            }),
            _ => {}
        }
    }
    let artifacts: Vec<_> = artifacts
        .iter()
        .filter(|artifact| artifact.is_additional())
        .map(Artifact::info)
        .collect();
    if !artifacts.is_empty() {
        attributes.push(("additionalArtifacts", artifacts.into()));
    }
    attributes
}

#[derive(Default)]
struct Artifact {
    path: String,
    algorithm: String,
    hash: String,
}

impl Artifact {
    /// Neither part of the VNFD (SOL003 clause 10.4.4.3.2) nor signature or certificate.
    fn is_additional(&self) -> bool {
        const DIRECTORIES: [&str; 2] = ["Definitions/", "TOSCA-Metadata/"];
        const SUFFIXES: [&str; 9] = [
            ".yaml", ".yml", ".meta", ".mf", ".cert", ".cms", ".sig.p7b", ".sig.p7c", ".sig.p7s",
        ];
        !DIRECTORIES
            .iter()
            .any(|directory| self.path.starts_with(directory))
            && !SUFFIXES.iter().any(|suffix| self.path.ends_with(suffix))
    }

    /// VnfPackageArtifactInfo (SOL003 clause 10.5.3.3).
    fn info(&self) -> Value {
        json!({
            "artifactPath": self.path,
            "checksum": { "algorithm": self.algorithm, "hash": self.hash },
            "isEncrypted": false,
        })
    }
}

fn with_last(artifacts: &mut [Artifact], change: impl FnOnce(&mut Artifact)) {
    if let Some(last) = artifacts.last_mut() {
        change(last);
    }
}

fn list(value: &str) -> Value {
    value
        .split(',')
        .map(|item| Value::from(item.trim()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn artifacts_that_are_not_the_vnfd() {
        let manifest = "metadata:\n  vnfm_info: etsivnfm:v2.3.1, 0:one\n\nSource: Definitions/a.yaml\nAlgorithm: \
                        SHA-256\nHash: 00\n\nSource: Artifacts/run.sh\nAlgorithm: SHA-256\nHash: ff\n\
                        -----BEGIN CMS-----\nSource: no\n";
        let attributes = attributes(&Bytes::from_static(manifest.as_bytes()));
        assert_eq!(
            attributes[0],
            ("vnfmInfo", json!(["etsivnfm:v2.3.1", "0:one"]))
        );
        assert_eq!(
            attributes[1],
            (
                "additionalArtifacts",
                json!([{
                    "artifactPath": "Artifacts/run.sh",
                    "checksum": { "algorithm": "SHA-256", "hash": "ff" },
                    "isEncrypted": false,
                }])
            )
        );
        assert_eq!(attributes.len(), 2);
    }
}
