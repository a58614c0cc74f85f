//! What changes in the folder of runs, for a list that is open: [`stream`]. A run that begins is told with its page, one that ends, and
//! folders that come and go.

use std::collections::{HashMap, HashSet};
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use nix::sys::inotify::{AddWatchFlags, InotifyEvent, WatchDescriptor};
use serde_json::json;

use super::App;
use super::pages::link;
use super::stream::Teller;
use super::watch::Watch;
use super::writers::is_written;
use crate::report::record::EVENTS;

/// Folders of runs that have not come to their end, and may yet; more are not watched.
const WATCHED: usize = 1000;

/// Answers with `changed` at once, since what changed before is not known to who asks; then with `begun` for each run that begins, those that
/// are under way first, and `changed` for everything else.
pub async fn stream(State(app): State<Arc<App>>) -> Response {
    super::stream::stream(Arc::clone(&app), async move |teller: Arc<Teller>| {
        Changes::new(app).await?.tell(&teller).await
    })
}

type Ends = FuturesUnordered<Pin<Box<dyn Future<Output = String> + Send>>>;

struct Changes {
    app: Arc<App>,
    watch: Watch,
    root: WatchDescriptor,
    /// Folders of runs that are watched.
    folders: HashMap<WatchDescriptor, String>,
    under_way: HashSet<String>,
    /// The ends of those under way.
    ends: Ends,
    /// Runs that have begun and were not told yet.
    begun: Vec<String>,
}

impl Changes {
    async fn new(app: Arc<App>) -> anyhow::Result<Self> {
        let watch = Watch::new()?;
        let root = watch.add(app.runs.root())?;
        let shared = Arc::clone(&app);
        let listing = tokio::task::spawn_blocking(move || shared.runs.list()).await??;
        let mut changes = Self {
            app,
            watch,
            root,
            folders: HashMap::new(),
            under_way: HashSet::new(),
            ends: FuturesUnordered::new(),
            begun: Vec::new(),
        };
        let open = listing.runs.into_iter();
        let open = open.filter(|run| run.under_way || run.summary.interrupted.is_some());
        // A folder may be made already that is a run in a moment.
        let strange = listing.strange.into_iter().map(|strange| strange.name);
        for name in open.map(|run| run.folder).chain(strange).take(WATCHED) {
            changes.enter(&name);
        }
        Ok(changes)
    }

    async fn tell(mut self, teller: &Teller) -> anyhow::Result<()> {
        teller.tell("changed", None, json!({})).await?;
        loop {
            for name in std::mem::take(&mut self.begun) {
                let live = link("/live", &name);
                teller
                    .tell("begun", None, json!({ "run": name, "live": live }))
                    .await?;
            }
            let changed = tokio::select! {
                events = self.watch.next() => self.hear(&events?),
                Some(name) = self.ends.next() => self.under_way.remove(&name),
            };
            if changed {
                teller.tell("changed", None, json!({})).await?;
            }
        }
    }

    /// Whether the list is another because of this.
    fn hear(&mut self, events: &[InotifyEvent]) -> bool {
        let mut changed = false;
        for event in events {
            let name = event.name.as_deref().and_then(|name| name.to_str());
            if event.wd == self.root {
                changed = true;
                let came = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO;
                if let Some(name) = name.filter(|_| event.mask.intersects(came)) {
                    self.enter(name);
                }
            } else if name == Some(EVENTS) {
                // A record that was copied here is whole now.
                changed |= event.mask.contains(AddWatchFlags::IN_CLOSE_WRITE);
                let run = self.folders.get(&event.wd).cloned();
                run.iter().for_each(|run| self.look(run));
            }
        }
        changed
    }

    /// Watches a folder from now on. One that cannot be watched is told of when the list is drawn again.
    fn enter(&mut self, name: &str) {
        let watched = self
            .app
            .runs
            .folder(name)
            .and_then(|folder| self.watch.add(folder.path()));
        if let Ok(watched) = watched {
            self.folders.insert(watched, name.to_owned());
            self.look(name);
        }
    }

    /// Notices if somebody writes it since.
    fn look(&mut self, name: &str) {
        if self.under_way.contains(name) {
            return;
        }
        let open = || -> io::Result<_> { self.app.runs.folder(name)?.file(EVENTS) };
        let (Ok(asked), Ok(awaited)) = (open(), open()) else {
            return;
        };
        if !is_written(&asked) {
            return;
        }
        if let Ok(gone) = self.app.writers.gone(awaited) {
            let run = name.to_owned();
            self.under_way.insert(run.clone());
            self.begun.push(run.clone());
            self.ends.push(Box::pin(async move {
                gone.await;
                run
            }));
        }
    }
}
