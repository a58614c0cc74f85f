//! Another machine, for as long as a test lasts: a network of its own with an address, processes, `/tmp` and `/dev/shm` of its own, and
//! an SSH server. A reference VNFM runs there as a product that nobody here started: as another user, with a configuration of its own.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::scan::{has, is_root};
use crate::support::Stage;

/// Where its own files lie, as it sees them.
pub const ROOT: &str = "/mnt";
/// Whom the product runs as.
const USER: u32 = 61_234;
/// Debian does not have it on everybody's path.
const SSHD: &str = "/usr/sbin/sshd";
const SSH_PORT: u16 = 2222;
const API_PORT: u16 = 9443;
const OAM_PORT: u16 = 9444;

/// One of the machines of this process.
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// The machine and what the tester knows of it.
pub struct Machine {
    pub stage: Stage,
    pub there: String,
    here: String,
    namespace: String,
    /// Ports of NFVO, CMF and VIM here.
    ports: [u16; 3],
    init: Child,
}

/// Whether such a machine can be made; if not, that is said.
pub fn can_be_made() -> bool {
    is_root()
        && has("ip", &["netns", "list"])
        && has("unshare", &["--version"])
        && has("setpriv", &["--version"])
        && has("ssh", &["-V"])
        && has("test", &["-x", SSHD])
}

impl Machine {
    /// Makes it, with an SSH server that serves. The product is configured with these defects, and not started yet.
    pub fn new(defects: &[&str]) -> Self {
        let stage = Stage::new();
        let number = std::process::id() % 2000 * 32 + NUMBER.fetch_add(1, Ordering::Relaxed) % 32;
        let namespace = format!("scas{number}");
        // A network of four addresses out of 10.192.0.0/12.
        let network = u32::from_be_bytes([10, 192, 0, 0]) + number * 4;
        let address = |last: u32| std::net::Ipv4Addr::from(network + last).to_string();
        let (here, there) = (address(1), address(2));
        network_of(&namespace, &here, &there);
        let names = ["--name", here.as_str(), "--name", there.as_str()];
        let made = stage.run(&[&["pki", "new"], &names[..], &["lab"]].concat());
        made.assert_told(0, &["Made"]);
        let ports = [(); 3].map(|()| {
            let listener = TcpListener::bind((here.as_str(), 0)).unwrap();
            listener.local_addr().unwrap().port()
        });
        let init = boot(&stage, &namespace, &there);
        let machine = Self {
            stage,
            there,
            here,
            namespace,
            ports,
            init,
        };
        machine.install(defects);
        machine
    }

    /// The command that runs `scas` there.
    pub fn via(&self) -> Vec<String> {
        [self.ssh(), vec![format!("{ROOT}/scas")]].concat()
    }

    /// The command that runs another there.
    pub fn ssh(&self) -> Vec<String> {
        let path = |name: &str| self.stage.path(name).display().to_string();
        let words = format!(
            "ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile={} -o IdentityFile={} -p {SSH_PORT} root@{}",
            path("known"),
            path("client"),
            self.there
        );
        words.split(' ').map(str::to_owned).collect()
    }

    /// Runs something there.
    #[track_caller]
    pub fn call(&self, words: &[&str]) -> String {
        let ssh = self.ssh();
        let output = Command::new(&ssh[0]).args(&ssh[1..]).args(words).output();
        let output = output.unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words:?}: {told}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Writes the profile of the product: what a lab knows of it. `observe` is the table of that name.
    pub fn profile(&self, observe: &str) {
        let (here, there) = (&self.here, &self.there);
        let [nfvo, cmf, vim] = self.ports;
        let reset = self.stage.path("reset").display().to_string();
        let ctl = |what: &str| {
            let words = [self.ssh(), vec![format!("{ROOT}/ctl"), what.to_owned()]].concat();
            format!("{words:?}")
        };
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
            delegation-mode = true
            key-custody-pkcs11 = {{ supported = false, reason = "no token" }}
            [documents]
            vnfd-signature-verification = "manual, 1"
            vnf-instance-id = "manual, 2"
            delegation-mode = "manual, 3"
            [ixit]
            pki = "lab"
            refusal-statuses = [422]
            [ixit.capacity]
            quick = 20
            full = 20
            concurrency = 2
            [ixit.api]
            root = "https://{there}:{API_PORT}"
            running = true
            [ixit.commands]
            start = {start}
            stop = {stop}
            kill = {kill}
            reset = [{reset:?}, "{{cmf-ca}}", "{{vim-password-file}}"]
            [ixit.nfvo]
            listen = "{here}:{nfvo}"
            [ixit.cmf]
            listen = "{here}:{cmf}"
            [ixit.vim]
            listen = "{here}:{vim}"
            [ixit.vnfci]
            listen = "{here}:0"
            [ixit.oam]
            address = "{there}:{OAM_PORT}"
            [ixit.keys]
            retention = 60
            deletion-deadline = 1
            [ixit.vnf]
            instantiate = {{ additionalParams = {{ vnfcs = "{{vnfcs}}" }} }}
            change-ext-conn = {{ additionalParams = {{ vnfcis = "{{vnfcis}}" }} }}
            [ixit.observe]
            {observe}
            "#,
            start = ctl("start"),
            stop = ctl("stop"),
            kill = ctl("kill"),
        );
        self.stage.write("foreign.toml", &text);
    }

    /// What a lab writes of where to look, through this command.
    pub fn observe(via: &[String]) -> String {
        format!(
            "via = {via:?}\nproduct = [\"pidfile:{ROOT}/run/vnfm.pid\"]\nstorage = [\"{ROOT}/var\"]\nprocesses = \"all\""
        )
    }

    /// The product's program, its configuration, and how it is started and stopped.
    fn install(&self, defects: &[&str]) {
        let (here, there) = (&self.here, &self.there);
        let [nfvo, cmf, vim] = self.ports;
        let (etc, lab) = (self.stage.path("there/etc"), self.stage.path("lab"));
        let tls = format!(
            "anchors = \"{ROOT}/etc/ca.crt\"\ncertificate = \"{ROOT}/etc/vnfm.crt\"\nprivate_key = \"{ROOT}/etc/vnfm.key\"\n"
        );
        let plain = format!(
            "[api]\nlisten = \"{there}:{API_PORT}\"\nclient_{tls}\n[nfvo]\napi_root = \"https://{here}:{nfvo}\"\n{tls}\n\
             [packages]\nanchors = \"{ROOT}/etc/signers-ca.crt\"\ncrls = [\"{ROOT}/etc/signers.crl\"]\n\n\
             [storage]\ndirectory = \"{ROOT}/var/state\"\n\n[log]\nfile = \"{ROOT}/var/log/vnfm.log\"\nlevel = \"debug\"\n\n\
             [test]\ndefects = {defects:?}\n"
        );
        let delegation = format!(
            "\n[cmf]\nroot = \"https://{here}:{cmf}\"\n{tls}ca_anchors = \"{ROOT}/etc/cmf-ca.crt\"\n\n\
             [vim]\nauth_url = \"https://{here}:{vim}/identity/v3\"\n{tls}user = \"vnfm\"\npassword_file = \"{ROOT}/etc/vim-password\"\n\
             project = \"nfv\"\ndomain = \"Default\"\n\n[oam]\nlisten = \"{there}:{OAM_PORT}\"\n\
             certificate = \"{ROOT}/etc/vnfm.crt\"\nprivate_key = \"{ROOT}/etc/vnfm.key\"\n\n[vnfci]\n{tls}\n\
             [keys]\nretention_seconds = 60\nattempts = 3\n"
        );
        std::fs::write(etc.join("plain.toml"), plain).unwrap();
        std::fs::write(etc.join("delegation.toml"), delegation).unwrap();
        for (from, to) in [
            ("tls/ca.crt", "ca.crt"),
            ("tls/vnfm.crt", "vnfm.crt"),
            ("tls/vnfm.key", "vnfm.key"),
            ("signers/signers-ca.crt", "signers-ca.crt"),
            ("signers/signers.crl", "signers.crl"),
        ] {
            std::fs::copy(lab.join(from), etc.join(to)).unwrap();
        }
        script(&self.stage.path("there/ctl"), CTL);
        let ssh = self.ssh().join(" ");
        let reset = format!(
            "if test -n \"$1\"; then {ssh} 'cat > {ROOT}/etc/cmf-ca.crt' < \"$1\"\n\
             {ssh} 'cat > {ROOT}/etc/vim-password' < \"$2\"\nfi\nexec {ssh} {ROOT}/ctl reset \"${{1:+delegation}}\"\n"
        );
        script(&self.stage.path("reset"), &reset);
        self.call(&["chown", "-R", &USER.to_string(), "/mnt/etc"]);
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Its first process takes all others with it, and the namespace its end of the network.
        let _ = self.init.kill();
        let _ = self.init.wait();
        let _ = Command::new("ip")
            .args(["netns", "delete", &self.namespace])
            .status();
        let _ = Command::new("ip")
            .args(["link", "delete", &format!("{}h", self.namespace)])
            .stderr(Stdio::null())
            .status();
    }
}

/// What an operator runs there. A pipe that the product's starter holds open stands for the terminal that it does not have.
const CTL: &str = r#"
pid() { cat /mnt/run/vnfm.pid 2>/dev/null || echo 0; }
gone() { if test "$(pid)" != 0; then tail --pid="$(pid)" -f /dev/null; fi; rm -f /mnt/run/vnfm.pid; }
start() {
    test -p /mnt/run/input || mkfifo /mnt/run/input
    setsid sh -c 'echo $$ > /mnt/run/vnfm.pid
        exec setpriv --reuid 61234 --regid 61234 --clear-groups \
            /mnt/scas reference vnfm --config /mnt/etc/vnfm.toml' <>/mnt/run/input >>/mnt/run/output 2>&1 &
}
stop() { test "$(pid)" = 0 || kill -TERM "$(pid)"; gone; }
case "$1" in
    start) start ;;
    stop) stop ;;
    kill) kill -KILL -- "-$(pid)"; gone ;;
    reset)
        stop
        rm -rf /mnt/var/*
        mkdir -p /mnt/var/state /mnt/var/log
        cat /mnt/etc/plain.toml ${2:+/mnt/etc/delegation.toml} > /mnt/etc/vnfm.toml
        chown -R 61234 /mnt/etc /mnt/var
        start ;;
esac
"#;

fn script(path: &Path, lines: &str) {
    std::fs::write(path, format!("#!/bin/sh -e\n{lines}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[track_caller]
fn ran(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {told}");
}

/// Two ends of a cable: one here, one in a network that has nothing else.
fn network_of(namespace: &str, here: &str, there: &str) {
    let (near, far) = (format!("{namespace}h"), format!("{namespace}t"));
    ran("ip", &["netns", "add", namespace]);
    let cable = ["link", "add", &near, "type", "veth", "peer", "name", &far];
    ran("ip", &[&cable[..], &["netns", namespace]].concat());
    ran(
        "ip",
        &["address", "add", &format!("{here}/30"), "dev", &near],
    );
    ran("ip", &["link", "set", &near, "up"]);
    let inside = ["-n", namespace];
    let there = format!("{there}/30");
    ran(
        "ip",
        &[&inside[..], &["address", "add", &there, "dev", &far]].concat(),
    );
    ran("ip", &[&inside[..], &["link", "set", &far, "up"]].concat());
    ran("ip", &[&inside[..], &["link", "set", "lo", "up"]].concat());
}

/// Starts its first process and waits until its SSH server serves.
fn boot(stage: &Stage, namespace: &str, there: &str) -> Child {
    let path = |name: &str| stage.path(name).display().to_string();
    for folder in ["there/etc", "there/run", "there/var"] {
        std::fs::create_dir_all(stage.path(folder)).unwrap();
    }
    for key in ["client", "host"] {
        ran(
            "ssh-keygen",
            &["-q", "-t", "ed25519", "-N", "", "-f", &path(key)],
        );
    }
    std::fs::copy(stage.path("host"), stage.path("there/etc/host")).unwrap();
    std::fs::copy(stage.path("client.pub"), stage.path("there/etc/client.pub")).unwrap();
    let host = std::fs::read_to_string(stage.path("host.pub")).unwrap();
    stage.write("known", &format!("[{there}]:{SSH_PORT} {host}"));
    let config = format!(
        "ListenAddress {there}:{SSH_PORT}\nHostKey {ROOT}/run/host\nAuthorizedKeysFile {ROOT}/etc/client.pub\nStrictModes no\nUsePAM no\n\
         PasswordAuthentication no\nPermitRootLogin prohibit-password\nPidFile none\nMaxStartups 50\n"
    );
    stage.write("there/etc/sshd_config", &config);
    stage.write("there/scas", "");
    // The server's key belongs to root alone, the product's folder to the product.
    let init = format!(
        // What the user's own shell would do first is no part of that machine.
        "for file in /root/.bashrc /root/.profile; do [ ! -e $file ] || mount --bind /dev/null $file; done\n\
         mount --bind {there} {ROOT}\nmount --bind {scas} {ROOT}/scas\nmount -t tmpfs tmpfs /run\nmkdir /run/sshd\n\
         mount -t tmpfs tmpfs /dev/shm\nmount -t tmpfs tmpfs /var/tmp\nmount -t tmpfs tmpfs /tmp\nchmod 1777 /tmp /dev/shm /var/tmp\n\
         cd /\ninstall -m 600 {ROOT}/etc/host {ROOT}/run/host\nexec {SSHD} -D -e -f {ROOT}/etc/sshd_config\n",
        there = path("there"),
        scas = env!("CARGO_BIN_EXE_scas"),
    );
    script(&stage.path("init"), &init);
    let mut child = Command::new("ip")
        .args(["netns", "exec", namespace])
        .args([
            "unshare",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            "--mount",
        ])
        .arg(stage.path("init"))
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let serves = said.find(|line| {
        line.as_ref()
            .is_ok_and(|line| line.contains("listening on"))
    });
    assert!(serves.is_some(), "the SSH server does not serve");
    // Read on, or it would wait for us.
    std::thread::spawn(move || said.for_each(drop));
    child
}
