//! Real processes that hold a key, each beside a twin that holds another.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Stdio};

use super::{Pair, call, has, put, scan, scan_blind, scan_known, text};
use crate::support::Stage;

/// A process that has said it is ready; it ends when this is dropped.
struct Running(Child);

impl Running {
    /// Starts it and reads its output up to the line that contains this word.
    fn until(stage: &Stage, word: &str, program: &str, arguments: &[&str]) -> Self {
        let mut child = stage
            .command(program, arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines.any(|line| line.unwrap().contains(word));
        assert!(ready, "{program} ended without '{word}'");
        // Whoever writes on must not meet a closed pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self(child)
    }

    fn source(&self) -> String {
        format!("pid:{}", self.0.id())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn tls_server(stage: &Stage, pair: &Pair) -> Running {
    let arguments = [
        "s_server",
        "-accept",
        "127.0.0.1:0",
        "-key",
        text(&pair.key),
        "-cert",
        text(&pair.cert),
    ];
    Running::until(stage, "ACCEPT", "openssl", &arguments)
}

#[test]
fn openssl_s_server_keeps_its_ec_key_as_limbs() {
    if !has("openssl", &["version"]) {
        return;
    }
    let stage = Stage::new();
    let (pair, other) = (Pair::ec(&stage, "vnfci"), Pair::ec(&stage, "other"));
    let server = tls_server(&stage, &pair);
    scan_known(&stage, &pair, &[&server.source()]).assert_found(&["scalar, little-endian"]);
    scan_blind(&stage, &pair, &[&server.source()]).assert_found(&["scalar, little-endian"]);
    scan_known(&stage, &other, &[&server.source()]).assert_nothing_found();
    scan_blind(&stage, &other, &[&server.source()]).assert_nothing_found();
}

#[test]
fn openssl_s_server_keeps_the_primes_of_its_rsa_key() {
    if !has("openssl", &["version"]) {
        return;
    }
    let stage = Stage::new();
    let (pair, other) = (Pair::rsa(&stage, "vnfci"), Pair::rsa(&stage, "other"));
    let server = tls_server(&stage, &pair);
    scan_known(&stage, &pair, &[&server.source()])
        .assert_found(&["p, little-endian", "d, little-endian"]);
    scan_blind(&stage, &pair, &[&server.source()])
        .assert_found(&["p, little-endian", "q, little-endian"]);
    scan_known(&stage, &other, &[&server.source()]).assert_nothing_found();
    scan_blind(&stage, &other, &[&server.source()]).assert_nothing_found();
}

/// Loads a key with `cryptography` and looks at its number, as code that writes JWKs does.
const PYTHON: &str = "\
import sys
from cryptography.hazmat.primitives.serialization import load_pem_private_key
key = load_pem_private_key(open(sys.argv[1], 'rb').read(), None)
number = key.private_numbers().private_value
print('ready', flush=True)
sys.stdin.read()
";

#[test]
fn python_keeps_its_number_in_digits_of_thirty_bits() {
    // Debian's own is named so that CI's package is used wherever another Python comes first.
    let found = ["/usr/bin/python3", "python3"].into_iter().find(|python| {
        std::process::Command::new(python)
            .args(["-c", "import cryptography"])
            .output()
            .is_ok_and(|o| o.status.success())
    });
    let python = found.unwrap_or("python3");
    if !has("openssl", &["version"]) || !has(python, &["-c", "import cryptography"]) {
        return;
    }
    let stage = Stage::new();
    let (pair, other) = (Pair::ec(&stage, "vnfci"), Pair::ec(&stage, "other"));
    let program = put(&stage, "hold.py", PYTHON.as_bytes());
    let process = Running::until(&stage, "ready", python, &[text(&program), text(&pair.key)]);
    scan_known(&stage, &pair, &[&process.source()]).assert_found(&["30-bit"]);
    scan_known(&stage, &other, &[&process.source()]).assert_nothing_found();
}

/// Takes a key out of a keystore, as a Java VNFM does.
const JAVA: &str = "\
import java.io.FileInputStream;
import java.security.KeyStore;
import java.security.interfaces.ECPrivateKey;

class Hold {
    static Object kept;
    public static void main(String[] arguments) throws Exception {
        KeyStore store = KeyStore.getInstance(\"PKCS12\");
        store.load(new FileInputStream(arguments[0]), \"secret\".toCharArray());
        ECPrivateKey key = (ECPrivateKey) store.getKey(\"1\", \"secret\".toCharArray());
        kept = new Object[] { key, key.getS(), key.getEncoded() };
        System.out.println(\"ready\");
        System.out.flush();
        while (System.in.read() >= 0) { }
    }
}
";

#[test]
fn java_keeps_a_key_of_a_keystore_in_several_encodings() {
    if !has("openssl", &["version"]) || !has("java", &["-version"]) || !has("javac", &["-version"])
    {
        return;
    }
    let stage = Stage::new();
    let (pair, other) = (Pair::ec(&stage, "vnfci"), Pair::ec(&stage, "other"));
    let program = put(&stage, "Hold.java", JAVA.as_bytes());
    let store = stage.path("store.p12");
    let arguments = [
        "pkcs12",
        "-export",
        "-name",
        "1",
        "-inkey",
        text(&pair.key),
        "-in",
        text(&pair.cert),
        "-passout",
        "pass:secret",
        "-out",
        text(&store),
    ];
    call(&stage, "openssl", &arguments);
    let process = Running::until(
        &stage,
        "ready",
        "java",
        &["-Xmx64m", text(&program), text(&store)],
    );
    let found = scan_known(&stage, &pair, &[&process.source()]);
    // A BigInteger's int[], and what the provider and getEncoded() leave behind.
    found.assert_found(&[
        "32-bit limbs, most first, each little-endian",
        "PKCS#8",
        "SEC 1",
    ]);
    // The keystore itself is in memory too, and nobody knows what is in it without its password.
    scan_known(&stage, &other, &[&process.source()]).assert_undecided(&["PKCS#12"]);
    let password = put(&stage, "password", b"secret");
    let options = [
        "--key",
        text(&other.key),
        "--password-file",
        text(&password),
    ];
    scan(&stage, &options, &[&process.source()]).assert_nothing_found();
}

#[test]
fn a_file_that_was_unlinked_is_still_found_in_the_process_that_holds_it() {
    if !has("openssl", &["version"]) || !has("bash", &["--version"]) {
        return;
    }
    let stage = Stage::new();
    let (pair, other) = (Pair::ec(&stage, "vnfci"), Pair::ec(&stage, "other"));
    let copy = put(&stage, "copy.key", &std::fs::read(&pair.key).unwrap());
    let script = format!("exec 5<{0}; rm {0}; echo ready; read", text(&copy));
    let process = Running::until(&stage, "ready", "bash", &["-c", &script]);
    assert!(!copy.exists());
    scan_known(&stage, &pair, &[&process.source()]).assert_found(&["fd 5", "(deleted)", "PEM"]);
    scan_known(&stage, &other, &[&process.source()]).assert_nothing_found();
}

#[test]
fn a_core_dump_tells_the_address_that_the_key_had() {
    if !has("openssl", &["version"]) || !has("gdb", &["--version"]) {
        return;
    }
    let stage = Stage::new();
    let (pair, other) = (Pair::ec(&stage, "vnfci"), Pair::ec(&stage, "other"));
    let server = tls_server(&stage, &pair);
    let prefix = stage.path("core");
    call(
        &stage,
        "gcore",
        &["-o", text(&prefix), &server.0.id().to_string()],
    );
    let core = stage.path(&format!("core.{}", server.0.id()));
    let found = scan_known(&stage, &pair, &[text(&core)]);
    found.assert_found(&["scalar, little-endian"]);
    let live = scan_known(&stage, &pair, &[&server.source()]);
    let address = |scanned: &super::Scanned,
                   field: fn(&serde_json::Value) -> Option<String>|
     -> Vec<String> {
        scanned.answer["exposures"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(field)
            .collect()
    };
    let dumped = address(&found, |exposure| {
        Some(exposure["address"].as_str()?.to_owned())
    });
    let running = address(&live, |exposure| {
        Some(format!("{:#x}", exposure["at"].as_u64()?))
    });
    assert!(!dumped.is_empty());
    assert!(
        dumped.iter().all(|at| running.contains(at)),
        "{dumped:?} {running:?}"
    );
    scan_known(&stage, &other, &[text(&core)]).assert_nothing_found();
}

#[test]
fn the_listener_on_a_port_is_found_and_searched() {
    if !has("openssl", &["version"]) {
        return;
    }
    let stage = Stage::new();
    let pair = Pair::ec(&stage, "vnfci");
    // The port is taken from the system, then given up to the server.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let accept = format!("127.0.0.1:{port}");
    let arguments = [
        "s_server",
        "-accept",
        &accept,
        "-key",
        text(&pair.key),
        "-cert",
        text(&pair.cert),
    ];
    let server = Running::until(&stage, "ACCEPT", "openssl", &arguments);
    let found = scan_known(&stage, &pair, &[&format!("port:{port}")]);
    found.assert_found(&["little-endian"]);
    assert!(found.ended.stdout.contains(&server.0.id().to_string()));
}

#[test]
fn a_page_of_secret_memory_leaves_the_answer_undecided() {
    if !has("python3", &["--version"]) || !has("openssl", &["version"]) {
        return;
    }
    let stage = Stage::new();
    let pair = Pair::ec(&stage, "vnfci");
    // memfd_secret(2) has the number 447 everywhere.
    let program = "\
import ctypes, mmap, os, sys
fd = ctypes.CDLL(None, use_errno=True).syscall(447, 0)
if fd < 0:
    print('none', flush=True)
else:
    os.ftruncate(fd, 4096)
    page = mmap.mmap(fd, 4096)
    page[0:4] = b'abcd'
    print('ready', flush=True)
sys.stdin.read()
";
    let program = put(&stage, "secret.py", program.as_bytes());
    let mut child = stage
        .command("python3", &[text(&program)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    let process = Running(child);
    if line.trim() == "none" {
        eprintln!("NOT RUN: this kernel has no memfd_secret");
        return;
    }
    scan_known(&stage, &pair, &[&process.source()]).assert_undecided(&["secretmem"]);
    // A look at the process must not have hurt it.
    let mut process = process;
    writeln!(process.0.stdin.as_mut().unwrap()).unwrap();
    assert!(process.0.try_wait().unwrap().is_none());
}
