use super::*;
use crate::key::foreign::Foreign;
use crate::key::{algorithm, fits, public_of, spki_sha256};

fn secret(password: &str) -> Secret {
    Secret::new(password.as_bytes().to_vec())
}

/// What `openssl genpkey` is told, and what we call it.
const KINDS: [(&str, &str); 5] = [
    ("-algorithm EC -pkeyopt ec_paramgen_curve:P-256", "EC P-256"),
    ("-algorithm EC -pkeyopt ec_paramgen_curve:P-384", "EC P-384"),
    ("-algorithm EC -pkeyopt ec_paramgen_curve:P-521", "EC P-521"),
    ("-algorithm ed25519", "Ed25519"),
    ("-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "RSA 2048"),
];

/// Each kind of key, in each form that openssl writes, gives the same numbers; its certificate gives the public half.
#[test]
fn every_form_that_openssl_writes_is_the_same_key() {
    let Some(openssl) = Foreign::new(&["openssl"]) else {
        return;
    };
    for (options, name) in KINDS {
        openssl.run(&format!(
            "openssl genpkey {options} -out pem
             openssl pkcs8 -topk8 -nocrypt -in pem -outform DER -out pkcs8.der
             openssl pkcs8 -topk8 -in pem -passout pass:right -v2 aes256 -out aes256.pem
             openssl pkcs8 -topk8 -in pem -passout pass:right -v2 aes128 -v2prf hmacWithSHA1 -out aes128.pem
             openssl pkcs8 -topk8 -in pem -passout pass:right -v2 des3 -v2prf hmacWithSHA512 -outform DER -out des3.der
             openssl pkcs8 -topk8 -in pem -passout pass:right -v1 PBE-SHA1-3DES -out pbe.pem
             openssl pkcs8 -topk8 -in pem -passout pass:right -scrypt -out scrypt.pem
             openssl req -x509 -new -key pem -subj /CN=vnfci -days 2 -out cert.pem
             openssl req -new -key pem -subj /CN=vnfci -out request.pem
             openssl x509 -in cert.pem -outform DER -out cert.der
             openssl pkey -in pem -pubout -out public.pem
             openssl pkey -in pem -pubout -outform DER -out public.der
             openssl pkcs12 -export -inkey pem -in cert.pem -passout pass:right -out new.p12
             openssl pkcs12 -export -inkey pem -in cert.pem -passout pass:right -out old.p12 -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1
             openssl pkcs12 -export -inkey pem -in cert.pem -passout pass:right -out bare.p12 -keypbe NONE
             openssl pkcs12 -export -inkey pem -in cert.pem -passout pass: -out empty.p12 -keypbe PBE-SHA1-3DES
             cat cert.pem pem > both.pem
             base64 -w0 pkcs8.der > pkcs8.b64
             openssl dgst -sha256 -r public.der | cut -c1-64 | tr -d '\\n' > sha256"
        ));
        let mut forms = vec![
            "pem",
            "pkcs8.der",
            "aes256.pem",
            "aes128.pem",
            "des3.der",
            "pbe.pem",
            "scrypt.pem",
            "new.p12",
            "old.p12",
            "bare.p12",
            "empty.p12",
            "both.pem",
            "pkcs8.b64",
        ];
        if name != "Ed25519" {
            openssl.run(
                "openssl pkey -in pem -traditional -out old.pem
                 openssl pkey -in pem -traditional -outform DER -out old.der
                 openssl pkey -in pem -traditional -aes256 -passout pass:right -out dek-aes.pem
                 openssl pkey -in pem -traditional -des3 -passout pass:right -out dek-des3.pem",
            );
            forms.extend(["old.pem", "old.der", "dek-aes.pem", "dek-des3.pem"]);
        }
        if name.starts_with("EC") {
            openssl.run("openssl ec -in pem -conv_form compressed -out compressed.pem");
            openssl.run("openssl ec -in pem -no_public -out lonely.pem");
            forms.extend(["compressed.pem", "lonely.pem"]);
        }
        let passwords = [secret("wrong"), secret("right"), secret("")];
        let (private, public) = load_private("pem", &openssl.read("pem"), &[]).unwrap();
        assert_eq!(algorithm(&public), name);
        assert_eq!(spki_sha256(&public).as_bytes(), openssl.read("sha256"));
        assert_eq!(public_of(&private), public);
        assert!(fits(&private, &public));
        for form in forms {
            let loaded = load_private(form, &openssl.read(form), &passwords);
            let loaded = loaded.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(
                loaded,
                (private.clone(), public.clone()),
                "{name} in {form}"
            );
        }
        for form in [
            "cert.pem",
            "cert.der",
            "public.pem",
            "public.der",
            "both.pem",
        ] {
            let loaded = load_public(form, &openssl.read(form)).unwrap();
            assert_eq!(loaded, public, "{name} in {form}");
        }

        let error = |file: &str, passwords: &[Secret]| {
            let loaded = load_private(file, &openssl.read(file), passwords);
            loaded.map(|_| ()).unwrap_err().to_string()
        };
        assert_eq!(
            error("aes256.pem", &[]),
            "aes256.pem is encrypted (encrypted PKCS#8): give its password with --password-file"
        );
        assert_eq!(
            error("new.p12", &[secret("wrong")]),
            "new.p12 is encrypted (PKCS#12), and no password that was given opens it"
        );
        for (file, seen) in [
            ("cert.pem", "a certificate"),
            ("cert.der", "a certificate"),
            ("public.pem", "a public key"),
            ("public.der", "a public key"),
            ("request.pem", "a certificate request"),
        ] {
            let error = error(file, &[]);
            assert!(
                error.starts_with(&format!("{file} is {seen}, not a private key")),
                "{error}"
            );
        }
        for file in ["pem", "pkcs8.der"] {
            let error = load_public(file, &openssl.read(file))
                .unwrap_err()
                .to_string();
            assert!(
                error.starts_with(&format!("{file} is a private key, not")),
                "{error}"
            );
        }
    }
}

/// Keys of other kinds are called by their names, files that hold no or several keys by what they are.
#[test]
fn what_is_no_key_of_ours_is_told_by_name() {
    let Some(openssl) = Foreign::new(&["openssl"]) else {
        return;
    };
    openssl.run(
        "openssl ecparam -name secp256k1 -genkey -noout -out koblitz.pem
         openssl genpkey -algorithm X25519 -out x25519.pem
         openssl genpkey -algorithm ed448 -out ed448.pem
         openssl ecparam -name prime256v1 -genkey -noout -out one.pem
         openssl ecparam -name prime256v1 -genkey -noout -out other.pem
         cat one.pem other.pem > two.pem
         cat one.pem one.pem > twice.pem
         : > empty; printf 'hello' > text; head -c 40 one.pem > torn.pem",
    );
    // Half an hour of PBKDF2: 2^31 - 1 iterations.
    let slow = b"\x30\x4d\x30\x39\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d\x30\x2c\x30\x18\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c\
        \x30\x0b\x04\x03abc\x02\x04\x7f\xff\xff\xff\x30\x10\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2a\x04\x03abc\x04\x100123456789abcdef";
    openssl.write("slow.der", slow);
    let private = |file: &str| load_private(file, &openssl.read(file), &[secret("right")]);
    for (file, words) in [
        (
            "koblitz.pem",
            "koblitz.pem is of a kind that is not supported: curve secp256k1 (1.3.132.0.10)",
        ),
        ("x25519.pem", "not supported: X25519 (1.3.101.110)"),
        ("ed448.pem", "not supported: Ed448 (1.3.101.113)"),
        ("two.pem", "two.pem holds 2 different private keys"),
        ("empty", "empty is empty"),
        ("text", "text is not a private key (PKCS#8"),
        (
            "slow.der",
            "slow.der is encrypted (encrypted PKCS#8) with a key derivation that would take too long",
        ),
        ("torn.pem", "torn.pem is not a private key (PKCS#8"),
    ] {
        let error = private(file).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    assert!(private("twice.pem").is_ok());
}

/// A point that is on no curve is nobody's public key.
#[test]
fn a_point_beside_the_curve_is_told() {
    let spki = |y: u8| {
        let mut bytes = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00\x04\
            \x6b\x17\xd1\xf2\xe1\x2c\x42\x47\xf8\xbc\xe6\xe5\x63\xa4\x40\xf2\x77\x03\x7d\x81\x2d\xeb\x33\xa0\xf4\xa1\x39\x45\xd8\x98\xc2\x96\
            \x4f\xe3\x42\xe2\xfe\x1a\x7f\x9b\x8e\xe7\xeb\x4a\x7c\x0f\x9e\x16\x2b\xce\x33\x57\x6b\x31\x5e\xce\xcb\xb6\x40\x68\x37\xbf\x51".to_vec();
        bytes.push(y);
        load_public("spki", &bytes)
    };
    assert_eq!(algorithm(&spki(0xf5).unwrap()), "EC P-256");
    let error = spki(0xf4).unwrap_err().to_string();
    assert_eq!(
        error,
        "spki is damaged: its numbers are not those of one key"
    );
}

/// OpenSSH writes its own format, encrypted or not.
#[test]
fn what_ssh_keygen_writes_is_loaded() {
    let Some(ssh) = Foreign::new(&["ssh-keygen"]) else {
        return;
    };
    for (kind, name) in [
        ("-t ed25519", "Ed25519"),
        ("-t ecdsa -b 256", "EC P-256"),
        ("-t ecdsa -b 521", "EC P-521"),
        ("-t rsa -b 2048", "RSA 2048"),
    ] {
        ssh.run(&format!(
            "rm -f key*; ssh-keygen -q {kind} -N '' -f key
             cp key sealed; ssh-keygen -q -p -P '' -N right -a 4 -f sealed"
        ));
        let open = load_private("key", &ssh.read("key"), &[]).unwrap();
        assert_eq!(algorithm(&open.1), name);
        let passwords = [secret("wrong"), secret("right")];
        let sealed = load_private("sealed", &ssh.read("sealed"), &passwords).unwrap();
        assert_eq!(open, sealed);
        let error = load_private("sealed", &ssh.read("sealed"), &[]).unwrap_err();
        assert!(
            error.to_string().contains("is encrypted (OpenSSH)"),
            "{error}"
        );
        let error = load_private("key.pub", &ssh.read("key.pub"), &[]).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("is a public key, not a private key"),
            "{error}"
        );
    }
}

/// Java's default keystore opens with its password.
#[test]
fn what_keytool_writes_is_loaded() {
    let Some(java) = Foreign::new(&["keytool"]) else {
        return;
    };
    for (options, name) in [
        ("-keyalg EC -groupname secp256r1", "EC P-256"),
        ("-keyalg RSA -keysize 2048", "RSA 2048"),
    ] {
        java.run(&format!(
            "rm -f store; keytool -genkeypair {options} -alias vnfci -dname CN=vnfci -keystore store -storepass changeit
             keytool -exportcert -alias vnfci -keystore store -storepass changeit -file cert.der"
        ));
        let (_, public) =
            load_private("store", &java.read("store"), &[secret("changeit")]).unwrap();
        assert_eq!(algorithm(&public), name);
        assert_eq!(
            load_public("cert.der", &java.read("cert.der")).unwrap(),
            public
        );
    }
}

/// JWK of each kind, the RSA one with and without its primes, and with a public half that is another's.
#[test]
fn jwks_are_loaded() {
    let Some(python) = Foreign::new(&["python3", "openssl"]) else {
        return;
    };
    let ec = br#"{"crv":"P-256","kty":"EC","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
    let (private, public) = load_private("rfc7515-a3", ec, &[]).unwrap();
    assert_eq!(algorithm(&public), "EC P-256");
    assert!(fits(&private, &public));
    let other = String::from_utf8_lossy(ec).replace("f83OJ3", "f84OJ3");
    let error = load_private("twisted", other.as_bytes(), &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "twisted is damaged: its numbers are not those of one key"
    );
    let okp = br#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let (_, public) = load_private("rfc8037-a1", okp, &[]).unwrap();
    assert_eq!(algorithm(&public), "Ed25519");
    let public_only =
        br#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let error = load_private("half", public_only, &[])
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("half is a public key, not"), "{error}");

    // The private number where a name should be does not get into the message.
    let swapped = br#"{"crv":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI","kty":"EC","d":"AQAB"}"#;
    let error = load_private("swapped", swapped, &[]).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("not supported: an unknown algorithm ("),
        "{error}"
    );
    assert!(!format!("{error:?}").contains("jpsQ"));

    python.write("jwk.py", br#"
import base64, json, subprocess
from re import sub
def number(n): return base64.urlsafe_b64encode(n.to_bytes((n.bit_length() + 7) // 8, 'big')).rstrip(b'=').decode()
text = subprocess.run('openssl rsa -in key -noout -text', shell=True, check=True, capture_output=True, text=True).stdout
import re
def field(name):
    found = re.search('^' + name + r':\s*\n((?: +[0-9a-f:]+\n)+)', text, re.M).group(1)
    return int(re.sub(r'[\s:]', '', found), 16)
key = dict(kty='RSA', n=number(field('modulus')), e='AQAB', d=number(field('privateExponent')))
json.dump(key, open('bare.json', 'w'))
key.update(p=number(field('prime1')), q=number(field('prime2')))
json.dump(key, open('whole.json', 'w'))
open('dict.txt', 'w').write(str({'keys': [key]}))
"#);
    for bits in [1024, 2048, 3072] {
        python.run(&format!("openssl genrsa -out key {bits}; python3 jwk.py"));
        let expected = load_private("key", &python.read("key"), &[]).unwrap();
        for form in ["bare.json", "whole.json"] {
            let loaded = load_private(form, &python.read(form), &[]).unwrap();
            assert_eq!(loaded.1, expected.1);
            // The primes may come in the other order only if openssl's are not the larger first.
            assert_eq!(loaded, expected, "{form}");
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..proptest::prelude::ProptestConfig::with_cases(2000) })]
    /// No bytes make it panic, whatever they begin with.
    #[test]
    fn any_bytes_are_taken(
        start in proptest::sample::select(vec![&b""[..], b"0", b"0\x82\x01\x00\x02\x01\x00", b"0\x30\x02\x01\x01\x04\x20", b"0\x81\x90\x30\x30\x06\x09",
            b"-----BEGIN PRIVATE KEY-----\n", b"openssh-key-v1\0\0\0\0\x04none\0\0\0\x04none\0\0\0\0\0\0\0\x01", b"{\"kty\":\"EC\",\"d\":\""]),
        rest in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300),
    ) {
        let bytes = [start, &rest].concat();
        let _ = load_private("bytes", &bytes, &[secret("right")]);
        let _ = load_public("bytes", &bytes);
    }
}
