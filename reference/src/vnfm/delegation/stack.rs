//! What the VIM is ordered: one stack for a VNF instance, one server for each VNFC. Main function: [`order`].

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

use super::identity::Vnfc;
use crate::custodian::protocol::pem_in_base64;

/// The body of `POST /stacks`, with markers where the custodian puts the private keys. What a server is given goes through
/// hidden parameters, so that Heat shows it to nobody who looks at the template.
pub(crate) fn order(name: &str, vnfcs: &[Vnfc], oam_address: &str) -> Value {
    let (mut definitions, mut values, mut resources) = (Map::new(), Map::new(), Map::new());
    for (index, vnfc) in vnfcs.iter().enumerate() {
        let parameter = format!("user_data_{index}");
        let definition = json!({ "type": "string", "hidden": true });
        definitions.insert(parameter.clone(), definition);
        values.insert(parameter.clone(), user_data(vnfc, oam_address).into());
        let server = json!({
            "type": "OS::Nova::Server",
            "properties": {
                "name": format!("vnfc-{}", vnfc.id),
                "image": "vnfc",
                "flavor": "vnfc",
                "user_data_format": "RAW",
                "user_data": { "get_param": parameter },
                "metadata": { "vnfcInstanceId": vnfc.id },
            },
        });
        resources.insert(resource_name(index), server);
    }
    json!({
        "stack_name": name,
        "disable_rollback": true,
        "parameters": values,
        "template": {
            "heat_template_version": "2018-08-31",
            "description": "A VNF instance in delegation mode",
            "parameters": definitions,
            "resources": resources,
        },
    })
}

/// How the server of a VNFC is called inside the stack.
pub(crate) fn resource_name(index: usize) -> String {
    format!("vnfc-{index}")
}

/// Cloud-config for one VNFC: certificates with their chains and keys, and where the VNF OAM endpoint is.
fn user_data(vnfc: &Vnfc, oam_address: &str) -> String {
    let mut text = String::from("#cloud-config\nwrite_files:\n");
    let mut file = |path: &str, mode: &str, base64: &str| {
        text += &format!(
            "- path: {path}\n  permissions: '{mode}'\n  encoding: b64\n  content: {base64}\n"
        );
    };
    for enrolled in &vnfc.certificates {
        let label = enrolled.certificate_type.label();
        let key = pem_in_base64(&vnfc.key_id(enrolled.certificate_type));
        file(&format!("/etc/vnfc/{label}.key"), "0600", &key);
        let chain = BASE64_STANDARD.encode(enrolled.pem());
        file(&format!("/etc/vnfc/{label}.crt"), "0644", &chain);
    }
    let oam = json!({ "vnfcInstanceId": vnfc.id, "oam": oam_address }).to_string();
    file("/etc/vnfc/oam.json", "0644", &BASE64_STANDARD.encode(oam));
    text
}
