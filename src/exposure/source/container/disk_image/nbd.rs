//! A disk behind `qemu-nbd`, read through a socket that nobody else can reach: [`Disk`]. As much of the protocol of network
//! block devices as that needs.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::hygiene::{helper_ended, helper_started};
use crate::source::container::disk_image::{Format, program};

/// Bytes that are asked for at once, at most.
pub(super) const LARGEST: usize = 1 << 20;

/// For one answer. A program that says nothing for so long will not.
const PATIENCE: Duration = Duration::from_secs(120);

/// The program finds its listening socket as descriptor 3, as a service manager would give it.
const START: &str =
    r#"export LISTEN_PID=$$ LISTEN_FDS=1; exec 3<&0 </dev/null; exec qemu-nbd "$@""#;

const OPEN: [&[u8]; 2] = [b"NBDMAGIC", b"IHAVEOPT"];
/// Fixed newstyle, without padding behind the answer.
const FLAGS: u32 = 0b11;
const EXPORT_NAME: u32 = 1;
const REQUEST: u32 = 0x2560_9513;
const REPLY: u32 = 0x6744_6698;
const READ: u16 = 0;

/// A disk that is open. The program behind it ends when this is dropped.
pub(super) struct Disk {
    child: Child,
    stream: UnixStream,
}

impl Disk {
    pub(super) fn open(path: &Path, format: Format) -> io::Result<Self> {
        // A folder of our own: an address without a file could be reached by everybody.
        let folder = tempfile::tempdir()?;
        let address = folder.path().join("s");
        let listener = UnixListener::bind(&address)?;
        let stream = UnixStream::connect(&address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let child = Command::new("sh")
            .args(["-c", START, "qemu-nbd", "--read-only", "--shared=1"])
            .arg(program::filename(path, format)?)
            .stdin(Stdio::from(OwnedFd::from(listener)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| program::not_started("sh", &error))?;
        helper_started(child.id());
        let mut disk = Self { child, stream };
        disk.greet().map_err(|error| disk.why(error))?;
        Ok(disk)
    }

    /// Fills `into` (at most [`LARGEST`] bytes) with what lies at `at`.
    pub(super) fn read(&mut self, at: u64, into: &mut [u8]) -> io::Result<()> {
        let length = u32::try_from(into.len()).map_err(io::Error::other)?;
        let mut request = REQUEST.to_be_bytes().to_vec();
        request.extend([0; 2]);
        request.extend(READ.to_be_bytes());
        request.extend(at.to_be_bytes());
        request.extend(at.to_be_bytes());
        request.extend(length.to_be_bytes());
        self.stream.write_all(&request)?;
        let mut reply = [0; 16];
        self.stream.read_exact(&mut reply)?;
        let expected = [&REPLY.to_be_bytes()[..], &[0; 4], &at.to_be_bytes()].concat();
        if reply[4..8] != [0; 4] {
            let error = i32::from_be_bytes([reply[4], reply[5], reply[6], reply[7]]);
            return Err(io::Error::from_raw_os_error(error));
        }
        if reply[..] != expected[..] {
            return Err(unexpected());
        }
        self.stream.read_exact(into)
    }

    fn greet(&mut self) -> io::Result<()> {
        for magic in OPEN {
            let mut met = [0; 8];
            self.stream.read_exact(&mut met)?;
            if met != magic {
                return Err(unexpected());
            }
        }
        let mut flags = [0; 2];
        self.stream.read_exact(&mut flags)?;
        let mut choice = FLAGS.to_be_bytes().to_vec();
        choice.extend(OPEN[1]);
        choice.extend(EXPORT_NAME.to_be_bytes());
        // The name has no letter.
        choice.extend(0_u32.to_be_bytes());
        self.stream.write_all(&choice)?;
        let mut size_and_flags = [0; 10];
        self.stream.read_exact(&mut size_and_flags)
    }

    /// What the program said, where it is the reason for an error.
    fn why(&mut self, error: io::Error) -> io::Error {
        let gone = matches!(
            error.kind(),
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
        );
        if !gone {
            return error;
        }
        // It has nothing more to say, and must not keep us.
        let _ = self.child.kill();
        let said = program::complaint(&mut self.child);
        match said.contains("not found") {
            true => program::not_started("qemu-nbd", &ErrorKind::NotFound.into()),
            false => io::Error::other(said),
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        helper_ended(self.child.id());
    }
}

fn unexpected() -> io::Error {
    io::Error::other("the program does not speak the protocol of block devices")
}
