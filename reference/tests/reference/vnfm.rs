//! The VNFM on the wire: a hand-written NFVO calls it, and is called by it, over mutual TLS.

use crate::bed::{Bed, Tester};
use crate::support::{Files, VNFD_ID, openssl_is_here};
use axum::http::StatusCode;
use scas_reference::vnfm::{Config, Vnfm};
use serde_json::{Value, json};

#[tokio::test]
async fn creates_lists_reads_notifies_and_deletes() {
    if !openssl_is_here("creates_lists_reads_notifies_and_deletes") {
        return;
    }
    let bed = Bed::new().await;
    let (vnfm, tester) = bed.start(&[], "").await;
    let callback = format!("{}/notifications/a", bed.nfvo_root);
    let (status, subscription, _) = tester.subscribe(&callback).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(
        tester.subscribe(&callback).await.0,
        StatusCode::SEE_OTHER,
        "the same again"
    );
    assert_eq!(
        tester
            .subscribe(&format!("{}/absent", bed.nfvo_root))
            .await
            .0,
        StatusCode::UNPROCESSABLE_ENTITY
    );

    let (status, location, instance) = tester
        .post(
            "/vnf_instances",
            json!({ "vnfdId": VNFD_ID, "vnfInstanceName": "one", "metadata": { "a": "b" } }),
        )
        .await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(instance["vnfProductName"], "product");
    assert_eq!(instance["instantiationState"], "NOT_INSTANTIATED");
    let id = instance["id"].as_str().unwrap();
    assert!(location.ends_with(id));
    assert_eq!(
        *bed.nfvo.requests.lock().unwrap(),
        ["info", "vnfd?include_signatures"]
    );
    let created = bed
        .notification(|one| one["notificationType"] == "VnfIdentifierCreationNotification")
        .await;
    assert_eq!(created["vnfInstanceId"], id);

    assert_eq!(
        tester.get(&location).await,
        (StatusCode::OK, instance.clone())
    );
    let (_, list) = tester
        .get(&format!("/vnf_instances?filter=(eq,vnfdId,{VNFD_ID})"))
        .await;
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!(list[0]["id"], id);
    assert_eq!(list[0].get("metadata"), None);
    assert_eq!(
        tester.get("/vnf_instances?filter=(eq,vnfdId,x)").await.1,
        json!([])
    );

    assert_eq!(tester.delete(&location).await, StatusCode::NO_CONTENT);
    let deleted = bed
        .notification(|one| one["notificationType"] == "VnfIdentifierDeletionNotification")
        .await;
    assert_eq!(deleted["vnfInstanceId"], id);
    assert_eq!(tester.get(&location).await.0, StatusCode::NOT_FOUND);
    assert_eq!(tester.delete(&location).await, StatusCode::NOT_FOUND);
    assert_eq!(tester.delete(&subscription).await, StatusCode::NO_CONTENT);
    assert_eq!(tester.get("/subscriptions").await.1, json!([]));
    vnfm.stop().await.unwrap();
}

#[tokio::test]
async fn asks_for_a_version_and_a_client_certificate() {
    if !openssl_is_here("asks_for_a_version_and_a_client_certificate") {
        return;
    }
    let bed = Bed::new().await;
    let (vnfm, tester) = bed.start(&[], "").await;
    let uri = tester.uri("/vnf_instances");
    let missing = tester.http.get(&uri).send().await.unwrap();
    assert_eq!(missing.status(), StatusCode::BAD_REQUEST);
    assert_eq!(
        missing.headers()["content-type"],
        "application/problem+json"
    );
    let problem: Value = missing.json().await.unwrap();
    assert_eq!(problem["status"], 400);
    let unsupported = tester
        .http
        .get(&uri)
        .header("Version", "9.9.9")
        .send()
        .await
        .unwrap();
    assert_eq!(unsupported.status(), StatusCode::NOT_ACCEPTABLE);
    let supported = tester
        .http
        .get(&uri)
        .header("Version", "2.2.0-impl:x:y:1")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (
            supported.status(),
            supported.headers()["version"].to_str().unwrap()
        ),
        (StatusCode::OK, "2.2.0")
    );
    assert_eq!(tester.get("/api_versions").await.0, StatusCode::OK);
    assert_eq!(tester.get("/nothing").await.1["status"], 404);
    assert_eq!(
        tester.post("/vnf_instances/x", json!({})).await.2["status"],
        405
    );
    assert!(
        bed.client(None)
            .get(&uri)
            .header("Version", "2.3.0")
            .send()
            .await
            .is_err(),
        "without a client certificate"
    );
    let stranger = crate::support::Ca::new("tls").peer(bed.folder.path(), "stranger");
    assert!(
        bed.client(Some(&stranger))
            .get(&uri)
            .header("Version", "2.3.0")
            .send()
            .await
            .is_err(),
        "of another issuer"
    );
    vnfm.stop().await.unwrap();
}

#[tokio::test]
async fn without_client_anchors_anybody_may_call() {
    if !openssl_is_here("without_client_anchors_anybody_may_call") {
        return;
    }
    let bed = Bed::new().await;
    let path = bed.configure(&[], "");
    let text = std::fs::read_to_string(&path).unwrap();
    let open = text.replace("client_anchors = \"ca.pem\"\n", "");
    assert_ne!(open, text);
    std::fs::write(&path, open).unwrap();
    let vnfm = Vnfm::start(&Config::load(&path).unwrap()).await.unwrap();
    let tester = Tester {
        http: bed.client(None),
        root: vnfm.api_root().to_owned(),
    };
    assert_eq!(tester.create().await.0, StatusCode::CREATED);
    vnfm.stop().await.unwrap();
}

#[tokio::test]
async fn refuses_a_tampered_package_and_leaves_nothing() {
    if !openssl_is_here("refuses_a_tampered_package_and_leaves_nothing") {
        return;
    }
    let bed = Bed::new().await;
    let (vnfm, tester) = bed.start(&[], "").await;
    let mut tampered = Files::definitions().with_signed_manifest(&bed.signing.good);
    tampered.put("Definitions/df.yaml", "tampered: true\n");
    bed.onboard(VNFD_ID, tampered.zip());
    let (status, problem) = tester.create().await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("Definitions/df.yaml"),
        "{problem}"
    );
    assert_eq!(tester.get("/vnf_instances").await.1, json!([]));
    bed.change(VNFD_ID, |package| package.operational_state = "DISABLED");
    assert_eq!(tester.create().await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let (status, _, _) = tester
        .post("/vnf_instances", json!({ "vnfdId": "absent" }))
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    vnfm.stop().await.unwrap();
}

async fn operation(bed: &Bed, location: &str, state: &str) -> Value {
    let id = location.rsplit('/').next().unwrap().to_owned();
    bed.notification(|one| one["vnfLcmOpOccId"] == id.as_str() && one["operationState"] == state)
        .await
}

#[tokio::test]
async fn instantiates_modifies_and_terminates() {
    if !openssl_is_here("instantiates_modifies_and_terminates") {
        return;
    }
    let bed = Bed::new().await;
    let (vnfm, tester) = bed.start(&[], "").await;
    tester
        .subscribe(&format!("{}/notifications/a", bed.nfvo_root))
        .await;
    let (_, instance, _) = tester
        .post("/vnf_instances", json!({ "vnfdId": VNFD_ID }))
        .await;
    let (status, _, problem) = tester
        .post(
            &format!("{instance}/terminate"),
            json!({ "terminationType": "FORCEFUL" }),
        )
        .await;
    assert_eq!(
        (status, &problem["status"]),
        (StatusCode::CONFLICT, &json!(409))
    );

    let (status, occurrence, _) = tester
        .post(
            &format!("{instance}/instantiate"),
            json!({ "flavourId": "simple" }),
        )
        .await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(
        operation(&bed, &occurrence, "STARTING").await["notificationStatus"],
        "START"
    );
    assert_eq!(
        operation(&bed, &occurrence, "PROCESSING").await["notificationStatus"],
        "START"
    );
    assert_eq!(
        operation(&bed, &occurrence, "COMPLETED").await["notificationStatus"],
        "RESULT"
    );
    let (_, done) = tester.get(&occurrence).await;
    assert_eq!(
        (&done["operationState"], &done["grantId"]),
        (&json!("COMPLETED"), &json!("grant-1"))
    );
    assert_eq!(
        tester.get(&instance).await.1["instantiationState"],
        "INSTANTIATED"
    );
    assert_eq!(tester.delete(&instance).await, StatusCode::CONFLICT);

    let patch = tester
        .http
        .patch(&instance)
        .header("Version", "2.3.0")
        .header("content-type", "application/merge-patch+json")
        .body(json!({ "vnfInstanceName": "two", "metadata": { "k": "v" } }).to_string());
    let patched = patch.send().await.unwrap();
    assert_eq!(patched.status(), StatusCode::ACCEPTED);
    let modification = operation(
        &bed,
        patched.headers()["location"].to_str().unwrap(),
        "COMPLETED",
    )
    .await;
    assert_eq!(modification["changedInfo"]["vnfInstanceName"], "two");
    let (_, changed) = tester.get(&instance).await;
    assert_eq!(
        (&changed["vnfInstanceName"], &changed["metadata"]["k"]),
        (&json!("two"), &json!("v"))
    );

    *bed.nfvo.rejects_grants.lock().unwrap() = true;
    let (_, refused, _) = tester
        .post(
            &format!("{instance}/terminate"),
            json!({ "terminationType": "GRACEFUL" }),
        )
        .await;
    assert!(
        operation(&bed, &refused, "ROLLED_BACK").await["error"]["detail"]
            .as_str()
            .unwrap()
            .contains("no resources")
    );
    *bed.nfvo.rejects_grants.lock().unwrap() = false;
    let (_, occurrence, _) = tester
        .post(
            &format!("{instance}/terminate"),
            json!({ "terminationType": "FORCEFUL" }),
        )
        .await;
    operation(&bed, &occurrence, "COMPLETED").await;
    assert_eq!(
        tester.get(&instance).await.1["instantiationState"],
        "NOT_INSTANTIATED"
    );
    assert_eq!(tester.delete(&instance).await, StatusCode::NO_CONTENT);
    assert_eq!(
        tester
            .get("/vnf_lcm_op_occs")
            .await
            .1
            .as_array()
            .unwrap()
            .len(),
        4
    );
    vnfm.stop().await.unwrap();
}

#[tokio::test]
async fn verifies_at_instantiation_where_it_is_told_to() {
    if !openssl_is_here("verifies_at_instantiation_where_it_is_told_to") {
        return;
    }
    let bed = Bed::new().await;
    let mut tampered = Files::definitions().with_signed_manifest(&bed.signing.good);
    tampered.put("Definitions/df.yaml", "tampered: true\n");
    bed.onboard(VNFD_ID, tampered.zip());
    let (vnfm, tester) = bed.start(&[], "verify_at = \"instantiate\"").await;
    tester
        .subscribe(&format!("{}/notifications/a", bed.nfvo_root))
        .await;
    let (status, instance, _) = tester
        .post("/vnf_instances", json!({ "vnfdId": VNFD_ID }))
        .await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(*bed.nfvo.requests.lock().unwrap(), ["info"]);
    let (_, occurrence, _) = tester
        .post(
            &format!("{instance}/instantiate"),
            json!({ "flavourId": "simple" }),
        )
        .await;
    let failed = operation(&bed, &occurrence, "FAILED").await;
    assert!(
        failed["error"]["detail"]
            .as_str()
            .unwrap()
            .contains("Definitions/df.yaml"),
        "{failed}"
    );
    assert_eq!(
        tester.get(&instance).await.1["instantiationState"],
        "NOT_INSTANTIATED"
    );
    vnfm.stop().await.unwrap();
}

#[tokio::test]
async fn fetches_the_whole_of_an_option_2_package() {
    if !openssl_is_here("fetches_the_whole_of_an_option_2_package") {
        return;
    }
    let bed = Bed::new().await;
    let mut inner = Files::definitions();
    inner.put("vnf.mf", inner.manifest());
    let csar = inner.zip();
    let mut outer = Files::default();
    outer
        .put("vnf.csar", csar.clone())
        .put("vnf.cms", bed.signing.good.sign(&csar, &[]));
    bed.change(VNFD_ID, |package| {
        (package.option, package.content) = ("OPTION_2", outer.zip())
    });
    let (vnfm, tester) = bed.start(&[], "").await;
    assert_eq!(tester.create().await.0, StatusCode::CREATED);
    assert_eq!(
        *bed.nfvo.requests.lock().unwrap(),
        ["info", "package_content"]
    );
    vnfm.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_creations_share_ids_only_with_the_defect_and_lists_have_pages() {
    if !openssl_is_here("concurrent_creations_share_ids_only_with_the_defect_and_lists_have_pages")
    {
        return;
    }
    for (defects, unique) in [
        ([].as_slice(), true),
        (&["duplicates-under-concurrency"], false),
    ] {
        let bed = Bed::new().await;
        let (vnfm, tester) = bed.start(defects, "").await;
        let tester = std::sync::Arc::new(tester);
        let mut creations = tokio::task::JoinSet::new();
        for _ in 0..16 {
            let tester = std::sync::Arc::clone(&tester);
            creations.spawn(async move {
                let mut ids = Vec::new();
                for _ in 0..32 {
                    ids.push(tester.create().await.1["id"].as_str().unwrap().to_owned());
                }
                ids
            });
        }
        let ids: Vec<String> = creations.join_all().await.concat();
        let different: std::collections::HashSet<&String> = ids.iter().collect();
        assert_eq!(different.len() == ids.len(), unique, "{defects:?}");

        let (mut listed, mut next) = (0, Some(tester.uri("/vnf_instances")));
        while let Some(uri) = next {
            let page = tester
                .http
                .get(uri)
                .header("Version", "2.3.0")
                .send()
                .await
                .unwrap();
            let link = page
                .headers()
                .get("link")
                .map(|link| link.to_str().unwrap().to_owned());
            next = link.map(|link| link[1..link.find('>').unwrap()].to_owned());
            listed += page.json::<Vec<Value>>().await.unwrap().len();
        }
        assert_eq!(listed, 512, "every instance is kept, whatever it is called");
        vnfm.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_notification_names_another_id_only_with_the_defect() {
    if !openssl_is_here("a_notification_names_another_id_only_with_the_defect") {
        return;
    }
    let bed = Bed::new().await;
    let (vnfm, tester) = bed.start(&["id-differs-in-notification"], "").await;
    tester
        .subscribe(&format!("{}/notifications/a", bed.nfvo_root))
        .await;
    let (_, instance) = tester.create().await;
    let told = bed
        .notification(|one| one["notificationType"] == "VnfIdentifierCreationNotification")
        .await;
    assert_ne!(told["vnfInstanceId"], instance["id"]);
    vnfm.stop().await.unwrap();
}

#[tokio::test]
async fn a_fault_of_the_nfvo_is_no_refusal_and_leaves_nothing() {
    if !openssl_is_here("a_fault_of_the_nfvo_is_no_refusal_and_leaves_nothing") {
        return;
    }
    let bed = Bed::new().await;
    let (vnfm, tester) = bed.start(&[], "").await;
    *bed.nfvo.is_broken.lock().unwrap() = true;
    let (status, problem) = tester.create().await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        problem["detail"].as_str().unwrap().contains("500"),
        "{problem}"
    );
    assert_eq!(tester.get("/vnf_instances").await.1, json!([]));
    *bed.nfvo.is_broken.lock().unwrap() = false;
    assert_eq!(tester.create().await.0, StatusCode::CREATED);
    vnfm.stop().await.unwrap();
}

#[tokio::test]
async fn waits_for_a_grant_that_is_not_decided_at_once() {
    if !openssl_is_here("waits_for_a_grant_that_is_not_decided_at_once") {
        return;
    }
    let bed = Bed::new().await;
    let (vnfm, tester) = bed.start(&[], "").await;
    tester
        .subscribe(&format!("{}/notifications/a", bed.nfvo_root))
        .await;
    *bed.nfvo.hesitates.lock().unwrap() = 3;
    let (_, instance, _) = tester
        .post("/vnf_instances", json!({ "vnfdId": VNFD_ID }))
        .await;
    let (_, occurrence, _) = tester
        .post(
            &format!("{instance}/instantiate"),
            json!({ "flavourId": "simple" }),
        )
        .await;
    operation(&bed, &occurrence, "COMPLETED").await;
    assert_eq!(tester.get(&occurrence).await.1["grantId"], "grant-2");
    vnfm.stop().await.unwrap();
}

#[tokio::test]
async fn gets_an_access_token_and_another_when_it_is_no_longer_accepted() {
    if !openssl_is_here("gets_an_access_token_and_another_when_it_is_no_longer_accepted") {
        return;
    }
    let bed = Bed::new().await;
    std::fs::write(bed.folder.path().join("secret"), "s3c:ret/\n").unwrap();
    let path = bed.configure(&[], "");
    let oauth2 = format!(
        "[nfvo.oauth2]\ntoken_endpoint = \"{}/token\"\nclient_id = \"vnfm\"\nclient_secret_file = \"secret\"\n",
        bed.nfvo_root
    );
    std::fs::write(&path, std::fs::read_to_string(&path).unwrap() + &oauth2).unwrap();
    *bed.nfvo.token.lock().unwrap() = Some("first".to_owned());
    let vnfm = Vnfm::start(&Config::load(&path).unwrap()).await.unwrap();
    let tester = Tester {
        http: bed.client(Some(&bed.tester)),
        root: vnfm.api_root().to_owned(),
    };
    assert_eq!(tester.create().await.0, StatusCode::CREATED);
    assert_eq!(tester.create().await.0, StatusCode::CREATED);
    *bed.nfvo.token.lock().unwrap() = Some("second".to_owned());
    assert_eq!(tester.create().await.0, StatusCode::CREATED);
    let asked = bed
        .nfvo
        .requests
        .lock()
        .unwrap()
        .iter()
        .filter(|request| *request == "token")
        .count();
    assert_eq!(asked, 2);
    vnfm.stop().await.unwrap();
}
