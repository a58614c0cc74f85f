//! Delegation mode on the wire: what reaches CMF, VIM and VNFCI, what is left of private keys, and when they are deleted.

use std::path::Path;
use std::sync::Arc;

use axum::http::StatusCode;
use rcgen::{KeyPair, PublicKeyData as _};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use scas_reference::vnfm::Vnfm;
use serde_json::{Value, json};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::around::{Around, Order};
use crate::bed::{Bed, Tester};
use crate::process::Process;
use crate::support::{Ca, VNFD_ID, openssl_is_here};

pub fn configuration() -> Value {
    json!({ "securityPolicy": [{ "id": "p", "allowedAlgorithm": "EC_P256", "maxValidityPeriod": 90 }] })
}

pub async fn create(tester: &Tester) -> String {
    let request = json!({ "vnfdId": VNFD_ID, "certificateConfigurationData": configuration() });
    let (status, location, body) = tester.post("/vnf_instances", request).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    location
}

/// The operation once it is over.
pub async fn over(bed: &Bed, tester: &Tester, location: &str) -> Value {
    let id = location.rsplit('/').next().unwrap();
    bed.notification(|one| one["vnfLcmOpOccId"] == id && one["notificationStatus"] == "RESULT")
        .await;
    tester.get(location).await.1
}

pub async fn instantiate(bed: &Bed, tester: &Tester, instance: &str, vnfcs: usize) -> Value {
    let request = json!({ "flavourId": "f", "additionalParams": { "vnfcs": vnfcs } });
    let (status, location, body) = tester
        .post(&format!("{instance}/instantiate"), request)
        .await;
    assert_eq!(status, StatusCode::ACCEPTED, "{body}");
    over(bed, tester, &location).await
}

/// A VNFM that has a subscriber.
pub async fn start(bed: &Bed, around: &Around, keys: &str) -> (Vnfm, Tester) {
    let (vnfm, tester) = bed.start(&[], &around.sections(keys)).await;
    tester
        .subscribe(&format!("{}/notifications/a", bed.nfvo_root))
        .await;
    (vnfm, tester)
}

/// The certificate's public key, and that of a private key.
pub fn public_keys(certificates: &str, key: &str) -> (Vec<u8>, Vec<u8>) {
    let leaf = CertificateDer::from_pem_slice(certificates.as_bytes()).unwrap();
    let (_, leaf) = X509Certificate::from_der(&leaf).unwrap();
    let key = KeyPair::from_pem(key).unwrap();
    (
        leaf.public_key().raw.to_vec(),
        key.subject_public_key_info(),
    )
}

/// Whether any file below holds this text.
pub fn holds(folder: &Path, text: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, text);
        }
        let content = std::fs::read(&path).unwrap();
        content
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    })
}

/// Custodians that a process has started and that still run.
pub fn custodians(pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks
        .filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("children")).ok())
        .flat_map(|children| {
            let children: Vec<u32> = children
                .split(' ')
                .filter_map(|id| id.parse().ok())
                .collect();
            children
        })
        .filter(|child| {
            let name = std::fs::read_to_string(format!("/proc/{child}/comm")).unwrap_or_default();
            name.starts_with("scas-reference-")
        })
        .collect()
}

/// Those that a VNFM in this test's thread has started.
pub fn own_custodians() -> Vec<u32> {
    let children = std::fs::read_to_string("/proc/thread-self/children").unwrap();
    children
        .split(' ')
        .filter_map(|id| id.parse().ok())
        .collect()
}

/// What the VNF OAM endpoint answers to whoever shows this.
pub async fn oam(
    bed: &Bed,
    vnfm: &Vnfm,
    identity: Option<(&str, &str)>,
) -> Result<String, reqwest::Error> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(bed.ca.certificate.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match identity {
        Some((chain, key)) => builder
            .with_client_auth_cert(
                CertificateDer::pem_slice_iter(chain.as_bytes())
                    .collect::<Result<_, _>>()
                    .unwrap(),
                PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
            )
            .unwrap(),
        None => builder.with_no_client_auth(),
    };
    let http = reqwest::Client::builder()
        .tls_backend_preconfigured(config)
        .no_proxy()
        .build()
        .unwrap();
    let uri = format!("https://{}/", vnfm.oam_address().unwrap());
    http.get(uri).send().await?.text().await
}

#[tokio::test]
async fn keys_and_certificates_reach_the_vim_and_nobody_else() {
    if !openssl_is_here("keys_and_certificates_reach_the_vim_and_nobody_else") {
        return;
    }
    let bed = Bed::new().await;
    let around = Around::new(&bed).await;
    let (vnfm, tester) = start(&bed, &around, "").await;
    let instance = create(&tester).await;
    let occurrence = instantiate(&bed, &tester, &instance, 3).await;
    assert_eq!(occurrence["operationState"], "COMPLETED", "{occurrence}");
    assert_eq!(own_custodians(), [0; 0], "none is left");

    let stacks = around.stacks.borrow().clone();
    let servers = Around::files(&stacks[0]);
    assert_eq!((stacks.len(), servers.len()), (1, 3));
    let shown = tester.get(&instance).await.1;
    let mut keys = Vec::new();
    for (index, files) in servers.iter().enumerate() {
        let paths: Vec<_> = files.iter().map(|(path, _)| path.as_str()).collect();
        let expected = [
            "vnfoam.key",
            "vnfoam.crt",
            "vnfci.key",
            "vnfci.crt",
            "oam.json",
        ];
        assert_eq!(paths, expected.map(|name| format!("/etc/vnfc/{name}")));
        for pair in files[..4].chunks(2) {
            let (certified, made) = public_keys(&pair[1].1, &pair[0].1);
            assert_eq!(certified, made);
            keys.push(pair[0].1.clone());
        }
        let vnfc = &shown["instantiatedVnfInfo"]["vnfcResourceInfo"][index];
        assert_eq!(
            vnfc["computeResource"]["resourceId"],
            format!("server-vnfc-{index}")
        );
        assert!(files[4].1.contains(vnfc["id"].as_str().unwrap()));
        assert!(
            files[4]
                .1
                .contains(&vnfm.oam_address().unwrap().to_string())
        );
    }
    let mut different = keys.clone();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), 6, "each certificate has a key of its own");
    assert_eq!(
        shown["certificateInfo"]["certificateContents"]
            .as_array()
            .unwrap()
            .len(),
        6
    );
    assert!(!stacks[0]["template"].to_string().contains("PRIVATE"));

    let everything_told = [
        shown.to_string(),
        occurrence.to_string(),
        json!(*bed.nfvo.notifications.borrow()).to_string(),
        json!(*around.delegates.lock().unwrap()).to_string(),
    ];
    for key in &keys {
        let line = key.lines().nth(1).unwrap();
        assert!(!everything_told.iter().any(|told| told.contains(line)));
        assert!(!holds(bed.folder.path(), line));
    }

    // OAM: the VNF OAM certificate and no other.
    let (oam_pair, vnfci_pair) = (
        (&servers[0][1].1, &servers[0][0].1),
        (&servers[0][3].1, &servers[0][2].1),
    );
    let accepted = oam(&bed, &vnfm, Some((oam_pair.0, oam_pair.1)))
        .await
        .unwrap();
    assert!(accepted.contains("VNF OAM"));
    assert!(
        oam(&bed, &vnfm, Some((vnfci_pair.0, vnfci_pair.1)))
            .await
            .is_err()
    );
    assert!(oam(&bed, &vnfm, None).await.is_err());
    vnfm.stop().await.unwrap();

    // A VNFM that starts again knows them, and forgets them at termination.
    let (vnfm, tester) = start(&bed, &around, "").await;
    let instance = instance.replace(&instance[..instance.find("/vnflcm").unwrap()], &tester.root);
    assert!(
        oam(&bed, &vnfm, Some((oam_pair.0, oam_pair.1)))
            .await
            .is_ok()
    );
    let request = json!({ "terminationType": "FORCEFUL" });
    let (_, location, _) = tester.post(&format!("{instance}/terminate"), request).await;
    assert_eq!(
        over(&bed, &tester, &location).await["operationState"],
        "COMPLETED"
    );
    assert!(
        oam(&bed, &vnfm, Some((oam_pair.0, oam_pair.1)))
            .await
            .is_err()
    );
    assert_eq!(around.deleted.lock().unwrap().len(), 1);
    assert!(around.delegates.lock().unwrap().iter().all(Value::is_null));
    vnfm.stop().await.unwrap();
}

#[tokio::test]
async fn a_vnfci_that_runs_gets_a_new_key_and_later_another() {
    if !openssl_is_here("a_vnfci_that_runs_gets_a_new_key_and_later_another") {
        return;
    }
    let bed = Bed::new().await;
    let around = Around::new(&bed).await;
    let (vnfm, tester) = start(&bed, &around, "renew_before_seconds = 864000").await;
    let instance = create(&tester).await;
    instantiate(&bed, &tester, &instance, 1).await;
    let vnfc =
        tester.get(&instance).await.1["instantiatedVnfInfo"]["vnfcResourceInfo"][0]["id"].clone();

    let change = |configuration: &str| {
        json!({
            "extVirtualLinks": [],
            "certificateConfigurationData": self::configuration(),
            "additionalParams": { "vnfcis": [{ "vnfcInstanceId": vnfc, "configuration": configuration }] },
        })
    };
    let uri = format!("{instance}/change_ext_conn");
    let refused = tester.post(&uri, change("http://127.0.0.1:1")).await;
    assert_eq!(refused.0, StatusCode::UNPROCESSABLE_ENTITY, "without TLS");
    // The first attempt is refused; what is certified ends so soon that it is renewed at once.
    around
        .configurations
        .lock()
        .unwrap()
        .push_back(StatusCode::CONFLICT);
    *around.days_valid.lock().unwrap() = 5;
    let (_, location, _) = tester.post(&uri, change(&around.root)).await;
    let occurrence = over(&bed, &tester, &location).await;
    assert_eq!(occurrence["operationState"], "COMPLETED", "{occurrence}");
    *around.days_valid.lock().unwrap() = 100;

    let renewal = bed
        .notification(|one| {
            one["isAutomaticInvocation"] == true && one["notificationStatus"] == "RESULT"
        })
        .await;
    assert_eq!(
        (&renewal["operation"], &renewal["operationState"]),
        (&json!("CHANGE_EXT_CONN"), &json!("COMPLETED"))
    );
    assert_eq!(renewal["affectedCertificates"][0]["changeType"], "MODIFY");
    let configured = around.configured.borrow().clone();
    assert_eq!(configured.len(), 3);
    let keys = configured.iter().map(|body| {
        let entry = &body["vnfcConfigurationData"][0];
        assert_eq!(entry["vnfcInstanceId"], vnfc);
        let data = &entry["certificateData"][0];
        let (certified, made) = public_keys(
            data["certificateFile"].as_str().unwrap(),
            data["privateKey"].as_str().unwrap(),
        );
        assert_eq!(certified, made);
        made
    });
    let keys: Vec<_> = keys.collect();
    assert_eq!(keys[0], keys[1], "the second attempt has the same key");
    assert_ne!(keys[1], keys[2], "a renewal has another");
    let labels: Vec<_> = around.requests.lock().unwrap()[1..]
        .iter()
        .map(|(label, operation)| format!("{label} {operation}"))
        .collect();
    assert_eq!(
        labels[2..],
        ["vnfci simplereenroll", "vnfci simplereenroll"]
    );
    assert_eq!(own_custodians(), [0; 0]);
    vnfm.stop().await.unwrap();
}

#[tokio::test]
async fn keys_are_deleted_after_the_last_attempt() {
    if !openssl_is_here("keys_are_deleted_after_the_last_attempt") {
        return;
    }
    let bed = Bed::new().await;
    let around = Around::new(&bed).await;
    let (vnfm, tester) = start(&bed, &around, "attempts = 3").await;
    let instance = create(&tester).await;
    around
        .orders
        .lock()
        .unwrap()
        .extend([Order::Refused, Order::Failed, Order::NeverAnswered]);
    let occurrence = instantiate(&bed, &tester, &instance, 1).await;
    assert_eq!(occurrence["operationState"], "FAILED");
    let detail = occurrence["error"]["detail"].as_str().unwrap();
    assert!(detail.contains("after 3 failed attempts"), "{detail}");
    assert_eq!(around.stacks.borrow().len(), 3);
    assert_eq!(own_custodians(), [0; 0]);
    assert_eq!(around.deleted.lock().unwrap().len(), 3, "each is removed");
    assert!(around.delegates.lock().unwrap().iter().all(Value::is_null));

    // The second attempt of another instantiation succeeds, with keys of its own.
    around.orders.lock().unwrap().push_back(Order::Failed);
    let occurrence = instantiate(&bed, &tester, &instance, 1).await;
    assert_eq!(occurrence["operationState"], "COMPLETED", "{occurrence}");
    let stacks = around.stacks.borrow().clone();
    let key = |index: usize| Around::files(&stacks[index])[0][0].1.clone();
    assert_eq!(key(3), key(4));
    assert_ne!(key(2), key(3));
    vnfm.stop().await.unwrap();
}

#[tokio::test]
async fn keys_are_deleted_when_their_retention_is_over() {
    if !openssl_is_here("keys_are_deleted_when_their_retention_is_over") {
        return;
    }
    let bed = Bed::new().await;
    let around = Around::new(&bed).await;
    let sections = around
        .sections("retention_seconds = 1\nattempts = 100")
        .replace("timeout_seconds = 1", "timeout_seconds = 100");
    let (vnfm, tester) = bed.start(&[], &sections).await;
    tester
        .subscribe(&format!("{}/notifications/a", bed.nfvo_root))
        .await;
    let instance = create(&tester).await;
    around
        .orders
        .lock()
        .unwrap()
        .push_back(Order::NeverAnswered);
    let occurrence = instantiate(&bed, &tester, &instance, 1).await;
    assert_eq!(occurrence["operationState"], "FAILED");
    let detail = occurrence["error"]["detail"].as_str().unwrap();
    assert!(detail.contains("retention period of 1 s"), "{detail}");
    assert_eq!(own_custodians(), [0; 0]);
    vnfm.stop().await.unwrap();
}

#[tokio::test]
async fn no_key_leaves_for_a_stranger_and_no_strange_certificate_is_installed() {
    if !openssl_is_here("no_key_leaves_for_a_stranger_and_no_strange_certificate_is_installed") {
        return;
    }
    let bed = Bed::new().await;
    let around = Around::new(&bed).await;
    let (vnfm, tester) = start(&bed, &around, "").await;
    let instance = create(&tester).await;
    *around.other_ca.lock().unwrap() = Some(Arc::new(Ca::new("of VNFCIs")));
    let occurrence = instantiate(&bed, &tester, &instance, 1).await;
    let detail = occurrence["error"]["detail"].as_str().unwrap();
    assert!(
        detail.contains("does not chain to cmf.ca_anchors"),
        "{detail}"
    );
    *around.other_ca.lock().unwrap() = None;
    *around.days_valid.lock().unwrap() = -1;
    let occurrence = instantiate(&bed, &tester, &instance, 1).await;
    let detail = occurrence["error"]["detail"].as_str().unwrap();
    assert!(detail.contains("Expired"), "{detail}");
    assert_eq!(around.stacks.borrow().len(), 0);
    vnfm.stop().await.unwrap();

    *around.days_valid.lock().unwrap() = 9;
    let strangers = Ca::new("of strangers");
    std::fs::write(
        bed.folder.path().join("strangers.pem"),
        strangers.certificate.pem(),
    )
    .unwrap();
    let sections = around.sections("attempts = 1");
    let (before, vim) = sections.split_once("[vim]").unwrap();
    let distrusts = format!(
        "{before}[vim]{}",
        vim.replacen("ca.pem", "strangers.pem", 1)
    );
    // Another VIM, whose certificate is of the right CA for another host.
    let elsewhere = Around::named(&bed, "elsewhere.example").await;
    let vim = |root: &str| format!("auth_url = \"{root}");
    let misnamed = sections.replace(&vim(&around.root), &vim(&elsewhere.root));
    // Both certify by their own CA; the file is the last one's.
    let path = bed.folder.path().join("vnfci-ca.pem");
    std::fs::write(path, around.ca.certificate.pem()).unwrap();
    for (sections, reason) in [
        (distrusts, "UnknownIssuer"),
        (misnamed, "not valid for name"),
    ] {
        let (vnfm, tester) = bed.start(&[], &sections).await;
        tester
            .subscribe(&format!("{}/notifications/a", bed.nfvo_root))
            .await;
        let instance = create(&tester).await;
        let occurrence = instantiate(&bed, &tester, &instance, 1).await;
        assert_eq!(occurrence["operationState"], "FAILED");
        let detail = occurrence["error"]["detail"].as_str().unwrap();
        assert!(detail.contains(reason), "{detail}");
        assert_eq!(
            around.stacks.borrow().len() + elsewhere.stacks.borrow().len(),
            0
        );
        vnfm.stop().await.unwrap();
    }
}

#[tokio::test]
async fn delegation_mode_has_to_be_configured() {
    if !openssl_is_here("delegation_mode_has_to_be_configured") {
        return;
    }
    let bed = Bed::new().await;
    let (vnfm, tester) = bed.start(&[], "").await;
    let request = json!({ "vnfdId": VNFD_ID, "certificateConfigurationData": configuration() });
    let (status, _, body) = tester.post("/vnf_instances", request).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        body["detail"]
            .as_str()
            .unwrap()
            .contains("[cmf], [vim] and [oam]")
    );
    vnfm.stop().await.unwrap();
}

/// A VNFM that waits for a VIM which has its order and never answers; with the VNF instance, and the number of the custodian.
async fn held_by_the_vim(bed: &Bed, around: &Around, config: &Path) -> (Process, String, u32) {
    let process = Process::start(bed, config);
    let instance = create(&process.tester).await;
    around
        .orders
        .lock()
        .unwrap()
        .push_back(Order::NeverAnswered);
    let uri = format!("{instance}/instantiate");
    process.tester.post(&uri, json!({ "flavourId": "f" })).await;
    let mut ordered = around.stacks.subscribe();
    ordered.wait_for(|stacks| !stacks.is_empty()).await.unwrap();
    let [custodian] = custodians(process.child.id())[..] else {
        panic!("there is one custodian");
    };
    (process, instance, custodian)
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_do_not_outlive_a_vnfm_that_is_killed() {
    if !openssl_is_here("keys_do_not_outlive_a_vnfm_that_is_killed") {
        return;
    }
    let bed = Bed::new().await;
    let around = Around::new(&bed).await;
    let sections = around
        .sections("")
        .replace("timeout_seconds = 1", "timeout_seconds = 100");
    let config = bed.configure(&[], &sections);
    let (mut process, instance, custodian) = held_by_the_vim(&bed, &around, &config).await;
    let dump = std::fs::read_to_string(format!("/proc/{custodian}/limits")).unwrap();
    assert!(
        dump.lines()
            .any(|line| line.starts_with("Max core file size        0 ")),
        "{dump}"
    );
    let environment = std::fs::read(format!("/proc/{custodian}/environ")).unwrap_or_default();
    assert_eq!(environment, b"");
    process.child.kill().unwrap();
    process.child.wait().unwrap();
    // It is nobody's child any more, so that there is nothing to wait on but its disappearance.
    while std::fs::read_to_string(format!("/proc/{custodian}/stat"))
        .is_ok_and(|stat| !stat.contains(") Z "))
    {
        tokio::task::yield_now().await;
    }

    // The next start removes what is left on the VIM.
    let process = Process::start(&bed, &config);
    let instance = instance.replace(
        &instance[..instance.find("/vnflcm").unwrap()],
        &process.tester.root,
    );
    process
        .tester
        .subscribe(&format!("{}/notifications/a", bed.nfvo_root))
        .await;
    let occurrence = instantiate(&bed, &process.tester, &instance, 1).await;
    assert_eq!(occurrence["operationState"], "COMPLETED", "{occurrence}");
    assert_eq!(around.deleted.lock().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_do_not_wait_for_a_vnfm_that_hangs() {
    if !openssl_is_here("keys_do_not_wait_for_a_vnfm_that_hangs") {
        return;
    }
    let bed = Bed::new().await;
    let around = Around::new(&bed).await;
    let sections = around
        .sections("retention_seconds = 1")
        .replace("timeout_seconds = 1", "timeout_seconds = 100");
    let config = bed.configure(&[], &sections);
    let (mut process, _, custodian) = held_by_the_vim(&bed, &around, &config).await;
    let pid = nix::unistd::Pid::from_raw(process.child.id().try_into().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGSTOP).unwrap();
    // A parent that is stopped does not collect it: what is left is an entry of the process table.
    while std::fs::read_to_string(format!("/proc/{custodian}/stat"))
        .is_ok_and(|stat| !stat.contains(") Z "))
    {
        tokio::task::yield_now().await;
    }
    process.child.kill().unwrap();
}
