# SPDX-License-Identifier: Apache-2.0
Feature: TC_UNIQUE_VNF_INSTANCE_ID
  Clause: SEC030 4.2.2.2
  Role: VNFM
  Requirement: The identifier of a VNF instance is unique everywhere, so that it can stand for the instance in every later operation.
  Reference: good practice of the industry
  Threat: A.2.2.1, two VNF instances share an identifier, and a request to one reaches the other
  Threatened asset: Configuration data
  Purpose: See that the VNFM never gives the same identifier to two VNF instances.
  Applicability: vnf-instance-id
  Keyword: shall
  Evidence: the exchanges between VNFM and NFVO, every identifier with the exchange that bears it
  Defects: duplicates-under-concurrency, counter-restarts, reuses-deleted-ids, ids-24-bit [full],
    unique-per-vnfd-only, millisecond-clock, seeded-by-start-second, counter-saved-lazily,
    counter-in-state, id-differs-in-notification, derived-from-request,
    refuses-everything [inconclusive]

  Background:
    Given the documentation of the VNFM describes "vnf-instance-id"
    And a VNFM that trusts the signers of VNF packages
    And a simulated NFVO whose traffic with the VNFM is traced
    And the NFVO holds two valid VNFDs

  # The clause as it stands: as many as the IXIT says the VNFM can handle, under way together.
  @normative @serial
  Scenario: As many VNF instances as the VNFM can handle have different identifiers
    When the NFVO asks for as many VNF instances as the VNFM can handle
    Then every VNF instance identifier is unique

  # Volume finds few generators that are broken; circumstances find many.
  @extended
  Scenario: Identifiers differ before and after a restart
    When the NFVO asks for 40 VNF instances "before the restart"
    And the VNFM is stopped and started again
    And the NFVO asks for 40 VNF instances "after the restart"
    Then every VNF instance identifier is unique

  @extended
  Scenario: Identifiers differ before and after the VNFM is killed while it creates
    When the NFVO asks for 40 VNF instances "before the kill"
    And the VNFM is killed while the NFVO asks for 200 more
    And the VNFM is started again
    And the NFVO asks for 200 VNF instances "after the kill"
    Then every VNF instance identifier is unique

  @extended
  Scenario: The identifier of a deleted VNF instance is not given again
    When the NFVO asks for 20 VNF instances "before the deletion"
    And the NFVO deletes every VNF instance
    And the NFVO asks for 20 VNF instances "after the deletion"
    Then every VNF instance identifier is unique

  @extended
  Scenario: VNFMs of the same make, started together, give different identifiers
    When three more VNFMs are started together, each with a state of its own
    And the NFVO asks each VNFM for 40 VNF instances
    Then every VNF instance identifier is unique

  @extended
  Scenario: A VNFM restored from a copy of its state does not repeat identifiers
    When the NFVO asks for 20 VNF instances "before the copy"
    And the VNFM is stopped, its state copied, and started again
    And the NFVO asks for 40 VNF instances "after the copy"
    And the VNFM is stopped, its state replaced by the copy, and started again
    And the NFVO asks for 40 VNF instances "after the restoration"
    Then every VNF instance identifier is unique

  @extended
  Scenario: Bursts over two VNFDs have different identifiers
    When the NFVO asks for 5 bursts of 40 VNF instances of both VNFDs
    Then every VNF instance identifier is unique

  @extended
  Scenario: Responses and notifications name the same identifiers
    When the NFVO asks for 40 VNF instances "with notifications"
    And a creation notification has arrived for each
    Then each notification names the identifier of its response
