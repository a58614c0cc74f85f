# SPDX-License-Identifier: Apache-2.0
Feature: TC_DELEGATION_MODE_VNF_OAM_KEY_MANAGEMENT
  Clause: SEC030 4.2.2.3
  Role: VNFM
  Requirement: The private key of a VNF OAM certificate that the VNFM makes is protected while it is kept and used, and deleted once a VNFCI has it.
  Reference: IFA 026 B.3 Vnfm.Sc.006 (SEC 030 writes Vnm.Sc.006); deletion itself is Vnfm.Sc.005
  Threat: A.2.2.2, somebody gets hold of the private key of a VNF OAM or VNFCI certificate
  Threatened asset: private key of the VNF OAM certificate
  Purpose: See that nobody but the VNFM can get at the private key while a VNF is instantiated, and that it is gone afterwards.
  Applicability: delegation-mode
  Keyword: shall
  Evidence: the exchanges with NFVO, CMF, VIM and VNFCI, each look into the VNFM's processes and storage with what was tried,
    searched and seen, the positive controls, the certificates that were delivered; never the private key
  Defects: key-in-readable-file, key-in-private-file, key-in-unlinked-file, key-in-shared-memory, key-until-restart,
    key-in-debug-log, key-in-rotated-log, key-on-standard-error, key-in-arguments, key-in-environment, key-in-helper,
    key-in-database, key-in-free-pages, key-in-vnf-instance, key-in-operation-params, key-in-notification,
    key-in-error-detail, key-sent-to-cmf, scalar-in-heap, der-in-heap, pem-in-heap, json-in-heap, base64-in-heap,
    hex-in-heap, key-in-lingering-custodian, deletes-at-next-operation, core-dumps-enabled, known-weak-key,
    one-key-for-all, clock-seeded-keys, oam-accepts-any-client, oam-accepts-any-of-ca, oam-accepts-expired,
    oam-accepts-vnfci-certificate, csr-signed-by-other-key [inconclusive], refuses-everything [inconclusive]

  Background:
    Given the documentation of the VNFM describes "delegation-mode"
    And a simulated CMF, with a CA that signs what it sends
    And a simulated VIM that boots simulated VNFCIs
    And a VNFM that is configured to delegation mode
    And a simulated NFVO whose traffic with the VNFM is traced
    And the tester can look into the operating system and the storage of the VNFM

  # The clause as it stands, step by step. CMF and VIM hold their answers, so that the tester can look into the VNFM while the
  # private key exists only there; what was looked at then is searched when the VIM has received the key.
  @normative @serial
  Scenario: The private key for VNF OAM is out of others' reach during instantiation, and gone afterwards
    Given the CMF holds its answers to requests for a VNFOAM_CERT certificate
    And the VIM holds its answers to orders
    When the NFVO asks for a VNF with 1 VNFCI in delegation mode
    And the VNFM generates a key pair and asks the CMF to certify it
    And the CMF has the CA sign the certificate and returns it
    And the VNFM passes certificate and private key to the VIM
    And the VNFCI is instantiated with a valid certificate and private key
    And the VNFCI establishes a TLS connection to the VNFM
    And the VNFM has had the time to delete the private key
    Then meanwhile nothing but the VNFM could access the private key
    And the private key is deleted and cannot be recovered

  # The other end of the connection of step 6.
  @extended @serial
  Scenario Outline: The VNF OAM endpoint refuses a client with <what it shows>
    Given a VNF with 1 VNFCI that is instantiated in delegation mode
    When a client with "<what it shows>" connects to the VNF OAM endpoint, between two of the VNFCI
    Then the VNF OAM endpoint refuses that client and no other

    Examples:
      | what it shows                              |
      | no certificate                             |
      | a certificate of another CA                |
      | an expired certificate                     |
      | a certificate of a VNFCI that there is not |
      | its certificate for its users              |

  # One key pair for several is known to each of them.
  @extended @serial
  Scenario: VNFCIs have VNF OAM key pairs of their own
    When the NFVO asks for a VNF with 2 VNFCIs in delegation mode
    And the lifecycle operation is completed
    Then each certification request has a key pair of its own, at least 4 of them
