//! The simulated VIM as a VNFM meets it: Keystone, Heat, Nova, and what goes wrong there.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::{Method, StatusCode};
use scas_simulators::fault::{Fault, Times};
use scas_simulators::material::Missing;
use scas_simulators::tls::ServerSecurity;
use scas_simulators::vim::{Progress, VimFault};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::common::vim::{PASSWORD, Planted, SECRET, VimBed, parsed, password, server, stack};
use crate::common::{Outcome, PATIENCE, curl};

fn one_server() -> Value {
    stack("s", &json!({ "vdu": server(&json!({})) }))
}

#[tokio::test]
async fn tokens_are_given_shown_and_revoked() -> Outcome {
    let bed = VimBed::start().await?;
    let tokens = "/identity/v3/auth/tokens";
    let wrong = bed
        .call(Method::POST, tokens, Some(&password("guess")))
        .await?;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert_eq!(parsed(&wrong)["error"]["title"], "Unauthorized");
    let answer = bed
        .call(Method::POST, tokens, Some(&password(PASSWORD)))
        .await?;
    let shown = parsed(&answer);
    let types: Vec<_> = shown["token"]["catalog"]
        .as_array()
        .ok_or("no catalog")?
        .iter()
        .map(|service| service["type"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(types, ["identity", "orchestration", "compute"]);
    let application = json!({ "auth": { "identity": { "methods": ["application_credential"],
        "application_credential": { "id": "app-1", "secret": SECRET } } } });
    let second = bed.authenticate(&application).await?;
    assert_ne!(second, bed.token);

    let list = bed.heat("/stacks");
    assert_eq!(
        bed.call(Method::GET, &list, None).await?.status,
        StatusCode::OK
    );
    bed.vim.expire_tokens();
    let expired = bed.call(Method::GET, &list, None).await?;
    assert_eq!(expired.status, StatusCode::UNAUTHORIZED);
    assert!(expired.headers.contains_key("www-authenticate"));

    let recorded = bed.recorded()?;
    for secret in [PASSWORD, SECRET, &second] {
        assert!(
            !recorded.contains(secret),
            "a credential is in the transcript"
        );
    }
    bed.vim.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_stack_comes_up_is_shown_changed_and_deleted() -> Outcome {
    let bed = VimBed::start().await?;
    let id = bed.create(&one_server()).await?;
    let booted = timeout(PATIENCE, bed.vim.wait_booted(1)).await?;
    assert_eq!(
        (booted[0].name.as_str(), booted[0].resource.as_str()),
        ("vnfc-0", "vdu")
    );
    assert_eq!(bed.status("s", &id).await?, "CREATE_IN_PROGRESS");
    assert_eq!(bed.status("s", &id).await?, "CREATE_COMPLETE");

    let found = bed.call(Method::GET, &bed.heat("/stacks/s"), None).await?;
    assert_eq!(found.status, StatusCode::FOUND);
    let location = found.headers["location"].to_str()?;
    assert!(location.ends_with(&format!("/stacks/s/{id}")), "{location}");
    let again = bed
        .call(Method::POST, &bed.heat("/stacks"), Some(&one_server()))
        .await?;
    assert_eq!(again.status, StatusCode::CONFLICT);

    let path = bed.heat(&format!("/stacks/s/{id}"));
    let resources = bed
        .call(Method::GET, &format!("{path}/resources"), None)
        .await?;
    let server_id = parsed(&resources)["resources"][0]["physical_resource_id"].clone();
    assert_eq!(server_id, booted[0].server_id.as_str());
    let nova = format!("/compute/v2.1/servers/{}", booted[0].server_id);
    let shown = parsed(&bed.call(Method::GET, &nova, None).await?);
    assert_eq!(shown["server"]["status"], "ACTIVE");

    // The same again changes nothing; other user_data is another server.
    for (user_data, servers) in [(None, 1), (Some("#!/bin/sh"), 2)] {
        let properties = user_data.map_or(json!({}), |text| json!({ "user_data": text }));
        let body = stack("s", &json!({ "vdu": server(&properties) }));
        let updated = bed.call(Method::PUT, &path, Some(&body)).await?;
        assert_eq!(updated.status, StatusCode::ACCEPTED, "{:?}", updated.body);
        assert_eq!(bed.vim.booted().len(), servers);
        bed.vim.finish_stacks();
    }
    assert_eq!(bed.status("s", &id).await?, "UPDATE_COMPLETE");

    let deleted = bed.call(Method::DELETE, &path, None).await?;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    assert_eq!(bed.status("s", &id).await?, "DELETE_IN_PROGRESS");
    assert_eq!(bed.status("s", &id).await?, "DELETE_COMPLETE");
    let gone = bed.call(Method::GET, &bed.heat("/stacks/s"), None).await?;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    assert_eq!(parsed(&gone)["error"]["type"], "EntityNotFound");
    let server = bed.call(Method::GET, &nova, None).await?;
    assert_eq!(server.status, StatusCode::NOT_FOUND);
    bed.vim.stop().await;
    Ok(())
}

#[tokio::test]
async fn groups_and_nested_templates_are_unfolded() -> Outcome {
    let planted = Planted::new()?;
    let bed = VimBed::start().await?;
    let nested = json!({
        "heat_template_version": "2018-08-31",
        "parameters": { "pem": { "type": "string" }, "name": { "type": "string" } },
        "resources": { "vdu": { "type": "OS::Nova::Server", "properties": {
            "name": { "get_param": "name" }, "user_data": { "get_param": "pem" } } } },
    });
    let mut body = stack(
        "s",
        &json!({
            "group": { "type": "OS::Heat::ResourceGroup", "properties": { "count": 20, "resource_def": {
                "type": "vdu.yaml", "properties": { "name": "vnfc-%index%", "pem": planted.bundle() } } } },
        }),
    );
    body["files"] = json!({ "vdu.yaml": nested.to_string() });
    let id = bed.create(&body).await?;
    let booted = bed.vim.booted();
    assert_eq!(booted.len(), 20);
    assert_eq!(
        (booted[19].name.as_str(), booted[19].resource.as_str()),
        ("vnfc-19", "group/19/vdu")
    );
    assert!(booted.iter().all(|server| server.delivered().is_some()));
    for (depth, count) in [("", 1), ("?nested_depth=1", 21), ("?nested_depth=2", 41)] {
        let path = bed.heat(&format!("/stacks/s/{id}/resources{depth}"));
        let resources = parsed(&bed.call(Method::GET, &path, None).await?);
        assert_eq!(
            resources["resources"].as_array().map(Vec::len),
            Some(count),
            "{depth}"
        );
    }
    assert_eq!(planted.leaks(&bed.recorded()?), Vec::<String>::new());
    bed.vim.stop().await;
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_with_the_reason() -> Outcome {
    let bed = VimBed::start().await?;
    let template = |value: Value| json!({ "stack_name": "s", "template": value });
    let hot = |rest: Value| {
        let mut template = json!({ "heat_template_version": "2018-08-31" });
        if let (Some(template), Some(rest)) = (template.as_object_mut(), rest.as_object()) {
            template.extend(rest.clone());
        }
        template
    };
    let long = hot(json!({ "description": "x".repeat(600 * 1024) }));
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n";
    for (body, reason) in [
        ("{".to_owned(), "not JSON"),
        ("[]".to_owned(), "not a JSON object"),
        (json!({ "stack_name": "s" }).to_string(), "No template"),
        (template("a: [".into()).to_string(), "not YAML"),
        (template("just text".into()).to_string(), "not a JSON object or YAML mapping"),
        (template(bomb.into()).to_string(), "not YAML"),
        (template(json!({ "resources": {} })).to_string(), "heat_template_version"),
        (template(long).to_string(), "exceeds maximum allowed size"),
        (json!({ "stack_name": "1 2", "template": hot(json!({})) }).to_string(), "Invalid stack name"),
        (template(hot(json!({ "parameters": { "key": { "type": "string" } } }))).to_string(), "(key) was not provided"),
        (template(hot(json!({ "resources": { "a": { "type": "x.yaml" } } }))).to_string(), "x.yaml"),
        (template(hot(json!({ "resources": { "a": { "type": "OS::Nova::Server", "properties": { "user_data": { "get_file": "no" } } } } }))).to_string(), "get_file"),
        (json!({ "stack_name": "s", "template_url": "http://elsewhere/" }).to_string(), "fetches none"),
    ] {
        let answer = bed.call_with(Method::POST, &bed.heat("/stacks"), body).await?;
        let error = parsed(&answer)["error"].clone();
        assert_eq!((answer.status, &error["code"]), (StatusCode::BAD_REQUEST, &json!(400)), "{reason}");
        let message = error["message"].as_str().unwrap_or_default();
        assert!(message.contains(reason), "{message}");
    }
    assert!(bed.vim.booted().is_empty());
    let small = VimBed::with(|config| config.max_request_body = 1024).await?;
    let long = stack(
        "s",
        &json!({ "vdu": server(&json!({ "user_data": "x".repeat(2000) })) }),
    );
    let answer = small
        .call(Method::POST, &small.heat("/stacks"), Some(&long))
        .await?;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(parsed(&answer)["error"]["code"], 413);
    small.vim.stop().await;
    bed.vim.stop().await;
    Ok(())
}

#[tokio::test]
async fn it_fails_as_it_is_told_and_only_so_often() -> Outcome {
    let planted = Planted::new()?;
    let bed = VimBed::with(|config| config.progress = Progress::Polls(0)).await?;
    let with_key = |name: &str| {
        stack(
            name,
            &json!({ "vdu": server(&json!({ "user_data": planted.bundle() })) }),
        )
    };

    bed.vim.fault(VimFault::RefuseStack, Times::Once);
    let refused = bed
        .call(Method::POST, &bed.heat("/stacks"), Some(&with_key("a")))
        .await?;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(bed.vim.booted().is_empty());

    bed.vim.fault(VimFault::BootWithoutKey, Times::Once);
    bed.create(&with_key("a")).await?;
    assert_eq!(bed.vim.booted()[0].missing, Some(Missing::Fault));

    bed.vim.fault(VimFault::CreateFailed, Times::Once);
    let id = bed.create(&with_key("b")).await?;
    assert_eq!(bed.status("b", &id).await?, "CREATE_FAILED");
    assert!(bed.vim.booted()[1].delivered().is_some());

    bed.vim.fault(VimFault::NoBoot, Times::Once);
    let id = bed.create(&with_key("c")).await?;
    assert_eq!(
        (bed.status("c", &id).await?.as_str(), bed.vim.booted().len()),
        ("CREATE_COMPLETE", 2)
    );

    bed.vim.fault(VimFault::DeleteFailed, Times::Once);
    bed.call(Method::DELETE, &bed.heat(&format!("/stacks/c/{id}")), None)
        .await?;
    assert_eq!(bed.status("c", &id).await?, "DELETE_FAILED");

    bed.vim.fault(VimFault::NeverComplete, Times::Once);
    let id = bed.create(&with_key("d")).await?;
    for _ in 0..5 {
        assert_eq!(bed.status("d", &id).await?, "CREATE_IN_PROGRESS");
    }
    bed.vim.finish_stacks();
    assert_eq!(bed.status("d", &id).await?, "CREATE_COMPLETE");

    let id = bed.create(&with_key("e")).await?;
    assert_eq!(bed.status("e", &id).await?, "CREATE_COMPLETE");
    assert_eq!(planted.leaks(&bed.recorded()?), Vec::<String>::new());
    bed.vim.stop().await;
    Ok(())
}

/// While it is held, the tester knows that the request is there, and still nothing of the key is kept.
#[tokio::test]
async fn a_stack_can_be_held_and_an_answer_cut_short_without_telling_the_key() -> Outcome {
    let planted = Planted::new()?;
    let bed = VimBed::start().await?;
    let body = stack(
        "s",
        &json!({ "vdu": server(&json!({ "user_data": planted.bundle() })) }),
    );
    let mut hold = bed.vim.control().hold("POST /heat/v1/{project}/stacks")?;
    let (created, held) = tokio::join!(bed.create(&body), async {
        let held = hold.arrived().await;
        assert!(bed.vim.booted().is_empty());
        hold.release();
        held
    });
    created?;
    assert_eq!(
        planted.leaks(&serde_json::to_string(&held)?),
        Vec::<String>::new()
    );
    assert!(held.body.redacted > 0);

    // Cut in the middle of a key that no label announces.
    let certificate = STANDARD.encode(planted.certificate_der());
    let key = STANDARD.encode(planted.key_der());
    let middle = format!(
        "{certificate} {key} {}",
        "z ".repeat(certificate.len() / 2 + 80)
    );
    let body = stack(
        "t",
        &json!({ "vdu": server(&json!({ "user_data": middle })) }),
    );
    let id = bed.create(&body).await?;
    assert!(bed.vim.booted()[1].delivered().is_some());
    let template = "GET /heat/v1/{project}/stacks/{name}/{id}/template";
    bed.vim
        .control()
        .fault(template, Fault::TruncatedBody, Times::Once)?;
    let path = bed.heat(&format!("/stacks/t/{id}/template"));
    let whole = body["template"].to_string();
    let half = &whole[..whole.len() / 2];
    assert!(half.contains(&key[..40]) && !half.contains(&key));
    assert!(bed.call(Method::GET, &path, None).await.is_err());
    let recorded = bed.recorded()?;
    assert!(
        !recorded.contains(&key[..40]),
        "half a key is in the transcript"
    );
    assert_eq!(planted.leaks(&recorded), Vec::<String>::new());
    bed.vim.stop().await;
    Ok(())
}

/// Most OpenStack clients show no certificate.
#[tokio::test]
async fn it_can_do_without_client_certificates() -> Outcome {
    let bed = VimBed::start().await?;
    let url = |bed: &VimBed| format!("https://{}/identity/v3", bed.vim.address());
    let Some(refused) = curl(&bed.pki, None, &[&url(&bed)]).await? else {
        return Ok(());
    };
    assert!(!refused.status.success());
    bed.vim.stop().await;
    let identity = bed.pki.server.clone();
    let open = scas_simulators::vim::VimConfig::new(
        ServerSecurity::ServerOnly { identity },
        scas_simulators::transcript::Transcript::new(),
        crate::common::vim::account(),
    );
    let vim = scas_simulators::vim::Vim::start(open).await?;
    let url = format!("https://{}/identity/v3", vim.address());
    if let Some(output) = curl(&bed.pki, None, &[&url]).await? {
        assert!(String::from_utf8_lossy(&output.stdout).contains("v3.14"));
    }
    vim.stop().await;
    Ok(())
}
