//! OpenStack's own command line as a judge of the simulated VIM: python-openstackclient with python-heatclient.
//!
//! Installed by `.ci/run` under `target/openstack-venv`; `SCAS_OPENSTACK` may name another `openstack` program.

use std::path::PathBuf;

use serde_json::Value;

use crate::common::vim::{PASSWORD, Planted, VimBed};
use crate::common::{Outcome, run};

fn program() -> String {
    std::env::var("SCAS_OPENSTACK").unwrap_or_else(|_| {
        let venv = "../target/openstack-venv/bin/openstack";
        let here = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(venv);
        match here.exists() {
            true => here.to_string_lossy().into_owned(),
            false => "openstack".into(),
        }
    })
}

/// Runs `openstack` as the user of the bed; `None` if it is not installed.
async fn openstack(
    bed: &VimBed,
    arguments: &[&str],
) -> Result<Option<String>, Box<dyn std::error::Error>> {
    let path = |name: &str| bed.pki.path(name).to_string_lossy().into_owned();
    let options = [
        ("--os-auth-url", bed.vim.auth_url()),
        ("--os-username", "vnfm".into()),
        ("--os-password", PASSWORD.into()),
        ("--os-project-name", "nfv".into()),
        ("--os-user-domain-name", "Default".into()),
        ("--os-project-domain-name", "Default".into()),
        ("--os-cacert", path("ca.pem")),
        ("--os-cert", path("client.pem")),
        ("--os-key", path("client.key")),
    ];
    let mut all: Vec<&str> = Vec::new();
    for (name, value) in &options {
        all.extend([*name, value.as_str()]);
    }
    all.extend(arguments);
    let Some(output) = run(&program(), &all, "").await? else {
        return Ok(None);
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openstack {arguments:?}: {errors}");
    Ok(Some(String::from_utf8(output.stdout)?))
}

#[tokio::test]
async fn openstack_creates_lists_shows_and_deletes_a_stack() -> Outcome {
    let planted = Planted::new()?;
    let bed = VimBed::start().await?;
    let (template, user_data) = (bed.pki.path("stack.yaml"), bed.pki.path("init.yaml"));
    std::fs::write(
        &template,
        "heat_template_version: 2018-08-31\n\
         description: one VNFC\n\
         parameters:\n  key: {type: string, hidden: true}\n\
         resources:\n  \
           vdu:\n    type: OS::Nova::Server\n    properties:\n      name: vnfc-0\n      image: debian\n      flavor: m1.tiny\n      \
               user_data_format: RAW\n      \
               user_data:\n        str_replace:\n          template: {get_file: init.yaml}\n          \
                   params: {__KEY__: {get_param: key}}\n\
         outputs:\n  server: {value: {get_resource: vdu}}\n",
    )?;
    let encoded = |text: &str| {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(text)
    };
    std::fs::write(
        &user_data,
        format!(
            "#cloud-config\nwrite_files:\n- {{path: /etc/vnf/tls.crt, encoding: b64, content: {}}}\n\
             - {{path: /etc/vnf/tls.key, encoding: b64, content: __KEY__}}\n",
            encoded(&planted.identity.chain_pem)
        ),
    )?;
    let template = template.to_string_lossy();
    let key = format!("key={}", encoded(&planted.identity.key_pem));
    let create = [
        "stack",
        "create",
        "-f",
        "json",
        "--wait",
        "--poll",
        "0",
        "-t",
        &template,
        "--parameter",
        &key,
        "vnf",
    ];
    let Some(created) = openstack(&bed, &create).await? else {
        return Ok(());
    };
    // With --wait it tells of the events before.
    let created: Value = serde_json::from_str(&created[created.find('{').ok_or("no JSON")?..])?;
    assert_eq!(created["stack_status"], "CREATE_COMPLETE");
    let [booted] = bed
        .vim
        .booted()
        .try_into()
        .map_err(|_| "one server expected")?;
    let delivered = booted.delivered().ok_or("nothing delivered")?;
    assert_eq!(delivered.found_in, "user_data write_files /etc/vnf/tls.key");
    assert_eq!(delivered.private_key.der(), planted.key_der());

    for (arguments, expected) in [
        (&["stack", "list", "-f", "json"][..], "CREATE_COMPLETE"),
        (&["stack", "show", "vnf", "-f", "json"], "one VNFC"),
        (
            &["stack", "resource", "list", "-n", "2", "vnf", "-f", "json"],
            "OS::Nova::Server",
        ),
        (
            &["stack", "resource", "show", "vnf", "vdu", "-f", "json"],
            "OS::Nova::Server",
        ),
        (&["stack", "event", "list", "vnf"], "CREATE_COMPLETE"),
        (
            &["stack", "output", "show", "vnf", "server", "-f", "json"],
            booted.server_id.as_str(),
        ),
        (
            &["stack", "template", "show", "vnf"],
            "heat_template_version",
        ),
        (
            &["server", "show", "vnfc-0", "-f", "json"],
            booted.server_id.as_str(),
        ),
        (
            &["server", "show", booted.server_id.as_str(), "-f", "json"],
            "vnfc-0",
        ),
        (&["server", "list", "-f", "json", "-n"], "vnfc-0"),
        (&["token", "issue", "-f", "json"], bed.vim.project_id()),
        (&["catalog", "list"], "orchestration"),
    ] {
        let said = openstack(&bed, arguments).await?.unwrap_or_default();
        assert!(said.contains(expected), "openstack {arguments:?}: {said}");
    }

    openstack(&bed, &["stack", "delete", "--yes", "vnf"]).await?;
    bed.vim.finish_stacks();
    let left = openstack(&bed, &["stack", "list", "-f", "json"])
        .await?
        .unwrap_or_default();
    assert_eq!(left.trim(), "[]");
    let recorded = bed.recorded()?;
    assert_eq!(planted.leaks(&recorded), Vec::<String>::new());
    assert!(!recorded.contains(&key[4..]) && !recorded.contains(PASSWORD));
    bed.vim.stop().await;
    Ok(())
}
