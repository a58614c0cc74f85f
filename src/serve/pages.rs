//! Pages from templates: [`Pages`]. They have the look of the reports, and one script of their own.

use axum::http::header;
use axum::response::{Html, IntoResponse as _, Response};
use jiff::Timestamp;
use minijinja::Environment;
use minijinja::value::{Serde, Value};
use serde::Serialize;

use super::trouble::Trouble;
use crate::model::verdict::Verdict;
use crate::report::html::{self, policy, text};

const SCRIPT: &str = include_str!("pages/script.js");

const TEMPLATES: [(&str, &str); 7] = [
    ("page.html", include_str!("pages/page.html")),
    ("macros.html", include_str!("pages/macros.html")),
    ("list.html", include_str!("pages/list.html")),
    ("folder.html", include_str!("pages/folder.html")),
    ("compare.html", include_str!("pages/compare.html")),
    ("live.html", include_str!("pages/live.html")),
    ("next.html", include_str!("pages/next.html")),
];

/// Draws pages.
pub struct Pages {
    environment: Environment<'static>,
    policy: String,
}

impl Pages {
    /// Reads the templates.
    ///
    /// # Errors
    /// One is none: a mistake of ours.
    pub fn new() -> anyhow::Result<Self> {
        let style = format!("{}{}", html::STYLE, include_str!("pages/style.css"));
        let policy = format!(
            "default-src 'none'; script-src {}; style-src {}; connect-src 'self'; form-action 'self'; base-uri 'none'; \
             frame-ancestors 'none'",
            policy::source(SCRIPT),
            policy::source(&style)
        );
        let mut environment = html::environment(&TEMPLATES)?;
        environment.add_global("style", Value::from_safe_string(style));
        environment.add_global("script", Value::from_safe_string(SCRIPT.to_owned()));
        environment.add_global("tool_version", env!("CARGO_PKG_VERSION"));
        Ok(Self {
            environment,
            policy,
        })
    }

    /// Draws one.
    ///
    /// # Errors
    /// The view lacks what the template shows: a mistake of ours.
    pub fn draw(&self, name: &str, view: impl Serialize) -> Result<Response, Trouble> {
        let template = self.environment.get_template(name);
        let drawn = template.and_then(|template| template.render(Value::from(Serde(view))));
        let drawn = drawn.map_err(|error| Trouble::ours(error.into()))?;
        let headers = [(header::CONTENT_SECURITY_POLICY, self.policy.clone())];
        Ok((headers, Html(drawn)).into_response())
    }
}

/// A link to what lies below one of our paths, e.g. `/runs`; none if the name leads elsewhere.
pub fn link(below: &str, name: &str) -> Option<String> {
    let link = text::link(name)?;
    Some(format!("{below}{}", link.strip_prefix('.')?))
}

/// A moment as people read it.
pub fn told(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A verdict as a template shows it.
#[derive(Serialize)]
pub struct VerdictView {
    pub word: String,
    pub class: String,
}

impl VerdictView {
    /// A word that is no verdict.
    pub fn word(word: &str, class: &str) -> Self {
        Self {
            word: word.to_owned(),
            class: class.to_owned(),
        }
    }
}

impl From<Option<Verdict>> for VerdictView {
    fn from(verdict: Option<Verdict>) -> Self {
        match verdict {
            Some(verdict) => {
                let word = verdict.to_string();
                let class = word.to_lowercase();
                Self { word, class }
            }
            None => Self::word("nothing was judged", "none"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_one_and_a_link_stays_below_its_path() {
        Pages::new().expect("templates");
        assert_eq!(link("/runs", "a b").as_deref(), Some("/runs/a%20b"));
        assert_eq!(link("/runs", ".."), None);
    }
}
