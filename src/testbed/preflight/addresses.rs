//! Our own addresses: whether they can be bound, and that no other run uses them meanwhile, [`Reserved`].

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net;

use super::Preflight;
use crate::model::sut::Ixit;
use crate::profile::Finding;
use crate::testbed::sut_process;

/// What begins the name of a reservation, and what then begins that of an address.
const PREFIX: &str = "scas ";
const ADDRESS: &str = "address ";

/// Tries each address, and makes sure that nobody else is taken for the product.
pub(super) async fn check(ixit: &Ixit, found: &mut Preflight) {
    let listens = listens(ixit);
    for (index, (label, listen)) in listens.iter().enumerate() {
        let twin = listens[..index]
            .iter()
            .find(|(_, other)| other == listen && listen.port() != 0);
        if let Some((other, _)) = twin {
            let text = format!("{listen} is that of {other} too; write {}", another(ixit));
            found.findings.push(Finding::of(*label, text));
        } else if let Err(why) = bindable(*listen, another(ixit)) {
            found.findings.push(Finding::of(*label, why));
        }
    }
    if found.findings.is_empty() {
        found
            .seen
            .push("our own addresses can be listened on".to_owned());
    }
    match Reserved::take(ixit) {
        // Only looked at here; a run keeps it.
        Ok(reserved) => drop(reserved),
        Err(finding) => found.findings.push(finding),
    }
    if let Some(root) = ixit.api.root.as_ref().filter(|_| !ixit.api.running)
        && sut_process::listens(root).await
    {
        let text = format!(
            "something listens at {root} already and would be taken for the product; end it, or write running = true if it is the \
             product"
        );
        found.findings.push(Finding::of("ixit.api.root", text));
    }
}

fn listens(ixit: &Ixit) -> [(&'static str, SocketAddr); 4] {
    [
        ("ixit.nfvo.listen", ixit.nfvo.listen),
        ("ixit.cmf.listen", ixit.cmf.listen),
        ("ixit.vim.listen", ixit.vim.listen),
        ("ixit.vnfci.listen", ixit.vnfci.listen),
    ]
}

/// What to write in place of a port that cannot be had. One that runs by itself was told the port beforehand.
fn another(ixit: &Ixit) -> &'static str {
    if ixit.api.running {
        "another port, and configure the product (ixit.api.running = true) to reach that"
    } else {
        "another port, or 0 for a free one"
    }
}

/// Bound and dropped at once: nothing else can tell whether it is free.
fn bindable(listen: SocketAddr, another: &str) -> Result<(), String> {
    let Err(error) = TcpListener::bind(listen) else {
        return Ok(());
    };
    let mend = match error.kind() {
        ErrorKind::AddrInUse => {
            let port = listen.port();
            format!(
                "end what uses it (`ss -ltnp 'sport = :{port}'` shows it; it may be another run), or write {another}"
            )
        }
        ErrorKind::AddrNotAvailable => {
            "this machine has no such address; write one that `ip address` shows, or 0.0.0.0 for all".to_owned()
        }
        ErrorKind::PermissionDenied => "ports below 1024 need root; write a higher one".to_owned(),
        _ => "write another address".to_owned(),
    };
    Err(format!("cannot listen on {listen}: {error}; {mend}"))
}

/// The fixed addresses and the running product of a run, kept from other runs on this machine. Between scenarios nobody listens on a port, so
/// that a second run would find it free.
#[derive(Debug)]
pub struct Reserved {
    /// Names in the abstract namespace of sockets: as wide as that of ports, and gone with the process.
    _held: Vec<net::UnixListener>,
}

impl Reserved {
    /// Takes what the profile fixes.
    ///
    /// # Errors
    /// Another run has it; the label is named.
    pub fn take(ixit: &Ixit) -> Result<Self, Finding> {
        let mut held = Vec::new();
        let mut own = Vec::new();
        for (label, listen) in listens(ixit) {
            if listen.port() != 0 && !own.contains(&listen) {
                // Held first: of two runs that come at once, one at least sees the other.
                held.extend(hold(label, &format!("{ADDRESS}{listen}"))?);
                own.push(listen);
                if let Some(other) = overlapping(listen, &own) {
                    return Err(used(label, &format!("{ADDRESS}{other}")));
                }
            }
        }
        if let Some(root) = &ixit.api.root
            && let Ok((host, port)) = sut_process::address(root)
        {
            held.extend(hold("ixit.api.root", &format!("product {host}:{port}"))?);
        }
        Ok(Self { _held: held })
    }
}

/// An address that another run has reserved, at which nobody could listen beside this one: the same port, and one of the two is all
/// addresses. (The very same address is refused by its name.)
fn overlapping(listen: SocketAddr, own: &[SocketAddr]) -> Option<SocketAddr> {
    let table = std::fs::read_to_string("/proc/net/unix").unwrap_or_default();
    let mut reserved = table.lines().filter_map(|line| {
        let (_, address) = line.split_once(&format!("@{PREFIX}{ADDRESS}"))?;
        address.trim_end_matches('@').parse::<SocketAddr>().ok()
    });
    reserved.find(|other| {
        other.port() == listen.port()
            && *other != listen
            && (other.ip().is_unspecified() || listen.ip().is_unspecified())
            && !own.contains(other)
    })
}

fn used(label: &str, what: &str) -> Finding {
    let text = format!(
        "another run of scas uses {what} at this moment; wait for its end, or write another address in one of the profiles"
    );
    Finding::of(label, text)
}

fn hold(label: &str, what: &str) -> Result<Option<net::UnixListener>, Finding> {
    // A name cannot be longer, and one that is cut short could be another's.
    let Ok(name) = net::SocketAddr::from_abstract_name(format!("{PREFIX}{what}")) else {
        return Ok(None);
    };
    match net::UnixListener::bind_addr(&name) {
        Ok(held) => Ok(Some(held)),
        Err(error) if error.kind() == ErrorKind::AddrInUse => Err(used(label, what)),
        // Without a reservation a clash shows when it happens.
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_cannot_be_had_is_told_with_the_mend() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let why = bindable(taken.local_addr().unwrap(), "another port").unwrap_err();
        assert!(why.contains("in use") && why.contains("ss -ltnp"), "{why}");
        let why = bindable("192.0.2.7:0".parse().unwrap(), "another port").unwrap_err();
        assert!(why.contains("this machine has no such address"), "{why}");
        assert_eq!(
            bindable("127.0.0.1:0".parse().unwrap(), "another port"),
            Ok(())
        );
    }

    #[test]
    fn all_addresses_are_each_of_them_and_one_is_no_other() {
        // Nobody listens: the port is just a number that no other test has.
        let port = u16::try_from(std::process::id() % 60_000).unwrap().max(1);
        let at = |host: &str| format!("{host}:{port}").parse::<SocketAddr>().unwrap();
        let (one, other, all) = (at("127.0.0.1"), at("127.0.0.2"), at("0.0.0.0"));
        let held = hold("ixit.nfvo.listen", &format!("{ADDRESS}{one}")).unwrap();
        assert!(held.is_some());
        assert_eq!(overlapping(all, &[]), Some(one));
        assert_eq!(overlapping(all, &[one]), None);
        assert_eq!(overlapping(other, &[]), None);
        drop(held);
        assert_eq!(overlapping(all, &[]), None);
        let _held = hold("ixit.nfvo.listen", &format!("{ADDRESS}{all}")).unwrap();
        assert_eq!(overlapping(one, &[]), Some(all));
    }

    #[test]
    fn what_a_run_has_reserved_no_other_gets_until_it_ends() {
        let held = hold("ixit.nfvo.listen", "port of this test").unwrap();
        assert!(held.is_some());
        let finding = hold("ixit.nfvo.listen", "port of this test").unwrap_err();
        assert!(
            finding
                .to_string()
                .starts_with("ixit.nfvo.listen: another run of scas uses port of this test")
        );
        drop(held);
        assert!(
            hold("ixit.nfvo.listen", "port of this test")
                .unwrap()
                .is_some()
        );
    }
}
