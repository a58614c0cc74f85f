//! The deliberate deviations with private keys do what they say: whoever looks in the right place finds the key, and in the
//! conforming product does not.

use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::KeyPair;
use serde_json::{Value, json};

use crate::around::{Around, Order};
use crate::bed::Bed;
use crate::delegation::{create, custodians, holds, instantiate, oam, over, public_keys};
use crate::process::Process;
use crate::support::{Ca, openssl_is_here};

/// A product of its own process after an instantiation, and what reached the VIM.
struct Product {
    bed: Bed,
    around: Around,
    process: Process,
    instance: String,
    occurrence: Value,
}

impl Product {
    async fn new(defect: &[&str], vnfcs: usize, prepare: impl FnOnce(&Around)) -> Self {
        let bed = Bed::new().await;
        let around = Around::new(&bed).await;
        let config = bed.configure(defect, &around.sections("attempts = 2"));
        let text = std::fs::read_to_string(&config).unwrap();
        let text = text.replace("[log]\n", "[log]\nlevel = \"debug\"\n");
        std::fs::write(&config, text).unwrap();
        let process = Process::start(&bed, &config);
        let callback = format!("{}/notifications/a", bed.nfvo_root);
        process.tester.subscribe(&callback).await;
        prepare(&around);
        let instance = create(&process.tester).await;
        let occurrence = instantiate(&bed, &process.tester, &instance, vnfcs).await;
        Self {
            bed,
            around,
            process,
            instance,
            occurrence,
        }
    }

    /// The PEM of the VNF OAM key that the VIM was given.
    fn pem(&self) -> String {
        Around::files(&self.around.stacks.borrow()[0])[0][0]
            .1
            .clone()
    }

    fn in_files(&self) -> bool {
        holds(self.bed.folder.path(), self.pem().lines().nth(1).unwrap())
    }
}

/// Whether the writable memory of a process holds these bytes.
fn in_memory(pid: u32, wanted: &[u8]) -> bool {
    let Ok(maps) = std::fs::read_to_string(format!("/proc/{pid}/maps")) else {
        return false;
    };
    let memory = std::fs::File::open(format!("/proc/{pid}/mem")).unwrap();
    maps.lines()
        .filter(|line| line.contains(" rw"))
        .any(|line| {
            let (start, end) = line.split(' ').next().unwrap().split_once('-').unwrap();
            let address = |hex| u64::from_str_radix(hex, 16).unwrap();
            let mut region = vec![0; (address(end) - address(start)) as usize];
            // What cannot be read, such as memory that was given back meanwhile, holds nothing.
            memory.read_exact_at(&mut region, address(start)).is_ok()
                && region.windows(wanted.len()).any(|part| part == wanted)
        })
}

/// Whether this user may look into a process that has made itself undumpable. Where not, says so.
fn may_read_custodians(test: &str) -> bool {
    let may = nix::unistd::geteuid().is_root();
    if !may {
        #[expect(
            clippy::print_stderr,
            reason = "a test that does not run must not look as if it had"
        )]
        let () = eprintln!("NOT RUN: {test}: only root may read the memory of a key custodian");
    }
    may
}

fn children(pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks
        .filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("children")).ok())
        .flat_map(|ids| {
            ids.split(' ')
                .filter_map(|id| id.parse().ok())
                .collect::<Vec<u32>>()
        })
        .collect()
}

fn der(pem: &str) -> Vec<u8> {
    KeyPair::from_pem(pem).unwrap().serialize_der()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_conforming_product_leaves_no_key_anywhere() {
    if !openssl_is_here("the_conforming_product_leaves_no_key_anywhere") {
        return;
    }
    let product = Product::new(&[], 1, |_| {}).await;
    let pid = product.process.child.id();
    let der = der(&product.pem());
    assert!(!product.in_files());
    assert_eq!(children(pid), [0; 0]);
    for form in [
        &der[..],
        &der[36..68],
        product.pem().lines().nth(1).unwrap().as_bytes(),
        &BASE64_STANDARD.encode(&der).as_bytes()[..80],
        &hex::encode(&der).as_bytes()[80..160],
    ] {
        assert!(!in_memory(pid, form));
    }
    assert!(
        in_memory(pid, b"simpleenroll"),
        "the search finds what is there"
    );
    assert_eq!(product.around.strange_headers.lock().unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_stay_in_files_and_in_what_is_told() {
    if !openssl_is_here("keys_stay_in_files_and_in_what_is_told") {
        return;
    }
    for defect in [
        "key-in-database",
        "key-in-free-pages",
        "key-in-debug-log",
        "key-until-restart",
    ] {
        let product = Product::new(&[defect], 1, |_| {}).await;
        assert!(product.in_files(), "{defect}");
    }
    for defect in [
        "key-in-readable-file",
        "key-in-private-file",
        "key-in-shared-memory",
    ] {
        let product = Product::new(&[defect], 1, |_| {}).await;
        assert!(!product.in_files(), "{defect}: only during the operation");
        // Others may run such products too: looked for is what bears the name of this one's VNFC.
        let shown = product.process.tester.get(&product.instance).await.1;
        let vnfc = shown["instantiatedVnfInfo"]["vnfcResourceInfo"][0]["id"].as_str();
        let vnfc = vnfc.unwrap().to_owned();
        assert!(!Path::new("/dev/shm").read_dir().unwrap().any(|entry| {
            let name = entry.unwrap().file_name();
            name.to_string_lossy().contains(&vnfc)
        }));
    }
    let product = Product::new(&["key-in-unlinked-file"], 1, |_| {}).await;
    let descriptors = format!("/proc/{}/fd", product.process.child.id());
    assert!(std::fs::read_dir(descriptors).unwrap().any(|entry| {
        std::fs::read_link(entry.unwrap().path())
            .is_ok_and(|target| target.to_string_lossy().ends_with(".key (deleted)"))
    }));

    let product = Product::new(&["key-in-rotated-log"], 1, |_| {}).await;
    let rotated = std::fs::read(product.bed.folder.path().join("vnfm.log.1.gz")).unwrap();
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(&rotated[..])
        .read_to_string(&mut text)
        .unwrap();
    assert!(text.contains(product.pem().lines().nth(1).unwrap()));

    let line = |product: &Product| product.pem().lines().nth(1).unwrap().to_owned();
    let product = Product::new(&["key-in-vnf-instance"], 1, |_| {}).await;
    let shown = product.process.tester.get(&product.instance).await.1;
    assert!(shown.to_string().contains(&line(&product)));
    let product = Product::new(&["key-in-operation-params"], 1, |_| {}).await;
    assert!(
        product.occurrence["operationParams"]
            .to_string()
            .contains(&line(&product))
    );
    let product = Product::new(&["key-in-notification"], 1, |_| {}).await;
    let told = json!(*product.bed.nfvo.notifications.borrow()).to_string();
    assert!(told.contains(&line(&product)));
    let refuse = |around: &Around| {
        around
            .orders
            .lock()
            .unwrap()
            .extend([Order::Refused, Order::Refused]);
    };
    let product = Product::new(&["key-in-error-detail"], 1, refuse).await;
    assert!(
        product.occurrence["error"]
            .to_string()
            .contains(&line(&product))
    );
    let product = Product::new(&["key-sent-to-cmf"], 1, |_| {}).await;
    let sent = product.around.strange_headers.lock().unwrap().clone();
    assert!(sent.contains(&BASE64_STANDARD.encode(product.pem())));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_stay_in_memory() {
    if !openssl_is_here("keys_stay_in_memory") {
        return;
    }
    for defect in [
        "scalar-in-heap",
        "der-in-heap",
        "pem-in-heap",
        "json-in-heap",
        "base64-in-heap",
        "hex-in-heap",
    ] {
        let product = Product::new(&[defect], 1, |_| {}).await;
        let pem = product.pem();
        let der = der(&pem);
        let forms = [
            ("scalar", der[36..68].to_vec()),
            ("der", der.clone()),
            ("pem", pem.clone().into_bytes()),
            ("json", pem.replace('\n', "\\n").into_bytes()),
            ("base64", BASE64_STANDARD.encode(&der).into_bytes()),
            ("hex", hex::encode(&der).into_bytes()),
        ];
        for (form, bytes) in forms {
            // The scalar is in the DER too.
            let expected = defect.starts_with(form) || form == "scalar" && defect == "der-in-heap";
            let found = in_memory(product.process.child.id(), &bytes);
            assert_eq!(found, expected, "{defect}: {form}");
        }
    }
    for defect in [
        "key-in-lingering-custodian",
        "deletes-at-next-operation",
        "deletes-only-on-success",
    ] {
        let refuse = |around: &Around| {
            if defect == "deletes-only-on-success" {
                around
                    .orders
                    .lock()
                    .unwrap()
                    .extend([Order::Refused, Order::Refused]);
            }
        };
        let product = Product::new(&[defect], 1, refuse).await;
        let [custodian] = custodians(product.process.child.id())[..] else {
            panic!("{defect}: the custodian is there");
        };
        if may_read_custodians("keys_stay_in_memory") {
            assert!(in_memory(custodian, product.pem().as_bytes()), "{defect}");
        }
    }
    for defect in ["key-in-arguments", "key-in-environment", "key-in-helper"] {
        let product = Product::new(&[defect], 1, |_| {}).await;
        let helpers = children(product.process.child.id());
        assert_eq!(helpers.len(), 2, "{defect}: one for each key");
        let line = product.pem().lines().nth(1).unwrap().to_owned();
        // It reads when it gets to run.
        while !helpers
            .iter()
            .any(|helper| in_memory(*helper, line.as_bytes()))
        {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_bad_or_tried_too_often() {
    if !openssl_is_here("keys_are_bad_or_tried_too_often") {
        return;
    }
    let publics = |product: &Product| {
        let servers = Around::files(&product.around.stacks.borrow()[0]);
        let pairs = servers.iter().flat_map(|files| files[..4].chunks(2));
        let mut all: Vec<_> = pairs
            .map(|pair| public_keys(&pair[1].1, &pair[0].1).1)
            .collect();
        all.sort();
        all.dedup();
        all.len()
    };
    for (defect, at_most) in [
        ("one-key-for-all", 1),
        ("known-weak-key", 1),
        ("clock-seeded-keys", 5),
    ] {
        let product = Product::new(&[defect], 3, |_| {}).await;
        assert_eq!(
            product.occurrence["operationState"], "COMPLETED",
            "{defect}"
        );
        assert!(publics(&product) <= at_most, "{defect}");
    }
    let product = Product::new(&["key-reused-at-renewal"], 3, |_| {}).await;
    assert_eq!(publics(&product), 6);

    let refuse = |around: &Around| {
        around.orders.lock().unwrap().extend([Order::Refused; 4]);
    };
    for (defects, attempts) in [(&[][..], 2), (&["one-attempt-too-many"][..], 3)] {
        let product = Product::new(defects, 1, refuse).await;
        assert_eq!(product.occurrence["operationState"], "FAILED");
        assert_eq!(product.around.stacks.borrow().len(), attempts);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_cmf_answers_is_installed() {
    if !openssl_is_here("whatever_the_cmf_answers_is_installed") {
        return;
    }
    let wrong = |what: &'static str| {
        move |around: &Around| match what {
            "key" => {
                let key = KeyPair::generate().unwrap();
                let params = rcgen::CertificateParams::new(["a.example".to_owned()]).unwrap();
                let request = params.serialize_request(&key).unwrap();
                *around.other_request.lock().unwrap() = Some(request.der().to_vec());
            }
            "issuer" => *around.other_ca.lock().unwrap() = Some(Arc::new(Ca::new("of VNFCIs"))),
            _ => *around.days_valid.lock().unwrap() = -1,
        }
    };
    let both = [
        "installs-certificate-of-other-key",
        "installs-certificate-of-other-name",
    ];
    for (what, defects) in [
        ("key", &both[..]),
        ("issuer", &["installs-untrusted-certificate"]),
        ("time", &["installs-expired-certificate"]),
    ] {
        let product = Product::new(defects, 1, wrong(what)).await;
        assert_eq!(
            product.occurrence["operationState"], "COMPLETED",
            "{what}: {}",
            product.occurrence
        );
        let product = Product::new(&[], 1, wrong(what)).await;
        assert_eq!(product.occurrence["operationState"], "FAILED", "{what}");
        assert_eq!(product.around.stacks.borrow().len(), 0, "{what}");
    }
    // The hand-written CMF verifies the signature, as the real one does, and hangs up.
    let product = Product::new(&["csr-signed-by-other-key"], 1, |_| {}).await;
    assert_eq!(product.occurrence["operationState"], "FAILED");
}

#[tokio::test]
async fn the_oam_endpoint_lets_in_who_should_stay_out() {
    if !openssl_is_here("the_oam_endpoint_lets_in_who_should_stay_out") {
        return;
    }
    let bed = Bed::new().await;
    let around = Around::new(&bed).await;
    // Certified by the right CA, for nobody who is known here; valid, and expired.
    let key = KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(["a.example".to_owned()]).unwrap();
    let request = params.serialize_request(&key).unwrap();
    let key = key.serialize_pem();
    let pem = |days| {
        let der = around.ca.certify(request.der(), days);
        format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            BASE64_STANDARD.encode(der)
        )
    };
    let (valid, expired) = (pem(5), pem(-1));
    for (defects, lets_in) in [
        (&[][..], [true, false, false, false, false]),
        (&["oam-accepts-any-client"], [true, true, true, true, true]),
        (&["oam-accepts-any-of-ca"], [true, true, true, false, false]),
        (&["oam-accepts-expired"], [true, false, false, true, false]),
        (
            &["oam-accepts-vnfci-certificate"],
            [true, true, false, false, false],
        ),
    ] {
        let (vnfm, tester) = bed.start(defects, &around.sections("")).await;
        let callback = format!("{}/notifications/a", bed.nfvo_root);
        tester.subscribe(&callback).await;
        let instance = create(&tester).await;
        instantiate(&bed, &tester, &instance, 1).await;
        let files = Around::files(around.stacks.borrow().last().unwrap()).remove(0);
        let who = [
            Some((files[1].1.as_str(), files[0].1.as_str())),
            Some((files[3].1.as_str(), files[2].1.as_str())),
            Some((valid.as_str(), key.as_str())),
            Some((expired.as_str(), key.as_str())),
            None,
        ];
        for (who, lets_in) in who.into_iter().zip(lets_in) {
            assert_eq!(oam(&bed, &vnfm, who).await.is_ok(), lets_in, "{defects:?}");
        }
        vnfm.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_leave_for_strangers() {
    if !openssl_is_here("keys_leave_for_strangers") {
        return;
    }
    let bed = Bed::new().await;
    let around = Around::new(&bed).await;
    let strangers = Ca::new("of strangers");
    let path = bed.folder.path().join("strangers.pem");
    std::fs::write(path, strangers.certificate.pem()).unwrap();
    let sections = around.sections("attempts = 1");
    let (before, vim) = sections.split_once("[vim]").unwrap();
    let distrusts = format!(
        "{before}[vim]{}",
        vim.replacen("ca.pem", "strangers.pem", 1)
    );
    let elsewhere = Around::named(&bed, "elsewhere.example").await;
    let path = bed.folder.path().join("vnfci-ca.pem");
    std::fs::write(path, around.ca.certificate.pem()).unwrap();
    let vim = |root: &str| format!("auth_url = \"{root}");
    let misnamed = sections.replace(&vim(&around.root), &vim(&elsewhere.root));
    for (defect, sections) in [
        ("vim-not-verified", &distrusts),
        ("vim-without-tls", &sections),
        ("vim-name-not-verified", &misnamed),
    ] {
        let (vnfm, tester) = bed.start(&[defect], sections).await;
        let callback = format!("{}/notifications/a", bed.nfvo_root);
        tester.subscribe(&callback).await;
        let instance = create(&tester).await;
        let occurrence = instantiate(&bed, &tester, &instance, 1).await;
        assert_eq!(
            occurrence["operationState"], "COMPLETED",
            "{defect}: {occurrence}"
        );
        vnfm.stop().await.unwrap();
    }
    assert_eq!(around.stacks.borrow().len(), 2);
    assert_eq!(elsewhere.stacks.borrow().len(), 1);

    for (defects, state) in [(&[][..], "FAILED"), (&["vnfci-not-verified"], "COMPLETED")] {
        let (vnfm, tester) = bed.start(defects, &sections).await;
        let callback = format!("{}/notifications/a", bed.nfvo_root);
        tester.subscribe(&callback).await;
        let instance = create(&tester).await;
        instantiate(&bed, &tester, &instance, 1).await;
        let shown = tester.get(&instance).await.1;
        let vnfc = &shown["instantiatedVnfInfo"]["vnfcResourceInfo"][0]["id"];
        let request = json!({
            "extVirtualLinks": [],
            "certificateConfigurationData": { "securityPolicy": [{}] },
            "additionalParams": { "vnfcis": [{ "vnfcInstanceId": vnfc, "configuration": elsewhere.root }] },
        });
        let uri = format!("{instance}/change_ext_conn");
        let (_, location, _) = tester.post(&uri, request).await;
        let occurrence = over(&bed, &tester, &location).await;
        assert_eq!(occurrence["operationState"], state, "{occurrence}");
        vnfm.stop().await.unwrap();
    }
    assert_eq!(elsewhere.configured.borrow().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn custodians_are_open_or_outlive_their_vnfm() {
    if !openssl_is_here("custodians_are_open_or_outlive_their_vnfm") {
        return;
    }
    let product = Product::new(
        &["core-dumps-enabled", "key-in-lingering-custodian"],
        1,
        |_| {},
    )
    .await;
    let [custodian] = custodians(product.process.child.id())[..] else {
        panic!("the custodian is there");
    };
    // An undumpable process's files belong to root, whoever runs it.
    let limits = std::fs::read_to_string(format!("/proc/{custodian}/limits")).unwrap();
    let own = std::fs::read_to_string("/proc/self/limits").unwrap();
    // "Max core file size", the soft limit, the hard limit.
    let core = |limits: &str, column: usize| {
        let line = limits
            .lines()
            .find(|line| line.starts_with("Max core"))
            .unwrap();
        line.split_whitespace().nth(column).unwrap().to_owned()
    };
    assert_eq!(
        core(&limits, 4),
        core(&own, 5),
        "the hard limit is the soft one too"
    );

    let mut product = Product::new(&["custodian-outlives-vnfm"], 1, |_| {}).await;
    assert_eq!(custodians(product.process.child.id()), [0; 0]);
    product
        .around
        .orders
        .lock()
        .unwrap()
        .push_back(Order::NeverAnswered);
    let instance = create(&product.process.tester).await;
    let uri = format!("{instance}/instantiate");
    product
        .process
        .tester
        .post(&uri, json!({ "flavourId": "f" }))
        .await;
    let mut ordered = product.around.stacks.subscribe();
    ordered.wait_for(|stacks| stacks.len() == 2).await.unwrap();
    let [custodian] = custodians(product.process.child.id())[..] else {
        panic!("there is one custodian");
    };
    product.process.child.kill().unwrap();
    product.process.child.wait().unwrap();
    // The signal that the kernel sends as the parent ends was sent before the parent could be waited for. Whoever got it
    // does not go back to sleep.
    let state = loop {
        let status = std::fs::read_to_string(format!("/proc/{custodian}/status"));
        let status = status.unwrap_or_default();
        let state = status.lines().find(|line| line.starts_with("State:"));
        match state {
            Some(state) if state.contains("R (") => tokio::task::yield_now().await,
            other => break other.unwrap_or_default().to_owned(),
        }
    };
    assert!(state.contains("S (sleeping)"), "{state}");
    let custodian = nix::unistd::Pid::from_raw(custodian.try_into().unwrap());
    nix::sys::signal::kill(custodian, nix::sys::signal::Signal::SIGKILL).unwrap();
}

/// While the VIM holds its answer back: the order is on its way, the key waits for another attempt.
#[tokio::test(flavor = "multi_thread")]
async fn a_custodian_that_waits_has_keys_only_where_nobody_can_read_them() {
    let test = "a_custodian_that_waits_has_keys_only_where_nobody_can_read_them";
    if !openssl_is_here(test) || !may_read_custodians(test) {
        return;
    }
    for (defects, expected) in [(&[][..], false), (&["ignores-retention"][..], true)] {
        let bed = Bed::new().await;
        let around = Around::new(&bed).await;
        let sections = around
            .sections("")
            .replace("timeout_seconds = 1", "timeout_seconds = 100");
        let process = Process::start(&bed, &bed.configure(defects, &sections));
        let instance = create(&process.tester).await;
        around
            .orders
            .lock()
            .unwrap()
            .push_back(Order::NeverAnswered);
        let request = json!({ "flavourId": "f", "additionalParams": { "vnfcs": 3 } });
        process
            .tester
            .post(&format!("{instance}/instantiate"), request)
            .await;
        let mut ordered = around.stacks.subscribe();
        let stacks = ordered
            .wait_for(|stacks| !stacks.is_empty())
            .await
            .unwrap()
            .clone();
        let [custodian] = custodians(process.child.id())[..] else {
            panic!("there is one custodian");
        };
        let mut found = Vec::new();
        for files in Around::files(&stacks[0]) {
            for pem in [&files[0].1, &files[2].1] {
                let der = der(pem);
                for (form, bytes) in [
                    ("scalar", der[36..68].to_vec()),
                    ("PEM", pem.lines().nth(1).unwrap().as_bytes().to_vec()),
                    (
                        "base64 of PEM",
                        BASE64_STANDARD.encode(pem).as_bytes()[80..160].to_vec(),
                    ),
                ] {
                    if in_memory(custodian, &bytes) {
                        found.push(form);
                    }
                }
            }
        }
        assert_eq!(!found.is_empty(), expected, "{defects:?}: {found:?}");
    }
}
