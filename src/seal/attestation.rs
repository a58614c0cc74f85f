//! Attestations: in-toto statements (v1) about a run, in DSSE envelopes. [`statements`] makes them from the results, [`envelopes`] signs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{MANIFEST, signer};
use crate::cms::{CmsError, Signer};
use crate::model::verdict::{CaseVerdict, Verdict};
use crate::pack::Digest;
use crate::report::results::{CaseResult, Results};

/// What the payload of an envelope is.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// What is vouched for in general: which tests passed. Others read it.
const TEST_RESULT: &str = "https://in-toto.io/attestation/test-result/v0.1";
/// What is vouched for in particular: every verdict, and what it was made from.
const VERDICTS: &str = "https://github.com/scas-project/scas/attestation/verdicts/v1";

/// A DSSE envelope.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Envelope {
    /// The statement, base64.
    pub payload: String,
    /// What it is.
    pub payload_type: String,
    /// Who signed it.
    pub signatures: Vec<EnvelopeSignature>,
}

/// A signature of an envelope.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvelopeSignature {
    /// SHA-256 of the signer's SubjectPublicKeyInfo, hex.
    pub keyid: String,
    /// Over [`encoded`], base64.
    pub sig: String,
}

/// The two statements about a run. Their subject is the manifest, and with it every file.
pub fn statements(results: &Results, manifest: &Digest) -> [Value; 2] {
    let statement = |predicate_type: &str, predicate: Value| {
        json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{ "name": MANIFEST, "digest": { "sha256": manifest.sha256 } }],
            "predicateType": predicate_type,
            "predicate": predicate,
        })
    };
    [
        statement(TEST_RESULT, test_result(results)),
        statement(VERDICTS, verdicts(results)),
    ]
}

/// A run that is not green has failed, for readers who know no third: nothing else than a pass may be taken for one.
fn test_result(results: &Results) -> Value {
    let of = |passed: bool| -> Vec<&str> {
        let cases = results.cases.iter().filter(|case| case.worst().is_some());
        cases
            .filter(|case| (case.worst() == Some(Verdict::Pass)) == passed)
            .map(|case| case.id.as_str())
            .collect()
    };
    let passed = results.verdict == Some(Verdict::Pass);
    json!({
        "result": if passed { "PASSED" } else { "FAILED" },
        "configuration": inputs(results),
        "passedTests": of(true),
        "warnedTests": [],
        "failedTests": of(false),
    })
}

fn inputs(results: &Results) -> Vec<Value> {
    let run = &results.run;
    let input = |name: &str, sha256: &str| json!({ "name": name, "digest": { "sha256": sha256 } });
    vec![
        input("suite", &run.suite_digest),
        input("profile.toml", &run.profile_digest),
    ]
}

fn verdicts(results: &Results) -> Value {
    let case = |case: &CaseResult| {
        let scenarios: Vec<Value> = case
            .scenarios
            .iter()
            .map(|scenario| {
                json!({
                    "line": scenario.line,
                    "name": scenario.name,
                    "normative": scenario.normative,
                    "verdict": scenario.verdict,
                    "reason": scenario.reason,
                })
            })
            .collect();
        json!({
            "id": case.id,
            "document": case.document,
            "clause": case.clause,
            "normative": case.normative.as_ref().map(CaseVerdict::to_string),
            "belowCapacity": case.below_capacity,
            "extended": case.extended,
            "waived": case.waived,
            "scenarios": scenarios,
        })
    };
    json!({
        "run": results.run,
        "inputs": inputs(results),
        "ended": results.ended,
        "interrupted": results.interrupted,
        "faults": results.faults,
        "verdict": results.verdict,
        "exitCode": results.exit_code,
        "cases": results.cases.iter().map(case).collect::<Vec<_>>(),
    })
}

/// Signs the statements: one envelope a line.
///
/// # Errors
/// The key does not sign.
pub fn envelopes(statements: &[Value], signer: &dyn Signer) -> anyhow::Result<Vec<u8>> {
    let certificate = signer.chain().first().ok_or(CmsError::CertificateMissing)?;
    let keyid = signer::key_id(certificate)?;
    let mut lines = Vec::new();
    for statement in statements {
        let payload = serde_json::to_vec(statement)?;
        let envelope = Envelope {
            signatures: vec![EnvelopeSignature {
                keyid: keyid.clone(),
                sig: STANDARD.encode(signer.sign(&encoded(PAYLOAD_TYPE, &payload))?),
            }],
            payload: STANDARD.encode(&payload),
            payload_type: PAYLOAD_TYPE.to_owned(),
        };
        serde_json::to_writer(&mut lines, &envelope)?;
        lines.push(b'\n');
    }
    Ok(lines)
}

/// DSSE's pre-authentication encoding: what is signed.
pub fn encoded(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!(
        "DSSEv1 {} {payload_type} {} ",
        payload_type.len(),
        payload.len()
    );
    [head.as_bytes(), payload].concat()
}
