//! The report for people: one file, `index.html`, that opens from a disk and loads nothing. Main function: [`render`].
//!
//! Templates and style sheet lie in `html/`. Each processor draws a scenario, and reads the next when that is part of the page. The page is
//! held whole; of the record no more than is being drawn. The same record and evidence give the same bytes.

mod cause;
mod diagram;
mod entries;
mod exchanges;
mod identifiers;
mod keys;
mod page;
pub mod policy;
mod questions;
mod requirements;
mod rows;
mod scenario;
mod sensitivity;
pub mod text;

use std::path::Path;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use rayon::iter::{
    IndexedParallelIterator as _, IntoParallelRefIterator as _, ParallelIterator as _,
};
use serde::Serialize;

use self::scenario::Source;
use self::sensitivity::Sensitivity;
use super::record::Record;
use super::results::Results;

/// The style sheet: whoever else draws a page of runs has the same look.
pub const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/script.js");

const TEMPLATES: [(&str, &str); 8] = [
    ("head.html", include_str!("html/head.html")),
    ("case.html", include_str!("html/case.html")),
    ("scenario.html", include_str!("html/scenario.html")),
    ("exchange.html", include_str!("html/exchange.html")),
    ("tail.html", include_str!("html/tail.html")),
    ("diagram.svg", include_str!("html/diagram.svg")),
    ("keys.svg", include_str!("html/keys.svg")),
    ("identifiers.svg", include_str!("html/identifiers.svg")),
];

/// Draws the page of a record, with the evidence in the folder of its run. Evidence that cannot be read is told in it.
///
/// # Errors
/// A template does not fit its view: a mistake of ours.
pub fn render(folder: &Path, record: &Record, results: &Results) -> anyhow::Result<Vec<u8>> {
    let mut environment = environment(&TEMPLATES)?;
    environment.add_global("style", Value::from_safe_string(STYLE.to_owned()));
    environment.add_global("script", Value::from_safe_string(SCRIPT.to_owned()));
    environment.add_global("policy", policy::of(SCRIPT, STYLE));
    let pen = Pen { environment };
    let mut page = Vec::new();
    pen.draw("head.html", &page::head(record, results), &mut page)?;
    let cases = results.cases.par_iter().enumerate().map(|(place, case)| {
        let inventory = record.inventory.as_ref();
        let entry = inventory.and_then(|known| known.cases.iter().find(|e| e.id == case.id));
        let number = place + 1;
        let source = Source {
            folder,
            run: &record.run,
            case,
            entry,
            number,
        };
        pen.case(&source, &page::case(number, case, entry, results))
    });
    let mut sensitivities = Vec::new();
    for drawn in cases.collect::<Vec<_>>() {
        let (part, sensitivity) = drawn?;
        page.extend(part);
        sensitivities.push(sensitivity);
    }
    let tail = page::tail(record, results, sensitivities);
    pen.draw("tail.html", &tail, &mut page)?;
    Ok(page)
}

/// What draws views.
struct Pen {
    environment: Environment<'static>,
}

impl Pen {
    fn draw(&self, name: &str, view: &impl Serialize, page: &mut Vec<u8>) -> anyhow::Result<()> {
        let template = self.environment.get_template(name)?;
        template.render_captured_to(Value::from(Serde(view)), page)?;
        Ok(())
    }

    /// A test case with its scenarios.
    fn case(
        &self,
        source: &Source<'_>,
        view: &impl Serialize,
    ) -> anyhow::Result<(Vec<u8>, Sensitivity)> {
        let mut part = Vec::new();
        self.draw("case.html", view, &mut part)?;
        let scenarios = source.case.scenarios.par_iter().enumerate();
        let scenarios = scenarios.map(|(place, scenario)| {
            let drawn = scenario::draw(source, place, scenario);
            let mut part = Vec::new();
            self.draw("scenario.html", &drawn.view, &mut part)?;
            Ok((part, drawn.asked))
        });
        let mut sensitivity = Sensitivity::new(source.number, source.case);
        for drawn in scenarios.collect::<Vec<anyhow::Result<_>>>() {
            let (scenario, asked) = drawn?;
            part.extend(scenario);
            sensitivity.hear(&asked);
        }
        Ok((part, sensitivity))
    }
}

/// What draws templates: everything that a value says is text, and what does not show is written out.
///
/// # Errors
/// A template is not one: a mistake of ours.
pub fn environment(
    templates: &[(&'static str, &'static str)],
) -> anyhow::Result<Environment<'static>> {
    let mut environment = Environment::new();
    environment.set_syntax(
        SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()?,
    );
    // What a view does not have is a mistake of ours, unless the template asks whether it is there.
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    // Whatever the name of the template: what a macro draws is then safe, and everything else is not.
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_formatter(|out, _, value| {
        let written = match value.as_str() {
            Some(text) if value.is_safe() => out.write_str(text),
            Some(text) => text::write_visible(out, text),
            None => text::write_visible(out, &value.to_string()),
        };
        written.map_err(minijinja::Error::from)
    });
    environment.add_filter("ticked", |text: &str| {
        Value::from_safe_string(text::ticked(text))
    });
    for (name, source) in templates {
        environment.add_template(name, source)?;
    }
    Ok(environment)
}
