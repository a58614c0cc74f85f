"""Verifies the attestations of a sealed run by libraries of others: securesystemslib (DSSE) and in-toto-attestation (statements).

    verify.py CONTAINER.asice

Ends with 0 if each envelope is signed by the key of seal.crt and holds a statement about manifest.json as it is in the container.
"""

import hashlib
import json
import sys
import zipfile

from cryptography.x509 import load_pem_x509_certificate
from google.protobuf import json_format
from in_toto_attestation.v1 import statement as statements
from in_toto_attestation.v1 import statement_pb2
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

PREDICATES = [
    "https://in-toto.io/attestation/test-result/v0.1",
    "https://github.com/scas-project/scas/attestation/verdicts/v1",
]


def main(path):
    container = zipfile.ZipFile(path)
    certificate = load_pem_x509_certificate(container.read("seal.crt"))
    manifest = hashlib.sha256(container.read("manifest.json")).hexdigest()
    told = []
    for line in container.read("seal.intoto.jsonl").splitlines():
        envelope = Envelope.from_dict(json.loads(line))
        (keyid,) = envelope.signatures
        key = SSlibKey.from_crypto(certificate.public_key(), keyid=keyid)
        envelope.verify([key], 1)
        message = json_format.Parse(envelope.payload, statement_pb2.Statement())
        statement = statements.Statement.copy_from_pb(message)
        statement.validate()
        (subject,) = message.subject
        if (subject.name, subject.digest["sha256"]) != ("manifest.json", manifest):
            sys.exit(f"the subject is {subject.name} {dict(subject.digest)}, not the manifest")
        told.append(message.predicate_type)
        print(f"verified: {message.predicate_type}")
    if told != PREDICATES:
        sys.exit(f"predicates {told}, not {PREDICATES}")


if __name__ == "__main__":
    main(sys.argv[1])
