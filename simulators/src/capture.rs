//! What passed below TLS, with the session secrets that open it: [`Capture`], written as pcapng.
//!
//! Made only where somebody asked for it, since whoever has the file reads everything that was sent, private keys included. What is
//! noted is what our side has read and written; IP and TCP around it are made up. It stays in memory until it is written, so that
//! nothing of it lies on a disk while a disk is searched, and it stops at a size.

mod packet;
mod pcapng;
mod tapped;

use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use rustls::KeyLog;

pub(crate) use self::tapped::Tapped;
use crate::front::Parties;
use packet::{ACK, FIN, LONGEST_PAYLOAD, PSH, RST, SYN, Segment};

/// What every reader is told.
const WARNING: &str = "holds the TLS session secrets: whoever has this file reads everything that was sent, private keys included; \
                       IP and TCP headers are made up around the bytes that the tester's side read and wrote";

/// Notes the connections of one scenario; clones note into the same one.
#[derive(Clone)]
pub struct Capture {
    kept: Arc<Mutex<Kept>>,
}

struct Kept {
    /// Packets, as the blocks of a file.
    packets: Vec<u8>,
    /// Session secrets, as the lines of a key log.
    secrets: String,
    /// Who spoke to whom: an interface of the file each.
    parties: Vec<Parties>,
    /// How many connections there were.
    connections: u32,
    /// The most that packets and secrets may take, in bytes.
    most: usize,
    cut: Option<Timestamp>,
}

impl Capture {
    /// Nothing yet. `most` limits packets and secrets together, in bytes; what comes after is not kept, see [`Capture::cut`].
    pub fn new(most: usize) -> Self {
        let kept = Kept {
            packets: Vec::new(),
            secrets: String::new(),
            parties: Vec::new(),
            connections: 0,
            most,
            cut: None,
        };
        Self {
            kept: Arc::new(Mutex::new(kept)),
        }
    }

    /// For a TLS configuration: hears the secrets of its sessions.
    pub fn key_log(&self) -> Arc<dyn KeyLog> {
        Arc::new(self.clone())
    }

    /// Since when nothing was kept any more, if the limit was reached.
    pub fn cut(&self) -> Option<Timestamp> {
        self.kept().cut
    }

    /// Writes it as pcapng (draft-ietf-opsawg-pcapng): the secrets in a Decryption Secrets Block, then the packets, as IP without a
    /// link layer. `application` is the name and version of the writing program.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, application: &str, to: &mut impl Write) -> io::Result<()> {
        let kept = self.kept();
        let mut head = Vec::new();
        let comment = match kept.cut {
            None => WARNING.to_owned(),
            Some(at) => format!(
                "{WARNING}; cut at {at}: no more than {} bytes are kept",
                kept.most
            ),
        };
        pcapng::section(&mut head, application, &comment);
        for parties in &kept.parties {
            let description = format!("{} asks {}", parties.from, parties.to);
            pcapng::interface(&mut head, &parties.interface, &description);
        }
        if !kept.secrets.is_empty() {
            pcapng::secrets(&mut head, kept.secrets.as_bytes());
        }
        to.write_all(&head)?;
        to.write_all(&kept.packets)
    }

    /// A connection from now on. `ours` is the side that notes it.
    fn flow(&self, parties: &Parties, client: SocketAddr, server: SocketAddr, ours: Side) -> Flow {
        let mut kept = self.kept();
        let interface = kept.interface(parties);
        // A port that is used again must not look like the connection before: its numbers begin elsewhere.
        let first = kept.connections.wrapping_mul(0x9E37_79B1);
        kept.connections = kept.connections.wrapping_add(1);
        drop(kept);
        let mut flow = Flow {
            capture: self.clone(),
            interface,
            ends: [client, server],
            next: [first, first],
            ended: [false; 2],
            ours,
        };
        flow.segment(Side::Client, SYN, &[]);
        flow.segment(Side::Server, SYN | ACK, &[]);
        flow.segment(Side::Client, ACK, &[]);
        flow
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Each change is whole before the lock is given back.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn interface(&mut self, parties: &Parties) -> u32 {
        let known = self.parties.iter().position(|known| known == parties);
        let index = known.unwrap_or_else(|| {
            self.parties.push(parties.clone());
            self.parties.len() - 1
        });
        u32::try_from(index).unwrap_or(u32::MAX)
    }

    /// Whether so many more bytes may be kept. Once they may not, nothing is: what is there has no gaps.
    fn has_room(&mut self, bytes: usize) -> bool {
        let full = self.packets.len() + self.secrets.len() + bytes > self.most;
        if full && self.cut.is_none() {
            self.cut = Some(Timestamp::now());
        }
        self.cut.is_none()
    }
}

/// The lines of a key log, as NSS and its readers have them: label, client random and secret in hex.
impl KeyLog for Capture {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let (random, secret) = (hex::encode(client_random), hex::encode(secret));
        let mut kept = self.kept();
        if kept.has_room(label.len() + random.len() + secret.len() + 3) {
            // A String takes whatever is written.
            let _ = writeln!(kept.secrets, "{label} {random} {secret}");
        }
    }
}

impl std::fmt::Debug for Capture {
    /// Only how much it is: the rest is secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kept = self.kept();
        f.debug_struct("Capture")
            .field("connections", &kept.connections)
            .field("bytes", &kept.packets.len())
            .finish_non_exhaustive()
    }
}

/// An end of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Client = 0,
    Server = 1,
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// One connection, as segments of TCP. That it is dropped is the end of our side.
struct Flow {
    capture: Capture,
    interface: u32,
    /// Client, server.
    ends: [SocketAddr; 2],
    /// The number of the next byte of each.
    next: [u32; 2],
    ended: [bool; 2],
    ours: Side,
}

impl Flow {
    /// Bytes that a side has sent.
    fn data(&mut self, from: Side, bytes: &[u8]) {
        for piece in bytes.chunks(LONGEST_PAYLOAD) {
            self.segment(from, PSH | ACK, piece);
        }
    }

    /// A side sends no more.
    fn end(&mut self, from: Side) {
        if !std::mem::replace(&mut self.ended[from as usize], true) {
            self.segment(from, FIN | ACK, &[]);
        }
    }

    /// A side has broken it off.
    fn reset(&mut self, from: Side) {
        if !std::mem::replace(&mut self.ended[from as usize], true) {
            self.segment(from, RST | ACK, &[]);
            self.ended = [true; 2];
        }
    }

    fn segment(&mut self, from: Side, flags: u8, payload: &[u8]) {
        let to = from.other();
        let bytes = packet::of(&Segment {
            from: self.ends[from as usize],
            to: self.ends[to as usize],
            number: self.next[from as usize],
            // The first segment of all has seen nothing.
            acknowledges: match flags & ACK {
                0 => 0,
                _ => self.next[to as usize],
            },
            flags,
            payload,
        });
        let takes = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        let counted = u32::from(flags & (SYN | FIN) != 0);
        let next = &mut self.next[from as usize];
        *next = next.wrapping_add(takes).wrapping_add(counted);
        let mut kept = self.capture.kept();
        if kept.has_room(pcapng::PACKET_HEAD + bytes.len()) {
            // Within the lock, so that times ascend.
            let at = Timestamp::now();
            pcapng::packet(&mut kept.packets, self.interface, at, &bytes);
        }
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.end(self.ours);
    }
}

#[cfg(test)]
mod tests;
