//! A product that runs by itself, with a lab's PKI, credentials of its own and fixed ports: the reference, which refuses whoever does not
//! bring them. The tester knows it by its profile alone.

use serde_json::Value;

use crate::program::{Program, free_port};
use crate::support::{Ended, SHORT, Stage};

/// The secrets of these tests. None may stand in a record.
const SECRETS: [&str; 2] = ["s e:c%ret-of-the-tester", "s+e:c%ret-of-the-product"];

/// A lab with a product that runs.
struct Lab {
    stage: Stage,
    product: Program,
    root: String,
    nfvo: u16,
}

impl Lab {
    /// The product wants this authorization (TOML of `[api.authorization]`, or nothing) beside a client certificate of the lab's CA, and
    /// itself gets tokens of the NFVO.
    fn open(authorization: &str) -> Self {
        let stage = Stage::new();
        stage.run(&["pki", "new", "lab"]).assert_told(0, &["Made"]);
        let nfvo = free_port();
        stage.write("tester.txt", SECRETS[0]);
        stage.write("product.txt", &format!("{}\n", SECRETS[1]));
        stage.write("wrong.txt", "another-secret");
        let config = format!(
            r#"
            [api]
            listen = "127.0.0.1:0"
            certificate = "lab/tls/vnfm.crt"
            private_key = "lab/tls/vnfm.key"
            client_anchors = "lab/tls/ca.crt"
            {authorization}
            [nfvo]
            api_root = "https://127.0.0.1:{nfvo}"
            anchors = "lab/tls/ca.crt"
            certificate = "lab/tls/vnfm.crt"
            private_key = "lab/tls/vnfm.key"
            [nfvo.oauth2]
            token_endpoint = "https://127.0.0.1:{nfvo}/token"
            client_id = "vnfm"
            client_secret_file = "product.txt"
            [packages]
            anchors = "lab/signers/signers-ca.crt"
            crls = ["lab/signers/signers.crl"]
            [storage]
            directory = "state"
            "#
        );
        stage.write("vnfm.toml", &config);
        let product = Program::reference(&stage, "vnfm.toml");
        let root = product.root();
        Self {
            stage,
            product,
            root,
            nfvo,
        }
    }

    /// The profile, with these lines under `[ixit.api]`, and this file as the secret that the NFVO expects.
    fn profile(&self, api: &str, secret: &str) {
        let (root, nfvo) = (&self.root, self.nfvo);
        let text = format!(
            r#"
            [sut]
            name = "foreign"
            vendor = "somebody"
            version = "1"
            role = "VNFM"
            [ics]
            vnfd-signature-verification = true
            vnf-instance-id = true
            delegation-mode = {{ supported = false, reason = "a test of the rest" }}
            [documents]
            vnfd-signature-verification = "manual, 1"
            vnf-instance-id = "manual, 2"
            [ixit]
            pki = "lab"
            refusal-statuses = [422]
            [ixit.capacity]
            quick = 20
            full = 20
            concurrency = 2
            [ixit.timeouts]
            start = 5
            answer = 5
            [ixit.api]
            root = "{root}"
            running = true
            {api}
            [ixit.nfvo]
            listen = "127.0.0.1:{nfvo}"
            client-id = "vnfm"
            client-secret = {{ file = "{secret}" }}
            "#
        );
        self.stage.write("foreign.toml", &text);
    }

    fn run(&self, select: &str) -> Ended {
        let ended = self
            .stage
            .run(&["run", "--sut", "foreign.toml", "--select", select]);
        self.assert_no_secret_in_the_record();
        ended
    }

    fn assert_no_secret_in_the_record(&self) {
        let mut folders = vec![self.stage.path("reports")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let bytes = std::fs::read(&path).unwrap();
                let text = String::from_utf8_lossy(&bytes);
                for secret in SECRETS {
                    assert!(!text.contains(secret), "{} tells a secret", path.display());
                }
            }
        }
    }

    /// How many VNF instances the product says it created and deleted in a scenario.
    fn created_and_deleted(&self, case: &Value, scenario: &Value) -> (usize, usize) {
        let line = scenario["line"].as_u64().unwrap();
        let id = case["id"].as_str().unwrap();
        let path = format!("evidence/{id}/line-{line:03}/transcript.jsonl");
        let text = std::fs::read_to_string(self.stage.run_folder().join(path)).unwrap();
        let exchanges: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let count = |method: &str, status: u16| {
            let of_instances = |exchange: &&Value| {
                exchange["to"] == "VNFM"
                    && exchange["request"]["method"] == method
                    && exchange["response"]["status"] == status
                    && exchange["request"]["target"]
                        .as_str()
                        .unwrap()
                        .contains("/vnf_instances")
            };
            exchanges.iter().filter(of_instances).count()
        };
        (count("POST", 201), count("DELETE", 204))
    }

    fn close(self) {
        self.product.end();
        self.stage.assert_nothing_left();
    }
}

const OAUTH2: &str =
    "[api.authorization]\nkind = \"oauth2\"\nuser = \"lab nfvo\"\nsecret_file = \"tester.txt\"";

fn oauth2(root: &str, secret: &str) -> String {
    format!(
        "authentication = {{ kind = \"oauth2\", token-endpoint = \"{root}/token\", client-id = \"lab nfvo\", client-secret = \
         {{ file = \"{secret}\" }} }}\n{LAB_CERTIFICATE}"
    )
}

/// The lab issued the tester a certificate, which this product wants besides.
const LAB_CERTIFICATE: &str = "anchors = \"lab/tls/ca.crt\"\ncertificate = \"lab/tls/nfvo.crt\"\nprivate-key = \"lab/tls/nfvo.key\"";

#[test]
fn a_product_that_wants_tokens_and_a_labs_certificates_is_judged_as_at_home_and_brought_back() {
    let lab = Lab::open(OAUTH2);
    lab.profile(&oauth2(&lab.root, "tester.txt"), "product.txt");
    lab.run(&format!("({SHORT}) or (4.2.2.2 and @normative)"))
        .assert_told(0, &["Pass", "the harness's own share"]);
    let results = crate::support::json(&lab.stage.run_folder().join("results.json"));
    for case in results["cases"].as_array().unwrap() {
        for scenario in case["scenarios"].as_array().unwrap() {
            assert_eq!(scenario["residue"], serde_json::json!([]));
            let tolerated = scenario["observations"].to_string().contains("tolerated");
            assert!(!tolerated, "the reference deviates nowhere: {scenario}");
            let (created, deleted) = lab.created_and_deleted(case, scenario);
            assert!(created > 0 && created == deleted, "{created} {deleted}");
        }
    }
    lab.close();
}

#[test]
fn a_wrong_secret_of_the_tester_is_told_and_nothing_is_judged() {
    let lab = Lab::open(OAUTH2);
    lab.profile(&oauth2(&lab.root, "wrong.txt"), "product.txt");
    let ended = lab.run(SHORT);
    assert!(
        [2, 64].contains(&ended.code),
        "{} {}",
        ended.stdout,
        ended.stderr
    );
    let told = format!("{}{}", ended.stdout, ended.stderr);
    assert!(
        told.contains("ixit.api.authentication") && told.contains("401"),
        "{told}"
    );
    lab.close();
}

#[test]
fn a_product_with_a_wrong_secret_gets_no_package_and_is_not_judged() {
    let lab = Lab::open(OAUTH2);
    lab.profile(&oauth2(&lab.root, "tester.txt"), "wrong.txt");
    lab.run(SHORT).assert_told(2, &["Inconclusive"]);
    lab.close();
}

#[test]
fn basic_a_fixed_token_and_the_older_path_are_spoken() {
    for (kind, authentication, version) in [
        (
            "basic",
            "kind = \"basic\", user = \"lab nfvo\", password = { file = \"tester.txt\" }",
            "2.0.0",
        ),
        (
            "bearer",
            "kind = \"token\", token = { file = \"tester.txt\" }",
            "1.3.0",
        ),
    ] {
        let lab = Lab::open(&format!(
            "[api.authorization]\nkind = \"{kind}\"\nuser = \"lab nfvo\"\nsecret_file = \"tester.txt\""
        ));
        lab.profile(
            &format!("version = \"{version}\"\nauthentication = {{ {authentication} }}\n{LAB_CERTIFICATE}"),
            "product.txt",
        );
        lab.run(SHORT).assert_told(0, &["Pass"]);
        lab.profile(
            &format!(
                "version = \"{version}\"\nauthentication = {{ {} }}\n{LAB_CERTIFICATE}",
                authentication.replace("tester.txt", "wrong.txt")
            ),
            "product.txt",
        );
        let ended = lab.run(SHORT);
        assert!([2, 64].contains(&ended.code), "{kind}: {}", ended.stdout);
        lab.close();
    }
}

#[test]
fn what_is_kept_is_told_and_what_needs_a_command_names_it() {
    let lab = Lab::open("");
    lab.profile("", "product.txt");
    let ended = lab.stage.run(&[
        "run",
        "--sut",
        "foreign.toml",
        "--keep",
        "--select",
        "4.2.2.2 and @extended",
    ]);
    ended.assert_told(
        2,
        &[
            "kept, as --keep asks: 40 VNF instance(s)",
            "ixit.commands.restart",
            "ixit.commands.kill",
        ],
    );
    lab.close();
}
