//! An answer as it goes to the wire, spoilt or not: [`Answer`] and its [`AnswerBody`].

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use thiserror::Error;

use super::Scrub;
use crate::fault::Fault;
use crate::transcript::{self, Body};

const ZEROS: Bytes = Bytes::from_static(&[0; 16 * 1024]);

/// Neither UTF-8, nor JSON, nor the start of an archive.
const GARBAGE: [u8; 4] = [0xFF, 0xFE, 0x00, 0xC1];

/// Makes hyper close the connection where it stands.
#[derive(Debug, Error)]
#[error("closed on purpose: {0}")]
pub(crate) struct Abort(pub(crate) &'static str);

/// What decides how the body of an answer is kept.
#[derive(Clone, Copy)]
pub(crate) struct Kept<'a> {
    pub(crate) scrub: &'a dyn Scrub,
    /// What is answered.
    pub(crate) request: &'a transcript::Request,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: AnswerBody,
    /// A digest in place of the body, since it carried a secret before it was spoilt.
    withheld: Option<Body>,
}

impl Answer {
    pub(crate) fn refusal(status: StatusCode, (media_type, body): (&'static str, Vec<u8>)) -> Self {
        Self {
            status,
            headers: HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(media_type))]),
            body: AnswerBody::whole(body.into()),
            withheld: None,
        }
    }

    pub(crate) fn of(response: Response<Bytes>) -> Self {
        let (parts, body) = response.into_parts();
        Self {
            status: parts.status,
            headers: parts.headers,
            body: AnswerBody::whole(body),
            withheld: None,
        }
    }

    /// Spoils the answer. Faults that have no answer to spoil are none of its business and leave it alone.
    pub(crate) fn spoil(&mut self, fault: &Fault, kept: Option<Kept<'_>>) {
        self.withheld = kept
            .zip(self.body.start.as_ref())
            .and_then(|(kept, whole)| kept.scrub.withheld(kept.request, whole));
        let body = self.body.start.take().unwrap_or_default();
        let length = body.len() as u64;
        self.body = match fault {
            Fault::TruncatedBody => AnswerBody::truncated(body),
            Fault::GarbageBody => {
                AnswerBody::whole(GARBAGE.iter().copied().cycle().take(body.len()).collect())
            }
            Fault::EmptyBody => AnswerBody::whole(Bytes::new()),
            Fault::OversizedBody(total) => AnswerBody::extended(body, total.saturating_sub(length)),
            Fault::ReplacedBody(text) => AnswerBody::whole(text.clone().into()),
            Fault::WrongContentType(mime) => {
                if let Ok(mime) = HeaderValue::from_str(mime) {
                    self.headers.insert(CONTENT_TYPE, mime);
                }
                AnswerBody::whole(body)
            }
            Fault::WithoutHeader(name) => {
                if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
                    self.headers.remove(name);
                }
                AnswerBody::whole(body)
            }
            Fault::CloseBeforeAnswer | Fault::Status(_) | Fault::NeverAnswer => {
                AnswerBody::whole(body)
            }
        };
        self.headers
            .insert(CONTENT_LENGTH, self.body.announced.into());
    }

    /// What the wire will see. Digesting a long extension takes a while, so it happens on a thread for blocking work.
    pub(crate) async fn recorded(&self, kept: Option<Kept<'_>>) -> transcript::Response {
        let start = self.body.start.clone().unwrap_or_default();
        let body = match self.body.then {
            _ if self.withheld.is_some() => self.withheld.clone().unwrap_or_default(),
            Then::Zeros(0) | Then::End | Then::Abort { .. } => kept.map_or_else(
                || Body::of(&start),
                |kept| kept.scrub.answer(kept.request, &start),
            ),
            Then::Zeros(count) => {
                let described =
                    tokio::task::spawn_blocking(move || Body::followed_by_zeros(&start, count));
                described.await.unwrap_or_default()
            }
        };
        transcript::Response {
            status: self.status.as_u16(),
            headers: transcript::recorded(&self.headers),
            body,
        }
    }

    pub(crate) fn into_response(self) -> Response<AnswerBody> {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

/// Bytes, then perhaps something else.
pub(crate) struct AnswerBody {
    start: Option<Bytes>,
    then: Then,
    announced: u64,
}

enum Then {
    End,
    Zeros(u64),
    /// `flushed`: the start was given time to leave.
    Abort {
        flushed: bool,
    },
}

impl AnswerBody {
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self {
            announced: bytes.len() as u64,
            start: Some(bytes),
            then: Then::End,
        }
    }

    fn truncated(bytes: Bytes) -> Self {
        let announced = bytes.len() as u64;
        Self {
            announced,
            start: Some(bytes.slice(..bytes.len() / 2)),
            then: Then::Abort { flushed: false },
        }
    }

    fn extended(bytes: Bytes, zeros: u64) -> Self {
        Self {
            announced: bytes.len() as u64 + zeros,
            start: Some(bytes),
            then: Then::Zeros(zeros),
        }
    }
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = Abort;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Abort>>> {
        if let Some(start) = self.start.take().filter(|start| !start.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(start))));
        }
        match &mut self.then {
            Then::End | Then::Zeros(0) => Poll::Ready(None),
            Then::Zeros(left) => {
                let chunk = ZEROS.slice(
                    ..usize::try_from(*left).map_or(ZEROS.len(), |left| left.min(ZEROS.len())),
                );
                *left -= chunk.len() as u64;
                Poll::Ready(Some(Ok(Frame::data(chunk))))
            }
            Then::Abort { flushed: true } => Poll::Ready(Some(Err(Abort("truncated body")))),
            Then::Abort { flushed } => {
                // hyper flushes what it has when a body has nothing more to give for the moment.
                *flushed = true;
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.start.as_ref().is_none_or(Bytes::is_empty)
            && matches!(self.then, Then::End | Then::Zeros(0))
    }

    fn size_hint(&self) -> SizeHint {
        // What is announced, since Content-Length is made of it.
        SizeHint::with_exact(self.announced)
    }
}
