//! Finds known keys, all in one pass over the bytes: [`Matcher`].
//!
//! Three tests, each for what the one before let through: `filter` looks at four bytes in every twelve; `table` knows where
//! in which needle the eight or twenty bytes are; `verify` undoes the encoding and compares outward. A piece of 15 bytes of
//! a secret as raw bytes is found wherever it lies; in text, a longer one (see `needle::form`).

mod context;
mod decode;
mod filter;
mod noise;
mod table;
mod verify;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use zeroize::Zeroizing;

use self::filter::{Filter, GRAM, STRIDE};
use self::table::{NARROW, Place, Table, WIDE};
use self::verify::{Spelled, has_distinct};
use crate::detector::{Confirmed, Detector, Sighting, Whose, Window};
use crate::key::Target;
use crate::needle::form::{Form, Hold, all};
use crate::needle::{Needle, needles};

/// A stretch of this length holds a narrow one around a gram at which the filter looks, whatever its position.
const NARROW_HOLD: usize = STRIDE - 1 + GRAM;
/// The same for a wide one that begins with the gram.
const WIDE_HOLD: usize = STRIDE - 1 + WIDE;

/// Searches the private halves of targets in all encodings. Wiped when dropped.
pub struct Matcher {
    needles: Vec<Needle>,
    forms: Vec<Form>,
    /// Where the texts of each needle's forms begin if all are laid end to end; their sum at the end. A form whose text is
    /// that of an earlier one has no length.
    starts: Vec<Place>,
    filter: Filter,
    table: Table,
}

impl Matcher {
    /// Takes the numbers of all targets whose private half is known.
    pub fn new(targets: &[Target]) -> Self {
        Self::with_canaries(targets, 0)
    }

    /// The same; the last so many targets are canaries, which are looked for as they are planted, and in no other encoding.
    pub fn with_canaries(targets: &[Target], canaries: usize) -> Self {
        let needles = needles(targets, canaries);
        let forms = all();
        let mut starts = vec![0];
        // Of forms that are no text, and of those that are.
        let mut grams = [0; 2];
        let (mut stretches, mut end) = (0, 0);
        for needle in &needles {
            let mut texts = Vec::with_capacity(forms.len());
            for (number, form) in forms.iter().enumerate() {
                if needle.plain && number > 0 {
                    starts.push(end);
                    continue;
                }
                let text = form.outermost(needle.secret.expose());
                if !texts.contains(&text) {
                    end += text.len() as Place;
                    grams[usize::from(!form.layers.is_empty())] += holds(form.hold, text.len())
                        .map(|h| h.grams.len())
                        .sum::<usize>();
                    stretches += holds(form.hold, text.len())
                        .map(|h| h.narrow.len() + h.wide.len())
                        .sum::<usize>();
                    texts.push(text);
                }
                starts.push(end);
            }
        }
        let mut matcher = Self {
            needles,
            forms,
            starts,
            filter: Filter::new(grams),
            table: Table::new(stretches),
        };
        matcher.fill();
        matcher
    }

    /// Number of secret numbers that are looked for, each in all encodings.
    pub fn needles(&self) -> usize {
        self.needles.len()
    }

    /// The targets of which a number has so few different bytes that it is never told from what fills memory.
    pub fn too_plain(&self) -> impl Iterator<Item = usize> {
        let plain = |needle: &&Needle| !verify::tells(needle.secret.expose());
        self.needles
            .iter()
            .filter(plain)
            .map(|needle| needle.target)
    }

    /// Names of all encodings that are looked for.
    pub fn encodings() -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for name in all().iter().map(|form| form.full_name(true)) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    fn fill(&mut self) {
        let longest = self.starts.windows(2).map(|pair| pair[1] - pair[0]).max();
        let longest = usize::try_from(longest.unwrap_or(0)).expect("it was the length of a text");
        // As long as they may become: what is left behind by growing would not be wiped.
        let mut grams = Zeroizing::new(Vec::with_capacity(longest));
        let mut stretched = Zeroizing::new(Vec::with_capacity(longest));
        let mut admitted = Zeroizing::new(Vec::with_capacity(longest * 2));
        for (needle, form) in pairs(&self.needles, &self.forms, &self.starts) {
            let start = self.starts[needle * self.forms.len() + form];
            let text = self.forms[form].outermost(self.needles[needle].secret.expose());
            let held = || holds(self.forms[form].hold, text.len());

            let gram = |at| *array::<GRAM>(&text, at).expect("it is within the text");
            let places = || held().flat_map(|hold| hold.grams);
            // In memory, runs and small numbers are everywhere, and a raw needle has other grams. In a text each gram counts: a
            // line break may leave but one stretch whole, and of that the filter looks at one gram, whichever.
            let raw = self.forms[form].layers.is_empty();
            let limit = if raw {
                let mut phases = [false; STRIDE];
                for at in places().filter(|at| !monotonous(gram(*at), 3)) {
                    phases[at % STRIDE] = true;
                }
                // A needle with a long run in it cannot be choosy.
                if phases == [true; STRIDE] { 3 } else { GRAM }
            } else {
                GRAM + 1
            };
            grams.clear();
            grams.extend(places().map(gram).filter(|gram| !monotonous(*gram, limit)));
            self.filter.extend(&grams);

            let (narrow, wide) = if raw { (4, 5) } else { (2, 3) };
            let mut entered = vec![false; text.len()];
            stretched.clear();
            admitted.clear();
            for hold in held() {
                for at in hold.narrow.clone().chain(hold.wide.clone()) {
                    let hash = if hold.wide.is_empty() {
                        array(&text, at)
                            .filter(|s| has_distinct(*s, narrow))
                            .map(table::narrow)
                    } else {
                        array(&text, at)
                            .filter(|s| has_distinct(*s, wide))
                            .map(table::wide)
                    };
                    if let Some(hash) = hash {
                        stretched.push((hash, start + at as Place));
                        entered[at] = true;
                    }
                }
            }
            for at in places() {
                let gram = u32::from_le_bytes(gram(at));
                for hash in stretches(&text, at, entered.as_slice(), self.forms[form].hold) {
                    admitted.push((gram, hash));
                }
            }
            self.table.extend(&stretched, &admitted);
        }
    }

    /// Looks closer at a place that the filter let through.
    #[cold]
    #[inline(never)]
    fn look(&self, bytes: &[u8], at: usize, found: &mut Vec<Found>) {
        let back = at.wrapping_sub(NARROW - GRAM);
        let hashes = [
            (at, array(bytes, at).map(table::narrow)),
            (back, array(bytes, back).map(table::narrow)),
            (at, array(bytes, at).map(table::wide)),
        ];
        let Some(gram) = array(bytes, at).copied().map(u32::from_le_bytes) else {
            return;
        };
        for (at, hash) in hashes {
            if let Some(hash) = hash
                && self.table.may_have(gram, hash)
            {
                self.follow(hash, bytes, at, found);
            }
        }
    }

    fn follow(&self, hash: u64, bytes: &[u8], at: usize, found: &mut Vec<Found>) {
        for place in self.table.find(hash) {
            let pair = self.starts.partition_point(|start| *start <= place) - 1;
            let (needle, form) = (pair / self.forms.len(), pair % self.forms.len());
            let known = |f: &Found| f.needle == needle && f.form == form && f.range.contains(&at);
            if found.iter().rev().take(16).any(known) {
                continue;
            }
            let index = usize::try_from(place - self.starts[pair]).expect("it is within a text");
            found.extend(self.verify(needle, form, bytes, at, index));
        }
    }

    fn verify(
        &self,
        needle: usize,
        form: usize,
        bytes: &[u8],
        at: usize,
        index: usize,
    ) -> Option<Found> {
        let secret = self.needles[needle].secret.expose();
        let spelled = Spelled::new(&self.forms[form], secret);
        let text = &spelled.text()[index..];
        let length = text.len().min(NARROW);
        if bytes.get(at..at + length) != Some(&text[..length]) {
            return None;
        }
        let traced = spelled.trace(bytes, at, index, 0)?;
        Some(Found {
            range: traced.ranges.last()?.clone(),
            bytes: spelled.covered(&traced.piece, secret.len()),
            needle,
            form,
            at,
            index,
        })
    }

    fn sighting(&self, found: &Found, window: &Window<'_>) -> Sighting {
        let needle = &self.needles[found.needle];
        let form = &self.forms[found.form];
        let secret = needle.secret.expose();
        let (encoding, within) = self.describe(found, window.bytes);
        Sighting {
            at: window.offset + found.range.start as u64,
            length: found.range.len() as u64,
            key: Whose::Target(needle.target),
            part: needle.part,
            encoding: encoding.unwrap_or_else(|| form.name(needle.number)),
            within,
            confirmed: Confirmed::Compared {
                bytes: u32::try_from(found.bytes).unwrap_or(u32::MAX),
                of: u32::try_from(secret.len()).unwrap_or(u32::MAX),
            },
        }
    }

    /// The encoding as it is really spelled, and what it lies in.
    fn describe(
        &self,
        found: &Found,
        bytes: &[u8],
    ) -> (Option<Cow<'static, str>>, Vec<Cow<'static, str>>) {
        let needle = &self.needles[found.needle];
        let form = &self.forms[found.form];
        let secret = needle.secret.expose();
        let spelled = Spelled::new(form, secret);
        let mut within = Vec::new();
        let Some(traced) = spelled.trace(bytes, found.at, found.index, context::BYTES) else {
            return (None, within);
        };
        // Levels have the outermost first, and the text of a layer is what the next layer around it was read as.
        let text_of = |depth: usize| match form.layers.len() - 1 - depth {
            0 => bytes,
            around => &traced.levels[around - 1].bytes,
        };
        let innermost = traced.levels.last().map_or(bytes, |level| &level.bytes);
        if found.bytes == secret.len() {
            context::extend(
                &mut within,
                context::structure(innermost, &traced.ranges[0], needle.part),
            );
        }
        let mut spelled_form = Form {
            order: form.order,
            layers: form.layers.clone(),
            hold: form.hold,
        };
        for (depth, layer) in form.layers.iter().enumerate() {
            let (text, range) = (text_of(depth), &traced.ranges[depth + 1]);
            spelled_form.layers[depth] = context::spelling(*layer, &text[range.clone()]);
            if depth > 0 {
                within.push(spelled_form.layers[depth].name().into());
            }
            context::extend(&mut within, context::surroundings(text, range));
        }
        (Some(spelled_form.name(needle.number)), within)
    }
}

impl Detector for Matcher {
    fn search(&self, window: &Window<'_>, report: &mut dyn FnMut(Sighting)) {
        if self.needles.is_empty() {
            return;
        }
        let mut found = Vec::new();
        self.filter.scan(
            window.bytes,
            window.fresh.start,
            window.fresh.end,
            // The other two thirds are left to who looks for structures.
            if window.ahead > 0 {
                window.bytes.len()
            } else {
                0
            },
            |gram| self.table.soon(gram),
            |at| self.look(window.bytes, at, &mut found),
        );
        for found in self.best(found) {
            report(self.sighting(&found, window));
        }
    }
}

impl Matcher {
    /// Of those that overlap and are of the same target, the one that says most.
    fn best(&self, mut found: Vec<Found>) -> Vec<Found> {
        let target = |f: &Found| self.needles[f.needle].target;
        found.sort_by_key(|f| (target(f), f.range.start, f.range.end));
        let mut best: Vec<Found> = Vec::new();
        for next in found {
            match best.last_mut() {
                Some(last)
                    if target(last) == target(&next) && next.range.start < last.range.end =>
                {
                    let rank = |f: &Found| (f.bytes, usize::MAX - f.needle, usize::MAX - f.form);
                    if rank(&next) > rank(last) {
                        *last = next;
                    }
                }
                _ => best.push(next),
            }
        }
        best.sort_by_key(|f| f.range.start);
        best
    }
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Matcher({} needles)", self.needles.len())
    }
}

/// A needle that was found.
struct Found {
    /// Where.
    range: Range<usize>,
    /// So many bytes of the secret.
    bytes: usize,
    needle: usize,
    form: usize,
    /// Where it was noticed, and which byte of the form's text is there.
    at: usize,
    index: usize,
}

/// What of a text is entered for one stretch of it: beginnings of grams, and of stretches in the table.
struct Held {
    grams: Range<usize>,
    narrow: Range<usize>,
    wide: Range<usize>,
}

fn holds(hold: Hold, length: usize) -> impl Iterator<Item = Held> {
    let (size, spacing) = match hold {
        Hold::Everywhere => (length, 1),
        Hold::Narrow(spacing) => (NARROW_HOLD, spacing),
        Hold::Wide(spacing) => (WIDE_HOLD, spacing),
    };
    let mut next = (size >= NARROW_HOLD && size <= length).then_some(0);
    let (mut grams, mut stretches) = (0, 0);
    std::iter::from_fn(move || {
        let start = next?;
        let last = length - size;
        next = (start < last).then(|| (start + spacing).min(last));
        // What the stretch before has entered is not entered again.
        let fresh = |done: &mut usize, end: usize| {
            let range = start.max(*done)..end.max(*done);
            *done = range.end;
            range
        };
        let none = 0..0;
        Some(match hold {
            Hold::Wide(_) => Held {
                grams: fresh(&mut grams, start + STRIDE),
                narrow: none,
                wide: fresh(&mut stretches, start + STRIDE),
            },
            Hold::Everywhere | Hold::Narrow(_) => Held {
                grams: fresh(&mut grams, start + size - GRAM + 1),
                narrow: fresh(&mut stretches, start + size - NARROW + 1),
                wide: none,
            },
        })
    })
}

/// Hashes of the stretches that were entered and are found by way of the gram at `at`.
fn stretches(text: &[u8], at: usize, entered: &[bool], hold: Hold) -> impl Iterator<Item = u64> {
    let back = at.wrapping_sub(NARROW - GRAM);
    let places = if matches!(hold, Hold::Wide(_)) {
        [at, usize::MAX]
    } else {
        [at, back]
    };
    places
        .into_iter()
        .filter(|place| entered.get(*place) == Some(&true))
        .filter_map(move |place| match hold {
            Hold::Wide(_) => array(text, place).map(table::wide),
            Hold::Everywhere | Hold::Narrow(_) => array(text, place).map(table::narrow),
        })
}

/// The pairs of needle and form that have a text of their own.
fn pairs(needles: &[Needle], forms: &[Form], starts: &[Place]) -> Vec<(usize, usize)> {
    (0..needles.len() * forms.len())
        .filter(|pair| starts[*pair] < starts[pair + 1])
        .map(|pair| (pair / forms.len(), pair % forms.len()))
        .collect()
}

/// Whether so many bytes of a gram are the same: such fill memory.
fn monotonous(gram: [u8; GRAM], limit: usize) -> bool {
    limit <= GRAM
        && gram
            .iter()
            .any(|byte| gram.iter().filter(|other| *other == byte).count() >= limit)
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<&[u8; N]> {
    bytes.get(at..)?.first_chunk()
}
