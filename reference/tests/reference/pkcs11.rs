//! Private keys in a PKCS#11 token, which is Debian's softhsm2: that it works, that nothing stays there, and what is said when it
//! cannot be used.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use axum::http::StatusCode;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::object::{Attribute, AttributeType, ObjectClass};
use cryptoki::session::UserType;
use scas_reference::vnfm::{Config, ConfigError, Vnfm};
use serde_json::{Value, json};

use crate::around::{Around, Order};
use crate::bed::{Bed, Tester};
use crate::delegation::{
    create, custodians, holds, instantiate, over, own_custodians, public_keys, start,
};
use crate::process::Process;
use crate::support::{VNFD_ID, openssl_is_here};

const PIN: &str = "493817";

/// A token of its own for a test, below the test's folder.
struct SoftHsm {
    module: PathBuf,
    folder: PathBuf,
}

impl SoftHsm {
    /// Nothing if softhsm2 is not installed: says so then, and fails in CI.
    fn new(test: &str, folder: &Path) -> Option<Self> {
        let module = module();
        if module.is_none() {
            #[expect(
                clippy::print_stderr,
                reason = "a test that does not run must not look as if it had"
            )]
            let () = eprintln!("NOT RUN: {test}: there is no softhsm2");
            assert_ne!(
                std::env::var("CI").as_deref(),
                Ok("true"),
                "CI must have softhsm2"
            );
        }
        let hsm = Self {
            module: module?,
            folder: folder.to_owned(),
        };
        std::fs::create_dir(hsm.tokens()).unwrap();
        let settings = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            hsm.tokens().display()
        );
        std::fs::write(hsm.settings(), settings).unwrap();
        std::fs::write(folder.join("pin"), format!("{PIN}\n")).unwrap();
        let made = Command::new("softhsm2-util")
            .args(["--init-token", "--free", "--label", "keys of VNFCIs"])
            .args(["--so-pin", "00000000", "--pin", PIN])
            .env("SOFTHSM2_CONF", hsm.settings())
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        Some(hsm)
    }

    fn tokens(&self) -> PathBuf {
        self.folder.join("tokens")
    }

    /// The folder of the one token.
    fn token(&self) -> PathBuf {
        let token = std::fs::read_dir(self.tokens()).unwrap().next().unwrap();
        token.unwrap().path()
    }

    fn settings(&self) -> PathBuf {
        self.folder.join("softhsm2.conf")
    }

    /// What goes into `[keys]`; `keys` first, `more` into `[keys.pkcs11]`.
    fn sections(&self, keys: &str, more: &str) -> String {
        format!(
            "custody = \"pkcs11\"\n{keys}\n[keys.pkcs11]\nmodule = {:?}\ntoken = \"keys of VNFCIs\"\npin_file = \"pin\"\n\
             environment = {{ SOFTHSM2_CONF = {:?} }}\n{more}\n",
            self.module,
            self.settings()
        )
    }

    /// How many objects are in the token, by softhsm2's own files: what is there beside the token's description.
    fn objects(&self) -> usize {
        std::fs::read_dir(self.token())
            .unwrap()
            .filter(|entry| {
                let name = entry.as_ref().unwrap().file_name();
                let name = name.to_str().unwrap();
                name.ends_with(".object") && name != "token.object"
            })
            .count()
    }

    /// What its private keys say of themselves to their user.
    fn private_keys(&self) -> Vec<Value> {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "pkcs11::token_is_looked_at", "--ignored"])
            .arg("--nocapture")
            .env("SOFTHSM2_CONF", self.settings())
            .env("SCAS_TEST_MODULE", &self.module)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let keys = text.lines().filter_map(|line| {
            let (_, json) = line.split_once("KEY ")?;
            Some(serde_json::from_str(json).unwrap())
        });
        keys.collect()
    }
}

fn module() -> Option<PathBuf> {
    Command::new("softhsm2-util")
        .arg("--version")
        .output()
        .ok()?;
    [
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib64/softhsm/libsofthsm2.so",
        "/usr/lib64/pkcs11/libsofthsm2.so",
        "/usr/local/lib/softhsm/libsofthsm2.so",
    ]
    .into_iter()
    .map(PathBuf::from)
    .find(|path| path.exists())
}

/// Not a test: the process that [`SoftHsm::private_keys`] starts. softhsm2 is told by the environment where its tokens are.
#[test]
#[ignore = "run by the tests below as a process of its own"]
#[expect(clippy::print_stdout, reason = "its parent reads it")]
fn token_is_looked_at() {
    let module = std::env::var_os("SCAS_TEST_MODULE").expect("the parent names the module");
    let library = Pkcs11::new(module).unwrap();
    library
        .initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))
        .unwrap();
    let slot = library.get_slots_with_initialized_token().unwrap()[0];
    let session = library.open_ro_session(slot).unwrap();
    session
        .login(UserType::User, Some(&PIN.to_owned().into()))
        .unwrap();
    let template = [Attribute::Class(ObjectClass::PRIVATE_KEY)];
    for key in session.find_objects(&template).unwrap() {
        let flag = |asked| {
            let told = session.get_attributes(key, &[asked]).unwrap();
            match told[..] {
                [
                    Attribute::Sensitive(is)
                    | Attribute::AlwaysSensitive(is)
                    | Attribute::Local(is),
                ] => is,
                _ => panic!("{told:?}"),
            }
        };
        let value = session.get_attributes(key, &[AttributeType::Value]);
        println!(
            "KEY {}",
            json!({
                "isSensitive": flag(AttributeType::Sensitive),
                "wasAlwaysSensitive": flag(AttributeType::AlwaysSensitive),
                "wasMadeThere": flag(AttributeType::Local),
                "isShown": value.is_ok_and(|value| !value.is_empty()),
            })
        );
    }
}

fn configuration(algorithm: &str) -> Value {
    json!({ "securityPolicy": [{ "id": "p", "allowedAlgorithm": algorithm }] })
}

async fn create_with(tester: &Tester, algorithm: &str) -> String {
    let request = json!({
        "vnfdId": VNFD_ID,
        "certificateConfigurationData": configuration(algorithm),
    });
    let (status, location, body) = tester.post("/vnf_instances", request).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    location
}

#[tokio::test]
async fn the_token_makes_the_keys_and_keeps_none() {
    if !openssl_is_here("the_token_makes_the_keys_and_keeps_none") {
        return;
    }
    let bed = Bed::new().await;
    let around = Around::new(&bed).await;
    let Some(hsm) = SoftHsm::new("the_token_makes_the_keys_and_keeps_none", bed.folder.path())
    else {
        return;
    };
    for (objects, algorithm) in [
        ("session", "EC_P256"),
        ("token", "EC_P384"),
        ("session", "RSA"),
    ] {
        let keys = hsm.sections("", &format!("objects = {objects:?}"));
        let (vnfm, tester) = start(&bed, &around, &keys).await;
        let instance = create_with(&tester, algorithm).await;
        // The second attempt needs the keys a second time.
        around.orders.lock().unwrap().push_back(Order::Refused);
        let occurrence = instantiate(&bed, &tester, &instance, 2).await;
        assert_eq!(occurrence["operationState"], "COMPLETED", "{occurrence}");
        let stacks = around.stacks.borrow().clone();
        let servers = Around::files(stacks.last().unwrap());
        for files in &servers {
            for pair in files[..4].chunks(2) {
                let (certified, made) = public_keys(&pair[1].1, &pair[0].1);
                assert_eq!(certified, made);
            }
        }
        assert_ne!(servers[0][0].1, servers[1][0].1);
        assert_eq!((hsm.objects(), own_custodians()), (0, vec![]));

        let vnfc =
            &tester.get(&instance).await.1["instantiatedVnfInfo"]["vnfcResourceInfo"][0]["id"];
        let change = json!({
            "extVirtualLinks": [],
            "certificateConfigurationData": configuration(algorithm),
            "additionalParams": { "vnfcis": [{ "vnfcInstanceId": vnfc, "configuration": around.root }] },
        });
        let uri = format!("{instance}/change_ext_conn");
        let (status, location, body) = tester.post(&uri, change).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{body}");
        let occurrence = over(&bed, &tester, &location).await;
        assert_eq!(occurrence["operationState"], "COMPLETED", "{occurrence}");
        assert_eq!(hsm.objects(), 0);
        vnfm.stop().await.unwrap();
    }
}

/// Waits until the VIM has got an order, which it does not answer.
async fn ordered(around: &Around, tester: &Tester, instance: &str) {
    around
        .orders
        .lock()
        .unwrap()
        .push_back(Order::NeverAnswered);
    let mut stacks = around.stacks.subscribe();
    let before = stacks.borrow().len();
    let request = json!({ "flavourId": "f" });
    tester
        .post(&format!("{instance}/instantiate"), request)
        .await;
    stacks
        .wait_for(|stacks| stacks.len() > before)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_failed_installation_leaves_nothing_in_the_token() {
    if !openssl_is_here("a_failed_installation_leaves_nothing_in_the_token") {
        return;
    }
    let bed = Bed::new().await;
    let around = Around::new(&bed).await;
    let Some(hsm) = SoftHsm::new(
        "a_failed_installation_leaves_nothing_in_the_token",
        bed.folder.path(),
    ) else {
        return;
    };
    for (keys, order, why) in [
        ("attempts = 1", Order::Refused, "after 1 failed attempts"),
        (
            "retention_seconds = 1",
            Order::NeverAnswered,
            "retention period of 1 s",
        ),
    ] {
        let sections = around
            .sections(&hsm.sections(keys, "objects = \"token\""))
            .replace("timeout_seconds = 1", "timeout_seconds = 100");
        let (vnfm, tester) = bed.start(&[], &sections).await;
        tester
            .subscribe(&format!("{}/notifications/a", bed.nfvo_root))
            .await;
        let instance = create(&tester).await;
        around.orders.lock().unwrap().push_back(order);
        let occurrence = instantiate(&bed, &tester, &instance, 1).await;
        assert_eq!(occurrence["operationState"], "FAILED", "{occurrence}");
        let detail = occurrence["error"]["detail"].as_str().unwrap();
        assert!(detail.contains(why), "{detail}");
        assert_eq!((hsm.objects(), own_custodians()), (0, vec![]));
        vnfm.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_has_left_in_the_token_is_destroyed() {
    if !openssl_is_here("what_a_crash_has_left_in_the_token_is_destroyed") {
        return;
    }
    let bed = Bed::new().await;
    let around = Around::new(&bed).await;
    let Some(hsm) = SoftHsm::new(
        "what_a_crash_has_left_in_the_token_is_destroyed",
        bed.folder.path(),
    ) else {
        return;
    };
    let sections = around
        .sections(&hsm.sections("attempts = 1", "objects = \"token\""))
        .replace("timeout_seconds = 1", "timeout_seconds = 100");
    let config = bed.configure(&[], &sections);

    // Killed is the custodian alone: the VNFM cleans up after it.
    let mut process = Process::start(&bed, &config);
    process
        .tester
        .subscribe(&format!("{}/notifications/a", bed.nfvo_root))
        .await;
    let instance = create(&process.tester).await;
    ordered(&around, &process.tester, &instance).await;
    assert_eq!(hsm.objects(), 2, "VNF OAM and VNFCI");
    assert_eq!(
        hsm.private_keys(),
        [0, 1].map(|_| json!({
            "isSensitive": true, "wasAlwaysSensitive": true, "wasMadeThere": true, "isShown": false,
        }))
    );
    let [custodian] = custodians(process.child.id())[..] else {
        panic!("there is one custodian");
    };
    let killed = Command::new("kill")
        .args(["-KILL", &custodian.to_string()])
        .status();
    assert!(killed.unwrap().success());
    let result = bed
        .notification(|one| one["notificationStatus"] == "RESULT")
        .await;
    assert_eq!(result["operationState"], "FAILED", "{result}");
    assert_eq!(hsm.objects(), 0);

    // Killed is the VNFM.
    ordered(&around, &process.tester, &instance).await;
    let [custodian] = custodians(process.child.id())[..] else {
        panic!("there is one custodian");
    };
    process.child.kill().unwrap();
    process.child.wait().unwrap();
    while std::fs::read_to_string(format!("/proc/{custodian}/stat"))
        .is_ok_and(|stat| !stat.contains(") Z "))
    {
        tokio::task::yield_now().await;
    }
    assert_eq!(hsm.objects(), 2);

    // Another VNFM with the same token leaves alone what is not its own.
    let text = std::fs::read_to_string(&config).unwrap();
    let other = bed.folder.path().join("other.toml");
    std::fs::write(&other, text.replace("\"state\"", "\"other-state\"")).unwrap();
    drop(Process::start(&bed, &other));
    assert_eq!(hsm.objects(), 2);
    drop(Process::start(&bed, &config));
    assert_eq!(hsm.objects(), 0);
}

#[tokio::test]
async fn deviating_products_deviate_with_a_token_too() {
    if !openssl_is_here("deviating_products_deviate_with_a_token_too") {
        return;
    }
    let bed = Bed::new().await;
    let around = Around::new(&bed).await;
    let Some(hsm) = SoftHsm::new(
        "deviating_products_deviate_with_a_token_too",
        bed.folder.path(),
    ) else {
        return;
    };
    let sections = around.sections(&hsm.sections("attempts = 1", "objects = \"token\""));

    // It has the key taken out, and keeps it.
    for (defects, is_kept) in [(&[][..], false), (&["key-in-database"], true)] {
        let (vnfm, tester) = bed.start(defects, &sections).await;
        tester
            .subscribe(&format!("{}/notifications/a", bed.nfvo_root))
            .await;
        let instance = create(&tester).await;
        let occurrence = instantiate(&bed, &tester, &instance, 1).await;
        assert_eq!(occurrence["operationState"], "COMPLETED", "{occurrence}");
        let stacks = around.stacks.borrow().clone();
        let pem = Around::files(stacks.last().unwrap())[0][0].1.clone();
        let state = bed.folder.path().join("state");
        assert_eq!(holds(&state, pem.lines().nth(1).unwrap()), is_kept);
        assert_eq!(hsm.objects(), 0, "{defects:?}");
        vnfm.stop().await.unwrap();
    }

    // The custodian stays, and its objects with it, until the next operation begins.
    let (vnfm, tester) = bed.start(&["deletes-at-next-operation"], &sections).await;
    tester
        .subscribe(&format!("{}/notifications/a", bed.nfvo_root))
        .await;
    for _ in 0..2 {
        let instance = create(&tester).await;
        instantiate(&bed, &tester, &instance, 1).await;
        assert_eq!(hsm.objects(), 2);
    }
    vnfm.stop().await.unwrap();

    // What the token has not signed is refused: the hand-written CMF hangs up.
    let (vnfm, tester) = bed.start(&["csr-signed-by-other-key"], &sections).await;
    tester
        .subscribe(&format!("{}/notifications/a", bed.nfvo_root))
        .await;
    let instance = create(&tester).await;
    let occurrence = instantiate(&bed, &tester, &instance, 1).await;
    assert_eq!(occurrence["operationState"], "FAILED", "{occurrence}");
    assert_eq!(hsm.objects(), 0);
    vnfm.stop().await.unwrap();
}

#[tokio::test]
async fn a_token_that_takes_no_key_fails_the_operation() {
    if !openssl_is_here("a_token_that_takes_no_key_fails_the_operation") {
        return;
    }
    let bed = Bed::new().await;
    let around = Around::new(&bed).await;
    let Some(hsm) = SoftHsm::new(
        "a_token_that_takes_no_key_fails_the_operation",
        bed.folder.path(),
    ) else {
        return;
    };
    // softhsm2's tokens are folders: nothing goes into one that is not writable, but for root, who has to give that up.
    let custodian = env!("CARGO_BIN_EXE_scas-reference-custodian");
    let mut sections = around.sections(&hsm.sections("", "objects = \"token\""));
    if nix::unistd::geteuid().is_root() {
        sections = sections.replace(
            &format!("[{custodian:?}]"),
            &format!("[\"/usr/bin/setpriv\", \"--bounding-set=-dac_override\", {custodian:?}]"),
        );
    }
    let (vnfm, tester) = bed.start(&[], &sections).await;
    tester
        .subscribe(&format!("{}/notifications/a", bed.nfvo_root))
        .await;
    let instance = create(&tester).await;
    let mode = |mode| std::fs::set_permissions(hsm.token(), Permissions::from_mode(mode)).unwrap();
    mode(0o500);
    let occurrence = instantiate(&bed, &tester, &instance, 1).await;
    assert_eq!(occurrence["operationState"], "FAILED", "{occurrence}");
    let detail = occurrence["error"]["detail"].as_str().unwrap();
    assert!(
        detail.contains("the PKCS#11 token `keys of VNFCIs` makes no key pair"),
        "{detail}"
    );
    mode(0o700);
    assert_eq!((around.stacks.borrow().len(), hsm.objects()), (0, 0));
    vnfm.stop().await.unwrap();
}

#[tokio::test]
async fn a_token_that_cannot_be_used_is_told_at_the_start() {
    if !openssl_is_here("a_token_that_cannot_be_used_is_told_at_the_start") {
        return;
    }
    let bed = Bed::new().await;
    let around = Around::new(&bed).await;
    let Some(hsm) = SoftHsm::new(
        "a_token_that_cannot_be_used_is_told_at_the_start",
        bed.folder.path(),
    ) else {
        return;
    };
    let right = hsm.sections("", "");
    let module = hsm.module.to_str().unwrap();
    std::fs::write(bed.folder.path().join("wrong-pin"), "1111\n").unwrap();
    let ca = bed.folder.path().join("ca.pem");
    let ca = ca.to_str().unwrap();
    for (wrong, label, word) in [
        (
            right.replace(module, "/nowhere/lib.so"),
            "keys.pkcs11.module",
            "/nowhere/lib.so",
        ),
        (right.replace(module, ca), "keys.pkcs11.module", ca),
        (
            right.replace("keys of VNFCIs", "keys"),
            "keys.pkcs11.token",
            "it has `keys of VNFCIs`",
        ),
        (
            right.replace("\"pin\"", "\"wrong-pin\""),
            "keys.pkcs11.pin_file",
            "does not take this PIN",
        ),
        (
            right.replace("\"pin\"", "\"no-pin\""),
            "keys.pkcs11.pin_file",
            "No such file",
        ),
        (
            right.replace("custody = \"pkcs11\"", ""),
            "keys.custody",
            "[keys.pkcs11] is there",
        ),
        (
            "custody = \"pkcs11\"".to_owned(),
            "keys.custody",
            "[keys.pkcs11] is missing",
        ),
        (
            // No mistake but for a product that makes keys badly.
            right.clone(),
            "test.defects",
            "`known-weak-key`",
        ),
    ] {
        let defects: &[_] = match label {
            "test.defects" => &["key-in-database", "known-weak-key"],
            _ => &[],
        };
        let config = bed.configure(defects, &around.sections(&wrong));
        // It is a mistake in the configuration: `scas reference vnfm` makes exit code 64 of it.
        let config = Config::load(&config).unwrap();
        let error = loop {
            let Err(error) = Vnfm::start(&config).await else {
                panic!("{label} is wrong, and it serves");
            };
            // One that was refused a moment ago lets go of its state as its last thread ends.
            if !format!("{error:#}").contains("already open") {
                break error;
            }
            tokio::task::yield_now().await;
        };
        assert!(error.is::<ConfigError>(), "{label}: {error:#}");
        let text = format!("{error:#}");
        assert!(text.contains(label) && text.contains(word), "{text}");
        assert!(!text.contains("1111") && !text.contains(PIN), "{text}");
    }
    assert_eq!(hsm.objects(), 0);
}
