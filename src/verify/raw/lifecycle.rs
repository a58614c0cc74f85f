//! Which creation of a VNF instance an exchange follows from, by identifiers in the transcript (SOL003 5.4.2 to 5.4.4, 5.4.13): [`about`].

use serde_json::Value;

use super::transcript::{Exchange, Transcript};

const INSTANCES: &str = "vnf_instances";
const OPERATIONS: &str = "vnf_lcm_op_occs";

/// What an exchange is about.
pub struct About {
    /// What it does.
    pub kind: Kind,
    /// The creation of that VNF instance.
    pub creation: Creation,
}

/// What an exchange does with a VNF instance.
pub enum Kind {
    /// Asks for it.
    Created,
    /// Reads it.
    Shown,
    /// Begins its instantiation.
    Begun,
    /// Reads how its instantiation stands; nothing where the answer is too long to be kept.
    Ended(Option<String>),
}

impl Kind {
    /// In words, to follow nothing.
    pub fn words(&self) -> String {
        match self {
            Self::Created => "the creation of a VNF instance".to_owned(),
            Self::Shown => "what a VNF instance is".to_owned(),
            Self::Begun => "the beginning of an instantiation".to_owned(),
            Self::Ended(Some(state)) => format!("an instantiation that is {state}"),
            Self::Ended(None) => "an instantiation of which no more is kept".to_owned(),
        }
    }
}

/// A request for a VNF instance.
pub struct Creation {
    /// Its exchange.
    pub seq: u64,
    /// The VNFD that it names; nothing where the request is too long to be kept.
    pub vnfd_id: Option<String>,
}

/// What an exchange with the VNFM is about, if that was created in this scenario.
pub fn about(exchange: &Exchange<'_>, transcript: &Transcript<'_>) -> Option<About> {
    if exchange.to != "VNFM" {
        return None;
    }
    if let Some(creation) = created(exchange) {
        let kind = Kind::Created;
        return Some(About { kind, creation });
    }
    let (kind, id) = match (&*exchange.request.method, ending(exchange)) {
        ("GET", [.., collection, id]) if collection == INSTANCES => (Kind::Shown, id),
        ("POST", [.., id, task]) if task == "instantiate" => (Kind::Begun, id),
        ("GET", [.., collection, operation]) if collection == OPERATIONS => {
            let begun = before(exchange, transcript).find(|one| {
                one.request.method == "POST" && location(one).as_ref() == Some(&operation)
            })?;
            let [.., id, task] = ending(begun);
            let shown = &exchange.response.as_ref()?.body;
            let state = match shown.json() {
                Some(shown) => Some(shown["operationState"].as_str()?.to_owned()),
                None if shown.is_left_out() => None,
                None => return None,
            };
            (task == "instantiate").then_some((Kind::Ended(state), id))?
        }
        _ => return None,
    };
    // A product may give an identifier twice; then it is the younger one. What was answered at length is not kept.
    let younger = || before(exchange, transcript).filter(|one| created(one).is_some());
    let unnamed = |one: &&Exchange<'_>| {
        let answered = one.response.as_ref();
        instance(one).is_none() && answered.is_some_and(|response| response.body.is_left_out())
    };
    let creation = younger().find(|one| instance(one).as_ref() == Some(&id));
    let creation = created(creation.or_else(|| younger().find(unnamed))?)?;
    Some(About { kind, creation })
}

/// All requests for VNF instances.
pub fn creations(transcript: &Transcript<'_>) -> impl Iterator<Item = Creation> {
    transcript.iter().filter_map(created)
}

/// The exchanges before this one, the last first.
fn before<'t>(
    exchange: &Exchange<'_>,
    transcript: &'t Transcript<'t>,
) -> impl Iterator<Item = &'t Exchange<'t>> + use<'t> {
    transcript.before(exchange.seq).rev()
}

fn created(exchange: &Exchange<'_>) -> Option<Creation> {
    let [.., collection] = ending(exchange);
    let creates =
        exchange.to == "VNFM" && exchange.request.method == "POST" && collection == INSTANCES;
    let asked = creates.then_some(&exchange.request.body)?;
    let vnfd_id = match asked.json() {
        Some(asked) => Some(asked["vnfdId"].as_str()?.to_owned()),
        None if asked.is_left_out() => None,
        None => return None,
    };
    Some(Creation {
        seq: exchange.seq,
        vnfd_id,
    })
}

/// The VNF instance that was created.
fn instance(exchange: &Exchange<'_>) -> Option<String> {
    let response = exchange.response.as_ref()?;
    let id = |body: Value| Some(body["id"].as_str()?.to_owned());
    response
        .body
        .json()
        .and_then(id)
        .or_else(|| location(exchange))
}

/// What was made, by its Location.
fn location(exchange: &Exchange<'_>) -> Option<String> {
    let mut headers = exchange.response.as_ref()?.headers();
    let (_, location) = headers.find(|(name, _)| name.eq_ignore_ascii_case("location"))?;
    let last = location.trim_end_matches('/').rsplit('/').next()?;
    (!last.is_empty()).then(|| decoded(last))
}

/// The last parts of the path, as they are meant; empty where there are fewer.
fn ending(exchange: &Exchange<'_>) -> [String; 2] {
    let target = &*exchange.request.target;
    let path = target.split('?').next().unwrap_or(target);
    let mut parts = path.rsplit('/').filter(|part| !part.is_empty());
    let last = parts.next().map(decoded).unwrap_or_default();
    [parts.next().map(decoded).unwrap_or_default(), last]
}

/// Without percent-encoding (RFC 3986 2.1); as it is where that is none.
fn decoded(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| *first == b'%');
        let byte = digits.and_then(|digits| {
            let mut byte = [0];
            hex::decode_to_slice(digits, &mut byte)
                .ok()
                .map(|()| byte[0])
        });
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| part.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_path_is_what_it_stands_for() {
        for (part, meant) in [
            ("urn%3Ax%3a2", "urn:x:2"),
            ("a%2", "a%2"),
            ("%zz", "%zz"),
            ("100%", "100%"),
            ("%ff", "%ff"),
            ("", ""),
        ] {
            assert_eq!(decoded(part), meant);
        }
    }
}
