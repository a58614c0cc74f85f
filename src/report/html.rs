//! The report for people: one file, `index.html`, that opens from a disk and loads nothing. Main function: [`write()`].
//!
//! Templates and style sheet lie in `html/`. A scenario is drawn and written before the next is read, so that a long record needs no more
//! memory than its longest scenario. The same record and evidence give the same bytes.

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

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context as _;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
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

/// Writes `index.html` into a folder, from a record and the evidence in the folder of its run.
///
/// # Errors
/// It cannot be written; the path is named. Evidence that cannot be read is told in the report.
pub fn write(folder: &Path, into: &Path, record: &Record, results: &Results) -> anyhow::Result<()> {
    let beside = into.join("index.part");
    let path = into.join("index.html");
    let cannot = || format!("cannot write {}", path.display());
    let mut out = BufWriter::new(File::create(&beside).with_context(cannot)?);
    render(folder, record, results, &mut out).with_context(cannot)?;
    out.flush().with_context(cannot)?;
    std::fs::rename(&beside, &path).with_context(cannot)
}

fn render(
    folder: &Path,
    record: &Record,
    results: &Results,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let mut environment = environment(&TEMPLATES)?;
    environment.add_global("style", Value::from_safe_string(STYLE.to_owned()));
    environment.add_global("script", Value::from_safe_string(SCRIPT.to_owned()));
    environment.add_global("policy", policy::of(SCRIPT, STYLE));
    let environment = environment;
    let inventory = record.inventory.as_ref();
    let mut draw = |name: &str, view: &dyn ErasedView| -> anyhow::Result<()> {
        let template = environment.get_template(name)?;
        template.render_captured_to(view.value(), &mut *out)?;
        Ok(())
    };
    draw("head.html", &page::head(record, results))?;
    let mut sensitivities = Vec::new();
    for (place, case) in results.cases.iter().enumerate() {
        let entry =
            inventory.and_then(|inventory| inventory.cases.iter().find(|e| e.id == case.id));
        let number = place + 1;
        draw("case.html", &page::case(number, case, entry, results))?;
        let source = Source {
            folder,
            run: &record.run,
            case,
            entry,
            number,
        };
        let mut sensitivity = Sensitivity::new(number, case);
        for (place, scenario) in case.scenarios.iter().enumerate() {
            let drawn = scenario::draw(&source, place, scenario);
            sensitivity.hear(&drawn.asked);
            draw("scenario.html", &drawn.view)?;
        }
        sensitivities.push(sensitivity);
    }
    draw("tail.html", &page::tail(record, results, sensitivities))
}

/// A view that a template can be given.
trait ErasedView {
    fn value(&self) -> Value;
}

impl<T: Serialize> ErasedView for T {
    fn value(&self) -> Value {
        Value::from(Serde(self))
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
