//! A page as a parser that nobody here wrote sees it.

use std::collections::BTreeSet;
use std::path::Path;

use html5gum::emitters::default::DefaultEmitter;
use html5gum::{Token, Tokenizer};

/// What of a page tests look at.
pub struct Page {
    /// Each start tag with the names of its attributes, in order.
    pub tags: Vec<(String, Vec<String>)>,
    /// Values of `href`.
    pub links: Vec<String>,
    /// Values of `id`.
    pub ids: BTreeSet<String>,
    /// All text, that of script and style aside, and attributes that are read out.
    pub text: String,
    /// The rows of each table with an id, cell by cell.
    tables: Vec<(String, Vec<Vec<String>>)>,
    /// Whether the last of these is still open.
    in_table: bool,
}

impl Page {
    #[track_caller]
    pub fn read(path: &Path) -> Self {
        Self::parse(&std::fs::read_to_string(path).unwrap())
    }

    #[track_caller]
    pub fn parse(text: &str) -> Self {
        let mut page = Self {
            tags: Vec::new(),
            links: Vec::new(),
            ids: BTreeSet::new(),
            text: String::new(),
            tables: Vec::new(),
            in_table: false,
        };
        let mut emitter = DefaultEmitter::default();
        emitter.naively_switch_states(true);
        let mut raw = false;
        for token in Tokenizer::new_with_emitter(text, emitter) {
            match token.unwrap() {
                Token::StartTag(tag) => {
                    let name = utf8(&tag.name);
                    raw = matches!(name.as_str(), "script" | "style");
                    let attributes: Vec<(String, String)> = tag
                        .attributes
                        .iter()
                        .map(|(name, value)| (utf8(name), utf8(value)))
                        .collect();
                    page.enter(&name, &attributes);
                    let names = attributes.into_iter().map(|(name, _)| name).collect();
                    page.tags.push((name, names));
                }
                Token::EndTag(tag) => {
                    raw = false;
                    page.in_table &= *tag.name != *b"table";
                }
                Token::String(text) if !raw => page.say(&utf8(&text)),
                Token::Error(error) => panic!("the page does not parse: {error:?}"),
                _ => {}
            }
        }
        page
    }

    fn enter(&mut self, name: &str, attributes: &[(String, String)]) {
        for (attribute, value) in attributes {
            match attribute.as_str() {
                "href" => self.links.push(value.clone()),
                "id" => {
                    assert!(self.ids.insert(value.clone()), "the id {value} twice");
                    if name == "table" {
                        self.tables.push((value.clone(), Vec::new()));
                        self.in_table = true;
                    }
                }
                "aria-label" => self.text += value,
                _ => {}
            }
        }
        let Some((_, rows)) = self.tables.last_mut().filter(|_| self.in_table) else {
            return;
        };
        match (name, rows.last_mut()) {
            ("tr", _) => rows.push(Vec::new()),
            ("th" | "td", Some(row)) => row.push(String::new()),
            _ => {}
        }
    }

    fn say(&mut self, text: &str) {
        self.text += text;
        let cell = self
            .tables
            .last_mut()
            .filter(|_| self.in_table)
            .and_then(|(_, rows)| rows.last_mut()?.last_mut());
        if let Some(cell) = cell {
            *cell += text;
        }
    }

    /// The rows below the head of a table.
    #[track_caller]
    pub fn rows_of(&self, id: &str) -> &[Vec<String>] {
        let (_, rows) = self.tables.iter().find(|(name, _)| name == id).unwrap();
        &rows[1..]
    }

    /// No link leads to another server, or is a script.
    #[track_caller]
    pub fn assert_no_foreign_links(&self) {
        for link in &self.links {
            let own = link.starts_with('#') || (link.starts_with('/') && !link.starts_with("//"));
            assert!(own, "{link} leads elsewhere");
        }
    }

    /// No link leads to a place in the page that is not there, nor out of the folder.
    #[track_caller]
    pub fn assert_links_lead_somewhere(&self) {
        for link in &self.links {
            match link.strip_prefix('#') {
                Some(id) => assert!(self.ids.contains(id), "{link} leads nowhere"),
                None => assert!(link.starts_with("./"), "{link} leads out of the folder"),
            }
        }
    }
}

fn utf8(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
