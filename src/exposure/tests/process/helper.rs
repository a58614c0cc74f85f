//! The canary of searches of processes.

use std::os::fd::{AsFd, FromRawFd, OwnedFd};

use nix::libc;
use scas_exposure::helper::{HelperError, HelperProcess};
use scas_exposure::hygiene::own_pids;
use scas_exposure::source::process::{Options, processes, works};

use crate::child::{self, Child, secret};
use crate::finder::Finder;

fn start(bytes: &[u8]) -> Result<HelperProcess, HelperError> {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    child::play(&mut command, "helper", 0);
    HelperProcess::start_command(command, bytes)
}

fn search(pid: u32, options: &Options, needle: Vec<u8>) -> Finder {
    let finder = Finder::new(needle);
    for work in works("x", pid, options).unwrap() {
        work(&finder);
    }
    finder
}

#[test]
fn what_it_holds_is_found_once() {
    let helper = start(&secret(50)).unwrap();
    let mut options = Options::default();
    options.own_helpers = true;
    let (place, _) = search(helper.pid(), &options, secret(50)).only_hit();
    assert!(place.addresses);
}

#[test]
fn it_is_left_out_of_other_searches_until_it_ends() {
    let helper = start(&secret(51)).unwrap();
    let pid = helper.pid();
    assert!(own_pids().contains(&pid));
    let finder = search(pid, &Options::default(), secret(51));
    assert_eq!(finder.searched(), 0);
    drop(helper);
    assert!(!own_pids().contains(&pid));
    processes(&format!("pid:{pid}")).unwrap_err();
}

#[test]
fn a_program_that_does_not_play_along_is_told() {
    let program = std::path::Path::new("/bin/true");
    assert!(matches!(
        HelperProcess::start(program, &[], b"x"),
        Err(HelperError::Talk(_))
    ));
    let program = std::path::Path::new("/absent");
    assert!(matches!(
        HelperProcess::start(program, &[], b"x"),
        Err(HelperError::Start(_))
    ));
}

#[test]
fn it_ends_when_the_scanner_is_killed() {
    // The child is the scanner here: it starts a helper, and is killed.
    let mut scanner = Child::start("scanner", 52);
    let helper = i32::try_from(scanner.address(0)).unwrap();
    // SAFETY: a system call that takes numbers and returns a descriptor.
    let number = unsafe { libc::syscall(libc::SYS_pidfd_open, helper, 0) };
    assert!(number >= 0);
    // SAFETY: it is open, and nobody else's.
    let helper = unsafe { OwnedFd::from_raw_fd(number as i32) };
    scanner.kill();
    // The descriptor becomes readable when the process has ended.
    let mut wait = [nix::poll::PollFd::new(
        helper.as_fd(),
        nix::poll::PollFlags::POLLIN,
    )];
    assert_eq!(
        nix::poll::poll(&mut wait, nix::poll::PollTimeout::from(20_000_u16)).unwrap(),
        1
    );
}
