# SPDX-License-Identifier: Apache-2.0
Feature: Vnfm.Sc.006
  Clause: IFA026 B.3
  Role: VNFM
  Requirement: Key pairs for VNF OAM and VNFCI certificates live and work in tamper-resistant storage. Here that is a PKCS#11 token; where the private keys are otherwise, 4.2.2.3 to 4.2.2.5 of SEC 030 look for them.
  Reference: IFA026 B.3, Vnfm.Sc.006
  Threat: somebody who gets into the token, or at what is left in it, has the private key of a VNF OAM or VNFCI certificate
  Threatened asset: private keys of the VNF OAM and VNFCI certificates
  Purpose: See in a session of the tester's own that the token tells no private key of a VNFCI in clear while it is in use, and holds none afterwards.
  Applicability: delegation-mode and key-custody-pkcs11
  Keyword: shall
  Evidence: the private key objects that were in the token before, meanwhile and after, with their attributes and whose they are; the
    positive controls; the exchanges with NFVO, CMF, VIM and VNFCI; never a private key
  Defects: token-object-left-behind, token-key-extractable, refuses-everything [inconclusive]

  Background:
    Given the documentation of the VNFM describes "delegation-mode"
    And a simulated CMF, with a CA that signs what it sends
    And a simulated VIM that boots simulated VNFCIs
    And a VNFM that is configured to delegation mode
    And a simulated NFVO whose traffic with the VNFM is traced
    And the tester can look into the token of the VNFM

  # The tester logs into the token as its user. Each private key there signs something for the tester, which tells whose it is.
  @normative @serial
  Scenario: The token gives no private key of a VNFCI out in clear, and holds none afterwards
    Given the CMF holds its answers to requests for a VNFCI_CERT certificate
    When the NFVO asks for a VNF with 1 VNFCI in delegation mode
    And the VNFM generates a key pair and asks the CMF to certify it
    And the tester looks into the token of the VNFM
    And the CMF has the CA sign the certificate and returns it
    And the VNFCI is instantiated with a valid certificate and private key
    And the VNFM has had the time to delete the private key
    Then the token gave no private key of a VNFCI out in clear
    And no private key of a VNFCI is left in the token
    And the private key is deleted and cannot be recovered

  @extended @serial
  Scenario: The token holds no private key after the last attempt to install it
    Given the VIM "lets each stack fail"
    When the NFVO asks for a VNF with 1 VNFCI in delegation mode
    And the lifecycle operation ends in vain
    And the VNFM has had the time to delete the private key
    Then no private key of a VNFCI is left in the token

  # What survives the process that made it is the next start's to destroy.
  @extended @serial
  Scenario: The token holds no private key where the VNFM crashed before it was installed
    Given the VNFM keeps a private key for 3 s and makes 3 attempts to install it
    And the VIM "completes no stack"
    When the NFVO asks for a VNF with 1 VNFCI in delegation mode
    And the VNFM has passed certificate and private key to the VIM, and looks at the stack
    And the first process of the VNFM is killed
    And the VNFM is started again
    And the retention period of the private key is over
    And the VNFM has had the time to delete the private key
    Then no private key of a VNFCI is left in the token
