//! A method and a path with wildcards: [`Route`]. Faults, holds and the served API all name routes so.

use hyper::Method;
use thiserror::Error;

/// E.g. `GET /vnfpkgm/v2/onboarded_vnf_packages/{vnfdId}/vnfd`. `{name}` stands for one segment, `{name...}` at the end
/// for one or more, and the method `*` for any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    written: String,
    method: Option<Method>,
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Literal(String),
    One,
    Rest,
}

/// A route that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("route `{written}`: {problem}; write it like `GET /vnfpkgm/v2/vnf_packages/{{id}}`")]
pub struct RouteError {
    written: String,
    problem: &'static str,
}

impl Route {
    /// Reads `METHOD /path/{wildcard}`.
    ///
    /// # Errors
    /// No method, a path without a leading slash, or `{name...}` before the end.
    pub fn parse(written: &str) -> Result<Self, RouteError> {
        let error = |problem| RouteError {
            written: written.to_owned(),
            problem,
        };
        let (method, path) = written
            .split_once(' ')
            .ok_or_else(|| error("method or path missing"))?;
        let method = match method {
            "*" => None,
            name => Some(Method::from_bytes(name.as_bytes()).map_err(|_| error("not a method"))?),
        };
        let path = path
            .strip_prefix('/')
            .ok_or_else(|| error("the path must begin with `/`"))?;
        if path.contains('?') {
            return Err(error("a query cannot be part of it"));
        }
        let segments: Vec<_> = path.split('/').map(Segment::parse).collect();
        if segments
            .iter()
            .rev()
            .skip(1)
            .any(|segment| *segment == Segment::Rest)
        {
            return Err(error("`{...}` may only stand at the end"));
        }
        Ok(Self {
            written: written.to_owned(),
            method,
            segments,
        })
    }

    /// Whether a request for this method and path (no query) is meant.
    pub fn matches(&self, method: &Method, path: &str) -> bool {
        self.method.as_ref().is_none_or(|own| own == method) && self.captures(path).is_some()
    }

    /// What stands in the wildcards, percent-encoded as sent; `None` if the path does not fit.
    pub fn captures<'a>(&self, path: &'a str) -> Option<Vec<&'a str>> {
        let mut rest = Some(path.strip_prefix('/')?);
        let mut captured = Vec::new();
        for segment in &self.segments {
            let remaining = rest?;
            let (head, tail) = match remaining.split_once('/') {
                Some((head, tail)) => (head, Some(tail)),
                None => (remaining, None),
            };
            match segment {
                Segment::Literal(literal) if literal == head => rest = tail,
                Segment::One if !head.is_empty() => {
                    captured.push(head);
                    rest = tail;
                }
                Segment::Rest if !remaining.is_empty() => {
                    captured.push(remaining);
                    rest = None;
                }
                _ => return None,
            }
        }
        rest.is_none().then_some(captured)
    }

    /// Whether the path fits, whatever the method.
    pub fn knows_path(&self, path: &str) -> bool {
        self.captures(path).is_some()
    }

    /// The method, `None` for any.
    pub fn method(&self) -> Option<&Method> {
        self.method.as_ref()
    }
}

impl Segment {
    fn parse(written: &str) -> Self {
        match written
            .strip_prefix('{')
            .and_then(|inner| inner.strip_suffix('}'))
        {
            Some(name) if name.ends_with("...") => Self::Rest,
            Some(_) => Self::One,
            None => Self::Literal(written.to_owned()),
        }
    }
}

impl std::fmt::Display for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_segments() {
        let route = Route::parse("GET /a/{id}/vnfd").expect("a readable route");
        assert_eq!(route.captures("/a/7/vnfd"), Some(vec!["7"]));
        assert_eq!(route.captures("/a/7/8/vnfd"), None);
        assert_eq!(route.captures("/a//vnfd"), None);
        assert_eq!(route.captures("/a/7/vnfd/"), None);
        assert!(!route.matches(&Method::POST, "/a/7/vnfd"));
        let rest = Route::parse("* /a/{id}/artifacts/{path...}").expect("a readable route");
        assert_eq!(
            rest.captures("/a/7/artifacts/x/y.sh"),
            Some(vec!["7", "x/y.sh"])
        );
        assert_eq!(rest.captures("/a/7/artifacts"), None);
        assert!(rest.matches(&Method::DELETE, "/a/7/artifacts/x"));
    }

    #[test]
    fn unreadable_routes_are_named() {
        for written in ["/a", "GET a", "GET /{x...}/b", "GET /a?b", "G(T /a"] {
            let error = Route::parse(written)
                .expect_err("an unreadable route")
                .to_string();
            assert!(error.contains(written), "{error}");
        }
    }
}
