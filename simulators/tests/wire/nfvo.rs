//! The NFVO's APIs as a VNFM meets them.

use std::error::Error;
use std::io::{Cursor, Read as _, Write as _};
use std::num::NonZeroUsize;

use crate::common::{Bed, Outcome, PATIENCE, call, curl, package};
use bytes::Bytes;
use hyper::Method;
use scas_simulators::client::Answer;
use scas_simulators::nfvo::{OAuth2, OperationalState, SecurityOption};
use serde_json::{Value, json};
use tokio::time::timeout;

const PACKAGES: &str = "/vnfpkgm/v2/vnf_packages";
const ONBOARDED: &str = "/vnfpkgm/v2/onboarded_vnf_packages";

fn json_of(answer: &Answer) -> Result<Value, serde_json::Error> {
    serde_json::from_slice(&answer.body)
}

#[tokio::test]
async fn packages_are_found_by_either_id() -> Outcome {
    let bed = Bed::start().await?;
    let info = json_of(&bed.get(&format!("{ONBOARDED}/vnfd-1")).await?)?;
    assert_eq!(
        info,
        json_of(&bed.get(&format!("{PACKAGES}/pkg-vnfd-1")).await?)?
    );
    assert_eq!(info["vnfdId"], "vnfd-1");
    assert_eq!(info["packageSecurityOption"], "OPTION_1");
    assert_eq!(
        (&info["onboardingState"], &info["operationalState"]),
        (&json!("ONBOARDED"), &json!("ENABLED"))
    );
    assert_eq!(info["vnfmInfo"], json!(["0:one"]));
    // SHA-256 of "0123456789", by coreutils.
    let digest = "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882";
    assert_eq!(
        info["checksum"],
        json!({ "algorithm": "SHA-256", "hash": digest })
    );
    for link in ["self", "vnfd", "packageContent"] {
        let href = info["_links"][link]["href"].as_str().ok_or(link)?;
        let path = href
            .strip_prefix(bed.nfvo.api_root())
            .ok_or("a link leads elsewhere")?;
        assert_eq!(bed.get(path).await?.status, 200, "{href}");
    }
    for flag in [
        "",
        "?include_signature",
        "?include_signatures",
        "?include_signatures=",
    ] {
        let answer = bed.get(&format!("{ONBOARDED}/vnfd-1/vnfd{flag}")).await?;
        assert_eq!(
            (answer.headers["content-type"].to_str()?, &answer.body[..]),
            ("application/zip", &b"PK vnfd bytes"[..])
        );
    }
    assert_eq!(
        bed.get(&format!("{ONBOARDED}/vnfd-1/manifest")).await?.body,
        package("vnfd-1").manifest
    );
    bed.nfvo.stop().await;
    Ok(())
}

#[tokio::test]
async fn the_tester_changes_what_is_served() -> Outcome {
    let bed = Bed::start().await?;
    let path = format!("{ONBOARDED}/vnfd-1");
    bed.nfvo
        .replace_vnfd("vnfd-1", Bytes::from_static(b"tampered"))?;
    assert_eq!(bed.get(&format!("{path}/vnfd")).await?.body, "tampered");
    bed.nfvo
        .replace_package_content("vnfd-1", Bytes::from_static(b"other"))?;
    assert_eq!(
        bed.get(&format!("{path}/package_content")).await?.body,
        "other"
    );
    bed.nfvo
        .set_operational_state("vnfd-1", OperationalState::Disabled)?;
    assert_eq!(
        json_of(&bed.get(&path).await?)?["operationalState"],
        "DISABLED"
    );
    bed.nfvo.withdraw("vnfd-1")?;
    assert_eq!(bed.get(&path).await?.status, 404);
    assert!(
        bed.nfvo
            .replace_vnfd("vnfd-1", Bytes::new())
            .is_err_and(|error| error.to_string().contains("vnfd-1"))
    );
    bed.nfvo.stop().await;
    Ok(())
}

#[tokio::test]
async fn lists_are_filtered_and_paged() -> Outcome {
    let bed = Bed::with(|config| config.page_size = NonZeroUsize::new(2)).await?;
    for id in ["vnfd-2", "vnfd-3", "vnfd-4", "vnfd-5"] {
        bed.nfvo.onboard(package(id));
    }
    let mut next = Some(PACKAGES.to_owned());
    let mut pages = Vec::new();
    while let Some(path) = next.take() {
        let answer = bed.get(&path).await?;
        let page = json_of(&answer)?;
        pages.push(
            page.as_array()
                .ok_or("no array")?
                .iter()
                .map(|info| info["vnfdId"].clone())
                .collect::<Vec<_>>(),
        );
        if let Some(link) = answer.headers.get("link") {
            let uri = link
                .to_str()?
                .split(['<', '>'])
                .nth(1)
                .ok_or("no URI in the link")?;
            next = uri.strip_prefix(bed.nfvo.api_root()).map(str::to_owned);
        }
    }
    assert_eq!(
        json!(pages),
        json!([["vnfd-1", "vnfd-2"], ["vnfd-3", "vnfd-4"], ["vnfd-5"]])
    );
    let found = json_of(
        &bed.get(&format!("{PACKAGES}?filter=(eq,vnfdId,vnfd-3)"))
            .await?,
    )?;
    assert_eq!(
        (found.as_array().map(Vec::len), &found[0]["vnfdId"]),
        (Some(1), &json!("vnfd-3"))
    );
    let none = bed
        .get(&format!("{PACKAGES}?filter=(eq,vnfdId,unknown)"))
        .await?;
    assert_eq!(json_of(&none)?, json!([]));
    assert_eq!(
        bed.get(&format!("{PACKAGES}?filter=nonsense"))
            .await?
            .status,
        400
    );
    bed.nfvo.stop().await;
    Ok(())
}

#[tokio::test]
async fn lists_leave_out_what_is_not_asked_for() -> Outcome {
    let bed = Bed::start().await?;
    for (query, checksum, provider) in [
        ("", false, true),
        ("?exclude_default", false, true),
        ("?all_fields", true, true),
        ("?fields=checksum/hash", true, true),
        ("?exclude_fields=vnfProvider,id", true, false),
    ] {
        let list = json_of(&bed.get(&format!("{PACKAGES}{query}")).await?)?;
        let has = |name: &str| list[0].get(name).is_some();
        assert!(has("id"), "{query}");
        assert_eq!(
            (has("checksum"), has("vnfProvider")),
            (checksum, provider),
            "{query}"
        );
    }
    bed.nfvo.stop().await;
    Ok(())
}

#[tokio::test]
async fn the_manifest_comes_with_its_certificate_if_there_is_one() -> Outcome {
    let bed = Bed::start().await?;
    let mut with_certificate = package("vnfd-2");
    with_certificate.signing_certificate = Some("certificate".into());
    with_certificate.package_content =
        archive(&[("router.mf", b"metadata:"), ("router.cert", b"certificate")])?;
    bed.nfvo.onboard(with_certificate);
    for (path, media_type) in [
        ("vnfd-1/manifest?include_signatures", "text/plain"),
        ("vnfd-2/manifest", "text/plain"),
        ("vnfd-2/manifest?include_signature=", "application/zip"),
    ] {
        let answer = bed.get(&format!("{ONBOARDED}/{path}")).await?;
        assert_eq!(answer.headers["content-type"], media_type, "{path}");
        if media_type == "application/zip" {
            let files = zip::ZipArchive::new(Cursor::new(answer.body))?;
            let names = files.file_names().collect::<Result<Vec<_>, _>>()?;
            assert_eq!(names, ["router.mf", "router.cert"]);
        }
    }
    bed.nfvo.stop().await;
    Ok(())
}

#[tokio::test]
async fn curl_resumes_a_download() -> Outcome {
    let bed = Bed::start().await?;
    let url = format!("{}{ONBOARDED}/vnfd-1/package_content", bed.nfvo.api_root());
    let get = |range: &'static str| {
        let url = url.clone();
        let pki = &bed.pki;
        async move {
            curl(
                pki,
                Some("client"),
                &["-H", "Version: 2.4.0", "-r", range, "-D", "-", &url],
            )
            .await
        }
    };
    let Some(part) = get("2-5").await? else {
        return Ok(());
    };
    let part = String::from_utf8(part.stdout)?;
    assert!(part.starts_with("HTTP/1.1 206"), "{part}");
    assert!(
        part.contains("content-range: bytes 2-5/10\r\n") && part.ends_with("\r\n\r\n2345"),
        "{part}"
    );
    let Some(beyond) = get("20-").await? else {
        return Ok(());
    };
    let beyond = String::from_utf8(beyond.stdout)?;
    assert!(
        beyond.starts_with("HTTP/1.1 416") && beyond.contains("content-range: bytes */10\r\n"),
        "{beyond}"
    );
    bed.nfvo.stop().await;
    Ok(())
}

#[tokio::test]
async fn the_version_header_is_wanted_and_echoed() -> Outcome {
    let bed = Bed::start().await?;
    let mut asked = call(Method::GET, PACKAGES, "");
    assert_eq!(
        bed.client.send(asked.clone()).await?.headers["version"],
        "2.4.0"
    );
    asked.headers.insert("version", "1.0.0".parse()?);
    assert_eq!(bed.client.send(asked.clone()).await?.status, 406);
    asked.headers.clear();
    let missing = bed.client.send(asked.clone()).await?;
    assert_eq!(missing.status, 400);
    assert_eq!(missing.headers["content-type"], "application/problem+json");
    let problem = json_of(&missing)?;
    assert_eq!(problem["status"], 400);
    assert!(
        problem["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("Version"))
    );
    asked.path = "/vnfpkgm/api_versions".into();
    let versions = json_of(&bed.client.send(asked).await?)?;
    assert_eq!(
        versions["uriPrefix"],
        format!("{}/vnfpkgm/v2/", bed.nfvo.api_root())
    );
    assert_eq!(bed.get("/nowhere").await?.status, 404);
    let wrong = bed.call(Method::DELETE, PACKAGES, "").await?;
    assert_eq!(
        (wrong.status.as_u16(), &wrong.headers["allow"]),
        (405, &"GET".parse()?)
    );
    bed.nfvo.stop().await;
    Ok(())
}

fn grant_request() -> Value {
    json!({
        "vnfInstanceId": "instance-1", "vnfLcmOpOccId": "occ-1", "vnfdId": "vnfd-1", "operation": "INSTANTIATE",
        "isAutomaticInvocation": false,
        "addResources": [{ "id": "r1", "type": "COMPUTE" }, { "id": "r2", "type": "STORAGE" }],
        "_links": { "vnfLcmOpOcc": { "href": "https://vnfm/o" }, "vnfInstance": { "href": "https://vnfm/i" } },
    })
}

#[tokio::test]
async fn grants_are_given_or_rejected() -> Outcome {
    let bed = Bed::start().await?;
    let ask = async |request: &Value| {
        bed.call(Method::POST, "/grant/v1/grants", &request.to_string())
            .await
    };
    let answer = ask(&grant_request()).await?;
    assert_eq!(answer.status, 201);
    let grant = json_of(&answer)?;
    assert_eq!(
        grant["addResources"],
        json!([{ "resourceDefinitionId": "r1" }, { "resourceDefinitionId": "r2" }])
    );
    assert_eq!(
        (&grant["vnfInstanceId"], &grant["vnfLcmOpOccId"]),
        (&json!("instance-1"), &json!("occ-1"))
    );
    let location = answer.headers["location"].to_str()?;
    let path = location
        .strip_prefix(bed.nfvo.api_root())
        .ok_or("elsewhere")?;
    assert_eq!(json_of(&bed.get(path).await?)?, grant);

    let vims = json!({ "vim-1": { "vimType": "ETSINFV.OPENSTACK_KEYSTONE.V_3" } });
    bed.nfvo
        .set_vim_connection_info(vims.as_object().ok_or("no object")?.clone());
    let grant = json_of(&ask(&grant_request()).await?)?;
    assert_eq!(
        (
            &grant["vimConnectionInfo"],
            &grant["addResources"][0]["vimConnectionId"]
        ),
        (&vims, &json!("vim-1"))
    );

    let mut incomplete = grant_request();
    incomplete
        .as_object_mut()
        .ok_or("no object")?
        .remove("vnfLcmOpOccId");
    let refusal = ask(&incomplete).await?;
    assert_eq!(refusal.status, 400);
    assert!(
        json_of(&refusal)?["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("vnfLcmOpOccId"))
    );
    bed.nfvo.reject_grants(true);
    assert_eq!(ask(&grant_request()).await?.status, 403);
    bed.nfvo.reject_grants(false);
    assert_eq!(ask(&grant_request()).await?.status, 201);
    assert_eq!(bed.get("/grant/v1/grants/unknown").await?.status, 404);
    bed.nfvo.stop().await;
    Ok(())
}

#[tokio::test]
async fn notifications_are_waited_for() -> Outcome {
    let bed = Bed::start().await?;
    let uri = bed.nfvo.callback_uri("of one instance");
    let path = uri
        .strip_prefix(bed.nfvo.api_root())
        .ok_or("elsewhere")?
        .to_owned();
    assert_eq!(bed.get(&path).await?.status, 204);
    let client = bed.client.clone();
    let delivering = tokio::spawn(async move {
        for body in ["not JSON", r#"{"n":1}"#, r#"{"n":2}"#] {
            client.send(call(Method::POST, &path, body)).await?;
        }
        Ok::<_, scas_simulators::client::CallError>(())
    });
    let second = bed
        .nfvo
        .wait_notification("of one instance", |notification| notification["n"] == 2);
    assert_eq!(timeout(PATIENCE, second).await?, json!({ "n": 2 }));
    // Its exchange is there already.
    assert!(
        bed.seen
            .exchanges()
            .iter()
            .any(|exchange| exchange.request.body.text.as_deref() == Some(r#"{"n":2}"#))
    );
    delivering.await??;
    assert_eq!(
        bed.nfvo.notifications("of one instance"),
        [json!({ "n": 1 }), json!({ "n": 2 })]
    );
    assert!(bed.nfvo.notifications("of another").is_empty());
    let early = bed
        .nfvo
        .wait_notification("of one instance", |notification| notification["n"] == 1);
    assert_eq!(
        timeout(PATIENCE, early).await?,
        json!({ "n": 1 }),
        "an old one counts"
    );
    bed.nfvo.stop().await;
    Ok(())
}

#[tokio::test]
async fn subscriptions_are_kept() -> Outcome {
    let bed = Bed::start().await?;
    let request = json!({
        "callbackUri": "https://vnfm.example/n",
        "filter": { "vnfdId": ["vnfd-1"] },
        "authentication": { "authType": ["BASIC"], "paramsBasic": { "userName": "u", "password": "hidden" } },
    });
    let base = "/vnfpkgm/v2/subscriptions";
    let created = bed.call(Method::POST, base, &request.to_string()).await?;
    assert_eq!(created.status, 201);
    let subscription = json_of(&created)?;
    assert_eq!(subscription["filter"], request["filter"]);
    assert!(!subscription.to_string().contains("hidden"));
    let path = format!("{base}/{}", subscription["id"].as_str().ok_or("no id")?);
    assert_eq!(json_of(&bed.get(&path).await?)?, subscription);
    assert_eq!(json_of(&bed.get(base).await?)?, json!([subscription]));
    assert_eq!(bed.call(Method::DELETE, &path, "").await?.status, 204);
    assert_eq!(bed.get(&path).await?.status, 404);
    assert_eq!(bed.call(Method::POST, base, "{}").await?.status, 400);
    bed.nfvo.stop().await;
    Ok(())
}

#[tokio::test]
async fn tokens_are_given_to_curl_and_wanted() -> Outcome {
    let credentials = OAuth2 {
        client_id: "vnfm".into(),
        client_secret: Some("s e:c%ret".into()),
    };
    let bed = Bed::with(|config| config.oauth2 = Some(credentials)).await?;
    let refusal = bed.get(PACKAGES).await?;
    assert_eq!(refusal.status, 401);
    assert!(
        refusal.headers["www-authenticate"]
            .to_str()?
            .starts_with("Bearer")
    );
    let url = format!("{}/token", bed.nfvo.api_root());
    let token = async |user: &str, grant: &str| -> Result<Option<Value>, Box<dyn Error>> {
        let arguments = ["-u", user, "-d", grant, url.as_str()];
        let Some(output) = curl(&bed.pki, Some("client"), &arguments).await? else {
            return Ok(None);
        };
        Ok(Some(serde_json::from_slice(&output.stdout)?))
    };
    // RFC 6749 section 2.3.1: form-encoded inside Basic.
    let Some(given) = token("vnfm:s+e%3Ac%25ret", "grant_type=client_credentials").await? else {
        return Ok(());
    };
    assert_eq!(given["token_type"], "Bearer");
    assert_eq!(
        token("vnfm:wrong", "grant_type=client_credentials")
            .await?
            .ok_or("curl")?["error"],
        "invalid_client"
    );
    let unsupported = token("vnfm:s+e%3Ac%25ret", "grant_type=password")
        .await?
        .ok_or("curl")?;
    assert_eq!(unsupported["error"], "unsupported_grant_type");

    let mut asked = call(Method::GET, PACKAGES, "");
    let bearer = format!(
        "Bearer {}",
        given["access_token"].as_str().ok_or("no token")?
    );
    asked.headers.insert("authorization", bearer.parse()?);
    assert_eq!(bed.client.send(asked.clone()).await?.status, 200);
    bed.nfvo.expire_tokens();
    assert_eq!(bed.client.send(asked).await?.status, 401);
    bed.nfvo.stop().await;
    Ok(())
}

fn archive(files: &[(&str, &[u8])]) -> Result<Bytes, Box<dyn Error>> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default())?;
        writer.write_all(content)?;
    }
    Ok(writer.finish()?.into_inner().into())
}

#[tokio::test]
async fn artifacts_come_out_of_the_package() -> Outcome {
    let bed = Bed::start().await?;
    let csar = archive(&[
        ("Artifacts/run.sh", b"#!/bin/sh"),
        ("Artifacts/run.sig.cms", b"signature"),
        ("Artifacts/run.cert", b"certificate"),
        ("Artifacts/other.sh", b"other"),
    ])?;
    let mut inside = package("vnfd-2");
    inside.security_option = SecurityOption::Option2;
    inside.package_content = archive(&[("p.csar", &csar), ("p.cms", b"outer signature")])?;
    bed.nfvo.onboard(inside);
    bed.nfvo.replace_package_content("vnfd-1", csar)?;
    for base in [
        format!("{ONBOARDED}/vnfd-1/artifacts"),
        format!("{PACKAGES}/pkg-vnfd-2/artifacts"),
    ] {
        assert_eq!(
            bed.get(&format!("{base}/Artifacts/run.sh")).await?.body,
            "#!/bin/sh"
        );
        assert_eq!(
            bed.get(&format!("{base}/Artifacts/none.sh")).await?.status,
            404
        );
        let signed = bed
            .get(&format!("{base}/Artifacts/run.sh?include_signatures"))
            .await?;
        assert_eq!(signed.headers["content-type"], "application/zip");
        let mut files = zip::ZipArchive::new(Cursor::new(signed.body))?;
        assert_eq!(files.len(), 3);
        let mut signature = String::new();
        files
            .by_name("Artifacts/run.sig.cms")?
            .read_to_string(&mut signature)?;
        assert_eq!(signature, "signature");
    }
    bed.nfvo
        .replace_package_content("vnfd-1", Bytes::from_static(b"PK truncated"))?;
    assert_eq!(
        bed.get(&format!("{ONBOARDED}/vnfd-1/artifacts/Artifacts/run.sh"))
            .await?
            .status,
        500
    );
    bed.nfvo.stop().await;
    Ok(())
}
