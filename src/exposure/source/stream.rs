//! Streams: what is read once, as standard input is.

use std::io::Read;

use crate::source::container::{self, Pass};
use crate::source::limits::Limits;
use crate::source::{Gap, GapKind, Place, Work};

/// The work that searches a stream to its end, and what is packed in it, in constant memory.
///
/// `written` is the source as the user wrote it. A failure of the reader is told as a gap of the kind `Unreadable`.
pub fn stream_work<'s>(
    written: &str,
    mut reader: Box<dyn Read + Send + 's>,
    limits: &'s Limits,
) -> Work<'s> {
    let place = Place {
        source: written.to_owned(),
        ..Place::default()
    };
    Box::new(move |visitor| {
        let searched = container::search(&mut *reader, &place, &Pass::new(visitor, limits));
        let what = match searched {
            Ok(0) => "nothing came: the stream was empty, or closed".to_owned(),
            Ok(_) => return,
            Err(error) => error.to_string(),
        };
        let gap = Gap {
            kind: GapKind::Unreadable,
            what,
            bytes: None,
        };
        visitor.gap(&place, gap);
    })
}
