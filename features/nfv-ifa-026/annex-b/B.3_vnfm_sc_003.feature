# SPDX-License-Identifier: Apache-2.0
Feature: Vnfm.Sc.003
  Clause: IFA026 B.3
  Role: VNFM
  Requirement: Key pairs for VNF OAM and VNFCI certificates come from a random generator of industry standard.
  Reference: IFA026 B.3, Vnfm.Sc.003
  Threat: somebody computes or guesses the private key of a VNF OAM or VNFCI certificate, because the generator has little to draw from
  Threatened asset: private keys of the VNF OAM and VNFCI certificates
  Purpose: See that the public keys which the VNFM has certified give no private key away. A sample can convict a generator, never acquit it.
  Applicability: delegation-mode
  Keyword: shall
  Evidence: the exchanges with the CMF, the public keys of all certification requests, what their number can tell
  Defects: one-key-for-all, clock-seeded-keys, known-weak-key, rsa-shared-prime, refuses-everything [inconclusive]

  Background:
    Given the documentation of the VNFM describes "delegation-mode"
    And a simulated CMF, with a CA that signs what it sends
    And a simulated VIM that boots simulated VNFCIs
    And a VNFM that is configured to delegation mode
    And a simulated NFVO whose traffic with the VNFM is traced

  @normative @serial
  Scenario: The key pairs of a VNF with five VNFCIs differ, and give no private key away
    When the NFVO asks for a VNF with 5 VNFCIs in delegation mode
    And the lifecycle operation ends, however it may
    Then no private key follows from the public keys of at least 10 certification requests
    And each certification request has a key pair of its own, at least 10 of them

  # Of every kind that the profile says the VNFM makes. RSA moduli are compared with each other: a prime that two of them share
  # gives both private keys to whoever looks.
  @extended @serial
  Scenario Outline: Key pairs of each kind, for <vnfcis> VNFCIs each, give no private key away
    When the NFVO asks for 1 VNF with <vnfcis> VNFCIs each, for each kind of key pair that the VNFM makes
    Then no private key follows from the public keys of at least <requests> certification requests
    And each certification request has a key pair of its own, at least <requests> of them

    Examples:
      | vnfcis | requests |
      | 4      | 8        |

    @full
    Examples: as many as time allows
      | vnfcis | requests |
      | 20     | 40       |
