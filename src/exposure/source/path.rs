//! What a path names, and the work that searches it: [`works`].

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::iter;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use crate::source::file::{self, SPAN, Scope, Spans};
use crate::source::folder::Folder;
use crate::source::limits::{Limits, Rules};
use crate::source::stream::stream_work;
use crate::source::{Gap, GapKind, Place, Work, device};

/// Pieces of work, cut as they are asked for. Any thread may ask, any thread may do them; a piece that is dropped instead of
/// done is not searched, and nobody tells.
pub type Works<'s> = Box<dyn Iterator<Item = Work<'s>> + Send + 's>;

/// What was named is no source. The messages are for the user who named it.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// There is nothing of that name.
    #[error("there is no file, folder or device {written:?}")]
    Missing {
        /// As the user wrote it.
        written: String,
        /// What the system said.
        source: io::Error,
    },
    /// It is something that has no end, or that cannot be read.
    #[error(
        "{written:?} is {what}: name a file, a folder, a block device, or '-' for standard input"
    )]
    NoSource {
        /// As the user wrote it.
        written: String,
        /// What it is: "a socket" ...
        what: &'static str,
    },
}

/// The work that searches a file, a folder with all that is below it, a block device or an image of one, or a named pipe.
///
/// `written` is the source as the user wrote it, `path` where it lies. A symbolic link is followed here, because the user
/// named it, and nowhere below. What cannot be read is told to the visitor when the work is done.
///
/// # Errors
/// There is nothing of that name, or it is no source.
pub fn works<'s>(
    written: &str,
    path: &Path,
    limits: &'s Limits,
    rules: &'s Rules,
) -> Result<Works<'s>, SourceError> {
    let place = Place {
        source: written.to_owned(),
        ..Place::default()
    };
    let met = match fs::metadata(path) {
        Ok(met) => met,
        Err(source)
            if matches!(
                source.kind(),
                ErrorKind::NotFound | ErrorKind::NotADirectory
            ) =>
        {
            return Err(SourceError::Missing {
                written: written.to_owned(),
                source,
            });
        }
        Err(error) => return Ok(told(place, file::not_opened(&error))),
    };
    if let Some(reason) = rules.reason(&met, path) {
        // By rule, but then nothing was searched that could be not found.
        let what = format!("the source itself is left out: {reason}");
        return Ok(told(place, file::gap(GapKind::Unreadable, what)));
    }
    let scope = Scope {
        limits,
        rules,
        follow: true,
    };
    let kind = met.file_type();
    let spans = if kind.is_dir() {
        return Ok(Box::new(Folder::new(path, place, scope)));
    } else if kind.is_file() && met.len() <= SPAN {
        let path = path.to_owned();
        return Ok(Box::new(iter::once_with(move || -> Work<'s> {
            Box::new(move |visitor| file::search(&path, &place, scope, visitor))
        })));
    } else if kind.is_file() {
        file::open(path, scope).map(|(file, met)| Spans::of_file(file, &met, place.clone(), limits))
    } else if kind.is_block_device() {
        device::spans(path, place.clone(), scope)
    } else if kind.is_fifo() {
        // Opening waits for whoever writes, so it is left to the work.
        let (path, written) = (path.to_owned(), written.to_owned());
        return Ok(Box::new(iter::once_with(move || -> Work<'s> {
            Box::new(move |visitor| match File::open(&path) {
                Ok(pipe) => stream_work(&written, Box::new(pipe), limits)(visitor),
                Err(error) => visitor.gap(&place, file::not_opened(&error)),
            })
        })));
    } else {
        return Err(SourceError::NoSource {
            written: written.to_owned(),
            what: if kind.is_socket() {
                "a socket"
            } else {
                "a character device, which has no end"
            },
        });
    };
    match spans {
        Ok(spans) => Ok(Box::new(spans)),
        Err(gap) => Ok(told(place, gap)),
    }
}

/// The work that searches one file of several, which is told under the place's own name. What is no file, or is gone, is told.
pub(crate) fn file_works<'s>(
    place: Place,
    path: PathBuf,
    limits: &'s Limits,
    rules: &'s Rules,
) -> Works<'s> {
    let scope = Scope {
        limits,
        rules,
        follow: true,
    };
    match file::open(&path, scope) {
        Ok((file, met)) if met.len() > SPAN => Box::new(Spans::of_file(file, &met, place, limits)),
        // Opened again when its turn comes, so that few are open at a time.
        Ok(_) => Box::new(iter::once_with(move || -> Work<'s> {
            Box::new(move |visitor| file::search(&path, &place, scope, visitor))
        })),
        Err(gap) => told(place, gap),
    }
}

fn told<'s>(place: Place, gap: Gap) -> Works<'s> {
    Box::new(iter::once_with(move || -> Work<'s> {
        Box::new(move |visitor| visitor.gap(&place, gap))
    }))
}
