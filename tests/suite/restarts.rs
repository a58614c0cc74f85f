//! A product that is killed and comes back in the middle of a scenario, which nobody asked for: that scenario is open, the next is not.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::program::{Program, free_port, reference_config};
use crate::support::Stage;

/// One that creates and deletes, and one that comes after it.
const SELECTION: &str = "4.2.2.2 and @normative or 4.2.2.1 and @normative";

/// A way to the product that counts what is said on it, and at a moment has the product killed and started anew.
struct Way {
    said: AtomicUsize,
    moment: AtomicUsize,
    stage: Stage,
    product: Mutex<Option<Program>>,
    /// Where the product is.
    port: u16,
}

impl Way {
    /// Opens it, and returns its own port.
    fn open(self: &Arc<Self>) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let way = Arc::clone(self);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                // One that finds nobody is closed at once.
                if let Ok(product) = TcpStream::connect(("127.0.0.1", way.port)) {
                    way.join(client.unwrap(), product);
                }
            }
        });
        port
    }

    fn join(self: &Arc<Self>, client: TcpStream, product: TcpStream) {
        let ends = (client.try_clone().unwrap(), product.try_clone().unwrap());
        let way = Arc::clone(self);
        std::thread::spawn(move || pass(client, product, || way.heard()));
        std::thread::spawn(move || pass(ends.1, ends.0, || {}));
    }

    /// Counts something that the tester says.
    fn heard(&self) {
        if self.said.fetch_add(1, Ordering::SeqCst) + 1 == self.moment.load(Ordering::SeqCst) {
            let mut product = self.product.lock().unwrap();
            product.take().unwrap().kill();
            *product = Some(Program::reference(&self.stage, "vnfm.toml"));
        }
    }
}

/// Passes on what comes, until one of the two ends.
fn pass(mut from: TcpStream, mut to: TcpStream, heard: impl Fn()) {
    let mut buffer = [0; 1 << 16];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        heard();
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    for end in [from, to] {
        // The other direction may have ended it.
        let _ = end.shutdown(Shutdown::Both);
    }
}

fn profile(way: u16, nfvo: u16) -> String {
    format!(
        "[sut]\nname = \"foreign\"\nvendor = \"somebody\"\nversion = \"1\"\nrole = \"VNFM\"\n\
         [ics]\nvnfd-signature-verification = true\nvnf-instance-id = true\n\
         delegation-mode = {{ supported = false, reason = \"a test of the rest\" }}\n\
         key-custody-pkcs11 = {{ supported = false, reason = \"no token\" }}\n\
         [documents]\nvnf-instance-id = \"manual, 2\"\nvnfd-signature-verification = \"manual, 1\"\n\
         [ixit]\npki = \"lab\"\nrefusal-statuses = [422]\n\
         [ixit.capacity]\nquick = 40\nfull = 40\nconcurrency = 2\n\
         [ixit.timeouts]\nstart = 20\nanswer = 5\nstop = 2\n\
         [ixit.api]\nroot = \"https://127.0.0.1:{way}\"\nrunning = true\n\
         [ixit.nfvo]\nlisten = \"127.0.0.1:{nfvo}\"\n"
    )
}

#[test]
fn a_product_that_restarts_in_the_middle_leaves_that_scenario_open_and_no_other() {
    let stage = Stage::new();
    stage.run(&["pki", "new", "lab"]).assert_told(0, &[]);
    let (port, nfvo) = (free_port(), free_port());
    let listen = format!("127.0.0.1:{port}");
    stage.write("vnfm.toml", &reference_config("lab", &listen, nfvo));
    let product = Mutex::new(Some(Program::reference(&stage, "vnfm.toml")));
    let way = Arc::new(Way {
        said: AtomicUsize::new(0),
        moment: AtomicUsize::new(usize::MAX),
        stage,
        product,
        port,
    });
    let stage = &way.stage;
    stage.write("sut.toml", &profile(way.open(), nfvo));
    let run = [
        "run", "--sut", "sut.toml", "--select", SELECTION, "--seed", "1",
    ];
    stage.run(&run).assert_told(0, &["2 passed"]);
    let course = way.said.swap(0, Ordering::SeqCst);
    // Where the identifiers are made, and where what was made is deleted: then nothing is left open, nor behind.
    for (moment, code, told) in [
        (course / 4, 2, ["1 passed", "1 inconclusive"]),
        (course / 2, 0, ["2 passed", "0 inconclusive"]),
    ] {
        std::fs::remove_dir_all(stage.path("reports")).unwrap();
        way.said.store(0, Ordering::SeqCst);
        way.moment.store(moment, Ordering::SeqCst);
        stage.run(&run).assert_told(code, &told);
        let told = std::fs::read_to_string(stage.run_folder().join("summary.txt")).unwrap();
        let open = "creations at capacity gave no identifier, the first: ";
        assert_eq!(told.contains(open), code == 2, "{told}");
        // A creation that was never answered may have come to something. (Notifications of those before it are waited for in vain.)
        assert_eq!(told.contains("residue"), code == 2, "{told}");
    }
}
