//! Shows a run's progress: a bar on a terminal, a line per scenario elsewhere. On standard error.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};

use crate::model::event::Event;
use crate::model::verdict::Verdict;
use crate::session::Listener;

/// A run's progress.
pub struct Progress {
    bar: Option<Arc<ProgressBar>>,
}

impl Progress {
    /// Decides by where standard error goes.
    pub fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::no_length();
            if let Ok(style) =
                ProgressStyle::with_template("{pos}/{len} {wide_bar} {elapsed}  {msg}")
            {
                bar.set_style(style);
            }
            Arc::new(bar)
        });
        Self { bar }
    }

    /// What hears the run's events.
    pub fn listener(&self) -> Listener {
        let bar = self.bar.clone();
        Box::new(move |event| match &bar {
            Some(bar) => on_terminal(bar, event),
            None => in_lines(event),
        })
    }

    /// Says something between the progress.
    pub fn speaker(&self) -> Speaker {
        Speaker(self.bar.clone())
    }

    /// The run begins, or goes on where so many have ended.
    pub fn begin(&self, scenarios: usize, ended: usize) {
        if let Some(bar) = &self.bar {
            bar.set_length(scenarios as u64);
            bar.set_position(ended as u64);
        }
    }

    /// The run ended.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Says something to whoever watches the progress, without spoiling the bar.
pub struct Speaker(Option<Arc<ProgressBar>>);

impl Speaker {
    /// One or more lines.
    pub fn say(&self, text: &str) {
        let say = || {
            // Nobody is there to read it, then.
            let _ = writeln!(std::io::stderr().lock(), "{text}");
        };
        match &self.0 {
            Some(bar) => bar.suspend(say),
            None => say(),
        }
    }
}

fn on_terminal(bar: &ProgressBar, event: &Event) {
    match event {
        Event::ScenarioStarted { scenario, .. } => bar.set_message(scenario.case.clone()),
        Event::ScenarioFinished {
            scenario, verdict, ..
        } => {
            if *verdict != Verdict::Pass {
                bar.println(format!(
                    "{verdict}: {} line {}",
                    scenario.case, scenario.line
                ));
            }
            bar.inc(1);
        }
        _ => {}
    }
}

fn in_lines(event: &Event) {
    let line = match event {
        Event::ScenarioFinished {
            scenario, verdict, ..
        } => {
            format!("{verdict:<12} {} line {}", scenario.case, scenario.line)
        }
        Event::RunInterrupted { by, .. } => format!("interrupted by {by}"),
        Event::RunnerFault { error, .. } => format!("fault of the harness: {error}"),
        _ => return,
    };
    // A reader that closed the pipe has read enough.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
