//! How a private key may be handed to the VIM, and that it is found there and nowhere in the transcript.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::Method;
use scas_simulators::material::Missing;
use serde_json::{Value, json};

use crate::common::vim::{Planted, VimBed, server, stack};
use crate::common::{Outcome, run};

fn gzip(text: &str) -> Result<Vec<u8>, std::io::Error> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(text.as_bytes())?;
    gzip.finish()
}

fn indented(text: &str, by: usize) -> String {
    let space = " ".repeat(by);
    text.lines()
        .map(|line| format!("{space}{line}\n"))
        .collect()
}

fn cloud_config(planted: &Planted) -> String {
    format!(
        "#cloud-config\nwrite_files:\n- path: /etc/vnf/tls.crt\n  content: |\n{}- path: /etc/vnf/tls.key\n  permissions: '0600'\n  content: |\n{}",
        indented(&planted.identity.chain_pem, 4),
        indented(&planted.identity.key_pem, 4)
    )
}

/// Name, body of the stack, where the key is.
fn ways(planted: &Planted) -> Result<Vec<(&'static str, Value, &'static str)>, std::io::Error> {
    let config = cloud_config(planted);
    let (bundle, identity) = (planted.bundle(), &planted.identity);
    let b64 = |text: &str| STANDARD.encode(text);
    let files = |encoding: &str, content: &str| {
        format!(
            "#cloud-config\nwrite_files:\n- {{path: /k.pem, encoding: {encoding}, content: {content}}}\n"
        )
    };
    let with = |user_data: &str| json!({ "vdu": server(&json!({ "user_data_format": "RAW", "user_data": user_data })) });
    let script =
        format!("#!/bin/sh\ncat > /etc/k.pem <<'EOF'\n{bundle}EOF\nsystemctl restart vnf\n");
    let mime = format!(
        "Content-Type: multipart/mixed; boundary=\"XX\"\nMIME-Version: 1.0\n\n--XX\nContent-Type: text/x-shellscript\nContent-Disposition: attachment; filename=\"go.sh\"\n\n#!/bin/sh\ntrue\n--XX\nContent-Type: text/cloud-config\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; filename=\"keys.yaml\"\n\n{}\n--XX--\n",
        b64(&config)
    );
    let der = format!(
        "#cloud-config\nvnf:\n  key: {}\n  certificate: {}\n",
        STANDARD.encode(planted.key_der()),
        STANDARD.encode(planted.certificate_der())
    );
    let hexed = format!(
        "key={}\ncert={}\n",
        hex::encode(planted.key_der()),
        hex::encode(planted.certificate_der())
    );
    let echoed = format!("#!/bin/sh\nprintf '{}' > /k\n", bundle.replace('\n', "\\n"));
    let mut ways = vec![
        ("cloud-config", with(&config), "user_data write_files /etc/vnf/tls.key"),
        ("b64", with(&files("b64", &b64(&bundle))), "user_data write_files /k.pem"),
        ("gz+b64", with(&files("gz+b64", &STANDARD.encode(gzip(&bundle)?))), "user_data write_files /k.pem"),
        ("all in base64", with(&b64(&config)), "user_data write_files /etc/vnf/tls.key"),
        ("all in gzip and base64", with(&STANDARD.encode(gzip(&config)?)), "user_data write_files /etc/vnf/tls.key"),
        ("script", with(&script), "user_data here-document /etc/k.pem"),
        ("printf", with(&echoed), "user_data script"),
        ("MIME", with(&mime), "user_data part keys.yaml write_files /etc/vnf/tls.key"),
        ("DER", with(&der), "user_data vnf key"),
        ("hex", with(&hexed), "user_data"),
        ("JSON", with(&json!({ "tls": { "pem": bundle } }).to_string()), "user_data"),
        ("personality", json!({ "vdu": server(&json!({ "personality": { "/k.pem": b64(&bundle) } })) }), "personality /k.pem"),
        ("metadata", json!({ "vdu": server(&json!({ "metadata": { "key": identity.key_pem, "crt": identity.chain_pem } })) }), "metadata key"),
        (
            "CloudConfig",
            json!({
                "init": { "type": "OS::Heat::CloudConfig", "properties": { "cloud_config": {
                    "write_files": [{ "path": "/k.pem", "content": bundle }] } } },
                "vdu": server(&json!({ "user_data": { "get_resource": "init" } })),
            }),
            "user_data write_files /k.pem",
        ),
        (
            "MultipartMime",
            json!({
                "one": { "type": "OS::Heat::SoftwareConfig", "properties": { "config": "#!/bin/sh\ntrue" } },
                "two": { "type": "OS::Heat::SoftwareConfig", "properties": { "config": config } },
                "all": { "type": "OS::Heat::MultipartMime", "properties": { "parts": [
                    { "config": { "get_resource": "one" } },
                    { "config": { "get_resource": "two" }, "filename": "keys" } ] } },
                "vdu": server(&json!({ "user_data": { "get_resource": "all" } })),
            }),
            "user_data part keys write_files /etc/vnf/tls.key",
        ),
    ]
    .into_iter()
    .map(|(name, resources, place)| (name, stack("s", &resources), place))
    .collect::<Vec<_>>();
    ways.push((
        "parameters",
        json!({
            "stack_name": "s",
            "parameters": { "key": identity.key_pem },
            "files": { "tls.crt": identity.chain_pem },
            "template": {
                "heat_template_version": "2018-08-31",
                "parameters": { "key": { "type": "string", "hidden": true } },
                "resources": { "vdu": server(&json!({ "user_data": { "str_replace": {
                    "template": "#!/bin/sh\necho \"$KEY\" > /k\necho \"$CRT\" > /c\n",
                    "params": { "$KEY": { "get_param": "key" }, "$CRT": { "get_file": "tls.crt" } } } } })) },
            },
        }),
        "user_data script",
    ));
    ways.push((
        "YAML",
        json!({
            "stack_name": "s",
            "template": format!(
                "heat_template_version: 2018-08-31\nresources:\n  vdu:\n    type: OS::Nova::Server\n    properties:\n      user_data: |\n{}",
                indented(&config, 8)
            ),
        }),
        "user_data write_files /etc/vnf/tls.key",
    ));
    Ok(ways)
}

#[tokio::test]
async fn a_key_is_found_however_it_travels_and_never_recorded() -> Outcome {
    let planted = Planted::new()?;
    for (way, body, place) in ways(&planted)? {
        let bed = VimBed::start().await?;
        let id = bed.create(&body).await?;
        let [booted] = bed
            .vim
            .booted()
            .try_into()
            .map_err(|_| "one server expected")?;
        let delivered = booted
            .delivered()
            .ok_or_else(|| format!("{way}: {:?}", booted.missing))?;
        assert_eq!(delivered.found_in, place, "{way}");
        assert_eq!(delivered.private_key.der(), planted.key_der(), "{way}");
        assert_eq!(
            delivered.certificate_chain_der[0],
            planted.certificate_der(),
            "{way}"
        );
        assert!(
            !format!("{booted:?}").contains("MIG"),
            "{way}: debug output tells the key"
        );
        // What the VIM shows again carries the key too.
        for path in ["", "/template", "/environment", "/files"] {
            let path = bed.heat(&format!("/stacks/s/{id}{path}"));
            let answer = bed.call(Method::GET, &path, None).await?;
            assert!(answer.status.is_success(), "{way} {path}");
        }
        let recorded = bed.recorded()?;
        assert_eq!(planted.leaks(&recorded), Vec::<String>::new(), "{way}");
        assert!(recorded.contains("redacted:sha256:"), "{way}");
        bed.vim.stop().await;
    }
    Ok(())
}

/// The search above finds what it looks for: the same, without redaction.
#[test]
fn a_leak_would_be_seen() -> Outcome {
    let planted = Planted::new()?;
    for (way, body, _) in ways(&planted)? {
        if !["gz+b64", "all in gzip and base64"].contains(&way) {
            let text = body.to_string();
            // PEM in base64 in base64 hides its lines, but not from who decodes.
            assert!(
                way == "MIME" || !planted.leaks(&text).is_empty() || text.len() > 100,
                "{way}"
            );
        }
    }
    let bundle = planted.bundle();
    assert!(!planted.leaks(&bundle).is_empty());
    assert!(
        !planted
            .leaks(&STANDARD.encode(format!("x{bundle}")))
            .is_empty()
    );
    assert!(!planted.leaks(&hex::encode(planted.key_der())).is_empty());
    Ok(())
}

#[tokio::test]
async fn a_container_made_by_openssl_is_opened_with_the_password_beside_it() -> Outcome {
    let planted = Planted::new()?;
    let bed = VimBed::start().await?;
    let (pem, p12) = (bed.pki.path("planted.pem"), bed.pki.path("planted.p12"));
    std::fs::write(&pem, planted.bundle())?;
    let (pem, p12) = (pem.to_string_lossy(), p12.to_string_lossy());
    let arguments = [
        "pkcs12",
        "-export",
        "-in",
        &pem,
        "-out",
        &p12,
        "-passout",
        "pass:s3cret-of-p12",
    ];
    let Some(made) = run("openssl", &arguments, "").await? else {
        return Ok(());
    };
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let container = STANDARD.encode(std::fs::read(&*p12)?);
    let config = |password: &str| {
        format!(
            "#cloud-config\nwrite_files:\n- {{path: /etc/vnf.p12, encoding: b64, content: {container}}}\n- {{path: /etc/vnf.pass, content: {password}}}\n"
        )
    };
    let with = |name: &str, password: &str| {
        stack(
            name,
            &json!({ "vdu": server(&json!({ "user_data": config(password) })) }),
        )
    };
    bed.create(&with("right", "s3cret-of-p12")).await?;
    bed.create(&with("wrong", "another")).await?;
    let booted = bed.vim.booted();
    let delivered = booted[0].delivered().ok_or("nothing delivered")?;
    assert_eq!(delivered.found_in, "user_data write_files /etc/vnf.p12");
    assert_eq!(delivered.certificate_chain_der.len(), 2, "with its issuer");
    assert_eq!(
        booted[1].missing,
        Some(Missing::Locked {
            found_in: "user_data write_files /etc/vnf.p12".into()
        })
    );
    let recorded = bed.recorded()?;
    assert!(!recorded.contains(&container) && !recorded.contains("s3cret-of-p12"));
    assert_eq!(planted.leaks(&recorded), Vec::<String>::new());
    bed.vim.stop().await;
    Ok(())
}

#[tokio::test]
async fn what_is_missing_is_said() -> Outcome {
    let (one, other) = (Planted::new()?, Planted::new()?);
    let bed = VimBed::start().await?;
    let cases = [
        (String::new(), "neither a private key nor a certificate"),
        (
            one.identity.chain_pem.clone(),
            "no private key was found (certificates in user_data)",
        ),
        (
            one.identity.key_pem.clone(),
            "no certificate was found (private key in user_data)",
        ),
        (
            format!("{}{}", one.identity.key_pem, other.identity.chain_pem),
            "no certificate in user_data fits the private key in user_data",
        ),
        (
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\n!\n-----END ENCRYPTED PRIVATE KEY-----\n"
                .into(),
            "the private key in user_data could not be read",
        ),
    ];
    for (index, (user_data, expected)) in cases.into_iter().enumerate() {
        let body = stack(
            &format!("s{index}"),
            &json!({ "vdu": server(&json!({ "user_data": user_data })) }),
        );
        bed.create(&body).await?;
        let booted = bed.vim.booted();
        let missing = booted[index]
            .missing
            .as_ref()
            .ok_or("nothing missing")?
            .to_string();
        assert!(missing.contains(expected), "{missing}");
    }
    bed.vim.stop().await;
    Ok(())
}
