# SPDX-License-Identifier: Apache-2.0
Feature: TC_SIGNATURE_VERIFICATION_FILES_VNFD
  Clause: SEC030 4.2.2.1
  Role: VNFM
  Requirement: A VNFM that is given a VNFD archive with signatures verifies the signature of every file in it.
  Reference: SEC 021 6.2; SOL 016 5.1.3 and 5.2.3; SOL 003 10.4.4.3.2
  Threat: SEC 028 B.3.4.1, tampering with software
  Threatened asset: VNFM application; interface between VNFM and NFVO
  Purpose: See that a VNFD whose files bear valid signatures is accepted, and that one which was tampered with is not.
  Applicability: vnfd-signature-verification
  Keyword: shall
  Evidence: the exchanges between VNFM and NFVO, the archives that were offered, the VNFM's answers and log
  Defects: accepts-without-verifying, verifies-manifest-only, verifies-first-file-only, skips-last-file,
    skips-signature-value, skips-message-digest, trusts-any-certificate, ignores-expiry, ignores-not-yet-valid,
    ignores-revocation, ignores-key-usage, accepts-missing-file-signature, accepts-unsigned,
    accepts-empty-signature, accepts-unparsable-signature, verifies-one-entry-uses-duplicate,
    caches-by-vnfd-id, refuses-everything, accepts-md5, accepts-sha1, ignores-unlisted-files,
    ignores-absent-files, accepts-path-traversal, no-size-limit, accepts-truncated-zip,
    ignores-outer-signature, trusts-embedded-content, checks-chain-of-other-certificate,
    accepts-tampered-after-first

  Background:
    Given the documentation of the VNFM describes "vnfd-signature-verification"
    And a VNFM that trusts the signers of VNF packages
    And a simulated NFVO whose traffic with the VNFM is traced

  # The clause as it stands. File A is offered once more at the end, so that the refusal of file B is bound to
  # its one difference from file A.
  @normative
  Scenario: File A is accepted and file B, which was tampered with, is not
    Given the NFVO holds a VNFD with file A and its signature, and file B which is file A tampered with
    When the VNFM fetches the VNFD with file A and its signature
    And the VNFM fetches the VNFD with file B and the signature of file A
    And the VNFM fetches the VNFD with file A and its signature again
    Then file A is accepted
    And file B is not accepted

  # One mutation each. What the clause means by "tampered" in an adversary's hands.
  @extended
  Scenario Outline: A VNFD with <flaw> is refused
    Given the NFVO holds a valid VNFD and its twin with "<flaw>"
    When the VNFM accepts the valid VNFD
    And the VNFM is offered the twin with the flaw
    And the VNFM accepts the valid VNFD again
    Then the twin is refused because of the flaw

    Examples: what was signed is not what is there
      | flaw                                 |
      | a byte changed in the first file     |
      | a byte changed in a middle file      |
      | a byte changed in the last file      |
      | a changed manifest                   |
      | the signature of another file        |
      | a wrong signature value              |
      | a signature without messageDigest    |
      | a wrong digest in the manifest       |
      | a CMS with other embedded content    |
      | an outdated signature of one file    |
      | content swapped between two requests |
      | a wrong outer signature              |

    Examples: the signer may not sign
      | flaw                              |
      | a signer of an unknown CA         |
      | an expired signer                 |
      | a not yet valid signer            |
      | a revoked signer                  |
      | a signer without digitalSignature |
      | a swapped certificate             |

    Examples: there is no signature to speak of
      | flaw                         |
      | an unparsable signature      |
      | an unparsable signature file |
      | an empty signature           |
      | an empty signature file      |
      | no signature for one file    |
      | no signature at all          |
      | no outer signature           |
      | MD5 digests                  |
      | SHA-1 digests                |

    Examples: not every file is covered
      | flaw                             |
      | a file missing from the manifest |
      | a listed file absent             |
      | an extra file                    |

    Examples: the archive itself deceives
      | flaw                                                |
      | two entries of the same name                        |
      | two entries of the same name, the changed one first |
      | a path outside the archive                          |
      | an absolute path in the archive                     |
      | a decompression bomb                                |
      | a truncated archive                                 |
