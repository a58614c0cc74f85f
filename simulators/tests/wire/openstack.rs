//! OpenStack's own command line as a judge of the simulated VIM: python-openstackclient with python-heatclient.
//!
//! Installed by `.ci/run` under `target/openstack-venv`; `SCAS_OPENSTACK` may name another `openstack` program.

use std::path::PathBuf;

use scas_simulators::vim::Progress;
use serde_json::Value;

use crate::common::vim::{PASSWORD, Planted, VimBed};
use crate::common::{Outcome, run_with};

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

/// Runs `openstack` as the user of the bed: one command, or those of a session. `None` if it is not installed.
async fn openstack(
    bed: &VimBed,
    arguments: &[&str],
    session: &str,
) -> Result<Option<String>, Box<dyn std::error::Error>> {
    let path = |name: &str| bed.pki.path(name).to_string_lossy().into_owned();
    let environment = [
        ("OS_AUTH_URL", bed.vim.auth_url()),
        ("OS_USERNAME", "vnfm".into()),
        ("OS_PASSWORD", PASSWORD.into()),
        ("OS_PROJECT_NAME", "nfv".into()),
        ("OS_USER_DOMAIN_NAME", "Default".into()),
        ("OS_PROJECT_DOMAIN_NAME", "Default".into()),
        ("OS_IDENTITY_API_VERSION", "3".into()),
        ("OS_CACERT", path("ca.pem")),
        ("OS_CERT", path("client.pem")),
        ("OS_KEY", path("client.key")),
    ];
    let Some(output) = run_with(&program(), arguments, &environment, session).await? else {
        return Ok(None);
    };
    let said = String::from_utf8(output.stdout)?;
    let errors = String::from_utf8_lossy(&output.stderr);
    // A session ends with status 1 when its input ends; that a command of it failed is told on standard error.
    let failed = match session {
        "" => !output.status.success(),
        _ => !errors.trim().is_empty(),
    };
    assert!(
        !failed,
        "openstack {arguments:?} {session}: {}: {said}{errors}",
        output.status
    );
    Ok(Some(said))
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
    let Some(created) = openstack(&bed, &create, "").await? else {
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

    let shows = [
        ("stack list", "| CREATE_COMPLETE |"),
        ("stack show vnf", "one VNFC"),
        ("stack resource list -n 2 vnf", "| OS::Nova::Server |"),
        ("stack resource show vnf vdu", "logical_resource_id"),
        (
            "stack event list vnf",
            "Stack CREATE completed successfully",
        ),
        ("stack output show vnf server", "output_value"),
        ("stack template show vnf", "heat_template_version"),
        ("server show vnfc-0", "m1.tiny"),
        ("server list -n", "| vnfc-0 | ACTIVE |"),
        ("token issue", "expires"),
        ("catalog list", "orchestration"),
        ("orchestration build info", "simulated"),
    ];
    let commands: Vec<_> = shows.iter().map(|(command, _)| *command).collect();
    let said = openstack(&bed, &[], &format!("{}\n", commands.join("\n"))).await?;
    let said = said.unwrap_or_default();
    for (command, expected) in shows {
        assert!(said.contains(expected), "{command}: {said}");
    }
    assert!(said.contains(&booted.server_id));

    bed.vim.set_progress(Progress::Polls(0));
    let said = openstack(&bed, &[], "stack delete --yes vnf\nstack list -f value\n").await?;
    assert_eq!(said.unwrap_or_default().trim(), "");
    assert_eq!(
        bed.status("vnf", &booted.stack_id).await?,
        "DELETE_COMPLETE"
    );
    let recorded = bed.recorded()?;
    assert_eq!(planted.leaks(&recorded), Vec::<String>::new());
    assert!(!recorded.contains(&key[4..]) && !recorded.contains(PASSWORD));
    bed.vim.stop().await;
    Ok(())
}
