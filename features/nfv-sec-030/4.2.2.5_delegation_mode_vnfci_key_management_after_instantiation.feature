# SPDX-License-Identifier: Apache-2.0
Feature: TC_DELEGATION_MODE_VNFCI_KEY_MANAGEMENT_AFTER_VNF_INSTANTIATION
  Clause: SEC030 4.2.2.5
  Role: VNFM
  Requirement: The private key of a VNFCI certificate that the VNFM makes for a running VNF is protected while it is kept and used, and deleted once it is installed.
  Reference: IFA 026 B.3 Vnfm.Sc.006 (SEC 030 writes Vnmf.Sc.006); deletion itself is Vnfm.Sc.005
  Threat: A.2.2.2, somebody gets hold of the private key of a VNF OAM or VNFCI certificate
  Threatened asset: private key of the VNFCI certificate
  Purpose: See that nobody but the VNFM can get at the private key while it is being installed, and that it is gone afterwards.
  Applicability: delegation-mode
  Keyword: shall
  Evidence: the exchanges with NFVO, CMF, VIM and VNFCI, each look into the VNFM's processes and storage with what was tried,
    searched and seen, the positive controls, the certificates that were delivered; never the private key
  Defects: key-in-readable-file, key-in-private-file, key-in-unlinked-file, key-in-shared-memory, key-until-restart,
    key-in-debug-log, key-in-rotated-log, key-on-standard-error, key-in-arguments, key-in-environment, key-in-helper,
    key-in-database, key-in-free-pages, key-in-vnf-instance, key-in-operation-params, key-in-notification,
    key-in-error-detail, key-sent-to-cmf, scalar-in-heap, der-in-heap, pem-in-heap, json-in-heap, base64-in-heap,
    hex-in-heap, key-in-lingering-custodian, deletes-at-next-operation, core-dumps-enabled, known-weak-key,
    one-key-for-all, clock-seeded-keys, deletes-only-on-success, key-reused-at-renewal, vnfci-not-verified,
    vim-without-tls, csr-signed-by-other-key [inconclusive], refuses-everything [inconclusive]

  Background:
    Given the documentation of the VNFM describes "delegation-mode"
    And a simulated CMF, with a CA that signs what it sends
    And a simulated VIM that boots simulated VNFCIs
    And a VNFM that is configured to delegation mode
    And a simulated NFVO whose traffic with the VNFM is traced
    And the tester can look into the operating system and the storage of the VNFM
    And a VNF with 1 VNFCI that is instantiated in delegation mode

  # The clause as it stands, step by step. A change of the external connectivity asks for new certificates.
  @normative @serial
  Scenario: The private key of a VNFCI is out of others' reach until it is installed, and gone afterwards
    Given the CMF holds its answers to requests for a VNFCI_CERT certificate
    And the VNFCI holds its answers to changes of its configuration
    When the NFVO asks for new certificates of the VNFCIs
    And the VNFM generates a key pair and asks the CMF to certify it
    And the CMF has the CA sign the certificate and returns it
    And the VNFM passes certificate and private key to the VNFCI as part of its configuration
    And the VNFCI has the certificate and private key installed
    And the VNFM has had the time to delete the private key
    Then meanwhile nothing but the VNFM could access the private key
    And the private key is deleted and cannot be recovered

  @extended @serial
  Scenario: A private key that the VNFCI refuses is deleted after the last attempt
    Given the VNFCI refuses what it is to install
    When the NFVO asks for new certificates of the VNFCIs
    And the lifecycle operation ends in vain
    And the VNFM has had the time to delete the private key
    Then the private key is deleted and cannot be recovered

  @extended @serial
  Scenario: Renewed again, a VNFCI gets a fresh key pair, and no private key remains
    When the NFVO asks for new certificates of the VNFCIs
    And the lifecycle operation is completed
    And the NFVO asks for new certificates of the VNFCIs
    And the lifecycle operation is completed
    And the VNFM has had the time to delete the private key
    Then each certification request has a key pair of its own, at least 4 of them
    And the private key is deleted and cannot be recovered
    And the VNFM has spoken with CMF, VIM and VNFCI over mutual TLS alone

  @extended @serial
  Scenario Outline: A VNFCI that shows a certificate <flaw> is given no private key
    Given the VNFCI shows a certificate "<flaw>"
    When the NFVO asks for new certificates of the VNFCIs
    And the lifecycle operation ends, however it may
    And the VNFCI shows its own certificate again
    And the NFVO asks for new certificates of the VNFCIs
    And the lifecycle operation is completed
    Then that VNFCI was given no private key

    Examples:
      | flaw             |
      | of another CA    |
      | for another host |
      | that has expired |
