//! Secrets that are planted in the profile and on the wire are nowhere in what a run leaves: not in clear, not in another encoding, not
//! packed.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use crate::support::{Stage, foreign_profile, profile, root_or_told};

/// Everything below a folder, and what the archives in it hold, by name.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        if let Ok(mut archive) = zip::ZipArchive::new(std::io::Cursor::new(&bytes)) {
            for index in 0..archive.len() {
                let mut unpacked = Vec::new();
                let mut entry = archive.by_index(index).unwrap();
                if entry.read_to_end(&mut unpacked).is_ok() {
                    found.push((format!("{} > {index}", path.display()), unpacked));
                }
            }
        }
        // Bodies that are no text are kept in base64.
        for word in bytes.split(|byte| !(byte.is_ascii_alphanumeric() || b"+/=".contains(byte))) {
            if let Some(decoded) = STANDARD.decode(word).ok().filter(|_| word.len() > 8) {
                found.push((format!("{} > base64", path.display()), decoded));
            }
        }
        found.push((path.display().to_string(), bytes));
    }
    found
}

/// How a stranger would look for a secret.
fn spelled(secret: &str) -> Vec<Vec<u8>> {
    let mut all = vec![
        secret.as_bytes().to_vec(),
        hex::encode(secret).into_bytes(),
        secret.chars().rev().collect::<String>().into_bytes(),
        secret.encode_utf16().flat_map(u16::to_le_bytes).collect(),
    ];
    for before in ["", "u", "us", "tester:"] {
        let whole = format!("{before}{secret}");
        for text in [STANDARD.encode(&whole), URL_SAFE.encode(&whole)] {
            let skipped = before.len().div_ceil(3) * 4;
            all.push(text.as_bytes()[skipped..text.len() - 4].to_vec());
        }
    }
    all
}

#[track_caller]
fn assert_nowhere(run: &Path, secrets: &[&str]) {
    let contents = contents(run);
    assert!(contents.len() > 5);
    for secret in secrets {
        for spelling in spelled(secret) {
            assert!(
                spelling.len() > 6,
                "{secret}: {spelling:?} would be anywhere"
            );
            for (name, bytes) in &contents {
                let held = bytes
                    .windows(spelling.len())
                    .any(|window| window == spelling);
                assert!(
                    !held,
                    "{secret} is in {name}, as {}",
                    String::from_utf8_lossy(&spelling)
                );
            }
        }
    }
}

/// A product that repeats whatever it is told, as an answer to a request of a debugging mind does; and sets a cookie.
fn echo(listener: &TcpListener) {
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { return };
        let mut bytes = [0; 64 * 1024];
        let Ok(count) = stream.read(&mut bytes) else {
            continue;
        };
        if count == 0 || bytes.starts_with(b"END") {
            return;
        }
        let request = String::from_utf8_lossy(&bytes[..count]).into_owned();
        if request.contains("/api_versions ") {
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}");
            continue;
        }
        let body = serde_json::json!({ "status": 500, "detail": request }).to_string();
        let _ = write!(
            stream,
            "HTTP/1.1 500 No\r\nContent-Type: application/problem+json\r\nSet-Cookie: session=canary-of-a-cookie-4711\r\n\
             Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
    }
}

#[test]
fn what_a_product_repeats_of_the_testers_credentials_is_not_kept() {
    for (authentication, variable, secret) in [
        (
            "kind = \"basic\"\nuser = \"tester\"\npassword = { env = \"CANARY\" }",
            "CANARY",
            "canary/of a \"password\"&8+15",
        ),
        (
            "kind = \"token\"\ntoken = { env = \"CANARY\" }",
            "CANARY",
            "canary-of-a-token.1623-42",
        ),
        (
            "kind = \"token\"\nheader = \"X-Api-Key\"\ntoken = { env = \"CANARY\" }",
            "CANARY",
            "canary_of_a_key_in_a_header_1623",
        ),
    ] {
        let stage = Stage::new();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let ready = format!(
            "echo '{{\"event\":\"ready\",\"apiRoot\":\"http://{address}\"}}'; cat >/dev/null"
        );
        let text = foreign_profile(&["sh", "-c", &ready], None);
        stage.write(
            "sut.toml",
            &format!("{text}[ixit.api.authentication]\n{authentication}\n"),
        );
        let output = std::thread::scope(|scope| {
            let product = scope.spawn(|| echo(&listener));
            let output = stage
                .scas(&[
                    "run",
                    "--sut",
                    "sut.toml",
                    "--select",
                    "4.2.2.2 and @normative",
                ])
                .env(variable, secret)
                .output()
                .unwrap();
            let mut last = TcpStream::connect(address).unwrap();
            last.write_all(b"END").unwrap();
            product.join().unwrap();
            output
        });
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(stage.path("reports").exists(), "{told}");
        let run = stage.run_folder();
        let transcripts: Vec<_> = contents(&run)
            .into_iter()
            .filter(|(name, _)| name.ends_with("transcript.jsonl"))
            .collect();
        let kept = String::from_utf8_lossy(&transcripts[0].1).into_owned();
        assert!(
            kept.contains("redacted:sha256:"),
            "it was repeated: {told} {kept}"
        );
        let without = secret.len() > 30;
        assert_nowhere(&run, &[secret, "canary-of-a-cookie-4711"]);
        assert!(!without || kept.contains("x-api-key"), "{kept}");
        stage
            .run(&["verify", run.to_str().unwrap()])
            .assert_told(0, &[]);
    }
}

#[test]
fn the_passwords_of_a_vim_are_not_kept() {
    if !root_or_told() {
        return;
    }
    let secret = "canary-of-the-vim-password-815";
    let stage = Stage::new();
    let text = profile("[ixit.vim]", "[ixit.vim]\npassword = { env = \"CANARY\" }");
    stage.write("sut.toml", &text);
    let output = stage
        .scas(&[
            "run",
            "--sut",
            "sut.toml",
            "--select",
            "4.2.2.4 and @normative",
        ])
        .env("CANARY", secret)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{told}");
    let run = stage.run_folder();
    let kept = contents(&run);
    let transcript = kept
        .iter()
        .find(|(name, _)| name.ends_with("transcript.jsonl"))
        .unwrap();
    let text = String::from_utf8_lossy(&transcript.1).into_owned();
    assert!(text.contains("redacted:sha256:"), "it passed there: {text}");
    assert_nowhere(&run, &[secret]);
    stage
        .run(&["verify", run.to_str().unwrap()])
        .assert_told(0, &[]);
    // Private keys, by the scanner: nothing that fits a certificate of the run, and nothing else that is one.
    let certificate = kept
        .iter()
        .find(|(name, _)| name.ends_with("certificate.der"))
        .unwrap();
    stage
        .run(&["scan", "--cert", &certificate.0, run.to_str().unwrap()])
        .assert_told(0, &[]);
}
