//! The events of a record as they are appended: [`Tail`].

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use crate::model::event::Event;

/// Bytes that are read at once.
const CHUNK: usize = 256 << 10;

/// No event is as long; what is, was not written by a run.
const LONGEST_LINE: usize = 64 << 20;

/// Reads on where it stopped.
pub struct Tail {
    file: File,
    /// Where the next byte to be read is.
    at: u64,
    /// The beginning of a line whose end is not there yet.
    begun: Vec<u8>,
}

/// An event, and where the next begins.
#[derive(Debug)]
pub struct Told {
    /// The event.
    pub event: Event,
    /// The byte after its line.
    pub next: u64,
}

impl Tail {
    /// From a place at which a line begins; from the beginning if this is none.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn new(file: File, from: u64) -> io::Result<Self> {
        let mut before = [0];
        let begins = match from.checked_sub(1) {
            Some(before_it) => file.read_at(&mut before, before_it)? == 1 && before == *b"\n",
            None => false,
        };
        Ok(Self {
            file,
            at: if begins { from } else { 0 },
            begun: Vec::new(),
        })
    }

    /// Some of the events that were appended since; none if there are no more for now.
    ///
    /// # Errors
    /// The file cannot be read, or has a line that is no event; its place is named.
    pub fn read(&mut self) -> anyhow::Result<Vec<Told>> {
        let mut told = Vec::new();
        let mut chunk = vec![0; CHUNK];
        while told.is_empty() {
            let length = self.file.read_at(&mut chunk, self.at)?;
            if length == 0 {
                break;
            }
            let mut next = self.at;
            self.at += length as u64;
            for part in chunk
                .get(..length)
                .unwrap_or_default()
                .split_inclusive(|byte| *byte == b'\n')
            {
                next += part.len() as u64;
                self.begun.extend_from_slice(part);
                anyhow::ensure!(
                    self.begun.len() <= LONGEST_LINE,
                    "the line that ends after byte {next} is too long for an event"
                );
                if part.ends_with(b"\n") {
                    let event = serde_json::from_slice(&self.begun);
                    let event = event.map_err(|error| {
                        anyhow::anyhow!("the line that ends at byte {next} is no event: {error}")
                    })?;
                    told.push(Told { event, next });
                    self.begun.clear();
                }
            }
        }
        Ok(told)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const FIRST: &str =
        "{\"event\":\"runner-fault\",\"at\":\"1970-01-01T00:00:00Z\",\"error\":\"x\"}\n";
    const LAST: &str = "{\"event\":\"run-finished\",\"at\":\"1970-01-01T00:00:00Z\"}\n";

    fn names(told: &[Told]) -> Vec<bool> {
        let finished = |told: &Told| matches!(told.event, Event::RunFinished { .. });
        told.iter().map(finished).collect()
    }

    #[test]
    fn whole_lines_are_told_once_and_a_part_of_one_waits_for_the_rest() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        let open = |from| Tail::new(File::open(file.path()).expect("open"), from).expect("read");
        let mut tail = open(0);
        let mut write = |text: &str| {
            file.as_file_mut()
                .write_all(text.as_bytes())
                .expect("written")
        };
        assert!(tail.read().expect("read").is_empty());
        write(FIRST);
        write(&LAST[..10]);
        assert_eq!(names(&tail.read().expect("read")), [false]);
        assert!(tail.read().expect("read").is_empty());
        write(&LAST[10..]);
        let told = tail.read().expect("read");
        assert_eq!(names(&told), [true]);
        assert_eq!(told[0].next, (FIRST.len() + LAST.len()) as u64);
        write("[1]\n");
        assert!(tail.read().is_err());
    }

    #[test]
    fn a_place_in_the_middle_of_a_line_is_none() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(format!("{FIRST}{LAST}").as_bytes())
            .expect("written");
        let from = |at: usize| {
            let file = File::open(file.path()).expect("open");
            let mut tail = Tail::new(file, at as u64).expect("read");
            names(&tail.read().expect("read"))
        };
        assert_eq!(from(FIRST.len()), [true]);
        assert_eq!(from(FIRST.len() + 3), [false, true]);
        assert_eq!(from(1 << 20), [false, true]);
        assert!(from(FIRST.len() + LAST.len()).is_empty());
    }
}
