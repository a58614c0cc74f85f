use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;
use crate::key::foreign::Foreign;
use crate::key::{Curve, PrivateKey, load_private, load_public, public_of};

fn target(public: PublicKey) -> Target {
    Target {
        name: "vnfci.pem".into(),
        public,
        private: None,
    }
}

fn found(structure: &Structure, window: &Window<'_>) -> Vec<Sighting> {
    let mut found = Vec::new();
    structure.search(window, &mut |sighting| found.push(sighting));
    found
}

/// A DER element, of less than 256 bytes.
fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let value = parts.concat();
    let long: &[u8] = if value.len() < 128 { &[] } else { &[0x81] };
    [&[tag], long, &[value.len() as u8], &value].concat()
}

/// A key, and what it looks like in its structures.
#[derive(Clone, Debug)]
struct Sample {
    public: PublicKey,
    /// SEC 1 or PKCS#8, and the label of its PEM.
    der: Vec<u8>,
    name: &'static str,
    label: &'static str,
    jwk: Vec<(&'static str, String)>,
}

fn samples() -> impl Strategy<Value = Sample> {
    let curves = prop::sample::select(Curve::ALL.to_vec());
    let ec = (curves, any::<[u8; 32]>(), 0..4).prop_map(|(curve, mut scalar, form)| {
        scalar[0] = 0;
        scalar[31] |= 1;
        let scalar = [&vec![0; curve.size() - 32], &scalar[..]].concat();
        let private = PrivateKey::Ec {
            curve,
            scalar: Secret::new(scalar.clone()),
        };
        let public = public_of(&private);
        let PublicKey::Ec { x, y, .. } = &public else {
            unreachable!()
        };
        let (name, oid): (_, &[u8]) = match curve {
            Curve::P256 => ("P-256", b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"),
            Curve::P384 => ("P-384", b"\x06\x05\x2b\x81\x04\x00\x22"),
            Curve::P521 => ("P-521", b"\x06\x05\x2b\x81\x04\x00\x23"),
        };
        let parameters = element(0xa0, &[oid]);
        let point = element(0xa1, &[&element(3, &[&[0, 4], x, y])]);
        let sec1 = |more: &[&[u8]]| {
            element(
                0x30,
                &[b"\x02\x01\x01", &element(4, &[&scalar]), &more.concat()],
            )
        };
        let pkcs8 = |key: &[u8]| {
            let algorithm = element(0x30, &[b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01", oid]);
            element(0x30, &[b"\x02\x01\x00", &algorithm, &element(4, &[key])])
        };
        let (der, structure, label) = match form {
            0 => (sec1(&[&parameters, &point]), "SEC 1", "EC PRIVATE KEY"),
            1 => (sec1(&[&parameters]), "SEC 1", "EC PRIVATE KEY"),
            2 => (pkcs8(&sec1(&[&point])), "PKCS#8", "PRIVATE KEY"),
            _ => (pkcs8(&sec1(&[])), "PKCS#8", "PRIVATE KEY"),
        };
        let jwk = [("d", &scalar), ("x", x), ("y", y)]
            .map(|(name, bytes)| (name, URL_SAFE_NO_PAD.encode(bytes)));
        let mut jwk = jwk.to_vec();
        jwk.extend([("kty", "EC".to_owned()), ("crv", name.to_owned())]);
        Sample {
            public,
            der,
            name: structure,
            label,
            jwk,
        }
    });
    let ed25519 = any::<[u8; 32]>().prop_map(|seed| {
        let private = PrivateKey::Ed25519 {
            seed: Secret::new(seed.to_vec()),
        };
        let public = public_of(&private);
        let PublicKey::Ed25519(x) = public else {
            unreachable!()
        };
        let mut jwk = vec![("kty", "OKP".to_owned()), ("crv", "Ed25519".to_owned())];
        jwk.extend(
            [("d", &seed), ("x", &x)].map(|(name, bytes)| (name, URL_SAFE_NO_PAD.encode(bytes))),
        );
        Sample {
            public,
            der: [
                b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20",
                &seed[..],
            ]
            .concat(),
            name: "PKCS#8",
            label: "PRIVATE KEY",
            jwk,
        }
    });
    prop_oneof![3 => ec, 1 => ed25519]
}

/// How a key is written.
#[derive(Clone, Copy, Debug)]
enum Form {
    Der,
    Pem,
    Torn,
    Escaped,
    EscapedTwice,
    Url,
    Wide,
    Base64,
    Base64Pem,
    Base64PemBroken,
    UrlSafe,
    Jwk,
    JwkEscaped,
    JwkWide,
    Python,
}

const FORMS: [Form; 15] = [
    Form::Der,
    Form::Pem,
    Form::Torn,
    Form::Escaped,
    Form::EscapedTwice,
    Form::Url,
    Form::Wide,
    Form::Base64,
    Form::Base64Pem,
    Form::Base64PemBroken,
    Form::UrlSafe,
    Form::Jwk,
    Form::JwkEscaped,
    Form::JwkWide,
    Form::Python,
];

fn broken(text: &str, width: usize, line: &str) -> String {
    let lines: Vec<&str> = (0..text.len())
        .step_by(width)
        .map(|at| &text[at..text.len().min(at + width)])
        .collect();
    lines.join(line)
}

fn wide(text: &str) -> Vec<u8> {
    text.bytes().flat_map(|byte| [byte, 0]).collect()
}

/// Writes the key in a form, its lines `width` long and ended by `line`; says in what it then lies.
fn write(sample: &Sample, form: Form, width: usize, line: &str) -> (Vec<u8>, Vec<&'static str>) {
    let Sample {
        der, name, label, ..
    } = sample;
    let body = STANDARD.encode(der);
    let pem = |line: &str| {
        let body = broken(&body, width, line);
        format!("-----BEGIN {label}-----{line}{body}{line}-----END {label}-----")
    };
    let jwk = |quote: &str, space: &str| {
        let members: Vec<String> = sample
            .jwk
            .iter()
            .map(|(name, value)| format!("{quote}{name}{quote}:{space}{quote}{value}{quote}"))
            .collect();
        format!("{{{}}}", members.join(&format!(",{space}")))
    };
    let text = |text: String, within: &[&'static str]| (text.into_bytes(), within.to_vec());
    match form {
        Form::Der => (der.clone(), vec![name]),
        Form::Pem => text(pem(line), &[name, "PEM"]),
        Form::Torn => text(
            format!(
                "-----BEGIN {label}-----{line}{}",
                broken(&body, width, line)
            ),
            &[name, "PEM"],
        ),
        Form::Escaped => text(pem("\\n"), &[name, "PEM"]),
        Form::EscapedTwice => text(pem("\\\\n").replace('/', "\\/"), &[name, "PEM"]),
        Form::Url => text(
            pem("%0A")
                .replace('+', "%2B")
                .replace('/', "%2F")
                .replace(' ', "+")
                .replace('=', "%3D"),
            &[name, "PEM"],
        ),
        Form::Wide => (wide(&pem(line)), vec![name, "PEM", "UTF-16LE"]),
        Form::Base64 => text(body, &[name, "base64"]),
        Form::Base64Pem => text(STANDARD.encode(pem(line)), &[name, "PEM", "base64"]),
        Form::Base64PemBroken => text(
            broken(&STANDARD.encode(pem(line)), 76, line),
            &[name, "PEM", "base64"],
        ),
        Form::UrlSafe => text(URL_SAFE_NO_PAD.encode(der), &[name, "base64"]),
        Form::Jwk => text(jwk("\"", " "), &["JWK"]),
        Form::JwkEscaped => text(jwk("\\\"", ""), &["JWK"]),
        Form::JwkWide => (wide(&jwk("\"", "")), vec!["JWK", "UTF-16LE"]),
        Form::Python => text(jwk("'", " "), &["JWK"]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1500) })]

    /// Every key in every form, between anything, at any place, with the windows' border anywhere, is found once: where it
    /// begins, as far as it goes, as the target's; and as somebody's if it is no target's.
    #[test]
    fn every_form_is_found_anywhere(
        (sample, jwk) in samples().prop_flat_map(|sample| {
            let order = Just(sample.jwk.clone()).prop_shuffle();
            (Just(sample), order)
        }),
        form in prop::sample::select(FORMS.to_vec()),
        width in 5_usize..100,
        line in prop::sample::select(vec!["\n", "\r\n", "\n    ", " ", "\n> ", "\"\n\""]),
        before in prop::collection::vec(any::<u8>(), 0..200),
        behind in prop::collection::vec(any::<u8>(), 0..100),
        border in 0.0..1.0,
    ) {
        let sample = Sample { jwk, ..sample };
        let (written, within) = write(&sample, form, width, line);
        // Text is behind text: another digit of base64, or another dash, would belong to it.
        let bytes = [&before, &b"\n"[..], &written, b"\n;", &behind].concat();
        let at = before.len() as u64 + 1;
        let known = Structure::new(&[target(sample.public.clone())], Vec::new());
        let sightings = found(&known, &Window::whole(&bytes));
        prop_assert_eq!(sightings.len(), 1, "{:?}", sightings);
        prop_assert_eq!(&sightings[0].key, &Whose::Target(0));
        prop_assert_eq!(sightings[0].at, at);
        prop_assert_eq!(sightings[0].length, written.len() as u64);
        prop_assert_eq!(&sightings[0].within, &within);
        prop_assert_eq!(sightings[0].confirmed, Confirmed::PublicKey);

        let border = (bytes.len() as f64 * border) as usize;
        let halves: Vec<_> = [0..border, border..bytes.len()]
            .into_iter()
            .flat_map(|fresh| found(&known, &Window { bytes: &bytes, fresh, offset: 0, ahead: 0 }))
            .collect();
        prop_assert_eq!(&halves, &sightings);

        let somebody = found(&Structure::new(&[], Vec::new()), &Window::whole(&bytes));
        let other = Whose::Other { algorithm: algorithm(&sample.public), spki_sha256: spki_sha256(&sample.public) };
        prop_assert_eq!(somebody.len(), 1);
        prop_assert_eq!(&somebody[0].key, &other);
        prop_assert_eq!(somebody[0].confirmed, Confirmed::Parsed);
    }

    /// A key of which a bit is wrong, in the numbers or around them, is nobody's: it fits neither the target nor itself. (The
    /// structures that carry no public half are whole keys with any scalar.)
    #[test]
    fn what_does_not_fit_itself_is_no_key(sample in samples(), bit in 0_usize..256, form in prop::sample::select(vec![Form::Der, Form::Pem, Form::Base64Pem])) {
        if sample.der.len() < 110 {
            return Ok(());
        }
        let mut wrong = sample.clone();
        let at = sample.der.len() - 1 - bit / 8;
        wrong.der[at] ^= 1 << (bit % 8);
        let (written, _) = write(&wrong, form, 64, "\n");
        let structure = Structure::new(&[], Vec::new());
        prop_assert_eq!(found(&structure, &Window::whole(&written)), vec![]);
    }

    /// Bytes and texts that are full of anchors are no keys, and no panic.
    #[test]
    fn anchors_alone_are_no_key(parts in prop::collection::vec((0_usize..32, prop::collection::vec(any::<u8>(), 0..40)), 0..60)) {
        let anchors = anchors::samples();
        let mut bytes = Vec::new();
        for (anchor, filler) in &parts {
            bytes.extend(&anchors[anchor % anchors.len()]);
            bytes.extend(filler);
        }
        let structure = Structure::new(&[], vec![Secret::new(b"password".to_vec())]);
        prop_assert_eq!(found(&structure, &Window::whole(&bytes)), vec![]);
    }
}

/// Keys of real programs between other bytes: RSA, encrypted ones, keystores, OpenSSH's format, several in one stream. What stays
/// closed is told, what is opened is no longer.
#[test]
fn what_programs_write_is_found() {
    let Some(programs) = Foreign::new(&["openssl", "ssh-keygen"]) else {
        return;
    };
    programs.run(
        "openssl genrsa -out rsa 2048
         openssl ecparam -name prime256v1 -genkey -noout -out ec
         openssl pkcs8 -topk8 -nocrypt -in rsa -outform DER -out rsa8.der
         openssl rsa -in rsa -traditional -outform DER -out rsa1.der
         openssl rsa -in rsa -traditional -out rsa1.pem
         openssl rsa -in rsa -traditional -aes128 -passout pass:right -out dek.pem
         openssl pkcs8 -topk8 -in rsa -passout pass:right -out sealed.pem
         openssl pkcs8 -topk8 -in rsa -passout pass:right -outform DER -out sealed.der
         openssl req -x509 -new -key rsa -subj /CN=vnfci -days 2 -out cert.pem
         openssl pkcs12 -export -inkey rsa -in cert.pem -passout pass:right -out new.p12
         openssl pkcs12 -export -inkey rsa -in cert.pem -passout pass:right -out old.p12 -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES
         cp rsa ssh; ssh-keygen -q -p -N '' -f ssh
         cp rsa sshsealed; ssh-keygen -q -p -N right -a 4 -f sshsealed
         for f in rsa8.der rsa1.der sealed.der rsa1.pem sealed.pem new.p12 ssh; do base64 -w0 $f > $f.b64; done",
    );
    let target = target(load_public("cert.pem", &programs.read("cert.pem")).unwrap());
    let forms: [(&str, &[&str], bool); 18] = [
        ("rsa", &["PKCS#8", "PEM"], false),
        ("rsa8.der", &["PKCS#8"], false),
        ("rsa1.der", &["PKCS#1"], false),
        ("rsa1.pem", &["PKCS#1", "PEM"], false),
        ("dek.pem", &["PKCS#1", "PEM"], true),
        ("sealed.pem", &["encrypted PKCS#8", "PEM"], true),
        ("sealed.der", &["encrypted PKCS#8"], true),
        ("new.p12", &["encrypted PKCS#8", "PKCS#12"], true),
        ("old.p12", &["encrypted PKCS#8", "PKCS#12"], true),
        ("ssh", &["OpenSSH", "PEM"], false),
        ("sshsealed", &["OpenSSH", "PEM"], true),
        ("rsa8.der.b64", &["PKCS#8", "base64"], false),
        ("rsa1.der.b64", &["PKCS#1", "base64"], false),
        ("sealed.der.b64", &["encrypted PKCS#8", "base64"], true),
        ("rsa1.pem.b64", &["PKCS#1", "PEM", "base64"], false),
        (
            "sealed.pem.b64",
            &["encrypted PKCS#8", "PEM", "base64"],
            true,
        ),
        (
            "new.p12.b64",
            &["encrypted PKCS#8", "PKCS#12", "base64"],
            true,
        ),
        ("ssh.b64", &["OpenSSH", "PEM", "base64"], false),
    ];
    let filler: Vec<u8> = (0..1000_u32).map(|i| ((i * i) >> 3) as u8 | 0x80).collect();
    let password = |word: &str| vec![Secret::new(word.as_bytes().to_vec())];
    for (file, within, sealed) in forms {
        let bytes = [&filler, &programs.read(file)[..], &filler].concat();
        for (passwords, opens) in [
            (vec![], false),
            (password("wrong"), false),
            (password("right"), true),
        ] {
            let structure = Structure::new(std::slice::from_ref(&target), passwords);
            let (mut found, mut told) = (Vec::new(), Vec::new());
            structure.search_and_tell(
                &Window::whole(&bytes),
                &mut |sighting| found.push(sighting),
                &mut |key| told.push(key),
            );
            if sealed && !opens {
                assert_eq!((found.len(), told.len()), (0, 1), "{file}: {told:?}");
                assert_eq!(told[0].at, 1000, "{file}");
            } else {
                assert_eq!(
                    (found.len(), told.len()),
                    (1, 0),
                    "{file}: {found:?} {told:?}"
                );
                assert_eq!(found[0].at, 1000, "{file}");
                assert_eq!(found[0].within, within, "{file}");
                assert_eq!(found[0].key, Whose::Target(0), "{file}");
            }
        }
    }
    // The target's and somebody's, beside each other; the certificate between them is no key.
    let both = [
        programs.read("ec"),
        programs.read("cert.pem"),
        programs.read("rsa"),
    ]
    .concat();
    let (_, other) = load_private("ec", &programs.read("ec"), &[]).unwrap();
    let keys: Vec<Whose> = found(&Structure::new(&[target], vec![]), &Window::whole(&both))
        .into_iter()
        .map(|sighting| sighting.key)
        .collect();
    let other = Whose::Other {
        algorithm: "EC P-256".into(),
        spki_sha256: spki_sha256(&other),
    };
    assert_eq!(keys, [other, Whose::Target(0)]);
}

/// Of a keystore whose certificates are encrypted in a way that we do not know, the key is what counts.
#[test]
fn what_seals_a_key_counts_not_what_seals_its_certificates() {
    let Some(openssl) = Foreign::new(&["openssl"]) else {
        return;
    };
    openssl.run(
        "openssl ecparam -name prime256v1 -genkey -noout -out key
         openssl req -x509 -new -key key -subj /CN=vnfci -days 2 -out cert.pem
         openssl pkcs12 -export -inkey key -in cert.pem -passout pass:right -out store -keypbe PBE-SHA1-3DES -certpbe aes-256-ofb",
    );
    let told = |passwords: &[&str]| {
        let passwords = passwords
            .iter()
            .map(|word| Secret::new(word.as_bytes().to_vec()));
        let (mut found, mut told) = (0, Vec::new());
        Structure::new(&[], passwords.collect()).search_and_tell(
            &Window::whole(&openssl.read("store")),
            &mut |_| found += 1,
            &mut |key| told.push(key.why),
        );
        (found, told)
    };
    assert_eq!(told(&[]), (0, vec!["no password was given".into()]));
    assert_eq!(
        told(&["wrong"]),
        (0, vec!["no password that was given opens it".into()])
    );
    assert_eq!(told(&["right"]), (1, vec![]));
}

/// 32 bytes in a SEQUENCE with the number 1 are a key only if they fit a target.
#[test]
fn a_scalar_without_a_curve_is_a_key_only_of_a_target() {
    let scalar = [7; 32];
    let bytes = element(0x30, &[b"\x02\x01\x01", &element(4, &[&scalar])]);
    assert_eq!(
        found(&Structure::new(&[], vec![]), &Window::whole(&bytes)),
        []
    );
    let public = public_of(&PrivateKey::Ec {
        curve: Curve::P256,
        scalar: Secret::new(scalar.to_vec()),
    });
    let structure = Structure::new(&[target(public)], vec![]);
    assert_eq!(found(&structure, &Window::whole(&bytes)).len(), 1);
}
