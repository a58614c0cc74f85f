//! Time stamps (RFC 3161): `openssl ts` is the authority, over HTTP. What it says is believed for what it was asked, and its failure is an
//! error: no container without a time stamp is made instead.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};

use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerInfos};
use der::asn1::SetOfVec;
use der::{Any, Decode as _, Encode as _};

use super::lab::{AUTHORITY, Lab};
use super::sample;
use crate::support::{Ended, Stage};

/// What the authority answers to a request, as it goes over the wire.
type Answer<'a> = dyn Fn(&[u8]) -> Vec<u8> + Sync + 'a;

/// Seals `run` with a time stamp of an authority that answers so.
fn seal(stage: &Stage, answer: &Answer<'_>) -> Ended {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, _) = listener.accept().unwrap();
            if let Some(request) = received(&mut stream) {
                stream.write_all(&answer(&request)).unwrap();
                // Who sends less than it said leaves it at that.
                stream.shutdown(Shutdown::Both).unwrap();
            }
        });
        let sealed = seal_by(stage, &format!("http://{address}/tsr"));
        // If nobody asked, the authority must not wait for ever.
        let _ = TcpStream::connect(address);
        sealed
    })
}

fn seal_by(stage: &Stage, authority: &str) -> Ended {
    let keys = ["--key", "lab.key", "--cert", "lab.pem"];
    let arguments = [
        ["seal", "run"].as_slice(),
        &keys,
        &["--timestamp", authority],
    ];
    stage.run(&arguments.concat())
}

/// The body of an HTTP request; none if the other side says nothing.
fn received(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).unwrap();
        if count == 0 {
            return None;
        }
        bytes.extend_from_slice(&buffer[..count]);
        let Some(at) = bytes.windows(4).position(|end| end == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&bytes[..at]).to_lowercase();
        assert!(
            head.contains("content-type: application/timestamp-query"),
            "{head}"
        );
        let length = head.split("content-length: ").nth(1).unwrap();
        let length: usize = length.lines().next().unwrap().parse().unwrap();
        if bytes.len() == at + 4 + length {
            return Some(bytes[at + 4..].to_vec());
        }
    }
}

/// An answer over HTTP.
fn http(status: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/timestamp-reply\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// What `openssl ts` answers to a request, with this configuration.
fn reply(stage: &Stage, lab: &Lab<'_>, configuration: &str, request: &[u8]) -> Vec<u8> {
    std::fs::write(stage.path("asked.tsq"), request).unwrap();
    let line = AUTHORITY.replace("/dev/stdin", "asked.tsq -out answer.tsr");
    lab.expect(&line.replace("tsa.cnf", configuration));
    std::fs::read(stage.path("answer.tsr")).unwrap()
}

/// Where the SHA-256 stands in a request.
fn imprint(request: &[u8]) -> std::ops::Range<usize> {
    let before = request.windows(2).position(|tag| tag == [0x04, 32]);
    let start = before.unwrap() + 2;
    start..start + 32
}

#[test]
fn an_authority_is_asked_over_http_and_only_one_that_is_trusted_is_believed() {
    let stage = Stage::new();
    sample(&stage);
    let Some(lab) = Lab::new(&stage) else { return };
    seal(&stage, &|asked| {
        http("200 OK", &reply(&stage, &lab, "tsa.cnf", asked))
    })
    .assert_told(0, &[]);
    let verify = |anchors: &[&str]| {
        let anchors = anchors.iter().flat_map(|anchor| ["--anchors", anchor]);
        let arguments: Vec<&str> = ["verify", "run.asice"].into_iter().chain(anchors).collect();
        stage.run(&arguments)
    };
    verify(&["ca.pem"]).assert_told(0, &["says CN=tsa"]);
    std::fs::remove_file(stage.path("run.asice")).unwrap();

    // Who seals names the authority; who verifies says whether to believe it.
    lab.ca("other");
    lab.certify(
        "elsewhere",
        "other",
        "EC -pkeyopt ec_paramgen_curve:P-256",
        "extendedKeyUsage = critical,timeStamping\n",
    );
    let text = std::fs::read_to_string(stage.path("tsa.cnf")).unwrap();
    let text = text
        .replace("./tsa.pem", "./elsewhere.pem")
        .replace("./tsa.key", "./elsewhere.key")
        .replace("./ca.pem", "./other.pem");
    stage.write("elsewhere.cnf", &text);
    seal(&stage, &|asked| {
        http("200 OK", &reply(&stage, &lab, "elsewhere.cnf", asked))
    })
    .assert_told(0, &[]);
    verify(&["ca.pem"]).assert_told(1, &["META-INF/signature.p7s", "time stamp", "chain"]);
    verify(&["ca.pem", "other.pem"]).assert_told(0, &["says CN=elsewhere"]);
}

#[test]
fn an_authority_that_fails_is_an_error_and_nothing_is_sealed_instead() {
    let stage = Stage::new();
    sample(&stage);
    let Some(lab) = Lab::new(&stage) else { return };
    let configuration = std::fs::read_to_string(stage.path("tsa.cnf")).unwrap();
    let strict = configuration.replace("digests = sha256", "digests = sha512");
    stage.write("strict.cnf", &strict);
    let fails = |sealed: Ended, told: &str| {
        sealed.assert_told(64, &["--timestamp", told]);
        assert!(!stage.path("run.asice").exists(), "{told}");
    };
    let good = |asked: &[u8]| http("200 OK", &reply(&stage, &lab, "tsa.cnf", asked));
    let query = |asked: &[u8], options: &str| {
        let digest = hex::encode(&asked[imprint(asked)]);
        lab.expect(&format!(
            "openssl ts -query -digest {digest} -sha256 -cert {options} -out own.tsq"
        ));
        std::fs::read(stage.path("own.tsq")).unwrap()
    };
    let over_http: [(&Answer<'_>, &str); 9] = [
        (&|_| http("500 Internal Server Error", b"sorry"), "HTTP 500"),
        (
            &|_| http("200 OK", b"<html>busy</html>"),
            "no TimeStampResp",
        ),
        (&|_| http("200 OK", b""), "no TimeStampResp"),
        // RFC 3161 clause 2.4.2: rejection.
        (
            &|asked| http("200 OK", &reply(&stage, &lab, "strict.cnf", asked)),
            "the authority refused, with status 2",
        ),
        (&|asked| good(&query(asked, "")), "another request (nonce)"),
        (
            &|asked| good(&query(asked, "-no_nonce")),
            "another request (nonce)",
        ),
        (
            &|asked| {
                let mut other = asked.to_vec();
                other[imprint(asked).start] ^= 1;
                good(&other)
            },
            "over something else",
        ),
        // The last bytes are the authority's signature.
        (
            &|asked| {
                let mut answer = good(asked);
                *answer.last_mut().unwrap() ^= 1;
                answer
            },
            "time stamp",
        ),
        (
            &|asked| {
                let mut answer = good(asked);
                answer.truncate(answer.len() / 2);
                answer
            },
            "",
        ),
    ];
    for (answer, told) in over_http {
        fails(seal(&stage, answer), told);
    }
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/tsr", nobody.local_addr().unwrap());
    drop(nobody);
    for (authority, told) in [
        (url.as_str(), "cannot ask http"),
        ("exit 3", "the command 'exit 3' ended with"),
        ("cat", "no TimeStampResp"),
        // What it said before.
        ("cat answer.tsr", "another request"),
    ] {
        fails(seal_by(&stage, authority), told);
    }
}

#[test]
fn a_time_stamp_of_something_else_is_seen_by_whoever_verifies() {
    let stage = Stage::new();
    sample(&stage);
    let Some(lab) = Lab::new(&stage) else { return };
    lab.seal("lab");
    lab.expect("mkdir x && cd x && python3 -m zipfile -e ../run.asice .");
    let verify = || stage.run(&["verify", "x", "--anchors", "ca.pem"]);
    verify().assert_told(0, &["says CN=tsa"]);
    // A true token of the same authority, over other data, in the place of ours: the signature does not cover it.
    lab.expect(&format!(
        "openssl ts -query -data run/run.json -sha256 -cert -out other.tsq && {} -out other.tsr && \
         openssl ts -reply -in other.tsr -token_out -out other.der",
        AUTHORITY.replace("/dev/stdin", "other.tsq")
    ));
    let path = stage.path("x/META-INF/signature.p7s");
    let token = std::fs::read(stage.path("other.der")).unwrap();
    let changed = with_token(&std::fs::read(&path).unwrap(), &token);
    std::fs::write(&path, changed).unwrap();
    verify().assert_told(1, &["META-INF/signature.p7s", "over something else"]);
}

/// A signature with another token as its time stamp.
fn with_token(cms: &[u8], token: &[u8]) -> Vec<u8> {
    let outer = ContentInfo::from_der(cms).unwrap();
    let mut signed: SignedData = outer.content.decode_as().unwrap();
    let mut signer = signed.signer_infos.0.get(0).unwrap().clone();
    let attributes = signer.unsigned_attrs.take().unwrap();
    let mut attribute = attributes.get(0).unwrap().clone();
    attribute.values = SetOfVec::try_from(vec![Any::from_der(token).unwrap()]).unwrap();
    signer.unsigned_attrs = Some(SetOfVec::try_from(vec![attribute]).unwrap());
    signed.signer_infos = SignerInfos(SetOfVec::try_from(vec![signer]).unwrap());
    let content = Any::encode_from(&signed).unwrap();
    let content_type = outer.content_type;
    ContentInfo {
        content_type,
        content,
    }
    .to_der()
    .unwrap()
}
