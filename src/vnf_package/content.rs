//! The files of the package, before manifest and signatures. Each of the VNFD has the word [`MARK`] where a byte
//! can be changed without another effect: such a change is seen by who verifies signatures, and by nobody else.

use super::archive::Data;
use super::{PRODUCT_NAME, PROVIDER, SOFTWARE_VERSION, VNFD_VERSION};

/// Stands in a comment, a description or a free text of each file of the VNFD.
pub(super) const MARK: &str = "original";
/// The main definition: the first file of the VNFD archive.
pub(super) const MAIN: &str = "Definitions/vnfd.yaml";
/// The deployment flavour, which the main definition imports: a middle file.
pub(super) const FLAVOUR: &str = "Definitions/vnfd_df_simple.yaml";
/// The types, which the main definition imports: a middle file.
pub(super) const TYPES: &str = "Definitions/vnfd_types.yaml";
/// The package's own metadata: the last file.
pub(super) const TOSCA_META: &str = "TOSCA-Metadata/TOSCA.meta";
/// The manifest, called like the main definition.
pub(super) const MANIFEST: &str = "vnfd.mf";
/// The certificate that counts for every signature without one of its own.
pub(super) const CERTIFICATE: &str = "vnfd.cert";

/// One file of the package.
#[derive(Clone)]
pub(super) struct File {
    pub(super) path: String,
    pub(super) data: Data,
    /// Whether the VNFD archive has it too.
    pub(super) in_vnfd: bool,
}

impl File {
    pub(super) fn of_vnfd(path: &str, data: Data) -> Self {
        Self {
            path: path.to_owned(),
            data,
            in_vnfd: true,
        }
    }

    pub(super) fn of_package(path: &str, data: Data) -> Self {
        Self {
            path: path.to_owned(),
            data,
            in_vnfd: false,
        }
    }
}

/// Whether the package has a file of this name, or of this folder, whatever else is put into it.
pub(super) fn is_own(path: &str) -> bool {
    let folders = ["Definitions/", "TOSCA-Metadata/"];
    let own = [MANIFEST, CERTIFICATE];
    own.contains(&path)
        || folders.iter().any(|folder| path.starts_with(folder))
        || files("").iter().any(|file| file.path == path)
}

/// All files, in the order of their paths.
pub(super) fn files(vnfd_id: &str) -> Vec<File> {
    let of_vnfd = |path, text: String| File::of_vnfd(path, text.into_bytes().into());
    let of_package = |path, text: &str| File::of_package(path, text.as_bytes().to_vec().into());
    vec![
        of_package(
            "Artifacts/image.raw",
            "A software image that nobody boots.\n",
        ),
        of_package("ChangeLog.txt", "1.0 first version\n"),
        of_vnfd(MAIN, main(vnfd_id)),
        of_vnfd(FLAVOUR, flavour()),
        of_vnfd(TYPES, types()),
        of_package("Licenses/LICENSE.txt", "Apache-2.0\n"),
        of_vnfd(TOSCA_META, tosca_meta(true)),
    ]
}

fn main(vnfd_id: &str) -> String {
    format!(
        "tosca_definitions_version: tosca_simple_yaml_1_2
description: A VNF with one VDU, {MARK}.
imports:
  - vnfd_types.yaml
  - vnfd_df_simple.yaml
topology_template:
  inputs:
    selected_flavour:
      type: string
      default: simple
  node_templates:
    VNF:
      type: scas.Vnf
      properties:
        descriptor_id: '{vnfd_id}'
        descriptor_version: '{VNFD_VERSION}'
        provider: {PROVIDER}
        product_name: {PRODUCT_NAME}
        software_version: '{SOFTWARE_VERSION}'
        product_info_name: {PRODUCT_NAME}
        vnfm_info:
          - any
        flavour_id: simple
        flavour_description: The one flavour.
"
    )
}

fn flavour() -> String {
    format!(
        "tosca_definitions_version: tosca_simple_yaml_1_2
description: The deployment flavour simple, {MARK}.
imports:
  - vnfd_types.yaml
topology_template:
  substitution_mappings:
    node_type: scas.Vnf
    properties:
      flavour_id: simple
  node_templates:
    vdu:
      type: tosca.nodes.nfv.Vdu.Compute
      properties:
        name: vdu
        description: The one VDU.
        vdu_profile:
          min_number_of_instances: 1
          max_number_of_instances: 1
      capabilities:
        virtual_compute:
          properties:
            virtual_cpu:
              num_virtual_cpu: 1
            virtual_memory:
              virtual_mem_size: 512 MiB
  policies:
    - instantiation_levels:
        type: tosca.policies.nfv.InstantiationLevels
        properties:
          levels:
            one:
              description: One VNFC.
          default_level: one
    - vdu_instantiation_levels:
        type: tosca.policies.nfv.VduInstantiationLevels
        properties:
          levels:
            one:
              number_of_instances: 1
        targets: [vdu]
"
    )
}

fn types() -> String {
    format!(
        "tosca_definitions_version: tosca_simple_yaml_1_2
description: The node types of this VNF, {MARK}.
node_types:
  scas.Vnf:
    derived_from: tosca.nodes.nfv.VNF
    properties:
      descriptor_id:
        type: string
      descriptor_version:
        type: string
      provider:
        type: string
      product_name:
        type: string
      software_version:
        type: string
"
    )
}

/// The package's metadata; in option 2 the certificate lies outside, and is not named.
pub(super) fn tosca_meta(with_certificate: bool) -> String {
    let certificate = format!("ETSI-Entry-Certificate: {CERTIFICATE}\n");
    let certificate = if with_certificate {
        certificate
    } else {
        String::new()
    };
    format!(
        "TOSCA-Meta-File-Version: 1.0
CSAR-Version: 1.1
Created-By: scas ({MARK})
Entry-Definitions: {MAIN}
ETSI-Entry-Manifest: {MANIFEST}
ETSI-Entry-Change-Log: ChangeLog.txt
ETSI-Entry-Licenses: Licenses
{certificate}"
    )
}
