//! Server-sent events: [`stream`].

use std::sync::Arc;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use tokio::sync::mpsc;

use super::App;

/// Tells events to whoever listens.
pub struct Teller(mpsc::Sender<Event>);

/// Nobody listens any more.
#[derive(Debug, thiserror::Error)]
#[error("nobody listens any more")]
pub struct Gone;

impl Teller {
    /// Tells one event, with the place from which to go on after it, if there is one.
    ///
    /// # Errors
    /// [`Gone`]; or the data cannot be written.
    pub async fn tell(
        &self,
        name: &str,
        next: Option<u64>,
        data: impl Serialize,
    ) -> anyhow::Result<()> {
        // JSON has no line ends.
        let event = Event::default()
            .event(name)
            .data(serde_json::to_string(&data)?);
        let event = match next {
            Some(next) => event.id(next.to_string()),
            None => event,
        };
        Ok(self.0.send(event).await.map_err(|_| Gone)?)
    }
}

/// Answers with what `work` tells, until it ends, nobody listens, or the server ends. If it fails, that is the last it tells.
pub fn stream<W>(app: Arc<App>, work: impl FnOnce(Arc<Teller>) -> W) -> Response
where
    W: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let (told, mut heard) = mpsc::channel(64);
    let teller = Arc::new(Teller(told.clone()));
    let work = work(Arc::clone(&teller));
    tokio::spawn(async move {
        tokio::select! {
            () = told.closed() => {}
            () = app.closed() => {}
            ended = work => {
                if let Err(error) = ended {
                    // Who does not listen any more need not be told.
                    let _ = teller.tell("trouble", None, format!("{error:#}")).await;
                }
            }
        }
    });
    let heard = futures::stream::poll_fn(move |context| heard.poll_recv(context));
    let heard = futures::StreamExt::map(heard, Ok::<Event, Gone>);
    Sse::new(heard)
        .keep_alive(KeepAlive::default())
        .into_response()
}
