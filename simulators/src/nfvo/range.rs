//! Parts of a file on request (RFC 9110 section 14): [`serve`].

use std::ops::Range;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::CONTENT_RANGE;

use crate::rest::{Answer, Asked};

enum Wanted {
    Whole,
    Part(Range<usize>),
    Nothing,
}

/// The file, or the one range of it that is asked for: 200, 206, or 416. Several ranges, and what is no range of
/// bytes, are answered with the whole, as an origin server may.
pub(super) fn serve(asked: &Asked<'_>, media_type: &'static str, file: Bytes) -> Answer {
    let length = file.len();
    match asked
        .header("range")
        .map_or(Wanted::Whole, |written| wanted(written, length))
    {
        Wanted::Whole => Answer::bytes(StatusCode::OK, media_type, file).ranges(),
        Wanted::Part(range) => {
            let content_range = format!("bytes {}-{}/{length}", range.start, range.end - 1);
            Answer::bytes(StatusCode::PARTIAL_CONTENT, media_type, file.slice(range))
                .with(CONTENT_RANGE, &content_range)
                .ranges()
        }
        Wanted::Nothing => {
            let detail = format!("the file has {length} bytes, and none in the range asked for");
            Answer::problem(StatusCode::RANGE_NOT_SATISFIABLE, &detail)
                .with(CONTENT_RANGE, &format!("bytes */{length}"))
        }
    }
}

fn wanted(written: &str, length: usize) -> Wanted {
    let Some((first, last)) = written
        .trim()
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'))
    else {
        return Wanted::Whole;
    };
    let range = match (first.trim(), last.trim()) {
        ("", suffix) => suffix
            .parse()
            .ok()
            .map(|suffix| length.saturating_sub(suffix)..length),
        (first, "") => first.parse().ok().map(|first| first..length),
        (first, last) => match (first.parse::<usize>(), last.parse::<usize>()) {
            (Ok(first), Ok(last)) if first <= last => {
                Some(first..length.min(last.saturating_add(1)))
            }
            _ => None,
        },
    };
    match range {
        None => Wanted::Whole,
        Some(range) if range.start < range.end => Wanted::Part(range),
        Some(_) => Wanted::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let part = |written: &str| match wanted(written, 10) {
            Wanted::Whole => "whole".to_owned(),
            Wanted::Part(range) => format!("{range:?}"),
            Wanted::Nothing => "nothing".to_owned(),
        };
        for (written, expected) in [
            ("bytes=0-3", "0..4"),
            ("bytes=4-", "4..10"),
            ("bytes=-3", "7..10"),
            ("bytes=-30", "0..10"),
            ("bytes=8-99", "8..10"),
            ("bytes=10-", "nothing"),
            ("bytes=-0", "nothing"),
            ("bytes=5-2", "whole"),
            ("bytes=0-1,4-5", "whole"),
            ("items=0-1", "whole"),
            ("bytes=0-18446744073709551615", "0..10"),
        ] {
            assert_eq!(part(written), expected, "{written}");
        }
    }
}
