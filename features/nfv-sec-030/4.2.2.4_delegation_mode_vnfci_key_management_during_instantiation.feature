# SPDX-License-Identifier: Apache-2.0
Feature: TC_DELEGATION_MODE_VNFCI_KEY_MANAGEMENT_DURING_VNF_INSTANTIATION
  Clause: SEC030 4.2.2.4
  Role: VNFM
  Requirement: The private key of a VNFCI certificate that the VNFM makes for an instantiation is protected while it is kept and used, and deleted once the VNFCI has it.
  Reference: IFA 026 B.3 Vnfm.Sc.006 (SEC 030 writes Vnm.Sc.006); deletion itself is Vnfm.Sc.005
  Threat: A.2.2.2, somebody gets hold of the private key of a VNF OAM or VNFCI certificate
  Threatened asset: private key of the VNFCI certificate
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
    one-key-for-all, clock-seeded-keys, deletes-only-on-success, one-attempt-too-many, ignores-retention,
    custodian-outlives-vnfm, vim-without-tls, vim-not-verified, vim-name-not-verified, csr-signed-by-other-key,
    installs-certificate-of-other-key, installs-untrusted-certificate, installs-expired-certificate,
    installs-certificate-of-other-name, refuses-everything [inconclusive]

  Background:
    Given the documentation of the VNFM describes "delegation-mode"
    And a simulated CMF, with a CA that signs what it sends
    And a simulated VIM that boots simulated VNFCIs
    And a VNFM that is configured to delegation mode
    And a simulated NFVO whose traffic with the VNFM is traced
    And the tester can look into the operating system and the storage of the VNFM

  # The clause as it stands, step by step.
  @normative @serial
  Scenario: The private key of a VNFCI is out of others' reach during instantiation, and gone afterwards
    Given the CMF holds its answers to requests for a VNFCI_CERT certificate
    And the VIM holds its answers to orders
    When the NFVO asks for a VNF with 1 VNFCI in delegation mode
    And the VNFM generates a key pair and asks the CMF to certify it
    And the CMF has the CA sign the certificate and returns it
    And the VNFM passes certificate and private key to the VIM
    And the VNFCI is instantiated with a valid certificate and private key
    And the VNFM has had the time to delete the private key
    Then meanwhile nothing but the VNFM could access the private key
    And the private key is deleted and cannot be recovered

  # IFA 026 Vnfm.Sc.005: after so many attempts, or at the end of the retention period, whichever comes first.
  @extended @serial
  Scenario Outline: The private key is deleted after the last attempt where the VIM <does>
    Given the VIM "<does>"
    When the NFVO asks for a VNF with 1 VNFCI in delegation mode
    And the lifecycle operation ends in vain
    And the VNFM has had the time to delete the private key
    Then the private key is deleted and cannot be recovered
    And nothing that the VNFM sent elsewhere holds a private key
    And the VNFM has made no more attempts to install the private key than it says

    Examples:
      | does                                |
      | lets each stack fail                |
      | breaks the connection at each order |

    @full
    Examples: the VIM does not look at what it refuses
      | does               |
      | refuses each order |

  @extended @serial
  Scenario: The private key is deleted at the end of the retention period where the VIM completes no stack
    Given the VNFM keeps a private key for 3 s and makes 3 attempts to install it
    And the VIM "completes no stack"
    When the NFVO asks for a VNF with 1 VNFCI in delegation mode
    And the VNFM has passed certificate and private key to the VIM, and looks at the stack
    And the retention period of the private key is over
    And the VNFM has had the time to delete the private key
    Then the private key is deleted and cannot be recovered

  # The VIM never received the key, so the tester knows it by its certificate alone, which takes longer to search for.
  @extended @serial @full
  Scenario: The private key is deleted at the end of the retention period where the VIM never answers
    Given the VNFM keeps a private key for 3 s and makes 3 attempts to install it
    And the VIM holds its answers to orders
    When the NFVO asks for a VNF with 1 VNFCI in delegation mode
    And the VNFM has passed certificate and private key to the VIM, which does not answer
    And the retention period of the private key is over
    And the VNFM has had the time to delete the private key
    Then the private key is deleted and cannot be recovered

  @extended @serial
  Scenario: The private key is gone where the VNFM crashes before the VIM completes the stack
    Given the VNFM keeps a private key for 3 s and makes 3 attempts to install it
    And the VIM "completes no stack"
    When the NFVO asks for a VNF with 1 VNFCI in delegation mode
    And the VNFM has passed certificate and private key to the VIM, and looks at the stack
    And the first process of the VNFM is killed
    And the VNFM is started again
    And the retention period of the private key is over
    And the VNFM has had the time to delete the private key
    Then the private key is deleted and cannot be recovered

  # What the CMF returns is not taken on trust.
  @extended @serial
  Scenario Outline: A certificate that is spoilt is not installed: <flaw>
    Given the CA spoils each certificate from now on: <flaw>
    When the NFVO asks for a VNF with 1 VNFCI in delegation mode
    And the lifecycle operation ends, however it may
    And the CA signs as it should again
    And the NFVO asks for another VNF with 1 VNFCI in delegation mode
    And the lifecycle operation is completed
    Then no VNFCI was given a spoilt certificate

    Examples:
      | flaw             |
      | untrusted-issuer |
      | other-key        |
      | other-names      |
      | expired          |
      | bad-signature    |

  @extended @serial
  Scenario Outline: A VIM that shows a certificate <flaw> is given no private key
    Given the VIM shows a certificate "<flaw>"
    When the NFVO asks for a VNF with 1 VNFCI in delegation mode
    And the lifecycle operation ends, however it may
    And the VIM shows its own certificate again
    And the NFVO asks for another VNF with 1 VNFCI in delegation mode
    And the lifecycle operation is completed
    Then that VIM was given no private key

    Examples:
      | flaw             |
      | of another CA    |
      | for another host |
      | that has expired |

  # Every key of every VNFCI, at once.
  @extended @serial
  Scenario: Twenty VNFCIs have key pairs of their own, and all private keys are gone afterwards
    When the NFVO asks for a VNF with 20 VNFCIs in delegation mode
    And the lifecycle operation is completed
    And the VNFM has had the time to delete the private key
    Then each certification request has a key pair of its own, at least 40 of them
    And the VNFM has spoken with CMF, VIM and VNFCI over mutual TLS alone
    And the private key is deleted and cannot be recovered

  # ONAP's CertService takes the private key beside the request: the CMF of this suite says so when it sees one.
  @extended @serial
  Scenario: Certification is asked for with a proof of possession, and nothing sent elsewhere holds a private key
    When the NFVO asks for a VNF with 2 VNFCIs in delegation mode
    And the lifecycle operation ends, however it may
    Then each certification request proves possession of its private key
    And nothing that the VNFM sent elsewhere holds a private key

  # A generator with little to draw from repeats itself: the report says how little would have shown.
  @extended @serial @full
  Scenario: A thousand certification requests have key pairs of their own
    When the NFVO asks for 25 VNFs with 20 VNFCIs each in delegation mode, one after another
    Then each certification request has a key pair of its own, at least 1000 of them
